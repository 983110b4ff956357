"""Reads a QR code off the screen: half blocks to modules, modules to text. Only what the program draws: the least
error correction, up to version 10. Nothing is corrected, so every module has to be right."""

import re

# By version: centres of the alignment patterns; blocks of data, as (how many, bytes in each).
CENTRES = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]]
BLOCKS = [
    [(1, 19)],
    [(1, 34)],
    [(1, 55)],
    [(1, 80)],
    [(1, 108)],
    [(2, 68)],
    [(2, 78)],
    [(2, 97)],
    [(2, 116)],
    [(2, 68), (2, 69)],
]
MASKS = [
    lambda y, x: (y + x) % 2,
    lambda y, x: y % 2,
    lambda y, x: x % 3,
    lambda y, x: (y + x) % 3,
    lambda y, x: (y // 2 + x // 3) % 2,
    lambda y, x: y * x % 2 + y * x % 3,
    lambda y, x: (y * x % 2 + y * x % 3) % 2,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2,
]
HALVES = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
QUIET = 4
# By mode (digits, capitals, bytes): bits of the length, up to version 9 and from 10 on.
LENGTHS = {1: (10, 12), 2: (9, 11), 4: (8, 16)}
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def plain(screen):
    return re.sub(r"\x1b\[[0-9;]*m", "", screen).replace("\r", "")


def lines_of(screen):
    """The lines of the code."""
    return [line for line in plain(screen).split("\n") if line and not line.strip(" ▀▄█")]


def modules(screen, drawn_is_dark=True):
    """Rows of 0 and 1 (dark), the quiet zone included."""
    rows = []
    for line in lines_of(screen):
        pairs = [HALVES[character] for character in line]
        rows += [[half if drawn_is_dark else 1 - half for half in side] for side in zip(*pairs)]
    return rows


def without_quiet_zone(rows):
    size = len(rows[0]) - 2 * QUIET
    around = rows[:QUIET] + rows[QUIET + size : 2 * QUIET + size]
    around += [row[:QUIET] + row[QUIET + size :] for row in rows[QUIET : QUIET + size]]
    assert not any(module for row in around for module in row), "the quiet zone is not light"
    return [row[QUIET : QUIET + size] for row in rows[QUIET : QUIET + size]]


def is_pattern(version, size, y, x):
    """Whether the module belongs to a pattern, and not to the data."""
    corner = (y < 9 and x < 9) or (y < 9 and x >= size - 8) or (y >= size - 8 and x < 9)
    versions = version >= 7 and ((y < 6 and x >= size - 11) or (x < 6 and y >= size - 11))
    centres = CENTRES[version - 1]
    alignment = any(
        abs(y - row) <= 2 and abs(x - column) <= 2
        for row in centres
        for column in centres
        if (row, column) not in ((6, 6), (6, centres[-1]), (centres[-1], 6))
    )
    return corner or versions or alignment or y == 6 or x == 6


def bits_of(grid, version, mask):
    size = len(grid)
    right, upwards = size - 1, True
    while right > 0:
        right -= 1 if right == 6 else 0
        for y in range(size - 1, -1, -1) if upwards else range(size):
            for x in (right, right - 1):
                if not is_pattern(version, size, y, x):
                    yield grid[y][x] ^ (MASKS[mask](y, x) == 0)
        right, upwards = right - 2, not upwards


def data_of(codewords, version):
    """The blocks were sent byte by byte in turn."""
    lengths = [length for count, length in BLOCKS[version - 1] for _ in range(count)]
    blocks = [bytearray() for _ in lengths]
    at = 0
    for place in range(max(lengths)):
        for block, length in zip(blocks, lengths):
            if place < length:
                block.append(codewords[at])
                at += 1
    return b"".join(blocks)


def text_of(data, version):
    """Of segments, each with its mode, its length and its letters, packed as the mode has it."""
    text, at = "", 0

    def take(count):
        nonlocal at
        at += count
        return int(data[at - count : at], 2)

    while True:
        mode = take(4) if len(data) - at >= 4 else 0
        if mode == 0:
            return text
        count = take(LENGTHS[mode][version >= 10])
        if mode == 4:
            text += bytes(take(8) for _ in range(count)).decode()
        for begin in range(0, count if mode == 1 else 0, 3):
            some = min(3, count - begin)
            text += str(take((4, 7, 10)[some - 1])).zfill(some)
        for begin in range(0, count if mode == 2 else 0, 2):
            some = min(2, count - begin)
            number = take((6, 11)[some - 1])
            text += (LETTERS[number // 45] if some == 2 else "") + LETTERS[number % 45]


def read(screen, drawn_is_dark=True):
    grid = without_quiet_zone(modules(screen, drawn_is_dark))
    version = (len(grid) - 17) // 4
    places = [(8, x) for x in (0, 1, 2, 3, 4, 5, 7, 8)] + [(y, 8) for y in (7, 5, 4, 3, 2, 1, 0)]
    form = int("".join(str(grid[y][x]) for y, x in places), 2) ^ 0x5412
    assert form >> 13 == 1, "another level of correction: %d" % (form >> 13)
    bits = "".join(str(int(bit)) for bit in bits_of(grid, version, form >> 10 & 7))
    codewords = [int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8)]
    data = "".join("{:08b}".format(byte) for byte in data_of(codewords, version))
    return text_of(data, version)
