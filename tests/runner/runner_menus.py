"""The worker that evaluates menus for the engine."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from engine_side import Engine, ends_well  # noqa: E402
from harness import case, leave  # noqa: E402

MENU = (
    "module.exports = {title: 'App', description: 'It is one', menu: async (kernel, info) => info.exists('env') ? "
    "[{text: info.running('start.js') ? 'runs' : 'Start', href: 'start.js', default: true, params: {a: 1}}] : "
    "[{text: 'Install', href: 'install.js', default: true}]}"
)


def worker(stage, name="w1"):
    engine = Engine(stage)
    program = stage.start("serve", "--worker", name, env=engine.environment())
    line, hello = engine.accept()
    stage.equal((hello["worker"], hello["protocol"], hello["pid"]), (name, 1, program.pid), "hello")
    return engine, program, line


def leave_it(stage, engine, program):
    engine.go()
    ends_well(stage, program, 10)


@case("menus/title-and-what-is-to-be-done")
def menus(stage):
    engine, program, line = worker(stage)
    folder = stage.app("app", pinokio__js=MENU, install__js="module.exports = {run: []}", start__js="module.exports = {run: []}")
    line.send("menu", id=1, folder=folder)
    menu = line.expect("menu")
    stage.equal((menu["id"], menu["title"], menu["installed"]), (1, "App", False))
    stage.equal(menu["install"], os.path.join(folder, "install.js"))
    stage.equal(menu["menu"]["description"], "It is one")
    stage.equal(menu["menu"]["items"][0]["text"], "Install")
    stage.files(os.path.join(folder, "env"))
    line.send("menu", id=2, folder=folder)
    menu = line.expect("menu")
    stage.equal((menu["id"], menu["installed"], menu["startInput"]), (2, True, {"a": 1}), "looked at afresh")
    leave_it(stage, engine, program)


@case("menus/what-runs-is-asked-of-the-engine")
def running(stage):
    engine, program, line = worker(stage)
    folder = stage.app("app", pinokio__js=MENU, start__js="", install__js="")
    stage.files(os.path.join(folder, "env"))
    start = os.path.join(folder, "start.js")
    known = {"running": True, "ready": True, "status": "ready", "local": {}, "global": {}}
    engine.answers = lambda query: known if query.get("path") == start else None if query["what"] == "script" else [start]
    line.send("menu", id=1, folder=folder)
    stage.equal(line.expect("menu")["menu"]["items"][0]["text"], "runs")
    leave_it(stage, engine, program)


@case("menus/errors-are-told-and-the-next-one-works")
def errors(stage):
    engine, program, line = worker(stage)
    cases = [
        ("module.exports = {menu: () => { throw new Error('no menu today') }}", "script", "no menu today"),
        ("module.exports = {", "syntax", "pinokio.js"),
        ("module.exports = {menu: () => { for (;;) {} }}", "limit", "5 seconds|too long"),
        ("module.exports = {menu: () => new Promise(() => {})}", "limit", "too long"),
    ]
    for number, (source, code, text) in enumerate(cases):
        folder = stage.app("app%d" % number, pinokio__js=source)
        line.send("menu", id=number, folder=folder)
        answer = line.expect("menu")
        stage.equal((answer["id"], answer.get("code")), (number, code), source)
        stage.has(answer["error"], text)
    line.send("menu", id=98, folder=os.path.join(stage.home, "api", "none"))
    stage.equal(line.expect("menu")["code"], "not_found")
    line.send("menu", id=99, folder=stage.app("good", pinokio__js=MENU))
    stage.equal(line.expect("menu")["title"], "App")
    leave_it(stage, engine, program)


@case("menus/ends-with-the-engine-in-the-middle-of-a-menu")
def ends(stage):
    engine, program, line = worker(stage)
    line.send("menu", id=1, folder=stage.app("app", pinokio__js="module.exports = {menu: () => { for (;;) {} }}"))
    time.sleep(0.2)
    engine.go()
    ends_well(stage, program, 3)


@case("menus/exits-when-there-is-nothing-to-do")
def idle(stage):
    engine, program, line = worker(stage)
    began = time.monotonic()
    ends_well(stage, program, 40)
    stage.equal(4 < time.monotonic() - began < 15, True, "after some seconds")


@case("menus/without-arguments-it-says-what-it-wants")
def usage(stage):
    for arguments in (("serve",), ("serve", "--run", "a/b"), ("serve", "--run", "a", "--worker", "b")):
        stage.fails(stage.run(*arguments), "serve wants", status=2)


if __name__ == "__main__":
    leave()
