#!/usr/bin/env python3
"""Checks the repository against the habits of the house (docs/architecture.md). Says nothing when all is well.

    lint.py [--tap]

Each rule is one function that yields (path, line, text) for what it minds; a rule whose program is missing is skipped.
"""

import argparse
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAX_FILE_LINES = 800
MAX_FUNCTION_LINES = 80
CLANG_FORMAT_MAJOR = 14  # other versions lay the same code out differently

# Who may include whom: a room those of a lower number, and itself.
FLOORS = {
    "base": 0,
    "net": 1,
    "state": 1,
    "control": 1,
    "cloud": 1,
    "catalog": 1,
    "gate": 1,
    "terminal": 1,
    "js": 2,
    "environment": 2,
    "detect": 2,
    "storage": 3,
    "keeper": 3,
    "shell": 4,
    "script": 5,
    "tunnel": 5,
    "lifecycle": 6,
    "engine": 6,
    "runner": 7,
    "server": 7,
    "cli": 8,
}

# Written in halves, so that this file does not hold the words that it forbids.
MACHINE_PATHS = ["/ro" + "ot/", "/wo" + "rk/"]
REGISTRY_HOSTS = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "registry.npm" + "js.org",
    "deb." + "debian.org",
    "security." + "debian.org",
    "archive." + "ubuntu.com",
    "security." + "ubuntu.com",
    "crates" + ".io",
    "proxy." + "golang.org",
    "ruby" + "gems.org",
]
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")

# Came from elsewhere and stay as they came.
GIVEN = {"tests/conformance/run.py", "tests/conformance/cases.json"}

# What programs printed, byte by byte.
PRINTED = "tests/detect/lines/"

# Functions whose name says all that there is to say.
PLAIN_NAMES = re.compile(r"_(free|quark|clear)$")

# Types whose file-scope variables exist to be shared safely.
SHARED_TYPES = re.compile(r"\b(sig_atomic_t|GOnce|GPrivate|atomic_\w+)\b")


class Skip(Exception):
    """The program that a rule needs is not here."""


class Tree:
    """The files of the repository, each read once."""

    def __init__(self):
        command = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()
        self.paths = sorted(
            path for path in listed.split("\0") if path and os.path.isfile(os.path.join(ROOT, path))
        )
        self.cache = {}

    def bytes(self, path):
        if path not in self.cache:
            with open(os.path.join(ROOT, path), "rb") as file:
                self.cache[path] = file.read()
        return self.cache[path]

    def text(self, path):
        return self.bytes(path).decode("utf-8", "replace")

    def texts(self):
        return [path for path in self.paths if b"\0" not in self.bytes(path)]

    def ending(self, *endings):
        return [path for path in self.paths if path.endswith(endings)]

    def ours(self, *endings):
        return [path for path in self.ending(*endings) if path not in GIVEN]

    def shell(self):
        return [
            path
            for path in self.texts()
            if path.endswith(".sh") or re.match(r"#!.*\b(ba)?sh\b", self.text(path))
        ]


def run(command, **more):
    try:
        return subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more
        )
    except FileNotFoundError:
        raise Skip("%s is not installed" % command[0])


def bare(text):
    """C without its comments and strings; lines keep their numbers."""
    token = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
    return token.sub(lambda match: '""' + "\n" * match.group(0).count("\n"), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def check_format(tree):
    """the code is laid out as clang-format would"""
    found = re.search(r"version (\d+)", run(["clang-format", "--version"]).stdout)
    if not found or int(found.group(1)) != CLANG_FORMAT_MAJOR:
        raise Skip("clang-format %d is not here" % CLANG_FORMAT_MAJOR)
    files = tree.ending(".c", ".h")
    if not files:
        return
    seen = set()
    for line in run(["clang-format", "--dry-run", "-Werror"] + files).stdout.splitlines():
        match = re.match(r"(.+?):(\d+):\d+: error: ", line)
        if match and match.group(1) not in seen:
            seen.add(match.group(1))
            yield match.group(1), int(
                match.group(2)
            ), "not as clang-format lays it out (clang-format -i %s)" % match.group(1)


def check_file_length(tree):
    """no file has more than 800 lines"""
    for path in tree.ours(".c", ".h", ".js", ".py", ".sh"):
        lines = tree.text(path).count("\n")
        if lines > MAX_FILE_LINES:
            yield path, lines, "%d lines; the limit is %d" % (lines, MAX_FILE_LINES)


def ctags(files, kinds):
    if not files:
        return
    command = (
        ["ctags", "-x", "--_xformat=%{name}\t%{input}\t%{line}\t%{end}\t%{scope}", "--fields=+neZ"]
        + kinds
        + files
    )
    for line in run(command).stdout.splitlines():
        parts = line.split("\t")
        if len(parts) == 5:
            yield parts


def check_function_length(tree):
    """no function has more than 80 lines"""
    kinds = ["--kinds-C=f", "--kinds-Python=fm", "--kinds-JavaScript=fm"]
    for name, path, start, end, _ in ctags(tree.ours(".c", ".h", ".py", ".js"), kinds):
        if end.isdigit() and int(end) - int(start) + 1 > MAX_FUNCTION_LINES:
            yield path, int(start), "%s has %d lines; the limit is %d" % (
                name,
                int(end) - int(start) + 1,
                MAX_FUNCTION_LINES,
            )


def check_goto(tree):
    """no goto in C"""
    for path in tree.ending(".c", ".h"):
        text = bare(tree.text(path))
        for match in re.finditer(r"\bgoto\s+\w+\s*;", text):
            yield path, line_of(text, match.start()), "goto"


def is_constant(declaration):
    """declaration: what stands before the variable's name."""
    if SHARED_TYPES.search(declaration):
        return True
    return "const" in (declaration.rsplit("*", 1)[1] if "*" in declaration else declaration)


def declaration_of(text, line, name):
    """What stands before a file-scope variable's name: its storage, type and stars, a struct's body left out."""
    start = 0
    for _ in range(line - 1):
        start = text.index("\n", start) + 1
    head = text[: re.compile(r"\b%s\b" % re.escape(name)).search(text, start).start()]
    body = re.search(r"}[\s*]*(?:const[\s*]*)?$", head)
    if not body:
        return re.split(r"[;}]", head)[-1]
    depth = 0
    for offset in range(body.start(), -1, -1):
        depth += {"}": 1, "{": -1}.get(head[offset], 0)
        if depth == 0:
            return re.split(r"[;}]", head[:offset])[-1] + head[body.start() + 1 :]
    return head


def check_statics(tree):
    """no variable outlives its function, unless it is constant"""
    local = re.compile(r"^[ \t]+static\s+([^;={(]*?)(\w+)\s*(?:\[[^;=]*\])*\s*[=;]", re.MULTILINE)
    for path in tree.ending(".c", ".h"):
        text = bare(tree.text(path))
        for match in local.finditer(text):
            once = re.search(r"g_once_init_enter(_pointer)?\s*\(\s*&" + match.group(2) + r"\b", text)
            if not once and not is_constant(match.group(1)):
                yield path, line_of(text, match.start(2)), "static variable '%s' can change" % match.group(2)
    for name, path, line, _, _ in ctags(tree.ending(".c"), ["--kinds-C=v"]):
        declaration = declaration_of(bare(tree.text(path)), int(line), name)
        if not is_constant(declaration):
            yield path, int(line), "variable '%s' of the whole file can change" % name


def check_error_returns(tree):
    """an error that is set is returned at once"""
    call = re.compile(r"\b(g_set_error|g_set_error_literal|pino_error_set_errno)\s*\(")
    for path in tree.ending(".c"):
        if path.startswith("tests/"):
            continue
        text = bare(tree.text(path))
        lines = text.split("\n")
        for match in call.finditer(text):
            end = text.find(";", match.end())
            last = line_of(text, end)
            before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
            if before.strip() and not before.startswith(" "):
                continue  # the function's own definition
            after = [text[end + 1 :].split("\n", 1)[0]] + lines[last : last + 3]
            leaves = any(re.search(r"\breturn\b|^\s*(} )?else\b|^}", line) for line in after)
            if not leaves and "return" not in before and "define" not in before:
                yield path, line_of(text, match.start()), "%s is not followed by a return" % match.group(1)


def room_of(path):
    match = re.match(r"app/core/(\w+)/|app/(\w+)/", path)
    return (match.group(1) or match.group(2)) if match else None


def check_floors(tree):
    """a room includes only rooms below it"""
    for path in tree.ending(".c", ".h"):
        room = room_of(path)
        if not room:
            continue
        if room not in FLOORS:
            yield path, 1, "room '%s' has no floor in tests/lint/lint.py" % room
            continue
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            match = re.match(r'#\s*include\s+"(?:(\w+)/)?([^"]+)"', line)
            if not match:
                continue
            other = match.group(1)
            if other is None and room != "cli" and os.path.exists(os.path.join(ROOT, os.path.dirname(path), match.group(2))):
                yield path, number, 'include "room/file.h", from the root of the rooms'
            elif other and other != room and FLOORS.get(other, 99) >= FLOORS[room]:
                yield path, number, "%s must not include %s" % (room, other)


def check_words(tree):
    """no path of one machine, no host of a package registry, nothing left for later"""
    rules = [(word, "a path of one machine") for word in MACHINE_PATHS]
    rules += [(word, "the host of a package registry") for word in REGISTRY_HOSTS]
    for path in tree.texts():
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            for word, what in rules:
                if word in line:
                    yield path, number, "%s: %s" % (what, word)
            if UNFINISHED.search(line):
                yield path, number, "work left for later: %s" % UNFINISHED.search(line).group(0)


def check_documented(tree):
    """what a header shows has a comment right above"""
    prototype = re.compile(r"^[A-Za-z_][\w\s\*]*?\b(pino_\w+)\s*\(")
    for path in tree.ending(".h"):
        documented = False
        inside = False
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            if inside or line.lstrip().startswith(("/*", "//")):
                inside = (inside or "/*" in line) and "*/" not in line
                documented = True
                continue
            match = prototype.match(line)
            told = documented or "/*" in line or (match and PLAIN_NAMES.search(match.group(1)))
            if match and not line.startswith(("typedef", "#")) and not told:
                yield path, number, "%s has no comment above it" % match.group(1)
            if not line.strip():
                documented = False


def check_headers(tree):
    """a header begins with a comment and has #pragma once"""
    for path in tree.ending(".h"):
        text = tree.text(path)
        if not text.startswith(("/*", "//")):
            yield path, 1, "begins without a comment that says what it is for"
        if not re.search(r"^#pragma once$", text, re.MULTILINE):
            yield path, 1, "has no #pragma once"


def check_endings(tree):
    """LF at every line's end, no blanks before it, no tab for indentation"""
    for path in tree.texts():
        if path in GIVEN or path.startswith(PRINTED):
            continue
        data = tree.bytes(path)
        if b"\r" in data:
            yield path, line_of(tree.text(path), tree.text(path).find("\r")), "a carriage return"
        if data and not data.endswith(b"\n"):
            yield path, data.count(b"\n") + 1, "no newline at the end"
        for number, line in enumerate(data.split(b"\n"), 1):
            if line.endswith((b" ", b"\t")):
                yield path, number, "blanks at the end of the line"
            elif line.startswith(b"\t") and os.path.basename(path) != "Makefile":
                yield path, number, "a tab at the start of the line"


def check_shell(tree):
    """shellcheck has nothing to say"""
    files = tree.shell()
    if not files:
        return
    for line in run(["shellcheck", "-x", "-f", "gcc"] + files).stdout.splitlines():
        match = re.match(r"(.+?):(\d+):\d+: (.*)", line)
        if match:
            yield match.group(1), int(match.group(2)), match.group(3)


def check_parses(tree):
    """Python compiles and JSON parses"""
    for path in tree.ending(".py"):
        try:
            compile(tree.text(path), path, "exec")
        except SyntaxError as error:
            yield path, error.lineno or 1, str(error)
    for path in tree.ending(".json"):
        try:
            json.loads(tree.text(path))
        except ValueError as error:
            yield path, 1, str(error)


RULES = [
    check_format,
    check_file_length,
    check_function_length,
    check_goto,
    check_statics,
    check_error_returns,
    check_floors,
    check_words,
    check_documented,
    check_headers,
    check_endings,
    check_shell,
    check_parses,
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tap", action="store_true", help="tell each rule's outcome as TAP")
    options = parser.parse_args()
    tree = Tree()
    strict = os.environ.get("CI") == "true"
    wrong = 0
    if options.tap:
        print("1..%d" % len(RULES))
    for number, rule in enumerate(RULES, 1):
        skipped = ""
        try:
            findings = list(rule(tree))
        except Skip as reason:
            findings, skipped = [], str(reason)
        wrong += len(findings) + (1 if skipped and strict else 0)
        if options.tap:
            outcome = "%s %d /lint/%s - %s" % (
                "not ok" if findings else "ok",
                number,
                rule.__name__[6:],
                rule.__doc__,
            )
            print(outcome + (" # SKIP %s" % skipped if skipped else ""))
        elif skipped:
            print("lint: skipped, %s: %s" % (skipped, rule.__doc__))
        for path, line, text in findings:
            print("%s%s:%d: %s" % ("# " if options.tap else "", path, line, text))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
