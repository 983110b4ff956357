"""Searching in what a terminal shows: a field, the next and the one before, and how many there are."""

from typing import Callable, Optional

import ipywidgets

from ..bridge import Bridge, Timer
from .parts import button, classes, html, put, row, show

__all__ = ["Finder"]

TYPED_S = 0.25  # after the last letter


class Finder:
    """find(text, step): -1 upwards, 1 downwards, "" ends it. hold(): what is found is about to be looked at."""

    def __init__(self, bridge: Bridge, find: Callable[[str, int], None], hold: Callable[[], None]) -> None:
        self._bridge, self._find, self._hold = bridge, find, hold
        self._timer: Optional[Timer] = None
        self._text = ipywidgets.Text(placeholder="Search this output")
        classes(self._text, "pino-terminal-search")
        self._text.observe(lambda change: self._typed(), "value")
        self._text.on_msg(self._heard)
        self._count = html()
        self._more = row(
            button("Previous", lambda: self.step(-1)), button("Next", lambda: self.step(1)), self._count
        )
        self.widget = row(self._text, self._more)
        show(self._more, False)

    def found(self, index: int, count: int) -> None:
        """What the view says of it."""
        if self._text.value:
            text = "%d of %d" % (index, count) if index and count else "%d found" % count if count else "Not found"
            put(self._count, value='<span class="pino-muted pino-nowrap" role="status">%s</span>' % text)

    def step(self, step: int) -> None:
        self._cancel()
        if self._text.value:
            self._hold()
            self._find(self._text.value, step)

    def clear(self) -> None:
        put(self._text, value="")
        self._cancel()
        show(self._more, False)

    def close(self) -> None:
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _typed(self) -> None:
        self._cancel()
        put(self._count, value="")
        show(self._more, bool(self._text.value))
        if self._text.value:
            self._timer = self._bridge.later(TYPED_S, self.step, -1)
        else:
            self._find("", -1)

    def _heard(self, unused: object, content: object, buffers: object) -> None:
        """Enter."""
        if isinstance(content, dict) and content.get("event") == "submit":
            self.step(-1)
