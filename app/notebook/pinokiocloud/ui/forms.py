"""What waits for the person: every question of a running script, until it is answered here or anywhere else."""

import os
import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ..bridge import Bridge
from ..errors import PinokioError
from ..jobs import FAILED, On
from ..store import Store, Waiting
from .formfields import Form
from .parts import Act, Message, Rows, button, close_all, column, escape, html, link, row, show
from .picker import Picker
from .wording import plain, rich

__all__ = ["Questions"]

UPLOAD = "Files of your own computer: upload them with the notebook's file browser, then choose them here."
MOST = 10  # cards at once
DRAFTS = 20
SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*:")
CANCELLED = "its question was cancelled in the notebook"
CSS = """
.pino .pino-questions-card { border-left: 4px solid var(--pino-accent); }
.pino .pino-questions .widget-html { margin: 0; }
.pino .pino-questions-title { font-weight: 600; font-size: 15px; overflow-wrap: anywhere; }
.pino .pino-questions-about { max-width: 60em; }
.pino .pino-questions-link { display: inline-block; border: 1px solid var(--pino-line); border-radius: 6px; padding: 3px 12px;
  background: var(--pino-soft); }
"""

Key = str


def _key(waiting: Waiting) -> Key:
    return "%s %s" % (waiting.run, waiting.question.id)


class Card:
    """One question. It stays as it is while others come and go."""

    def __init__(self, waiting: Waiting, store: Store, bridge: Bridge, show_run: Callable[[str], None]) -> None:
        self.waiting, self._store, self._bridge = waiting, store, bridge
        self.request: Mapping[str, Any] = waiting.question.request or {}
        self.sent = False
        self._acts: List[Act] = []
        self._message = Message()
        self._head = html()
        self._picker = self._make_picker()
        self.form: Optional[Form] = None if self._picker is not None else self._make_form()
        asked = self._picker or self.form
        self.submit = self._act(self._label(), self._answer, busy="Sending …", kind="main")
        self.cancel = self._act(
            "Cancel", self._refuse, busy="Cancelling …", tip="The script is told that nobody answers: its step fails"
        )
        output = button("Show output", lambda: show_run(waiting.run), "link")
        self.widget = column(
            self._head,
            *([asked.widget] if asked is not None else []),
            *([html(UPLOAD, "pino-muted")] if self._takes_files() else []),
            self._menu(),
            self._message.widget,
            row(self.submit.widget, self.cancel.widget, output),
            names=("pino-card", "pino-questions-card"),
        )
        self.update()

    def update(self) -> None:
        """The app may have got another name."""
        waiting, request = self.waiting, self.request
        app = self._store.apps.get(waiting.app or "")
        who = plain(app.title if app is not None else waiting.app or "A script", 80)
        script = self._script()
        head = '<div class="pino-muted"><bdi>%s</bdi> asks%s</div>' % (
            escape(who),
            " · <bdi>%s</bdi>" % escape(script) if script else "",
        )
        head += '<div class="pino-questions-title"><bdi>%s</bdi></div>' % escape(self._title())
        about = rich(request.get("description"))
        if about:
            head += '<div class="pino-questions-about" dir="auto">%s</div>' % about
        if self._head.value != head:
            self._head.value = head

    def close(self) -> None:
        for part in (self._picker, self.form):
            if part is not None:
                part.close()
        for act in self._acts:
            close_all(act.widget)
        close_all(self.widget)

    # What it is made of

    def _title(self) -> str:
        fallback = "Choose a file" if self._picker is not None else "A question" if self.form else "Please read this"
        return plain(self.request.get("title")) or fallback

    def _folder(self) -> str:
        app = self._store.apps.get(self.waiting.app or "")
        return app.path if app is not None and app.path else os.path.dirname(self.waiting.question.script or "")

    def _script(self) -> str:
        """Its path below the app."""
        path, folder = self.waiting.question.script or "", self._folder()
        inside = folder and path.startswith(folder + os.sep)
        return plain(path[len(folder) + 1 :] if inside else os.path.basename(path), 80)

    def _label(self) -> str:
        given = plain(self.request.get("confirm"), 30)
        if given:
            return given
        if self._picker is not None:
            return "Save" if self.request.get("save") else "Choose"
        return "Submit" if self.form is not None else "Next"

    def _make_picker(self) -> Optional[Picker]:
        return Picker.of_request(self._bridge, self.request) if self.request.get("picker") is True else None

    def _make_form(self) -> Optional[Form]:
        fields = self.request.get("form")
        if not isinstance(fields, list) or not fields:
            return None
        return Form(fields, self._bridge, folder=self._folder(), entered=lambda: self.submit.press())

    def _takes_files(self) -> bool:
        request = self.request
        return (
            self._picker is not None and request.get("type") not in ("folder", "directory") and not request.get("save")
        )

    def _menu(self) -> Any:
        """A modal's: links of the web, and scripts of the app, which are started. Others lead nowhere."""
        items = self.request.get("menu")
        parts: List[Any] = []
        for item in items if isinstance(items, list) else []:
            href = item.get("href") if isinstance(item, Mapping) else None
            text = plain(item.get("text") or item.get("html") or href, 60) if isinstance(href, str) else ""
            if isinstance(href, str) and href.lower().startswith(("http://", "https://")):
                parts.append(html(link(href, text, "pino-questions-link")))
            elif isinstance(href, str) and self.waiting.app and not SCHEME.match(href):
                parts.append(self._act(text or href, self._starts(href), busy="Starting …").widget)
        made = row(*parts)
        show(made, bool(parts))
        return made

    def _starts(self, script: str) -> Callable[[On], None]:
        return lambda on: self._store.start(self.waiting.app or "", script, on=on)

    def _act(self, label: str, action: Callable[[On], None], **options: Any) -> Act:
        act = Act(label, action, self._message, **options)
        self._acts.append(act)
        return act

    # What a person does

    def _answer(self, on: On) -> None:
        problem = self._problem()
        if problem:
            on(FAILED, PinokioError(problem))
            return
        answers: Dict[str, Any] = {}
        if self._picker is not None:
            chosen = self._picker.chosen()
            answers = {"paths": chosen}
        elif self.form is not None:
            answers = self.form.values()
            self.form.forget()
        self._begin()
        waiting = self.waiting
        self._store.answer(waiting.run, waiting.question.id, answers, lambda *told: self._told(on, "Sent.", *told))

    def _refuse(self, on: On) -> None:
        self._begin()
        waiting = self.waiting
        self._store.refuse(
            waiting.run, waiting.question.id, CANCELLED, lambda *told: self._told(on, "The script is told.", *told)
        )

    def _problem(self) -> str:
        if self._picker is not None:
            return self._picker.problem()
        wrong = self.form.problems() if self.form is not None else []
        return "Look again at: %s." % ", ".join(wrong[:5]) if wrong else ""

    def _begin(self) -> None:
        self._enable(False)

    def _told(self, on: On, said: str, state: str, value: Any) -> None:
        """Sent: the question goes when the engine tells so. Failed: as before, but for passwords."""
        if self.submit.widget.comm is None:
            return
        if state == FAILED and self.form is not None and self.form.has_secrets:
            value = PinokioError("%s\nType the password again: it is not kept." % value)
        self.sent = state != FAILED
        on(state, value)
        self._enable(not self.sent)
        if self.sent:
            self._message.say(said, "ok")

    def _enable(self, enabled: bool) -> None:
        for act in self._acts:
            act.enable(enabled)
        for part in (self._picker, self.form):
            if part is not None:
                part.enable(enabled)


class Questions:
    """Hidden when nothing waits. The newest is the last; what was typed stays while others come and go."""

    def __init__(self, store: Store, bridge: Bridge, *, show_run: Callable[[str], None]) -> None:
        self._store, self._bridge, self._show_run = store, bridge, show_run
        self._order: List[Key] = []
        self._waiting: Dict[Key, Waiting] = {}
        self._drafts: Dict[Key, Tuple[Mapping[str, Any], Dict[int, Any]]] = {}  # of questions that may come back
        self._head = html()
        self._rows = Rows(self._make)
        self.widget = column(self._head, self._rows.widget, names=("pino-questions",))
        self._observations = [store.observe("question", self._draw), store.observe("apps", self._draw)]
        self._draw()

    def close(self) -> None:
        for observation in self._observations:
            observation.close()
        self._rows.close()
        close_all(self.widget)

    def _make(self, key: Key) -> Card:
        card = Card(self._waiting[key], self._store, self._bridge, self._show_run)
        request, draft = self._drafts.pop(key, ({}, {}))
        if card.form is not None and request == card.request:
            card.form.restore(draft)
        return card

    def _draw(self) -> None:
        runs = self._store.runs
        asked = sorted(
            self._store.questions, key=lambda one: (runs[one.run].started_at if one.run in runs else 0, one.run)
        )
        waiting = {_key(one): one for one in asked}
        for key in self._order:
            if key not in waiting:
                self._keep(key)
        self._order = [key for key in self._order if key in waiting]
        self._order += [key for key in waiting if key not in set(self._order)]
        self._waiting = waiting
        self._rows.show(self._order[:MOST])
        more = len(self._order) - MOST
        text = "Waiting for your answer" + (" (%d)" % len(waiting) if len(waiting) > 1 else "")
        text += '<span class="pino-muted"> · %d more come after these</span>' % more if more > 0 else ""
        head = '<div class="pino-title" role="status">%s</div>' % text
        if self._head.value != head:
            self._head.value = head
        show(self.widget, bool(waiting))

    def _keep(self, key: Key) -> None:
        """An engine that comes back may not know of it for a moment: what was typed is kept while the run lives."""
        card = self._rows.parts.get(key)
        run = self._store.runs.get(card.waiting.run) if card is not None else None
        if card is None or card.sent or card.form is None or run is None or not run.live:
            self._drafts.pop(key, None)
            return
        self._drafts[key] = (card.request, card.form.draft())
        while len(self._drafts) > DRAFTS:
            del self._drafts[next(iter(self._drafts))]
