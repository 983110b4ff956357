"""What the engine streams: its own events, a run's events, a shell's terminal.

One background thread reads all of it and calls back there, so a callback that waits holds up all others. Who has to wait
uses pause(), which makes the engine wait. A follower reconnects by itself, with growing waits, for as long as it takes,
and goes on where it was: each event of a run and each byte of a shell is told once. The engine's own events have no place
to go on from; whoever follows them asks for the state anew each time the follower becomes OPEN.
"""

import asyncio
import logging
import threading
from typing import Any, Callable, Optional, Set

from tornado.ioloop import IOLoop

from .address import Address
from .errors import EngineGoneError
from .follow import FAILED, LOST, OPEN, OVER, EngineFollower, Follower, RunFollower, Terminal

__all__ = ["FAILED", "LOST", "OPEN", "OVER", "EngineFollower", "Events", "Follower", "RunFollower", "Terminal"]

JOIN_S = 10.0
END_S = 1.0  # for tornado's own tasks, once their sockets are closed

log = logging.getLogger(__name__)


class Events:
    """The background thread; it lives while there are followers, until close() at most. All methods may be called on any
    thread."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._lock = threading.Lock()
        self._thread: Optional[threading.Thread] = None
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._stop: Optional["asyncio.Future[None]"] = None
        self._followers: Set[Follower] = set()
        self._closed = False

    def follow_engine(
        self, on_event: Callable[[Any], None], on_state: Optional[Callable[[str, str], None]] = None
    ) -> EngineFollower:
        """on_event(event): one of the engine's own events. on_state(state, why): see Follower."""
        follower = EngineFollower(self.address, on_event, on_state)
        self._add(follower)
        return follower

    def follow_run(
        self,
        run: str,
        on_events: Callable[[Any, int], None],
        offset: int = 0,
        on_state: Optional[Callable[[str, str], None]] = None,
    ) -> RunFollower:
        """on_events(events, offset): a list of events and the offset after them, to go on from another time.

        offset < 0: from so many bytes before the journal's end, at an event's begin.
        """
        follower = RunFollower(self.address, run, on_events, offset, on_state)
        self._add(follower)
        return follower

    def open_terminal(
        self,
        shell: str,
        on_output: Callable[[bytes, int], None],
        offset: int = 0,
        on_state: Optional[Callable[[str, str], None]] = None,
    ) -> Terminal:
        """on_output(data, offset): bytes as the shell printed them, and the byte of its log after them.

        offset < 0: from so many bytes before the log's end, at a line's begin if there is one.
        """
        terminal = Terminal(self.address, shell, on_output, offset, on_state)
        self._add(terminal)
        return terminal

    def close(self) -> None:
        """Ends all followers and the thread, and waits for it; from a callback, the thread ends after that one."""
        with self._lock:
            self._closed = True
            thread, loop = self._thread, self._loop
        for follower in list(self._followers):
            follower.close()
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._end)
            except RuntimeError:
                pass  # its loop is closed: it is at its end
        if thread is None or thread is threading.current_thread():
            return
        thread.join(JOIN_S)
        if thread.is_alive():
            log.warning("a callback does not return: the thread of the engine's events is left to itself")

    def __enter__(self) -> "Events":
        return self

    def __exit__(self, *unused: Any) -> None:
        self.close()

    def _add(self, follower: Follower) -> None:
        with self._lock:
            if self._closed:
                raise EngineGoneError("these events are closed")
            if self._loop is None:
                self._start()
            assert self._loop is not None
            self._followers.add(follower)
            self._loop.call_soon_threadsafe(follower.begin, self._loop, self._gone)

    def _gone(self, follower: Follower) -> None:
        """On the thread, which goes with the last: nobody may be there to call close(). The next one gets another."""
        with self._lock:
            self._followers.discard(follower)
            if not self._followers:
                self._loop = None
                self._end()

    def _start(self) -> None:
        """Under the lock."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(ready,), name="pinokiocloud-events", daemon=True)
        self._thread.start()
        ready.wait()

    def _work(self, ready: threading.Event) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        io_loop = IOLoop.current()  # tornado's face of this loop; it has to be closed too
        self._stop = loop.create_future()
        self._loop = loop
        ready.set()
        try:
            loop.run_until_complete(self._live(self._stop))
        finally:
            asyncio.set_event_loop(None)
            io_loop.close()

    async def _live(self, stop: "asyncio.Future[None]") -> None:
        """Until close(); then what still runs on the loop ends, so that nothing is left of it."""
        await stop
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=END_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _end(self) -> None:
        if self._stop is not None and not self._stop.done():
            self._stop.set_result(None)
