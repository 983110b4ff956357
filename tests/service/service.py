"""What the tests of the service stand on: an engine with a PINOKIO_HOME of its own, driven as its users drive it.

Commands run as in the end-to-end tests (tests/e2e/harness.py, whose cases and TAP these are); the API is spoken over the
Unix socket or TCP. Judged is what a user sees: answers, files, processes. The harness is the reaper of all that the
engine leaves behind, so a runner, keeper or command that outlives its case is found.
"""

import functools
import glob
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import harness  # noqa: E402
from harness import SLOW, Program, children_of, descendants, describe, is_zombie, leave  # noqa: E402,F401
from client import Api  # noqa: E402

ENDED = ("finished", "stopped", "error", "interrupted")
RUNNER = "pinokiocloud-runner"
KEEPER = "pinokiocloud-keeper"


def case(name, when=True):
    """Marks a function as the case of that name; its argument is a Service. After it nothing may be left running."""

    def keep(function):
        @functools.wraps(function)
        def staged(stage):
            service = Service(stage)
            try:
                function(service)
                service.finish()
            except AssertionError as error:
                raise AssertionError("%s\n%s" % (error, service.last_words()))

        if when:
            harness.CASES.append((name, staged))
        return staged

    return keep


def program_of(pid):
    """The name of the program that a process runs; "" when it has gone."""
    try:
        return os.path.basename(os.readlink("/proc/%d/exe" % pid)).replace(" (deleted)", "")
    except OSError:
        return ""


def command_line(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return []


def alive(pid):
    return pid > 0 and os.path.exists("/proc/%d" % pid) and not is_zombie(pid)


def memory_of(pid):
    """MB: resident and, of that, anonymous."""
    fields = {}
    with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name in ("VmRSS", "RssAnon"):
                fields[name] = int(value.split()[0]) / 1024
    return fields["VmRSS"], fields["RssAnon"]


def keeps_what_was_freed(pid):
    """AddressSanitizer does: the memory of such a build says nothing."""
    with open("/proc/%d/maps" % pid, encoding="ascii", errors="replace") as file:
        return "libasan" in file.read()


def cpu_of(pid):
    """Seconds of processor time that a process has had, to the nanosecond."""
    total = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
        try:
            with open(path, encoding="ascii") as file:
                total += int(file.read().split()[0])
        except OSError:
            pass  # that thread ended
    return total / 1e9


def lock_holder(path):
    """The process that holds a file's flock(), as the kernel tells; None when nobody does. Takes no lock itself."""
    try:
        inode = os.stat(path).st_ino
    except FileNotFoundError:
        return None
    for _ in range(4):  # the kernel tells of locks page by page, and may leave one out while others come and go
        with open("/proc/locks", encoding="ascii") as file:
            for line in file:
                fields = line.split()
                if "FLOCK" in fields and fields[-3].rsplit(":", 1)[1] == str(inode):
                    return int(fields[-4])
    return None


class Service:
    """The engine of one home, and the checks of what it does."""

    def __init__(self, stage):
        self.stage = stage
        self.home = stage.home
        self.folder = stage.folder
        self.started = set()  # processes that subprocess waits for: not ours to reap
        self.equal, self.has, self.lacks = stage.equal, stage.has, stage.lacks
        stage.env["PINOKIO_NO_BROWSER"] = "1"

    # Commands

    def start(self, *arguments, **options):
        program = self.stage.start(*arguments, **options)
        self.started.add(program.pid)
        return program

    def run(self, *arguments, seconds=30, status=0, **options):
        """A command from start to end; status None: whatever it is."""
        program = self.start(*arguments, **options)
        program.end(seconds)
        if status is not None:
            self.stage.status(program, status)
        return program

    def spawn(self, *command, **options):
        """A process of the test's own, ended with the case."""
        program = Program(list(command), env=self.stage.env, cwd=self.folder, **options)
        self.started.add(program.pid)
        self.stage.cleanups.append(lambda: (program.process.kill(), program.process.wait()))
        return program

    def up(self, *arguments, **options):
        """Starts the engine; gives the seconds that the command took."""
        return self.run("up", *arguments, **options).seconds

    def down(self, *arguments, **options):
        return self.run("down", *arguments, **options)

    # The engine as a process

    def run_path(self, *parts):
        return os.path.join(self.home, "run", *parts)

    def engine_json(self):
        with open(self.run_path("engine.json"), encoding="utf-8") as file:
            return json.load(file)

    def engine_pid(self):
        """None when no engine holds the home's lock."""
        if lock_holder(self.run_path("engine.lock")) is None:
            return None
        try:
            pid = self.engine_json()["pid"]
        except (OSError, ValueError, KeyError):
            return None
        return pid if pid in descendants(os.getpid()) and alive(pid) else None

    def starting_pids(self):
        """Processes that are the engine or are becoming it, whatever the files say."""
        return [
            pid
            for pid in descendants(os.getpid())
            if program_of(pid) == "pinokiocloud" and "engine" in command_line(pid)[1:2]
        ]

    def programs(self, name):
        return [pid for pid in descendants(os.getpid()) if program_of(pid) == name and not is_zombie(pid)]

    def runners(self):
        """Those of runs; a worker that looks at menus stays for a while."""
        return [pid for pid in self.programs(RUNNER) if "--run" in command_line(pid)]

    def kill_runner(self, run):
        """kill -9 of the runner of a run; that of the run before it may still be on its way out."""

        def there():
            return [pid for pid in self.runners() if run in command_line(pid)]

        return self.kill(self.waits(there, "the runner of %s is there" % run)[0])

    def processes_with(self, word):
        """Processes that have a word on their command line."""
        return [
            pid
            for pid in descendants(os.getpid())
            if not is_zombie(pid) and any(word in argument for argument in command_line(pid))
        ]

    def kill(self, pid=None):
        """kill -9, and gone. Without a pid: the engine."""
        if pid is None:
            pid = self.engine_pid()
            if pid is None:
                raise AssertionError("there is no engine to kill")
        if pid not in descendants(os.getpid()):
            raise AssertionError("%d is no process of this test" % pid)
        os.kill(pid, signal.SIGKILL)
        self.waits(lambda: not alive(pid), "%d is gone after kill -9" % pid)
        self.reap()
        return pid

    def kill_all(self, *programs):
        """kill -9 for all of these, of which some may be on their way out by themselves."""
        for pid in [pid for program in programs for pid in self.programs(program)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.waits(lambda: not any(self.programs(program) for program in programs), "they are gone after kill -9")
        self.reap()

    def reap(self):
        """What the engine left to init: here that is this process."""
        for pid in children_of(os.getpid()):
            if pid not in self.started and is_zombie(pid):
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass

    def waits(self, condition, what, seconds=10):
        """Waits until it holds; gives what the condition gave."""
        end = time.monotonic() + seconds * SLOW
        while True:
            found = condition()
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError(
                    "waited %g s in vain: %s" % (seconds * SLOW, what() if callable(what) else what)
                )
            self.reap()
            time.sleep(0.01)

    # The API

    def api(self, **options):
        """Over the Unix socket."""
        return Api(path=self.run_path("engine.sock"), **options)

    def token(self):
        with open(self.run_path("token"), encoding="ascii") as file:
            return file.read().strip()

    def tcp(self, token=True, **options):
        return Api(port=self.engine_json()["port"], token=self.token() if token is True else token, **options)

    def launch(self, app, **body):
        """Starts an app over the API; gives the run's id."""
        answer = self.api().post(["v1", "apps", app, "start"], body)
        self.equal(answer.status, 202, "start of %r: %s" % (app, answer.text))
        return answer.json()["run"]

    def view(self, run):
        return self.api().get(["v1", "runs", run]).ok().json()

    def brief(self, run):
        """What a failed check tells of a run."""
        view = self.view(run)
        kept = ("script", "kind", "state", "step", "total", "error", "url", "method")
        shells = [
            (shell["id"], shell["pid"], shell["running"], shell["exit_code"]) for shell in view["shells"]
        ]
        return "%s; shells (id, pid, running, exit code): %s" % ({name: view[name] for name in kept}, shells)

    def state(self, run):
        return self.view(run)["state"]

    def app_state(self, app):
        return self.api().get(["v1", "apps", app]).ok().json()["state"]

    def becomes(self, run, *states, seconds=20):
        """Waits for a run's state; gives its view. Another state that it cannot leave fails at once."""

        def there():
            view = self.view(run)
            if view["state"] in states:
                return view
            if view["state"] in ENDED:
                raise AssertionError(
                    "run %s is %s, not %s: %s" % (run, view["state"], "/".join(states), view.get("error"))
                )
            return None

        return self.waits(there, lambda: "%s of %s: %s" % ("/".join(states), run, self.brief(run)), seconds)

    def app_becomes(self, app, state, seconds=20):
        """An app that was cloned this moment may not be known yet."""

        def now():
            answer = self.api().get(["v1", "apps", app])
            return "UNKNOWN" if answer.status == 404 else answer.ok().json()["state"]

        self.waits(lambda: now() == state, lambda: "%r is %s, not %s" % (app, now(), state), seconds)

    def ready(self, app, **body):
        """Starts an app and waits until it is ready; gives the run's view."""
        return self.becomes(self.launch(app, **body), "ready")

    def stop(self, app):
        answer = self.api().post(["v1", "apps", app, "stop"], query={"wait": 20})
        if answer.status not in (200, 204):
            raise AssertionError("stop of %r: %d %s" % (app, answer.status, answer.text))

    def stop_run(self, run):
        answer = self.api().post(["v1", "runs", run, "stop"], query={"wait": 20})
        if answer.status not in (200, 204):
            raise AssertionError("stop of run %s: %d %s" % (run, answer.status, answer.text))

    def events(self, run, offset=0):
        """All events that are there from a byte on; gives (events, byte to go on from)."""
        found = []
        while True:
            answer = self.api().get(["v1", "runs", run, "events"], query={"offset": offset}).ok()
            after = int(answer.headers["x-next-offset"])
            found += [json.loads(line) for line in answer.body.splitlines()]
            if after == offset:
                return found, offset
            offset = after

    def shells(self, run):
        """The views of a run's shells."""
        return [shell for shell in self.api().get("/v1/shells").ok().json() if shell["run"] == run]

    def log_path(self, shell):
        found = glob.glob(
            os.path.join(glob.escape(self.home), "logs", "**", "shell-%s.log" % shell), recursive=True
        )
        if not found:
            raise AssertionError("no log of shell %s under %s/logs" % (shell, self.home))
        return found[0]

    # The end

    def engine_log(self):
        try:
            with open(
                os.path.join(self.home, "logs", "engine.log"), encoding="utf-8", errors="replace"
            ) as file:
                return file.read()
        except OSError:
            return ""

    def last_words(self):
        return "engine.log: ..." + self.engine_log()[-1500:]

    def nothing_left(self, but=(), seconds=10):
        """Of all that was ever started under this home, no process is there any more."""

        def left():
            return [pid for pid in descendants(os.getpid()) if not is_zombie(pid) and pid not in but]

        self.waits(
            lambda: not left(), lambda: "left running: " + "; ".join(describe(pid) for pid in left()), seconds
        )

    def finish(self):
        self.reap()
        if self.engine_pid() is not None or self.programs(KEEPER) or self.programs(RUNNER):
            self.down("--apps", seconds=60)
        for cleanup in reversed(self.stage.cleanups):
            cleanup()
        self.stage.cleanups = []
        self.nothing_left()
        log = self.engine_log()
        for word in ("CRITICAL **", "-CRITICAL", "Sanitizer:", "runtime error:"):
            if word in log:
                raise AssertionError("the engine's log has %r:\n%s" % (word, log[-3000:]))
