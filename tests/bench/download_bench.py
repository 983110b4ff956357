"""What downloads cost: bench.py's rows for storage/download.h, against a server that cuts or limits its connections."""

import hashlib
import os
import random
import re
import shutil
import socket
import socketserver
import statistics
import subprocess
import tempfile
import threading
import time

MB = 1000000
# No divisor of anything that a download counts in, so that a part at the wrong place shows.
PERIOD = 16777213


class Content:
    """A large file that takes little room: random bytes over and over."""

    def __init__(self, size):
        self.size = size
        self.block = random.Random(4).randbytes(PERIOD)

    def pieces(self, start, end, most):
        while start < end:
            at = start % PERIOD
            count = min(most, end - start, PERIOD - at)
            yield memoryview(self.block)[at : at + count]
            start += count

    def sha256(self):
        digest = hashlib.sha256()
        for piece in self.pieces(0, self.size, PERIOD):
            digest.update(piece)
        return digest.hexdigest()


class Handler(socketserver.StreamRequestHandler):
    """HTTP/1.1 with ranges, as much as a download needs; connections stay."""

    disable_nagle_algorithm = True

    def handle(self):
        try:
            while self.serve_one():
                pass
        except OSError:
            pass

    def serve_one(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return False
            head += line
        content = self.server.content
        found = re.search(rb"(?im)^range: bytes=(\d+)-(\d*)\r$", head)
        start = int(found.group(1)) if found else 0
        end = min(int(found.group(2)) + 1 if found and found.group(2) else content.size, content.size)
        status = "206 Partial Content" if found else "200 OK"
        answer = "HTTP/1.1 %s\r\nContent-Length: %d\r\nETag: \"bench\"\r\nAccept-Ranges: bytes\r\n" % (status, end - start)
        if found:
            answer += "Content-Range: bytes %d-%d/%d\r\n" % (start, end - 1, content.size)
        self.connection.sendall((answer + "\r\n").encode())
        return self.send(start, end)

    def send(self, start, end):
        server = self.server
        until = server.cut(start, end)
        step = server.rate // 100 if server.rate else 262144
        began, sent = time.monotonic(), 0
        for piece in server.content.pieces(start, until, step):
            self.connection.sendall(piece)
            sent += len(piece)
            server.count(len(piece))
            if server.rate:
                early = began + sent / server.rate - time.monotonic()
                if early > 0:
                    time.sleep(early)
        return until == end


class Server(socketserver.ThreadingTCPServer):
    """Serves one file. rate: bytes a second of each connection; cuts: so many answers end after cut_after bytes."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, content, rate=0, cuts=0, cut_after=0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.rate, self.cuts, self.cut_after = content, rate, cuts, cut_after
        self.sent, self.lock = 0, threading.Lock()
        self.url = "http://127.0.0.1:%d/model.safetensors" % self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def get_request(self):
        link, address = super().get_request()
        # What waits in a buffer when a connection ends would be counted as sent.
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 262144)
        return link, address

    def cut(self, start, end):
        with self.lock:
            if not self.cuts or end - start <= self.cut_after:
                return end
            self.cuts -= 1
            return start + self.cut_after

    def count(self, size):
        with self.lock:
            self.sent += size

    def close(self):
        self.shutdown()
        self.server_close()


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            block = file.read(1 << 20)
            if not block:
                return digest.hexdigest()
            digest.update(block)


def fetched(bench, server, folder, connections):
    """Seconds of a download, the whole process, whose content is checked."""
    path = os.path.join(folder, "ours")
    command = [bench.helper("fetch"), server.url, path, str(connections)]
    began = time.monotonic()
    subprocess.run(command, stderr=subprocess.PIPE, check=True)
    seconds = time.monotonic() - began
    if sha256(path) != server.content.sha256():
        raise RuntimeError("the download is not what was served")
    os.unlink(path)
    return seconds


def cut_download(bench):
    content = Content(bench.options.download * MB)
    for connections in (1, 8):
        folder = tempfile.mkdtemp(dir=bench.home)
        server = Server(content, cuts=5, cut_after=content.size // 6 if connections == 1 else content.size // 40)
        try:
            seconds = fetched(bench, server, folder, connections)
        finally:
            server.close()
            shutil.rmtree(folder)
        if server.cuts:
            raise RuntimeError("%d of the cuts did not come about" % server.cuts)
        name = "%.1f GB, %d connection%s, cut 5 times" % (content.size / 1e9, connections, "s"[: connections - 1])
        yield name + ": bytes sent twice", (server.sent - content.size) / MB, "MB", 5 * connections * 1.048576, "<="
        yield name, content.size / MB / seconds, "MB/s", None, ""


def limited_download(bench):
    if shutil.which("aria2c") is None:
        raise RuntimeError("aria2c is not installed (setup/install.sh test)")
    content = Content(bench.options.download * MB // 2)
    ours, theirs = [], []
    folder = tempfile.mkdtemp(dir=bench.home)
    server = Server(content, rate=20 * MB)
    aria2 = ["aria2c", "-x8", "-s8", "--quiet", "--no-conf", "--dir", folder, "--out", "theirs", server.url]
    try:
        for _ in range(2):  # in turns, so that both see the same machine
            began = time.monotonic()
            subprocess.run(aria2, stdout=subprocess.DEVNULL, check=True)
            theirs.append(time.monotonic() - began)
            os.unlink(os.path.join(folder, "theirs"))
            ours.append(fetched(bench, server, folder, 8))
    finally:
        server.close()
        shutil.rmtree(folder)
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    name = "%.1f GB, 8 connections of 20 MB/s" % (content.size / 1e9)
    yield name + ": aria2c -x8 -s8", content.size / MB / theirs, "MB/s", None, ""
    yield name, content.size / MB / ours, "MB/s", None, ""
    yield "the second to the first", theirs / ours, "x", 0.95, ">="


MEASURES = [cut_download, limited_download]
