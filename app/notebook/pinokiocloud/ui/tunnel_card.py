"""One tunnel, as the tab of tunnels shows it: its address, how it goes, and what can be done with it."""

import time
from typing import Any, Dict, List, Optional, Tuple

import ipywidgets

from ..bridge import Bridge
from ..jobs import On
from ..model import Provider, Setting, Tunnel
from ..store import Store
from .fold import Fold
from .parts import (
    Act,
    Confirm,
    Message,
    age,
    badge,
    button,
    close_all,
    column,
    escape,
    html,
    link,
    put,
    row,
    show,
    when,
)
from .qr import svg

__all__ = ["LOCAL", "TunnelCard", "choices", "provider_name", "title_of"]

WAITING = "waiting"  # nobody gives an address before retry_at
LOCAL, PLATFORM = "local", "platform"  # the local network, which is no provider; the platform's own address
TITLE = 80  # characters of what an app calls itself
STATES = {
    "opening": ("Opening …", "busy"),
    "open": ("Open", "ok"),
    "failing": ("Lost, another way is being looked for", "warn"),
    WAITING: ("Nobody gives an address now", "bad"),
}
VISITORS = {
    "ngrok": "On ngrok's free plan browsers get a page of warning first.",
    "cloudflare": "Some apps (Gradio 4 and later) answer late or not at all through Cloudflare: then take another provider.",
    "localtunnel": "Browsers are asked for a password once in 7 days: it is the public IP address of this machine.",
    "ssh": "Free servers end an address after an hour or a few, and some show a page of warning first.",
}
GATE = (
    "Visitors get a page that asks for the passcode, and are let in for 7 days in that browser, or until it changes. "
    "The address stays."
)
NO_GATE = (
    "The platform's own address has no page that could ask: with a passcode another provider gives another address, "
    "where visitors are asked."
)


# In words


def short(text: str) -> str:
    return text if len(text) <= TITLE else text[: TITLE - 1] + "…"


def title_of(tunnel: Tunnel) -> str:
    return short(tunnel.title or tunnel.app or "Port %d" % tunnel.local_port)


def provider_name(store: Store, provider: Optional[str]) -> str:
    if provider == LOCAL:
        return "the local network"
    named = [known.name for known in store.providers if known.id == provider and known.name]
    name = named[0] if named else provider or "nobody yet"
    if provider == PLATFORM:
        return "the own address of %s" % name
    server = store.settings.get("tunnel.ssh", Setting()).value if provider == "ssh" else None
    return "%s (%s)" % (name, server) if server else name


def choices(providers: Tuple[Provider, ...], without: Optional[str] = None) -> List[Tuple[str, str]]:
    """Of those that can be used: (name, id)."""
    return [(one.name or one.id, one.id) for one in providers if one.available and one.id != without]


def _head(store: Store, tunnel: Tunnel) -> str:
    state, kind = STATES.get(tunnel.status, (tunnel.status, ""))
    since = tunnel.opened_at if tunnel.status == "open" else tunnel.created_at
    words = ["by " + provider_name(store, tunnel.provider)]
    if since > 0:
        words.append("%s for %s" % (tunnel.status, age(time.time() - since / 1000)))
    if tunnel.reopened:
        words.append("opened again %d time%s" % (tunnel.reopened, "" if tunnel.reopened == 1 else "s"))
    if tunnel.app and tunnel.title and tunnel.title != tunnel.app:
        words.insert(0, short(tunnel.app))
    lock = (
        badge("Passcode", "ok") if tunnel.passcode else badge(_everybody(tunnel), "warn" if tunnel.public_url else "")
    )
    return '<span class="pino-title">%s</span> %s %s <span class="pino-muted">%s</span>' % (
        escape(title_of(tunnel)),
        badge(state, kind),
        lock,
        escape(" · ".join(words)),
    )


def _everybody(tunnel: Tunnel) -> str:
    if not tunnel.public_url:
        return "No passcode"
    return "Open to all of the local network" if tunnel.provider == LOCAL else "Open to everybody"


def address_of(tunnel: Tunnel) -> str:
    """What a visitor needs: with the path and the query of the local page."""
    return tunnel.open_url or tunnel.public_url or ""


def _address(tunnel: Tunnel) -> str:
    address = address_of(tunnel)
    if not address:
        return '<span class="pino-muted">There is no public address yet.</span>'
    copy = '<span class="pino-copy">%s</span>' % escape(address)
    if tunnel.status != "open":
        return '%s <span class="pino-muted">(does not answer now)</span>' % copy
    return "%s %s" % (link(address, "Open the page", "pino-tunnels-open"), copy)


def _details(tunnel: Tunnel) -> str:
    parts = []
    if tunnel.trouble:
        again = "\nNext try at %s." % when(tunnel.retry_at) if tunnel.retry_at > 0 else ""
        parts.append(
            '<div class="pino-note pino-is-warn pino-tunnels-trouble">%s%s</div>'
            % (escape(tunnel.trouble), escape(again))
        )
    if tunnel.status == "open" and tunnel.provider in VISITORS:
        parts.append('<div class="pino-muted">%s</div>' % VISITORS[tunnel.provider])
    parts.append('<div class="pino-muted">On this machine: %s</div>' % link(tunnel.local_url))
    if tunnel.log:
        log = '<div class="pino-muted">The agent\'s log: <span class="pino-copy">%s</span></div>'
        parts.append(log % escape(tunnel.log))
    return "".join(parts)


# The card


class TunnelCard:
    """key is the tunnel's id."""

    def __init__(self, store: Store, bridge: Bridge, key: str, front: Any = None) -> None:
        self._store, self._front = store, front
        self._key = key
        self._tunnel = store.tunnels.get(key, Tunnel(id=key))
        self.message = Message()
        self._head, self._told, self._more = html(), html(), html()
        self._copy: Any = None
        self._copied = ""
        self._line = row(self._told)
        self._qr = Fold("QR code", self._make_qr, hide="Hide QR code", turned=lambda unused: self._update_qr())
        self._image: Any = None
        self._lock = Fold("Passcode …", self._make_lock, hide="Hide passcode", turned=self._empty)
        self._lock_panel: Optional[Passcode] = None
        self._other = Fold("Reopen with …", self._make_other, hide="Do not reopen")
        self._dropdown: Any = None
        self._reopen = Act("Reopen", self._change_provider, self.message, kind="main", done=self._reopened)
        self._again = Act("Try now", self._try_now, self.message, busy="Trying …", kind="main", done=self._tried)
        self._close = Act("Close", self._end, self.message, busy="Closing …", kind="danger")
        folds = (self._qr, self._lock, self._other)
        self.widget = column(
            self._head,
            self._line,
            self._more,
            row(self._again.widget, *(fold.button for fold in folds), self._close.widget),
            *(fold.widget for fold in folds),
            self.message.widget,
            names=("pino-card",),
        )

    def update(self) -> None:
        """Everything as the store knows it."""
        tunnel = self._tunnel = self._store.tunnels.get(self._key, self._tunnel)
        put(self._head, value=_head(self._store, tunnel))
        put(self._told, value=_address(tunnel))
        put(self._more, value=_details(tunnel))
        shared = tunnel.provider != LOCAL
        show(self._again.widget, tunnel.status == WAITING)
        show(self._qr.button, bool(address_of(tunnel)))
        show(self._lock.button, shared)
        show(self._other.button, shared)
        self._update_copy()
        self._update_qr()
        if self._lock_panel is not None:
            self._lock_panel.update(tunnel)
        if self._dropdown is not None:
            self._update_choices()

    def mark(self, chosen: bool) -> None:
        """Whether it is the one that the person came for."""
        (self.widget.add_class if chosen else self.widget.remove_class)("pino-tunnels-chosen")

    def close(self) -> None:
        for part in (self._qr, self._lock, self._other):
            part.close()
        if self._lock_panel is not None:
            self._lock_panel.close()
        close_all(self.widget)
        close_all(self._reopen.widget)

    # The address

    def _update_copy(self) -> None:
        address = address_of(self._tunnel)
        wanted = address if self._front is not None and self._front.loads else ""
        if wanted == self._copied:
            return
        before, self._copy, self._copied = self._copy, self._front.copy(wanted) if wanted else None, wanted
        self._line.children = (self._told,) if self._copy is None else (self._told, self._copy)
        if before is not None:
            close_all(before)

    def _make_qr(self) -> Any:
        self._image = html()
        return self._image

    def _update_qr(self) -> None:
        if self._image is not None and self._qr.open:
            put(self._image, value=_qr(address_of(self._tunnel)))

    # Passcode

    def _make_lock(self) -> Any:
        self._lock_panel = Passcode(self._store, self._key, self.message, self._lock)
        self._lock_panel.update(self._tunnel)
        return self._lock_panel.widget

    def _empty(self, opened: bool) -> None:
        if self._lock_panel is not None and not opened:
            self._lock_panel.clear()

    # The same once more, before its time

    def _try_now(self, on: On) -> None:
        """Names nobody: from then on only that provider would be used."""
        self._store.change_tunnel(self._key, provider="", on=on)

    def _tried(self, unused: Any) -> None:
        if self._tunnel.status != WAITING:
            self.message.say("An address is being asked for.", "ok")

    # Another provider

    def _make_other(self) -> Any:
        self._dropdown = ipywidgets.Dropdown(options=[], layout={"width": "12em"})
        self._none = html("No other provider can be used now: see Providers below.", "pino-muted")
        self._update_choices()
        note = html("The address will be another one, and from then on only that provider is used for it.")
        return column(note, self._none, row(self._dropdown, self._reopen.widget))

    def _update_choices(self) -> None:
        found = choices(self._store.providers, without=self._tunnel.provider)
        set_choices(self._dropdown, found)
        show(self._none, not found)
        self._reopen.enable(bool(found))

    def _change_provider(self, on: On) -> None:
        self._store.change_tunnel(self._key, provider=self._dropdown.value, on=on)

    def _reopened(self, unused: Any) -> None:
        name = provider_name(self._store, self._dropdown.value)
        self._other.turn(False)
        self.message.say("%s was asked for an address." % name, "ok")

    def _end(self, on: On) -> None:
        self._store.close_tunnel(self._key, on=on)


def set_choices(dropdown: Any, found: List[Tuple[str, str]]) -> None:
    """In place, and what was chosen stays where it is still there."""
    if list(dropdown.options) == found:
        return
    before = dropdown.value
    kept = [value for _, value in found if value == before]
    with dropdown.hold_sync():
        dropdown.options = found
        dropdown.value = kept[0] if kept else (found[0][1] if found else None)


def _qr(address: str) -> str:
    if not address:
        return ""
    try:
        image = svg(address, "QR code of " + address)
    except ValueError as error:
        return '<div class="pino-note pino-is-warn">This address is too long: %s.</div>' % escape(error)
    return '<div class="pino-tunnels-qr">%s</div>' % image


class Passcode:
    """Sets, changes and removes the passcode of a tunnel, and shows what programs send instead."""

    def __init__(self, store: Store, key: str, message: Message, fold: Fold) -> None:
        self._store, self._key, self._message, self._fold = store, key, message, fold
        self._tunnel = Tunnel(id=key)
        self._text = html()
        self._field = ipywidgets.Password(placeholder="passcode", layout={"width": "14em"})
        self._field.on_msg(self._typed)
        self._set = Act("Set", self._save, message, busy="Setting …", kind="main", done=self._saved)
        self._confirm = Confirm("Remove it", self._remove, message, busy="Removing …", done=self._removed)
        self._ask = button("Remove …", self._ask_first, "danger")
        self._token_text = html()
        self._token = Fold(
            "Token for programs", lambda: self._token_text, hide="Hide the token", turned=self._show_token
        )
        self.widget = column(
            self._text,
            row(self._field, self._set.widget, self._ask, self._token.button),
            self._token.widget,
            self._confirm.widget,
        )

    def update(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel
        said = NO_GATE if tunnel.provider == PLATFORM and not tunnel.passcode else GATE
        now = "A passcode is set." if tunnel.passcode else "Now whoever has the address can use it."
        put(self._text, value=escape("%s %s" % (now, said)))
        self._set.name("Change" if tunnel.passcode else "Set", "Setting …")
        show(self._ask, tunnel.passcode)
        show(self._token.button, tunnel.passcode and bool(tunnel.token))
        if not tunnel.passcode:
            self._confirm.hide()
            if self._token.open:
                self._token.turn(False)
        self._show_token(self._token.open)

    def clear(self) -> None:
        """What was typed goes: it would be kept with the notebook otherwise."""
        put(self._field, value="")
        self._confirm.hide()
        if self._token.open:
            self._token.turn(False)

    def close(self) -> None:
        self._token.close()
        close_all(self._token_text)
        close_all(self.widget)

    def _typed(self, unused: Any, content: Dict[str, Any], buffers: Any) -> None:
        if content.get("event") == "submit":
            self._set.press()

    def _save(self, on: On) -> None:
        word = self._field.value
        if not word:
            on("done", None)
            self._message.say("Type the passcode first: at least one character.", "warn")
            return
        self._store.change_tunnel(self._key, passcode=word, on=on)

    def _saved(self, tunnel: Any) -> None:
        if tunnel is None:
            return
        self._fold.turn(False)
        self._message.say("Visitors are asked for the passcode from now on.", "ok")

    def _ask_first(self) -> None:
        self._confirm.ask("Without a passcode whoever has the address can use %s. Remove it?" % title_of(self._tunnel))

    def _remove(self, on: On) -> None:
        self._store.change_tunnel(self._key, passcode="", on=on)

    def _removed(self, unused: Any) -> None:
        self._fold.turn(False)
        self._message.say("Nobody is asked any more: whoever has the address can use it.", "warn")

    def _show_token(self, shown: bool) -> None:
        """Only while it is looked at: what widgets hold may be kept with the notebook."""
        header = "Authorization: Bearer %s" % self._tunnel.token
        text = 'Programs send this header instead: <span class="pino-copy">%s</span>' % escape(header)
        put(self._token_text, value=text if shown and self._tunnel.token else "")
