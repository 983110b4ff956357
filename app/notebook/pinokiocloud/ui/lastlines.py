"""The end of what a failed run printed, as a terminal would show it, and what else its journal tells of the failure."""

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Tuple

from ..client import Client

__all__ = ["LastLines", "as_shown", "read_last_lines", "read_outcome"]

TAIL = 64 * 1024  # bytes of the journal
LINES, WIDTH, TROUBLES = 12, 400, 3
ON_THE_WAY = ("running its ", "looking at ", "asking ", "removing ", "fetching ", "packages stay ")  # stages, and no outcome

CONTROL = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)"  # a title and the like
    r"|\x1b[P^_X].*?(?:\x1b\\|$)"
    r"|\x1b\[[0-?]*[ -/]*(?:[@-~]|$)"
    r"|\x1b[ -/]*[0-~]?"
    r"|\x9b[0-?]*[ -/]*[@-~]",
    re.DOTALL,
)
UNSEEN = re.compile("[\x00-\x07\x0b-\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class LastLines:
    """script and method are those of the step that was the last; troubles is what was noticed on the way."""

    lines: Tuple[str, ...] = ()
    script: str = ""
    method: str = ""
    troubles: Tuple[str, ...] = ()


def _overwritten(line: str) -> str:
    """A carriage return goes to the line's begin, a backspace one back; what follows is printed over."""
    shown: List[str] = []
    at = 0
    for part in re.split("([\r\b])", line):
        if part == "\r":
            at = 0
        elif part == "\b":
            at = max(0, at - 1)
        else:
            shown[at : at + len(part)] = part
            at += len(part)
    return "".join(shown)


def as_shown(raw: str, lines: int = LINES) -> Tuple[str, ...]:
    """The last lines without what steers a terminal; empty ones at the end are left out."""
    found: List[str] = []
    for line in reversed(CONTROL.sub("", raw).split("\n")):
        text = UNSEEN.sub("", _overwritten(line.rstrip("\r")[-20 * WIDTH :])).expandtabs().rstrip()
        if text or found:
            found.append(text if len(text) <= WIDTH else text[: WIDTH - 1] + "…")
        if len(found) == lines:
            break
    return tuple(reversed(found))


def of_events(events: Iterable[Dict[str, Any]]) -> LastLines:
    printed: List[str] = []
    troubles: List[str] = []
    script = method = ""
    for event in events:
        kind, data = event.get("type"), event.get("data")
        if kind == "stream" and isinstance(event.get("raw"), str):
            printed.append(event["raw"])
        elif kind == "step":
            script, method = str(event.get("script") or ""), str(event.get("method") or "")
        elif kind == "trouble" and isinstance(data, dict) and data.get("text"):
            troubles.append(str(data["text"]))
    return LastLines(as_shown("".join(printed)), script, method, tuple(dict.fromkeys(troubles))[-TROUBLES:])


def read_last_lines(client: Client, run: str) -> LastLines:
    """On a worker."""
    events: List[Dict[str, Any]] = []
    page = client.events(run, offset=-TAIL)
    while page.events:
        events.extend(page.events)
        page = client.events(run, offset=page.offset)
    found = of_events(events)
    if found.script:
        return found
    shells = client.run(run).shells
    script = (shells[-1].script or "") if shells else ""
    return LastLines(found.lines, script, found.method, found.troubles)


def read_outcome(client: Client, run: str) -> str:
    """What an operation said it came to; "" when it said nothing. On a worker."""
    stages = [event.get("data") for event in client.events(run, offset=-TAIL).events if event.get("type") == "stage"]
    texts = [str(stage.get("text") or "") for stage in stages if isinstance(stage, dict)]
    return next((text for text in reversed(texts) if text and not text.startswith(ON_THE_WAY)), "")
