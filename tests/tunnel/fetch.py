#!/usr/bin/env python3
"""`pinokiocloud-runner fetch-agent` against Debian repositories of our own, with packages that dpkg-deb made."""

import contextlib
import fcntl
import gzip
import hashlib
import http.server
import os
import shutil
import ssl
import stat
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

from harness import SLOW, Skipped, case, leave  # noqa: E402

ARCH = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf", "i686": "i386"}.get(os.uname().machine, "amd64")
PROGRAM = "#!/bin/sh\n[ \"$1\" = --version ] && echo '%s version %s'\n# "


class Repository(http.server.ThreadingHTTPServer):
    """files: path -> bytes. cut: the paths whose first answer ends in the middle."""

    def __init__(self, stage):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files, self.asked, self.cut, self.gate = {}, [], set(), threading.Event()
        self.gate.set()
        self.url = "http://127.0.0.1:%d" % self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()
        stage.cleanups.append(self.stop)

    def stop(self):
        self.gate.set()
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        ranged = self.headers.get("Range")
        server.asked.append((self.path, ranged))
        data = server.files.get(self.path)
        server.gate.wait(60)
        if data is None:
            self.send_error(404)
            return
        first, last = 0, len(data) - 1
        if ranged:
            first, end = ranged.split("=")[1].split("-")
            first, last = int(first), min(last, int(end) if end else last)
        self.send_response(206 if ranged else 200)
        if ranged:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (first, last, len(data)))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", '"%s"' % hashlib.md5(data).hexdigest())
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        body = data[first : last + 1]
        if self.path in server.cut and len(body) > 1000:
            server.cut.discard(self.path)
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
            return
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *unused):
        pass


class World:
    def __init__(self, stage, name="cloudflared", suite="any"):
        if not shutil.which("dpkg-deb"):
            raise Skipped("no dpkg-deb here")
        self.stage, self.name, self.suite = stage, name, suite
        self.repository = Repository(stage)
        self.env = {"PINOKIO_%s_REPOSITORY" % name.upper(): self.repository.url + "/"}
        for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            self.env[proxy] = ""
        self.path = os.path.join(stage.home, "bin", name)
        self.index = ""

    def package(self, version, place="usr/bin", text=None, compression="xz", more=0, link=None, mode=0o644):
        """A real .deb with the program at that place; gives its bytes."""
        folder = os.path.join(self.stage.folder, "deb-" + version + compression)
        os.makedirs(os.path.join(folder, "DEBIAN"))
        os.makedirs(os.path.join(folder, place))
        os.makedirs(os.path.join(folder, "usr/share/doc"))
        control = "Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: x <x@y.z>\nDescription: x\n"
        self.stage.files(os.path.join(folder, "DEBIAN"), control=control % (self.name, version, ARCH))
        self.stage.files(os.path.join(folder, "usr/share/doc"), **{self.name: "not this one"})
        program = os.path.join(folder, place, self.name)
        if link:
            os.symlink(link, program)
        else:
            with open(program, "wb") as file:
                file.write((text or PROGRAM % (self.name, version)).encode() + os.urandom(more).hex().encode())
            os.chmod(program, mode)
        made = folder + ".deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Z" + compression, "-b", folder, made], check=True, stdout=subprocess.DEVNULL
        )
        with open(made, "rb") as file:
            return file.read()

    def offer(self, version, data, sha256=None, arch=ARCH, packed=False):
        """Puts a package into the repository and its index."""
        name = "pool/main/%s_%s_%s.deb" % (self.name, version, arch)
        self.repository.files["/" + name] = data
        self.index += "Package: %s\nVersion: %s\nArchitecture: %s\nFilename: %s\nSize: %d\nSHA256: %s\n\n" % (
            self.name, version, arch, name, len(data), sha256 or hashlib.sha256(data).hexdigest()
        )
        where = "/dists/%s/main/binary-%s/Packages" % (self.suite, arch)
        if packed:
            self.repository.files[where + ".gz"] = gzip.compress(self.index.encode())
        else:
            self.repository.files[where] = self.index.encode()
        return "/" + name

    def fetch(self, seconds=60, **options):
        return self.stage.run("fetch-agent", self.name, self.stage.home, env=self.env, seconds=seconds, **options)

    def installed(self, version):
        said = subprocess.run([self.path, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.stage.equal(said, "%s version %s\n" % (self.name, version))
        self.stage.equal(stat.S_IMODE(os.stat(self.path).st_mode), 0o755, "mode")
        self.nothing_beside()

    def nothing_beside(self):
        """No half of anything: only finished programs in bin, and no package."""
        for name in os.listdir(os.path.join(self.stage.home, "bin")):
            self.stage.lacks(name, r"^\.")
        left = [name for name in os.listdir(os.path.join(self.stage.home, "cache", "agents")) if not name.endswith(".lock")]
        self.stage.equal(left, [], "left in the cache")

    def fails(self, *patterns, **options):
        program = self.fetch(**options)
        self.stage.fails(program, *patterns)
        self.stage.has(program.err, "^pinokiocloud: %s cannot be fetched: " % self.name)
        return program


@case("cloudflared: the newest of several versions for this processor, checked, runs, and says so")
def newest(stage):
    world = World(stage)
    for version in ("2025.9.1", "2026.10.0", "2026.9.1"):
        world.offer(version, world.package(version))
    world.repository.files["/dists/any/main/binary-%s/Packages" % ARCH] += (
        b"Package: cloudflared\nVersion: 2030.1.1\nArchitecture: s390x\nFilename: x\nSHA256: " + b"a" * 64 + b"\n"
    )
    program = world.fetch()
    stage.status(program, 0)
    world.installed("2026.10.0")
    for line in ("looking for the newest cloudflared in " + world.repository.url, "downloading cloudflared 2026.10.0 for "):
        stage.has(program.out, "^" + line)
    stage.has(program.out, "^installed as %s: cloudflared version 2026.10.0$" % world.path)
    stage.equal(program.err, "", "errors")


@case("ngrok: from usr/local/bin, a packed index, and every compression of packages")
def kinds(stage):
    world = World(stage, "ngrok", "buster")
    for number, compression in enumerate(("gzip", "xz", "zstd", "none")):
        version = "3.%d.0-0" % (9 + number)
        world.offer(version, world.package(version, "usr/local/bin", compression=compression), packed=True)
        stage.status(world.fetch(), 0)
        world.installed(version)


@case("A download that is cut goes on where it was, also by another call")
def cut(stage):
    world = World(stage)
    data = world.package("1.0", more=2000000)
    path = world.offer("1.0", data)
    world.repository.cut.add(path)
    stage.status(world.fetch(), 0)
    world.installed("1.0")
    stage.equal(any(item[0] == path and item[1] for item in world.repository.asked), True, "asked for a range")
    data = world.package("1.1", more=2000000)
    path = world.offer("1.1", data)
    world.repository.cut.add(path)
    program = stage.start("fetch-agent", world.name, stage.home, env=world.env)
    program.until("connection was cut after [1-9]")
    program.signal(15).end()
    world.repository.asked.clear()
    stage.status(world.fetch(), 0)
    world.installed("1.1")
    ranges = [item[1] for item in world.repository.asked if item[0] == path]
    stage.has(str(ranges), "bytes=[1-9]")
    stage.lacks(str(ranges), "bytes=0-|None")


@case("A package that is not what the index says: refused, the old program stays")
def wrong_hash(stage):
    world = World(stage)
    world.offer("1.0", world.package("1.0"))
    stage.status(world.fetch(), 0)
    world.offer("2.0", world.package("2.0"), sha256="0" * 64)
    world.fails("(?i)sha-?256|checksum")
    world.installed("1.0")


@case("No repository, none for this processor, no such package, no package where the index says")
def missing(stage):
    world = World(stage)
    world.fails(r"has none for this machine's processor \(")
    world.repository.files["/dists/any/main/binary-%s/Packages" % ARCH] = b"<html>hello</html>"
    world.fails("the index has no cloudflared for ")
    world.offer("1.0", world.package("1.0"))
    world.repository.files.pop("/pool/main/cloudflared_1.0_%s.deb" % ARCH)
    world.fails("404")
    world.repository.stop()
    world.fails("(?i)refused|connect", seconds=60)
    stage.equal(os.path.exists(world.path), False, "a program")
    world.repository.stop = lambda: None
    stage.cleanups.clear()


@case("Packages that are none: damaged, cut, without the program, with a link in its place, with one that does not run")
def bad(stage):
    world = World(stage)
    good = world.package("1.0", more=100000)
    tries = [
        (b"not an archive", "damaged or no package"),
        (b"!<arch>\ndebian-binary   0           0     0     100644  4         `\n2.0\n", "damaged or no package"),
        (good[: len(good) // 2], "damaged or no package"),
        (world.package("1.1", "usr/sbin"), "holds no usr/bin/cloudflared nor usr/local/bin/cloudflared"),
        (world.package("1.2", link="/bin/sh"), "is no regular file"),
        (world.package("1.3", text="#!/bin/sh\necho boom; exit 3\n"), r"does not run here \(--version\): boom"),
        (world.package("1.4", text="\0\0\0"), "does not run here"),
        (world.package("1.5", text="#!/nowhere\n"), "does not run here.*No such file"),
    ]
    for number, (data, pattern) in enumerate(tries):
        world.offer("9.%d" % number, data)
        world.fails(pattern)
        stage.equal(os.path.exists(world.path), False, "a program after %d" % number)
        world.nothing_beside()


@case("A full disk is told as such, and nothing is left of the program")
def disk_full(stage):
    world = World(stage)
    world.offer("1.0", world.package("1.0", text="#!/bin/sh\n" + "#" * 79 + "\n" * 3000000))
    bin_dir = os.path.join(stage.home, "bin")
    os.makedirs(bin_dir)
    if subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        raise Skipped("no mounts of one's own here")
    script = 'mount -t tmpfs -o size=1m none "$0" && "$@"; code=$?; ls -A "$0"; exit $code'
    program = world.fetch(before=["unshare", "-m", "sh", "-c", script, bin_dir])
    stage.fails(program, "ENOSPC: disk full|disk full: .* free there")
    stage.lacks(program.out, r"^\.?cloudflared")


@case("Two fetches at once: the second waits and finds it there")
def two(stage):
    world = World(stage)
    path = world.offer("1.0", world.package("1.0"))
    world.repository.gate.clear()
    arguments = ["fetch-agent", world.name, stage.home]
    first = stage.start(*arguments, env=world.env)
    stage.waits(lambda: world.repository.asked, "the first asks")
    second = stage.start(*arguments, env=world.env)
    second.until("being fetched already: waiting")
    world.repository.gate.set()
    stage.equal((first.end(), second.end()), (0, 0), "exit statuses")
    second.until("it was fetched meanwhile")
    stage.equal([item[0] for item in world.repository.asked].count(path), 1, "downloads")
    world.installed("1.0")


class Leads(http.server.BaseHTTPRequestHandler):
    """Leads to another server."""

    def do_GET(self):
        self.send_response(302)
        self.send_header("Location", self.server.target + self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *unused):
        pass


@case("A repository with https that leads to an address without: not followed")
def downgrade(stage):
    world = World(stage)
    world.offer("1.0", world.package("1.0"))
    key, certificate = (os.path.join(stage.folder, name) for name in ("key.pem", "certificate.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
         "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Leads)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.target = world.repository.url
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stage.cleanups.append(lambda: (server.shutdown(), server.server_close()))
    world.env["PINOKIO_CLOUDFLARED_REPOSITORY"] = "https://127.0.0.1:%d" % server.server_address[1]
    for name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        world.env[name] = certificate
    for name in ("no_proxy", "NO_PROXY"):
        world.env[name] = "127.0.0.1"
    world.fails("https://127.0.0.1:.* redirects to an address without https: not followed")
    stage.equal(world.repository.asked, [], "asked without https")
    stage.equal(os.path.exists(world.path), False, "a program")


@case("What a kill left is no hindrance, and a program that runs is replaced")
def killed(stage):
    world = World(stage)
    world.offer("1.0", world.package("1.0"))
    os.makedirs(os.path.dirname(world.path))
    os.symlink("/etc/passwd", os.path.join(os.path.dirname(world.path), ".cloudflared.new"))
    shutil.copy("/bin/sleep", world.path)
    running = subprocess.Popen([world.path, "60"])
    try:
        stage.status(world.fetch(), 0)
    finally:
        running.kill()
        running.wait()
    world.installed("1.0")


@case("Arguments that make no sense")
def usage(stage):
    stage.fails(stage.run("fetch-agent", "curl", stage.home), "'curl' cannot be fetched: cloudflared and ngrok can")
    stage.fails(stage.run("fetch-agent", "ngrok"), status=2)
    world = World(stage)
    world.env["PINOKIO_CLOUDFLARED_REPOSITORY"] = "nonsense"
    world.fails("nonsense|http")


leave()
