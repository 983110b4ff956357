"""The line in which a person types to a shell."""

from typing import Callable

import ipywidgets

from ..bridge import Bridge
from .parts import button, classes, put, row

__all__ = ["Prompt"]

# The browser tells Enter and a click before the text that goes with them, each in a message of its own.
TEXT_S = 0.08


class Prompt:
    """typed(text): what the shell is to be given."""

    def __init__(self, bridge: Bridge, typed: Callable[[str], None]) -> None:
        self._bridge, self._typed = bridge, typed
        self._coming = False
        self._text = ipywidgets.Text(placeholder="Type to the shell, Enter sends it", continuous_update=False)
        classes(self._text, "pino-terminal-input")
        self._text.on_msg(self._heard)
        self._buttons = (
            button("Send", self._soon, "main"),
            button("Enter", lambda: self._typed("\r"), tip="An empty line"),
            button("Ctrl-C", lambda: self._typed("\x03"), tip="Interrupts what runs in the shell"),
        )
        self.widget = row(self._text, *self._buttons)

    def enable(self, enabled: bool) -> None:
        for widget in (self._text, *self._buttons):
            put(widget, disabled=not enabled)

    def _heard(self, unused: object, content: object, buffers: object) -> None:
        if isinstance(content, dict) and content.get("event") == "submit":
            self._soon()

    def _soon(self) -> None:
        """One line for a finger that is quicker than that."""
        if not self._coming:
            self._coming = True
            self._bridge.later(TEXT_S, self._send)

    def _send(self) -> None:
        self._coming = False
        text = self._text.value
        put(self._text, value="")
        self._typed(text + "\r")
