"""One install, from "what would it do?" to "it is there": first the plan, then the install."""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ..bridge import Bridge
from ..errors import RunFailedError
from ..jobs import BEGUN, DONE, On
from ..store import Store
from ..topics import Observation
from ..watch import RunWatch
from .appwords import TITLE, short
from .parts import Action, Message, button, close_all, column, put, row, said
from .plan import PlanView, verdict_of
from .standing import INSTALLED, Standings

__all__ = ["Offer"]

LOOKING, DECIDING, SURE, INSTALLING, FAILED, OVER = "looking", "deciding", "sure", "installing", "failed", "over"
# What the buttons are called, what kind they are, and whether they need the engine.
BUTTONS: Dict[str, Tuple[str, str, bool]] = {
    "install": ("Install now", "main", True),
    "doubt": ("Install all the same", "danger", True),
    "force": ("Yes, install it all the same", "danger", True),
    "retry": ("Try again from where it failed", "main", True),
    "anew": ("Try again", "main", True),
    "look": ("Look at the plan again", "", True),
    "output": ("Show output", "", False),
    "stop": ("Stop", "", True),
    "library": ("Open in My Library", "main", False),
    "no": ("No", "", False),
    "later": ("Not now", "", False),
    "hide": ("Close", "", False),
}


class Offer:
    """It begins with asking for the plan, or, with retry, with going on where an install has failed.

    source: the address of its repository. over(): the person is done with it; who made it closes it then.
    """

    def __init__(
        self,
        store: Store,
        bridge: Bridge,
        source: str,
        title: str,
        *,
        show_run: Callable[[str], None],
        show_app: Callable[[str], None],
        over: Callable[[], None],
        retry: bool = False,
    ) -> None:
        self.phase = ""
        self._store, self._bridge, self._source, self._title = store, bridge, source, title
        self._show_run, self._show_app, self._over = show_run, show_app, over
        self._turn = 0  # what earlier actions still tell is not of now
        self._run = self._app = self._stage = ""
        self._force = self._stopping = False
        self._told: Optional[Dict[str, Any]] = None
        self._watch: Optional[RunWatch] = None
        self._seen: Optional[Observation] = None
        self._connection = store.observe("connection", self._enable)
        self._buttons: Dict[str, Any] = {}
        self._note, self._plan = Message(), PlanView()
        self._row = row()
        self.widget = column(self._note.widget, self._plan.widget, self._row, names=("pino-discover-offer",))
        if retry:
            self._retry()
        else:
            self._look()

    def close(self) -> None:
        self._turn += 1
        self._connection.close()
        self._unwatch()
        self._row.children = ()
        for made in list(self._buttons.values()) + [self.widget]:
            close_all(made)

    @property
    def app(self) -> str:
        """What was made of it; "" not yet."""
        return self._app if self.phase == OVER else ""

    @property
    def waits(self) -> bool:
        """Nothing was begun yet."""
        return self.phase in (LOOKING, DECIDING, SURE)

    # What is shown

    def _go(self, phase: str, names: Sequence[str], text: str, kind: str, more: str = "") -> None:
        self.phase = phase
        if text:
            self._note.say(text, kind, more)
        else:
            self._note.clear()
        self._plan.show(self._told if phase in (DECIDING, SURE) else None)
        for name in names:
            if name not in self._buttons:
                self._buttons[name] = self._make(name)
        children = tuple(self._buttons[name] for name in names)
        if self._row.children != children:
            self._row.children = children
        self._enable()

    def _make(self, name: str) -> Any:
        label, kind, _ = BUTTONS[name]
        return button(label, lambda: self._press(name), kind)

    def _enable(self) -> None:
        for name, made in self._buttons.items():
            stopping = name == "stop" and self._stopping
            disabled = stopping or (BUTTONS[name][2] and not self._store.connected)
            put(made, description="Stopping …" if stopping else BUTTONS[name][0], disabled=disabled)

    def _press(self, name: str) -> None:
        """A second click of an eager finger finds another phase, and its button gone."""
        actions: Dict[str, Callable[[], None]] = {
            "install": lambda: self._install(False),
            "doubt": self._doubt,
            "force": lambda: self._install(True),
            "retry": self._retry,
            "anew": self._retry,
            "look": self._look,
            "output": lambda: self._show_run(self._run),
            "stop": self._stop,
            "library": lambda: self._show_app(self._app),
            "no": self._decide,
            "later": self._over,
            "hide": self._over,
        }
        if self._buttons[name] in self._row.children and not self._buttons[name].disabled:
            actions[name]()

    # The plan

    def _look(self) -> None:
        self._run, self._told = "", None
        self._looking(["later"])
        self._turn += 1
        self._store.plan(self._source, on=self._of_now(self._planned))

    def _looking(self, names: Sequence[str]) -> None:
        self._go(LOOKING, names, "Looking what %s needs. Nothing is installed yet …" % self._title, "busy")

    def _planned(self, state: str, value: Any) -> None:
        if state == BEGUN:
            self._run = value.id
            self._looking(["output", "later"])
        elif state == DONE:
            self._told = value
            self._decide()
        else:
            self._failed_with("What %s needs was not found out." % self._title, value, ["look"])

    def _decide(self) -> None:
        wish = "doubt" if verdict_of(self._told) == "no" else "install"
        self._go(DECIDING, [wish, "later"], "", "")

    def _doubt(self) -> None:
        self._go(SURE, ["force", "no"], "The plan says that it cannot work here. Install it all the same?", "warn")

    # The install

    def _install(self, force: bool) -> None:
        self._force = force
        options: Dict[str, Any] = {"force": True} if force else {}
        self._begin(lambda on: self._store.install(self._source, on=on, **options))

    def _retry(self) -> None:
        """What an app's folder is there for goes on; else all begins anew."""
        options: Dict[str, Any] = {"force": True} if self._force else {}
        app = self._app_there()
        if app:
            self._begin(lambda on: self._store.install_again(app, on=on, **options))
        else:
            self._install(self._force)

    def _begin(self, action: Action) -> None:
        self._run = self._stage = ""
        self._stopping = False
        self._going()
        self._turn += 1
        action(self._of_now(self._installed))

    def _installed(self, state: str, value: Any) -> None:
        if state == BEGUN:
            self._run, self._app = value.id, value.app
            self._watch = self._store.follow_run(value.id, self._stages, kinds=("stage",))
            self._seen = self._store.observe("run:" + value.id, self._going)
            self._going()
            return
        self._unwatch()
        if state == DONE:
            self._done()
        else:
            again = "retry" if self._app_there() else "anew"
            self._failed_with("%s was not installed." % self._title, value, [again, "look"])

    def _stages(self, events: List[Dict[str, Any]], unused: int) -> None:
        for event in events:
            told = event.get("data")
            if isinstance(told, dict) and isinstance(told.get("text"), str):
                self._stage = told["text"]
        self._going()

    def _going(self) -> None:
        run = self._store.runs.get(self._run)
        waits = run is not None and run.live and (run.question_count > 0 or bool(run.questions))
        step = ""
        if run is not None and run.total > 0 and run.step >= 0:
            step = "step %d of %d" % (min(run.step + 1, run.total), run.total)
        stage = self._stage.split(": ", 1)[-1] if self._stage.startswith("installing ") else self._stage
        text = " · ".join(part for part in ("Installing %s …" % self._title, step, stage) if part)
        if waits:
            text += " · it waits for your answer to a question"
        names = ["output", "stop"] if self._run else []
        self._go(INSTALLING, names, text, "warn" if waits else "busy")

    def _stop(self) -> None:
        self._stopping = True
        self._enable()
        self._store.stop_run(self._run, on=self._of_now(self._not_stopped))

    def _not_stopped(self, state: str, value: Any) -> None:
        """That it was stopped the install itself tells."""
        if state not in (BEGUN, DONE):
            self._stopping = False
            self._go(INSTALLING, ["output", "stop"], "It was not stopped: " + said(value), "bad")

    def _done(self) -> None:
        if Standings(self._store).of_address(self._source).kind != INSTALLED:
            text = "The install has come to its end, and yet the app's own menu says that it is not installed."
            self._go(OVER, ["library", "output", "hide"], text, "warn")
        else:
            self._go(OVER, ["library", "hide"], "%s is installed." % self._called(), "ok")

    def _called(self) -> str:
        """With the name that it has in the library, where that is another."""
        app = self._store.apps.get(self._app)
        title = short(app.title, TITLE) if app is not None else ""
        return "%s (%s)" % (title, self._title) if title and title != self._title else self._title

    # The rest

    def _app_there(self) -> str:
        """The app's folder that an install goes on with."""
        if self._app in self._store.apps:
            return self._app
        found = Standings(self._store).of_address(self._source)
        return found.app.id if found.app is not None else ""

    def _failed_with(self, what: str, error: Exception, names: List[str]) -> None:
        run = error.run if isinstance(error, RunFailedError) else None
        self._run = run.id if run is not None else self._run
        told = run.error if run is not None and run.error else said(error)
        self._go(FAILED, names + (["output"] if self._run else []) + ["hide"], what, "bad", told)

    def _of_now(self, function: On) -> On:
        """Hears nothing any more when something else was begun since."""
        turn = self._turn

        def on(state: str, value: Any) -> None:
            if turn == self._turn:
                function(state, value)

        return on

    def _unwatch(self) -> None:
        for one in (self._watch, self._seen):
            if one is not None:
                one.close()
        self._watch = self._seen = None
