#!/usr/bin/env python3
"""The tab of settings: every setting set and put back, secrets never shown, an order moved, and the engine itself."""

import logging
import re

from support import case, leave, nothing_left

import apps
import hands
import ipywidgets
from desk import Desk, environment
from pinokiocloud.ui.settings import Settings, idle_words

logging.disable(logging.CRITICAL)

TOKEN = "2abcdefghijklmnopqrstuvwxyz_3ABCDEFGHIJKLMNOPQRST"


def instances():
    found = getattr(ipywidgets.widgets.widget, "_instances", None)
    return set(ipywidgets.Widget.widgets if found is None else found)


class Tab:
    def __init__(self, desk):
        self.desk, self.store = desk, desk.store
        self.part = desk.on_loop(lambda: Settings(desk.store, desk.bridge))
        self.widget = self.part.widget

    def text(self, widget=None):
        return hands.shown_text(widget or self.widget)

    def says(self, pattern, widget=None, seconds=20):
        there = lambda: re.search(pattern, self.text(widget))  # noqa: E731
        self.desk.until(there, lambda: "%r in:\n%s" % (pattern, self.text(widget)), seconds)

    def unfold(self):
        for one in hands.buttons(self.widget, "▸"):
            one.click()

    def row(self, key):
        """The widget of a setting."""
        named = re.compile(r"(^|\s)%s(\s|$)" % re.escape(key))
        found = [one for one in hands.by_class(self.widget, "pino-setting") if named.search(hands.shown_text(one))]
        if len(found) != 1:
            raise AssertionError("%d rows of %s" % (len(found), key))
        return found[0]

    def field(self, key, kind):
        return [one for one in hands.shown(self.row(key)) if type(one) is kind][0]


def value_of(service, key):
    rows = service.api().get("/v1/settings").ok().json()
    return [(row["value"], row["set"]) for row in rows if row["key"] == key][0]


@case("/notebook/ui/settings/all-are-there-in-groups")
def all_there(service):
    service.up()
    before = instances()
    with nothing_left(), Desk(service) as desk:
        tab = Tab(desk)
        service.equal(len(hands.by_class(tab.widget, "pino-setting")), 5, "of the first group")
        tab.unfold()
        text = tab.text()
        for setting in desk.store.settings.values():
            tab.row(setting.key)
            service.has(text, re.escape(setting.description))
        service.equal(len(hands.by_class(tab.widget, "pino-setting")), len(desk.store.settings), "settings")
        service.has(text, "Public addresses[\\s\\S]*When nothing goes on[\\s\\S]*Apps")
        tab.part.close()
        service.equal(instances() - before, set(), "widgets left")


@case("/notebook/ui/settings/numbers-texts-and-choices")
def kinds(service):
    service.up()
    with Desk(service) as desk:
        tab = Tab(desk)
        tab.unfold()
        field = tab.field("tunnel.check_s", ipywidgets.Text)
        service.equal(hands.buttons(tab.row("tunnel.check_s"), "Default"), [], "no way back from the default")
        for wrong in ("0", "3601", "ten", "1.5", ""):
            field.value = wrong
            tab.says("is not a whole number from 1 to 3600", tab.row("tunnel.check_s"))
            field.value = "30"
        field.value = "31"
        tab.says("Saved: 31", tab.row("tunnel.check_s"))
        service.equal(value_of(service, "tunnel.check_s"), (31, True), "at the engine")
        service.has(tab.text(tab.row("tunnel.check_s")), "set by you")
        hands.click(tab.row("tunnel.check_s"), "Default")
        tab.says("Back to 30", tab.row("tunnel.check_s"))
        service.equal((value_of(service, "tunnel.check_s"), field.value), ((30, False), "30"), "put back")
        field.value = "nothing of it"
        hands.click(tab.row("tunnel.check_s"), "Save")
        tab.says("“nothing of it” is not a whole number", tab.row("tunnel.check_s"))
        ssh = tab.field("tunnel.ssh", ipywidgets.Text)
        ssh.value = "-oProxyCommand=<b>x"
        tab.says("tunnel.ssh cannot be '-oProxyCommand=<b>x'", tab.row("tunnel.ssh"))
        service.equal("<b>x" in hands.raw_html(tab.widget), False, "it is escaped")
        service.equal(ssh.value, "-oProxyCommand=<b>x", "what was typed stays, to be mended")
        ssh.value = "me@example.org:22"
        tab.says("Saved: me@example.org:22", tab.row("tunnel.ssh"))
        choice = tab.field("tunnel.auto", ipywidgets.Dropdown)
        service.equal(choice.options, ("cloud", "always", "never"), "choices")
        choice.value = "never"
        tab.says("Saved: never", tab.row("tunnel.auto"))
        choice.value = "always"  # and one right after the other
        choice.value = "cloud"
        desk.until(
            lambda: value_of(service, "tunnel.auto") == ("cloud", True), lambda: value_of(service, "tunnel.auto")
        )
        service.api().put(["v1", "settings", "tunnel.auto"], {"value": "never"}).ok()
        desk.until(lambda: choice.value == "never", "what somebody else set is shown")
        tab.part.close()


@case("/notebook/ui/settings/secrets-are-never-shown")
def secret(service):
    service.up()
    with Desk(service) as desk:
        tab = Tab(desk)

        def everywhere():
            return "\n".join(str(getattr(one, "value", "")) for one in hands.tree(tab.widget))

        line = tab.row("tunnel.ngrok_token")
        service.has(tab.text(line), "not set")
        field = tab.field("tunnel.ngrok_token", ipywidgets.Password)
        hands.click(line, "Save")
        tab.says("Type the secret first", line)
        field.value = "wrong token!"
        hands.click(line, "Save")
        tab.says("tunnel.ngrok_token cannot be", line)
        field.value = TOKEN
        field._handle_custom_msg({"event": "submit"}, [])  # Enter
        tab.says("Saved. It is not shown again", line)
        tab.says("is set", line)
        service.equal((field.value, TOKEN in everywhere(), "***" in everywhere()), ("", False, False), "shown")
        kept = service.api().get("/v1/settings").ok().json()
        service.equal([one["set"] for one in kept if one["key"] == "tunnel.ngrok_token"], [True], "at the engine")
        hands.click(line, "Remove")
        tab.says("Removed", line)
        tab.says("not set", line)
        service.equal(value_of(service, "tunnel.ngrok_token"), ("", False), "removed")
        tab.part.close()


@case("/notebook/ui/settings/the-order-of-providers")
def order(service):
    service.up()
    with Desk(service) as desk:
        tab = Tab(desk)
        line = tab.row("tunnel.providers")
        select = tab.field("tunnel.providers", ipywidgets.Select)

        def becomes(wanted):
            there = lambda: value_of(service, "tunnel.providers")[0] == wanted  # noqa: E731
            desk.until(there, lambda: "%s, not %s" % (value_of(service, "tunnel.providers"), wanted))

        service.equal(hands.button(line, "Up").disabled, True, "the first cannot go up")
        select.value = "cloudflare"
        hands.click(line, "Up")
        hands.click(line, "Up")  # faster than the engine
        becomes("cloudflare,platform,ngrok,localtunnel,ssh")
        service.equal((select.value, select.options[0][0]), ("cloudflare", "1. cloudflare"), "it stays chosen")
        select.value = "ssh"
        service.equal(hands.button(line, "Down").disabled, True, "the last cannot go down")
        hands.click(line, "Leave out")
        becomes("cloudflare,platform,ngrok,localtunnel")
        service.equal(select.options[-1], ("– ssh (not used)", "ssh"), "left out")
        hands.click(line, "Use it")
        becomes("cloudflare,platform,ngrok,localtunnel,ssh")
        for one in ("platform", "ngrok", "localtunnel", "ssh"):
            select.value = one
            hands.click(line, "Leave out")
        becomes("cloudflare")
        select.value = "cloudflare"
        service.equal(hands.button(line, "Leave out").disabled, True, "the last one stays")
        hands.click(line, "Default")
        becomes("platform,ngrok,cloudflare,localtunnel,ssh")
        desk.until(lambda: len(select.options) == 5 and select.options[0][1] == "platform", "the list")
        tab.part.close()


@case("/notebook/ui/settings/idle")
def idle(service):
    service.up()
    with Desk(service) as desk:
        tab = Tab(desk)
        tab.unfold()
        tab.says("Nothing is done about it: idle.after_s is 0")
        tab.field("idle.after_s", ipywidgets.Text).value = "1800"
        tab.says("After 30 min without work it is told, but it is only told what would be done")
        tab.field("idle.mode", ipywidgets.Dropdown).value = "real"
        tab.field("idle.action", ipywidgets.Dropdown).value = "stop"
        tab.says("After 30 min without work all apps and the rented machine are stopped")
        tab.says("This machine cannot be stopped from here: a machine of the kind '[a-z]+' has no call that stops it")
        tab.part.close()
    stop = {"possible": True, "destroys": True, "effect": "It ends."}
    words = idle_words(
        dict(after_s=60, action="stop", mode="lose-data", idle_s=90, cpu_percent=1.4, gpu_percent=None,
             network_bytes_per_s=2048.0, stop=stop, outcome="told")
    )  # fmt: skip
    service.equal(
        words,
        [
            "Nothing has been going on for 1 min.",
            "Measured last: CPU 1 %, network 2.0 kB a second.",
            "After 1 min without work all apps and the rented machine are stopped.",
            "What a stop does: It ends.",
            "Data on it is lost with that; idle.mode has to be lose-data for it to be done.",
            "Last: told",
        ],
        "words",
    )
    service.equal(idle_words({})[-1], "Nothing is done about it: idle.after_s is 0.", "of nothing")


@case("/notebook/ui/settings/the-engine-its-log-rebuilt-stopped-started")
def engine(service):
    apps.light(service.home, "light")
    service.up()
    with environment(service), nothing_left(), Desk(service) as desk:
        tab = Tab(desk)
        desk.done(desk.store.start, "light")
        tab.says("Home %s" % re.escape(service.home))
        tab.says(r"Version \d+\.\d+\.\d+")
        desk.until(lambda: desk.store.machine, "the machine")
        tab.says("Platform " + re.escape(desk.store.machine.platform.name))
        hands.click(tab.widget, "Engine's log")
        tab.says(r"engine \d+\.\d+\.\d+ serves")
        hands.click(tab.widget, "Hide the log")
        hands.click(tab.widget, "Rebuild library …")
        tab.says("Apps go on meanwhile")
        pressed = hands.click(tab.widget, "Rebuild it")
        service.equal(hands.buttons(tab.widget, "Rebuild it"), [], "it is asked once")
        tab.says("The library was rebuilt")
        hands.click(tab.widget, "Stop the engine …")
        tab.says("Apps and public addresses go on")
        hands.click(tab.widget, "No")
        service.equal((pressed.disabled, desk.store.connected), (False, True), "after No")
        hands.click(tab.widget, "Stop the engine …")
        hands.click(tab.widget, "Stop the engine")
        tab.says("The engine was stopped; apps go on")
        tab.says("The engine is not connected")
        service.equal(hands.button(tab.widget, "Stop the engine …").disabled, True, "of one that is gone")
        field = tab.field("tunnel.check_s", ipywidgets.Text)
        field.value = "77"
        tab.says("the engine cannot be asked now", tab.row("tunnel.check_s"))
        service.equal(field.value, "77", "what was typed stays")
        start = hands.click(tab.widget, "Start the engine")
        service.equal(start.description, "Starting …", "heard at once")
        tab.says("The engine runs")
        desk.until(lambda: desk.store.connected and desk.state("light") == "RUNNING", "the app goes on")
        hands.click(tab.row("tunnel.check_s"), "Save")
        tab.says("Saved: 77", tab.row("tunnel.check_s"))
        tab.part.close()


if __name__ == "__main__":
    leave()
