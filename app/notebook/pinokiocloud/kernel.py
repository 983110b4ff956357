"""The kernel that this code runs in, where what widgets send arrives."""

import asyncio
import threading
from typing import Any, Callable, Dict

__all__ = ["keep_on_main_thread"]

KINDS = ("comm_open", "comm_msg", "comm_close")


def keep_on_main_thread(kernel: Any) -> None:
    """From now on what widgets send is handled on this thread, the main one, on its running loop. Harmless twice.

    JupyterLab 4.4 and newer hand such messages to a subshell (Jupyter's JEP 91), a thread of its own, where the kernel has
    those (ipykernel 7). Widgets that timers and events change on the main thread must not be changed on another beside it.
    """
    handlers: Dict[str, Callable[..., Any]] = getattr(kernel, "shell_handlers", {})
    for kind in KINDS:
        handler = handlers.get(kind)
        if handler is not None and not isinstance(handler, _OnMain):
            handlers[kind] = _OnMain(handler)


class _OnMain:
    """A handler of messages, called on the thread that made this. It keeps the order in which they came."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self._handler = handler
        self._main = threading.get_ident()
        self._loop = asyncio.get_running_loop()

    def __call__(self, *arguments: Any) -> Any:
        if threading.get_ident() == self._main:
            return self._handler(*arguments)
        self._loop.call_soon_threadsafe(self._handler, *arguments)
        return None
