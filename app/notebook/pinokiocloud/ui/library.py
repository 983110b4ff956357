"""My Library: the apps that are here, what they do, and all that can be done with them."""

from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple

import ipywidgets

from ..bridge import Bridge, Timer
from ..model import App, Run
from ..store import Store
from .appcard import CSS as CARD_CSS
from .appcard import Card, Looks
from .appmore import Ways
from .appwords import TITLE, rank, short
from .menu import CSS as MENU_CSS
from .meters import CSS as METERS_CSS
from .parts import Message, button, close_all, column, escape, html, put, show
from .trouble import CSS as TROUBLE_CSS

__all__ = ["CSS", "Library"]

CSS = CARD_CSS + MENU_CSS + METERS_CSS + TROUBLE_CSS
FILTER_FROM = 9  # apps; fewer are seen at a glance
FIRST = 60  # cards at once; the others are a click away
TICK_S = 10.0  # for what is told in minutes
SETTLE_S = 1.5  # cards change places when an app's state has stayed so long: not under the finger
EMPTY = "Nothing is installed yet.", "Choose an app under Discover and press Install; it appears here at once."


class Library:
    """On the main thread. show_run(run id), show_tunnels(app id), configure(app id) lead to other parts."""

    def __init__(
        self,
        store: Store,
        bridge: Bridge,
        *,
        show_run: Callable[[str], None],
        show_tunnels: Callable[[str], None],
        configure: Callable[[str], None],
    ) -> None:
        self._store, self._bridge = store, bridge
        self._ways = Ways(show_run, show_tunnels, configure, self._gone)
        self._looks = Looks()
        self._cards: Dict[str, Card] = {}
        self._order: List[str] = []
        self._wanted: List[str] = []  # the order that is due when it has stayed for a while
        self._titles: Dict[str, str] = {}
        self._uninstalled: Set[str] = set()
        self._chosen: Optional[str] = None
        self._to_open = False  # whether its card has still to be opened
        self._all = False
        self._runs_of: Tuple[Any, Dict[str, List[Run]]] = (None, {})
        self._message, self._told = Message(), Message()
        self._filter = ipywidgets.Text(placeholder="Filter by name", continuous_update=True)
        self._filter.observe(self._filtered, "value")
        self._empty = html()
        self._more = button("", self._show_all, "link")
        self._list = column(names=("pino-library",))
        self.widget = column(
            self._message.widget, self._told.widget, self._filter, self._empty, self._list, self._more
        )
        topics = {"apps": self._changed, "connection": self._connection}
        topics.update(tunnels=self._update_all, usage=self._measure)
        self._observations = [store.observe(topic, function) for topic, function in topics.items()]
        self._settling: Optional[Timer] = None
        self._tick: Optional[Timer] = bridge.later(TICK_S, self._time_passes)
        self._connection()

    def show_app(self, app: str) -> None:
        """Its card, opened, before all others; as soon as it is there."""
        if self._chosen is not None and self._chosen in self._cards:
            self._cards[self._chosen].chosen = False
            self._cards[self._chosen].update()
        self._chosen, self._to_open = app, True
        put(self._filter, value="")
        if app not in self._store.apps:
            self._told.say("%s is not here yet: it appears when its installation has begun." % app, "busy")
        self._sort()

    def close(self) -> None:
        for observation in self._observations:
            observation.close()
        for timer in (self._tick, self._settling):
            if timer is not None:
                timer.cancel()
        self._tick = None
        self._filter.unobserve_all()
        for card in self._cards.values():
            card.close()
        self._cards.clear()
        self._list.children = ()
        close_all(self.widget)
        self._looks.close()

    # What is told

    def _connection(self) -> None:
        store = self._store
        if store.connected and not store.why_not:
            self._message.clear()
        elif store.connected:
            self._message.say("The engine does not answer well: %s" % store.why_not, "warn")
        elif store.apps:
            text = "The engine cannot be asked now, so nothing can be started or stopped. This is how it was last."
            self._message.say(text, "warn", store.why_not)
        else:
            self._message.say("Asking the engine what is installed: %s" % store.why_not, "busy")
        self._changed()
        self._show()
        self._update_all()

    def _changed(self) -> None:
        """Apps came, went or changed."""
        apps = self._store.apps
        self._say_gone([app for app in self._titles if app not in apps])
        self._titles = {app.id: app.title for app in apps.values()}
        wanted = self._ordered()
        if set(wanted) != set(self._order):
            self._sort()
        elif wanted != self._wanted:
            self._wanted = wanted
            if self._settling is not None:
                self._settling.cancel()
            self._settling = self._bridge.later(SETTLE_S, self._sort)

    def _say_gone(self, apps: Sequence[str]) -> None:
        titles = [short(self._titles[app], TITLE) for app in apps if app not in self._uninstalled]
        self._uninstalled.difference_update(apps)
        if titles and self._store.connected:
            self._told.say("No longer here: %s" % ", ".join(titles[:5]), "ok")

    def _gone(self, app: str, text: str) -> None:
        """It was uninstalled here, and says so itself."""
        self._uninstalled.add(app)
        if text and self._tick is not None:
            self._told.say(text, "ok")

    def _update_all(self) -> None:
        for card in self._cards.values():
            card.update()

    def _measure(self) -> None:
        for card in self._cards.values():
            card.measure()

    def _time_passes(self) -> None:
        if self._tick is None:
            return
        self._tick = self._bridge.later(TICK_S, self._time_passes)
        for card in self._cards.values():
            card.measure()

    # Which cards, in which order

    def _runs(self, app: str) -> Sequence[Run]:
        """The newest first. Sorted out once for all cards."""
        table, found = self._runs_of
        if table is not self._store.runs:
            found = {}
            for run in self._store.runs.values():
                if run.app is not None:
                    found.setdefault(run.app, []).append(run)
            self._runs_of = (self._store.runs, found)
        return found.get(app, ())

    def _ordered(self) -> List[str]:
        apps = self._store.apps.values()
        return [app.id for app in sorted(apps, key=lambda app: (app.id != self._chosen, rank(app, self._runs(app.id))))]

    def _sort(self) -> None:
        self._order = self._wanted = self._ordered()
        self._show()

    def _filtered(self, unused: Any) -> None:
        self._show()

    def _show_all(self) -> None:
        self._all = True
        self._show()

    def _matching(self) -> List[str]:
        words = self._filter.value.lower().split()
        apps = self._store.apps
        return [
            app
            for app in self._order
            if app in apps and all(word in ("%s %s" % (apps[app].title, app)).lower() for word in words)
        ]

    def _show(self) -> None:
        apps = self._store.apps
        gone = [self._cards.pop(app) for app in list(self._cards) if app not in apps]
        found = self._matching()
        shown = found if self._all else found[:FIRST]
        cards = tuple(self._card(apps[app]).widget for app in shown)
        if self._list.children != cards:
            self._list.children = cards
        for card in gone:
            card.close()
        show(self._filter, len(apps) >= FILTER_FROM or bool(self._filter.value))
        put(self._more, description="Show %d more" % (len(found) - len(shown)))
        show(self._more, len(found) > len(shown))
        self._show_empty(bool(found))
        self._open_chosen()

    def _card(self, app: App) -> Card:
        if app.id not in self._cards:
            card = Card(self._store, self._bridge, app, lambda: self._runs(app.id), self._ways, self._looks)
            self._cards[app.id] = card
        return self._cards[app.id]

    def _show_empty(self, some: bool) -> None:
        lines: Sequence[str] = EMPTY
        if self._store.apps:
            lines = ("No app here has “%s” in its name." % self._filter.value,)
        shown = not some and (bool(self._store.apps) or self._store.connected)
        text = "".join("<div>%s</div>" % escape(line) for line in lines)
        put(self._empty, value='<div class="pino-empty">%s</div>' % text if shown else "")
        show(self._empty, shown)

    def _open_chosen(self) -> None:
        card = self._cards.get(self._chosen) if self._chosen is not None else None
        if card is not None and self._to_open:
            self._to_open = False
            card.chosen = True
            self._told.clear()
            card.open()
            card.update()
