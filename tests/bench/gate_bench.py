"""What the gate costs: bench.py's rows for requests through it, against nginx as a plain proxy in the same run, and for a
gigabyte each way. Both lead to one and the same nginx, which gives a small answer."""

import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time

KEY = "00112233445566778899aabbccddeeff"
HOST = "127.0.0.1"
ROUNDS, SECONDS, CLIENTS = 5, 3, 32
MB = 1 << 20

NGINX = """daemon off;
worker_processes 1;
pid {folder}/{name}.pid;
error_log {folder}/{name}.log;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  {temporary}
  {rest}
}}
"""
PROXY = """upstream app {{ server 127.0.0.1:{app}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto https;
    }}
  }}"""
STATIC = 'server {{ listen 127.0.0.1:{port}; location / {{ return 200 "a small answer of a few bytes\\n"; }} }}'


def free_port():
    with socket.create_server((HOST, 0)) as listener:
        return listener.getsockname()[1]


def wait_for_port(port):
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


class Servers:
    """nginx in front of nginx, and the gate in front of the same."""

    def __init__(self, bench):
        for name in ("nginx", "wrk"):
            if shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin") is None:
                raise RuntimeError("%s is not installed (setup/install.sh test)" % name)
        self.bench = bench
        self.folder = tempfile.mkdtemp(dir=bench.home)
        self.running = []
        self.app, self.proxy, self.gate = free_port(), free_port(), free_port()
        self.shares = [{"id": "t1", "hosts": [HOST], "address": HOST, "port": self.app}]

    def nginx(self, name, rest):
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = " ".join("%s_temp_path %s/%s;" % (kind, self.folder, kind) for kind in kinds)
        path = os.path.join(self.folder, name + ".conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(NGINX.format(folder=self.folder, name=name, temporary=temporary, rest=rest))
        command = [shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin"), "-c", path, "-p", self.folder]
        self.running.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))

    def start_gate(self):
        path = os.path.join(self.folder, "gate.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"port": self.gate, "every_interface": False, "key": KEY, "shares": self.shares}, file)
        command = [os.path.join(self.bench.build, "pinokiocloud-gate"), path]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.running.append(process)
        wait_for_port(self.gate)
        return process

    def start(self):
        self.nginx("app", STATIC.format(port=self.app))
        self.nginx("proxy", PROXY.format(port=self.proxy, app=self.app))
        self.start_gate()
        wait_for_port(self.app)
        wait_for_port(self.proxy)

    def close(self):
        for process in self.running:
            process.terminate()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def wrk(port, seconds, *more):
    """Requests a second, and the median of what one took in ms."""
    command = ["wrk", "-t1", "-c%d" % CLIENTS, "-d%d" % seconds, "--latency", *more, "http://%s:%d/" % (HOST, port)]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError("requests failed: " + said)
    number, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", said).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)), float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def gate_requests(bench):
    servers = Servers(bench)
    sealed = "pbkdf2-sha256$3000$%s$%s" % ("00" * 16, "11" * 32)
    ends = str(int(time.time()) + 3600)
    digest = hmac.new(KEY.encode(), "\n".join(["cookie", ends, sealed, "t2"]).encode(), hashlib.sha256).hexdigest()
    guarded = ["-H", "Host: guarded.example", "-H", "Cookie: pinokiocloud_gate=%s.%s" % (ends, digest)]
    servers.shares.append(dict(servers.shares[0], id="t2", hosts=["guarded.example"], passcode=sealed))
    nginx, ours, closed = [], [], []
    try:
        servers.start()
        for number in range(ROUNDS + 1):  # the first warms both; who is first changes by turns
            turns = [(nginx, servers.proxy, []), (ours, servers.gate, []), (closed, servers.gate, guarded)]
            for found, port, more in turns if number % 2 else reversed(turns):
                found.append(wrk(port, SECONDS if number else 1, *more))
    finally:
        servers.close()
    ratio = statistics.median(mine[0] / his[0] for mine, his in zip(ours[1:], nginx[1:]))
    later = statistics.median(mine[1] - his[1] for mine, his in zip(ours[1:], nginx[1:]))
    guard = statistics.median(mine[0] / his[0] for mine, his in zip(closed[1:], nginx[1:]))
    yield "nginx as a plain proxy (1 worker, %d clients)" % CLIENTS, statistics.median(r for r, _ in nginx[1:]), "requests/s", None, ""
    yield "gate", statistics.median(r for r, _ in ours[1:]), "requests/s", None, ""
    yield "gate, to nginx (median of pairs)", ratio, "x", 0.7, ">="
    yield "gate, later than nginx at the median", later, "ms", 1, "<="
    yield "gate with a passcode's cookie, to nginx", guard, "x", 0.7, ">="


def memory_of(process):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024


def serve_bytes(listener, size):
    """Gives size bytes to a GET, and swallows what comes with a POST."""
    block, room = bytes(MB), bytearray(MB)
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536)
            left = size - len(head.split(b"\r\n\r\n", 1)[1])
            if head.startswith(b"GET"):
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size)
                for _ in range(size // MB):
                    connection.sendall(block)
                continue
            while left > 0:
                got = connection.recv_into(room)
                if not got:
                    break
                left -= got
            connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")


def carry(port, size, up):
    """A whole body through a port; seconds."""
    block, room, got = bytes(MB), bytearray(MB), 0
    began = time.perf_counter()
    with socket.create_connection((HOST, port)) as connection:
        head = "%s / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" % ("POST" if up else "GET", HOST, size if up else 0)
        connection.sendall(head.encode())
        for _ in range(size // MB if up else 0):
            connection.sendall(block)
        while got < (1 if up else size):
            count = connection.recv_into(room)
            if not count:
                raise RuntimeError("the connection ended after %d bytes" % got)
            got += count
    return time.perf_counter() - began


def gate_bodies(bench):
    size = 1024 * MB
    servers = Servers(bench)
    listener = socket.create_server((HOST, servers.app))
    threading.Thread(target=serve_bytes, args=(listener, size), daemon=True).start()
    try:
        process = servers.start_gate()
        before = memory_of(process)
        for name, up in (("download", False), ("upload", True)):
            ended, most = threading.Event(), [before]

            def watch(ended=ended, most=most):
                while not ended.wait(0.005):
                    most.append(memory_of(process))

            watcher = threading.Thread(target=watch)
            watcher.start()
            took = carry(servers.gate, size, up)
            ended.set()
            watcher.join()
            yield "gate, %s of 1 GiB" % name, size / MB / took, "MiB/s", None, ""
            yield "gate, its memory grew by", max(most) - before, "MiB", 1, "<="
    finally:
        listener.close()
        servers.close()


MEASURES = [gate_requests, gate_bodies]
