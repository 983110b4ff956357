#!/usr/bin/env python3
"""The tab of tunnels: opened, locked, opened elsewhere, shown as a QR code and closed, with stand-ins for the providers."""

import http.server
import logging
import os
import re
import threading
import time

from support import case, leave

import apps
import hands
import ipywidgets
import shared
from desk import Desk, environment
from pinokiocloud.model import App
from pinokiocloud.ui import qr
from pinokiocloud.ui.tunnels import Tunnels, _platform, port_of

logging.disable(logging.CRITICAL)

HOSTILE = "<script>alert(1)</script> \u202eevil 😀 " + "x" * 300


class Tab:
    """The tab on a desk, and a person before it."""

    def __init__(self, desk, **options):
        self.desk, self.store = desk, desk.store
        self.part = desk.on_loop(lambda: Tunnels(desk.store, desk.bridge, **options))
        self.widget = self.part.widget

    def text(self):
        return hands.shown_text(self.widget)

    def click(self, label):
        return hands.click(self.widget, label)

    def says(self, pattern, seconds=30):
        self.desk.until(lambda: re.search(pattern, self.text()), lambda: "%r in:\n%s" % (pattern, self.text()), seconds)

    def says_not(self, pattern, seconds=20):
        self.desk.until(
            lambda: not re.search(pattern, self.text()), lambda: "no %r in:\n%s" % (pattern, self.text()), seconds
        )

    def fields(self, kind):
        return [one for one in hands.shown(self.widget) if type(one) is kind]

    def opens(self, provider="", passcode=""):
        """By the form, of what it offers first; gives the tunnel."""
        self.says(r"\[Open a tunnel\]")
        self.desk.until(lambda: self.part._form._what.value == "web", "the app is offered")
        self.fields(ipywidgets.Dropdown)[1].value = provider
        self.fields(ipywidgets.Password)[0].value = passcode
        self.click("Open a tunnel")
        self.says(r"can be reached at https://|is asked|fail", 40)
        return list(self.store.tunnels.values())[0]


def instances():
    found = getattr(ipywidgets.widgets.widget, "_instances", None)
    return set(ipywidgets.Widget.widgets if found is None else found)


@case("/notebook/ui/tunnels/open-qr-close")
def plain(service):
    world = shared.ready(service, "cloudflared", settings=dict(shared.FAST))
    before = instances()
    with Desk(service) as desk:
        tab = Tab(desk)
        tab.says("Nothing is shared")
        service.has(tab.text(), "it is open to everybody")
        form = tab.part._form
        pressed = []
        form._open.widget.observe(lambda change: pressed.append(change["new"]), "description")
        desk.until(lambda: form._what.value == "web", "the app is offered")
        tab.click("Open a tunnel")
        service.equal((pressed, form._open.widget.disabled), (["Opening …"], True), "heard at once")
        form._open.widget.click()  # an eager finger
        tab.says("can be reached at https://.* It has no passcode: it is open to everybody")
        service.equal(len(desk.store.tunnels), 1, "tunnels")
        tunnel = list(desk.store.tunnels.values())[0]
        service.equal(world.net.get(tunnel.public_url).status, 200, "its page")
        for words in (
            "web Open Open to everybody by Cloudflare · open for",
            "The agent's log: /",
            "On this machine: http://127",
        ):
            tab.says(words)  # the card is told a moment later
        shown = hands.raw_html(tab.widget)
        service.has(shown, 'href="%s"[^>]*rel="noopener' % re.escape(tunnel.open_url))
        service.has(shown, 'class="pino-copy">%s<' % re.escape(tunnel.open_url))
        service.equal("web" in [value for _, value in form._what.options], False, "it is offered no more")
        service.equal("<svg" in shown, False, "a QR code before it is asked for")
        tab.click("QR code")
        service.has(hands.raw_html(tab.widget), re.escape(qr.svg(tunnel.open_url, "QR code of " + tunnel.open_url)))
        tab.click("Hide QR code")
        service.equal("<svg" in hands.raw_html(tab.widget), False, "it is hidden")
        close = tab.click("Close")
        service.equal((close.description, close.disabled), ("Closing …", True), "heard at once")
        tab.says("Nothing is shared")
        service.equal(desk.store.tunnels, {}, "closed")
        tab.part.close()
        tab.part.close()
        service.equal(instances() - before, set(), "widgets left")


@case("/notebook/ui/tunnels/passcode")
def passcode(service):
    world = shared.ready(service, "cloudflared", settings=dict(shared.FAST))
    with Desk(service) as desk:
        tab = Tab(desk)
        tunnel = tab.opens(passcode="first word")
        tab.says("web Open Passcode")
        service.equal(tab.part._form._passcode.value, "", "what was typed is forgotten")
        service.equal(
            "open to everybody" in tab.text().split("[Providers]")[0].split("Open a tunnel")[0], False, tab.text()
        )
        service.equal(world.net.get(tunnel.public_url).status, 401, "asked")
        token = desk.store.tunnels[tunnel.id].token

        def everywhere():
            return "\n".join(one.value for one in hands.tree(tab.widget) if isinstance(one, ipywidgets.HTML))

        tab.click("Passcode …")
        tab.says(r"A passcode is set\. Visitors get a page")
        service.equal(token in everywhere(), False, "the token before it is asked for")
        tab.click("Token for programs")
        service.has(tab.text(), "Authorization: Bearer " + token)
        tab.click("Hide the token")
        service.equal(token in everywhere(), False, "the token afterwards")
        tab.click("Change")
        tab.says("Type the passcode first")
        field = tab.fields(ipywidgets.Password)[0]
        field.value = "second word"
        field._handle_custom_msg({"event": "submit"}, [])  # Enter
        tab.says("Visitors are asked for the passcode from now on")
        service.equal((field.value, tab.fields(ipywidgets.Password)[0] is field), ("", False), "forgotten and folded")
        service.equal(
            shared.unlock(world, tunnel.public_url, "second word")[1] is not None, True, "the new one lets in"
        )
        tab.click("Passcode …")
        tab.click("Remove …")
        tab.says("whoever has the address can use web. Remove it")
        tab.click("No")
        service.equal(desk.store.tunnels[tunnel.id].passcode, True, "after No")
        tab.click("Remove …")
        tab.click("Remove it")
        tab.says("Nobody is asked any more")
        tab.says("Open to everybody by Cloudflare")
        service.equal(world.net.get(tunnel.public_url).status, 200, "nobody is asked")
        service.equal(desk.store.tunnels[tunnel.id].public_url, tunnel.public_url, "the address stays")
        tab.part.close()


@case("/notebook/ui/tunnels/reopen-with-another-provider")
def reopen(service):
    world = shared.ready(service, "cloudflared", settings=dict(shared.FAST))
    with Desk(service) as desk:
        tab = Tab(desk)
        tunnel = tab.opens("cloudflare")
        tab.click("Reopen with …")
        tab.says("The address will be another one")
        dropdown = tab.fields(ipywidgets.Dropdown)[0]
        service.equal("cloudflare" in [value for _, value in dropdown.options], False, "the present one")
        service.equal("ngrok" in [value for _, value in dropdown.options], False, "one that cannot")
        dropdown.value = "localtunnel"
        tab.click("Reopen")
        tab.says("LocalTunnel was asked for an address")
        tab.says("by LocalTunnel · open for")
        again = desk.store.tunnels[tunnel.id]
        service.has(again.public_url, r"\.loca\.lt")
        tab.says(re.escape(again.public_url))
        service.has(tab.text(), "password once in 7 days")
        service.equal(world.net.get(again.public_url).status, 200, "its page")
        tab.part.close()


@case("/notebook/ui/tunnels/nobody-gives-an-address")
def waiting(service):
    world = shared.ready(service, "cloudflared", settings=dict(shared.FAST, providers="cloudflare"))
    world.net.behave("cloudflared", "exit")
    with Desk(service) as desk:
        tab = Tab(desk)
        desk.until(lambda: tab.part._form._what.value == "web", "the app is offered")
        tab.click("Open a tunnel")
        tab.says("web Nobody gives an address now No passcode by Cloudflare", 60)
        tab.says(r"Next try at \d\d:\d\d:\d\d")
        trouble = list(desk.store.tunnels.values())[0].trouble
        service.has(tab.text(), re.escape(" ".join(trouble.split())))
        service.has(tab.text(), "There is no public address yet")
        tab.click("Providers")
        tab.says("Cloudflare Failed, is left alone until|Cloudflare Ready")
        world.net.behave("cloudflared", "ok")
        tab.says("web Open Open to everybody by Cloudflare", 60)
        tab.part.close()


@case("/notebook/ui/tunnels/try-now")
def try_now(service):
    world = shared.ready(service, "cloudflared", settings=dict(shared.FAST, providers="cloudflare"))
    world.net.behave("cloudflared", "limited")
    with Desk(service) as desk:
        tab = Tab(desk)
        desk.until(lambda: tab.part._form._what.value == "web", "the app is offered")
        tab.click("Open a tunnel")
        tab.says(r"\[Try now\]", 60)
        tab.says(r"Next try at \d\d:\d\d:\d\d")
        tunnel = list(desk.store.tunnels.values())[0]
        service.equal(tunnel.retry_at > (time.time() + 120) * 1000, True, "it waits for minutes: %s" % tunnel)
        button = tab.click("Try now")
        service.equal((button.description, button.disabled), ("Trying …", True), "heard at once")
        desk.until(lambda: len(world.net.of("cloudflared")) == 2, "it is tried")
        desk.until(lambda: desk.store.tunnels[tunnel.id].retry_at > tunnel.retry_at, "it waits again")
        tab.says(r"\[Try now\]")
        world.net.behave("cloudflared", "ok")
        tab.click("Try now")
        tab.says("web Open Open to everybody by Cloudflare", 30)
        tab.says_not(r"\[Try now\]")
        tab.part.close()


@case("/notebook/ui/tunnels/a-port")
def port(service):
    world = shared.ready(service, "cloudflared", settings=dict(shared.FAST))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *unused: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Desk(service) as desk:
        tab = Tab(desk)
        form = tab.part._form
        desk.until(lambda: form._what.value == "web", "the app is offered")
        form._what.value = ":port"
        for wrong in ("", "abc", "0", "65536", "7860x", "-1"):
            form._port.value = wrong
            tab.click("Open a tunnel")
            tab.says("A port is a whole number from 1 to 65535, not “%s”" % re.escape(wrong))
        service.equal(desk.store.tunnels, {}, "nothing was asked for")
        form._port.value = ":%d" % server.server_address[1]
        tab.click("Open a tunnel")
        tab.says("Port %d can be reached at https://" % server.server_address[1])
        tunnel = list(desk.store.tunnels.values())[0]
        service.equal((tunnel.app, world.net.get(tunnel.public_url).status), (None, 200), "a port's page")
        tab.click("Close")
        tab.says("Nothing is shared")
        tab.part.close()
    server.shutdown()
    server.server_close()
    service.equal([port_of(text) for text in (" 7860 ", "007860", "٣", "")], [7860, None, None, None], "ports")


@case("/notebook/ui/tunnels/providers-and-what-is-to-be-set")
def providers(service):
    world = shared.ready(service, "cloudflared", "ngrok", settings=dict(shared.FAST))
    world.net.tokens.add(shared.TOKEN)
    with Desk(service) as desk:
        tab = Tab(desk)
        tab.click("Providers")
        tab.says("ngrok Cannot be used there is no token.*Settings, “tunnel.ngrok_token”")
        service.has(tab.text(), "the own address of this machine Cannot be used this machine has no public address")
        service.has(tab.text(), "Cloudflare Ready")
        choices = tab.part._form._provider
        service.equal(
            [value for _, value in choices.options], ["", "cloudflare", "localtunnel", "ssh"], "that can be chosen"
        )
        choices.value = "ssh"
        desk.done(desk.store.set, "tunnel.ngrok_token", shared.TOKEN)
        tab.says("ngrok Ready")
        values = [value for _, value in choices.options]
        service.equal((values, choices.value), (["", "ngrok", "cloudflare", "localtunnel", "ssh"], "ssh"), "choices")
        service.equal(shared.TOKEN in hands.raw_html(tab.widget), False, "the token is not shown")
        service.equal(tab.opens("ngrok").provider, "ngrok", "provider")
        tab.says("browsers get a page of warning first")
        tab.part.close()


@case("/notebook/ui/tunnels/engine-gone-and-back")
def gone(service):
    shared.ready(service, "cloudflared", settings=dict(shared.FAST))
    with environment(service), Desk(service) as desk:
        tab = Tab(desk)
        tab.opens()
        service.kill()
        tab.says("The engine is not connected")
        tab.says("web Open")
        tab.click("Close")
        tab.says("the engine cannot be asked now")
        service.equal(hands.button(tab.widget, "Close").disabled, False, "it can be pressed again")
        desk.done(desk.store.revive)
        tab.says_not("The engine is not connected")
        tab.click("Close")
        tab.says("Nothing is shared")
        tab.part.close()


@case("/notebook/ui/tunnels/show-app-and-hostile-names")
def chosen(service):
    shared.web(service.home, "other")
    shared.web(service.home, "hostile")
    with open(os.path.join(service.home, "api", "hostile", "pinokio.js"), "w", encoding="utf-8") as file:
        file.write(apps.menu(HOSTILE))
    world = shared.ready(service, "cloudflared", settings=dict(shared.FAST))
    service.ready("hostile")
    with Desk(service) as desk:
        tab = Tab(desk)
        tab.part.show_app("other")
        tab.says("does not run, or its page is not known yet: start it in My Library")
        tab.part.show_app("no such <b>app</b>")
        tab.says("no such <b>app</b> does not run")
        desk.until(lambda: len(tab.part._form._what.options) == 3, "both apps are offered")
        tab.part.show_app("hostile")
        tab.says("has no public address yet. It can be opened below")
        service.equal(tab.part._form._what.value, "hostile", "the form")
        for app in ("hostile", "web"):
            world.opened(app)
        desk.until(lambda: len(tab.part._rows.parts) == 2, "two cards")
        cards = hands.by_class(tab.widget, "pino-tunnels-chosen")
        service.equal(len(cards), 1, "chosen")
        service.equal(hands.by_class(tab.widget, "pino-card")[0], cards[0], "it comes first")
        tab.part.show_app("web")
        first = hands.by_class(tab.widget, "pino-card")[0]
        service.has(hands.shown_text(first), "^web Open")
        shown = hands.raw_html(tab.widget)
        service.has(shown, "&lt;script&gt;alert")
        service.equal("<script" in shown or "x" * 100 in shown, False, "a hostile name")
        tab.part.close()


@case("/notebook/ui/tunnels/the-machines-own-addresses")
def own(service):
    def app(name, *addresses, state="RUNNING"):
        return App(id=name, name=name, state=state, platform={"addresses": list(addresses)})

    owner = {"url": "https://pod-7860.example/?a=<b>", "auth": "owner", "needs": "<i>a login</i>"}
    found = _platform({"a": app(HOSTILE, owner), "b": app("b", {"url": "javascript:alert(1)"}, 7, {"url": None})})
    service.equal(any(bad in found for bad in ("<script", "<b>", "<i>", 'href="javascript')), False, found)
    service.has(found, 'href="https://pod-7860.example/')
    service.has(hands.plain(found), "by the login of its owner; needs <i>a login</i>: https://pod-7860")
    service.equal(
        _platform({"a": app("a", owner, state="INSTALLED"), "b": App(id="b", state="RUNNING")}), "", "of none"
    )


if __name__ == "__main__":
    leave()
