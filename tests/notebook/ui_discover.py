#!/usr/bin/env python3
"""Discover as a person uses it: typing, choosing, turning pages, plans, installs; with an engine that goes."""

import json
import logging
import os
import threading
import time

from support import SLOW, case, leave

import apps
import ipywidgets
from desk import Desk
from gitserver import GitServer
from hands import button, buttons, by_class, click, plain, raw_html, shown_text, tree
from pinokiocloud import EngineGoneError
from pinokiocloud.machine import Card, Disks, FileSystem, Gpu, Machine
from pinokiocloud.model import CatalogNeeds, CatalogPage
from pinokiocloud.ui.discover import Discover
from pinokiocloud.ui.needs import fit, here
from pinokiocloud.ui.plan import PlanView, verdict_of
from pinokiocloud.ui.search import address_in, same_repository

logging.disable(logging.CRITICAL)

SCRIPT = "<script>alert(1)</script>"


class Shown:
    """A Discover on a desk, with what it asked others to show."""

    def __init__(self, desk, loaded=True):
        self.desk, self.runs, self.opened = desk, [], []
        self.before = instances()
        self.discover = Discover(desk.store, desk.bridge, show_run=self.runs.append, show_app=self.opened.append)
        self.widget = self.discover.widget
        if loaded:
            desk.until(lambda: desk.store.machine and self.cards(), "apps are listed")

    def cards(self):
        return by_class(self.widget, "pino-discover-card")

    def names(self):
        return [plain(card.children[0].value.split("</span>")[0]) for card in self.cards()]

    def card(self, name):
        return dict(zip(self.names(), self.cards()))[name]

    def text(self):
        return shown_text(self.widget)

    def field(self, description):
        return [one for one in tree(self.widget) if getattr(one, "description", "") == description][0]

    def type(self, text):
        """At once, and waits for what is found."""
        self.field("Search").value = text
        search = self.discover._search
        self.desk.until(lambda: not search._asked and search._wanted is None, "an answer")

    def sees(self, text, where=None, seconds=30):
        self.desk.until(
            lambda: text in shown_text(where or self.widget),
            lambda: "%r is shown: %s" % (text, shown_text(where or self.widget)),
            seconds,
        )

    def close(self):
        self.discover.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


def instances():
    """The widgets of this process that are not closed."""
    found = getattr(ipywidgets.widgets.widget, "_instances", None)
    return set(ipywidgets.Widget.widgets if found is None else found)


def entry(id, **more):
    made = {"id": id, "name": id, "repository": "http://127.0.0.1:9/%s.git" % id, "category": "utility", "tags": ["x"]}
    return dict(made, **dict({"author": "me", "description": "An app of one's own"}, **more))


def own_catalog(service, *entries):
    with open(os.path.join(service.home, "catalog.json"), "w", encoding="utf-8") as file:
        json.dump(list(entries), file)


def serve(service, **repositories):
    """A git server with these apps, each installed by its steps, which are the person's own catalog."""
    server = GitServer(os.path.join(service.folder, "git"))
    service.stage.cleanups.append(server.close)
    start = apps.script(apps.shell("echo up; exec sleep 1000000", on=[{"event": "/up/", "done": True}]), daemon=True)
    for name, steps in repositories.items():
        install = list(steps) + [{"method": "fs.write", "params": {"path": "installed", "text": "yes"}}]
        files = {"install.json": json.dumps(apps.script(*install)), "start.json": json.dumps(start)}
        server.repository(name).commit(dict(files, **{"pinokio.js": apps.menu(name, True)}))
    own_catalog(service, *(entry(name, repository=server.url(name)) for name in repositories))
    return server


def posts(desk):
    """Collects the paths that are posted from now on."""
    asked, request = [], desk.store.client.request

    def watched(method, parts, **more):
        if method == "POST":
            asked.append(parts[0])
        return request(method, parts, **more)

    desk.store.client.request = watched
    return asked


@case("/notebook/discover/search-filters-and-pages")
def search(service):
    service.up()
    for loop in (True, False):
        with Desk(service, loop) as desk, Shown(desk) as shown:
            looks_around(service, desk, shown)


def looks_around(service, desk, shown):
    shown.sees("284 apps")
    first, widgets = shown.names(), [id(card) for card in shown.cards()]
    service.equal((len(first), "page 1 of 24" in shown.text()), (12, True), "the first page")
    service.equal([one.disabled for one in buttons(shown.widget, "Previous")], [True, True], "no page before")
    buttons(shown.widget, "Next")[0].click()
    service.equal("page 2 of 24" in shown.text() and not set(first) & set(shown.names()), True, shown.text())
    service.equal([id(card) for card in shown.cards()], widgets, "cards stay in place")
    shown.type("stable difusion")
    found = shown.names()
    service.equal("of 284 apps found" in shown.text() and "page 1 of" in shown.text(), True, shown.text())
    service.equal("Stable Diffusion" in shown.text(), True, "errors of typing are forgiven: %s" % found)
    shown.field("Category").value = "video"
    shown.type("image")
    categories = {plain(card.children[0].value).split(" · ")[0].split()[-1] for card in shown.cards()}
    service.equal(categories, {"video"}, "one category")
    shown.field("Tag").value = "image-to-video"
    shown.type("image ")
    count = int(shown.text().split(" of 284")[0].split()[-1])
    own = [one for one in desk.store.catalog if one.category == "video" and "image-to-video" in one.tags]
    service.equal((0 < count <= len(own), len(own) > 0), (True, True), "filters combine")
    shown.type("zzzzqqqqxxxx")
    shown.sees("Nothing is found for “zzzzqqqqxxxx”")
    service.equal((shown.cards(), "address of its git repository" in shown.text()), ([], True), "with advice")
    click(shown.widget, "Clear")
    service.equal((shown.field("Search").value, shown.field("Tag").value), ("", ""), "cleared")
    shown.sees("284 apps")
    service.equal(shown.names(), first, "as in the beginning")
    labels = [label for label, _ in shown.field("Tag").options]
    service.equal((labels[0], len(labels), labels[1]), ("All (284)", 300, "pinokio-tagged (111)"), "tags by use")
    shown.field("Show").value = "there"
    shown.sees("0 of 284 apps found")


@case("/notebook/discover/newest-question-wins")
def newest(service):
    service.up()
    with Desk(service) as desk, Shown(desk) as shown:
        gate, asked, real = threading.Event(), [], desk.store.client.catalog

        def slow(**query):
            asked.append(query["q"])
            if not gate.wait(20):
                raise AssertionError("nobody opened the gate")
            return real(**query)

        desk.store.client.catalog = slow
        for text in ("v", "vo", "voi", "voic", "facefusion"):
            shown.field("Search").value = text
            desk.passes(0.01)
        gate.set()
        desk.until(lambda: len(asked) == 2 and not shown.discover._search._asked, "two answers")
        service.equal(asked, ["v", "facefusion"], "questions")
        service.equal("facefusion" in shown.names()[0].lower(), True, "the last one is shown: %s" % shown.names())
        desk.store.client.catalog = lambda **query: CatalogPage(0) if gate.wait(1) else None
        shown.field("Search").value = "nothing of this"
        shown.field("Search").value = ""
        desk.until(lambda: not shown.discover._search._asked, "the answer")
        shown.sees("284 apps")  # an answer that nobody waits for any more

        def breaks(**query):
            raise EngineGoneError("cut off")

        desk.store.client.catalog = breaks
        shown.type("facefusion")
        shown.sees("found by their words alone")
        service.equal("facefusion" in shown.names()[0].lower(), True, "found here: %s" % shown.names())


@case("/notebook/discover/install-with-the-plan-first")
def install(service):
    serve(service, hello=[apps.shell("until test -e ../../go; do sleep 0.05; done; echo 1 >> marks")])
    service.up()
    with Desk(service) as desk, Shown(desk) as shown:
        asked = posts(desk)
        shown.type("hello")
        card = shown.card("hello")
        pressed = button(card, "Install")
        for _ in range(3):
            pressed.click()
        service.has(shown_text(card), "Looking what hello needs")
        shown.sees("It should work here.", card)
        told = "Launcher .* files Downloads .* Disk .* This machine .* What install.json does: 1 step"
        service.has(shown_text(card), told)
        service.equal((asked, desk.store.apps), (["plans"], {}), "one plan, and nothing is installed")
        click(card, "Not now")
        service.equal(button(card, "Install").disabled, False, "as before")
        click(card, "Install")
        shown.sees("Install now", card)
        pressed = button(card, "Install now")
        for _ in range(3):
            pressed.click()
        service.has(shown_text(card), "Installing hello …")
        shown.sees("Show output", card)
        shown.sees("step 1 of 2", card)
        service.has(shown_text(card), "Installing …")
        click(card, "Show output")
        service.equal((len(shown.runs), desk.store.runs[shown.runs[0]].kind), (1, "install"), "the run is shown")
        shown.type("no such app")
        shown.type("hello")
        service.has(shown_text(shown.card("hello")), "step 1 of 2")  # it went on meanwhile
        open(os.path.join(service.home, "go"), "w", encoding="ascii").close()
        shown.sees("hello is installed.", card)
        service.equal(asked, ["plans", "plans", "apps"], "one install")
        shown.sees(" Installed ", card)
        click(card, "Open in My Library")
        click(card, "Close")
        click(card, "Open in My Library")
        service.equal(shown.opened, ["hello", "hello"], "it is opened")
        shown.type("")
        shown.field("Show").value = "there"
        service.equal(shown.names(), ["hello"], "those that are installed")
        shown.field("Show").value = "not there"
        shown.sees("284 of 285 apps found")
        shown.field("Show").value = "there"
        desk.done(desk.store.uninstall, "hello", True)
        shown.sees("0 of 285 apps found")


@case("/notebook/discover/what-cannot-work-here")
def cannot(service):
    server = serve(service, apple=[apps.shell("echo 1 >> marks")])
    own_catalog(service, entry("apple", repository=server.url("apple"), tags=["macos-only"]))
    service.up()
    with Desk(service) as desk, Shown(desk) as shown:
        shown.type("apple")
        card = shown.card("apple")
        click(card, "Install")
        shown.sees("It cannot work here", card)
        service.has(shown_text(card), "it is for macos only")
        service.equal(buttons(card, "Install now"), [], "no plain install")
        click(card, "Install all the same")
        service.has(shown_text(card), "Install it all the same\\?")
        click(card, "No")
        service.equal(desk.store.apps, {}, "asked, and not done")
        click(card, "Install all the same")
        click(card, "Yes, install it all the same")
        shown.sees("apple is installed.", card)


@case("/notebook/discover/an-install-that-fails-goes-on")
def fails(service):
    test = "test -e ../../ok && echo 2 >> marks || echo is broken"
    broken = apps.shell(test, on=[{"event": "/is broken/", "break": True}])
    serve(service, hello=[apps.shell("echo 1 >> marks"), broken])
    service.up()
    with Desk(service) as desk:
        with Shown(desk) as shown:
            shown.type("hello")
            card = shown.card("hello")
            click(card, "Install")
            shown.sees("Install now", card)
            click(card, "Install now")
            shown.sees("hello was not installed.", card)
            service.has(shown_text(card), "is broken")
            click(card, "Show output")
            service.equal(desk.store.runs[shown.runs[0]].kind, "install", "its output")
        with Shown(desk) as shown:  # a kernel that begins anew knows it from the engine
            shown.type("hello")
            card = shown.card("hello")
            service.has(shown_text(card), "(?s)Install failed.*is broken")
            click(card, "Show output")
            service.equal(len(shown.runs), 1, "its output")
            open(os.path.join(service.home, "ok"), "w", encoding="ascii").close()
            click(card, "Try again from where it failed")
            service.has(shown_text(card), "Installing hello …")
            shown.sees("hello is installed.", card)
            service.equal(apps.read(service.home, "api", "hello", "marks").split(), ["1", "2"], "steps done")


@case("/notebook/discover/an-address-and-a-plan-that-fails")
def address(service):
    server = serve(service, hello=[], other=[])
    own_catalog(service, entry("hello", repository=server.url("hello")))
    service.up()
    with Desk(service) as desk, Shown(desk) as shown:
        shown.type(server.url("hello")[: -len(".git")])
        service.equal((shown.names(), buttons(shown.widget, "Install from")), (["hello"], []), "the catalog knows it")
        shown.type(server.url("nothing"))
        click(shown.widget, "Install from this address")
        shown.sees("What nothing needs was not found out.")
        service.has(shown.text(), "nothing")
        click(shown.widget, "Show output")
        service.equal(len(shown.runs), 1, "its output")
        click(shown.widget, "Look at the plan again")
        service.has(shown.text(), "Looking what nothing needs")
        shown.sees("What nothing needs was not found out.")
        click(shown.widget, "Close")
        shown.type(server.url("other"))
        click(shown.widget, "Install from this address")
        shown.sees("It should work here.")
        shown.type("")  # it stays on top
        click(shown.widget, "Install now")
        shown.sees("other is installed.")
        click(shown.widget, "Close")
        service.equal("is installed." in shown.text(), False, shown.text())
        shown.type(server.url("other"))
        service.has(shown.text(), "It is installed already")
        click(shown.widget, "Open in My Library")
        service.equal(shown.opened, ["other"], "it is opened")


@case("/notebook/discover/begun-elsewhere-and-stopped")
def elsewhere(service):
    serve(service, hello=[apps.shell("touch began; until test -e ../../go; do sleep 0.05; done")])
    service.up()
    with Desk(service) as desk, Shown(desk) as shown:
        shown.type("hello")
        card = shown.card("hello")
        service.api().post("/v1/apps", {"source": "hello"}).ok()
        shown.sees("Installing …", card)
        click(card, "Show output")
        service.equal(len(shown.runs), 1, "its output")
        desk.until(lambda: os.path.exists(os.path.join(service.home, "api", "hello", "began")), "the script runs")
        desk.done(desk.store.stop_run, shown.runs[0])
        shown.sees("Install failed", card)
        click(card, "Try again from where it failed")
        shown.sees("Stop", card)
        click(card, "Stop")
        service.has(shown_text(card), "Stopping …")
        shown.sees("hello was not installed.", card)
        service.has(shown_text(card), "stopped")
        open(os.path.join(service.home, "go"), "w", encoding="ascii").close()
        service.api().post("/v1/apps", {"source": "hello"}).ok()
        desk.becomes("hello", "INSTALLED")
        click(card, "Close")
        shown.sees("Open in My Library", card)
        desk.done(desk.store.uninstall, "hello", True)
        shown.sees("Install", card)
        desk.until(lambda: buttons(card, "Install"), "it can be installed")
        click(card, "Install")
        shown.sees("Install now", card)
        service.api().post("/v1/apps", {"source": "hello"}).ok()
        shown.sees("Open in My Library", card)
        service.equal(buttons(card, "Install now"), [], "what somebody else has done is not offered")


@case("/notebook/discover/engine-gone-and-back")
def gone(service):
    serve(service, hello=[], other=[])
    service.up()
    with Desk(service) as desk, Shown(desk) as shown:
        shown.type("hello")
        click(shown.card("hello"), "Install")
        shown.sees("Install now")
        shown.type("")
        listed = shown.names()
        service.kill()
        shown.sees("The engine does not answer")
        service.equal(shown.names(), listed, "the list stays")
        service.equal({one.disabled for one in buttons(shown.widget, "Install")}, {True}, "nothing can be installed")
        shown.type("other")
        service.has(shown.text(), "by their words alone")
        service.equal("other" in shown.names(), True, "found here")
        shown.type("hello")
        service.equal(button(shown.card("hello"), "Install now").disabled, True, "nothing can be installed")
        button(shown.card("hello"), "Install now").click()
        service.up()
        desk.until(lambda: "does not answer" not in shown.text(), "it is back", 30)
        shown.sees("1 of 286 apps found")
        click(shown.card("hello"), "Install now")
        shown.sees("hello is installed.")


@case("/notebook/discover/hostile-names-and-a-damaged-catalog")
def hostile(service):
    long_name, rtl = "n" * 300, "\u202eשלום עולם 🎉"
    own_catalog(
        service,
        entry("a", name=SCRIPT, description="<img src=x onerror=alert(1)>", tags=['"><b>', "t" * 300], category="<i>"),
        entry("b", name=long_name, author="a" * 300, description="d" * 3000),
        entry("c", name=rtl, repository="javascript:alert(1)"),
        entry("d", name='" onmouseover="alert(1)', repository='http://x/" onmouseover="alert(1)'),
    )
    service.up()
    with Desk(service) as desk, Shown(desk) as shown:
        total = len(desk.store.catalog)
        for text in ("own", SCRIPT, long_name, rtl, "?&#%/\\\"'", "\x00\x01", "💥" * 100, "a" * 10000):
            shown.type(text)
            told = raw_html(shown.widget)
            harm = ("<script", "<img", "<b><i", 'href="javascript:', ' onmouseover="')
            service.equal([word for word in harm if word in told], [], text)
        shown.type("")
        shown.field("Category").value = "<i>"
        service.equal((shown.names(), "<i>" in raw_html(shown.widget)), ([SCRIPT], False), "a category")
        click(shown.widget, "Clear")
        service.equal(max(len(label) for label, _ in shown.field("Tag").options) < 60, True, "tags are short")
        with open(os.path.join(service.home, "catalog.json"), "w", encoding="ascii") as file:
            file.write('{"apps": [')
        desk.store.look()
        shown.sees("A part of the catalog is missing")
        service.has(shown.text(), "catalog.json is passed over: it is no JSON")
        service.equal((total > len(desk.store.catalog), len(shown.cards())), (True, 12), "the others")
        shown.type("facefusion")
        service.equal("facefusion" in shown.names()[0].lower(), True, "all goes on")


def machine(*cards, vendor="none", free=10**12, trouble=None):
    home = FileSystem(path="/", free=free)
    return Machine(gpu=Gpu(vendor=vendor, trouble=trouble, cards=cards), disks=Disks(home=home))


@case("/notebook/discover/needs-against-the-machine")
def needs(service):
    t4 = Card(vendor="nvidia", name="Tesla T4", memory_total=15360 << 20)
    small = Card(vendor="nvidia", name="Old", memory_total=4 << 30)
    amd, blind = Card(vendor="amd", name="MI", memory_total=64 << 30), Card(vendor="nvidia")
    nvidia = machine(t4, vendor="nvidia")
    eight, has_t4 = "Needs an NVIDIA GPU with 8 GB", ": this machine has Tesla T4, 15 GB"
    for gpu, vram, place, kind, text in (
        ("", 0, nvidia, None, ""),
        ("none", 0, machine(), "ok", "Needs no GPU"),
        ("nvidia", 8, None, "", eight),
        ("nvidia", 8, machine(small, t4, vendor="nvidia"), "ok", eight + has_t4),
        ("nvidia", 16, nvidia, "ok", "Needs an NVIDIA GPU with 16 GB" + has_t4),
        ("nvidia", 24, nvidia, "warn", "Needs an NVIDIA GPU with 24 GB" + has_t4),
        ("nvidia", 0, machine(), "bad", "Needs an NVIDIA GPU: this machine has no GPU"),
        ("nvidia", 0, machine(amd, vendor="amd"), "bad", "Needs an NVIDIA GPU: this machine has MI, 64 GB"),
        ("amd", 0, machine(amd, vendor="amd"), "ok", "Needs an AMD GPU: this machine has MI, 64 GB"),
        ("any", 0, machine(), "warn", "Best with a GPU: this machine has no GPU"),
        ("", 12, machine(), "bad", "Needs a GPU with 12 GB: this machine has no GPU"),
        ("nvidia", 8, machine(blind, vendor="nvidia"), "", eight + ": this machine has a GPU of NVIDIA, its memory is not known"),
        ("nvidia", 8, machine(trouble="no driver"), "bad", eight + ": the GPU of this machine does not answer"),
    ):
        found = fit(CatalogNeeds(gpu=gpu, vram_gb=float(vram)), here(place))
        told = (None, "") if found is None else (found.kind, found.wants + (": " + found.here if found.here else ""))
        service.equal(told, (kind, text), "%s %g" % (gpu, vram))
    service.up()
    with Desk(service) as desk, Shown(desk) as shown:
        desk.store._put_machine(machine(t4, vendor="nvidia"))
        shown.sees("this machine: Tesla T4, 15 GB, 1.0 TB of disk free")
        shown.field("Tag").value = "12GB-VRAM"
        service.has(shown.text(), "Needs .*GPU with 12 GB: this machine has Tesla T4, 15 GB ✓")
        desk.store._put_machine(machine(free=10**9))
        shown.sees("this machine: no GPU, only 1.0 GB of disk free")
        service.has(shown.text(), "GPU with 12 GB: this machine has no GPU ✗")
        shown.field("Show").value = "fits"
        shown.sees("0 of 284 apps found")


@case("/notebook/discover/plans-of-every-kind")
def plans(service):
    view = PlanView()
    steps = [
        {
            "label": "1",
            "kind": "pip",
            "when": "yes",
            "text": "Install torch",
            "items": [{"what": "torch", "bytes": 3e9, "estimate": True}, {"what": SCRIPT, "bytes": None}],
        },
        {"label": "2", "kind": "hf", "when": "unknown", "text": SCRIPT, "items": [{"what": "m", "bytes": 2e6}] * 20},
        {"label": "3", "kind": "say", "when": "yes", "text": "not shown"},
        {"label": "4", "kind": "pip", "when": "no", "text": "not here"},
    ]
    plan = {
        "script": "install.json",
        "repository": "javascript:alert(1)",
        "steps": steps,
        "clone": {"bytes": 1000, "files": 1},
        "downloads": {"bytes": 5e6, "estimated": 3e9, "unknown": 1, "programs": 2},
        "needs": {
            "gpu": "nvidia",
            "vram_gb": 8,
            "sudo": True,
            "apt": ["ffmpeg"],
            "disk_bytes": 6e9,
            "sources": {"gpu": "catalog"},
        },
        "machine": {"gpu": "none", "disk_free": 7e10, "ram_bytes": 2**34},
        "verdict": "warn",
        "reasons": [{"severity": "warn", "text": SCRIPT}],
    }
    view.show({"plan": plan, "text": "x"})
    text = plain(view.widget.value)
    for wanted in (
        "! It can be installed, with this in mind: " + SCRIPT,
        "Downloads 5.0 MB, about 3.0 GB of large packages, 1 thing of unknown size, and what 2 programs fetch on their own",
        "Disk at least 6.0 GB, 70.0 GB are free",
        "Needs an NVIDIA GPU (the catalog says), 8 GB of GPU memory",
        "System root or sudo, installs the system packages ffmpeg",
        "This machine no GPU, 16 GB of RAM",
        "What install.json does: 2 steps",
        "torch (about 3.0 GB); %s (size unknown)" % SCRIPT,
        "may be left out",
        "and 8 more",
        "1 more step is not for this machine",
    ):
        service.equal(wanted in text, True, "%s in: %s" % (wanted, text))
    service.equal("not shown" in text, False, text)
    service.equal([word for word in ("<script", 'href="javascript') if word in view.widget.value], [], "harm")
    view.show({"plan": {"steps": steps * 200, "script": "s"}})
    service.has(plain(view.widget.value), "200 more steps are not shown here")
    strange = {"steps": 7, "needs": [], "reasons": "x", "machine": 1}
    for odd in ({}, {"plan": []}, {"plan": strange}, {"plan": {"steps": [1, None]}}):
        view.show(odd)
        service.equal(verdict_of(odd), "warn", "a plan that says nothing")
    view.show({"text": "plain <b>", "plan": None})
    service.has(view.widget.value, "plain &lt;b&gt;")
    for typed, wanted in (
        ("https://example.com/a/b", "https://example.com/a/b"),
        (" github.com/a/b.git ", "https://github.com/a/b.git"),
        ("git@example.com:a/b.git", "git@example.com:a/b.git"),
        ("file:///etc", ""),
        ("ext::sh -c x", ""),
        ("text-to-speech", ""),
        ("text/speech", ""),
        ("https://example.com", ""),
        ("https://example.com/a b", ""),
    ):
        service.equal(address_in(typed), wanted, typed)
    urls = ("https://x.org/A/b", "http://x.org/a/B.git/", "git@x.org:a/b.git", "ssh://git@x.org/a/b")
    service.equal({same_repository(url) for url in urls}, {"x.org/a/b"}, "the same repository")
    view.close()


@case("/notebook/discover/quick-and-closed-without-a-trace")
def quick(service):
    for number in range(60):
        apps.light(service.home, "light%02d" % number)
    serve(service, hello=[])
    service.up()
    with Desk(service) as desk:
        desk.until(lambda: desk.store.catalog and desk.store.machine, "all is known")
        observers = {topic: len(list(found)) for topic, found in desk.store._topics._observers.items()}
        took = {"made": [], "first": []}
        for _ in range(5):
            began = time.thread_time()
            shown = Shown(desk, loaded=False)
            took["made"].append(time.thread_time() - began)
            took["first"].append(timed(lambda: desk.until(shown.cards, "cards")))
            shown.close()
        shown = Shown(desk)
        took["page"] = [timed(lambda: buttons(shown.widget, "Next")[0].click()) for _ in range(20)]
        words = ("v", "vo", "voice", "imgae genration", "tts", "a")
        took["search"] = [timed(lambda: shown.type(text), time.perf_counter) for text in words]
        shown.type("hello")
        took["press"] = [timed(lambda: click(shown.card("hello"), "Install"))]
        for name, most in (("made", 50), ("first", 50), ("page", 50), ("search", 100), ("press", 50)):
            times = sorted(1000 * one for one in took[name])
            print("# %s: median %.1f ms, worst %.1f ms" % (name, times[len(times) // 2], times[-1]))
            service.equal(times[len(times) // 2] < most * SLOW, True, "%s: ms: %s" % (name, times))
        service.equal(len(list(tree(shown.widget))) < 90, True, "few widgets")
        click(shown.card("hello"), "Not now")  # and what the plan tells after that nobody hears
        desk.until(lambda: any(run.kind == "plan" and not run.live for run in desk.store.runs.values()), "a plan")
        desk.passes(0.3)
        service.has(shown_text(shown.card("hello")), "Install")
        shown.close()
        shown.close()
        desk.passes(0.05)
        left = {topic: len(list(found)) for topic, found in desk.store._topics._observers.items()}
        service.equal((left, instances() - shown.before), (observers, set()), "nothing is left")
        late = Shown(desk, loaded=False)
        late.field("Search").value = "voice"
        late.close()  # before the answer, and before it has drawn
        desk.passes(0.2)
        service.equal(instances() - late.before, set(), "nothing is left")


def timed(function, clock=time.thread_time):
    """Seconds that the main thread was at work, whatever else this machine does."""
    began = clock()
    function()
    return clock() - began


if __name__ == "__main__":
    leave()
