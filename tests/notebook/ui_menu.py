#!/usr/bin/env python3
"""An app's own menu as buttons: nested, with links and inputs, broken, long, hostile, and when its runs change."""

import json
import logging
import os
import random
import time

from support import SLOW, case, leave, nothing_left

import apps
from desk import Desk
from hands import button, buttons, by_class, click, raw_html, shown_text, tree
from pinokiocloud.model import App
from pinokiocloud.ui.menu import AppMenu
from pinokiocloud.ui.menuitems import GROUP, LINK, SCRIPT, TEXT, count, find_input, read_menu

logging.disable(logging.CRITICAL)

HOSTILE = '<script>alert(1)</script>"\'&\u202egnp.exe \U0001f680' + "x" * 300
APP = App(id="a", name="a", state="RUNNING", path="/h/api/a", url="http://127.0.0.1:7860", public_url="https://a.example")


class Opened:
    """The menu of one app, opened."""

    def __init__(self, desk, app):
        self.desk, self.app = desk, app
        self.runs, self.failed = [], []
        self.menu = AppMenu(desk.store, desk.bridge, app, self.runs.append, self.failed.append)
        self.observation = desk.store.observe("app:" + app, self.update)
        self.update()

    def update(self):
        store = self.desk.store
        if self.app in store.apps:
            self.menu.enable(store.connected)
            self.menu.update(store.apps[self.app], [run for run in store.runs.values() if run.app == self.app])

    @property
    def widget(self):
        return self.menu.widget

    def says(self, *texts):
        self.desk.until(
            lambda: all(text in shown_text(self.widget) for text in texts),
            lambda: "%s in\n%s" % (texts, shown_text(self.widget)),
        )

    def labels(self):
        return [one.description for one in buttons(self.widget)]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.observation.close()
        self.menu.close()


def with_menu(service, name, menu, **files):
    """An app whose menu is that JavaScript."""
    launcher = "module.exports = { title: %s, menu: %s }" % (json.dumps(name), menu)
    start = apps.script(apps.shell("echo up; exec sleep 1000000", on=[{"event": "/up/", "done": True}]), daemon=True)
    made = {"pinokio.js": launcher, "start.json": start, "keep.json": apps.script(KEEP)}
    return apps.app(service.home, name, dict(made, **files))


KEEP = {"method": "fs.write", "params": {"path": "given", "json": "{{args}}"}}
PLAIN = """async (kernel, info) => [
  { default: true, icon: 'fa-solid fa-play', text: 'Start', href: 'start.json' },
  { text: 'Keep', href: 'keep.json?a=1&b=two', params: { c: [3], model: 'x' }, description: 'keeps <i>it</i>' },
  { text: 'Off', href: 'start.json', disabled: true },
  { text: 'Sure', href: 'keep.json?sure=yes', confirm: 'All of it?', style: 'danger' },
  { text: 'Docs', href: 'https://docs.example/?a=1&b=2' },
  { text: 'Bad', href: 'javascript:alert(1)' },
  { icon: 'fa-solid fa-gear', text: 'Models', menu: [
    { text: 'Small', href: 'keep.json?size=small' },
    { text: 'More', menu: [{ text: 'Huge', href: 'keep.json?size=huge' }] }
  ] },
  { text: 'Shell', shell: { message: 'nvidia-smi' } },
  { text: 'Folder', href: 'outputs', fs: true }
]"""


@case("/notebook/menu/items")
def items(service):
    folder = with_menu(service, "plain", PLAIN)
    service.up()
    with nothing_left(), Desk(service) as desk, Opened(desk, "plain") as opened:
        service.has(shown_text(opened.widget), "Reading the app's menu")
        opened.says("[Start]", "[Keep]", "[Small]", "[Huge]", "Models", "More", "nvidia-smi", "outputs")
        service.has(raw_html(opened.widget), 'href="https://docs.example/\\?a=1&amp;b=2" target="_blank" rel="noopener')
        service.lacks(raw_html(opened.widget), 'href="javascript')
        start, keep = button(opened.widget, "Start"), button(opened.widget, "Keep")
        service.equal((start.icon, "pino-menu-default" in start._dom_classes), ("play", True), "the default")
        service.equal((keep.tooltip, "pino-menu-default" in keep._dom_classes), ("keeps <i>it</i>", False), "another")
        service.equal(button(opened.widget, "Off").disabled, True, "disabled")
        outer, inner = by_class(opened.widget, "pino-menu-group")
        service.equal((inner in outer.children, button(inner, "Huge") is not None), (True, True), "groups in groups")
        for label, given in (
            ("Keep", {"a": "1", "b": "two", "c": [3], "model": "x"}),
            ("Huge", {"size": "huge"}),
        ):
            runs = len(desk.store.runs)
            service.equal(click(opened.widget, label).description, label + " …", "heard at once")
            desk.until(lambda: len(desk.store.runs) == runs + 1, "a run")
            desk.until(lambda: not any(run.live for run in desk.store.runs.values()), "it ends")
            service.equal(json.loads(apps.read(folder, "given")), given, "what the script got")
            desk.until(lambda: label in opened.labels(), lambda: "%s is free: %s" % (label, opened.labels()))
        click(opened.widget, "Sure")
        service.has(shown_text(opened.widget), "Sure: All of it\\?")
        click(opened.widget, "No")
        service.equal(len(desk.store.runs), 2, "nothing was done")
        click(opened.widget, "Sure"), click(opened.widget, "Yes")
        desk.until(lambda: len(desk.store.runs) == 3, "a run")
        service.equal(opened.failed, [], "failed")


@case("/notebook/menu/runs-change")
def changes(service):
    menu = """async (kernel, info) => info.running('start.json')
      ? [{ text: 'Terminal', href: 'start.json' }, { default: true, text: 'Open', href: 'http://127.0.0.1:1/' }]
      : [{ text: 'Start', href: 'start.json' }, { text: 'Keep', href: 'keep.json' }]"""
    with_menu(service, "app", menu)
    service.up()
    with Desk(service) as desk, Opened(desk, "app") as opened:
        opened.says("[Start]", "[Keep]")
        first = button(opened.widget, "Start")
        for _ in range(5):
            first.click()
        opened.says("[Terminal · running]", "Open")
        service.equal(opened.labels(), ["Terminal · running"], "another menu")
        service.equal(len([run for run in desk.store.runs.values()]), 1, "one run of five clicks")
        desk.until(lambda: not button(opened.widget, "Terminal · running").disabled, "it is free")
        service.equal(button(opened.widget, "Terminal · running") is first, True, "the same button")
        click(opened.widget, "Terminal · running")
        service.equal(opened.runs, [next(iter(desk.store.runs))], "its output is shown")
        desk.done(desk.store.stop, "app")
        opened.says("[Start]", "[Keep]")


@case("/notebook/menu/that-breaks")
def breaks(service):
    folder = with_menu(service, "bad", "() => { throw new Error('no such thing <b>' + 'y'.repeat(500)) }")
    with_menu(service, "hangs", "() => { while (true); }")
    service.up()
    with Desk(service) as desk, Opened(desk, "bad") as opened:
        opened.says("no such thing <b>" + "y" * 500, "[Read it again]")
        service.lacks(raw_html(opened.widget), "thing <b>")
        desk.done(desk.store.start, "bad", "start.json")
        service.equal(desk.state("bad"), "RUNNING", "the rest goes on")
        desk.passes(1.5)  # until it was read again because of the start
        with open(os.path.join(folder, "pinokio.js"), "w", encoding="utf-8") as file:
            file.write("module.exports = { menu: [{ text: 'Mended', href: 'keep.json' }] }")
        desk.until(lambda: not button(opened.widget, "Read it again").disabled, "it can be read again")
        click(opened.widget, "Read it again")
        opened.says("[Mended]")
        service.lacks(shown_text(opened.widget), "no such thing|Read it again")
        with Opened(desk, "hangs") as other:
            other.says("Reading the app's menu")
            opened.says("[Mended]")
            other.says("[Read it again]")
            desk.passes(0.1)


@case("/notebook/menu/start-that-is-refused")
def refused(service):
    with_menu(service, "app", "[{ text: 'None', href: 'none.json' }]")
    service.up()
    with Desk(service) as desk, Opened(desk, "app") as opened:
        opened.says("[None]")
        click(opened.widget, "None")
        desk.until(lambda: opened.failed, "it is told")
        service.has(str(opened.failed[0]), "there is no script")
        desk.until(lambda: opened.labels() == ["None"], "it is free again")


@case("/notebook/menu/two-hundred-items")
def many(service):
    menu = "Array.from({ length: 200 }, (all, n) => ({ text: 'Item ' + n, href: 'keep.json?n=' + n }))"
    folder = with_menu(service, "long", menu)
    service.up()
    with Desk(service) as desk, Opened(desk, "long") as opened:
        opened.says("[Item 0]", "[Item 59]", "[Show 140 more]")
        service.equal(len(list(tree(opened.widget))) < 80, True, "widgets")
        began = time.perf_counter()
        click(opened.widget, "Show 140 more")
        took = time.perf_counter() - began
        service.equal((len(opened.labels()), took < 0.5 * SLOW), (200, True), "all of them, in %g s" % took)
        click(opened.widget, "Item 199")
        desk.until(lambda: apps.read(folder, "given").strip(), "it runs")
        service.equal(json.loads(apps.read(folder, "given")), {"n": "199"}, "input")
        desk.until(lambda: not any(run.live for run in desk.store.runs.values()), "it ends")


@case("/notebook/menu/hostile")
def hostile(service):
    text = json.dumps(HOSTILE)
    menu = "[{ text: %s, href: 'keep.json', icon: '\"><script>' }, { text: %s, href: 'https://x.example/\"><b>' }, " % (
        text,
        text,
    )
    menu += "{ text: %s, menu: [null, 7, [], {}, { text: 5 }, { href: {} }, { menu: 'x' }] }, { text: 'ok', href: 'a.html' }]" % text
    with_menu(service, "evil", menu)
    service.up()
    with Desk(service) as desk, Opened(desk, "evil") as opened:
        opened.says("a.html")
        service.lacks(raw_html(opened.widget), '<script|"><b>|\u202e')
        first = buttons(opened.widget)[0]
        service.equal((len(first.description) <= 90, "\u202e" in first.description, first.icon), (True, False, ""), "label")


@case("/notebook/menu/values-of-any-kind")
def fuzz(service):
    random.seed(7)
    words = ["text", "href", "menu", "_label", "_script", "_url", "_input", "_icon", "default", "fs", "shell", "run", "style"]
    leaves = ["", "x", "/h/api/a/start.js", "http://[", "https://a.example", None, True, 7, 1.5, {}, [], {"message": []}]

    def item(depth):
        made = {word: random.choice(leaves) for word in random.sample(words, random.randrange(len(words)))}
        if depth < 8 and random.random() < 0.5:
            made["menu"] = [item(depth + 1) for _ in range(random.randrange(4))]
        return made if random.random() < 0.95 else random.choice(leaves)

    for _ in range(2000):
        menu = {"items": [item(0) for _ in range(random.randrange(5))]}
        for entry in read_menu(menu, APP, {"a": APP}):
            service.equal(entry.kind in (SCRIPT, LINK, GROUP, TEXT), True, "kind of %r" % (entry,))
        find_input(menu, "/h/api/a/start.js")
    for menu in (None, [], {}, {"items": None}, {"items": {}}, "x"):
        service.equal((read_menu(menu, APP, {}), find_input(menu, "x")), ((), {}), repr(menu))
    deep = {"text": "end", "href": "x"}
    for _ in range(500):
        deep = {"text": "deeper", "menu": [deep]}
    service.equal(count(read_menu({"items": [deep]}, APP, {})) < 10, True, "depth")
    service.equal(count(read_menu({"items": [{"text": "x"}] * 10**5}, APP, {})), 1000, "entries")


@case("/notebook/menu/what-an-entry-is")
def entries(service):
    other = App(id="b", path="/h/api/b")

    def entry(**item):
        return read_menu({"items": [item]}, APP, {"a": APP, "b": other})[0]

    found = entry(_label="Start", _script="/h/api/a/start.js", _input={"a": 1}, _icon="fa-solid fa-power-off fa-spin")
    service.equal((found.kind, found.app, dict(found.input), found.icon), (SCRIPT, "a", {"a": 1}, "power-off"), "script")
    service.equal(entry(_label="Of b", _script="/h/api/b/x.json").app, "b", "another app's")
    service.equal(entry(_label="Of nobody", _script="/elsewhere/x.json").kind, TEXT, "nobody's")
    service.equal(entry(_label="File", _script="/h/api/a/README.md").kind, TEXT, "no script")
    found = entry(_label="Open", _url="http://127.0.0.1:7860/lab?x=1")
    service.equal((found.kind, found.url), (LINK, "https://a.example/lab?x=1"), "where a browser reaches it")
    service.equal(entry(_script="/h/api/a/sub/x.js").label, "x.js", "without a label")
    again = {"_script": "/h/api/a/start.js", "_input": {"a": 1}}
    service.equal(find_input({"items": [{"menu": [again]}, again]}, "/h/api/a/start.js"), {"a": 1}, "input")
    service.equal(find_input({"items": [dict(again, _input={}), again]}, "/h/api/a/start.js"), {}, "of several")


leave()
