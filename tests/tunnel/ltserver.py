"""A LocalTunnel server on loopback, written from the protocol's facts, that misbehaves on command.

One HTTP port serves all: a request whose Host is NAME.DOMAIN goes to that name's tunnel, any other is for the server itself:
`GET /?new` and `GET /NAME` open a tunnel, `GET /api/tunnels/NAME/status` counts its connections. Each tunnel has a TCP port of
its own, to which the client keeps connections; a visitor's connection is given one of them and both are copied raw.

    server = LocalTunnelServer()            # listens at once, on its own threads
    server.url                              # what `--server` wants
    server.visit("name")                    # a socket to the public side; the Host is up to who writes to it
    server.stop(); server.start()           # as after a restart: the port stays, all tunnels are forgotten
"""

import ctypes
import json
import re
import socket
import threading
import time

GRACE = 1.0  # a tunnel without connections is forgotten after so many seconds
PIECE = 1 << 16
NAME = re.compile(r"^(?:[a-z0-9][a-z0-9-]{4,63}[a-z0-9]|[a-z0-9]{4,63})$")


def close(sock):
    """Also when another thread waits on it."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    sock.close()


def reset(sock):
    """As a machine that was started again does, also while another thread waits on it: connect(2) to nowhere."""
    ctypes.CDLL(None, use_errno=True).connect(sock.fileno(), bytes(16), 16)


def copy(source, sink):
    """Until the end of sending, which is passed on."""
    try:
        while True:
            data = source.recv(PIECE)
            if not data:
                break
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        close(sink)
        close(source)


def join(one, other):
    """Both ways, until both are through."""
    back = threading.Thread(target=copy, args=(other, one), daemon=True)
    back.start()
    copy(one, other)
    back.join()
    close(one)
    close(other)


def listen(host, port=0):
    sock = socket.create_server((host, port), backlog=128, reuse_port=False)
    return sock


class Tunnel:
    """One name: its TCP port, and the connections that wait for visitors."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self.listener = listen(server.host)
        self.port = self.listener.getsockname()[1]
        self.free = []
        self.all = set()
        self.changed = threading.Condition()
        self.accepted = 0
        self.closed = False
        self.empty_since = time.monotonic()
        threading.Thread(target=self.accept, daemon=True).start()
        threading.Thread(target=self.watch, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self.server.drop_connections or len(self.all) >= self.server.most_sockets:
                close(sock)
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.changed:
                self.all.add(sock)
                self.free.append(sock)
                self.changed.notify_all()

    def watch(self):
        """Takes out connections that the client closed, and ends the tunnel that has had none for too long."""
        while not self.closed:
            with self.changed:
                for sock in list(self.free):
                    try:
                        gone = sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
                    except BlockingIOError:
                        gone = False
                    except OSError:
                        gone = True
                    if gone:
                        self.free.remove(sock)
                        self.all.discard(sock)
                        close(sock)
                if self.all:
                    self.empty_since = time.monotonic()
            if time.monotonic() - self.empty_since > GRACE and not self.server.drop_connections:
                self.close()
            time.sleep(0.05)

    def take(self, seconds=10):
        """A connection that waits; None when none came."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.free or self.closed, seconds) or self.closed:
                return None
            return self.free.pop(0)

    def give_back(self, sock):
        with self.changed:
            self.all.discard(sock)

    def close(self):
        self.closed = True
        close(self.listener)
        self.server.tunnels.pop(self.name, None)
        with self.changed:
            for sock in self.all:
                close(sock)
            self.all.clear()
            self.free.clear()
            self.changed.notify_all()


class LocalTunnelServer:
    """domain: what the public URLs end with; scheme: what they begin with. port 0: any."""

    def __init__(self, host="127.0.0.1", port=0, domain=None, scheme="http", connections=10, say_ip=True):
        self.host = host
        self.port = port
        self.domain = domain
        self.scheme = scheme
        self.connections = connections
        self.say_ip = say_ip
        self.most_sockets = 10
        # How it misbehaves
        self.answer = None  # (status, body) for whoever asks for a tunnel
        self.drop_connections = False
        self.hold_answer = False  # asks are taken and not answered
        self.asked = []  # the paths
        self.tunnels = {}
        self.count = 0
        self.listener = None
        self.held = []
        self.start()

    # Life

    def start(self):
        self.listener = listen(self.host, self.port)
        self.port = self.listener.getsockname()[1]
        if self.domain is None:
            self.domain = "lt.test:%d" % self.port
        self.url = "http://%s:%d" % (self.host, self.port)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        close(self.listener)
        for tunnel in list(self.tunnels.values()):
            tunnel.close()
        for sock in self.held:
            close(sock)
        self.held = []

    def accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    # Requests

    def name_of(self, host):
        """The tunnel's name in a Host; None when it is the server itself."""
        bare = self.domain.split(":")[0]
        host = host.split(":")[0].lower()
        return host[: -len(bare) - 1] if host.endswith("." + bare) else None

    def serve(self, sock):
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                data = sock.recv(PIECE)
                if not data:
                    close(sock)
                    return
                head += data
            lines = head.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")
            hosts = [line.split(":", 1)[1].strip() for line in lines if line.lower().startswith("host:")]
            name = self.name_of(hosts[0]) if hosts else None
            if name is not None:
                self.visit_of(sock, name, head)
            else:
                self.ask_of(sock, lines[0].split(" ")[1])
        except OSError:
            close(sock)

    def visit_of(self, sock, name, head):
        tunnel = self.tunnels.get(name)
        if tunnel is None:
            self.reply(sock, 404, "404")
            return
        inner = tunnel.take()
        if inner is None:
            self.reply(sock, 504, "no connection of the client")
            return
        try:
            inner.sendall(head)
        except OSError:
            close(sock)
        join(sock, inner)
        tunnel.give_back(inner)

    def ask_of(self, sock, path):
        found = re.match(r"^/api/tunnels/([^/]+)/status$", path)
        if found:
            tunnel = self.tunnels.get(found.group(1))
            self.reply(sock, 200 if tunnel else 404, json.dumps({"connected_sockets": len(tunnel.all) if tunnel else 0}))
            return
        self.asked.append(path)
        if self.hold_answer:
            self.held.append(sock)
            return
        if self.answer is not None:
            self.reply(sock, *self.answer)
            return
        self.reply(sock, *self.open(None if path.startswith("/?new") else path[1:]))

    def open(self, name):
        if name is not None and not NAME.match(name):
            return 403, json.dumps({"message": "Invalid subdomain: %s" % name})
        if name is None or name in self.tunnels:
            self.count += 1
            name = "calm-cat-%d" % self.count
        tunnel = self.tunnels[name] = Tunnel(self, name)
        info = {
            "id": name,
            "port": tunnel.port,
            "max_conn_count": self.connections,
            "url": "%s://%s.%s" % (self.scheme, name, self.domain),
        }
        if self.say_ip:
            info["ip"] = self.host
        return 200, json.dumps(info)

    def reply(self, sock, status, body):
        data = body if isinstance(body, bytes) else body.encode()
        head = "HTTP/1.1 %d Status\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        sock.sendall((head % (status, len(data))).encode() + data)
        close(sock)

    # The public side, for tests

    def connect(self, seconds=20):
        sock = socket.create_connection((self.host, self.port), timeout=seconds)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def public_host(self, name):
        return "%s.%s" % (name, self.domain)

    def connections_of(self, name):
        tunnel = self.tunnels.get(name)
        return len(tunnel.all) if tunnel else 0
