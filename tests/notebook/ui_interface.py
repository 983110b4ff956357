#!/usr/bin/env python3
"""The interface as a whole: what leads from one tab to another, what is there for whom, and that nothing of it stays."""

import contextlib
import io
import logging

from support import case, leave, nothing_left

import apps
import hands
import ipywidgets
from desk import Main, environment
from pinokiocloud import PinokioEngine
from pinokiocloud import host as hosts
from pinokiocloud import shown
from pinokiocloud.ui.layout import DISCOVER, LIBRARY, TERMINAL, TITLES, TUNNELS, Interface

logging.disable(logging.CRITICAL)


class Face(Main):
    """An interface over the case's engine, on a kernel's main thread."""

    def __init__(self, service, engine):
        super().__init__()
        self.bridge.close()  # the interface has its own
        self.interface = self.on_loop(lambda: Interface(engine))
        self.bridge = self.interface.bridge
        self.store = self.interface.store
        self.until(lambda: self.store.connected, lambda: self.store.why_not)

    def text(self):
        return hands.shown_text(self.interface.widget)

    def says(self, text, seconds=20):
        self.until(lambda: text in self.text(), lambda: "%r in:\n%s" % (text, self.text()), seconds)

    def title(self, number):
        tab = self.interface.tab
        return tab.get_title(number)

    def click(self, label):
        return hands.click(self.interface.widget, label)

    def close(self):
        self.interface.close()
        self.loop.close()


@contextlib.contextmanager
def faces(service, count=1):
    with environment(service), contextlib.ExitStack() as stack:
        engine = stack.enter_context(PinokioEngine(home=service.home, binary=service.stage.engine))
        yield [stack.enter_context(Face(service, engine)) for _ in range(count)]


def instances():
    found = getattr(ipywidgets.widgets.widget, "_instances", None)
    return set(ipywidgets.Widget.widgets if found is None else found)


def names(widgets):
    table = getattr(ipywidgets.widgets.widget, "_instances", None) or ipywidgets.Widget.widgets
    return sorted("%s %s" % (type(table[id]).__name__, getattr(table[id], "description", "")) for id in widgets)


@case("/notebook/ui/interface/first-time")
def first_time(service):
    with faces(service) as (face,):
        service.equal([face.title(number) for number in range(5)], list(TITLES), "tabs")
        service.equal(face.interface.tab.selected_index or DISCOVER, DISCOVER, "the first tab")
        service.equal([page.opened for page in face.interface.pages], [True] + 4 * [False], "made so far")
        face.says("Discover has the apps.")
        face.says("284 apps")
        face.says("Engine connected")
        for number in range(5):
            face.interface.tab.selected_index = number
            service.equal(face.interface.pages[number].opened, True, "tab %d" % number)
        face.click("Got it")
        service.lacks(face.text(), "Discover has the apps")
        service.equal(list(face.bridge.troubles), [], "troubles")


@case("/notebook/ui/interface/hint-goes-when-an-app-is-there")
def hint_goes(service):
    with faces(service) as (face,):
        face.says("Discover has the apps.")
        apps.light(service.home, "light")
        face.until(lambda: "light" in face.store.apps, "the app is known")
        face.until(lambda: "Discover has the apps" not in face.text(), "the hint has gone")


@case("/notebook/ui/interface/who-comes-back-finds-what-runs")
def comes_back(service):
    apps.light(service.home, "light")
    service.up()
    service.ready("light")
    with faces(service) as (face,):
        face.until(lambda: face.interface.tab.selected_index == LIBRARY, "My Library is chosen")
        face.until(lambda: face.title(LIBRARY) == "My Library (1)", lambda: face.title(LIBRARY))
        face.says("light")
        service.stop("light")
        face.until(lambda: face.title(LIBRARY) == "My Library", lambda: face.title(LIBRARY))


@case("/notebook/ui/interface/from-tab-to-tab")
def tab_to_tab(service):
    apps.light(service.home, "light")
    service.up()
    run = service.ready("light")["id"]
    with faces(service) as (face,):
        interface = face.interface
        interface.show_run(run)
        service.equal(interface.tab.selected_index, TERMINAL, "tab")
        interface.show_tunnels("light")
        service.equal(interface.tab.selected_index, TUNNELS, "tab")
        interface.configure("light")
        service.equal(interface.tab.selected_index, LIBRARY, "tab")
        face.says("PINOKIO_SHARE_CLOUDFLARE")
        library = interface.pages[LIBRARY].part.widget
        service.equal(library in list(hands.shown(interface.widget)), False, "the library is seen meanwhile")
        face.passes(0.5)
        before = len(instances())
        for _ in range(3):  # an eager finger
            interface.configure("light")
        face.says("PINOKIO_SHARE_CLOUDFLARE")
        face.passes(0.5)
        service.equal(abs(len(instances()) - before) < 20, True, "widgets: %d, before %d" % (len(instances()), before))
        interface.show_app("light")
        service.equal(library in list(hands.shown(interface.widget)), True, "the library is seen again")
        service.lacks(face.text(), "PINOKIO_SHARE_CLOUDFLARE")
        service.equal(list(face.bridge.troubles), [], "troubles")


@case("/notebook/ui/interface/two-on-one-engine")
def two(service):
    apps.light(service.home, "light")
    with faces(service, 2) as (one, other):
        for face in (one, other):
            face.interface.show_app("light")
        run = service.ready("light")["id"]
        for face in (one, other):
            face.until(lambda: face.title(LIBRARY) == "My Library (1)", "both know that it runs")
        one.store.stop_run(run)
        for face in (one, other):
            face.until(lambda: face.title(LIBRARY) == "My Library", "both know that it ended")


@case("/notebook/ui/interface/engine-killed-and-started-by-a-click")
def killed(service):
    with faces(service) as (face,):
        face.says("Engine connected")
        service.kill()
        face.until(lambda: not face.store.connected, "noticed", 2)
        face.says("[Start the engine]")
        service.equal("Engine connected" in face.text(), False, "said")
        face.click("Start the engine")
        face.until(lambda: face.store.connected, "connected again")
        face.says("Engine connected")
    service.down()


@case("/notebook/ui/interface/close-leaves-nothing")
def leaves_nothing(service):
    apps.light(service.home, "light")
    service.up()
    service.ready("light")
    before = instances()
    with nothing_left():
        with faces(service) as (face,):
            for number in range(5):
                face.interface.tab.selected_index = number
                face.passes(0.3)
            face.interface.configure("light")
            face.passes(0.3)
    service.equal(names(instances() - before), [], "widgets that stay")


@case("/notebook/ui/interface/shown-twice-is-there-once")
def shown_twice(service):
    with environment(service), PinokioEngine(home=service.home, binary=service.stage.engine) as engine:
        engine.host = hosts.Host(hosts.JUPYTERLAB)
        main = Main()
        before = instances()
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            main.on_loop(lambda: shown.show(engine))
            first = shown.Shown.interface
            main.passes(0.3)
            main.on_loop(lambda: shown.show(engine))
        second = shown.Shown.interface
        service.equal(first is second, False, "the same")
        main.until(lambda: second.store.connected, "connected")
        service.equal(first.widget.comm, None, "the first is closed")
        shown.close()
        main.close()
        service.equal(names(instances() - before), [], "widgets that stay")
        bundle = shown._bundle(ipywidgets.HTML(), "text")
        service.equal(bundle["text/plain"], "text", "for a front end without widgets")


leave()
