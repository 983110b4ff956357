"""What the browser can do beyond ipywidgets: whether anywidget loads there, and the copy button made with it.

anywidget is a package that may be missing, in the kernel or in the browser. Its widgets are made only once one of them has
answered from a browser: before, and where none ever does, the plainer forms stand in their place.
"""

import os
from typing import Any, Callable, Dict, List, Optional
from weakref import WeakSet

import ipywidgets

from ..bridge import Bridge, Timer
from ..host import COLAB, Host, detect_host
from . import parts

__all__ = ["Front"]

HERE = os.path.dirname(os.path.abspath(__file__))
PROBE = "export default { initialize({ model }) { model.send({ ready: true }); }, render() {} };"
SHOWN_S = 0.5  # until what shows the probe is itself on the page

Kinds = Dict[str, Any]


def source(name: str) -> str:
    """A file of JavaScript beside this one."""
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


def _kinds() -> Optional[Kinds]:
    """The widgets made with anywidget; None where it is not installed."""
    try:
        import anywidget
        import traitlets
    except Exception:  # whatever a broken package raises when it is imported: the plainer forms serve
        return None

    class Probe(anywidget.AnyWidget):  # type: ignore[misc]
        _esm = PROBE

    class Copy(anywidget.AnyWidget):  # type: ignore[misc]
        _esm = source("copy.js")
        text = traitlets.Unicode().tag(sync=True)
        label = traitlets.Unicode("Copy").tag(sync=True)

    return {"probe": Probe, "copy": Copy}


class Handle:
    """What observe() gives."""

    def __init__(self, front: "Front", function: Callable[[], None]) -> None:
        self.front, self.function = front, function

    def close(self) -> None:
        """It is not told any more. Harmless twice."""
        self.front.forget(self)


class CopyBox(ipywidgets.Box):  # type: ignore[misc]
    """A copy button where and when it loads; takes no room otherwise. text may be changed."""

    children: Any

    def __init__(self, text: str, kinds: Optional[Kinds]) -> None:
        super().__init__(layout=ipywidgets.Layout(display="none"))
        self._kinds, self._text = kinds, text

    @property
    def text(self) -> str:
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        self._text = text
        for child in self.children:
            parts.put(child, text=text)

    def load(self) -> None:
        if self._kinds is not None and not self.children and self.comm is not None:
            self.children = (self._kinds["copy"](text=self._text),)
            parts.show(self, True)


class Front:
    """All of it is for the main thread. loads: anywidget has answered from a browser."""

    def __init__(self, bridge: Bridge, host: Optional[Host] = None) -> None:
        self.loads = False
        self.probe = ipywidgets.Box(layout=ipywidgets.Layout(display="none"))
        self._bridge = bridge
        self._kinds = _kinds()
        self._handles: List[Handle] = []
        self._copies: "WeakSet[CopyBox]" = WeakSet()
        self._timer: Optional[Timer] = None
        self._asker: Any = None
        if self._kinds is not None:
            self._asker = self._kinds["probe"]()
            self._asker.on_msg(self._heard)
            if (host or detect_host()).kind == COLAB:
                # It makes a widget when it is shown, the others when the kernel does. A browser without anywidget may
                # refuse a box for what it holds: this one is filled when it stands, so that no more than it is lost.
                self._timer = bridge.later(SHOWN_S, self._show)

    def observe(self, function: Callable[[], None]) -> Handle:
        """Calls function() when loads becomes True. handle.close() ends it."""
        handle = Handle(self, function)
        self._handles.append(handle)
        return handle

    def forget(self, handle: Handle) -> None:
        if handle in self._handles:
            self._handles.remove(handle)

    def copy(self, text: str) -> CopyBox:
        """A button that copies text. Whatever the browser can, the text itself stands beside it, to be selected."""
        box = CopyBox(text, self._kinds)
        self._copies.add(box)
        if self.loads:
            box.load()
        return box

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._handles.clear()
        self._copies.clear()
        parts.close_all(self.probe)
        if self._asker is not None:
            parts.close_all(self._asker)
            self._asker = None

    def _show(self) -> None:
        if self._asker is not None and not self.loads:
            self.probe.children = (self._asker,)

    def _heard(self, unused: Any, content: Any, buffers: Any) -> None:
        if self.loads or not isinstance(content, dict) or content.get("ready") is not True:
            return
        self.loads = True
        for box in list(self._copies):
            box.load()
        for handle in list(self._handles):
            try:
                handle.function()
            except Exception as error:  # of one observer: the others are told
                self._bridge.trouble(error)
