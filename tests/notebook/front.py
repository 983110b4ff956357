#!/usr/bin/env python3
"""What is known of the browser: whether anywidget loads there, and the copy button, before, after, and where it never does."""

import contextlib
import gc
import logging
import sys

from support import case, leave

import ipywidgets
from desk import Main
from pinokiocloud.host import COLAB, JUPYTERLAB, Host
from pinokiocloud.ui import parts
from pinokiocloud.ui.front import Front

logging.disable(logging.CRITICAL)


@contextlib.contextmanager
def without_anywidget():
    kept = {name: sys.modules[name] for name in list(sys.modules) if name.split(".")[0] == "anywidget"}
    for name in kept:
        del sys.modules[name]
    sys.modules["anywidget"] = None
    try:
        yield
    finally:
        del sys.modules["anywidget"]
        sys.modules.update(kept)


def instances():
    found = getattr(ipywidgets.widgets.widget, "_instances", None)
    return set(ipywidgets.Widget.widgets if found is None else found)


def says(front, content):
    """As a message from a browser."""
    front._asker._handle_custom_msg(content, [])


def is_shown(widget):
    return widget.layout.display != "none"


@case("/notebook/front/not-installed")
def missing(service):
    with without_anywidget(), Main() as main:
        front = Front(main.bridge, Host(JUPYTERLAB))
        front.observe(lambda: 1 / 0)
        box = front.copy("text")
        main.passes(0.7)
        service.equal((front.loads, is_shown(box), box.children, front.probe.children), (False, False, (), ()), "all plain")
        front.close()


@case("/notebook/front/answers")
def answers(service):
    before = instances()
    with Main() as main:
        front, told = Front(main.bridge, Host(JUPYTERLAB)), []
        front.observe(lambda: 1 / 0)  # one observer's error is not the others'
        front.observe(lambda: told.append("told"))
        ended = front.observe(lambda: told.append("ended"))
        ended.close()
        ended.close()
        early = front.copy("early <b>")
        early.text = "changed"
        gone = front.copy("gone")
        parts.close_all(gone)
        for content in (None, [], "ready", {}, {"ready": 1}, {"kind": "ready"}):
            says(front, content)
        service.equal((front.loads, told, is_shown(early)), (False, [], False), "before the answer")
        says(front, {"ready": True})
        says(front, {"ready": True})
        service.equal((front.loads, told, is_shown(early)), (True, ["told"], True), "after it")
        service.equal(early.children[0].text, "changed", "what it copies")
        early.text = "again"
        service.equal(early.children[0].text, "again", "what it copies then")
        late = front.copy("late")
        service.equal((is_shown(late), late.children[0].text), (True, "late"), "one that is made later")
        service.equal((front.probe.children, gone.children), ((), ()), "nothing is shown for the question alone")
        service.equal([type(error) for error in main.bridge.troubles], [ZeroDivisionError], "the error is told")
        for box in (early, late):
            parts.close_all(box)
        front.close()
        front.close()
        main.bridge.troubles.clear()
    del early, late, gone, box
    gc.collect()
    left = [one for one in instances() - before]
    service.equal(left, [], "widgets left")


@case("/notebook/front/colab-makes-what-is-shown")
def colab(service):
    with Main() as main:
        front = Front(main.bridge, Host(COLAB))
        service.equal(front.probe.children, (), "at first: the interface must not depend on it")
        main.until(lambda: front.probe.children, "it is shown")
        service.equal(front.probe.layout.display, "none", "out of sight")
        front.close()


@case("/notebook/front/ended-before-the-answer")
def ended(service):
    with Main() as main:
        front, told = Front(main.bridge, Host(COLAB)), []
        front.observe(lambda: told.append(1))
        asker = front._asker
        front.close()
        asker._handle_custom_msg({"ready": True}, [])
        main.passes(0.7)
        service.equal(told, [], "nobody is told")


if __name__ == "__main__":
    leave()
