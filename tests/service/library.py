#!/usr/bin/env python3
"""library.sqlite in trouble: what is damaged is kept aside and made anew from what is on the disk, what is only out of
reach is left as it is; apps that run are taken up all the same. And full disks."""

import glob
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys

import apps
from load import Printer
from service import alive, case, descendants, leave
from harness import obey_permissions

PAGE = 4096


class Running:
    """A home with an installed app, a running one, one that failed; then the engine is killed."""

    def __init__(self, service):
        self.service = service
        self.library = os.path.join(service.home, "library.sqlite")
        apps.installs(service.home, "installed", 1)
        apps.fails(service.home, "fails")
        service.up()
        self.printer = Printer(service, "lines", 50)
        service.becomes(service.launch("installed", script="install.json"), "finished")
        self.failed = service.launch("fails")
        service.becomes(self.failed, "error")
        service.kill()

    def whole(self):
        """Moves what the WAL holds into the file, so that what is done to the file counts."""
        with sqlite3.connect(self.library) as library:
            library.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        library.close()
        for ending in ("-wal", "-shm"):
            if os.path.exists(self.library + ending):
                os.unlink(self.library + ending)

    def bytes(self):
        with open(self.library, "rb") as file:
            return file.read()

    def write(self, data):
        with open(self.library, "wb") as file:
            file.write(data)

    def check(self, rebuilt=True):
        """The apps are what they were."""
        service = self.service
        self.printer.check()
        states = {app["id"]: app["state"] for app in service.api().get("/v1/apps").ok().json()}
        service.equal(states["installed"], "INSTALLED", "state of the installed app")
        service.equal(states["lines"], "RUNNING", "state of the running app")
        service.equal(
            states["fails"] in ("ERROR", "INSTALLED"),
            True,
            "state of the one that failed: %s" % states["fails"],
        )
        runs = {run["id"]: run["state"] for run in service.api().get("/v1/runs").ok().json()}
        service.equal(runs.get(self.printer.run), "ready", "the running run in the list")
        service.equal(runs.get(self.failed), "error", "the failed run in the list: its journal tells of it")
        if rebuilt:
            service.equal(
                service.api().get("/v1/status").ok().json()["troubles"] != [], True, "status tells of it"
            )


def kept_aside(service):
    return sorted(glob.glob(os.path.join(service.home, "library.sqlite.damaged-*")))


@case("/service/library/missing")
def missing(service):
    running = Running(service)
    for path in glob.glob(running.library + "*"):
        os.unlink(path)
    service.up()
    running.check(rebuilt=False)


@case("/service/library/damaged-is-kept-aside")
def damaged(service):
    running = Running(service)
    running.whole()
    chance, good = random.Random(1), running.bytes()
    bad = bytearray(good)
    for page in range(1, len(good) // PAGE):
        bad[page * PAGE : page * PAGE + 200] = chance.randbytes(200)
    running.write(bytes(bad))
    service.up()
    running.check()
    aside = [path for path in kept_aside(service) if not path.endswith(("-wal", "-shm"))]
    service.equal(len(aside), 1, "files kept aside")
    with open(aside[0], "rb") as file:
        service.equal(file.read() == bytes(bad), True, "what was kept aside is what was there")


@case("/service/library/no-database-at-all")
def garbage(service):
    running = Running(service)
    for content in (b"", b"x", b"hello\n" * 5000, os.urandom(20000)):
        for path in glob.glob(running.library + "*"):
            os.unlink(path)
        running.write(content)
        service.up()
        running.check(rebuilt=len(content) > 1)  # SQLite takes one byte for nothing
        service.kill()
    service.up()


@case("/service/library/truncated-at-every-page")
def truncated(service):
    running = Running(service)
    running.whole()
    good = running.bytes()
    sizes = [
        size
        for page in range(len(good) // PAGE)
        for size in (page * PAGE, page * PAGE + 1, page * PAGE + 2048)
    ]
    for size in sizes:
        for path in glob.glob(running.library + "*"):
            os.unlink(path)
        running.write(good[:size])
        service.up()
        try:
            running.check(rebuilt=False)
        except AssertionError as error:
            raise AssertionError("cut to %d of %d bytes: %s" % (size, len(good), error))
        service.kill()
    service.up()


@case("/service/library/wal-truncated-or-damaged")
def wal(service):
    running = Running(service)
    before = {path: open(path, "rb").read() for path in glob.glob(running.library + "*")}
    log = running.library + "-wal"
    if log not in before or not before[log]:
        raise AssertionError("there is no WAL after a kill: %r" % list(before))
    chance = random.Random(2)
    for size in (0, 16, 32, 1000, len(before[log]) // 2, len(before[log]) - 1, -1):
        for path in glob.glob(running.library + "*"):
            os.unlink(path)
        for path, content in before.items():
            if path == log:
                content = chance.randbytes(len(content)) if size < 0 else content[:size]
            if not path.endswith("-shm"):
                with open(path, "wb") as file:
                    file.write(content)
        service.up()
        service.equal(service.app_state("lines"), "RUNNING", "state of the running app, WAL cut to %d" % size)
        running.printer.check()
        service.kill()
    service.up()


@case("/service/library/directory-in-its-place")
def directory(service):
    running = Running(service)
    running.whole()
    os.rename(running.library, running.library + ".mine")
    os.makedirs(os.path.join(running.library, "deep"))
    program = service.run("up", status=None, seconds=20)
    service.stage.fails(program, r"library\.sqlite")
    service.equal(os.path.isdir(os.path.join(running.library, "deep")), True, "the folder is untouched")
    service.equal(alive(running.printer.pid), True, "the app goes on")
    shutil.rmtree(running.library)
    os.rename(running.library + ".mine", running.library)
    service.up()
    running.check(rebuilt=False)


@case("/service/library/read-only")
def read_only(service):
    """Engine without rights: says so and touches nothing, or works; never half."""
    running = Running(service)
    running.whole()
    good = running.bytes()
    os.chmod(running.library, 0o400)
    program = service.run("up", status=None, preexec=obey_permissions, seconds=20)
    if program.code != 0:
        service.stage.fails(program, r"library\.sqlite")
        service.equal(running.bytes() == good, True, "the file is as it was")
        service.equal(kept_aside(service), [], "files kept aside")
        os.chmod(running.library, 0o600)
        service.up()
    running.check(rebuilt=False)


@case("/service/library/locked-by-another")
def locked(service):
    running = Running(service)
    holder = sqlite3.connect(running.library, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    holder.execute("CREATE TABLE others (a)")
    program = service.run("up", status=None, seconds=20)
    service.stage.fails(program, r"lock")
    if program.seconds > 8:
        raise AssertionError("it took %.1f s to say so" % program.seconds)
    service.equal(service.starting_pids(), [], "engines")
    service.equal(kept_aside(service), [], "files kept aside")
    holder.execute("ROLLBACK")
    holder.close()
    service.up()
    running.check(rebuilt=False)


@case("/service/library/locked-for-a-while-as-it-runs")
def locked_later(service):
    """Somebody looks at the library with a tool that locks it: requests wait or fail, and it goes on after."""
    apps.light(service.home, "light")
    service.up()
    run = service.ready("light")["id"]
    holder = sqlite3.connect(os.path.join(service.home, "library.sqlite"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    service.api().get("/v1/apps").ok()
    service.api().get("/v1/processes").ok()
    answer = service.api(timeout=30).post("/v1/apps/light/stop?wait=1")
    service.equal(
        answer.status < 500 or answer.status == 503,
        True,
        "stop while locked: %d %s" % (answer.status, answer.text),
    )
    holder.execute("ROLLBACK")
    holder.close()
    service.stop("light")
    service.equal(service.state(run), "stopped", "state")
    service.ready("light")


@case("/service/library/from-a-newer-version")
def newer(service):
    running = Running(service)
    running.whole()
    with sqlite3.connect(running.library) as library:
        number = library.execute("PRAGMA user_version").fetchone()[0]
        library.execute("PRAGMA user_version = %d" % (number + 1000))
        library.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    library.close()
    good = running.bytes()
    program = service.run("up", status=None, seconds=20)
    service.stage.fails(program, r"newer")
    service.equal(running.bytes() == good, True, "the file is as it was")
    service.equal(kept_aside(service), [], "files kept aside")
    with sqlite3.connect(running.library) as library:
        library.execute("PRAGMA user_version = %d" % number)
    library.close()
    service.up()
    running.check(rebuilt=False)


@case("/service/library/deleted-as-it-runs")
def deleted(service):
    running = Running(service)
    service.up()
    for path in glob.glob(running.library + "*"):
        os.unlink(path)
    service.api().get("/v1/apps").ok()
    service.api().post("/v1/recover").ok()
    running.printer.check()
    service.kill()
    service.up()
    running.check(rebuilt=False)


@case("/service/library/recover-by-hand")
def recover(service):
    running = Running(service)
    program = service.run("recover", seconds=60)
    service.has(program.both, r"\b3 apps\b")
    service.has(program.both, r"\b3 runs\b")
    running.check(rebuilt=False)
    service.kill()
    running.whole()
    running.write(b"nothing" * 1000)
    program = service.run("recover", seconds=60)
    service.has(program.both, "lines")
    running.check(rebuilt=False)
    service.equal(
        len([path for path in kept_aside(service) if path[-1].isdigit()]) >= 1, True, "files kept aside"
    )
    said = service.api().post("/v1/recover").ok()
    service.has(said.text, r"\b3 apps\b")
    running.check(rebuilt=False)


@case("/service/library/only-the-keepers-know")
def only_keepers(service):
    """No library, no journals' folder for the ended runs: what runs is found by its keepers' sockets."""
    running = Running(service)
    for path in glob.glob(running.library + "*"):
        os.unlink(path)
    for pid in service.runners():
        service.kill(pid)
    service.up()
    service.equal(service.app_state("lines"), "RUNNING", "state of the app")
    service.equal(
        [s["pid"] for s in service.shells(running.printer.run)], [running.printer.pid], "pid of its shell"
    )
    service.stop("lines")
    service.waits(lambda: not alive(running.printer.pid), "stop ends it")


# A disk that is full: the home is a small file system of its own. This file calls itself there.

MOUNT = ["unshare", "-Urm", "bash", "-c", 'mount -t tmpfs -o size="$0" none "$1" && shift && exec "$@"']


def may_mount():
    probe = subprocess.run(
        MOUNT + ["64k", "/mnt", "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return probe.returncode == 0


INSIDE = os.environ.get("PINOKIO_TEST_SMALL_HOME")
OUTSIDE = INSIDE is None and may_mount()


@case("/service/library/full-disk", when=OUTSIDE)
def full_disk(service):
    folder = os.path.join(service.folder, "small")
    os.makedirs(folder)
    command = MOUNT + ["6m", folder, sys.executable, os.path.abspath(__file__)]
    env = dict(os.environ, PINOKIO_TEST_SMALL_HOME=folder, TMPDIR=folder)
    run = subprocess.run(
        command + ["--engine", service.stage.engine, "--only", "/inside/"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    service.equal((run.returncode, "ok 1" in run.stdout), (0, True), "the cases in there:\n" + run.stdout)


def filler(folder):
    return os.path.join(folder, "filler")


def fill(service, folder):
    """Not one byte more fits."""
    path = filler(folder)
    service.stage.cleanups.append(lambda: os.path.exists(path) and os.unlink(path))
    with open(path, "ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    return path


@case("/inside/service/full-disk-while-it-runs", when=INSIDE)
def full_while_running(service):
    apps.steps(service.home, "steps", 5)
    service.up()
    printer = Printer(service, "lines", 50)
    fill(service, INSIDE)
    before = printer.page()["printed"]
    service.waits(lambda: printer.page()["printed"] > before + 20, "the app goes on")
    service.equal(service.state(printer.run), "ready", "its state")
    answer = service.api().post("/v1/apps/steps/start", {"input": {"token": "x"}})
    if answer.status == 202:
        service.waits(
            lambda: service.state(answer.json()["run"]) in ("error", "finished", "interrupted"),
            "an end of the script",
        )
    else:
        service.has(answer.problem(500, 503, 507), "space|full")
    service.equal(bool(service.engine_pid()), True, "the engine lives")
    service.api().get("/v1/status").ok()
    service.kill()
    program = service.run("up", status=None, seconds=20)
    if program.code == 0:
        service.equal(service.state(printer.run), "ready", "its state with a new engine")
    else:
        service.has(program.both, "space|full")
    os.unlink(filler(INSIDE))
    service.up()
    service.equal(service.state(printer.run), "ready", "its state when there is room again")
    service.equal(alive(printer.pid), True, "the app goes on")
    seen = printer.page()["printed"]
    found = (
        lambda: ("line %08d of" % (seen + 20))
        in service.api().get(["v1", "shells", printer.shell, "log"]).text
    )
    service.waits(found, "its log goes on when there is room again")
    service.becomes(service.launch("steps", input={"token": "y"}), "finished")


@case("/inside/service/full-disk-from-the-start", when=INSIDE)
def full_from_start(service):
    fill(service, INSIDE)
    program = service.run("up", status=None, seconds=20)
    service.stage.fails(program, "space|full")
    service.equal(service.starting_pids(), [], "engines")
    os.unlink(filler(INSIDE))
    service.up()


@case("/inside/service/home-mounted-read-only", when=INSIDE)
def mounted_read_only(service):
    apps.light(service.home, "light")
    service.up()
    service.ready("light")
    service.kill()
    for pid in descendants(os.getpid()):
        os.kill(pid, signal.SIGKILL)
    service.nothing_left()
    remount = ["mount", "-o", "remount,ro", INSIDE]
    service.waits(
        lambda: subprocess.run(remount, stderr=subprocess.DEVNULL).returncode == 0, "remounted read-only"
    )
    program = service.run("up", status=None, seconds=20)
    status = service.run("status", status=None, seconds=20)
    subprocess.run(["mount", "-o", "remount,rw", INSIDE], check=True)
    service.stage.fails(program, "[Rr]ead-only")
    service.equal(service.starting_pids(), [], "engines")
    service.equal(status.code == 0, False, "`status` as if all were well: %s" % status.both)
    service.up()
    service.equal(service.app_state("light") in ("INSTALLED", "ERROR"), True, "the app is at rest")


if __name__ == "__main__":
    leave()
