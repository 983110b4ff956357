"""Apps updated, taken back, reset and removed: what the person made is never lost, and a kill in between costs nothing."""

import json
import os
import signal
import subprocess

from gitworld import LAUNCHER, World, read, write  # first: it sets the path
from gitserver import git
from harness import case, leave


def head(folder):
    return git(folder, "rev-parse", "HEAD")


def updated(stage):
    """An app cloned at its first commit, with two more at the server."""
    world = World(stage)
    app = world.repository("hello", **{"tracked.txt": "1", "other.txt": "1"})
    folder = world.clone()
    first = head(folder)
    app.commit({"tracked.txt": "2"}, "second")
    last = app.commit({"tracked.txt": "3", "new.txt": "n"}, "third\n\nwith a body")
    return world, app, folder, first, last


@case("an update goes to the newest commit and says what changed; back returns, again and again")
def update(stage):
    world, app, folder, first, last = updated(stage)
    told = world.works("update", folder).json
    stage.equal((told["before"], told["after"], told["changed"]), (first, last, True))
    stage.equal((told["commits"], told["subjects"], told["rewritten"]), (2, ["third", "second"], False))
    stage.equal((told["files"], told["paths"]), (2, ["new.txt", "tracked.txt"]))
    stage.equal(read(folder, "tracked.txt"), "3")
    again = world.works("update", folder).json
    stage.equal((again["changed"], again["commits"], again["subjects"]), (False, 0, []))
    newest = app.commit({"tracked.txt": "4"}, "fourth")
    world.works("update", folder)
    for wanted in (last, first):
        stage.equal(world.works("back", folder).json["after"], wanted)
        stage.equal(head(folder), wanted)
    world.fails("back", folder, "no earlier commit")
    stage.equal(git(folder, "status", "--porcelain"), "")
    git(folder, "pull", "-q")  # an app's own update script
    stage.equal(head(folder), newest)
    stage.equal(git(folder, "rev-parse", "--abbrev-ref", "HEAD"), "main")


@case("an update moves no more than what is new, and a full clone stays one")
def frugal(stage):
    world = World(stage)
    app = world.repository("hello", big="x" * 10)
    app.commit({"big": os.urandom(200000)}, "second")
    folder = world.clone()
    whole = world.works("clone", world.server.url("hello"), name="whole", whole="yes").value
    app.commit({"tracked.txt": "2"}, "third")
    world.server.packs.clear()
    stage.equal(world.works("update", folder).json["commits"], 1)
    stage.equal(world.works("update", whole).json["commits"], 1)
    stage.equal(max(world.server.packs) < 5000, True, "bytes fetched %r" % world.server.packs)
    stage.equal(git(whole, "rev-parse", "--is-shallow-repository"), "false")
    stage.equal(git(whole, "rev-list", "--count", "HEAD"), "3")


@case("changed files that the update leaves alone stay as they are")
def unrelated_changes(stage):
    world, _, folder, _, last = updated(stage)
    write(folder, "other.txt", text="changed")
    write(folder, "made.txt", text="made")
    world.works("update", folder)
    stage.equal(head(folder), last)
    stage.equal((read(folder, "other.txt"), read(folder, "made.txt")), ("changed", "made"))
    world.works("back", folder)
    stage.equal((read(folder, "other.txt"), read(folder, "made.txt")), ("changed", "made"))


@case("what is in the way is named and stays; --force keeps it in a stash")
def in_the_way(stage):
    world, _, folder, first, last = updated(stage)
    write(folder, "tracked.txt", text="changed")
    write(folder, "new.txt", text="made")
    write(folder, ".git", "info", "exclude", text="new.txt\n")  # ignored files would be overwritten by git
    world.fails("update", folder, "tracked.txt", "new.txt", "--force")
    stage.equal(head(folder), first)
    stage.equal((read(folder, "tracked.txt"), read(folder, "new.txt")), ("changed", "made"))
    told = world.works("update", folder, force="yes").json
    stage.has(told["kept"], "stash")
    stage.equal((head(folder), read(folder, "tracked.txt"), read(folder, "new.txt")), (last, "3", "n"))
    stage.equal(git(folder, "show", "stash@{0}:tracked.txt"), "changed")
    stage.equal(git(folder, "show", "stash@{0}^3:new.txt"), "made")


@case("an upstream that was rewritten is followed, and back returns")
def rewritten(stage):
    world, app, folder, first, _ = updated(stage)
    git(app.work, "checkout", "-q", "--orphan", "fresh")
    fresh = app.commit({"tracked.txt": "fresh"}, "fresh start", push=False)
    app.push("fresh:main")
    told = world.works("update", folder).json
    stage.equal((told["after"], told["rewritten"], told["commits"], told["subjects"]),
                (fresh, True, None, ["fresh start"]))
    stage.equal(world.works("back", folder).json["after"], first)
    stage.equal(world.works("update", folder).json["after"], fresh)


@case("commits of one's own are refused; --force keeps them in a branch")
def own_commits(stage):
    world, _, folder, _, last = updated(stage)
    write(folder, "other.txt", text="mine")
    git(folder, "commit", "-q", "-a", "-m", "mine")
    mine = head(folder)
    world.fails("update", folder, "1 commit of your own", "--force")
    stage.equal(head(folder), mine)
    told = world.works("update", folder, force="yes").json
    stage.equal(head(folder), last)
    branch = [line.strip() for line in git(folder, "branch").splitlines() if "kept-" in line]
    stage.equal(git(folder, "rev-parse", branch[0]), mine)
    stage.has(told["kept"], branch[0])


@case("a branch that is gone, no branch, no remote, no clone, an unreachable host")
def nothing_to_update_from(stage):
    world, app, folder, first, _ = updated(stage)
    git(app.work, "branch", "-m", "main", "trunk")
    git(app.bare, "branch", "-m", "main", "trunk")
    git(app.bare, "update-server-info")
    done = world.fails("update", folder, "no longer there; the server's main one is trunk", "git switch trunk")
    stage.equal(head(folder), first)
    git(folder, "checkout", "-q", "--detach")
    world.fails("update", folder, "on no branch")
    git(folder, "checkout", "-q", "main")
    git(folder, "remote", "set-url", "origin", "http://me:s3cret@127.0.0.1:1/hello.git")
    done = world.fails("update", folder, "cannot be reached")
    stage.lacks(done.error, "s3cret")
    git(folder, "remote", "remove", "origin")
    world.fails("update", folder, "no remote")
    write(world.api("plain"), "pinokio.js")
    world.fails("update", world.api("plain"), "no git clone")
    world.fails("back", folder, "no earlier commit")


@case("locks that a killed git left do not stop an update; a git at work does")
def locks(stage):
    world, _, folder, _, last = updated(stage)
    lock = write(folder, ".git", "index.lock", text="")
    sleeper = os.path.join(stage.folder, "git-sleeper")
    os.symlink("/bin/sleep", sleeper)
    other = subprocess.Popen([sleeper, "60"], cwd=folder)
    world.fails("update", folder, "another git works")
    other.kill()
    other.wait()
    world.works("update", folder)
    stage.equal((head(folder), os.path.exists(lock)), (last, False))


@case("an update killed at any moment is done by the next one")
def killed_update(stage):
    world, app, folder, first, last = updated(stage)
    world.server.hold()
    program = world.start("update", folder)
    stage.waits(lambda: len(world.server.packs) == 2, "the pack to be asked for")
    program.signal(signal.SIGKILL).end()
    world.server.release()
    stage.nothing_left()
    stage.equal(head(folder), first)
    for text in ("moving", "Updating"):  # the events around the merge
        program = world.start("update", folder)
        try:
            program.until(text, seconds=5)
        except AssertionError:
            pass  # it was quicker
        program.signal(signal.SIGKILL).end()
        stage.nothing_left()
    world.works("update", folder)
    stage.equal((head(folder), git(folder, "status", "--porcelain")), (last, ""))
    stage.equal(world.works("back", folder).json["after"], first)


def lived_in(stage):
    """An app after an install and some use: all that a person and a script leave in its folder."""
    world = World(stage)
    app = world.repository("hello", **{".gitignore": "env\noutputs\ncache.db\nENVIRONMENT\nmodels\napp\n", "conf.json": "{}"})
    part = world.repository("part", **{".gitignore": "output/*\n*.log\n"})
    del app, part
    folder = world.clone()
    git(folder, "clone", "-q", world.server.url("part"), "app")
    for where in ("env", "app/venv"):
        write(folder, where, "pyvenv.cfg", text="home = /usr\n")
        write(folder, where, "lib", "big.py", text="x" * 10000)
    write(folder, "conf.json", text='{"mine": 1}')
    write(folder, "notes", "idea.txt")
    write(folder, "node_modules", "m", "index.js")
    write(folder, "outputs", "a.png", text="p" * 5000)
    write(folder, "app", "output", "b c.png")
    write(folder, "app", "mine.py")
    write(folder, "app", "noise.log")
    write(folder, "cache.db")
    write(folder, "ENVIRONMENT", text="PINOKIO_SHARE_LOCAL=\nMY_TOKEN=abc\n")
    drive = write(stage.home, "drive", "drives", "peers", "d1", "sd", "model.bin")
    os.symlink(os.path.dirname(drive), os.path.join(folder, "models"))
    interface = {world.server.url("hello"): {"sd": os.path.dirname(drive)},
                 "https://example.com/friend.git": {"sd": os.path.dirname(drive)},
                 "https://example.com/stranger.git": {"sd": os.path.join(stage.home, "drive/drives/peers/d12/sd")}}
    write(stage.home, "drive", "interface.json", text=json.dumps(interface))
    pool = write(stage.home, "cache", "shared.bin", text="s" * 8192)
    os.link(pool, os.path.join(folder, "env", "lib", "shared.bin"))
    write(stage.home, "logs", "api", "hello", "start.js", "log")
    world.works("view", folder, title="Hello", installed="2026-01-01T00:00:00Z")
    return world, folder


MADE = {
    "conf.json": "changed",
    "notes": "new",
    "outputs": "output",
    "app/output": "output",
    "app/mine.py": "new",
    "ENVIRONMENT": "settings",
}


@case("before an uninstall: what it frees, what it keeps and why, what stays on the drive")
def look(stage):
    world, folder = lived_in(stage)
    told = world.works("look", "hello").json
    stage.equal({item["path"]: item["why"] for item in told["keeps"]}, MADE)
    stage.equal((told["keeps_files"], told["shared"] >= 8192), (6, True))
    stage.equal(20000 < told["bytes"] < told["purge_bytes"], True, "bytes %r" % told)
    stage.equal([(d["path"], d["shared_with"]) for d in told["drives"]], [("models", ["https://example.com/friend.git"])])
    stage.equal((told["clone"], told["link"], told["logs"] is not None), (True, None, True))
    for pattern in ("frees", "keeps 6 files", "logs stay", "models stays on the drive"):
        stage.has(told["text"], pattern)
    stage.equal(git(folder, "status", "--porcelain", "-uno"), "M conf.json")
    for name in ("none", "..", "", ".", "hello/app", ".git"):
        world.fails("look", name, "no app")


def tree(folder):
    return sorted(
        os.path.relpath(os.path.join(place, name), folder) for place, _, names in os.walk(folder) for name in names
    )


def kept_folders(stage):
    folder = os.path.join(stage.home, "kept")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))] if os.path.isdir(folder) else []


FILES = ["ENVIRONMENT", "app/mine.py", "app/output/b c.png", "conf.json", "notes/idea.txt", "outputs/a.png"]


@case("an uninstall keeps what the person made; drives, their memory and logs stay")
def uninstall(stage):
    world, _ = lived_in(stage)
    told = world.works("uninstall", "hello").json
    stage.equal(kept_folders(stage), [told["kept"]])
    stage.equal(tree(told["kept"]), FILES)
    stage.equal(read(told["kept"], "conf.json"), '{"mine": 1}')
    stage.equal(world.apps(), [])
    stage.equal(os.listdir(os.path.join(stage.home, "apps")), [])
    stage.equal(read(stage.home, "drive", "drives", "peers", "d1", "sd", "model.bin"), "mine")
    stage.has(read(stage.home, "drive", "interface.json"), "hello.git")
    stage.equal(read(stage.home, "logs", "api", "hello", "start.js", "log"), "mine")
    stage.equal(read(stage.home, "cache", "shared.bin"), "s" * 8192)
    world.fails("uninstall", "hello", "no app")


@case("a purge keeps nothing, and still nothing outside the app goes but its logs")
def purge(stage):
    world, _ = lived_in(stage)
    told = world.works("uninstall", "hello", purge="yes").json
    stage.equal((told["kept"], kept_folders(stage), world.apps()), (None, [], []))
    stage.equal(os.listdir(os.path.join(stage.home, "logs", "api")), [])
    stage.equal(read(stage.home, "drive", "drives", "peers", "d1", "sd", "model.bin"), "mine")


@case("an untouched app leaves nothing behind")
def untouched(stage):
    world = World(stage)
    world.repository()
    world.clone()
    told = world.works("uninstall", "hello").json
    stage.equal((told["kept"], kept_folders(stage), world.apps()), (None, [], []))


@case("one's own commits and stashes are kept with .git")
def own_history(stage):
    world = World(stage)
    world.repository()
    folder = world.clone()
    write(folder, "pinokio.js", text="stashed")
    git(folder, "stash", "-q")
    told = world.works("uninstall", "hello").json
    stage.equal([(item["path"], item["why"]) for item in told["keeps"]], [(".git", "commits")])
    stage.equal(git(told["kept"], "show", "stash@{0}:pinokio.js"), "stashed")


@case("an app that is no clone is kept whole, but for what installs make")
def no_clone(stage):
    world = World(stage)
    folder = world.api("byhand")
    write(folder, "pinokio.js", text=LAUNCHER)
    write(folder, "sub", "env", "pyvenv.cfg")
    write(folder, "sub", "code.py")
    told = world.works("uninstall", "byhand").json
    stage.equal(tree(told["kept"]), ["pinokio.js", "sub/code.py"])
    stage.equal(world.apps(), [])


@case("an app's folder that is a link: only the link goes")
def linked(stage):
    world = World(stage)
    away = os.path.join(stage.folder, "away")
    write(away, "pinokio.js", text=LAUNCHER)
    os.makedirs(world.api())
    os.symlink(away, world.api("away"))
    stage.equal(world.works("look", "away").json["link"], away)
    world.works("uninstall", "away")
    stage.equal((world.apps(), read(away, "pinokio.js")), ([], LAUNCHER))


@case("a removal that was cut short at any of its steps is ended, and loses nothing")
def finish(stage):
    world, folder = lived_in(stage)
    os.rename(folder, world.api(".hello.removing"))  # killed right after the first step
    world.works("finish", "-")
    stage.equal((world.apps(), [tree(kept) for kept in kept_folders(stage)]), ([], [FILES]))
    stage.equal(os.listdir(os.path.join(stage.home, "apps")), [])
    write(world.api(".gone.removed"), "rest")  # killed while its files went
    world.works("finish", "-")
    stage.equal(world.apps(), [])
    folder = world.clone("part")
    write(folder, "made.txt")
    os.rename(folder, world.api(".part.removing"))
    again = world.clone("part")  # installed again before anybody looked
    world.works("uninstall", "part")
    stage.equal(world.apps(), [])
    stage.equal([tree(kept) for kept in kept_folders(stage)], [FILES, ["made.txt"]])
    stage.equal(os.path.exists(again), False)


@case("an uninstall killed in its middle: the app is there, or is gone with all kept")
def killed_uninstall(stage):
    for moment in (0.0, 0.02, 0.05, 0.1):
        inner = type(stage)(stage.engine)
        try:
            world, folder = lived_in(inner)
            program = world.start("uninstall", "hello")
            program.until("removing ")
            try:
                program.process.wait(moment)
            except subprocess.TimeoutExpired:
                program.signal(signal.SIGKILL)
            program.end()
            world.works("finish", "-")
            if world.apps() == ["hello"]:
                world.works("uninstall", "hello")
            found = sorted(path for kept in kept_folders(inner) for path in tree(kept))
            stage.equal((world.apps(), found), ([], FILES), "after %g s" % moment)
        finally:
            inner.close()


@case("a folder that git cannot read is not removed, unless purged")
def unreadable(stage):
    world = World(stage)
    world.repository()
    folder = world.clone()
    write(folder, ".git", "HEAD", text="broken")
    world.fails("uninstall", "hello", "cannot tell what in it you made")
    stage.equal(world.apps(), ["hello"])
    world.works("uninstall", "hello", purge="yes")
    stage.equal(world.apps(), [])


@case("a reset brings the clone back and keeps the same things; settings stay in place")
def reset(stage):
    world, folder = lived_in(stage)
    commit = head(folder)
    told = world.works("reset", folder).json
    stage.equal(tree(told["kept"]), [name for name in FILES if name != "ENVIRONMENT"])
    stage.equal(sorted(os.listdir(folder)), [".git", ".gitignore", "ENVIRONMENT", "conf.json", "pinokio.js"])
    stage.equal((read(folder, "conf.json"), head(folder)), ("{}", commit))
    stage.has(read(folder, "ENVIRONMENT"), "MY_TOKEN=abc")
    stage.equal(read(stage.home, "drive", "drives", "peers", "d1", "sd", "model.bin"), "mine")
    stage.equal(world.works("reset", folder).json["kept"], None)
    world.fails("reset", world.api(), "no git clone")


@case("the view of an app: links, metadata, made again, and a real file in their place left alone")
def view(stage):
    world = World(stage)
    world.repository()
    folder = world.clone()
    place = os.path.join(stage.home, "apps", "hello")
    world.works("view", folder, title="Hello", category="audio", installed="2026-01-01T00:00:00Z", size=5)
    stage.equal(os.readlink(os.path.join(place, "source")), "../../api/hello")
    stage.equal(os.path.realpath(os.path.join(place, "source")), folder)
    stage.equal(os.readlink(os.path.join(place, "logs")), "../../logs/api/hello")
    stage.equal(os.path.lexists(os.path.join(place, "venv")), False)
    write(folder, "app", "deep", "conda_env", "conda-meta", "history")
    world.works("view", folder, updated="2026-02-02T00:00:00Z")
    stage.equal(os.readlink(os.path.join(place, "venv")), "../../api/hello/app/deep/conda_env")
    write(folder, "app", "env", "pyvenv.cfg")
    world.works("view", folder)
    stage.equal(os.readlink(os.path.join(place, "venv")), "../../api/hello/app/env")
    wanted = {"id": "hello", "name": "hello", "repository": world.server.url("hello"), "branch": "main",
              "commit": head(folder), "installed_at": "2026-01-01T00:00:00Z", "updated_at": "2026-02-02T00:00:00Z",
              "title": "Hello", "category": "audio", "size": 5}
    stage.equal(json.loads(read(place, "metadata.json")), wanted)
    write(place, "metadata.json", text="{broken")
    os.unlink(os.path.join(place, "source"))
    write(place, "source", "precious")
    world.fails("view", folder, "source is no link and was left alone")
    stage.equal(read(place, "source", "precious"), "mine")
    stage.equal(json.loads(read(place, "metadata.json"))["commit"], head(folder))


leave()
