"""QR codes of short texts, as SVG: ISO/IEC 18004, bytes as UTF-8, versions 1 to 15, error correction M (15 %)."""

import itertools
import re
from functools import lru_cache
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

from .parts import escape

__all__ = ["LONGEST", "modules", "svg"]

# By version: all codewords; those for correction in a block; blocks; centres of the alignment patterns.
VERSIONS: Tuple[Tuple[int, int, int, Tuple[int, ...]], ...] = (
    (26, 10, 1, ()),
    (44, 16, 1, (6, 18)),
    (70, 26, 1, (6, 22)),
    (100, 18, 2, (6, 26)),
    (134, 24, 2, (6, 30)),
    (172, 16, 4, (6, 34)),
    (196, 18, 4, (6, 22, 38)),
    (242, 22, 4, (6, 24, 42)),
    (292, 22, 5, (6, 26, 46)),
    (346, 26, 5, (6, 28, 50)),
    (404, 30, 5, (6, 30, 54)),
    (466, 22, 8, (6, 32, 58)),
    (532, 22, 9, (6, 34, 62)),
    (581, 24, 9, (6, 26, 46, 66)),
    (655, 24, 10, (6, 26, 48, 70)),
)
BYTES = 4  # the mode
LONG_COUNT = 10  # from this version on the length has two bytes
LONGEST = 412  # bytes
PADS = (0xEC, 0x11)
FIELD = 0x11D  # x^8 + x^4 + x^3 + x^2 + 1
FORMAT, FORMAT_MASK = 0x537, 0x5412
VERSION_CODE, VERSION_FROM = 0x1F25, 7
QUIET = 4  # modules of light around it

MASKS: Tuple[Callable[[int, int], bool], ...] = (
    lambda x, y: (x + y) % 2 == 0,
    lambda x, y: y % 2 == 0,
    lambda x, y: x % 3 == 0,
    lambda x, y: (x + y) % 3 == 0,
    lambda x, y: (y // 2 + x // 3) % 2 == 0,
    lambda x, y: x * y % 2 + x * y % 3 == 0,
    lambda x, y: (x * y % 2 + x * y % 3) % 2 == 0,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2 == 0,
)
RUNS = re.compile("0+|1+")


# Codewords


def _times(one: int, other: int) -> int:
    """In GF(256)."""
    made = 0
    while other:
        made ^= one if other & 1 else 0
        one, other = one << 1 ^ (FIELD if one & 0x80 else 0), other >> 1
    return made


@lru_cache(maxsize=None)
def _rows(count: int) -> Tuple[Tuple[int, ...], ...]:
    """For each byte: the generator polynomial of so many roots, without its first term, times that byte."""
    polynomial, root = [1], 1
    for _ in range(count):
        shifted = [_times(term, root) for term in polynomial]
        polynomial = [one ^ other for one, other in zip(polynomial + [0], [0] + shifted)]
        root = _times(root, 2)
    return tuple(tuple(_times(term, byte) for term in polynomial[1:]) for byte in range(256))


def _correction(data: Sequence[int], count: int) -> List[int]:
    """What Reed-Solomon adds to a block."""
    rows, rest = _rows(count), [0] * count
    for byte in data:
        row = rows[byte ^ rest[0]]
        rest = [one ^ other for one, other in zip(rest[1:] + [0], row)]
    return rest


def _room(version: int) -> int:
    """Codewords of data."""
    total, correction, blocks, _ = VERSIONS[version - 1]
    return total - correction * blocks


def _fit(length: int) -> int:
    """The smallest version that takes so many bytes."""
    for version in range(1, len(VERSIONS) + 1):
        if length <= _room(version) - (3 if version >= LONG_COUNT else 2):
            return version
    raise ValueError("a QR code of ours takes %d bytes, not %d" % (LONGEST, length))


def _codewords(data: bytes, version: int) -> List[int]:
    """All of them, blocks interleaved."""
    total, correction, count, _ = VERSIONS[version - 1]
    bits = "{:04b}{:0{}b}".format(BYTES, len(data), 16 if version >= LONG_COUNT else 8)
    bits += "".join("{:08b}".format(byte) for byte in data) + "0000"  # the terminator, which makes it whole bytes
    words = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]
    room = _room(version)
    words += itertools.islice(itertools.cycle(PADS), room - len(words))
    blocks, at = [], 0
    for block in range(count):
        size = room // count + (1 if block >= count - room % count else 0)  # the longer ones come last
        blocks.append(words[at : at + size])
        at += size
    corrections = [_correction(block, correction) for block in blocks]
    mixed = [word for column in itertools.zip_longest(*blocks) for word in column if word is not None]
    return mixed + [word for column in zip(*corrections) for word in column]


# Modules


def _with_check(value: int, code: int, bits: int) -> int:
    """value and its BCH check of so many bits."""
    rest = value << bits
    while rest.bit_length() > bits:
        rest ^= code << rest.bit_length() - code.bit_length()
    return value << bits | rest


class _Square:
    """dark[y][x] is 0 or 1; fixed[y][x]: not for data."""

    def __init__(self, version: int) -> None:
        self.version, self.size = version, 17 + 4 * version
        self.dark = [[0] * self.size for _ in range(self.size)]
        self.fixed = [[False] * self.size for _ in range(self.size)]
        self._timing()
        self._finders()
        self._alignments()
        self.format(0)
        self._version()

    def put(self, x: int, y: int, dark: int) -> None:
        self.dark[y][x], self.fixed[y][x] = dark, True

    def _rings(self, x: int, y: int, reach: int, light: Tuple[int, ...]) -> None:
        """Squares around a centre; light are the distances of the light ones."""
        for row in range(max(0, y - reach), min(self.size, y + reach + 1)):
            for column in range(max(0, x - reach), min(self.size, x + reach + 1)):
                self.put(column, row, int(max(abs(column - x), abs(row - y)) not in light))

    def _timing(self) -> None:
        for at in range(self.size):
            self.put(at, 6, 1 - at % 2)
            self.put(6, at, 1 - at % 2)

    def _finders(self) -> None:
        far = self.size - 4
        for x, y in ((3, 3), (far, 3), (3, far)):
            self._rings(x, y, 4, (2, 4))

    def _alignments(self) -> None:
        centres = VERSIONS[self.version - 1][3]
        for x, y in itertools.product(centres, repeat=2):
            if (x, y) not in ((6, 6), (6, centres[-1]), (centres[-1], 6)):  # where finders are
                self._rings(x, y, 2, (1,))

    def format(self, mask: int) -> None:
        """Twice: around the finder above on the left, and shared by the others. Correction M is 00."""
        word, end = _with_check(mask, FORMAT, 10) ^ FORMAT_MASK, self.size - 1
        near = [0, 1, 2, 3, 4, 5, 7, 8]
        for bit in range(15):
            dark = word >> bit & 1
            if bit < 8:
                self.put(8, near[bit], dark)
                self.put(end - bit, 8, dark)
            else:
                self.put(near[14 - bit], 8, dark)
                self.put(8, end - 14 + bit, dark)
        self.put(8, self.size - 8, 1)

    def _version(self) -> None:
        if self.version < VERSION_FROM:
            return
        word = _with_check(self.version, VERSION_CODE, 12)
        for bit in range(18):
            near, far = bit // 3, self.size - 11 + bit % 3
            self.put(near, far, word >> bit & 1)
            self.put(far, near, word >> bit & 1)

    def _way(self) -> Iterator[Tuple[int, int]]:
        """Where data goes: columns in pairs from the right, up and down by turns, without that of the timing."""
        up = True
        for right in [at for at in range(self.size - 1, 0, -2) if at > 6] + [5, 3, 1]:
            for y in range(self.size - 1, -1, -1) if up else range(self.size):
                for x in (right, right - 1):
                    if not self.fixed[y][x]:
                        yield x, y
            up = not up

    def fill(self, words: Sequence[int]) -> None:
        """Modules that are left over stay light."""
        bits = (word >> bit & 1 for word in words for bit in range(7, -1, -1))
        for (x, y), bit in zip(self._way(), bits):
            self.dark[y][x] = bit

    def masked(self, mask: int) -> List[str]:
        self.format(mask)
        turned = MASKS[mask]
        return [
            "".join(
                "1" if dark ^ (not fixed and turned(x, y)) else "0"
                for x, (dark, fixed) in enumerate(zip(self.dark[y], self.fixed[y]))
            )
            for y in range(self.size)
        ]


# Which mask


def _line(line: str) -> int:
    """Long runs, and what looks like a finder with light beside it: 1:1:3:1:1."""
    lengths = [len(run) for run in RUNS.findall(line)]
    points = sum(length - 2 for length in lengths if length >= 5)
    first = 2 if line[0] == "1" else 3  # of the dark runs that have two before them
    for at in range(first, len(lengths) - 2, 2):
        unit = lengths[at] // 3
        if lengths[at] % 3 == 0 and lengths[at - 2] == lengths[at - 1] == lengths[at + 1] == lengths[at + 2] == unit:
            before = lengths[at - 3] if at > 2 else 4 * unit  # around the code it is light
            after = lengths[at + 3] if at + 3 < len(lengths) else 4 * unit
            points += 40 if max(before, after) >= 4 * unit else 0
    return points


def _points(rows: Sequence[str]) -> int:
    """How badly it can be read, as the standard counts it."""
    size = len(rows)
    points = sum(_line(row) for row in rows) + sum(_line("".join(column)) for column in zip(*rows))
    whole = (1 << size - 1) - 1
    for above, below in zip(rows, rows[1:]):
        one, other = int(above, 2), int(below, 2)
        mixed = (one ^ one >> 1) | (one ^ other) | (one ^ other >> 1)
        points += 3 * bin(~mixed & whole).count("1")
    dark = sum(row.count("1") for row in rows)
    return points + 10 * int(abs(20 * dark - 10 * size * size) // (size * size))


def modules(text: str, mask: Optional[int] = None) -> List[str]:
    """The rows of a code, of "0" (light) and "1" (dark). mask: 0 to 7; else the best. ValueError: the text is too long."""
    data = text.encode("utf-8")
    square = _Square(_fit(len(data)))
    square.fill(_codewords(data, square.version))
    if mask is not None:
        return square.masked(mask)
    return min((square.masked(one) for one in range(len(MASKS))), key=_points)


def svg(text: str, label: str) -> str:
    """An image of that code, always dark on white; label: what it says to who does not see it."""
    rows = modules(text)
    side = len(rows) + 2 * QUIET
    path = "".join(
        "M%d %dh%dv1h-%dz" % (run.start() + QUIET, y + QUIET, len(run.group()), len(run.group()))
        for y, row in enumerate(rows)
        for run in re.finditer("1+", row)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="pino-qr" role="img" aria-label="%s" viewBox="0 0 %d %d" '
        'shape-rendering="crispEdges"><rect width="%d" height="%d" fill="#fff"/><path d="%s" fill="#000"/></svg>'
        % (escape(label), side, side, side, side, path)
    )
