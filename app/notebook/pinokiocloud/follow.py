"""Followers: each reads one stream of the engine, loses it, finds it again and goes on. Made by events.py."""

import asyncio
import json
import logging
import threading
import time
from typing import Any, Callable, Optional, Union

from .address import Address
from .errors import PinokioError, ProblemError
from .link import Link, open_link
from .transport import target_of

OPEN = "open"  # it is connected
LOST = "lost"  # the engine went; it is looked for
OVER = "over"  # all is told
FAILED = "failed"  # the engine refuses, or sends what cannot be understood

NORMAL = 1000
FIRST_WAIT_S, MOST_WAIT_S = 0.1, 3.0
LASTING_S = 5.0  # a connection that held so long was a good one
AGAIN = (408, 421, 425, 429)  # refusals that may be others the next time
PIECE = 64 * 1024  # of what is typed: a message may have 1 MiB

log = logging.getLogger(__name__)


class Follower:
    """One stream, until it is OVER, FAILED or closed.

    state is the present one ("" before the first), why tells of LOST and FAILED. on_state(state, why) is called when it
    changes, before what comes then. An error in a callback is logged, and what was told counts as told.
    """

    ends = True  # the engine closes it with 1000 when all is told

    def __init__(self, address: Address, on_state: Optional[Callable[[str, str], None]]) -> None:
        self.state, self.why = "", ""
        self._address, self._on_state = address, on_state
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._task: "Optional[asyncio.Task[None]]" = None
        self._link: Optional[Link] = None
        self._going: Optional[asyncio.Event] = None
        self._lock = threading.Lock()
        self._closed = self._paused = False
        self._done = threading.Event()

    # For everybody

    def close(self) -> None:
        """No callback begins after this; one that runs on the background thread at this moment goes on to its end."""
        self._closed = True
        self._call(self._cancel)

    def pause(self) -> None:
        """Nothing is told until resume(), but what is being told at this moment; the engine keeps the rest."""
        self._paused = True
        self._call(self._let)

    def resume(self) -> None:
        self._paused = False
        self._call(self._let)

    def wait(self, seconds: Optional[float] = None) -> bool:
        """True once it is OVER, FAILED or closed. Not for callbacks: it would wait for itself."""
        return self._done.wait(seconds)

    # On the background thread

    def begin(self, loop: asyncio.AbstractEventLoop, gone: Callable[["Follower"], None]) -> None:
        """Called once; gone(self) when it has ended."""
        with self._lock:
            self._loop = loop
        self._going = asyncio.Event()
        self._let()
        self._task = loop.create_task(self._follow())
        self._task.add_done_callback(lambda task: self._ended(gone))
        if self._closed:
            self._cancel()

    def _ended(self, gone: Callable[["Follower"], None]) -> None:
        task = self._task
        if task is not None and not task.cancelled() and task.exception() is not None:
            log.error("a follower broke", exc_info=task.exception())
        gone(self)
        self._done.set()

    def _call(self, function: Callable[[], None]) -> None:
        """Before begin(): what it would do is done there."""
        with self._lock:
            loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(function)
            except RuntimeError:
                pass  # the loop is closed, and the follower with it

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _let(self) -> None:
        if self._going is not None:
            (self._going.clear if self._paused else self._going.set)()

    async def _follow(self) -> None:
        wait = FIRST_WAIT_S
        while not self._closed:
            began = time.monotonic()
            try:
                told = await self._once()
            except (ProblemError, ValueError) as error:
                if isinstance(error, ProblemError) and (error.status >= 500 or error.status in AGAIN):
                    told, why = 0, str(error)
                else:
                    return self._tell(FAILED, str(error))
            except PinokioError as error:
                told, why = 0, str(error)
            else:
                why = self.why
            if self.state == OVER:
                return None
            self._tell(LOST, why)
            if told or time.monotonic() - began > LASTING_S:
                wait = FIRST_WAIT_S
            await asyncio.sleep(wait)
            wait = min(2 * wait, MOST_WAIT_S)
        return None

    async def _once(self) -> int:
        """One connection from its beginning to its end; gives how many messages came."""
        link = await open_link(self._address, self._target())
        try:
            self._link = link
            self._tell(OPEN, "")
            self._opened(link)
            count = await self._read(link)
        finally:
            self._link = None
            link.abort()
        if self.ends and link.code == NORMAL:
            self._tell(OVER, link.reason or "")
        self.why = link.reason or "the engine at %s went" % self._address
        return count

    async def _read(self, link: Link) -> int:
        assert self._going is not None
        count = 0
        while True:
            message = await link.read()
            if message is None:
                return count
            await self._going.wait()
            count += 1
            self._take(message)

    def _tell(self, state: str, why: str) -> None:
        changed, self.state, self.why = state != self.state, state, why
        if changed and self._on_state is not None:
            self._tell_safely(self._on_state, state, why)

    def _tell_safely(self, callback: Callable[..., Any], *arguments: Any) -> None:
        if self._closed:
            return
        try:
            callback(*arguments)
        except Exception:  # it is the caller's; the stream goes on
            log.exception("a callback of the engine's events failed")

    # Of each kind

    def _target(self) -> str:
        raise NotImplementedError

    def _take(self, message: Union[str, bytes]) -> None:
        """Raises ValueError for what cannot be understood."""
        raise NotImplementedError

    def _opened(self, link: Link) -> None:
        """What is to be said first."""


def _object(message: Union[str, bytes]) -> Any:
    try:
        found = json.loads(message)
    except RecursionError as error:  # what a script wrote may be nested deeper than Python reads
        raise ValueError("what the engine sent is nested too deep: %.200r" % message) from error
    if not isinstance(found, dict):
        raise ValueError("the engine sent no object: %.200r" % message)
    return found


class EngineFollower(Follower):
    """The engine's own events. Those of a time without connection are missed: OPEN says that this is so."""

    ends = False

    def __init__(
        self,
        address: Address,
        on_event: Callable[[Any], None],
        on_state: Optional[Callable[[str, str], None]],
    ) -> None:
        super().__init__(address, on_state)
        self._on_event = on_event

    def _target(self) -> str:
        return target_of(("events",))

    def _take(self, message: Union[str, bytes]) -> None:
        self._tell_safely(self._on_event, _object(message))


class RunFollower(Follower):
    """A run's events; offset is the byte of its journal after what was told."""

    def __init__(
        self,
        address: Address,
        run: str,
        on_events: Callable[[Any, int], None],
        offset: int,
        on_state: Optional[Callable[[str, str], None]],
    ) -> None:
        super().__init__(address, on_state)
        self.run, self.offset = run, offset
        self._on_events = on_events

    def _target(self) -> str:
        return target_of(("runs", self.run, "events"), {"offset": self.offset})

    def _take(self, message: Union[str, bytes]) -> None:
        batch = _object(message)
        events, offset = batch.get("events"), batch.get("offset")
        if not isinstance(events, list) or type(offset) is not int:
            raise ValueError("the engine sent no batch of events: %.200r" % message)
        if self._closed:
            return
        self.offset = offset
        if events:  # none: where it begins, for who asked for the end
            self._tell_safely(self._on_events, events, offset)


class Terminal(Follower):
    """A shell's terminal; offset is the byte of its log after what was told."""

    def __init__(
        self,
        address: Address,
        shell: str,
        on_output: Callable[[bytes, int], None],
        offset: int,
        on_state: Optional[Callable[[str, str], None]],
    ) -> None:
        super().__init__(address, on_state)
        self.shell, self.offset = shell, offset
        self._on_output = on_output
        self._size = ""

    def type(self, data: Union[str, bytes]) -> bool:
        """Types on it, text as UTF-8. False, and nothing is typed, while there is no connection."""
        typed = data.encode("utf-8") if isinstance(data, str) else bytes(data)
        if self._link is None or self._closed:
            return False
        for start in range(0, len(typed), PIECE):
            self._send(typed[start : start + PIECE])
        return True

    def resize(self, cols: int, rows: int) -> None:
        """1 to 1,000 each, ValueError else. Without a connection it is said when there is one again."""
        if not (1 <= cols <= 1000 and 1 <= rows <= 1000):
            raise ValueError("a terminal has 1 to 1000 columns and rows, not %r and %r" % (cols, rows))
        self._size = json.dumps({"resize": {"cols": cols, "rows": rows}})
        self._send(self._size)

    def _send(self, message: Union[str, bytes]) -> None:
        def send() -> None:
            if self._link is not None:
                self._link.write(message)

        self._call(send)

    def _target(self) -> str:
        return target_of(("shells", self.shell, "terminal"), {"offset": self.offset})

    def _opened(self, link: Link) -> None:
        if self._size:
            link.write(self._size)

    def _take(self, message: Union[str, bytes]) -> None:
        if not isinstance(message, bytes):
            self._take_place(message)
            return
        if self.offset < 0:
            raise ValueError("the engine did not tell where the terminal's last %d bytes begin" % -self.offset)
        if self._closed:
            return
        self.offset += len(message)
        self._tell_safely(self._on_output, message, self.offset)

    def _take_place(self, message: str) -> None:
        """Who asked for the end of the log is told first where that begins."""
        place = _object(message).get("offset")
        if self.offset >= 0 or type(place) is not int or place < 0:
            raise ValueError("the engine sent text where a terminal's bytes were expected: %.200r" % message)
        self.offset = place
