"""Real scripts behind the API: started, watched, typed into, asked, stopped."""

import json
import os
import time

import serving
from serving import BINARY, PING, TEXT, case


def script(stage, name, *steps, **fields):
    return stage.app(name, start__json=dict(fields, run=list(steps)))


def shell(message, **more):
    return {"method": "shell.run", "params": dict(more, message=message)}


def start(stage, app, **body):
    answer = stage.ask("POST", "/v1/apps/%s/start" % app, dict({"script": "start.json"}, **body))
    stage.equal(answer.status, 202, "start (%r)" % answer.body)
    return answer.json["run"]


def state(stage, run):
    return stage.ask("GET", "/v1/runs/" + run).json["state"]


def follow(sock, until=lambda event: False, seconds=20):
    """Events up to the one that until likes, or to the close."""
    found = []
    end = time.monotonic() + seconds * serving.SLOW
    while time.monotonic() < end:
        opcode, payload = sock.message(seconds)
        if opcode != TEXT:
            return found
        for event in json.loads(payload)["events"]:
            found.append(event)
            if until(event):
                return found
    raise AssertionError("it did not come; so far: %r" % found[-5:])


def output_of(events):
    return "".join(event.get("raw", "") for event in events if event["type"] == "stream")


@case("/server/live/a-run-from-its-start-to-its-end")
def whole(stage):
    script(stage, "demo", shell("echo one; sleep 0.3; echo two"))
    stage.start()
    run = start(stage, "demo")
    sock = stage.socket("/v1/runs/%s/events" % run)
    events = follow(sock)
    text = output_of(events)
    if "one" not in text or "two" not in text:
        raise AssertionError(text)
    stage.equal(state(stage, run), "finished")
    answer = stage.ask("GET", "/v1/runs/%s/events" % run)
    stage.equal([json.loads(line) for line in answer.body.splitlines()], events, "the same over HTTP")
    stage.equal(answer.headers["x-run-live"], "false")


@case("/server/live/the-end-of-a-run-is-told-within-a-second")
def end_told(stage):
    script(stage, "demo", shell("echo one"))
    stage.start()
    for _ in range(5):
        run = start(stage, "demo")
        sock = stage.socket("/v1/runs/%s/events" % run)
        stage.waits(lambda: state(stage, run) == "finished", "its end")
        began = time.monotonic()
        stage.equal(sock.closing()[0], 1000)
        if time.monotonic() - began > 1 * serving.SLOW:
            raise AssertionError("%.1f s after its end" % (time.monotonic() - began))


@case("/server/live/a-listener-costs-the-script-no-time-when-it-stops-reading")
def stalled(stage):
    # 40 MB through a terminal, with and without four readers that do not read.
    work = shell("head -c 40000000 /dev/zero | tr '\\0' 'x' | fold -w 1000; echo done")
    script(stage, "demo", work)
    stage.start("--stall", 60000)
    before = stage.rss()
    took = []
    for readers in (0, 4, 0, 4):
        began = time.monotonic()
        run = start(stage, "demo")
        socks = [stage.socket("/v1/runs/%s/events" % run, local=n % 2 == 0) for n in range(readers)]
        stage.waits(lambda: state(stage, run) == "finished", "its end", 60)
        took.append(time.monotonic() - began)
        for sock in socks:
            sock.close()
    print("# without readers %.2f and %.2f s, with four that stand still %.2f and %.2f s" % (took[0], took[2], took[1], took[3]))
    stage.costs(before, 6 * 1024 * 1024, "readers that stand still")
    if min(took[1], took[3]) > 1.5 * max(took[0], took[2]) + 0.5:
        raise AssertionError("standing readers slow the script: %r" % took)


@case("/server/live/terminal-types-resizes-and-ends")
def terminal(stage):
    script(stage, "demo", shell("stty size; read -r line; echo got:$line; stty size; exit 3"))
    stage.start()
    run = start(stage, "demo", cols=90, rows=20)
    stage.waits(lambda: len(stage.ask("GET", "/v1/runs/" + run).json["shells"]) == 1, "its shell")
    view = stage.ask("GET", "/v1/runs/" + run).json["shells"][0]
    name = view["id"]
    stage.equal(stage.ask("GET", "/v1/shells/" + name).json["id"], name)
    sock = stage.socket("/v1/shells/%s/terminal" % name)
    got = b""

    def until(part):
        nonlocal got
        while part not in got:
            opcode, payload = sock.message()
            stage.equal(opcode, BINARY, repr(payload[:100]))
            got += payload

    until(b"20 90")
    sock.frame(TEXT, b'{"resize":{"cols":111,"rows":33}}')
    sock.frame(PING, b"after")
    sock.frame(BINARY, b"hel").frame(BINARY, b"lo\r")
    until(b"got:hello")
    until(b"33 111")
    stage.equal(sock.closing()[0], 1000)
    stage.waits(lambda: state(stage, run) == "finished", "its end")
    log = stage.ask("GET", "/v1/shells/%s/log" % name)
    if b"got:hello" not in log.body:
        raise AssertionError(log.body)


@case("/server/live/typing-over-http")
def typing(stage):
    script(stage, "demo", shell("read -r line; echo got:$line; stty size"))
    stage.start()
    run = start(stage, "demo")
    stage.waits(lambda: len(stage.ask("GET", "/v1/shells").json) == 1, "its shell")
    name = stage.ask("GET", "/v1/shells").json[0]["id"]
    stage.equal(stage.ask("POST", "/v1/shells/%s/resize" % name, {"cols": 77, "rows": 22}).status, 200)
    stage.problem(stage.ask("POST", "/v1/shells/%s/resize" % name, {"cols": 77}), 400, "rows")
    stage.equal(stage.ask("POST", "/v1/shells/%s/input" % name, b"abc\r").status, 200)
    events = follow(stage.socket("/v1/runs/%s/events" % run))
    text = output_of(events)
    if "got:abc" not in text or "22 77" not in text:
        raise AssertionError(text)


@case("/server/live/wrong-messages-to-a-terminal")
def wrong_messages(stage):
    script(stage, "demo", shell("sleep 100"))
    stage.start()
    run = start(stage, "demo")
    stage.waits(lambda: len(stage.ask("GET", "/v1/shells").json) == 1, "its shell")
    name = stage.ask("GET", "/v1/shells").json[0]["id"]
    for text, code in (
        (b"hello", 1003),
        (b"{}", 1003),
        (b'{"resize":1}', 1003),
        (b'{"resize":{"cols":0,"rows":1}}', 1007),
        (b'{"resize":{"cols":80,"rows":"24"}}', 1007),
        (b'{"resize":{"cols":80,"rows":24},"x":1}', 1003),
    ):
        sock = stage.socket("/v1/shells/%s/terminal" % name)
        sock.frame(TEXT, text)
        stage.equal(sock.closing()[0], code, repr(text))
    stage.equal(stage.ask("POST", "/v1/runs/%s/stop?wait=20" % run, seconds=30).status, 200)


@case("/server/live/stop-waits-or-does-not")
def stop(stage):
    script(stage, "demo", shell("trap '' TERM INT HUP; echo up; while :; do sleep 0.1; done"))
    stage.start()
    stage.equal(stage.ask("PUT", "/v1/settings/stop.grace_ms", {"value": "1500"}).status, 200)
    run = start(stage, "demo")
    follow(stage.socket("/v1/runs/%s/events" % run), lambda event: "up" in event.get("raw", ""))
    began = time.monotonic()
    answer = stage.ask("POST", "/v1/apps/demo/stop")
    stage.equal((answer.status, answer.json), (202, {"stopped": False}))
    answer = stage.ask("POST", "/v1/runs/%s/stop?wait=20" % run, seconds=30)
    stage.equal((answer.status, answer.json), (200, {"stopped": True}))
    if time.monotonic() - began < 1.2:
        raise AssertionError("it did not take its grace, so nothing was waited for")
    stage.equal(state(stage, run), "stopped")
    stage.equal(stage.ask("POST", "/v1/runs/%s/stop?wait=1" % run).status, 200)


@case("/server/live/a-client-that-vanishes-while-it-waits")
def vanish(stage):
    script(stage, "demo", shell("trap '' TERM INT HUP; echo up; while :; do sleep 0.1; done"))
    stage.start()
    stage.equal(stage.ask("PUT", "/v1/settings/stop.grace_ms", {"value": "700"}).status, 200)
    run = start(stage, "demo")
    follow(stage.socket("/v1/runs/%s/events" % run), lambda event: "up" in event.get("raw", ""))
    for _ in range(5):
        http = stage.connect()
        http.send(stage.head("POST", "/v1/apps/demo/stop?wait=60"))
        http.close()
    stage.waits(lambda: state(stage, run) == "stopped", "its end")
    stage.alive()


@case("/server/live/restart-gives-another-run")
def restart(stage):
    script(stage, "demo", shell("echo up; sleep 100"), daemon=True)
    stage.start()
    first = start(stage, "demo")
    again = stage.ask("POST", "/v1/apps/demo/start", {"script": "start.json"}).json
    stage.equal(again, {"run": first, "already": True})
    answer = stage.ask("POST", "/v1/apps/demo/restart", {"script": "start.json"}, seconds=30)
    stage.equal(answer.status, 202)
    second = answer.json["run"]
    if second == first:
        raise AssertionError("the same run")
    stage.equal(state(stage, first), "stopped")
    stage.equal(stage.ask("POST", "/v1/apps/demo/stop?wait=20", seconds=30).status, 200)


@case("/server/live/a-question-is-answered")
def question(stage):
    ask = {"method": "input", "params": {"title": "Who?", "form": [{"key": "name", "title": "Name"}]}}
    script(stage, "demo", ask, shell("echo hello {{input.name}}"))
    stage.start()
    sock = stage.socket("/v1/events")
    sock.frame(PING, b"ready")
    sock.receive()
    run = start(stage, "demo")
    while True:
        event = sock.events()
        if event["type"] == "question":
            break
    asked = stage.ask("GET", "/v1/runs/" + run).json["questions"][0]["id"]
    path = "/v1/runs/%s/answer" % run
    stage.problem(stage.ask("POST", path, {"question": "no", "answers": {}}), 404)
    stage.equal(stage.ask("POST", path, {"question": asked, "answers": {"name": "Ada"}}).status, 200)
    events = follow(stage.socket("/v1/runs/%s/events" % run))
    if "hello Ada" not in output_of(events):
        raise AssertionError(output_of(events))
    stage.problem(stage.ask("POST", path, {"question": asked, "answers": {}}), 404)


@case("/server/live/scripts-by-their-path")
def by_path(stage):
    folder = script(stage, "demo", shell("echo here"))
    stage.start()
    answer = stage.ask("POST", "/v1/runs", {"script": os.path.join(folder, "start.json")})
    stage.equal(answer.status, 202)
    if "here" not in output_of(follow(stage.socket("/v1/runs/%s/events" % answer.json["run"]))):
        raise AssertionError("no output")


if __name__ == "__main__":
    serving.main()
