"""What apps use: asked for every two seconds while something runs, and kept for four minutes."""

import dataclasses
import time
from collections import deque
from dataclasses import dataclass
from typing import Callable, Deque, Dict, Iterable, List, Optional, Set, Tuple

from .bridge import Bridge, Timer
from .model import Usage

__all__ = ["Meters", "Sample"]

EVERY_S = 2.0
KEPT = 120
GAP_S = 4 * EVERY_S  # after such a pause a new history begins


@dataclass(frozen=True)
class Sample:
    """at: seconds since 1970; the others as in Usage."""

    at: float
    cpu_percent: float
    rss: int
    private: int
    gpu_memory: int
    gpu_percent: Optional[int]


def together(usages: Iterable[Usage]) -> Dict[str, Usage]:
    """By app. What an app's runs use is added up; the first of them gives the rest."""
    found: Dict[str, Usage] = {}
    for usage in usages:
        if usage.app is not None:
            before = found.get(usage.app)
            found[usage.app] = usage if before is None else _sum(before, usage)
    return found


def _sum(one: Usage, other: Usage) -> Usage:
    cards = [usage.gpu_percent for usage in (one, other) if usage.gpu_percent is not None]
    return dataclasses.replace(
        one,
        pids=one.pids + other.pids,
        cpu_percent=one.cpu_percent + other.cpu_percent,
        rss=one.rss + other.rss,
        private=one.private + other.private,
        gpu_memory=one.gpu_memory + other.gpu_memory,
        gpu_percent=max(cards) if cards else None,
        threads=one.threads + other.threads,
    )


class Meters:
    """usage is what was measured last, by app. On the main thread, but ask."""

    def __init__(
        self,
        bridge: Bridge,
        ask: Callable[[], Tuple[Usage, ...]],
        wanted: Callable[[], bool],
        told: Callable[[], None],
    ) -> None:
        """ask(): on a worker. wanted(): whether anything runs. told(): usage is another."""
        self.usage: Dict[str, Usage] = {}
        self._histories: Dict[str, Deque[Sample]] = {}
        self._apps: Optional[Set[str]] = None  # that are there; None: nobody has said
        self._bridge, self._ask, self._wanted, self._told = bridge, ask, wanted, told
        self._asking = self._closed = False
        self._due = time.monotonic()
        self._timer: Optional[Timer] = None
        self._turn()

    def history(self, app: str) -> List[Sample]:
        """The oldest first. Of one that stopped it stays until it runs again."""
        return list(self._histories.get(app, ()))

    def forget(self, apps: Iterable[str]) -> None:
        """All but these are gone."""
        self._apps = set(apps)
        for app in [app for app in self._histories if app not in self._apps]:
            del self._histories[app]

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _turn(self) -> None:
        """Every two seconds, on a grid, so that a slow answer shifts nothing."""
        self._due = max(self._due + EVERY_S, time.monotonic())
        self._timer = self._bridge.later(self._due - time.monotonic(), self._turn)
        if not self._asking:
            self._look()

    def _look(self) -> None:
        if not self._wanted():
            self._put({})
            return
        self._asking = True
        self._bridge.work(self._ask, done=self._answered, failed=self._failed)

    def _answered(self, usages: Tuple[Usage, ...]) -> None:
        self._asking = False
        if not self._closed and self._wanted():
            self._put(together(usages))

    def _failed(self, unused: Exception) -> None:
        """Who follows the engine tells of it; the next turn asks again."""
        self._asking = False

    def _put(self, found: Dict[str, Usage]) -> None:
        at = time.time()
        for app, usage in found.items():
            if self._apps is not None and app not in self._apps:
                continue  # the run that removed it still works
            kept = self._histories.setdefault(app, deque(maxlen=KEPT))
            if kept and at - kept[-1].at > GAP_S:
                kept.clear()
            kept.append(Sample(at, usage.cpu_percent, usage.rss, usage.private, usage.gpu_memory, usage.gpu_percent))
        if found or self.usage:
            self.usage = found
            self._told()
