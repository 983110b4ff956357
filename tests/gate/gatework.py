"""What the gate's tests stand on: the real program, apps that speak on raw sockets, and clients that do.

A case is a function of one argument, the Gate: a gate of its own with an app behind it. At its end no descriptor of the
gate may be left open for what is over."""

import argparse
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

SLOW = float(os.environ.get("PINOKIO_TEST_SLOW", "1"))
KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
HOST = "quick-fox.example"
COOKIE = "pinokiocloud_gate"
CASES = []


def case(name, *options):
    def keep(function):
        CASES.append((name, function, options))
        return function

    return keep


def wait_for(what, condition, seconds=10):
    end = time.monotonic() + seconds * SLOW
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain for " + what)
        time.sleep(0.005)


def seal(passcode, salt=b"0123456789abcdef"):
    found = hashlib.pbkdf2_hmac("sha256", passcode.encode(), salt, 3000)
    return "pbkdf2-sha256$3000$%s$%s" % (salt.hex(), found.hex())


def sign(purpose, text, key=KEY):
    return hmac.new(key.encode(), (purpose + "\n" + text).encode(), "sha256").hexdigest()


def cookie_value(sealed, share="t1", ends=None, key=KEY):
    ends = str(int(time.time()) + 3600 if ends is None else ends)
    return ends + "." + sign("cookie", "\n".join([ends, sealed, share]), key)


class Message:
    """A head as it was read, and the body when it was asked for."""

    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.fields = [tuple(line.split(": ", 1)) if ": " in line else (line, "") for line in lines[1:] if line]
        words = self.line.split(" ", 2)
        self.status = int(words[1]) if words[0].startswith("HTTP/") else 0
        self.method, self.target = words[0], words[1]
        self.body = b""
        self.trailers = b""

    def get(self, name):
        found = [value for key, value in self.fields if key.lower() == name.lower()]
        return ", ".join(found) if found else None


class Peer:
    """One end of a connection, with what was read and not yet used."""

    def __init__(self, connection):
        self.socket = connection
        self.data = b""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def more(self):
        chunk = self.socket.recv(1 << 16)
        if not chunk:
            raise EOFError("the connection ended after %r" % self.data[-100:])
        self.data += chunk

    def until(self, mark):
        while mark not in self.data:
            self.more()
        found, self.data = self.data.split(mark, 1)
        return found + mark

    def exactly(self, count):
        while len(self.data) < count:
            self.more()
        found, self.data = self.data[:count], self.data[count:]
        return found

    def rest(self):
        try:
            while True:
                self.more()
        except (EOFError, ConnectionError):
            found, self.data = self.data, b""
            return found

    def head(self):
        return Message(self.until(b"\r\n\r\n"))

    def chunk(self):
        size = int(self.until(b"\r\n").split(b";")[0], 16)
        data = self.exactly(size)
        if size:
            assert self.exactly(2) == b"\r\n"
        return data

    def body(self, message, none=False):
        if none or message.status in (204, 304) or 100 <= message.status < 200:
            return
        if message.get("transfer-encoding"):
            while True:
                data = self.chunk()
                if not data:
                    break
                message.body += data
            line = self.until(b"\r\n")
            while line != b"\r\n":
                message.trailers += line
                line = self.until(b"\r\n")
        elif message.get("content-length") is not None:
            message.body = self.exactly(int(message.get("content-length")))
        elif message.status:
            message.body = self.rest()

    def answer(self, none=False):
        message = self.head()
        self.body(message, none)
        return message

    def ended(self):
        """True when the other side closes without a further byte."""
        return self.rest() == b""

    def close(self):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def reply(body=b"hello", status="200 OK", *fields):
    body = body.encode() if isinstance(body, str) else body
    lines = ["HTTP/1.1 " + status, "Content-Length: %d" % len(body)] + list(fields)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class App:
    """Behind the gate. `paths` maps a path to a function of (peer, request): the head was read, the body not."""

    def __init__(self, serve=None, address="127.0.0.1"):
        self.paths = {}
        self.serve = serve
        self.requests = []
        self.connections = 0
        self.failures = []
        self.open = set()
        self.listener = socket.create_server(
            (address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET, backlog=512
        )
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(30 * SLOW)
            self.connections += 1
            threading.Thread(target=self.run, args=(Peer(connection),), daemon=True).start()

    def run(self, peer):
        self.open.add(peer)
        try:
            if self.serve:
                self.serve(peer)
            while not self.serve:
                if self.one(peer) == "end":
                    break
        except (EOFError, ConnectionError, socket.timeout):
            pass
        except OSError as error:
            if error.errno != 9:
                self.failures.append(traceback.format_exc())
        except Exception:  # a failure of the app is told with the case
            self.failures.append(traceback.format_exc())
        finally:
            self.open.discard(peer)
            peer.close()

    def one(self, peer):
        request = peer.head()
        self.requests.append(request)
        handler = self.paths.get(request.target.split("?")[0])
        if handler:
            return handler(peer, request)
        peer.body(request)
        peer.send(reply(request.body or b"hello"))
        return None

    def close(self):
        self.listener.close()
        for peer in list(self.open):
            try:
                peer.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Gate:
    def __init__(self, program, options=()):
        self.folder = tempfile.mkdtemp(prefix="pinokio-gate-")
        self.path = os.path.join(self.folder, "gate.json")
        self.app = App()
        self.shares = [self.share()]
        self.config = {"port": 0, "every_interface": False, "key": KEY, "shares": self.shares}
        self.peers = []
        self.write()
        self.errors = open(os.path.join(self.folder, "errors"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [program, *options, self.path], stdout=subprocess.PIPE, stderr=self.errors, text=True
        )
        line = self.process.stdout.readline()
        if not line.startswith("listening on port "):
            raise AssertionError("the gate did not start: " + self.said())
        self.port = int(line.split()[-1])
        self.before = self.files()
        self.status = None  # how it ended, when it was told to

    def share(self, **more):
        return dict({"id": "t1", "hosts": [HOST], "address": "127.0.0.1", "port": self.app.port, "title": "Fox"}, **more)

    def write(self, text=None):
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            file.write(json.dumps(self.config) if text is None else text)
        os.rename(self.path + ".new", self.path)

    def change(self, **more):
        """Gives the one share other values, and waits until the gate has taken them up."""
        self.shares[0].update(more, title="change-%d" % time.monotonic_ns())
        self.write()
        mark = "probe-%d" % time.monotonic_ns()
        self.config["shares"] = self.shares + [dict(self.share(), id="probe", hosts=[mark + ".example"], port=1)]
        self.write()
        self.config["shares"] = self.shares
        wait_for("the new configuration", lambda: self.ask("GET", "/", host=mark + ".example").status == 502)

    def said(self):
        with open(self.errors.name, encoding="utf-8") as file:
            return file.read()

    def files(self):
        return sorted(os.listdir("/proc/%d/fd" % self.process.pid), key=int)

    def memory(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024

    def connect(self, timeout=20):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=timeout * SLOW)
        peer = Peer(connection)
        self.peers.append(peer)
        return peer

    def ask(self, method, target, *fields, body=b"", host=HOST, peer=None):
        mine = peer or self.connect()
        lines = ["%s %s HTTP/1.1" % (method, target), "Host: " + host] + list(fields)
        if body:
            lines.append("Content-Length: %d" % len(body))
        mine.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        message = mine.answer(method == "HEAD")
        if not peer:
            mine.close()
        return message

    def settle(self):
        """Everything that a case opened is closed; then so it is in the gate."""
        for peer in self.peers:
            peer.close()
        self.app.close()
        if self.status is not None:
            return
        assert self.process.poll() is None, "the gate ended with %s" % self.process.poll()
        wait_for(
            "the gate to close what is over; open: %s" % self.files(), lambda: len(self.files()) <= len(self.before)
        )

    def end(self):
        if self.status is not None:
            return self.status
        self.process.send_signal(signal.SIGTERM)
        try:
            self.status = self.process.wait(10 * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.status = "nothing: it was killed"
        self.process.stdout.close()
        self.errors.close()
        return self.status


def run_case(function, options, program):
    gate = Gate(program, options)
    done = False
    try:
        function(gate)
        gate.settle()
        assert not gate.app.failures, "\n".join(gate.app.failures)
        done = True
    finally:
        status, said = gate.end(), gate.said()
        gate.app.close()
        for peer in gate.peers:
            peer.close()
        shutil.rmtree(gate.folder, ignore_errors=True)
        if status != 0 or not done:
            print("# the gate ended with %s and said: %s" % (status, said.replace("\n", "\n# ")))
        assert not done or status == 0, "the gate ended with %s" % status


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gate", required=True)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    chosen = [one for one in CASES if options.only in one[0]]
    print("1..%d" % len(chosen))
    failed = 0
    for number, (name, function, more) in enumerate(chosen, 1):
        began = time.monotonic()
        try:
            run_case(function, ("--pool-ms", "500") + more, options.gate)
            word = "ok"
        except Exception:
            word = "not ok"
            failed = 1
            print("# " + traceback.format_exc().strip().replace("\n", "\n# "))
        print("%s %d - %s # %.2f s" % (word, number, name, time.monotonic() - began), flush=True)
    return failed


def run():
    sys.exit(main())
