"""An app's ENVIRONMENT as a form: what each setting means, what it is, and what it becomes when it is saved."""

import re
from typing import Any, Callable, Dict, List, Optional

import ipywidgets

from ..bridge import Bridge
from ..jobs import FAILED, On
from ..model import EnvEntry, Environment
from ..store import Store
from .parts import Act, Confirm, Message, Rows, badge, button, close_all, column, escape, html, put, row, show
from .wording import linked, plain

__all__ = ["Configure"]

MOST = 60  # settings at once; the filter finds the others
MANY = 12  # from so many on there is a filter
NAME = re.compile(r"[A-Za-z0-9_.-]{1,200}")
BOOLEANS = ("true", "false")
CSS = """
.pino .pino-configure.jupyter-widgets.widget-box { max-width: min(60em, 100%); }
.pino .pino-configure .widget-html { margin: 0; }
.pino .pino-configure-entry { gap: 2px; padding: 6px 0; border-bottom: 1px solid var(--pino-line); }
.pino .pino-configure-entry .widget-text, .pino .pino-configure-entry .widget-password,
.pino .pino-configure-new .widget-text, .pino .pino-configure-top .widget-text { width: auto; flex: 1 1 16em; margin: 0; }
.pino .pino-configure-entry .widget-checkbox { width: auto; flex: 1 1 16em; margin: 0; }
.pino .pino-configure-entry .widget-label-basic { width: auto; color: var(--pino-fg); }
.pino .pino-configure-key { font-family: var(--pino-mono); font-weight: 600; overflow-wrap: anywhere; }
.pino .pino-configure-about { color: var(--pino-muted); max-width: 60em; }
"""


def _is_boolean(entry: EnvEntry) -> bool:
    given = [text.lower() for text in (entry.value, entry.default) if text]
    return bool(given) and all(text in BOOLEANS for text in given) and not entry.secret


class Row:
    """One setting. What is typed is kept in `edits` of the form, so that it survives the filter and a reload."""

    def __init__(self, key: str, form: "Configure") -> None:
        self._key, self._form = key, form
        entry = form.entries[key]
        self._boolean = _is_boolean(entry)
        self._quiet = False
        self._head = html()
        self._control = self._make(entry)
        self._back = button("", self._reset, "link")
        self._control.observe(self._typed, "value")
        self.widget = column(self._head, row(self._control, self._back), names=("pino-configure-entry",))

    @staticmethod
    def _make(entry: EnvEntry) -> Any:
        if _is_boolean(entry):
            return ipywidgets.Checkbox(description="on", indent=False)
        if entry.secret:
            return ipywidgets.Password(placeholder="is set: type to replace it" if entry.set else "not set")
        return ipywidgets.Text(placeholder=entry.default or "empty")

    def update(self) -> None:
        entry, edits = self._form.entries[self._key], self._form.edits
        shown = edits[self._key] if self._key in edits else entry.value
        if self._key in edits and shown is None:  # it will be what it was without anybody's doing
            shown = entry.default
        shown = shown or ""
        self._quiet = True
        if self._boolean:
            put(self._control, value=(shown or entry.default or "").lower() == "true")
        elif entry.secret:
            put(self._control, value=edits.get(self._key) or "", placeholder=self._hint(entry))
        else:
            put(self._control, value=shown)
        self._quiet = False
        put(self._head, value=self._said(entry))
        undo = self._key in edits
        own = entry.default is None
        label = "Undo" if undo else "Remove" if own else "Default"
        put(self._back, description=label, tooltip=self._tip(undo, own))
        there = entry.set if entry.secret else entry.value is not None and (own or entry.value != entry.default)
        show(self._back, undo or there)

    def close(self) -> None:
        close_all(self.widget)

    def _hint(self, entry: EnvEntry) -> str:
        if self._key in self._form.edits and self._form.edits[self._key] is None:
            return "is taken away when you save"
        return "is set: type to replace it" if entry.set else "not set"

    @staticmethod
    def _tip(undo: bool, own: bool) -> str:
        return "As it is in the file" if undo else "Takes it out of the file" if own else "What it is in a new file"

    def _said(self, entry: EnvEntry) -> str:
        edits = self._form.edits
        marks = [badge("required", "warn")] if entry.required and not entry.set else []
        if self._key in edits:
            marks.append(
                badge("removed when saved" if edits[self._key] is None and entry.default is None else "changed", "busy")
            )
        if self._key in self._form.outside:
            marks.append(badge("changed outside", "warn"))
        if entry.default and entry.value not in (None, entry.default) and not entry.secret:
            marks.append('<span class="pino-muted">default: %s</span>' % escape(plain(entry.default, 80)))
        about = linked(entry.description)
        about = '<div class="pino-configure-about" dir="auto">%s</div>' % about if about else ""
        return '<span class="pino-configure-key">%s</span> %s%s' % (escape(entry.key), " ".join(marks), about)

    def _typed(self, change: Dict[str, Any]) -> None:
        if self._quiet:
            return
        entry, edits = self._form.entries[self._key], self._form.edits
        value = change["new"]
        if self._boolean:
            like = entry.value or entry.default or ""
            value = str(value) if like[:1].isupper() else str(value).lower()
        if entry.secret and not value:
            edits.pop(self._key, None)
        elif value == (entry.value or "") and not entry.secret:
            edits.pop(self._key, None)
        else:
            edits[self._key] = value
        self._form.changed(self._key)

    def _reset(self) -> None:
        if self._key in self._form.edits:
            del self._form.edits[self._key]
        else:
            self._form.edits[self._key] = None
        self._form.changed(self._key)


class Configure:
    """Reads the file at once, and again when asked. Only what was changed here is written."""

    def __init__(self, store: Store, bridge: Bridge, app_id: str, *, close: Callable[[], None]) -> None:
        self._store, self._app, self._done = store, app_id, close
        self.entries: Dict[str, EnvEntry] = {}
        self.edits: Dict[str, Optional[str]] = {}  # by name; None: its default, or gone
        self.outside: List[str] = []  # changed by others since it was read before
        self._read = self._all = self._closed = False
        self._make()
        self._observations = [store.observe("connection", self._connected), store.observe("app:" + app_id, self._named)]
        self._named()
        self._reload.press()

    def _make(self) -> None:
        self._message = Message()
        self._head, self._none = html(), html("", "pino-muted")
        self._filter = ipywidgets.Text(placeholder="Filter")
        self._filter.observe(lambda unused: self._draw(), "value")
        self._rows = Rows(lambda key: Row(key, self))
        self._more = button("", self._show_all, "link")
        self._name = ipywidgets.Text(placeholder="New variable")
        self._value = ipywidgets.Text(placeholder="Its value")
        self._value.on_msg(self._entered)
        self._new = row(self._name, self._value, button("Add", self._add), names=("pino-configure-new",))
        self._save = Act("Save", self._send, self._message, busy="Saving …", kind="main", done=self._saved)
        self._reload = Act("Reload", self._ask, self._message, busy="Reading …", done=self._loaded)
        self._restart = Act(
            "Restart the app", self._begin_again, self._message, busy="Restarting …", done=self._restarted
        )
        self._discard = Confirm("Close without saving", self._leave)
        self._close = button("Close", self._end)
        self.widget = column(
            self._head,
            row(self._filter, names=("pino-configure-top",)),
            self._rows.widget,
            row(self._none, self._more),
            self._new,
            self._message.widget,
            self._discard.widget,
            row(self._save.widget, self._reload.widget, self._restart.widget, self._close),
            names=("pino-card", "pino-configure"),
        )
        for widget in (self._filter, self._new, self._restart.widget, self._more):
            show(widget, False)
        self._save.enable(False)

    def close(self) -> None:
        self._closed = True
        for observation in self._observations:
            observation.close()
        self._rows.close()
        close_all(self.widget)

    # What is in the file

    def _ask(self, on: On) -> None:
        self._store.environment(self._app, on)

    def _connected(self) -> None:
        if self._store.connected and not self._read and not self._closed:
            self._reload.press()

    def _loaded(self, found: Environment) -> None:
        if self._closed:
            return
        before, first = self.entries, not self._read
        self._take(found)
        changed = [key for key in {**before, **self.entries} if _seen(before.get(key)) != _seen(self.entries.get(key))]
        self.outside = [] if first else [key for key in changed if key in self.entries]
        if first:
            self._message.clear()
        elif changed:
            self._message.say("Changed outside since it was read: %s." % ", ".join(changed[:10]), "warn")
        else:
            self._message.say("Nothing was changed outside.", "ok")
        self._draw()

    def _take(self, found: Environment) -> None:
        """What was typed for a setting stays, unless that is what it is now."""
        self._read = True
        self._path = found.path
        self.entries = {entry.key: entry for entry in sorted(found.entries, key=_rank)}
        for key, value in list(self.edits.items()):
            entry = self.entries.get(key)
            if entry is None:
                if value is None:
                    del self.edits[key]
                else:
                    self.entries[key] = EnvEntry(key=key)
            elif not entry.secret and value is not None and value == entry.value:
                del self.edits[key]
        self._named()

    def _named(self) -> None:
        app = self._store.apps.get(self._app)
        name = plain(app.title if app is not None else self._app, 80)
        path = '<div class="pino-muted">In <code>%s</code></div>' % escape(self._path) if self._read else ""
        put(self._head, value='<div class="pino-title">Settings of <bdi>%s</bdi></div>%s' % (escape(name), path))

    # What is shown

    def changed(self, key: str) -> None:
        """A row says that its edit has changed."""
        self._rows.update(key)
        self._buttons()

    def _draw(self) -> None:
        word = self._filter.value.strip().lower()
        keys = [key for key, entry in self.entries.items() if word in key.lower() or word in entry.description.lower()]
        own = [key for key in keys if not self.entries[key].known or self.entries[key].required or key in self.edits]
        self._all = self._all or (bool(keys) and not own and not word)  # the next edit does not fold up what is shown
        shown = keys if word or self._all else own
        self._rows.show(shown[:MOST])
        rest = len(keys) - len(shown)
        put(self._more, description="Show %d general settings" % rest)
        show(self._more, rest > 0)
        none = "" if keys else "No setting fits." if self.entries else "This app has no settings." if self._read else ""
        if len(shown) > MOST:
            none = "%d more: the filter finds them." % (len(shown) - MOST)
        put(self._none, value=none)
        show(self._filter, len(self.entries) >= MANY)
        show(self._new, self._read)
        self._buttons()

    def _buttons(self) -> None:
        count = len(self.edits)
        self._save.name(
            "Save" if count == 0 else "Save 1 change" if count == 1 else "Save %d changes" % count, "Saving …"
        )
        self._save.enable(count > 0)

    def _show_all(self) -> None:
        self._all = True
        self._draw()

    # What a person does

    def _entered(self, unused: Any, content: Any, buffers: Any) -> None:
        if isinstance(content, dict) and content.get("event") == "submit":
            self._add()

    def _add(self) -> None:
        name = self._name.value.strip()
        if not NAME.fullmatch(name):
            self._message.say("A variable's name has letters, digits, _, . and - only.", "bad")
            return
        if name in self.entries:
            self._message.say("There is a %s already: change it in its place." % name, "bad")
            put(self._filter, value=name)
            return
        self._message.clear()
        self.entries[name] = EnvEntry(key=name)
        self.edits[name] = self._value.value
        put(self._name, value="")
        put(self._value, value="")
        self._draw()

    def _send(self, on: On) -> None:
        sent = dict(self.edits)

        def told(state: str, value: Any) -> None:
            on(state, value if state == FAILED else (sent, value))

        self._store.set_environment(self._app, sent, told)

    def _saved(self, told: Any) -> None:
        """What was typed while it was being saved is not."""
        if self._closed:
            return
        sent, found = told
        for key, value in sent.items():
            if key in self.edits and self.edits[key] == value:
                del self.edits[key]
        self.outside = []
        self._take(found)
        self._draw()
        runs = any(run.live and run.app == self._app for run in self._store.runs.values())
        more = " What runs now keeps its old settings until it is started again." if runs else ""
        self._message.say("Saved.%s" % more, "ok")
        show(self._restart.widget, runs)

    def _begin_again(self, on: On) -> None:
        self._store.restart(self._app, on=on)

    def _restarted(self, unused: Any) -> None:
        if not self._closed:
            show(self._restart.widget, False)
            self._message.say("It runs with the new settings.", "ok")

    def _end(self) -> None:
        if self.edits:
            self._discard.ask(
                "%s not saved." % ("1 change is" if len(self.edits) == 1 else "%d changes are" % len(self.edits))
            )
        else:
            self._done()

    def _leave(self, on: On) -> None:
        on("done", None)
        self._done()


def _seen(entry: Optional[EnvEntry]) -> Any:
    return (entry.value, entry.set) if entry is not None else None


def _rank(entry: EnvEntry) -> int:
    """What the app needs, what is its own, and what every app has."""
    return 0 if entry.required else 2 if entry.known else 1
