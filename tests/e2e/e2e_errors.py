#!/usr/bin/env python3
"""Bad scripts and bad luck: each fails with a word on what, on which thing, and nothing crashes or hangs."""

import os
import re
import signal

from harness import case, descendants, leave


def shell(message, **params):
    return {"method": "shell.run", "params": dict(params, message=message)}


def log(text):
    return {"method": "log", "params": {"text": text}}


@case("/e2e/errors/json-that-does-not-parse")
def bad_json(t):
    folder = t.app("app", main__json='{\n  "run": [\n    {"method": }\n  ]\n}\n')
    t.fails(t.run_script(os.path.join(folder, "main.json")), r"main\.json:3:\d+")


@case("/e2e/errors/javascript-that-does-not-parse")
def bad_javascript(t):
    t.fails(
        t.run_script(t.javascript("module.exports = {\n  run: [\n    { method: 'log' ]\n}\n")),
        r"main\.js:3:\d+",
    )


@case("/e2e/errors/javascript-that-throws-on-loading")
def throws(t):
    run = t.run_script(t.javascript("const a = 1\n\nthrow new Error('thrown while loading')\n"))
    t.fails(run, "thrown while loading", r"main\.js:3")


@case("/e2e/errors/module-that-is-not-there")
def no_module(t):
    t.fails(t.run_script(t.javascript("require('no-such-module')")), "no-such-module", r"main\.js")


@case("/e2e/errors/empty-file")
def empty(t):
    folder = t.app("app", main__json="", main__js="")
    t.fails(t.run_script(os.path.join(folder, "main.json")), r"main\.json")
    t.fails(t.run_script(os.path.join(folder, "main.js")), "missing or invalid attribute: run")


@case("/e2e/errors/no-run")
def no_run(t):
    for fields in ({}, {"run": None}, {"run": []}, {"run": "x"}):
        folder = t.app("app", main__json=dict({"title": "x"}, **fields))
        t.fails(t.run_script(os.path.join(folder, "main.json")), "missing or invalid attribute: run")


@case("/e2e/errors/not-an-object")
def not_object(t):
    for content in ("[1, 2]", "3", '"x"', "null"):
        folder = t.app("app", main__json=content)
        t.fails(t.run_script(os.path.join(folder, "main.json")), "missing or invalid attribute: run|no object")


@case("/e2e/errors/step-without-a-method")
def no_method(t):
    run = t.run_script(t.script(log("before"), {"params": {"x": 1}}, log("after")))
    t.fails(run, "missing RPC attribute: method", "before")
    t.lacks(run.out, "after")


@case("/e2e/errors/step-that-is-no-object")
def odd_steps(t):
    for step in (3, "x", None, ["y"]):
        t.fails(t.run_script(t.script(log("before"), step)), "before")


@case("/e2e/errors/unknown-method")
def unknown(t):
    for method in ("no.such", "nosuch", "fs.nosuch", "", "toString", "__proto__"):
        t.fails(t.run_script(t.script({"method": method})), re.escape(method))


@case("/e2e/errors/method-not-here-yet-says-so")
def not_yet(t):
    t.fails(
        t.run_script(t.script({"method": "gradio.predict", "params": {}})),
        "not available yet: gradio.predict",
    )


@case("/e2e/errors/parameters-of-the-wrong-kind")
def wrong_kinds(t):
    methods = [
        "fs.write",
        "fs.read",
        "fs.copy",
        "fs.rm",
        "fs.download",
        "json.set",
        "json.get",
        "jump",
        "net",
        "shell.run",
        "script.start",
        "process.wait",
        "env.set",
        "fs.link",
        "input",
        "local.set",
        "load",
        "exec",
        "local.rm",
        "fs.cat",
    ]
    for method in methods:
        for params in (
            None,
            3,
            "text",
            [],
            [3],
            {"path": 3},
            {"uri": []},
            {"message": {}},
            {"id": "none"},
            {"on": 3, "message": "true"},
        ):
            if method == "process.wait" and not isinstance(params, dict):
                continue  # without a condition it waits until it is stopped
            if method == "process.wait":
                params = {"sec": "text"}
            program = t.run_script(t.script({"method": method, "params": params}))
            if program.code not in (0, 1):
                raise AssertionError("%s with %r gave %r: %s" % (method, params, program.code, program.both))


@case("/e2e/errors/template-that-loops-for-ever")
def endless_template(t):
    path = t.script(log("before"), log("{{(() => { while (true) {} })()}}"), log("after"))
    run = t.run_script(path, seconds=60)
    t.fails(run, "before", "(?i)second|limit")
    t.lacks(run.out, "after")


@case("/e2e/errors/function-that-throws")
def method_throws(t):
    run = t.run_script(
        t.javascript(
            "module.exports = { run: [\n  { method: async () => {\n    throw new TypeError('inside')\n  } }\n] }\n"
        )
    )
    t.fails(run, "inside", r"main\.js:3")


@case("/e2e/errors/throwing-odd-things")
def throws_odd(t):
    for thrown in (
        "null",
        "undefined",
        "3",
        "{}",
        "Symbol('x')",
        "Object.create(null)",
        "{ get message() { throw 1 } }",
        "{ toString() { throw 2 } }",
    ):
        t.fails(
            t.run_script(t.javascript("module.exports = { run: [{ method: () => { throw %s } }] }" % thrown))
        )


@case("/e2e/errors/recursion-without-end")
def recursion(t):
    t.fails(
        t.run_script(
            t.javascript("const f = () => f() + 1; module.exports = { run: [{ method: () => f() }] }")
        )
    )
    t.fails(
        t.run_script(
            t.javascript(
                "module.exports = { run: [{ method: () => { const a = {}; a.a = a; return JSON.stringify(a) } }] }"
            )
        )
    )


@case("/e2e/errors/result-that-refers-to-itself")
def circular(t):
    run = t.run_script(
        t.javascript(
            "module.exports = { run: [{ method: () => { const a = {}; a.a = a; return a } }, { method: 'log', params: { text: 'after' } }] }"
        ),
        "--events",
    )
    t.equal(run.code in (0, 1), True, "it ended by itself (status %r)" % run.code)


@case("/e2e/errors/expression-that-is-none")
def bad_expression(t):
    t.fails(t.run_script(t.script(shell("echo x", on=[{"event": "/(/", "done": True}]))), r"/\(/")
    t.fails(t.run_script(t.script(shell("echo x", on=[{"event": "/a/qq", "done": True}]))), "/a/qq")


@case("/e2e/errors/missing-files")
def missing(t):
    t.fails(t.run_script(os.path.join(t.folder, "none.json")), r"none\.json")
    t.fails(
        t.run_script(t.script({"method": "fs.read", "params": {"path": "none.txt", "encoding": "utf8"}})),
        r"none\.txt",
    )
    t.fails(
        t.run_script(t.script({"method": "fs.copy", "params": {"src": "none.txt", "dest": "x"}})),
        r"none\.txt",
    )
    t.fails(t.run_script(t.script({"method": "script.start", "params": {"uri": "none.json"}})), r"none\.json")
    t.fails(t.run_script(t.script({"method": "fs.cat", "params": {"path": "none.txt"}})), r"none\.txt")


@case("/e2e/errors/folder-where-a-file-is-due")
def folders(t):
    os.makedirs(t.path("folder"))
    t.fails(t.run_script(t.path("folder")), "folder")
    t.fails(t.run_script(t.script({"method": "fs.read", "params": {"path": "folder"}})), "folder")
    t.fails(
        t.run_script(t.script({"method": "fs.write", "params": {"path": "folder", "text": "x"}})), "folder"
    )
    t.fails(t.run_script(t.script({"method": "json.set", "params": {"folder": {"a": 1}}})), "folder")
    t.equal(sorted(os.listdir(t.path("folder"))), [], "the folder's content")


@case("/e2e/errors/file-where-a-folder-is-due")
def files_for_folders(t):
    t.files(t.path(), file="x")
    t.fails(
        t.run_script(t.script({"method": "fs.write", "params": {"path": "file/x.txt", "text": "x"}})), "file"
    )
    t.fails(t.run_script(t.script(shell("echo hi", path="file"))), "file")
    t.equal(t.read(t.path("file")), "x")


@case("/e2e/errors/dangling-and-circular-links")
def links(t):
    os.makedirs(t.path())
    os.symlink("nowhere", t.path("dangling"))
    os.symlink("circle", t.path("circle"))
    t.fails(t.run_script(t.script({"method": "fs.read", "params": {"path": "dangling"}})), "dangling")
    t.fails(t.run_script(t.script({"method": "fs.read", "params": {"path": "circle"}})), "circle")
    t.status(t.run_script(t.script({"method": "fs.rm", "params": {"path": "circle"}})), 0)
    t.equal(os.path.islink(t.path("circle")), False)


@case("/e2e/errors/shell-killed-from-outside")
def killed(t):
    program = t.start(
        "script",
        "run",
        t.script(shell("echo up; sleep 300; echo not-reached"), log("after {{input.exit_code}}")),
    )
    program.until("up")

    def bash():
        for pid in descendants(program.pid):
            try:
                with open("/proc/%d/cmdline" % pid, "rb") as file:
                    line = file.read()
                if os.path.basename(line.split(b"\0")[0]) == b"bash":
                    return pid
            except OSError:
                pass
        return None

    t.waits(bash, "a bash under the engine")
    os.kill(bash(), signal.SIGKILL)
    program.end(15)
    t.equal(program.code in (0, 1), True, "it ended by itself (status %r)" % program.code)
    t.lacks(program.out, r"^not-reached")
    t.nothing_left()


@case("/e2e/errors/keeper-killed-from-outside")
def keeper_killed(t):
    program = t.start("script", "run", t.script(shell("echo up; sleep 300"), log("after")))
    program.until("up")
    keepers = [
        pid
        for pid in descendants(program.pid)
        if os.path.basename(os.readlink("/proc/%d/exe" % pid)).startswith("pinokiocloud")
    ]
    t.equal(bool(keepers), True, "a keeper under the engine")
    for pid in keepers:
        os.kill(pid, signal.SIGKILL)
    program.end(15)
    t.equal(program.code, 1, "exit status")
    t.has(program.err, r"\S")
    t.nothing_left()


@case("/e2e/errors/engine-killed-takes-its-shells-along")
def engine_killed(t):
    program = t.start("script", "run", t.script(shell("echo up; setsid sleep 300 & sleep 301")))
    program.until("up")
    program.signal(signal.SIGKILL).end(10)
    t.nothing_left(10)


@case("/e2e/errors/no-shell-to-run")
def no_shell(t):
    t.fails(t.run_script(t.script(shell("echo x", shell="/nonexistent/shell"))), "/nonexistent/shell")


@case("/e2e/errors/required-environment-without-a-terminal")
def required(t):
    path = t.script(log("ran"), env=[{"key": "FIRST_KEY", "title": "First"}, {"key": "SECOND_KEY"}])
    run = t.run_script(path)
    t.fails(run, "FIRST_KEY", "SECOND_KEY")
    t.lacks(run.out, "ran")


@case("/e2e/errors/input-without-a-terminal")
def no_input(t):
    path = t.script(
        {"method": "input", "params": {"title": "T", "form": [{"key": "name", "title": "Name"}]}},
        log("hello {{input.name}}"),
    )
    t.fails(t.run_script(path), "--answers")
    t.files(t.folder, answers__json={"name": "Ada"})
    run = t.run_script(path, "--answers", os.path.join(t.folder, "answers.json"))
    t.status(run, 0)
    t.has(run.out, "hello Ada")


@case("/e2e/errors/files-picked-without-a-picker")
def picked(t):
    path = t.script(
        {"method": "filepicker.open", "params": {"title": "Which?", "path": ".", "multiple": True}},
        log("chosen {{input.paths.join(' and ')}}"),
    )
    t.fails(t.run_script(path), "--answers")
    app = os.path.dirname(path)
    t.files(app, one__txt="1", two__txt="2")
    t.files(t.folder, answers__json={"paths": ["one.txt", "two.txt"]}, wrong__json={"paths": "none"})
    run = t.run_script(path, "--answers", os.path.join(t.folder, "answers.json"))
    t.status(run, 0)
    t.has(run.out, "chosen .*/one.txt and .*/two.txt")
    t.fails(t.run_script(path, "--answers", os.path.join(t.folder, "wrong.json")), "no .*none on this machine")


@case("/e2e/errors/break-names-what-matched")
def broken(t):
    run = t.run_script(t.script(shell("echo 'Error: it went wrong'; sleep 60"), log("after")), "--events")
    t.status(run, 1)
    error = [event for event in run.events() if event["type"] == "error"][0]
    t.equal(bool(error.get("event")), True, "the event of the error")
    t.equal(run.events()[-1]["outcome"], "error")
    t.nothing_left()


@case("/e2e/errors/home-that-is-a-file")
def home_is_file(t):
    t.files(t.folder, occupied="x")
    path = os.path.join(t.files(os.path.join(t.folder, "a"), main__json={"run": [log("x")]}), "main.json")
    t.fails(t.run_script(path, env={"PINOKIO_HOME": os.path.join(t.folder, "occupied")}), "occupied")


@case("/e2e/errors/nul-bytes-and-odd-names")
def odd_names(t):
    t.fails(t.run_script(t.script({"method": "fs.write", "params": {"path": "a\u0000b", "text": "x"}})))
    run = t.run_script(
        t.script(
            {"method": "fs.write", "params": {"path": "ein \"Name\" mit 'ä' $(x) `y`\n.txt", "text": "x"}}
        )
    )
    t.status(run, 0)
    t.equal(os.listdir(t.path()).count("ein \"Name\" mit 'ä' $(x) `y`\n.txt"), 1)


if __name__ == "__main__":
    leave()
