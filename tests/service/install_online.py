#!/usr/bin/env python3
"""An app of real packages from PyPI, with the real uv: cut at any moment it is installed by the next try, and a second app
with the same packages costs seconds and no room."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))

import apps
from install import files, install, record, serve
from service import case, harness, leave

harness.CASES.clear()  # those of install.py

PACKAGES = "gradio>=6,<7"


def taken(folder):
    """Bytes on the disk, each file counted once however many names it has."""
    seen, total = set(), 0
    for path, _, names in os.walk(folder):
        for name in names:
            st = os.lstat(os.path.join(path, name))
            if (st.st_dev, st.st_ino) not in seen:
                seen.add((st.st_dev, st.st_ino))
                total += st.st_blocks * 512
    return total


def packages(service, app):
    """How many packages are in the app's environment, half-made ones included."""
    found = 0
    for path, folders, _ in os.walk(os.path.join(service.home, "api", app, "env", "lib")):
        found += sum(name.endswith(".dist-info") for name in folders)
    return found


def cached(service):
    """Whether uv has begun to fetch packages."""
    cache = os.path.join(service.home, "cache", "UV_CACHE_DIR")
    return any(name.startswith("archive-") and os.listdir(os.path.join(cache, name)) for name in os.listdir(cache))


def serve_app(service):
    server = serve(service)
    steps = [
        apps.shell("echo begun >> begun"),
        apps.shell("uv pip install '%s'" % PACKAGES, venv="env"),
        apps.shell("uv pip check; uv pip show gradio", venv="env"),
    ]
    server.repository("real").commit(files("real", *steps))
    service.up()
    return server


def environment(service):
    return os.path.exists(os.path.join(service.home, "api", "real", "env", "pyvenv.cfg"))


CUTS = (
    ("the environment is there", environment),
    ("packages are fetched", lambda service: environment(service) and cached(service)),
    ("packages are put in", lambda service: packages(service, "real") > 3),
)


@case("/service/install-online/killed-and-gone-on-with")
def killed(service):
    server = serve_app(service)
    run = install(service, server.url("real"))
    for what, is_there in CUTS:
        service.waits(lambda: is_there(service), what, seconds=90)
        runners = service.runners()
        if not runners:
            break  # it was faster
        service.kill(runners[0])
        service.becomes(run, "interrupted")
        run = install(service, "real")
    service.becomes(run, "finished", seconds=120)
    service.equal(record(service, "real")["state"], "installed", "record")
    with open(os.path.join(service.home, "api", "real", "begun"), encoding="ascii") as file:
        service.equal(file.read().split(), ["begun"], "the finished step")
    service.has(service.run("logs", run).both, r"Version: \d")


@case("/service/install-online/second-app-takes-seconds-and-no-room")
def second(service):
    server = serve_app(service)
    sizes, times = [], []
    for name in ("first", "second"):
        began = time.monotonic()
        program = service.run("install", server.url("real"), "--name", name, seconds=120)
        times.append(time.monotonic() - began)
        service.has(program.both, name + " is installed")
        sizes.append(taken(service.home))
    growth = sizes[1] / sizes[0] - 1
    print("# first: %.1f s, %.0f MB; second: %.1f s, %.1f %% more" % (times[0], sizes[0] / 1e6, times[1], 100 * growth))
    service.equal(growth < 0.05, True, "little more room: %.3f" % growth)
    service.equal(times[1] < 20 * harness.SLOW, True, "seconds: %.1f" % times[1])


if __name__ == "__main__":
    leave()
