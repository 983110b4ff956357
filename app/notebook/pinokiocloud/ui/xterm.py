"""The better form of a terminal: xterm.js in the browser, through anywidget.

What is shown is numbered by bytes and kept (its end) here, so that a view that comes later, in another tab or after the page
was loaded anew, is given it. Views acknowledge what they have taken; what is printed faster waits in the Feed.
xterm.js comes from where setup/install.sh put it, else from a public server of packages.
"""

import functools
import json
import os
import re
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional, Type

import ipywidgets

from ..binary import root_folder
from . import parts
from .front import source
from .plainview import ROOM

__all__ = ["CSS", "XtermView", "can_be_made"]

VERSIONS = {"xterm": "6.0.0", "addon-fit": "0.11.0", "addon-search": "0.16.0"}  # as in setup/install.sh
NAMES = {"xterm": "xterm", "fit": "addon-fit", "search": "addon-search"}
AWAY = "https://cdn.jsdelivr.net/npm/@xterm/%s@%s%s"
WINDOW = 512 * 1024  # bytes that are not acknowledged
TAIL = 256 * 1024
SILENT_S = 5.0  # a view that acknowledges nothing for so long is not waited for
VIEWS = 16
LONGEST_INPUT = 1 << 20

CSS = """
.pino .pino-xterm { height: min(55vh, 460px); min-height: 120px; padding: 6px 2px 6px 8px; box-sizing: border-box;
  border: 1px solid var(--pino-line); border-radius: 6px; background: var(--pino-bg); color: var(--pino-fg);
  font-family: var(--pino-mono); overflow: hidden; }
.pino .pino-xterm .xterm { height: 100%; padding: 0; }
.pino .pino-xterm .xterm-helper-textarea { position: absolute; }
"""


def _folder() -> str:
    tools = os.environ.get("PINOKIO_TOOLS") or os.path.join(root_folder(), "build", "tools")
    return os.path.join(tools, "xterm", "node_modules", "@xterm")


def _installed(name: str, *path: str) -> Optional[str]:
    """A file of one of its packages, if it is here in the right version."""
    try:
        with open(os.path.join(_folder(), name, "package.json"), encoding="utf-8") as file:
            if json.load(file).get("version") != VERSIONS[name]:
                return None
        with open(os.path.join(_folder(), name, *path), encoding="utf-8") as file:
            return re.sub(r"\n//# sourceMappingURL=.*", "", file.read())
    except (OSError, ValueError):
        return None


@functools.lru_cache(maxsize=1)
def _kind() -> Optional[Type[Any]]:
    """The widget's class; None where anywidget is not installed."""
    try:
        import anywidget
        import traitlets
    except Exception:  # whatever a broken package raises when it is imported: the plain form serves
        return None
    modules = {
        name: _installed(package, "lib", package + ".mjs") or AWAY % (package, VERSIONS[package], "/+esm")
        for name, package in NAMES.items()
    }
    style = _installed("xterm", "css", "xterm.css") or AWAY % ("xterm", VERSIONS["xterm"], "/css/xterm.css")
    code = source("terminal.js").replace("const MODULES = null;", "const MODULES = %s;" % json.dumps(modules), 1)

    class Xterm(anywidget.AnyWidget):  # type: ignore[misc]
        _esm = code
        _css = style
        writable = traitlets.Bool(False).tag(sync=True)

    return Xterm


def can_be_made() -> bool:
    return _kind() is not None


class _View:
    """A terminal on a page: what it has taken of the present epoch, and when it was heard of."""

    def __init__(self, taken: int) -> None:
        self.taken, self.heard = taken, time.monotonic()


class XtermView:
    """The kernel's half. told: what the page says, by its kind: ready(), failed(why), input(text), size(cols, rows),
    found(index, count), away(bool)."""

    typed_into = True

    def __init__(self, told: Dict[str, Callable[..., None]]) -> None:
        """Only where can_be_made()."""
        kind = _kind()
        assert kind is not None
        self._terminal = kind(layout=ipywidgets.Layout(width="100%"))
        self.widget = parts.column(self._terminal)
        self._told = told
        self._terminal.on_msg(self._heard)
        self._epoch, self._position = 0, 0
        self._tail: Deque[bytes] = deque()
        self._kept = 0
        self._views: Dict[str, _View] = {}

    @property
    def shown(self) -> bool:
        """A page has it."""
        return bool(self._views)

    def write_to(self, writable: bool) -> None:
        """Whether what is typed is taken."""
        parts.put(self._terminal, writable=writable)

    # What terminal.py asks of any view

    def feed(self, data: bytes) -> None:
        at = self._position
        self._position += len(data)
        self._keep(data)
        if self._views:
            self._send({"kind": "data", "epoch": self._epoch, "at": at}, data)

    def reset(self) -> None:
        """Nothing was printed yet."""
        self._epoch += 1
        self._position = self._kept = 0
        self._tail.clear()
        for view in self._views.values():
            view.taken, view.heard = 0, time.monotonic()
        self._send({"kind": "reset", "epoch": self._epoch})

    def room(self) -> int:
        """Without a view what comes is only kept."""
        behind = 0
        for view in list(self._waited_for()):
            behind = max(behind, self._position - view.taken)
        return max(WINDOW - behind, 0) if self._views else ROOM

    def follow(self, following: bool) -> None:
        """False: what is shown stays where it is."""
        self._send({"kind": "follow", "following": following})

    def find(self, text: str, step: int) -> None:
        self._send({"kind": "find", "text": text, "step": step})

    def close(self) -> None:
        self._views.clear()
        parts.close_all(self.widget)

    # Both ways

    def _keep(self, data: bytes) -> None:
        """The end of all that was fed, from a line's begin on where that is near."""
        self._tail.append(data)
        self._kept += len(data)
        while self._kept - len(self._tail[0]) >= TAIL:
            self._kept -= len(self._tail.popleft())

    def _send(self, message: Dict[str, Any], data: Optional[bytes] = None) -> None:
        if self._terminal.comm is not None:
            self._terminal.send(message, buffers=None if data is None else [data])

    def _waited_for(self) -> List[_View]:
        """Those that are not silent; the others have gone, or will say hello again."""
        now = time.monotonic()
        for id, view in list(self._views.items()):
            if view.taken >= self._position:
                view.heard = now
            elif now - view.heard > SILENT_S:
                del self._views[id]
        return list(self._views.values())

    def _heard(self, unused: Any, content: Any, buffers: Any) -> None:
        """From a page, which may be any: what is not as it should be is passed over."""
        act = HEARD.get(content.get("kind")) if isinstance(content, dict) else None
        if act is not None:
            act(self, content)

    def _hello(self, content: Dict[str, Any]) -> None:
        id = content.get("id")
        if not isinstance(id, str) or len(id) > 64:
            return
        if id not in self._views and len(self._views) >= VIEWS:
            del self._views[min(self._views, key=lambda one: self._views[one].heard)]
        data = b"".join(self._tail)
        if len(data) < self._position:  # its begin was forgotten: a line's begin, and no colour of before
            data = data[data.find(b"\n") + 1 :]
        at = self._position - len(data)
        self._views[id] = _View(at)
        self._send({"kind": "data", "to": id, "epoch": self._epoch, "at": at}, data)

    def _ack(self, content: Dict[str, Any]) -> None:
        id, at = content.get("id"), content.get("at")
        view = self._views.get(id) if isinstance(id, str) else None
        if not isinstance(at, int) or content.get("epoch") != self._epoch:
            return
        if view is not None:
            view.taken = max(view.taken, min(at, self._position))
            view.heard = time.monotonic()

    def _bye(self, content: Dict[str, Any]) -> None:
        id = content.get("id")
        if isinstance(id, str):
            self._views.pop(id, None)

    def _input(self, content: Dict[str, Any]) -> None:
        text = content.get("data")
        if isinstance(text, str) and 0 < len(text) <= LONGEST_INPUT:
            self._tell("input", text)

    def _size(self, content: Dict[str, Any]) -> None:
        cols, rows = content.get("cols"), content.get("rows")
        if isinstance(cols, int) and isinstance(rows, int) and 1 < cols <= 1000 and 1 < rows <= 1000:
            self._tell("size", cols, rows)

    def _found(self, content: Dict[str, Any]) -> None:
        index, count = content.get("index"), content.get("count")
        if isinstance(index, int) and isinstance(count, int):
            self._tell("found", index, count)

    def _tell(self, kind: str, *values: Any) -> None:
        if kind in self._told:
            self._told[kind](*values)


HEARD: Dict[Any, Callable[[XtermView, Dict[str, Any]], None]] = {
    "ready": lambda view, content: view._tell("ready"),
    "failed": lambda view, content: view._tell("failed", str(content.get("why"))[:500]),
    "hello": XtermView._hello,
    "ack": XtermView._ack,
    "bye": XtermView._bye,
    "input": XtermView._input,
    "size": XtermView._size,
    "found": XtermView._found,
    "away": lambda view, content: view._tell("away", content.get("away") is True),
}
