#!/usr/bin/env python3
"""Apps of the service from the command line: start, stop, restart, logs, ps, open; names, errors, ends of the engine."""

import glob
import os
import re
import signal
import unicodedata
import urllib.request

from service import (
    api,
    app,
    asking,
    case,
    end_all,
    is_gone,
    kill_engine,
    leave,
    log,
    newest_run,
    note,
    numbers,
    printing,
    ps,
    shell,
    status,
)

RUN_ID = r"\d{8}-\d{6}-\w{4}"


def serving(t):
    """An engine comes up with the first command; all ends with the case."""
    t.cleanups.append(lambda: end_all(t))


def shell_log(t, name):
    """All that the app's newest shell printed, as the keeper wrote it down."""
    found = glob.glob(
        os.path.join(glob.escape(os.path.join(t.home, "logs", "api", name)), "**", "shell-*.log"),
        recursive=True,
    )
    with open(max(found, key=os.path.getmtime), "rb") as file:
        return file.read()


# --- start


@case("/cli/start/shows-output-until-it-is-ready")
def start(t):
    serving(t)
    app(t, steps=printing())
    program = t.run("start", "demo")
    t.status(program, 0)
    t.has(program.out, "^begin-demo")
    t.equal(program.out.splitlines()[-1], "demo is ready: http://127.0.0.1:4321/", "last line")
    t.equal([(run["app"], run["state"]) for run in ps(t)], [("demo", "ready")], "what runs")
    t.equal(len(ps(t)[0]["pids"]) > 0, True, "its processes")


@case("/cli/start/bytes-as-they-were-printed")
def start_bytes(t):
    serving(t)
    app(
        t,
        daemon=False,
        steps=[
            shell(
                r"printf 'a\033[31mred\033[0m\tb\000c\rd \303\251 \\ \"q\" \342\202\254\n'; seq 2000; printf 'no end'"
            )
        ],
    )
    program = t.run("start", "demo")
    t.status(program, 0)
    t.equal(program.data["out"], shell_log(t, "demo"), "output")
    t.has(program.err, "come to its end")
    t.equal(t.run("logs", "demo").data["out"], shell_log(t, "demo"), "logs")


@case("/cli/start/of-what-runs-already")
def start_again(t):
    serving(t)
    app(t, steps=printing())
    t.run("start", "demo")
    program = t.run("start", "demo")
    t.status(program, 0)
    t.equal(program.out, "demo runs already: http://127.0.0.1:4321/\n", "what it says")
    t.equal(len(ps(t)), 1, "runs")


@case("/cli/start/ten-at-once-give-one-run")
def start_ten(t):
    serving(t)
    app(t, steps=printing())
    programs = [t.start("start", "demo") for _ in range(10)]
    for program in programs:
        program.end(60)
        t.status(program, 0)
    t.equal(len(ps(t)), 1, "runs")


@case("/cli/start/detached-gives-the-run")
def detached(t):
    serving(t)
    app(t, steps=printing())
    program = t.run("start", "-d", "demo")
    t.status(program, 0)
    t.has(program.out, r"\A%s\n\Z" % RUN_ID)
    t.waits(lambda: [run["state"] for run in ps(t)] == ["ready"], "the app is ready")
    t.equal(ps(t)[0]["run"], program.out.strip(), "its run")


@case("/cli/start/another-script-with-input")
def start_script(t):
    serving(t)
    app(t, other__json={"run": [log("got {{input.a}} and {{args.b}}")]})
    program = t.run("start", "demo", "other.json", "--input", '{"a": "é x", "b": 5}')
    t.status(program, 0)
    t.has(program.out, "got é x and 5")


@case("/cli/start/events-as-json")
def start_events(t):
    serving(t)
    app(t, steps=printing())
    program = t.run("start", "demo", "--events")
    t.status(program, 0)
    types = [event["type"] for event in program.events()]
    for wanted in ("step", "stream", "result", "end"):
        t.equal(wanted in types, True, wanted)
    t.has(program.err, "demo is ready: http")


@case("/cli/start/that-fails")
def start_fails(t):
    serving(t)
    app(t, steps=[shell("echo before"), {"method": "no.such.method"}])
    program = t.run("start", "demo")
    t.fails(program, r"no\.such\.method", "^pinokiocloud: demo: ")
    t.has(program.out, "before")
    t.equal(status(t)["apps"][0]["state"], "ERROR", "state")


@case("/cli/start/what-is-not-there")
def start_nothing(t):
    serving(t)
    app(t, steps=printing())
    os.makedirs(os.path.join(t.home, "api", "bare"))
    t.app("broken", pinokio__js="module.exports = {\n menu: [ }\n")
    t.fails(t.run("start", "no-such-app"), "no-such-app")
    t.fails(t.run("start", "bare"), "bare")
    t.fails(t.run("start", "broken"), r"pinokio\.js")
    t.fails(t.run("start", "demo", "none.json"), r"none\.json")
    t.fails(t.run("start", "demo", "../../../etc/passwd"), "(?i)folder|path|outside|out of")
    for name in ("..", ".", "a/b", "../demo", "line\nbreak"):
        t.fails(t.run("start", name), r"\S")
    for command in ("logs", "stop", "open", "restart"):
        t.fails(t.run(command, "no-such-app"), "no-such-app")
        t.fails(t.run(command, "20200101-000000-abcd"), "20200101-000000-abcd")


@case("/cli/start/names-of-all-kinds")
def names(t):
    serving(t)
    for number, name in enumerate(("a b", "quo'te\"s", "日本 é", "100%25 #?&=", "-dash", "semi;$(x)`y`")):
        url = "http://127.0.0.1:%d/" % (5000 + number)
        app(t, name, steps=printing("x", url))
        started = t.run("start", "--", name)
        t.status(started, 0)
        t.equal(started.out.splitlines()[-1], "%s is ready: %s" % (name, url), "last line")
        t.equal(t.run("open", "--", name, env={"BROWSER": "/bin/true"}).out, url + "\n", "address")
        t.has(t.run("logs", "--", name).out, "begin-x")
        t.equal(name in [run["app"] for run in ps(t)], True, "it is in ps")
        t.has(t.run("status").out, "^" + re.escape(name))
        t.status(t.run("stop", "--", name), 0)
    t.equal(ps(t), [], "what runs")


def is_control(character):
    return unicodedata.category(character) == "Cc"


def escaped(name):
    return "".join("\\n" if c == "\n" else "\\x%02x" % ord(c) if is_control(c) else c for c in name)


@case("/cli/start/names-that-would-harm-a-terminal")
def harmful(t):
    """Control characters of a folder's name reach no terminal as they are; the app runs like any other."""
    serving(t)
    for number, name in enumerate(("two\nlines", "tab\there", "esc\x1b[2J\x1b]0;x\x07", "\x7fdel\r", "c1\u009b2J")):
        url = "http://127.0.0.1:%d/" % (5000 + number)
        app(t, name, steps=printing("x", url))
        programs = [t.run("start", name)]
        t.equal(programs[0].out.splitlines()[-1], "%s is ready: %s" % (escaped(name), url), "last line")
        programs += [t.run("start", name), t.run("status"), t.run("ps")]
        for program in programs:
            t.status(program, 0)
            t.has(program.both, re.escape(escaped(name)))
        t.equal(t.run("open", name, env={"BROWSER": "/bin/true"}).out, url + "\n", "address")
        t.has(t.run("logs", name).out, "begin-x")
        programs += [t.run("stop", name), t.run("open", name), t.run("start", name + "z"), t.run("attach", name)]
        t.has(programs[-4].err, re.escape(escaped(name)) + " stopped")
        t.fails(programs[-3], re.escape(escaped(name)))
        t.fails(programs[-2], r"\S")
        for program in programs:
            for said in (program.out, program.err):
                harm = [c for c in said.replace("\r\n", "\n") if is_control(c) and c not in "\n\t"]
                t.equal(harm, [], "control characters in %r" % said[-500:])
    t.equal(ps(t), [], "what runs")


@case("/cli/start/ctrl-c-leaves-the-app")
def ctrl_c(t):
    serving(t)
    app(t, steps=[shell("echo begun; sleep 300")])
    program = t.start("start", "demo")
    program.until("begun")
    program.signal(signal.SIGINT)
    t.equal(program.end(10), 130, "exit status")
    t.has(program.err, "goes on.*pinokiocloud stop demo")
    t.equal([run["state"] for run in ps(t)], ["running"], "what runs")
    again = t.run("start", "demo")
    t.status(again, 0)
    t.has(again.err, "runs already")


@case("/cli/start/a-reader-that-goes-leaves-the-app")
def reader_gone(t):
    serving(t)
    app(t, steps=[shell("while true; do echo more; sleep 0.01; done")])
    inner, outer = os.pipe()
    program = t.start("start", "demo", before=["sh", "-c", 'exec "$@" >&%d' % outer, "sh"], pass_fds=[outer])
    os.close(outer)
    os.read(inner, 10)
    os.close(inner)
    t.equal(program.end(10) != 0, True, "exit status")
    t.equal([run["state"] for run in ps(t)], ["running"], "what runs")


@case("/cli/start/a-real-server-that-outlives-the-engine")
def server(t):
    serving(t)
    steps = [
        shell(
            "echo hi > index.html; python3 -u -m http.server {{port}} --bind 127.0.0.1 2>&1",
            on=[{"event": "/(http:\\/\\/[0-9.:]+)/", "done": True}],
        ),
        {"method": "local.set", "params": {"url": "{{input.event[1]}}"}},
    ]
    app(t, steps=steps)
    program = t.run("start", "demo")
    t.status(program, 0)
    url = re.search("demo is ready: (http.+)", program.out).group(1)
    kill_engine(t)
    with urllib.request.urlopen(url, timeout=10) as answer:
        t.equal(answer.read(), b"hi\n", "page")
    t.equal(t.run("open", "demo", env={"BROWSER": "/bin/true"}).out, url + "\n", "address after the kill")
    t.waits(lambda: "GET /" in t.run("logs", "demo").out, "the request is in the logs")


# --- questions


@case("/cli/questions/answered-from-a-file")
def answers(t):
    serving(t)
    app(
        t,
        daemon=False,
        steps=[
            asking({"key": "name"}),
            log("hello {{input.name}}"),
            asking({"key": "age"}),
            log("age {{input.age}}"),
        ],
    )
    t.files(
        t.folder,
        answers__json=[{"name": 'Ada "x" é'}, {"age": 36}],
        short__json=[{"name": "Bob"}],
        bad__json="{",
    )
    program = t.run("start", "demo", "--answers", os.path.join(t.folder, "answers.json"))
    t.status(program, 0)
    t.has(program.out, 'hello Ada "x" é')
    t.has(program.out, "age 36")
    t.fails(
        t.run("start", "demo", "--answers", os.path.join(t.folder, "short.json")), "no answer for question 2"
    )
    t.fails(t.run("start", "demo", "--answers", os.path.join(t.folder, "bad.json")), r"bad\.json", status=2)
    t.fails(t.run("start", "demo", "--answers", os.path.join(t.folder, "none.json")), r"none\.json", status=2)


@case("/cli/questions/without-a-terminal-are-refused")
def refused(t):
    serving(t)
    app(t, steps=[asking({"key": "name"}), log("not-reached")])
    program = t.run("start", "demo")
    t.fails(program, "no terminal", "--answers")
    t.lacks(program.out, "not-reached")


@case("/cli/questions/a-message-without-fields-needs-nobody")
def message(t):
    serving(t)
    told = {"method": "input", "params": {"title": "All is there", "description": "Go on"}}
    empty = {"method": "modal", "params": {"title": "Look", "form": []}}
    app(t, daemon=False, steps=[told, empty, log("reached")])
    program = t.run("start", "demo")
    t.status(program, 0)
    t.has(program.err, "All is there")
    t.has(program.out, "reached")


@case("/cli/questions/of-a-detached-start-wait")
def waiting(t):
    serving(t)
    app(t, daemon=False, steps=[asking({"key": "name"}), log("hello {{input.name}}")])
    run = t.run("start", "-d", "demo").out.strip()
    path = "/v1/runs/" + run
    t.waits(lambda: api(t, "GET", path)["questions"], "the question")
    question = api(t, "GET", path)["questions"][0]["id"]
    api(t, "POST", path + "/answer", {"question": question, "answers": {"name": "Eve"}})
    t.waits(lambda: api(t, "GET", path)["state"] == "finished", "the end")
    t.has(t.run("logs", run).out, "hello Eve")


# --- stop, restart


@case("/cli/stop/leaves-nothing")
def stop(t):
    serving(t)
    app(t, steps=printing())
    t.run("start", "demo")
    pids = ps(t)[0]["pids"]
    program = t.run("stop", "demo")
    t.status(program, 0)
    t.has(program.err, "demo stopped")
    t.equal([pid for pid in pids if not is_gone(pid)], [], "what is left")
    t.equal(ps(t), [], "what runs")
    program = t.run("stop", "demo")
    t.status(program, 0)
    t.has(program.err, "did not run")


@case("/cli/stop/one-run-and-all")
def stop_all(t):
    serving(t)
    for name in ("one", "two", "three"):
        app(t, name, steps=printing(name))
        t.status(t.run("start", name), 0)
    t.status(t.run("stop", newest_run(t, "one")["id"]), 0)
    t.equal(sorted(run["app"] for run in ps(t)), ["three", "two"], "what runs")
    t.status(t.run("stop", "--all"), 0)
    t.equal(ps(t), [], "what runs")
    t.has(t.run("stop", "--all").err, "nothing ran")


@case("/cli/stop/that-takes-too-long-says-so")
def stop_late(t):
    serving(t)
    app(
        t,
        steps=[
            shell(
                "trap '' TERM HUP INT; echo at http://127.0.0.1:1/; while true; do sleep 1; done",
                on=[{"event": "/at http/", "done": True}],
            )
        ],
    )
    t.status(t.run("start", "demo"), 0)
    program = t.run("stop", "demo", "--timeout", "0")
    t.fails(program, r"not stopped within 0 s.*demo start\.json")
    program = t.run("stop", "demo", seconds=60)
    t.status(program, 0)
    t.equal(ps(t), [], "what runs")


@case("/cli/restart/gives-another-run")
def restart(t):
    serving(t)
    app(t, steps=printing())
    t.status(t.run("start", "demo"), 0)
    first = newest_run(t)["id"]
    program = t.run("restart", "demo")
    t.status(program, 0)
    t.has(program.out, "^demo is ready: http")
    t.equal([run["app"] for run in ps(t)], ["demo"], "what runs")
    t.equal(ps(t)[0]["run"] != first, True, "another run")


@case("/cli/down/with-apps-and-without")
def down(t):
    serving(t)
    app(t, steps=printing())
    t.status(t.run("start", "demo"), 0)
    pids = ps(t)[0]["pids"]
    program = t.run("down")
    t.status(program, 0)
    t.has(program.err, "apps go on")
    log = os.path.join(t.home, "logs", "engine.log")
    t.has(t.read(log).splitlines()[-1], r"engine ends \(down\); what still runs goes on")
    t.equal(is_gone(pids[0]), False, "the app goes on")
    t.equal([run["pids"][0] for run in ps(t)], pids[:1], "what runs after the next start")
    program = t.run("down", "--apps", seconds=60)
    t.status(program, 0)
    t.has(t.read(log).splitlines()[-1], r"engine ends \(down --apps\); all apps were stopped")
    t.equal([pid for pid in pids if not is_gone(pid)], [], "what is left")
    t.equal(t.run("status").code, 3, "status")


@case("/cli/down/with-apps-whose-engine-has-gone")
def down_orphans(t):
    serving(t)
    app(t, steps=printing())
    t.status(t.run("start", "demo"), 0)
    pids = ps(t)[0]["pids"]
    kill_engine(t)
    t.has(t.run("down").err, "no engine runs")
    t.equal(is_gone(pids[0]), False, "the app goes on")
    t.status(t.run("down", "--apps", seconds=60), 0)
    t.equal([pid for pid in pids if not is_gone(pid)], [], "what is left")
    t.equal(t.run("status").code, 3, "status")


# --- logs


@case("/cli/logs/of-the-newest-run")
def logs(t):
    serving(t)
    app(t, daemon=False, steps=[log("told {{input.n}}"), shell("echo printed")])
    t.fails(t.run("logs", "demo"), "not been started")
    for number in (1, 2):
        t.status(t.run("start", "demo", "--input", '{"n": %d}' % number), 0)
    program = t.run("logs", "demo")
    t.status(program, 0)
    t.has(program.out, "told 2")
    t.lacks(program.out, "told 1")
    first = api(t, "GET", "/v1/runs?app=demo")[1]["id"]
    t.has(t.run("logs", first).out, "told 1")
    events = t.run("logs", "demo", "--events").events()
    t.equal(events[-1]["type"], "end", "last event")


@case("/cli/logs/follow-ends-with-the-run")
def logs_end(t):
    serving(t)
    app(t, steps=printing())
    t.run("start", "demo")
    program = t.start("logs", "-f", "demo")
    program.until("number 20")
    t.status(t.run("stop", "demo"), 0)
    t.equal(program.end(20), 0, "exit status")
    found = numbers(program.out)
    t.equal(found, list(range(len(found))), "numbers")


@case("/cli/logs/follow-ends-with-ctrl-c")
def logs_interrupted(t):
    serving(t)
    app(t, steps=printing())
    t.run("start", "demo")
    program = t.start("logs", "-f", "demo")
    program.until("number 10")
    program.signal(signal.SIGINT)
    t.equal(program.end(10), 130, "exit status")
    t.equal([run["state"] for run in ps(t)], ["ready"], "what runs")


@case("/cli/logs/follow-goes-on-over-kills-of-the-engine")
def logs_killed(t):
    serving(t)
    app(t, steps=printing(pause="0.01"))
    t.run("start", "demo")
    program = t.start("logs", "-f", "demo")
    for _ in range(5):
        seen = numbers(program.out)
        program.until(r"number %d\b" % ((seen[-1] if seen else 0) + 50), 30)
        before = note(t)["pid"]
        kill_engine(t)
        t.waits(lambda: note(t)["pid"] != before, "logs has started an engine", 20)
    program.until(r"number %d\b" % (numbers(program.out)[-1] + 50), 30)
    program.signal(signal.SIGINT)
    program.end(10)
    found = numbers(program.out)
    t.equal(found, list(range(len(found))), "numbers")


@case("/cli/logs/follow-waits-for-an-engine-that-was-ended")
def logs_down(t):
    serving(t)
    app(t, steps=printing())
    t.run("start", "demo")
    program = t.start("logs", "-f", "demo")
    program.until("number 10")
    t.status(t.run("down"), 0)
    program.until("waiting for an engine")
    t.equal(t.run("status").code, 3, "nobody starts it")
    t.status(t.run("up"), 0)
    program.until(r"number %d\b" % (numbers(program.out)[-1] + 20))
    t.status(t.run("stop", "demo"), 0)
    t.equal(program.end(20), 0, "exit status")
    found = numbers(program.out)
    t.equal(found, list(range(len(found))), "numbers")


@case("/cli/start/goes-on-over-a-kill-of-the-engine")
def start_killed(t):
    serving(t)
    t.app(
        "demo",
        pinokio__js="module.exports = {}",
        start__json={
            "run": [shell("for i in $(seq 0 199); do echo number $i; sleep 0.01; done"), log("all done")]
        },
    )
    program = t.start("start", "demo", "start.json")
    program.until(r"number 20\b")
    kill_engine(t)
    t.equal(program.end(60), 0, "exit status")
    t.equal(numbers(program.out), list(range(200)), "numbers")
    t.has(program.out, "all done")


# --- ps, status, open


@case("/cli/ps/shows-what-it-takes")
def processes(t):
    serving(t)
    app(t, steps=printing())
    t.has(t.run("ps").out, "^APP +SCRIPT +STATE")
    t.run("start", "demo")
    found = ps(t)[0]
    t.equal((found["app"], found["state"], found["restarts"]), ("demo", "ready", 0), "run")
    t.waits(lambda: ps(t)[0]["rss"] > 100000, "its memory")
    line = t.run("ps").out.splitlines()[1]
    t.has(line, r"^demo +start\.json +ready +\d+ s .* %s +\d+" % RUN_ID)


@case("/cli/status/shows-apps-that-are-not-idle")
def shown(t):
    serving(t)
    app(t, steps=printing())
    app(t, "idle", steps=printing())
    t.run("start", "demo")
    program = t.run("status")
    t.has(program.out, r"^demo +RUNNING +\d+ s +http://127\.0\.0\.1:4321/$")
    t.lacks(program.out, "^idle")
    found = status(t)["apps"]
    t.equal([(entry["id"], entry["state"]) for entry in found], [("demo", "RUNNING")], "apps")
    t.equal(found[0]["since"] > 0, True, "since")


@case("/cli/open/of-an-app-that-runs-without-an-address")
def opened_mute(t):
    serving(t)
    app(t, steps=printing()[:1])
    t.run("start", "demo")
    program = t.run("open", "demo")
    t.fails(program, "told no address", "pinokiocloud logs demo")
    t.lacks(program.err, "start demo")


@case("/cli/open/prints-and-opens")
def opened(t):
    serving(t)
    app(t, steps=printing())
    t.fails(t.run("open", "demo"), "no address", "pinokiocloud start demo")
    t.run("start", "demo")
    seen = os.path.join(t.folder, "seen")
    browser = os.path.join(t.folder, "browser")
    with open(browser, "w", encoding="ascii") as file:
        file.write('#!/bin/sh\necho "$@" > %s.new; mv %s.new %s\n' % (seen, seen, seen))
    os.chmod(browser, 0o755)
    program = t.run("open", "demo", env={"BROWSER": browser})
    t.status(program, 0)
    t.equal(program.out, "http://127.0.0.1:4321/\n", "address")
    t.waits(lambda: os.path.exists(seen), "the browser is called")
    t.equal(t.read(seen), "http://127.0.0.1:4321/\n", "what it was given")
    t.status(t.run("open", "demo", env={"BROWSER": "/nonexistent/browser"}), 0)


if __name__ == "__main__":
    leave()
