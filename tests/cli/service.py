"""What the tests of the service's commands stand on, over the end-to-end harness: an engine of the case's own home."""

import fcntl
import http.client
import json
import os
import signal
import socket
import struct
import sys
import termios
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

# pylint: disable=unused-import
from harness import SLOW, Skipped, case, descendants, describe, is_zombie, leave, obey_permissions

COMMANDS = ["up", "down", "status", "start", "stop", "restart", "logs", "ps", "attach", "open", "tunnel", "settings", "recover", "search", "list", "info"]

MENU = "module.exports = {version: '4.0', title: 'T', menu: async () => [{text: 'Start', href: 'start.json', default: true}]}"


def started(t, program, word):
    """What the case started as `PROGRAM WORD ...`, also when nobody waits for it any more."""
    path = os.path.join(os.path.dirname(t.engine), program)
    return [
        pid
        for pid in descendants(os.getpid())
        if command_line(pid)[:2] == [path, word] and not is_zombie(pid)
    ]


def engines(t):
    return started(t, "pinokiocloud", "engine")


def command_line(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return []


def note(t):
    return json.loads(t.read(t.home, "run", "engine.json"))


def end_all(t):
    """Everything that the case's engine runs, and the engine; once, also when it fails."""
    if getattr(t, "ended", False):
        return
    t.ended = True
    try:
        t.run("down", "--apps", seconds=60)
    finally:
        # A worker for menus stays for some seconds, whatever became of its engine.
        workers = [pid for pid in started(t, "pinokiocloud-runner", "serve") if "--worker" in command_line(pid)]
        for pid in engines(t) + workers:
            os.kill(pid, signal.SIGKILL)


def up(t, *options, **more):
    """An engine that is ended after the case; gives its pid."""
    t.cleanups.append(lambda: end_all(t))
    program = t.run("up", *options, **more)
    t.status(program, 0)
    return note(t)["pid"]


def is_gone(pid):
    return not os.path.exists("/proc/%d" % pid) or is_zombie(pid)


def gone(t, pid, seconds=10):
    t.waits(lambda: is_gone(pid), "the end of %s" % describe(pid), seconds)


def kill_engine(t):
    """As a crash: nothing of it is told to anybody."""
    pid = note(t)["pid"]
    os.kill(pid, signal.SIGKILL)
    gone(t, pid)


def shell(message, **params):
    return {"method": "shell.run", "params": dict(params, message=message)}


def app(t, name="demo", steps=(), daemon=True, **files):
    return t.app(name, pinokio__js=MENU, start__json={"daemon": daemon, "run": list(steps)}, **files)


def printing(name="demo", url="http://127.0.0.1:4321/", pause="0.05"):
    """The steps of an app that says its address and then prints numbered lines for ever."""
    return [
        shell(
            "echo begin-%s; echo at %s; i=0; while true; do echo number $i; i=$((i+1)); sleep %s; done"
            % (name, url, pause),
            on=[{"event": "/at (http[^ \\r\\n]+)/", "done": True}],
        ),
        {"method": "local.set", "params": {"url": "{{input.event[1]}}"}},
    ]


def asking(*fields):
    return {"method": "input", "params": {"title": "Who are you", "form": list(fields)}}


def log(text):
    return {"method": "log", "params": {"text": text}}


def status(t, *arguments):
    program = t.run("status", "--json", *arguments)
    return json.loads(program.out)


def ps(t):
    program = t.run("ps", "--json")
    t.status(program, 0)
    return json.loads(program.out)


def numbers(text):
    """The lines "number N" of an app that prints them."""
    return [
        int(line.split()[1]) for line in text.splitlines() if line.startswith("number ") and line.split()[1:]
    ]


def resize(program, columns, rows):
    fcntl.ioctl(program.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.killpg(program.pid, signal.SIGWINCH)


class Local(http.client.HTTPConnection):
    """HTTP over the engine's socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def api(t, method, path, body=None):
    """Another client of the engine; gives the answer's JSON."""
    connection = Local(os.path.join(t.home, "run", "engine.sock"))
    try:
        connection.request(
            method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise AssertionError("%s %s: %d %s" % (method, path, answer.status, text.decode()))
        return json.loads(text) if text else None
    finally:
        connection.close()


def newest_run(t, name="demo"):
    return api(t, "GET", "/v1/runs?limit=1&app=" + urllib.parse.quote(name))[0]
