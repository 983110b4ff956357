"""The app that tests share: tells what it was asked, takes uploads, serves ranges, events and an echoing WebSocket.

    webapp.py PORT [--host H] [--say LINE]... [--late S] [--load S]

LINE may hold {port}, and is printed once the port answers; --late: it listens only S seconds after it was printed;
--load: it answers with 503 for S seconds. What it notes for the test is in `notes`, a line of JSON each: the moment of
each line, every request.
"""

import argparse
import base64
import hashlib
import http.server
import json
import os
import struct
import threading
import time

BLOB = bytes(range(256)) * 4096  # 1 MiB
LOCK = threading.Lock()


def note(**what):
    with LOCK, open("notes", "a", encoding="utf-8") as file:
        file.write(json.dumps(dict(what, at=time.monotonic())) + "\n")


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or what is late would be so because of us

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def send(self, body, status=200, kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        if time.monotonic() < self.server.loaded_at:
            self.send(b'{"error": "loading"}', 503)
            return
        path = self.path.split("?")[0]
        note(request=self.path, method=self.command, agent=self.headers.get("User-Agent"))
        {"/blob": self.blob, "/events": self.events, "/socket": self.socket}.get(path, self.tell)()

    do_HEAD = do_GET

    def tell(self):
        self.send(json.dumps({"path": self.path, "headers": dict(self.headers), "pid": os.getpid()}).encode())

    def blob(self):
        wanted = self.headers.get("Range")
        if not wanted:
            self.send(BLOB, kind="application/octet-stream", Accept_Ranges="bytes")
            return
        first, last = (int(part) for part in wanted.split("=")[1].split("-"))
        told = "bytes %d-%d/%d" % (first, last, len(BLOB))
        self.send(BLOB[first : last + 1], 206, "application/octet-stream", Content_Range=told)

    def do_POST(self):
        left, count, digest = int(self.headers["Content-Length"]), 0, hashlib.sha256()
        while left > count:
            chunk = self.rfile.read(min(1 << 16, left - count))
            if not chunk:
                return
            count += len(chunk)
            digest.update(chunk)
        self.send(json.dumps({"bytes": count, "sha256": digest.hexdigest()}).encode())

    def events(self):
        """Three events, each once the client could have seen the one before; the pauses show who holds them back."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(3):
            self.wfile.write(b"data: %.6f\n\n" % time.monotonic())
            self.wfile.flush()
            time.sleep(0.4)
        self.close_connection = True

    def socket(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        while self.echo():
            pass
        self.close_connection = True

    def echo(self):
        """One frame back as it came; FALSE at the end."""
        head = self.rfile.read(2)
        if len(head) < 2:
            return False
        size = head[1] & 0x7F
        if size > 125:
            wide = 2 if size == 126 else 8
            size = struct.unpack(">H" if wide == 2 else ">Q", self.rfile.read(wide))[0]
        key = self.rfile.read(4)
        data = self.rfile.read(size)
        data = bytes(byte ^ key[index % 4] for index, byte in enumerate(data))
        told = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
        self.wfile.write(bytes([head[0]]) + told + data)
        self.wfile.flush()
        return head[0] & 0x0F != 8

    def log_message(self, *unused):
        pass


def listen(options):
    server = http.server.ThreadingHTTPServer((options.host, options.port), Page)
    server.handle_error = lambda *unused: None
    server.loaded_at = time.monotonic() + options.load
    threading.Thread(target=server.serve_forever, daemon=True).start()
    note(listens=server.server_address[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--say", action="append", default=[])
    parser.add_argument("--late", type=float, default=0)
    parser.add_argument("--load", type=float, default=0)
    options = parser.parse_args()
    if not options.late:
        listen(options)
    for line in options.say:
        note(said=line)
        os.write(1, line.replace("{port}", str(options.port)).encode() + b"\n")
    if options.late:
        time.sleep(options.late)
        listen(options)
    time.sleep(1000000)


main()
