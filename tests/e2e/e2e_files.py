#!/usr/bin/env python3
"""Files when things go wrong: full disks, permissions, downloads. What was there stays; nothing half-written is left."""

import os
import subprocess

from harness import Skipped, case, leave, obey_permissions
from server import SIZE, body, serve


def write(path, text):
    return {"method": "fs.write", "params": {"path": path, "text": text}}


def download(uri, **params):
    return {"method": "fs.download", "params": dict(params, uri=uri)}


def on_small_disk(folder):
    """A command that runs the rest of its line with 64 KB of space in folder, then tells what is there."""
    probe = ["unshare", "-Urm", "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt"]
    if subprocess.run(probe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        raise Skipped("no private mounts on this machine")
    script = (
        'mount -t tmpfs -o size=64k none "$0" && printf old >"$0/file.txt" && printf \'{"a": "old"}\' >"$0/data.json" && { "$@"; code=$?;'
        ' echo "LEFT: $(cd "$0" && ls -A | tr "\\n" " ")"; echo "TEXT: $(cat "$0/file.txt")"; echo "DATA: $(cat "$0/data.json")"; exit $code; }'
    )
    return ["unshare", "-Urm", "bash", "-c", script, folder]


@case("/e2e/files/full-disk-in-fs-write")
def full_write(t):
    path = t.script(write("small/file.txt", "n" * 200000))
    os.makedirs(t.path("small"))
    run = t.run_script(path, before=on_small_disk(t.path("small")))
    t.fails(run, r"(?i)ENOSPC|no space", r"file\.txt", "^TEXT: old$", r"^LEFT: data\.json file\.txt $")


@case("/e2e/files/full-disk-in-json-set")
def full_json(t):
    path = t.script({"method": "json.set", "params": {"small/data.json": {"b": "n" * 200000}}})
    os.makedirs(t.path("small"))
    run = t.run_script(path, before=on_small_disk(t.path("small")))
    t.fails(run, r"(?i)ENOSPC|no space", '^DATA: {"a": "old"}$', r"^LEFT: data\.json file\.txt $")


@case("/e2e/files/full-disk-in-fs-append")
def full_append(t):
    path = t.script({"method": "fs.append", "params": {"path": "small/file.txt", "text": "n" * 200000}})
    os.makedirs(t.path("small"))
    t.fails(t.run_script(path, before=on_small_disk(t.path("small"))), r"(?i)ENOSPC|no space", "^TEXT: old")


@case("/e2e/files/full-disk-in-fs-download")
def full_download(t):
    server = serve(t)
    path = t.script(download(server.url + "/good/file.txt", path="small/file.txt"))
    os.makedirs(t.path("small"))
    run = t.run_script(path, before=on_small_disk(t.path("small")), seconds=60)
    t.fails(run, r"(?i)ENOSPC|no space", "^TEXT: old$")


@case("/e2e/files/full-disk-under-the-home")
def full_home(t):
    script = {"run": [{"method": "shell.run", "params": {"message": "seq 1 100000; echo finished"}}]}
    folder = t.files(os.path.join(t.folder, "elsewhere"), main__json=script)
    run = t.run_script(os.path.join(folder, "main.json"), before=on_small_disk(t.home))
    t.equal(run.code in (0, 1), True, "it ended by itself (status %r)" % run.code)
    t.has(run.out, "finished")
    t.nothing_left()


@case("/e2e/files/no-permission")
def no_permission(t):
    path = t.script(write("closed/file.txt", "x"))
    os.makedirs(t.path("closed"))
    t.files(t.path("closed"), file__txt="old")
    os.chmod(t.path("closed"), 0o500)
    run = t.run_script(path, preexec=obey_permissions)
    t.fails(run, r"(?i)EACCES|permission denied", r"closed")
    t.equal(t.read(t.path("closed", "file.txt")), "old")
    path = t.script({"method": "fs.read", "params": {"path": "secret.txt"}})
    t.files(t.path(), secret__txt="x")
    os.chmod(t.path("secret.txt"), 0)
    t.fails(t.run_script(path, preexec=obey_permissions), r"(?i)EACCES|permission denied", r"secret\.txt")


@case("/e2e/files/script-without-permission")
def closed_script(t):
    path = t.script(write("x", "x"))
    os.chmod(path, 0)
    t.fails(t.run_script(path, preexec=obey_permissions), r"(?i)EACCES|permission denied", r"main\.json")


@case("/e2e/files/home-without-permission")
def closed_home(t):
    path = os.path.join(
        t.files(
            os.path.join(t.folder, "a"),
            main__json={"run": [{"method": "shell.run", "params": {"message": "echo x"}}]},
        ),
        "main.json",
    )
    os.chmod(t.home, 0o500)
    run = t.run_script(path, preexec=obey_permissions)
    t.fails(run, r"(?i)EACCES|permission denied", "home")


@case("/e2e/files/write-keeps-mode-and-links")
def keeps_mode(t):
    path = t.script(write("tool.sh", "new"), write("link.txt", "through"))
    t.files(t.path(), tool__sh="old", real__txt="old")
    os.chmod(t.path("tool.sh"), 0o755)
    os.symlink("real.txt", t.path("link.txt"))
    t.status(t.run_script(path), 0)
    t.equal(os.stat(t.path("tool.sh")).st_mode & 0o777, 0o755, "mode of what was replaced")
    t.equal((os.path.islink(t.path("link.txt")), t.read(t.path("real.txt"))), (True, "through"))


@case("/e2e/download/whole")
def whole(t):
    server = serve(t)
    t.status(t.run_script(t.script(download(server.url + "/moved", path="a/file.bin"))), 0)
    with open(t.path("a", "file.bin"), "rb") as file:
        t.equal(file.read() == body(), True, "content as served")
    t.equal(os.listdir(t.path("a")), ["file.bin"])


@case("/e2e/download/cut-half-way-goes-on-where-it-was")
def resumes(t):
    server = serve(t)
    t.status(t.run_script(t.script(download(server.url + "/cut-once/x", path="a/file.bin")), seconds=60), 0)
    with open(t.path("a", "file.bin"), "rb") as file:
        t.equal(file.read() == body(), True, "content as served")
    starts = [asked for path, asked in server.asked if path == "/cut-once/x"]
    t.equal(
        any(asked and asked.startswith("bytes=") and not asked.startswith("bytes=0-") for asked in starts),
        True,
        "the second request asks only for what is missing (%r)" % starts,
    )
    t.equal(os.listdir(t.path("a")), ["file.bin"])


@case("/e2e/download/cut-half-way-without-ranges-begins-anew")
def begins_anew(t):
    server = serve(t)
    t.status(
        t.run_script(t.script(download(server.url + "/cut-no-ranges/x", path="a/file.bin")), seconds=60), 0
    )
    with open(t.path("a", "file.bin"), "rb") as file:
        t.equal(file.read() == body(), True, "content as served")


@case("/e2e/download/404-and-403-fail-at-once")
def refused(t):
    server = serve(t)
    for kind, status in (("missing", "404"), ("forbidden", "403")):
        run = t.run_script(t.script(download(server.url + "/%s/x" % kind, path="a/file.bin")), seconds=10)
        t.fails(run, status, "/%s/x" % kind)
        t.equal(os.path.exists(t.path("a", "file.bin")), False, "a file")
        t.equal(os.listdir(t.path("a")) if os.path.isdir(t.path("a")) else [], [], "what is left")


@case("/e2e/download/redirect-loop")
def redirects(t):
    server = serve(t)
    t.fails(
        t.run_script(t.script(download(server.url + "/loop/x", path="a/file.bin")), seconds=20),
        "(?i)redirect",
    )


@case("/e2e/download/host-that-does-not-resolve")
def unresolved(t):
    run = t.run_script(t.script(download("http://no-such-host.invalid/x", path="a/file.bin")), seconds=120)
    t.fails(run, r"no-such-host\.invalid")


@case("/e2e/download/bad-addresses")
def bad_addresses(t):
    for uri in ("", "not a url", "http://", "nosuchscheme://x/y", "file:///etc/hostname"):
        run = t.run_script(t.script(download(uri, path="a/file.bin")), seconds=20)
        t.fails(run)
        t.equal(os.path.exists(t.path("a", "file.bin")), False, "a file for %r" % uri)


@case("/e2e/download/name-that-climbs-stays-inside")
def climbs(t):
    server = serve(t)
    t.run_script(t.script(download(server.url + "/climb", dir="inside")))
    t.equal(os.path.exists(os.path.join(t.home, "api", "escaped.txt")), False)
    t.equal(os.path.exists(os.path.join(t.home, "escaped.txt")), False)


@case("/e2e/download/checksum-that-does-not-match")
def checksum(t):
    server = serve(t)
    run = t.run_script(
        t.script(download(server.url + "/good/x", path="a/file.bin", sha256="0" * 64)), seconds=60
    )
    t.fails(run, "(?i)sha-?256")
    t.equal(os.path.exists(t.path("a", "file.bin")), False, "a file")
    t.equal(SIZE, len(body()))


if __name__ == "__main__":
    leave()
