"""A button of which one click begins one thing, and that shows it was heard until that is known to go on."""

import time
from typing import Any, Callable, Optional

from ..bridge import Bridge, Timer
from ..jobs import BEGUN, FAILED
from .parts import Action, put

__all__ = ["Press"]

HOLD_S = 1.0  # a second click of an eager finger must not do what the button says by then


class Press:
    """For buttons whose meaning changes with the app's state (Start, Stop): busy only until the store knows of what was
    begun, and not until that is over. On the main thread."""

    def __init__(self, bridge: Bridge, widget: Any, free: Callable[[], None]) -> None:
        """free(): it is free again; draws anew what it says now."""
        self.widget = widget
        self.under_way = False
        self._bridge, self._free = bridge, free
        self._number = 0
        self._until = 0.0
        self._known: Optional[Callable[[], bool]] = None
        self._timer: Optional[Timer] = None

    def begin(
        self,
        busy: str,
        action: Action,
        known: Callable[[Any], bool],
        failed: Callable[[Exception], None],
        done: Optional[Callable[[Any], None]] = None,
    ) -> None:
        """known(what was begun): whether the store shows it."""
        if self.under_way:
            return
        self.under_way = True
        self._number += 1
        number = self._number
        self._known = None
        self._until = time.monotonic() + HOLD_S
        put(self.widget, description=busy, disabled=True)

        def on(state: str, value: Any) -> None:
            if state == BEGUN:
                self._goes_on(number, lambda: known(value))
                return
            self._goes_on(number, lambda: True)
            if state == FAILED:
                failed(value)
            elif done is not None:
                done(value)

        try:
            action(on)
        except Exception:
            self._goes_on(number, lambda: True)
            raise

    def check(self) -> None:
        """Something changed in the store, or time has passed."""
        if not self.under_way or self._known is None or not self._known():
            return
        left = self._until - time.monotonic()
        if left <= 0:
            self.under_way = False
            self._free()
        elif self._timer is None or self._timer.function is None:
            self._timer = self._bridge.later(left, self.check)

    def close(self) -> None:
        self._number += 1
        self._known = None
        if self._timer is not None:
            self._timer.cancel()

    def _goes_on(self, number: int, known: Callable[[], bool]) -> None:
        if number == self._number:
            self._known = known
            self.check()
