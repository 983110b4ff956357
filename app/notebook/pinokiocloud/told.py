"""What an app says to the person without asking (notify, web.open, ...), as something to read."""

import html
import re
from dataclasses import dataclass
from typing import Any, List, Mapping, Optional

__all__ = ["Said", "said"]

PAGES = ("open", "expose")
PROSE = ("title", "subtitle", "html", "text", "message", "description")
BREAKS = ("br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4")
HIDDEN = ("script", "style")
TOKEN = re.compile(r"<!--|-->|<(/?)([A-Za-z][A-Za-z0-9-]{0,30})(?=[\s/>])[^<>]*>|<[!?][^<>]*>")


@dataclass(frozen=True)
class Said:
    """text: for a person, plain; html: as the app wrote it, "" where it wrote none; href: a page to open, or ""."""

    text: str
    html: str = ""
    href: str = ""


def _plain(text: str) -> str:
    """The text of HTML, roughly as it would be read; what is no HTML stays. In a time that grows with its length only, as
    that of html.parser does not: hostile text is read on the main thread too."""
    words: List[str] = []
    hidden, end = "", 0
    for token in TOKEN.finditer(text):
        closes, name = token.group(1) == "/", (token.group(2) or "").lower()
        words.append("" if hidden else text[end : token.start()])
        end = token.end()
        if hidden:
            hidden = "" if token.group() == "-->" == hidden or (closes and name == hidden) else hidden
        elif token.group() == "<!--":
            hidden = "-->"
        elif name in HIDDEN and not closes:
            hidden = name
        elif name in BREAKS and not closes:
            words.append("\n")
        elif token.group() == "-->":
            words.append("-->")
    words.append("" if hidden else text[end:])
    lines = (" ".join(line.split()) for line in html.unescape("".join(words)).split("\n"))
    return "\n".join(line for line in lines if line)


def _page(*candidates: Any) -> str:
    """The first that a browser may open."""
    for found in candidates:
        if isinstance(found, str) and found.strip().lower().startswith(("http://", "https://")):
            return found.strip()
    return ""


def said(event: Mapping[str, Any], who: str) -> Optional[Said]:
    """Of an event of the engine of type "told"; who: what a person calls the app. None: there is nothing to read."""
    found = event.get("data")
    data: Mapping[str, Any] = found if isinstance(found, dict) else {}
    if event.get("name") in PAGES:
        named = next((data[name] for name in ("uri", "url") if isinstance(data.get(name), str)), "")
        href = _page(data.get("public"), named)
        shown = href or named.strip()
        return Said("%s wants to show %s" % (who, shown), href=href) if shown else None
    parts = [_plain(data[name]) for name in PROSE if isinstance(data.get(name), str)]
    text = "\n".join(dict.fromkeys(part for part in parts if part))
    if not text:
        return None
    own = data.get("html")
    return Said("%s: %s" % (who, text), own if isinstance(own, str) else "", _page(data.get("href")))
