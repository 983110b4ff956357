"""What the commands about tunnels are shown in tests: an engine whose tunnels do what the case says. It speaks the API over
the socket of the case's home; the real engine's tunnels are tested with the service."""

import base64
import hashlib
import http.server
import json
import os
import socket
import socketserver
import struct
import threading
import time
import urllib.parse

RULE = "This platform ends sessions in which web pages were reached through tunnels."

PROVIDERS = [
    {"id": "platform", "name": "The platform's own addresses", "available": False, "why_not": "it has none", "rule": None},
    {"id": "ngrok", "name": "ngrok", "available": False, "why_not": "it wants a token: tunnel.ngrok_token", "rule": RULE},
    {"id": "cloudflare", "name": "Cloudflare", "available": True, "why_not": None, "rule": RULE},
    {"id": "localtunnel", "name": "LocalTunnel", "available": True, "why_not": None, "rule": RULE},
]


USAGE = {"script": "/start.json", "state": "ready", "pids": [1], "cpu_percent": 0, "rss": 5000000, "restarts": 0}


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.sockets = []

    def process_request(self, request, client_address):
        self.sockets.append(request)
        super().process_request(request, client_address)

    def hang_up(self):
        for connection in self.sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has gone


class Refused(Exception):
    """An answer that is a problem: status, detail."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):  # pylint: disable=arguments-differ
        pass

    def answer(self, status, value):
        kind = "application/problem+json" if status >= 400 else "application/json"
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def handle_any(self):
        engine = self.server.engine
        path = urllib.parse.unquote(self.path.split("?")[0])
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        if path == "/v1/events":
            self.follow()
            return
        with engine.lock:
            engine.asked.append((self.command, path, body))
            try:
                status, value = engine.respond(self.command, path, body)
            except Refused as refused:
                status, detail = refused.args
                value = {"type": "about:blank", "title": "No", "status": status, "detail": detail}
        self.answer(status, value)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def follow(self):
        if not self.server.engine.events:
            self.answer(503, {"type": "about:blank", "title": "No", "status": 503, "detail": "no events"})
            return
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)):
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        engine = self.server.engine
        with engine.lock:
            engine.followers.append(self.wfile)
        try:
            self.rfile.read()  # until the client goes
        except OSError:
            pass
        with engine.lock:
            engine.followers.remove(self.wfile)


class Engine:
    """The stand-in; everything a case changes is seen by who asks or follows at once."""

    def __init__(self, t, apps=(), providers=None, events=True):
        self.lock = threading.RLock()
        self.apps = [dict({"name": None, "installed": True, "run": None, "url": None, "public_url": None}, **app) for app in apps]
        self.providers = [
            dict({"order": number, "program": None, "barred_until": 0}, **item)
            for number, item in enumerate(PROVIDERS if providers is None else providers, 1)
        ]
        self.tunnels, self.asked, self.followers = {}, [], []
        self.events = events
        self.begin = {}  # what a tunnel has from its beginning
        self.stays = False  # whether a closed tunnel goes on being closed
        folder = os.path.join(t.home, "run")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.server = Server(os.path.join(folder, "engine.sock"), Handler)
        self.server.engine = self
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        t.cleanups.append(self.end)

    def end(self):
        if self.thread is not None:
            self.server.shutdown()
            self.server.hang_up()
            self.server.server_close()
            os.unlink(self.server.server_address)
            self.thread = None

    # What a case does

    def add(self, number=1, **members):
        tunnel = {
            "id": "t-%d" % number,
            "app": None,
            "run": None,
            "title": None,
            "local_url": "http://127.0.0.1:7860/",
            "local_port": 7860,
            "public_url": None,
            "open_url": None,
            "provider": None,
            "status": "opening",
            "passcode": False,
            "token": None,
            "trouble": None,
            "retry_at": 0,
            "created_at": int(time.time() * 1000) - 125000,
            "opened_at": 0,
            "reopened": 0,
            "log": None,
        }
        tunnel.update(members)
        with self.lock:
            self.tunnels[tunnel["id"]] = tunnel
        return tunnel["id"]

    def change(self, number=1, **members):
        tunnel = self.tunnels["t-%d" % number]
        with self.lock:
            tunnel.update(members)
            shown = {name: tunnel[name] for name in ("app", "status", "public_url", "provider", "trouble")}
            text = json.dumps(dict(shown, type="tunnel", tunnel=tunnel["id"])).encode()
            head = b"\x81" + (bytes([len(text)]) if len(text) < 126 else b"\x7e" + struct.pack(">H", len(text)))
            for follower in self.followers:
                try:
                    follower.write(head + text)
                except OSError:
                    pass  # it goes

    def open(self, number=1, url="https://a-b-c.example.net", path="/", **members):
        self.change(number, public_url=url, open_url=url + path, status="open", opened_at=int(time.time() * 1000), **members)

    def requests(self, method, path=""):
        with self.lock:
            return [item for item in self.asked if item[0] == method and item[1].startswith(path)]

    # What the API does

    def app(self, name):
        for app in self.apps:
            if app["id"] == name:
                return app
        raise Refused(404, "there is no app '%s'" % name)

    def respond(self, method, path, body):
        parts = path.strip("/").split("/")
        if path == "/v1/tunnels" and method == "POST":
            return self.post(body)
        if parts[1] == "tunnels" and len(parts) == 3:
            return self.one(method, parts[2], body)
        lists = {"tunnels": list(self.tunnels.values()), "providers": self.providers, "apps": self.apps}
        lists["processes"] = self.processes = [
            dict(USAGE, run=app["run"], app=app["id"], started_at=int(time.time() * 1000)) for app in self.apps if app["run"]
        ]
        lists["status"] = dict({"pid": os.getpid(), "started": int(time.time() * 1000)}, troubles=[])
        if parts[1] == "apps" and len(parts) == 3:
            return 200, dict(self.app(parts[2]), runs=[])
        if parts[1] == "apps" and parts[-1] == "start":
            return 202, {"run": self.app(parts[2])["run"], "already": True}
        if parts[1] == "runs":
            app = next(app for app in self.apps if app["run"] == parts[2])
            return 200, {"id": app["run"], "app": app["id"], "state": "ready", "url": app["url"], "live": True}
        return 200, lists[parts[1]]

    def post(self, body):
        known = [provider["id"] for provider in self.providers]
        if body.get("provider", known[0]) not in known:
            raise Refused(400, "there is no provider '%s'" % body["provider"])
        app = self.app(body["app"]) if "app" in body else {"id": None, "run": None, "url": body.get("url")}
        for tunnel in self.tunnels.values():
            if app["id"] is not None and tunnel["app"] == app["id"]:
                return 202, {"tunnel": tunnel["id"], "already": True}
        begin = dict({"app": app["id"], "run": app["run"], "local_url": app["url"]}, **self.begin)
        begin["passcode"] = bool(body.get("passcode"))
        begin["local_port"] = body.get("port", 7860)
        return 202, {"tunnel": self.add(len(self.tunnels) + 1, **begin), "already": False}

    def one(self, method, name, body):
        tunnel = self.tunnels.get(name)
        if tunnel is None:
            raise Refused(404, "there is no tunnel '%s'" % name)
        if method == "DELETE":
            tunnel["status"] = "closing"
            if not self.stays:
                del self.tunnels[name]
            return 202, {}
        if method == "PUT":
            tunnel["passcode"] = body["passcode"] != ""
        return 200, tunnel
