#!/usr/bin/env python3
"""My Library as a person sees and presses it: real apps of a real engine behind it."""

import dataclasses

import logging
import os
import shutil
import statistics
import time

import ipywidgets
from support import SLOW, case, leave, nothing_left

import apps
from desk import Desk, environment
from hands import button, buttons, by_class, click, plain, raw_html, shown, shown_text, tree
from pinokiocloud.model import App, Card, Gpu, Machine, Memory, Run, Tunnel, Usage
from pinokiocloud.ui.appwords import addresses, doing, failed_run, head, of_a_browser, what_failed
from pinokiocloud.ui.lastlines import as_shown
from pinokiocloud.ui.library import Library
from pinokiocloud.ui.meters import meters_html
from pinokiocloud.usage import Sample

logging.disable(logging.CRITICAL)

HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)> "q" \u202egnp.exe \U0001f680 ' + "x" * 300


class Shelf:
    """A library, and what it asked other parts for."""

    def __init__(self, desk):
        self.desk = desk
        self.runs, self.tunnels, self.forms = [], [], []
        self.library = Library(
            desk.store,
            desk.bridge,
            show_run=self.runs.append,
            show_tunnels=self.tunnels.append,
            configure=self.forms.append,
        )

    @property
    def widget(self):
        return self.library.widget

    def text(self):
        return shown_text(self.widget)

    def cards(self):
        return by_class(self.widget, "pino-app")

    def titles(self):
        return [plain(card.children[0].value).split(" ")[0] for card in self.cards()]

    def card(self, title):
        found = [card for card in self.cards() if title in card.children[0].value]
        if len(found) != 1:
            raise AssertionError("%d cards %r in\n%s" % (len(found), title, self.text()))
        return found[0]

    def click(self, title, label):
        return click(self.card(title), label)

    def says(self, title, *texts, seconds=20):
        """Waits until the card shows all of that."""
        self.desk.until(
            lambda: all(text in shown_text(self.card(title)) for text in texts),
            lambda: "%s on the card of %s:\n%s" % (texts, title, self.text()),
            seconds,
        )

    def lacks(self, title, text):
        self.desk.until(lambda: text not in shown_text(self.card(title)), lambda: "no %r in %s" % (text, self.text()))

    def offers(self, title, label):
        """Waits until there is such a button, and it can be pressed."""
        self.desk.until(
            lambda: [one for one in buttons(self.card(title)) if one.description == label and not one.disabled],
            lambda: "a button %r:\n%s" % (label, self.text()),
        )

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.library.close()


def runs_of(service, app):
    return [run for run in service.api().get("/v1/runs").ok().json() if run["app"] == app]


def app_of(name, **more):
    return App(**dict({"id": name, "name": name, "state": "INSTALLED", "installed": True, "path": "/h/api/" + name}, **more))


@case("/notebook/library/start-and-stop")
def start(service):
    apps.light(service.home, "light")
    apps.lines(service.home, "page")
    service.up()
    for loop in (True, False):
        with nothing_left(), Desk(service, loop) as desk, Shelf(desk) as shelf:
            desk.until(lambda: len(shelf.cards()) == 2, "two cards")
            shelf.says("light", "light Installed", "[Start]", "[Details]")
            before = time.monotonic()
            pressed = shelf.click("light", "Start")
            service.equal((pressed.description, pressed.disabled), ("Starting …", True), "heard at once")
            service.equal(time.monotonic() - before < 0.1, True, "in time")
            shelf.says("light", "light Running start.json · up ")
            shelf.offers("light", "Stop")
            shelf.click("page", "Start")
            shelf.says("page", "Open", seconds=30)
            url = desk.store.apps["page"].url
            service.has(raw_html(shelf.card("page")), 'href="%s" target="_blank" rel="noopener' % url)
            for name in ("light", "page"):
                shelf.offers(name, "Stop")
                service.equal(shelf.click(name, "Stop").description, "Stopping …", "heard at once")
                shelf.says(name, name + " Installed", "[Start]")
            service.lacks(raw_html(shelf.card("page")), "href")


@case("/notebook/library/details")
def details(service):
    apps.light(service.home, "light")
    service.up()
    with Desk(service) as desk, Shelf(desk) as shelf:
        desk.until(shelf.cards, "a card")
        closed = len(list(tree(shelf.widget)))
        shelf.click("light", "Details")
        shelf.says("light", "Menu", "[Start]", "[Reinstall]", "[Configure]", "[Update]", "[Uninstall]", "[Hide details]")
        service.lacks(shelf.text(), r"\[Restart\]")
        shelf.click("light", "Configure"), shelf.click("light", "Tunnels")
        service.equal((shelf.forms, shelf.tunnels), (["light"], ["light"]), "asked of others")
        desk.done(desk.store.start, "light")
        shelf.says("light", "[Restart]", "CPU", "RAM", "0 to 100 % (a core is 100 %)", seconds=30)
        shelf.click("light", "Show output")
        first = next(iter(desk.store.runs))
        service.equal(shelf.runs, [first], "its run")
        shelf.click("light", "Restart")
        desk.until(lambda: len(desk.store.runs) == 2 and desk.state("light") == "RUNNING", "it is restarted")
        shelf.offers("light", "Restart")
        shown_last = lambda: (shelf.click("light", "Show output"), shelf.runs[-1] != first)[1]  # noqa: E731
        desk.until(shown_last, "its newest run")
        shelf.click("light", "Update")
        shelf.says("light", "light runs: stop it first")
        shelf.click("light", "Stop")
        shelf.says("light", "light Installed", "[Start]")
        shelf.click("light", "Update")
        shelf.says("light", "The update failed", "cannot update", "is no git clone", "[Retry from there]")
        shelf.click("light", "Hide details")
        desk.until(lambda: len(list(tree(shelf.widget))) <= closed + 3, "what was opened is gone")


@case("/notebook/library/what-failed")
def failing(service):
    apps.fails(service.home, "fails")
    text = "for i in $(seq 30); do echo line $i; done; printf '\\033[31mred\\033[0m 10%%\\r100%% done\\n'; echo bad >&2"
    step = {"method": "fs.read", "params": {"path": "wanted"}}
    done = {"method": "fs.write", "params": {"path": "installed", "text": "yes"}}
    folder = apps.installs(service.home, "half")
    apps.app(
        service.home, "half", {"install.json": apps.script(apps.shell("echo one >> marks"), apps.shell(text), step, done)}
    )
    service.up()
    with Desk(service) as desk, Shelf(desk) as shelf:
        shelf.offers("fails", "Start")
        shelf.click("fails", "Start")
        shelf.says("fails", "fails Failed", "Step 2 of 3 of start.json failed: there is no method 'no.such.method'")
        shelf.click("fails", "Details")
        shelf.says("fails", "Step 2 of 3 of start.json (no.such.method) failed", "Its last lines: fine", "[Retry from its first step]")
        shelf.click("fails", "Show output")
        service.equal(shelf.runs, [next(iter(desk.store.runs))], "the failed run")
        service.equal(shelf.click("fails", "Retry from its first step").description, "Trying again …", "heard")
        desk.until(lambda: len(desk.store.runs) == 2, "it is tried again")
        shelf.says("fails", "Step 2 of 3", "[Retry from its first step]")
        shelf.offers("half", "Install")
        shelf.click("half", "Install")
        shelf.says("half", "Failed", "The install failed at step 3 of 4", seconds=30)
        shelf.click("half", "Details")
        shelf.says("half", "The install failed at step 3 of 4 of install.json (fs.read)", "line 30 100% done bad")
        service.lacks(shown_text(shelf.card("half")), r"line 20\b|\x1b|10%")
        with open(os.path.join(folder, "wanted"), "w", encoding="utf-8") as file:
            file.write("here")
        shelf.click("half", "Retry from there")
        shelf.says("half", "half Installed", seconds=30)
        service.equal(apps.read(folder, "marks"), "one\n", "what was done before is not done again")
        service.lacks(shown_text(shelf.card("half")), "failed|Retry")


@case("/notebook/library/double-clicks")
def twice(service):
    apps.light(service.home, "light", "sleep 0.5; echo up; exec sleep 1000000")
    service.up()
    with Desk(service) as desk, Shelf(desk) as shelf:
        shelf.offers("light", "Start")
        pressed = button(shelf.card("light"), "Start")
        for _ in range(5):
            pressed.click()  # also those of a browser that does not know yet that it is disabled
        end = time.monotonic() + 0.8
        while time.monotonic() < end:
            desk.passes(0.05)
            pressed.click()
        desk.becomes("light", "RUNNING")
        service.equal([run["state"] for run in runs_of(service, "light")], ["ready"], "one run, and not stopped")
        shelf.offers("light", "Stop")
        pressed.click(), pressed.click()
        shelf.says("light", "Installed")
        service.equal(len(runs_of(service, "light")), 1, "runs")


@case("/notebook/library/stopped-while-it-starts")
def stop_early(service):
    apps.light(service.home, "slow", "sleep 60; echo up; exec sleep 1000000")
    service.up()
    with Desk(service) as desk, Shelf(desk) as shelf:
        shelf.offers("slow", "Start")
        shelf.click("slow", "Start")
        shelf.says("slow", "slow Starting start.json · step 1 of 1 · since ")
        shelf.offers("slow", "Stop")
        shelf.click("slow", "Stop")
        shelf.says("slow", "slow Installed", "[Start]")
        service.lacks(shelf.text(), "failed|was stopped")


@case("/notebook/library/engine-gone-and-back")
def gone(service):
    apps.light(service.home, "light")
    service.up()
    with environment(service), Desk(service) as desk, Shelf(desk) as shelf:
        shelf.offers("light", "Start")
        shelf.click("light", "Details")
        shelf.says("light", "[Reinstall]")
        service.run("down")
        desk.until(lambda: "The engine cannot be asked now" in shelf.text(), shelf.text)
        service.equal(shelf.text().count("cannot be asked"), 1, "said once")
        free = {one.description for one in buttons(shelf.widget) if not one.disabled}
        service.equal(free, {"Hide details"}, "what can be pressed")
        service.up()
        desk.until(lambda: desk.store.connected, "it is back", 30)
        shelf.offers("light", "Start"), shelf.offers("light", "Reinstall")
        desk.until(lambda: "cannot be asked" not in shelf.text(), shelf.text)
        shelf.click("light", "Hide details"), shelf.click("light", "Start")
        shelf.says("light", "Running")


@case("/notebook/library/uninstall-and-reset-ask")
def uninstall(service):
    folder = apps.light(service.home, "light")
    apps.light(service.home, "other")
    os.makedirs(os.path.join(folder, "outputs"))
    with open(os.path.join(folder, "outputs", "picture"), "w", encoding="utf-8") as file:
        file.write("made")
    service.up()
    with Desk(service) as desk, Shelf(desk) as shelf:
        shelf.offers("light", "Start")
        shelf.click("light", "Details")
        shelf.click("light", "Reset")
        shelf.says("light", "Reset light?", "[Yes, reset it]")
        shelf.click("light", "Uninstall")
        shelf.says("light", "Uninstall light? Its folder goes.", "folder “kept”", "[Yes, uninstall it]")
        service.lacks(shelf.text(), "Reset light")
        shelf.click("light", "No")
        service.lacks(shelf.text(), "Yes, uninstall")
        service.equal(os.path.isdir(folder), True, "it is there")
        shelf.click("light", "Uninstall"), shelf.click("light", "Yes, uninstall it")
        service.has(shelf.text(), "Uninstalling …")
        desk.until(lambda: len(shelf.cards()) == 1, shelf.text, 30)
        desk.until(lambda: "light is removed" in shelf.text(), shelf.text)
        service.has(shelf.text(), "kept")
        kept = os.path.join(service.home, "kept")
        service.equal([apps.read(kept, name, "outputs", "picture") for name in os.listdir(kept)], ["made"], "kept")


@case("/notebook/library/reset-of-no-clone-is-said")
def reset(service):
    apps.light(service.home, "light")
    service.up()
    with Desk(service) as desk, Shelf(desk) as shelf:
        shelf.offers("light", "Start")
        shelf.click("light", "Details"), shelf.click("light", "Reset"), shelf.click("light", "Yes, reset it")
        shelf.says("light", "The reset failed", "[Retry from there]")


@case("/notebook/library/vanishes-while-open")
def vanishes(service):
    apps.light(service.home, "light")
    apps.fails(service.home, "fails")
    service.up()
    with nothing_left(), Desk(service) as desk, Shelf(desk) as shelf:
        for name in ("light", "fails"):
            shelf.offers(name, "Start")
        desk.failed(desk.store.start, "fails")
        for name in ("light", "fails"):
            shelf.click(name, "Details")
            shelf.says(name, "[Reinstall]")
        shelf.click("light", "Uninstall")
        for name in ("light", "fails"):
            shutil.rmtree(os.path.join(service.home, "api", name))
        desk.until(lambda: not shelf.cards(), shelf.text, 30)
        service.has(shelf.text(), "No longer here")
        service.has(shelf.text(), "Nothing is installed yet")
        service.equal(len(desk.bridge.troubles), 0, "troubles: %s" % list(desk.bridge.troubles))


@case("/notebook/library/hostile-apps")
def hostile(service):
    name = "evil " + "<b>&" * 20 + "\u202e\U0001f680"
    start = apps.script(apps.shell("echo '%s'" % HOSTILE.replace("'", "")), {"method": "<img src=x>", "params": {}})
    apps.app(service.home, name, {"pinokio.js": apps.menu(HOSTILE), "start.json": start})
    service.up()
    with Desk(service) as desk, Shelf(desk) as shelf:
        desk.until(lambda: shelf.cards() and buttons(shelf.widget, "Start"), "a card")
        click(shelf.widget, "Start")
        desk.until(lambda: "Failed" in shelf.text(), shelf.text)
        click(shelf.widget, "Details")
        desk.until(lambda: "Its last lines" in shelf.text() and buttons(shelf.widget, "Reinstall"), shelf.text)
        click(shelf.widget, "Uninstall")
        service.lacks(raw_html(shelf.widget), "<script|<img|\u202e(?![^<]*</bdi>)")
        service.has(shelf.text(), "<img src=x>")
        title = by_class(shelf.widget, "pino-app-head")[0].value
        service.equal(len(plain(title)) < 200, True, "a long title is cut")


@case("/notebook/library/empty-then-shown-app")
def empty(service):
    os.makedirs(os.path.join(service.home, "api"))
    service.up()
    with Desk(service, wait=False) as desk, Shelf(desk) as shelf:
        service.has(shelf.text(), "Asking the engine")
        desk.until(lambda: "Nothing is installed yet" in shelf.text(), shelf.text)
        service.has(shelf.text(), "Discover")
        shelf.library.show_app("light")
        service.has(shelf.text(), "light is not here yet")
        made = apps.light(service.folder, "light")
        os.rename(made, os.path.join(service.home, "api", "light"))
        desk.until(shelf.cards, "a card", 30)
        shelf.says("light", "[Hide details]", "[Uninstall]")
        service.lacks(shelf.text(), "not here yet|Nothing is installed")
        click(shelf.widget, "Hide details")
        desk.done(desk.store.start, "light")
        shelf.says("light", "Running")
        service.lacks(shelf.text(), "Uninstall")  # what was folded stays so


@case("/notebook/library/order-and-filter")
def order(service):
    for name in ("delta", "alpha", "charlie", "bravo", "echo", "foxtrot", "golf", "hotel"):
        apps.light(service.home, name)
    apps.fails(service.home, "zulu")
    service.up()
    with Desk(service) as desk, Shelf(desk) as shelf:
        desk.until(lambda: len(shelf.cards()) == 9, "nine cards", 30)
        names = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "zulu"]
        service.equal(shelf.titles(), names, "by name")
        desk.failed(desk.store.start, "zulu")
        desk.done(desk.store.start, "golf")
        desk.until(lambda: shelf.titles() == ["golf", "zulu"] + names[:6] + ["hotel"], shelf.titles)
        filter = [one for one in shown(shelf.widget) if isinstance(one, ipywidgets.Text)][0]
        filter.value = " ALPHA"
        service.equal(shelf.titles(), ["alpha"], "filtered")
        filter.value = "nothing"
        service.has(shelf.text(), "No app here has “nothing” in its name")
        shelf.library.show_app("hotel")
        service.equal((filter.value, shelf.titles()[0]), ("", "hotel"), "the one that was asked for")
        shelf.says("hotel", "[Hide details]")
        service.equal("pino-app-chosen" in shelf.card("hotel")._dom_classes, True, "marked")
        shelf.library.show_app("alpha")
        service.equal("pino-app-chosen" in shelf.card("hotel")._dom_classes, False, "marked no more")
        desk.done(desk.store.stop, "golf")


@case("/notebook/library/state-that-never-rests")
def restless(service):
    apps.light(service.home, "light")
    service.up()
    with Desk(service) as desk, Shelf(desk) as shelf:
        store = desk.store
        shelf.offers("light", "Start")
        desk.passes(1)
        store._put_apps(tuple([store.apps["light"]] + [app_of("app%02d" % number) for number in range(30)]), False)
        desk.until(lambda: len(shelf.cards()) == 31, "cards")
        shelf.click("light", "Details")
        titles, drawn, moved = shelf.titles(), [], []
        shelf.library._list.observe(moved.append, "children")
        shelf.card("light").children[0].observe(lambda change: drawn.append(change), "value")
        asked = []
        menu = store.client.menu
        store.client.menu = lambda app: (asked.append(app), menu(app))[1]
        for number in range(100):
            state = ("RUNNING", "INSTALLED", "ERROR")[number % 3]
            changed = dataclasses.replace(store.apps["light"], state=state)
            store._put_apps(tuple(changed if app.id == "light" else app for app in store.apps.values()), False)
            desk.passes(0.02)
        service.equal(len(drawn) <= 30, True, "drawn %d times in two seconds" % len(drawn))
        service.equal(len(asked) <= 4, True, "its menu was read %d times" % len(asked))
        service.equal((len(moved), shelf.titles()), (0, titles), "cards stay where they are")


@case("/notebook/library/speed")
def speed(service):
    apps.light(service.home, "light")
    service.up()
    with Desk(service) as desk:
        store = desk.store
        desk.done(store.start, "light")
        desk.passes(1)
        many = tuple([store.apps["light"]] + [app_of("app%03d" % number) for number in range(199)])
        store._put_apps(many[:50], False)
        times = []
        for _ in range(5):
            began = time.perf_counter()
            shelf = Shelf(desk)
            times.append(time.perf_counter() - began)
            service.equal(len(shelf.cards()), 50, "cards")
            shelf.library.close()
        fifty = min(times)
        store._put_apps((), False)
        alone = 1.0
        for _ in range(5):
            began = time.perf_counter()
            shelf = Shelf(desk)
            alone = min(alone, time.perf_counter() - began)
            shelf.library.close()
        shelf = Shelf(desk)
        store._put_apps(many, False)
        desk.until(lambda: len(shelf.cards()) == 60, "cards")
        click(shelf.widget, "Show 140 more")
        service.equal(len(shelf.cards()), 200, "cards")
        card = shelf.library._cards["app001"]
        times = []
        for number in range(20):
            state = ("RUNNING", "ERROR")[number % 2]
            store.apps["app001"] = dataclasses.replace(store.apps["app001"], state=state)
            began = time.perf_counter()
            card.update()
            shelf.library._changed()
            times.append(time.perf_counter() - began)
        update = statistics.median(times)
        times = []
        for number in range(10):
            began = time.perf_counter()
            shelf.library._measure()
            times.append(time.perf_counter() - began)
        measure = statistics.median(times)
        began = time.perf_counter()
        card.open()
        opened = time.perf_counter() - began
        figures = [round(1000 * value, 2) for value in (alone, fifty, update, measure, opened)]
        print("# ms: none %g, 50 apps %g, one of 200 changes %g, new figures %g, opened %g" % tuple(figures))
        most = [50, 150, 10, 10, 60]
        service.equal([value < limit * SLOW for value, limit in zip(figures, most)], [True] * 5, "%s" % figures)
        shelf.library.close()


@case("/notebook/library/close-leaves-nothing")
def closes(service):
    apps.light(service.home, "light")
    apps.fails(service.home, "fails")
    service.up()
    with nothing_left(), Desk(service) as desk:
        desk.done(desk.store.start, "light")
        desk.failed(desk.store.start, "fails")
        made = []
        ipywidgets.Widget.on_widget_constructed(made.append)
        try:
            with Shelf(desk) as shelf:
                for name in ("light", "fails"):
                    shelf.offers(name, "Details")
                    shelf.click(name, "Details")
                    shelf.says(name, "[Reinstall]" if name == "fails" else "[Start · running]")
                    shelf.click(name, "Uninstall")
                shelf.click("light", "Hide details"), shelf.click("light", "Details")
                observed = dict(desk.store._topics._observers)
            left = [one for one in made if one.comm is not None]
        finally:
            ipywidgets.Widget.on_widget_constructed(None)
        service.equal([type(one).__name__ for one in left], [], "of %d widgets" % len(made))
        service.equal((bool(observed), desk.store._topics._observers), (True, {}), "observed")
        drawn = len(made)
        desk.done(desk.store.stop, "light")
        desk.passes(0.3)
        service.equal((len(made), len(desk.bridge.troubles)), (drawn, 0), "%s" % list(desk.bridge.troubles))


# What is said, without an engine


@case("/notebook/library/words")
def words(service):
    run = Run(id="1", app="a", script="/h/api/a/sub/start.js", kind="start", state="error", step=1, total=7)
    app = app_of("a", state="ERROR")
    service.equal(what_failed(run, app), "Step 2 of 7 of sub/start.js failed", "a script")
    stopped = dataclasses.replace(run, state="interrupted", step=-1, total=-1)
    service.equal(what_failed(stopped, app), "sub/start.js was interrupted", "no step")
    install = dataclasses.replace(run, operation={"operation": "install"}, script="/h/api/a/pinokio.js")
    service.equal(what_failed(install, app), "The install failed at step 2 of 7", "an operation")
    good = dataclasses.replace(run, state="finished")
    plan = dataclasses.replace(run, kind="plan")
    other = dataclasses.replace(good, kind="other")
    service.equal(failed_run(app, [plan, other, run]), run, "ERROR is told though a script ended well since")
    service.equal(failed_run(app_of("a"), [good, run]), None, "what has gone well since")
    service.equal(failed_run(app_of("a"), [run, good]), run, "the newest")
    now = 1000.0
    ready = dataclasses.replace(run, state="ready", live=True, ready_at=940000, restarts=2, health="down")
    told = "sub/start.js · up 1 min · restarted 2 times · its page does not answer"
    service.equal(doing(app, [ready], now), told, "what runs")
    busy = dataclasses.replace(run, state="running", live=True, started_at=999000, question_count=1)
    service.has(doing(app, [ready, busy], now), r"step 2 of 7 · since .* \(1 s\) · waits for your answer · and 1 more")
    used = head(app_of("a", state="RUNNING"), [ready], Usage(cpu_percent=230.4, rss=1400000000, gpu_memory=6 * 10**9), now)
    service.has(used, "not answering")
    service.has(used, "CPU 230 % · RAM 1.4 GB · VRAM 6.0 GB")
    service.has(head(app_of("a", state="NEW<"), [], None, now), "NEW&lt;")


@case("/notebook/library/addresses")
def where(service):
    local = app_of("a", url="http://127.0.0.1:7860/?x=1")
    service.equal([url for url, _ in addresses(local, {}, None)], ["http://127.0.0.1:7860/?x=1"], "local")
    shared = dataclasses.replace(local, public_url="https://a.example")
    tunnels = {"1": Tunnel(id="1", app="a", public_url="https://a.example", open_url="https://a.example/?pass=1")}
    urls = ["https://a.example/?pass=1", local.url]
    service.equal([url for url, _ in addresses(shared, tunnels, None)], urls, "public first")
    rented = dataclasses.replace(local, platform={"addresses": [{"url": "https://pod.example"}, 7, {"url": None}]})
    service.equal([url for url, _ in addresses(rented, {}, None)], ["https://pod.example", local.url], "rented")
    for asked, found in (
        ("http://localhost:7860/a?b=c#d", "https://a.example/a?b=c#d"),
        ("http://127.0.0.1:7861/a", "http://127.0.0.1:7861/a"),
        ("https://elsewhere.example/", "https://elsewhere.example/"),
        ("http://[broken", "http://[broken"),
        ("http://x:99999999/", "http://x:99999999/"),
    ):
        service.equal(of_a_browser(asked, shared), found, asked)
    service.equal(of_a_browser("http://localhost:7860/a", local), "http://localhost:7860/a", "not shared")


@case("/notebook/library/last-lines")
def last(service):
    for raw, lines in (
        ("one\r\ntwo\r\n\r\n", ("one", "two")),
        ("\x1b]0;title\x07\x1b[1;31mred\x1b[0m\n", ("red",)),
        ("10%\r50%\r100%", ("100%",)),
        ("abcdef\rxy\n", ("xycdef",)),
        ("ab\b\bx\n", ("xb",)),
        ("\u202eevil\x00\x07\n", ("evil",)),
        ("a\tb", ("a       b",)),
        ("", ()),
        ("\x1b[", ()),
        ("\r\r\r\n\b\b\b", ()),
    ):
        service.equal(as_shown(raw), lines, repr(raw))
    many = as_shown("".join("line %d\n" % number for number in range(1000)))
    service.equal((len(many), many[-1]), (12, "line 999"), "the last twelve")
    began = time.monotonic()
    shown = as_shown("x" * 10**6 + "\r" * 10**5 + "\x1b" * 10**4)
    service.equal((len(shown[0]), time.monotonic() - began < 1 * SLOW), (400, True), "an endless line")


@case("/notebook/library/meters")
def meters(service):
    samples = [Sample(1000.0 + 2 * n, 100.0 * (n % 4), n * 10**7, 0, 5 * 10**9, 50) for n in range(120)]
    usage = Usage(app="a", cpu_percent=350.0, rss=1190000000, gpu_memory=5 * 10**9, gpu_percent=50)
    machine = Machine(
        cpus=8, ram=Memory(total=32 * 10**9), gpu=Gpu(vendor="nvidia", cards=(Card(memory_total=24 * 10**9),))
    )
    made = meters_html(usage, samples, machine)
    for text in ("350 % of 800 %", "1.2 GB of 32.0 GB", "5.0 GB of 24.0 GB", "GPU 50 %", "0 to 400 %", "0 to 2.0 GB"):
        service.has(plain(made), text)
    service.equal(made.count("<svg"), 4, "plots")
    service.equal(meters_html(Usage(), samples[:1], None).count("<svg"), 2, "without a GPU")
    service.equal(meters_html(Usage(), [], None).count("<path"), 0, "without a history")
    numbers = [float(n) for line in made.split('points="')[1:] for n in line.split('"')[0].replace(",", " ").split()]
    service.equal((min(numbers) >= 0, max(numbers) <= 120), (True, True), "within the plot")



leave()
