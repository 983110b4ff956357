"""What a person should read: troubles of the engine, errors of the interface, and what apps have to say."""

from typing import Any, Callable, Dict, List

from ..bridge import Bridge
from ..store import Notice, Store
from .parts import Rows, badge, button, close_all, column, escape, html, link, put, row, show, when
from .wording import linked, plain, rich

__all__ = ["Notices"]

SHOWN = 3
SHORT = 200  # characters of an error that stand there unfolded
KINDS = {"trouble": ("Engine", "warn"), "idle": ("Idle", "warn"), "error": ("Error", "bad"), "app": ("App", "busy")}
CSS = """
.pino .pino-notices .widget-html { margin: 0; }
.pino .pino-notices-text { flex: 1 1 16em; min-width: 0; }
.pino .pino-notices-text summary { cursor: pointer; overflow-wrap: anywhere; }
"""


class Card:
    def __init__(
        self,
        number: int,
        find: Callable[[int], Notice],
        store: Store,
        dismiss: Callable[[int], None],
        show_run: Callable[[str], None],
    ) -> None:
        self._number, self._find, self._store = number, find, store
        notice = find(number)
        self._text = html("", "pino-notices-text")
        self._run = str(getattr(notice, "run", None) or "")
        output = button("Show output", lambda: show_run(self._run), "link")
        show(output, bool(self._run))
        kind = KINDS.get(notice.kind, ("", ""))[1]
        names = ("pino-note", "pino-is-" + kind) if kind else ("pino-note",)
        self.widget = row(self._text, output, button("Dismiss", lambda: dismiss(number)), names=names)

    def update(self) -> None:
        notice = self._find(self._number)
        name, kind = KINDS.get(notice.kind, ("Notice", ""))
        if notice.kind == "app":
            app = str(getattr(notice, "app", None) or "")
            known = self._store.apps.get(app)
            name = plain(known.title if known is not None else app, 80) or name
        count = " · said %d times" % notice.count if notice.count > 1 else ""
        about = '%s <span class="pino-muted">%s%s</span>' % (badge(name, kind), when(int(notice.at * 1000)), count)
        put(self._text, value='<div role="status">%s<div dir="auto">%s</div></div>' % (about, self._said(notice)))

    def _said(self, notice: Notice) -> str:
        if notice.kind == "app":
            href = getattr(notice, "href", None)
            text = rich(getattr(notice, "html", None) or notice.text)
            return text + (" " + link(str(href), "Open " + plain(href, 80)) if href else "")
        first, _, rest = notice.text.partition("\n")
        if not rest and len(first) <= SHORT:
            return linked(first)
        return '<details><summary>%s</summary><pre class="pino-pre">%s</pre></details>' % (
            escape(first[:SHORT] + ("…" if len(first) > SHORT else "")),
            escape(notice.text),
        )

    def close(self) -> None:
        close_all(self.widget)


class Notices:
    """The newest first, three of them; hidden when all were dismissed."""

    def __init__(self, store: Store, bridge: Bridge, *, show_run: Callable[[str], None]) -> None:
        self._store, self._show_run = store, show_run
        self._dismissed: Dict[int, int] = {}  # how often it had been said
        self._by_number: Dict[int, Notice] = {}
        self._rows = Rows(self._make)
        self._more = html("", "pino-muted")
        self._all = button("Dismiss all", self._dismiss_all)
        self._foot = row(self._more, self._all)
        self.widget = column(self._rows.widget, self._foot, names=("pino-notices",))
        self._observations = [store.observe("notice", self._draw), store.observe("apps", self._draw)]
        self._draw()

    def close(self) -> None:
        for observation in self._observations:
            observation.close()
        self._rows.close()
        close_all(self.widget)

    def _make(self, key: str) -> Any:
        return Card(int(key), lambda number: self._by_number[number], self._store, self._dismiss, self._show_run)

    def _left(self) -> List[Notice]:
        """An app that says it again means it; a trouble that goes on was read."""
        return [
            notice
            for notice in self._store.notices
            if notice.number not in self._dismissed
            or (notice.kind == "app" and notice.count > self._dismissed[notice.number])
        ]

    def _draw(self) -> None:
        self._by_number = {notice.number: notice for notice in self._store.notices}
        self._dismissed = {number: count for number, count in self._dismissed.items() if number in self._by_number}
        left = sorted(self._left(), key=lambda notice: notice.number, reverse=True)
        self._rows.show([str(notice.number) for notice in left[:SHOWN]])
        more = len(left) - SHOWN
        put(self._more, value="%d more" % more if more > 0 else "")
        show(self._more, more > 0)
        show(self._foot, len(left) > 1)
        show(self.widget, bool(left))

    def _dismiss(self, number: int) -> None:
        if number in self._by_number:
            self._dismissed[number] = self._by_number[number].count
        self._draw()

    def _dismiss_all(self) -> None:
        for notice in self._left():
            self._dismissed[notice.number] = notice.count
        self._draw()
