#!/usr/bin/env python3
"""A home with a persistent side: what a person has set comes back on a new machine, whatever became of the old one, and
the engine is no slower or less dependable for a side that is read-only, full, or gone."""

import os
import shutil
import sqlite3
import time

import apps
from service import SLOW, case, leave

KEY = "stop.grace_ms"


class Sides:
    """A home whose persistent side is a folder beside it."""

    def __init__(self, service):
        self.service = service
        self.mount = os.path.join(service.folder, "mount")
        self.kept = os.path.join(self.mount, "pinokio")
        os.mkdir(self.mount)
        service.stage.env["PINOKIO_PERSISTENT"] = self.kept

    def home(self, *parts):
        return os.path.join(self.service.home, *parts)

    def there(self, *parts):
        return os.path.join(self.kept, *parts)

    def lose(self):
        """The machine is gone, and a new one comes."""
        shutil.rmtree(self.service.home)
        os.mkdir(self.service.home)

    def set(self, value):
        self.service.api().request("PUT", ["v1", "settings", KEY], {"value": value}).ok()

    def setting(self):
        settings = self.service.api().get("/v1/settings").ok().json()
        found = [entry for entry in settings if entry["key"] == KEY]
        return found[0]["value"] if found else None

    def troubles(self):
        return " | ".join(str(trouble) for trouble in self.service.api().get("/v1/status").ok().json()["troubles"])


def append(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


@case("/service/persist/a-new-machine-has-it-all")
def new_machine(service):
    sides = Sides(service)
    apps.lines(service.home, "lines", 50)
    service.up()
    service.equal(os.readlink(sides.home("drive")), sides.there("drive"), "where the drive is")
    write(sides.home("drive", "models", "a.bin"), "model")
    sides.set(4321)
    service.ready("lines")
    write(sides.home("ENVIRONMENT"), "MINE=1\n")
    service.down("--apps", seconds=60)
    service.equal(read(sides.there("ENVIRONMENT")), "MINE=1\n", "the copy of ENVIRONMENT")
    for name in os.listdir(sides.kept):
        if os.path.islink(sides.there(name)):
            raise AssertionError("%s is a link" % name)
    sides.lose()
    service.up()
    service.equal(read(sides.home("ENVIRONMENT")), "MINE=1\n", "ENVIRONMENT on the new machine")
    service.equal(read(sides.home("drive", "models", "a.bin")), "model", "the drive on the new machine")
    service.equal(sides.setting(), 4321, "the setting on the new machine")
    runs = service.api().get("/v1/runs").ok().json()
    service.equal([run["state"] for run in runs], ["stopped"], "the runs of the old machine")
    service.down()


@case("/service/persist/a-machine-that-was-cut-off")
def cut_off(service):
    """The engine and the app are killed while they run; what was saved meanwhile is what comes back."""
    sides = Sides(service)
    apps.lines(service.home, "lines", 50)
    service.up()
    sides.set(1234)
    service.ready("lines")

    def saved():
        try:
            with sqlite3.connect("file:%s?mode=ro&immutable=1" % sides.there("library.sqlite"), uri=True) as library:
                return library.execute("SELECT state FROM runs").fetchall() == [("ready",)]
        except sqlite3.Error:
            return False

    # At once when something has changed, and then once a minute.
    service.waits(saved, "the running app is in the copy", 75)
    service.kill()
    service.kill_all("pinokiocloud-keeper", "pinokiocloud-runner")
    service.nothing_left()
    sides.lose()
    service.up()
    service.equal(sides.setting(), 1234, "the setting on the new machine")
    runs = service.api().get("/v1/runs").ok().json()
    service.equal([run["state"] in ("interrupted", "error") for run in runs], [True], "the run that was cut off")
    apps.lines(service.home, "lines", 50)
    service.ready("lines")


@case("/service/persist/side-comes-and-goes")
def comes_and_goes(service):
    sides = Sides(service)
    service.up()
    write(sides.home("drive", "first"), "1")
    service.down()
    away = sides.mount + "-away"
    os.rename(sides.mount, away)
    service.up()
    service.has(sides.troubles(), "is it still mounted")
    service.equal(os.path.islink(sides.home("drive")), False, "whether the drive is a link")
    write(sides.home("drive", "second"), "2")
    service.down()
    os.rename(away, sides.mount)
    service.up()
    service.equal(sorted(os.listdir(sides.there("drive")))[-2:], ["first", "second"], "what is on the drive")
    service.down()


@case("/service/persist/a-side-that-does-not-answer")
def no_answer(service):
    """As a network folder that hangs: the engine goes on without it, and ends without it."""
    sides = Sides(service)
    os.mkdir(sides.kept)
    os.mkfifo(sides.there("ENVIRONMENT"))
    write(sides.home("ENVIRONMENT"), "MINE=1\n")
    service.up(seconds=40)
    service.has(sides.troubles(), "does not answer")
    service.equal(read(sides.home("ENVIRONMENT")), "MINE=1\n", "ENVIRONMENT")
    began = time.monotonic()
    service.down()
    service.equal(time.monotonic() - began < 5 * SLOW, True, "whether the end is quick")


@case("/service/persist/nothing-there-nothing-done")
def silent(service):
    """Most machines have no such side: nothing of it is to be seen."""
    service.stage.env["PINOKIO_PERSISTENT"] = "none"
    service.up()
    service.equal(os.path.islink(os.path.join(service.home, "drive")), False, "whether the drive is a link")
    names = [name for name in os.listdir(service.home) if "persist" in name or "copy" in name]
    service.equal(names, [], "what is in the home of it")
    service.equal(service.api().get("/v1/status").ok().json()["troubles"], [], "troubles")
    began = time.monotonic()
    service.down()
    service.equal(time.monotonic() - began < 5 * SLOW, True, "whether the end is quick")


if __name__ == "__main__":
    leave()
