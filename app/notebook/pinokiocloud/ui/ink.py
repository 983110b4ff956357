"""Lines of a terminal, and the colours and weights of their characters: read from SGR sequences, written as SGR and as HTML.

An ink is one whole number, so that a line's inks are an array: the foreground in bits 0 to 25 (0 the default, 1 to 256 a
place in the palette plus one, RGB above that), the background in bits 26 to 51, then the attributes.
"""

import functools
from array import array
from typing import Iterator, List, Optional, Sequence, Tuple

from .parts import escape

__all__ = ["CSS", "INVERSE", "MARK", "PLAIN", "Line", "apply", "printed"]

MARK = "\u2026"  # the last character of a line that was longer
PLAIN = 0
SHIFT = 26
FIELD = (1 << SHIFT) - 1
RGB = 1 << 25
ATTRIBUTES = 2 * SHIFT
BOLD, DIM, ITALIC, UNDERLINE, INVERSE, HIDDEN, STRUCK = (1 << (ATTRIBUTES + bit) for bit in range(7))
SET = {1: BOLD, 2: DIM, 3: ITALIC, 4: UNDERLINE, 5: PLAIN, 7: INVERSE, 8: HIDDEN, 9: STRUCK, 21: UNDERLINE}
CLEAR = {22: BOLD | DIM, 23: ITALIC, 24: UNDERLINE, 27: INVERSE, 28: HIDDEN, 29: STRUCK}
NAMES = ((BOLD, "bold"), (DIM, "dim"), (ITALIC, "italic"), (UNDERLINE, "under"), (HIDDEN, "hidden"), (STRUCK, "struck"))
CODES = ((BOLD, 1), (DIM, 2), (ITALIC, 3), (UNDERLINE, 4), (INVERSE, 7), (HIDDEN, 8), (STRUCK, 9))
HERE = ".pino .pino-terminal-plain"
BY_SYSTEM = "html:not([theme=light]) body:not([data-jp-theme-light])"
LOOKS = {
    "bold": "font-weight: 600",
    "dim": "opacity: 0.75",
    "italic": "font-style: italic",
    "under": "text-decoration: underline",
    "hidden": "visibility: hidden",
    "struck": "text-decoration: line-through",
}
LEVELS = (0, 95, 135, 175, 215, 255)  # of the palette's cube

COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
# These, and then their bright ones: on the page's own background, light and dark; and on one that a program chose.
ON_LIGHT = (
    "#24292f #b3261e #1a6b2d #7a5200 #1f5fbf #8a3b9e #0b6670 #57606a "
    "#57606a #c62f21 #217a37 #855c00 #2563c4 #9b45b0 #0e7480 #33393f"
)
ON_DARK = (
    "#8b949e #ff8a80 #6fcf87 #e3b341 #8ab4f8 #d8a0e6 #6fcfd9 #d0d7de "
    "#a8b1bb #ffa198 #8be09f #f2cc60 #a5c8ff #e5b8f0 #8fe3ea #ffffff"
)
AS_THEY_ARE = (
    "#000000 #a01c1c #13652a #8a6100 #1a4fa3 #7c2f91 #0b6670 #d0d7de "
    "#57606a #ff8a80 #6fcf87 #f2cc60 #8ab4f8 #e5b8f0 #8fe3ea #ffffff"
)


def _colour_rules(number: int, name: str) -> List[str]:
    """Of a place of the palette: this module's own class, and that of Jupyter's text outputs."""
    light, dark, own = (colours.split()[number] for colours in (ON_LIGHT, ON_DARK, AS_THEY_ARE))
    front = ":is(.pino-ink-f%d, .ansi-%s-fg)" % (number, name)
    chosen = ':is(.pino-ink-on, [class*="-bg"])'
    return [
        "%s %s { color: %s; }" % (HERE, front, light),
        ":is(body[data-jp-theme-light=false], html[theme=dark]) %s %s { color: %s; }" % (HERE, front, dark),
        "@media (prefers-color-scheme: dark) { %s %s %s { color: %s; } }" % (BY_SYSTEM, HERE, front, dark),
        ".pino.pino.pino %s %s%s { color: %s; }" % (HERE.split()[1], front, chosen, own),
        "%s :is(.pino-ink-b%d, .ansi-%s-bg) { background: %s; }" % (HERE, number, name, own),
    ]


def _css() -> str:
    rules = [".pino-ink-%s { %s; }" % item for item in LOOKS.items()]
    for number in range(16):
        rules += _colour_rules(number, COLOURS[number % 8] + ("-intense" if number >= 8 else ""))
    rules.append("%s .pino-ink-on { color: #ffffff; } %s .pino-ink-on.pino-ink-ink { color: #10151c; }" % (HERE, HERE))
    rules.append(".pino .pino-ink-inverse { background: var(--pino-fg); color: var(--pino-bg); }")
    return "\n" + "\n".join(rules) + "\n"


CSS = _css()


@functools.lru_cache(maxsize=4096)
def apply(ink: int, parameters: str) -> int:
    """The ink after the SGR sequence with these parameters ("1;31")."""
    numbers = _numbers(parameters)
    at = 0
    while at < len(numbers):
        number = numbers[at]
        at += 1
        if number == 0:
            ink = PLAIN
        elif number in SET:
            ink |= SET[number]
        elif number in CLEAR:
            ink &= ~CLEAR[number]
        elif number in (38, 48):
            colour, at = _extended(numbers, at)
            if colour is not None:
                ink = _coloured(ink, number == 48, colour)
        else:
            ink = _simple(ink, number)
    return ink


def _numbers(parameters: str) -> List[int]:
    """Also those with colons: 4:0 takes the underline away, 38:2::R:G:B is 38;2;R;G;B."""
    numbers: List[int] = []
    for part in parameters.split(";"):
        pieces = part.split(":")
        if len(pieces) > 1 and pieces[0] == "4":
            numbers.append(24 if pieces[1] == "0" else 4)
            continue
        if len(pieces) == 6:
            del pieces[2]
        numbers += [int(piece) if piece.isdigit() and len(piece) < 6 else 0 for piece in pieces]
    return numbers


def _simple(ink: int, number: int) -> int:
    if 30 <= number <= 37 or 90 <= number <= 97:
        return _coloured(ink, False, number - 29 if number < 90 else number - 81)
    if 40 <= number <= 47 or 100 <= number <= 107:
        return _coloured(ink, True, number - 39 if number < 100 else number - 91)
    if number == 39:
        return _coloured(ink, False, 0)
    if number == 49:
        return _coloured(ink, True, 0)
    return ink


def _coloured(ink: int, background: bool, colour: int) -> int:
    shift = SHIFT if background else 0
    return ink & ~(FIELD << shift) | colour << shift


def _extended(numbers: Sequence[int], at: int) -> Tuple[Optional[int], int]:
    """The colour of 38;5;N or 38;2;R;G;B behind its first number, and where the rest begins."""
    kind = numbers[at] if at < len(numbers) else 0
    if kind == 5 and at + 1 < len(numbers):
        return (min(numbers[at + 1], 255) + 1), at + 2
    if kind == 2 and at + 3 < len(numbers):
        red, green, blue = (min(number, 255) for number in numbers[at + 1 : at + 4])
        return RGB | red << 16 | green << 8 | blue, at + 4
    return None, len(numbers)


def runs(text: str, inks: Optional[Sequence[int]]) -> Iterator[Tuple[str, int]]:
    """Pieces of one ink each."""
    if inks is None:
        yield text, PLAIN
        return
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or inks[at] != inks[start]:
            yield text[start:at], inks[start]
            start = at


def _rgb(colour: int) -> Tuple[int, int, int]:
    """Of a place beyond the sixteen, or of RGB."""
    if colour & RGB:
        return colour >> 16 & 255, colour >> 8 & 255, colour & 255
    place = colour - 1
    if place >= 232:
        return (8 + 10 * (place - 232),) * 3
    place -= 16
    return LEVELS[place // 36], LEVELS[place // 6 % 6], LEVELS[place % 6]


@functools.lru_cache(maxsize=4096)
def _tag(ink: int) -> str:
    """The opening tag of a piece of HTML."""
    front, back = ink & FIELD, ink >> SHIFT & FIELD
    names = ["pino-ink-" + name for bit, name in NAMES if ink & bit]
    styles: List[str] = []
    if ink & INVERSE:
        if front == back == 0:
            names.append("pino-ink-inverse")
        front, back = back, front
        if back == 0 and front:
            styles.append("background: var(--pino-fg)")
    if back:
        names.append("pino-ink-on")
        names += ["pino-ink-ink"] if _bright(back) else []
    for colour, letter, style in ((front, "f", "color"), (back, "b", "background")):
        if 0 < colour <= 16:
            names.append("pino-ink-%s%d" % (letter, colour - 1))
        elif colour:
            styles.append("%s: #%02x%02x%02x" % ((style,) + _rgb(colour)))
    style = ' style="%s"' % "; ".join(styles) if styles else ""
    return '<span class="%s"%s>' % (" ".join(names), style)


def _bright(colour: int) -> bool:
    if 0 < colour <= 16:
        return colour - 1 in (7, 9, 10, 11, 12, 13, 14, 15)
    red, green, blue = _rgb(colour)
    return 299 * red + 587 * green + 114 * blue > 128000


@functools.lru_cache(maxsize=4096)
def _sequence(ink: int) -> str:
    codes = ["0"] + [str(code) for bit, code in CODES if ink & bit]
    for colour, base in ((ink & FIELD, 30), (ink >> SHIFT & FIELD, 40)):
        if colour & RGB:
            codes.append("%d;2;%d;%d;%d" % ((base + 8,) + _rgb(colour)))
        elif colour > 16:
            codes.append("%d;5;%d" % (base + 8, colour - 1))
        elif colour > 8:
            codes.append(str(base + 60 + colour - 9))
        elif colour:
            codes.append(str(base + colour - 1))
    return "\x1b[%sm" % ";".join(codes)


def html_of(text: str, inks: Optional[Sequence[int]]) -> str:
    """A line, escaped."""
    if inks is None:
        return escape(text)
    return "".join(
        _tag(ink) + escape(piece) + "</span>" if ink else escape(piece) for piece, ink in runs(text, inks)
    )


def sgr_of(text: str, inks: Optional[Sequence[int]]) -> str:
    """A line as a terminal would be told to print it; it begins and ends plain."""
    if inks is None:
        return text
    pieces: List[str] = []
    before = PLAIN
    for piece, ink in runs(text, inks):
        pieces += [_sequence(ink) if ink else "\x1b[0m"] if ink != before else []
        pieces.append(piece)
        before = ink
    return "".join(pieces) + ("\x1b[0m" if before else "")


class Line:
    """inks: one for each character; None when all are plain."""

    __slots__ = ("text", "inks")

    def __init__(self, text: str = "", line_inks: "Optional[array[int]]" = None) -> None:
        self.text, self.inks = text, line_inks

    def write(self, at: int, text: str, ink: int) -> None:
        """Over what is there."""
        if at > len(self.text):
            self._grow(at - len(self.text))
        end = at + len(text)
        if ink or self.inks is not None:
            mine = self._inks()
            mine[at:end] = array("Q", (ink,)) * len(text)
        self.text = self.text[:at] + text + self.text[end:]

    def insert(self, at: int, count: int) -> None:
        """Blanks."""
        if at < len(self.text):
            if self.inks is not None:
                self.inks[at:at] = array("Q", bytes(8 * count))
            self.text = self.text[:at] + " " * count + self.text[at:]

    def delete(self, at: int, count: int) -> None:
        self.text = self.text[:at] + self.text[at + count :]
        if self.inks is not None:
            del self.inks[at : at + count]

    def with_ink(self, start: int, end: int, ink: int) -> "Line":
        """Another line, whose characters from start to end have that attribute too."""
        marked = array("Q", self.inks) if self.inks is not None else array("Q", bytes(8 * len(self.text)))
        for at in range(start, min(end, len(marked))):
            marked[at] |= ink
        return Line(self.text, marked)

    def html(self) -> str:
        return html_of(self.text, self.inks)

    def sgr(self) -> str:
        return sgr_of(self.text, self.inks)

    def _grow(self, count: int) -> None:
        self.text += " " * count
        if self.inks is not None:
            self.inks.extend([PLAIN] * count)

    def _inks(self) -> "array[int]":
        if self.inks is None:
            self.inks = array("Q", bytes(8 * len(self.text)))
        return self.inks


def printed(text: str, ink: int, most: int) -> Line:
    """A line that is new, cut to so many characters."""
    if len(text) > most:
        text = text[: most - 1] + MARK
    return Line(text, array("Q", (ink,)) * len(text) if ink and text else None)
