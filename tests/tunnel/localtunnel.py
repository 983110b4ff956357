#!/usr/bin/env python3
"""`pinokiocloud localtunnel` against a server that speaks LocalTunnel's protocol (ltserver.py), with real sockets: what is
carried, what misbehaves, and how it ends."""

import base64
import contextlib
import hashlib
import os
import re
import select
import socket
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

import ltserver  # noqa: E402
from harness import SLOW, case, leave  # noqa: E402

PIECE = 1 << 16
URL = r"^your url is: (\S+)$"


class App:
    """Listens on loopback and hands each connection to a function of ours, in a thread of its own."""

    def __init__(self, serve, port=0):
        self.function = serve
        self.accepted = 0
        self.open = []
        self.listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            self.open.append(sock)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        with contextlib.suppress(OSError):
            self.function(sock)
        ltserver.close(sock)

    def stop(self):
        ltserver.close(self.listener)
        for sock in self.open:
            ltserver.close(sock)


def read_head(sock):
    """(lines, what came after the head already)"""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(PIECE)
        if not piece:
            raise OSError("cut in the head: %r" % data[:200])
        data += piece
    head, rest = data.split(b"\r\n\r\n", 1)
    return head.decode("latin-1").split("\r\n"), rest


def read_all(sock):
    data = b""
    while True:
        piece = sock.recv(PIECE)
        if not piece:
            return data
        data += piece


def answer(sock, body, status="200 OK", more=""):
    sock.sendall(("HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), more)).encode() + body)


def echo_head(sock):
    """Answers each request of a connection with its own head."""
    while True:
        lines, _ = read_head(sock)
        answer(sock, "\n".join(lines).encode())


class World:
    """A server, an app and the program between them."""

    def __init__(self, stage, serve=echo_head, **options):
        self.stage = stage
        self.server = ltserver.LocalTunnelServer(**options)
        self.app = App(serve)
        stage.cleanups += [self.server.stop, lambda: self.app.stop()]
        self.program = None

    def start(self, *arguments, port=None, env=None):
        base = ["localtunnel", "--port", port or self.app.port, "--server", self.server.url]
        self.program = self.stage.start(*base, *arguments, env=env)
        return self.program

    def up(self, *arguments):
        self.start(*arguments)
        self.url = self.program.until(URL).group(1)
        self.name = re.match(r"http://([^.]+)\.", self.url).group(1)
        return self

    def all_connected(self, count=10):
        self.stage.waits(lambda: self.server.connections_of(self.name) == count, "%d connections" % count)

    def visit(self, seconds=20):
        return self.server.connect(seconds * SLOW)

    def host(self):
        return self.server.public_host(self.name)

    def get(self, path="/", more=""):
        """The whole answer of a request of its own connection."""
        with self.visit() as sock:
            sock.sendall(
                ("GET %s HTTP/1.1\r\nHost: %s\r\n%sConnection: close\r\n\r\n" % (path, self.host(), more)).encode()
            )
            lines, rest = read_head(sock)
            length = int(re.search(r"(?im)^content-length: (\d+)", "\n".join(lines)).group(1))
            while len(rest) < length:
                piece = sock.recv(PIECE)
                if not piece:
                    break
                rest += piece
            return lines[0], rest

    def down(self):
        began = time.monotonic()
        self.program.signal(15).end(5)
        self.stage.status(self.program, 0)
        return time.monotonic() - began


# --- what is carried -------------------------------------------------------------------------------------------------


@case("A visitor's request reaches the app with the Host that was asked for, byte for byte")
def carried(stage):
    world = World(stage).up()
    status, body = world.get("/a%20b?c=d", more="X-Odd:  two  blanks \r\n")
    stage.equal(status, "HTTP/1.1 200 OK")
    stage.equal(
        body.decode(),
        "GET /a%%20b?c=d HTTP/1.1\nHost: %s\nX-Odd:  two  blanks \nConnection: close" % world.host(),
    )
    world.down()


@case("As many connections are kept as the server wants, and the app sees none before a request comes")
def connections(stage):
    world = World(stage, connections=7).up()
    world.all_connected(7)
    stage.equal(world.app.accepted, 0, "connections of the app")
    world.get()
    stage.equal(world.app.accepted, 1, "connections of the app")
    world.all_connected(7)
    world.down()


@case("Two requests go over one connection, and a hundred over ever new ones")
def many(stage):
    world = World(stage).up()
    with world.visit() as sock:
        for path in ("/one", "/two"):
            sock.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path, world.host())).encode())
            lines, _ = read_head(sock)
            stage.equal(lines[0], "HTTP/1.1 200 OK")
    stage.equal(world.app.accepted, 1, "connections of the app")
    for number in range(100):
        status, body = world.get("/%d" % number)
        stage.has(body.decode(), "GET /%d HTTP" % number)
    world.all_connected()
    stage.equal(world.program.err, "", "troubles")
    world.down()


@case("Thirty visitors at once over ten connections are all served")
def crowd(stage):
    world = World(stage).up()
    seen = []
    threads = [
        threading.Thread(target=lambda n=n: seen.append(world.get("/%d" % n)[0]), daemon=True) for n in range(30)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20 * SLOW)
    stage.equal(seen, ["HTTP/1.1 200 OK"] * 30)
    world.down()


def sink_and_source(sock):
    """PUT: answers with the SHA-256 of the body. GET /N: sends N bytes."""
    lines, rest = read_head(sock)
    method, path, _ = lines[0].split(" ")
    if method == "GET":
        left = int(path[1:])
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % left)
        piece = bytes(range(256)) * 4096
        while left > 0:
            sock.sendall(piece[: min(left, len(piece))])
            left -= len(piece)
        return
    length = int(re.search(r"(?im)^content-length: (\d+)", "\n".join(lines)).group(1))
    digest = hashlib.sha256(rest)
    length -= len(rest)
    while length > 0:
        piece = sock.recv(PIECE)
        if not piece:
            raise OSError("cut")
        digest.update(piece)
        length -= len(piece)
    answer(sock, digest.hexdigest().encode())


def memory(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1)) // 1024


BIG = (1 << 30) if SLOW < 2 else (1 << 28)


@case("A gigabyte each way arrives whole, with flat memory")
def gigabyte(stage):
    world = World(stage, sink_and_source).up()
    world.get("/1000000")
    before = memory(world.program.pid)
    piece = bytes(range(256)) * 4096
    wanted = hashlib.sha256()
    with world.visit() as sock:
        sock.sendall(("PUT / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" % (world.host(), BIG)).encode())
        for _ in range(BIG // len(piece)):
            sock.sendall(piece)
            wanted.update(piece)
        _, rest = read_head(sock)
        stage.equal(rest.decode(), wanted.hexdigest(), "the upload's checksum")
    digest, began = hashlib.sha256(), time.monotonic()
    with world.visit() as sock:
        sock.sendall(("GET /%d HTTP/1.1\r\nHost: %s\r\n\r\n" % (BIG, world.host())).encode())
        _, rest = read_head(sock)
        digest.update(rest)
        left = BIG - len(rest)
        while left > 0:
            data = sock.recv(PIECE)
            if not data:
                break
            digest.update(data)
            left -= len(data)
    stage.equal((left, digest.hexdigest()), (0, wanted.hexdigest()), "the download's checksum")
    grown = memory(world.program.pid) - before
    print("# %d MiB down in %.1f s; memory grew by %d MiB" % (BIG >> 20, time.monotonic() - began, grown))
    # A sanitizer keeps what was freed for a while.
    if grown > (8 if SLOW < 2 else 300):
        raise AssertionError("memory grew by %d MiB" % grown)
    world.down()


def test_stopped(stage, sender, limit=40 << 20):
    """A sender that blocks: sends until nothing is taken for a second; gives how much was."""
    sender.setblocking(False)
    sent, piece = 0, bytes(1 << 20)
    while sent < limit:
        if not select.select([], [sender], [], 1.0)[1]:
            return sent
        with contextlib.suppress(BlockingIOError):
            sent += sender.send(piece)
    raise AssertionError("%d bytes were taken although nobody reads" % sent)


@case("Who does not read stops who writes, both ways, and all of it arrives afterwards")
def back_pressure(stage):
    stopped, sent, go_on, received = threading.Event(), [], threading.Event(), []

    def app(sock):
        lines, rest = read_head(sock)
        if lines[0].startswith("PUT"):
            go_on.wait(60)
            received.append(len(rest) + len(read_all(sock)))
            answer(sock, b"")
            return
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        sent.append(test_stopped(stage, sock))
        stopped.set()
        go_on.wait(60)
        sock.setblocking(True)

    world = World(stage, app).up()
    world.get_memory = memory(world.program.pid)
    with world.visit() as sock:
        sock.sendall(("GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % world.host()).encode())
        if not stopped.wait(30 * SLOW):
            raise AssertionError("the app was never stopped")
        go_on.set()
        stage.equal(len(read_all(sock)) - len(b"HTTP/1.1 200 OK\r\n\r\n"), sent[0], "bytes of the download")
    go_on.clear()
    with world.visit() as sock:
        sock.sendall(("PUT / HTTP/1.1\r\nHost: %s\r\n\r\n" % world.host()).encode())
        count = test_stopped(stage, sock)
        go_on.set()
        sock.setblocking(True)
        sock.shutdown(socket.SHUT_WR)
        read_head(sock)
        stage.equal(received[0], count, "bytes of the upload")
    grown = memory(world.program.pid) - world.get_memory
    if grown > (4 if SLOW < 2 else 300):
        raise AssertionError("memory grew by %d MiB" % grown)
    world.down()


@case("A visitor that has sent all and closes that half still gets the whole answer")
def half_closed_visitor(stage):
    def app(sock):
        data = read_all(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + data)

    world = World(stage, app).up()
    with world.visit() as sock:
        request = ("POST / HTTP/1.1\r\nHost: %s\r\n\r\n" % world.host()).encode() + b"x" * 3000000
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        got = read_all(sock)
    stage.equal(got.split(b"\r\n\r\n", 1)[1] == request, True, "the echo is whole")
    world.all_connected()
    world.down()


@case("An app that answers and closes although the upload goes on: the answer arrives")
def early_answer(stage):
    def app(sock):
        read_head(sock)
        answer(sock, b"too much", "413 Payload Too Large", "Connection: close\r\n")

    world = World(stage, app).up()
    with world.visit() as sock:
        sock.sendall(("PUT / HTTP/1.1\r\nHost: %s\r\nContent-Length: 99999999\r\n\r\n" % world.host()).encode())
        with contextlib.suppress(OSError):
            for _ in range(40):
                sock.sendall(bytes(1 << 16))
        lines, rest = read_head(sock)
        stage.equal((lines[0], rest), ("HTTP/1.1 413 Payload Too Large", b"too much"))
    world.all_connected()
    world.down()


@case("A WebSocket's messages pass at once, both ways")
def websocket(stage):
    def app(sock):
        lines, rest = read_head(sock)
        key = re.search(r"(?im)^sec-websocket-key: (\S+)", "\n".join(lines)).group(1)
        accept = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        sock.sendall((head + "Sec-WebSocket-Accept: %s\r\n\r\n" % base64.b64encode(accept).decode()).encode())
        while True:
            data = sock.recv(PIECE)
            if not data:
                return
            mask = data[2:6]
            text = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data[6:]))
            sock.sendall(bytes([0x81, len(text)]) + text)

    world = World(stage, app).up()
    slowest = 0
    with world.visit() as sock:
        head = "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" % world.host()
        sock.sendall((head + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
        lines, _ = read_head(sock)
        stage.has("\n".join(lines), "^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\\+xOo=$")
        for number in range(50):
            text = b"message %d" % number
            began = time.monotonic()
            masked = bytes(byte ^ b"\1\2\3\4"[i % 4] for i, byte in enumerate(text))
            sock.sendall(bytes([0x81, 0x80 | len(text)]) + b"\1\2\3\4" + masked)
            got = b""
            while len(got) < len(text) + 2:
                got += sock.recv(PIECE)
            slowest = max(slowest, time.monotonic() - began)
            stage.equal(got[2:], text)
    print("# slowest of 50 echoes: %.1f ms" % (slowest * 1000))
    world.all_connected()
    world.down()


@case("A stream's events arrive one by one, as the app writes them")
def stream(stage):
    turn = threading.Semaphore(0)

    def app(sock):
        read_head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for number in range(5):
            turn.acquire(timeout=30)
            sock.sendall(b"data: %d\n\n" % number)

    world = World(stage, app).up()
    with world.visit() as sock:
        sock.sendall(("GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % world.host()).encode())
        read_head(sock)
        for number in range(5):
            turn.release()  # the next one is written only when this one has come
            stage.equal(sock.recv(PIECE), b"data: %d\n\n" % number)
        stage.equal(sock.recv(PIECE), b"")
    world.down()


@case("A visitor that goes in the middle of a stream: the app is told, and the connection is free again")
def visitor_goes(stage):
    told = threading.Event()

    def app(sock):
        read_head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while sock.recv(PIECE):
                pass
        finally:
            told.set()

    world = World(stage, app).up()
    for _ in range(30):
        with world.visit() as sock:
            sock.sendall(("GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % world.host()).encode())
            read_head(sock)
        if not told.wait(5 * SLOW):
            raise AssertionError("the app was not told")
        told.clear()
    world.all_connected()
    world.down()


@case("A connection that is reset makes place for another one, although the app does not look")
def reset(stage):
    go_on = threading.Event()

    def app(sock):
        read_head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        go_on.wait(60)

    world = World(stage, app).up()
    stage.cleanups.append(go_on.set)
    tunnel = world.server.tunnels[world.name]
    with world.visit() as sock:
        sock.sendall(("GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % world.host()).encode())
        read_head(sock)
        (used,) = tunnel.all - set(tunnel.free)
        ltserver.reset(used)
        stage.waits(lambda: tunnel.accepted == 11, "another connection")
    world.all_connected()
    world.down()


# --- the app ---------------------------------------------------------------------------------------------------------


@case("Without an app visitors get a 502 and it is said once; when the app comes, it is served")
def no_app(stage):
    world = World(stage)
    world.app.stop()
    world.up()
    for _ in range(3):
        stage.equal(world.get()[0], "HTTP/1.1 502 Bad Gateway")
    stage.equal(world.program.err.count("the app does not answer on 127.0.0.1 port %d" % world.app.port), 1)
    stage.equal(len(world.program.err.splitlines()), 1, "lines")
    world.app = App(echo_head, world.app.port)
    stage.equal(world.get()[0], "HTTP/1.1 200 OK")
    world.program.until("the app answers again")
    world.all_connected()
    world.down()


@case("--host names where the app listens")
def other_host(stage):
    world = World(stage)
    world.app.stop()
    world.app.listener = socket.create_server(("::1", world.app.port), family=socket.AF_INET6)
    threading.Thread(target=world.app.accept, daemon=True).start()
    world.up("--host", "::1")
    stage.equal(world.get()[0], "HTTP/1.1 200 OK")
    world.down()


# --- the server ------------------------------------------------------------------------------------------------------


@case("A name is asked for and given; one that is taken is said, one that is bad refused in the server's words")
def names(stage):
    world = World(stage).up("--name", "my-own-name")
    stage.equal(world.name, "my-own-name")
    other = World(stage)
    other.server.stop()
    other.server = world.server
    other.up("--name", "my-own-name")
    if other.name == "my-own-name":
        raise AssertionError("one name was given twice")
    stage.has(other.program.err, "the name my-own-name is taken")
    stage.equal(other.get()[0], "HTTP/1.1 200 OK")
    other.down()
    world.down()
    program = world.start("--name", "No")
    program.end()
    stage.fails(program, r"refuses to give a tunnel \(403: Invalid subdomain: No\)$")
    stage.equal(len(program.err.splitlines()), 1, "lines")


@case("A server that was asked too often: ended at once, with its message as one clean line")
def limited(stage):
    world = World(stage)
    world.server.answer = (429, '{"message": "slow\\ndown\\u001b[31m"}')
    program = world.start()
    program.end(3)
    stage.fails(program, r"was asked too often, it refuses for a while \(429: slow down \[31m\)$")
    stage.equal(len(world.server.asked), 1, "questions")


@case("Answers that are no tunnel: tried again with growing waits, then given up with the reason")
def no_json(stage):
    bad = [
        (200, "<html>Sign in to the network</html>"),
        (200, '{"id": "x", "port": 0, "url": "https://x.y"}'),
        (200, '{"id": "x", "port": 70000, "url": "https://x.y"}'),
        (200, '{"id": "x", "port": 80, "url": "https://x.y/\\u001b]0;"}'),
        (200, '{"id": 4, "port": "80", "url": ["https://x.y"]}'),
        (200, "[1, 2]"),
        (200, b'\xff\xfe{"a": 1}'),
        (200, '{"a":"' + "x" * 200000 + '"}'),
        (503, "later"),
    ]
    worlds = []
    for answer_of in bad:
        world = World(stage)
        world.server.answer = answer_of
        worlds.append(world)
        world.start()
    for world in worlds:
        world.program.end(30)
        stage.fails(world.program, r"gave up after 6 tries: http://\S+ gives no tunnel: it")
        stage.equal(len(world.server.asked), 6, "questions")
        stage.lacks(world.program.both, "your url|\x1b")
        if not 7 * 0.9 < world.program.seconds:
            raise AssertionError("gave up after %.1f s already" % world.program.seconds)


@case("A server that is not there, or comes while it is tried")
def absent(stage):
    world = World(stage)
    world.server.stop()
    program = world.start()
    program.until("gives no tunnel: .*refused; trying again")
    world.server.start()
    world.url = program.until(URL).group(1)
    world.name = re.match(r"http://([^.]+)\.", world.url).group(1)
    stage.equal(world.get()[0], "HTTP/1.1 200 OK")
    world.down()


@case("A server that closes every connection at once: growing waits, asked anew, given up")
def closes(stage):
    world = World(stage)
    world.server.drop_connections = True
    program = world.start()
    program.end(60)
    stage.fails(program, r"gave up after 3 tunnels: 127\.0\.0\.1 port \d+: the server closes connections at once$")
    stage.equal(len(world.server.asked), 3, "questions")
    stage.has(program.err, "asking for one anew")
    if program.seconds < 8:
        raise AssertionError("it gave up after %.1f s: the waits do not grow" % program.seconds)


@case("Connections that the server closes now and then are opened again, and it goes on")
def closes_some(stage):
    world = World(stage).up()
    world.all_connected()
    tunnel = world.server.tunnels[world.name]
    for number in range(3):
        with tunnel.changed:
            for sock in list(tunnel.free)[:7]:
                sock.shutdown(socket.SHUT_RDWR)
        stage.waits(lambda: tunnel.accepted == 10 + 7 * (number + 1), "7 new connections")
        world.all_connected()
    stage.equal(world.get()[0], "HTTP/1.1 200 OK")
    stage.equal(world.program.both.count("\n"), 1, "lines")
    world.down()


@case("A server that takes fewer connections than it wants is served over those")
def fewer(stage):
    world = World(stage)
    world.server.most_sockets = 3
    world.up()
    world.all_connected(3)
    tunnel = world.server.tunnels[world.name]
    # The ones that are not taken come back after 250, 500 and 1000 ms, not in a storm.
    stage.waits(lambda: tunnel.accepted == 10 + 7 * 3, "three rounds of seven")
    for _ in range(5):
        stage.equal(world.get()[0], "HTTP/1.1 200 OK")
    stage.equal(world.program.both.count("\n"), 1, "lines")
    world.down()


@case("A server that was started again is asked anew, for the same name first, and the URL is printed again")
def restart(stage):
    world = World(stage).up()
    world.all_connected()
    world.server.stop()
    world.server.domain = "other.test"
    world.program.until("gives no tunnel|the tunnel is gone")
    world.server.start()
    world.program.until(r"^your url is: http://%s\.other\.test$" % world.name)
    stage.equal(world.get()[0], "HTTP/1.1 200 OK")
    stage.equal(world.server.asked[-1], "/" + world.name)
    world.down()


@case("The name that was given before is refused now: another one is taken")
def name_is_gone(stage):
    world = World(stage).up()
    world.all_connected()
    world.server.stop()
    first = world.server.open
    world.server.open = lambda name: first(None) if name is None else (403, '{"message": "no"}')
    world.program.until("gives no tunnel|the tunnel is gone")
    world.server.start()
    world.program.until(r"^your url is: http://calm-cat-2\.")
    stage.equal(world.server.asked[-1], "/?new")
    world.down()


@case("A tunnel whose port refuses is given up after three, with host and port")
def refused(stage):
    world = World(stage)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    world.server.answer = (200, '{"id": "abcd", "port": %d, "url": "https://abcd.x.y", "max_conn_count": 10}' % port)
    program = world.start()
    program.end(20)
    stage.fails(program, r"gave up after 3 tunnels: 127\.0\.0\.1 port %d: .*refused$" % port)
    stage.lacks(program.out, "your url")


@case("Arguments that make no sense are told, with status 2")
def usage(stage):
    for arguments in (["--port", "0"], ["--port", "70000"], [], ["--port", "80", "--server", "ftp://x"]):
        program = stage.run("localtunnel", *arguments)
        stage.fails(program, "port|'ftp://x' is no address of a server", status=2)
    program = stage.run("localtunnel", "--port", "80", env={"PINOKIO_LOCALTUNNEL_SERVER": "nonsense"})
    stage.fails(program, "'nonsense' is no address of a server", status=2)


# --- its end ---------------------------------------------------------------------------------------------------------


@case("SIGTERM ends it within 100 ms: idle, in the middle of a stream, while it asks, while it waits")
def sigterm(stage):
    took = []

    def app(sock):
        read_head(sock)
        while True:
            sock.sendall(bytes(PIECE))

    world = World(stage, app).up()
    took.append(world.down())
    world.up()
    with world.visit() as sock:
        sock.sendall(("GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % world.host()).encode())
        sock.recv(PIECE)
        took.append(world.down())
    world.server.hold_answer = True
    before = len(world.server.asked)
    world.start()
    stage.waits(lambda: len(world.server.asked) > before, "the question")
    took.append(world.down())
    world.server.stop()
    world.start().until("trying again")
    took.append(world.down())
    print("# ended after " + ", ".join("%.0f ms" % (seconds * 1000) for seconds in took))
    if max(took) > 0.1 * SLOW:
        raise AssertionError("it took %.0f ms" % (max(took) * 1000))


leave()
