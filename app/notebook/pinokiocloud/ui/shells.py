"""The shells of the run that is looked at, kept true by asking the engine."""

from typing import Callable, Tuple

from ..bridge import Bridge
from ..model import Run, Shell
from ..store import Store

__all__ = ["Shells"]


class Shells:
    """all: as far as they are known. changed(): they are others."""

    def __init__(self, store: Store, bridge: Bridge, changed: Callable[[], None]) -> None:
        self.all: Tuple[Shell, ...] = ()
        self._store, self._bridge, self._changed = store, bridge, changed
        self._run = ""
        self._asking = self._again = self._closed = False

    def of(self, run: str) -> None:
        """Another run, or the same."""
        if run != self._run:
            self._run = run
            known = self._store.runs.get(run)
            self.all = known.shells if known is not None else ()
        self.ask()

    def ask(self) -> None:
        """One question at a time; the last is asked after the last change."""
        if not self._run or not self._store.connected or self._closed:
            return
        if self._asking:
            self._again = True
            return
        self._asking, asked = True, self._run
        self._bridge.work(
            self._store.client.run,
            asked,
            done=lambda run: self._told(asked, run),
            failed=lambda unused: self._over(),  # the run's output tells what is wrong
        )

    def close(self) -> None:
        self._closed = True

    def _told(self, asked: str, run: Run) -> None:
        if asked == self._run and run.shells != self.all and not self._closed:
            self.all = run.shells
            self._changed()
        self._over()

    def _over(self) -> None:
        self._asking = False
        if self._again:
            self._again = False
            self.ask()
