#!/usr/bin/env python3
"""Runs once more, alone, what failed in a test run.

    again.py BUILD [OPTION of meson test...]

Shared machines stand still for seconds, and ports go to strangers: a test among a thousand fails for that. What passes
now is still told by report.py, as unsteady, with what it said when it failed. Where many fail it is no coincidence, and
nothing is run again. Leaves its log as BUILD/meson-logs/again.json. Exit status 0, whatever the tests do.
"""

import os
import subprocess
import sys

from report import AGAIN, log_path, read_log

MOST = 4


def main(build, options):
    path = log_path(build, AGAIN)
    if os.path.exists(path):
        os.unlink(path)
    try:
        failed = [entry["name"] for entry in read_log(build) if entry["result"] not in ("OK", "SKIP")]
    except (OSError, ValueError):
        return 0  # report.py says so
    if not 0 < len(failed) <= MOST:
        return 0
    names = [name.rsplit("/", 1)[-1].strip() for name in failed]
    print("once more, alone: %s: %s" % (build, ", ".join(names)), flush=True)
    command = ["meson", "test", "-C", build, "--quiet", "--no-rebuild", "--logbase", AGAIN, "--num-processes", "1"]
    with open(os.path.join(build, AGAIN + ".log"), "w", encoding="utf-8") as log:
        subprocess.run(command + options + names, stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
