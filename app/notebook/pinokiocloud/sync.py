"""Keeps the store true: follows the engine's events, and reads again what they say has changed.

An event says what changed, not to what: that is asked for, on a worker. What changes often is read at most ten times a
second, and less often when reading takes long. An engine that went is found by the follower, and then all is read anew.
"""

import functools
import time
from typing import Any, Callable, Dict, Iterable, Optional, Set

from .bridge import Bridge, Timer
from .client import Client
from .engine import PinokioEngine
from .errors import EngineGoneError
from .events import FAILED, OPEN, EngineFollower
from .reader import SETTINGS, TUNNELS, Found, read_all, read_some

__all__ = ["Sync"]

PAUSE_S = 0.1  # from the beginning of a reading to that of the next, at least
SHARE = 5  # and so many times what reading took
FIRST_WAIT_S, MOST_WAIT_S = 0.25, 5.0  # after a reading that failed
REFUSED_S = 5.0  # after the engine would not be followed

NOT_YET = "the engine is being asked for the first time"


class Sync:
    """On the main thread. Readings have numbers: applied is that of the last one that was put."""

    def __init__(
        self,
        engine: PinokioEngine,
        client: Client,
        bridge: Bridge,
        put: Callable[[Found, bool], None],
        told: Callable[[], None],
        news: Callable[[str, str], None],
        said: Callable[[Dict[str, Any]], None],
    ) -> None:
        """put(found, anew): what was read; anew: all else is gone. told(): the connection changed. news(kind, text).

        said(event): an app says something.
        """
        self.connected, self.why_not = False, NOT_YET
        self.applied = 0
        self._engine, self._client, self._bridge = engine, client, bridge
        self._put, self._told, self._news, self._said = put, told, news, said
        self._begun = self._generation = 0
        self._runs: Set[str] = set()
        self._parts: Set[str] = set()
        self._changed = self._reading = self._closed = False
        self._next_at, self._wait = 0.0, FIRST_WAIT_S
        self._timer: Optional[Timer] = None
        self._fetching: Dict[str, int] = {}
        self._mark = object()
        self._follower: Optional[EngineFollower] = None
        self.follow()

    def follow(self) -> None:
        """Looks for the engine at once, however long it has waited before."""
        if self._follower is not None:
            self._follower.close()
        if self._closed:
            return
        self._next_generation()
        self._mark = mark = object()  # what an earlier follower still says is not of now
        self._follower = self._engine.events.follow_engine(
            lambda event: self._bridge.call(self._event, event),
            lambda state, why: self._bridge.call(self._state, mark, state, why),
        )

    def close(self) -> None:
        self._closed = True
        self._next_generation()
        if self._follower is not None:
            self._follower.close()

    def want(self, runs: Iterable[str] = (), parts: Iterable[str] = ()) -> int:
        """These are read (apps are always). Gives the number that applied has, at least, when that was done."""
        self._runs.update(runs)
        self._parts.update(parts)
        self._changed = True
        self._schedule()
        return self._begun + 1

    def fetch(self, name: str, ask: Callable[[], Any], put: Callable[[Any], None]) -> None:
        """Reads something big apart from the rest, until it succeeds or the engine is lost."""
        self._fetching[name] = number = self._fetching.get(name, 0) + 1
        generation = self._generation

        def is_last() -> bool:
            return (number, generation) == (self._fetching[name], self._generation)

        def failed(error: Exception) -> None:
            if is_last():
                self._news("trouble", str(error))
                self._bridge.later(REFUSED_S, again)

        def done(found: Any) -> None:
            if is_last():
                put(found)

        def again() -> None:
            if is_last():
                self._bridge.work(ask, done=done, failed=failed)

        again()

    # The connection

    def _next_generation(self) -> None:
        """Answers and timers of before count no more."""
        self._generation += 1
        self._reading = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _state(self, mark: object, state: str, why: str) -> None:
        if self._closed or mark is not self._mark:
            return
        if state == OPEN:
            self._next_generation()
            self._load()
            return
        self._lost(why)
        if state == FAILED:
            self._timer = self._bridge.later(REFUSED_S, self.follow)

    def _lost(self, why: str) -> None:
        self._next_generation()
        self._say(False, why)

    def _say(self, connected: bool, why_not: str) -> None:
        if (connected, why_not) != (self.connected, self.why_not):
            self.connected, self.why_not = connected, why_not
            self._told()

    # Reading

    def _ask(self, ask: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]) -> None:
        """Asks on a worker; an answer that comes when the engine was lost meanwhile is thrown away."""
        generation = self._generation
        began = time.monotonic()

        def if_of_now(function: Callable[[Any], None], value: Any) -> None:
            if generation == self._generation and not self._closed:
                self._next_at = began + max(PAUSE_S, SHARE * (time.monotonic() - began))
                function(value)

        self._bridge.work(ask, done=functools.partial(if_of_now, done), failed=functools.partial(if_of_now, failed))

    def _load(self) -> None:
        self._timer = None
        self._runs.clear()
        self._parts.clear()
        self._changed, self._reading = False, True
        self._begun += 1
        self._ask(lambda: read_all(self._engine, self._client), self._loaded, self._not_loaded)

    def _loaded(self, found: Found) -> None:
        self.connected, self.why_not = True, ""
        self._read_well(found, True)
        self._told()

    def _not_loaded(self, error: Exception) -> None:
        self._say(False, str(error))
        self._timer = self._bridge.later(self._longer(), self._load)

    def _schedule(self) -> None:
        if self._changed and self.connected and not self._reading and self._timer is None and not self._closed:
            self._timer = self._bridge.later(max(0.0, self._next_at - time.monotonic()), self._read)

    def _read(self) -> None:
        self._timer = None
        runs, parts = frozenset(self._runs), frozenset(self._parts)
        self._runs.clear()
        self._parts.clear()
        self._changed, self._reading = False, True
        self._begun += 1
        self._ask(
            lambda: read_some(self._client, runs, parts),
            lambda found: self._read_well(found, False),
            lambda error: self._not_read(runs, parts, error),
        )

    def _read_well(self, found: Found, anew: bool) -> None:
        self._reading, self._wait = False, FIRST_WAIT_S
        self.applied = self._begun
        self._put(found, anew)
        self._say(self.connected, "")
        self._schedule()

    def _not_read(self, runs: Iterable[str], parts: Iterable[str], error: Exception) -> None:
        """The follower tells of an engine that went; this one is there and does not answer well."""
        self._runs.update(runs)
        self._parts.update(parts)
        self._changed, self._reading = True, False
        self._timer = self._bridge.later(self._longer(), self._read)
        if not isinstance(error, EngineGoneError):
            self._news("trouble", str(error))
        self._say(self.connected, str(error))

    def _longer(self) -> float:
        wait, self._wait = self._wait, min(2 * self._wait, MOST_WAIT_S)
        return wait

    # Events

    def _event(self, event: Dict[str, Any]) -> None:
        """Those of before OPEN was handled are read with all else."""
        kind, run = event.get("type"), event.get("run")
        if self._closed:
            return
        if kind in ("run", "shell", "question"):
            self.want(runs=[run] if isinstance(run, str) else ())
        elif kind == "app":
            self.want()
        elif kind == "tunnel":
            self.want(parts=[TUNNELS])
        elif kind == "setting":
            self.want(parts=[SETTINGS])
        elif kind == "told":
            self._said(event)
        elif kind in ("trouble", "idle"):
            self._news(kind, str(event.get("message") or event.get("text") or ""))
