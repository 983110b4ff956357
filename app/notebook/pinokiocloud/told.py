"""What an app says to the person without asking (notify, web.open, ...), as something to read."""

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, List, Mapping, Optional

__all__ = ["Said", "said"]

PAGES = ("open", "expose")
PROSE = ("title", "subtitle", "html", "text", "message", "description")
BREAKS = ("br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4")
HIDDEN = ("script", "style")


@dataclass(frozen=True)
class Said:
    """text: for a person, plain; html: as the app wrote it, "" where it wrote none; href: a page to open, or ""."""

    text: str
    html: str = ""
    href: str = ""


class _Words(HTMLParser):
    """The text of HTML, roughly as it would be read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: List[str] = []
        self._hidden = 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._hidden += tag in HIDDEN
        if tag in BREAKS:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in HIDDEN and self._hidden:
            self._hidden -= 1


def _plain(html: str) -> str:
    parser = _Words()
    try:
        parser.feed(html)
        parser.close()
    except Exception:  # what is no HTML is read as it stands
        return html.strip()
    lines = (" ".join(line.split()) for line in "".join(parser.words).split("\n"))
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
    html = data.get("html")
    return Said("%s: %s" % (who, text), html if isinstance(html, str) else "", _page(data.get("href")))
