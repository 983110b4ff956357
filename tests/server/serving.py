"""What the tests of the server stand on: the program `serve` with a home of its own, raw HTTP, raw WebSockets, and TAP.

Requests are written byte by byte here, because what a library would never send is what the server must withstand.
"""

import argparse
import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

CASES = []

# A sanitizer slows the program down; what a person would call quick is stretched by this much.
SLOW = float(os.environ.get("PINOKIO_TEST_SLOW", "1"))

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def case(name):
    """Marks a function of one argument, the Stage, as the case of that name."""

    def keep(function):
        CASES.append((name, function))
        return function

    return keep


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    @property
    def json(self):
        return json.loads(self.body)


class Http:
    """A connection that is kept."""

    def __init__(self, sock):
        self.sock = sock
        self.rest = b""

    def send(self, data):
        self.sock.sendall(data)
        return self

    def read_head(self, seconds=10):
        self.sock.settimeout(seconds * SLOW)
        data = self.rest
        while b"\r\n\r\n" not in data:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError("closed; so far: %r" % data[:200])
            data += more
        head, _, self.rest = data.partition(b"\r\n\r\n")
        return Answer(head + b"\r\n\r\n")

    def answer(self, seconds=10, head_only=False):
        answer = self.read_head(seconds)
        length = 0 if head_only else int(answer.headers.get("content-length", "0"))
        while len(self.rest) < length:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError("closed in the middle of a body")
            self.rest += more
        answer.body, self.rest = self.rest[:length], self.rest[length:]
        return answer

    def is_closed(self, seconds=10):
        """Waits for the other side to close."""
        self.sock.settimeout(seconds * SLOW)
        try:
            while self.sock.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except socket.timeout:
            return False

    def close(self):
        self.sock.close()


class WebSocket(Http):
    """After the handshake."""

    def frame(self, opcode, payload=b"", last=True, mask=True, reserved=0, length=None):
        """Any frame, however wrong."""
        length = len(payload) if length is None else length
        head = bytes([(0x80 if last else 0) | reserved << 4 | opcode])
        bit = 0x80 if mask else 0
        if length < 126:
            head += bytes([bit | length])
        elif length < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", length)
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", length)
        if mask:
            key = os.urandom(4)
            repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
            number = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
            payload = key + number.to_bytes(len(payload), "big")
        return self.send(head + payload)

    def exactly(self, count):
        while len(self.rest) < count:
            more = self.sock.recv(max(65536, count - len(self.rest)))
            if not more:
                raise EOFError("closed")
            self.rest += more
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def receive(self, seconds=10):
        """The next frame: (opcode, payload)."""
        self.sock.settimeout(seconds * SLOW)
        first, second = self.exactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self.exactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self.exactly(8))
        if second & 0x80 or not first & 0x80:
            raise AssertionError("a masked or partial frame of the server")
        return first & 0x0F, self.exactly(length)

    def message(self, seconds=10):
        while True:
            opcode, payload = self.receive(seconds)
            if opcode not in (PING, PONG):
                return opcode, payload

    def events(self, seconds=10):
        opcode, payload = self.message(seconds)
        if opcode != TEXT:
            raise AssertionError("no text but %d: %r" % (opcode, payload[:200]))
        return json.loads(payload)

    def closing(self, seconds=10):
        """Passes over messages until the close; gives (code, reason)."""
        while True:
            opcode, payload = self.receive(seconds)
            if opcode == CLOSE:
                try:
                    self.frame(CLOSE, payload[:2])
                except ConnectionError:
                    pass  # it did not wait for that
                return struct.unpack(">H", payload[:2])[0], payload[2:].decode()


class Stage:
    """One case's world."""

    def __init__(self, program):
        self.program = program
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="pinokio-server-"))
        self.home = os.path.join(self.folder, "home")
        self.process = None
        self.port = 0
        self.env = {}  # of the server, beside the own
        self.sockets = []
        os.makedirs(os.path.join(self.home, "api"))

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def app(self, name, **files):
        folder = os.path.join(self.home, "api", name)
        os.makedirs(folder)
        for key, content in files.items():
            with open(os.path.join(folder, key.replace("__", ".")), "w", encoding="utf-8") as file:
                file.write(content if isinstance(content, str) else json.dumps(content))
        return folder

    def start(self, *arguments):
        # A port of each test run's own: others may run beside this one.
        first = 20000 + os.getpid() % 20000
        command = [self.program, self.home, "--port", str(first)] + [str(argument) for argument in arguments]
        self.errors = open(self.path("errors"), "wb+")
        env = dict(os.environ, PINOKIO_HOME=self.home, PINOKIO_OFFLINE="1", **self.env)
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, env=env)
        line = self.process.stdout.readline().decode()
        if not line.startswith("port "):
            raise AssertionError("serve did not start: " + self.said())
        self.port = int(line.split()[1])
        with open(os.path.join(self.home, "run", "token"), encoding="ascii") as file:
            self.token = file.read().strip()
        return self

    def said(self):
        with open(self.path("errors"), "rb") as file:
            return file.read().decode("utf-8", "replace")

    # Talking

    def connect(self, local=False):
        if local:
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(os.path.join(self.home, "run", "engine.sock"))
        else:
            sock = socket.create_connection(("127.0.0.1", self.port))
        http = Http(sock)
        self.sockets.append(http)
        return http

    def head(self, method, path, headers=(), token=None, host="127.0.0.1"):
        lines = ["%s %s HTTP/1.1" % (method, path), "Host: " + host]
        if token is None:
            lines.append("Authorization: Bearer " + self.token)
        lines += list(headers)
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def ask(self, method, path, body=None, headers=(), local=False, token=None, host="127.0.0.1", seconds=10):
        """One request on a connection of its own; body: bytes, or data that is sent as JSON."""
        headers = list(headers)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.append("Content-Type: application/json")
        if body is not None:
            headers.append("Content-Length: %d" % len(body))
        http = self.connect(local)
        http.send(self.head(method, path, headers, token, host) + (body or b""))
        answer = http.answer(seconds, method == "HEAD")
        http.close()
        return answer

    def upgrade(self, path, headers=(), token=None, host="127.0.0.1", local=False):
        """The answer to a handshake, and the connection."""
        http = self.connect(local)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + key]
        http.send(self.head("GET", path, lines + list(headers), token, host))
        answer = http.read_head()
        sock = WebSocket(http.sock)
        sock.rest = http.rest
        return answer, sock

    def socket(self, path, **options):
        answer, sock = self.upgrade(path, **options)
        if answer.status != 101:
            raise AssertionError("handshake: %d" % answer.status)
        return sock

    # Checks

    def equal(self, got, wanted, what=""):
        if got != wanted:
            raise AssertionError("%s: expected %r, got %r" % (what or "value", wanted, got))

    def problem(self, answer, status, part=""):
        """A problem of that status, whose detail has that part."""
        self.equal(answer.status, status, "status (%r)" % answer.body[:300])
        self.equal(answer.headers.get("content-type"), "application/problem+json", "type")
        found = answer.json
        self.equal(found["status"], status)
        if part not in found["detail"]:
            raise AssertionError("no %r in %r" % (part, found))

    def waits(self, condition, what, seconds=10):
        end = time.monotonic() + seconds * SLOW
        while not condition():
            if time.monotonic() > end:
                raise AssertionError("waited in vain: " + (what() if callable(what) else what))
            time.sleep(0.02)

    def alive(self):
        """It answers, and has complained of nothing."""
        self.equal(self.ask("GET", "/v1/status").status, 200, "status afterwards")

    def rss(self):
        """Anonymous memory, bytes."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            for line in file:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no RssAnon")

    def costs(self, before, most, what):
        """Its memory has not grown by more than that since it was before."""
        with open("/proc/%d/maps" % self.process.pid, encoding="ascii", errors="replace") as file:
            if "libasan" in file.read():
                return  # a sanitizer keeps what was freed
        if self.rss() - before > most:
            raise AssertionError("%s cost %d bytes" % (what, self.rss() - before))

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def close(self):
        for http in self.sockets:
            http.close()
        trouble = ""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20 * SLOW)
            except subprocess.TimeoutExpired:
                trouble = "serve did not end"
                self.process.kill()
                self.process.wait()
        if self.process is not None:
            self.process.stdout.close()
            self.errors.close()
            if self.process.returncode != 0:
                trouble = trouble or "serve ended with %d" % self.process.returncode
            if "CRITICAL" in self.said() or "WARNING" in self.said():
                trouble = trouble or "serve complained"
            trouble += trouble and ": " + self.said()[-3000:]
        shutil.rmtree(self.folder, ignore_errors=True)
        return trouble


def perform(number, name, function, program):
    stage = Stage(program)
    began = time.monotonic()
    why = ""
    try:
        function(stage)
    except AssertionError as error:
        why = str(error) or traceback.format_exc()
    except Exception:  # a case that breaks is a case that fails
        why = traceback.format_exc()
    left = stage.close()
    why = "\n".join(part for part in (why, left) if part)
    print("%s %d %s" % ("not ok" if why else "ok", number, name))
    if why:
        print("\n".join("# " + line for line in why.splitlines()))
    print("# %.2f s" % (time.monotonic() - began), flush=True)
    return not why


def main():
    """Runs the cases of the file that called this."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve", required=True)
    parser.add_argument("--only", default="", help="only the cases with this in their name")
    options = parser.parse_args()
    chosen = [item for item in CASES if options.only in item[0]]
    print("1..%d" % len(chosen), flush=True)
    good = [
        perform(number, name, function, os.path.abspath(options.serve))
        for number, (name, function) in enumerate(chosen, 1)
    ]
    sys.exit(0 if all(good) else 1)
