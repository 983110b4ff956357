#!/usr/bin/env python3
"""The gate between clients and apps: what passes, how fast, and what of it is changed.

    traffic.py --gate PROGRAM [--only WORD]
"""

import hashlib
import http.client
import http.server
import os
import re
import socket
import threading
import time

import gatework
from gatework import HOST, KEY, SLOW, case, reply, sign, wait_for

MB = 1 << 20


@case("the app sees the public host, who asked and how, and nothing that is between two neighbours")
def heads(gate):
    answer = gate.ask(
        "GET", "/a?b=c", "X-Forwarded-For: 9.9.9.9, 8.8.8.8", "X-Forwarded-Proto: http", "X-Forwarded-Host: evil",
        "Connection: X-Mine", "X-Mine: 1", "Keep-Alive: timeout=5", "TE: trailers", "Proxy-Authorization: x",
        "Range: bytes=0-4", "Origin: https://" + HOST, "Cookie: a=b",
    )
    assert answer.status == 200
    seen = gate.app.requests[0]
    assert seen.line == "GET /a?b=c HTTP/1.1", seen.line
    assert seen.fields == [
        ("Host", HOST), ("Range", "bytes=0-4"), ("Origin", "https://" + HOST), ("Cookie", "a=b"),
        ("X-Forwarded-For", "9.9.9.9, 8.8.8.8"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", HOST),
    ], seen.fields  # fmt: skip
    gate.ask("GET", "/", "X-Forwarded-Proto: gopher", host=HOST.upper() + ":443")
    seen = gate.app.requests[1]
    assert (seen.get("x-forwarded-proto"), seen.get("x-forwarded-for")) == ("https", "127.0.0.1"), seen.fields
    assert seen.get("host") == seen.get("x-forwarded-host") == HOST.upper() + ":443", seen.fields


@case("an agent that puts another name into Host is understood by X-Forwarded-Host")
def forwarded_host(gate):
    assert gate.ask("GET", "/", "X-Forwarded-Host: " + HOST, host="127.0.0.1:4000").status == 200
    assert gate.app.requests[0].get("host") == HOST
    assert gate.ask("GET", "http://%s/x" % HOST, host="other.example").status == 200
    assert gate.app.requests[1].target == "/x" and gate.app.requests[1].get("host") == HOST


@case("an app that listens on ::1 only, and a share with several hosts")
def six(gate):
    try:
        app = gatework.App(address="::1")
    except OSError:
        return  # a machine without IPv6
    gate.change(address="::1", port=app.port, hosts=[HOST, "second.example"])
    for host in (HOST, "second.example"):
        assert gate.ask("GET", "/", host=host).body == b"hello"
        assert app.requests[-1].get("host") == host
    app.close()


@case("a host that nobody shares gets 421 and a page")
def unknown_host(gate):
    answer = gate.ask("GET", "/", "Accept: text/html", host="nobody.example")
    assert answer.status == 421 and b"<h1>Nothing is shared here</h1>" in answer.body
    assert gate.ask("GET", "/", host="nobody.example").get("content-type") == "application/problem+json"
    old = gate.connect()
    old.send("GET / HTTP/1.0\r\n\r\n")
    assert old.answer().status == 421 and old.ended()
    assert not gate.app.requests


@case("the check is answered on any host with a proof, and does not reach the app")
def check(gate):
    gate.change(passcode=gatework.seal("x"))
    before = len(gate.app.requests)
    for host in (HOST, "any.example"):
        answer = gate.ask("GET", "/.pinokiocloud/gate?x=1&nonce=aZ09", host=host)
        assert answer.status == 200 and answer.body.decode() == sign("proof", "aZ09"), answer.body
        assert answer.get("cache-control") == "no-store"
    for query in ("", "?nonce=", "?nonce=a%20b", "?nonce=" + "a" * 65, "?nonce=a-b", "?"):
        assert gate.ask("GET", "/.pinokiocloud/gate" + query).status == 400, query
    assert gate.ask("GET", "/.pinokiocloud/gate2").status == 404
    assert len(gate.app.requests) == before


@case("connections stay open on both sides")
def keep_alive(gate):
    client = gate.connect()
    for _ in range(50):
        assert gate.ask("GET", "/", peer=client).body == b"hello"
    assert gate.app.connections == 1, gate.app.connections
    assert gate.ask("GET", "/").body == b"hello"
    assert gate.app.connections == 1
    answer = gate.ask("GET", "/", "Connection: close", peer=client)
    assert answer.get("connection") == "close" and client.ended()


@case("an app that has closed a kept connection is asked once more, but never twice for a POST")
def stale(gate):
    def once(peer):
        request = peer.head()
        gate.app.requests.append(request)
        peer.body(request)
        peer.send(reply())
        peer.until(b"\r\n\r\n")  # and closes instead of answering

    gate.app.serve = once
    assert gate.ask("GET", "/").body == b"hello"
    assert gate.ask("GET", "/").body == b"hello"
    assert gate.app.connections == 2
    for _ in range(5):
        assert gate.ask("POST", "/", body=b"x").body == b"hello"
    gate.app.serve = lambda peer: peer.until(b"\r\n\r\n")
    wait_for("kept ones to end", lambda: len(gate.files()) == len(gate.before))
    before = gate.app.connections
    assert gate.ask("POST", "/", body=b"x").status == 502
    assert gate.ask("GET", "/").status == 502
    assert gate.app.connections == before + 2, gate.app.connections - before


@case("requests that come at once are answered in order")
def pipelining(gate):
    client = gate.connect()
    bodies = [b"%d" % number * (number % 7 * 1000 + 1) for number in range(200)]
    sent = b"".join(
        b"POST /%d HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s\r\n" % (i, HOST.encode(), len(body), body)
        for i, body in enumerate(bodies)
    )
    threading.Thread(target=client.send, args=(sent,), daemon=True).start()
    for body in bodies:
        assert client.answer().body == body
    assert [request.target for request in gate.app.requests] == ["/%d" % i for i in range(200)]


@case("Expect: 100-continue is the app's to answer")
def expect(gate):
    def hesitate(peer, request):
        assert request.get("expect") == "100-continue"
        assert not peer.data
        peer.send("HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n")
        peer.body(request)
        peer.send(reply(request.body))

    gate.app.paths["/yes"] = hesitate
    gate.app.paths["/no"] = lambda peer, request: peer.send(reply(b"", "417 No")) or "end"
    client = gate.connect()
    fields = "Host: %s\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n" % HOST
    client.send("POST /yes HTTP/1.1\r\n" + fields)
    interim = client.head()
    assert interim.status == 100 and interim.get("x-a") == "b"
    client.send("12345")
    assert client.answer().body == b"12345"
    client.send("POST /no HTTP/1.1\r\n" + fields)
    assert client.answer().status == 417
    assert client.ended()


@case("chunks and trailers pass both ways, in whatever pieces they come")
def chunks(gate):
    def echo(peer, request):
        peer.body(request)
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
        for at in range(0, len(request.body), 3):
            part = request.body[at : at + 3]
            peer.send(b"%x;a=b\r\n%s\r\n" % (len(part), part))
        peer.send(b"0\r\n" + request.trailers + b"\r\n")

    gate.app.paths["/echo"] = echo
    client = gate.connect()
    text = "POST /echo HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n" % HOST
    text += "5\r\nhello\r\n6;x=\"y\"\r\n world\r\n0\r\nX-Sum: 42\r\n\r\n"
    for piece in (1, 2, 7, 1000):
        for at in range(0, len(text), piece):
            client.send(text[at : at + piece])
        answer = client.answer()
        assert (answer.body, answer.trailers) == (b"hello world", b"X-Sum: 42\r\n"), answer.body


def stream_down(gate, size):
    block = os.urandom(MB)

    def send(peer, request):
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (size * MB))
        for _ in range(size):
            peer.send(block)

    gate.app.paths["/down"] = send
    return hashlib.sha256(block * size).hexdigest()


@case("large bodies pass both ways with flat memory")
def large(gate):
    size, most = 256, []
    expected = stream_down(gate, size)
    received = {}

    def take(peer, request):
        sum_up, left = hashlib.sha256(), size * MB
        while left:
            if not peer.data:
                peer.more()
            sum_up.update(peer.data)
            left -= len(peer.data)
            peer.data = b""
        received["up"] = sum_up.hexdigest()
        peer.send(reply())

    gate.app.paths["/up"] = take
    gate.ask("GET", "/")
    before = gate.memory()
    client = gate.connect()
    client.send("GET /down HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
    client.head()
    sum_down, left = hashlib.sha256(), size * MB
    while left:
        if not client.data:
            client.more()
        sum_down.update(client.data)
        left -= len(client.data)
        client.data = b""
        most.append(gate.memory())
    assert sum_down.hexdigest() == expected
    block = os.urandom(MB)
    client.send("POST /up HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" % (HOST, size * MB))
    for _ in range(size):
        client.send(block)
        most.append(gate.memory())
    assert client.answer().status == 200
    assert received["up"] == hashlib.sha256(block * size).hexdigest()
    assert max(most) - before < 3, "memory grew by %.1f MB" % (max(most) - before)


@case("whoever sends waits for whoever does not read")
def back_pressure(gate):
    sent = {"up": 0, "down": 0}

    def pour(send, way):
        try:
            while sent[way] < 200 * MB:
                send(b"x" * 65536)
                sent[way] += 65536
        except (OSError, EOFError):
            pass

    def flood(peer, request):
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 40))
        pour(peer.send, "down")
        return "end"

    gate.app.paths["/down"] = flood
    gate.app.paths["/up"] = lambda peer, request: time.sleep(3 * SLOW) or "end"
    gate.ask("GET", "/")
    before = gate.memory()
    reader, writer = gate.connect(), gate.connect()
    reader.send("GET /down HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
    writer.send("POST /up HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" % (HOST, 1 << 40))
    threading.Thread(target=pour, args=(writer.send, "up"), daemon=True).start()
    seen = None
    while seen != dict(sent) or not all(seen.values()):  # until nothing moves any more
        seen = dict(sent)
        time.sleep(0.3)
    assert max(sent.values()) < 40 * MB, sent
    assert gate.memory() - before < 2
    reader.reset()
    writer.reset()


@case("answers without a length end with the connection, and a crash does not look like an end")
def no_length(gate):
    def plain(peer, request):
        peer.send("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + "x" * 100000)
        return "end"

    def crash(peer, request):
        peer.send("HTTP/1.0 200 OK\r\n\r\n" + "x" * 100)
        time.sleep(0.2)
        peer.reset()
        return "end"

    def short(peer, request):
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        return "end"

    gate.app.paths.update({"/plain": plain, "/crash": crash, "/short": short})
    answer = gate.ask("GET", "/plain")
    assert answer.body == b"x" * 100000 and answer.get("connection") == "close"
    client = gate.connect()
    client.send("GET /crash HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
    client.head()
    try:
        while True:
            client.more()
    except ConnectionResetError:
        pass
    client = gate.connect()
    client.send("GET /short HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
    client.head()
    assert client.rest() == b"abc"


@case("HEAD, 204, 304 and interim answers have no body")
def no_body(gate):
    def early(peer, request):
        peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + reply().decode())

    gate.app.paths["/head"] = lambda peer, request: peer.send("HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n")
    gate.app.paths["/204"] = lambda peer, request: peer.send("HTTP/1.1 204 No Content\r\n\r\n")
    gate.app.paths["/304"] = lambda peer, request: peer.send("HTTP/1.1 304 X\r\nContent-Length: 9\r\nETag: e\r\n\r\n")
    gate.app.paths["/early"] = early
    client = gate.connect()
    answer = gate.ask("HEAD", "/head", peer=client)
    assert answer.get("content-length") == "77"
    assert gate.ask("GET", "/204", peer=client).status == 204
    assert gate.ask("GET", "/304", peer=client).get("etag") == "e"
    client.send("GET /early HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
    assert (client.head().get("link"), client.head().status, client.answer().body) == ("</a>", 102, b"hello")
    assert gate.ask("GET", "/", peer=client).body == b"hello"
    assert gate.app.connections == 3  # after HEAD, and a length without its bytes, who knows whether they come after all
    old = gate.connect()
    old.send("GET /early HTTP/1.0\r\nHost: %s\r\n\r\n" % HOST)
    assert old.answer().status == 200


@case("a WebSocket passes both ways, and so does its end")
def websocket(gate):
    def echo(peer, request):
        assert request.get("connection") == "Upgrade" and request.get("upgrade") == "websocket"
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
            "Sec-WebSocket-Accept: x\r\n\r\nfirst"
        )
        while True:
            if not peer.data:
                peer.more()
            peer.send(peer.data)
            peer.data = b""

    gate.app.paths["/ws"] = echo
    gate.app.paths["/no"] = lambda peer, request: peer.send(reply(b"no", "426 No", "Upgrade: websocket"))
    gate.app.paths["/forced"] = lambda peer, request: peer.send("HTTP/1.1 101 X\r\n\r\n") or "end"
    fields = ("Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: k")
    client = gate.connect()
    lines = ["GET /ws HTTP/1.1", "Host: " + HOST, *fields, "", ""]
    client.send("\r\n".join(lines) + "early")
    answer = client.head()
    assert answer.status == 101 and answer.get("upgrade") == "websocket" and answer.get("connection") == "Upgrade"
    assert answer.get("sec-websocket-accept") == "x"
    assert client.exactly(10) == b"firstearly"
    data = os.urandom(MB)
    threading.Thread(target=client.send, args=(data,), daemon=True).start()
    assert client.exactly(MB) == data
    client.send("bye")
    client.socket.shutdown(socket.SHUT_WR)
    assert client.rest() == b"bye"
    other = gate.connect()
    assert gate.ask("GET", "/no", *fields, peer=other).body == b"no"
    assert gate.ask("GET", "/", peer=other).body == b"hello"
    assert gate.ask("GET", "/forced").status == 502


@case("server-sent events arrive at once, both of them and the words of a slow client")
def events(gate):
    told = threading.Semaphore(0)
    times = []

    def stream(peer, request):
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(20):
            times.append(time.monotonic())
            peer.send("8\r\ndata: %02d\r\n" % number)
            assert told.acquire(timeout=10 * SLOW)
        peer.send("0\r\n\r\n")

    gate.app.paths["/events"] = stream
    client = gate.connect()
    client.send("GET /events HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
    client.head()
    late = []
    for number in range(20):
        assert client.chunk() == b"data: %02d" % number
        late.append(time.monotonic() - times[number])
        told.release()
    assert sorted(late)[10] < 0.02 * SLOW, late


@case("HTTP/1.0 clients get what they can read")
def old_clients(gate):
    def chunked(peer, request):
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n")

    gate.app.paths["/chunked"] = chunked
    old = gate.connect()
    old.send("GET /chunked HTTP/1.0\r\nHost: %s\r\nConnection: keep-alive\r\n\r\n" % HOST)
    answer = old.answer()
    assert answer.body == b"abcde" and answer.get("connection") == "close", (answer.body, answer.fields)
    assert answer.get("transfer-encoding") is None
    old = gate.connect()
    for _ in range(3):
        old.send("GET / HTTP/1.0\r\nHost: %s\r\nConnection: Keep-Alive\r\n\r\n" % HOST)
        answer = old.answer()
        assert answer.body == b"hello" and answer.get("connection") == "keep-alive"
    old.send("GET / HTTP/1.0\r\nHost: %s\r\n\r\n" % HOST)
    assert old.answer().body == b"hello" and old.ended()
    half = gate.connect()
    half.send("GET / HTTP/1.0\r\nHost: %s\r\n\r\n" % HOST)
    half.socket.shutdown(socket.SHUT_WR)  # as `nc -N` does
    assert half.answer().body == b"hello"


@case("an answer that comes before the upload's end reaches the client")
def early_answer(gate):
    gate.app.paths["/refuse"] = lambda peer, request: peer.send(reply(b"too large", "413 No")) or "end"
    for _ in range(5):
        client = gate.connect()

        def pour(send=client.send):
            try:
                for _ in range(64):
                    send(b"x" * MB)
            except OSError:
                pass

        client.send("POST /refuse HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" % (HOST, 64 * MB))
        thread = threading.Thread(target=pour)
        thread.start()
        assert client.answer().body == b"too large"
        client.close()
        thread.join()


@case("Python's own server, with ranges, a HEAD and a POST")
def real_server(gate):
    folder = os.path.join(gate.folder, "www")
    os.mkdir(folder)
    data = os.urandom(3 * MB)
    with open(os.path.join(folder, "file.bin"), "wb") as file:
        file.write(data)

    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __init__(self, *more):
            super().__init__(*more, directory=folder)

        def log_message(self, *more):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    gate.change(port=server.server_address[1])
    client = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=20 * SLOW)
    for _ in range(3):
        client.request("GET", "/file.bin", headers={"Host": HOST})
        assert client.getresponse().read() == data
        client.request("HEAD", "/file.bin", headers={"Host": HOST})
        answer = client.getresponse()
        assert answer.read() == b"" and answer.headers["Content-Length"] == str(len(data))
        client.request("POST", "/", data, headers={"Host": HOST})
        assert client.getresponse().read() == data
        client.request("GET", "/none", headers={"Host": HOST})
        answer = client.getresponse()
        assert answer.status == 404 and answer.read()
    client.close()
    server.shutdown()
    server.server_close()


@case("requests that two programs could read in two ways do not reach the app")
def smuggling(gate):
    start = "POST / HTTP/1.1\r\nHost: %s\r\n" % HOST
    for bad in (
        start + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        start + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        start + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        start + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        start + "A: b\r\n c\r\n\r\n",
        start + "A: b\nTransfer-Encoding: chunked\r\n\r\n",
        start + "A: b\0c\r\n\r\n",
        start.replace("\r\n", "\n") + "\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "GET / HTTP/1.1\r\nHost: %s\r\nHost: %s\r\n\r\n" % (HOST, HOST),
    ):
        client = gate.connect()
        client.send(bad)
        answer = client.answer()
        assert answer.status == 400 and answer.get("connection") == "close", (bad, answer.line)
        assert client.ended()
    assert not gate.app.requests
    client = gate.connect()
    client.send(start + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n")
    assert client.answer().status == 400


@case("an app that is not there, or answers nonsense, is told at once", "--answer-ms", "400")
def no_app(gate):
    gate.app.paths["/end"] = lambda peer, request: "end"
    gate.app.paths["/odd"] = lambda peer, request: peer.send("SSH-2.0-x\r\n\r\n")
    gate.app.paths["/two"] = lambda peer, request: peer.send(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
    )
    gate.app.paths["/wide"] = lambda peer, request: peer.send("HTTP/1.1 200 OK\r\nA: %s\r\n\r\n" % ("x" * 200000))
    gate.app.paths["/mute"] = lambda peer, request: time.sleep(1.5 * SLOW) or "end"
    for path, says in (
        ("/end", b"closed the connection"), ("/odd", b"not HTTP"), ("/two", b"not HTTP"), ("/wide", b"too large"),
        ("/mute", b"too long to answer"),
    ):  # fmt: skip
        answer = gate.ask("GET", path, "Accept: text/html")
        assert answer.status == 502 and says in answer.body, (path, answer.body)
        assert b"pinokiocloud start" in answer.body
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    gate.change(port=port)
    began = time.monotonic()
    answer = gate.ask("GET", "/", "Accept: text/html")
    assert answer.status == 502 and b"is not running" in answer.body
    assert time.monotonic() - began < 0.3 * SLOW
    client = gate.connect()
    for _ in range(3):  # the client's connection outlives that
        assert gate.ask("GET", "/", peer=client).status == 502


if __name__ == "__main__":
    gatework.run()
