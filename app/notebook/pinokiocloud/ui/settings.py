"""The tab of settings: all that the engine can be told, what it does when nothing goes on, and the engine itself."""

from typing import Any, Callable, Dict, List, Optional, Tuple

from ..bridge import Bridge, Timer
from ..jobs import On
from ..model import Status
from ..store import Store
from .fold import Fold, asking
from .parts import Act, Confirm, Message, age, button, close_all, column, escape, html, put, row, said, show, size, when
from .setting_row import SettingRow

__all__ = ["CSS", "Settings", "idle_words"]

# By what the keys begin with.
GROUPS = (
    ("Public addresses", ("tunnel.",)),
    ("When nothing goes on", ("idle.",)),
    ("Apps", ("restart.", "stop.", "health.", "runs.")),
)
OTHERS = "More"
EVERY_S = 10.0  # how idle it is
ACTIONS = {
    "tell": "it is told",
    "stop-apps": "all apps are stopped",
    "stop": "all apps and the rented machine are stopped",
}

CSS = """
.pino .pino-setting { border-top: 1px solid var(--pino-line); padding: 8px 0; }
.pino .pino-settings-facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 12px; }
"""


class Settings:
    """All of it is made when it is looked at: a group of settings when it is unfolded."""

    def __init__(self, store: Store, bridge: Bridge) -> None:
        self._store, self._bridge = store, bridge
        self._message = Message()
        self._groups = column()
        self._parts: Dict[str, _Group] = {}
        self._engine = _Engine(store, bridge)
        self.widget = column(self._message.widget, self._groups, self._engine.widget)
        self._observations = [
            store.observe("settings", self._update),
            store.observe("connection", self._update),
            store.observe("machine", self._engine.draw),
        ]
        self._update()

    def close(self) -> None:
        for observation in self._observations:
            observation.close()
        for part in self._parts.values():
            part.close()
        self._engine.close()
        close_all(self.widget)

    def _update(self) -> None:
        store = self._store
        if store.connected:
            self._message.clear()
        else:
            self._message.say("The engine is not connected (%s): nothing can be set now." % store.why_not, "warn")
        grouped = _grouped(list(store.settings))
        for title, keys in grouped:
            if title not in self._parts:
                made = self._parts[title] = _Group(store, self._bridge, title, keys)
                if title == GROUPS[0][0]:
                    made.fold.turn(True)
            self._parts[title].update(keys)
        shown = tuple(self._parts[title].widget for title, _ in grouped)
        if self._groups.children != shown:
            self._groups.children = shown
        self._engine.update()


def _grouped(keys: List[str]) -> List[Tuple[str, List[str]]]:
    """Every key is somewhere."""
    found = [(title, [key for key in keys if key.startswith(starts)]) for title, starts in GROUPS]
    taken = {key for _, group in found for key in group}
    found.append((OTHERS, [key for key in keys if key not in taken]))
    return [(title, group) for title, group in found if group]


class _Group:
    """Settings that belong together, folded until somebody wants them."""

    def __init__(self, store: Store, bridge: Bridge, title: str, keys: List[str]) -> None:
        self._store, self._keys = store, keys
        self._rows: Dict[str, SettingRow] = {}
        self._box = column()
        self._idle = _Idle(store, bridge) if any(key.startswith("idle.") for key in keys) else None
        self.fold = Fold("▸ " + title, self._make, hide="▾ " + title, kind="link", turned=self._turned)
        self.widget = column(row(self.fold.button), self.fold.widget, names=("pino-card",))

    def update(self, keys: List[str]) -> None:
        self._keys = keys
        if self.fold.open:
            self._draw()

    def close(self) -> None:
        for made in self._rows.values():
            made.close()
        if self._idle is not None:
            self._idle.close()
        self.fold.close()
        for widget in (self._box, self.widget):
            close_all(widget)

    def _make(self) -> Any:
        return self._box

    def _turned(self, opened: bool) -> None:
        if opened:
            self._draw()
        if self._idle is not None:
            self._idle.watch(opened)

    def _draw(self) -> None:
        for key in self._keys:
            if key not in self._rows:
                self._rows[key] = SettingRow(self._store, key)
            self._rows[key].update()
        shown = tuple(self._rows[key].widget for key in self._keys)
        if self._idle is not None:
            shown = (self._idle.widget, *shown)
            self._idle.look()
        if self._box.children != shown:
            self._box.children = shown


class _Idle:
    """Whether the machine is idle, and what would become of that; asked for again and again while it is looked at."""

    def __init__(self, store: Store, bridge: Bridge) -> None:
        self._store, self._bridge = store, bridge
        self.widget = html("", "pino-note")
        self._watched = self._asking = False
        self._timer: Optional[Timer] = None

    def watch(self, watched: bool) -> None:
        self._watched = watched
        if not watched and self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        if self._asking or not self._store.connected:
            return
        self._asking = True
        self._bridge.work(self._store.client.idle, done=self._found, failed=self._failed)

    def close(self) -> None:
        self.watch(False)
        close_all(self.widget)

    def _found(self, found: Dict[str, Any]) -> None:
        put(self.widget, value="<br>".join(escape(line) for line in idle_words(found)))
        self._again()

    def _failed(self, error: Exception) -> None:
        put(self.widget, value=escape("How idle it is, is not known: %s" % said(error)))
        self._again()

    def _again(self) -> None:
        self._asking = False
        if self._timer is not None:
            self._timer.cancel()
        if self._watched:
            self._timer = self._bridge.later(EVERY_S, self.look)


def idle_words(found: Dict[str, Any]) -> List[str]:
    """What GET /v1/idle says, as sentences."""
    after, action, mode = found.get("after_s") or 0, str(found.get("action")), found.get("mode")
    lines = []
    if found.get("busy"):
        lines.append("Now something goes on: %s." % str(found["busy"]).rstrip("."))
    else:
        idle = found.get("idle_s") or 0
        lines.append("Nothing has been going on for %s." % age(idle) if idle else "How idle it is, is being measured.")
    measured = [
        text % found[name]
        for name, text in (("cpu_percent", "CPU %.0f %%"), ("gpu_percent", "GPU %.0f %%"))
        if isinstance(found.get(name), (int, float))
    ]
    if isinstance(found.get("network_bytes_per_s"), (int, float)):
        measured.append("network %s a second" % size(found["network_bytes_per_s"]))
    if measured:
        lines.append("Measured last: %s." % ", ".join(measured))
    if after <= 0:
        lines.append("Nothing is done about it: idle.after_s is 0.")
    else:
        done = ACTIONS.get(action, action)
        only = ", but it is only told what would be done (idle.mode is dry-run)" if mode == "dry-run" else ""
        lines.append("After %s without work %s%s." % (age(after), done, only))
    return lines + _stop_words(found, action == "stop" and after > 0)


def _stop_words(found: Dict[str, Any], wanted: bool) -> List[str]:
    lines = []
    stop = found.get("stop")
    if wanted and isinstance(stop, dict):
        if not stop.get("possible"):
            lines.append("This machine cannot be stopped from here: %s." % str(stop.get("why_not") or "").rstrip("."))
        elif stop.get("effect"):
            lines.append("What a stop does: %s" % stop["effect"])
        if stop.get("destroys"):
            lines.append("Data on it is lost with that; idle.mode has to be lose-data for it to be done.")
    if found.get("outcome"):
        lines.append("Last: %s" % found["outcome"])
    return lines


class _Engine:
    """What the engine is, its log, and what can be done to it as a whole."""

    def __init__(self, store: Store, bridge: Bridge) -> None:
        self._store, self._bridge = store, bridge
        self._status: Optional[Status] = None
        self._asked = False
        self._facts = html()
        self.message = Message()
        self._text = html()
        self._read = Act("Read again", asking(bridge, store.engine.log_tail), self.message, done=self._log_read)
        log = lambda: column(self._text, row(self._read.widget))  # noqa: E731
        self._log = Fold("Engine's log", log, hide="Hide the log", turned=self._log_turned)
        self._rebuild = Confirm(
            "Rebuild it", asking(bridge, store.client.recover), self.message, busy="Rebuilding …", done=self._rebuilt
        )
        self._stop = Confirm("Stop the engine", self._shut_down, self.message, busy="Stopping …", done=self._stopped)
        self._start = Act(
            "Start the engine", self._revive, self.message, busy="Starting …", kind="main", done=self._started
        )
        self._buttons = [
            button("Rebuild library …", self._ask_rebuild),
            button("Stop the engine …", self._ask_stop, "danger"),
        ]
        self.widget = column(
            html('<div class="pino-title">The engine</div>'),
            self._facts,
            row(self._log.button, *self._buttons, self._start.widget),
            self._rebuild.widget,
            self._stop.widget,
            self.message.widget,
            self._log.widget,
            names=("pino-card",),
        )
        self.update()

    def update(self) -> None:
        """After the connection changed, or a setting."""
        connected = self._store.connected
        show(self._start.widget, not connected)
        for one in self._buttons:
            put(one, disabled=not connected)
        if connected and not self._asked:
            self._asked = True
            self._bridge.work(self._store.client.status, done=self._found, failed=lambda unused: self.draw())
        elif not connected:
            self._asked = False
        self.draw()

    def draw(self) -> None:
        status = self._status or self._store.engine.status
        machine = self._store.machine
        platform = machine.platform.name if machine is not None and machine.platform is not None else "not known yet"
        now = "connected" if self._store.connected else "not connected: %s" % self._store.why_not
        system = " ".join((machine.system, machine.kernel, machine.arch)) if machine is not None else "not known yet"
        facts = [
            ("State", now),
            ("Version", status.version),
            ("Home", status.home),
            ("Platform", platform),
            ("System", system),
            ("Process", "%d, since %s" % (status.pid, when(status.started))),
            ("Address", str(self._store.client.address)),
            *(("Trouble", trouble) for trouble in status.troubles),
        ]
        line = '<div class="pino-muted">%s</div><div>%s</div>'
        items = "".join(line % (escape(name), escape(value)) for name, value in facts)
        put(self._facts, value='<div class="pino-settings-facts">%s</div>' % items)

    def close(self) -> None:
        self._log.close()
        close_all(self._read.widget)
        close_all(self._text)
        close_all(self.widget)

    def _found(self, status: Status) -> None:
        self._status = status
        self.draw()

    # The log

    def _log_turned(self, opened: bool) -> None:
        if opened:
            self._read.press()

    def _log_read(self, text: str) -> None:
        shown = '<pre class="pino-pre">%s</pre>' % escape(text) if text else "The engine's log is empty."
        put(self._text, value=shown)

    # The library

    def _ask_rebuild(self) -> None:
        self._stop.hide()
        self._rebuild.ask(
            "What is known of apps and runs is read anew from the folders of the home. Apps go on meanwhile."
        )

    def _rebuilt(self, report: str) -> None:
        self.message.say("The library was rebuilt.", "ok", report)

    # Stopping and starting

    def _ask_stop(self) -> None:
        self._rebuild.hide()
        self._stop.ask(
            "Apps and public addresses go on. Until the engine is started again nothing can be asked of it here."
        )

    def _shut_down(self, on: On) -> None:
        self.message.say("The engine is being stopped …", "busy")
        asking(self._bridge, self._store.client.shut_down)(on)

    def _stopped(self, unused: Any) -> None:
        self.message.say("The engine was stopped; apps go on.", "ok")

    def _revive(self, on: Callable[[str, Any], None]) -> None:
        self._store.revive(on=on)

    def _started(self, status: Status) -> None:
        self._status = status
        self.message.say("The engine runs.", "ok")
