"""Output on its way from the events' thread to the main thread: bounded, ten times a second at most, and never late.

Who prints is never made to wait. When more is printed than can be shown, what is shown goes on with the end of it, and how
much was left out is counted and said.
"""

import threading
import time
from collections import deque
from typing import Callable, Deque, Optional

from ..bridge import Bridge, Timer

__all__ = ["Feed"]

KEPT = 256 * 1024  # bytes that still wait when there were too many
PIECE = 128 * 1024  # for one turn
PAUSE_S = 0.1
CUT = 64 * 1024  # in so many bytes the end of a line is looked for


class Feed:
    """most: bytes that may wait. room(): bytes that can be shown now. show(data, lost): on the main thread; lost bytes were
    left out before data."""

    MOST = 1 << 20

    def __init__(self, bridge: Bridge, room: Callable[[], int], show: Callable[[bytes, int], None]) -> None:
        self.most = self.MOST
        self.lost = 0  # in all
        self._bridge, self._room, self._show = bridge, room, show
        self._lock = threading.Lock()
        self._pieces: Deque[bytes] = deque()
        self._waiting = self._left_out = 0
        self._called = self._closed = False
        self._shown_at = 0.0
        self._timer: Optional[Timer] = None

    def put(self, data: bytes) -> None:
        """On any thread."""
        if not data:
            return
        with self._lock:
            self._pieces.append(data)
            self._waiting += len(data)
            if self._waiting > self.most:
                self._leave_out()
            called, self._called = self._called, True
        if not called:
            self._bridge.call(self._turn)

    def clear(self) -> None:
        """What waits is not shown, and nothing was lost."""
        with self._lock:
            self._pieces.clear()
            self._waiting = self._left_out = self.lost = 0

    def close(self) -> None:
        """On the main thread."""
        self._closed = True
        self.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _leave_out(self) -> None:
        """Under the lock: keeps the end of what waits, from a line's begin on."""
        before = self._waiting
        while self._waiting - len(self._pieces[0]) >= KEPT:
            self._waiting -= len(self._pieces.popleft())
        first = self._pieces.popleft()
        over = max(self._waiting - KEPT, 0)
        end = first.find(b"\n", over, over + CUT)
        first_kept = first[end + 1 if end >= 0 else over :]
        self._waiting -= len(first) - len(first_kept)
        if first_kept:
            self._pieces.appendleft(first_kept)
        self._left_out += before - self._waiting
        self.lost += before - self._waiting

    def _take(self, most: int) -> bytes:
        """Under the lock."""
        taken = []
        while self._pieces and most > 0:
            piece = self._pieces.popleft()
            if len(piece) > most:
                self._pieces.appendleft(piece[most:])
                piece = piece[:most]
            taken.append(piece)
            most -= len(piece)
            self._waiting -= len(piece)
        return b"".join(taken)

    def _turn(self) -> None:
        if self._closed:
            return
        now = time.monotonic()
        room = min(self._room(), PIECE) if now - self._shown_at >= PAUSE_S else 0
        data, lost = b"", 0
        with self._lock:
            if room > 0:
                data, lost, self._left_out = self._take(room), self._left_out, 0
            more = self._called = bool(self._pieces)
        if data or lost:
            self._shown_at = now
            self._show(data, lost)
        if more:
            passed = time.monotonic() - self._shown_at
            self._timer = self._bridge.later(PAUSE_S - passed if passed < PAUSE_S else PAUSE_S / 4, self._turn)
