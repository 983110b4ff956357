"""One app of the library: a line with its state and what most people want of it next; all else when it is opened."""

from typing import Any, Callable, List, Optional, Sequence

import ipywidgets

from ..bridge import Bridge
from ..errors import RunFailedError
from ..jobs import On
from ..model import App, Run
from ..store import Store
from .appdetails import Details
from .appmore import Ways
from .appwords import addresses, clock, failed_run, head, told_line, under_way
from .parts import Message, close_all, escape, link, put
from .press import Press

__all__ = ["CSS", "Card", "Looks"]

CSS = """
.pino .pino-app { border-left: 4px solid var(--pino-line); }
.pino .pino-app.pino-app-live { border-left-color: var(--pino-ok); }
.pino .pino-app.pino-app-busy { border-left-color: var(--pino-accent); }
.pino .pino-app.pino-app-bad { border-left-color: var(--pino-bad); }
.pino .pino-app.pino-app-chosen { outline: 2px solid var(--pino-accent); outline-offset: -2px; }
.pino .pino-app .widget-html, .pino .pino-app .widget-box { margin: 0; }
.pino .pino-app-head { flex: 1 1 16em; min-width: 0; }
.pino .pino-app-buttons { flex: 0 1 auto; max-width: 100%; }
.pino .pino-app-details .pino-column > button { align-self: flex-start; }
.pino .pino-app-title { overflow-wrap: anywhere; margin-right: 4px; }
.pino .pino-app-doing { display: inline-block; font-variant-numeric: tabular-nums; }
.pino .pino-app-note, .pino .pino-app-details, .pino .pino-app-said { flex: 1 0 100%; max-width: 100%; }
.pino .pino-app-note { color: var(--pino-bad); }
.pino .pino-app-details { border-top: 1px solid var(--pino-line); margin-top: 4px; padding-top: 8px; gap: 8px; }
.pino .pino-app-part { font-weight: 600; margin-top: 4px; }
.pino .pino-app-about { font-size: 12px; }
.pino a.pino-open { display: block; box-sizing: border-box; height: 30px; line-height: 28px; padding: 0 12px;
  border: 1px solid var(--pino-accent); border-radius: 6px; color: var(--pino-accent); text-decoration: none;
  max-width: 100%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.pino a.pino-open.pino-open-main { background: var(--pino-accent); color: var(--pino-on-accent); font-weight: 600; }
.pino a.pino-open:hover { text-decoration: underline; }
.pino .pino-purge, .pino .pino-purge label { width: auto; max-width: 100%; white-space: normal; height: auto; color: inherit; }
"""

BASE = ("pino-row", "pino-card", "pino-app")


class Looks:
    """What the closed cards have in common, so that each of them is four widgets and not eleven."""

    def __init__(self) -> None:
        self._html, self._button = ipywidgets.HTML(), ipywidgets.Button()

    def html(self, *names: str) -> Any:
        return ipywidgets.HTML(layout=self._html.layout, style=self._html.style, _dom_classes=names)

    def button(self, label: str, clicked: Callable[[], None]) -> Any:
        look = self._button
        made = ipywidgets.Button(description=label, layout=look.layout, style=look.style)
        made.on_click(lambda unused: clicked())
        return made

    def box(self, *names: str) -> Any:
        return ipywidgets.Box(layout=self._html.layout, _dom_classes=names)

    def close(self) -> None:
        close_all(self._html)
        close_all(self._button)


def _put_children(box: Any, children: Sequence[Any]) -> None:
    if box.children != tuple(children):
        box.children = tuple(children)


class Card:
    """runs(): those of the app, the newest first. On the main thread."""

    def __init__(
        self, store: Store, bridge: Bridge, app: App, runs: Callable[[], Sequence[Run]], ways: Ways, looks: Looks
    ) -> None:
        self.app = app
        self.chosen = False
        self._store, self._bridge, self._runs, self._ways, self._looks = store, bridge, runs, ways, looks
        self._observation = store.observe("app:" + app.id, self.update)
        self._closed = False
        self._head = looks.html("pino-app-head")
        self._links: Optional[Any] = None
        self._note: Optional[Any] = None
        self._message: Optional[Message] = None
        self._details: Optional[Details] = None
        self._press = Press(bridge, looks.button("Start", self._main), self.update)
        self._fold = looks.button("Details", self.turn)
        self._buttons = looks.box("pino-row", "pino-app-buttons")
        self.widget = looks.box(*BASE)
        self.update()

    @property
    def opened(self) -> bool:
        return self._details is not None

    @property
    def message(self) -> Message:
        """Made when there is something to say."""
        if self._message is None:
            self._message = Message()
            self._message.widget.add_class("pino-app-said")
        return self._message

    def update(self) -> None:
        """After any change of the app, its runs, the connection, or of the time."""
        app = self._store.apps.get(self.app.id)
        if app is None or self._closed:
            return
        self.app = app
        runs = self._runs()
        failed = failed_run(app, runs)
        put(self._head, value=head(app, runs, self._store.usage.get(app.id), clock()))
        self._draw_links(app)
        self._draw_note(told_line(failed, app) if failed is not None and not self.opened else "")
        self._press.check()
        self._draw_main()
        if self._details is not None:
            self._details.update(app, runs)
        self._draw_edge(runs, failed is not None)
        self._arrange()

    def measure(self) -> None:
        """There are new figures of what apps use."""
        runs = self._runs()
        if self._closed or not (under_way(runs) or "CPU" in self._head.value):
            return
        put(self._head, value=head(self.app, runs, self._store.usage.get(self.app.id), clock()))
        if self._details is not None:
            self._details.measure(runs)

    def turn(self) -> None:
        """Opens it, or folds it up."""
        if self._details is None:
            self.open()
        else:
            self.fold()

    def open(self) -> None:
        if self._details is None:
            put(self._fold, description="Hide details")  # seen before all that is made now
            self._details = Details(self._store, self._bridge, self.app, self._ways, self.message, self._failed)
            self.update()

    def fold(self) -> None:
        details, self._details = self._details, None
        self.chosen = False
        put(self._fold, description="Details")
        self.update()
        if details is not None:
            details.close()

    def close(self) -> None:
        self._closed = True
        self._observation.close()
        self._press.close()
        if self._details is not None:
            self._details.close()
        if self._message is not None:
            close_all(self._message.widget)
        for one in (self._head, self._links, self._note, self._press.widget, self._fold, self._buttons, self.widget):
            if one is not None:
                one.close()

    # The line

    def _draw_links(self, app: App) -> None:
        """Apart from what changes all the time: a link that is made anew under the finger is not followed."""
        found = addresses(app, self._store.tunnels, self._store.machine)
        if found and self._links is None:
            self._links = self._looks.html("pino-app-links")
        if self._links is not None:
            put(self._links, value=link(found[0][0], "Open", "pino-open pino-open-main") if found else "")

    def _draw_edge(self, runs: Sequence[Run], failed: bool) -> None:
        busy = bool(under_way(runs))
        edge = "live" if self.app.state == "RUNNING" else "busy" if busy else "bad" if failed else ""
        names = [name for name in (edge, "chosen" if self.chosen else "") if name]
        put(self.widget, _dom_classes=BASE + tuple("pino-app-" + name for name in names))

    def _draw_note(self, text: str) -> None:
        if text and self._note is None:
            self._note = self._looks.html("pino-app-note")
        if self._note is not None:
            put(self._note, value=escape(text))

    def _arrange(self) -> None:
        first = [self._links] if self._links is not None and self._links.value else []
        _put_children(self._buttons, [*first, self._press.widget, self._fold])
        parts: List[Any] = [self._head, self._buttons]
        if self._note is not None and self._note.value:
            parts.append(self._note)
        if self._message is not None:
            parts.append(self._message.widget)
        if self._details is not None:
            parts.append(self._details.widget)
        _put_children(self.widget, parts)

    # The main button

    def _means(self) -> str:
        """What it does now; "Stopping …" and the like when nothing can be done."""
        state = self.app.state
        live = under_way(self._runs())
        if state == "UNINSTALLING":
            return "Uninstalling …"
        if state == "STOPPING" or (live and all(run.state == "stopping" for run in live)):
            return "Stopping …"
        if live or state in ("INSTALLING", "STARTING", "RUNNING"):
            return "Stop"
        return "Start" if self.app.installed else "Install"

    def _draw_main(self) -> None:
        if self._press.under_way:
            return
        means = self._means()
        put(
            self._press.widget,
            description=means,
            disabled=not self._store.connected or means.endswith("…"),
            _dom_classes=("pino-main",) if means in ("Start", "Install") else (),
        )

    def _main(self) -> None:
        means, store, app = self._means(), self._store, self.app.id
        if self._press.under_way or not store.connected or means.endswith("…"):
            return
        if self._message is not None:
            self._message.clear()
        known: Callable[[Any], bool] = lambda begun: begun.id in store.runs  # noqa: E731
        if means == "Stop":
            self._press.begin("Stopping …", lambda on: store.stop(app, on=on), lambda unused: False, self._failed)
        elif means == "Install":
            install: Callable[[On], None] = lambda on: store.install_again(app, on=on)  # noqa: E731
            self._press.begin("Installing …", install, known, self._failed)
        else:
            self._press.begin("Starting …", lambda on: store.start(app, on=on), known, self._failed)

    def _failed(self, error: Exception) -> None:
        """What a run's own failure is, the card tells by itself, and that it was stopped was somebody's wish."""
        if self._closed or (isinstance(error, RunFailedError) and error.run is not None):
            return
        self.message.error(error)
        self._arrange()
