#!/usr/bin/env python3
"""Keeps what the real frameworks print as data for test-lines: lines/NAME.txt and lines/expected.json.

    uv venv ENV && uv pip install --python ENV/bin/python (frameworks.PACKAGES, or MORE_PACKAGES in another)
    npm install --prefix NODE (frameworks.MODULES, or MORE_MODULES in another)
    capture.py --python ENV --node NODE [--more] [NAME...]

Each is run on a terminal as the keeper gives one, is asked for its page once, and ended. Its bytes are kept as they came;
only what belongs to this machine (folders, addresses, names, a token) is replaced.
"""

import argparse
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "service"))

from frameworks import FRAMEWORKS, MODULES, PACKAGES  # noqa: E402

LINES = os.path.join(HERE, "lines")
OWN_ADDRESS, OWN_ADDRESS_6 = "192.0.2.10", "2001:db8::10"  # RFC 5737 and RFC 3849: for documents
TOKEN = "0123456789abcdef0123456789abcdef0123456789abcdef"
QUIET = 1.0
NOISE = re.compile(
    rb"^Inotify queue overflowed.*\n|^.*\.\./.*node_modules.*\n", re.MULTILINE
)  # of where it was run


def places(options, folder):
    """What is replaced by what, the longest first."""
    table = {
        os.path.join(folder, "user"): "/home/user",
        folder: "/home/user/app",
        os.path.abspath(options.python): "/home/user/env",
        os.path.abspath(options.node): "/home/user/node",
        os.path.expanduser("~"): "/opt",
        socket.gethostname(): "machine",
        os.uname().release: "6.8.0",
    }
    addresses = subprocess.run(["hostname", "-I"], stdout=subprocess.PIPE, check=True).stdout.decode().split()
    table.update((address, OWN_ADDRESS if "." in address else OWN_ADDRESS_6) for address in addresses)
    table[os.path.basename(folder)] = "app"
    return sorted(table.items(), key=lambda item: -len(item[0]))


def ask(port, path):
    for host in ("127.0.0.1", "localhost"):
        try:
            with urllib.request.urlopen("http://%s:%d%s" % (host, port, path), timeout=5) as answer:
                return answer.read()
        except OSError:
            pass
    return b""


def started(framework, folder, options):
    """The program and the terminal that it prints to."""
    tools = os.path.join(os.path.abspath(options.python), "bin")
    env = {
        "PATH": tools + ":" + os.environ["PATH"],
        "HOME": os.path.join(folder, "user"),
        "TERM": "xterm-256color",
    }
    env.update(LC_ALL="C.UTF-8", PYTHONUNBUFFERED="1", PYTHONNOUSERSITE="1", GRADIO_ANALYTICS_ENABLED="False")
    terminal, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    program = subprocess.Popen(
        ["bash", "-c", framework.command.format(port=framework.port)],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        cwd=folder,
        env=env,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(inner)
    return program, terminal


def collect(terminal, output, seconds, quiet):
    """Reads until nothing comes for `quiet` seconds after something did, or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and select.select([terminal], [], [], quiet if output else 20)[0]:
        try:
            output += os.read(terminal, 65536)
        except OSError:
            return


def listens(port):
    for host in ("127.0.0.1", "localhost"):
        try:
            socket.create_connection((host, port), 0.2).close()
            return True
        except OSError:
            pass
    return False


def capture(framework, options):
    if listens(framework.port):
        sys.exit("port %d is taken" % framework.port)
    with tempfile.TemporaryDirectory(prefix="capture-") as folder:
        os.mkdir(os.path.join(folder, "user"))
        if framework.kind.endswith("node"):
            os.symlink(
                os.path.join(os.path.abspath(options.node), "node_modules"),
                os.path.join(folder, "node_modules"),
            )
        for name, text in framework.files.items():
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        program, terminal = started(framework, folder, options)
        output = bytearray()
        end = time.monotonic() + 40
        while not listens(framework.port) and program.poll() is None and time.monotonic() < end:
            collect(terminal, output, 0.2, 0.1)
        collect(terminal, output, 6, QUIET + 1)
        if program.poll() is not None:
            sys.exit("%s ended:\n%s" % (framework.name, output.decode("utf-8", "replace")))
        ask(framework.port, framework.path)
        collect(terminal, output, 3, QUIET)
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        os.close(terminal)
        text = bytes(output)
        for place, name in places(options, folder):
            text = text.replace(place.encode(), name.encode())
        text = re.sub(rb"token=[0-9a-f]{48}", b"token=" + TOKEN.encode(), text)
        return NOISE.sub(b"", text)


def expected(framework):
    """Every spelling of the page's address that is right."""
    path = framework.path + TOKEN if framework.path.endswith("token=") else framework.path
    return ["http://%s:%d%s" % (host, framework.port, path) for host in framework.hosts]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", required=True, help="a virtual environment with " + " ".join(PACKAGES))
    parser.add_argument("--node", required=True, help="a folder with " + " ".join(MODULES))
    parser.add_argument("--more", action="store_true", help="those of the second set of packages")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    for framework in FRAMEWORKS:
        if framework.kind.startswith("more-") == options.more and framework.name in (
            options.names or [framework.name]
        ):
            text = capture(framework, options)
            with open(os.path.join(LINES, framework.name + ".txt"), "wb") as file:
                file.write(text)
            print("%s: %d bytes" % (framework.name, len(text)), flush=True)
    with open(os.path.join(LINES, "expected.json"), "w", encoding="ascii") as file:
        json.dump({one.name: expected(one) for one in FRAMEWORKS}, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
