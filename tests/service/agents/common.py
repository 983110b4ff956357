"""What the agents' stand-ins share: the connection to the outside of the tests (internet.py), and Go's flags."""

import json
import os
import signal
import socket
import sys
import time


def stamp():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Outside:
    """Holds the connection that a real agent would hold to its vendor."""

    def __init__(self, agent, **more):
        self.link = socket.create_connection(("127.0.0.1", int(os.environ["PINOKIO_INTERNET"])))
        self.lines = self.link.makefile("r", encoding="utf-8")
        self.tell(dict(more, agent=agent, pid=os.getpid(), argv=sys.argv[1:]))
        answer = json.loads(self.lines.readline())
        self.mode, self.host = answer["mode"], answer["host"]
        self.taken, self.good = answer["taken"], answer["good"]

    def tell(self, what):
        self.link.sendall(json.dumps(what).encode() + b"\n")

    def serve(self, address, port):
        """From when this returns, who asks for the host is led to that port."""
        self.tell({"serve": [address, port]})
        self.lines.readline()

    def stay(self, stream, code=1):
        """Does as it is told, until there is no outside any more."""
        for line in self.lines:
            order = json.loads(line)
            if order["do"] == "die":
                sys.exit(code)
            if order["do"] == "say":
                print(order["line"], file=stream, flush=True)
        sys.exit(code)


def on_end(function):
    """function is called when the agent is asked to end."""

    def asked(number, frame):
        function(number)
        sys.exit(0)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, asked)


def never_end():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def sleep_for_ever():
    while True:
        time.sleep(3600)


class WrongFlag(Exception):
    """Not defined, or without what belongs to it."""


def flags(arguments, takes, alone):
    """Go's way: -name or --name, with =value or the next word. Gives ({name: value}, words)."""
    found, words, rest = {}, [], list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if name in alone:
            found[name] = value if equals else "true"
        elif name not in takes:
            raise WrongFlag("flag provided but not defined: -" + name)
        elif equals:
            found[name] = value
        elif rest:
            found[name] = rest.pop(0)
        else:
            raise WrongFlag("flag needs an argument: -" + name)
    return found, words


def host_and_port(url):
    """("127.0.0.1", 8080) of "http://127.0.0.1:8080", "127.0.0.1:8080" or "8080"."""
    plain = url.split("://", 1)[-1].split("/", 1)[0]
    host, _, port = plain.rpartition(":")
    return host.strip("[]") or "127.0.0.1", int(port)
