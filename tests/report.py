#!/usr/bin/env python3
"""Counts the single test cases of finished test runs and says so in one line.

    report.py BUILD [BUILD...]

Reads the log that `meson test` leaves in each build folder. A TAP program counts with each of its cases, any other
program as one. A program that crashed, ran out of time or stopped before its plan was done counts as failed for what
is missing. The output of what failed is printed before the closing line, `N passed, N failed`; so is that of what passed
only when it ran once more (again.py), which counts as the second run says and is named as unsteady. A case that was
skipped in every build is named, and in CI (CI=true) is a failure: there, everything a test needs is to be there. Exit
status 0 if nothing failed.
"""

import json
import os
import re
import sys

CASE = re.compile(r"^(not )?ok\b(?:\s+\d+)?(?:\s*-)?\s*(.*?)(?:\s*#\s*(skip|todo)\b(.*))?\s*$", re.IGNORECASE)
PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#\s*skip\b(.*))?$", re.IGNORECASE)
TAIL = 6000
FIRST, AGAIN = "testlog", "again"  # names of logs


class Tally:
    def __init__(self):
        self.passed = 0
        self.seen = set()  # (program, case) of what passed in some build
        self.failed = 0
        self.failures = []  # names; one may stand for several cases that were not reached
        self.skipped = []  # (build, program, case, reason)
        self.unsteady = []  # programs that failed and then passed

    def never_run(self):
        """Names of what was skipped and passed in no build, each once."""
        names = {}
        for build, program, name, reason in self.skipped:
            if (program, name) not in self.seen:
                names.setdefault((program, name), "%s: %s: %s (%s)" % (build, program, name, reason))
        return list(names.values())


def read_tap(text):
    """Gives (plan or None, passed names, failed names, skipped (name, reason)) of a TAP stream."""
    plan, passed, failed, skipped = None, [], [], []
    for line in text.splitlines():
        match = PLAN.match(line)
        if match:
            plan = int(match.group(1))
            if plan == 0:
                skipped.append(("everything", (match.group(2) or "").strip()))
            continue
        match = CASE.match(line)
        if not match:
            if line.startswith("Bail out!"):
                failed.append(line)
            continue
        negative, name, directive, reason = match.groups()
        if directive and directive.lower() == "skip":
            skipped.append((name, reason.strip()))
        elif negative:
            failed.append(name)
        else:
            passed.append(name)
    return plan, passed, failed, skipped


def add(tally, build, entry):
    label = "%s: %s" % (build, entry["name"])
    text = entry.get("stdout") or ""
    plan, passed, failed, skipped = read_tap(text)
    bad, unreached = list(failed), 0
    if plan is None and not passed and not failed and not skipped:
        if entry["result"] == "OK":
            tally.passed += 1
            return
        if entry["result"] == "SKIP":
            tally.skipped.append((build, entry["name"], "the program", "by itself"))
            return
        bad.append("the program")
    else:
        missing = (plan or 0) - len(passed) - len(failed) - len(skipped)
        if missing > 0 and plan:
            unreached = missing - 1
            bad.append("%d of its %d cases were not reached" % (missing, plan))
        elif plan is None:
            bad.append("it ended before its plan")
        elif entry["result"] not in ("OK", "SKIP") and not bad:
            bad.append("the program, after its cases")
    tally.passed += len(passed)
    tally.seen.update((entry["name"], name) for name in passed)
    tally.skipped += [(build, entry["name"], name, reason) for name, reason in skipped]
    if bad:
        tally.failed += len(bad) + unreached
        tally.failures += ["%s: %s" % (label, name) for name in bad]
        show(label, entry, text)


def show(label, entry, text):
    print("\n=== %s: %s, exit status %s" % (label, entry["result"], entry.get("returncode")))
    errors = entry.get("stderr") or ""
    lines = text.splitlines()
    # The cases that went well only stand between the reader and the one that did not.
    print("\n".join(line for line in lines if not re.match(r"^(ok |# (Start|End) of )", line))[-TAIL:])
    if errors:
        print("--- stderr")
        print(errors[-TAIL:])


def log_path(build, name):
    return os.path.join(build, "meson-logs", name + ".json")


def read_log(build, name=FIRST):
    with open(log_path(build, name), encoding="utf-8", errors="replace") as log:
        return [json.loads(line) for line in log if line.strip()]


def second_tries(build):
    """The entries of what was run once more and passed, by name."""
    try:
        return {entry["name"]: entry for entry in read_log(build, AGAIN) if entry["result"] == "OK"}
    except (OSError, ValueError):
        return {}


def add_build(tally, build, entries):
    second = second_tries(build)
    for entry in entries:
        if entry["result"] in ("OK", "SKIP") or entry["name"] not in second:
            add(tally, build, entry)
        else:
            show("%s: %s" % (build, entry["name"]), entry, entry.get("stdout") or "")
            tally.unsteady.append("%s: %s" % (build, entry["name"]))
            add(tally, build, second[entry["name"]])


def main(builds):
    tally = Tally()
    for build in builds:
        try:
            entries = read_log(build)
        except (OSError, ValueError) as error:
            entries = []
            print("%s: %s" % (build, error))
        if not entries:
            tally.failed += 1
            tally.failures.append("%s: no test was run" % build)
        add_build(tally, build, entries)
    strict = os.environ.get("CI") == "true"
    skipped = tally.never_run()
    for name in skipped:
        print("skipped: %s" % name)
    for name in tally.unsteady:
        print("unsteady: %s: failed, and passed when it ran once more" % name)
    for name in tally.failures:
        print("FAILED: %s" % name)
    failed = tally.failed + (len(skipped) if strict else 0)
    line = "%d passed, %d failed" % (tally.passed, failed)
    if skipped and not strict:
        line += ", %d skipped" % len(skipped)
    print(line)
    return 1 if failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
