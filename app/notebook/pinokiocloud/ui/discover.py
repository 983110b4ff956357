"""Discover: all apps that can be installed, found as one types, each with what it needs and an install in place."""

from typing import Any, Callable, Dict, List, Sequence, Tuple

import ipywidgets

from ..bridge import Bridge
from ..model import CatalogApp, Count
from ..store import Store
from . import catalog_card, plan
from .catalog_card import CatalogCard, Shared
from .needs import LITTLE, Here, fit, here
from .offer import Offer
from .parts import Message, button, classes, close_all, column, escape, html, put, row, said, show, size
from .search import Query, Search, address_in, plain_search, same_repository
from .standing import INSTALLED, Standing, Standings

__all__ = ["CSS", "Discover"]

CSS = (
    """
.pino .pino-discover { gap: 10px; }
.pino .pino-discover-grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(290px, 100%), 1fr));
  gap: 10px; overflow: visible; }
.pino .pino-discover-bar > * { margin: 0; }
.pino .pino-discover-search { flex: 3 1 260px; width: auto; }
.pino .pino-discover-filter { flex: 1 1 150px; width: auto; }
.pino .pino-discover-count { flex: 1 1 200px; margin: 0; }
.pino .pino-discover-place > button { align-self: flex-start; }
@media (max-width: 700px) { .pino .pino-discover-bar label { min-width: 5em; text-align: left; } }
"""
    + catalog_card.CSS
    + plan.CSS
)

PAGE = 12
PLACEHOLDER = "Words, or a git repository's address"
EVERY, FITS, THERE, NOT_THERE = "", "fits", "there", "not there"
SHOWN = (
    ("All", EVERY),
    ("Fits this machine, as far as known", FITS),
    ("Installed", THERE),
    ("Not installed", NOT_THERE),
)
LONGEST_NAME = 40


class Discover:
    """show_run(run) and show_app(app) lead to where those are shown."""

    def __init__(
        self, store: Store, bridge: Bridge, *, show_run: Callable[[str], None], show_app: Callable[[str], None]
    ) -> None:
        self._store, self._bridge, self._show_run, self._show_app = store, bridge, show_run, show_app
        self._search = Search(store.client, bridge, self._found, self._not_found)
        self._apps: Tuple[CatalogApp, ...] = ()  # that were found
        self._page = 0
        self._doubt = ""  # why what is shown is not what the engine would say
        self._here = Here()
        self._cards: List[CatalogCard] = []
        self._shared = Shared()
        self._offers: Dict[str, Offer] = {}  # by the repository
        self._closed = self._setting = False
        self._make()
        topics = {"catalog": self._catalog, "apps": self._draw, "runs": self._draw, "machine": self._machine}
        topics["connection"] = self._connection
        self._observations = [store.observe(topic, function) for topic, function in topics.items()]
        bridge.call(self._begin)

    def close(self) -> None:
        self._closed = True
        for one in self._observations:
            one.close()
        self._search.forget()
        for card in self._cards:
            card.close()
        for offer in self._offers.values():
            offer.close()
        self._offers.clear()
        self._place.children = self._grid.children = ()
        for widget in (self._address_note, self._address, self.widget):
            close_all(widget)
        self._shared.close()

    # What it is made of

    def _make(self) -> None:
        self._engine, self._trouble = Message(), Message()
        shared = self._shared
        self._text = classes(
            ipywidgets.Text(
                placeholder=PLACEHOLDER,
                description="Search",
                continuous_update=True,
                layout=shared.layout,
                style={"description_width": "initial"},
            ),
            "pino-discover-search",
        )
        look = {"layout": shared.layout, "style": self._text.style}
        self._category, self._tag, self._shown = (
            classes(ipywidgets.Dropdown(options=options, description=label, **look), "pino-discover-filter")
            for label, options in (("Category", [("All", "")]), ("Tag", [("All", "")]), ("Show", list(SHOWN)))
        )
        self._clear = button("Clear", self._cleared, "link")
        for chooser in (self._text, self._category, self._tag, self._shown):
            chooser.observe(self._asked, "value")
        bar = row(self._text, self._category, self._tag, self._shown, self._clear, names=("pino-discover-bar",))
        self._address = shared.button("Install from this address", self._install_address, "main")
        self._address_note = shared.html()
        self._place = column(names=("pino-card", "pino-discover-place"))
        self._count, self._empty = shared.html("pino-discover-count"), html()
        self._pages = [_Pages(shared, self._turn) for _ in range(2)]
        self._grid = classes(ipywidgets.Box(layout=shared.layout), "pino-discover-grid")
        head = row(self._count, self._pages[0].widget)
        parts = (self._engine.widget, self._trouble.widget, bar, self._place, head, self._empty, self._grid)
        self.widget = column(*parts, self._pages[1].widget, names=("pino-discover",))
        for hidden in (self._clear, self._place):
            show(hidden, False)
        put(self._empty, value='<div class="pino-empty" role="status">The catalog is being read …</div>')

    def _begin(self) -> None:
        """What the store knew already."""
        if not self._closed:
            self._machine()
            self._connection()
            self._catalog()

    # What changed in the store

    def _machine(self) -> None:
        self._here = here(self._store.machine)
        self._draw()

    def _connection(self) -> None:
        store = self._store
        if store.connected:
            self._engine.clear()
            if self._doubt:
                self._ask(self._page)
        elif store.catalog:
            text = "The engine does not answer: nothing can be installed until it is back. What is listed is as it was."
            self._engine.say(text, "warn", store.why_not)
        self._draw()

    def _catalog(self) -> None:
        store = self._store
        self._choices(self._category, store.categories, len(store.catalog))
        self._choices(self._tag, store.tags, len(store.catalog))
        trouble = store.catalog_trouble
        if trouble:
            self._trouble.say("A part of the catalog is missing. All other apps are listed.", "warn", trouble)
        else:
            self._trouble.clear()
        self._ask(self._page)

    def _choices(self, chooser: Any, counts: Sequence[Count], total: int) -> None:
        """Setting the options would choose the first."""
        options = [("All (%d)" % total if total else "All", "")]
        options += [("%s (%d)" % (_short(one.name), one.count), one.name) for one in counts]
        if list(chooser.options) == options:
            return
        chosen, self._setting = chooser.value, True
        try:
            with chooser.hold_sync():
                chooser.options = options
                chooser.value = chosen if any(value == chosen for _, value in options) else ""
        finally:
            self._setting = False

    # What is asked for

    def _asked(self, unused: Any) -> None:
        if not self._setting:
            self._ask(0)

    def _cleared(self) -> None:
        self._setting = True
        try:
            for chooser in (self._text, self._category, self._tag, self._shown):
                put(chooser, value="")
        finally:
            self._setting = False
        self._ask(0)

    def _query(self) -> Query:
        return Query(self._text.value.strip(), self._category.value or "", self._tag.value or "")

    def _ask(self, page: int) -> None:
        """The engine ranks; where there is nothing to rank, or no engine, the list is filtered here."""
        self._page = page
        query, catalog = self._query(), self._store.catalog
        show(self._clear, any(query) or self._shown.value != EVERY)
        address = address_in(query.text)
        self._search.forget()
        if address:
            origin = same_repository(address)
            self._put(tuple(app for app in catalog if same_repository(app.repository) == origin), "")
        elif not query.text:
            self._put(plain_search(catalog, query), "")
        elif self._store.connected:
            self._search.ask(query)
        else:
            self._put(plain_search(catalog, query), self._store.why_not)

    def _found(self, unused: Query, apps: Tuple[CatalogApp, ...]) -> None:
        if not self._closed:
            self._put(apps, "")

    def _not_found(self, query: Query, error: Exception) -> None:
        if not self._closed:
            self._put(plain_search(self._store.catalog, query), said(error))

    def _put(self, apps: Tuple[CatalogApp, ...], doubt: str) -> None:
        self._apps, self._doubt = apps, doubt
        self._draw()

    def _turn(self, by: int) -> None:
        self._page += by
        self._draw()

    # What is shown

    def _draw(self) -> None:
        standings = Standings(self._store)
        self._drop(standings)
        apps = self._chosen(standings)
        pages = max(1, -(-len(apps) // PAGE))
        self._page = min(max(self._page, 0), pages - 1)
        shown = apps[self._page * PAGE : (self._page + 1) * PAGE]
        self._say(len(apps))
        self._draw_address(standings)
        for pager in self._pages:
            pager.show(self._page, pages)
        while len(self._cards) < len(shown):
            self._cards.append(CatalogCard(self._shared, self._pressed))
        connected = self._store.connected
        for card, app in zip(self._cards, shown):
            offer = self._offers.get(same_repository(app.repository))
            place = offer.widget if offer is not None else None
            card.show(app, standings.of(app), fit(app.needs, self._here), place, connected)
        widgets = tuple(card.widget for card in self._cards[: len(shown)])
        if self._grid.children != widgets:
            self._grid.children = widgets

    def _chosen(self, standings: Standings) -> Sequence[CatalogApp]:
        wanted = self._shown.value
        if wanted == FITS:
            fits = ((app, fit(app.needs, self._here)) for app in self._apps)
            return [app for app, one in fits if one is None or one.kind in ("ok", "")]
        if wanted in (THERE, NOT_THERE):
            return [app for app in self._apps if (standings.of(app).kind == INSTALLED) == (wanted == THERE)]
        return self._apps

    def _say(self, count: int) -> None:
        if not self._store.catalog:
            return
        total = len(self._store.catalog)
        text = "%d app%s" % (count, "" if count == 1 else "s")
        if any(self._query()) or self._shown.value != EVERY:
            text = "%d of %d apps found" % (count, total)
        strange = not count and bool(address_in(self._query().text))  # offered above
        if strange:
            text = "The catalog does not know this address"
        if self._doubt:
            text += " by their words alone, as the engine does not answer"
        line = '<span role="status"><b>%s</b></span>' % escape(text)
        place = self._place_line()
        put(self._count, value=line + ('<span class="pino-muted"> · %s</span>' % place if place else ""))
        put(self._empty, value="" if count or strange else '<div class="pino-empty">%s</div>' % self._advice())
        show(self._empty, not count and not strange)

    def _place_line(self) -> str:
        has = []
        if self._here.vendor:
            has.append("no GPU" if self._here.vendor == "none" else self._here.gpu)
        if self._here.free >= 0:
            scarce = "only " if self._here.free < LITTLE else ""
            has.append("%s%s of disk free" % (scarce, size(self._here.free)))
        return escape("this machine: " + ", ".join(has)) if has else ""

    def _advice(self) -> str:
        query = self._query()
        what = "Nothing is found" + (" for “%s”" % _short(query.text) if query.text else "")
        filtered = query.category or query.tag or self._shown.value != EVERY
        more = " Other words or fewer may find it%s." % (", and so may fewer filters" if filtered else "")
        url = " An app that is not in the catalog is installed by the address of its git repository: paste that here."
        return escape(what + "." + more + url)

    def _draw_address(self, standings: Standings) -> None:
        """Offers what was typed, unless a card below does; an offer that was taken stays until it is over."""
        address = address_in(self._text.value)
        if self._apps:
            address = ""
        known = {same_repository(app.repository) for app in self._store.catalog}
        open_ = [offer for origin, offer in self._offers.items() if origin not in known]
        children: List[Any] = [offer.widget for offer in open_]
        if address and same_repository(address) not in self._offers:
            there = standings.of_address(address)
            name = ' <span class="pino-muted">It is installed already.</span>' if there.kind == INSTALLED else ""
            put(self._address_note, value='<div dir="auto"><b>%s</b>%s</div>' % (escape(address[:500]), name))
            label = "Open in My Library" if there.kind == INSTALLED else "Install from this address"
            blocked = there.kind != INSTALLED and not self._store.connected
            put(self._address, description=label, disabled=blocked)
            children = [self._address_note, self._address] + children
        if self._place.children != tuple(children):
            self._place.children = children
        show(self._place, bool(children))

    # Installs

    def _pressed(self, verb: str, app: CatalogApp, standing: Standing) -> None:
        if verb == "output" and standing.run is not None:
            self._show_run(standing.run.id)
        elif verb == "library" and standing.app is not None:
            self._show_app(standing.app.id)
        elif verb in ("install", "retry"):
            self._offer(app.repository, app.name or app.id, verb == "retry")

    def _install_address(self) -> None:
        address = address_in(self._text.value)
        there = Standings(self._store).of_address(address)
        if there.kind == INSTALLED and there.app is not None:
            self._show_app(there.app.id)
        elif address and not self._address.disabled:
            put(self._address, description="Looking …", disabled=True)
            self._offer(address, same_repository(address).rsplit("/", 1)[-1], False)

    def _offer(self, address: str, title: str, retry: bool) -> None:
        origin = same_repository(address)
        if origin not in self._offers:
            self._offers[origin] = Offer(
                self._store,
                self._bridge,
                address,
                title if len(title) <= LONGEST_NAME else title[:LONGEST_NAME] + "…",
                show_run=self._show_run,
                show_app=self._show_app,
                over=lambda: self._over(origin),
                retry=retry,
            )
        self._draw()

    def _over(self, origin: str) -> None:
        offer = self._offers.pop(origin, None)
        if offer is not None:
            self._draw()
            offer.close()

    def _drop(self, standings: Standings) -> None:
        """Offers that came to their end, of apps that are gone since; and those that somebody else has taken."""
        for origin, offer in list(self._offers.items()):
            taken = offer.waits and standings.of_address(origin).kind == INSTALLED
            if taken or (offer.app and offer.app not in self._store.apps):
                del self._offers[origin]
                self._bridge.call(offer.close)


class _Pages:
    """"page 2 of 24" between Previous and Next; nothing where there is one page."""

    def __init__(self, shared: Shared, turn: Callable[[int], None]) -> None:
        self._back = shared.button("Previous", lambda: turn(-1))
        self._next = shared.button("Next", lambda: turn(1))
        self._text = shared.html("pino-nowrap")
        self.widget = row(self._back, self._text, self._next)
        show(self.widget, False)

    def show(self, page: int, pages: int) -> None:
        put(self._text, value="page %d of %d" % (page + 1, pages))
        put(self._back, disabled=page == 0)
        put(self._next, disabled=page + 1 >= pages)
        show(self.widget, pages > 1)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"
