"""Cloning apps from a real git server that is not there, refuses, cuts, stalls and lies."""

import os
import signal
import subprocess

from gitworld import LAUNCHER, Skipped, World, needs, path_without, read, write  # first: it sets the path
from gitserver import git
from harness import case, leave

NOBODY = "http://127.0.0.1:1/hello.git"


def mass(seed, size=40000):
    """Bytes that do not compress."""
    out, state = bytearray(), seed * 2654435761 % (1 << 32) or 1
    while len(out) < size:
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        out += (state >> 16).to_bytes(6, "little", signed=False)
    return bytes(out[:size])


def heavy(world, name="hello"):
    return world.repository(name, **{"data/%d.bin" % n: mass(n + 1) for n in range(10)})


@case("a shallow clone, whole, under git's own name, with git's output as it is")
def clone(stage):
    world = World(stage)
    app = world.repository()
    app.commit({"second.txt": "2"}, "second")
    done = world.works("clone", world.server.url("hello"))
    stage.equal(done.value, world.api("hello"))
    stage.equal(read(done.value, "pinokio.js"), LAUNCHER)
    stage.has(done.raw, r"Cloning into 'hello'")
    stage.has(done.raw, r"Receiving objects: 100%")
    stage.equal(git(done.value, "rev-list", "--count", "HEAD"), "1", "commits")
    stage.equal(git(done.value, "status", "--porcelain"), "")
    stage.equal(git(done.value, "config", "remote.origin.url"), world.server.url("hello"))
    stage.equal(world.apps(), ["hello"])
    stage.equal(os.stat(done.value).st_mode, os.stat(os.path.join(done.value, ".git")).st_mode, "mode")
    stage.equal(world.works("launcher", done.value).value, "yes")


@case("another name, a branch, a tag, a whole history")
def choices(stage):
    world = World(stage)
    app = world.repository()
    app.commit({"old.txt": "1"}, "second")
    git(app.work, "tag", "v1")
    git(app.work, "checkout", "-q", "-b", "other")
    app.commit({"other.txt": "1"}, "third")
    app.push("--all")
    app.push("--tags")
    stage.equal(world.works("clone", world.server.url("hello"), name="mine").value,
                world.api("mine"))
    branch = world.works("clone", world.server.url("hello"), name="b", branch="other").value
    stage.equal(os.path.exists(os.path.join(branch, "other.txt")), True)
    tag = world.works("clone", world.server.url("hello"), name="t", branch="v1").value
    stage.equal(sorted(os.listdir(tag)), [".git", "old.txt", "pinokio.js"])
    whole = world.works("clone", world.server.url("hello"), name="w", whole="yes").value
    stage.equal(git(whole, "rev-list", "--count", "HEAD"), "2", "commits")
    world.fails("clone", world.server.url("hello"), "no such branch or tag", "none-such", name="n", branch="none-such",
                kind="branch")
    stage.equal(world.apps(), ["b", "mine", "t", "w"])


@case("a host that is not there")
def unreachable(stage):
    world = World(stage)
    done = world.fails("clone", NOBODY, r"127\.0\.0\.1:1/hello\.git cannot be reached", wait=10, kind="unreachable")
    stage.equal(len([text for text in done.told("stage") if "trying again" in text["text"]]), 3, "further tries")
    world.fails("clone", "http://no-such-host.invalid/hello.git", "no-such-host", tries=1, kind="unreachable")
    stage.equal(world.apps(), [])


@case("a proxy that is not there")
def proxy(stage):
    world = World(stage)
    env = {"http_proxy": "http://no-such-proxy.invalid:3128", "no_proxy": ""}
    world.fails("clone", "http://127.0.0.1:1/hello.git", "proxy", env=env, kind="proxy")


@case("a server that speaks no TLS")
def tls(stage):
    world = World(stage)
    url = world.server.url("hello").replace("http://", "https://")
    world.fails("clone", url, "certificate|cannot be reached|TLS", kind="tls")


@case("a repository that needs a password: nothing is asked, the password is never shown")
def password(stage):
    world = World(stage)
    world.repository()
    world.server.login = "me:s3cret"
    asked = write(stage.folder, "askpass", text="#!/bin/sh\ntouch %s/asked\necho wrong\n" % stage.folder)
    os.chmod(asked, 0o755)
    env = {"GIT_ASKPASS": asked, "SSH_ASKPASS": asked}
    world.fails("clone", world.server.url("hello"), "private, or it is not there", kind="login", env=env)
    stage.equal(os.path.exists(os.path.join(stage.folder, "asked")), False, "asked")
    wrong = world.fails("clone", world.server.url("hello", "me:wr0ng"), "private", kind="login")
    right = world.works("clone", world.server.url("hello", "me:s3cret"))
    broken = world.fails("clone", NOBODY.replace("://", "://me:s3cret@"), tries=1, name="n", kind="unreachable")
    for done in (wrong, right, broken):
        stage.lacks(done.program.both, "s3cret|wr0ng")
    # the same app without the password
    stage.equal(world.works("clone", world.server.url("hello"), name="hello").value, right.value)


@case("a repository that is not there")
def missing(stage):
    world = World(stage)
    world.fails("clone", world.server.url("none"), "there is no git repository at .*none.git", kind="not-found")
    world.fails("clone", "file://%s/none.git" % stage.folder, "there is no git repository", kind="not-found")
    stage.equal(world.apps(), [])


@case("an empty repository, and one without a launcher")
def empty(stage):
    world = World(stage)
    world.server.repository("void")
    world.fails("clone", world.server.url("void"), "is empty", kind="empty")
    stage.equal(world.apps(), [])
    world.server.repository("bare").commit({"README": "x"})
    stage.equal(world.works("launcher", world.clone("bare")).value, "no")
    world.server.repository("inner").commit({"pinokio/pinokio.js": LAUNCHER})
    stage.equal(world.works("launcher", world.clone("inner")).value, "yes")


@case("cut at every tenth: the next try completes it")
def cut_and_tried_again(stage):
    world = World(stage)
    heavy(world)
    for tenth in range(10):
        world.server.cut(tenth / 10, 1)
        done = world.works("clone", world.server.url("hello"), name="t%d" % tenth, wait=5)
        stage.has(" ".join(text["text"] for text in done.told("stage")), r"was cut; trying again in 1 s \(try 2 of 4\)")
        stage.equal(git(done.value, "status", "--porcelain"), "")
        stage.equal(world.apps(), ["t%d" % n for n in range(tenth + 1)])


@case("cut at every tenth and never better: said, and nothing is left")
def cut_for_good(stage):
    world = World(stage)
    heavy(world)
    for tenth in range(1, 10, 3):
        world.server.cut(tenth / 10, 4)
        done = world.fails("clone", world.server.url("hello"), "ended before all was there", "git: ", wait=5, kind="cut")
        stage.equal(len([text for text in done.told("stage") if "trying again" in text["text"]]), 3, "further tries")
        stage.equal(world.apps(), [])


@case("a connection that stalls counts as cut")
def stalled(stage):
    world = World(stage)
    world.repository()
    world.server.hold()
    env = {"GIT_HTTP_LOW_SPEED_LIMIT": "1000", "GIT_HTTP_LOW_SPEED_TIME": "1"}
    world.fails("clone", world.server.url("hello"), "too slow", tries=1, env=env, kind="cut")
    world.server.release()


@case("a server in trouble, or one that wants fewer requests, is asked again")
def trouble(stage):
    world = World(stage)
    world.repository()
    for status, kind in ((429, "rate-limited"), (503, "server")):
        world.server.fail(status, 2)
        world.works("clone", world.server.url("hello"), name="s%d" % status, wait=5)
        world.server.fail(status, 9)
        world.fails("clone", world.server.url("hello"), name="f%d" % status, tries=2, wait=5, kind=kind)
        world.server.fail(status, 0)


@case("a server that knows no shallow clones")
def dumb(stage):
    world = World(stage)
    app = world.repository()
    app.commit({"second.txt": "2"}, "second")
    world.server.dumb = True
    done = world.works("clone", world.server.url("hello"))
    stage.equal(git(done.value, "rev-list", "--count", "HEAD"), "2", "commits")
    stage.has(str(done.told("stage")), "only whole histories")


@case("killed half-way: the next clone takes away what was left")
def killed(stage):
    world = World(stage)
    heavy(world)
    world.server.hold()
    program = world.start("clone", world.server.url("hello"))
    stage.waits(lambda: world.server.packs, "the pack to be asked for")
    stage.waits(lambda: world.apps(), "the half clone")
    program.signal(signal.SIGKILL).end()
    stage.equal([name.startswith(".hello.cloning-") for name in world.apps()], [True], "what is left")
    world.server.release()
    stage.nothing_left()
    world.clone()
    stage.equal(world.apps(), ["hello"])


@case("two clones of the same at once leave one app, and none takes the other's half away")
def together(stage):
    world = World(stage)
    heavy(world)
    world.server.hold()
    programs = [world.start("clone", world.server.url("hello")) for _ in range(2)]
    stage.waits(lambda: len(world.server.packs) == 2, "both packs to be asked for", seconds=40)
    world.fails("clone", NOBODY, name="sweeps", tries=1)
    world.server.release()
    for program in programs:
        stage.equal(program.end(), 0, "status")
    stage.equal(world.apps(), ["hello"])


def on_small_disk(stage, size):
    """The command before the driver that gives it a small api/, and tells what is left there."""
    needs("unshare")
    api = os.path.join(stage.home, "api")
    os.makedirs(api, exist_ok=True)
    script = 'mount -t tmpfs -o size=%s none "$0" && { "$@"; code=$?; echo "left: $(ls -A "$0")"; exit $code; }' % size
    before = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, api]
    if subprocess.run(before + ["true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        raise Skipped("no small file system may be mounted here")
    return before


@case("a disk that fills: while objects come, and while files are checked out")
def disk(stage):
    world = World(stage)
    heavy(world)
    for size in ("200k", "600k"):
        done = world.do("clone", world.server.url("hello"), before=on_small_disk(stage, size))
        over = [event for event in done.events if event["type"] == "over"][0]
        stage.equal(over["ok"], False)
        stage.has(over["error"], "disk is full")
        stage.equal(done.kinds, ["disk-full"])
        stage.has(done.program.out, r"^left: $")


@case("a limit on the size of files")
def file_limit(stage):
    world = World(stage)
    heavy(world)
    before = ["sh", "-c", 'ulimit -f 200; exec "$@"', "sh"]
    world.fails("clone", world.server.url("hello"), "not be that large", before=before, kind="stopped")
    stage.equal(world.apps(), [])


@case("a clone that is known to be too large is not begun")
def too_large(stage):
    world = World(stage)
    world.repository()
    world.fails("clone", world.server.url("hello"), r"needs 1\.0.EB and only", bytes=10**18)
    stage.equal(world.server.requests, [])
    stage.equal(world.apps(), [])


@case("a name that another app has; the same app again")
def clash(stage):
    world = World(stage)
    world.repository()
    world.repository("other")
    folder = world.clone()
    write(folder, "precious")
    done = world.fails("clone", world.server.url("other"), "--name", "hello.git", "other.git", name="hello")
    stage.lacks(done.error, "trying")
    stage.equal(world.clone(), folder)  # the same URL: it is that app
    stage.equal(world.works("clone", world.server.url("hello")[: -len(".git")]).value, folder)
    stage.equal(world.works("clone", world.server.url("hello"), name="second").value, world.api("second"))
    write(world.api("byhand"), "file")
    world.fails("clone", world.server.url("other"), "not cloned from anywhere", "--name", name="byhand")
    os.makedirs(world.api("emptied"))
    stage.equal(world.works("clone", world.server.url("other"), name="emptied").value, world.api("emptied"))
    write(world.api(), "afile")
    world.fails("clone", world.server.url("hello"), "is taken", name="afile")
    stage.equal(read(folder, "precious"), "mine")
    stage.equal(world.apps(), ["afile", "byhand", "emptied", "hello", "second"])


@case("names that lead elsewhere or cannot be")
def names(stage):
    world = World(stage)
    world.repository()
    for name in ("..", ".", ".hidden", "a/b", "/abs", "-x", "a\nb", "x" * 201, "a\\b"):
        world.fails("clone", world.server.url("hello"), "cannot be an app's name", name=name)
    world.fails("clone", world.server.base + "/..", "cannot be an app's name")
    stage.equal(world.apps(), [])
    stage.equal(world.works("clone", world.server.url("hello"), name="ein Ap'p \"ü\" $(x)").value,
                world.api("ein Ap'p \"ü\" $(x)"))


def lfs_app(world, content=b"large " * 1000):
    app = world.server.repository("large")
    app.commit({"pinokio.js": LAUNCHER, ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
                "models/a model.bin": app.lfs_file(content)})
    return content


@case("LFS files come with the clone")
def lfs(stage):
    needs("git-lfs")
    world = World(stage)
    content = lfs_app(world)
    world.server.lfs = True
    done = world.works("clone", world.server.url("large"))
    stage.equal(read(done.value, "models", "a model.bin"), content.decode())
    stage.equal(done.kinds, [])
    stage.equal(git(done.value, "status", "--porcelain"), "")
    stage.equal(len(world.server.lfs_sent), 1)


@case("LFS pointers without an LFS server: said, and the app is there")
def lfs_without_server(stage):
    needs("git-lfs")
    world = World(stage)
    lfs_app(world)
    done = world.works("clone", world.server.url("large"))
    stage.equal(done.kinds, ["lfs"])
    text = done.told("trouble")[0]["text"]
    for pattern in (r"models/a model\.bin", "only as pointers", "git lfs pull", "Repository or object not found"):
        stage.has(text, pattern)
    stage.has(read(done.value, "models", "a model.bin"), "^version https://git-lfs")
    git(done.value, "pull", "-q")  # an app's own update goes on working
    stage.equal(world.apps(), ["large"])


@case("LFS files without git-lfs: what is missing and how to get it")
def lfs_without_program(stage):
    world = World(stage)
    lfs_app(world)
    done = world.works("clone", world.server.url("large"), env={"PATH": path_without(stage, "git-lfs")})
    stage.equal(done.kinds, ["lfs"])
    stage.has(done.told("trouble")[0]["text"], r"git-lfs is not installed.*apt-get install git-lfs")
    stage.has(read(done.value, "models", "a model.bin"), "^version https://git-lfs")


@case("git's LFS filter of the whole machine does not break a clone without git-lfs")
def lfs_filter_configured(stage):
    world = World(stage)
    lfs_app(world)
    write(stage.user_home, ".gitconfig", text='[filter "lfs"]\n\tprocess = git-lfs filter-process\n\tsmudge = git-lfs '
          "smudge -- %f\n\tclean = git-lfs clean -- %f\n\trequired = true\n")
    done = world.works("clone", world.server.url("large"), env={"PATH": path_without(stage, "git-lfs")})
    stage.equal(done.kinds, ["lfs"])


@case("submodules come too; one that is not there is said and the app is there")
def submodules(stage):
    world = World(stage)
    part = world.repository("part")
    old = git(part.work, "rev-parse", "HEAD")
    part.commit({"later.txt": "x"}, "second")
    app = world.repository()
    git(app.work, "-c", "protocol.file.allow=always", "submodule", "add", "-q", part.bare, "lib")
    git(os.path.join(app.work, "lib"), "checkout", "-q", old)  # no branch's tip
    git(app.work, "config", "-f", ".gitmodules", "submodule.lib.url", "../part.git")
    app.commit({})
    done = world.works("clone", world.server.url("hello"))
    stage.equal(read(done.value, "lib", "pinokio.js"), LAUNCHER)
    stage.equal(os.path.exists(os.path.join(done.value, "lib", "later.txt")), False)
    stage.equal(done.kinds, [])
    git(app.work, "config", "-f", ".gitmodules", "submodule.lib.url", "../none.git")
    app.commit({})
    broken = world.works("clone", world.server.url("hello"), name="broken")
    stage.equal(broken.kinds, ["not-found"])
    stage.has(broken.told("trouble")[0]["text"], "not all of its submodules")
    stage.equal(read(broken.value, "pinokio.js"), LAUNCHER)


@case("without git")
def no_git(stage):
    world = World(stage)
    world.repository()
    world.fails("clone", world.server.url("hello"), "git is not installed", kind="missing",
                env={"PATH": path_without(stage, "git")})


leave()
