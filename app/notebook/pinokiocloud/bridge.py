"""Between the threads: what is asked of workers, and what comes back to the main thread, where all widgets live.

The main thread is the one that made the Bridge, a kernel's as a rule, with its asyncio loop. Where no loop runs (plain
Python, IPython in a terminal), and while a cell runs, what is to be done waits until drain() or the loop does it.
"""

import asyncio
import heapq
import itertools
import logging
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Callable, Deque, List, Optional, Set, Tuple

__all__ = ["Bridge", "Timer"]

WORKERS = 4
TURN_S = 0.01  # of the loop's time for one turn; the rest comes in the next, after what else the loop has to do
DRAIN_S = 1.0  # for calls that call again and again
CLOSE_S = 10.0
TROUBLES = 50

log = logging.getLogger(__name__)


class Timer:
    """What later() gives."""

    def __init__(self, function: Callable[..., Any], arguments: Tuple[Any, ...]) -> None:
        self.function: Optional[Callable[..., Any]] = function
        self.arguments = arguments

    def cancel(self) -> None:
        """It is not called any more. Harmless at any time, on any thread."""
        self.function, self.arguments = None, ()

    def __call__(self) -> None:
        function, arguments = self.function, self.arguments
        self.cancel()
        if function is not None:
            function(*arguments)


class Bridge:
    """call(), work() and later() may be called on any thread; what they call back is called on the main thread."""

    def __init__(self) -> None:
        """On the main thread."""
        self.troubles: Deque[BaseException] = deque(maxlen=TROUBLES)
        self.on_trouble: List[Callable[[BaseException], None]] = []
        self._main = threading.get_ident()
        try:
            self._loop: Optional[asyncio.AbstractEventLoop] = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        self._lock = threading.Lock()
        self._calls: Deque[Tuple[Callable[..., Any], Tuple[Any, ...]]] = deque()
        self._timers: List[Tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._arrived = threading.Event()
        self._waked = self._closed = False
        self._alarm: Optional[asyncio.TimerHandle] = None
        self._pending: "Set[Future[None]]" = set()
        self._workers = ThreadPoolExecutor(WORKERS, "pinokiocloud-worker")
        self._warm()

    def _warm(self) -> None:
        """Threads are started now, not when somebody clicks: the starter waits for each."""
        gate = threading.Event()
        for _ in range(WORKERS):
            self._workers.submit(gate.wait)
        gate.set()

    # For everybody

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Calls it soon on the main thread, in the order of the calls. Nothing happens after close()."""
        with self._lock:
            if not self._closed:
                self._calls.append((function, arguments))
                self._wake()

    def later(self, seconds: float, function: Callable[..., Any], *arguments: Any) -> Timer:
        """Calls it on the main thread when so much time has passed."""
        timer = Timer(function, arguments)
        with self._lock:
            if not self._closed:
                heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), timer))
                self._wake()
        return timer

    def work(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        done: Optional[Callable[[Any], None]] = None,
        failed: Optional[Callable[[Exception], None]] = None,
    ) -> None:
        """Calls it on a worker; then, on the main thread, done(what it gave) or failed(error), else trouble(error)."""

        def run() -> None:
            if self._closed:
                return
            try:
                found = function(*arguments)
            except Exception as error:  # whatever it is: it belongs to who asked
                self.call(failed or self.trouble, error)
            else:
                if done is not None:
                    self.call(done, found)

        with self._lock:
            if self._closed:
                return
            future = self._workers.submit(run)
            self._pending.add(future)
        future.add_done_callback(self._pending.discard)

    def trouble(self, error: BaseException) -> None:
        """What nobody else takes: kept in troubles, logged, and told to on_trouble, which show it, on the main thread."""
        self.troubles.append(error)
        log.error("%s: %s", type(error).__name__, error, exc_info=error)
        self.call(self._show, error)

    def _show(self, error: BaseException) -> None:
        for show in list(self.on_trouble):
            try:
                show(error)
            except Exception:  # there is nobody left to be told
                log.exception("an error cannot be shown")

    # For the main thread

    def drain(self, seconds: float = 0.0) -> None:
        """Does what is to be done now, and then, for so many seconds, what comes."""
        self._check()
        began = time.monotonic()
        while True:
            now = time.monotonic()
            self._arrived.clear()
            more = self._run(now + TURN_S) and now - began < max(seconds, DRAIN_S)
            left = began + seconds - time.monotonic()
            if not more and left <= 0:
                return
            if not more:
                self._arrived.wait(min(left, self._until_next(left)))

    def close(self) -> None:
        """Nothing is called any more; waits for what workers do at this moment, ten seconds at most."""
        self._check()
        with self._lock:
            self._closed = True
            self._calls.clear()
            self._timers.clear()
            pending = set(self._pending)
        if self._alarm is not None:
            self._alarm.cancel()
        late = wait(pending, CLOSE_S).not_done
        if late:
            log.warning("%d requests do not end: their threads are left to themselves", len(late))
        self._workers.shutdown(wait=not late)

    def _check(self) -> None:
        if threading.get_ident() != self._main:
            raise RuntimeError("this belongs on the thread that made the bridge")

    # Turns

    def _wake(self) -> None:
        """Under the lock. The loop is waked once for all that waits."""
        self._arrived.set()
        if self._waked or self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._turn)
            self._waked = True
        except RuntimeError:
            pass  # the loop is closed; drain() may still come

    def _turn(self) -> None:
        """On the loop."""
        with self._lock:
            self._waked = False
        if self._closed:
            return
        try:
            self._run(time.monotonic() + TURN_S)
        finally:  # a KeyboardInterrupt leaves here, and what waits must not be lost
            self._arm()

    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        with self._lock:
            if self._closed or self._loop is None:
                return
            if self._calls:
                self._wake()
            elif self._timers:
                self._alarm = self._loop.call_later(max(0.0, self._timers[0][0] - time.monotonic()), self._turn)

    def _until_next(self, most: float) -> float:
        """Seconds to the next timer."""
        with self._lock:
            return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else most

    def _run(self, end: float) -> bool:
        """Calls what waits, in turns that end then, but at least one; True when more is there."""
        while True:
            with self._lock:
                now = time.monotonic()
                while self._timers and self._timers[0][0] <= now:
                    self._calls.append((heapq.heappop(self._timers)[2], ()))
                if not self._calls:
                    return False
                function, arguments = self._calls.popleft()
            try:
                function(*arguments)
            except Exception as error:  # of a callback: the others go on
                self.trouble(error)
            if time.monotonic() > end:
                return bool(self._calls)
