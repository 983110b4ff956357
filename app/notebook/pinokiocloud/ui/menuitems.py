"""An app's own menu as entries to be shown: made of what the engine tells, whatever is in it. No widgets, no requests."""

import os
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..model import App
from .appwords import of_a_browser, short

__all__ = ["GROUP", "LINK", "SCRIPT", "TEXT", "Entry", "count", "find_input", "read_menu"]

SCRIPT, LINK, GROUP, TEXT = "script", "link", "group", "text"
DEEP, MOST = 4, 1000  # groups in groups; entries altogether
LABEL, TIP, SHOWN = 80, 300, 400
ICON = re.compile(r"\bfa-([a-z0-9-]+)")
# Names that only later versions of Font Awesome know, as the one that notebooks bring calls them.
OLDER = {
    "arrow-rotate-left": "undo",
    "arrow-rotate-right": "repeat",
    "arrow-up-right-from-square": "external-link",
    "arrows-rotate": "refresh",
    "broom": "eraser",
    "chart-line": "line-chart",
    "circle-check": "check-circle",
    "circle-info": "info-circle",
    "circle-play": "play-circle",
    "circle-stop": "stop-circle",
    "circle-xmark": "times-circle",
    "file-lines": "file-text",
    "file-zipper": "archive",
    "floppy-disk": "save",
    "gears": "cogs",
    "house": "home",
    "link-slash": "unlink",
    "magnifying-glass": "search",
    "pen-to-square": "edit",
    "rotate": "refresh",
    "screwdriver-wrench": "wrench",
    "trash-can": "trash",
    "triangle-exclamation": "exclamation-triangle",
    "up-right-from-square": "external-link",
    "wand-magic-sparkles": "magic",
    "xmark": "times",
}
WEIGHTS = ("fa-solid", "fa-regular", "fa-light", "fa-brands", "fa-spin", "fa-fw", "fa-2x", "fa-lg")
DANGER = ("danger", "warning", "red", "delete")


@dataclass(frozen=True)
class Entry:
    """One item. kind: SCRIPT starts it for an app; LINK opens an address; GROUP holds others; TEXT cannot be pressed.

    text says more: of TEXT why, or what it is; confirm: to be asked first; icon: a name of Font Awesome.
    """

    kind: str
    label: str
    app: str = ""
    script: str = ""
    input: Tuple[Tuple[str, Any], ...] = ()
    url: str = ""
    text: str = ""
    icon: str = ""
    default: bool = False
    danger: bool = False
    enabled: bool = True
    confirm: str = ""
    inner: Tuple["Entry", ...] = ()


class Reader:
    """Makes entries, so many at most."""

    def __init__(self, app: App, apps: Mapping[str, App]) -> None:
        self.app, self.apps = app, apps
        self.left = MOST

    def entries(self, items: Any, depth: int = 0) -> Tuple[Entry, ...]:
        found: List[Entry] = []
        for item in items if isinstance(items, list) else ():
            if self.left <= 0 or not isinstance(item, dict):
                continue
            self.left -= 1
            entry = self.entry(item, depth)
            if entry is not None:
                found.append(entry)
        return tuple(found)

    def entry(self, item: Dict[str, Any], depth: int) -> Optional[Entry]:
        script, url = _text(item, "_script"), _text(item, "_url")
        label = short(_text(item, "_label") or _text(item, "text"), LABEL) or short(os.path.basename(script) or url, LABEL)
        common: Dict[str, Any] = {
            "icon": _icon(item),
            "default": item.get("default") is True,
            "danger": any(word in _text(item, "style").lower() for word in DANGER),
            "enabled": not item.get("disabled"),
            "text": short(_text(item, "description"), TIP),
            "confirm": short(_text(item, "confirm"), TIP),
        }
        if isinstance(item.get("menu"), list):
            if depth >= DEEP:
                return Entry(TEXT, label, text="its own menu lies too deep to be shown")
            return Entry(GROUP, label, inner=self.entries(item["menu"], depth + 1))
        if url:
            return Entry(LINK, label, url=of_a_browser(url, self.app), **common)
        if script:
            return self.script(label, script, item, common)
        return self.other(label, item)

    def script(self, label: str, script: str, item: Dict[str, Any], common: Dict[str, Any]) -> Entry:
        if not script.lower().endswith((".js", ".json")) or item.get("fs"):
            return Entry(TEXT, label, text=short(script, SHOWN))
        owner = self.owner(script)
        if owner is None:
            return Entry(TEXT, label, text="%s belongs to no app that is here" % short(script, SHOWN))
        given = item.get("_input")
        values = tuple(given.items()) if isinstance(given, dict) else ()
        return Entry(SCRIPT, label, app=owner, script=script, input=values, **common)

    def owner(self, script: str) -> Optional[str]:
        """The app in whose folder it lies: menus may start scripts of others."""
        for app in (self.app, *self.apps.values()):
            if app.path and script.startswith(app.path.rstrip("/") + "/"):
                return app.id
        return None

    def other(self, label: str, item: Dict[str, Any]) -> Optional[Entry]:
        """What only the desktop program does is shown with what it is."""
        for name in ("shell", "run"):
            wanted = item.get(name)
            if isinstance(wanted, dict):
                wanted = wanted.get("message") or wanted.get("params") or wanted
            if wanted:
                shown = wanted if isinstance(wanted, str) else repr(wanted)
                return Entry(TEXT, label, text="to be typed in a terminal: %s" % short(shown, SHOWN))
        path = item.get("fs") if isinstance(item.get("fs"), str) else item.get("href")
        if isinstance(path, str) and path:
            return Entry(TEXT, label, text=short(path, SHOWN))
        return Entry(TEXT, label, text=short(_text(item, "description"), TIP)) if label else None


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _icon(item: Mapping[str, Any]) -> str:
    """The last name that is an icon's, and no weight or size."""
    names = ["fa-" + name for name in ICON.findall(_text(item, "_icon"))]
    name = next((name[3:] for name in reversed(names) if name not in WEIGHTS), "")
    return OLDER.get(name, name)


def read_menu(menu: Any, app: App, apps: Mapping[str, App]) -> Tuple[Entry, ...]:
    """menu: as the store gives it."""
    return Reader(app, apps).entries(menu.get("items") if isinstance(menu, dict) else None)


def count(entries: Tuple[Entry, ...]) -> int:
    return sum(1 + count(entry.inner) for entry in entries)


def find_input(menu: Any, script: str) -> Dict[str, Any]:
    """What the menu gives to a script; {} when nothing, or several things."""
    found: List[Dict[str, Any]] = []

    def look(items: Any, depth: int) -> None:
        for item in items if isinstance(items, list) and depth <= DEEP else ():
            if isinstance(item, dict):
                if item.get("_script") == script and isinstance(item.get("_input"), dict):
                    found.append(item["_input"])
                look(item.get("menu"), depth + 1)

    look(menu.get("items") if isinstance(menu, dict) else None, 0)
    return found[0] if found and all(one == found[0] for one in found) else {}
