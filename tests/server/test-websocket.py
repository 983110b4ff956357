"""WebSockets: the handshake, frames as they must not be, and readers of every speed."""

import json
import os
import socket
import struct
import time

import serving
from serving import BINARY, CLOSE, PING, PONG, TEXT, case

RUN = "20260101-000000-abcd"
EVENTS = "/v1/runs/%s/events" % RUN
TERMINAL = "/v1/shells/%s.1/terminal" % RUN


def ended_run(stage, lines=(), output=b"", *arguments):
    """A run that is over, with this journal and this output of its shell."""
    journal, log = stage.path("run.journal"), stage.path("shell.log")
    with open(journal, "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line) + "\n")
    with open(log, "wb") as file:
        file.write(output)
    return stage.start("--ended", RUN, journal, log, *arguments)


def set_anything(stage, number):
    """Makes the engine tell its watchers something."""
    answer = stage.ask("PUT", "/v1/settings/stop.grace_ms", {"value": str(3000 + number % 2)}, local=True)
    stage.equal(answer.status, 200, "a setting (%r)" % answer.body)


@case("/server/websocket/handshake")
def handshake(stage):
    stage.start()
    answer, sock = stage.upgrade("/v1/events")
    stage.equal(answer.status, 101)
    answer, _ = stage.upgrade("/v1/events?token=" + stage.token, token=False)
    stage.equal(answer.status, 101, "token in the query")
    answer, _ = stage.upgrade("/v1/events?token=" + stage.token[:-1] + "g", token=False)
    stage.equal(answer.status, 401)
    answer, _ = stage.upgrade("/v1/events", token=False)
    stage.equal(answer.status, 401)
    answer, _ = stage.upgrade("/v1/events", token=False, local=True)
    stage.equal(answer.status, 101, "over the Unix socket")
    answer, _ = stage.upgrade("/v1/nothing")
    stage.equal(answer.status, 404)
    answer, _ = stage.upgrade("/v1/events", headers=["Sec-WebSocket-Extensions: permessage-deflate"])
    stage.equal((answer.status, "sec-websocket-extensions" in answer.headers), (101, False), "no extensions")
    basic = ["Upgrade: websocket", "Connection: keep-alive, Upgrade"]
    for lines in (
        basic,
        basic + ["Sec-WebSocket-Version: 13"],
        basic + ["Sec-WebSocket-Version: 12", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="],
    ):
        answer = stage.ask("GET", "/v1/events", headers=lines)
        stage.problem(answer, 400)
    stage.alive()


@case("/server/websocket/wrong-frames-are-told-and-end-it")
def wrong(stage):
    ended_run(stage)
    live = "/v1/events"
    cases = (
        ("unmasked", live, lambda s: s.frame(TEXT, b"x", mask=False), 1002),
        ("reserved bit", live, lambda s: s.frame(TEXT, b"x", reserved=4), 1002),
        ("reserved data opcode", live, lambda s: s.frame(3, b"x"), 1002),
        ("reserved control opcode", live, lambda s: s.frame(11, b"x"), 1002),
        ("ping in pieces", live, lambda s: s.frame(PING, b"x", last=False), 1002),
        ("long ping", live, lambda s: s.frame(PING, b"x" * 126), 1002),
        ("continuation of nothing", live, lambda s: s.frame(0, b"x"), 1002),
        ("message inside another", live, lambda s: s.frame(TEXT, b"x", last=False).frame(TEXT, b"x"), 1002),
        ("length not in its shortest form", live, lambda s: s.send(b"\x81\xfe\x00\x05abcdhello"), 1002),
        ("negative length", live, lambda s: s.send(b"\x81\xff" + b"\xff" * 8), 1002),
        ("oversized", live, lambda s: s.frame(BINARY, b"", length=1048577), 1009),
        ("enormous", live, lambda s: s.frame(BINARY, b"", length=1 << 40), 1009),
        ("oversized in pieces", live, lambda s: [s.frame(TEXT if n == 0 else 0, b"x" * 100000, last=False) for n in range(12)], 1009),
        ("not UTF-8", live, lambda s: s.frame(TEXT, b"\xff\xfe"), 1007),
        ("cut UTF-8", live, lambda s: s.frame(TEXT, b"\xe2\x82", last=False).frame(0, b"", last=True), 1007),
        ("close of one byte", live, lambda s: s.frame(CLOSE, b"x"), 1002),
        ("close with a code that there is not", live, lambda s: s.frame(CLOSE, struct.pack(">H", 1005)), 1002),
        ("close with a reason that is not UTF-8", live, lambda s: s.frame(CLOSE, b"\x03\xe8\xff"), 1002),
        ("text where nothing is wanted", live, lambda s: s.frame(TEXT, b"x"), 1003),
        ("bytes where nothing is wanted", live, lambda s: s.frame(BINARY, b"x"), 1003),
    )
    for what, path, act, code in cases:
        sock = stage.socket(path)
        try:
            act(sock)
        except ConnectionError:
            pass
        try:
            stage.equal(sock.closing()[0], code, what)
        except (EOFError, ConnectionError, socket.timeout) as error:
            raise AssertionError("%s: %r" % (what, error))
    stage.alive()


@case("/server/websocket/right-frames-are-understood")
def right(stage):
    stage.start()
    sock = stage.socket("/v1/events")
    sock.frame(PING, b"abc")
    stage.equal(sock.receive(), (PONG, b"abc"))
    sock.frame(PING, b"x" * 125).frame(PONG, b"").frame(PING)
    stage.equal(sock.receive(), (PONG, b"x" * 125))
    stage.equal(sock.receive(), (PONG, b""))
    for byte in b"\x89\x83abcd" + bytes(x ^ y for x, y in zip(b"xyz", b"abc")):
        sock.send(bytes([byte]))
    stage.equal(sock.receive(), (PONG, b"xyz"))
    sock.frame(CLOSE, struct.pack(">H", 4000) + b"bye")
    stage.equal(sock.closing()[0], 4000)
    stage.equal(sock.is_closed(), True)
    sock = stage.socket("/v1/events")
    sock.frame(CLOSE)
    stage.equal(sock.closing()[0], 1000)


@case("/server/websocket/frames-sent-with-the-handshake-are-not-lost")
def early(stage):
    stage.start()
    http = stage.connect()
    lines = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    lines.append("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
    http.send(stage.head("GET", "/v1/events", lines) + b"\x89\x82abcd" + bytes([ord("h") ^ ord("a"), ord("i") ^ ord("b")]))
    stage.equal(http.read_head().status, 101)
    sock = serving.WebSocket(http.sock)
    sock.rest = http.rest
    stage.equal(sock.receive(), (PONG, b"hi"))


@case("/server/websocket/a-flood-costs-nothing")
def flood(stage):
    stage.start()
    before = stage.rss()
    sock = stage.socket("/v1/events")
    sock.sock.settimeout(30)
    piece = b"".join(b"\x89\xfd" + b"abcd" + b"x" * 125 for _ in range(500))
    try:
        for _ in range(400):  # pings whose answers nobody reads
            sock.sock.send(piece)
    except (ConnectionError, socket.timeout):
        pass
    stage.costs(before, 4 * 1024 * 1024, "pings")
    stage.alive()


@case("/server/websocket/events-of-a-run-from-an-offset")
def events(stage):
    ended_run(stage, [{"type": "note", "n": number} for number in range(5000)])
    size = os.path.getsize(stage.path("run.journal"))
    sock = stage.socket(EVENTS)
    found, offset = [], 0
    while offset < size:
        batch = sock.events()
        if batch["offset"] <= offset or len(batch["events"]) == 0:
            raise AssertionError("no progress")
        offset = batch["offset"]
        found += [event["n"] for event in batch["events"]]
    stage.equal(found, list(range(5000)))
    stage.equal(sock.closing()[0], 1000)
    stage.equal(sock.is_closed(), True)
    # From the middle: nothing twice, nothing lost.
    sock = stage.socket(EVENTS)
    first = sock.events()
    rest = stage.socket(EVENTS + "?offset=%d" % first["offset"]).events()
    stage.equal(rest["events"][0]["n"], first["events"][-1]["n"] + 1)
    stage.equal(stage.socket(EVENTS + "?offset=%d" % size).closing()[0], 1000)
    answer, _ = stage.upgrade(EVENTS + "?offset=x")
    stage.equal(answer.status, 400)


@case("/server/websocket/output-of-a-shell-from-an-offset")
def terminal(stage):
    output = os.urandom(300000)
    ended_run(stage, [], output)
    sock = stage.socket(TERMINAL + "?offset=1000")
    got = b""
    while len(got) < 299000:
        opcode, payload = sock.message()
        stage.equal(opcode, BINARY)
        got += payload
    stage.equal(got, output[1000:])
    stage.equal(sock.closing()[0], 1000)


@case("/server/websocket/engine-events")
def engine_events(stage):
    stage.start()
    sock = stage.socket("/v1/events")
    sock.frame(PING, b"ready")
    stage.equal(sock.receive(), (PONG, b"ready"))
    set_anything(stage, 1)
    event = sock.events()
    stage.equal(event["type"], "setting")


@case("/server/websocket/a-reader-that-stops-is-bounded-and-dropped-with-a-reason")
def stopped_reader(stage):
    # 200 MB of output in the journal, and nobody takes it.
    journal, log = stage.path("run.journal"), stage.path("shell.log")
    line = json.dumps({"type": "stream", "index": 0, "raw": "x" * 1000}).encode() + b"\n"
    with open(journal, "wb") as file:
        for _ in range(200):
            file.write(line * 1000)
    with open(log, "wb") as file:
        file.write(b"y" * 1000000 * 200)
    stage.start("--ended", RUN, journal, log, "--stall", 4000)
    before = stage.rss()
    readers = [stage.socket(EVENTS), stage.socket(EVENTS, local=True), stage.socket(TERMINAL), stage.socket(TERMINAL, local=True)]
    began = time.monotonic()
    while time.monotonic() < began + 2:
        stage.costs(before, 4 * 1024 * 1024, "four readers that stopped")
        stage.alive()
        time.sleep(0.1)
    # After the 4 s in which nothing was taken, and before the 2 s more that the reason may wait.
    time.sleep(max(0, began + 5 - time.monotonic()))
    # Over the Unix socket the reason waits where the kernel keeps it, also when the engine has let go.
    for number, reader in enumerate([readers[0], readers[2], readers[1], readers[3]]):
        if number == 2:
            time.sleep(max(0, began + 9 - time.monotonic()))
        code, reason = reader.closing()
        stage.equal(code, 1013, "code")
        if not reason.startswith("too far behind: go on from offset "):
            raise AssertionError(reason)
        offset = int(reason.rsplit(" ", 1)[1])
        if number % 2 == 0:
            again = stage.socket(EVENTS + "?offset=%d" % offset).events()
            stage.equal(again["events"][0]["raw"], "x" * 1000)
    # Somebody else reads all of it afterwards, as quickly as it can.
    quick = stage.socket(EVENTS)
    batch = quick.events()
    count = len(batch["events"])
    while count < 200000:
        batch = quick.events()
        count += len(batch["events"])
    stage.equal(batch["offset"], os.path.getsize(journal))


@case("/server/websocket/a-reader-that-stops-for-good-is-forgotten")
def forgotten(stage):
    ended_run(stage, [], b"y" * 50000000, "--stall", 5000)
    first = stage.descriptors()
    began = time.monotonic()
    readers = [stage.socket(TERMINAL) for _ in range(20)]
    if stage.descriptors() < first + 20:
        raise AssertionError("the readers are not there")
    # The time of a stall, and 2 s for the reason: not twice the time.
    stage.waits(lambda: stage.descriptors() <= first, "their descriptors are closed", 8)
    if time.monotonic() - began < 5:
        raise AssertionError("they had no time to read")
    stage.equal(len(readers), 20)
    stage.alive()


@case("/server/websocket/a-slow-reader-of-engine-events-is-dropped")
def slow_events(stage):
    stage.start("--stall", 60000)
    sock = stage.socket("/v1/events", local=True)
    sock.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    http = stage.connect(local=True)
    body = [json.dumps({"value": value}).encode() for value in ("3000", "4000")]
    heads = [stage.head("PUT", "/v1/settings/stop.grace_ms", ["Content-Type: application/json", "Content-Length: %d" % len(item)]) + item for item in body]
    before = stage.rss()
    for number in range(6000):
        http.send(heads[number % 2])
        stage.equal(http.answer().status, 200)
    stage.costs(before, 6 * 1024 * 1024, "events that nobody takes")
    code, reason = sock.closing()
    stage.equal(code, 1013)
    if "too far behind" not in reason:
        raise AssertionError(reason)


@case("/server/websocket/clients-that-vanish")
def vanish(stage):
    ended_run(stage, [], b"y" * 5000000)
    first = stage.descriptors()
    for number in range(60):
        sock = stage.socket(("/v1/events", EVENTS, TERMINAL)[number % 3], local=number % 2 == 0)
        if number % 4 == 0:
            sock.send(b"\x81")
        sock.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    stage.waits(lambda: stage.descriptors() <= first, "their descriptors are closed")
    stage.alive()


@case("/server/websocket/an-ordered-end-says-so")
def goodbye(stage):
    ended_run(stage, [], b"y" * 50000000)
    idle = [stage.socket("/v1/events", local=number % 2 == 0) for number in range(20)]
    stuck = [stage.socket(TERMINAL) for _ in range(3)]  # read nothing, so the word does not reach them
    began = time.monotonic()
    stage.process.terminate()
    for sock in idle:
        stage.equal(sock.closing(), (1001, "the engine ends"))
    stage.equal(stage.process.wait(10 * serving.SLOW), 0)
    if time.monotonic() - began > 1 * serving.SLOW:
        raise AssertionError("three that read nothing kept it for %.2f s" % (time.monotonic() - began))
    stage.equal(len(stuck), 3)


@case("/server/websocket/open-connections-do-not-keep-the-server-from-ending")
def ending(stage):
    ended_run(stage, [], b"y" * 5000000)
    socks = [stage.socket("/v1/events") for _ in range(10)] + [stage.socket(TERMINAL) for _ in range(10)]
    held = [stage.connect().send(stage.head("POST", "/v1/recover")[:-4]) for _ in range(10)]
    stage.process.terminate()
    stage.equal(stage.process.wait(10 * serving.SLOW), 0)
    stage.equal((len(socks), len(held)), (20, 10))


if __name__ == "__main__":
    serving.main()
