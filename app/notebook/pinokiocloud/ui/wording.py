"""What apps wrote, for a page: their HTML as plain text, in which only links are left, and only to the web."""

import re
from typing import Any

from ..prose import LONGEST, pieces
from .parts import escape, link

__all__ = ["linked", "plain", "rich"]

ADDRESS = re.compile(r"https?://[^\s<>\"'`]+")
TRAILING = ".,;:!?)]}*_"


def plain(text: Any, longest: int = 300) -> str:
    """One line of text, cut at so many characters."""
    line = " ".join("".join(piece for piece, _ in pieces(text)).split())
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
    shown = "".join(link(href, piece) if href and piece.strip() else _with_links(piece) for piece, href in pieces(text))
    shown = re.sub(r"[ \t]*\n[ \t]*", "\n", shown).strip()
    return re.sub(r"\n{2,}", "\n\n", shown).replace("\n", "<br>")
