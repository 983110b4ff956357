"""What is shown when a person asks for it, and what workers are asked when a person presses. For the main thread."""

from typing import Any, Callable, Optional

from ..bridge import Bridge
from ..jobs import DONE, FAILED, On
from .parts import Action, button, close_all, column, put, show

__all__ = ["Fold", "asking"]


class Fold:
    """A button and what it shows and hides. make() gives the widget below it when it is shown for the first time.

    shown(open) is told after each turn. The button may stand anywhere: widget is only what is below it.
    """

    def __init__(
        self,
        label: str,
        make: Callable[[], Any],
        *,
        hide: str = "",
        kind: str = "",
        turned: Optional[Callable[[bool], None]] = None,
    ) -> None:
        """hide: what the button says while it is open."""
        self.button = button(label, self.turn, kind)
        self.widget = column()
        self.open = False
        self._label, self._hide, self._make, self._turned = label, hide or "Hide " + label, make, turned
        self._made = False
        show(self.widget, False)

    def name(self, label: str, hide: str = "") -> None:
        self._label, self._hide = label, hide or "Hide " + label
        self._draw()

    def turn(self, wanted: Optional[bool] = None) -> None:
        """Shows it, or hides it again."""
        self.open = not self.open if wanted is None else wanted
        if self.open and not self._made:
            self._made = True
            self.widget.children = (self._make(),)
        self._draw()
        if self._turned is not None:
            self._turned(self.open)

    def close(self) -> None:
        close_all(self.button)
        close_all(self.widget)

    def _draw(self) -> None:
        put(self.button, description=self._hide if self.open else self._label)
        show(self.widget, self.open)


def asking(bridge: Bridge, function: Callable[[], Any]) -> Action:
    """An action that calls function() on a worker."""

    def action(on: On) -> None:
        bridge.work(function, done=lambda value: on(DONE, value), failed=lambda error: on(FAILED, error))

    return action
