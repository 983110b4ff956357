"""The plain form of a terminal: the end of what it shows, as one text in an ipywidgets.Output, or in HTML where that is safer.

What is shown is replaced as a whole and never appended to, so it does not grow. The scroll bar stands at its lower end by
itself: the box that scrolls is turned around.
"""

import re
from typing import Any, Callable, List, Tuple

import ipywidgets

from . import parts
from .ink import INVERSE, Line
from .screen import Screen

__all__ = ["CSS", "PlainView"]

LINES = 200  # that are shown at a time
CHARACTERS = 48 * 1024
BELOW = 8  # lines below one that was found
ROOM = 256 * 1024

CSS = """
.pino .pino-terminal-plain { display: flex; flex-flow: column-reverse nowrap; overflow: auto; height: min(55vh, 460px);
  border: 1px solid var(--pino-line); border-radius: 6px; background: var(--pino-bg); padding: 6px 8px; }
.pino .pino-terminal-plain > * { flex: none; width: 100%; margin: 0 0 auto; }
.pino .pino-terminal-plain .jp-OutputArea-prompt { display: none; }
.pino .pino-terminal-plain .jp-OutputArea-output { padding: 0; }
.pino .pino-terminal-plain pre { white-space: pre-wrap; overflow-wrap: anywhere; font-family: var(--pino-mono);
  font-size: 12px; line-height: 1.35; margin: 0; padding: 0; color: var(--pino-fg); background: none; }
"""


class PlainView:
    """found(index, count): told after find(); index counts from 1, 0 when there is none."""

    typed_into = False

    def __init__(self, found: Callable[[int, int], None], as_html: bool = False) -> None:
        self._output = ipywidgets.HTML() if as_html else ipywidgets.Output()
        self.widget = parts.classes(ipywidgets.Box([self._output]), "pino-terminal-plain")
        self._found, self._as_html = found, as_html
        self._screen = Screen()
        self._following, self._stale = True, False
        self._end = 0  # the line after the last one that is shown, counted from the first of all; 0: the end
        self._match: Tuple[int, int, int] = (-1, 0, 0)  # line, from, to
        self._looked_for = ""

    # What terminal.py asks of any view

    def feed(self, data: bytes) -> None:
        self._screen.feed(data)
        self._changed()

    def reset(self) -> None:
        """Nothing was printed yet."""
        self._screen = Screen()
        self._end, self._match = 0, (-1, 0, 0)
        self._draw()

    def room(self) -> int:
        return ROOM

    def follow(self, following: bool) -> None:
        """False: what is shown stays as it is."""
        self._following = following
        if following:
            self._end, self._match = 0, (-1, 0, 0)
            self._draw()
        elif not self._end:
            self._end = self._screen.dropped + len(self._screen.shown())

    def find(self, text: str, step: int) -> None:
        """The next match above (step -1) or below (1) the one that is shown; goes round. "" ends it."""
        screen, dropped = self._screen, self._screen.dropped
        self._looked_for = text
        matches = _matches(screen.shown(), text)
        if not matches:
            self._match = (-1, 0, 0)
            self._found(0, 0)
            self._draw()
            return
        at = [(line + dropped, start, end) for line, start, end in matches]
        index = _next(at, self._match, step)
        self._match = at[index]
        self._end = min(self._match[0] + 1 + BELOW, dropped + len(screen.shown()))
        self._found(index + 1, len(at))
        self._draw()

    def page(self, step: int) -> None:
        """Earlier (-1) or later (1) lines."""
        last = self._screen.dropped + len(self._screen.shown())
        first = self._screen.dropped + min(LINES, last - self._screen.dropped)
        self._end = max(first, min((self._end or last) + step * (LINES - 20), last))
        self._draw()

    def close(self) -> None:
        parts.close_all(self.widget)

    # Drawing

    def _changed(self) -> None:
        if self._following:
            self._draw()

    def _draw(self) -> None:
        lines = self._window()
        if self._as_html:
            shown = "<pre>%s</pre>" % "\n".join(line.html() for line in lines)
            parts.put(self._output, value=shown)
            return
        text = "\n".join(line.sgr() for line in lines)
        outputs = ({"output_type": "stream", "name": "stdout", "text": text},) if text else ()
        parts.put(self._output, outputs=outputs)

    def _window(self) -> List[Line]:
        lines, dropped = self._screen.shown(), self._screen.dropped
        end = min(self._end - dropped, len(lines)) if self._end else len(lines)
        if self._end and end < min(LINES, len(lines)) and (self._match[0] < 0 or end < 1):
            end = min(LINES, len(lines))
        start, left = end, CHARACTERS
        while start > 0 and end - start < LINES and left > 0:
            start -= 1
            left -= len(lines[start].text) + 1
        window = lines[start:end]
        at = self._match[0] - dropped - start
        if 0 <= at < len(window):
            window[at] = window[at].with_ink(self._match[1], self._match[2], INVERSE)
        return window


def _matches(lines: List[Line], text: str) -> List[Tuple[int, int, int]]:
    if not text:
        return []
    wanted = re.compile(re.escape(text), re.IGNORECASE)
    return [(number, *match.span()) for number, line in enumerate(lines) for match in wanted.finditer(line.text)]


def _next(matches: List[Tuple[int, int, int]], match: Tuple[int, int, int], step: int) -> int:
    """The first time the last one; else that beside the one before, going round."""
    if match[0] < 0:
        return len(matches) - 1
    if step < 0:
        earlier = [index for index, one in enumerate(matches) if one < match]
        return earlier[-1] if earlier else len(matches) - 1
    later = [index for index, one in enumerate(matches) if one > match]
    return later[0] if later else 0
