"""One setting of the engine: what it is about, a field of the right kind, and how saving it went."""

from typing import Any, Callable, Dict, List, Optional, Tuple, Union

import ipywidgets

from ..jobs import DONE, On
from ..model import Setting
from ..store import Store
from .parts import Act, Message, badge, button, close_all, column, escape, html, put, row, show

__all__ = ["SettingRow"]

WIDTH = "min(22em, 100%)"
PROVIDERS = "tunnel.providers"
FLAGS = [("on", True), ("off", False)]

Value = Union[None, str, int, float, bool]


class Wrong(ValueError):
    """What was typed cannot be a value; says what can."""


# Fields: widget, saves(): what is in it, or Wrong; draw(setting). save() is called when a person is done with it.


class Chosen:
    """One of a few."""

    def __init__(self, setting: Setting, save: Callable[[], None]) -> None:
        options: List[Any] = list(setting.values) if setting.type == "choice" else FLAGS
        self.widget = ipywidgets.Dropdown(options=options, layout={"width": WIDTH})
        self._drawing = False
        self._save = save
        self.draw(setting)
        self.widget.observe(self._changed, "value")

    def draw(self, setting: Setting) -> None:
        known = [option[1] if isinstance(option, tuple) else option for option in self.widget.options]
        self._drawing = True
        put(self.widget, value=setting.value if setting.value in known else None)
        self._drawing = False

    def value(self) -> Value:
        found: Value = self.widget.value
        return found

    def _changed(self, unused: Any) -> None:
        if not self._drawing:
            self._save()


class Typed:
    """A text or a number; a browser sends it after Enter and when the field is left."""

    def __init__(self, setting: Setting, save: Callable[[], None]) -> None:
        self._setting, self._save, self._drawing = setting, save, False
        self.widget = ipywidgets.Text(
            value=_text(setting.value),
            placeholder=_text(setting.default),
            continuous_update=False,
            layout={"width": WIDTH},
        )
        self.widget.observe(self._changed, "value")

    def draw(self, setting: Setting) -> None:
        self._drawing = True
        put(self.widget, value=_text(setting.value))
        self._drawing = False

    def value(self) -> Value:
        typed = self.widget.value.strip()
        return _number(self._setting, typed) if self._setting.type == "number" else typed

    def _changed(self, unused: Any) -> None:
        if not self._drawing:
            self._save()


class Secret:
    """Its value is never shown: what is typed goes to the engine and out of the field."""

    def __init__(self, setting: Setting, save: Callable[[], None]) -> None:
        self._save = save
        self.widget = ipywidgets.Password(layout={"width": WIDTH})
        self.widget.on_msg(self._typed)
        self.draw(setting)

    def draw(self, setting: Setting) -> None:
        put(self.widget, value="", placeholder="another one" if setting.set else "not set")

    def value(self) -> Value:
        typed = self.widget.value.strip()
        if not typed:
            raise Wrong("Type the secret first; Remove takes it away.")
        return str(typed)

    def _typed(self, unused: Any, content: Dict[str, Any], buffers: Any) -> None:
        if content.get("event") == "submit":
            self._save()


class Ordered:
    """Some of several, in an order: a list whose chosen line is moved up and down, left out and taken in again."""

    def __init__(self, setting: Setting, save: Callable[[], None]) -> None:
        self._save = save
        self._all = _list(setting.default)
        self._used: List[str] = []
        self._select = ipywidgets.Select(options=[], rows=max(3, len(self._all)), layout={"width": WIDTH})
        self._select.observe(self._enable, "value")
        self._moves = [button("Up", lambda: self._move(-1)), button("Down", lambda: self._move(1))]
        self._use = button("Leave out", self._turn)
        self.widget = row(self._select, *self._moves, self._use)
        self.draw(setting)

    def draw(self, setting: Setting) -> None:
        self._show(_list(setting.value))

    def value(self) -> Value:
        if not self._used:
            raise Wrong("At least one of them has to stay.")
        return ",".join(self._used)

    def _show(self, used: List[str]) -> None:
        self._used = used
        rest = [one for one in self._all if one not in used]
        options = [("%d. %s" % (at + 1, one), one) for at, one in enumerate(used)] + [
            ("– %s (not used)" % one, one) for one in rest
        ]
        before = self._select.value
        with self._select.hold_sync():
            if list(self._select.options) != options:
                self._select.options = options
            known = [value for _, value in options]
            self._select.value = before if before in known else (known[0] if known else None)
        self._enable()

    def _enable(self, unused: Any = None) -> None:
        one = self._select.value
        at = self._used.index(one) if one in self._used else -1
        put(self._moves[0], disabled=at <= 0)
        put(self._moves[1], disabled=at < 0 or at == len(self._used) - 1)
        put(self._use, description="Leave out" if at >= 0 else "Use it", disabled=at >= 0 and len(self._used) == 1)

    def _move(self, by: int) -> None:
        at = self._used.index(self._select.value)
        moved = list(self._used)
        moved[at], moved[at + by] = moved[at + by], moved[at]
        self._show(moved)
        self._save()

    def _turn(self) -> None:
        one = self._select.value
        used = [other for other in self._used if other != one]
        self._show(used if one in self._used else [*self._used, one])
        self._save()


FIELDS: Dict[str, Any] = {"choice": Chosen, "bool": Chosen, "number": Typed, "text": Typed, "secret": Secret}


# Values


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _list(value: Any) -> List[str]:
    return [one for one in _text(value).split(",") if one]


def _whole(limit: Optional[float]) -> str:
    return "" if limit is None else "%g" % limit if abs(limit) < 100000 else "%d" % limit


def _range(setting: Setting) -> str:
    if setting.min is None or setting.max is None:
        return "a number"
    return "a whole number from %s to %s" % (_whole(setting.min), _whole(setting.max))


def _number(setting: Setting, typed: str) -> int:
    try:
        found = int(typed)
    except ValueError:
        raise Wrong("“%s” is not %s." % (typed, _range(setting))) from None
    if (setting.min is not None and found < setting.min) or (setting.max is not None and found > setting.max):
        raise Wrong("%d is not %s." % (found, _range(setting)))
    return found


def _about(setting: Setting) -> str:
    facts = []
    if setting.type == "number" and setting.min is not None and setting.max is not None:
        facts.append("%s to %s" % (_whole(setting.min), _whole(setting.max)))
    if setting.type != "secret" and _text(setting.default):
        facts.append("usually %s" % _text(setting.default))
    mark = (
        badge("is set" if setting.set else "not set", "ok" if setting.set else "") if setting.type == "secret" else ""
    )
    if setting.set and setting.type != "secret":
        mark = badge("set by you")
    return '<div>%s %s</div><div class="pino-muted"><code>%s</code>%s</div>' % (
        escape(setting.description),
        mark,
        escape(setting.key),
        escape(" · " + ", ".join(facts) if facts else ""),
    )


# The row


class SettingRow:
    """key is the setting's."""

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._key = store, key
        self._setting = store.settings[key]
        self._drawn: Tuple[Any, bool] = (self._setting.value, self._setting.set)
        self._told = html(_about(self._setting))
        self.message = Message()
        kind = Ordered if key == PROVIDERS else FIELDS.get(self._setting.type, Typed)
        self._field = kind(self._setting, self.save)
        secret = self._setting.type == "secret"
        self._save = Act("Save", self._put, self.message, busy="Saving …", done=self._saved, failed=self._failed)
        self._default = Act(
            "Remove" if secret else "Default",
            self._reset,
            self.message,
            busy="Removing …" if secret else "",
            done=self._back,
        )
        parts = [self._field.widget]
        if kind in (Typed, Secret):
            parts.append(self._save.widget)
        self.widget = column(
            self._told, row(*parts, self._default.widget), self.message.widget, names=("pino-setting",)
        )
        self._waits = False
        self._draw_buttons()

    def update(self) -> None:
        """As the store knows it. What a person is typing stays until the engine has another value."""
        setting = self._store.settings.get(self._key)
        if setting is None:
            return
        put(self._told, value=_about(setting))
        self._setting = setting
        if self._drawn != (setting.value, setting.set):
            self._drawn = (setting.value, setting.set)
            if not self._save.under_way:
                self._field.draw(setting)
        self._draw_buttons()

    def save(self) -> None:
        """Saves what is in the field; again, when that changed while it was being saved."""
        if self._save.under_way:
            self._waits = True
        else:
            self._save.press()

    def close(self) -> None:
        close_all(self.widget)
        close_all(self._save.widget)

    def _draw_buttons(self) -> None:
        show(self._default.widget, self._setting.set)

    def _put(self, on: On) -> None:
        try:
            value = self._field.value()
        except Wrong as error:
            on(DONE, error)
            return
        known = self._store.settings.get(self._key, self._setting)
        if known.set and value == known.value and known.type != "secret":
            on(DONE, value)
            return
        self.message.say("Saving …", "busy")
        self._store.set(self._key, value, on=on)

    def _saved(self, value: Any) -> None:
        if isinstance(value, Wrong):
            self.message.say(str(value), "bad")
        elif self._setting.type == "secret":
            self._field.draw(self._store.settings[self._key])
            self.message.say("Saved. It is not shown again.", "ok")
        else:
            self.message.say("Saved: %s" % _text(value), "ok")
        if self._waits:
            self._waits = False
            self._save.press()

    def _failed(self, unused: Exception) -> None:
        """What was typed stays, to be mended; what was chosen is not shown as if it were so."""
        self._waits = False
        if isinstance(self._field, (Chosen, Ordered)):
            self._field.draw(self._setting)

    def _reset(self, on: On) -> None:
        self._store.set(self._key, None, on=on)

    def _back(self, unused: Any) -> None:
        setting = self._store.settings.get(self._key, self._setting)
        self._field.draw(setting)
        if setting.type == "secret":
            self.message.say("Removed.", "ok")
        else:
            self.message.say("Back to %s." % _text(setting.default), "ok")
