#!/usr/bin/env python3
"""The service's commands at a terminal: questions, Ctrl-C from the keyboard, attaching to a shell."""

import re
import signal
import termios

from service import api, app, asking, case, end_all, kill_engine, leave, log, newest_run, ps, resize, shell

DETACH = "\x1d"

# A shell that answers each line, tells its size when it changes, and ends with what it is told. It does not read with a
# limit in time: when that is over, bash drops the line that it was taking, and a trap at its work.
TALKING = (
    "trap 'echo size-$(stty size | tr \" \" x)' WINCH; echo at http://127.0.0.1:1/; "
    "while true; do read -r -t 0 || { sleep 0.1; continue; }; read -r x || exit; "
    'case $x in quit*) exit ${x#quit};; esac; echo "got-$x-"; done'
)


def talking(t, message=TALKING):
    t.cleanups.append(lambda: end_all(t))
    app(t, steps=[shell(message, on=[{"event": "/at http/", "done": True}])])
    t.status(t.run("start", "demo"), 0)


def settings(program):
    return termios.tcgetattr(program.terminal)[:4]


def attach(t, *arguments, columns=80, rows=24, **options):
    """At a terminal of that size; gives the program and what the terminal was set to before."""
    program = t.start(
        "attach",
        *arguments,
        terminal=True,
        before=[
            "sh",
            "-c",
            'stty cols %d rows %d; stty -a >/dev/null; echo set; read -r go; exec "$@"' % (columns, rows),
            "sh",
        ],
        **options
    )
    program.until("set")
    before = settings(program)
    program.type("go\r")
    program.until("attached to")
    return program, before


# --- questions


@case("/cli/terminal/questions-are-asked")
def asked(t):
    t.cleanups.append(lambda: end_all(t))
    form = [{"key": "name", "title": "Your name"}, {"key": "place", "title": "Where", "default": "Rome"}]
    app(
        t,
        daemon=False,
        steps=[
            asking(*form),
            log("hello {{input.name}} of {{input.place}}"),
            asking({"key": "age", "title": "Age"}),
            log("age {{input.age}}"),
        ],
    )
    program = t.start("start", "demo", terminal=True)
    program.until("Your name")
    program.type("Ada\r")
    program.until("Where")
    program.type("\r")
    program.until("Age")
    program.type("36\r")
    t.equal(program.end(20), 0, "exit status")
    t.has(program.out, "hello Ada of Rome")
    t.has(program.out, "age 36")


@case("/cli/terminal/passwords-are-not-shown")
def password(t):
    t.cleanups.append(lambda: end_all(t))
    app(
        t,
        daemon=False,
        steps=[
            asking({"key": "secret", "title": "Secret word", "type": "password"}),
            log("length {{input.secret.length}}"),
        ],
    )
    program = t.start("start", "demo", terminal=True)
    program.until("Secret word")
    program.type("hidden123\r")
    t.equal(program.end(20), 0, "exit status")
    t.has(program.out, "length 9")
    t.lacks(program.out, "hidden123")


@case("/cli/terminal/ctrl-c-at-a-question-leaves-it-open")
def question_interrupted(t):
    t.cleanups.append(lambda: end_all(t))
    app(
        t,
        daemon=False,
        steps=[
            asking({"key": "secret", "title": "Secret", "type": "password"}),
            log("over {{input.secret}}"),
        ],
    )
    program = t.start("start", "demo", terminal=True)
    before = settings(program)
    program.until("Secret")
    program.type("\x03")
    t.equal(program.end(10), 130, "exit status")
    t.equal(settings(program), before, "the terminal's settings")
    run = newest_run(t)
    t.equal((run["state"], run["questions"]), ("running", 1), "run")


@case("/cli/terminal/questions-answered-elsewhere-are-taken-back")
def elsewhere(t):
    t.cleanups.append(lambda: end_all(t))
    app(t, daemon=False, steps=[asking({"key": "name", "title": "Your name"}), log("hello {{input.name}}")])
    program = t.start("start", "demo", terminal=True)
    program.until("Your name")
    path = "/v1/runs/" + newest_run(t)["id"]
    question = api(t, "GET", path)["questions"][0]["id"]
    api(t, "POST", path + "/answer", {"question": question, "answers": {"name": "Eve"}})
    t.equal(program.end(20), 0, "exit status")
    t.has(program.out, "answered elsewhere")
    t.has(program.out, "hello Eve")


@case("/cli/terminal/questions-outlive-the-engine")
def question_killed(t):
    t.cleanups.append(lambda: end_all(t))
    app(t, daemon=False, steps=[asking({"key": "name", "title": "Your name"}), log("hello {{input.name}}")])
    program = t.start("start", "demo", terminal=True)
    program.until("Your name")
    kill_engine(t)
    program.type("Ada\r")
    t.equal(program.end(30), 0, "exit status")
    t.has(program.out, "hello Ada")
    t.equal(program.out.count("Your name"), 1, "times that it was asked")


@case("/cli/terminal/ctrl-c-leaves-the-app")
def ctrl_c(t):
    t.cleanups.append(lambda: end_all(t))
    app(t, steps=[shell("echo begun; sleep 300")])
    program = t.start("start", "demo", terminal=True)
    program.until("begun")
    program.type("\x03")
    t.equal(program.end(10), 130, "exit status")
    t.has(program.out, "goes on")
    t.equal([run["state"] for run in ps(t)], ["running"], "what runs")


@case("/cli/terminal/hung-up-leaves-the-app")
def hung_up(t):
    t.cleanups.append(lambda: end_all(t))
    app(t, steps=[shell("echo begun; sleep 300")])
    program = t.start("start", "demo", terminal=True)
    program.until("begun")
    program.hang_up()
    program.end(10)
    t.equal([run["state"] for run in ps(t)], ["running"], "what runs")


@case("/cli/terminal/remarks-are-dimmed-unless-no-color")
def colours(t):
    t.cleanups.append(lambda: end_all(t))
    t.has(t.run("up", terminal=True).out, "\x1b\\[2m")
    t.lacks(t.run("up", terminal=True, env={"NO_COLOR": "1"}).out, "\x1b")


# --- attach


@case("/cli/attach/types-and-shows")
def types(t):
    talking(t)
    program, before = attach(t, "demo")
    program.until("at http")
    program.type("one\r")
    program.until("got-one-")
    program.type("é \t\x04x\r")
    program.until("got-é")
    program.type(DETACH)
    t.equal(program.end(10), 0, "exit status")
    t.has(program.out, "detached")
    t.equal(settings(program), before, "the terminal's settings")
    t.equal([run["state"] for run in ps(t)], ["ready"], "what runs")
    again, _ = attach(t, "demo")
    again.until("got-one-")
    again.type("two\r")
    again.until("got-two-")
    again.type(DETACH)
    t.equal(again.end(10), 0, "exit status")


@case("/cli/attach/the-size-follows")
def size(t):
    talking(t)
    program, _ = attach(t, "demo", columns=91, rows=33)
    program.until("size-33x91")
    resize(program, 120, 40)
    program.until("size-40x120")
    program.type(DETACH)
    t.equal(program.end(10), 0, "exit status")


@case("/cli/attach/tells-the-exit-code")
def exit_code(t):
    talking(t)
    program, before = attach(t, "demo")
    program.type("quit7\r")
    t.equal(program.end(20), 0, "exit status")
    t.has(program.out, "exit code 7")
    t.equal(settings(program), before, "the terminal's settings")


@case("/cli/attach/by-the-shells-name-and-with-another-key")
def by_name(t):
    talking(t)
    shells = api(t, "GET", "/v1/shells")
    t.equal(len(shells), 1, "shells")
    program, _ = attach(t, shells[0]["id"], "--detach-key", "ctrl-q")
    program.until("Ctrl-Q detaches")
    program.type("a" + DETACH + "b\r")
    program.until("got-a.*b-")
    program.type("\x11")
    t.equal(program.end(10), 0, "exit status")


@case("/cli/attach/ctrl-c-goes-to-the-shell")
def ctrl_c_inside(t):
    talking(t, "trap 'echo interrupted' INT; echo at http://127.0.0.1:1/; while true; do sleep 0.1; done")
    program, before = attach(t, "demo")
    t.waits(lambda: settings(program) != before, "raw mode")
    program.type("\x03")
    program.until("interrupted")
    program.type(DETACH)
    t.equal(program.end(10), 0, "exit status")


@case("/cli/attach/a-signal-restores-the-terminal")
def signalled(t):
    talking(t)
    program, before = attach(t, "demo")
    t.waits(lambda: settings(program) != before, "raw mode")
    program.signal(signal.SIGTERM)
    program.end(10)
    t.equal(settings(program), before, "the terminal's settings")


@case("/cli/attach/the-end-of-the-engine-restores-the-terminal")
def engine_killed(t):
    talking(t)
    program, before = attach(t, "demo")
    program.until("at http")
    t.equal(settings(program) != before, True, "raw mode")
    kill_engine(t)
    t.equal(program.end(10), 1, "exit status")
    t.has(program.out, "engine has gone")
    t.equal(settings(program), before, "the terminal's settings")


@case("/cli/attach/screen-modes-are-taken-back")
def modes(t):
    talking(t, "printf '\\033[?1049h\\033[?25l\\033[?1000;1006h at http://127.0.0.1:1/ \\033[?1000l'; cat")
    program, _ = attach(t, "demo")
    program.until("at http")
    program.type(DETACH)
    program.end(10)
    after = program.out.split("at http", 1)[1]
    for wanted in ("[?1049l", "[?25h", "[?1006l"):
        t.equal("\x1b" + wanted in after, True, wanted)
    t.equal(after.count("\x1b[?1000l"), 1, "mode that the program itself took back")


@case("/cli/attach/what-cannot-be-attached-to")
def wrong(t):
    talking(t)
    t.fails(t.run("attach", "demo"), "terminal")
    for name in ("no-such-app", "20200101-000000-abcd.1"):
        program = t.run("attach", name, terminal=True)
        t.fails(program, re.escape(name))
    ended = api(t, "GET", "/v1/shells")[0]["id"]
    t.status(t.run("stop", "demo"), 0)
    t.fails(t.run("attach", ended, terminal=True), "ended")
    t.fails(t.run("attach", "demo", terminal=True), "no shell")


@case("/cli/terminal/an-apps-terminal-has-its-size")
def start_size(t):
    t.cleanups.append(lambda: end_all(t))
    app(t, daemon=False, steps=[shell("echo size $(stty size)")])
    program = t.start(
        "start", "demo", terminal=True, before=["sh", "-c", 'stty cols 77 rows 22; exec "$@"', "sh"]
    )
    t.equal(program.end(20), 0, "exit status")
    t.has(program.out, "size 22 77")


if __name__ == "__main__":
    leave()
