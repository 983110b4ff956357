"""What apps wrote, for a page: their HTML as plain text, in which only links are left, and only to the web."""

import re
from html.parser import HTMLParser
from typing import Any, List, Optional, Tuple

from .parts import escape, link

__all__ = ["linked", "plain", "rich"]

LONGEST = 10000  # characters; what is longer is no text for a person
SILENT = frozenset(("script", "style", "head", "title", "template", "iframe", "object", "noscript", "svg"))
BLOCKS = frozenset(
    "address article aside blockquote br dd div dl dt footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section"
    " table tr ul".split()
)
INLINE = frozenset(
    "a abbr b big button center cite code del details em font i img input ins kbd label mark q s samp small span strike"
    " strong sub summary sup td th thead tbody tt u var video audio source body html meta link".split()
)
TAGS = SILENT | BLOCKS | INLINE
TAG = re.compile(r"</?(%s)\b[^<>]*>" % "|".join(sorted(TAGS)), re.IGNORECASE)
ADDRESS = re.compile(r"https?://[^\s<>\"'`]+")
TRAILING = ".,;:!?)]}*_"

Piece = Tuple[str, Optional[str]]  # text, and the address it leads to


class _Reader(HTMLParser):
    """Collects text; what looks like a tag and is none of HTML's is text."""

    def __init__(self, folds: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: List[Piece] = []
        self._folds = folds
        self._silent = 0
        self._href: Optional[str] = None

    def handle_starttag(self, tag: str, attributes: List[Tuple[str, Optional[str]]]) -> None:
        if tag not in TAGS:
            self.handle_data(self.get_starttag_text() or "")
        elif tag in SILENT:
            self._silent += 1
        elif tag in BLOCKS:
            self._break("\n• " if tag == "li" else "\n")
        elif tag == "a":
            self._href = dict(attributes).get("href")

    def handle_startendtag(self, tag: str, attributes: List[Tuple[str, Optional[str]]]) -> None:
        if tag not in SILENT:
            self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "a":
            self._href = None
        elif tag in BLOCKS and tag != "br":
            self._break("\n")

    def handle_data(self, data: str) -> None:
        if self._silent == 0 and data:
            self.pieces.append((re.sub(r"\s+", " ", data) if self._folds else data, self._href))

    def _break(self, text: str) -> None:
        if self._silent == 0:
            self.pieces.append((text, None))


def _read(text: Any) -> List[Piece]:
    text = text if isinstance(text, str) else "" if text is None else str(text)
    more = len(text) - LONGEST
    reader = _Reader(TAG.search(text) is not None)
    reader.feed(text[:LONGEST])
    reader.close()
    if more > 0:
        reader.pieces.append(("\n… (%d more characters)" % more, None))
    return reader.pieces


def plain(text: Any, longest: int = 300) -> str:
    """One line of text, cut at so many characters."""
    line = " ".join("".join(piece for piece, _ in _read(text)).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def linked(text: str) -> str:
    """HTML of plain text in which addresses of the web can be followed, and lines stay lines."""
    return _with_links(text[:LONGEST]).replace("\n", "<br>") + ("…" if len(text) > LONGEST else "")


def _with_links(text: str) -> str:
    out, at = [], 0
    for found in ADDRESS.finditer(text):
        url = found.group().rstrip(TRAILING)
        out.append(escape(text[at : found.start()]) + link(url))
        at = found.start() + len(url)
    return "".join(out) + escape(text[at:])


def rich(text: Any) -> str:
    """Safe HTML: lines stay lines, links of the web stay links."""
    shown = "".join(link(href, piece) if href and piece.strip() else _with_links(piece) for piece, href in _read(text))
    shown = re.sub(r"[ \t]*\n[ \t]*", "\n", shown).strip()
    return re.sub(r"\n{2,}", "\n\n", shown).replace("\n", "<br>")
