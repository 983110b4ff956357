"""What the end-to-end tests stand on: they drive the real program as a person would, and tell their cases as TAP.

A case is a function of one argument, the Stage: a PINOKIO_HOME of its own, ways to start the program, and checks. After
each case nothing may be left running: the harness is the reaper of whatever its children leave behind (also what called
setsid or forked twice), so every process that outlives its case is found.
"""

import argparse
import ctypes
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback

PR_SET_CHILD_SUBREAPER = 36
PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
LIBC = ctypes.CDLL(None, use_errno=True)

# A sanitizer slows the program down; what a person would call quick is stretched by this much.
SLOW = float(os.environ.get("PINOKIO_TEST_SLOW", "1"))

CASES = []


class Skipped(Exception):
    """The machine lacks what a case needs."""


def case(name):
    """Marks a function as the case of that name."""

    def keep(function):
        CASES.append((name, function))
        return function

    return keep


def obey_permissions():
    """In a child of root: file permissions hold for it as for everybody."""
    if os.geteuid() == 0:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def children_of(pid):
    found = []
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task), encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass  # it ended meanwhile
    return found


def descendants(pid):
    found = []
    for child in children_of(pid):
        found += [child] + descendants(child)
    return found


def describe(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return "%d %s" % (pid, file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip())
    except OSError:
        return str(pid)


def is_zombie(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


class Program:
    """A started program whose output is collected while it runs."""

    def __init__(self, command, terminal=False, preexec=None, **options):
        self.began = time.monotonic()
        self.terminal = None
        self.hung_up = False
        self.data = {"out": b"", "err": b""}
        self.changed = threading.Condition()
        if terminal:
            self.terminal, inner = pty.openpty()
            self.process = subprocess.Popen(
                command,
                stdin=inner,
                stdout=inner,
                stderr=inner,
                start_new_session=True,
                preexec_fn=lambda: (preexec and preexec(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)),
                **options
            )
            os.close(inner)
            streams = {"out": self.terminal}
        else:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=preexec,
                **options
            )
            streams = {"out": self.process.stdout.fileno(), "err": self.process.stderr.fileno()}
        self.readers = [
            threading.Thread(target=self.collect, args=item, daemon=True) for item in streams.items()
        ]
        for reader in self.readers:
            reader.start()

    def collect(self, name, fd):
        while True:
            # A read that blocks would keep a terminal open that hang_up() closes.
            while not select.select([fd], [], [], 0.1)[0]:
                if self.hung_up:
                    return
            try:
                chunk = os.read(fd, 65536)
            except OSError:
                chunk = b""
            with self.changed:
                self.data[name] += chunk
                self.changed.notify_all()
            if not chunk:
                return

    @property
    def pid(self):
        return self.process.pid

    @property
    def out(self):
        return self.data["out"].decode("utf-8", "replace")

    @property
    def err(self):
        return self.data["err"].decode("utf-8", "replace")

    @property
    def both(self):
        return self.out + self.err

    def events(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def until(self, pattern, seconds=20):
        """Waits until the output has what the expression says; gives the match."""
        end = time.monotonic() + seconds * SLOW
        with self.changed:
            while True:
                match = re.search(pattern, self.both, re.MULTILINE)
                if match:
                    return match
                left = end - time.monotonic()
                if left <= 0 or (
                    self.process.poll() is not None and not any(r.is_alive() for r in self.readers)
                ):
                    raise AssertionError("%r did not come; so far:\n%s" % (pattern, self.both[-3000:]))
                self.changed.wait(min(left, 0.2))

    def type(self, text):
        os.write(self.terminal, text.encode())

    def hang_up(self):
        """The terminal goes, as when a connection breaks."""
        self.hung_up = True
        for reader in self.readers:
            reader.join()
        os.close(self.terminal)

    def signal(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self

    def end(self, seconds=30):
        """Waits for its end; gives the exit status (a signal's number below zero)."""
        try:
            code = self.process.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                "still running after %g s; so far:\n%s" % (seconds * SLOW, self.both[-3000:])
            )
        for reader in self.readers:
            reader.join(10)
        self.seconds = time.monotonic() - self.began
        self.code = code
        return code


class Stage:
    """One case's world."""

    def __init__(self, engine):
        self.engine = engine
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="pinokio-e2e-"))
        self.home = os.path.join(self.folder, "home")
        os.makedirs(self.home)
        self.user_home = os.path.join(self.folder, "user")
        os.makedirs(self.user_home)
        self.env = dict(
            os.environ, PINOKIO_HOME=self.home, HOME=self.user_home, LC_ALL="C.UTF-8", TERM="xterm"
        )
        for name in ("NO_COLOR", "CI"):
            self.env.pop(name, None)
        self.cleanups = []

    # Laying things out

    def app(self, name, **files):
        """An app under api/. A file's name is its key with __ for the dot; its content text, or data as JSON."""
        return self.files(os.path.join(self.home, "api", name), **files)

    def files(self, folder, **files):
        os.makedirs(folder, exist_ok=True)
        for key, content in files.items():
            path = os.path.join(folder, key.replace("__", "."))
            with open(path, "w", encoding="utf-8") as file:
                file.write(content if isinstance(content, str) else json.dumps(content))
        return folder

    def script(self, *steps, **fields):
        """A script of these steps in an app of its own; gives its path."""
        folder = self.app("app", main__json=dict(fields, run=list(steps)))
        return os.path.join(folder, "main.json")

    def javascript(self, source):
        return os.path.join(self.app("app", main__js=source), "main.js")

    def path(self, *parts):
        return os.path.join(self.home, "api", "app", *parts)

    def read(self, *parts):
        with open(os.path.join(*parts), encoding="utf-8") as file:
            return file.read()

    # Running the program

    def start(self, *arguments, before=(), env=None, **options):
        env = dict(self.env, **(env or {}))
        command = list(before) + [self.engine] + [str(argument) for argument in arguments]
        program = Program(command, env=env, cwd=options.pop("cwd", self.folder), **options)
        self.cleanups.append(lambda: program.process.poll() is None and program.process.kill())
        return program

    def run(self, *arguments, seconds=30, **options):
        program = self.start(*arguments, **options)
        program.end(seconds)
        return program

    def run_script(self, path, *arguments, **options):
        return self.run("script", "run", path, *arguments, **options)

    # Checks

    def equal(self, got, wanted, what=""):
        if got != wanted:
            raise AssertionError("%s: expected %r, got %r" % (what or "value", wanted, got))

    def has(self, text, pattern):
        if not re.search(pattern, text, re.MULTILINE):
            raise AssertionError("no %r in:\n%s" % (pattern, text[-3000:]))

    def lacks(self, text, pattern):
        if re.search(pattern, text, re.MULTILINE):
            raise AssertionError("there is %r in:\n%s" % (pattern, text[-3000:]))

    def status(self, program, wanted):
        if program.code != wanted:
            raise AssertionError(
                "exit status %r instead of %r; it said:\n%s" % (program.code, wanted, program.both[-3000:])
            )

    def fails(self, program, *patterns, status=1):
        """It ended with that status and told why: each expression is in what it printed."""
        self.status(program, status)
        for pattern in patterns or (r"\S",):
            self.has(program.both, pattern)
        return program

    def waits(self, condition, what, seconds=10):
        end = time.monotonic() + seconds * SLOW
        while not condition():
            if time.monotonic() > end:
                raise AssertionError("waited %g s in vain: %s" % (seconds * SLOW, what))
            time.sleep(0.02)

    def left_behind(self):
        """Processes that outlived their case; what has only ended is reaped."""
        found = []
        for pid in descendants(os.getpid()):
            if not is_zombie(pid):
                found.append(pid)
        return found

    def nothing_left(self, seconds=3):
        """No process of the case is there any more."""
        end = time.monotonic() + seconds * SLOW
        while True:
            left = self.left_behind()
            if not left:
                return
            if time.monotonic() > end:
                raise AssertionError("left running: " + "; ".join(describe(pid) for pid in left))
            time.sleep(0.02)

    def close(self):
        for cleanup in reversed(self.cleanups):
            cleanup()
        for pid in self.left_behind():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break
        subprocess.run(["chmod", "-R", "u+rwx", self.folder], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def perform(number, name, function, engine):
    stage = Stage(engine)
    began = time.monotonic()
    try:
        function(stage)
        for cleanup in reversed(stage.cleanups):
            cleanup()
        stage.cleanups = []
        stage.nothing_left()
        outcome, why = "ok", ""
    except Skipped as reason:
        outcome, why = "skip", str(reason)
    except AssertionError as error:
        outcome, why = "not ok", str(error)
    except Exception:  # a case that breaks is a case that fails
        outcome, why = "not ok", traceback.format_exc()
    stage.close()
    line = "%s %d %s" % ("ok" if outcome == "skip" else outcome, number, name)
    print(line + (" # SKIP " + why if outcome == "skip" else ""))
    if outcome == "not ok":
        print("\n".join("# " + line for line in why.splitlines()))
    print("# %.2f s" % (time.monotonic() - began), flush=True)
    return outcome != "not ok"


def main():
    """Runs the cases of the file that called this."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", required=True)
    parser.add_argument("--only", default="", help="only the cases with this in their name")
    options = parser.parse_args()
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    chosen = [item for item in CASES if options.only in item[0]]
    print("1..%d" % len(chosen), flush=True)
    good = [
        perform(number, name, function, os.path.abspath(options.engine))
        for number, (name, function) in enumerate(chosen, 1)
    ]
    return 0 if all(good) else 1


def leave():
    sys.exit(main())
