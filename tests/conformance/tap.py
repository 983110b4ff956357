#!/usr/bin/env python3
"""Runs run.py, which stays as it was handed over, and tells its findings as TAP, one case a line.

tap.py --engine 'PROGRAM script run' [--only WORD]
"""

import argparse
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    with open(os.path.join(HERE, "cases.json"), encoding="utf-8") as file:
        cases = [case for case in json.load(file) if options.only in case["id"]]
    print("1..%d" % len(cases), flush=True)
    command = [
        sys.executable,
        os.path.join(HERE, "run.py"),
        "--engine",
        options.engine,
        "--only",
        options.only,
    ]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, errors="replace")
    differences, current = {}, None
    for line in run.stdout.splitlines():
        match = re.match(r"FAIL (\S+) \(", line)
        if match:
            current = match.group(1)
            differences[current] = []
        elif current and line.startswith("     "):
            differences[current].append(line.strip())
        else:
            current = None
    counts = re.findall(r"^(\d+) passed, (\d+) failed$", run.stdout, re.MULTILINE)
    if not counts or int(counts[-1][1]) != len(differences) or sum(map(int, counts[-1])) != len(cases):
        print(run.stdout)
        print("Bail out! run.py ended with status %d and its counts do not add up" % run.returncode)
        return 1
    for number, case in enumerate(cases, 1):
        bad = differences.get(case["id"])
        print(
            "%s %d %s - %s"
            % ("ok" if bad is None else "not ok", number, case["id"], case["shows"].replace("#", ""))
        )
        for line in bad or []:
            print("# " + line)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
