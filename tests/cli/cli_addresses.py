#!/usr/bin/env python3
"""Addresses that apps do not tell themselves, and public ones: start, info, and the events open and expose."""

import json
import re
import urllib.request

from service import app, case, end_all, leave, log, printing, shell

GRADIO = "https://0123456789abcdef01.gradio.live"
SERVER = "python3 -u -m http.server 0 --bind 127.0.0.1 2>&1"
UP = [{"event": "/it-is-up/", "done": True}]


def serving(t):
    t.cleanups.append(lambda: end_all(t))


def address(program):
    return re.search("^demo is ready: (http://127.0.0.1:[0-9]+)", program.out, re.MULTILINE).group(1)


# --- start


@case("/cli/start/waits-for-an-address-that-only-a-program-tells")
def printed(t):
    serving(t)
    app(t, steps=[shell("echo it-is-up; " + SERVER, on=UP)])
    program = t.run("start", "demo")
    t.status(program, 0)
    t.lacks(program.err, "no address")
    with urllib.request.urlopen(address(program), timeout=10) as answer:
        t.equal(answer.status, 200, "its page")


@case("/cli/start/waits-for-a-server-that-comes-after-the-script-is-ready")
def late(t):
    serving(t)
    app(t, steps=[shell("echo it-is-up; sleep 0.8; " + SERVER, on=UP)])
    program = t.run("start", "demo")
    t.status(program, 0)
    t.lacks(program.both, "no address")
    with urllib.request.urlopen(address(program), timeout=10) as answer:
        t.equal(answer.status, 200, "its page")


@case("/cli/start/an-address-that-comes-later-is-not-lost")
def later(t):
    serving(t)
    app(t, steps=[shell("echo it-is-up; until test -e go; do sleep 0.05; done; " + SERVER, on=UP)])
    program = t.run("start", "demo")
    t.status(program, 0)
    t.has(program.err, "demo is ready; it gave no address so far; `pinokiocloud open demo` shows")
    t.equal(program.seconds > 2, True, "it is waited for")
    with open(t.home + "/api/demo/go", "w", encoding="ascii"):
        pass
    browser = {"BROWSER": "/bin/true"}
    t.waits(lambda: t.run("open", "demo", env=browser).code == 0, "the address", 20)
    t.has(t.run("open", "demo", env=browser).out, r"^http://127\.0\.0\.1:\d+")
    t.has(t.run("start", "demo").out, r"^demo runs already: http://127\.0\.0\.1:\d+")


@case("/cli/start/nothing-is-waited-for-where-nothing-is-left")
def over(t):
    serving(t)
    t.status(t.run("up"), 0)
    app(t, steps=[shell("true"), log("it is up")])
    seconds = []
    for _ in range(3):
        program = t.run("start", "demo")
        t.status(program, 0)
        t.has(program.err, "demo is ready; it gave no address$")
        seconds.append(program.seconds)
        t.status(t.run("stop", "demo"), 0)
    t.equal(min(seconds) < 1.8, True, "it is not waited (%s)" % seconds)


# --- public addresses


@case("/cli/info/shows-the-public-address")
def public(t):
    serving(t)
    app(t, steps=[shell("echo it-is-up; echo '* Running on public URL: %s'; %s" % (GRADIO, SERVER), on=UP)])
    t.equal(json.loads(t.run("info", "demo", "--json").out)["public_url"], None, "without an engine")
    program = t.run("start", "demo")
    t.equal(program.out.splitlines()[-2:], ["demo is ready: " + address(program), "demo from everywhere: " + GRADIO], "start")
    found = json.loads(t.run("info", "demo", "--json").out)
    t.equal((found["url"], found["public_url"]), (address(program), GRADIO), "addresses")
    t.has(t.run("info", "demo").out, "^Everywhere +" + GRADIO + "$")
    t.status(t.run("stop", "demo"), 0)
    t.lacks(t.run("info", "demo").out, "Everywhere")


@case("/cli/start/pages-that-scripts-open-and-expose")
def pages(t):
    serving(t)
    here = "http://127.0.0.1:4321/"
    steps = [
        {"method": "web.open", "params": {"uri": here + "one"}},
        {"method": "web.open", "params": {"uri": here + "two", "public": GRADIO + "/two"}},
        {"method": "tab.open", "params": {"url": here + "three"}},
        {"method": "web.expose", "params": {"uri": here + "four"}},
        {"method": "web.expose", "params": {"uri": here + "five", "public": GRADIO + "/five\x1b[2J"}},
    ]
    app(t, steps=steps + printing())
    for program in (t.run("start", "demo"), t.run("logs", "demo")):
        t.status(program, 0)
        said = [line.replace("[pinokiocloud] ", "") for line in program.err.splitlines() if "page" in line or "opened" in line]
        wanted = [
            "to be opened: %sone" % here,
            "to be opened: %stwo, from everywhere: %s/two" % (here, GRADIO),
            "to be opened: %sthree" % here,
            "the app's page: %sfour" % here,
            "the app's page: %sfive, from everywhere: %s/five\\x1b[2J" % (here, GRADIO),
        ]
        t.equal(said, wanted, "what is said")


if __name__ == "__main__":
    leave()
