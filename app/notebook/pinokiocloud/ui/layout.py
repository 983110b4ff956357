"""The interface as a whole: status line, what waits for the person, and the tabs. It alone knows all components."""

from typing import Any, Callable, Dict, List, Optional, Tuple

import ipywidgets

from ..bridge import Bridge
from ..engine import PinokioEngine
from ..store import Store
from ..topics import Observation
from .configure import Configure
from .discover import Discover
from .forms import Questions
from .front import Front
from .library import Library
from .notices import Notices
from .parts import button, classes, close_all, column, html, row, show
from .settings import Settings
from .status import StatusLine
from .terminal import Terminal
from .theme import style
from .tunnels import Tunnels

__all__ = ["Interface"]

DISCOVER, LIBRARY, TERMINAL, TUNNELS, SETTINGS = range(5)
TITLES = ("Discover", "My Library", "Terminal", "Active Tunnels", "Settings")
HINT = (
    "<b>Discover</b> has the apps. Search one, press Install; what it needs is shown before anything is done.",
    "<b>My Library</b> has those that are installed: Start one, and Open appears when its page answers.",
    "Apps go on when you close this page or restart the kernel. Stop what you do not need; the <b>Terminal</b> shows all output.",
)


class Page:
    """A tab: empty until it is looked at for the first time, so that what is never opened costs nothing."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.box = column(names=("pino-page",))
        self._make = make
        self._part: Any = None

    @property
    def part(self) -> Any:
        if self._part is None:
            self._part = self._make()
            self.box.children = (self._part.widget,)
        return self._part

    @property
    def opened(self) -> bool:
        return self._part is not None

    def close(self) -> None:
        if self._part is not None:
            self._part.close()


class Hint:
    """Three lines for who is here for the first time: there until the first app is, or until they are sent away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sent_away = False
        lines = "".join("<li>%s</li>" % line for line in HINT)
        text = html('<ol class="pino-hint">%s</ol>' % lines, "pino-hint-text")
        self.widget = row(text, button("Got it", self._away), names=("pino-note", "pino-is-busy"))
        self.update()

    def update(self) -> None:
        self._sent_away = self._sent_away or bool(self._store.apps)
        show(self.widget, self._store.connected and not self._sent_away)

    def _away(self) -> None:
        self._sent_away = True
        self.update()


class Interface:
    """To be made and used on the kernel's main thread. close() ends all of it but the engine and the apps."""

    def __init__(self, engine: PinokioEngine) -> None:
        self.engine = engine
        self.bridge = Bridge()
        self.store = Store(engine, self.bridge)
        self.front = Front(self.bridge)
        store, bridge = self.store, self.bridge
        self.status = StatusLine(store, bridge)
        self.notices = Notices(store, bridge, show_run=self.show_run)
        self.questions = Questions(store, bridge, show_run=self.show_run)
        self.hint = Hint(store)
        self.pages: Tuple[Page, ...] = tuple(
            Page(make) for make in (self._discover, self._library, self._terminal, self._tunnels, self._settings)
        )
        self._configuring: Optional[Configure] = None
        self.tab = classes(ipywidgets.Tab([page.box for page in self.pages]), "pino-tabs")
        for number, title in enumerate(TITLES):
            self.tab.set_title(number, title)
        self._titles: Dict[int, str] = dict(enumerate(TITLES))
        self.pages[DISCOVER].part  # what is looked at first
        self.tab.observe(self._turned, "selected_index")
        self.widget = column(
            style(),
            self.status.widget,
            self.notices.widget,
            self.questions.widget,
            self.hint.widget,
            self.tab,
            self.front.probe,
            names=("pino",),
        )
        self._first = True
        self._observations = self._observe()
        self._changed()

    # What components ask of each other

    def show_run(self, run: str) -> None:
        """Its output, in the Terminal."""
        self._open(TERMINAL).show_run(run)

    def show_app(self, app: str) -> None:
        """In My Library."""
        self._end_configuring()
        self._open(LIBRARY).show_app(app)

    def show_tunnels(self, app: str) -> None:
        self._open(TUNNELS).show_app(app)

    def configure(self, app: str) -> None:
        """The form of an app's ENVIRONMENT, in the place of the library until it is closed."""
        self._end_configuring()
        library = self._open(LIBRARY)
        self._configuring = Configure(self.store, self.bridge, app, close=self._end_configuring)
        show(library.widget, False)
        self.pages[LIBRARY].box.children = (self._configuring.widget, library.widget)

    def close(self) -> None:
        """Widgets go, and with them what is shown in the notebook."""
        for observation in self._observations:
            observation.close()
        self._end_configuring()
        parts: Tuple[Any, ...] = (*self.pages, self.status, self.notices, self.questions, self.front)
        for part in parts:
            part.close()
        close_all(self.widget)
        self.store.close()
        self.bridge.close()

    # The pages

    def _discover(self) -> Discover:
        return Discover(self.store, self.bridge, show_run=self.show_run, show_app=self.show_app)

    def _library(self) -> Library:
        return Library(
            self.store,
            self.bridge,
            show_run=self.show_run,
            show_tunnels=self.show_tunnels,
            configure=self.configure,
        )

    def _terminal(self) -> Terminal:
        return Terminal(self.store, self.bridge, front=self.front)

    def _tunnels(self) -> Tunnels:
        return Tunnels(self.store, self.bridge, front=self.front)

    def _settings(self) -> Settings:
        return Settings(self.store, self.bridge)

    def _open(self, number: int) -> Any:
        part = self.pages[number].part
        self.tab.selected_index = number
        return part

    def _turned(self, change: Dict[str, Any]) -> None:
        if change["new"] is not None:
            self.pages[change["new"]].part  # made now

    def _end_configuring(self) -> None:
        if self._configuring is None:
            return
        library = self.pages[LIBRARY].part
        self.pages[LIBRARY].box.children = (library.widget,)
        show(library.widget, True)
        self._configuring.close()
        self._configuring = None

    # What is told

    def _observe(self) -> List[Observation]:
        topics = {"connection": self._changed, "apps": self._changed, "runs": self._count, "tunnels": self._count}
        return [self.store.observe(topic, told) for topic, told in topics.items()]

    def _changed(self) -> None:
        self.hint.update()
        self._count()
        if self._first and self.store.connected:
            self._first = False
            if any(run.live for run in self.store.runs.values()) and self.tab.selected_index in (None, DISCOVER):
                self._open(LIBRARY)  # whoever comes back looks for what runs

    def _count(self) -> None:
        running = sum(1 for app in self.store.apps.values() if app.state == "RUNNING")
        tunnels = sum(1 for tunnel in self.store.tunnels.values() if tunnel.status == "open")
        self._title(LIBRARY, str(running) if running else "")
        self._title(TUNNELS, str(tunnels) if tunnels else "")

    def _title(self, number: int, more: str) -> None:
        title = "%s (%s)" % (TITLES[number], more) if more else TITLES[number]
        if self._titles[number] != title:
            self._titles[number] = title
            self.tab.set_title(number, title)

