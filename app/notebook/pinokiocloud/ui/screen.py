"""What a terminal would show of the bytes that were printed on it: its screen and what scrolled away, both bounded.

Lines are not broken at the terminal's width: what was printed as one line stays one, up to WIDTH characters. A wide
character is one place. Colours: ink.py.
"""

import codecs
from typing import Callable, Dict, List, Optional, Tuple

from .ink import MARK, PLAIN, Line, apply, printed
from .sequences import SPECIAL, STRING_ENDS, TOKEN, UNFINISHED

__all__ = ["Screen"]

KEEP = 2000  # lines
WIDTH = 2000  # characters of a line
CELLS = 1 << 20  # characters of all lines
HELD = 4096  # of a sequence that has not ended
TAB = 8
MOST = 9999  # of a parameter


class Screen:
    """rows: of the terminal; what is above its screen can be changed no more."""

    def __init__(self, rows: int = 30, keep: int = KEEP) -> None:
        self.lines: List[Line] = [Line()]
        self.dropped = 0  # lines that were forgotten
        self._rows, self._keep = max(rows, 1), max(keep, rows)
        self._row = self._col = self._top = 0
        self._ink = PLAIN
        self._saved = (0, 0, PLAIN)
        self._region: Optional[Tuple[int, int]] = None  # its first and last row, of the screen
        self._behind: Optional[Tuple[List[Line], int, int, int, int]] = None  # what the other screen hides
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest, self._in_string = "", False
        self._fed = 0

    def feed(self, data: bytes) -> None:
        """Any bytes, cut anywhere."""
        text = self._rest + self._decoder.decode(data)
        self._rest = ""
        at, end = 0, len(text)
        while at < end:
            if self._in_string:
                at = self._pass_string(text, at)
                continue
            special = SPECIAL.search(text, at)
            simple = special.start() if special else end
            if simple > at:
                self._print_lines(text[at:simple])
                at = simple
            elif special:
                at = self._special(text, at)
        self._fed += len(data)
        if self._fed > CELLS // 4:
            self._fed = 0
            self._bound()

    def text(self) -> str:
        """All that is kept, without colours."""
        return "\n".join(line.text for line in self.shown())

    def shown(self) -> List[Line]:
        """The lines that are kept, without empty ones below the last that was written or the cursor is in."""
        last = len(self.lines)
        while last > self._row + 1 and not self.lines[last - 1].text:
            last -= 1
        return self.lines[:last]

    # Text

    def _print_lines(self, text: str) -> None:
        """No control character but whole ends of lines."""
        first, *others = text.split("\r\n")
        if first:
            self._print(first)
        if not others:
            return
        if self._row != len(self.lines) - 1 or self._region is not None or self._behind is not None:
            for line in others:
                self._col = 0
                self._down()
                self._print(line)
            return
        skipped = max(len(others) - self._keep, 0)
        self.dropped += skipped
        ink = self._ink
        self.lines += [printed(line, ink, WIDTH) for line in others[skipped:]]
        self._row = len(self.lines) - 1
        self._col = min(len(others[-1]), WIDTH)
        self._scrolled()

    def _print(self, text: str) -> None:
        if not text:
            return
        room = WIDTH - self._col
        line = self.lines[self._row]
        if len(text) <= room:
            line.write(self._col, text, self._ink)
            self._col += len(text)
            return
        if room > 0:
            line.write(self._col, text[:room], self._ink)
        line.write(WIDTH - 1, MARK, self._ink)
        self._col = WIDTH

    def _special(self, text: str, at: int) -> int:
        """One sequence or control character and, as it is mostly so, the text and the sequences behind it."""
        while True:
            found = TOKEN.match(text, at)
            if found is None or UNFINISHED.match(text, at):
                self._hold(text[at:])
                return len(text)
            kind = found.lastgroup
            at = found.end()
            if kind == "text":
                self._print(found.group())
            elif kind == "csi":
                self._csi(found.group("csi"))
            elif kind == "string":
                self._in_string = True
                return at
            elif kind == "escape":
                self._escape(found.group("escape"))
            elif kind == "control":
                self._control(found.group())
            if at >= len(text) or text[at] in "\r\n":
                return at

    def _hold(self, rest: str) -> None:
        """A sequence that goes on with the next bytes; one that is too long is none."""
        if rest and len(rest) <= HELD and UNFINISHED.match(rest):
            self._rest = rest

    def _pass_string(self, text: str, at: int) -> int:
        """Titles, links and other things that are not shown."""
        found = STRING_ENDS.search(text, at)
        if found is None:
            return len(text)
        self._in_string = False
        return found.start() if found.group() == "\x1b" else found.end()

    def _control(self, char: str) -> None:
        if char == "\r":
            self._col = 0
        elif char in "\n\x0b\x0c":
            self._down()
        elif char == "\b":
            self._col = max(min(self._col, WIDTH - 1) - 1, 0)
        elif char == "\t":
            self._col = min((self._col // TAB + 1) * TAB, WIDTH - 1)

    # Places

    def _down(self) -> None:
        region = self._region
        if region is not None and self._row == self._top + region[1]:
            self._scroll_region(*region)
        elif self._row < len(self.lines) - 1:
            self._row = min(self._row + 1, self._top + self._rows - 1)
            if self._row == self._top + self._rows - 1:
                self._scrolled()
        else:
            self.lines.append(Line())
            self._row += 1
            self._scrolled()

    def _up(self) -> None:
        """A line up; at the upper end all others go down."""
        top, bottom = self._margins()
        if self._row == top:
            self._reach(bottom)
            del self.lines[bottom]
            self.lines.insert(top, Line())
        else:
            self._row = max(self._row - 1, self._top)

    def _scroll_region(self, first: int, last: int) -> None:
        """One line up. What leaves the screen at its upper end is kept above it."""
        self._reach(self._top + last)
        self.lines.insert(self._top + last + 1, Line())
        if first == 0 and self._behind is None:
            self._top += 1
            self._row += 1
            self._forget()
        else:
            del self.lines[self._top + first]

    def _scrolled(self) -> None:
        """The screen follows its last line."""
        over = len(self.lines) - self._rows
        if self._behind is not None and over > 0:
            del self.lines[:over]
            self._row -= over
        elif over > self._top:
            self._top = over
            self._forget()

    def _forget(self, most: int = 0) -> None:
        over = len(self.lines) - (most or self._keep)
        if over > (0 if most else self._keep // 4):
            over = min(over, self._top)
            del self.lines[:over]
            self.dropped += over
            self._top -= over
            self._row -= over
            self._saved = (max(self._saved[0] - over, 0),) + self._saved[1:]

    def _bound(self) -> None:
        """Very long lines are kept in smaller number."""
        count, left = len(self.lines), CELLS
        while count > 0 and left > 0:
            count -= 1
            left -= len(self.lines[count].text)
        if count > 0:
            self._forget(len(self.lines) - count)

    def _margins(self) -> Tuple[int, int]:
        first, last = self._region or (0, self._rows - 1)
        return self._top + first, self._top + last

    def _reach(self, row: int) -> None:
        """Makes lines down to that one, which is on the screen."""
        while len(self.lines) <= row:
            self.lines.append(Line())

    def _go(self, row: int, col: int) -> None:
        """row: of all lines."""
        row = max(self._top, min(row, self._top + self._rows - 1))
        self._reach(row)
        self._row, self._col = row, max(0, min(col, WIDTH - 1))

    # Sequences

    def _escape(self, name: str) -> None:
        if name == "7":
            self._saved = (self._row, self._col, self._ink)
        elif name == "8":
            row, col, self._ink = self._saved
            self._go(row, col)
        elif name == "D":
            self._down()
        elif name == "E":
            self._col = 0
            self._down()
        elif name == "M":
            self._up()
        elif name == "c":
            self._reset()

    def _reset(self) -> None:
        """As a terminal that was turned on."""
        self._leave()
        self._ink, self._region, self._saved = PLAIN, None, (0, 0, PLAIN)
        self._go(self._top, 0)
        self._erase_screen(0)

    def _csi(self, sequence: str) -> None:
        final, parameters = sequence[-1], sequence[:-1]
        if final == "m" and (not parameters or parameters[0] not in "<=>?"):
            self._ink = apply(self._ink, parameters)
        elif parameters[:1] == "?":
            if final in "hl":
                self._mode(parameters[1:].split(";"), final == "h")
            elif final in "JK":
                self._run(final, parameters[1:])
        elif parameters[:1] not in ("<", "=", ">"):
            self._run(final, parameters)

    def _run(self, final: str, parameters: str) -> None:
        act = ACTS.get(final)
        if act is not None and not (parameters and parameters[-1] in " !\"#$%&'()*+,-./"):
            numbers = [min(int(part), MOST) if part.isdigit() else 0 for part in parameters.split(";")[:8]]
            act(self, numbers)

    def _mode(self, modes: List[str], on: bool) -> None:
        for mode in modes:
            if mode in ("47", "1047", "1049"):
                (self._enter if on else self._leave)()

    def _enter(self) -> None:
        """The other screen, of programs that use all of it; nothing of it is kept."""
        if self._behind is None:
            self._behind = (self.lines, self._row, self._col, self._top, self._ink)
            row, self.lines, self._top, self._region = self._row - self._top, [Line()], 0, None
            self._go(row, self._col)

    def _leave(self) -> None:
        if self._behind is not None:
            self.lines, self._row, self._col, self._top, self._ink = self._behind
            self._behind = self._region = None

    def _vertical(self, count: int, stop_at_margins: bool = True) -> None:
        first, last = self._margins()
        low = first if stop_at_margins and self._row >= first else self._top
        high = last if stop_at_margins and self._row <= last else self._top + self._rows - 1
        self._go(max(low, min(self._row + count, high)), self._col)

    def _erase_line(self, kind: int) -> None:
        line, at = self.lines[self._row], self._col
        if kind == 0:
            line.delete(at, WIDTH)
        elif kind == 1:
            line.write(0, " " * min(at + 1, WIDTH), PLAIN)
        elif kind == 2:
            line.delete(0, WIDTH)

    def _erase_screen(self, kind: int) -> None:
        """The lines stay, empty; kind 3 forgets what is above the screen."""
        first, last = {0: (self._row + 1, len(self.lines)), 1: (self._top, self._row)}.get(kind, (self._top, len(self.lines)))
        if kind == 3:
            self.dropped += self._top
            del self.lines[: self._top]
            self._row, self._top = self._row - self._top, 0
            return
        for number in range(first, last):
            self.lines[number] = Line()
        if kind in (0, 1):
            self._erase_line(kind)

    def _move_lines(self, count: int, at: int, insert: bool) -> None:
        """Inserts or deletes lines at one within the margins; the others of the region move."""
        first, last = self._margins()
        if not first <= at <= last:
            return
        self._reach(last)
        for _ in range(min(count, last - at + 1)):
            del self.lines[last if insert else at]
            self.lines.insert(at if insert else last, Line())

    def _set_region(self, numbers: List[int]) -> None:
        first = max(numbers[0], 1) - 1
        last = (numbers[1] if len(numbers) > 1 and numbers[1] else self._rows) - 1
        last = min(last, self._rows - 1)
        if first < last:
            self._region = None if (first, last) == (0, self._rows - 1) else (first, last)
            self._go(self._top, 0)


def _one(numbers: List[int]) -> int:
    return numbers[0] or 1


def _insert(screen: Screen, numbers: List[int]) -> None:
    line = screen.lines[screen._row]
    line.insert(screen._col, min(_one(numbers), WIDTH))
    line.delete(WIDTH, len(line.text))


def _place(screen: Screen, numbers: List[int]) -> None:
    col = numbers[1] if len(numbers) > 1 else 1
    screen._go(screen._top + max(numbers[0], 1) - 1, max(col, 1) - 1)


def _erase_chars(screen: Screen, numbers: List[int]) -> None:
    line, at = screen.lines[screen._row], screen._col
    count = min(_one(numbers), max(len(line.text) - at, 0))
    line.write(at, " " * count, PLAIN)


def _lines_here(screen: Screen, numbers: List[int], insert: bool) -> None:
    screen._move_lines(_one(numbers), screen._row, insert)
    screen._col = 0


def _next_line(screen: Screen, count: int) -> None:
    screen._vertical(count)
    screen._col = 0


ACTS: Dict[str, Callable[[Screen, List[int]], None]] = {
    "A": lambda screen, numbers: screen._vertical(-_one(numbers)),
    "B": lambda screen, numbers: screen._vertical(_one(numbers)),
    "C": lambda screen, numbers: screen._go(screen._row, screen._col + _one(numbers)),
    "D": lambda screen, numbers: screen._go(screen._row, min(screen._col, WIDTH - 1) - _one(numbers)),
    "E": lambda screen, numbers: _next_line(screen, _one(numbers)),
    "F": lambda screen, numbers: _next_line(screen, -_one(numbers)),
    "G": lambda screen, numbers: screen._go(screen._row, _one(numbers) - 1),
    "H": _place,
    "J": lambda screen, numbers: screen._erase_screen(numbers[0]),
    "K": lambda screen, numbers: screen._erase_line(numbers[0]),
    "L": lambda screen, numbers: _lines_here(screen, numbers, True),
    "M": lambda screen, numbers: _lines_here(screen, numbers, False),
    "P": lambda screen, numbers: screen.lines[screen._row].delete(screen._col, _one(numbers)),
    "S": lambda screen, numbers: screen._move_lines(_one(numbers), screen._margins()[0], False),
    "T": lambda screen, numbers: screen._move_lines(_one(numbers), screen._margins()[0], True),
    "X": _erase_chars,
    "@": _insert,
    "`": lambda screen, numbers: screen._go(screen._row, _one(numbers) - 1),
    "a": lambda screen, numbers: screen._go(screen._row, screen._col + _one(numbers)),
    "d": lambda screen, numbers: screen._go(screen._top + _one(numbers) - 1, screen._col),
    "e": lambda screen, numbers: screen._vertical(_one(numbers), False),
    "f": _place,
    "r": lambda screen, numbers: screen._set_region(numbers),
    "s": lambda screen, numbers: screen._escape("7"),
    "u": lambda screen, numbers: screen._escape("8"),
}
