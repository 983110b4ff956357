#!/usr/bin/env python3
"""A second app with the same large Python packages: with the real uv and real packages from PyPI."""

import json
import os
import time

from harness import SLOW, case, leave

PACKAGES = "numpy pillow scipy"
INSTALL = {
    "run": [
        {
            "method": "shell.run",
            "params": {"venv": "env", "message": ["uv pip install " + PACKAGES, "python -c 'import scipy.linalg; print(1 + 1)'"]},
        }
    ]
}


def taken(*folders):
    """Bytes on the disk, each file counted once however many names it has."""
    seen, total = set(), 0
    for folder in folders:
        for path, _, names in os.walk(folder):
            for name in names:
                st = os.lstat(os.path.join(path, name))
                if (st.st_dev, st.st_ino) not in seen:
                    seen.add((st.st_dev, st.st_ino))
                    total += st.st_blocks * 512
    return total


def install(t, name, **more):
    folder = t.app(name, install__json=INSTALL)
    began = time.monotonic()
    program = t.run("script", "run", os.path.join(folder, "install.json"), seconds=400, **more)
    took = time.monotonic() - began
    t.status(program, 0)
    t.has(program.out, r"^2\r?$")
    return took


def second_is_cheap(t, **more):
    first = install(t, "first", **more)
    before = taken(t.home)
    second = install(t, "second", **more)
    growth = (taken(t.home) - before) / before
    print("# first app: %.1f s, %.0f MB; second: %.1f s, %.1f %% more" % (first, before / 1e6, second, 100 * growth))
    if growth >= 0.05:
        raise AssertionError("the second app took %.1f %% more of the disk" % (100 * growth))
    if second > 20 * SLOW:
        raise AssertionError("the second app took %.1f s" % second)


@case("/e2e/packages/second-app-takes-seconds-and-no-room")
def second_app(t):
    second_is_cheap(t)
    cache = os.path.join(t.home, "cache", "UV_CACHE_DIR")
    t.equal(os.path.isdir(cache), True, "uv's cache in the home")
    saves = json.loads(t.run("drive", "--json").out)["cache"]["saves"]
    t.equal(saves > 50e6, True, "what `drive` tells that the cache saves: %d" % saves)


@case("/e2e/packages/what-an-image-sets-for-its-build-forces-no-copies")
def copies_forced(t):
    """Images of containers are built with these, and keep them."""
    elsewhere = os.path.join(t.folder, "elsewhere")
    second_is_cheap(t, env=dict(t.env, UV_LINK_MODE="copy", UV_NO_CACHE="1", UV_CACHE_DIR=elsewhere))
    t.equal(os.path.exists(elsewhere), False, "the image's cache")


if __name__ == "__main__":
    leave()
