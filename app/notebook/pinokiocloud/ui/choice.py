"""Which output is looked at: of the runs that live and those that ended last, and of one's shells."""

import os
from typing import Any, Callable, List, Optional, Sequence, Tuple

import ipywidgets

from ..model import Run, Shell
from ..store import Store
from .parts import classes, put, row, show, when

__all__ = ["Choice"]

ENDED = 30  # runs that are over
SHELLS = 100
NAME = 48  # characters of one

Options = Tuple[Tuple[str, str], ...]
STATES = {"interrupted": "broken off", "error": "failed"}


def short(text: str, most: int = NAME) -> str:
    """In one line."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def run_label(store: Store, run: Run) -> str:
    app = store.apps.get(run.app or "")
    operation = (run.operation or {}).get("operation")
    names = [short(app.title if app else run.app or os.path.dirname(run.script)) or "?"]
    names.append(short(str(operation or os.path.basename(run.script))))
    names.append(STATES.get(run.state, run.state))
    names.append(when(run.started_at))
    return " · ".join(name for name in names if name)


def shell_label(shell: Shell) -> str:
    state = "runs" if shell.running else "lost" if shell.lost else "ended: %d" % shell.exit_code
    return "%s · %s" % (short(shell.command or shell.id), state)


class Choice:
    """chosen(run, shell): the person chose; shell "" is all of the run, run NEWEST whichever is the newest."""

    NEWEST = "*"

    def __init__(self, store: Store, chosen: Callable[[str, str], None]) -> None:
        self._store, self._chosen = store, chosen
        self._own = False  # it is changed here and not by the person
        self._runs = classes(ipywidgets.Dropdown(options=()), "pino-terminal-runs", "pino-grow")
        self._shells = classes(ipywidgets.Dropdown(options=()), "pino-terminal-shells", "pino-grow")
        for dropdown in (self._runs, self._shells):
            dropdown.observe(self._changed, "value")
        self.widget = row(self._runs, self._shells, names=("pino-grow",))
        self.update("", "", (), False)

    def update(self, run: str, shell: str, shells: Sequence[Shell], pinned: bool) -> None:
        """What there is, and what is shown of it; pinned: because the person chose it."""
        self._set(self._runs, self._run_options(run, pinned), run)
        listed = [one for one in shells if one.id == shell] + [one for one in shells if one.id != shell]
        kept = sorted(listed[:SHELLS], key=lambda one: (one.started_at, one.id))
        options: Options = (("All of its output", ""),) + tuple((shell_label(one), one.id) for one in kept)
        self._set(self._shells, options, shell)
        show(self._shells, len(kept) > 1 or bool(shell))

    def _run_options(self, shown: str, pinned: bool) -> Options:
        runs = list(self._store.runs.values())
        live = [run for run in runs if run.live]
        ended = [run for run in runs if not run.live]
        listed = live + [run for number, run in enumerate(ended) if number < ENDED or run.id == shown]
        options: List[Tuple[str, str]] = [(run_label(self._store, run), run.id) for run in listed]
        if shown not in self._store.runs:
            options.insert(0, ("Run %s" % shown if shown else "No run" if options else "Nothing has run yet", shown))
        if pinned:
            options.append(("Always the newest run", self.NEWEST))
        return tuple(options)

    def _set(self, dropdown: Any, options: Options, value: str) -> None:
        if dropdown.options == options and dropdown.value == value:
            return
        self._own = True
        try:
            with dropdown.hold_sync():
                put(dropdown, options=options)
                put(dropdown, value=value)
        finally:
            self._own = False

    def _changed(self, change: Any) -> None:
        if self._own or change["new"] is None:
            return
        run = self._runs.value
        shell: Optional[str] = self._shells.value if change["owner"] is self._shells else ""
        if run:
            self._chosen(run, shell or "")
