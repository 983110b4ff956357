#!/usr/bin/env python3
"""The command line itself: help, versions, exit statuses, menu, script show, doctor."""

import json
import os
import re

from harness import case, leave

COMMANDS = ["run", "script run", "script show", "menu", "doctor"]


@case("/e2e/cli/version")
def version(t):
    run = t.run("--version")
    t.status(run, 0)
    t.has(run.out, r"^pinokiocloud \d+\.\d+\.\d+$")


@case("/e2e/cli/help-lists-the-commands")
def help_lists(t):
    run = t.run("--help")
    t.status(run, 0)
    for command in COMMANDS:
        for word in command.split():
            t.has(run.out, r"\b%s\b" % word)


@case("/e2e/cli/every-command-has-help")
def every_help(t):
    for command in COMMANDS:
        run = t.run(*command.split(), "--help")
        t.status(run, 0)
        t.has(run.out, command)


@case("/e2e/cli/usage-errors-give-2")
def usage(t):
    wrong = [
        [],
        ["no-such-command"],
        ["--no-such-option"],
        ["run"],
        ["script"],
        ["script", "no-such"],
        ["script", "run"],
        ["script", "show"],
        ["menu"],
        ["script", "run", "x.json", "--no-such-option"],
        ["doctor", "--no-such-option"],
    ]
    for arguments in wrong:
        run = t.run(*arguments)
        if run.code != 2:
            raise AssertionError("%r gave %r: %s" % (arguments, run.code, run.both))
        t.has(run.err, r"\S")


@case("/e2e/cli/an-unknown-word-is-named")
def unknown_is_named(t):
    t.has(t.run("no-such-command").err, "no-such-command")
    t.has(t.run("doctor", "--no-such-option").err, "no-such-option")


@case("/e2e/cli/input-must-be-json")
def input_json(t):
    script = t.script({"method": "log", "params": {"text": "x"}})
    run = t.run_script(script, "--input", "{not json")
    t.fails(run, "--input", status=2)
    t.equal(run.out, "", "output of a run that never began")


@case("/e2e/cli/answers-must-be-there-and-json")
def answers_json(t):
    script = t.script({"method": "log", "params": {"text": "x"}})
    t.has(t.run_script(script, "--answers", os.path.join(t.folder, "none.json")).err, "none.json")
    t.files(t.folder, bad__json="{")
    run = t.run_script(script, "--answers", os.path.join(t.folder, "bad.json"))
    t.has(run.err, "bad.json")
    t.equal(run.code in (1, 2), True, "it failed")


@case("/e2e/cli/no-escape-sequences-off-a-terminal")
def no_colour(t):
    for arguments in (["--help"], ["--version"], ["doctor", "--no-network"], ["no-such-command"]):
        t.lacks(t.run(*arguments).both, "\x1b")


@case("/e2e/cli/home-is-made-under-the-users-home")
def default_home(t):
    script = t.files(
        os.path.join(t.folder, "app"),
        main__json={"run": [{"method": "log", "params": {"text": "{{kernel.homedir}}"}}]},
    )
    t.env.pop("PINOKIO_HOME")
    run = t.run_script(os.path.join(script, "main.json"))
    t.status(run, 0)
    t.has(run.out, re.escape(os.path.join(t.user_home, "pinokio")))


@case("/e2e/cli/relative-script-path")
def relative(t):
    folder = t.app("app", main__json={"run": [{"method": "log", "params": {"text": "{{cwd}}"}}]})
    run = t.run_script("main.json", cwd=folder)
    t.status(run, 0)
    t.has(run.out, re.escape(folder))


MENU = """
module.exports = {
  version: '4.0', title: 'The title', description: 'What it does', icon: 'icon.png',
  menu: async (kernel, info) => [
    { default: true, icon: 'fa-solid fa-plug', text: 'Install', href: 'install.js', params: { a: 1 } },
    { html: '<i class="x"></i> <b>Bold</b> &amp; plain', href: 'start.js?mode=Fast' },
    { text: 'Page', href: 'https://example.test/x' },
    { text: 'More', menu: [{ text: info.exists('here.txt') ? 'there' : 'absent', href: 'here.js' }] },
  ]
}
"""


@case("/e2e/menu/json")
def menu_json(t):
    folder = t.app("shown", pinokio__js=MENU, here__txt="x", install__js="", start__js="")
    run = t.run("menu", folder, "--json")
    t.status(run, 0)
    menu = json.loads(run.out)
    t.equal((menu["title"], menu["description"], menu["icon"]), ("The title", "What it does", "icon.png"))
    t.equal(menu["version"], "4.0")
    t.equal(menu["running"], False)
    first, second, third, fourth = menu["items"]
    t.equal((first["text"], first["default"], first["_label"]), ("Install", True, "Install"))
    t.equal(os.path.realpath(first["_script"]), os.path.realpath(os.path.join(folder, "install.js")))
    t.equal(first["_input"], {"a": 1})
    t.equal(second["_label"], "Bold & plain")
    t.equal(second["_input"], {"mode": "Fast"})
    t.equal(third["_url"], "https://example.test/x")
    t.equal(fourth["menu"][0]["_label"], "there")


@case("/e2e/menu/by-name-and-as-text")
def menu_name(t):
    t.app("shown", pinokio__js=MENU, install__js="", start__js="")
    run = t.run("menu", "shown")
    t.status(run, 0)
    for word in ("The title", "Install", "Bold & plain", "Page"):
        t.has(run.out, word)


@case("/e2e/menu/metadata-files-overlay")
def menu_overlay(t):
    t.app(
        "shown",
        pinokio__js=MENU,
        pinokio_meta__json={"title": "Second", "description": "From meta"},
        pinokio__json={"title": "Third"},
    )
    menu = json.loads(t.run("menu", "shown", "--json").out)
    t.equal((menu["title"], menu["description"]), ("Third", "From meta"))


@case("/e2e/menu/errors-are-told")
def menu_errors(t):
    t.fails(t.run("menu", "no-such-app"), "no-such-app")
    t.app("throws", pinokio__js="module.exports = { menu: () => { throw new Error('menu broke') } }")
    t.fails(t.run("menu", "throws"), "menu broke")
    t.app("parses", pinokio__js="module.exports = {\n  menu: [ }\n")
    t.fails(t.run("menu", "parses"), r"pinokio\.js:2")
    t.app("bare", readme__txt="x")
    t.fails(t.run("menu", "bare"), "pinokio.js")


@case("/e2e/menu/that-loops-for-ever-is-stopped")
def menu_loops(t):
    t.app("loops", pinokio__js="module.exports = { menu: () => { for (;;) {} } }")
    program = t.run("menu", "loops", seconds=60)
    t.fails(program, "(?i)second|limit")


@case("/e2e/show/drops-functions")
def show(t):
    path = t.javascript(
        "module.exports = (kernel) => ({ run: [{ method: 'log', params: { text: kernel.platform } },"
        " { method: async () => 1, id: 'f' }], daemon: true })"
    )
    run = t.run("script", "show", path)
    t.status(run, 0)
    script = json.loads(run.out)
    t.equal(script["daemon"], True)
    t.equal(script["run"][0]["params"]["text"], "linux")
    t.equal(script["run"][1], {"id": "f"})


@case("/e2e/show/errors-are-told")
def show_errors(t):
    t.fails(t.run("script", "show", os.path.join(t.folder, "none.js")), "none.js")
    t.fails(t.run("script", "show", t.javascript("module.exports = {\n  run: [\n")), r"main\.js:\d+")


if __name__ == "__main__":
    leave()
