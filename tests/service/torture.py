#!/usr/bin/env python3
"""The engine is killed at random moments, and no app, no byte and no state is lost.

PINOKIO_ROUNDS says how often (15), PINOKIO_SEED makes the moments those of an earlier run.
"""

import os
import random
import shutil
import signal
import sqlite3
import statistics
import tempfile
import time

import apps
from load import Load, Numbered, Printer, Stepper
from service import KEEPER, alive, case, descendants, leave

ROUNDS = int(os.environ.get("PINOKIO_ROUNDS", "15"))
SEED = int(os.environ.get("PINOKIO_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)


def check_database(folder):
    with sqlite3.connect(
        "file:%s?mode=ro" % os.path.join(folder, "library.sqlite"), uri=True, timeout=10
    ) as library:
        said = [row[0] for row in library.execute("PRAGMA integrity_check")]
        broken = library.execute("PRAGMA foreign_key_check").fetchall()
    library.close()
    if said != ["ok"] or broken:
        raise AssertionError("the library is not sound: %s %s" % (said[:5], broken[:5]))


def check_dead_database(home):
    """As the kill left it, with its WAL; on a copy, because looking would tidy it up."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("library.sqlite", "library.sqlite-wal"):
            if os.path.exists(os.path.join(home, name)):
                shutil.copy(os.path.join(home, name), folder)
        check_database(folder)


def kill_while_starting(service, chance):
    """Kills an engine that is just coming up, at a random moment."""
    up = service.start("up")
    end = time.monotonic() + chance.uniform(0, 0.08)
    pids = []
    while time.monotonic() < end or not pids:
        pids = service.starting_pids() or pids
        if up.process.poll() is not None:
            break
    for pid in service.starting_pids():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    up.end(30)  # it may say that the engine did not come up; it may have seen it up
    service.waits(lambda: not service.starting_pids(), "the killed engine is gone")
    service.reap()


@case("/service/torture/engine-killed-under-load")
def killed_under_load(service):
    chance = random.Random(SEED)
    print("# PINOKIO_ROUNDS=%d PINOKIO_SEED=%d" % (ROUNDS, SEED), flush=True)
    service.up()
    load, took = Load(service, SEED), []
    try:
        for number in range(1, ROUNDS + 1):
            try:
                load.begin()
                time.sleep(chance.uniform(0, 0.7))
                service.kill()
                load.halt()
                check_dead_database(service.home)
                if number % 5 == 0:
                    kill_while_starting(service, chance)
                took.append(service.up())
                load.check()
                check_database(service.home)
            except AssertionError as error:
                raise AssertionError("round %d of PINOKIO_SEED=%d: %s" % (number, SEED, error))
            if number % 50 == 0:
                print("# round %d: %s" % (number, load.told()), flush=True)
        for printer in load.printers:
            printer.check_whole()
        load.asker.answer()
    finally:
        load.close()
    print("# %s" % load.told())
    print(
        "# up: median %.0f ms, at most %.0f ms" % (1000 * statistics.median(took), 1000 * max(took)),
        flush=True,
    )


def in_steps(service, name="steps"):
    """A script well in the middle of its steps; gives (folder, run)."""
    folder = apps.steps(service.home, name, 200, 0.05)
    run = service.launch(name, input={"token": "x"})
    service.waits(lambda: len(apps.read(folder, "marks-x").split()) >= 3, "three steps done")
    return folder, run


def check_interrupted(service, folder, run):
    service.waits(
        lambda: service.state(run) == "interrupted", lambda: "interrupted: %r" % service.brief(run), 10
    )
    done = len(apps.read(folder, "marks-x").split())
    view = service.view(run)
    if not done - 1 <= view["step"] <= done + 1:
        raise AssertionError("interrupted at step %r, but %d were done" % (view["step"], done))
    time.sleep(0.3)  # a step that is in flight may still end; none may follow
    if len(apps.read(folder, "marks-x").split()) > done + 1:
        raise AssertionError("steps go on after the run was interrupted")


@case("/service/torture/runner-killed-in-its-steps")
def runner_killed(service):
    service.up()
    folder, run = in_steps(service)
    service.equal(len(service.runners()), 1, "runners")
    service.kill(service.runners()[0])
    check_interrupted(service, folder, run)
    service.equal(service.app_state("steps") in ("INSTALLED", "ERROR"), True, "app is at rest")
    events, _ = service.events(run)
    ends = [event["outcome"] for event in events if event["type"] == "end"]
    service.equal(ends, ["interrupted"], "what the events tell of the end")
    again = service.launch("steps", input={"token": "y"})
    service.waits(lambda: apps.read(folder, "marks-y"), "it can be started again")
    service.stop_run(again)


@case("/service/torture/runner-killed-its-shells-stay")
def shells_stay(service):
    """A step that is waiting in its shell: the shell outlives its runner, is listed, and stop ends it."""
    service.up()
    apps.one_step(service.home, "long", apps.shell("echo begun; exec sleep 1234567"))
    run = service.launch("long")
    service.waits(lambda: service.processes_with("1234567"), "the shell runs")
    service.waits(lambda: service.shells(run), "the shell is listed")
    pid = service.shells(run)[0]["pid"]
    service.kill(service.runners()[0])
    service.waits(lambda: service.state(run) == "interrupted", lambda: "interrupted: %r" % service.brief(run))
    service.equal(
        [(s["pid"], s["running"]) for s in service.shells(run)], [(pid, True)], "shells after the kill"
    )
    service.equal(alive(pid), True, "the command goes on")
    service.kill()
    service.up()
    service.equal(service.state(run), "interrupted", "state after one more engine")
    service.equal(
        [(s["pid"], s["running"]) for s in service.shells(run)], [(pid, True)], "shells after one more engine"
    )
    service.stop("long")
    service.waits(lambda: not service.processes_with("1234567"), "stop ends it", 10)
    service.equal([s for s in service.shells(run) if s["running"]], [], "running shells after stop")


@case("/service/torture/runner-and-engine-killed")
def both_killed(service):
    service.up()
    folder, run = in_steps(service)
    runner, engine = service.runners()[0], service.engine_pid()
    for pid in (engine, runner):
        os.kill(pid, signal.SIGKILL)
    service.waits(lambda: not alive(engine) and not alive(runner), "both are gone")
    service.up()
    service.equal(service.state(run), "interrupted", "state right after `up`")
    check_interrupted(service, folder, run)


@case("/service/torture/script-goes-on-without-an-engine")
def goes_on(service):
    """The engine is away for the rest of the script: it finishes, and the next engine knows."""
    service.up()
    folder = apps.steps(service.home, "steps", 30, 0.02)
    run = service.launch("steps", input={"token": "x"})
    service.waits(lambda: len(apps.read(folder, "marks-x").split()) >= 3, "three steps done")
    service.kill()
    service.waits(
        lambda: len(apps.read(folder, "marks-x").split()) == 30, "the steps are done without the engine", 20
    )
    time.sleep(0.5)
    service.up()
    service.becomes(run, "finished")
    results = [event for event in service.events(run)[0] if event["type"] == "result"]
    service.equal(len(results), 30, "results told")


@case("/service/torture/app-that-ends-without-an-engine")
def ends_alone(service):
    service.up()
    folder = apps.crashes(service.home, "crashes")
    run = service.ready("crashes")["id"]
    shell = service.shells(run)[0]
    service.kill()
    with open(os.path.join(folder, "crash"), "w", encoding="ascii"):
        pass
    service.waits(lambda: not alive(shell["pid"]), "the app is gone")
    service.up()
    service.waits(
        lambda: service.state(run) in ("error", "stopped"), lambda: "its end: %r" % service.brief(run), 5
    )
    listed = service.api().get(["v1", "shells", shell["id"]])
    service.equal((listed.json()["running"], listed.json()["exit_code"]), (False, 3), "its shell")
    service.equal(service.app_state("crashes") in ("INSTALLED", "ERROR"), True, "the app does not run")


@case("/service/torture/keeper-killed")
def keeper_killed(service):
    """Nothing guards the command any more: it is ended, and the app is in error, told why."""
    service.up()
    apps.light(service.home, "light", "echo up; exec sleep 7654321")
    run = service.ready("light")["id"]
    service.kill(service.programs(KEEPER)[0])
    service.waits(lambda: service.state(run) == "error", lambda: "error: %r" % service.brief(run))
    service.has(service.view(run)["error"], r"\S")
    service.waits(lambda: not service.processes_with("7654321"), "nothing of it is left", 10)
    service.ready("light")


@case("/service/torture/after-a-reboot")
def reboot(service):
    """All is gone at once, as with the machine; files of sockets and locks stay."""
    service.up()
    printer = Printer(service, "lines")
    folder, steps = in_steps(service)
    for pid in descendants(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    service.nothing_left()
    service.up()
    for run in (printer.run, steps):
        service.equal(
            service.state(run) in ("interrupted", "error"),
            True,
            "state of %s: %r" % (run, service.brief(run)),
        )
    service.equal(service.state(steps), "interrupted", "the script that was in its steps")
    for name in ("lines", "steps"):
        service.equal(service.app_state(name) in ("INSTALLED", "ERROR"), True, "%s is at rest" % name)
    service.equal(
        [shell for shell in service.api().get("/v1/shells").ok().json() if shell["running"]],
        [],
        "running shells",
    )
    whole = Numbered("events after the reboot")
    whole.feed_events(service.events(printer.run)[0], printer.shell)
    service.ready("lines")


@case("/service/torture/down-and-up-keeps-apps")
def down_and_up(service):
    """`down` is no kill: the apps go on, and nothing of a script in its steps is lost either."""
    service.up()
    printer, stepper = Printer(service, "lines"), Stepper(service, 1, "steps")
    stepper.start()
    for _ in range(3):
        stepper.begin()
        time.sleep(0.2)
        service.down()
        service.equal(service.engine_pid(), None, "engine after down")
        stepper.halt()
        service.equal(alive(printer.pid), True, "the app goes on")
        service.up()
        printer.check()
        stepper.check()
    stepper.leave()
    printer.check_whole()


@case("/service/torture/down-apps-leaves-nothing")
def down_apps(service):
    service.up()
    Printer(service, "lines")
    stubborn = "setsid bash -c 'trap \"\" TERM; sleep 2222222'"
    apps.light(service.home, "hidden", "(setsid sleep 1111111 &); (%s &); echo up; sleep 3333333" % stubborn)
    service.ready("hidden")
    in_steps(service)
    service.down("--apps", seconds=60)
    service.nothing_left()


if __name__ == "__main__":
    leave()
