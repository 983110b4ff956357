#!/usr/bin/env python3
"""`script run` where things go well, beyond what the conformance cases hold."""

import json
import os
import re
import signal

from harness import case, leave


def shell(message, **params):
    return {"method": "shell.run", "params": dict(params, message=message)}


@case("/e2e/script/output-is-raw")
def raw(t):
    run = t.run_script(t.script(shell(r"printf '\033[31mred\033[0m\r50%%\r\n'")))
    t.status(run, 0)
    t.has(run.out, "\x1b\\[31mred\x1b\\[0m\r50%\r+\n")


@case("/e2e/script/output-without-events-holds-no-events")
def no_events(t):
    run = t.run_script(t.script(shell("echo plain")))
    t.lacks(run.out, '"type"')


@case("/e2e/script/events-are-json-lines")
def events(t):
    run = t.run_script(t.script(shell("echo one"), {"method": "log", "params": {"text": "two"}}), "--events")
    t.status(run, 0)
    kinds = [event["type"] for event in run.events()]
    t.equal(
        [kind for kind in kinds if kind in ("step", "result", "end")],
        ["step", "result", "step", "result", "end"],
    )
    t.equal(run.events()[-1]["outcome"], "stopped")
    steps = [event for event in run.events() if event["type"] == "step"]
    t.equal([(s["index"], s["total"], s["method"]) for s in steps], [(0, 2, "shell.run"), (1, 2, "log")])


@case("/e2e/script/exit-code-is-kept")
def exit_code(t):
    run = t.run_script(
        t.script(shell("exit 7"), {"method": "log", "params": {"text": "code {{input.exit_code}}"}})
    )
    t.status(run, 0)
    t.has(run.out, "code 7")


@case("/e2e/script/command-not-found-has-127")
def not_found(t):
    run = t.run_script(
        t.script(
            shell("no_such_command_x"), {"method": "log", "params": {"text": "code {{input.exit_code}}"}}
        )
    )
    t.has(run.out, "no_such_command_x.*not found")
    t.has(run.out, "code 127")


@case("/e2e/script/end-of-a-command-is-known-at-once")
def prompt_end(t):
    run = t.run_script(t.script(*[shell("true") for _ in range(20)]))
    t.status(run, 0)
    if run.seconds > 2 * float(os.environ.get("PINOKIO_TEST_SLOW", "1")):
        raise AssertionError("20 commands that do nothing took %.1f s" % run.seconds)


@case("/e2e/script/last-output-before-the-end-is-not-lost")
def last_output(t):
    steps = [shell("seq 1 3000; printf 'last-%d'" % n) for n in range(10)]
    run = t.run_script(t.script(*steps))
    for n in range(10):
        t.has(run.out, "3000\r?\n(.|\n)*last-%d" % n)


@case("/e2e/script/grandchildren-go-with-the-script")
def grandchildren(t):
    run = t.run_script(
        t.script(
            shell("setsid sleep 300 & (setsid bash -c 'sleep 301 & disown; sleep 302' &) ; echo started")
        )
    )
    t.status(run, 0)
    t.nothing_left()


@case("/e2e/script/daemon-stays-until-interrupted")
def daemon(t):
    path = t.script(shell("echo up; exec sleep 300", on=[{"event": "/up/", "done": True}]), daemon=True)
    program = t.start("script", "run", path, "--events")
    program.until('"outcome": ?"daemon"')
    assert program.process.poll() is None
    program.signal().end(10)
    t.status(program, 0)
    t.nothing_left()


@case("/e2e/script/terminated-like-interrupted")
def terminated(t):
    path = t.script(shell("echo up; exec sleep 300", on=[{"event": "/up/", "done": True}]), daemon=True)
    program = t.start("script", "run", path, "--events")
    program.until('"outcome": ?"daemon"')
    program.signal(signal.SIGTERM).end(10)
    t.nothing_left()


@case("/e2e/script/done-lets-the-shell-go-on")
def done(t):
    run = t.run_script(
        t.script(
            shell(
                "echo here; sleep 1; echo later > later.txt; sleep 60", on=[{"event": "/here/", "done": True}]
            ),
            {
                "method": "process.wait",
                "params": {"on": {"resources": ["file:" + t.path("later.txt")], "timeout": 20000}},
            },
            {"method": "log", "params": {"text": "seen"}},
        )
    )
    t.status(run, 0)
    t.has(run.out, "seen")
    t.nothing_left()


@case("/e2e/script/no-descriptor-leaks-into-shells")
def descriptors(t):
    # What bash opens to look is closed again by the time that -e asks.
    look = 'for f in /proc/$$/fd/*; do [ -e "$f" ] && echo "FD: ${f##*/} $(readlink "$f")"; done; echo LOOKED'
    run = t.run_script(t.script({"method": "log", "params": {"text": "x"}}, shell(look)))
    found = re.findall(r"^FD: (\d+) (.*?)\r?$", run.out, re.MULTILINE)
    t.has(run.out, "^LOOKED")
    t.equal([fd for fd in found if int(fd[0]) > 2 and fd[0] != "255"], [], "descriptors beyond 0, 1 and 2")


@case("/e2e/script/the-shell-has-a-terminal")
def has_terminal(t):
    run = t.run_script(t.script(shell("test -t 0 && test -t 1 && stty size")))
    t.has(run.out, "30 100")


@case("/e2e/script/ten-thousand-steps")
def many_steps(t):
    run = t.run_script(
        t.script(
            *[{"method": "local.set", "params": {"n": i}} for i in range(10000)],
            {"method": "log", "params": {"text": "n is {{local.n}}"}}
        ),
        seconds=60,
    )
    t.status(run, 0)
    t.has(run.out, "n is 9999")


@case("/e2e/script/ten-megabytes-in-one-line")
def long_line(t):
    run = t.run_script(
        t.script(
            shell(
                "head -c 10000000 /dev/zero | tr '\\0' x; echo; echo over",
                on=[{"event": "/over/", "done": True}],
            )
        ),
        seconds=60,
    )
    t.status(run, 0)
    t.equal(run.out.count("x") >= 10000000, True, "all of the line was printed")


@case("/e2e/script/match-across-chunks")
def across_chunks(t):
    run = t.run_script(
        t.script(
            shell(
                "printf 'http://127.'; sleep 0.3; printf '0.0.1:4'; sleep 0.3; echo 2/; sleep 60",
                on=[{"event": "/http:\\/\\/[0-9.:]+\\//", "done": True}],
            ),
            {"method": "log", "params": {"text": "url={{input.event[0]}}"}},
        )
    )
    t.has(run.out, "url=http://127.0.0.1:42/")


@case("/e2e/script/invalid-utf8-in-output")
def invalid_output(t):
    path = t.script(
        shell(r"printf 'a\377\376b\303\n'; echo after"), {"method": "log", "params": {"text": "done"}}
    )
    run = t.run_script(path)
    t.status(run, 0)
    t.has(run.out, "done")
    t.equal(b"a\xff\xfeb\xc3" in run.data["out"], True, "the bytes came as they were printed")
    run = t.run_script(path, "--events")
    t.status(run, 0)
    t.equal(run.events()[-1]["outcome"], "stopped")


@case("/e2e/script/invalid-utf8-in-file-names")
def invalid_names(t):
    path = t.script(
        {"method": "fs.copy", "params": {"src": "from", "dest": "to"}},
        {"method": "fs.rm", "params": {"path": "from"}},
        {"method": "log", "params": {"text": "done"}},
    )
    name = os.path.join(os.fsencode(t.path()), b"from", b"bad\xff\xfename")
    os.makedirs(os.path.dirname(name))
    with open(name, "wb") as file:
        file.write(b"content")
    run = t.run_script(path)
    t.status(run, 0)
    t.equal(os.listdir(os.path.join(os.fsencode(t.path()), b"to")), [b"bad\xff\xfename"])
    t.equal(os.path.exists(t.path("from")), False)


@case("/e2e/script/that-starts-itself-ends")
def starts_itself(t):
    run = t.run_script(
        t.script(
            {"method": "script.start", "params": {"uri": "main.json"}},
            {"method": "log", "params": {"text": "went on"}},
        )
    )
    t.status(run, 0)
    t.has(run.out, "went on")


@case("/e2e/script/two-that-start-each-other-end")
def starts_each_other(t):
    other = {"run": [{"method": "script.start", "params": {"uri": "main.json"}}]}
    path = t.script(
        {"method": "script.start", "params": {"uri": "other.json"}},
        {"method": "log", "params": {"text": "went on"}},
    )
    t.files(t.path(), other__json=other)
    run = t.run_script(path)
    t.has(run.out, "went on")


@case("/e2e/script/json-nested-deep-is-no-crash")
def nested(t):
    depth = 10000
    folder = t.app(
        "app",
        main__json='{"run": [{"method": "log", "params": {"json": ' + "[" * depth + "]" * depth + "}}]}",
    )
    run = t.run_script(os.path.join(folder, "main.json"))
    t.equal(run.code in (0, 1), True, "it ended by itself (status %r)" % run.code)
    data = t.files(folder, deep__json="[" * depth + "]" * depth)
    run = t.run_script(t.script({"method": "json.get", "params": {"x": os.path.join(data, "deep.json")}}))
    t.equal(run.code in (0, 1), True, "json.get ended by itself (status %r)" % run.code)
    run = t.run_script(
        t.script({"method": "log", "params": {"text": "x"}}), "--input", "[" * depth + "]" * depth
    )
    t.equal(run.code in (0, 1, 2), True, "--input ended by itself (status %r)" % run.code)


@case("/e2e/script/reader-that-goes-away")
def broken_pipe(t):
    path = t.script(shell("seq 1 200000"))
    wrapped = ["bash", "-c", '"$@" | head -n 1; exit ${PIPESTATUS[0]}', "bash"]
    program = t.start("script", "run", path, before=wrapped)
    code = program.end(20)
    t.equal(code < 128 or code == 141, True, "no crash (status %d)" % code)
    t.nothing_left()


@case("/e2e/script/loaded-afresh-and-modules-too")
def fresh(t):
    folder = t.app(
        "app",
        main__js="const m = require('./m'); module.exports = { run: [{ method: 'log', params: { text: 'v' + m.v } }] }",
        m__js="module.exports = { v: 1 }",
    )
    t.has(t.run_script(os.path.join(folder, "main.js")).out, "v1")
    t.files(folder, m__js="module.exports = { v: 2 }")
    t.has(t.run_script(os.path.join(folder, "main.js")).out, "v2")


@case("/e2e/script/log-file-keeps-the-output")
def kept(t):
    t.status(t.run_script(t.script(shell("echo for-the-log"))), 0)
    found = []
    for base, _, names in os.walk(t.home):
        for name in names:
            with open(os.path.join(base, name), "rb") as file:
                if b"for-the-log" in file.read() and "main.json" not in name:
                    found.append(os.path.join(base, name))
    t.equal(bool(found), True, "some log under the home holds what was printed")


if __name__ == "__main__":
    leave()
