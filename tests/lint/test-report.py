#!/usr/bin/env python3
"""What tests/report.py makes of the logs of test runs: first tries, second ones (tests/again.py), and its closing line."""

import json
import os
import subprocess
import sys
import tempfile

REPORT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "report.py")
GOOD, BAD = "1..2\nok 1 a\nok 2 b\n", "1..2\nok 1 a\nnot ok 2 b\n# its reason\n"


def entry(name, text, result):
    return {"name": name, "stdout": text, "result": result, "returncode": 0 if result == "OK" else 1}


def report(first, again=None):
    """Gives (exit status, output)."""
    with tempfile.TemporaryDirectory() as build:
        os.mkdir(os.path.join(build, "meson-logs"))
        for name, entries in (("testlog", first), ("again", again)):
            if entries is not None:
                with open(os.path.join(build, "meson-logs", name + ".json"), "w", encoding="utf-8") as file:
                    file.write("".join(json.dumps(one) + "\n" for one in entries))
        done = subprocess.run([sys.executable, REPORT, build], stdout=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stdout


def all_passes():
    status, told = report([entry("x", GOOD, "OK")])
    return status == 0 and told.splitlines()[-1] == "2 passed, 0 failed"


def failure_stays():
    status, told = report([entry("x", BAD, "ERROR")], [entry("x", BAD, "ERROR")])
    return status == 1 and told.splitlines()[-1] == "1 passed, 1 failed" and "unsteady" not in told


def second_try_counts_and_is_named():
    status, told = report([entry("x", BAD, "ERROR"), entry("y", GOOD, "OK")], [entry("x", GOOD, "OK")])
    named = "x: failed, and passed when it ran once more" in told and "# its reason" in told
    return status == 0 and told.splitlines()[-1] == "4 passed, 0 failed" and named


def second_try_of_another_helps_nobody():
    status, told = report([entry("x", BAD, "ERROR")], [entry("y", GOOD, "OK")])
    return status == 1 and told.splitlines()[-1] == "1 passed, 1 failed"


def crash_counts_all_that_was_not_reached():
    status, told = report([entry("x", "1..5\nok 1 a\n", "ERROR")])
    return status == 1 and told.splitlines()[-1] == "1 passed, 4 failed"


CASES = (
    all_passes,
    failure_stays,
    second_try_counts_and_is_named,
    second_try_of_another_helps_nobody,
    crash_counts_all_that_was_not_reached,
)

if __name__ == "__main__":
    print("1..%d" % len(CASES))
    results = [case() for case in CASES]
    for number, (case, good) in enumerate(zip(CASES, results), 1):
        print("%s %d /report/%s" % ("ok" if good else "not ok", number, case.__name__.replace("_", "-")))
    sys.exit(not all(results))
