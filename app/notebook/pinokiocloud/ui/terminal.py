"""The Terminal: what any run or shell prints, as it is, as a terminal shows it; and what is typed into it.

xterm.js shows it where it loads (xterm.py), else a plain text (plainview.py). Both hold only the end of it; more that comes
than can be shown is left out with a line that says so (feed.py), and all of it lies in the logs.
"""

import os
from typing import Any, List, Optional, Tuple, Union

import ipywidgets

from ..bridge import Bridge
from ..events import LOST, OPEN, OVER
from ..host import COLAB, KAGGLE
from ..jobs import On
from ..model import Run
from ..store import Store
from . import ink, parts, plainview, xterm
from .choice import Choice
from .download import Download, What
from .feed import Feed
from .finder import Finder
from .front import Front
from .pages import Pages
from .plainview import PlainView
from .prompt import Prompt
from .shells import Shells
from .source import TROUBLE, RunSource, ShellSource, Source, Typist, mark
from .xterm import XtermView, can_be_made

__all__ = ["CSS", "Terminal"]

FAILED = "failed"

CSS = ink.CSS + plainview.CSS + xterm.CSS + """
.pino .pino-terminal { width: 100%; }
.pino .pino-terminal .widget-dropdown { width: auto; flex: 1 1 14em; }
.pino .pino-terminal .widget-toggle-button, .pino .pino-terminal .jupyter-button { flex: none; }
.pino .pino-terminal .pino-terminal-search { width: 14em; flex: 0 1 14em; }
.pino .pino-terminal .mod-active { border-color: var(--pino-accent); color: var(--pino-accent); box-shadow: none; }
.pino .pino-terminal .pino-terminal-input { flex: 1 1 12em; width: auto; }
.pino .pino-terminal .pino-terminal-input input { font-family: var(--pino-mono); }
.pino .pino-terminal-place > * { width: 100%; }
"""


class Terminal:
    """front: what the browser can; None: the plain form."""

    def __init__(self, store: Store, bridge: Bridge, *, front: Optional[Front] = None) -> None:
        self._store, self._bridge, self._front = store, bridge, front
        self._run, self._shell = "", ""
        self._shells = Shells(store, bridge, self._shells_changed)
        self._chosen = False  # by the person
        self._source: Optional[Source] = None
        self._state, self._why = "", ""
        self._closed = self._told = False
        self._sized: Tuple[str, int, int] = ("", 0, 0)
        self._coming: Optional[XtermView] = None
        self._make()
        self._plain = PlainView(self._finder.found, store.engine.host.kind in (COLAB, KAGGLE))
        self.view: Union[PlainView, XtermView] = self._plain
        self._feed = Feed(bridge, lambda: self.view.room(), self._print)
        self._place.children = (self._plain.widget,)
        self._observations: List[Any] = [
            store.observe("runs", self._runs_changed),
            store.observe("apps", self._choose_anew),
            store.observe("connection", self._runs_changed),
        ]
        if front is not None:
            self._observations.append(front.observe(self._try_better))
            self._try_better()
        self._runs_changed()
        self._draw()

    def _make(self) -> None:
        """The widgets."""
        self._choice = Choice(self._store, self._person_chose)
        self._typist = Typist(self._store, self._bridge, self._not_typed)
        self._message = parts.Message()
        self._note = parts.html()
        self._stop = parts.Act("Stop", self._stop_run, self._message, busy="Stopping …", kind="danger")
        self._follow = _toggle("Following", "What comes is shown as it comes")
        self._marks = _toggle("Engine's lines", "Lines that begin with \u25b8 are the engine's and not the app's")
        self._follow.observe(self._follow_changed, "value")
        self._marks.observe(lambda change: self._open(), "value")
        self._clear = parts.button("Clear view", self._clear_view, tip="The logs keep all of it")
        self._finder = Finder(self._bridge, lambda text, step: self.view.find(text, step), self._hold)
        self._pages = Pages(self._bridge, self._read_page, self._show_page, self._open)
        self._download = Download(self._store, self._bridge, self._to_download)
        self._prompt = Prompt(self._bridge, self._type)
        self._earlier = parts.row(
            parts.button("Earlier lines", lambda: self._page_kept(-1)),
            parts.button("Later lines", lambda: self._page_kept(1)),
        )
        self._place = parts.column(names=("pino-terminal-place",))
        tools = (self._follow, self._marks, self._earlier, self._pages.widget, self._clear, self._download.widget)
        self._tools = parts.column(parts.row(*tools, self._finder.widget), self._download.below)
        self.widget = parts.column(
            parts.row(self._choice.widget, self._stop.widget),
            self._message.widget,
            self._tools,
            self._place,
            self._note,
            self._prompt.widget,
            names=("pino-terminal",),
        )

    # What others ask

    def show_run(self, run_id: str) -> None:
        """All output of a run, from now on."""
        self._chosen = True
        self._show(run_id, "")

    def show_shell(self, shell_id: str) -> None:
        """One shell's, from now on."""
        self._chosen = True
        known = [shell for run in self._store.runs.values() for shell in run.shells if shell.id == shell_id]
        if known:
            self._show(known[0].run, shell_id)
            return
        self._bridge.work(
            self._store.client.shell,
            shell_id,
            done=lambda shell: self._show(shell.run, shell.id),
            failed=self._message.error,
        )

    def close(self) -> None:
        self._closed = True
        for observation in self._observations:
            observation.close()
        if self._source is not None:
            self._source.close()
        self._feed.close()
        self._finder.close()
        self._shells.close()
        self._download.close()
        for view in (self._plain, self._coming, self.view):
            if view is not None:
                view.close()
        parts.close_all(self.widget)

    # Which run

    @property
    def _shown_run(self) -> Optional[Run]:
        return self._store.runs.get(self._run)

    def _person_chose(self, run: str, shell: str) -> None:
        self._chosen = run != Choice.NEWEST
        if self._chosen:
            self._show(run, shell)
        else:
            self._runs_changed()
            self._choose_anew()

    def _runs_changed(self) -> None:
        runs = list(self._store.runs.values())
        newest = next((run.id for run in runs if run.live), runs[0].id if runs else "")
        if not self._chosen and newest and newest != self._run:
            current = self._shown_run
            if current is None or any(run.live for run in runs) or not self._run:
                self._show(newest, "")
        self._shells.ask()
        self._choose_anew()
        self._draw()

    def _show(self, run: str, shell: str) -> None:
        if self._closed or (run, shell) == (self._run, self._shell) and self._source is not None:
            return
        self._run, self._shell = run, shell
        self._download.clear()
        self._message.clear()
        self._shells.of(run)
        self._open()
        self._choose_anew()

    def _choose_anew(self) -> None:
        self._choice.update(self._run, self._shell, self._shells.all, self._chosen)

    def _shells_changed(self) -> None:
        self._choose_anew()
        self._draw()
        self._tell_size()

    # Its output

    def _open(self) -> None:
        """From near the end of it."""
        self._begin_anew()
        if not self._run:
            return
        told = (self._feed.put, self._state_told, self._began)
        if self._shell:
            self._source = ShellSource(self._store, self._bridge, self._shell, *told)
        else:
            self._source = RunSource(self._store, self._bridge, self._run, self._marks.value, *told)
        self._draw()

    def _begin_anew(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None
        self._state, self._why = "", ""
        self._feed.clear()
        self._feed.most = Feed.MOST
        self._pages.clear()
        self._finder.clear()
        self.view.reset()
        parts.put(self._follow, value=True)

    def _began(self, first: bool) -> None:
        if not first:
            self._print(mark("earlier output is not shown here: \u201cFrom the beginning\u201d has it", TROUBLE), 0)
        self._pages.enable(not first)

    def _print(self, data: bytes, lost: int) -> None:
        if lost:
            text = "%s not shown here; all of it is in %s" % (parts.size(lost), self._path())
            data = mark("\u2026 " + text, TROUBLE, fresh=False) + data
            self._pages.enable(True)
            self._draw()
        self.view.feed(data)

    def _state_told(self, state: str, why: str) -> None:
        self._state, self._why = state, why
        if state == FAILED:
            self._message.say("This output cannot be shown: %s" % why, "bad")
        elif state in (OPEN, OVER):
            self._shells.ask()
        self._draw()

    def _path(self) -> str:
        """Where all of it is."""
        run = self._shown_run
        shells = [shell for shell in self._shells.all if shell.id == self._shell or not self._shell]
        if len(shells) == 1 and shells[0].log:
            return shells[0].log
        if run is None or not run.journal:
            return "the engine's logs"
        return os.path.join(os.path.dirname(run.journal), "shell-%s.*.log" % run.id)

    # The view

    def _try_better(self) -> None:
        """xterm.js is shown once a page has loaded it; until then the plain form is."""
        if self._front is None or not self._front.loads or self._coming is not None or not can_be_made():
            return
        self._coming = XtermView(
            {
                "ready": self._better,
                "failed": self._no_better,
                "input": self._type,
                "size": self._size_told,
                "found": self._finder.found,
                "away": lambda away: self._told_following(not away),
            }
        )
        parts.show(self._coming.widget, False)
        self._place.children = (self._plain.widget, self._coming.widget)

    def _better(self) -> None:
        if self._coming is None or self.view is self._coming:
            return
        self.view = self._coming
        parts.show(self._coming.widget, True)
        parts.show(self._plain.widget, False)
        self._plain.reset()
        self._open()
        self._draw()

    def _no_better(self, why: str) -> None:
        if self._coming is not None and self.view is not self._coming:
            self._place.children = (self._plain.widget,)
            self._coming.close()

    def _clear_view(self) -> None:
        self._feed.clear()
        self.view.reset()
        parts.put(self._follow, value=True)

    def _follow_changed(self, change: Any) -> None:
        following = bool(change["new"])
        parts.put(self._follow, description="Following" if following else "Follow")
        if self._told:
            return
        self.view.follow(following)
        if following:
            self._finder.clear()
        self._draw()

    def _told_following(self, following: bool) -> None:
        """By a page on which somebody has scrolled: only the button is changed."""
        self._told = True
        try:
            parts.put(self._follow, value=following)
        finally:
            self._told = False

    def _hold(self) -> None:
        """What was found stays where it is."""
        parts.put(self._follow, value=False)

    def _page_kept(self, step: int) -> None:
        self._hold()
        self._plain.page(step)

    # From the beginning

    def _read_page(self, offset: int) -> Tuple[bytes, int]:
        """On a worker."""
        source = self._source
        return source.page(self._store.client, offset) if source is not None else (b"", offset)

    def _show_page(self, data: bytes) -> None:
        if self._source is not None:
            self._source.close()
        self._feed.clear()
        self._feed.most = Feed.MOST * 4
        self.view.reset()
        self._feed.put(data)
        self._draw()

    # What is typed

    def _target(self) -> str:
        """The shell that takes it; "" when none does."""
        running = [shell for shell in self._shells.all if shell.running and (not self._shell or shell.id == self._shell)]
        return max(running, key=lambda shell: (shell.started_at, shell.id)).id if running else ""

    def _type(self, text: str) -> None:
        target = self._target()
        if target:
            self._typist.type(target, text)

    def _not_typed(self, error: Exception) -> None:
        self._message.error(error)
        self._shells.ask()

    def _size_told(self, cols: int, rows: int) -> None:
        self._sized = (self._sized[0], cols, rows)
        self._tell_size()

    def _tell_size(self) -> None:
        """A shell is told once; one that has ended meanwhile does not mind."""
        target, (told, cols, rows) = self._target(), self._sized
        key = "%s %d %d" % (target, cols, rows)
        if target and cols and self.view is self._coming and told != key:
            self._sized = (key, cols, rows)
            self._bridge.work(self._store.client.resize, target, cols, rows, failed=lambda unused: None)

    # The rest

    def _stop_run(self, on: On) -> None:
        self._store.stop_run(self._run, on=on)

    def _to_download(self) -> Optional[What]:
        run = self._shown_run
        return None if run is None else (run, self._shell)

    def _draw(self) -> None:
        """All but the output."""
        run, target = self._shown_run, self._target()
        plain = self.view is self._plain
        parts.show(self._place, bool(self._run))
        parts.show(self._tools, bool(self._run))
        parts.show(self._marks, not self._shell)
        parts.show(self._earlier, plain)
        parts.show(self._stop.widget, run is not None and run.live)
        parts.show(self._prompt.widget, bool(target))
        reached = self._store.connected and self._state != LOST
        self._prompt.enable(reached)
        if isinstance(self.view, XtermView):
            self.view.write_to(bool(target) and reached)
        parts.put(self._note, value=self._note_text())

    def _note_text(self) -> str:
        if not self._run:
            text = "Nothing has run yet. What apps print when they are installed and run is shown here."
            return '<div class="pino-empty">%s</div>' % text
        notes = []
        if self._state == LOST or not self._store.connected:
            why = self._why or self._store.why_not
            notes.append("The engine does not answer (%s). This goes on by itself when it is back." % why)
        if self._feed.lost:
            notes.append("%s not shown here." % parts.size(self._feed.lost))
        shown = "".join("<div>%s</div>" % parts.escape(note) for note in notes)
        path = parts.escape(self._path())
        return '%s<div class="pino-muted">All of it: <span class="pino-copy">%s</span></div>' % (shown, path)


def _toggle(label: str, tip: str) -> Any:
    return ipywidgets.ToggleButton(value=True, description=label, tooltip=tip)
