#!/usr/bin/env python3
"""QR codes of the notebook, module by module against libqrencode's (the program qrencode)."""

import random
import re
import subprocess

from support import case, leave

from pinokiocloud.ui import qr

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#[]@!$&'()*+,;=% é你😀"
ROOMS = [14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412]  # bytes, as the standard has them


def theirs(text):
    """The same text as qrencode has it: rows of 0 and 1."""
    arguments = ["qrencode", "-8", "-l", "M", "-m", "0", "-t", "ASCII", "-o", "-"]
    drawn = subprocess.run(arguments, input=text.encode(), stdout=subprocess.PIPE, check=True).stdout.decode()
    return ["".join("1" if line[at] == "#" else "0" for at in range(0, len(line), 2)) for line in drawn.splitlines()]


def drawn(image):
    """The modules of an SVG, with the quiet zone."""
    side = int(re.search(r'viewBox="0 0 (\d+) \1"', image).group(1))
    rows = [["0"] * side for _ in range(side)]
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", re.search(r' d="([^"]*)"', image).group(1)):
        rows[int(y)][int(x) : int(x) + int(length)] = "1" * int(length)
    return ["".join(row) for row in rows]


def same(service, text):
    """Gives the mask that qrencode took, and whether we take it too."""
    wanted = theirs(text)
    masks = [mask for mask in range(8) if qr.modules(text, mask) == wanted]
    service.equal(len(masks), 1, "masks with which %r (%d bytes) is as qrencode has it" % (text, len(text.encode())))
    return masks[0], qr.modules(text) == wanted


@case("/notebook/qr/every-version-at-its-edges")
def edges(service):
    for version, room in enumerate(ROOMS, 1):
        for length in (ROOMS[version - 2] + 1 if version > 1 else 1, room):
            text = "".join(LETTERS[at % 62] for at in range(length))
            same(service, text)
            service.equal(len(qr.modules(text)), 17 + 4 * version, "size of %d bytes" % length)
    service.equal(qr.LONGEST, ROOMS[-1], "the longest")


@case("/notebook/qr/three-hundred-texts")
def texts(service):
    chance = random.Random(6)
    taken, agreed = set(), 0
    for _ in range(300):
        text = "".join(chance.choice(LETTERS) for _ in range(chance.randint(1, 300)))
        if len(text.encode()) <= qr.LONGEST:
            mask, alike = same(service, text)
            taken.add(mask)
            agreed += alike
    print("# the mask that qrencode takes: %d of 300" % agreed)
    service.equal(len(taken), 8, "masks that were compared")
    service.equal(agreed > 240, True, "%d of 300 masks are those of qrencode" % agreed)  # it rounds in another way


@case("/notebook/qr/svg")
def image(service):
    text = 'https://cedar-basalt.trycloudflare.com/?a=<b>&c="d"'
    made = qr.svg(text, text)
    rows = qr.modules(text)
    side = len(rows) + 8
    light = ["0" * side] * 4
    service.equal(drawn(made), light + ["0000%s0000" % row for row in rows] + light, "what is drawn")
    service.equal("<b>" in made, False, "the label is escaped")


@case("/notebook/qr/too-long")
def bad(service):
    for text in ("x" * 413, "你" * 138):
        try:
            qr.modules(text)
        except ValueError as error:
            service.has(str(error), "takes 412 bytes, not 41[34]")
        else:
            raise AssertionError("%d bytes were taken" % len(text.encode()))


if __name__ == "__main__":
    leave()
