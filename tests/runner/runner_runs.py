"""A run of the service in its own process: what it tells the engine, what it writes, and what it leaves running."""

import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from engine_side import Engine, ends_well, lives  # noqa: E402
from harness import case, leave  # noqa: E402

RUN = "20250101-120000-abcd"

SERVER = {
    "method": "shell.run",
    "params": {"message": "echo up; exec sleep 1000", "on": [{"event": "/up/", "done": True}]},
}


def ended(engine, program, line, outcome):
    message = line.expect("ended")
    engine.stage.equal(message["outcome"], outcome, "outcome (%r)" % message.get("error"))
    line.send("seen")
    ends_well(engine.stage, program)
    return message


def ready(line, **wanted):
    return line.state(lambda state: state["phase"] == "ready" and all(state[key] == wanted[key] for key in wanted))


def finish(engine, program, line):
    line.send("cancel")
    return ended(engine, program, line, "cancelled")


# --- to the end ------------------------------------------------------------------------------------------------------


@case("runner/steps-to-the-end")
def steps(stage):
    engine = Engine(stage)
    path = stage.script(
        {"method": "shell.run", "params": {"message": "echo one; echo two"}},
        {"method": "local.set", "params": {"a": "{{input.stdout.trim().length}}"}},
        {"method": "process.wait", "params": {"sec": 0.2}},
        {"method": "log", "params": {"text": "{{local.a}} {{args.word}}"}},
    )
    program, line = engine.start(RUN, path, input={"word": "hi"})
    state = line.state(lambda state: state["step"] == 2)
    stage.equal((state["phase"], state["total"], state["method"], state["settled"]), ("steps", 4, "process.wait", False))
    stage.equal(len(state["scripts"]), 1)
    script = state["scripts"][0]
    stage.equal((script["path"], script["main"], script["ready"], script["args"]), (path, True, False, {"word": "hi"}))
    stage.has(str(script["local"]), "'a':")
    message = ended(engine, program, line, "stopped")
    stage.equal((message["step"], message["finished"], message["failed"]), (3, [path], []), "the end")
    events = engine.events(RUN)
    stage.equal(events[0]["type"], "run", "the first line")
    stage.equal((events[0]["run"], events[0]["app"], events[0]["script"]), (RUN, "app", path))
    stage.equal([e["index"] for e in events if e["type"] == "step"], [0, 1, 2, 3], "steps in the journal")
    shell = [e for e in events if e["type"] == "shell"]
    stage.equal([(e["shell"], e["index"]) for e in shell], [(RUN + ".1", 0)], "shells")
    stage.equal([(e["shell"], e["code"], e["signal"]) for e in events if e["type"] == "exit"], [(RUN + ".1", 0, 0)])
    stage.equal(engine.output(RUN, RUN + ".1"), b"one\r\ntwo\r\n", "what the shell printed")
    stage.equal([e["outcome"] for e in events if e["type"] == "end"], ["stopped"], "the end in the journal")
    stage.equal(events[-1]["type"], "end", "the last line")


@case("runner/error-is-told-with-its-step")
def failing(stage):
    engine = Engine(stage)
    path = stage.script(
        {"method": "log", "params": {"text": "x"}}, {"method": "no.such", "params": {}}
    )
    program, line = engine.start(RUN, path)
    message = ended(engine, program, line, "error")
    stage.has(message["error"], "no.such")
    stage.equal((message["step"], message["failed"]), (1, [path]))
    stage.equal([e["outcome"] for e in engine.events(RUN) if e["type"] == "end"], ["error"])


@case("runner/script-that-is-not-there")
def missing(stage):
    engine = Engine(stage)
    stage.app("app")
    program, line = engine.start(RUN, stage.path("none.json"))
    message = ended(engine, program, line, "error")
    stage.has(message["error"], "there is no file")


@case("runner/journal-that-cannot-be-written")
def no_journal(stage):
    engine = Engine(stage)
    path = stage.script({"method": "log", "params": {"text": "x"}})
    in_the_way = os.path.join(stage.folder, "file")
    stage.files(stage.folder, file="")
    program, line = engine.start(RUN, path, journal=os.path.join(in_the_way, "x.journal"))
    stage.has(ended(engine, program, line, "error")["error"], "file")


@case("runner/all-output-is-in-the-journal-once")
def all_output(stage):
    engine = Engine(stage)
    # Much at once, characters cut anywhere, bytes that are no UTF-8, and something that comes while it ends.
    command = (
        "trap 'printf last-words; exit' TERM; for i in $(seq 40); do head -c 20000 /dev/urandom | base64 -w0; "
        "printf 'é\\xff\\xc3'; done; echo --up--; printf '\\xa9'; while :; do sleep 0.1; done"
    )
    path = stage.script(
        {"method": "shell.run", "params": {"message": command, "on": [{"event": "/--up--/", "done": True}]}}, daemon=True
    )
    program, line = engine.start(RUN, path)
    state = ready(line)
    log = state["shells"][0]["log"]
    finish(engine, program, line)
    with open(log, "rb") as file:
        written = file.read()
    stage.equal(len(written) > 1000000, True, "much was written")
    stage.has(written[-20:].decode("utf-8", "replace"), "last-words")
    stage.equal(engine.output(RUN, RUN + ".1") == written, True, "the journal has it all")


# --- daemons ----------------------------------------------------------------------------------------------------------


@case("runner/daemon-settles-and-leaves-its-shells")
def daemon(stage):
    engine = Engine(stage)
    path = stage.script(
        SERVER, {"method": "local.set", "params": {"url": "http://127.0.0.1:1"}}, daemon=True
    )
    program, line = engine.start(RUN, path)
    state = ready(line, settled=True)
    shell = state["shells"][0]
    stage.equal((shell["id"], shell["running"], shell["background"]), (RUN + ".1", True, True))
    stage.equal(shell["command"], SERVER["params"]["message"], "the command as it was written")
    stage.equal(state["scripts"][0]["local"], {"url": "http://127.0.0.1:1"}, "local")
    line.send("leave")
    left = line.expect("left")
    ends_well(stage, program)
    stage.equal(left["shells"][0]["offset"], os.path.getsize(shell["log"]), "the journal is complete")
    stage.equal(engine.output(RUN, RUN + ".1"), b"up\r\n")
    stage.equal(lives(shell["pid"]), True, "the shell goes on")
    stage.equal([e["type"] for e in engine.events(RUN) if e["type"] in ("ready", "exit", "end")], ["ready", "end"])
    engine.stop_shell(shell)


@case("runner/stop-job-runs-on-stop-with-memory-and-args")
def stop_job(stage):
    engine = Engine(stage)
    path = stage.script(
        SERVER,
        {"method": "local.set", "params": {"word": "kept"}},
        daemon=True,
        on={
            "stop": [
                {"method": "shell.run", "params": {"message": "echo {{local.word}} {{args.n}} > stopped.txt"}},
                {"method": "log", "params": {"text": "{{exists('stopped.txt')}}"}},
            ]
        },
    )
    program, line = engine.start(RUN, path, input={"n": 7})
    state = ready(line, settled=True)
    stage.equal(state["scripts"][0]["on_stop"], True)
    line.send("leave")
    left = line.expect("left")
    ends_well(stage, program)
    program, line = engine.start(RUN, path, mode="stop", scripts=left["scripts"])
    ended(engine, program, line, "stopped")
    stage.equal(stage.read(stage.path("stopped.txt")), "kept 7\n")
    stage.equal(lives(left["shells"][0]["pid"]), True, "its shells are the engine's to end")
    shells = [e["shell"] for e in engine.events(RUN) if e["type"] == "shell"]
    stage.equal(shells, [RUN + ".1", RUN + ".2"], "no name is given twice")
    stage.equal(len([e for e in engine.events(RUN) if e["type"] == "run"]), 1, "one first line")
    engine.stop_shell(left["shells"][0])


@case("runner/stop-job-of-several-scripts-last-first")
def stop_several(stage):
    engine = Engine(stage)
    note = lambda name: {"stop": [{"method": "shell.run", "params": {"message": "echo %s >> order.txt" % name}}]}
    stage.app("app", other__json={"daemon": True, "run": [SERVER], "on": note("other")})
    path = stage.script(
        {"method": "script.start", "params": {"uri": "other.json"}}, SERVER, daemon=True, on=note("main")
    )
    program, line = engine.start(RUN, path)
    state = ready(line, settled=True)
    stage.equal([script["path"] for script in state["scripts"]], [path, stage.path("other.json")])
    line.send("leave")
    left = line.expect("left")
    ends_well(stage, program)
    os.unlink(stage.path("main.json"))  # gone meanwhile: told, and the other one's steps are done
    program, line = engine.start(RUN, path, mode="stop", scripts=left["scripts"])
    ended(engine, program, line, "stopped")
    stage.equal(stage.read(stage.path("order.txt")), "other\n")
    stage.equal([e["type"] for e in engine.events(RUN) if "there is no file" in e.get("message", "")], ["error"])
    for shell in left["shells"]:
        engine.stop_shell(shell)


@case("runner/cancelled-daemon-runs-on-stop-and-ends-its-shells")
def cancelled_daemon(stage):
    engine = Engine(stage)
    stop = {"stop": [{"method": "shell.run", "params": {"message": "echo done > stopped.txt"}}]}
    path = stage.script(SERVER, daemon=True, on=stop)
    program, line = engine.start(RUN, path)
    shell = ready(line)["shells"][0]
    finish(engine, program, line)
    stage.equal(stage.read(stage.path("stopped.txt")), "done\n")
    stage.equal(lives(shell["pid"]), False, "the shell goes on")
    codes = [e for e in engine.events(RUN) if e["type"] == "exit" and e["shell"] == shell["id"]]
    stage.equal(len(codes), 1, "its end is in the journal")


@case("runner/daemon-whose-command-ends-well-stops")
def ends_by_itself(stage):
    engine = Engine(stage)
    command = {"message": "echo up; sleep 0.3", "on": [{"event": "/up/", "done": True}]}
    path = stage.script({"method": "shell.run", "params": command}, daemon=True)
    program, line = engine.start(RUN, path)
    ready(line)
    message = ended(engine, program, line, "stopped")
    shell = message["shells"][0]
    stage.equal((shell["running"], shell["exit"]), (False, 0), "how it ended is told")


@case("runner/daemon-whose-command-fails-is-an-error")
def fails_by_itself(stage):
    engine = Engine(stage)
    command = {"message": "echo up; sleep 0.3; exit 3", "on": [{"event": "/up/", "done": True}]}
    path = stage.script(
        {"method": "log", "params": {"text": "first"}}, {"method": "shell.run", "params": command}, daemon=True
    )
    program, line = engine.start(RUN, path)
    ready(line)
    message = ended(engine, program, line, "error")
    stage.equal(message["error"], "the command of step 2 ended with exit code 3")
    ends = [e["outcome"] for e in engine.events(RUN) if e["type"] == "end"]
    stage.equal(ends, ["daemon", "error"])


@case("runner/daemons-that-a-script-started-stay-after-its-end")
def orphans(stage):
    engine = Engine(stage)
    stage.app("app", other__json={"daemon": True, "run": [SERVER]})
    path = stage.script({"method": "script.start", "params": {"uri": "other.json"}})
    program, line = engine.start(RUN, path)
    state = ready(line, settled=True)
    stage.equal([script["path"] for script in state["scripts"]], [stage.path("other.json")])
    stage.equal(state["finished"], [path])
    finish(engine, program, line)


@case("runner/what-lives-in-javascript-does-not-settle")
def not_settled(stage):
    engine = Engine(stage)
    silent = socket.create_server(("127.0.0.1", 0))
    stage.cleanups.append(silent.close)
    sources = {
        "interval": "setInterval(() => {}, 100000)",
        "child": "require('child_process').spawn('sleep', ['1000'])",
        "fetch": "fetch('http://127.0.0.1:%d/').catch(() => {})" % silent.getsockname()[1],
        "timeout": "setTimeout(() => {}, 100000).unref().ref()",
        "orphan": "require('child_process').exec('sleep 1000 > /dev/null 2>&1 &')",
    }
    for number, (name, source) in enumerate(sources.items()):
        run = "%s%d" % (RUN, number)
        folder = stage.app("app", **{name + "__js": "%s\nmodule.exports = {daemon: true, run: [%s]}" % (
            source, '{method: "shell.run", params: {message: "echo up; exec sleep 1000", on: [{event: "/up/", done: true}]}}')})
        program, line = engine.start(run, os.path.join(folder, name + ".js"))
        ready(line)
        line.send("leave")  # nothing comes of it
        time.sleep(0.3)
        stage.equal([s["settled"] for s in line.all_of("state")], [False] * len(line.all_of("state")), name)
        stage.equal(program.process.poll(), None, name + ": it stays")
        finish(engine, program, line)


@case("runner/timer-without-a-reference-settles")
def unref(stage):
    engine = Engine(stage)
    source = (
        "setInterval(() => {}, 100000).unref(); const soon = setTimeout(() => {}, 700)\n"
        'module.exports = {daemon: true, run: [{method: "shell.run", params: {message: "echo up; exec sleep 1000", '
        'on: [{event: "/up/", done: true}]}}]}'
    )
    program, line = engine.start(RUN, stage.javascript(source))
    ready(line, settled=False)
    ready(line, settled=True)  # told when the other one has fired
    finish(engine, program, line)


@case("runner/interactive-shell-does-not-settle")
def interactive(stage):
    engine = Engine(stage)
    path = stage.script(
        {"method": "shell.start", "params": {"id": "s"}},
        {"method": "shell.enter", "params": {"id": "s", "message": "echo hello"}},
        daemon=True,
    )
    program, line = engine.start(RUN, path)
    stage.equal(ready(line)["settled"], False)
    stage.has(engine.output(RUN, RUN + ".1").decode(), "hello")
    finish(engine, program, line)


# --- cancelling -------------------------------------------------------------------------------------------------------


@case("runner/cancel-in-the-middle-of-a-step")
def cancel(stage):
    engine = Engine(stage)
    stop = {"stop": [{"method": "shell.run", "params": {"message": "echo done > stopped.txt"}}]}
    path = stage.script({"method": "shell.run", "params": {"message": "echo up; sleep 1000"}}, on=stop)
    program, line = engine.start(RUN, path)
    shell = line.state(lambda state: state["shells"] != [])["shells"][0]
    finish(engine, program, line)
    stage.equal(stage.read(stage.path("stopped.txt")), "done\n")
    stage.equal(lives(shell["pid"]), False)


@case("runner/second-cancel-ends-on-stop")
def cancel_twice(stage):
    engine = Engine(stage)
    stop = {"stop": [{"method": "shell.run", "params": {"message": "touch begun; sleep 1000"}}]}
    path = stage.script({"method": "process.wait", "params": {}}, on=stop)
    program, line = engine.start(RUN, path)
    line.state(lambda state: state["method"] == "process.wait")
    line.send("cancel")
    line.state(lambda state: len(state["shells"]) > 0)
    finish(engine, program, line)


@case("runner/signal-cancels")
def signals(stage):
    for number, run in ((signal.SIGTERM, RUN), (signal.SIGINT, RUN + "b")):
        engine = Engine(stage)
        path = stage.script({"method": "process.wait", "params": {}})
        program, line = engine.start(run, path)
        line.state(lambda state: state["method"] == "process.wait")
        program.signal(number)
        ended(engine, program, line, "cancelled")
        engine.go()


@case("runner/endless-loop-is-cancelled")
def endless(stage):
    engine = Engine(stage)
    path = stage.javascript("module.exports = {run: [{method: async () => { for (;;) {} }}]}")
    program, line = engine.start(RUN, path)
    stage.waits(lambda: '"type":"step"' in engine.text(RUN), "the step")
    finish(engine, program, line)


# --- an engine that dies ----------------------------------------------------------------------------------------------


@case("runner/script-goes-on-without-the-engine")
def engine_dies(stage):
    engine = Engine(stage)
    command = "until [ -e go ]; do sleep 0.02; done; echo went on"
    path = stage.script(
        {"method": "local.set", "params": {"a": 1}},
        {"method": "shell.run", "params": {"message": command}},
        {"method": "local.set", "params": {"b": 2}},
        {"method": "process.wait", "params": {}},
    )
    program, line = engine.start(RUN, path)
    line.state(lambda state: state["step"] == 1)
    engine.go()
    stage.files(stage.path(), go="")
    stage.waits(lambda: '"process.wait"' in engine.text(RUN), "the last step")
    engine.come()
    line, hello = engine.accept()
    stage.equal((hello["begun"], hello["mode"], hello["path"], hello["journal"]), (True, "run", path, engine.journal(RUN)))
    state = line.state()
    stage.equal((state["step"], state["scripts"][0]["local"]), (3, {"a": 1, "b": 2}), "the whole state")
    stage.equal(engine.output(RUN, RUN + ".1"), b"went on\r\n")
    finish(engine, program, line)


@case("runner/settled-without-an-engine-it-stays")
def settled_alone(stage):
    engine = Engine(stage)
    command = "until [ -e go ]; do sleep 0.02; done; echo up; exec sleep 1000"
    path = stage.script(
        {"method": "shell.run", "params": {"message": command, "on": [{"event": "/up/", "done": True}]}}, daemon=True
    )
    program, line = engine.start(RUN, path)
    line.state(lambda state: state["shells"] != [])
    engine.go()
    stage.files(stage.path(), go="")
    stage.waits(lambda: '"type":"ready"' in engine.text(RUN), "it is ready")
    engine.come()
    line, _ = engine.accept()
    state = ready(line, settled=True)
    stage.equal(program.process.poll(), None, "it stays")
    line.send("leave")
    line.expect("left")
    ends_well(stage, program)
    engine.stop_shell(state["shells"][0])


@case("runner/end-is-said-to-the-next-engine")
def end_said_again(stage):
    engine = Engine(stage)
    path = stage.script({"method": "log", "params": {"text": "x"}})
    program, line = engine.start(RUN, path)
    line.expect("ended")
    engine.go()
    engine.come()
    line, _ = engine.accept()
    ended(engine, program, line, "stopped")


@case("runner/end-that-nobody-sees")
def end_unseen(stage):
    engine = Engine(stage)
    path = stage.script({"method": "log", "params": {"text": "x"}})
    program, line = engine.start(RUN, path)
    line.expect("ended")
    ends_well(stage, program, 10)  # by itself, after two seconds


@case("runner/killed-runner-leaves-its-shells")
def killed(stage):
    engine = Engine(stage)
    command = "echo up; until [ -e go ]; do sleep 0.02; done; echo on; exec sleep 1000"
    path = stage.script({"method": "shell.run", "params": {"message": command}})
    program, line = engine.start(RUN, path)
    stage.waits(lambda: "up" in engine.text(RUN), "output")
    shell = line.state(lambda state: state["shells"] != [])["shells"][0]
    program.signal(signal.SIGKILL).end()
    stage.files(stage.path(), go="")
    stage.waits(lambda: stage.read(shell["log"]) == "up\non\n" or "on" in stage.read(shell["log"]), "it goes on")
    stage.equal(lives(shell["pid"]), True)
    stage.equal(os.path.exists(os.path.join(engine.run_dir, "shells", shell["id"] + ".sock")), True, "it can be found")
    engine.stop_shell(shell)


# --- questions --------------------------------------------------------------------------------------------------------

FORM = {"method": "input", "params": {"title": "Who?", "form": [{"key": "name", "title": "Name"}]}}
SAY = {"method": "log", "params": {"text": "hello {{input.name}}"}}


@case("runner/question-is-answered")
def question(stage):
    engine = Engine(stage)
    path = stage.script(FORM, SAY)
    program, line = engine.start(RUN, path)
    asked = line.expect("ask")
    stage.equal((asked["script"], asked["request"]["form"][0]["key"]), (path, "name"))
    line.send("answer", id=asked["id"], answers={"name": "Ada"})
    ended(engine, program, line, "stopped")
    stage.has(engine.text(RUN), "hello Ada")


@case("runner/question-is-refused")
def refused(stage):
    engine = Engine(stage)
    program, line = engine.start(RUN, stage.script(FORM, SAY))
    line.send("answer", id=line.expect("ask")["id"], error="nobody is there")
    stage.has(ended(engine, program, line, "error")["error"], "nobody is there")


@case("runner/question-is-asked-again-of-the-next-engine")
def asked_again(stage):
    engine = Engine(stage)
    path = stage.script(FORM, SAY)
    program, line = engine.start(RUN, path)
    first = line.expect("ask")
    engine.go()
    engine.come()
    line, _ = engine.accept()
    line.state(lambda state: state["method"] == "input")
    again = line.expect("ask")
    stage.equal(again, first, "the question")
    line.send("answer", id=again["id"], answers={"name": "Ada"})
    ended(engine, program, line, "stopped")


@case("runner/cancelled-question-is-withdrawn")
def withdrawn(stage):
    engine = Engine(stage)
    program, line = engine.start(RUN, stage.script(FORM, SAY))
    asked = line.expect("ask")
    line.send("cancel")
    stage.equal(line.expect("withdraw")["id"], asked["id"])
    ended(engine, program, line, "cancelled")


@case("runner/output-goes-on-while-a-question-is-open")
def asks_meanwhile(stage):
    engine = Engine(stage)
    command = {"message": "echo up; until [ -e go ]; do sleep 0.02; done; echo later; exec sleep 1000",
               "on": [{"event": "/up/", "done": True}]}
    path = stage.script({"method": "shell.run", "params": command}, FORM, daemon=True)
    program, line = engine.start(RUN, path)
    line.expect("ask")
    stage.files(stage.path(), go="")
    stage.waits(lambda: "later" in engine.text(RUN), "its output")
    finish(engine, program, line)


if __name__ == "__main__":
    leave()
