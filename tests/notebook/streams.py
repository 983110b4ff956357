#!/usr/bin/env python3
"""What streams: the engine's events, runs, terminals; through kills of the engine, floods, slow consumers, refusals."""

import json
import os
import random
import struct
import threading
import time

from support import StandIn, Told, accept, address, case, client, leave, nothing_left, raises, until

import apps
from load import Numbered
from pinokiocloud import FAILED, LOST, OPEN, OVER, EngineGoneError, Events
from pinokiocloud.address import Address

LINES = "seq 1 20000"


def follow(events, run, told, **options):
    return events.follow_run(run, told.on_events, on_state=told.on_state, **options)


def over(follower, told, seconds=60):
    if not follower.wait(seconds) or follower.state != OVER:
        raise AssertionError("not over, but %s %r: %s" % (follower.state, follower.why, told.states))


def same(service, run, told):
    """All events of a run, each once, in their order."""
    wanted, offset = service.events(run)
    if told.events != wanted:
        odd = [pair for pair in zip(told.events, wanted) if pair[0] != pair[1]][:1]
        raise AssertionError("%d events instead of %d; first other: %s" % (len(told.events), len(wanted), odd))
    service.equal(told.offsets, sorted(set(told.offsets)), "offsets")
    service.equal(told.offsets[-1], offset, "last offset")


@case("/notebook/events/engine-killed-while-a-run-is-followed")
def killed(service):
    apps.lines(service.home, "lines", rate=2000)
    service.up()
    run = service.ready("lines")["id"]
    told, late = Told(), Told()
    with nothing_left(), Events(address(service)) as events:
        follower = follow(events, run, told)
        for number in range(4):
            seen = len(told.offsets)
            service.waits(lambda: len(told.offsets) > seen + 3, "events come")
            service.kill()
            service.waits(lambda: told.names().count(LOST) == number + 1, lambda: "it is noticed: %s" % told.states)
            if number == 1:
                joined = follow(events, run, late, offset=told.offsets[len(told.offsets) // 2])
                service.waits(lambda: late.names() == [LOST], "one that begins without an engine")
            time.sleep(random.uniform(0, 0.3))
            service.up()
            service.waits(lambda: told.names().count(OPEN) == number + 2, lambda: "it is found: %s" % told.states)
        service.stop("lines")
        over(follower, told)
        over(joined, late)
    same(service, run, told)
    service.equal(late.events, told.events[-len(late.events) :], "what the later one was told")
    service.equal(told.names(), [OPEN] + [LOST, OPEN] * 4 + [OVER], "states")
    lines = Numbered("the follower")
    lines.feed(told.text().replace("\r", "").encode())
    service.equal(lines.seen > 1000, True, "%d lines" % lines.seen)


@case("/notebook/events/twenty-thousand-lines-two-clients-one-slow")
def flood(service):
    apps.one_step(service.home, "flood", apps.shell(LINES))
    service.up()
    quick, slow, after = Told(), Told(), Told()

    class Slow(Told):
        def on_events(self, events, offset):
            time.sleep(0.05)
            super().on_events(events, offset)

    slow = Slow()
    with nothing_left(), Events(address(service)) as one, Events(address(service)) as two:
        run = service.launch("flood")
        followers = [(follow(one, run, quick), quick), (follow(two, run, slow), slow)]
        service.becomes(run, "finished", "stopped", seconds=30)
        followers.append((follow(one, run, after), after))
        for follower, told in followers:
            over(follower, told)
            same(service, run, told)
            text = told.text().replace("\r", "")
            service.equal(text == "".join("%d\n" % number for number in range(1, 20001)), True, "all lines")


@case("/notebook/events/paused-reader-misses-nothing")
def paused(service):
    apps.one_step(service.home, "flood", apps.shell("seq 1 400000"))
    service.up()
    told, other = Told(), Told()
    with nothing_left(), Events(address(service)) as events:
        run = service.launch("flood")
        follower = follow(events, run, told)
        service.waits(lambda: told.offsets, "it begins")
        follower.pause()
        time.sleep(0.2)  # one message may be on its way
        seen = len(told.offsets)
        service.becomes(run, "finished", "stopped", seconds=60)
        beside = follow(events, run, other)
        over(beside, other)
        service.equal((len(told.offsets), follower.state), (seen, OPEN), "what a paused one was told")
        follower.resume()
        over(follower, told)
        same(service, run, told)
        service.equal(told.events == other.events, True, "both were told the same")


@case("/notebook/events/the-engines-own-events")
def engine_events(service):
    apps.light(service.home, "grüße 你好")
    service.up()
    told = Told()
    with nothing_left(), Events(address(service)) as events, client(service) as asked:
        follower = events.follow_engine(told.on_event, told.on_state)
        for number in range(2):
            service.waits(lambda: told.names().count(OPEN) == number + 1, "it is connected")
            told.events.clear()
            run = asked.start("grüße 你好").id
            wanted = {"type": "run", "run": run, "app": "grüße 你好", "state": "ready"}
            service.waits(
                lambda: any(wanted.items() <= event.items() for event in told.events), lambda: str(told.events)
            )
            service.stop("grüße 你好")
            if number == 0:
                service.down()
                service.waits(lambda: told.names()[-1] == LOST, "it is noticed")
                service.up()
        service.equal(follower.state, OPEN, "state")
        follower.close()
        follower.wait(10)
        told.events.clear()
        service.stop_run(asked.start("grüße 你好").id)
        service.equal((told.events, told.names()), ([], [OPEN, LOST, OPEN]), "told after close()")


@case("/notebook/events/unicode")
def unicode(service):
    words = "grüße 你好 👩‍🚀 \\u0000"
    apps.one_step(service.home, "ünï", apps.shell("for i in 1 2 3; do printf '%s\\n' '" + words + "'; done"))
    service.up()
    told = Told()
    with Events(address(service)) as events:
        run = service.launch("ünï")
        over(follow(events, run, told), told)
    same(service, run, told)
    service.equal(told.text(), (words + "\r\n") * 3, "text")


READS = 'stty -echo; echo reads; while read -r line; do echo "<$line $(stty size)>"; done'


@case("/notebook/events/terminal-through-a-kill")
def terminal(service):
    apps.one_step(service.home, "shell", apps.shell(READS, input=True))
    service.up()
    told = Told()
    with nothing_left(), Events(address(service)) as events:
        run = service.launch("shell")
        shell = service.waits(lambda: service.shells(run), "a shell")[0]["id"]
        opened = events.open_terminal(shell, told.on_output, on_state=told.on_state)
        service.waits(lambda: b"reads" in told.data, "it reads")
        opened.resize(99, 33)
        service.equal(opened.type("größe\n"), True, "typed")
        service.waits(lambda: "<größe 33 99>".encode() in told.data, lambda: told.data)
        service.kill()
        service.waits(lambda: told.names()[-1] == LOST, "it is noticed")
        service.equal(opened.type("lost"), False, "typed without an engine")
        opened.resize(77, 22)
        service.up()
        service.waits(lambda: told.names()[-1] == OPEN, "it is found")
        service.waits(
            lambda: opened.type("") and service.api().get(["v1", "shells", shell]).json()["running"], "it runs"
        )
        time.sleep(0.1)
        opened.type(b"again\n")
        service.waits(lambda: b"<again 22 77>" in told.data, lambda: told.data)
        opened.type(b"\x04")
        over(opened, told)
        raises(ValueError, opened.resize, 0, 5)
    with open(service.log_path(shell), "rb") as file:
        service.equal(told.data, file.read(), "what was told")
    service.equal(told.offsets[-1], len(told.data), "offset")


@case("/notebook/events/from-the-end-through-a-kill")
def tail(service):
    """What was told once is gone on from where it ended, not from the end as it is then."""
    apps.lines(service.home, "lines", rate=500)
    service.up()
    run = service.ready("lines")["id"]
    shell = service.shells(run)[0]["id"]
    log = service.log_path(shell)
    service.waits(lambda: os.path.getsize(log) > 30000, "it prints")
    told, typed = Told(), Told()
    with nothing_left(), Events(address(service)) as events:
        follower = follow(events, run, told, offset=-500)
        opened = events.open_terminal(shell, typed.on_output, offset=-2000, on_state=typed.on_state)
        for number in range(2):
            service.waits(lambda: len(told.offsets) > 3 and len(typed.data) > 2000, "it comes")
            service.kill()
            service.waits(lambda: told.names()[-1] == typed.names()[-1] == LOST, "it is noticed")
            seen = os.path.getsize(log)
            service.waits(lambda: os.path.getsize(log) > seen + 5000, "it prints meanwhile")
            service.up()
            service.waits(lambda: told.names()[-1] == OPEN and typed.names()[-1] == OPEN, "it is found")
        service.stop("lines")
        over(follower, told)
        over(opened, typed)
    wanted, offset = service.events(run)
    service.equal(told.events, wanted[len(wanted) - len(told.events) :], "the last events, each once")
    service.equal((told.offsets[-1], 0 < len(told.events) < len(wanted)), (offset, True), "not all of them")
    with open(log, "rb") as file:
        whole = file.read()
    begin = len(whole) - len(typed.data)
    service.equal((whole[begin:] == typed.data, whole[begin - 1 : begin]), (True, b"\n"), "the end of the log, from a line on")
    service.equal((typed.offsets[-1], min(typed.offsets) > begin), (len(whole), True), "offsets")
    service.equal(begin > 0, True, "not all of it")


@case("/notebook/events/refusals-are-final")
def refusals(service):
    service.up()
    port, good = service.engine_json()["port"], service.token()
    with nothing_left():
        for where, wanted in (
            (Address(port=port, token="wrong"), "token"),
            (Address(port=port), "token"),
            (Address(port=port, token=good), "nothing-of-that-name"),
            (address(service), "nothing-of-that-name"),
        ):
            told = Told()
            with Events(where) as events:
                follower = follow(events, "nothing-of-that-name", told)
                service.equal(follower.wait(10), True, "it ended")
                service.equal((follower.state, told.names()), (FAILED, [FAILED]), str(where))
                service.has(follower.why, wanted)
        told = Told()
        with Events(Address(port=port, token=good)) as events:
            events.follow_engine(told.on_event, told.on_state)
            service.waits(lambda: told.names() == [OPEN], lambda: "over TCP: %s" % told.states)


@case("/notebook/events/close-at-every-moment-leaves-nothing")
def closes(service):
    apps.lines(service.home, "lines", rate=500)
    service.up()
    run = service.ready("lines")["id"]
    with nothing_left():
        Events(address(service)).close()
        for number in range(15):
            told, events = Told(), Events(address(service))
            followers = [follow(events, run, told) for _ in range(5)] + [events.follow_engine(told.on_event)]
            if number % 3 == 0:
                service.waits(lambda: told.offsets, "events come")
            if number % 5 == 0:
                followers[0].pause()
            time.sleep(random.uniform(0, 0.02))
            events.close()
            names = [thread.name for thread in threading.enumerate()]
            service.equal("pinokiocloud-events" in names, False, "the thread after close(): %s" % names)
            service.equal(all(one.wait(5) for one in followers), True, "all have ended")
            raises(EngineGoneError, follow, events, run, told)
        inside, ended = Events(address(service)), threading.Event()
        inside.follow_run(run, lambda *unused: (inside.close(), ended.set()))
        service.equal(ended.wait(10), True, "closed from a callback")
        waiting = Events(Address(path=os.path.join(service.folder, "nobody.sock")))
        follow(waiting, run, told)
        until(lambda: LOST in told.names(), "nobody there")
        waiting.close()


@case("/notebook/events/the-thread-goes-with-the-last-follower")
def resting(service):
    service.up()
    events = Events(address(service))
    for _ in range(3):  # an engine that is made anew, with nobody who closes the one of before
        told = Told()
        with nothing_left():
            followers = [events.follow_engine(told.on_event, told.on_state) for _ in range(2)]
            service.waits(lambda: told.names().count(OPEN) == 2, "both follow")
            for follower in followers:
                follower.close()
    for _ in range(200):
        with_next = events.follow_engine(told.on_event)
        if random.random() < 0.5:
            time.sleep(random.uniform(0, 0.003))
        with_next.close()
    with nothing_left():
        told = Told()
        events.follow_engine(told.on_event, told.on_state)
        service.waits(lambda: told.names() == [OPEN], "one after all of them")
        events.close()


@case("/notebook/events/a-callback-that-fails-stops-nothing")
def fails(service):
    apps.one_step(service.home, "flood", apps.shell(LINES))
    service.up()
    run = service.launch("flood")
    count = []

    def breaks(events, offset):
        count.append(len(events))
        raise RuntimeError("this callback fails")

    with Events(address(service)) as events:
        follower = events.follow_run(run, breaks)
        service.equal(follower.wait(30), True, "it ended")
        service.equal((follower.state, sum(count)), (OVER, len(service.events(run)[0])), "events told")


# Servers that break off


def frame(opcode, payload):
    head = bytes([0x80 | opcode])
    return head + (bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + struct.pack(">H", len(payload))) + payload


def batch(first, last):
    """Events of ten bytes each."""
    said = {"offset": last * 10, "events": [{"type": "n", "n": number} for number in range(first, last)]}
    return frame(1, json.dumps(said).encode())


@case("/notebook/events/server-gone-in-the-middle-of-a-message")
def middle(service):
    turns = []

    def answer(link, head):
        offset = int(head.split(b"offset=")[1].split(b" ")[0])
        turns.append(offset)
        at, turn = offset // 10, len(turns)
        if turn == 1:
            return link.sendall(b"HTTP/1.1 101 Switch")
        if turn == 2:
            return link.sendall(b"HTTP/1.1 503 Soon\r\nContent-Length: 0\r\n\r\n")
        link.sendall(accept(head) + batch(at, at + 10))
        if turn < 6:
            return link.sendall(batch(at + 10, at + 20)[: 20 * turn])
        if turn == 6:
            return link.sendall(frame(8, struct.pack(">H", 1013) + b"too far behind: go on from offset 7"))
        link.sendall(frame(8, struct.pack(">H", 1000) + b"the run is over"))
        link.recv(100)

    told = Told()
    with nothing_left(), StandIn(service.folder, answer) as server, Events(Address(path=server.path)) as events:
        follower = follow(events, "some", told)
        over(follower, told)
    service.equal([event["n"] for event in told.events], list(range(50)), "events")
    service.equal(turns, [0, 0, 0, 100, 200, 300, 400], "offsets asked for")
    service.equal(follower.why, "the run is over", "why")


@case("/notebook/events/nothing-is-told-after-close")
def closed(service):
    def answer(link, head):
        link.sendall(accept(head) + b"".join(batch(number, number + 1) for number in range(100)))
        link.recv(100)

    count = []
    with nothing_left(), StandIn(service.folder, answer) as server, Events(Address(path=server.path)) as events:
        follower = events.follow_run("some", lambda *unused: (count.append(1), follower.close()))
        service.equal(follower.wait(10), True, "it ended")
        service.equal((len(count), follower.offset), (1, 10), "callbacks and offset")
        follower = events.follow_engine(lambda *unused: (count.append(1), follower.close()))
        service.equal(follower.wait(10), True, "it ended")
        service.equal(len(count), 2, "callbacks")


DEEP = frame(1, b'{"offset": 3, "events": [%s]}' % (b"[" * 20000 + b"]" * 20000))  # more than Python reads


@case("/notebook/events/what-is-no-batch-is-an-error")
def no_batch(service):
    strange = (frame(1, b'{"offset": 3}'), frame(1, b"x"), frame(2, b"output"))
    for said, offset in ((strange[0], 0), (strange[1], -5), (frame(1, b'{"offset": -3}'), -5), (strange[2], -5)):
        told = Told()
        with nothing_left(), StandIn(
            service.folder, lambda link, head, said=said: (link.sendall(accept(head) + said), link.recv(99))
        ) as server, Events(Address(path=server.path)) as events:
            opened = events.open_terminal("some", told.on_output, offset=offset, on_state=told.on_state)
            service.equal((opened.wait(10), opened.state, told.data), (True, FAILED, b""), "%r: %s" % (said, told.states))
    for said in (frame(1, b"hello"), frame(1, b"[]"), frame(1, b'{"events": 7, "offset": 3}'), frame(2, b"\xff\xfe{"), DEEP):
        told = Told()
        with nothing_left(), StandIn(
            service.folder, lambda link, head, said=said: (link.sendall(accept(head) + said), link.recv(99))
        ) as server, Events(Address(path=server.path)) as events:
            follower = follow(events, "some", told)
            service.equal((follower.wait(10), follower.state), (True, FAILED), "%r: %s" % (said, told.states))


if __name__ == "__main__":
    leave()
