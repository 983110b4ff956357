#!/usr/bin/env python3
"""The engine's own commands: up, down, status; what the daemon is; bad homes, ports and words."""

import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess

from service import COMMANDS, case, end_all, engines, gone, is_gone, leave, note, obey_permissions, status, up


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def is_locked(t):
    with open(os.path.join(t.home, "run", "engine.lock"), "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@case("/cli/up/comes-up-and-tells-where")
def comes_up(t):
    t.cleanups.append(lambda: end_all(t))
    program = t.run("up")
    t.status(program, 0)
    found = note(t)
    t.has(program.err, r"^\[pinokiocloud\] the engine runs: pid %d, port %d" % (found["pid"], found["port"]))
    t.equal(program.out, "", "standard output")
    t.equal(engines(t), [found["pid"]], "engines")
    t.equal(t.run("status").code, 0, "status")
    with socket.create_connection(("127.0.0.1", found["port"]), 5):
        pass


@case("/cli/up/again-says-so-and-that-options-were-not-applied")
def again(t):
    pid = up(t)
    program = t.run("up")
    t.status(program, 0)
    t.has(program.err, "runs already: pid %d" % pid)
    t.lacks(program.err, "not applied")
    program = t.run("up", "--port", "43111", "--no-autolaunch")
    t.status(program, 0)
    t.has(program.err, "not applied")
    t.equal(engines(t), [pid], "engines")


@case("/cli/up/twenty-at-once-give-one-engine")
def twenty(t):
    t.cleanups.append(lambda: end_all(t))
    programs = [t.start("up") for _ in range(20)]
    for program in programs:
        program.end(60)
        t.status(program, 0)
    t.waits(lambda: len(engines(t)) == 1, "those that came too late have gone")
    t.equal(engines(t)[0], note(t)["pid"], "the engine in the note")
    t.equal(sum("engine runs: pid" in program.err for program in programs), 1, "programs that started it")


@case("/cli/up/after-a-kill")
def after_kill(t):
    first = up(t)
    for _ in range(5):
        pid = note(t)["pid"]
        os.kill(pid, signal.SIGKILL)
        gone(t, pid)
        t.status(t.run("up"), 0)
        t.equal(len(engines(t)), 1, "engines")
    t.equal(note(t)["pid"] != first, True, "another engine")


@case("/cli/up/is-a-daemon")
def daemon(t):
    inner, outer = os.pipe()
    pid = up(t, env={"HF_TOKEN": "kept"}, pass_fds=[outer])
    os.close(outer)
    t.equal(select.select([inner], [], [], 5)[0], [inner], "what was open is not kept open")
    os.close(inner)
    t.equal(os.readlink("/proc/%d/cwd" % pid), "/", "working folder")
    t.has(t.read("/proc/%d/status" % pid), r"^Umask:\s+0077$")
    t.equal(os.readlink("/proc/%d/fd/0" % pid), "/dev/null", "standard input")
    log = os.path.join(t.home, "logs", "engine.log")
    t.equal([os.readlink("/proc/%d/fd/%d" % (pid, fd)) for fd in (1, 2)], [log, log], "output")
    t.equal(mode(log), 0o600, "mode of the log")
    t.equal(mode(os.path.join(t.home, "run", "engine.json")), 0o600, "mode of the note")
    t.equal(mode(os.path.join(t.home, "run")), 0o700, "mode of the run folder")
    t.equal(os.getsid(pid) != os.getsid(0), True, "a session of its own")
    t.has(t.read("/proc/%d/environ" % pid), "HF_TOKEN=kept")
    with open("/proc/%d/stat" % pid, encoding="ascii") as file:
        t.equal(file.read().rsplit(")", 1)[1].split()[4], "0", "its terminal")


@case("/cli/up/is-light")
def light(t):
    pid = up(t)
    maps = t.read("/proc/%d/maps" % pid)
    t.has(maps, "libsoup")
    t.lacks(maps, "(?i)javascriptcore|libicu")
    listed = subprocess.run(["ldd", t.engine], stdout=subprocess.PIPE, check=True, text=True).stdout
    t.lacks(listed, "(?i)javascriptcore")


@case("/cli/up/a-port-that-is-taken-gives-the-next")
def port_taken(t):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        if port > 65000:
            return
        up(t, "--port", str(port))
        found = note(t)["port"]
        t.equal(port < found < port + 100, True, "port %d beside %d" % (found, port))
        t.equal(status(t)["engine"]["port"], found, "port in status")


@case("/cli/up/on-a-read-only-home")
def read_only(t):
    os.chmod(t.home, 0o555)
    program = t.run("up", preexec=obey_permissions)
    t.fails(program, re.escape(t.home), "(?i)permission denied")
    t.equal(engines(t), [], "engines")


@case("/cli/up/on-a-home-that-is-a-file")
def home_file(t):
    path = os.path.join(t.folder, "file")
    with open(path, "w", encoding="ascii"):
        pass
    program = t.run("up", env={"PINOKIO_HOME": path})
    t.fails(program, re.escape(path))
    for command in ("ps", "status"):
        t.equal(t.run(command, env={"PINOKIO_HOME": path}).code in (1, 3), True, command)


@case("/cli/up/that-fails-shows-its-log")
def fails(t):
    os.makedirs(os.path.join(t.home, "library.sqlite"))
    program = t.run("up")
    t.fails(program, "did not come up", r"library\.sqlite")
    t.has(t.read(t.home, "logs", "engine.log"), r"library\.sqlite")
    t.equal(engines(t), [], "engines")
    t.equal(t.run("status").code, 3, "status")


@case("/cli/up/that-fails-says-why-though-its-log-cannot-be-written")
def fails_silently(t):
    """As on a full disk: nothing that the engine writes into its log arrives."""
    os.makedirs(os.path.join(t.home, "library.sqlite"))
    os.makedirs(os.path.join(t.home, "logs"))
    os.symlink("/dev/full", os.path.join(t.home, "logs", "engine.log"))
    program = t.run("up")
    t.fails(program, "did not come up", r"library\.sqlite")
    t.lacks(program.err, "wrote nothing")
    t.equal(engines(t), [], "engines")


@case("/cli/up/foreground-until-ctrl-c")
def foreground(t):
    program = t.start("up", "--foreground")
    program.until(r"engine \S+ serves")
    t.equal(note(t)["pid"], program.pid, "pid")
    t.equal(t.run("up").code, 0, "another up")
    program.signal(signal.SIGINT)
    t.equal(program.end(), 0, "exit status")
    t.has(program.err, "engine ends")
    t.equal(os.path.exists(os.path.join(t.home, "run", "engine.json")), False, "note")


@case("/cli/up/foreground-beside-another-engine-fails")
def foreground_taken(t):
    pid = up(t)
    program = t.run("up", "--foreground")
    t.fails(program, str(pid))


@case("/cli/up/with-paths-that-are-long-blank-and-foreign")
def long_home(t):
    home = os.path.join(t.folder, "d" * 90, "a b 'c\" é 日本", "e" * 60)
    t.env["PINOKIO_HOME"] = t.home = home
    pid = up(t)
    t.equal(status(t)["engine"]["pid"], pid, "pid")
    t.equal(status(t)["engine"]["home"], home, "home")


@case("/cli/up/of-a-relative-home")
def relative(t):
    t.env["PINOKIO_HOME"] = "home"
    pid = up(t)
    t.has(t.read("/proc/%d/environ" % pid), "PINOKIO_HOME=%s\0" % re.escape(t.home))


@case("/cli/up/with-a-run-folder-elsewhere")
def run_dir(t):
    folder = os.path.join(t.folder, "elsewhere", "run")
    t.env["PINOKIO_RUN_DIR"] = folder
    t.cleanups.append(lambda: end_all(t))
    t.status(t.run("up"), 0)
    t.equal(os.path.exists(os.path.join(folder, "engine.sock")), True, "socket")
    t.equal(os.path.exists(os.path.join(t.home, "run", "engine.sock")), False, "socket in the home")
    t.status(t.run("ps"), 0)


@case("/cli/up/options-that-make-no-sense")
def bad_options(t):
    for options in (
        ["--port", "70000"],
        ["--port", "-1"],
        ["--port", "x"],
        ["--listen", "nowhere"],
        ["more"],
        ["--no-such"],
    ):
        program = t.run("up", *options)
        t.status(program, 2)
        t.has(program.err, r"\S")
    t.equal(engines(t), [], "engines")


@case("/cli/up/an-address-that-is-not-this-machines")
def bad_address(t):
    t.fails(t.run("up", "--listen", "192.0.2.77"), r"192\.0\.2\.77")
    t.equal(engines(t), [], "engines")


@case("/cli/up/signals")
def signals(t):
    pid = up(t)
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGPIPE)
    t.equal(t.run("ps").code, 0, "after SIGHUP and SIGPIPE")
    t.equal(is_gone(pid), False, "it goes on")
    os.kill(pid, signal.SIGTERM)
    gone(t, pid)
    t.equal(os.path.exists(os.path.join(t.home, "run", "engine.json")), False, "note")
    t.has(t.read(t.home, "logs", "engine.log"), "engine ends")


@case("/cli/down/waits-until-it-has-gone")
def down(t):
    for _ in range(5):
        pid = up(t)
        program = t.run("down")
        t.status(program, 0)
        t.equal(is_gone(pid), True, "the engine has gone")
        t.equal(is_locked(t), False, "its lock")
    t.has(program.err, "has ended")


@case("/cli/down/without-an-engine")
def down_nothing(t):
    program = t.run("down")
    t.status(program, 0)
    t.has(program.err, "no engine runs")
    t.equal(os.path.exists(os.path.join(t.home, "run")), False, "run folder")


@case("/cli/down/never-signals-a-stranger")
def stranger(t):
    stranger = subprocess.Popen(["sleep", "300"])
    try:
        pid = up(t)
        os.kill(pid, signal.SIGKILL)
        gone(t, pid)
        for name, text in (
            ("engine.json", json.dumps({"pid": stranger.pid, "port": 1})),
            ("engine.lock", str(stranger.pid)),
        ):
            with open(os.path.join(t.home, "run", name), "w", encoding="ascii") as file:
                file.write(text)
        program = t.run("down")
        t.status(program, 0)
        t.has(program.err, "no engine runs")
        t.equal(stranger.poll(), None, "the stranger's exit status")
        # A lock that somebody else holds is none of the stranger's either.
        with open(os.path.join(t.home, "run", "engine.lock"), "r+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            t.run("down", seconds=60)
        t.equal(stranger.poll(), None, "the stranger's exit status")
    finally:
        stranger.kill()
        stranger.wait()


@case("/cli/down/ends-an-engine-that-hangs")
def hangs(t):
    pid = up(t)
    os.kill(pid, signal.SIGSTOP)
    program = t.run("down", seconds=60)
    t.status(program, 0)
    t.has(program.err, "does not end by itself")
    t.equal(is_gone(pid), True, "the engine has gone")


@case("/cli/status/without-an-engine-is-3")
def status_nothing(t):
    program = t.run("status")
    t.status(program, 3)
    t.has(program.out, "No engine runs for %s" % re.escape(t.home))
    program = t.run("status", "--json")
    t.status(program, 3)
    t.equal(json.loads(program.out), {"running": False, "home": t.home}, "status")
    t.equal(engines(t), [], "engines")


@case("/cli/status/with-one")
def status_engine(t):
    pid = up(t)
    found = status(t)
    t.equal((found["running"], found["apps"]), (True, []), "status")
    t.equal((found["engine"]["pid"], found["engine"]["home"]), (pid, t.home), "engine")
    t.equal(found["engine"]["rss"] > 1000000, True, "memory")
    program = t.run("status")
    t.has(program.out, "pid %d, port %d" % (pid, note(t)["port"]))
    t.has(program.out, "No app runs")


@case("/cli/other-commands-start-the-engine")
def started(t):
    t.cleanups.append(lambda: end_all(t))
    program = t.run("ps")
    t.status(program, 0)
    t.equal(engines(t), [note(t)["pid"]], "engines")


@case("/cli/recover-prints-what-it-found")
def recover(t):
    up(t)
    t.app("one", pinokio__js="module.exports = {}")
    program = t.run("recover")
    t.status(program, 0)
    t.has(program.out, r"(?i)app")


@case("/cli/help/lists-all-commands-in-two-groups")
def help_lists(t):
    program = t.run("--help")
    t.status(program, 0)
    service, plain = program.out.split("Without the service")
    for command in COMMANDS:
        t.has(service, r"^  %s\b" % command)
    for command in ("run", "script", "menu", "drive", "doctor"):
        t.has(plain, r"^  %s\b" % command)
    t.lacks(program.out, r"^  engine\b")


@case("/cli/help/of-each-command")
def help_each(t):
    for command in COMMANDS + ["engine", "run", "menu", "drive", "doctor"]:
        program = t.run(command, "--help")
        t.status(program, 0)
        t.has(program.out, r"pinokiocloud (\[OPTION…\] )?%s\b" % command)
        t.equal(program.err, "", "standard error of %s --help" % command)
    t.equal(engines(t), [], "engines")


@case("/cli/usage/gives-2")
def usage(t):
    wrong = [
        ["start"],
        ["start", ""],
        ["start", "a", "b", "c"],
        ["stop"],
        ["stop", "a", "--all"],
        ["restart"],
        ["logs"],
    ]
    wrong += [["attach"], ["attach", "a", "--detach-key", "ctrl-1"], ["open"], ["open", "a", "b"]]
    wrong += [["ps", "x"], ["recover", "x"], ["down", "x"], ["status", "x"], ["start", "a", "--input", "[1]"]]
    wrong += [[command, "--no-such-option"] for command in COMMANDS]
    for arguments in wrong:
        program = t.run(*arguments)
        if program.code != 2:
            raise AssertionError("%r gave %r: %s" % (arguments, program.code, program.both))
        t.has(program.err, r"\S")
    t.equal(engines(t), [], "engines")


@case("/cli/runner/missing-is-told")
def no_runner(t):
    alone = os.path.join(t.folder, "bin", "pinokiocloud")
    os.makedirs(os.path.dirname(alone))
    shutil.copy(t.engine, alone)
    t.engine = alone
    t.fails(t.run("menu", "x"), "pinokiocloud-runner", "install")
    t.fails(t.run("menu", "x", env={"PINOKIOCLOUD_RUNNER": "/nonexistent/runner"}), "/nonexistent/runner")
    t.status(t.run("--version"), 0)
    t.status(t.run("doctor", "--no-network"), 0)


if __name__ == "__main__":
    leave()
