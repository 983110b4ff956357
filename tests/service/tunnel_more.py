#!/usr/bin/env python3
"""Public addresses, where several things happen at once or after each other: engines that are killed, apps that come
back, what a person has decided before, scripts that ask when nobody can answer. The usual course is tunnel.py's."""

import contextlib
import http.server
import json
import os
import signal
import socket
import sqlite3
import threading
import time

import apps
from service import KEEPER, case, leave
from shared import TELLS_URL, TOLD, World, web

LOCAL = "PINOKIO_SHARE_LOCAL"
WORLD = "PINOKIO_SHARE_CLOUDFLARE"
RESTART = "PINOKIO_RESTART"


def ready(service, settings=None, agents=("cloudflared",), stays=False, **app):
    """An engine whose app "web" is ready; gives the world. stays: its runner goes on, and tells the next engine of
    it."""
    folder = web(service.home, **app)
    if stays:
        with open(os.path.join(folder, "start.json"), encoding="utf-8") as file:
            start = json.load(file)
        start["run"].append(apps.shell("while sleep 1; do :; done"))
        apps.app(service.home, os.path.basename(folder), {"start.json": start})
    world = World(service, *agents, settings=settings).up()
    if stays:
        run = service.launch("web")
        service.waits(lambda: service.view(run)["url"], "the page")
    else:
        service.ready("web")
    return world


def app_view(service, app="web"):
    return service.api().get(["v1", "apps", app]).ok().json()


def port_of(url):
    return int(url.rstrip("/").rsplit(":", 1)[1])


def next_engine(service):
    """The engine is killed and another one takes its place, which knows of its runs' states again."""
    service.kill()
    service.up()
    service.waits(lambda: service.api().get("/v1/tunnels").status == 200, "the API")
    time.sleep(3)  # nothing tells that something will not be done


class Stranger:
    """A server on a port that an app has left."""

    def __init__(self, port):
        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", "8")
                self.end_headers()
                self.wfile.write(b"stranger")

            do_HEAD = do_GET

            def log_message(self, *unused):
                pass

        http.server.HTTPServer.allow_reuse_address = True
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Page)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.server.shutdown()
        self.server.server_close()


def crash(service):
    """The app's server is killed and its run ends; gives (run, port) of before."""
    before = app_view(service)
    port = port_of(before["url"])
    pids = [pid for pid in service.processes_with("webapp.py") if str(port) in open("/proc/%d/cmdline" % pid).read()]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    service.becomes(before["run"], "finished", "error")
    return before["run"], port


def taken(service):
    """The app's server is killed, and somebody else has its port before it is back; gives (run, port, Stranger)."""
    for _ in range(5):
        run, port = crash(service)
        try:
            return run, port, Stranger(port)
        except OSError:  # a connection from this machine has that port for a moment, or the app itself was quicker
            comes_back(service, run)
    raise AssertionError("nobody else gets a port of the app")


def comes_back(service, run):
    """Waits until a new run of the app is ready; gives its port."""

    def there():
        now = app_view(service)
        return now["url"] if now["run"] not in (None, run) and now["url"] else None

    return port_of(service.waits(there, "the app is back", 20))


# What a person has decided


@case("/service/tunnel-more/closed-stays-closed/of-a-port")
def closed_port(service):
    world = ready(service)
    tunnel = world.ask(port=port_of(app_view(service)["url"]) + 1).json()["tunnel"]
    world.becomes(tunnel, "open")
    world.close(tunnel)
    world.gone(tunnel)
    next_engine(service)
    service.equal(world.all(), [], "tunnels")
    world.no_agents()


@case("/service/tunnel-more/closed-stays-closed/when-the-app-comes-back")
def closed_restart(service):
    world = ready(service, environment={WORLD: "true", RESTART: "always"})
    tunnel = world.of_app()
    world.is_open(tunnel)
    world.close(tunnel)
    run, _ = crash(service)
    comes_back(service, run)
    time.sleep(1)
    service.equal(world.all(), [], "tunnels")
    service.stop("web")
    service.ready("web")
    world.is_open(world.of_app())  # a start that a person asks for is another matter


@case("/service/tunnel-more/closed-stays-closed/by-a-script")
def closed_script(service):
    stop = {"method": "cloudflare.stop", "params": {"uri": "{{local.url}}"}}
    start = apps.script(
        apps.shell("exec python3 -u webapp.py {{port}} --say '%s'" % TOLD, on=[TELLS_URL]),
        {"method": "local.set", "params": {"url": "{{input.event[1]}}"}},
        {"method": "cloudflare.tunnel", "params": {"uri": "{{local.url}}"}},
        stop,
        apps.shell("while sleep 1; do :; done"),
    )
    folder = web(service.home)
    apps.app(service.home, os.path.basename(folder), {"start.json": start})
    world = World(service, "cloudflared", settings={"auto": "always"}).up()
    run = service.launch("web")
    service.waits(lambda: "no longer open" in str(service.events(run)), "it was stopped", 20)
    service.equal(world.all(), [], "tunnels")
    next_engine(service)
    service.equal(world.all(), [], "tunnels with the next engine")


@case("/service/tunnel-more/passcode-of-a-person-outlives-the-engine")
def passcode(service):
    world = ready(service, stays=True, environment={WORLD: "true", "PINOKIO_SHARE_PASSCODE": ""})
    tunnel = world.of_app()
    world.is_open(tunnel)
    service.api().put(["v1", "tunnels", tunnel], {"passcode": "mine"}).ok()
    before = world.view(tunnel)
    next_engine(service)
    now = world.is_open(tunnel)
    service.equal((now["passcode"], now["token"]), (True, before["token"]), "passcode and token")
    service.equal(world.net.get(now["public_url"]).status, 401, "without the passcode")


@case("/service/tunnel-more/passcode-of-the-environment-is-set-once")
def passcode_once(service):
    world = ready(service, stays=True, environment={WORLD: "true", "PINOKIO_SHARE_PASSCODE": "theirs"})
    tunnel = world.of_app()
    before = world.is_open(tunnel)
    next_engine(service)
    service.equal(world.is_open(tunnel)["token"], before["token"], "token")


# Apps that come back


@case("/service/tunnel-more/comes-back-on-another-port")
def another_port(service):
    environment = {WORLD: "true", LOCAL: "true", RESTART: "always", "PINOKIO_SHARE_PASSCODE": ""}
    world = ready(service, environment=environment)
    service.waits(lambda: len(world.all()) == 2, "both are there")
    views = {view["provider"]: view for view in world.all()}
    before = world.is_open(views["cloudflare"]["id"])
    run, port, stranger = taken(service)
    with stranger:
        service.equal(world.net.get(before["public_url"]).text == "stranger", False, "somebody else's page is shown")
        new = comes_back(service, run)
        service.equal(new != port, True, "another port")
        service.waits(
            lambda: world.net.answers(before["public_url"]),
            lambda: "the address leads to the app again: %s" % world.all(),
        )
        world.net.get(before["public_url"]).json()
        service.equal({view["id"] for view in world.all()}, {view["id"] for view in views.values()}, "tunnels")
        service.equal({view["local_port"] for view in world.all()}, {new}, "where they lead")
        service.equal({view["run"] for view in world.all()}, {app_view(service)["run"]}, "whose they are")
    service.stop("web")
    service.waits(lambda: not world.all(), "all are closed with the app")
    world.no_agents()
    service.waits(lambda: not service.programs("pinokiocloud-gate"), "the gates have gone")


@case("/service/tunnel-more/does-not-come-back-after-all")
def not_back(service):
    world = ready(service, environment={RESTART: "always"})
    view = world.opened()
    crash(service)
    service.api().post("/v1/apps/web/stop")
    world.gone(view["id"])
    world.no_agents()


@case("/service/tunnel-more/comes-back-only-to-fail")
def back_to_fail(service):
    world = ready(service, environment={RESTART: "on-failure"})
    view = world.opened()
    with open(os.path.join(service.home, "api", "web", "webapp.py"), "w", encoding="utf-8") as file:
        file.write("raise SystemExit(0)\n")
    with open(os.path.join(service.home, "api", "web", "start.json"), "w", encoding="utf-8") as file:
        json.dump(apps.script(apps.shell("true")), file)
    crash(service)
    world.gone(view["id"], 20)
    world.no_agents()


@case("/service/tunnel-more/another-run-does-not-take-it-over")
def other_run(service):
    world = ready(service, environment={RESTART: "always"})
    page = "exec python3 -u webapp.py {{port}} --say '%s'" % TOLD
    slow = apps.script(
        apps.shell(page, on=[TELLS_URL]),
        {"method": "local.set", "params": {"url": "{{input.event[1]}}"}},
        apps.shell("while [ ! -e go ]; do sleep 0.05; done"),
        {"method": "local.set", "params": {"more": "x"}},
        daemon=True,
    )
    apps.app(service.home, "web", {"other.json": slow})
    view = world.opened()
    service.api().post("/v1/apps/web/start", {"script": "other.json"}).ok()
    service.waits(lambda: len(service.processes_with("webapp.py")) > 1, "the other page")
    time.sleep(0.5)
    port = view["local_port"]
    for pid in service.processes_with("webapp.py"):
        if str(port) in open("/proc/%d/cmdline" % pid).read():
            os.kill(pid, signal.SIGKILL)
    service.becomes(view["run"], "finished", "error")
    open(os.path.join(service.home, "api", "web", "go"), "w").close()
    time.sleep(0.7)
    service.equal(world.view(view["id"])["run"], view["run"], "whose it is until its script is back")
    service.waits(lambda: world.view(view["id"])["run"] != view["run"], "its script has it again", 15)
    run = world.view(view["id"])["run"]
    service.has(service.view(run)["script"], "start.json")


# Scripts that ask


def asking(service):
    start = apps.script(
        apps.shell("exec python3 -u webapp.py {{port}} --say '%s'" % TOLD, on=[TELLS_URL]),
        {"method": "local.set", "params": {"url": "{{input.event[1]}}"}},
        {"method": "cloudflare.tunnel", "params": {"uri": "{{local.url}}"}},
        {"method": "local.set", "params": {"public": "answer: {{input.uri}}"}},
        daemon=True,
    )
    folder = web(service.home, "asks")
    apps.app(service.home, os.path.basename(folder), {"start.json": start})


@case("/service/tunnel-more/script-asks-when-nobody-may-be-tried")
def script_waits(service):
    asking(service)
    world = ready(service, settings={"providers": "cloudflare"})
    world.net.behave("cloudflared", "limited")
    world.becomes(world.open(), "waiting")
    engine = service.engine_pid()
    run = service.launch("asks")
    service.becomes(run, "error")
    service.equal(service.engine_pid(), engine, "the engine")
    view = world.view(world.open())
    service.has(view["trouble"] or "", "(?i)cloudflare")


@case("/service/tunnel-more/script-asks-and-the-engine-is-killed")
def script_killed(service):
    asking(service)
    world = World(service, "cloudflared").up()
    world.net.behave("cloudflared", "silent")
    run = service.launch("asks")
    service.waits(lambda: world.net.of("cloudflared"), "the agent")
    service.kill()
    world.net.behave("cloudflared", "ok")
    os.kill(world.net.of("cloudflared")[0].pid, signal.SIGKILL)
    service.up()
    service.becomes(run, "ready", seconds=40)
    events, _ = service.events(run)
    service.has(str(events), "answer: https://")


# Pages


@case("/service/tunnel-more/page-of-another-machine")
def foreign(service):
    world = ready(service)
    hosts = ("169.254.169.254", "192.0.2.1:80", "[2001:db8::1]:80", "255.255.255.255")
    for url in ["http://%s/" % host for host in hosts]:
        world.ask(url=url).problem(400)
    service.equal(world.all(), [], "tunnels")


@case("/service/tunnel-more/page-that-speaks-tls")
def tls(service):
    told = {"event": "/up on ([0-9]+)/", "done": True}
    start = apps.script(
        apps.shell("exec python3 -u webapp.py {{port}} --say 'up on {port}'", on=[told]),
        {"method": "local.set", "params": {"url": "https://127.0.0.1:{{input.event[1]}}"}},
        daemon=True,
    )
    web(service.home, environment={LOCAL: "true", WORLD: "true"})
    apps.app(service.home, "web", {"start.json": start})
    world = World(service, "cloudflared").up()
    service.ready("web")
    time.sleep(1)
    service.equal((world.all(), service.programs("pinokiocloud-gate")), ([], []), "tunnels and gates")


def speaks_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


SIX = """
import http.server, socket, sys
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"six")
server = Server(("::1", int(sys.argv[1])), Page)
print("Local: http://localhost:%s/" % sys.argv[1], flush=True)
server.serve_forever()
"""


@case("/service/tunnel-more/localhost-that-is-ipv6-only", when=speaks_ipv6())
def six(service):
    start = apps.script(
        apps.shell("exec python3 -u six.py {{port}}", on=[{"event": "/(http:\\/\\/localhost:[0-9]+)/", "done": True}]),
        {"method": "local.set", "params": {"url": "{{input.event[1]}}"}},
        daemon=True,
    )
    web(service.home)
    apps.app(service.home, "web", {"start.json": start, "six.py": SIX})
    world = World(service, "cloudflared").up()
    service.ready("web")
    view = world.opened()
    service.equal(world.net.get(view["public_url"]).text, "six", "the page")
    world.close(view["id"])
    world.gone(view["id"])
    answer = world.ask(port=view["local_port"])
    view = world.is_open(answer.json()["tunnel"])
    service.equal(world.net.get(view["public_url"]).text, "six", "the page of the port")


# What must not pile up


@case("/service/tunnel-more/local-network/one-across-engines")
def local_once(service):
    world = ready(service, stays=True, environment={LOCAL: "true"})
    before = world.all()
    service.equal([view["provider"] for view in before], ["local"], "tunnels")
    gates = service.programs("pinokiocloud-gate")
    next_engine(service)
    after = world.all()
    service.equal([view["id"] for view in after], [before[0]["id"]], "tunnels with the next engine")
    service.equal(after[0]["public_url"], before[0]["public_url"], "address")
    service.equal(service.programs("pinokiocloud-gate"), gates, "gates")


@case("/service/tunnel-more/logs-of-ended-commands-are-let-go")
def descriptors(service):
    steps = [apps.shell("echo step %d" % number) for number in range(20)]
    steps.append(apps.shell("echo up; exec sleep 1000000", on=[{"event": "/up/", "done": True}]))
    apps.light(service.home, "many")
    apps.app(service.home, "many", {"start.json": apps.script(*steps, daemon=True)})
    world = World(service).up()
    del world
    service.ready("many")
    time.sleep(0.5)
    folder = "/proc/%d/fd" % service.engine_pid()
    paths = [os.path.join(folder, name) for name in os.listdir(folder)]
    links = [os.readlink(path) for path in paths if os.path.exists(path)]
    logs = [link for link in links if link.startswith(os.path.join(service.home, "logs")) and "engine.log" not in link]
    service.equal(len(logs) <= 4, True, "logs that are open: %s" % logs)


@case("/service/tunnel-more/files-of-closed-tunnels")
def files(service):
    world = ready(service)
    logs, words = os.path.join(service.home, "logs", "tunnels"), service.run_path("tunnels")
    for _ in range(3):
        view = world.opened()
        world.close(view["id"])
        world.gone(view["id"])
        world.no_agents()
        service.waits(lambda: len(service.programs(KEEPER)) <= 2, "the agent's keeper has gone")
        service.waits(lambda: not any(name.endswith(".sock") for name in os.listdir(words) if name[0] == "t"), "its end")
    service.equal(len([name for name in os.listdir(logs) if name[0] == "t"]), 3, "logs, which one may want to read")
    for name in os.listdir(logs):
        os.utime(os.path.join(logs, name), (0, 0))
    view = world.opened()
    names = [name for name in os.listdir(logs) + os.listdir(words) if name[0] == "t"]
    service.equal([name for name in names if not name.startswith(view["id"])], [], "files of closed tunnels")


@case("/service/tunnel-more/passcode-that-the-gate-cannot-be-told")
def untold(service):
    """Nobody is told that a passcode is asked for while it is not."""
    world = ready(service)
    view = world.opened()
    config = service.run_path("gate.json")
    os.remove(config)
    os.makedirs(os.path.join(config, "in-the-way"))
    answer = service.api().put(["v1", "tunnels", view["id"]], {"passcode": "sesame"})
    service.equal(answer.status, 409, answer.text)
    service.has(answer.text, "cannot be told of the passcode")
    os.rmdir(os.path.join(config, "in-the-way"))
    os.rmdir(config)
    service.waits(lambda: world.net.answers(view["public_url"], 401), "it is asked for")


# Engines that are killed


@case("/service/tunnel-more/engine-killed-while-it-opens-one")
def killed_opening(service):
    world = ready(service)
    for number in range(12):
        world.ask(port=20000 + number) if number % 2 else world.open("web")
        time.sleep(0.012 * number)
        service.kill()
        service.up()
        service.waits(lambda: service.api().get("/v1/tunnels").status == 200, "the API")
    for view in world.all():
        world.becomes(view["id"], "open", seconds=40)
    agents = [agent for agent in world.net.agents if agent.alive]
    used = [view for view in world.all() if view["provider"] == "cloudflare"]
    service.equal(len(agents), len(used), "agents that live: %s" % [(agent.name, agent.pid) for agent in agents])
    service.down("--apps")
    world.no_agents(15)
    service.nothing_left(but=service.started)


@case("/service/tunnel-more/engine-killed-while-a-program-is-fetched")
def killed_fetching(service):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        web(service.home)
        world = World(service, settings={"providers": "cloudflare"})
        world.up(PINOKIO_CLOUDFLARED_REPOSITORY="http://127.0.0.1:%d" % silent.getsockname()[1])
        service.ready("web")
        tunnel = world.open()

        def fetching():
            names = os.listdir(service.run_path("tunnels"))
            return [name for name in names if ".fetch-" in name and name.endswith(".sock")]

        first = service.waits(fetching, "the program is being fetched")
        service.kill()
        service.up()
        service.waits(lambda: service.api().get("/v1/tunnels").status == 200, "the API")
        service.waits(lambda: fetching() and not set(fetching()) & set(first), "the next engine fetches it, alone")
        world.close(tunnel)
        world.gone(tunnel)
        service.waits(lambda: not fetching(), "nothing is fetched any more")


def change_row(service, tunnel, change):
    """As another version may have written it."""
    with contextlib.closing(sqlite3.connect(os.path.join(service.home, "library.sqlite"))) as library, library:
        (text,) = library.execute("SELECT details FROM tunnels WHERE id = ?", (tunnel,)).fetchone()
        details = json.loads(text)
        change(details)
        library.execute("UPDATE tunnels SET details = ? WHERE id = ?", (json.dumps(details), tunnel))


@case("/service/tunnel-more/row-whose-passcode-is-not-understood")
def strange_row(service):
    world = ready(service)
    view = world.opened(passcode="mine")
    service.kill()
    change_row(service, view["id"], lambda details: details.update(passcode={"kind": "argon2"}))
    service.up()
    service.waits(lambda: service.api().get("/v1/tunnels").status == 200, "the API")
    service.equal(world.all(), [], "tunnels")
    world.no_agents()


@case("/service/tunnel-more/uninstall-of-an-app-with-one")
def uninstalled(service):
    world = ready(service, agents=("cloudflared",))
    view = world.opened()
    answer = service.api().delete("/v1/apps/web")
    if answer.status >= 400:  # it wants the app to be stopped: then the tunnel is as it was
        service.equal(world.view(view["id"])["status"], "open", "the tunnel: " + answer.text)
        service.stop("web")
        service.api().delete("/v1/apps/web").ok()
    world.gone(view["id"])
    world.no_agents()
    service.lacks(service.engine_log(), "cannot be written")


# Which page


@case("/service/tunnel-more/variable-that-is-named-late")
def named_late(service):
    page = "exec python3 -u webapp.py {{port}} --say '%s'" % TOLD
    start = apps.script(
        apps.shell(page, on=[TELLS_URL]),
        {"method": "local.set", "params": {"url": "{{input.event[1]}}"}},
        apps.shell(page, on=[TELLS_URL]),
        apps.shell("while [ ! -e go ]; do sleep 0.05; done"),
        {"method": "local.set", "params": {"front": "{{self.never || local.url}}/front"}},
        daemon=True,
    )
    web(service.home, environment={WORLD: "true", "PINOKIO_SHARE_VAR": "front"})
    apps.app(service.home, "web", {"start.json": start})
    world = World(service, "cloudflared").up()
    run = service.launch("web")
    service.waits(lambda: service.view(run)["url"], "the page")
    time.sleep(0.5)
    service.equal(world.all(), [], "tunnels before the page is named")
    open(os.path.join(service.home, "api", "web", "go"), "w").close()
    view = world.is_open(world.of_app())
    service.has(view["open_url"], "/front$")


# Operations


@case("/service/tunnel-more/of-an-install-ends-with-it")
def of_install(service):
    install = apps.script(
        apps.shell("python3 -u webapp.py {{port}} --say '%s'" % TOLD, on=[TELLS_URL]),
        {"method": "cloudflare.tunnel", "params": {"uri": "{{input.event[1]}}"}},
        {"method": "fs.write", "params": {"path": "installed", "text": "yes"}},
    )
    web(service.home)
    apps.app(service.home, "web", {"install.json": install, "pinokio.js": apps.menu("web", True)})
    world = World(service, "cloudflared").up()
    run = service.api().post("/v1/apps/web/install", {}).ok().json()["run"]
    service.becomes(run, "finished", seconds=60)
    service.equal(len(world.net.of("cloudflared")), 1, "agents that were there")
    service.waits(lambda: not world.all(), lambda: "closed with the install: %s" % world.all())
    world.no_agents()


if __name__ == "__main__":
    leave()
