"""What an app says to the person without asking (notify, web.open, ...), as something to read."""

from dataclasses import dataclass
from typing import Any, Mapping, Optional

from .prose import lines

__all__ = ["Said", "said"]

PAGES = ("open", "expose")
PROSE = ("title", "subtitle", "html", "text", "message", "description")


@dataclass(frozen=True)
class Said:
    """text: for a person, plain; html: as the app wrote it, "" where it wrote none; href: a page to open, or ""."""

    text: str
    html: str = ""
    href: str = ""


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
    parts = ["\n".join(lines(data[name])) for name in PROSE if isinstance(data.get(name), str)]
    text = "\n".join(dict.fromkeys(part for part in parts if part))
    if not text:
        return None
    own = data.get("html")
    return Said("%s: %s" % (who, text), own if isinstance(own, str) else "", _page(data.get("href")))
