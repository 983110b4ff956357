"""The kinds of fields that a form has, but for those of files: what a person sees, and what the script gets of it."""

import datetime
import re
from typing import Any, Dict, List, Mapping, Optional, Protocol

import ipywidgets

from ..bridge import Bridge
from .parts import classes, close_all, column, escape, html, put, show
from .wording import plain, rich

__all__ = [
    "Address",
    "Choice",
    "Date",
    "Email",
    "Field",
    "Hidden",
    "Long",
    "Number",
    "Owner",
    "Secret",
    "Tick",
    "as_text",
]

OLD = int(ipywidgets.__version__.split(".")[0]) < 8  # descriptions are HTML there


class Owner(Protocol):
    """The form of a field."""

    bridge: Bridge
    folder: str

    def entered(self) -> None:
        """Enter was pressed."""


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


class Field:
    """One thing that is asked. value(): what the script gets; ready for a draft: state() and restore()."""

    keeps = True  # what was typed may be kept for later

    def __init__(self, spec: Mapping[str, Any], form: Owner) -> None:
        self.spec, self.form = spec, form
        key = spec.get("key")
        self.key = as_text(key)
        self.title = plain(spec.get("title")) or self.key
        self.required = spec.get("required") is True
        self.default = spec.get("default")
        self.control = self.make()
        self._about = rich(spec.get("description"))
        self._note: Any = None
        self._said = ""
        self.widget = column(*self.parts(), names=("pino-form-field",))
        if self._about:
            self._draw()
        self.control.observe(lambda unused: self.say(""), "value")
        self.control.on_msg(self._told)

    # Of each kind

    def make(self) -> Any:
        return self.dress(ipywidgets.Text(value=as_text(self.default), **self.words()))

    def parts(self) -> List[Any]:
        return [self.control]

    def value(self) -> Any:
        return self.control.value

    def wrong(self, text: str) -> str:
        """Why what was typed cannot be right."""
        return ""

    def problem(self) -> str:
        text = as_text(self.value()).strip()
        if text:
            return self.wrong(text)
        return "This is needed." if self.required else ""

    def state(self) -> Any:
        return self.control.value

    def restore(self, state: Any) -> None:
        self.control.value = state

    def enable(self, enabled: bool) -> None:
        put(self.control, disabled=not enabled)

    def close(self) -> None:
        close_all(self.widget)

    # Of all

    def words(self) -> Dict[str, Any]:
        label = self.title + (" (required)" if self.required else "")
        return {"description": escape(label) if OLD else label, "placeholder": as_text(self.spec.get("placeholder"))}

    def dress(self, control: Any) -> Any:
        return classes(control, "pino-form-control")

    def say(self, error: str) -> None:
        """Beside the field; "": nothing is wrong any more."""
        if error != self._said:
            self._said = error
            self._draw()

    def _draw(self) -> None:
        if self._note is None:
            self._note = html()
            self.widget.children = (*self.widget.children, self._note)
        error = '<div class="pino-form-error" role="alert">%s</div>' % escape(self._said) if self._said else ""
        about = '<div class="pino-form-about">%s</div>' % self._about if self._about else ""
        put(self._note, value=error + about)
        show(self._note, bool(error or about))

    def _told(self, unused: Any, content: Any, buffers: Any) -> None:
        if isinstance(content, dict) and content.get("event") == "submit":
            self.form.entered()


class Secret(Field):
    """Never shown. A default is kept back and sent when nothing is typed."""

    keeps = False

    def make(self) -> Any:
        words = self.words()
        if self.default not in (None, ""):
            words["placeholder"] = "is set: leave it empty to use it"
        return self.dress(ipywidgets.Password(**words))

    def value(self) -> Any:
        return self.control.value or as_text(self.default)


class Long(Field):
    def make(self) -> Any:
        text = as_text(self.default)
        rows = min(12, max(4, text.count("\n") + 1))
        return self.dress(ipywidgets.Textarea(value=text, rows=rows, **self.words()))


class Number(Field):
    """Given as the text that was typed, as the reference does."""

    def value(self) -> str:
        return str(self.control.value).strip()

    def wrong(self, text: str) -> str:
        try:
            number = float(text)
        except ValueError:
            return "This is to be a number."
        if number != number or number in (float("inf"), float("-inf")):
            return "This is to be a number."
        for name, beyond, word in (("min", -1, "at least"), ("max", 1, "at most")):
            try:
                limit = float(self.spec[name])
            except (KeyError, TypeError, ValueError):
                continue
            if (number - limit) * beyond > 0:
                return "This is to be %s %s." % (word, as_text(self.spec[name]))
        return ""


class Email(Field):
    def wrong(self, text: str) -> str:
        return "" if re.fullmatch(r"[^@\s]+@[^@\s]+", text) else "This is to be an e-mail address: name@example.com"


class Address(Field):
    def wrong(self, text: str) -> str:
        fits = re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", text)
        return "" if fits else "This is to be an address: https://example.com"


class Date(Field):
    """Given as 2031-12-24, or ""."""

    def make(self) -> Any:
        words = self.words()
        del words["placeholder"]
        try:
            day: Optional[datetime.date] = datetime.date.fromisoformat(as_text(self.default)[:10])
        except ValueError:
            day = None
        return self.dress(ipywidgets.DatePicker(value=day, **words))

    def value(self) -> str:
        day = self.control.value
        return day.isoformat() if day is not None else ""


class Tick(Field):
    def make(self) -> Any:
        ticked = self.default is True or as_text(self.default).lower() in ("true", "on", "1")
        words = self.words()
        made = ipywidgets.Checkbox(value=ticked, indent=False, description=words["description"])
        return classes(made, "pino-form-tick")

    def problem(self) -> str:
        return ""


class Choice(Field):
    """One of the items, which are texts or have text and value; without a default the first, as the reference does."""

    def make(self) -> Any:
        words = self.words()
        labels, self.items = self._read()
        texts = [as_text(item) for item in self.items]
        wanted = None if self.default is None else as_text(self.default)
        at = texts.index(wanted) if wanted in texts else labels.index(wanted) if wanted in labels else 0
        if self.default is None and self.spec.get("placeholder"):
            labels, self.items, at = [words["placeholder"], *labels], ["", *self.items], 0
        options = [(label or " ", number) for number, label in enumerate(labels)]
        return self.dress(ipywidgets.Dropdown(options=options, value=at, description=words["description"]))

    def _read(self) -> Any:
        labels, values = [], []
        for item in self.spec["items"]:
            named = isinstance(item, Mapping)
            value = item.get("value", item.get("text")) if named else item
            if value is not None:
                values.append(value)
                labels.append(plain(item.get("text", value) if named else as_text(item)))
        return (labels, values) if values else (["Nothing to choose from"], [""])

    def value(self) -> Any:
        return self.items[self.control.value]


class Hidden(Field):
    def parts(self) -> List[Any]:
        show(self.control, False)
        return [self.control]
