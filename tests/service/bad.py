#!/usr/bin/env python3
"""Bad apps, bad names, strangers, and homes in trouble: each has a defined answer, and nothing is lost by it."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import time

import apps
from client import Gone
from load import Printer
from service import KEEPER, RUNNER, alive, case, leave
from harness import obey_permissions

NAMES = {
    "blanks": " two  words ",
    "quotes": 'it\'s "quoted" `so`',
    "unicode": "ünï-日本語-🙂",
    "dash": "-rf",
    "percent": "100%41",
    "shell": "a; touch $(pwd)\\x & #b",
    "dots": "a..b.",
    "markup": "<b>&amp;<i>",
    "long": "n" * 200,
}


# Apps


@case("/service/bad/app-that-is-not-there")
def no_app(service):
    service.up()
    api = service.api()
    service.has(api.get("/v1/apps/nobody").problem(404), "nobody")
    service.has(api.get("/v1/apps/nobody/menu").problem(404), "nobody")
    for verb in ("start", "stop", "restart"):
        service.has(api.post("/v1/apps/nobody/" + verb, {}).problem(404), "nobody")
    api.get("/v1/runs?app=nobody").ok()
    service.has(api.get("/v1/runs/20200101-000000-abcd").problem(404), "20200101-000000-abcd")
    api.get("/v1/runs/20200101-000000-abcd/events").problem(404)
    api.get("/v1/shells/20200101-000000-abcd.1").problem(404)
    api.get("/v1/shells/20200101-000000-abcd.1/log").problem(404)
    for command in ("start", "stop", "restart", "logs", "open"):
        program = service.run(command, "nobody", status=None)
        service.stage.fails(program, "nobody")


@case("/service/bad/folder-that-is-no-app")
def no_launcher(service):
    os.makedirs(os.path.join(service.home, "api", "plain", "deep"))
    with open(os.path.join(service.home, "api", "a-file"), "w", encoding="ascii") as file:
        file.write("no folder at all")
    apps.light(service.home, "good")
    service.up()
    api = service.api()
    service.has(api.get("/v1/apps/plain/menu").problem(404, 409, 422), "plain|launcher|pinokio")
    service.has(api.post("/v1/apps/plain/start", {}).problem(404, 409, 422), "plain|launcher|pinokio")
    api.post("/v1/apps/a-file/start", {}).problem(404, 409, 422)
    service.equal(
        "a-file" in [app["id"] for app in api.get("/v1/apps").ok().json()], False, "a file is listed as app"
    )
    service.ready("good")


@case("/service/bad/launchers-that-are-broken")
def broken_launchers(service):
    launchers = {
        "syntax": ("module.exports = { menu: [ }", r"pinokio\.js"),
        "throws": ("throw new Error('thrown on loading')", "thrown on loading"),
        "menu-throws": (
            "module.exports = { menu: async () => { throw new Error('thrown by the menu') } }",
            "thrown by the menu",
        ),
        "menu-is-no-list": ("module.exports = { menu: 7 }", ""),
        "empty": ("", ""),
        "binary": ("\0\1\2\ufffd" * 100, ""),
    }
    for name, (source, _) in launchers.items():
        apps.app(service.home, name, {"pinokio.js": source})
    apps.app(service.home, "folder", {})
    os.makedirs(os.path.join(service.home, "api", "folder", "pinokio.js"))
    apps.app(service.home, "json", {"pinokio.json": '{"title": '})
    apps.light(service.home, "good")
    service.up()
    listed = [app["id"] for app in service.api().get("/v1/apps").ok().json()]
    service.equal(sorted(set(list(launchers) + ["good"]) - set(listed)), [], "apps left out of the list")
    for name, (_, wanted) in launchers.items():
        detail = service.api().post(["v1", "apps", name, "start"], {}).problem(404, 409, 422)
        service.has(detail, wanted or r"\S")
    for name in ("folder", "json"):
        service.api().post(["v1", "apps", name, "start"], {}).problem(404, 409, 422)
    service.ready("good")
    service.waits(lambda: not service.programs(RUNNER), "the worker that looked at the menus has gone", 60)


@case("/service/bad/menu-that-never-returns")
def menu_hangs(service):
    apps.app(service.home, "spins", {"pinokio.js": "module.exports = { menu: async () => { for (;;); } }"})
    apps.app(service.home, "waits", {"pinokio.js": "module.exports = { menu: () => new Promise(() => {}) }"})
    apps.light(service.home, "good")
    service.up()
    for name in ("spins", "waits"):
        began = time.monotonic()
        with service.api(timeout=30).connect() as asking:
            asking.sendall(
                (
                    "GET /v1/apps/%s/menu HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % name
                ).encode()
            )
            worst = 0.0
            for _ in range(20):  # nobody else waits for it
                before = time.monotonic()
                service.api().get("/v1/apps").ok()
                worst = max(worst, time.monotonic() - before)
                time.sleep(0.02)
            said = b""
            while True:
                chunk = asking.recv(65536)
                if not chunk:
                    break
                said += chunk
        took = time.monotonic() - began
        service.equal(said[9:10] in (b"4", b"5"), True, "answer: %r" % said[:300])
        # Its own ten seconds, and those of the engine's look at the same menu that was under way.
        if took > 22:
            raise AssertionError("the menu of %s was given up after %.1f s" % (name, took))
        if worst > 0.5:
            raise AssertionError("another request took %.2f s meanwhile" % worst)
    service.ready("good")
    service.waits(lambda: not service.programs(RUNNER), "the worker is gone", 60)


@case("/service/bad/names-of-apps")
def names(service):
    for name in NAMES.values():
        apps.lines(service.home, name, 20)
    apps.light(service.home, "two\nlines")
    service.up()
    listed = [app["id"] for app in service.api().get("/v1/apps").ok().json()]
    for kind, name in NAMES.items():
        if name not in listed:
            raise AssertionError("the app with %s in its name (%r) is not listed: %r" % (kind, name, listed))
        run = service.ready(name)["id"]
        service.equal(service.app_state(name), "RUNNING", "state of %r" % name)
        service.equal(service.view(run)["app"], name, "app of the run")
        shell = service.shells(run)[0]["id"]
        service.waits(
            lambda: b"line 00000003" in service.api().get(["v1", "shells", shell, "log"]).ok().body, "its log"
        )
        service.api().get(["v1", "apps", name, "menu"]).ok()
    service.kill()
    service.up()
    for name in NAMES.values():
        service.equal(service.app_state(name), "RUNNING", "state of %r after a kill" % name)
    for name in list(NAMES.values())[:3]:
        service.run("stop", name)
        service.equal(service.app_state(name), "INSTALLED", "state of %r after `stop`" % name)
        service.run("start", name, seconds=60)
    for name in NAMES.values():
        service.stop(name)
    shown = service.run("ps").out + service.run("status").out
    service.lacks(shown, r"^lines\b")  # a newline in a name must not make a line of its own
    # The menus' worker of the engine that was killed stays for some seconds.
    service.nothing_left(but=[service.engine_pid()], seconds=45)
    folders = sorted(os.listdir(os.path.join(service.home, "api")))
    service.equal(folders, sorted([*NAMES.values(), "two\nlines"]), "folders under api/")


@case("/service/bad/name-with-a-newline")
def newline(service):
    """Runs like any other, or is refused with a word why and is not listed as if it could run."""
    name = "two\nlines"
    apps.light(service.home, name)
    apps.light(service.home, "good")
    service.up()
    listed = [app["id"] for app in service.api().get("/v1/apps").ok().json()]
    answer = service.api().post(["v1", "apps", name, "start"], {})
    if answer.status == 202:
        service.becomes(answer.json()["run"], "ready")
        service.kill()
        service.up()
        service.equal(service.app_state(name), "RUNNING", "state after a kill")
        service.stop(name)
    else:
        service.has(answer.problem(400, 404, 422), r"control character|newline|name")
        service.equal(name in listed, False, "it is listed, but cannot be started")
    service.ready("good")


@case("/service/bad/script-that-fails")
def failing(service):
    apps.fails(service.home, "fails")
    service.up()
    run = service.launch("fails")
    view = service.becomes(run, "error")
    service.has(view["error"], r"no\.such\.method")
    service.equal(view["step"], 1, "step reached")
    service.equal(service.app_state("fails"), "ERROR", "state of the app")
    events = service.events(run)[0]
    service.equal(events[-1]["type"], "end", "last event")
    service.equal(events[-1]["outcome"], "error", "outcome")
    program = service.run("start", "fails", status=None, seconds=60)
    service.stage.fails(program, r"no\.such\.method")


@case("/service/bad/app-that-crashes-later")
def crashing(service):
    folder = apps.crashes(service.home, "crashes")
    service.up()
    run = service.ready("crashes")["id"]
    open(os.path.join(folder, "crash"), "w", encoding="ascii").close()
    service.waits(
        lambda: service.state(run) in ("error", "stopped"), lambda: "its end: %r" % service.brief(run)
    )
    service.equal(service.app_state("crashes") in ("ERROR", "INSTALLED"), True, "state of the app")
    time.sleep(1)
    service.equal(len(apps.read(folder, "starts").split()), 1, "starts without PINOKIO_RESTART")


@case("/service/bad/app-that-crashes-is-started-again")
def restarting(service):
    folder = apps.crashes(service.home, "crashes", environment={"PINOKIO_RESTART": "on-failure"})
    service.up()
    service.ready("crashes")
    waits = []
    for number in (2, 3):
        began = time.monotonic()
        open(os.path.join(folder, "crash"), "w", encoding="ascii").close()
        service.waits(
            lambda wanted=number: len(apps.read(folder, "starts").split()) == wanted, "start %d" % number, 60
        )
        waits.append(time.monotonic() - began)
        service.app_becomes("crashes", "RUNNING")
    if waits[1] < waits[0]:
        raise AssertionError("the waits do not grow: %s" % waits)
    processes = service.api().get("/v1/processes").ok().text
    service.has(processes, r'"restarts" *: *2')
    service.stop("crashes")
    time.sleep(1)
    service.equal(len(apps.read(folder, "starts").split()), 3, "a stop is no crash")


@case("/service/bad/requirements-in-a-circle")
def circle(service):
    apps.light(service.home, "one", environment={"PINOKIO_SCRIPT_REQUIRES": "two"})
    apps.light(service.home, "two", environment={"PINOKIO_SCRIPT_REQUIRES": "three"})
    apps.light(service.home, "three", environment={"PINOKIO_SCRIPT_REQUIRES": "one"})
    apps.light(service.home, "self", environment={"PINOKIO_SCRIPT_REQUIRES": "self"})
    apps.light(service.home, "misses", environment={"PINOKIO_SCRIPT_REQUIRES": "nobody"})
    service.up()
    for name in ("one", "two", "self"):
        service.has(
            service.api().post(["v1", "apps", name, "start"], {}).problem(400, 409, 422),
            "circle|cycle|itself",
        )
    service.has(service.api().post("/v1/apps/misses/start", {}).problem(404, 409, 422), "nobody")
    time.sleep(0.3)
    service.equal(service.programs(KEEPER), [], "something was started")


@case("/service/bad/requirements-are-started-first")
def requirements(service):
    apps.lines(service.home, "base")
    apps.light(service.home, "middle", environment={"PINOKIO_SCRIPT_REQUIRES": "base"})
    apps.light(service.home, "top", environment={"PINOKIO_SCRIPT_REQUIRES": "middle"})
    service.up()
    service.ready("top")
    service.equal([service.app_state(name) for name in ("base", "middle", "top")], ["RUNNING"] * 3, "states")
    runs = {run["app"]: run for run in service.api().get("/v1/runs").ok().json()}
    order = sorted(runs, key=lambda name: runs[name]["ready_at"])
    service.equal(order, ["base", "middle", "top"], "the order in which they were ready")


# The machine


@case("/service/bad/port-already-taken")
def port_taken(service):
    taken = []
    for port in (42000, 42001):
        taker = socket.socket()
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taker.bind(("127.0.0.1", port))
            taker.listen(1)
        except OSError:
            pass  # somebody else has it: as good
        taken.append(taker)
    service.up()
    port = service.engine_json()["port"]
    if port in (42000, 42001) or port < 42000:
        raise AssertionError("the engine says that its port is %d" % port)
    service.tcp().get("/v1/status").ok()
    for taker in taken:
        taker.close()


@case("/service/bad/two-engines-on-one-home")
def two_engines(service):
    apps.light(service.home, "light")
    service.up()
    first = service.engine_pid()
    service.ready("light")
    service.up()  # is there already: fine
    service.equal(service.engine_pid(), first, "the engine after a second `up`")
    second = service.run("engine", status=None, seconds=20)
    if second.code == 0:
        raise AssertionError("a second engine ended as if all were well: %s" % second.both)
    service.has(second.both + service.engine_log(), str(first))
    service.equal(service.engine_pid(), first, "the engine after a second one")
    service.equal(service.app_state("light"), "RUNNING", "its app")
    ups = [service.start("up") for _ in range(8)]
    service.equal([up.end(30) for up in ups], [0] * 8, "eight `up` at once")
    service.down()
    ups = [service.start("up") for _ in range(8)]
    service.equal([up.end(30) for up in ups], [0] * 8, "eight `up` at once without an engine")
    service.equal(len(service.starting_pids()), 1, "engines")
    service.equal(service.app_state("light"), "RUNNING", "its app")


STRANGER = """
import os, signal, sys, time
def note(number, frame):
    with open(sys.argv[1], "a") as file:
        file.write("%d\\n" % number)
for number in range(1, 65):
    try:
        signal.signal(number, note)
    except (OSError, ValueError):
        pass
print("here", flush=True)
while True:
    time.sleep(1)
"""


def stranger_of(service):
    """A process that is nobody's business here and notes every signal; gives (pid, file of its notes)."""
    notes = os.path.join(service.folder, "signals")
    program = service.spawn("python3", "-c", STRANGER, notes)
    program.until("here")
    return program.pid, notes


@case("/service/bad/pids-reused-by-strangers")
def strangers(service):
    """After a reboot the numbers in engine.json and in the library belong to somebody else."""
    service.up()
    printer = Printer(service, "lines")
    for pid in [service.engine_pid()] + service.programs(KEEPER) + service.programs(RUNNER) + [printer.pid]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    service.nothing_left()
    pid, notes = stranger_of(service)
    about = service.engine_json()
    about["pid"] = pid
    with open(service.run_path("engine.json"), "w", encoding="utf-8") as file:
        json.dump(about, file)
    with sqlite3.connect(os.path.join(service.home, "library.sqlite")) as library:
        changed = library.execute("UPDATE processes SET pid = ? WHERE status = 'running'", (pid,)).rowcount
    library.close()
    service.equal(changed, 1, "processes that the library says are running")
    status = service.run("status", status=None)
    service.down(status=None)
    service.equal(
        alive(pid) and apps.read(notes), "", "signals after status (%s) and down" % status.both[:200]
    )
    service.up()
    service.equal(
        service.state(printer.run) in ("error", "interrupted"), True, "state: %r" % service.brief(printer.run)
    )
    service.equal(str(pid) in service.api().get("/v1/processes").ok().text, False, "the stranger is listed")
    service.api().post("/v1/apps/lines/stop")
    service.api().post(["v1", "runs", printer.run, "stop"])
    service.api().post(["v1", "shells", printer.shell, "stop"])
    service.api().post("/v1/recover").ok()
    service.ready("lines")
    service.down("--apps", seconds=60)
    service.equal(alive(pid), True, "the stranger lives")
    service.equal(apps.read(notes), "", "signals that the stranger was sent")


@case("/service/bad/shell-log-deleted-while-it-is-written")
def log_deleted(service):
    service.up()
    printer = Printer(service, "lines")
    other = Printer(service, "other")
    os.unlink(service.log_path(printer.shell))
    time.sleep(0.3)
    before = printer.page()["printed"]
    service.waits(lambda: printer.page()["printed"] > before + 20, "the app goes on")
    service.equal(service.state(printer.run), "ready", "its state")
    answer = service.api().get(["v1", "shells", printer.shell, "log"])
    service.equal(
        answer.status in (200, 404, 410), True, "its log: %d %s" % (answer.status, answer.text[:200])
    )
    service.api().get(["v1", "runs", printer.run, "events"], query={"offset": 0}).ok()
    service.kill()
    service.up()
    service.equal(service.state(printer.run), "ready", "its state with the next engine")
    other.check()
    shutil.rmtree(os.path.dirname(os.path.dirname(service.log_path(other.shell))))
    before = other.page()["printed"]
    service.waits(lambda: other.page()["printed"] > before + 20, "an app without its folder of logs goes on")
    service.stop("lines")
    service.stop("other")
    service.ready("other")


@case("/service/bad/times-from-the-future")
def future(service):
    """As after a clock that was ahead was put right: what was written lies years ahead of now."""
    apps.light(service.home, "light")
    service.up()
    old = service.ready("light")["id"]
    service.kill()
    ahead = 1000 * (int(time.time()) + 10 * 365 * 86400)
    with sqlite3.connect(os.path.join(service.home, "library.sqlite")) as library:
        library.execute("UPDATE runs SET started_at = ?, ready_at = ?", (ahead, ahead))
        library.execute("UPDATE processes SET start_time = ?", (ahead,))
    library.close()
    for folder, _, files in os.walk(service.home):
        for name in files:
            try:
                os.utime(os.path.join(folder, name), (ahead / 1000, ahead / 1000))
            except OSError:
                pass
    service.up()
    service.equal(service.state(old), "ready", "its state")
    service.lacks(service.api().get("/v1/processes").ok().text, r'"(uptime|age)" *: *-')
    service.api().get("/v1/status").ok()
    service.stop("light")
    service.ready("light")


@case("/service/bad/home-that-cannot-be-written")
def read_only_home(service):
    os.chmod(service.home, 0o555)
    began = time.monotonic()
    program = service.run("up", status=None, preexec=obey_permissions, seconds=20)
    service.stage.fails(program, r"[Pp]ermission|read-only|cannot|could not")
    service.has(program.both, "home")
    if time.monotonic() - began > 5:
        raise AssertionError("it took %.1f s to say so" % (time.monotonic() - began))
    service.equal(service.starting_pids(), [], "engines")
    os.chmod(service.home, 0o755)
    service.up()


@case("/service/bad/end-of-engine-is-seen-though-nobody-reaps-it")
def unreaped(service):
    """In a container whose first process does not reap, a dead engine stays a zombie for ever."""
    apps.light(service.home, "light")
    service.up()
    pid = service.engine_pid()
    service.ready("light")
    os.kill(pid, signal.SIGKILL)
    service.stage.waits(lambda: not alive(pid), "it is dead")
    took = service.up()
    if took > 3:
        raise AssertionError("`up` took %.1f s" % took)
    service.equal(service.app_state("light"), "RUNNING", "its app")
    program = service.down("--apps", seconds=40)
    if program.seconds > 15:
        raise AssertionError("`down --apps` took %.1f s" % program.seconds)
    try:
        service.api().get("/v1/status")
        raise AssertionError("the API answers after down")
    except Gone:
        pass


if __name__ == "__main__":
    leave()
