"""The tab of public addresses: those that are there, how another is opened, and who can give them."""

import time
from typing import Any, Dict, Optional, Tuple

import ipywidgets

from ..bridge import Bridge, Timer
from ..jobs import On
from ..model import App, Provider, Tunnel
from ..store import Store
from .fold import Fold
from .parts import Act, Message, Rows, badge, close_all, column, escape, html, link, put, row, show, when
from .tunnel_card import LOCAL, TunnelCard, address_of, choices, provider_name, set_choices, short, title_of

__all__ = ["CSS", "Tunnels"]

EVERY_S = 15.0  # ages grow
BEST = ("the best one", "")
PORT = ":port"  # a choice beside the apps: no id of an app begins so
RUNNING = "RUNNING"
WHO = {"public": "for everybody", "owner": "by the login of its owner", "token": "by a token of the platform"}
TO_SET = {
    "ngrok": "Or take it in here: Settings, “tunnel.ngrok_token”.",
    "ssh": "The server is set in Settings, “tunnel.ssh”.",
}

CSS = """
.pino .pino-tunnels-qr { background: #ffffff; border-radius: 8px; padding: 4px; width: min(240px, 100%); }
.pino .pino-tunnels-qr svg { display: block; width: 100%; height: auto; }
.pino .pino-tunnels-open { font-weight: 600; margin-right: 6px; white-space: nowrap; }
.pino .pino-tunnels-trouble { white-space: pre-wrap; margin-bottom: 4px; }
.pino .pino-tunnels-chosen { border-color: var(--pino-accent); box-shadow: 0 0 0 1px var(--pino-accent); }
.pino .pino-tunnels-providers { margin: 0; padding-left: 1.6em; }
.pino .pino-tunnels-providers li { margin-bottom: 6px; }
.pino .pino-tunnels-field { display: flex; flex-flow: column nowrap; gap: 2px; }
"""


class Tunnels:
    """front: for copy buttons where the browser has them."""

    def __init__(self, store: Store, bridge: Bridge, *, front: Any = None) -> None:
        self._store, self._bridge, self._front = store, bridge, front
        self._chosen = ""  # the app that the person came for
        self._connection, self._message = Message(), Message()
        self._platform = html()
        self._rows = Rows(self._card, "Nothing is shared: there is no public address.")
        self._form = OpenForm(store)
        self._providers = Fold("Providers", self._make_providers, hide="Hide providers", turned=self._turned)
        self._list: Any = None
        self.widget = column(
            self._connection.widget,
            self._message.widget,
            self._rows.widget,
            self._platform,
            self._form.widget,
            row(self._providers.button),
            self._providers.widget,
        )
        topics = ("tunnels", "apps", "settings", "connection")
        self._observations = [store.observe(topic, self._update) for topic in topics]
        if front is not None:
            self._observations.append(front.observe(self._update))
        self._timer: Optional[Timer] = None
        self._closed = False
        self._update()
        self._tick()

    def show_app(self, app: str) -> None:
        """Its tunnel comes first; where it has none, the form is made ready for it."""
        self._chosen = app
        self._message.clear()
        self._update()
        known = self._store.apps.get(app)
        title = short(known.title) if known is not None else app
        if any(tunnel.app == app for tunnel in self._store.tunnels.values()):
            return
        if self._form.choose(app):
            self._message.say("%s has no public address yet. It can be opened below." % title)
        else:
            self._message.say("%s does not run, or its page is not known yet: start it in My Library." % title, "warn")

    def close(self) -> None:
        """What is under way at the engine goes on."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for observation in self._observations:
            if observation is not None:
                observation.close()
        self._rows.close()
        self._form.close()
        self._providers.close()
        if self._list is not None:
            close_all(self._list)
        close_all(self.widget)

    # What is shown

    def _card(self, key: str) -> TunnelCard:
        return TunnelCard(self._store, self._bridge, key, self._front)

    def _update(self) -> None:
        if self._closed:
            return
        store = self._store
        if store.connected:
            self._connection.clear()
        else:
            text = "The engine is not connected (%s). What is shown here was so when it was lost." % store.why_not
            self._connection.say(text, "warn")
        ordered = sorted(store.tunnels.values(), key=lambda one: (one.app != self._chosen, -one.created_at))
        self._rows.show([tunnel.id for tunnel in ordered])
        for tunnel in ordered:
            self._rows.parts[tunnel.id].mark(bool(self._chosen) and tunnel.app == self._chosen)
        put(self._platform, value=_platform(store.apps))
        show(self._platform, bool(self._platform.value))
        self._form.update()
        self._draw_providers()

    def _tick(self) -> None:
        """Ages grow, and waits of providers end."""
        if self._closed:
            return
        for part in self._rows.parts.values():
            part.update()
        self._draw_providers()
        self._timer = self._bridge.later(EVERY_S, self._tick)

    # Providers

    def _make_providers(self) -> Any:
        self._list = html()
        return self._list

    def _turned(self, unused: bool) -> None:
        self._draw_providers()

    def _draw_providers(self) -> None:
        if self._list is not None and self._providers.open:
            put(self._list, value=_providers(self._store))


def _platform(apps: Dict[str, App]) -> str:
    """Addresses that the rented machine itself gives to pages of apps."""
    lines = []
    for app in apps.values():
        for address in (app.platform or {}).get("addresses") or () if app.state == RUNNING else ():
            if isinstance(address, dict) and isinstance(address.get("url"), str):
                who = WHO.get(str(address.get("auth")), "")
                needs = "; needs %s" % address["needs"] if address.get("needs") else ""
                words = escape("%s, %s%s: " % (short(app.title), who, needs))
                lines.append("<div>%s%s</div>" % (words, link(address["url"])))
    if not lines:
        return ""
    return '<div class="pino-card"><div class="pino-title">The machine\'s own addresses</div>%s</div>' % "".join(lines)


def _providers(store: Store) -> str:
    if not store.providers:
        return '<div class="pino-muted">It is not known yet who can give addresses.</div>'
    items = []
    for one in sorted(store.providers, key=lambda one: one.order):
        state, kind = _usable(one)
        lines = [text for text in (one.why_not, TO_SET.get(one.id) if not one.available else None) if text]
        program = "Program: %s" % one.program if one.program else ""
        items.append(
            "<li><b>%s</b> %s%s</li>"
            % (
                escape(provider_name(store, one.id)),
                badge(state, kind),
                "".join('<div class="pino-muted">%s</div>' % escape(line) for line in [*lines, program] if line),
            )
        )
    return (
        "<div>The first one that works is taken; the order is in Settings, “tunnel.providers”.</div>"
        '<ol class="pino-tunnels-providers">%s</ol>' % "".join(items)
    )


def _usable(one: Provider) -> Tuple[str, str]:
    if not one.available:
        return "Cannot be used", "bad"
    if one.barred_until < 0:
        return "Left alone until a setting of tunnels changes", "bad"
    if one.barred_until / 1000 > time.time():
        return "Failed, is left alone until %s" % when(one.barred_until), "warn"
    return "Ready", "ok"


class OpenForm:
    """Opens a tunnel of an app that has none, or of any port."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.message = Message()
        self._rules = html()
        self._what = ipywidgets.Dropdown(
            options=[("a port of this machine", PORT)], value=PORT, layout={"width": "16em"}
        )
        self._port = ipywidgets.Text(placeholder="7860", layout={"width": "7em"})
        self._provider = ipywidgets.Dropdown(options=[BEST], value="", layout={"width": "12em"})
        self._passcode = ipywidgets.Password(placeholder="none", layout={"width": "12em"})
        for field in (self._port, self._passcode):
            field.on_msg(self._typed)
        self._what.observe(self._turned, "value")
        self._open = Act("Open a tunnel", self._begin, self.message, busy="Opening …", kind="main", done=self._opened)
        self._port_field = _field("Port", self._port)
        self.widget = column(
            html('<div class="pino-title">Open a tunnel</div>'),
            self._rules,
            row(
                _field("Of what", self._what),
                self._port_field,
                _field("Provider", self._provider),
                _field("Passcode", self._passcode),
                _field("&nbsp;", self._open.widget),
            ),
            html(
                "Without a passcode whoever has the address can use it: it is open to everybody. "
                "(An app's own PINOKIO_SHARE_PASSCODE is taken where this field is empty.)",
                "pino-muted",
            ),
            self.message.widget,
            names=("pino-card",),
        )
        self._turned()

    def update(self) -> None:
        store = self._store
        shared = {tunnel.app for tunnel in store.tunnels.values() if tunnel.provider != LOCAL}
        open_to = [app for app in store.apps.values() if app.state == RUNNING and app.url and app.id not in shared]
        nothing = list(self._what.options) == [("a port of this machine", PORT)]
        set_choices(self._what, [(short(app.title), app.id) for app in open_to] + [("a port of this machine", PORT)])
        if nothing and open_to and not self._port.value:
            self._what.value = open_to[0].id
        set_choices(self._provider, [BEST, *choices(store.providers)])
        rules = list(dict.fromkeys(one.rule for one in store.providers if one.rule))
        put(self._rules, value='<div class="pino-note pino-is-warn">%s</div>' % "<br>".join(map(escape, rules)))
        show(self._rules, bool(rules))

    def choose(self, app: str) -> bool:
        """False: it cannot be shared now."""
        if not app or app not in [value for _, value in self._what.options]:
            return False
        self._what.value = app
        return True

    def close(self) -> None:
        close_all(self.widget)

    def _turned(self, unused: Any = None) -> None:
        show(self._port_field, self._what.value == PORT)

    def _typed(self, unused: Any, content: Dict[str, Any], buffers: Any) -> None:
        if content.get("event") == "submit":
            self._open.press()

    def _begin(self, on: On) -> None:
        provider, passcode = self._provider.value or None, self._passcode.value or None
        if self._what.value != PORT:
            self._store.open_tunnel(self._what.value, provider, passcode, on=on)
            return
        port = port_of(self._port.value)
        if port is None:
            on("done", None)
            self.message.say("A port is a whole number from 1 to 65535, not “%s”." % self._port.value, "warn")
            return
        self._store.open_tunnel(None, provider, passcode, on=on, port=port)

    def _opened(self, tunnel: Optional[Tunnel]) -> None:
        if tunnel is None:
            return
        put(self._passcode, value="")
        put(self._port, value="")
        everybody = "" if tunnel.passcode else " It has no passcode: it is open to everybody."
        self.message.say(
            "%s can be reached at %s.%s" % (title_of(tunnel), address_of(tunnel), everybody),
            "ok" if tunnel.passcode else "warn",
        )


def _field(label: str, widget: Any) -> Any:
    """label is HTML, and stands above."""
    return column(html('<span class="pino-muted">%s</span>' % label), widget, names=("pino-tunnels-field",))


def port_of(text: str) -> Optional[int]:
    text = text.strip().lstrip(":")
    found = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    return found if 1 <= found <= 65535 else None
