"""What went wrong with an app: the step that failed, its last lines, and how to go on from there."""

from typing import Any, Callable, Dict, Optional

from ..bridge import Bridge
from ..jobs import BEGUN, DONE, On
from ..model import App, Run
from ..store import Store
from .appwords import operation, script_name, what_failed
from .lastlines import LastLines, read_last_lines
from .menuitems import find_input
from .parts import button, close_all, column, escape, html, put, row, said
from .press import Press

__all__ = ["Trouble", "retry"]

Failed = Callable[[Exception], None]


def retry(store: Store, app: str, run: Run, on: On) -> None:
    """Asks for the same again: an operation goes on where it failed; a script gets what the menu gives it, as before."""
    operations: Dict[str, Callable[..., None]] = {
        "install": store.install_again,
        "update": store.update,
        "back": store.back,
        "reset": store.reset,
        "uninstall": store.uninstall,
    }
    again = operations.get(operation(run))
    if again is not None:
        again(app, on=on)
        return

    def with_menu(state: str, value: Any) -> None:
        if state == BEGUN:
            return
        given = find_input(value, run.script) if state == DONE else None
        store.start(app, run.script, given or None, on=on)

    store.menu(app, on=with_menu)


class Trouble:
    """Of one run; what it printed last is read when this is made."""

    def __init__(
        self, store: Store, bridge: Bridge, app: App, run: Run, show_run: Callable[[str], None], failed: Failed
    ) -> None:
        self.run = run
        self._store, self._bridge, self._app, self._failed = store, bridge, app, failed
        self._closed = False
        self._connected = True
        self._found: Optional[LastLines] = None
        self._why_not = ""
        self._text = html()
        tip = "Goes on with what failed" if operation(run) else "Runs %s again, from its first step" % script_name(run, app)
        self._label = "Retry from there" if operation(run) else "Retry from its first step"
        self._press = Press(bridge, button(self._label, self._retry, "main", tip), self._draw)
        output = button("Show output", lambda: show_run(run.id))
        buttons = row(self._press.widget, output)
        self.widget = column(self._text, buttons, names=("pino-note", "pino-is-bad", "pino-trouble"))
        self._say()
        self._read()

    def enable(self, connected: bool) -> None:
        if connected and not self._connected and self._found is None:
            self._read()
        self._connected = connected
        self._draw()
        self._press.check()

    def close(self) -> None:
        self._closed = True
        self._press.close()
        close_all(self.widget)

    def _draw(self) -> None:
        if not self._press.under_way and not self._closed:
            put(self._press.widget, description=self._label, disabled=not self._connected)

    def _retry(self) -> None:
        self._press.begin(
            "Trying again …",
            lambda on: retry(self._store, self._app.id, self.run, on),
            lambda begun: begun.id in self._store.runs,
            self._failed,
        )

    def _read(self) -> None:
        client, run = self._store.client, self.run.id
        self._bridge.work(lambda: read_last_lines(client, run), done=self._put, failed=self._cannot)

    def _put(self, found: LastLines) -> None:
        self._found, self._why_not = found, ""
        self._say()

    def _cannot(self, error: Exception) -> None:
        self._why_not = said(error)
        self._say()

    def _say(self) -> None:
        if self._closed:
            return
        found = self._found or LastLines()
        what = what_failed(self.run, self._app, found.script, found.method)
        parts = ['<div class="pino-trouble-what">%s</div>' % escape(what)]
        if self.run.error:
            parts.append('<div class="pino-trouble-why">%s</div>' % escape(self.run.error))
        noticed = [text for text in found.troubles if text not in (self.run.error or "")]
        if noticed:
            parts.append('<div class="pino-muted">Before that: %s</div>' % "<br>".join(map(escape, noticed)))
        if self._why_not:
            parts.append('<div>Its last lines cannot be read: %s</div>' % escape(self._why_not))
        elif self._found is None:
            parts.append('<div class="pino-muted">reading its last lines …</div>')
        elif found.lines:
            parts.append('<div class="pino-muted">Its last lines:</div>')
            parts.append('<pre class="pino-pre pino-trouble-last"><span>%s</span></pre>' % escape("\n".join(found.lines)))
        else:
            parts.append('<div class="pino-muted">It printed nothing.</div>')
        put(self._text, value="".join(parts))


CSS = """
.pino .pino-trouble-what { font-weight: 600; }
.pino .pino-trouble-why { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 14em; overflow-y: auto; }
.pino .pino-trouble-last { display: flex; flex-direction: column-reverse; max-height: 22em; }
"""
