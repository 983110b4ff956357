#!/usr/bin/env python3
"""A git server on the loopback for tests: the real `git http-backend` behind Python's web server.

As a library:
    with GitServer(folder) as server:
        app = server.repository("hello")        # folder/hello.git
        app.commit({"pinokio.js": "module.exports = {}"})
        server.url("hello")                     # http://127.0.0.1:PORT/hello.git
        server.cut(after=1000, times=3)         # the next three packs end after 1000 bytes
From the command line: gitserver.py FOLDER [--port N] [--login USER:PASSWORD] [--cut BYTES] [--times N] [--delay SECONDS]
    [--status CODE] [--dumb] [--lfs]. It serves FOLDER/*.git and prints its address.
"""

import argparse
import base64
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import time

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n"
IDENTITY = {
    "GIT_AUTHOR_NAME": "An Author",
    "GIT_AUTHOR_EMAIL": "author@example.com",
    "GIT_COMMITTER_NAME": "An Author",
    "GIT_COMMITTER_EMAIL": "author@example.com",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def git(folder, *words, **more):
    """What git prints; an error when it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment.update(IDENTITY, **more.pop("env", {}))
    done = subprocess.run(
        ["git"] + list(words), cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
    )
    if done.returncode != 0:
        raise RuntimeError("git %s: %s" % (" ".join(words), done.stderr.decode("utf-8", "replace")))
    return done.stdout.decode("utf-8", "surrogateescape").strip()


class Repository:
    """A bare repository that is served, with a work tree beside it to commit from."""

    def __init__(self, server, name):
        self.server = server
        self.bare = os.path.join(server.folder, name + ".git")
        self.work = os.path.join(server.folder, "work", name)
        self.name = name
        os.makedirs(self.work)
        os.makedirs(os.path.dirname(self.bare), exist_ok=True)
        git(server.folder, "init", "-q", "--bare", "-b", "main", self.bare)
        git(server.folder, "init", "-q", "-b", "main", self.work)
        git(self.work, "remote", "add", "origin", self.bare)

    def commit(self, files, message="a commit", push=True):
        """Writes the files (text, bytes, or None to remove one), commits and publishes them; gives the commit."""
        for path, content in files.items():
            whole = os.path.join(self.work, path)
            if content is None:
                os.remove(whole)
                continue
            os.makedirs(os.path.dirname(whole), exist_ok=True)
            with open(whole, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "--allow-empty", "-m", message)
        if push:
            self.push()
        return git(self.work, "rev-parse", "HEAD")

    def push(self, *words):
        git(self.work, "push", "-q", "-f", "origin", *(words or ("HEAD",)))
        git(self.bare, "update-server-info")

    def lfs_file(self, content):
        """The pointer of a large file, whose content the server keeps."""
        oid = hashlib.sha256(content).hexdigest()
        self.server.objects[oid] = content
        return POINTER % (oid, len(content))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                parts.append(self.rfile.read(size))
                self.rfile.readline()
                if size == 0:
                    return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def may(self):
        login = self.server.owner.login
        if login is None:
            return True
        wanted = "Basic " + base64.b64encode(login.encode()).decode()
        return self.headers.get("Authorization") == wanted

    def handle_one(self):
        owner = self.server.owner
        sent = self.body()
        path, _, query = self.path.partition("?")
        owner.requests.append((self.command, self.path))
        if owner.delay:
            time.sleep(owner.delay)
        if owner.take_status():
            self.answer(owner.status)
        elif not self.may():
            self.answer(401, WWW_Authenticate='Basic realm="git"')
        elif "/info/lfs/" in path or path.startswith("/lfs-objects/"):
            self.lfs(path, sent)
        elif owner.dumb:
            self.static(path)
        else:
            self.backend(path, query, sent)

    do_GET = do_POST = handle_one

    def static(self, path):
        whole = os.path.join(self.server.owner.folder, path.lstrip("/"))
        if ".." in path or not os.path.isfile(whole):
            self.answer(404)
            return
        with open(whole, "rb") as file:
            self.answer(200, file.read())

    def lfs(self, path, sent):
        owner = self.server.owner
        oid = path.rsplit("/", 1)[1]
        if not owner.lfs:
            self.answer(404, b"<p>Not Found", Content_Type="text/html")
        elif path.startswith("/lfs-objects/"):
            owner.lfs_sent.append(oid)
            self.answer(200, owner.objects[oid])
        else:
            objects = [
                {
                    "oid": item["oid"],
                    "size": item["size"],
                    "actions": {"download": {"href": owner.base + "/lfs-objects/" + item["oid"]}},
                }
                for item in json.loads(sent.decode())["objects"]
            ]
            text = json.dumps({"transfer": "basic", "objects": objects}).encode()
            self.answer(200, text, Content_Type="application/vnd.git-lfs+json")

    def environment(self, path, query, sent):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environment.update(
            GIT_PROJECT_ROOT=self.server.owner.folder,
            GIT_HTTP_EXPORT_ALL="1",
            GIT_CONFIG_NOSYSTEM="1",
            GIT_CONFIG_GLOBAL=os.devnull,
            REQUEST_METHOD=self.command,
            PATH_INFO=path,
            QUERY_STRING=query,
            CONTENT_TYPE=self.headers.get("Content-Type", ""),
            CONTENT_LENGTH=str(len(sent)),
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""),
            GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
            REMOTE_ADDR="127.0.0.1",
        )
        return environment

    def backend(self, path, query, sent):
        owner = self.server.owner
        done = subprocess.run(
            ["git", "http-backend"],
            input=sent,
            env=self.environment(path, query, sent),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(fields.pop("Status", "200").split()[0])
        pack = path.endswith("/git-upload-pack") and b"PACK" in body[:65536]
        limit = owner.take_cut(len(body)) if pack else None
        if pack:
            owner.packs.append(len(body))
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if pack:
            owner.gate.wait(60)
        self.wfile.write(body if limit is None else body[:limit])
        if limit is not None:
            self.close_connection = True


class Http(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that hung up, as many here do


class GitServer:
    """Serves folder/*.git; what it does wrong can be changed while it runs."""

    def __init__(self, folder, port=0):
        self.folder = os.path.realpath(folder)
        self.login = None  # "USER:PASSWORD"
        self.delay = 0  # seconds before each answer
        self.dumb = False  # plain files, as a web server without git has them
        self.lfs = False
        self.objects = {}  # LFS content by its SHA-256
        self.status, self.status_times = None, 0
        self.cut_after, self.cut_times = None, 0
        self.requests, self.packs, self.lfs_sent = [], [], []
        self.lock = threading.Lock()
        self.gate = threading.Event()
        self.gate.set()
        self.http = Http(("127.0.0.1", port), Handler)
        self.http.owner = self
        self.base = "http://127.0.0.1:%d" % self.http.server_port
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def close(self):
        self.gate.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def repository(self, name):
        return Repository(self, name)

    def url(self, name, login=None):
        base = self.base if login is None else self.base.replace("://", "://%s@" % login)
        return "%s/%s.git" % (base, name)

    def cut(self, after, times=1):
        """The next packs end after so many bytes; a share of the whole when below 1."""
        self.cut_after, self.cut_times = after, times

    def fail(self, status, times=1 << 30):
        """The next requests get this status."""
        self.status, self.status_times = status, times

    def hold(self):
        """Packs are not sent until release()."""
        self.gate.clear()

    def release(self):
        self.gate.set()

    def take_cut(self, length):
        with self.lock:
            if self.cut_times <= 0:
                return None
            self.cut_times -= 1
            return int(self.cut_after * length) if self.cut_after < 1 else int(self.cut_after)

    def take_status(self):
        with self.lock:
            if self.status is None or self.status_times <= 0:
                return False
            self.status_times -= 1
            return True


def main():
    parser = argparse.ArgumentParser(description="serves FOLDER/*.git on the loopback, for tests")
    parser.add_argument("folder")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--login")
    parser.add_argument("--cut", type=float)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--status", type=int)
    parser.add_argument("--dumb", action="store_true")
    parser.add_argument("--lfs", action="store_true")
    options = parser.parse_args()
    with GitServer(options.folder, options.port) as server:
        server.login, server.delay = options.login, options.delay
        server.dumb, server.lfs = options.dumb, options.lfs
        if options.cut is not None:
            server.cut(options.cut, options.times)
        if options.status is not None:
            server.fail(options.status)
        print(server.base, flush=True)
        server.thread.join()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
