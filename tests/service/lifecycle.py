#!/usr/bin/env python3
"""The life of apps and their runs: what starts what, what ends what, and what is known after any of the processes that
keep them was killed."""

import glob
import os
import signal
import time

import apps
from load import Printer
from service import KEEPER, RUNNER, alive, case, command_line, leave

SLEEPS = "echo up; exec sleep %d"
NAMES = (" two  words ", 'it\'s "quoted"', "ünï-日本語-🙂")


def runs_of(service, app):
    return service.api().get("/v1/runs", query={"app": app}).ok().json()


def crash(folder):
    open(os.path.join(folder, "crash"), "w", encoding="ascii").close()


def starts(folder):
    return len(apps.read(folder, "starts").split())


def ask_to_stop(service, run):
    """Does not wait for it."""
    answer = service.api().post(["v1", "runs", run, "stop"], {})
    service.equal(answer.status in (200, 202, 204), True, "stop: %d %s" % (answer.status, answer.text))


def stops_with(home, name, steps, start=None):
    """A daemon with steps for its end."""
    body = apps.script(
        start or apps.shell(SLEEPS % 1000000, on=[{"event": "/up/", "done": True}]), daemon=True, on={"stop": steps}
    )
    return apps.app(home, name, {"pinokio.js": apps.menu(name), "start.json": body})


# What is required


@case("/service/lifecycle/required-app-that-fails")
def required_fails(service):
    apps.fails(service.home, "broken")
    apps.light(service.home, "top", SLEEPS % 7654001, environment={"PINOKIO_SCRIPT_REQUIRES": "broken"})
    service.up()
    run = service.launch("top")
    view = service.becomes(run, "error")
    service.has(view["error"], "broken")
    service.equal(view["shells"], [], "shells of what must not start")
    service.equal([service.app_state(name) for name in ("top", "broken")], ["ERROR"] * 2, "states")
    service.equal(service.processes_with("7654001"), [], "its command")


@case("/service/lifecycle/required-app-that-is-not-installed")
def required_missing(service):
    apps.installs(service.home, "base", 1)
    apps.light(service.home, "top", environment={"PINOKIO_SCRIPT_REQUIRES": "base"})
    service.up()
    view = service.becomes(service.launch("top"), "error")
    service.has(view["error"], "base.*not installed")
    service.equal(runs_of(service, "base"), [], "runs of the app that is not installed")
    service.becomes(service.launch("base", script="install.json"), "finished")
    service.ready("top")


@case("/service/lifecycle/required-app-that-runs-already")
def required_runs(service):
    apps.lines(service.home, "base", 20)
    apps.light(service.home, "top", environment={"PINOKIO_SCRIPT_REQUIRES": "base"})
    service.up()
    base = service.ready("base")["id"]
    service.ready("top")
    service.equal([run["id"] for run in runs_of(service, "base")], [base], "runs of what is required")
    service.stop("top")
    service.equal(service.app_state("base"), "RUNNING", "what is required, after the stop")


@case("/service/lifecycle/stopped-while-it-waits")
def stopped_waiting(service):
    apps.light(service.home, "base", "sleep 2; " + SLEEPS % 1000000)
    folder = apps.light(
        service.home, "top", "echo x >> starts; " + SLEEPS % 1000000, environment={"PINOKIO_SCRIPT_REQUIRES": "base"}
    )
    service.up()
    run = service.launch("top")
    service.equal(service.state(run), "waiting", "state")
    service.stop("top")
    service.equal(service.state(run), "stopped", "state after the stop")
    service.app_becomes("base", "RUNNING")
    time.sleep(0.3)
    service.equal(starts(folder), 0, "starts of what was stopped")


@case("/service/lifecycle/engine-killed-while-it-waits")
def killed_waiting(service):
    apps.light(service.home, "base", "sleep 2; " + SLEEPS % 1000000)
    apps.light(service.home, "top", environment={"PINOKIO_SCRIPT_REQUIRES": "base"})
    service.up()
    run = service.launch("top")
    service.waits(lambda: service.runners(), "what is required is started")
    service.kill()
    service.up()
    view = service.view(run)
    service.equal(view["state"], "interrupted", "state of what waited")
    service.has(view["error"], "waited")
    service.app_becomes("base", "RUNNING")
    service.ready("top")
    service.equal(len(runs_of(service, "base")), 1, "runs of what is required")


# With the engine


@case("/service/lifecycle/autolaunch")
def autolaunch(service):
    def wish(**more):
        return dict({"PINOKIO_SCRIPT_AUTOLAUNCH": "start.json"}, **more)

    apps.light(service.home, "base")
    apps.light(service.home, "on", environment=wish())
    apps.light(service.home, "off", environment=wish(PINOKIO_SCRIPT_AUTOLAUNCH_ENABLED="false"))
    apps.light(service.home, "needs", environment=wish(PINOKIO_SCRIPT_REQUIRES="base"))
    serve = apps.script(apps.shell(SLEEPS % 1000000, on=[{"event": "/up/", "done": True}]), daemon=True)
    apps.app(
        service.home,
        "other",
        {"pinokio.js": apps.menu("other"), "serve.json": serve},
        environment=wish(PINOKIO_SCRIPT_AUTOLAUNCH="serve.json"),
    )
    service.up()
    for name in ("on", "needs", "base", "other"):
        service.app_becomes(name, "RUNNING")
    service.app_becomes("off", "INSTALLED")  # the one that is not enabled
    ready = {name: runs_of(service, name)[0]["ready_at"] for name in ("base", "needs")}
    service.equal(ready["base"] <= ready["needs"], True, "what is required was ready first: %r" % ready)
    service.kill()
    service.up()
    service.ready("off")  # a round trip, after which the engine has launched all
    for name in ("on", "needs", "base", "other"):
        service.app_becomes(name, "RUNNING")
        service.equal(len(runs_of(service, name)), 1, "runs of %s after one more engine" % name)


# Again


@case("/service/lifecycle/restart-waits-grow-and-a-stop-ends-it")
def restarts(service):
    """Also of a script with another name than start, which only the menu tells of."""
    count = "echo x >> starts; echo up; while [ ! -e crash ]; do sleep 0.05; done; rm -f crash; exit 3"
    serve = apps.script(apps.shell(count, on=[{"event": "/up/", "done": True}]), daemon=True)
    folder = apps.app(
        service.home,
        "crashes",
        {"pinokio.js": apps.menu("crashes").replace("start.json", "serve.json"), "serve.json": serve},
        environment={"PINOKIO_RESTART": "on-failure"},
    )
    service.up()
    service.ready("crashes")
    waits = []
    for number in (2, 3):
        crash(folder)
        began = time.monotonic()
        service.waits(lambda wanted=number: starts(folder) == wanted, "start %d" % number, 15)
        waits.append(time.monotonic() - began)
        service.app_becomes("crashes", "RUNNING")
    service.equal(waits[1] > waits[0] + 0.5, True, "the waits grow: %r" % waits)
    latest = runs_of(service, "crashes")[0]
    service.equal(latest["restarts"], 2, "restarts of the run")
    crash(folder)
    service.app_becomes("crashes", "ERROR")
    service.stop_run(latest["id"])  # it has ended already: what was to come does not
    time.sleep(5)
    service.equal(starts(folder), 3, "starts after the stop")
    service.ready("crashes")
    crash(folder)
    service.waits(lambda: starts(folder) == 5, "after a person's start the waits begin anew", 3)


@case("/service/lifecycle/states-of-an-app")
def states(service):
    folder = apps.crashes(service.home, "app")
    install = apps.script(
        apps.shell("sleep 0.5"), {"method": "fs.write", "params": {"path": "installed", "text": "yes"}}
    )
    apps.app(service.home, "app", {"pinokio.js": apps.menu("app", True), "install.json": install})
    service.up()
    service.app_becomes("app", "CLONED")
    service.has(service.api().post("/v1/apps/app/start", {}).problem(409, 422, 503), "not installed")
    run = service.launch("app", script="install.json")
    service.equal(service.app_state("app"), "INSTALLING", "state")
    service.becomes(run, "finished")
    service.app_becomes("app", "INSTALLED")
    for _ in range(2):
        run = service.launch("app")
        service.equal(service.app_state("app") in ("STARTING", "RUNNING"), True, "state after the start")
        service.becomes(run, "ready")
        service.equal(service.app_state("app"), "RUNNING", "state")
        crash(folder)
        service.has(service.becomes(run, "error")["error"], "exit code 3")
        service.equal(service.app_state("app"), "ERROR", "state after the crash")
        service.kill()
        service.up()
        service.equal(service.app_state("app"), "ERROR", "state with the next engine")
    service.ready("app")
    service.stop("app")
    service.equal(service.app_state("app"), "INSTALLED", "state after the stop")


# Stopping

BEGUN = "echo begun >> end; "


@case("/service/lifecycle/second-stop-ends-steps-that-hang")
def second_stop(service):
    folder = stops_with(service.home, "hangs", [apps.shell(BEGUN + "exec sleep 7654002")])
    service.up()
    run = service.ready("hangs")["id"]
    service.waits(lambda: not service.runners(), "its runner has gone")
    ask_to_stop(service, run)
    service.waits(lambda: apps.read(folder, "end"), "the stop steps have begun")
    service.equal(service.state(run), "stopping", "state")
    service.equal(service.app_state("hangs"), "STOPPING", "state of the app")
    service.has(service.api().post("/v1/apps/hangs/start", {"script": "start.json"}).problem(409, 422, 503), "stopped")
    service.stop_run(run)
    service.equal(service.state(run), "stopped", "state after the second stop")
    service.equal(service.processes_with("7654002"), [], "what hung")
    service.equal(apps.read(folder, "end").split(), ["begun"], "the steps")


@case("/service/lifecycle/runner-killed-in-the-stop-steps")
def killed_in_stop(service):
    """The end goes on without them, and takes along what they had started."""
    folder = stops_with(service.home, "hangs", [apps.shell(BEGUN + "exec sleep 7654003")])
    service.up()
    run = service.ready("hangs")["id"]
    service.waits(lambda: not service.runners(), "its runner has gone")
    ask_to_stop(service, run)
    service.waits(lambda: apps.read(folder, "end"), "the stop steps have begun")
    service.kill(service.runners()[0])
    service.becomes(run, "stopped")
    service.waits(lambda: not service.processes_with("7654003"), "what the steps had started is ended")
    service.waits(lambda: not service.programs(KEEPER), "no keeper is left")


@case("/service/lifecycle/engine-killed-in-the-stop-steps")
def engine_killed_in_stop(service):
    """They are not cut short by the next engine, whether the runner is the first or one for the stop alone."""
    steps = [apps.shell(BEGUN + "sleep 1.5; echo done >> end")]
    busy = apps.shell("echo up; exec sleep 1000000")  # the script stays in this step
    folders = [
        stops_with(service.home, "settled", steps),
        stops_with(service.home, "busy", steps, start=busy),
    ]
    service.up()
    runs = [service.ready("settled")["id"], service.launch("busy")]
    service.waits(lambda: service.shells(runs[1]), "the other is in its step")
    service.waits(lambda: len(service.runners()) == 1, "the runner of the settled one has gone")
    for run in runs:
        ask_to_stop(service, run)
    service.waits(lambda: all(apps.read(folder, "end") for folder in folders), "the stop steps have begun")
    service.kill()
    service.up()
    for run, folder in zip(runs, folders):
        service.becomes(run, "stopped")
        service.equal(apps.read(folder, "end").split(), ["begun", "done"], "the stop steps of %s" % folder)


@case("/service/lifecycle/stop-after-the-runner-found-another-engine")
def stop_after_return(service):
    """A runner that is no child of this engine has gone, too, when it left."""
    apps.light(service.home, "slow", "sleep 2; " + SLEEPS % 1000000)
    service.up()
    run = service.launch("slow")
    service.waits(lambda: service.shells(run), "it is in its step")
    service.kill()
    service.up()
    service.becomes(run, "ready")
    service.waits(lambda: not service.runners(), "its runner has gone")
    began = time.monotonic()
    service.stop_run(run)
    service.equal(time.monotonic() - began < 5, True, "the stop took %.1f s" % (time.monotonic() - began))
    service.equal(service.state(run), "stopped", "state")


@case("/service/lifecycle/stop-right-when-it-is-ready")
def stop_at_ready(service):
    """The runner is just leaving: no order of what is told may keep the stop from its end."""
    apps.light(service.home, "light")
    service.up()
    for wait in (0, 0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08):
        run = service.ready("light")["id"]
        time.sleep(wait)
        began = time.monotonic()
        service.stop_run(run)
        took = time.monotonic() - began
        service.equal(took < 5, True, "the stop %g s after it was ready took %.1f s" % (wait, took))
        service.equal(service.state(run), "stopped", "state")


@case("/service/lifecycle/runner-that-hangs-is-killed")
def hanging_runner(service):
    """A runner of an earlier engine that never comes back does not keep its run from being stopped for ever. It is told
    here by the engine's own patience, a minute and ten seconds."""
    apps.light(service.home, "slow", "sleep 1000; echo up")
    service.up()
    run = service.launch("slow")
    service.waits(lambda: service.shells(run), "it is in its step")
    runner = service.runners()[0]
    os.kill(runner, signal.SIGSTOP)
    service.kill()
    service.up()
    ask_to_stop(service, run)
    service.becomes(run, "stopped", seconds=90)
    service.equal(alive(runner), False, "the runner lives")


@case("/service/lifecycle/shell-stopped-by-itself")
def shell_stopped(service):
    apps.light(service.home, "light", SLEEPS % 7654004)
    service.up()
    run = service.ready("light")["id"]
    shell = service.shells(run)[0]["id"]
    service.api().post(["v1", "shells", shell, "stop"], {}).ok()
    service.becomes(run, "error", "finished")
    service.equal(service.processes_with("7654004"), [], "its command")
    service.equal(service.api().get(["v1", "shells", shell]).ok().json()["running"], False, "the shell runs")


# Remains


@case("/service/lifecycle/start-over-the-remains")
def remains(service):
    apps.one_step(service.home, "long", apps.shell("echo begun; exec sleep 7654005"))
    service.up()
    run = service.launch("long")
    service.waits(lambda: service.shells(run), "the shell is listed")
    pid = service.shells(run)[0]["pid"]
    service.kill(service.runners()[0])
    service.becomes(run, "interrupted")
    service.equal(alive(pid), True, "its command goes on")
    again = service.launch("long")
    service.equal(again != run, True, "another run")
    service.waits(lambda: service.shells(again), "it is in its step")
    service.equal(alive(pid), False, "what the earlier run left goes on")
    service.equal(service.state(run), "interrupted", "state of the earlier run")
    service.stop_run(again)


@case("/service/lifecycle/remains-without-a-library")
def remains_rebuilt(service):
    """What an interrupted run left is found again by journals and sockets, its output told once."""
    printing = "n=0; while :; do n=$((n+1)); printf 'line %08d of x\\n' $n; sleep 0.05; done"
    apps.one_step(service.home, "long", apps.shell(printing))
    service.up()
    run = service.launch("long")
    service.waits(lambda: service.shells(run), "the shell is listed")
    shell = service.shells(run)[0]
    service.kill(service.runners()[0])
    service.becomes(run, "interrupted")
    for lost in (False, True):
        service.kill()
        for path in glob.glob(os.path.join(service.home, "library.sqlite*")) if lost else ():
            os.unlink(path)
        service.up()
        view = service.view(run)
        service.equal((view["state"], view["live"]), ("interrupted", True), "the run")
        service.has(view["error"], "runner was lost")
        service.equal([(s["id"], s["pid"]) for s in service.shells(run)], [(shell["id"], shell["pid"])], "its shells")
    whole = "".join(event["raw"] for event in service.events(run)[0] if event["type"] == "stream")
    numbers = [int(line.split()[1]) for line in whole.splitlines() if line.startswith("line ") and " of x" in line]
    service.equal(numbers, list(range(1, len(numbers) + 1)), "lines in the journal")
    service.stop_run(run)
    service.equal(alive(shell["pid"]), False, "its command after the stop")
    service.equal(service.state(run), "interrupted", "state after the stop")


@case("/service/lifecycle/runner-killed-as-its-command-has-ended")
def ended_unnoticed(service):
    """The last command of a daemon ends while nobody but a runner that is stopped could know; then that is killed."""
    start = apps.script(
        {"method": "shell.run", "params": {"message": "echo up; sleep 2; exit 3", "on": [{"event": "/up/", "done": True}]}},
        {"method": "local.set", "params": {"timer": "{{setInterval(() => {}, 1000) && 1}}"}},
        daemon=True,
    )
    apps.app(service.home, "odd", {"pinokio.js": apps.menu("odd"), "start.json": start})
    service.up()
    run = service.launch("odd")
    service.waits(lambda: service.state(run) in ("ready", "error"), "it is ready")
    for runner in service.runners():
        os.kill(runner, signal.SIGSTOP)
    service.waits(lambda: not service.programs(KEEPER), "its command has ended")
    for runner in service.runners():
        service.kill(runner)
    service.waits(lambda: service.state(run) == "error", lambda: "its end: %s" % service.brief(run))


# Between runs


@case("/service/lifecycle/scripts-of-other-runs")
def other_runs(service):
    apps.light(service.home, "served")
    served = apps.script(
        apps.shell(SLEEPS % 1000000, on=[{"event": "/up/", "done": True}]),
        {"method": "local.set", "params": {"word": "told"}},
        daemon=True,
    )
    apps.app(service.home, "served", {"start.json": served})
    uri = os.path.join(service.home, "api", "served", "start.json")
    status = {"method": "script.status", "params": {"uri": uri}}
    asks = apps.script(
        {
            "method": "fs.write",
            "params": {"path": "seen", "text": "{{script.running('%s')}} {{script.local('%s').word}}" % (uri, uri)},
        },
        status,
        {"method": "fs.write", "params": {"path": "before", "text": "{{input}}"}},
        {"method": "script.stop", "params": {"uri": uri}},
        status,
        {"method": "fs.write", "params": {"path": "after", "text": "{{input}} {{script.running('%s')}}" % uri}},
    )
    folder = apps.app(service.home, "asks", {"pinokio.js": apps.menu("asks"), "start.json": asks})
    service.up()
    for kills in (0, 1):
        run = service.ready("served")["id"]
        for _ in range(kills):
            service.kill()
            service.up()
        service.becomes(service.launch("asks"), "finished")
        service.equal(apps.read(folder, "seen"), "true told", "what a template sees of the other run")
        service.equal(apps.read(folder, "before"), "ready", "its status")
        service.equal(apps.read(folder, "after"), "stopped false", "after script.stop")
        service.equal(service.state(run), "stopped", "state of the run that was stopped")


@case("/service/lifecycle/stop-of-a-script-that-another-run-started")
def stop_child(service):
    """The daemon that a settled run started is ended by yet another run; who asks gets its answer though the runner that
    would have done it has gone."""
    child = apps.script(apps.shell(SLEEPS % 7654006, on=[{"event": "/up/", "done": True}]), daemon=True)
    start = apps.script(
        {"method": "script.start", "params": {"uri": "child.json"}},
        apps.shell(SLEEPS % 7654007, on=[{"event": "/up/", "done": True}]),
        daemon=True,
    )
    folder = apps.app(service.home, "owner", {"pinokio.js": apps.menu("owner"), "start.json": start, "child.json": child})
    uri = os.path.join(folder, "child.json")
    apps.one_step(service.home, "asks", {"method": "script.stop", "params": {"uri": uri}})
    service.up()
    run = service.ready("owner")["id"]
    service.waits(lambda: not service.runners(), "its runner has gone")
    service.becomes(service.launch("asks"), "finished")
    service.waits(lambda: not service.processes_with("7654006"), "the daemon is ended")
    service.equal(service.state(run), "ready", "state of the run that had started it")
    service.equal(bool(service.processes_with("7654007")), True, "its own command")
    service.stop_run(run)


@case("/service/lifecycle/runner-killed-while-another-run-stops-its-script")
def stop_child_killed(service):
    child = apps.script(
        apps.shell(SLEEPS % 7654008, on=[{"event": "/up/", "done": True}]),
        daemon=True,
        on={"stop": [apps.shell("echo begun >> end; exec sleep 7654009")]},
    )
    start = apps.script({"method": "script.start", "params": {"uri": "child.json"}}, apps.shell(SLEEPS % 7654010))
    folder = apps.app(service.home, "owner", {"pinokio.js": apps.menu("owner"), "start.json": start, "child.json": child})
    apps.one_step(
        service.home, "asks", {"method": "script.stop", "params": {"uri": os.path.join(folder, "child.json")}}
    )
    service.up()
    run = service.launch("owner")
    service.waits(lambda: service.processes_with("7654010"), "the owner is in its step")
    # Changes close to each other are told as one, 50 ms after the first.
    service.waits(lambda: len(service.view(run)["scripts"]) == 2, "the engine knows of the script")
    owner = service.runners()[0]
    asks = service.launch("asks")
    service.waits(lambda: apps.read(folder, "end"), "the script is being stopped")
    service.kill(owner)
    service.becomes(asks, "finished")


@case("/service/lifecycle/ports-are-given-once")
def ports(service):
    write = {"method": "fs.write", "params": {"path": "port", "text": "{{port}}"}}
    up = apps.shell(SLEEPS % 1000000, on=[{"event": "/up/", "done": True}])
    names = ["app%02d" % number for number in range(8)]
    for name in names:
        apps.app(
            service.home,
            name,
            {"pinokio.js": apps.menu(name), "start.json": apps.script(write, up, daemon=True)},
        )
    service.up()
    for run in [service.launch(name) for name in names]:
        service.becomes(run, "ready")
    given = [apps.read(service.home, "api", name, "port") for name in names]
    service.equal(len(set(given)), len(names), "different ports among %s" % given)
    for name in names:
        service.stop(name)
    service.ready(names[0])
    service.equal(apps.read(service.home, "api", names[0], "port") in given, True, "ports that were given back")


# Menus


@case("/service/lifecycle/menus-many-at-once-and-their-worker-killed")
def menus(service):
    looks = "require('fs').appendFileSync(__dirname + '/looks', 'x'); const end = Date.now() + 400; while (Date.now() < end);"
    menu = "async () => { %s return [{ text: 'Start', href: 'start.json' }] }" % looks
    folder = apps.light(service.home, "slow")
    apps.app(service.home, "slow", {"pinokio.js": "module.exports = { title: 'slow', menu: %s }" % menu})
    for number in range(10):
        apps.light(service.home, "app%d" % number)
    service.up()

    def workers():
        return [pid for pid in service.programs(RUNNER) if "--worker" in command_line(pid)]

    def looked():
        return [app["installed"] for app in service.api().get("/v1/apps").ok().json()] == [True] * 11

    service.waits(looked, "the engine has looked at all")
    before = len(apps.read(folder, "looks"))
    asking = []
    for _ in range(2):
        for name in ["slow"] + ["app%d" % number for number in range(10)]:
            link = service.api(timeout=30).connect()
            request = "GET /v1/apps/%s/menu HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % name
            link.sendall(request.encode())
            asking.append((name, link))
    service.waits(lambda: len(apps.read(folder, "looks")) > before, "the slow one is read")
    service.kill(workers()[0])
    for name, link in asking:
        said = b""
        with link:
            while chunk := link.recv(65536):
                said += chunk
        service.equal(said[9:12], b"200", "menu of %s: %r" % (name, said[:300]))
        service.equal(b"start.json" in said, True, "what it offers: %r" % said)


# What is known afterwards


@case("/service/lifecycle/health-with-the-next-engine")
def health(service):
    service.up()
    printer = Printer(service, "lines", 20)

    def is_up():
        return service.view(printer.run)["health"] == "up"

    service.waits(is_up, "its address answers")
    service.waits(lambda: not service.runners(), "its runner has gone")
    service.kill()
    service.up()
    service.waits(is_up, "the next engine looks after it too")
    os.kill(printer.pid, signal.SIGKILL)
    service.becomes(printer.run, "error")
    service.equal(service.view(printer.run)["health"], None, "health of what has ended")


@case("/service/lifecycle/question-over-a-kill")
def question(service):
    folder = apps.asks(service.home, "asks")
    service.up()
    run = service.launch("asks")
    for _ in range(3):
        asked = service.waits(lambda: service.view(run)["questions"], "it asks")
        service.equal(len(asked), 1, "questions")
        service.kill()
        service.up()
    asked = service.waits(lambda: service.view(run)["questions"], "it asks the next engine")
    answer = {"question": asked[0]["id"], "answers": {"who": 'the "next" ü'}}
    service.api().post(["v1", "runs", run, "answer"], answer).ok()
    service.becomes(run, "finished")
    service.equal(apps.read(folder, "answer"), 'the "next" ü', "what it was told")


@case("/service/lifecycle/old-runs-are-forgotten")
def pruning(service):
    apps.one_step(service.home, "once", {"method": "log", "params": {"text": "x"}})
    apps.light(service.home, "light")
    service.up()
    service.api().put("/v1/settings/runs.keep", {"value": "3"}).ok()
    light = service.ready("light")["id"]
    runs = []
    for _ in range(6):
        runs.append(service.launch("once"))
        service.becomes(runs[-1], "finished")
    service.waits(lambda: len(runs_of(service, "once")) == 3, "the engine that stays forgets old runs", 25)
    service.equal([run["id"] for run in runs_of(service, "once")], runs[:2:-1], "the newest, newest first")
    service.api().get(["v1", "runs", runs[0]]).problem(404)
    said = service.api().post("/v1/recover").ok().text
    service.has(said, "7 runs found in the journals")
    service.equal([run["id"] for run in runs_of(service, "once")], runs[:2:-1], "runs after `recover`")
    service.equal(service.state(light), "ready", "what runs")


@case("/service/lifecycle/many-shells-of-one-run")
def many_shells(service):
    """The engine keeps the last of them in memory, the library all."""
    step = apps.shell("true")
    start = apps.script(*[step] * 120, apps.shell(SLEEPS % 1000000))
    apps.app(service.home, "many", {"pinokio.js": apps.menu("many"), "start.json": start})
    service.up()
    run = service.launch("many")
    service.waits(lambda: [shell for shell in service.shells(run) if shell["step"] == 120], "its last step", 60)
    view = service.view(run)
    service.equal(len(view["shells"]) < 110, True, "%d shells in the view" % len(view["shells"]))
    first = service.api().get(["v1", "shells", run + ".1"]).ok().json()
    service.equal((first["running"], first["exit_code"]), (False, 0), "the first of them")
    service.kill(service.runners()[0])
    service.becomes(run, "interrupted")
    service.equal(len(service.shells(run)), 1, "shells that run")
    service.stop_run(run)


@case("/service/lifecycle/names")
def names(service):
    """Runs, their journals and shells are found again whatever the app is called, also without the library."""
    for name in NAMES:
        apps.light(service.home, name)
    service.up()
    runs = {name: service.ready(name)["id"] for name in NAMES}
    service.kill()
    for path in glob.glob(os.path.join(service.home, "library.sqlite*")):
        os.unlink(path)
    service.up()
    for name, run in runs.items():
        view = service.view(run)
        service.equal((view["app"], view["state"]), (name, "ready"), "the run of %r" % name)
        service.equal(service.app_state(name), "RUNNING", "state of %r" % name)
        service.stop(name)
        service.equal(service.state(run), "stopped", "the run of %r after the stop" % name)


if __name__ == "__main__":
    leave()
