"""What may not come in over pterm's paths, and what makes no sense there."""

import json
import os
import subprocess
import sys

from world import Skipped, World, case, service
from client import Gone, Refused  # noqa: E402

SCRIPT = {"run": [{"method": "shell.run", "params": {"message": "touch started"}}]}

OTHER_USER = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
link = socket.socket()
link.settimeout(10)
link.connect(("127.0.0.1", int(sys.argv[1])))
link.sendall(b"GET /pinokio/home HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n\\r\\n")
print(link.makefile("rb").readline().split()[1].decode())
"""


@case("another site's page, another name")
def pages(house):
    world = World(house)
    api = service.Api(port=world.port)
    for path in ("/pinokio/version", "/pinokio/home", "/apps/search", "/pinokio/path/git"):
        world.equal(api.get(path).status, 200, path)
        for header, value in (
            ("Origin", "https://evil.example"), ("Origin", "null"), ("Host", "evil.example"),
            ("Host", "evil.example:%d" % world.port),
        ):
            answer = api.get(path, headers={header: value})
            world.equal(answer.status in (400, 403, 421), True, "%s with %s: %s: %d" % (path, header, value, answer.status))
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
        try:
            world.socket(**headers).close()
        except Refused:
            continue
        raise AssertionError("a WebSocket was granted with %r" % headers)
    world.equal(api.get("/v1/status").status, 401, "the API itself still wants the token")
    world.equal(house.tcp().post("/pinokio/version", {}).status, 405)


@case("another user of the machine")
def another_user(house):
    world = World(house)
    if os.geteuid() != 0:
        raise Skipped("only root can be two users")
    found = subprocess.run([sys.executable, "-c", OTHER_USER, str(world.port)], capture_output=True, text=True, check=False)
    if "Operation not permitted" in found.stderr or "Invalid argument" in found.stderr:
        raise Skipped("there is only one user in this namespace")
    world.equal((found.stdout.strip(), found.stderr), ("401", ""))


@case("packets that are none")
def packets(house):
    world = World(house)
    folder = world.app("app", start__json=SCRIPT)
    for text in ("", "{", "[]", "7", "null", '"text"', "[" * 100000, '{"a":' * 5000, "\u0000", '{"uri":"\\ud800"'):
        with world.socket() as link:
            link.text(text)
            code, _ = link.until_close()
            world.equal(code, 1007, repr(text[:20]))
    for request in (
        {}, {"uri": 5}, {"uri": None}, {"uri": ""}, {"uri": []}, {"uri": "relative.js"}, {"method": 5}, {"method": None},
        {"uri": "/etc/passwd"}, {"uri": folder + "/../../../../etc/passwd"}, {"uri": house.home + "x/y.js"},
        {"uri": "http://"}, {"uri": folder + "/start.json\n"}, {"method": "no.such.method"},
        {"method": "kernel.bin.filepicker", "params": {}}, {"method": "shell.run"},
        {"method": "shell.run", "params": {"message": "touch %s/started" % folder}},
        {"method": "shell.run", "params": {"message": "git clone x;touch y"}},
        {"method": "shell.run", "params": {"message": "git clone x y z"}},
        {"method": "app.download"}, {"method": "app.download", "params": {"uri": 5}},
        {"method": "kernel.api.stop"}, {"method": "kernel.api.stop", "params": []},
        {"method": "kernel.api.stop", "params": {"uri": "/etc"}},
    ):
        with world.socket() as link:
            link.text(json.dumps(request))
            first = json.loads(link.message()[1])
            told = first.get("type") == "error" or (first.get("type") == "stream" and first["data"]["raw"].strip())
            failed = first.get("type") == "result" and first["data"].get("ok") is False
            world.equal(bool(told or failed), True, "%r: %r" % (request, first))
    for request in ({"key": "x"}, {"key": "x", "id": "no-such-shell"}, {"id": "x", "resize": {"cols": -5, "rows": 1e9}},
                    {"resize": 5, "id": "x"}, {"response": {}}, {"uri": folder, "mode": "open", "default": {"a": 1}},
                    {"uri": folder + "/start.json", "status": True, "client": 7}):
        with world.socket() as link:
            link.text(json.dumps(request))
            world.equal(world.packet(link, uri=folder + "/start.json", status=True)["data"] in (False, {}), True)
    world.equal(os.path.exists(os.path.join(folder, "started")), False)
    world.equal(os.listdir(os.path.join(house.home, "api")), ["app"])


@case("frames that are too big, binary, or broken")
def frames(house):
    world = World(house)
    with world.socket() as link:
        link.binary(b'{"uri":"/"}')
        world.equal(link.until_close()[0], 1003)
    with world.socket() as link:
        try:
            link.text('{"key":"%s"}' % ("x" * (3 << 20)))
            world.equal(link.until_close()[0], 1009)
        except Gone:
            pass
    with world.socket() as link:
        link.frame(1, b"\xff\xfe")
        world.equal(link.until_close()[0], 1007)
    link = world.socket()
    link.frame(1, b'{"uri"', fin=False)
    link.vanish()
    world.equal(world.pterm("home").strip(), house.home)


def is_let_in(world):
    try:
        with world.socket() as link:
            return world.packet(link, method="kernel.bin.install2")["type"] == "result"
    except Refused:
        return False


@case("too many connections")
def many(house):
    world = World(house)
    links = []
    try:
        while len(links) < 200:
            links.append(world.socket())
    except Refused as refused:
        world.equal(refused.answer.status, 503)
    world.equal(40 < len(links) < 200, True, "connections: %d" % len(links))
    for link in links:
        link.close()
    world.waits(lambda: is_let_in(world), "there is room again")


if __name__ == "__main__":
    service.leave()
