"""A long output read from its beginning, page by page."""

from typing import Callable, Tuple

from ..bridge import Bridge
from ..jobs import DONE, FAILED, On
from .parts import Act, Message, button, html, put, row, show

__all__ = ["Pages"]

PAGE = 128 * 1024  # bytes
LINES = 1800  # at most: what every view keeps
CUT = 16 * 1024  # in so many the end of a line is looked for

Read = Callable[[int], Tuple[bytes, int]]


class Pages:
    """read(offset): on a worker, some output and where to go on, none at the end. turned(data): the next page."""

    def __init__(self, bridge: Bridge, read: Read, turned: Callable[[bytes], None], back: Callable[[], None]) -> None:
        self._bridge, self._read, self._turned = bridge, read, turned
        self._rest, self._offset, self._number = b"", 0, 0
        self._message = Message()
        self._first = Act("From the beginning", self._begin, self._message, busy="Reading …", done=self._done)
        self._next = Act("Next page", self._begin, self._message, busy="Reading …", done=self._done)
        self._back = button("Back to the end", back)
        self._place = html()
        self.widget = row(self._first.widget, self._next.widget, self._back, self._place, self._message.widget)
        self._earlier = False
        self._round = 0
        self.clear()

    def enable(self, earlier: bool) -> None:
        """earlier: there is more than what is shown."""
        self._earlier = self._earlier or earlier
        self._draw()

    def clear(self) -> None:
        """The end is shown again, or another thing."""
        self._rest, self._offset, self._number = b"", 0, 0
        self._earlier = False
        self._round += 1
        self._message.clear()
        self._draw()

    def _draw(self) -> None:
        paging = self._number > 0
        show(self._first.widget, self._earlier and not paging)
        for widget in (self._next.widget, self._back, self._place):
            show(widget, paging)
        put(self._place, value='<span class="pino-muted pino-nowrap">page %d</span>' % self._number)

    def _begin(self, on: On) -> None:
        number, rest, offset = self._round, self._rest, self._offset
        self._bridge.work(
            self._page,
            rest,
            offset,
            done=lambda found: on(DONE, (number, found)),
            failed=lambda error: on(FAILED, error),
        )

    def _page(self, rest: bytes, offset: int) -> Tuple[bytes, bytes, int]:
        """On a worker: a page, what was read beyond it, and where to go on."""
        while len(rest) < PAGE + CUT:
            more, after = self._read(offset)
            if after == offset:
                break
            rest, offset = rest + more, after
        end = rest.find(b"\n", PAGE, PAGE + CUT) + 1 or PAGE
        page = rest[:end]
        lines = page.split(b"\n", LINES)
        if len(lines) > LINES:
            page = page[: len(page) - len(lines[-1])]
        return page, rest[len(page) :], offset

    def _done(self, found: Tuple[int, Tuple[bytes, bytes, int]]) -> None:
        number, (page, rest, offset) = found
        if number != self._round:
            return
        if not page:
            self._message.say("That was all of it.")
            return
        self._rest, self._offset = rest, offset
        self._number += 1
        self._turned(page)
        self._draw()
