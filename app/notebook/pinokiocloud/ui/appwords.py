"""What is said of an installed app: plain words, made of what the store knows. No widgets, no requests."""

import os
import re
import time
from typing import Iterable, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import urlsplit, urlunsplit

from ..model import App, Machine, Run, Tunnel, Usage
from .parts import age, badge, escape, size, when

__all__ = [
    "LINE",
    "TITLE",
    "addresses",
    "bucket",
    "clock",
    "doing",
    "failed_run",
    "head",
    "is_failed",
    "of_a_browser",
    "operation",
    "rank",
    "script_name",
    "short",
    "told_line",
    "under_way",
    "usage_text",
    "what_failed",
]

STATES = {
    "CLONED": ("Not installed", ""),
    "INSTALLING": ("Installing", "busy"),
    "INSTALLED": ("Installed", ""),
    "STARTING": ("Starting", "busy"),
    "RUNNING": ("Running", "ok"),
    "STOPPING": ("Stopping", "busy"),
    "ERROR": ("Failed", "bad"),
    "UNINSTALLING": ("Uninstalling", "busy"),
}
AT_WORK = ("INSTALLING", "STARTING", "RUNNING", "STOPPING", "UNINSTALLING")
# An operation: while it runs, and as the subject of a sentence.
OPERATIONS = {
    "install": ("installing", "The install"),
    "plan": ("looking at what an install would do", "The plan"),
    "update": ("updating", "The update"),
    "back": ("undoing the last update", "Undoing the update"),
    "reset": ("resetting", "The reset"),
    "uninstall": ("uninstalling", "The uninstall"),
}
BADGES = {"update": "Updating", "back": "Undoing the last update", "reset": "Resetting"}  # what INSTALLING means then
PLAN, OTHER = "plan", "other"  # kinds of runs that say nothing of how the app is
FAILED = ("error", "interrupted")
TURNS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
TITLE, LINE = 120, 240  # characters that are shown of a title, and of an error in one line


def short(text: str, most: int) -> str:
    """In one line, of so many characters at most, without what turns the text around it."""
    line = " ".join(TURNS.sub("", text[: 8 * most]).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def operation(run: Run) -> str:
    """"" of a script."""
    return str((run.operation or {}).get("operation") or "")


def script_name(run: Run, app: Optional[App]) -> str:
    """Its path in the app's folder."""
    return inside(run.script, app)


def inside(path: str, app: Optional[App]) -> str:
    folder = app.path if app is not None else None
    if folder and path.startswith(folder.rstrip("/") + "/"):
        return path[len(folder.rstrip("/")) + 1 :]
    return os.path.basename(path)


# Runs


def is_failed(run: Run) -> bool:
    return not run.live and run.state in FAILED


def under_way(runs: Iterable[Run]) -> List[Run]:
    """Those that live, the newest first. Plans change nothing and are passed over."""
    return [run for run in runs if run.live and run.kind != PLAN]


def failed_run(app: App, runs: Iterable[Run]) -> Optional[Run]:
    """The run to be told of as gone wrong: the newest, or what made the app's state ERROR."""
    known = [run for run in runs if run.kind != PLAN]
    if known and is_failed(known[0]):
        return known[0]
    if app.state != "ERROR":
        return None
    return next((run for run in known if is_failed(run) and run.kind != OTHER), None)


def what_failed(run: Run, app: Optional[App], script: str = "", method: str = "") -> str:
    """A sentence without its end: "Step 2 of 3 of start.json failed". script, method: where more is known of the step."""
    subject = OPERATIONS.get(operation(run), ("", ""))[1]
    name = inside(script, app) if script else "" if subject else script_name(run, app)
    step = "step %d of %d" % (run.step + 1, run.total) if run.total > 0 and run.step >= 0 else ""
    if step and name:
        step += " of " + name
    if step and method:
        step += " (%s)" % method
    verb = "was interrupted" if run.state == "interrupted" else "failed"
    if subject:
        return "%s %s%s" % (subject, verb, " at " + step if step else "")
    return "%s %s" % (step[:1].upper() + step[1:] if step else name, verb)


def told_line(run: Run, app: Optional[App]) -> str:
    """What went wrong, in one line."""
    why = short(run.error or "", LINE)
    return "%s%s" % (what_failed(run, app), ": " + why if why else "")


# An app now


def rank(app: App, runs: Sequence[Run]) -> Tuple[int, str, str]:
    """To sort by: what runs, then what went wrong, then by name."""
    return bucket(app, runs), app.title.lower(), app.id


def bucket(app: App, runs: Sequence[Run]) -> int:
    if app.state in AT_WORK or under_way(runs):
        return 0
    return 1 if app.state == "ERROR" else 2


def doing(app: App, runs: Sequence[Run], now: float) -> str:
    """What goes on, since when. now: seconds since 1970; "" when nothing does."""
    live = under_way(runs)
    if not live:
        return ""
    busy = [run for run in live if run.state != "ready"]
    text = _doing(busy[0] if busy else live[0], app, now)
    return text if len(live) == 1 else "%s · and %d more" % (text, len(live) - 1)


def done_last(app: App, runs: Sequence[Run]) -> str:
    """What came to its end last, and when; "" while something runs, or when it went wrong, which is told elsewhere."""
    run = next((run for run in runs if run.kind != PLAN), None)
    if run is None or run.live or is_failed(run) or not run.ended_at:
        return ""
    subject = OPERATIONS.get(operation(run), ("", ""))[1]
    name = subject[:1].lower() + subject[1:] or script_name(run, app)
    return "%s %s at %s" % (name, "stopped" if run.state == "stopped" else "finished", when(run.ended_at))


def _doing(run: Run, app: App, now: float) -> str:
    words = [OPERATIONS.get(operation(run), ("", ""))[0] or script_name(run, app)]
    if run.state == "ready":
        words.append("up %s" % age(now - (run.ready_at or run.started_at) / 1000))
    else:
        if run.state == "waiting":
            words.append("waits for another app")
        elif run.total > 0 and run.step >= 0:
            words.append("step %d of %d" % (run.step + 1, run.total))
        words.append("since %s (%s)" % (when(run.started_at), age(now - run.started_at / 1000)))
    if run.question_count or run.questions:
        words.append("waits for your answer")
    if run.restarts:
        words.append("restarted once" if run.restarts == 1 else "restarted %d times" % run.restarts)
    if run.health == "down":
        words.append("its page does not answer")
    return " · ".join(words)


def usage_text(usage: Optional[Usage]) -> str:
    if usage is None or not (usage.rss or usage.gpu_memory):
        return ""
    words = ["CPU %.0f %%" % usage.cpu_percent, "RAM " + size(usage.rss)]
    if usage.gpu_memory:
        words.append("VRAM " + size(usage.gpu_memory))
    return " · ".join(words)


def head(app: App, runs: Sequence[Run], usage: Optional[Usage], now: float) -> str:
    """HTML of a card's line: title, state, what it is doing."""
    text, kind = STATES.get(app.state, (app.state, ""))
    live = under_way(runs)
    if app.state == "RUNNING" and any(run.health == "down" for run in live):
        text, kind = "Running, not answering", "warn"
    if app.state == "INSTALLING" and live:
        text = next((BADGES[operation(run)] for run in live if operation(run) in BADGES), text)
    more = " · ".join(part for part in (doing(app, runs, now), usage_text(usage)) if part) or done_last(app, runs)
    if more.lower().startswith(text.lower() + " · "):
        more = more[len(text) + 3 :]  # it is said once
    return (
        '<bdi class="pino-title pino-app-title" title="%s">%s</bdi> %s%s'
        % (
            escape(short(app.id, TITLE)),
            escape(short(app.title, TITLE)),
            badge(text, kind),
            ' <span class="pino-muted pino-app-doing">%s</span>' % escape(more) if more else "",
        )
    )


# Addresses


def addresses(app: App, tunnels: Mapping[str, Tunnel], machine: Optional[Machine]) -> List[Tuple[str, str]]:
    """Where its page is: (address, what kind), the one that most people can open first."""
    found: List[Tuple[str, str]] = []
    shared = app.public_url
    if shared:
        same = (tunnel.open_url for tunnel in tunnels.values() if tunnel.public_url == shared)
        found.append((next(same, None) or shared, "public"))
    for one in (app.platform or {}).get("addresses") or ():
        url = one.get("url") if isinstance(one, dict) else None
        if isinstance(url, str) and url:
            found.append((url, "of the rented machine"))
    if app.url:
        found.append((app.url, "only on the machine itself"))
    return found


def of_a_browser(url: str, app: App) -> str:
    """The same page below the app's public address, where it has one: what is local opens nowhere else."""
    if not app.url or not app.public_url:
        return url
    try:
        asked, local, public = urlsplit(url), urlsplit(app.url), urlsplit(app.public_url)
        same = (asked.scheme, asked.port) == (local.scheme, local.port) and _is_here(asked.hostname)
    except ValueError:
        return url
    return urlunsplit((public.scheme, public.netloc, asked.path, asked.query, asked.fragment)) if same else url


def _is_here(host: Optional[str]) -> bool:
    return host in ("127.0.0.1", "localhost", "0.0.0.0", "::1")


def clock() -> float:
    return time.time()
