#!/usr/bin/env python3
"""Ctrl-C, at every stage: the program ends soon, no process stays, no half-written file is left."""

import os
import signal

from harness import case, leave
from server import serve


def shell(message, **params):
    return {"method": "shell.run", "params": dict(params, message=message)}


def log(text):
    return {"method": "log", "params": {"text": text}}


def interrupted(t, steps, ready="ready", number=signal.SIGINT, seconds=10, **fields):
    """Starts a script of these steps after one that says ready, interrupts it, and gives the ended program."""
    program = t.start("script", "run", t.script(log("ready"), *steps, log("not-reached"), **fields))
    program.until(ready)
    program.signal(number).end(seconds)
    t.lacks(program.out, "not-reached")
    if program.code == 0 or program.code < 0:
        raise AssertionError(
            "exit status %r of an interrupted script; it said:\n%s" % (program.code, program.both)
        )
    t.nothing_left()
    return program


@case("/e2e/interrupt/shell")
def in_shell(t):
    interrupted(t, [shell("echo up; sleep 300")], "up")


@case("/e2e/interrupt/shell-that-ignores-signals")
def stubborn(t):
    interrupted(t, [shell("trap '' INT TERM HUP; echo up; while :; do sleep 1; done")], "up", seconds=20)


@case("/e2e/interrupt/shell-with-children-in-sessions-of-their-own")
def scattered(t):
    interrupted(
        t,
        [
            shell(
                "setsid sleep 300 & (setsid setsid bash -c 'sleep 301 & sleep 302' &) ; nohup sleep 303 & echo up; sleep 304"
            )
        ],
        "up",
    )


@case("/e2e/interrupt/shell-that-prints-without-end")
def flood(t):
    interrupted(t, [shell("echo up; yes")], "up")


@case("/e2e/interrupt/shell-that-stays-after-done")
def after_done(t):
    interrupted(
        t,
        [shell("echo up; sleep 300", on=[{"event": "/up/", "done": True}]), {"method": "process.wait"}],
        "up",
    )


@case("/e2e/interrupt/shell-start-and-enter")
def session(t):
    interrupted(
        t,
        [
            {"method": "shell.start", "params": {"id": "s"}},
            {
                "method": "shell.enter",
                "params": {
                    "id": "s",
                    "message": "echo u''p; sleep 300",
                    "on": [{"event": "/never/", "return": 1}],
                },
            },
        ],
        "up",
    )


@case("/e2e/interrupt/exec")
def in_exec(t):
    interrupted(
        t,
        [log("soon"), {"method": "exec", "params": {"message": "touch begun; sleep 300 & sleep 301"}}],
        "soon",
    )


@case("/e2e/interrupt/process-wait")
def waiting(t):
    interrupted(t, [{"method": "process.wait", "params": {"min": 10}}])
    interrupted(t, [{"method": "process.wait", "params": {"url": "http://127.0.0.1:9/"}}])
    interrupted(t, [{"method": "process.wait", "params": {"on": {"resources": ["file:" + t.path("never")]}}}])
    interrupted(t, [{"method": "process.wait"}])


@case("/e2e/interrupt/promise-that-never-resolves")
def promise(t):
    path = t.javascript(
        "module.exports = { run: [{ method: 'log', params: { text: 'ready' } }, { method: async () => new Promise(() => {}) }] }"
    )
    program = t.start("script", "run", path)
    program.until("ready")
    program.signal().end(10)
    t.equal(program.code != 0 and program.code > 0, True, "exit status %r" % program.code)


@case("/e2e/interrupt/template-that-loops")
def looping(t):
    interrupted(t, [log("{{(() => { while (true) {} })()}}")], seconds=10)


@case("/e2e/interrupt/function-that-loops")
def looping_function(t):
    path = t.javascript(
        "module.exports = { run: [{ method: 'log', params: { text: 'ready' } }, { method: () => { for (;;) {} } }] }"
    )
    program = t.start("script", "run", path)
    program.until("ready")
    program.signal().end(10)


@case("/e2e/interrupt/jump-loop")
def jumping(t):
    interrupted(
        t,
        [
            {"id": "again", "method": "local.set", "params": {"x": 1}},
            {"method": "jump", "params": {"id": "again"}},
        ],
    )


@case("/e2e/interrupt/child-process-of-javascript")
def child_process(t):
    path = t.javascript(
        "const { exec } = require('child_process'); module.exports = { run: [{ method: async () =>"
        " new Promise((done) => exec('echo; sleep 300', done)) }, { method: 'log', params: { text: 'not-reached' } }] }"
    )
    program = t.start("script", "run", path, "--events")
    program.until('"step"')
    program.signal().end(10)
    t.nothing_left()


@case("/e2e/interrupt/download-leaves-no-half-file")
def downloading(t):
    server = serve(t)
    path = t.script(
        {"method": "fs.download", "params": {"uri": server.url + "/slow/x", "path": "a/file.bin"}}
    )
    program = t.start("script", "run", path)
    t.waits(lambda: any("/slow/" in path for path, _ in server.asked), "the request")
    program.signal().end(10)
    t.equal(program.code != 0, True, "it did not succeed")
    t.equal(os.path.exists(t.path("a", "file.bin")), False, "the file under its own name")
    t.nothing_left()


@case("/e2e/interrupt/request-without-an-answer")
def requesting(t):
    server = serve(t)
    program = t.start("script", "run", t.script({"method": "net", "params": {"url": server.url + "/silent"}}))
    t.waits(lambda: server.asked, "the request")
    program.signal().end(10)


@case("/e2e/interrupt/copy-of-a-large-folder")
def copying(t):
    path = t.script(
        log("ready"), {"method": "fs.copy", "params": {"src": "from", "dest": "to"}}, log("not-reached")
    )
    os.makedirs(t.path("from"))
    for number in range(40):
        with open(t.path("from", str(number)), "wb") as file:
            file.write(b"x" * 5000000)
    program = t.start("script", "run", path)
    program.until("ready")
    program.signal().end(20)
    t.equal(program.code in (0, 1, 130), True, "exit status %r" % program.code)
    copied = t.path("to")
    halves = (
        [name for name in os.listdir(copied) if os.path.getsize(os.path.join(copied, name)) != 5000000]
        if os.path.isdir(copied)
        else []
    )
    t.equal(halves, [], "half-written files")


@case("/e2e/interrupt/nested-script")
def nested(t):
    t.files(t.path(), inner__json={"run": [shell("echo up; sleep 300")]})
    interrupted(t, [{"method": "script.start", "params": {"uri": "inner.json"}}], "up")


@case("/e2e/interrupt/daemon-started-by-a-script")
def nested_daemon(t):
    t.files(
        t.path(),
        inner__json={
            "daemon": True,
            "run": [shell("setsid sleep 300 & echo up; sleep 301", on=[{"event": "/up/", "done": True}])],
        },
    )
    path = t.script({"method": "script.start", "params": {"uri": "inner.json"}}, daemon=True)
    program = t.start("script", "run", path, "--events")
    program.until('"daemon"')
    program.signal().end(10)
    t.status(program, 0)
    t.nothing_left()


@case("/e2e/interrupt/terminated-and-hung-up")
def other_signals(t):
    for number in (signal.SIGTERM, signal.SIGHUP):
        interrupted(t, [shell("setsid sleep 300 & echo up; sleep 301")], "up", number)


@case("/e2e/interrupt/twice-ends-a-slow-end")
def twice(t):
    program = t.start(
        "script", "run", t.script(shell("trap '' INT TERM HUP; echo up; while :; do sleep 1; done"))
    )
    program.until("up")
    program.signal()
    program.signal()
    program.end(20)
    t.nothing_left()


@case("/e2e/interrupt/while-it-starts")
def starting(t):
    path = t.script(shell("sleep 300"))
    for delay in (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2):
        program = t.start("script", "run", path)
        try:
            program.process.wait(delay)
        except Exception:
            pass
        program.signal().end(10)
        t.equal(program.code != 0, True, "exit status after %g s: %r" % (delay, program.code))
        t.nothing_left()


@case("/e2e/interrupt/venv-that-is-being-made")
def making_venv(t):
    path = t.script(shell("echo up; sleep 300", venv="env"))
    program = t.start("script", "run", path)
    t.waits(lambda: os.path.isdir(t.path("env")), "the folder of the venv", 30)
    program.signal().end(15)
    t.nothing_left()
    again = t.run_script(t.script(shell("python -c 'import sys; print(sys.prefix)'", venv="env")), seconds=60)
    t.status(again, 0)
    t.has(again.out, "/app/env")


if __name__ == "__main__":
    leave()
