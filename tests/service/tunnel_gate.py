#!/usr/bin/env python3
"""What passes through a public address: the whole chain of outside, agent, gate and app. LocalTunnel's protocol and ssh
are spoken for real here; the passcode is met as a browser and as a program meet it."""

import hashlib
import os
import signal
import time

from client import BINARY, TEXT, Refused
from service import alive, case, leave
from shared import BROWSER, World, unlock, web
from sshd import Sshd

PASSCODE = "grüße \"an\" '<alle>' & 100% +ja; 日本"


def gated(service, provider="cloudflare", agents=("cloudflared",), passcode=PASSCODE, settings=None):
    web(service.home)
    world = World(service, *agents, settings=settings or {"providers": provider}).up()
    service.ready("web")
    return world, world.opened(**({"passcode": passcode} if passcode else {}))


# The passcode


@case("/service/tunnel/gate/form-and-cookie")
def form(service):
    world, view = gated(service)
    url = view["public_url"]
    page = world.net.get(url + "/lab?a=1", headers=BROWSER)
    service.equal(page.status, 401, "without it")
    service.has(page.text, "<form")
    world.net.get(url + "/lab?a=1", headers={"Accept": "application/json"}).problem(401)
    answer, cookie = unlock(world, url, "not this one")
    service.equal((answer.status in (401, 403), cookie), (True, None), "a wrong one")
    answer, cookie = unlock(world, url, PASSCODE, "/lab?a=1")
    service.equal(answer.status in (302, 303), True, "the right one: %d %s" % (answer.status, answer.text[:300]))
    service.has(answer.headers["location"], r"/lab\?a=1$")
    flags = answer.headers["set-cookie"].lower()
    for word in ("httponly", "secure", "samesite=", "path=/"):
        service.has(flags, word)
    seen = world.net.get(url + "/lab?a=1", headers={"Cookie": "mine=1; " + cookie})
    service.equal((seen.status, seen.json()["path"]), (200, "/lab?a=1"), "with the cookie")
    service.equal(seen.json()["headers"].get("Cookie", ""), "mine=1", "cookies that the app saw")
    for wrong in (cookie[:-2] + "xx", cookie.split("=")[0] + "=", "x=" + "y" * 5000, cookie.split("=")[0] + "=\xff"):
        answer = world.net.get(url + "/", headers={"Cookie": wrong.encode("latin-1").decode("latin-1")})
        service.equal(answer.status in (400, 401, 431), True, "cookie %r: %d" % (wrong[:60], answer.status))


@case("/service/tunnel/gate/bearer-token-for-programs")
def bearer(service):
    world, view = gated(service)
    good = world.net.get(view["public_url"], token=view["token"])
    service.equal(good.status, 200, "with the token")
    service.lacks(good.text, view["token"])
    for wrong in ("x", view["token"][:-1], view["token"] + "x", PASSCODE.encode("ascii", "ignore").decode()):
        service.equal(world.net.get(view["public_url"], token=wrong).status in (401, 429), True, "token %r" % wrong)


@case("/service/tunnel/gate/wrong-tries-are-slowed-and-counted")
def slowed(service):
    world, view = gated(service)
    url, statuses, began = view["public_url"], [], time.monotonic()
    while time.monotonic() - began < 30 and 429 not in statuses:
        statuses.append(unlock(world, url, "guess %d" % len(statuses))[0].status)
    print("# %d wrong tries in %.1f s: %s" % (len(statuses), time.monotonic() - began, statuses))
    service.equal(statuses[-1], 429, "slowed: %s" % statuses)
    service.equal(3 < len(statuses) < 12, True, "tries until then: %s" % statuses)
    service.equal(unlock(world, url, PASSCODE)[1], None, "not even the right one at once")
    service.equal(world.net.get(url, token=view["token"]).status, 200, "programs with the token meanwhile")


@case("/service/tunnel/gate/passcode-changes-and-the-address-stays")
def changes(service):
    world, view = gated(service, passcode=None)
    url = view["public_url"]
    path = ["v1", "tunnels", view["id"]]
    service.equal(world.net.get(url).status, 200, "open to all")
    service.api().put(path, {"passcode": "one"}).ok()
    service.waits(lambda: world.net.get(url).status == 401, "closed to all", 2)
    first = unlock(world, url, "one")[1]
    service.equal(world.net.get(url, headers={"Cookie": first}).status, 200, "with the first cookie")
    service.api().put(path, {"passcode": "two"}).ok()
    service.waits(lambda: world.net.get(url, headers={"Cookie": first}).status == 401, "the first cookie is void", 2)
    second = unlock(world, url, "two")[1]
    service.equal(world.net.get(url, headers={"Cookie": second}).status, 200, "with the second cookie")
    service.api().put(path, {"passcode": ""}).ok()
    service.waits(lambda: world.net.get(url).status == 200, "open to all again", 2)
    service.equal(world.view(view["id"])["public_url"], url, "address")
    service.equal(len(world.net.agents), 1, "agents")


@case("/service/tunnel/gate/an-app-is-not-another's")
def two_apps(service):
    world, view = gated(service)
    web(service.home, "other")
    service.app_becomes("other", "INSTALLED")
    service.ready("other")
    other = world.opened("other", passcode="other")
    cookie = unlock(world, view["public_url"], PASSCODE)[1]
    service.equal(world.net.get(other["public_url"], headers={"Cookie": cookie}).status, 401, "the first one's cookie")
    service.equal(world.net.get(other["public_url"], token=view["token"]).status, 401, "the first one's token")
    service.equal(len(service.programs("pinokiocloud-gate")), 1, "gates")


# What passes


def everything(service, world, view):
    """An upload, a range, events and a WebSocket, each through the whole chain."""
    visitor = world.net.api(view["public_url"], token=view["token"], timeout=60)
    body = os.urandom(8 << 20)
    began = time.monotonic()
    told = visitor.post("/upload", body).ok().json()
    service.equal(told, {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}, "8 MiB sent")
    print("# upload: %.0f MiB/s" % (len(body) / (1 << 20) / (time.monotonic() - began)))
    blob = visitor.get("/blob").ok().body
    service.equal(blob, bytes(range(256)) * 4096, "1 MiB received")
    part = visitor.get("/blob", headers={"Range": "bytes=1000-1999"})
    service.equal((part.status, part.body), (206, blob[1000:2000]), "a range")
    service.equal(part.headers["content-range"], "bytes 1000-1999/1048576", "its place")
    service.equal(visitor.request("HEAD", "/blob").headers["content-length"], "1048576", "HEAD")
    events(service, visitor)
    with visitor.socket("/socket") as socket:
        socket.text("grüße")
        service.equal(socket.message(), (TEXT, "grüße"), "echo")
        for size in (0, 125, 126, 60000):
            data = os.urandom(size)
            socket.binary(data)
            service.equal(socket.message(), (BINARY, data), "echo of %d bytes" % size)
        socket.say_close(1000, "bye")
        socket.until_close()


def events(service, visitor):
    """Each comes when it was sent, not when all were."""
    link = visitor.connection()
    link.request("GET", "/events", headers=visitor.headers())
    answer, late = link.getresponse(), []
    while True:
        line = answer.readline()
        if not line:
            break
        if line.startswith(b"data:"):
            late.append(time.monotonic() - float(line.split()[1]))
    link.close()
    service.equal(len(late), 3, "events")
    print("# events: late by %s ms" % [round(value * 1000) for value in late])
    service.equal(max(late) < 0.3, True, "each at once: %s" % late)


@case("/service/tunnel/passes/cloudflare")
def passes(service):
    world, view = gated(service)
    everything(service, world, view)
    try:
        world.net.api(view["public_url"]).socket("/socket").close()
        raise AssertionError("a WebSocket without the passcode was granted")
    except Refused as refused:
        service.equal(refused.answer.status, 401, "a WebSocket without the passcode")


@case("/service/tunnel/passes/localtunnel")
def localtunnel(service):
    world, view = gated(service, "localtunnel", ())
    service.has(view["public_url"], r"\.loca\.lt$")
    everything(service, world, view)
    tunnel = world.net.serving(view["public_url"])
    for number in range(40):
        page = world.net.get(view["public_url"] + "/%d" % number, token=view["token"])
        service.equal((page.status, page.json()["path"]), (200, "/%d" % number), "visitor %d" % number)
    numbers = (tunnel.carried, tunnel.count)
    service.equal(tunnel.carried > 40 and tunnel.count <= 10, True, "connections carried, there: %d, %d" % numbers)


def by_ssh(service, session, target=None, *more):
    """A ready app and a real sshd; gives the world. target None: a server of one's own, the sshd itself."""
    web(service.home)
    world = World(service, "cloudflared")
    sshd = Sshd(service, world.net, session)
    if target is not None:
        sshd.stand_for_services()
    world.settings = {"providers": ",".join(("ssh",) + more), "ssh": target or sshd.target()}
    return world


@case("/service/tunnel/passes/ssh-to-a-service")
def ssh_service(service):
    world = by_ssh(service, "service", "nokey@localhost.run").up()
    service.ready("web")
    view = world.opened(passcode=PASSCODE)
    service.has(view["public_url"], r"^https://[a-z0-9-]+\.lhr\.life$")
    everything(service, world, view)
    reopens_and_closes(service, world, view)


@case("/service/tunnel/passes/ssh-to-a-server-of-ones-own")
def ssh_own(service):
    world = by_ssh(service, "service").up()
    service.ready("web")
    view = world.opened(passcode=PASSCODE)
    service.has(view["public_url"], r"^http://127\.0\.0\.1:\d+$")
    everything(service, world, view)
    reopens_and_closes(service, world, view)


def reopens_and_closes(service, world, view):
    """The client is killed: there is an address again. Closed: nothing of ssh is left."""
    service.equal(view["provider"], "ssh", "provider")
    for pid in service.programs("ssh"):
        os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    service.waits(lambda: world.view(view["id"])["reopened"] == 1, lambda: "reopened: " + world.brief(view["id"]), 20)
    world.is_open(view["id"])
    print("# ssh killed: an address again after %.1f s" % (time.monotonic() - began))
    began = time.monotonic()
    world.close(view["id"])
    world.gone(view["id"])
    service.waits(lambda: not service.programs("ssh"), "no ssh is left")
    service.equal(time.monotonic() - began < 5, True, "closed within 5 s")


@case("/service/tunnel/passes/ssh-of-an-account-without-a-shell")
def ssh_no_shell(service):
    world = by_ssh(service, "refused").up()
    service.ready("web")
    view = world.opened()
    service.waits(lambda: world.net.answers(world.view(view["id"])["public_url"]), "the address answers")


@case("/service/tunnel/moves-on/ssh-nobody-lets-in")
def ssh_refused(service):
    world = by_ssh(service, "service", None, "cloudflare")
    del service.stage.env["SSH_AUTH_SOCK"]
    world.up()
    service.ready("web")
    service.equal(world.opened(seconds=30)["provider"], "cloudflare", "provider")
    service.waits(lambda: not service.programs("ssh"), "no ssh is left")


@case("/service/tunnel/passes/clients-that-misbehave")
def misbehave(service):
    world, view = gated(service)
    visitor, gate = world.net.api(view["public_url"], token=view["token"]), service.programs("pinokiocloud-gate")
    half = visitor.connect()
    half.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\nX-Half: " % visitor.host.encode())
    vanished = visitor.socket("/socket")
    vanished.text("here")
    vanished.message()
    vanished.vanish()
    stream = visitor.connection()
    stream.request("GET", "/events", headers=visitor.headers())
    stream.getresponse().readline()
    stream.close()
    upload = visitor.connect()
    upload.sendall(
        b"POST /upload HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Length: 1000000\r\n\r\nbegun"
        % (visitor.host.encode(), view["token"].encode())
    )
    upload.close()
    service.equal(visitor.get("/").status, 200, "the others meanwhile")
    half.close()
    long = visitor.get("/", headers={"X-Long": "x" * 60000})
    service.equal(long.status in (200, 400, 413, 431), True, "status for a long header: %d" % long.status)
    service.equal(service.programs("pinokiocloud-gate"), gate, "the gate")
    service.equal(all(alive(pid) for pid in gate), True, "the gate lives")


if __name__ == "__main__":
    leave()
