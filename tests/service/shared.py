"""What the cases of tunnels stand on: an app whose server is webapp.py, and tunnels as the API tells of them."""

import html
import http.cookies
import json
import os
import re
import shlex
import time
import urllib.parse

import apps
from internet import Internet
from service import alive

HERE = os.path.dirname(os.path.abspath(__file__))
TOKEN = "2abcdefghijklmnopqrstuvwxyz_3ABCDEFGHIJKLMNOPQRST"  # looks as those of ngrok do
TOLD = "serving on http://127.0.0.1:{port}"
TELLS_URL = {"event": "/serving on (http:\\/\\/[0-9.:]+)/", "done": True}
UP = {"event": "/up and away/", "done": True}


def web(home, name="web", say=(TOLD,), options="", url=True, on=None, **more):
    """An app that serves webapp.py's pages. url: its script tells the address; if not, somebody must find it out."""
    lines = " ".join("--say " + shlex.quote(line) for line in say)
    command = "exec python3 -u webapp.py {{port}} %s %s" % (options, lines)
    steps = [apps.shell(command, on=[TELLS_URL if url else on or UP])]
    if url:
        steps.append({"method": "local.set", "params": {"url": "{{input.event[1]}}"}})
    start = apps.script(*steps, daemon=True)
    with open(os.path.join(HERE, "webapp.py"), encoding="utf-8") as file:
        files = {"pinokio.js": apps.menu(name), "start.json": start, "webapp.py": file.read()}
    return apps.app(home, name, files, **more)


def notes(service, app="web"):
    """What the app's server has noted: lines of {at: monotonic seconds, ...}."""
    text = apps.read(service.home, "api", app, "notes")
    return [json.loads(line) for line in text.splitlines()]


def noted(service, key, app="web"):
    return [note for note in notes(service, app) if key in note]


class World:
    """A service and the outside, and what a case does with both."""

    def __init__(self, service, *agents, settings=None):
        self.service = service
        for name in ("NGROK_AUTHTOKEN", "http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy", "SSH_AUTH_SOCK"):
            service.stage.env.pop(name, None)
        self.net = Internet(service)
        self.net.install(*agents)
        self.settings = settings or {}

    def up(self, **env):
        self.service.stage.env.update(env)
        self.service.up()
        self.set(**self.settings)
        return self

    def set(self, **settings):
        """Settings of tunnels."""
        for key, value in settings.items():
            answer = self.service.api().put(["v1", "settings", "tunnel." + key], {"value": str(value)})
            answer.ok()

    # Tunnels

    def ask(self, **body):
        return self.service.api().post("/v1/tunnels", body)

    def open(self, app="web", **body):
        """Asks for a tunnel; gives its id."""
        answer = self.ask(app=app, **body)
        self.service.equal(answer.status, 202, "POST /v1/tunnels: " + answer.text)
        return answer.json()["tunnel"]

    def all(self):
        return self.service.api().get("/v1/tunnels").ok().json()

    def of_app(self, app="web"):
        """Waits for a tunnel that nobody asked for over the API; gives its id."""
        return self.service.waits(
            lambda: [view["id"] for view in self.all() if view["app"] == app], "a tunnel of %r" % app, 20
        )[0]

    def view(self, tunnel):
        return self.service.api().get(["v1", "tunnels", tunnel]).ok().json()

    def brief(self, tunnel):
        agents = ["%s %s %s" % (a.name, a.mode, "alive" if a.alive else "gone") for a in self.net.agents[-5:]]
        told = (self.view(tunnel), len(self.net.agents), agents, self.log(tunnel)[-600:])
        return "%s; agents: %d, the last ones %s; log: ...%s" % told

    def log(self, tunnel):
        return apps.read(self.view(tunnel).get("log") or "/nowhere")

    def becomes(self, tunnel, *states, seconds=20):
        """Waits for one of these states; gives the tunnel as it is then."""

        def there():
            view = self.view(tunnel)
            return view if view["status"] in states else None

        return self.service.waits(there, lambda: "%s: %s" % ("/".join(states), self.brief(tunnel)), seconds)

    def is_open(self, tunnel, seconds=20):
        """Waits until it is open and its address answers with the app's page; gives the tunnel."""
        view = self.becomes(tunnel, "open", seconds=seconds)
        answer = self.net.get(view["public_url"])
        if answer.status not in (200, 401):
            raise AssertionError("%s: %d %s" % (view["public_url"], answer.status, answer.text[:300]))
        return view

    def opened(self, app="web", seconds=20, **body):
        """A ready app's tunnel, open; gives it."""
        return self.is_open(self.open(app, **body), seconds)

    def again(self, tunnel, not_url, seconds):
        """Waits until it has another address that answers; gives (tunnel, seconds that it took)."""
        began = time.monotonic()

        def there():
            view = self.view(tunnel)
            url = view["public_url"]
            good = view["status"] == "open" and url not in (None, not_url)
            return view if good and self.net.answers(url, 401 if view["passcode"] else 200) else None

        view = self.service.waits(there, lambda: "another address: " + self.brief(tunnel), seconds)
        return view, time.monotonic() - began

    def close(self, tunnel):
        answer = self.service.api().delete(["v1", "tunnels", tunnel])
        self.service.equal(answer.status, 202, "DELETE: " + answer.text)

    def gone(self, tunnel, seconds=10):
        self.service.waits(
            lambda: self.service.api().get(["v1", "tunnels", tunnel]).status == 404,
            lambda: "the tunnel is gone: " + self.brief(tunnel),
            seconds,
        )

    def no_agents(self, seconds=5):
        """No process that offers an address is there."""
        self.service.waits(
            lambda: not [agent for agent in self.net.agents if agent.alive],
            lambda: "agents are gone: %s" % [(a.name, a.pid) for a in self.net.agents if a.alive],
            seconds,
        )

    def provider(self, name):
        rows = self.service.api().get("/v1/providers").ok().json()
        return [row for row in rows if row["id"] == name][0]

    def gate_port(self):
        """Where the one agent that was started first was told to lead to."""
        return int(re.search(r"127\.0\.0\.1:(\d+)", " ".join(self.net.agents[0].argv)).group(1))


# What several lists of cases begin with

FAST = {"check_s": 1}


def ready(service, *agents, settings=None, app=None, **env):
    """An engine whose app "web" is ready; gives the world."""
    web(service.home, **(app or {}))
    world = World(service, *agents, settings=settings).up(**env)
    service.ready("web")
    return world


def json_of(events, seconds=20):
    return json.loads(events.message(seconds)[1])


def moves_on(service, agent, mode, *words, seconds=20, to="localtunnel"):
    """The first provider fails so; the next one's address serves, and why is told meanwhile or after."""
    world = ready(service, "cloudflared", "ngrok")
    world.net.tokens.add(TOKEN)
    if agent == "ngrok":
        world.set(ngrok_token=TOKEN)
    world.net.behave(agent, mode)
    events = service.api().socket("/v1/events")
    view = world.opened(seconds=seconds)
    service.equal(view["provider"], to, "provider")
    troubles = [view["trouble"] or ""]
    try:
        while True:
            event = json_of(events, 0.5)
            if event.get("type") == "tunnel":
                troubles.append(event.get("trouble") or "")
    except TimeoutError:
        pass
    for word in words:
        service.has("\n".join(troubles), word)
    world.close(view["id"])
    world.gone(view["id"])
    world.no_agents()
    return world


def address_dies(service, how):
    world = ready(service, "cloudflared", settings=dict(FAST))
    view = world.opened()
    pid = world.net.agents[0].pid
    began = time.monotonic()
    world.net.mute(view["public_url"], how)
    tunnel = view["id"]
    service.waits(lambda: world.view(tunnel)["status"] != "open", lambda: "noticed: " + world.brief(tunnel), 60)
    noticed = time.monotonic() - began
    again, _ = world.again(view["id"], view["public_url"], 30)
    whole = time.monotonic() - began
    print("# %s: noticed after %.1f s, %s answers after %.1f s" % (how, noticed, again["provider"], whole))
    service.waits(lambda: not alive(pid), "the agent whose address was dead is ended")


# The gate, as a browser meets it

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def field_of(page):
    """The name of the form's field for the passcode, and where the form goes."""
    form = re.search(r"<form[^>]*>", page).group(0)
    fields = [tag for tag in re.findall(r"<input[^>]*>", page) if "password" in tag or "passcode" in tag]
    action = re.search(r'action="([^"]*)"', form)
    return re.search(r'name="([^"]+)"', fields[0]).group(1), (action.group(1) if action else "")


def unlock(world, url, passcode, path="/"):
    """Fills in the passcode's form as a browser does; gives (answer, cookie header or None)."""
    page = world.net.get(url + path, headers=BROWSER)
    if page.status == 429:
        return page, None
    world.service.equal(page.status, 401, "status of the form")
    name, action = field_of(page.text)
    hidden = re.findall(r'<input[^>]*type="?hidden"?[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text)
    form = urllib.parse.urlencode(dict({key: html.unescape(value) for key, value in hidden}, **{name: passcode}))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = world.net.api(url).post(html.unescape(action) or path, form.encode(), headers=dict(BROWSER, **kind))
    cookies = http.cookies.SimpleCookie(answer.headers.get("set-cookie", ""))
    cookie = "; ".join("%s=%s" % (key, morsel.value) for key, morsel in cookies.items())
    return answer, cookie or None
