#!/usr/bin/env python3
"""The gate and what goes wrong: bad clients, apps that go away, configurations that change. After each case nothing of it
may be open in the gate.

    trouble.py --gate PROGRAM [--only WORD]
"""

import os
import random
import re
import signal
import socket
import threading
import time

import gatework
from gatework import HOST, SLOW, case, reply, wait_for

MB = 1 << 20
GET = "GET / HTTP/1.1\r\nHost: %s\r\n" % HOST


@case("half a request is waited for, but not for long", "--head-ms", "600", "--idle-ms", "1500")
def half(gate):
    for text in (GET, GET[:3], "\r\n" + GET, GET[:-2]):
        client = gate.connect()
        client.send(text)
        assert client.answer().status == 408, text
        assert client.ended()
    slow, began = gate.connect(), time.monotonic()
    slow.socket.setblocking(False)
    for letter in GET + "A: " + "b" * 1000:  # a byte now and then does not help
        slow.send(letter)
        time.sleep(0.02)
        try:
            if slow.socket.recv(12) == b"HTTP/1.1 408":
                break
        except BlockingIOError:
            pass
    assert 0.5 < time.monotonic() - began < 3 * SLOW
    idle = gate.connect()
    assert gate.ask("GET", "/", peer=idle).status == 200
    began = time.monotonic()
    assert idle.ended()
    assert 1 < time.monotonic() - began < 4 * SLOW
    form = gate.connect()
    form.send(
        "POST /.pinokiocloud/passcode HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: 100\r\n\r\npass" % HOST
    )
    assert form.answer().status == 408
    assert len(gate.app.requests) == 1


@case("an upload or a stream that pauses is not ended", "--head-ms", "300", "--idle-ms", "300", "--gone-ms", "300")
def pauses(gate):
    def stream(peer, request):
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
        time.sleep(1.5)
        peer.send("b")

    gate.app.paths["/stream"] = stream
    client = gate.connect()
    client.send("POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 2\r\n\r\na" % HOST)
    time.sleep(1.5)
    client.send("b")
    assert client.answer().body == b"ab"
    client = gate.connect()
    assert gate.ask("GET", "/stream", peer=client).body == b"ab"


@case("a gigabyte of headers is refused after 32 KiB, with flat memory")
def many_headers(gate):
    gate.ask("GET", "/")
    before = gate.memory()
    for line in (b"A: " + b"b" * 1000 + b"\r\n", b"b" * 1000, b"A: b\r\n" * 100):
        client, sent = gate.connect(), 0
        client.send(GET)
        try:
            while sent < 1 << 30:
                client.send(line)
                sent += len(line)
        except OSError:
            pass
        assert sent < 100 * MB, sent
        client = gate.connect()
        client.send(GET.encode() + line * (40000 // len(line)))
        assert client.answer().status == 431
    assert gate.memory() - before < 2
    fits = gate.connect()
    fits.send(GET + "A: " + "b" * (32 * 1024 - len(GET) - 7) + "\r\n\r\n")
    assert fits.answer().status == 200
    assert len(gate.app.requests) == 2


@case("clients that go away in the middle of everything", "--gone-ms", "400")
def clients_go(gate):
    served = []

    def flood(peer, request):
        try:
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 40))
            while True:
                peer.send(b"x" * 65536)
        except OSError:
            served.append("flood")
        return "end"

    def silent(peer, request):
        served.append("silent" if peer.rest() == b"" else "?")
        return "end"

    def swallow(peer, request):
        try:
            peer.exactly(1 << 40)
        except (EOFError, ConnectionError):
            served.append("swallow")
        return "end"

    def socket_like(peer, request):
        peer.send("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n")
        served.append("socket" if peer.rest() == b"" else "?")
        return "end"

    gate.app.paths.update({"/flood": flood, "/silent": silent, "/swallow": swallow, "/socket": socket_like})
    requests = {
        "/flood": "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
        "/silent": "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
        "/swallow": "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 1000000\r\n\r\nabc",
        "/socket": "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    }
    for way in ("close", "reset"):
        for path, text in requests.items():
            count = len(served)
            for _ in range(5):
                client = gate.connect()
                asked = len(gate.app.requests)
                client.send(text % (path, HOST))
                wait_for("the app's turn", lambda: len(gate.app.requests) > asked)
                if path in ("/flood", "/socket"):
                    client.head()
                getattr(client, way)()
            wait_for("the app to learn of it: " + path, lambda: len(served) >= count + 5)
    assert "?" not in served


@case("apps that go away in the middle of everything")
def apps_go(gate):
    def partly(peer, request):
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
        peer.reset()
        return "end"

    def never(peer, request):
        peer.reset()
        return "end"

    def bad_chunks(peer, request):
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n")
        peer.rest()
        return "end"

    def changed(peer, request):
        peer.send("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\nhello")
        peer.reset()
        return "end"

    gate.app.paths.update({"/partly": partly, "/never": never, "/chunks": bad_chunks, "/changed": changed})
    for _ in range(5):
        for path in ("/partly", "/chunks"):
            client = gate.connect()
            client.send("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path, HOST))
            client.head()
            assert b"0\r\n\r\n" not in client.rest()
        assert gate.ask("GET", "/never").status == 502
        assert gate.ask("POST", "/never", body=b"x" * 500000).status == 502
        client = gate.connect()
        client.send("GET /changed HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" % HOST)
        client.rest()


@case("more connections than there may be get 503, unless others only wait for a request", "--clients", "20")
def too_many(gate):
    go_on = threading.Event()
    gate.app.paths["/busy"] = lambda peer, request: go_on.wait(20 * SLOW) and peer.send(reply("busy"))
    idle = [gate.connect() for _ in range(20)]
    for client in idle:
        assert gate.ask("GET", "/", peer=client).status == 200
    busy = [gate.connect() for _ in range(20)]
    for client in busy:
        client.send("GET /busy HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
    for client in idle:
        assert client.ended()
    wait_for("the app", lambda: len(gate.app.requests) == 40)
    extra = [gate.connect() for _ in range(10)]
    for client in extra:
        client.send(GET + "\r\n")
        assert client.answer().status == 503
        client.close()
    go_on.set()
    for client in busy:
        assert client.answer().body == b"busy"
    wait_for("room", lambda: gate.ask("GET", "/").status == 200)


@case("bytes at random, and requests with some of theirs changed")
def random_bytes(gate):
    chance = random.Random(7)
    good = (
        "POST /a?b HTTP/1.1\r\nHost: %s\r\nCookie: a=b; pinokiocloud_gate=1.a\r\nConnection: keep-alive, x\r\n"
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n" % HOST
    ).encode()
    for number in range(400):
        data = bytearray(chance.randbytes(chance.randrange(1, 300)) if number % 4 == 0 else good * 2)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.choice(b"\r\n :\0;,0a\xff\t")
        client = gate.connect()
        client.send(bytes(data))
        client.socket.shutdown(socket.SHUT_WR)
        client.rest()
        client.close()
    assert gate.ask("GET", "/").status == 200


@case("a configuration that changes under load drops nothing and is followed at once")
def changes_under_load(gate):
    other = gatework.App()
    other.paths["/"] = lambda peer, request: peer.send(reply("other"))
    gate.app.paths["/long"] = lambda peer, request: (
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"), time.sleep(1.5), peer.send("hello"),
    ) and None  # fmt: skip
    long_one = gate.connect()
    long_one.send("GET /long HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
    wait_for("the app's turn", lambda: gate.app.requests)
    ended, problems, counts = threading.Event(), [], [0]

    def ask():
        client = gate.connect()
        while not ended.is_set():
            try:
                answer = gate.ask("GET", "/", peer=client)
                counts[0] += 1
                if answer.status != 200 or answer.body not in (b"hello", b"other"):
                    problems.append(answer.line)
            except (OSError, EOFError) as error:
                problems.append(repr(error))
                return

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    client, late = gate.connect(), []
    for number in range(60):
        wanted = (other.port, b"other") if number % 2 == 0 else (gate.app.port, b"hello")
        gate.shares[0]["port"] = wanted[0]
        began = time.monotonic()
        gate.write()
        wait_for("the change", lambda: gate.ask("GET", "/", peer=client).body == wanted[1])
        late.append(time.monotonic() - began)
    ended.set()
    for thread in threads:
        thread.join()
    assert not problems and counts[0] > 100, (problems[:5], counts)
    assert sorted(late)[30] < 0.05 * SLOW, late
    assert long_one.answer().body == b"hellohello"
    other.close()


@case("a configuration that cannot be read is said, and the old one stays")
def bad_configuration(gate):
    for text in ("", "{", '{"port":1}', '{"port":0,"key":"%s","shares":[{"id":"a"}]}' % gatework.KEY):
        before = gate.said()
        gate.write(text)
        wait_for("a word of it", lambda: gate.said() != before)
        assert gate.said()[len(before) :].count("\n") == 1 and gate.path in gate.said()
        assert gate.ask("GET", "/").status == 200
    os.unlink(gate.path)
    wait_for("a word of it", lambda: "No such file" in gate.said())
    assert gate.ask("GET", "/").status == 200
    gate.shares[0]["hosts"] = ["other.example"]
    gate.write()
    wait_for("the good one", lambda: gate.ask("GET", "/").status == 421)
    assert gate.ask("GET", "/", host="other.example").status == 200


@case("another port is taken, and one that is in use is not")
def ports(gate):
    taken = socket.create_server(("127.0.0.1", 0))
    client = gate.connect()
    gate.config["port"] = taken.getsockname()[1]
    gate.write()
    wait_for("a word of it", lambda: "EADDRINUSE" in gate.said())
    assert gate.ask("GET", "/").status == 200
    taken.close()
    old, gate.port = gate.port, gate.config["port"]
    gate.config["every_interface"] = True
    gate.write()

    def answers():
        try:
            return gate.ask("GET", "/").status == 200
        except OSError:
            return False

    wait_for("the new port", answers)
    assert gate.ask("GET", "/", peer=client).status == 200  # it came through the old one
    try:
        socket.create_connection(("127.0.0.1", old), timeout=1).close()
        raise AssertionError("the old port is still open")
    except ConnectionRefusedError:
        pass
    gate.config["every_interface"] = False
    gate.write()
    wait_for("the port again", answers)


@case("the process gives privileges up, may open many files and ends when it is told to")
def process(gate):
    with open("/proc/%d/status" % gate.process.pid, encoding="ascii") as file:
        status = file.read()
    assert re.search(r"NoNewPrivs:\s+1", status)
    ignored = int(re.search(r"SigIgn:\s+(\w+)", status).group(1), 16)
    assert ignored >> (signal.SIGPIPE - 1) & 1
    with open("/proc/%d/limits" % gate.process.pid, encoding="ascii") as file:
        soft, hard = re.search(r"Max open files\s+(\d+)\s+(\d+)", file.read()).groups()
    assert int(soft) >= min(4096, int(hard)), soft
    assert os.stat(gate.path).st_size
    gate.app.paths["/hang"] = lambda peer, request: peer.rest() and None or "end"
    client = gate.connect()
    client.send("GET /hang HTTP/1.1\r\nHost: %s\r\n\r\n" % HOST)
    wait_for("the request", lambda: gate.app.requests)
    began = time.monotonic()
    assert gate.end() == 0
    assert time.monotonic() - began < 1 * SLOW
    assert client.ended()


if __name__ == "__main__":
    gatework.run()
