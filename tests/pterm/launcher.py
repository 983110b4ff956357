"""pterm run: the launcher's own way, from not installed to the URL."""

import functools
import http.server
import os
import signal
import subprocess
import threading

from world import World, case, service

# Installs once, then serves; its default is whatever is next.
PINOKIO = """
module.exports = {
  title: "Launcher",
  menu: async (kernel, info) => {
    if (!info.exists("installed")) {
      return [{ default: true, text: "Install", href: "install.json" }]
    }
    if (!info.running("start.json")) {
      return [{ default: true, text: "Start", href: "start.json" }]
    }
    const local = info.local("start.json")
    return local && local.url
      ? [{ default: true, text: "Open", href: local.url }]
      : [{ default: true, text: "Terminal", href: "start.json" }]
  }
}
"""

# No default: only selectors find something.
MENU = """
module.exports = {
  title: "Menu",
  menu: [
    { text: "Plain", href: "say.json" },
    { text: "More", menu: [
      { text: "Mode A", href: "say.json?mode=A" },
      { text: "Mode B", href: "say.json", params: { mode: "B" } } ] },
    { text: "Page", href: "http://127.0.0.1:9/page" }
  ]
}
"""

INSTALL = {
    "run": [
        {"method": "shell.run", "params": {"message": "echo install-one"}},
        {"method": "shell.run", "params": {"message": "echo install-two; touch installed"}},
    ]
}
START = {
    "daemon": True,
    "run": [
        {
            "method": "shell.run",
            "params": {
                "message": "echo serving http://127.0.0.1:7861; sleep 1000",
                "on": [{"event": "/http:\\S+/", "done": True}],
            },
        },
        {"method": "local.set", "params": {"url": "{{input.event[0]}}"}},
    ],
}


def interrupt(world, shown, app):
    """Ctrl-C. Right after the URL, pterm still opens a connection, and stumbles over it: it then ends with status 1."""
    shown.signal(signal.SIGINT)
    world.equal(shown.end() in (0, 1), True)
    world.waits(lambda: world.asks("status", app)["state"] == "offline", "it was stopped")


@case("installs, starts, and prints the URL, each output once")
def whole(house):
    world = World(house)
    folder = world.app("app", pinokio__js=PINOKIO, install__json=INSTALL, start__json=START)
    shown = world.start("run", ".", cwd=folder)
    shown.until(r"^http://127\.0\.0\.1:7861$")
    for word in ("install-one", "install-two", "serving http"):
        world.equal(shown.out.count(word), 1, word)
    world.equal([run["state"] for run in world.runs(app="app")], ["ready", "finished"])
    interrupt(world, shown, "app")


@case("of an app that runs, the URL is printed, and the app goes on")
def runs_already(house):
    world = World(house)
    folder = world.app("app", pinokio__js=PINOKIO, start__json=START, installed="")
    house.ready("app", script="start.json")
    shown = world.start("run", folder)
    shown.until(r"^http://127\.0\.0\.1:7861$")
    shown.process.kill()  # pterm itself stays for ever then: it keeps a connection that nobody closes
    shown.end()
    world.equal(world.asks("status", "app")["state"], "online")


def sockets_of(pid):
    folder = "/proc/%d/fd" % pid
    return sum(os.readlink(os.path.join(folder, fd)).startswith("socket:") for fd in os.listdir(folder))


@case("a default that is the script that runs shows its output on, and does not start over and over")
def terminal(house):
    world = World(house)
    start = {"daemon": True, "run": [{"method": "shell.run", "params": {
        "message": "echo is-up; until [ -e go ]; do sleep 0.05; done; echo after; sleep 1000",
        "on": [{"event": "/is-up/", "done": True}]}}]}
    folder = world.app("app", pinokio__js=PINOKIO, start__json=start, installed="")
    shown = world.start("run", ".", cwd=folder)
    shown.until("^is-up")
    for _ in range(8):
        world.equal(world.asks("status", "app")["running"], True)
    # Two connections for each time that it asked and started: it did so twice.
    world.equal(sockets_of(shown.pid) <= 6, True, "connections: %d" % sockets_of(shown.pid))
    house.stage.files(folder, go="")
    shown.until("^after")
    world.equal((shown.out.count("is-up"), shown.out.count("after")), (1, 1))
    world.equal(len(world.runs(app="app")), 1)
    world.pterm("stop", "app")
    world.equal(shown.end(), 0)


@case("a script that fails ends it")
def fails(house):
    world = World(house)
    broken = {"run": [{"method": "shell.run", "params": {"message": "echo tries"}}, {"method": "no.such.method"}]}
    folder = world.app("app", pinokio__js=PINOKIO, install__json=broken, start__json=START)
    out = world.pterm("run", ".", cwd=folder)
    world.equal(out.count("tries"), 1)
    world.has(out, "no.such.method")


@case("a launcher that offers nothing, is broken, or is not there")
def nothing(house):
    world = World(house)
    folder = world.app("app", pinokio__js=MENU, say__json={"run": []})
    world.equal(world.pterm("run", ".", cwd=folder), "")
    folder = world.app("bad", pinokio__js="module.exports = { menu: () => { throw new Error('broken') } }")
    world.equal(world.pterm("run", ".", cwd=folder), "")
    world.equal(world.pterm("run", "/tmp"), "")


@case("selectors choose where there is no default")
def selectors(house):
    world = World(house)
    say = {"run": [{"method": "log", "params": {"text": "mode=<{{args.mode}}>"}}]}
    folder = world.app("app", pinokio__js=MENU, say__json=say)

    def first(*wanted):
        """The run starts again and again, for the menu offers it again: the first is enough."""
        shown = world.start("run", folder, *["--default=" + selector for selector in wanted])
        match = shown.until(r"mode=<(.*)>|http://\S+")
        shown.process.kill()
        shown.end()
        return match.group(0)

    world.equal(first("nothing.js", "say.json?mode=B"), "mode=<B>")
    world.equal(first("say.json?mode=A"), "mode=<A>")
    world.has(first("say.json"), "mode=<({{args.mode}}|undefined|)>")
    world.equal(first("http://127.0.0.1:9/page"), "http://127.0.0.1:9/page")
    world.equal(world.pterm("run", folder, "--default", "say.json?mode=C"), "")
    world.waits(lambda: not [run for run in world.runs(app="app") if run["live"]], "all have ended")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def serve(stage, folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stage.cleanups.append(server.shutdown)
    return "http://127.0.0.1:%d" % server.server_port


def repository(stage, name, **files):
    """A git repository that a plain web server can serve; gives its path."""
    work = stage.files(os.path.join(stage.folder, "work-" + name), **files)
    bare = os.path.join(stage.folder, "git", name)
    quiet = dict(cwd=work, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(
        stage.env, GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@b", GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@b"))
    for command in ("init -q -b main", "add .", "commit -q -m one", "branch extra", "clone -q --bare . " + bare):
        subprocess.run(["git"] + command.split(), **quiet)
    subprocess.run(["git", "update-server-info"], **dict(quiet, cwd=bare))
    return bare


@case("of a URL: clones it, then runs it")
def url(house):
    world = World(house)
    repository(house.stage, "there.git", pinokio__js=PINOKIO, install__json=INSTALL, start__json=START)
    address = serve(house.stage, os.path.join(house.folder, "git")) + "/there"
    shown = world.start("run", address)
    shown.until(r"^http://127\.0\.0\.1:7861$", 40)
    world.has(shown.out, "Cloning into")
    interrupt(world, shown, "there")
    house.ready("there", script="start.json")
    shown = world.start("run", address)
    shown.until(r"^http://127\.0\.0\.1:7861$")
    world.lacks(shown.out, "Cloning into")
    shown.process.kill()
    shown.end()


@case("of a URL that cannot be cloned")
def url_bad(house):
    world = World(house)
    address = serve(house.stage, house.folder)
    world.has(world.pterm("run", address + "/no-such-app"), "not found|could not|fatal")
    world.equal(os.listdir(os.path.join(house.home, "api")), [])


@case("download: names, branches, and what is there already")
def download(house):
    world = World(house)
    bare = repository(house.stage, "app.git", pinokio__js=PINOKIO, start__json=START)
    world.has(world.pterm("download", "file://" + bare), "Cloning into")
    world.waits(lambda: [a["app_id"] for a in world.asks("search", "app")["apps"]] == ["app"], "the app is seen")
    world.has(world.pterm("download", "file://" + bare, status=1), "already exists: " + world.folder("app"))
    world.pterm("download", "file://" + bare, "Second One", "--branch=extra")
    with open(os.path.join(world.folder("Second One"), ".git", "HEAD"), encoding="ascii") as file:
        world.equal(file.read().strip(), "ref: refs/heads/extra")
    world.pterm("download", bare, "third", "-b", "extra")
    world.equal(sorted(os.listdir(os.path.join(house.home, "api"))), ["Second One", "app", "third"])
    world.equal([n for n in os.listdir(house.run_path()) if n.startswith("pterm-download")], [], "scripts left")


@case("download: what is refused")
def download_bad(house):
    world = World(house)
    bare = repository(house.stage, "app.git", pinokio__js=PINOKIO)
    world.has(world.pterm("download", "file://%s/none" % house.folder, status=1), "could not clone")
    world.has(world.pterm("download", "file://" + bare, "x", "--branch=none", status=1), "could not clone")
    for name in ("../evil", "/tmp/evil", "..", ".hidden", "a/b", "{{kernel.path()}}"):
        world.has(world.pterm("download", "file://" + bare, name, status=1), "invalid name")
    for uri in ("{{os.homedir()}}", "a\nb"):
        world.has(world.pterm("download", uri, status=1), "invalid uri")
    with world.socket() as link:
        answer = world.packet(link, method="app.download", params={"uri": "--upload-pack=touch evil", "name": "x"})
    world.equal((answer["data"]["ok"], answer["data"]["error"]), (False, "invalid uri"))
    world.has(world.pterm("download", "file://" + bare, "x", "--branch=--upload-pack=x", status=1), "invalid branch")
    world.has(world.pterm("download", "ext::sh -c touch% evil", "x", status=1), "could not clone")
    world.equal(os.listdir(os.path.join(house.home, "api")), [])


if __name__ == "__main__":
    service.leave()
