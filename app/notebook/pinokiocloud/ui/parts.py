"""What the components are made of: texts, boxes, buttons that are heard at once, rows that stay in place.

All of it is for the main thread.
"""

import html as _html
import time
from typing import Any, Callable, Dict, List, Optional, Sequence

import ipywidgets

from ..bridge import Bridge
from ..errors import PinokioError
from ..jobs import FAILED, On

__all__ = [
    "Act",
    "Confirm",
    "Message",
    "Rows",
    "age",
    "badge",
    "button",
    "classes",
    "close_all",
    "column",
    "escape",
    "html",
    "link",
    "put",
    "row",
    "said",
    "show",
    "size",
    "when",
]

UNITS = ("B", "kB", "MB", "GB", "TB")
AGES = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))

Action = Callable[[On], None]  # action(on): one of the store's, with what it needs bound


# Texts


def escape(text: Any) -> str:
    """Of others, as it may stand in HTML and in its attributes."""
    return _html.escape(str(text), quote=True)


def size(count: float) -> str:
    """Bytes for a person, in powers of 1000: "1.4 GB"."""
    at, value = 0, float(max(count, 0))
    while value >= 999.5 and at < len(UNITS) - 1:
        value, at = value / 1000, at + 1
    return "%.0f %s" % (value, UNITS[at]) if at == 0 or value >= 99.95 else "%.1f %s" % (value, UNITS[at])


def age(seconds: float) -> str:
    """How long, in its largest unit: "3 min"."""
    for length, unit in AGES:
        if seconds >= length:
            return "%d %s" % (seconds // length, unit)
    return "0 s"


def when(at_ms: int) -> str:
    """A moment (milliseconds since 1970) in this machine's time, with the day when it is another; "" for 0."""
    if at_ms <= 0:
        return ""
    then = time.localtime(at_ms / 1000)
    today = time.localtime()[:3] == then[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M", then)


def link(url: Optional[str], text: Optional[str] = None, names: str = "") -> str:
    """HTML of a link that opens beside the notebook; the bare text where it is no address of the web."""
    shown = escape(text if text is not None else url or "")
    if not url or not url.lower().startswith(("http://", "https://")):
        return shown
    return '<a class="%s" href="%s" target="_blank" rel="noopener noreferrer">%s</a>' % (names, escape(url), shown)


def badge(text: str, kind: str = "") -> str:
    """HTML of a word in a coloured field. kind: "", "ok", "warn", "bad", "busy"."""
    return '<span class="pino-badge%s">%s</span>' % (" pino-is-" + kind if kind else "", escape(text))


def said(error: BaseException) -> str:
    """What an error says to a person: those of this package speak for themselves."""
    return str(error) if isinstance(error, PinokioError) else "%s: %s" % (type(error).__name__, error)


# Widgets


def classes(widget: Any, *names: str) -> Any:
    for name in names:
        widget.add_class(name)
    return widget


def put(widget: Any, **traits: Any) -> None:
    """Sets those that differ, in one message."""
    changed = {name: value for name, value in traits.items() if getattr(widget, name) != value}
    if changed:
        with widget.hold_sync():
            for name, value in changed.items():
                setattr(widget, name, value)


def show(widget: Any, shown: bool) -> None:
    """A widget that is not shown takes no room."""
    wanted = None if shown else "none"
    if widget.layout.display != wanted:
        widget.layout.display = wanted


def html(value: str = "", *names: str) -> Any:
    """value is HTML: what others wrote was escaped before."""
    return classes(ipywidgets.HTML(value), *names)


def row(*children: Any, names: Sequence[str] = ()) -> Any:
    """Side by side, and below each other where that is too wide."""
    return classes(ipywidgets.Box(list(children)), "pino-row", *names)


def column(*children: Any, names: Sequence[str] = ()) -> Any:
    return classes(ipywidgets.Box(list(children)), "pino-column", *names)


def button(label: str, clicked: Optional[Callable[[], None]] = None, kind: str = "", tip: str = "", icon: str = "") -> Any:
    """kind: "", "main" (what most people want here), "danger", "link". icon: of Font Awesome, without "fa-"."""
    made = ipywidgets.Button(description=label, tooltip=tip, icon=icon)
    if kind:
        made.add_class("pino-" + kind)
    if clicked is not None:
        made.on_click(lambda unused: clicked())
    return made


def close_all(widget: Any) -> None:
    """Closes a widget and all below it."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    for part in (getattr(widget, "layout", None), getattr(widget, "style", None), widget):
        if part is not None and hasattr(part, "close"):
            part.close()


class Message:
    """One place where it is said how something goes; takes no room while there is nothing to say."""

    def __init__(self) -> None:
        self.widget = html()
        self.clear()

    def say(self, text: str, kind: str = "", more: str = "") -> None:
        """kind: "", "ok", "warn", "bad", "busy". more: shown below as it is, line by line."""
        shown = escape(text) + ('<pre class="pino-pre">%s</pre>' % escape(more) if more else "")
        name = " pino-is-" + kind if kind else ""
        put(self.widget, value='<div class="pino-note%s" role="status">%s</div>' % (name, shown))
        show(self.widget, True)

    def error(self, error: BaseException) -> None:
        """The first line as a sentence, the others below."""
        first, _, rest = said(error).partition("\n")
        self.say(first, "bad", rest)

    def clear(self) -> None:
        put(self.widget, value="")
        show(self.widget, False)


class Act:
    """A button that begins an action: it shows at once that it was heard, and is free again when the action is over.

    action(on) begins it. busy: what the button says meanwhile. message: where errors are said. done(value) and
    failed(error) are called after that; begun() right at the click.
    """

    def __init__(
        self,
        label: str,
        action: Action,
        message: Optional[Message] = None,
        *,
        busy: str = "",
        kind: str = "",
        tip: str = "",
        icon: str = "",
        begun: Optional[Callable[[], None]] = None,
        done: Optional[Callable[[Any], None]] = None,
        failed: Optional[Callable[[Exception], None]] = None,
    ) -> None:
        self.widget = button(label, self.press, kind, tip, icon)
        self.under_way = False
        self._label, self._busy, self._action = label, busy or label + " …", action
        self._message, self._begun, self._done, self._failed = message, begun, done, failed
        self._enabled = True

    def press(self) -> None:
        """What a click does. Nothing while it is under way: clicks of an eager finger are one."""
        if self.under_way or not self._enabled:
            return
        self.under_way = True
        self._draw()
        if self._message is not None:
            self._message.clear()
        if self._begun is not None:
            self._begun()
        try:
            self._action(self._on)
        except Exception:
            self._over()
            raise

    def enable(self, enabled: bool) -> None:
        self._enabled = enabled
        self._draw()

    def name(self, label: str, busy: str = "") -> None:
        self._label, self._busy = label, busy or label + " …"
        self._draw()

    def _draw(self) -> None:
        put(
            self.widget,
            description=self._busy if self.under_way else self._label,
            disabled=self.under_way or not self._enabled,
        )

    def _over(self) -> None:
        self.under_way = False
        if self.widget.comm is not None:  # it may have gone with what was acted on
            self._draw()

    def _on(self, state: str, value: Any) -> None:
        if state == "begun":
            return
        self._over()
        if state == FAILED:
            if self._message is not None:
                self._message.error(value)
            if self._failed is not None:
                self._failed(value)
        elif self._done is not None:
            self._done(value)


class Confirm:
    """A question before something that cannot be taken back. Hidden until ask(); more: widgets between text and buttons."""

    def __init__(self, yes: str, action: Action, message: Optional[Message] = None, *more: Any, **options: Any) -> None:
        """options: as of Act."""
        self._text = html()
        self.act = Act(yes, action, message, kind="danger", begun=self.hide, **options)
        self._no = button("No", self.hide)
        note = column(self._text, *more, row(self.act.widget, self._no), names=("pino-note", "pino-is-warn"))
        self.widget = note
        self.hide()

    def ask(self, text: str) -> None:
        put(self._text, value=escape(text))
        show(self.widget, True)

    def hide(self) -> None:
        show(self.widget, False)


class Rows:
    """A column whose children have keys: made once, kept in place, closed when they are gone.

    make(key) gives an object with .widget, .update() and .close(). empty: what is said when there are none.
    """

    def __init__(self, make: Callable[[str], Any], empty: str = "", names: Sequence[str] = ()) -> None:
        self._make = make
        self.parts: Dict[str, Any] = {}
        self._empty = html('<div class="pino-empty">%s</div>' % escape(empty)) if empty else None
        self.widget = column(names=names)
        self.show(())

    def show(self, keys: Sequence[str]) -> None:
        """These, in this order, each brought up to date."""
        gone: List[Any] = [self.parts.pop(key) for key in list(self.parts) if key not in set(keys)]
        for key in keys:
            if key not in self.parts:
                self.parts[key] = self._make(key)
            self.parts[key].update()
        shown = tuple(self.parts[key].widget for key in keys)
        if not shown and self._empty is not None:
            shown = (self._empty,)
        if self.widget.children != shown:
            self.widget.children = shown
        for part in gone:
            part.close()

    def update(self, key: str) -> None:
        if key in self.parts:
            self.parts[key].update()

    def close(self) -> None:
        for part in self.parts.values():
            part.close()
        self.parts.clear()
        close_all(self.widget)
        if self._empty is not None:
            close_all(self._empty)
