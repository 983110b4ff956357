"""What the tests of the Python package stand on: the package itself, an engine (tests/service), and checks of what is left."""

import base64
import contextlib
import hashlib
import os
import socket
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
for folder in ("tests/e2e", "tests/service", "app/notebook"):
    sys.path.insert(0, os.path.join(ROOT, folder))

import pinokiocloud  # noqa: E402
from pinokiocloud.address import Address  # noqa: E402
from service import SLOW, case, leave  # noqa: E402,F401


def address(service):
    return Address.of_home(service.home)


def client(service, **options):
    return pinokiocloud.Client(address(service), **options)


def raises(kind, function, *arguments, **options):
    """Gives the error, which must be of exactly that kind."""
    try:
        found = function(*arguments, **options)
    except Exception as error:
        if type(error) is not kind:
            raise AssertionError("%s: %s instead of %s" % (type(error).__name__, error, kind.__name__)) from error
        return error
    raise AssertionError("no %s, but %r" % (kind.__name__, found))


def until(condition, what, seconds=20):
    """Waits without reaping anybody: where other threads wait for processes of their own."""
    end = time.monotonic() + seconds * SLOW
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited %g s in vain: %s" % (seconds * SLOW, what() if callable(what) else what))
        time.sleep(0.005)


def own_sockets():
    """Open sockets of this process."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            link = os.readlink("/proc/self/fd/" + name)
            if link.startswith(("socket:", "anon_inode:")):
                found.add((name, link))
    return found


@contextlib.contextmanager
def nothing_left():
    """What is done inside leaves no thread and no socket of this process."""
    threads, sockets = set(threading.enumerate()), own_sockets()
    yield

    def left():
        more = [thread.name for thread in threading.enumerate() if thread not in threads]
        return more + sorted(str(item) for item in own_sockets() - sockets)

    until(lambda: not left(), lambda: "left: %s" % left(), 5)


@contextlib.contextmanager
def environment(**variables):
    """os.environ with these; None takes one away."""
    before = dict(os.environ)
    try:
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class StandIn:
    """A server on a Unix socket that does to each connection what a function says: answer(connection, request head)."""

    def __init__(self, folder, answer):
        self.path = os.path.join(folder, "stand-in.sock")
        self.answer = answer
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listening.bind(self.path)
        self.listening.listen(16)
        self.count = 0
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connected, _ = self.listening.accept()
            except OSError:
                return
            self.count += 1
            with connected:
                head = b""
                with contextlib.suppress(OSError):
                    while b"\r\n\r\n" not in head:
                        chunk = connected.recv(65536)
                        if not chunk:
                            break
                        head += chunk
                    self.answer(connected, head)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join(10)
        os.unlink(self.path)


def accept(head):
    """The answer that makes a WebSocket of a connection."""
    key = [line for line in head.decode().split("\r\n") if line.lower().startswith("sec-websocket-key")][0].split(": ")[
        1
    ]
    digest = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: %s\r\n\r\n" % digest
    ).encode()


class Told:
    """Collects what a follower tells."""

    def __init__(self):
        self.events, self.offsets, self.states, self.data = [], [], [], b""

    def on_events(self, events, offset):
        self.events += events
        self.offsets.append(offset)

    def on_event(self, event):
        self.events.append(event)

    def on_output(self, data, offset):
        self.data += data
        self.offsets.append(offset)

    def on_state(self, state, why):
        self.states.append((state, why))

    def names(self):
        return [state for state, _ in self.states]

    def text(self):
        return "".join(event["raw"] for event in self.events if event["type"] == "stream" and event.get("shell"))
