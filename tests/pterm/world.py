"""pterm from npm, unmodified, against a real engine.

pterm looks for its server at 127.0.0.1:42000 and nowhere else while something answers there. So these tests have a
network of their own, in which they are alone; where the system does not give one, pterm is led to another port by the
file that desktop Pinokio writes for it, which works while nothing answers at 42000.
"""

import ctypes
import fcntl
import json
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "service"))

import service  # noqa: E402
from harness import LIBC, Program, Skipped  # noqa: E402,F401
from service import case  # noqa: E402,F401

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TOOLS = os.environ.get("PINOKIO_TEST_TOOLS") or os.path.join(ROOT, "build", "tools-test")
PTERM = os.path.join(TOOLS, "bin", "pterm")
PORT = 42000

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def leave_the_network():
    """A network of this process's own, with loopback only. FALSE where the system does not give one."""
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0 or LIBC.unshare(CLONE_NEWNET) != 0:
        if LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
            return False
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", "%d %d 1" % (uid, uid))
        write("/proc/self/gid_map", "%d %d 1" % (gid, gid))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        fcntl.ioctl(link, SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", IFF_UP | IFF_RUNNING, b""))
    return True


def answers(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as link:
        return link.connect_ex(("127.0.0.1", port)) == 0


ALONE = leave_the_network()


class World:
    """A Service with the engine up and pterm at hand."""

    def __init__(self, house, *arguments, clients=True):
        self.house = house
        self.stage = house.stage
        self.equal, self.has, self.lacks, self.waits = house.equal, house.has, house.lacks, house.waits
        if not os.path.exists(PTERM):
            raise AssertionError("%s is not there: run setup/install.sh test" % PTERM)
        if not ALONE and answers(PORT):
            raise Skipped("no network of our own, and something else answers at port %d" % PORT)
        port = PORT if ALONE else PORT + 137
        house.up("--port", port, *(["--allow-local-clients"] if clients else []), *arguments)
        self.port = house.engine_json()["port"]
        folder = os.path.join(self.stage.user_home, ".pinokio")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
            json.dump({"access": {"protocol": "http", "host": "127.0.0.1", "port": self.port}}, file)

    def folder(self, app):
        return os.path.join(self.house.home, "api", app)

    def app(self, name, **files):
        """An app; it is there for the engine when this returns."""
        files.setdefault("pinokio__js", "module.exports = { title: 'App', menu: [] }")
        folder = self.stage.app(name, **files)
        self.waits(
            lambda: self.house.api().get(["v1", "apps", name]).status == 200, "the engine sees the app " + name
        )
        return folder

    def start(self, *arguments, env=None, cwd=None, **options):
        """pterm, running."""
        program = Program(
            [PTERM] + [str(argument) for argument in arguments],
            env=dict(self.stage.env, **(env or {})),
            cwd=cwd or self.stage.folder,
            **options
        )
        self.house.started.add(program.pid)
        self.stage.cleanups.append(lambda: program.process.poll() is None and program.process.kill())
        return program

    def pterm(self, *arguments, status=0, seconds=30, **options):
        """pterm, from start to end; gives what it printed."""
        program = self.start(*arguments, **options)
        program.end(seconds)
        self.stage.status(program, status)
        return program.both if status else program.out

    def asks(self, *arguments, **options):
        return json.loads(self.pterm(*arguments, **options))

    def runs(self, **query):
        return self.house.api().get("/v1/runs", query=query).ok().json()

    def socket(self, **headers):
        """pterm's WebSocket, by hand."""
        return service.Api(port=self.port).socket("/", headers={n.replace("_", "-"): v for n, v in headers.items()})

    def packet(self, link, **request):
        """Sends a packet; gives the first that comes."""
        link.text(json.dumps(request))
        return json.loads(link.message()[1])
