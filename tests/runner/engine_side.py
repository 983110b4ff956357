"""The engine's side of the line to a runner (app/core/control/protocol.h), spoken over a real socket by the test itself."""

import json
import os
import socket
import subprocess
import threading
import time

from harness import SLOW


class Line:
    """One connection of a runner."""

    def __init__(self, engine, connection):
        self.engine = engine
        self.connection = connection
        self.messages = []
        self.closed = False
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        data = b""
        while True:
            try:
                chunk = self.connection.recv(65536)
            except OSError:
                chunk = b""
            if not chunk:
                break
            data += chunk
            while b"\n" in data:
                line, data = data.split(b"\n", 1)
                message = json.loads(line)
                if message["type"] == "query" and self.engine.answers is not None:
                    self.reply(message)
                with self.changed:
                    self.messages.append(message)
                    self.changed.notify_all()
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def reply(self, query):
        value = self.engine.answers(query)
        if value is not NotImplemented:
            self.send("reply", id=query["id"], value=value)

    def send(self, kind, **members):
        try:
            self.connection.sendall(json.dumps(dict(members, type=kind)).encode() + b"\n")
        except OSError:
            pass  # it has gone: what the test waits for next tells

    def expect(self, kind, where=lambda message: True, seconds=20):
        """Waits for a message that was not taken before; those before it are passed over."""
        end = time.monotonic() + seconds * SLOW
        with self.changed:
            while True:
                for index, message in enumerate(self.messages):
                    if message["type"] == kind and where(message):
                        del self.messages[: index + 1]
                        return message
                left = end - time.monotonic()
                if left <= 0 or self.closed:
                    raise AssertionError("no %s came; %s: %r" % (kind, "closed" if self.closed else "there is", self.messages[-5:]))
                self.changed.wait(min(left, 0.2))

    def state(self, where=lambda state: True, seconds=20):
        return self.expect("state", where, seconds)

    def all_of(self, kind):
        with self.changed:
            return [message for message in self.messages if message["type"] == kind]

    def close(self):
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.connection.close()
        self.reader.join(10)


class Engine:
    """Listens where runners look for the engine, and can vanish and come back."""

    def __init__(self, stage):
        self.stage = stage
        self.run_dir = os.path.join(stage.home, "run")
        os.makedirs(os.path.join(self.run_dir, "shells"), exist_ok=True)
        self.path = os.path.join(self.run_dir, "control.sock")
        self.answers = lambda query: {"running": []}.get(query["what"])
        self.listener = None
        self.lines = []
        self.come()
        stage.cleanups.append(self.go)

    def come(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(8)
        self.listener.settimeout(20 * SLOW)

    def go(self):
        """As a killed engine: its lines break and nobody listens."""
        if self.listener is not None:
            self.listener.close()
        self.listener = None
        for line in self.lines:
            line.close()
        self.lines = []

    def accept(self):
        """The next connection and its hello."""
        line = Line(self, self.listener.accept()[0])
        self.lines.append(line)
        return line, line.expect("hello")

    # runs

    def environment(self):
        return {"PINOKIO_RUN_DIR": self.run_dir}

    def journal(self, run):
        return os.path.join(self.stage.home, "logs", "api", "app", "run-%s.journal" % run)

    def start(self, run, path, **job):
        """A runner at work: (program, line)."""
        program = self.stage.start("serve", "--run", run, env=self.environment())
        line, hello = self.accept()
        self.stage.equal((hello["run"], hello["begun"], hello["protocol"]), (run, False, 1), "hello")
        members = {"mode": "run", "path": path, "input": None, "journal": self.journal(run), "cols": 80, "rows": 24}
        line.send("job", **dict(members, **job))
        return program, line

    def text(self, run):
        """The journal as it stands; "" before it is there."""
        try:
            return self.stage.read(self.journal(run))
        except FileNotFoundError:
            return ""

    def events(self, run):
        return [json.loads(line) for line in self.text(run).split("\n") if line]

    def output(self, run, shell):
        """What the journal says that a shell printed: every byte once, in order."""
        text, at = b"", 0
        for event in self.events(run):
            if event["type"] != "stream" or event.get("shell") != shell:
                continue
            if "raw" in event:
                piece = event["raw"].encode()
            else:
                with open(event["log"], "rb") as log:
                    log.seek(event["offset"] - event["length"])
                    piece = log.read(event["length"])
            if event["offset"] != at + len(piece):
                raise AssertionError("a piece at %d of %d bytes after byte %d" % (event["offset"], len(piece), at))
            text, at = text + piece, event["offset"]
        return text

    def stop_shell(self, state_shell):
        """What the engine does with a keeper that it holds itself."""
        pid = state_shell["pid"]
        try:
            keeper = int(open("/proc/%d/stat" % pid, encoding="ascii").read().rsplit(")", 1)[1].split()[1])
            os.kill(keeper, 15)
        except (OSError, ValueError):
            return
        self.stage.waits(lambda: not os.path.exists("/proc/%d" % pid) or is_gone(pid), "the end of a shell")


def is_gone(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def lives(pid):
    return not is_gone(pid)


def ends_well(stage, program, seconds=30):
    program.end(seconds)
    stage.status(program, 0)
    stage.equal(program.both, "", "what it printed")


__all__ = ["Engine", "Line", "ends_well", "is_gone", "lives", "subprocess"]
