"""What apps wrote for a person, in HTML or plain, as pieces of text. Read in a time that grows with its length only, as that
of html.parser does not: hostile text is read on the main thread too."""

import html
import re
from typing import Any, List, Optional, Tuple

__all__ = ["LONGEST", "Piece", "lines", "pieces"]

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
TOKEN = re.compile(r"<!--|-->|<(/?)([A-Za-z][A-Za-z0-9-]{0,30})(?=[\s/>])([^<>]*)>|<[!?][^<>]*>")
HREF = re.compile(r"\bhref\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)
SPACES = re.compile(r"\s+")

Piece = Tuple[str, Optional[str]]  # text, and the address it leads to


class _Reader:
    """Collects text. What looks like a tag and is none of HTML's is text; where there are tags, spaces are folded."""

    def __init__(self, folds: bool) -> None:
        self.found: List[Piece] = []
        self._folds = folds
        self._hidden = ""  # what ends it: the name of a tag, or "-->"
        self._href: Optional[str] = None

    def text(self, text: str) -> None:
        if text and not self._hidden:
            text = html.unescape(text)
            self.found.append((SPACES.sub(" ", text) if self._folds else text, self._href))

    def token(self, token: "re.Match[str]") -> None:
        whole, name, closes = token.group(), (token.group(2) or "").lower(), token.group(1) == "/"
        if self._hidden:
            if whole == self._hidden or (closes and name == self._hidden):
                self._hidden = ""
        elif whole == "<!--":
            self._hidden = "-->"
        elif name in SILENT:
            self._hidden = "" if closes or token.group(3).endswith("/") else name
        elif name in BLOCKS:
            if not closes or name != "br":
                self.found.append(("\n• " if name == "li" and not closes else "\n", None))
        elif name == "a":
            self._href = None if closes else _address(token.group(3))
        elif not whole.startswith(("<!", "<?")) and name not in TAGS and "-" not in name:  # with one it is an own element
            self.text(whole)


def _address(attributes: str) -> Optional[str]:
    found = HREF.search(attributes)
    return html.unescape(next(value for value in found.groups() if value is not None)) if found else None


def pieces(text: Any) -> List[Piece]:
    """Of any value; an overlong text ends with a word of how much was left out."""
    text = text if isinstance(text, str) else "" if text is None else str(text)
    more = len(text) - LONGEST
    shown = text[:LONGEST]
    tokens = list(TOKEN.finditer(shown))
    reader = _Reader(any((token.group(2) or "").lower() in TAGS for token in tokens))
    end = 0
    for token in tokens:
        reader.text(shown[end : token.start()])
        reader.token(token)
        end = token.end()
    reader.text(shown[end:])
    if more > 0:
        reader.found.append(("\n… (%d more characters)" % more, None))
    return reader.found


def lines(text: Any) -> List[str]:
    """Its lines, spaces folded, empty ones left out."""
    found = (" ".join(line.split()) for line in "".join(piece for piece, _ in pieces(text)).split("\n"))
    return [line for line in found if line]
