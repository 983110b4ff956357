#!/usr/bin/env python3
"""The line about the machine: what it says of what, of nothing that is known, and of an engine that goes and comes."""

import logging
import re
import threading
import time

from support import case, leave, nothing_left

import hands
import ipywidgets
from desk import Desk, environment
from pinokiocloud.machine import Machine
from pinokiocloud.ui import status
from pinokiocloud.ui.status import StatusLine

logging.disable(logging.CRITICAL)

GB = 10**9


def instances():
    found = getattr(ipywidgets.widgets.widget, "_instances", None)
    return set(ipywidgets.Widget.widgets if found is None else found)


class Line:
    def __init__(self, desk):
        self.desk, self.store = desk, desk.store
        self.part = desk.on_loop(lambda: StatusLine(desk.store, desk.bridge))
        self.widget = self.part.widget

    def text(self):
        return hands.shown_text(self.widget)

    def says(self, pattern, seconds=20):
        self.desk.until(lambda: re.search(pattern, self.text()), lambda: "%r in:\n%s" % (pattern, self.text()), seconds)


def words(machine, resources):
    """What is said of a machine and of what was measured, with the colour where there is one."""
    found = status._items(Machine.from_json(machine) if machine is not None else None, resources)
    return {what: value + (" [%s]" % kind if kind else "") for what, value, kind in found}


@case("/notebook/ui/status/of-this-machine")
def here(service):
    service.up()
    before = instances()
    with nothing_left(), Desk(service) as desk:
        line = Line(desk)
        line.says("Engine connected")
        line.says(r"Disk [0-9.]+ [GT]B of [0-9.]+ [GT]B free")
        line.says(r"RAM [0-9.]+ GB of [0-9.]+ GB free")
        desk.until(lambda: desk.store.machine, "the machine")
        line.says("^On " + re.escape(desk.store.machine.platform.name))
        line.says("GPU ")
        line.says("Network (online|offline|was not tried)")
        service.equal(hands.buttons(line.widget, "Start"), [], "no button to start what runs")
        line.says(r"\[Advice")
        hands.buttons(line.widget, "Advice")[0].click()
        line.says(r"Seen at \d\d:\d\d:\d\d")
        shown = [one for one in desk.store.machine.advice if one.weight in ("must", "warning")]
        for advice in shown:
            service.has(" ".join(line.text().split()), re.escape(" ".join(advice.text.split())))
        pressed = hands.click(line.widget, "Look again")
        service.equal((pressed.description, pressed.disabled), ("Looking …", True), "heard at once")
        desk.until(lambda: pressed.description == "Look again", "it was looked again")
        line.part.close()
        line.part.close()
        service.equal(instances() - before, set(), "widgets left")


@case("/notebook/ui/status/asked-again-never-twice-at-once")
def again(service):
    service.up()
    before, status.EVERY_S = status.EVERY_S, 0.05
    try:
        with Desk(service) as desk:
            real, now, most, count = desk.store.client.resources, [0], [0], [0]
            held = threading.Event()
            lock = threading.Lock()

            def slow():
                with lock:
                    now[0], count[0] = now[0] + 1, count[0] + 1
                    most[0] = max(most[0], now[0])
                held.wait(0.2)
                with lock:
                    now[0] -= 1
                return real()

            desk.store.client.resources = slow
            line = Line(desk)
            desk.until(lambda: count[0] >= 3, "it is asked again")
            service.equal(most[0], 1, "at once")
            held.set()
            line.part.close()
            asked = count[0]
            desk.passes(0.3)
            service.equal(count[0] - asked <= 1, True, "asked after close()")
    finally:
        status.EVERY_S = before


@case("/notebook/ui/status/engine-gone-and-started-by-a-click")
def gone(service):
    service.up()
    with environment(service), nothing_left(), Desk(service) as desk:
        line = Line(desk)
        line.says("Engine connected")
        service.kill()
        line.says("Engine not connected: .+")
        line.says(r"\[Start the engine\]")
        pressed = hands.click(line.widget, "Start the engine")
        service.equal((pressed.description, pressed.disabled), ("Starting …", True), "heard at once")
        line.says("Engine connected")
        service.equal(hands.buttons(line.widget, "Start"), [], "the button is gone")
        line.part.close()


@case("/notebook/ui/status/an-engine-that-cannot-be-started")
def cannot(service):
    service.up()
    with environment(service), Desk(service) as desk:
        line = Line(desk)
        line.says("Engine connected")
        service.kill()
        line.says(r"\[Start the engine\]")
        desk.engine._named = "/no/such/<b>program"
        hands.click(line.widget, "Start the engine")
        line.says("/no/such/<b>program")
        service.equal("<b>program" in hands.raw_html(line.widget), False, "it is escaped")
        service.equal(hands.button(line.widget, "Start the engine").disabled, False, "it can be tried again")
        line.part.close()


@case("/notebook/ui/status/what-is-said-of-other-machines")
def others(service):
    unknown = words(None, None)
    service.equal(
        unknown,
        {
            "On": "a machine that is not known yet",
            "GPU": "not known yet",
            "Disk": "not known yet",
            "RAM": "not known yet",
            "Network": "not known yet",
        },
        "of nothing",
    )
    service.equal(words({}, {"gpus": [], "machine": None})["GPU"], "none", "no GPU")
    card = {"index": 0, "name": "Tesla T4", "memory_total": 15 * GB, "memory_used": 3 * GB, "utilisation": 0}
    colab = {
        "platform": {"id": "colab", "name": "Google Colab"},
        "gpu": {"vendor": "nvidia", "cards": [card]},
        "network": {"tried": True, "online": True, "names": True, "proxies": ["https_proxy=http://me:secret@proxy:1"]},
        "disks": {"home": {"path": "/content", "total": 100 * GB, "free": 50 * GB}},
        "ram": {"total": 13 * GB, "available": 11 * GB},
    }
    service.equal(
        words(colab, None),
        {
            "On": "Google Colab",
            "GPU": "Tesla T4: 12.0 GB of 15.0 GB free, 0 % busy",
            "Disk": "50.0 GB of 100 GB free",
            "RAM": "11.0 GB of 13.0 GB free",
            "Network": "online, through a proxy (https_proxy)",
        },
        "Colab before anything was measured",
    )
    measured = {
        "machine": {
            "memory": {"total": 13 * GB, "available": 1 * GB},
            "disks": [{"path": "/", "total": 90 * GB, "free": 2 * GB}],
        },
        "gpus": [dict(card, memory_used=14 * GB, utilisation=98)],
    }
    now = words(colab, measured)
    service.equal(now["GPU"], "Tesla T4: 1.0 GB of 15.0 GB free, 98 % busy", "GPU now")
    service.equal(now["Disk"], "2.0 GB of 90.0 GB free, that is little [warn]", "disk now")
    service.equal(now["RAM"], "1.0 GB of 13.0 GB free", "RAM now")
    for gpus, wanted in (
        ([dict(card, memory_used=None, utilisation=None)], "Tesla T4: 15.0 GB, how much is free is not known"),
        ([dict(card, memory_total=None, name=None, vendor="amd")], "amd: its memory is not known, 0 % busy"),
    ):
        service.equal(words({}, {"gpus": gpus})["GPU"], wanted, "a card that does not tell all")
    eight = words({}, {"gpus": [dict(card, utilisation=at) for at in range(8)]})
    service.equal(eight["GPUs"], "8 × Tesla T4: 96.0 GB of 120 GB free, the busiest 7 % busy", "eight cards")
    service.equal(
        words({}, {"gpus": [], "gpu_trouble": "no <driver>"})["GPU"], "none can be used: no <driver> [warn]", "trouble"
    )
    for network, wanted in (
        ({"online": None}, "was not tried"),
        ({"online": False}, "offline [bad]"),
        ({"online": True, "names": False}, "online, but names of hosts cannot be looked up (DNS) [warn]"),
    ):
        service.equal(words({"network": network}, None)["Network"], wanted, "network")
    for home, wanted in (
        ({"path": "/x", "error": "no <such> disk"}, "not known: no <such> disk"),
        ({"path": "/x", "total": 9, "free": 9, "read_only": True}, "can only be read [bad]"),
    ):
        service.equal(words({"disks": {"home": home}}, None)["Disk"], wanted, "disk")
    broken = {"machine": {"memory": 7, "disks": [1, None]}, "gpus": [None, 3, {}]}
    service.equal(words({}, broken)["GPU"], "without a name: its memory is not known", "an answer that is damaged")
    service.equal("<driver>" in status._item(("GPU", "no <driver>", "warn")), False, "it is escaped")


@case("/notebook/ui/status/made-within-50-ms")
def quick(service):
    service.up()
    with Desk(service) as desk:
        Line(desk).part.close()
        began = time.perf_counter()
        line = Line(desk)
        took = time.perf_counter() - began
        print("# made in %.1f ms" % (1000 * took))
        service.equal(took < 0.25, True, "%g s" % took)
        line.part.close()


if __name__ == "__main__":
    leave()
