"""HTTP: who may ask, what is understood, and what a client can do to the server."""

import json
import os
import socket
import stat
import time
import urllib.parse

import serving
from serving import case


@case("/server/http/token-wanted-over-tcp")
def token(stage):
    stage.start()
    for sent in (False, ""):
        stage.problem(stage.ask("GET", "/v1/status", token=sent), 401)
    for header in ("Bearer", "Bearer ", "Bearer 0", "Basic " + stage.token, "Bearer " + stage.token[:-1]):
        answer = stage.ask("GET", "/v1/status", headers=["Authorization: " + header], token=False)
        stage.problem(answer, 401)
        stage.equal(answer.headers["www-authenticate"].split()[0], "Bearer")
        stage.equal(answer.headers["connection"], "close")
    stage.problem(stage.ask("GET", "/v1/status?token=" + stage.token, token=False), 401)
    stage.equal(stage.ask("GET", "/v1/status").status, 200)
    stage.equal(stage.ask("GET", "/v1/status", token=False, local=True).status, 200)
    # What there is stays unknown to strangers.
    stage.problem(stage.ask("GET", "/v1/nothing", token=False), 401)
    stage.problem(stage.ask("DELETE", "/v1/status", token=False), 401)


@case("/server/http/files-are-private-and-the-token-stays")
def files(stage):
    stage.start()
    for name in ("token", "engine.sock"):
        mode = stat.S_IMODE(os.stat(os.path.join(stage.home, "run", name)).st_mode)
        stage.equal(mode, 0o600, name)
    first = stage.token
    stage.process.terminate()
    stage.equal(stage.process.wait(), 0)
    stage.start()
    stage.equal(stage.token, first)


@case("/server/http/a-killed-engine-leaves-no-obstacle")
def killed(stage):
    stage.start()
    stage.process.kill()
    stage.process.wait()
    stage.process.stdout.close()
    stage.start()
    stage.equal(stage.ask("GET", "/v1/status", local=True, token=False).status, 200)


@case("/server/http/a-taken-port-gives-the-next")
def taken(stage):
    holder = socket.create_server(("127.0.0.1", 20000 + os.getpid() % 20000))
    stage.start()
    if stage.port == holder.getsockname()[1]:
        raise AssertionError("two listen on one port")
    stage.alive()
    holder.close()


@case("/server/http/host-and-origin")
def names(stage):
    stage.start("--host", "gpu.example")
    for host in ("evil.example", "127.0.0.1.evil.example", "", "localhost:x", "0.0.0.0"):
        answer = stage.ask("GET", "/v1/status", host=host)
        # Some are no address at all; libsoup says so itself.
        if answer.status != 400:
            stage.problem(answer, 421)
    for host in ("localhost", "LOCALHOST:1", "[::1]", "gpu.example", "127.0.0.1:%d" % stage.port):
        stage.equal(stage.ask("GET", "/v1/status", host=host).status, 200, host)
    for origin in ("http://evil.example", "null", "http://localhost:1", "file://"):
        stage.problem(stage.ask("GET", "/v1/status", headers=["Origin: " + origin]), 403)
        answer, _ = stage.upgrade("/v1/events", headers=["Origin: " + origin])
        stage.equal(answer.status, 403, origin)
    good = "Origin: http://localhost:%d" % stage.port
    answer = stage.ask("GET", "/v1/status", headers=[good])
    stage.equal(answer.status, 200)
    stage.equal([name for name in answer.headers if name.startswith("access-control")], [], "CORS")
    stage.problem(stage.ask("GET", "/v1/status", headers=[good, "Origin: http://evil.example"]), 403)
    answer, _ = stage.upgrade("/v1/events", host="evil.example")
    stage.equal(answer.status, 421)
    # Names are checked before everything else, also for the public page.
    stage.problem(stage.ask("GET", "/", host="evil.example", token=False), 421)


@case("/server/http/page")
def page(stage):
    stage.start()
    answer = stage.ask("GET", "/", token=False)
    stage.equal(answer.status, 200)
    stage.equal(answer.headers["content-type"], "text/html; charset=utf-8")
    if "default-src 'none'" not in answer.headers["content-security-policy"]:
        raise AssertionError("no policy")
    if b"<script" in answer.body or stage.token.encode() in answer.body:
        raise AssertionError("more than a page")


@case("/server/http/headers-of-every-answer")
def headers(stage):
    stage.start()
    for path in ("/v1/status", "/v1/nothing", "/"):
        answer = stage.ask("GET", path)
        stage.equal(answer.headers["x-content-type-options"], "nosniff")
        stage.equal(answer.headers["referrer-policy"], "no-referrer")
        stage.equal(answer.headers["cache-control"], "no-store")
        if "server" in answer.headers:
            raise AssertionError("it tells what it is made of")


@case("/server/http/methods")
def methods(stage):
    stage.start()
    answer = stage.ask("DELETE", "/v1/status")
    stage.problem(answer, 405)
    stage.equal(answer.headers["allow"], "GET, HEAD")
    answer = stage.ask("PATCH", "/v1/settings/x")
    stage.problem(answer, 405)
    stage.equal(answer.headers["allow"], "PUT, DELETE")
    answer = stage.ask("OPTIONS", "/v1/runs")
    stage.equal(answer.status, 200)
    stage.equal(answer.headers["allow"], "GET, HEAD, POST")
    answer = stage.ask("HEAD", "/v1/status")
    stage.equal(answer.status, 200)
    if int(answer.headers["content-length"]) < 10:
        raise AssertionError("HEAD without the length")
    answer = stage.ask("GET", "/v1/events")
    stage.problem(answer, 426)
    stage.equal(answer.headers["upgrade"], "websocket")
    stage.equal(stage.ask("BREW", "/v1/status").status, 405)
    for path in ("/v1", "/v1/", "/v1/status/", "/v1//status", "//v1/status", "/v2/status", "/V1/status", "/v1/apps/"):
        stage.problem(stage.ask("GET", path), 404)


@case("/server/http/names-in-paths-are-confined")
def paths(stage):
    stage.app("demo", start__json={"run": []})
    stage.start()
    stage.equal(stage.ask("GET", "/v1/apps/demo").status, 200)
    stage.equal(stage.ask("GET", "/v1/apps/%64emo").status, 200)
    bad = ("..", ".", "%2e%2e", "%2E.", "a%2fb", "..%2f..%2fetc", "%00", "a%00b", "%ff", "a%2Fb")
    control = ("a%0ab", "%1b", "%7f", "%09")  # only the folder of an app may be named so
    for name in bad + control:
        for path in ("/v1/apps/%s", "/v1/apps/%s/menu", "/v1/runs/%s", "/v1/runs/%s/events", "/v1/shells/%s/log"):
            answer = stage.ask("GET", path % name)
            if name in control and path.startswith("/v1/apps"):
                stage.problem(answer, 404)
                continue
            if name.lower().replace("%2e", ".") in (".", "..") and answer.status in (404, 426):
                continue  # the address was made short before it was looked at
            if answer.status == 400 and answer.headers.get("content-type") == "application/problem+json":
                continue
            raise AssertionError("%s: %d %r" % (path % name, answer.status, answer.body))
    # Decoded once.
    for name in ("%252e%252e", "%2525", "..demo", "...", "demo%5c..", "C:", "~", "%20", "'%22", "%E2%82%AC"):
        stage.problem(stage.ask("GET", "/v1/apps/" + name), 404)
    for path in ("/../etc/passwd", "/v1/../../etc/passwd", "/etc/passwd", "/v1/apps/../../etc", "/v1/apps/demo/../x/../y"):
        answer = stage.ask("GET", path)
        if answer.status not in (400, 404):
            raise AssertionError("%s: %d" % (path, answer.status))
    stage.alive()


@case("/server/http/apps-may-have-any-name-that-a-folder-has")
def odd_names(stage):
    names = ["two\nlines", "tab\there", "esc\x1b[2Jape", "\x7f", "\x01", "a b", "%41", "ü€", "'\"`$;&|\\"]
    for name in names:
        stage.app(name, start__json={"run": [{"method": "log", "params": {"text": "x"}}]})
    stage.start()
    listed = [app["id"] for app in stage.ask("GET", "/v1/apps").json]
    stage.equal(sorted(listed), sorted(names))
    for name in names:
        path = "/v1/apps/" + urllib.parse.quote(name, safe="")
        stage.equal(stage.ask("GET", path).json["id"], name)
        answer = stage.ask("POST", path + "/start", {"script": "start.json"})
        stage.equal(answer.status, 202, "start of %r: %r" % (name, answer.body))
        run = "/v1/runs/" + answer.json["run"]
        stage.waits(lambda: stage.ask("GET", run).json["state"] == "finished", lambda: "%r" % stage.ask("GET", run).body)
        stage.equal(stage.ask("GET", run).json["app"], name)
        stage.equal(stage.ask("POST", path + "/stop?wait=5").status, 200, "stop of %r" % name)


@case("/server/http/scripts-outside-of-home-only-over-the-unix-socket")
def outside(stage):
    stage.start()
    script = stage.path("outside.json")
    with open(script, "w", encoding="ascii") as file:
        json.dump({"run": []}, file)
    os.symlink(script, os.path.join(stage.home, "inside.json"))
    for path in (script, stage.home + "/inside.json", stage.home + "/../outside.json", stage.home, "/proc/self/environ"):
        stage.problem(stage.ask("POST", "/v1/runs", {"script": path}), 403, "PINOKIO_HOME")
    for path in ("start.json", "../start.json", "", "http://example.org/x.json"):
        stage.problem(stage.ask("POST", "/v1/runs", {"script": path}), 400, "absolute")
        stage.problem(stage.ask("POST", "/v1/runs", {"script": path}, local=True), 400, "absolute")


@case("/server/http/bodies-are-read-strictly")
def bodies(stage):
    stage.app("demo", start__json={"run": []})
    stage.start()
    path = "/v1/apps/demo/start"
    json_type = ["Content-Type: application/json"]
    cases = (
        (b"{", "not JSON"),
        (b"[]", "object"),
        (b"1", "object"),
        (b"{}{}", "follows"),
        (b'{"script":1}', "'script' must be a string"),
        (b'{"Script":"x"}', "no member 'Script'"),
        (b'{"cols":0}', "from 1 to 1000"),
        (b'{"input":"x"}', "'input' must be an object"),
        (b'{"input":' + b'{"a":' * 64 + b"1" + b"}" * 64 + b"}", "too deep"),
        (b"[" * 500000, "too deep"),
        (b'{"script":"\xff"}', "UTF-8"),
        (b'{"script":"\\u0000"}', "NUL"),
        (b"\x00", "not JSON"),
    )
    for body, part in cases:
        stage.problem(stage.ask("POST", path, body, json_type), 400, part)
    stage.problem(stage.ask("PUT", "/v1/settings/x", b"{}", json_type), 400, "'value' is needed")
    stage.problem(stage.ask("PUT", "/v1/settings/x"), 400, "'value' is needed")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"):
        stage.problem(stage.ask("POST", path, b"{}", ["Content-Type: " + kind]), 415)
    stage.problem(stage.ask("POST", path, b"{}"), 415)
    stage.problem(stage.ask("GET", "/v1/status", b"{}", json_type), 400, "no body")
    kind = ["Content-Type: application/json; charset=utf-8"]
    stage.problem(stage.ask("PUT", "/v1/settings/no.such.setting", b'{"value":"x"}', kind), 404)
    for query in ("limit=x", "limit=-1", "limit=1001", "limit=99999999999999999999", "limit="):
        stage.problem(stage.ask("GET", "/v1/runs?" + query), 400, "limit")
    stage.equal(stage.ask("GET", "/v1/runs?limit=5&other=1").status, 200)


@case("/server/http/settings-are-text-numbers-or-flags")
def settings(stage):
    stage.start()
    path = "/v1/settings/stop.grace_ms"

    def value():
        return next(one["value"] for one in stage.ask("GET", "/v1/settings").json if one["key"] == "stop.grace_ms")

    for given, now in ((4000, 4000), ("3000", 3000), (0, 0), (value(), value())):
        stage.equal(stage.ask("PUT", path, {"value": given}).status, 200, "PUT of %r" % given)
        stage.equal(value(), now)
    for given in (True, False, -1, 4000.5, 1e30, 99999999999999999999, "x", ""):
        stage.problem(stage.ask("PUT", path, {"value": given}), 400, "whole number")
    for given in (None, [], {}, [4000]):
        stage.problem(stage.ask("PUT", path, {"value": given}), 400, "a string, a number, true or false")
    stage.equal(value(), 5000 if value() == 5000 else value())
    stage.equal(stage.ask("PUT", "/v1/settings/restart.policy", {"value": "always"}).status, 200)
    stage.problem(stage.ask("PUT", "/v1/settings/restart.policy", {"value": True}), 400, "one of")


@case("/server/http/the-end-of-a-body-is-beyond-doubt")
def framing(stage):
    """What another program would read as another length is refused, and nothing is done."""
    stage.app("demo", start__json={"run": []})
    stage.start()
    lengths = ("-5", "-0", "+2", "2x", "x", "", "0x2", "2 2", "2,2", "2, 3", "2.0", "1e1", "99999999999999999999", "18446744073709551618")
    heads = [["Content-Length: " + length] for length in lengths]
    heads += [["Content-Length: %d" % a, "content-length: %d" % b] for a, b in ((2, 3), (3, 2), (2, 2), (0, 2))]
    heads += [["Content-Length: 2", "Transfer-Encoding: chunked"], ["Transfer-Encoding: chunked", "Content-Length: 0"]]
    heads += [["Transfer-Encoding: " + coding] for coding in ("identity", "gzip", "chunked, chunked", "gzip, chunked", "x")]
    heads += [["Transfer-Encoding: chunked"] * 2, ["Transfer-Encoding: identity", "Content-Length: 2"]]
    began = time.monotonic()
    for local in (False, True):
        for head in heads:
            http = stage.connect(local)
            http.send(stage.head("POST", "/v1/apps/demo/start", head + ["Content-Type: application/json"]) + b"{}")
            answer = http.answer()
            if answer.status not in (400, 413, 501):
                raise AssertionError("%r: %d %r" % (head, answer.status, answer.body))
            stage.equal(http.is_closed(), True, "closed after %r" % head)
            http.close()
    if time.monotonic() - began > 20 * serving.SLOW:
        raise AssertionError("it waited for bodies")
    stage.equal(stage.ask("GET", "/v1/runs").json, [], "runs")
    good = stage.head("POST", "/v1/apps/demo/start", ["Transfer-Encoding: Chunked", "Content-Type: application/json"])
    stage.equal(stage.connect().send(good + b"2\r\n{}\r\n0\r\n\r\n").answer(20).status, 422, "nothing to start")


@case("/server/http/bodies-have-a-limit")
def limits(stage):
    stage.start()
    # Refused by its head alone: the body is never sent.
    for path in ("/v1/recover", "/v1/shells/x.1/input", "/v1/nothing"):
        http = stage.connect()
        http.send(stage.head("POST", path, ["Content-Type: application/json", "Content-Length: 1048577"]))
        stage.problem(http.answer(), 413, "1 MiB")
        stage.equal(http.is_closed(), True)
    http = stage.connect()
    http.send(stage.head("POST", "/v1/recover", ["Content-Length: 10000000000000", "Expect: 100-continue"]))
    stage.problem(http.answer(), 413)
    # In pieces whose sum nobody told.
    http = stage.connect()
    http.send(stage.head("POST", "/v1/shells/x.1/input", ["Transfer-Encoding: chunked"]))
    piece = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    sent = 0
    try:
        for _ in range(4000):
            http.send(piece)
            sent += len(piece)
    except ConnectionError:
        pass
    if sent > 32 * 1024 * 1024:
        raise AssertionError("it took %d bytes" % sent)
    # A stranger's bytes are not kept.
    before = stage.rss()
    many = []
    for _ in range(40):
        http = stage.connect()
        http.send(stage.head("POST", "/v1/shells/x.1/input", ["Content-Length: 1048576"], token=False) + b"x" * 1000000)
        many.append(http)
    time.sleep(0.3)
    stage.costs(before, 8 * 1024 * 1024, "40 strangers")
    stage.alive()


@case("/server/http/malformed-requests")
def malformed(stage):
    stage.start()
    good = "Authorization: Bearer %s\r\n" % stage.token
    requests = (
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  /v1/status HTTP/1.1\r\n\r\n",
        b"GET v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http:/// HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: local\x00host\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ("POST /v1/recover HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: -1\r\n\r\n" % good).encode(),
        ("POST /v1/recover HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: 1\r\nContent-Length: 2\r\n\r\nx" % good).encode(),
        ("POST /v1/recover HTTP/1.1\r\nHost: localhost\r\n%sTransfer-Encoding: gzip\r\n\r\n" % good).encode(),
        ("POST /v1/recover HTTP/1.1\r\nHost: localhost\r\n%sTransfer-Encoding: chunked\r\n\r\nzz\r\n" % good).encode(),
        ("POST /v1/recover HTTP/1.1\r\nHost: localhost\r\n%sTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" % good).encode(),
    )
    for local in (False, True):
        for request in requests:
            http = stage.connect(local)
            http.send(request)
            http.sock.shutdown(socket.SHUT_WR)
            try:
                answer = http.answer(5)
                # Some say clearly enough that they want the public page.
                if answer.status == 200 and b"<h1>PinokioCloud" not in answer.body:
                    raise AssertionError("%r: 200" % request[:60])
            except (EOFError, ConnectionError):
                pass  # it was cut off, which is an answer too
            http.close()
        stage.alive()
    answer = stage.ask("GET", "/%zz")
    if answer.status not in (400, 404) or answer.headers["content-type"] != "application/problem+json":
        raise AssertionError("no problem: %d %r" % (answer.status, answer.headers))


@case("/server/http/large-heads")
def large_heads(stage):
    stage.start()
    for head in (["X: " + "x" * 20000], ["X%d: y" % number for number in range(4000)]):
        stage.problem(stage.ask("GET", "/v1/status", headers=head), 431)
    stage.problem(stage.ask("GET", "/v1/apps/" + "x" * 20000), 431)
    before = stage.rss()
    for data in (b"GET / HTTP/1.1\r\nX: " + b"x" * 10000000, b"x" * 10000000, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000000):
        http = stage.connect()
        try:
            http.send(data)
        except ConnectionError:
            pass
        stage.equal(http.is_closed(), True, "cut off")
    stage.costs(before, 8 * 1024 * 1024, "large heads")
    stage.alive()


@case("/server/http/slow-clients-are-cut-off")
def slow(stage):
    stage.start("--header", 1000, "--body", 1500)
    silent = stage.connect()
    dripping = stage.connect()
    bodiless = stage.connect()
    bodiless.send(stage.head("POST", "/v1/recover", ["Content-Type: application/json", "Content-Length: 10"]) + b"{")
    began = time.monotonic()
    try:
        while time.monotonic() - began < 8 * serving.SLOW:
            dripping.send(b"G")
            time.sleep(0.1)
        raise AssertionError("a head of one byte every 0.1 s goes on for ever")
    except ConnectionError:
        pass
    stage.equal(silent.is_closed(2), True, "silent")
    stage.equal(bodiless.is_closed(4), True, "without its body")
    # Who has been answered may come again later than that.
    http = stage.connect()
    for _ in range(2):
        stage.equal(http.send(stage.head("GET", "/v1/status")).answer().status, 200)
        time.sleep(1.3)
    stage.alive()


@case("/server/http/a-thousand-connections")
def crowd(stage):
    stage.start()
    keep = stage.connect(local=True)
    stage.equal(keep.send(stage.head("GET", "/v1/status")).answer().status, 200)
    crowd_of = [stage.connect() for _ in range(1000)]
    for http in crowd_of:
        http.sock.setblocking(False)
    refused = set()

    def all_refused():
        for http in crowd_of:
            try:
                data = http.sock.recv(1000)
                if data.startswith(b"HTTP/1.1 503") or data == b"":
                    refused.add(http)
            except BlockingIOError:
                pass
            except ConnectionError:
                refused.add(http)
        return len(refused) >= 1000 - 256

    stage.waits(all_refused, "those beyond the limit are sent away")
    stage.equal(len(refused), 1000 - 256, "refused")
    # The other door is open all the while.
    stage.equal(keep.send(stage.head("GET", "/v1/status")).answer().status, 200)
    stage.equal(stage.ask("GET", "/v1/status", local=True).status, 200)
    for http in crowd_of:
        http.close()
    stage.waits(lambda: stage.descriptors() < 60, "their descriptors are closed")
    stage.alive()


@case("/server/http/thousands-of-requests-at-once-on-one-connection")
def pipelined(stage):
    stage.start()
    http = stage.connect()
    http.sock.settimeout(60)
    request = stage.head("HEAD", "/v1/status")
    count = 3000
    sent = 0
    got = b""
    http.sock.setblocking(False)
    pending = request * count
    end = time.monotonic() + 60
    while got.count(b"HTTP/1.1 200") < count and time.monotonic() < end:
        try:
            sent += http.sock.send(pending[sent : sent + 65536]) if sent < len(pending) else 0
        except BlockingIOError:
            pass
        try:
            got += http.sock.recv(1 << 20)
        except BlockingIOError:
            time.sleep(0.005)
    stage.equal(got.count(b"HTTP/1.1 200"), count)


@case("/server/http/connections-are-kept-after-every-kind-of-answer")
def kept(stage):
    stage.app("demo", start__json={"run": []})
    stage.start()
    http = stage.connect()
    tag = stage.ask("GET", "/v1/apps").headers["etag"]
    value = b'{"value":"4000"}'
    head = ["Content-Type: application/json", "Content-Length: %d" % len(value)]
    for request, status in (
        (stage.head("GET", "/v1/status"), 200),
        (stage.head("HEAD", "/v1/status"), 200),
        (stage.head("GET", "/v1/apps", ["If-None-Match: " + tag]), 304),
        (stage.head("GET", "/v1/apps/nope"), 404),
        (stage.head("GET", "/v1/apps/%00"), 400),
        (stage.head("DELETE", "/v1/apps"), 405),
        (stage.head("OPTIONS", "/v1/apps"), 200),
        (stage.head("PUT", "/v1/settings/stop.grace_ms", head) + value, 200),
        (stage.head("DELETE", "/v1/settings/stop.grace_ms"), 200),
        (stage.head("POST", "/v1/apps/demo/stop"), None),
        (stage.head("GET", "/v1/events"), 426),
        (stage.head("POST", "/v1/recover", ["Content-Length: 2", "Content-Type: text/plain"]) + b"{}", 415),
        (stage.head("GET", "/v1/apps/demo/menu"), None),
        (stage.head("GET", "/"), 200),
    ):
        answer = http.send(request).answer(20, request.startswith(b"HEAD") or status == 304)
        if status is not None:
            stage.equal(answer.status, status, repr(request[:60]))


@case("/server/http/clients-that-vanish")
def vanish(stage):
    stage.start()
    first = stage.descriptors()
    for number in range(200):
        http = stage.connect(number % 2 == 0)
        http.send(stage.head("GET", "/v1/status")[: 10 + number])
        http.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        http.close()
    for _ in range(50):
        http = stage.connect()
        http.send(stage.head("GET", "/v1/status"))
        http.close()
    stage.waits(lambda: stage.descriptors() <= first + 2, "their descriptors are closed")
    stage.alive()


def visit(stage, local, request, read=True):
    http = stage.connect(local)
    http.send(request)
    if read:
        stage.equal(http.answer().status, 200)
    http.close()
    stage.sockets.remove(http)


def let_go(stage, first, seconds=10):
    told = lambda: "%d descriptors, first %d" % (stage.descriptors(), first)
    stage.waits(lambda: stage.descriptors() <= first, told, seconds)


@case("/server/http/connections-that-were-closed-leave-nothing")
def left_behind(stage):
    """Every one might have been kept, and its client closes it after its answer, before it, or in the next request."""
    stage.start()
    whole = stage.head("GET", "/v1/status")
    ways = (
        lambda local: visit(stage, local, whole),
        lambda local: visit(stage, local, whole, read=False),
        lambda local: visit(stage, local, whole + whole[:20]),
        lambda local: visit(stage, local, whole + b"\r\n"),
        lambda local: visit(stage, local, whole[:20], read=False),
        lambda local: visit(stage, local, whole + whole, read=False),
    )
    stage.alive()
    time.sleep(0.2)
    first = stage.descriptors()
    for number in range(1200):
        ways[number % 6](number % 4 < 2)
    let_go(stage, first)
    before = stage.rss()
    for number in range(10000):
        ways[number % 6 if number % 10 == 0 else 0](number % 4 < 2)
    let_go(stage, first)
    stage.costs(before, 512 * 1024, "10000 connections")
    for turn in range(12):
        crowds = [[stage.connect(local) for _ in range(250)] for local in (False, True)]
        for http in crowds[0] + crowds[1]:
            http.send(whole)
        for http in crowds[0] + crowds[1]:
            stage.equal(http.answer().status, 200)
            http.close()
            stage.sockets.remove(http)
        let_go(stage, first)
        before = stage.rss() if turn == 6 else before  # what so many at once need is kept for the next
    stage.costs(before, 8 * 1024 * 1024, "500 at once, again and again")
    stage.alive()


@case("/server/http/connections-closed-while-an-answer-is-awaited-are-let-go")
def left_waiting(stage):
    stage.app("slow", pinokio__js="module.exports = { menu: () => new Promise((done) => setTimeout(() => done([]), 400)) }")
    stage.start()
    stage.alive()
    stage.waits(lambda: stage.ask("GET", "/v1/apps/slow").status == 200, "the app")
    stage.equal(stage.ask("GET", "/v1/apps/slow/menu", seconds=30).status, 200)
    time.sleep(0.2)
    first = stage.descriptors()
    for number in range(12):
        visit(stage, number % 2 == 0, stage.head("GET", "/v1/apps/slow/menu"), read=False)
    stage.waits(lambda: stage.descriptors() > first, "they have come")
    let_go(stage, first, 40)
    stage.alive()


@case("/server/http/clients-that-have-said-all-get-their-answers")
def half_closed(stage):
    """shutdown(SHUT_WR) behind the last request is no end before its answer."""
    stage.app("slow", pinokio__js="module.exports = { menu: () => new Promise((done) => setTimeout(() => done([]), 500)) }")
    stage.start()
    stage.waits(lambda: stage.ask("GET", "/v1/apps/slow").status == 200, "the app")
    stage.equal(stage.ask("GET", "/v1/apps/slow/menu", seconds=30).status, 200)
    time.sleep(0.2)
    first = stage.descriptors()
    one, late = stage.head("GET", "/v1/status"), stage.head("GET", "/v1/apps/slow/menu")
    for local in (False, True):
        for requests in ([one], [one] * 5, [late], [late, one], [one, late, one], [one] * 200):
            http = stage.connect(local)
            http.send(b"".join(requests))
            http.sock.shutdown(socket.SHUT_WR)
            for _ in requests:
                stage.equal(http.answer(30).status, 200)
            stage.equal(http.is_closed(), True, "closed after its last answer")
            http.close()
    let_go(stage, first)


@case("/server/http/etag-of-the-list-of-apps")
def etag(stage):
    stage.app("one", start__json={"run": []})
    stage.start()
    answer = stage.ask("GET", "/v1/apps")
    stage.equal([app["id"] for app in answer.json], ["one"])
    tag = answer.headers["etag"]
    same = stage.ask("GET", "/v1/apps", headers=["If-None-Match: " + tag])
    stage.equal((same.status, same.body, same.headers["etag"]), (304, b"", tag))
    stage.equal(stage.ask("GET", "/v1/apps", headers=['If-None-Match: "x"']).status, 200)
    stage.app("two", start__json={"run": []})
    stage.waits(
        lambda: stage.ask("GET", "/v1/apps", headers=["If-None-Match: " + tag]).status == 200, "the list has changed"
    )


@case("/server/http/ranges-are-not-cut")
def ranges(stage):
    stage.app("one", start__json={"run": []})
    stage.start()
    whole = stage.ask("GET", "/v1/apps").body
    answer = stage.ask("GET", "/v1/apps", headers=["Range: bytes=" + ",".join("0-" for _ in range(1000))])
    stage.equal((answer.status, answer.body), (200, whole))


@case("/server/http/events-and-logs-from-an-offset")
def reading(stage):
    journal, log = stage.path("run.journal"), stage.path("shell.log")
    lines = [json.dumps({"type": "note", "n": number}) for number in range(5)]
    with open(journal, "w", encoding="ascii") as file:
        file.write("".join(line + "\n" for line in lines))
    with open(log, "wb") as file:
        file.write(b"0123456789")
    run = "20260101-000000-abcd"
    stage.start("--ended", run, journal, log)
    answer = stage.ask("GET", "/v1/runs/%s/events" % run)
    stage.equal(answer.status, 200)
    stage.equal(answer.headers["content-type"], "application/x-ndjson")
    stage.equal([json.loads(line)["n"] for line in answer.body.splitlines()], [0, 1, 2, 3, 4])
    stage.equal(answer.headers["x-run-live"], "false")
    end = os.path.getsize(journal)
    stage.equal(int(answer.headers["x-next-offset"]), end)
    part = stage.ask("GET", "/v1/runs/%s/events?offset=%d" % (run, len(lines[0]) + 1))
    stage.equal([json.loads(line)["n"] for line in part.body.splitlines()], [1, 2, 3, 4])
    stage.equal(stage.ask("GET", "/v1/runs/%s/events?offset=%d" % (run, end)).body, b"")
    tail = stage.ask("GET", "/v1/runs/%s/events?offset=-%d" % (run, len(lines[-1]) + 2))  # from inside the last but one
    stage.equal([json.loads(line)["n"] for line in tail.body.splitlines()], [4])
    stage.equal(int(tail.headers["x-next-offset"]), end)
    stage.problem(stage.ask("GET", "/v1/runs/%s/events?offset=-0" % run), 400)
    stage.problem(stage.ask("GET", "/v1/runs/20260101-000000-ffff/events"), 404)
    shell = "/v1/shells/%s.1/log" % run
    answer = stage.ask("GET", shell)
    stage.equal((answer.status, answer.body, answer.headers["x-next-offset"]), (200, b"0123456789", "10"))
    stage.equal(answer.headers["content-type"], "application/octet-stream")
    stage.equal(stage.ask("GET", shell + "?offset=3&limit=4").body, b"3456")
    answer = stage.ask("GET", shell + "?offset=100")
    stage.equal((answer.body, answer.headers["x-next-offset"]), (b"", "100"))
    stage.problem(stage.ask("GET", shell + "?limit=4194305"), 400)
    os.remove(log)
    stage.equal(stage.ask("GET", shell).body, b"")


@case("/server/http/shutdown-answers-before-it-ends")
def shutdown(stage):
    stage.start()
    stage.problem(stage.ask("POST", "/v1/shutdown", {"apps": "yes"}), 400)
    answer = stage.ask("POST", "/v1/shutdown", {"apps": True})
    stage.equal(answer.status, 202)
    stage.equal(stage.process.stdout.readline(), b"shutdown 1\n")
    stage.equal(stage.process.wait(20), 0)


@case("/server/http/what-is-not-there")
def missing(stage):
    stage.app("empty")
    stage.start()
    for method, path, body in (
        ("GET", "/v1/apps/nope", None),
        ("GET", "/v1/apps/nope/menu", None),
        ("POST", "/v1/apps/nope/start", {}),
        ("POST", "/v1/apps/nope/stop", {}),
        ("POST", "/v1/apps/nope/stop?wait=5", None),
        ("POST", "/v1/apps/nope/restart", {}),
        ("GET", "/v1/runs/nope", None),
        ("POST", "/v1/runs/nope/stop", None),
        ("POST", "/v1/runs/nope/answer", {"question": "1", "answers": {}}),
        ("GET", "/v1/runs/nope/events", None),
        ("GET", "/v1/shells/nope", None),
        ("GET", "/v1/shells/nope/log", None),
        ("POST", "/v1/shells/nope/input", b"x"),
        ("POST", "/v1/shells/nope/resize", {"cols": 80, "rows": 24}),
        ("POST", "/v1/shells/nope/stop", {}),
    ):
        answer = stage.ask(method, path, body, seconds=20)
        if answer.status != 404:
            raise AssertionError("%s %s: %d %r" % (method, path, answer.status, answer.body))
        stage.problem(answer, 404)
    stage.problem(stage.ask("POST", "/v1/runs/nope/answer", {"question": "1"}), 400, "either")
    stage.problem(stage.ask("POST", "/v1/apps/nope/stop?wait=121"), 400, "wait")
    for path in ("/v1/runs/nope/events", "/v1/shells/nope/terminal"):
        answer, _ = stage.upgrade(path)
        stage.equal(answer.status, 404, path)


@case("/server/http/nothing-secret-is-logged")
def quiet(stage):
    stage.start()
    stage.ask("GET", "/v1/status")
    stage.upgrade("/v1/events?token=" + stage.token, token=False)
    stage.ask("PUT", "/v1/settings/x", {"value": "hushhush"})
    stage.process.terminate()
    stage.process.wait()
    for folder, _, names in os.walk(stage.folder):
        for name in names:
            path = os.path.join(folder, name)
            if name == "token" or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                data = file.read()
            if stage.token.encode() in data or b"hushhush" in data:
                raise AssertionError("a secret stands in " + path)


if __name__ == "__main__":
    serving.main()
