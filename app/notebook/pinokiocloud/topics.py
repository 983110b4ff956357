"""Who wants to know of what: observers of topics, told on the main thread, at most ten times a second a topic."""

import time
from typing import Callable, Dict, List, Optional

from .bridge import Bridge, Timer

__all__ = ["Observation", "Topics"]

PAUSE_S = 0.1


class Observation:
    """What observe() gives."""

    def __init__(self, topics: "Topics", topic: str, function: Callable[[], None]) -> None:
        self.topic = topic
        self.function: Optional[Callable[[], None]] = function
        self._topics = topics

    def close(self) -> None:
        """It is not told any more. Harmless twice."""
        self.function = None
        self._topics.forget(self)


class Topics:
    """All methods are for the main thread."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._observers: Dict[str, List[Observation]] = {}
        self._told: Dict[str, float] = {}
        self._changed: Dict[str, None] = {}  # a set that keeps its order
        self._called = False
        self._timer: Optional[Timer] = None

    def observe(self, topic: str, function: Callable[[], None]) -> Observation:
        made = Observation(self, topic, function)
        self._observers.setdefault(topic, []).append(made)
        return made

    def forget(self, observation: Observation) -> None:
        there = self._observers.get(observation.topic, [])
        if observation in there:
            there.remove(observation)
        if not there:
            self._observers.pop(observation.topic, None)
            self._told.pop(observation.topic, None)
            self._changed.pop(observation.topic, None)

    def changed(self, *topics: str) -> None:
        """They are told soon, never before this returns."""
        for topic in topics:
            if topic in self._observers:
                self._changed[topic] = None
        if self._changed and not self._called:
            self._called = True
            self._bridge.call(self._flush)

    def close(self) -> None:
        self._observers.clear()
        self._changed.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _flush(self) -> None:
        """Tells those whose time has come, and comes again for the others."""
        self._called = False
        if self._timer is not None:
            self._timer.cancel()
        now = time.monotonic()
        for topic in list(self._changed):
            if now - self._told.get(topic, -PAUSE_S) >= PAUSE_S and topic in self._changed:
                del self._changed[topic]
                self._told[topic] = now
                self._tell(topic)
        if self._changed:
            first = min(self._told.get(topic, now) for topic in self._changed)
            self._timer = self._bridge.later(max(0.0, first + PAUSE_S - time.monotonic()), self._flush)

    def _tell(self, topic: str) -> None:
        for observation in list(self._observers.get(topic, ())):
            if observation.function is None:
                continue
            try:
                observation.function()
            except Exception as error:  # of one observer: the others are told
                self._bridge.trouble(error)
