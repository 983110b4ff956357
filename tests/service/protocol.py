#!/usr/bin/env python3
"""Requests that nobody should send: malformed, huge, slow, without a token, from elsewhere, out of the home; WebSocket
frames against the rules; clients that vanish. The engine answers or closes, stays well, and serves the others.
"""

import json
import os
import random
import socket
import stat
import time

import apps
from client import BINARY, CLOSE, TEXT, Gone, Refused
from service import case, keeps_what_was_freed, leave, memory_of

BAD = range(400, 500)


def status_of(reply):
    """Status of a raw reply; 0 when it was closed without a word."""
    return int(reply.split(None, 2)[1]) if reply.startswith(b"HTTP/") else 0


def well(service, what):
    """The engine is the same, and quick."""
    began = time.monotonic()
    service.api().get("/v1/status").ok()
    service.tcp().get("/v1/apps").ok()
    if time.monotonic() - began > 1:
        raise AssertionError("after %s an answer took %.1f s" % (what, time.monotonic() - began))


# Who may ask


@case("/service/protocol/tcp-wants-the-token")
def token(service):
    apps.light(service.home, "light")
    service.up()
    good = service.token()
    if len(good) < 32:
        raise AssertionError("the token has only %d characters" % len(good))
    for name in ("token", "engine.sock", "control.sock"):
        service.equal(stat.S_IMODE(os.stat(service.run_path(name)).st_mode), 0o600, "mode of run/%s" % name)
    service.equal(stat.S_IMODE(os.stat(service.run_path()).st_mode), 0o700, "mode of run")
    service.equal(
        stat.S_IMODE(os.stat(os.path.join(service.home, "library.sqlite")).st_mode),
        0o600,
        "mode of the library",
    )
    wrong = [
        None,
        "",
        "x",
        good[:-1],
        good + "x",
        good[:-1] + ("a" if good[-1] != "a" else "b"),
        good.upper() + "A",
        "ü",
    ]
    for given in wrong:
        for method, path in (
            ("GET", "/v1/status"),
            ("POST", "/v1/apps/light/start"),
            ("GET", "/v1/nothing"),
            ("POST", "/v1/shutdown"),
        ):
            body = {} if method == "POST" else None
            headers = (
                {}
                if given is None
                else {"Authorization": ("Bearer " + given).encode("utf-8").decode("latin-1")}
            )
            service.tcp(token=None).request(method, path, body, headers=headers).problem(401, 403)
    for header in ("Basic " + good, good, "bearer", "Bearer", "Bearer  ", "Token " + good):
        service.tcp(token=None).get("/v1/status", headers={"Authorization": header}).problem(401, 403)
    service.tcp().get("/v1/status").ok()
    for path in ("/v1/events", "/v1/runs/x/events", "/v1/shells/x/terminal"):
        try:
            service.tcp(token=None).socket(path).close()
            raise AssertionError("a WebSocket without a token was granted: %s" % path)
        except Refused as refused:
            service.equal(refused.answer.status in (401, 403), True, "status: %s" % refused)
    service.tcp(token=None).socket("/v1/events", query={"token": good}).close()
    service.equal(service.api().get("/v1/runs").ok().json(), [], "runs that were started without a token")


@case("/service/protocol/secrets-are-not-told")
def secrets(service):
    service.up()
    good = service.token()
    service.tcp(token=None).socket("/v1/events", query={"token": good}).close()
    service.tcp().get("/v1/status").ok()
    service.tcp(token="wrong-but-secret").get("/v1/status")
    service.tcp(token=None).get("/v1/nothing?token=" + good)
    for pid in service.starting_pids():
        for name in ("cmdline", "environ"):
            with open("/proc/%d/%s" % (pid, name), "rb") as file:
                service.equal(good.encode() in file.read(), False, "the token is in the engine's %s" % name)
    for folder, _, files in os.walk(os.path.join(service.home, "logs")):
        for name in files:
            text = apps.read(folder, name)
            service.equal(good in text or "wrong-but-secret" in text, False, "a token is in %s" % name)
    for path in ("/v1/status", "/v1/settings"):
        service.equal(good in service.api().get(path).text, False, "the token is in %s" % path)


@case("/service/protocol/host-and-origin")
def host_and_origin(service):
    apps.light(service.home, "light")
    service.up()
    port = service.engine_json()["port"]
    tcp = service.tcp()
    for host in ("127.0.0.1:%d" % port, "localhost:%d" % port):
        tcp.get("/v1/status", headers={"Host": host}).ok()
    for host in (
        "evil.example",
        "evil.example:%d" % port,
        "127.0.0.1.evil.example",
        "localhost.evil.example:%d" % port,
        "10.0.0.1",
        "",
    ):
        tcp.get("/v1/status", headers={"Host": host}).problem(400, 403, 421)
        tcp.post("/v1/apps/light/start", {}, headers={"Host": host}).problem(400, 403, 421)
    two = (
        "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nAuthorization: Bearer %s\r\n\r\n"
    )
    service.equal(
        status_of(tcp.raw((two % service.token()).encode(), seconds=1)) in BAD, True, "two Hosts are refused"
    )
    own = "http://127.0.0.1:%d" % port
    tcp.get("/v1/status", headers={"Origin": own}).ok()
    for origin in (
        "http://evil.example",
        "null",
        "http://127.0.0.1:%d" % (port + 1),
        own + ".evil.example",
        "file://",
        own + "@evil.example",
    ):
        tcp.get("/v1/status", headers={"Origin": origin}).problem(403)
        tcp.post("/v1/apps/light/start", {}, headers={"Origin": origin}).problem(403)
        try:
            tcp.socket("/v1/events", headers={"Origin": origin}).close()
            raise AssertionError("a WebSocket from %s was granted" % origin)
        except Refused as refused:
            service.equal(refused.answer.status, 403, str(refused))
    for method in ("OPTIONS", "GET"):
        answer = tcp.request(method, "/v1/status", headers={"Origin": "http://evil.example"})
        service.equal("access-control-allow-origin" in answer.headers, False, "CORS was granted")
    service.equal(service.api().get("/v1/runs").ok().json(), [], "runs that were started from elsewhere")


@case("/service/protocol/only-the-loopback-listens")
def loopback(service):
    service.up()
    port = "%04X" % service.engine_json()["port"]
    for name in ("tcp", "tcp6"):
        with open("/proc/net/" + name, encoding="ascii") as file:
            for line in file:
                fields = line.split()
                if fields[1].endswith(":" + port) and fields[3] == "0A":
                    service.equal(fields[1], "0100007F:" + port, "a listening address")


# Paths


@case("/service/protocol/paths-stay-in-their-place")
def paths(service):
    apps.light(service.home, "light")
    service.up()
    service.ready("light")
    names = [
        "..",
        "../..",
        "../../secret.json",
        "/etc/passwd",
        "light/../light",
        ".",
        "",
        "light/start.json",
        "../api/light",
        "%2e%2e",
        "..\\..",
        "light\0",
    ]
    for name in names:
        for rest in ([], ["menu"]):
            answer = service.api().get(["v1", "apps", name] + rest)
            if not (name == "" and not rest):
                answer.problem(*BAD)
        service.api().post(["v1", "apps", name, "start"], {}).problem(*BAD)
        for room, rest in (("runs", []), ("runs", ["events"]), ("shells", []), ("shells", ["log"])):
            answer = service.api().get(["v1", room, name] + rest)
            if not (name == "" and not rest):
                answer.problem(*BAD)
        service.equal("root:" in answer.text, False, "told of %r" % name)
    well(service, "the names")


@case("/service/protocol/scripts-stay-in-their-app")
def scripts(service):
    apps.light(service.home, "light")
    with open(os.path.join(service.folder, "secret.json"), "w", encoding="ascii") as file:
        file.write('{"run": [{"method": "log", "params": {"text": "top-secret"}}]}')
    service.up()
    service.ready("light")
    for wanted in (
        "../../secret.json",
        os.path.join(service.folder, "secret.json"),
        "../light/start.json/../../../secret.json",
        "",
        "nothing.json",
        "a\0b",
        7,
        None,
        ["start.json"],
        {},
    ):
        answer = service.api().post("/v1/apps/light/start", {"script": wanted})
        if wanted is not None or answer.status != 202:
            answer.problem(*BAD)
    for wanted in (
        "relative.json",
        "",
        None,
        os.path.join(service.folder, "nothing.json"),
        service.folder,
        "/dev/zero",
        "/proc/self/mem",
    ):
        answer = service.api().post("/v1/runs", {"script": wanted})
        if answer.status == 202:  # it may begin, and then fails
            service.becomes(answer.json()["run"], "error")
        else:
            answer.problem(*BAD)
    for raw in (
        "/../../etc/passwd",
        "/v1/../../etc/passwd",
        "//v1//status",
        "/v1/%2e%2e/%2e%2e/etc/passwd",
        "/%00",
        "/v1/apps/%",
        "/v1/apps/%zz",
        "/v1/apps/%ff%fe",
    ):
        reply = service.tcp().raw(
            (
                "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n"
                % (raw, service.token())
            ).encode()
        )
        service.equal(status_of(reply) in BAD, True, "%s: %r" % (raw, reply[:200]))
        service.equal(b"root:" in reply, False, "told of %s" % raw)
    well(service, "the paths")


# Requests


@case("/service/protocol/malformed-requests")
def malformed(service):
    apps.light(service.home, "light")
    service.up()
    for data in (
        b"\r\n\r\n\r\n",
        b"GARBAGE\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
        b"GET /v1/status HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX" + b"\0" * 10 + b": y\r\n\r\n",
        os.urandom(4096),
        b"A" * 100000,
        b"POST /v1/apps/light/start HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/apps/light/start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
        b"POST /v1/apps/light/start HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"POST /v1/apps/light/start HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n7fffffffffffffff\r\n{}",
    ):
        for api in (service.api(timeout=2), service.tcp(timeout=2)):
            reply = api.raw(data, seconds=2, shut=True)
            service.equal(
                status_of(reply) in [0] + list(range(400, 506)), True, "%r: %r" % (data[:120], reply[:60])
            )
    for body in (
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"x"',
        b"\xff\xfe",
        b'{"script": "start.json"',
        b'{"a": ' * 100000,
        b"[" * 200000,
        b"{}x",
        b'{"input": 7}',
        b'{"input": []}',
        b'{"cols": -1}',
        b'{"cols": 1e99}',
        b'{"rows": "a"}',
        b'{"cols": 99999999999999999999}',
    ):
        answer = service.api().post(
            "/v1/apps/light/start", body, headers={"Content-Type": "application/json"}
        )
        if body:
            answer.problem(*BAD)
    for path in (
        "/v1",
        "/v1/",
        "/v2/status",
        "/v1/status/x",
        "/v1/apps/light/nothing",
        "/v1/nothing",
        "/v1/runs/x/y/z",
    ):
        service.api().get(path).problem(404)
    for method, path in (
        ("DELETE", "/v1/status"),
        ("PUT", "/v1/apps"),
        ("PUT", "/v1/runs"),
        ("GET", "/v1/shutdown"),
        ("GET", "/v1/recover"),
        ("BREW", "/v1/apps"),
        ("PATCH", "/v1/settings/x"),
    ):
        answer = service.api().request(method, path)
        answer.problem(404, 405, 501)
        if answer.status == 405:
            service.equal("allow" in answer.headers, True, "a 405 of %s tells what is allowed" % path)
    for query in ("limit=-1", "limit=x", "limit=99999999999999999999", "offset=-1"):
        answer = service.api().get("/v1/runs?" + query)
        service.equal(answer.status in [200] + list(BAD), True, "%s: %d" % (query, answer.status))
    well(service, "malformed requests")


@case("/service/protocol/bad-offsets")
def offsets(service):
    apps.lines(service.home, "lines", 50)
    service.up()
    run = service.ready("lines")["id"]
    shell = service.shells(run)[0]["id"]
    whole = service.api().get(["v1", "runs", run, "events"]).ok()
    for path in (["v1", "runs", run, "events"], ["v1", "shells", shell, "log"]):
        for offset in ("-0", "-", "--1", "-x", "- 1", "-99999999999999999999999", "x", "1e3", "99999999999999999999999", "0x10", " 1"):
            service.api().get(path, query={"offset": offset}).problem(400, 416, 422)
        answer = service.api().get(path, query={"offset": 10**12})  # beyond the end: nothing, or told
        service.equal(answer.status in (200, 400, 416), True, "status beyond the end: %d" % answer.status)
        service.equal(answer.status == 200 and answer.body != b"", False, "something from beyond the end")
    middle = service.api().get(["v1", "runs", run, "events"], query={"offset": 7}).ok()
    for line in middle.body.splitlines():
        json.loads(line)
    service.equal(len(middle.body) < len(whole.body) + 100000, True, "an offset inside a line")
    part = service.api().get(["v1", "shells", shell, "log"], query={"offset": 3, "limit": 5}).ok()
    service.equal(part.body, b"ving on http"[:5], "five bytes of the log")


@case("/service/protocol/huge-requests")
def huge(service):
    apps.light(service.home, "light")
    service.up()
    before = memory_of(service.engine_pid())[1]
    body = b'{"input": {"a": "' + b"x" * (200 << 20) + b'"}}'
    for api in (service.api(), service.tcp()):
        try:
            api.post("/v1/apps/light/start", body).problem(400, 413)
        except Gone:
            pass  # hung up as soon as it was too much
    with service.api().connect() as link:  # the same in chunks, without saying how much there will be
        link.sendall(
            b"POST /v1/apps/light/start HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        try:
            for _ in range(200):
                link.sendall(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
            raise AssertionError("200 MB in chunks were taken")
        except OSError:
            pass
    for head in (
        b"GET /" + b"a" * (8 << 20) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: bcdefgh\r\n" * 1000000 + b"\r\n",
        b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"b" * (8 << 20) + b"\r\n\r\n",
    ):
        reply = service.api().raw(head, seconds=5)
        service.equal(status_of(reply) in [0, 400, 404, 413, 414, 431], True, "a huge head: %r" % reply[:200])
    service.equal(service.api().get("/v1/runs").ok().json(), [], "runs")
    well(service, "huge requests")
    after = memory_of(service.engine_pid())[1]
    if after > before + 24 and not keeps_what_was_freed(service.engine_pid()):
        raise AssertionError("huge requests: the engine grew from %.1f to %.1f MB" % (before, after))


@case("/service/protocol/slow-and-idle-clients")
def slow_clients(service):
    """Five hundred connections that say nothing, or a byte now and then, keep nobody else waiting."""
    service.up()
    links = []
    try:
        for number in range(500):
            try:
                link = service.api(timeout=2).connect() if number % 2 else service.tcp(timeout=2).connect()
            except OSError:
                continue  # refused: as good
            links.append(link)
            if number % 3:
                link.sendall(b"GET /v1/status HTTP/1.1\r\nHo")
        well(service, "five hundred slow clients")
        for link in links:
            try:
                link.sendall(b"s")
            except OSError:
                pass  # the engine had enough of it
        well(service, "a byte from each of them")
    finally:
        for link in links:
            link.close()
    well(service, "their end")
    service.waits(
        lambda: len(os.listdir("/proc/%d/fd" % service.engine_pid())) < 100, "its descriptors are closed", 10
    )


@case("/service/protocol/connections-that-were-closed-are-let-go")
def closed_connections(service):
    """A thousand clients one after the other, each with a connection that might have been kept alive."""
    service.up()
    before = len(os.listdir("/proc/%d/fd" % service.engine_pid()))
    for _ in range(500):
        service.api().get("/v1/status").ok()
        service.tcp().get("/v1/status").ok()
    count = lambda: len(os.listdir("/proc/%d/fd" % service.engine_pid()))
    service.waits(lambda: count() <= before + 3, lambda: "%d descriptors, before %d" % (count(), before), 5)


@case("/service/protocol/more-clients-than-descriptors")
def descriptors(service):
    service.up(before=["bash", "-c", 'ulimit -n 100; exec "$0" "$@"'])
    links = []
    for _ in range(300):
        try:
            links.append(service.tcp(timeout=2).connect())
        except OSError:
            break
    time.sleep(0.3)
    for link in links:
        link.close()
    service.waits(lambda: service.api().get("/v1/status").status == 200, "it answers again", 20)


@case("/service/protocol/clients-that-vanish")
def vanish(service):
    apps.lines(service.home, "lines", 200)
    apps.app(service.home, "broken", {"pinokio.js": "module.exports = { menu: () => new Promise(() => {}) }"})
    service.up()
    run = service.ready("lines")["id"]
    shell = service.shells(run)[0]["id"]
    chance = random.Random(3)
    for number in range(150):
        api = chance.choice((service.api(), service.tcp()))
        path = chance.choice(
            (["v1", "events"], ["v1", "runs", run, "events"], ["v1", "shells", shell, "terminal"])
        )
        socket_ = api.socket(path)
        if number % 3 == 0:
            try:
                socket_.message(0.05)
            except TimeoutError:
                pass
        elif number % 3 == 1:
            socket_.link.sendall(b"\x82\xff")  # half a frame
        socket_.vanish()
        link = api.connect()
        line = chance.choice(
            (
                "GET /v1/apps",
                "GET /v1/runs/%s/events" % run,
                "GET /v1/apps/broken/menu",
                "POST /v1/apps/lines/stop?wait=5" if number == 149 else "GET /v1/processes",
            )
        )
        head = "%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n" % (line, service.token())
        link.sendall(head.encode()[: chance.randrange(1, len(head) + 200)])
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        link.close()
    well(service, "the clients that vanished")
    service.waits(
        lambda: len(os.listdir("/proc/%d/fd" % service.engine_pid())) < 60, "their descriptors are closed", 20
    )


# WebSockets


@case("/service/protocol/websocket-handshakes")
def handshakes(service):
    service.up()
    for headers in (
        {"Sec-WebSocket-Key": None},
        {"Sec-WebSocket-Key": "short"},
        {"Sec-WebSocket-Version": "7"},
        {"Sec-WebSocket-Version": None},
        {"Upgrade": "h2c"},
    ):
        try:
            service.api().socket("/v1/events", headers=headers).close()
            raise AssertionError("granted: %r" % headers)
        except Refused as refused:
            service.equal(
                refused.answer.status in (400, 404, 405, 406, 426), True, "%r: %s" % (headers, refused)
            )
        except Gone:
            pass
    for path in (
        "/v1/status",
        "/v1/nothing",
        "/v1/runs/20200101-000000-abcd/events",
        "/v1/shells/x.1/terminal",
    ):
        try:
            service.api().socket(path).close()
            raise AssertionError("a WebSocket to %s was granted" % path)
        except Refused as refused:
            service.equal(
                refused.answer.status in (200, 400, 404, 405, 426), True, "%s: %s" % (path, refused)
            )
    service.api().get("/v1/events").problem(400, 405, 426)
    well(service, "the handshakes")


def rule_breakers():
    """name -> what is sent on a socket that was just granted."""
    return {
        "unmasked": lambda s: s.frame(TEXT, b"{}", mask=False),
        "reserved bits": lambda s: s.frame(TEXT, b"{}", reserved=7),
        "unknown opcode": lambda s: s.frame(5, b"x"),
        "unknown control": lambda s: s.frame(11, b"x"),
        "goes on with nothing begun": lambda s: s.frame(0, b"x"),
        "a message in a message": lambda s: (s.frame(TEXT, b"a", fin=False), s.frame(TEXT, b"b")),
        "fragmented ping": lambda s: s.frame(9, b"x", fin=False),
        "long ping": lambda s: s.frame(9, b"x" * 200),
        "text that is no UTF-8": lambda s: s.frame(TEXT, b"\xff\xfe\xfd"),
        "length beyond all": lambda s: s.frame(BINARY, b"x" * 10, length=1 << 62),
        "negative length": lambda s: s.frame(BINARY, b"x" * 10, length=(1 << 63) + 5),
        "close of one byte": lambda s: s.frame(CLOSE, b"x"),
        "close with a forbidden code": lambda s: s.say_close(1005),
    }


@case("/service/protocol/websocket-frames-against-the-rules")
def frames(service):
    apps.lines(service.home, "lines", 20)
    service.up()
    run = service.ready("lines")["id"]
    shell = service.shells(run)[0]["id"]
    for path in (["v1", "events"], ["v1", "runs", run, "events"], ["v1", "shells", shell, "terminal"]):
        for name, breaks in rule_breakers().items():
            with service.api().socket(path) as broken:
                try:
                    breaks(broken)
                    code, _ = broken.until_close(5)
                    if code == 1000:
                        raise AssertionError("%s on %s was closed as if all were well" % (name, path[-1]))
                except Gone:
                    pass  # hung up
                except TimeoutError:
                    raise AssertionError("%s on %s has no answer" % (name, path[-1]))
    well(service, "frames against the rules")
    service.equal(service.state(run), "ready", "the app")


@case("/service/protocol/websocket-oversized")
def oversized(service):
    """A message without end, in one frame or in many, is cut off; memory stays."""
    apps.lines(service.home, "lines", 20)
    service.up()
    run = service.ready("lines")["id"]
    shell = service.shells(run)[0]["id"]
    before = memory_of(service.engine_pid())[1]
    for path in (["v1", "events"], ["v1", "runs", run, "events"], ["v1", "shells", shell, "terminal"]):
        for pieces in (1, 100):
            with service.api().socket(path) as big:
                try:
                    for piece in range(pieces):
                        size = (100 << 20) // pieces
                        big.frame(BINARY if piece == 0 else 0, b"x" * size, fin=piece == pieces - 1)
                    code, _ = big.until_close(10)
                    service.equal(
                        code in (1009, 1008, 1003, 1002),
                        True,
                        "code %d for 100 MB in %d pieces" % (code, pieces),
                    )
                except Gone:
                    pass
                except TimeoutError:
                    raise AssertionError("100 MB in %d pieces on %s were taken" % (pieces, path[-1]))
    well(service, "oversized messages")
    after = memory_of(service.engine_pid())[1]
    if after > before + 24 and not keeps_what_was_freed(service.engine_pid()):
        raise AssertionError("oversized messages: the engine grew from %.1f to %.1f MB" % (before, after))


@case("/service/protocol/terminal-nonsense")
def terminal_nonsense(service):
    """What a terminal's client says that means nothing is passed over or refused; the shell does not mind."""
    apps.lines(service.home, "lines", 20)
    service.up()
    run = service.ready("lines")["id"]
    shell = service.shells(run)[0]["id"]
    said = (
        "",
        "x",
        "[]",
        "{}",
        "null",
        '{"resize": 7}',
        '{"resize": {}}',
        '{"resize": {"cols": -1, "rows": 0}}',
        '{"resize": {"cols": 1e30, "rows": 1e30}}',
        '{"resize": {"cols": "a"}}',
        '{"else": 1}',
    )
    for text in said:
        with service.api().socket(["v1", "shells", shell, "terminal"]) as link:
            link.text(text)
            try:
                link.until_close(0.2)
            except (TimeoutError, Gone):
                pass
    for body in (
        b"",
        b"x",
        b'{"cols": 0, "rows": 0}',
        b'{"cols": 100000, "rows": 5}',
        b'{"cols": 80}',
        b'{"cols": "80", "rows": "24"}',
    ):
        service.api().post(
            ["v1", "shells", shell, "resize"], body, headers={"Content-Type": "application/json"}
        ).problem(*BAD)
    service.api().post(["v1", "shells", shell, "resize"], {"cols": 120, "rows": 40}).ok()
    service.equal(service.state(run), "ready", "the app")
    service.equal(service.shells(run)[0]["running"], True, "its shell")


@case("/service/protocol/answers-that-fit-no-question")
def answers(service):
    apps.asks(service.home, "asks")
    service.up()
    run = service.launch("asks")
    question = service.waits(lambda: service.view(run)["questions"], "the question")[0]["id"]
    path = ["v1", "runs", run, "answer"]
    for body in (
        {},
        {"question": "nothing", "answers": {}},
        {"answers": {}},
        {"question": question},
        {"question": question, "answers": 7},
        {"question": question, "answers": ["x"]},
        {"question": 7, "answers": {}},
        {"question": question, "answers": {}, "refuse": 7},
    ):
        service.api().post(path, body).problem(*BAD)
    service.equal(len(service.view(run)["questions"]), 1, "questions still asked")
    service.api().post(path, {"question": question, "answers": {"who": 'two\nlines "quoted" ü'}}).ok()
    service.becomes(run, "finished")
    service.equal(apps.read(service.home, "api", "asks", "answer"), 'two\nlines "quoted" ü', "the answer")
    service.api().post(path, {"question": question, "answers": {"who": "late"}}).problem(404, 409)
    run = service.launch("asks")
    question = service.waits(lambda: service.view(run)["questions"], "the question")[0]["id"]
    service.api().post(
        ["v1", "runs", run, "answer"], {"question": question, "refuse": "nobody is there"}
    ).ok()
    service.has(service.becomes(run, "error")["error"], "nobody is there")


@case("/service/protocol/settings")
def settings(service):
    service.up()
    known = service.api().get("/v1/settings").ok().json()
    for key in ("nothing.of.the.kind", "../x", "", "a" * 10000, "a b"):
        service.api().put(["v1", "settings", key], {"value": "x"}).problem(*BAD)
    for key in [setting["key"] for setting in known]:
        for body in (
            b"",
            b"x",
            b"{}",
            b'{"value": []}',
            b'{"value": {"a": 1}}',
            b'{"value": "no such value"}',
        ):
            headers = {"Content-Type": "application/json"}
            service.api().put(["v1", "settings", key], body, headers=headers).problem(*BAD)
    service.equal(service.api().get("/v1/settings").ok().json(), known, "settings after what was refused")


if __name__ == "__main__":
    leave()
