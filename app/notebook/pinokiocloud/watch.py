"""A run's own events, told on the main thread."""

import threading
from typing import Any, Callable, Collection, Dict, List, Optional

from .bridge import Bridge
from .events import FAILED, OVER, Events

__all__ = ["RunWatch"]

MOST = 2000  # events on their way to the main thread; the engine waits with the others


class RunWatch:
    """Follows a run from a byte of its journal on, until it is over or this is closed.

    told(events, offset): on the main thread, those of the wanted kinds and the offset after them. ended(why): when all is
    told, why is "", or says what went wrong. A main thread that is busy makes the engine wait.
    """

    def __init__(
        self,
        events: Events,
        bridge: Bridge,
        run: str,
        told: Callable[[List[Dict[str, Any]], int], None],
        kinds: Optional[Collection[str]] = None,
        offset: int = 0,
        ended: Optional[Callable[[str], None]] = None,
    ) -> None:
        """kinds: types of events; None: all."""
        self.run, self.offset = run, offset
        self._bridge, self._told, self._kinds, self._ended = bridge, told, kinds, ended
        self._lock = threading.Lock()
        self._waiting = 0
        self._closed = False
        self._follower = events.follow_run(run, self._take, offset, self._state)

    def close(self) -> None:
        """Nothing is told any more."""
        self._closed = True
        self._follower.close()

    # On the events' thread

    def _take(self, events: List[Dict[str, Any]], offset: int) -> None:
        kinds = self._kinds
        wanted = events if kinds is None else [event for event in events if event.get("type") in kinds]
        if not wanted:
            return
        with self._lock:
            self._waiting += len(wanted)
            full = self._waiting > MOST
        if full:
            self._follower.pause()
        self._bridge.call(self._tell, wanted, offset)

    def _state(self, state: str, why: str) -> None:
        if state in (OVER, FAILED):
            self._bridge.call(self._end, why if state == FAILED else "")

    # On the main thread

    def _tell(self, events: List[Dict[str, Any]], offset: int) -> None:
        with self._lock:
            self._waiting -= len(events)
            empty = self._waiting == 0
        if empty:
            self._follower.resume()
        if not self._closed:
            self.offset = offset
            self._told(events, offset)

    def _end(self, why: str) -> None:
        if not self._closed and self._ended is not None:
            self._ended(why)
