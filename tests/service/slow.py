#!/usr/bin/env python3
"""A reader that stops reading, while an app prints as fast as it can: the script does not notice, the engine's memory
does not grow, the reader is dropped with a word why, and where it left off it can go on and gets every byte.

PINOKIO_MB says how much is printed (200).
"""

import hashlib
import json
import os
import time

import apps
from client import BINARY, CLOSE
from service import SLOW, case, leave, memory_of

MB = int(os.environ.get("PINOKIO_MB", "200"))
GROWTH = 24  # MB that the engine may grow by: twelve readers and what is under way to each

FLOOD = """
import os, sys
total, number, wanted = 0, 0, int(sys.argv[1])
while total < wanted:
    block = b"".join(b"line %09d of the flood: loading part of the work, done\\n" % n for n in range(number, number + 2000))
    number += 2000
    total += len(block)
    view = memoryview(block)
    while view:
        view = view[os.write(1, view):]
print("the end")
"""


def flood(service, size=None):
    """An app that prints a lot and ends."""
    size = size or MB * 1000000
    step = apps.shell("exec python3 flood.py %d" % size)
    files = {"pinokio.js": apps.menu("flood"), "start.json": apps.script(step), "flood.py": FLOOD}
    apps.app(service.home, "flood", files)


def run_flood(service, meanwhile=None):
    """From start to end; meanwhile(run) is called once it prints. Gives (run, seconds, most MB of the engine)."""
    pid = service.engine_pid()
    run = service.launch("flood")
    shell = service.waits(lambda: service.shells(run), "its shell")[0]["id"]
    kept = meanwhile(run, shell) if meanwhile else None
    most = 0.0
    while service.state(run) not in ("finished", "error", "stopped", "interrupted"):
        most = max(most, memory_of(pid)[1])
        time.sleep(0.05)
    view = service.view(run)
    service.equal(view["state"], "finished", "state of the flood: %r" % view)
    return run, shell, (view["ended_at"] - view["started_at"]) / 1000, max(most, memory_of(pid)[1]), kept


def check_speed(service, stuck):
    """The pairs of alone and watched are taken one after the other, so that both see the same machine. stuck(run, shell)
    opens the readers; gives the last run, its shell and its readers."""
    alone, watched, most = [], [], 0.0
    start = memory_of(service.engine_pid())[1]
    for number in range(3):
        alone.append(run_flood(service)[2])
        run, shell, seconds, peak, links = run_flood(service, stuck)
        watched.append(seconds)
        most = max(most, peak)
        if number < 2:
            for link in links:
                link.close()
    ratio = min(watched) / min(alone)
    told = "alone %.2f s, watched %.2f s, ratio %.2f; engine %.1f MB, at most %.1f MB"
    print("# " + told % (min(alone), min(watched), ratio, start, most), flush=True)
    if most > start + GROWTH:
        raise AssertionError("the engine grew from %.1f to %.1f MB" % (start, most))
    if ratio > 1.5:
        raise AssertionError("%.2f s instead of %.2f s" % (min(watched), min(alone)))
    return run, shell, links


def text_of(events):
    return "".join(event["raw"] for event in events if event["type"] == "stream" and event.get("shell"))


def log_digest(service, shell):
    with open(service.log_path(shell), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def drain_events(link, digest, offset):
    """Reads to the close; gives (its code and reason, offset to go on from)."""
    while True:
        kind, content = link.message(90)
        if kind == CLOSE:
            return content, offset
        batch = json.loads(content)
        digest.update(text_of(batch["events"]).encode())
        offset = batch["offset"]


def drain_terminal(link, digest, offset):
    while True:
        kind, content = link.message(90)
        if kind == CLOSE:
            return content, offset
        if kind == BINARY:
            digest.update(content)
            offset += len(content)


def descriptors(service):
    return len(os.listdir("/proc/%d/fd" % service.engine_pid()))


def check_dropped(service, link, drain, path, wanted):
    """It was dropped with a word why; going on where it left off it gets every byte."""
    digest = hashlib.sha256()
    (code, reason), offset = drain(link, digest, 0)
    service.equal(code, 1013, "code that the reader of %s was dropped with (%s)" % (path, reason))
    service.has(reason, r"\w+ \w+")
    with service.api().socket(path, query={"offset": offset}) as again:
        (code, reason), _ = drain(again, digest, offset)
    service.equal(code, 1000, "code at the end of %s (%s)" % (path, reason))
    service.equal(digest.hexdigest(), wanted, "all that was printed, in two parts, by %s" % path)


@case("/service/slow/readers-that-stop")
def readers_that_stop(service):
    """Of events, of a terminal, and ten in the middle of HTTP answers of many MB."""
    flood(service)
    service.up()
    done = run_flood(service)
    before = descriptors(service)

    def stuck(run, shell):
        links = [service.api().socket(["v1", "runs", run, "events"], query={"offset": 0})]
        links.append(service.api().socket(["v1", "shells", shell, "terminal"], query={"offset": 0}))
        for path in ("/v1/shells/%s/log" % done[1], "/v1/runs/%s/events" % done[0]) * 5:
            link = service.api().connect()
            link.sendall(("GET %s?offset=0 HTTP/1.1\r\nHost: localhost\r\n\r\n" % path).encode())
            link.recv(100)
            links.append(link)
        return links

    run, shell, links = check_speed(service, stuck)
    began = time.monotonic()
    while descriptors(service) > before + 2 and time.monotonic() - began < 90 * SLOW:
        time.sleep(0.1)
    print("# readers of HTTP let go after %.0f s" % (time.monotonic() - began), flush=True)
    service.equal(descriptors(service) <= before + 2, True, "readers of HTTP that do not read are still held")
    wanted = log_digest(service, shell)
    check_dropped(service, links[0], drain_events, ["v1", "runs", run, "events"], wanted)
    check_dropped(service, links[1], drain_terminal, ["v1", "shells", shell, "terminal"], wanted)
    for link in links:
        link.close()
    service.waits(lambda: descriptors(service) <= before, "their connections are closed")


@case("/service/slow/reader-that-reads-slowly-gets-everything")
def slow_but_steady(service):
    """A reader that pauses now and then, but reads, is no reader that stopped."""
    flood(service, 5000000)
    service.up()
    run = service.launch("flood")
    digest = hashlib.sha256()
    with service.api().socket(["v1", "runs", run, "events"]) as link:
        for number in range(100000):
            kind, content = link.message(30)
            if kind == CLOSE:
                break
            batch = json.loads(content)
            digest.update(text_of(batch["events"]).encode())
            if number < 60:
                time.sleep(0.05)
    service.equal(content[0], 1000, "how it was closed: %s" % content[1])
    shell = service.shells(run)
    shell = shell[0]["id"] if shell else run + ".1"
    service.equal(digest.hexdigest(), log_digest(service, shell), "all that was printed")


@case("/service/slow/watcher-of-the-engine-that-stops")
def watcher(service):
    """The engine's own events, with nobody reading them and a great many of them."""
    apps.one_step(service.home, "one", {"method": "log", "params": {"text": "x"}})
    service.up()
    for _ in range(5):
        service.becomes(service.launch("one"), "finished")
    before = memory_of(service.engine_pid())[1]
    links = [service.api().socket("/v1/events") for _ in range(50)]
    began = time.monotonic()
    while time.monotonic() - began < 5:
        run = service.launch("one")
        service.becomes(run, "finished")
    after = memory_of(service.engine_pid())[1]
    for link in links:
        link.close()
    if after > before + GROWTH:
        raise AssertionError("the engine grew from %.1f to %.1f MB" % (before, after))


@case("/service/slow/writer-to-a-shell-that-does-not-read")
def deaf_shell(service):
    """What is typed and never read is bounded, and told of."""
    apps.light(service.home, "deaf")
    service.up()
    run = service.ready("deaf")["id"]
    shell = service.shells(run)[0]["id"]
    before = memory_of(service.engine_pid())[1]
    statuses = []
    for _ in range(60):
        answer = service.api().post(
            ["v1", "shells", shell, "input"],
            b"x\n" * 500000,
            headers={"Content-Type": "application/octet-stream"},
        )
        statuses.append(answer.status)
        if answer.status >= 400:
            answer.problem(409, 413, 429, 503, 504)
            break
    else:
        raise AssertionError("60 MB were taken for a shell that reads nothing")
    after = memory_of(service.engine_pid())[1]
    if after > before + GROWTH:
        raise AssertionError("the engine grew from %.1f to %.1f MB" % (before, after))
    service.stop("deaf")


@case("/service/slow/terminal-echoes-at-once")
def terminal_works(service):
    """The other side of being careful: typing is answered at once, and a resize reaches the command."""
    message = (
        "trap 'stty size' WINCH; echo up; while true; do read -r -t 600 word && echo \"got $word\"; done"
    )
    apps.light(service.home, "talks", message)
    service.up()
    shell = service.shells(service.ready("talks")["id"])[0]["id"]
    with service.api().socket(["v1", "shells", shell, "terminal"], query={"offset": 0}) as link:
        data = b""

        def until(word):
            nonlocal data
            end = time.monotonic() + 10
            while word not in data:
                kind, content = link.message(max(0.01, end - time.monotonic()))
                service.equal(kind, BINARY, "kind of message: %r" % (content,))
                data += content

        until(b"up")
        worst = 0.0
        for number in range(20):
            began = time.monotonic()
            link.binary(b"word%d\n" % number)
            until(b"got word%d\r\n" % number)
            worst = max(worst, time.monotonic() - began)
        if worst > 0.3:
            raise AssertionError("an echo took %.3f s" % worst)
        link.text('{"resize": {"cols": 77, "rows": 33}}')
        link.binary(b"again\n")
        until(b"33 77")
    service.stop("talks")


if __name__ == "__main__":
    leave()
