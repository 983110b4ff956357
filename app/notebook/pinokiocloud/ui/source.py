"""Where a terminal's output comes from: a run's journal, or one shell's log, from near its end on, as bytes."""

import re
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..bridge import Bridge
from ..client import Client
from ..errors import PinokioError
from ..events import Follower
from ..store import Store
from .parts import size

__all__ = ["RunSource", "ShellSource", "Source", "Typist", "mark", "marked"]

TAIL = 256 * 1024  # bytes of output with which it begins
# Bytes of a journal in which they are looked for. It may name a log instead, and may have a step's long result at its end.
STEPS = (4 << 10, 32 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20)
NEAR = 8 << 10
PAGE = 1 << 20
NOTE, TROUBLE, ERROR = "36", "33", "31"  # colours of the engine's own lines
LONGEST = 4000  # characters of one

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]+")
ENDS = re.compile(rb"\n(?:\x1b\[[0-?]*[ -/]*[@-~])*\Z")


def mark(text: str, colour: str = NOTE, fresh: bool = True) -> bytes:
    """A line of the engine's own among the output. fresh: what is before it ended with a line."""
    shown = CONTROL.sub(" ", text)[:LONGEST].strip().replace("\n", "\r\n    ")
    return ("%s\x1b[0;%sm\u25b8 %s\x1b[0m\r\n" % ("" if fresh else "\x1b[0m\r\n", colour, shown)).encode("utf-8", "replace")


def _step(event: Dict[str, Any]) -> Tuple[str, str]:
    number, total = event.get("index", 0), event.get("total")
    return "step %d%s: %s" % (number + 1, " of %d" % total if total else "", event.get("method") or ""), NOTE


def _exit(event: Dict[str, Any]) -> Tuple[str, str]:
    if event.get("signal"):
        return "the command was ended by signal %s" % event["signal"], TROUBLE
    code = event.get("code")
    return ("the command ended with status %s" % code, TROUBLE) if code else ("", NOTE)


def _told(colour: str) -> Callable[[Dict[str, Any]], Tuple[str, str]]:
    def tell(event: Dict[str, Any]) -> Tuple[str, str]:
        data = event.get("data")
        return str(data.get("text") or "") if isinstance(data, dict) else "", colour

    return tell


# The reference calls it "stopped" when a script has come to its end.
ENDS_AS = {
    "daemon": "all steps are done, and what they started goes on",
    "stopped": "the run is over: all steps are done",
    "cancelled": "the run is over: it was stopped",
    "error": "the run is over: it failed",
}
MARKS: Dict[str, Callable[[Dict[str, Any]], Tuple[str, str]]] = {
    "run": lambda event: ("%s begins" % event.get("script"), NOTE),
    "step": _step,
    "exit": _exit,
    "error": lambda event: (str(event.get("message") or "an error"), ERROR),
    "end": lambda event: (ENDS_AS.get(str(event.get("outcome")), "the run is over: %s" % event.get("outcome")), NOTE),
    "stage": _told(NOTE),
    "trouble": _told(TROUBLE),
    "gap": lambda event: ("%s events are missing: the disk was full" % event.get("lines"), TROUBLE),
    "ask": lambda event: ("a question waits for an answer", NOTE),
}


def marked(events: List[Dict[str, Any]], marks: bool, fresh: bool) -> Tuple[bytes, bool]:
    """The output in a run's events, with the engine's own lines if they are wanted, and whether it ends with a line."""
    pieces: List[bytes] = []
    for event in events:
        if event.get("type") == "stream":
            raw = event.get("raw")
            data = raw.encode("utf-8", "replace") if isinstance(raw, str) else b""
            if event.get("lost"):
                data += mark("%s of the log are gone" % size(event["lost"]), TROUBLE, fresh)
        elif marks and event.get("type") in MARKS:
            text, colour = MARKS[event["type"]](event)
            data = mark(text, colour, fresh) if text else b""
        else:
            continue
        if data:
            pieces.append(data)
            fresh = ENDS.search(data, max(len(data) - 64, 0)) is not None
    return b"".join(pieces), fresh


class Source:
    """put(data) is called on the events' thread, the rest on the main thread: state(state, why) of the follower,
    began(first) once, first telling whether this is the very beginning. path: where all of it is, as far as it is known."""

    def __init__(
        self, store: Store, bridge: Bridge, put: Callable[[bytes], None], state: Callable[[str, str], None],
        began: Callable[[bool], None],
    ) -> None:
        self._store, self._bridge, self._put = store, bridge, put
        self._state, self._began = state, began
        self._follower: Optional[Follower] = None
        self._closed = False

    def close(self) -> None:
        self._closed = True
        if self._follower is not None:
            self._follower.close()

    def page(self, client: Client, offset: int) -> Tuple[bytes, int]:
        """On a worker: output from a byte on (of journal or log), and where to go on; none at the end."""
        raise NotImplementedError

    def _follow(self, follower: Follower) -> None:
        self._follower = follower

    def _on_state(self, state: str, why: str) -> None:
        self._bridge.call(self._tell_state, state, why)

    def _tell_state(self, state: str, why: str) -> None:
        if not self._closed:
            self._state(state, why)

    def _tell_began(self, first: bool) -> None:
        if not self._closed:
            self._began(first)


class RunSource(Source):
    """All that a run's journal has. marks: with the engine's own lines."""

    def __init__(self, store: Store, bridge: Bridge, run: str, marks: bool, *told: Any) -> None:
        super().__init__(store, bridge, *told)
        self.run = run
        self._marks, self._fresh, self._any = marks, True, False
        bridge.work(self._near_end, store.client, done=self._start, failed=lambda unused: self._start(STEPS[-1]))

    def page(self, client: Client, offset: int) -> Tuple[bytes, int]:
        found = client.events(self.run, offset=offset)
        return marked(list(found.events), self._marks, True)[0], found.offset

    def _near_end(self, client: Client) -> int:
        """How many bytes of the journal have enough output in them, and not much more."""
        few = 0
        for many in STEPS:
            if self._enough(client, many):
                break
            few = many
        while few and many - few > NEAR:
            between = (few + many) // 2
            if self._enough(client, between):
                many = between
            else:
                few = between
        return many

    def _enough(self, client: Client, before: int) -> bool:
        events = client.events(self.run, offset=-before).events
        begins = any(event.get("type") == "run" for event in events[:1])
        return begins or sum(len(event.get("raw") or "") for event in events) >= TAIL

    def _start(self, before: int) -> None:
        if self._closed:
            return
        try:
            self._follow(self._store.engine.events.follow_run(self.run, self._take, -before, self._on_state))
        except PinokioError as error:
            self._state("failed", str(error))

    def _take(self, events: List[Dict[str, Any]], unused: int) -> None:
        """On the events' thread."""
        if not self._any:
            self._any = True
            self._bridge.call(self._tell_began, bool(events) and events[0].get("type") == "run")
        data, self._fresh = marked(events, self._marks, self._fresh)
        self._put(data)


class ShellSource(Source):
    """What one shell printed."""

    def __init__(self, store: Store, bridge: Bridge, shell: str, *told: Any) -> None:
        super().__init__(store, bridge, *told)
        self.shell = shell
        self._any = False
        try:
            self._follow(store.engine.events.open_terminal(shell, self._take, -TAIL, self._on_state))
        except PinokioError as error:
            bridge.call(self._tell_state, "failed", str(error))

    def page(self, client: Client, offset: int) -> Tuple[bytes, int]:
        found = client.log(self.shell, offset=offset, limit=PAGE)
        return found.data, found.offset

    def _take(self, data: bytes, offset: int) -> None:
        """On the events' thread."""
        if not self._any:
            self._any = True
            self._bridge.call(self._tell_began, offset <= len(data))
        self._put(data)


class Typist:
    """Types into shells, in the order of the strokes: what comes while some is under way goes with the next."""

    def __init__(self, store: Store, bridge: Bridge, failed: Callable[[Exception], None]) -> None:
        self._store, self._bridge, self._failed = store, bridge, failed
        self._waiting: List[Tuple[str, str]] = []
        self._busy = False

    def type(self, shell: str, text: str) -> None:
        if self._waiting and self._waiting[-1][0] == shell:
            self._waiting[-1] = (shell, self._waiting[-1][1] + text)
        else:
            self._waiting.append((shell, text))
        self._next()

    def _next(self) -> None:
        if self._busy or not self._waiting:
            return
        self._busy = True
        shell, text = self._waiting.pop(0)
        self._bridge.work(
            self._store.client.type_input, shell, text, done=lambda unused: self._over(), failed=self._refused
        )

    def _over(self) -> None:
        self._busy = False
        self._next()

    def _refused(self, error: Exception) -> None:
        self._waiting.clear()
        self._busy = False
        self._failed(error)
