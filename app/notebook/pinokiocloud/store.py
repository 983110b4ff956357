"""What the interface shows: the engine's state in the kernel, kept true by its events, and what can be asked of it."""

import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Any, Callable, Deque, Dict, List, Optional, Set, Tuple

from .actions import Actions
from .bridge import Bridge
from .client import Client
from .engine import PinokioEngine
from .errors import EngineGoneError, PinokioError
from .jobs import Jobs
from .model import App, CatalogApp, Count, Machine, Provider, Question, Run, Setting, Tunnel, Usage
from .reader import RUNS, Catalog, Found, read_catalog
from .sync import Sync
from .told import said
from .topics import Observation, Topics
from .usage import Meters, Sample
from .watch import RunWatch

__all__ = ["Notice", "Store", "Waiting"]

NOTICES = 50
OF_AN_APP = 10  # of them, and of all scripts of no app; one that talks much does not drive out the others


@dataclass(frozen=True)
class Notice:
    """Something a person should read. number grows; kind: "trouble" (the engine's), "idle", "error" (the interface's own),
    "app" (what an app says: app and run say who, html is the app's own text if it wrote one, href a page to open).

    at: seconds since 1970; count: how often it was said.
    """

    number: int
    kind: str
    text: str
    at: float
    count: int = 1
    app: str = ""
    run: str = ""
    html: str = ""
    href: str = ""


@dataclass(frozen=True)
class Waiting:
    """A question of a run that waits for its answer."""

    run: str
    app: Optional[str]
    question: Question


class Store(Actions):
    """All of it belongs to the main thread. The tables are replaced and not changed, but for notices.

    Topics of observe(): "apps", "app:ID" (it, or one of its runs), "runs", "run:ID", "tunnels" (and providers), "settings",
    "catalog", "usage", "connection", "machine", "notice", "question".
    While connected is False the tables hold what was true when the engine was lost. why_not may also say, while connected
    is True, that the engine does not answer well.
    """

    def __init__(self, engine: PinokioEngine, bridge: Bridge) -> None:
        """Returns at once; "connection" tells when all was read. close() ends neither engine nor bridge."""
        self.engine, self.bridge = engine, bridge
        self.client = Client(engine.address, engine.client.timeout)  # its own, so that close() breaks off its requests
        self.apps: Dict[str, App] = {}
        self.runs: Dict[str, Run] = {}  # the newest first
        self.tunnels: Dict[str, Tunnel] = {}
        self.providers: Tuple[Provider, ...] = ()
        self.settings: Dict[str, Setting] = {}
        self.machine: Optional[Machine] = None
        self.catalog: List[CatalogApp] = []
        self.categories: Tuple[Count, ...] = ()
        self.tags: Tuple[Count, ...] = ()
        self.catalog_trouble = ""
        self.questions: Tuple[Waiting, ...] = ()
        self.notices: Deque[Notice] = deque(maxlen=NOTICES)
        self._notice_count = 0
        self._topics = Topics(bridge)
        self._jobs = Jobs(bridge, self._cannot)
        self._sync = Sync(engine, self.client, bridge, self._put, self._connection, self.notice, self._said)
        self._meters = Meters(bridge, self.client.processes, self._works, lambda: self._topics.changed("usage"))
        bridge.on_trouble.append(self._trouble)

    @property
    def connected(self) -> bool:
        return self._sync.connected

    @property
    def why_not(self) -> str:
        return self._sync.why_not

    @property
    def usage(self) -> Dict[str, Usage]:
        """Of the apps that run now; not of an engine that was lost."""
        return self._meters.usage if self.connected else {}

    def history(self, app: str) -> List[Sample]:
        """The last 120 samples of an app, two seconds apart, the oldest first."""
        return self._meters.history(app)

    def observe(self, topic: str, function: Callable[[], None]) -> Observation:
        """Calls function() after a change, at most ten times a second, and always after the last. handle.close() ends it."""
        return self._topics.observe(topic, function)

    def follow_run(self, run: str, told: Callable[[List[Dict[str, Any]], int], None], **options: Any) -> RunWatch:
        """A run's own events, told on the main thread: see RunWatch. To be closed by the caller."""
        return RunWatch(self.engine.events, self.bridge, run, told, **options)

    def look(self) -> None:
        """Asks for the machine and the catalog anew."""
        self._sync.fetch("machine", self.client.machine, self._put_machine)
        self._sync.fetch("catalog", lambda: read_catalog(self.client), self._put_catalog)

    def notice(self, kind: str, text: str, **more: str) -> None:
        """What was said before counts; only of an app it is news again. more: app, run, html, href of what an app says."""
        app, href = more.get("app", ""), more.get("href", "")
        for at, known in enumerate(self.notices):
            if (known.kind, known.text, known.app, known.href) == (kind, text, app, href):
                self.notices[at] = again = replace(known, count=known.count + 1)
                if kind == "app":
                    del self.notices[at]
                    self._add(replace(again, at=time.time(), run=more.get("run", "")))
                return
        same = [known for known in self.notices if kind == known.kind == "app" and known.app == app]
        if len(same) >= OF_AN_APP:
            self.notices.remove(same[0])
        self._add(Notice(0, kind, text, time.time(), **more))  # type: ignore[arg-type]

    def _add(self, notice: Notice) -> None:
        """With the next number."""
        self._topics.changed("notice")
        self._notice_count += 1
        self.notices.append(replace(notice, number=self._notice_count))

    def close(self) -> None:
        """Nothing is told any more, and what is under way is broken off. The engine and the apps go on."""
        if self._trouble in self.bridge.on_trouble:
            self.bridge.on_trouble.remove(self._trouble)
        self._sync.close()
        self._jobs.close()
        self._meters.close()
        self._topics.close()
        self.client.close()

    # What the others ask

    def _cannot(self) -> Optional[PinokioError]:
        return None if self.connected else EngineGoneError("the engine cannot be asked now: %s" % self.why_not)

    def _works(self) -> bool:
        return self.connected and any(run.live for run in self.runs.values())

    def _trouble(self, error: BaseException) -> None:
        self.notice("error", "%s: %s" % (type(error).__name__, error))

    def _said(self, event: Dict[str, Any]) -> None:
        """An app says something."""
        app, run = (str(event.get(name) or "") for name in ("app", "run"))
        who = self.apps[app].title if app in self.apps else app or "an app"
        found = said(event, who)
        if found is not None:
            self.notice("app", found.text, app=app, run=run, html=found.html, href=found.href)
        if event.get("dropped"):
            self.notice("app", "%s says more than is shown here: its output has all of it" % who, app=app, run=run)

    # What was read

    def _connection(self) -> None:
        self._topics.changed("connection")

    def _put(self, found: Found, anew: bool) -> None:
        self._put_runs(found.runs, anew)
        self._put_apps(found.apps, anew)
        if found.tunnels is not None:
            self._put_value("tunnels", "tunnels", {tunnel.id: tunnel for tunnel in found.tunnels})
        if found.providers is not None:
            self._put_value("tunnels", "providers", found.providers)
        if found.settings is not None:
            self._put_value("settings", "settings", {setting.key: setting for setting in found.settings})
        if anew:
            self.look()
        self._jobs.review()

    def _put_value(self, topic: str, name: str, value: Any) -> None:
        if getattr(self, name) != value:
            setattr(self, name, value)
            self._topics.changed(topic)

    def _put_apps(self, apps: Tuple[App, ...], anew: bool) -> None:
        before, self.apps = self.apps, {app.id: app for app in apps}
        changed = _different(before, self.apps)
        if changed or list(before) != list(self.apps):
            self._topics.changed("apps", *("app:" + app for app in changed))
        if set(before) != set(self.apps):
            self._meters.forget(self.apps)
            if not anew:
                self._sync.fetch("catalog", lambda: read_catalog(self.client), self._put_catalog)

    def _put_runs(self, runs: Dict[str, Optional[Run]], anew: bool) -> None:
        if not runs and not anew:
            return
        before = self.runs
        now = {} if anew else dict(before)
        now.update((id, run) for id, run in runs.items() if run is not None)
        for gone in (id for id, run in runs.items() if run is None):
            now.pop(gone, None)
        self.runs = _newest(now)
        changed = _different(before, self.runs)
        if not changed:
            return
        owners = {(self.runs.get(run) or before[run]).app for run in changed}
        self._topics.changed("runs", *("run:" + run for run in changed), *("app:" + app for app in owners if app))
        self._put_value(
            "question",
            "questions",
            tuple(Waiting(run.id, run.app, one) for run in self.runs.values() if run.live for one in run.questions),
        )

    def _put_catalog(self, catalog: Catalog) -> None:
        for name, value in (
            ("catalog", list(catalog.apps)),
            ("categories", catalog.categories),
            ("tags", catalog.tags),
            ("catalog_trouble", catalog.trouble),
        ):
            self._put_value("catalog", name, value)

    def _put_machine(self, machine: Machine) -> None:
        self._put_value("machine", "machine", machine)


def _different(before: Dict[str, Any], now: Dict[str, Any]) -> Set[str]:
    """The keys of what came, went or changed."""
    return {key for key in before.keys() | now.keys() if not _same(before.get(key), now.get(key))}


def _same(one: Any, other: Any) -> bool:
    return one is other or bool(one == other)


def _newest(runs: Dict[str, Run]) -> Dict[str, Run]:
    """The newest first; of those that ended so many as are worth keeping."""
    ordered = sorted(runs.values(), key=lambda run: (run.started_at, run.id), reverse=True)
    ended = [run.id for run in ordered if not run.live][RUNS:]
    dropped = set(ended)
    return {run.id: run for run in ordered if run.id not in dropped}
