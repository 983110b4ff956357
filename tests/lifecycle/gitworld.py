"""What the tests of git in the lifecycle share: a git server beside the stage, and one operation in the driver (driver.c)."""

import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "service"), os.path.join(HERE, "..", "e2e")]

from gitserver import GitServer  # noqa: E402
from harness import Skipped  # noqa: E402

LAUNCHER = "module.exports = {title: 'Hello', menu: []}"


class Done:
    """How an operation ended, and what it told."""

    def __init__(self, program):
        self.program = program
        lines = [line for line in program.out.splitlines() if line.startswith("{")]
        self.events = [json.loads(line) for line in lines]
        over = self.events[-1] if self.events and self.events[-1]["type"] == "over" else {}
        self.ok = over.get("ok", False)
        self.value = over.get("value")
        self.error = over.get("error", "")

    def told(self, name):
        return [event["data"] for event in self.events if event["type"] == name]

    @property
    def raw(self):
        return "".join(event.get("raw", "") for event in self.events if event["type"] == "stream")

    @property
    def json(self):
        return json.loads(self.value)

    @property
    def kinds(self):
        return [trouble["kind"] for trouble in self.told("trouble")]


class World:
    def __init__(self, stage):
        self.stage = stage
        self.folder = os.path.join(stage.folder, "served")
        os.makedirs(self.folder)
        self.server = GitServer(self.folder)
        stage.cleanups.append(self.server.close)
        stage.env.update(GIT_CONFIG_NOSYSTEM="1", no_proxy="127.0.0.1")

    def repository(self, name="hello", **files):
        repository = self.server.repository(name)
        repository.commit(dict({"pinokio.js": LAUNCHER}, **files), "first")
        return repository

    def start(self, operation, what, before=(), env=None, **settings):
        words = ["%s=%s" % item for item in settings.items()]
        return self.stage.start(self.stage.home, operation, what, *words, before=before, env=env)

    def do(self, operation, what, **more):
        program = self.start(operation, what, **more)
        program.end(60)
        done = Done(program)
        if program.code not in ((0,) if done.ok else (1,)):
            raise AssertionError("exit status %d:\n%s" % (program.code, program.both[-6000:]))
        return done

    def works(self, operation, what, **more):
        done = self.do(operation, what, **more)
        if not done.ok:
            raise AssertionError("%s %s failed: %s\n%s" % (operation, what, done.error, done.program.both[-3000:]))
        return done

    def fails(self, operation, what, *patterns, kind=None, **more):
        done = self.do(operation, what, **more)
        if done.ok or not done.error:
            raise AssertionError("%s %s did not fail:\n%s" % (operation, what, done.program.both[-3000:]))
        for pattern in patterns:
            self.stage.has(done.error, pattern)
        if kind is not None:
            self.stage.equal(done.kinds[-1:], [kind], "kind of %r" % done.error)
        return done

    def clone(self, name="hello", **more):
        done = self.works("clone", self.server.url(name), **more)
        return done.value

    def api(self, *parts):
        return os.path.join(self.stage.home, "api", *parts)

    def apps(self):
        """Everything under api/, hidden or not."""
        return sorted(os.listdir(self.api())) if os.path.isdir(self.api()) else []


def write(*parts, text="mine"):
    path = os.path.join(*parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


def path_without(stage, program):
    """A PATH on which that program is missing."""
    folder = os.path.join(stage.folder, "without-" + program)
    os.makedirs(folder)
    for place in os.environ["PATH"].split(":"):
        for name in os.listdir(place) if os.path.isdir(place) else ():
            if name != program and not os.path.lexists(os.path.join(folder, name)):
                os.symlink(os.path.join(place, name), os.path.join(folder, name))
    return folder


def needs(program):
    if shutil.which(program) is None:
        raise Skipped("%s is not installed" % program)
