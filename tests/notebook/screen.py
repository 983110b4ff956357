#!/usr/bin/env python3
"""A terminal's screen in plain Python: what it shows of what was printed, however the bytes were cut, and how little it keeps.

The lines that are wanted here are those that xterm.js shows for the same bytes.
"""

import html
import random
import re
import time

from support import SLOW, case, leave

from pinokiocloud.ui.ink import MARK
from pinokiocloud.ui.screen import CELLS, KEEP, WIDTH, Screen

E = "\x1b["
SHOWN = {
    "lines": ("one\r\ntwo\r\n", ["one", "two", ""]),
    "line-feed-goes-down-only": ("ab\ncd", ["ab", "  cd"]),
    "carriage-return-prints-over": ("10%\r100%\rx", ["x00%"]),
    "progress-bar": ("".join("\r%3d%%|%s" % (n, "#" * (n // 10)) for n in range(0, 101, 5)) + "\r\ndone", ["100%|##########", "done"]),
    "backspace": ("abc\b\bX", ["aXc"]),
    "tabs": ("a\tb\r\n12345678\tc", ["a       b", "12345678        c"]),
    "erase-to-the-end-of-line": ("abcdef\r" + E + "3C" + E + "K", ["abc"]),
    "erase-whole-line": ("abcdef" + E + "2K\rx", ["x"]),
    "erase-to-the-begin": ("abcdef" + E + "3D" + E + "1K", ["    ef"]),
    "two-bars": ("a 0\r\nb 0\r\n" + E + "2A" + "a 9\r\nb 9\r\n", ["a 9", "b 9", ""]),
    "clear": ("old\r\nold\r\n" + E + "H" + E + "2Jnew", ["new"]),
    "place": (E + "3;5Hx" + E + "1;1Hy", ["y", "", "    x"]),
    "insert-and-delete-characters": ("abcdef" + E + "4D" + E + "2@" + E + "1P", ["ab cdef"]),
    "insert-and-delete-lines": ("a\r\nb\r\nc" + E + "2;1H" + E + "L" + "x" + E + "1;1H" + E + "M", ["x", "b", "c"]),
    "region": ("".join("%d\r\n" % n for n in range(4)) + E + "1;2r" + E + "2;1H\nz", ["0", "1", "z", "2", "3"]),
    "saved-place": ("ab\x1b7cd\r\nef\x1b8X", ["abXd", "ef"]),
    "the-other-screen-leaves-nothing": ("shell\r\n" + E + "?1049hfull screen" + E + "?1049lback", ["shell", "back"]),
    "title-and-link-are-passed-over": ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\c\x1bPq\x1b\\d", ["abcd"]),
    "modes-and-character-sets": (E + "?25l" + E + "?2004h\x1b(B\x1b=a\x0fb", ["ab"]),
    "unicode": ("Grüße 你好 👩\u200d🚀", ["Grüße 你好 👩\u200d🚀"]),
    "broken-utf-8": (b"a\xff\xc3(\xe4\xbd", ["a\ufffd\ufffd("]),
    "cancelled-sequence": (E + "31\x18mx", ["mx"]),
}


def shown(data, size=None, rows=30):
    screen = Screen(rows)
    data = data if isinstance(data, bytes) else data.encode()
    for at in range(0, len(data), size or len(data) or 1):
        screen.feed(data[at : at + (size or len(data))])
    return screen


@case("/notebook/screen/shows-what-a-terminal-shows")
def terminal(service):
    for name, (data, lines) in SHOWN.items():
        for size in (None, 1, 2, 3, 7):
            service.equal([line.text for line in shown(data, size).shown()], lines, "%s in pieces of %s" % (name, size))


@case("/notebook/screen/cut-anywhere-is-all-the-same")
def cut(service):
    chance = random.Random(6)
    parts = [data if isinstance(data, bytes) else data.encode() for data, _ in SHOWN.values()]
    parts += [b"\x1b[1;38;5;208mo\x1b[48;2;1;2;3mp\x1b[0m", b"\x1b[", b"\x1b]", b"\x1b", b"\x07", b"\r\n"]
    for _ in range(150):
        data = b"".join(chance.choice(parts) for _ in range(chance.randint(1, 12)))
        whole, cut_up = Screen(), Screen()
        whole.feed(data)
        at = 0
        while at < len(data):
            length = chance.randint(1, 9)
            cut_up.feed(data[at : at + length])
            at += length
        for screen in (whole, cut_up):
            for line in screen.lines:
                service.equal(line.inks is None or len(line.inks) == len(line.text), True, "an ink a character: %r" % data)
        service.equal([line.sgr() for line in cut_up.lines], [line.sgr() for line in whole.lines], "%r" % data)


@case("/notebook/screen/colours")
def colours(service):
    def line(data):
        return shown(data).shown()[0]

    red = line("a" + E + "1;31mb" + E + "0mc")
    service.equal(red.sgr(), "a\x1b[0;1;31mb\x1b[0mc", "sixteen colours")
    service.equal(line(E + "38;5;208mx" + E + "m").sgr(), "\x1b[0;38;5;208mx\x1b[0m", "256 colours")
    service.equal(line(E + "48;2;1;2;3mx").sgr(), "\x1b[0;48;2;1;2;3mx\x1b[0m", "true colours")
    service.equal(line(E + "38:2::9:8:7mx").sgr(), "\x1b[0;38;2;9;8;7mx\x1b[0m", "true colours with colons")
    service.equal(line(E + "91;104mx").sgr(), "\x1b[0;91;104mx\x1b[0m", "bright ones")
    service.equal(line(E + "4;7mx" + E + "24;27my").sgr(), "\x1b[0;4;7mx\x1b[0my", "attributes that end")
    service.has(red.html(), "pino-ink-bold")
    service.has(red.html(), "pino-ink-f1")
    service.has(line(E + "38;5;208mx").html(), "color: #ff8700")
    service.equal(line("plain").html(), "plain", "plain")


@case("/notebook/screen/hostile-text-is-escaped")
def hostile(service):
    data = "<script>alert(1)</script>" + E + '31m<img src=x onerror="x">' + E + "0m&amp;\u202e"
    found = shown(data).shown()[0]
    for word in ("<script", "<img", 'onerror="'):
        service.lacks(found.html(), word)
    service.equal(html.unescape(re.sub("<[^>]*>", "", found.html())), found.text, "read as it was printed")
    service.equal(len(found.html().split("<span")), 2, "no element but its own")


@case("/notebook/screen/bounded")
def bounded(service):
    screen = shown("".join("line %d\r\n" % number for number in range(20000)), 5000)
    service.equal(len(screen.lines) <= KEEP * 1.25 + 1, True, "%d lines" % len(screen.lines))
    service.equal(screen.lines[-2].text, "line 19999", "the last one")
    service.equal(screen.lines[0].text, "line %d" % screen.dropped, "those that were forgotten are counted")
    line = shown("x" * (3 * WIDTH) + "\r\nnext").shown()
    service.equal((len(line[0].text), line[0].text[-2:], line[1].text), (WIDTH, "x" + MARK, "next"), "a long line")
    slowly = shown("y" * (WIDTH + 5), 1).shown()[0].text
    service.equal((len(slowly), slowly[-1]), (WIDTH, MARK), "a long line, byte by byte")
    many = shown((E + "31m" + "z" * WIDTH + "\r\n") * 3000, 100000)
    cells = sum(len(one.text) for one in many.lines)
    service.equal(cells <= 2 * CELLS, True, "%d characters" % cells)
    for data in (b"\x1b]0;" + b"x" * 3000000, b"\x1b[" + b"1;" * 1000000, b"\x1b[99999999999999B" * 100, b"\n" * 500000):
        screen = shown(data, 10000)
        service.equal(len(screen.lines) < 3000 and len(screen._rest) < 5000, True, "%r..." % data[:10])


@case("/notebook/screen/quick")
def quick(service):
    lines = b"Downloading something like a wheel, 12345 of 999999 bytes, quite a line\r\n" * 100000
    began = time.monotonic()
    shown(lines, 16384)
    rate = len(lines) / 1e6 / (time.monotonic() - began)
    print("# %.0f MB/s of plain lines" % rate)
    service.equal(rate * SLOW > 8, True, "%.1f MB/s" % rate)


if __name__ == "__main__":
    leave()
