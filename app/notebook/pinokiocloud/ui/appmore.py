"""What can be done with an app besides starting it: a row of buttons, and questions before what cannot be undone."""

from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional, Sequence

import ipywidgets

from ..bridge import Bridge
from ..jobs import BEGUN, DONE, On
from ..model import App, Run
from ..store import Store
from .appwords import operation, short
from .lastlines import read_outcome
from .parts import Act, Confirm, Message, button, close_all, column, put, row, show

__all__ = ["More", "Ways"]

Failed = Callable[[Exception], None]
KEPT = (
    "What you made with it (results, files that you changed, its settings) is moved to the folder “kept” of the home; "
    "models that it shares and its logs stay."
)
KEPT_BY_RESET = (
    "If it brings a reset script of its own, that script decides what goes. Otherwise what you made with it (results, files "
    "that you changed) is moved to the folder “kept” of the home; its settings and models that it shares stay."
)
# Where an operation says nothing of what it came to.
ENDED = {
    "update": "It is up to date.",
    "back": "Its last update is undone.",
    "reset": "It is reset: install it before you start it again.",
}
TITLE = 60  # characters
PURGE = "Delete what I made with it too; it cannot be brought back"


@dataclass(frozen=True)
class Ways:
    """To other parts of the interface: a run's output, an app's tunnels, the form of its ENVIRONMENT, and where it is said
    what became of an app that is gone (app id, text)."""

    show_run: Callable[[str], None]
    show_tunnels: Callable[[str], None]
    configure: Callable[[str], None]
    gone: Callable[[str, str], None]


class Question:
    """Reset or Uninstall: what goes and what is kept, before anything is done. Made when it is asked for the first time."""

    def __init__(self, yes: str, action: Callable[[bool, On], None], failed: Failed) -> None:
        self._purge = ipywidgets.Checkbox(value=False, description=PURGE, indent=False, _dom_classes=("pino-purge",))
        self.confirm = Confirm(yes, lambda on: action(bool(self._purge.value), on), None, self._purge, failed=failed)
        self.widget = self.confirm.widget

    def ask(self, text: str) -> None:
        put(self._purge, value=False)
        self.confirm.ask(text)


class More:
    """failed(error): what was asked for here went wrong."""

    def __init__(self, store: Store, bridge: Bridge, app: str, ways: Ways, message: Message, failed: Failed) -> None:
        self._store, self._app, self._ways, self._message, self._failed = store, app, ways, message, failed
        self._bridge = bridge
        self._title = app
        self._closed = False
        self._newest: Optional[str] = None
        self._questions: Dict[str, Question] = {}
        self._output = button("Show output", self._show_output)
        self._tunnels = button("Tunnels", lambda: ways.show_tunnels(app))
        self._configure = button("Configure", lambda: ways.configure(app))
        self._restart = self._act("Restart", "Restarting …", store.restart)
        self._update = self._act("Update", "Updating …", store.update, "Gets what its makers changed")
        self._back = self._act("Undo update", "Undoing …", store.back, "Back to the commit before its last update; its packages stay as they are")
        self._reset = button("Reset", self._ask_reset, "danger")
        self._uninstall = button("Uninstall", self._ask_uninstall, "danger")
        self._row = row(
            self._restart.widget,
            self._output,
            self._tunnels,
            self._configure,
            self._update.widget,
            self._back.widget,
            self._reset,
            self._uninstall,
        )
        self.widget = column(self._row)

    def update(self, app: App, runs: Sequence[Run], connected: bool, output: bool) -> None:
        """output: its button is shown here."""
        self._title = short(app.title, TITLE)
        show(self._output, output)
        self._newest = runs[0].id if runs else None
        show(self._restart.widget, app.state in ("RUNNING", "STARTING") or self._restart.under_way)
        for act in (self._restart, self._update, self._back):
            act.enable(connected)
        put(self._output, disabled=not (connected and runs))
        going = app.state == "UNINSTALLING"
        for one in (self._tunnels, self._configure, self._reset, self._uninstall):
            put(one, disabled=not connected or going)
        for question in self._questions.values():
            question.confirm.act.enable(connected)

    def close(self) -> None:
        self._closed = True
        close_all(self.widget)

    def _show_output(self) -> None:
        if self._newest is not None:
            self._ways.show_run(self._newest)

    def _act(self, label: str, busy: str, action: Callable[..., None], tip: str = "") -> Act:
        return Act(
            label,
            lambda on: action(self._app, on=on),
            busy=busy,
            tip=tip,
            begun=self._message.clear,
            done=lambda run: self._tell(run, self._message_here),
            failed=self._failed,
        )

    def _ask_reset(self) -> None:
        text = "Reset %s? It goes back to how it was downloaded and has to be installed again. %s"
        self._ask("reset", "Yes, reset it", "Resetting …", self._store.reset, text % (self._title, KEPT_BY_RESET))

    def _ask_uninstall(self) -> None:
        text = "Uninstall %s? Its folder goes. %s"
        self._ask("uninstall", "Yes, uninstall it", "Uninstalling …", self._store.uninstall, text % (self._title, KEPT))

    def _ask(self, name: str, yes: str, busy: str, action: Callable[..., None], text: str) -> None:
        def begin(purge: bool, on: On) -> None:
            self._message.say(busy, "busy")
            action(self._app, purge=purge, on=lambda state, value: self._over(state, value, on))

        for other, question in self._questions.items():
            if other != name:
                question.confirm.hide()
        if name not in self._questions:
            self._questions[name] = Question(yes, begin, self._failed)
            self.widget.children = (self._row, *(question.widget for question in self._questions.values()))
        self._questions[name].ask(text)

    def _over(self, state: str, value: Any, on: On) -> None:
        if state != BEGUN:
            self._message.clear()
        if state == DONE and self._app in self._store.apps:
            self._tell(value, self._message_here)
        elif state == DONE:
            self._ways.gone(self._app, "%s is uninstalled." % self._title)
            self._tell(value, lambda text: self._ways.gone(self._app, text))
        on(state, value)

    def _tell(self, run: Optional[Run], say: Callable[[str], None]) -> None:
        """What an operation says of itself when it has ended well."""
        if run is not None and run.operation:
            client, id, ended = self._store.client, run.id, ENDED.get(operation(run), "")
            self._bridge.work(lambda: read_outcome(client, id) or ended, done=say, failed=lambda unused: say(ended))

    def _message_here(self, text: str) -> None:
        if not self._closed and text:
            self._message.say(text, "ok")
