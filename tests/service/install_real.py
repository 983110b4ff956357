#!/usr/bin/env python3
"""Installs as real apps write them: menus that never change, shells that are closed, environments without commands, and
scripts that stay at their end."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))

import apps
from install import files, made, record, serve, told, touch
from service import case, harness, leave

harness.CASES.clear()  # those of install.py

FIXED_MENU = """
module.exports = {
  title: 'fixed',
  menu: [{ html: 'Install', href: 'install.json' }, { html: 'Launch', href: 'start.json' }]
}
"""


def entered(command):
    return {"method": "shell.enter", "params": {"message": command, "on": [{"event": None, "return": True}]}}


def installed_well(service, name, *steps, **more):
    """The app's install finds no fault; gives what was printed."""
    server = serve(service)
    server.repository(name).commit(files(name, *steps, **more))
    service.up()
    program = service.run("install", server.url(name))
    service.has(program.both, name + " is installed")
    service.lacks(program.both, "exit code|failed")
    service.equal(record(service, name)["failed"], 0, "failed commands")
    return program


@case("/service/install-real/shell-that-is-closed-is-no-failure")
def closed_shell(service):
    installed_well(
        service,
        "closed",
        {"method": "shell.start", "params": {}},
        entered("echo one >> marks"),
        entered("echo two >> marks"),
    )
    service.equal(made(service, "closed"), ["one", "two"], "commands")


@case("/service/install-real/command-that-a-handler-ends-is-no-failure")
def ended_by_handler(service):
    stubborn = "trap 'exit 3' TERM HUP INT; echo up; while :; do sleep 0.05; done"
    for number, kind in enumerate(("kill", "done")):
        name = "handler%d" % number
        server = serve(service, "git%d" % number)
        server.repository(name).commit(files(name, apps.shell(stubborn, on=[{"event": "/up/", kind: True}])))
        service.up()
        program = service.run("install", server.url(name))
        service.has(program.both, name + " is installed")
        service.lacks(program.both, "exit code|failed")


@case("/service/install-real/failed-command-in-a-shell-that-goes-on")
def failed_in_session(service):
    server = serve(service)
    steps = [
        apps.shell("echo 0 >> marks"),
        {"method": "shell.start", "params": {}},
        entered("echo 1 >> marks"),
        entered("test ! -e ../../broken"),
        entered("echo 2 >> marks"),
    ]
    server.repository("session").commit(files("session", *steps))
    service.up()
    touch(service, "broken")
    program = service.run("install", server.url("session"))
    service.has(program.both, "step 4: a command ended with exit code 1")
    service.has(program.both, "1 of its commands failed")
    os.unlink(os.path.join(service.home, "broken"))
    program = service.run("install", "session")
    service.has(program.both, "session is installed")
    service.equal(made(service, "session"), ["0", "1", "2", "1", "2"], "steps done: from where the shell began")


@case("/service/install-real/failed-command-is-shown")
def failed_command(service):
    server = serve(service)
    server.repository("wrong").commit(files("wrong", apps.shell("exit 4")))
    service.up()
    program = service.run("install", server.url("wrong"))
    service.has(program.both, "exit code 4")
    service.has(program.both, "1 of its commands failed")


@case("/service/install-real/menu-that-never-changes")
def fixed_menu(service):
    server = serve(service)
    steps = [apps.shell("echo 1 >> marks"), apps.shell("test ! -e ../../broken || sleep 76599"), apps.shell("echo 2 >> marks")]
    server.repository("fixed").commit(files("fixed", *steps, **{"pinokio.js": FIXED_MENU}))
    service.up()
    touch(service, "broken")
    run = service.api().post("/v1/apps", {"source": server.url("fixed")}).json()["run"]
    service.waits(lambda: service.processes_with("76599"), "the second step")
    service.stop_run(run)
    os.unlink(os.path.join(service.home, "broken"))
    service.has(service.run("install", "fixed").both, "fixed is installed")
    service.equal(made(service, "fixed"), ["1", "2"], "steps done")
    service.app_becomes("fixed", "INSTALLED")
    service.has(service.run("install", "fixed").both, "installed already")
    service.ready("fixed")
    service.run("stop", "fixed")
    service.run("reset", "fixed", "--yes")
    service.app_becomes("fixed", "CLONED")


@case("/service/install-real/script-that-stays-at-its-end")
def stays(service):
    server = serve(service)
    body = files("stays", apps.shell("echo 1 >> marks"))
    script = json.loads(body["install.json"])
    script["run"] += [{"method": "process.wait"}, apps.shell("echo never >> marks")]
    server.repository("stays").commit(dict(body, **{"install.json": json.dumps(script)}))
    service.up()
    program = service.run("install", server.url("stays"))
    service.has(program.both, "stays is installed")
    service.equal(made(service, "stays"), ["1"], "steps done")


@case("/service/install-real/half-a-clone-is-none")
def cloned_half(service):
    server = serve(service)
    server.repository("part").commit({"file": "text"})
    steps = [apps.shell("mkdir -p part/.git; touch part/.git/HEAD"), apps.shell("git clone %s part" % server.url("part"))]
    server.repository("clones").commit(files("clones", *steps))
    service.up()
    service.has(service.run("install", server.url("clones")).both, "1 of its commands failed")
    service.has(service.run("install", "clones").both, "1 of its commands failed")


@case("/service/install-real/clone-that-an-earlier-try-has-made")
def cloned_before(service):
    """The step is done again as a whole, and git does not clone into a folder that is full."""
    server = serve(service)
    server.repository("part").commit({"a.txt": "a"})
    steps = [
        apps.shell(["git clone %s part" % server.url("part"), "echo 1 >> marks; test ! -e ../../broken"]),
        apps.shell("git clone %s other" % server.url("part")),
    ]
    server.repository("clones").commit(files("clones", *steps))
    service.up()
    touch(service, "broken")
    service.has(service.run("install", server.url("clones")).both, "1 of its commands failed")
    os.unlink(os.path.join(service.home, "broken"))
    program = service.run("install", "clones")
    service.has(program.both, "clones is installed")
    service.lacks(program.both, "exit code")
    service.equal(made(service, "clones"), ["1", "1"], "commands of the step")
    program = service.run("install", "clones", "--from-start")
    service.has(program.both, "2 of its commands failed")


if __name__ == "__main__":
    leave()
