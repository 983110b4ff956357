"""What a person asked for and is not done yet."""

from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

from .bridge import Bridge
from .errors import PinokioError

__all__ = ["BEGUN", "DONE", "FAILED", "Jobs", "On", "Outcome"]

BEGUN, DONE, FAILED = "begun", "done", "failed"

On = Callable[[str, Any], None]
Outcome = Optional[Tuple[str, Any]]  # (DONE, value) or (FAILED, error); None: not yet
Key = Tuple[Any, ...]


class _Job:
    def __init__(
        self, key: Key, request: Callable[[], Any], judge: "Optional[Callable[[Any], Outcome]]", always: bool
    ) -> None:
        self.key, self.request, self.judge, self.always = key, request, judge, always
        self.told: List[On] = []
        self.begun = self.over = False
        self.answer: Any = None


class Jobs:
    """Jobs of one lane are requested one after another, in the order of the clicks. All is done on the main thread.

    A job whose key is that of the last one in its lane, while that is under way, is the same job. After the engine has
    answered, judge(answer) says whether it is done; it is asked again by review(). Without judge the answer is all.
    """

    def __init__(self, bridge: Bridge, why_not: Callable[[], Optional[PinokioError]]) -> None:
        """why_not(): why nothing can be asked for now."""
        self._bridge, self._why_not = bridge, why_not
        self._lanes: Dict[Key, Deque[_Job]] = {}  # the first is at the engine
        self._last: Dict[Key, _Job] = {}
        self._closed = False
        self._waiting: List[_Job] = []  # begun, and not over

    def do(
        self,
        lane: Key,
        key: Key,
        request: Callable[[], Any],
        on: Optional[On] = None,
        judge: "Optional[Callable[[Any], Outcome]]" = None,
        always: bool = False,
    ) -> None:
        """always: even when nothing else can be asked for. request() is called on a worker. on(BEGUN, answer) where there is a judge, then on(DONE, value) or
        on(FAILED, error); never before this returns."""
        if self._closed:
            return
        last = self._last.get(lane)
        if last is not None and last.key == key:
            if on is not None:
                last.told.append(on)
                if last.begun:
                    self._bridge.call(self._tell_late, last, on)
            return
        job = _Job(key, request, judge, always)
        if on is not None:
            job.told.append(on)
        self._last[lane] = job
        queue = self._lanes.setdefault(lane, deque())
        queue.append(job)
        if len(queue) == 1:
            self._send(lane, job)

    def review(self) -> None:
        """Something changed that a judge may wait for."""
        for job in list(self._waiting):
            if job.over or job.judge is None:
                continue
            try:
                outcome = job.judge(job.answer)
            except Exception as error:  # whatever it was: who asked must not wait for ever
                outcome = (FAILED, error)
            if outcome is not None:
                self._finish(job, *outcome)

    def close(self) -> None:
        """Nobody is told anything any more."""
        self._closed = True
        self._waiting.clear()

    def _send(self, lane: Key, job: _Job) -> None:
        error = None if job.always else self._why_not()
        if error is not None:
            self._bridge.call(self._failed, lane, job, error)
            return
        self._bridge.work(
            job.request,
            done=lambda answer: self._answered(lane, job, answer),
            failed=lambda error: self._failed(lane, job, error),
        )

    def _answered(self, lane: Key, job: _Job, answer: Any) -> None:
        if self._closed:
            return
        self._next(lane)
        if job.judge is None:
            self._finish(job, DONE, answer)
            return
        job.begun, job.answer = True, answer
        self._waiting.append(job)
        self._tell(job, BEGUN, answer)
        self.review()

    def _failed(self, lane: Key, job: _Job, error: Exception) -> None:
        if self._closed:
            return
        self._next(lane)
        self._finish(job, FAILED, error)

    def _next(self, lane: Key) -> None:
        queue = self._lanes[lane]
        queue.popleft()
        if queue:
            self._send(lane, queue[0])
        else:
            del self._lanes[lane]

    def _finish(self, job: _Job, state: str, value: Any) -> None:
        job.over = True
        if job in self._waiting:
            self._waiting.remove(job)
        for lane in [lane for lane, last in self._last.items() if last is job]:
            del self._last[lane]
        self._tell(job, state, value)

    def _tell_late(self, job: _Job, on: On) -> None:
        if not job.over and not self._closed:
            on(BEGUN, job.answer)

    def _tell(self, job: _Job, state: str, value: Any) -> None:
        for on in list(job.told) if not self._closed else ():
            try:
                on(state, value)
            except Exception as error:  # of one who asked: the others are told
                self._bridge.trouble(error)
