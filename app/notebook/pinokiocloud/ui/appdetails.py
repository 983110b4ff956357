"""What a card shows when it is opened. Made then, and closed when it is folded: closed cards cost little."""

import re
from typing import Any, Callable, List, Optional, Sequence

from ..bridge import Bridge
from ..model import App, Run
from ..store import Store
from .appmore import More, Ways
from .appwords import LINE, addresses, failed_run, short, under_way
from .menu import AppMenu
from .meters import Meters
from .parts import Message, close_all, column, escape, html, link, put, when
from .trouble import Trouble

__all__ = ["Details"]

DESCRIPTION = 600  # characters
COMMIT = re.compile("[0-9a-f]{40}")


def facts(app: App, store: Store) -> str:
    """HTML: what is known of the app and does not change by itself."""
    lines = []
    described = app.description or next((one.description for one in store.catalog if one.installed == app.id), "")
    if described:
        lines.append("<div>%s</div>" % escape(short(described, DESCRIPTION)))
    for url, kind in addresses(app, store.tunnels, store.machine):
        copy = '<span class="pino-copy">%s</span>' % escape(url)
        lines.append("<div>Address (%s): %s %s</div>" % (escape(kind), copy, link(url, "Open")))
    about = ["<bdi>%s</bdi>" % escape(app.id)]
    if app.repository_url:
        about.append(link(app.repository_url))
    if app.version:
        whole = short(app.version, LINE)
        shown = whole[:10] if COMMIT.fullmatch(whole) else whole
        about.append('<span title="%s">version %s</span>' % (escape(whole), escape(shown)))
    if app.installed_at:
        about.append("here since %s" % escape(when(app.installed_at)))
    lines.append('<div class="pino-muted pino-app-about">%s</div>' % " · ".join(about))
    if app.path:
        lines.append('<div class="pino-muted">In <bdi class="pino-copy">%s</bdi></div>' % escape(app.path))
    return "".join(lines)


class Details:
    """Of one app. failed(error): an action of it went wrong; said: where that is told."""

    def __init__(
        self,
        store: Store,
        bridge: Bridge,
        app: App,
        ways: Ways,
        message: Message,
        failed: Callable[[Exception], None],
    ) -> None:
        self._store, self._bridge, self._app, self._ways, self._failed = store, bridge, app.id, ways, failed
        self._facts = html()
        self._meters = Meters(store, app.id)
        self._menu = AppMenu(store, bridge, app.id, ways.show_run, failed)
        self._more = More(store, bridge, app.id, ways, message, failed)
        self._trouble: Optional[Trouble] = None
        self._heads = [html("Menu of the app", "pino-app-part"), html("Manage it", "pino-app-part")]
        self.widget = column(names=("pino-app-details",))

    def update(self, app: App, runs: Sequence[Run]) -> None:
        connected = self._store.connected
        put(self._facts, value=facts(app, self._store))
        self.measure(runs)
        self._show_trouble(app, failed_run(app, runs))
        if self._trouble is not None:
            self._trouble.enable(connected)
        self._menu.enable(connected)
        self._menu.update(app, runs)
        self._more.update(app, runs, connected, self._trouble is None)
        self._arrange()

    def measure(self, runs: Sequence[Run]) -> None:
        """There are new figures."""
        self._meters.update(bool(under_way(runs)) and self._store.connected)

    def close(self) -> None:
        self._menu.close()
        self._more.close()
        if self._trouble is not None:
            self._trouble.close()
        self._meters.close()
        close_all(self.widget)

    def _show_trouble(self, app: App, run: Optional[Run]) -> None:
        before = self._trouble
        if (before.run.id if before else None) == (run.id if run else None):
            return
        self._trouble = None
        if run is not None:
            self._trouble = Trouble(self._store, self._bridge, app, run, self._ways.show_run, self._failed)
        self._arrange()
        if before is not None:
            before.close()

    def _arrange(self) -> None:
        menu, more = self._heads
        parts: List[Any] = [self._trouble.widget] if self._trouble is not None else []
        parts += [self._meters.widget, self._facts, menu, self._menu.widget, more, self._more.widget]
        if self.widget.children != tuple(parts):
            self.widget.children = tuple(parts)
