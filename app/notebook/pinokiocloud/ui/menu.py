"""An app's own menu: read when it is opened, and again when one of the app's runs has changed."""

import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ..bridge import Bridge, Timer
from ..jobs import BEGUN, DONE
from ..model import App, Run
from ..store import Store
from .menuitems import GROUP, LINK, SCRIPT, Entry, count, read_menu
from .parts import Confirm, Message, button, close_all, column, escape, html, link, put, row, show
from .press import Press

__all__ = ["CSS", "AppMenu"]

FIRST = 60  # entries that are shown at once; the others are a click away
PAUSE_S = 1.0  # between two readings, at least

CSS = """
.pino .pino-menu-group { flex: 1 0 100%; border-left: 2px solid var(--pino-line); padding-left: 10px; }
.pino .pino-menu-name { flex: 1 0 100%; color: var(--pino-muted); font-weight: 600; }
.pino .pino-menu-more { flex: 1 0 100%; }
.pino button.jupyter-button.pino-menu-default { border-color: var(--pino-accent); color: var(--pino-accent); font-weight: 600; }
"""

Failed = Callable[[Exception], None]


class Slot:
    """A button that is used for one entry after another."""

    def __init__(self, menu: "AppMenu") -> None:
        self._menu = menu
        self.entry: Optional[Entry] = None
        self.press = Press(menu.bridge, button("", self._pressed), self.draw)
        self.widget = self.press.widget

    def put(self, entry: Entry) -> None:
        if entry != self.entry:
            if self.press.under_way:
                self.press.close()
                self.press.under_way = False
            self.entry = entry
        self.draw()

    def draw(self) -> None:
        entry = self.entry
        if entry is None or self.press.under_way:
            return
        running = self._menu.run_of(entry.script) is not None
        names = ["pino-menu-default"] if entry.default else []
        names += ["pino-danger"] if entry.danger else []
        put(
            self.widget,
            description=entry.label + (" · running" if running else ""),
            disabled=not (entry.enabled and self._menu.connected),
            tooltip="It runs: shows its output" if running else entry.text or entry.script,
            icon=entry.icon,
            _dom_classes=tuple(names),
        )

    def _pressed(self) -> None:
        entry = self.entry
        if entry is None or self.press.under_way or not (entry.enabled and self._menu.connected):
            return
        run = self._menu.run_of(entry.script)
        if run is not None:
            self._menu.show_run(run.id)
        elif entry.confirm:
            self._menu.ask(entry, self.start)
        else:
            self.start(entry)

    def start(self, entry: Entry) -> None:
        store = self._menu.store
        self.press.begin(
            entry.label + " …",
            lambda on: store.start(entry.app, entry.script, dict(entry.input) or None, on=on),
            lambda begun: begun.id in store.runs,
            self._menu.failed,
        )


class AppMenu:
    """Of one app. failed(error): something that was started from here went wrong."""

    def __init__(
        self, store: Store, bridge: Bridge, app: str, show_run: Callable[[str], None], failed: Failed
    ) -> None:
        self.store, self.bridge, self.show_run, self.failed = store, bridge, show_run, failed
        self.connected = True
        self._app = app
        self._running: Dict[str, Run] = {}
        self._seen: Tuple[Any, ...] = ()
        self._entries: Optional[Tuple[Entry, ...]] = None
        self._all = self._reading = self._again = self._closed = False
        self._read_at, self._left = 0.0, 0
        self._timer: Optional[Timer] = None
        self._slots: List[Slot] = []
        self._made: List[Any] = []  # what is no slot, of the present entries
        self._message = Message()
        self._retry = button("Read it again", self.read)
        self._more = button("", self._show_all, "link")
        self._box = row()
        self._asking: Optional[Confirm] = None
        self.widget = column(self._message.widget, self._retry, self._box, self._more)
        show(self._retry, False)
        show(self._more, False)

    def update(self, app: App, runs: Sequence[Run]) -> None:
        """After any change: marks what runs, and reads again when that may matter."""
        self._running = {run.script: run for run in reversed(runs) if run.live}
        seen = (app.state, app.url, app.public_url, tuple((run.id, run.state, run.url) for run in runs[:20]))
        for slot in self._slots:
            slot.press.check()
            slot.draw()
        if seen != self._seen:
            self._seen = seen
            self._read_soon()

    def enable(self, connected: bool) -> None:
        if connected != self.connected:
            self.connected = connected
            if connected:
                self._read_soon()
        put(self._retry, disabled=not connected)
        for slot in self._slots:
            slot.draw()

    def run_of(self, script: str) -> Optional[Run]:
        """The live run of a script."""
        return self._running.get(script)

    def ask(self, entry: Entry, yes: Callable[[Entry], None]) -> None:
        if self._asking is not None:
            close_all(self._asking.widget)
        self._asking = Confirm("Yes", lambda on: yes(entry))
        self._asking.ask("%s: %s" % (entry.label, entry.confirm))
        self.widget.children = (self._asking.widget, self._message.widget, self._retry, self._box, self._more)

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for slot in self._slots:
            slot.press.close()
            close_all(slot.widget)
        close_all(self.widget)

    # Reading

    def read(self) -> None:
        """Now, or after the reading that is under way."""
        if self._closed or not self.connected:
            return
        if self._reading:
            self._again = True
            return
        self._reading, self._again, self._read_at = True, False, time.monotonic()
        if self._entries is None:
            self._message.say("Reading the app's menu …", "busy")
        put(self._retry, disabled=True)
        self.store.menu(self._app, on=self._told)

    def _read_soon(self) -> None:
        if self._timer is None or self._timer.function is None:
            wait = max(0.0, self._read_at + PAUSE_S - time.monotonic())
            if wait == 0.0:
                self.read()
            else:
                self._timer = self.bridge.later(wait, self.read)

    def _told(self, state: str, value: Any) -> None:
        if state == BEGUN or self._closed:
            return
        self._reading = False
        put(self._retry, disabled=not self.connected)
        if state == DONE:
            self._put(value)
        elif self.connected:
            self._message.error(value)
        show(self._retry, state != DONE)
        if self._again:
            self._read_soon()

    def _put(self, menu: Any) -> None:
        app = self.store.apps.get(self._app)
        if app is None:
            return
        entries = read_menu(menu, app, self.store.apps)
        if entries:
            self._message.clear()
        else:
            self._message.say("The app's menu offers nothing now.")
        if entries != self._entries:
            self._entries = entries
            self._draw()

    # Showing

    def _show_all(self) -> None:
        self._all = True
        self._draw()

    def _draw(self) -> None:
        """Buttons are used again; what else there was is made anew."""
        entries = self._entries or ()
        before, self._made = self._made, []
        free = list(self._slots)
        self._left = count(entries) if self._all else FIRST
        self._box.children = self._widgets(entries, free)
        for slot in free:
            self._slots.remove(slot)
            slot.press.close()
            close_all(slot.widget)
        for made in before:
            for part in (made.layout, getattr(made, "style", None), made):
                if part is not None:
                    part.close()
        hidden = max(0, count(entries) - FIRST)
        put(self._more, description="Show %d more" % hidden)
        show(self._more, hidden > 0 and not self._all)

    def _widgets(self, entries: Tuple[Entry, ...], free: List[Slot]) -> Tuple[Any, ...]:
        found: List[Any] = []
        for entry in entries:
            if self._left <= 0:
                break
            self._left -= 1
            if entry.kind == SCRIPT:
                slot = free.pop(0) if free else self._new_slot()
                slot.put(entry)
                found.append(slot.widget)
            elif entry.kind == GROUP:
                name = self._keep(html(escape(entry.label), "pino-menu-name"))
                inner = self._widgets(entry.inner, free)
                found.append(self._keep(row(name, *inner, names=("pino-menu-group",))))
            else:
                found.append(self._keep(html(_html_of(entry), *(() if entry.kind == LINK else ("pino-menu-more",)))))
        return tuple(found)

    def _new_slot(self) -> Slot:
        slot = Slot(self)
        self._slots.append(slot)
        return slot

    def _keep(self, widget: Any) -> Any:
        self._made.append(widget)
        return widget


def _html_of(entry: Entry) -> str:
    if entry.kind == LINK and entry.enabled:
        return link(entry.url, entry.label, "pino-open" + (" pino-open-main" if entry.default else ""))
    if entry.kind == LINK:
        return '<span class="pino-muted">%s</span>' % escape(entry.label)
    more = ' <span class="pino-copy">%s</span>' % escape(entry.text) if entry.text else ""
    return '<span class="pino-muted">%s</span>%s' % (escape(entry.label), more)
