"""The outside, on loopback: what tunnels need of the internet, and what a person far away sees of it.

`https_proxy` leads every program of a case to a proxy here. Behind it is an edge: it ends TLS for any host with
certificates of an own CA (SSL_CERT_FILE), and hands each connection by its Host to the agent that registered the host.
The agents are scripts (agents/*.py) that print what the real programs print and misbehave when a case asks for it; each
holds a connection to here as the real ones do to their vendors, so a killed agent is a dead address at once. Behind
localtunnel.me is a server that speaks LocalTunnel's protocol, with no agent of ours in between.

All of it runs in one loop in a thread; cases call the methods of Internet from theirs.
"""

import asyncio
import collections
import json
import os
import re
import secrets
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
import urllib.parse

from client import Api

HERE = os.path.dirname(os.path.abspath(__file__))
CHUNK = 1 << 16
HEAD_LIMIT = 1 << 20
# What the edges say of a host whose agent is not there.
DEAD = {
    "trycloudflare.com": (530, "error code: 1033"),
    "ngrok-free.app": (404, "The endpoint is offline. ERR_NGROK_3200"),
    "loca.lt": (404, "404"),
    "lhr.life": (503, "no tunnel here :("),
}
NAMES = {"cloudflared": "%s.trycloudflare.com", "ngrok": "%s.ngrok-free.app", "ssh": "%s.lhr.life"}
MAX_SOCKETS = 10  # of a LocalTunnel client
EMPTY_S = 1.0  # a LocalTunnel without sockets is dropped after this


class Agent:
    """One process that offers a host, as the vendor's side sees it."""

    def __init__(self, name, hello, mode, host):
        self.name, self.hello, self.mode, self.host = name, hello, mode, host
        self.pid, self.argv = hello["pid"], hello["argv"]
        self.upstream = None  # (address, port) once it serves
        self.alive, self.muted = True, None
        self.writer = None
        self.began = time.monotonic()

    def take(self):
        """A connection to what it serves: (reader, writer)."""
        return asyncio.open_connection(*self.upstream)


class Lent(asyncio.StreamReaderProtocol):
    """A socket that a LocalTunnel client opened: idle until a request comes."""

    def __init__(self, tunnel, loop):
        self.lent = asyncio.StreamReader(loop=loop, limit=HEAD_LIMIT)
        super().__init__(self.lent, self.opened, loop=loop)
        self.tunnel, self.taken, self.pair = tunnel, False, None

    def opened(self, reader, writer):
        self.pair = (reader, writer)
        self.tunnel.opened(self)

    def eof_received(self):
        return super().eof_received() if self.taken else False

    def connection_lost(self, error):
        super().connection_lost(error)
        self.tunnel.lost(self)


class LocalTunnel:
    """A tunnel of localtunnel.me: a port of its own, whose sockets each carry one connection of a visitor."""

    def __init__(self, internet, name):
        self.internet, self.name, self.host = internet, name, name + ".loca.lt"
        self.free, self.count, self.carried = collections.deque(), 0, 0
        self.changed = asyncio.Event()
        self.alive, self.muted, self.mode, self.timer = True, None, "ok", None

    async def listen(self):
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Lent(self, loop), "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        self.watch()

    def watch(self):
        if self.timer is not None:
            self.timer.cancel()
        self.timer = asyncio.get_running_loop().call_later(EMPTY_S, self.drop_when_empty)

    def drop_when_empty(self):
        if self.count == 0:
            self.close()

    def close(self):
        self.alive = False
        self.server.close()
        for lent in list(self.free):
            lent.pair[1].close()

    def opened(self, lent):
        self.count += 1
        if self.count > MAX_SOCKETS or self.mode == "closes" or not self.alive:
            lent.pair[1].close()
            return
        self.free.append(lent)
        self.changed.set()

    def lost(self, lent):
        self.count -= 1
        if lent in self.free:
            self.free.remove(lent)
        if self.count == 0 and self.alive:
            self.watch()

    async def take(self):
        """A free socket; one may take a moment to come, as the server of LocalTunnel waits too."""
        while not self.free:
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 5)
        lent = self.free.popleft()
        lent.taken = True
        self.carried += 1
        return lent.pair


async def copy(reader, writer):
    """Until the end of what comes; the end is told on where a connection can be half closed."""
    while True:
        chunk = await reader.read(CHUNK)
        if not chunk:
            break
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def join(near, far):
    """Copies both ways until the far side has ended or the near one has gone."""
    up = asyncio.ensure_future(copy(near[0], far[1]))
    down = asyncio.ensure_future(copy(far[0], near[1]))
    try:
        await asyncio.wait({down, up}, return_when=asyncio.FIRST_COMPLETED)
        if not down.done() and up.exception() is None:
            await asyncio.wait({down})
        if not up.done() and down.exception() is None and near[1].can_write_eof():
            await asyncio.wait({up}, timeout=30)
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)
        far[1].close()


class Internet:
    """Made by a case; ends with it."""

    def __init__(self, service):
        self.service = service
        self.folder = os.path.join(service.folder, "internet")
        os.makedirs(self.folder)
        self.agents, self.hosts, self.known, self.asked, self.leads = [], {}, set(), [], []
        self.modes, self.once = {}, collections.defaultdict(collections.deque)
        self.tokens = set()  # of ngrok, that are good
        self.names = {}  # token -> the one host of a free plan
        self.connections = collections.defaultdict(set)  # host -> tasks
        self.contexts, self.reached = {}, collections.Counter()
        self.lag_s = 0.0  # a new host's name is not known for this long
        self.make_authority()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.ready = threading.Event()
        self.thread.start()
        self.ready.wait()
        service.stage.cleanups.append(self.close)
        service.stage.env.update(self.environment())

    # The case's side

    def environment(self):
        proxy = "http://127.0.0.1:%d" % self.proxy_port
        return {
            "https_proxy": proxy,
            "HTTPS_PROXY": proxy,
            "no_proxy": "127.0.0.1,localhost,::1",
            "NO_PROXY": "127.0.0.1,localhost,::1",
            "SSL_CERT_FILE": self.authority,
            "PINOKIO_PLATFORM": "local",
        }

    def install(self, *names):
        """The agents' stand-ins, under the names of the real programs, into HOME/bin."""
        folder = os.path.join(self.service.home, "bin")
        os.makedirs(folder, exist_ok=True)
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(
                    "#!/bin/sh\nPINOKIO_INTERNET=%d exec '%s' '%s' \"$@\"\n"
                    % (self.control_port, sys.executable, os.path.join(HERE, "agents", name + ".py"))
                )
            os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)

    def behave(self, name, mode, times=None):
        """How agents of that name behave from now on; times: the next ones, in the order that it was asked."""
        if times is None:
            self.modes[name] = mode
        else:
            self.once[name].extend([mode] * times)

    def of(self, name):
        """All agents of that name that were ever started, oldest first."""
        return [agent for agent in self.agents if agent.name == name]

    def serving(self, url):
        """Who serves that address."""
        return self.hosts.get(self.host_of(url))

    def mute(self, url, how="error"):
        """The address does not lead to its agent any more, which lives on. how: "error", "hang", "other" (a page of
        somebody else's); None: it does again."""

        def go():
            host = self.host_of(url)
            self.hosts[host].muted = how
            self.cut(host)

        self.loop.call_soon_threadsafe(go)

    def order(self, agent, **order):
        """Tells a living agent to do something: do="die", do="say" with a line."""
        line = json.dumps(order).encode() + b"\n"
        self.loop.call_soon_threadsafe(agent.writer.write, line)

    def lead(self, pattern):
        """Hosts that lead to a port of this machine with no agent, as a platform's own proxies do: the expression's
        group is the port."""
        self.leads.append(re.compile(pattern))

    def agent_of(self, host):
        """None when nobody has such a host."""
        for lead in self.leads:
            found = lead.fullmatch(host)
            if found and host not in self.hosts:
                agent = Agent("platform", {"pid": 0, "argv": []}, "ok", host)
                agent.upstream = ("127.0.0.1", int(found.group(1)))
                self.hosts[host] = agent
                self.known.add(host)
        return self.hosts.get(host) if host in self.known else None

    @staticmethod
    def host_of(url):
        return urllib.parse.urlsplit(url).hostname

    def api(self, url, **options):
        """A client far away; http:// is what an ssh server on loopback offers."""
        parts = urllib.parse.urlsplit(url)
        if parts.scheme == "http":
            return Api(port=parts.port, **options)
        return Visitor(self, parts.hostname, **options)

    def get(self, url, token=None, **options):
        """One GET, as a program would."""
        parts = urllib.parse.urlsplit(url)
        path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        return self.api(url, token=token).get(path, **options)

    def answers(self, url, status=200):
        """Whether it is answered so at this moment."""
        try:
            return self.api(url, timeout=3).get("/").status == status
        except Exception:  # whatever the trouble: no
            return False

    def close(self):
        if self.loop.is_closed():
            return
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    # TLS

    def openssl(self, *arguments):
        subprocess.run(
            ["openssl", *arguments], cwd=self.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def make_authority(self):
        for name in ("ca.key", "leaf.key"):
            self.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", name)
        self.openssl(
            "req", "-x509", "-key", "ca.key", "-subj", "/O=Stand-in of the tests", "-days", "2", "-out", "ca.pem",
            "-addext", "keyUsage=critical,keyCertSign",
        )  # fmt: skip
        self.authority = os.path.join(self.folder, "ca.pem")

    def context(self, host):
        if host not in self.contexts:
            if not re.fullmatch(r"[A-Za-z0-9.-]+", host):
                raise ValueError(host)
            self.openssl(
                "req", "-x509", "-CA", "ca.pem", "-CAkey", "ca.key", "-key", "leaf.key", "-subj", "/O=Leaf",
                "-days", "2", "-addext", "subjectAltName=DNS:" + host, "-addext", "basicConstraints=critical,CA:FALSE",
                "-out", host + ".pem",
            )  # fmt: skip
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(
                os.path.join(self.folder, host + ".pem"), os.path.join(self.folder, "leaf.key")
            )
            self.contexts[host] = context
        return self.contexts[host]

    def choose(self, connection, name, unused):
        connection.context = self.context(name or "nobody.invalid")

    # The servers

    def serve(self):
        asyncio.set_event_loop(self.loop)
        self.loop.set_exception_handler(lambda *unused: None)  # what clients and agents break off, they break off
        self.loop.run_until_complete(self.listen())
        self.ready.set()
        self.loop.run_forever()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))

    async def listen(self):
        async def at(handler, **options):
            server = await asyncio.start_server(handler, "127.0.0.1", 0, limit=HEAD_LIMIT, **options)
            return server.sockets[0].getsockname()[1]

        context = self.context("nobody.invalid")
        context.sni_callback = self.choose
        self.control_port = await at(self.control)
        self.edge_port = await at(self.edge, ssl=context)
        self.proxy_port = await at(self.proxy)

    async def proxy(self, reader, writer):
        """CONNECT only; a name that nobody has is not found."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, target = head.split()[:2]
            host = target.rsplit(":", 1)[0].lower()
            if method != "CONNECT" or self.agent_of(host) is None and host != "localtunnel.me":
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await join((reader, writer), await asyncio.open_connection("127.0.0.1", self.edge_port))
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # who came has gone, or talks nonsense
        finally:
            writer.close()

    async def edge(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            host = re.search(rb"\r\nhost:[ \t]*([^\r:]+)", head, re.IGNORECASE).group(1).decode().lower()
            task = asyncio.current_task()
            self.connections[host].add(task)
            self.reached[host] += 1
            try:
                await self.route(host, head, reader, writer)
            finally:
                self.connections[host].discard(task)
        except (OSError, ValueError, AttributeError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            pass  # who came has gone, or talks nonsense
        except asyncio.LimitOverrunError:
            self.say(writer, 431, "Request Header Fields Too Large")
        finally:
            writer.close()

    async def route(self, host, head, reader, writer):
        if host == "localtunnel.me":
            await self.ask_localtunnel(head, writer)
            return
        agent = self.agent_of(host)
        if agent is not None and agent.alive and agent.muted == "hang":
            await asyncio.sleep(3600)
        if agent is not None and agent.alive and agent.muted == "other":
            self.say(writer, 200, "<html>welcome to our parking lot</html>")
            return
        if agent is None or not agent.alive or agent.muted:
            self.say(writer, *DEAD.get(host.split(".", 1)[1], (502, "no such host")))
            return
        if self.reminds(host, head, writer):
            return
        try:
            far = await agent.take()
        except OSError as error:
            self.say(writer, 502, "the agent cannot reach its upstream: %s" % error)
            return
        first, rest = head.split(b"\r\n", 1)
        far[1].write(first + b"\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n" + rest)
        await join((reader, writer), far)

    @staticmethod
    def reminds(host, head, writer):
        """Browsers that see such a host for the first time get a page of the vendor's."""
        skips = {"loca.lt": b"bypass-tunnel-reminder", "ngrok-free.app": b"ngrok-skip-browser-warning"}
        skip = skips.get(host.split(".", 1)[1])
        if skip is None or b"mozilla" not in head.lower() or b"\r\n" + skip + b":" in head.lower():
            return False
        Internet.say(writer, 401 if host.endswith(".loca.lt") else 200, "<html>You are about to visit</html>")
        return True

    @staticmethod
    def say(writer, status, text, kind="text/html"):
        body = text.encode()
        writer.write(
            b"HTTP/1.1 %d -\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
            % (status, kind.encode(), len(body), body)
        )

    def cut(self, host):
        for task in list(self.connections[host]):
            task.cancel()

    # Agents

    def next_mode(self, name):
        return self.once[name].popleft() if self.once[name] else self.modes.get(name, "ok")

    def host_for(self, name, hello):
        token = hello.get("token")
        if token is None:
            return NAMES[name] % ("-".join(secrets.choice(WORDS) for _ in range(4)) + secrets.token_hex(2))
        return self.names.setdefault(token, NAMES[name] % ("-".join(("dev", secrets.token_hex(4)))))

    async def control(self, reader, writer):
        """An agent's own connection: it says who it is, is told how to be, says what it serves; then we give orders."""
        agent = None
        try:
            hello = json.loads(await reader.readline())
            name = hello["agent"]
            agent = Agent(name, hello, self.next_mode(name), self.host_for(name, hello))
            agent.writer = writer
            taken = agent.host in self.hosts and self.hosts[agent.host].alive
            good = hello.get("token") in self.tokens
            writer.write(
                json.dumps({"mode": agent.mode, "host": agent.host, "taken": taken, "good": good}).encode() + b"\n"
            )
            self.agents.append(agent)
            while True:
                line = await reader.readline()
                if not line:
                    break
                agent.upstream = tuple(json.loads(line)["serve"])
                self.hosts[agent.host] = agent
                self.loop.call_later(self.lag_s, self.known.add, agent.host)
                writer.write(b'{"do": "served"}\n')
        except (OSError, ValueError):
            pass  # killed in the middle
        finally:
            if agent is not None:
                agent.alive = False
                self.cut(agent.host)
            writer.close()

    # LocalTunnel

    async def ask_localtunnel(self, head, writer):
        target = head.split()[1].decode()
        self.asked.append(target)
        mode = self.next_mode("localtunnel")
        if mode == "not-json":
            self.say(writer, 200, "<html><h1>502 Bad Gateway</h1></html>")
            return
        if mode in ("limited", "refused"):
            self.say(writer, 429 if mode == "limited" else 503, '{"message": "too many"}', "application/json")
            return
        name = secrets.token_hex(5) if "?" in target else target.strip("/")
        tunnel = LocalTunnel(self, name)
        tunnel.mode = mode
        await tunnel.listen()
        self.hosts[tunnel.host] = tunnel
        self.known.add(tunnel.host)
        told = {
            "id": name,
            "port": tunnel.port,
            "max_conn_count": MAX_SOCKETS,
            "url": "https://" + tunnel.host,
            "ip": "127.0.0.1",
        }
        self.say(writer, 200, json.dumps(told), "application/json")


class Visitor(Api):
    """The clients of client.py, somewhere else: through the proxy, over TLS, at a public host."""

    def __init__(self, internet, host, token=None, timeout=20):
        super().__init__(token=token, timeout=timeout)
        self.internet, self.host, self.port = internet, host, 443
        self.context = ssl.create_default_context(cafile=internet.authority)

    def connect(self):
        plain = socket.create_connection(("127.0.0.1", self.internet.proxy_port), self.timeout)
        try:
            plain.sendall(("CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\n\r\n" % (self.host, self.host)).encode())
            head = b""
            while b"\r\n\r\n" not in head:
                chunk = plain.recv(1)
                if not chunk:
                    raise ConnectionResetError("the proxy hung up")
                head += chunk
            if b" 200 " not in head.split(b"\r\n")[0]:
                raise ConnectionRefusedError("%s: %s" % (self.host, head.split(b"\r\n")[0].decode()))
            return self.context.wrap_socket(plain, server_hostname=self.host)
        except OSError:
            plain.close()
            raise

    def headers(self, more=None):
        return super().headers(dict({"Host": self.host}, **(more or {})))


WORDS = ("amber", "basalt", "cedar", "delta", "ember", "fjord", "grove", "harbor", "inlet", "juniper", "knoll")
