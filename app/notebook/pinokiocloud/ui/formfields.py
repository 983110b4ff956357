"""A form of an app's script: a field for each thing it asks, with its words, its checks and its error beside it.

What a field gives is what the script expects: texts, True or False of a checkbox, an item's value of a list, a path of a
file. A type that is not known is a text.
"""

import os
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Type

from ..bridge import Bridge
from .fieldkinds import Address, Choice, Date, Email, Field, Hidden, Long, Number, Secret, Tick, as_text
from .parts import close_all, column, html, put
from .pathfield import FolderField, PathField

__all__ = ["Form"]

MOST = 100  # fields: each takes some 5 ms to make
CSS = """
.pino .pino-form.jupyter-widgets.widget-box { gap: 10px; max-width: min(46em, 100%); }
.pino .pino-form-field { gap: 2px; }
.pino .pino-form-control.jupyter-widgets { width: 100%; height: auto; margin: 0; flex-flow: column nowrap; align-items: stretch; }
.pino .pino-form-control > .widget-label { width: auto; max-width: 100%; text-align: left; font-weight: 600; height: auto;
  white-space: normal; overflow-wrap: anywhere; line-height: 1.45; color: var(--pino-fg); margin: 0 0 2px; }
.pino .pino-form-control textarea { min-height: 6em; padding: 6px; }
.pino .pino-form-control input, .pino .pino-form-control select { flex: 0 0 auto; height: 30px; width: 100%; max-width: 100%; }
.pino .pino-form .widget-html { margin: 0; }
.pino .pino-form-control input[type=date] { max-width: 14em; color-scheme: light dark; border-radius: 6px;
  color: var(--pino-fg); background-color: var(--pino-bg); border: 1px solid var(--pino-line); }
.pino .pino-form-tick.jupyter-widgets { width: auto; height: auto; margin: 0; }
.pino .pino-form-tick .widget-label-basic { width: auto; height: auto; white-space: normal; line-height: 1.45; color: var(--pino-fg);
  overflow-wrap: anywhere; align-items: flex-start; }
.pino .pino-form-about { color: var(--pino-muted); }
.pino .pino-form-error { color: var(--pino-bad); font-weight: 600; }
.pino .pino-form-field .jupyter-button.widget-upload { width: auto; }
"""

TYPES: Dict[str, Type[Field]] = {
    "password": Secret,
    "textarea": Long,
    "number": Number,
    "integer": Number,
    "float": Number,
    "range": Number,
    "email": Email,
    "url": Address,
    "date": Date,
    "checkbox": Tick,
    "boolean": Tick,
    "bool": Tick,
    "toggle": Tick,
    "hidden": Hidden,
    "file": PathField,
    "filepicker": PathField,
    "path": PathField,
    "folder": FolderField,
    "directory": FolderField,
}


def _kind(spec: Mapping[str, Any]) -> Type[Field]:
    kind = as_text(spec.get("type")).lower()
    items = spec.get("items")
    if isinstance(items, list) and items and kind not in TYPES:  # select, dropdown, radio
        return Choice
    return TYPES.get(kind, Field)


class Form:
    """Fields as a script gives them: key, title, description, type, default, required, placeholder, items, accept.

    What is no object or has no key is passed over. folder: where paths begin. entered(): Enter was pressed in a field.
    """

    def __init__(
        self,
        fields: Any,
        bridge: Bridge,
        *,
        folder: str = "",
        entered: Optional[Callable[[], None]] = None,
    ) -> None:
        self.bridge, self.folder = bridge, folder or os.path.expanduser("~")
        self._entered = entered
        given: Sequence[Any] = fields if isinstance(fields, (list, tuple)) else ()
        specs = [spec for spec in given if isinstance(spec, Mapping) and isinstance(spec.get("key"), (str, int))]
        self._rest = specs[MOST:]
        self.fields = [_kind(spec)(spec, self) for spec in specs[:MOST]]
        parts = [field.widget for field in self.fields]
        if self._rest:
            parts.append(html("%d more fields are not shown and keep their defaults." % len(self._rest), "pino-muted"))
        self.widget = column(*parts, names=("pino-form",))

    def values(self) -> Dict[str, Any]:
        """By the keys of the form."""
        found = {as_text(spec["key"]): spec.get("default") for spec in self._rest}
        found.update((field.key, field.value()) for field in self.fields)
        return found

    def problems(self) -> List[str]:
        """Says beside each field what is wrong with it; gives the titles of those."""
        wrong = []
        for field in self.fields:
            problem = field.problem()
            field.say(problem)
            if problem:
                wrong.append(field.title)
        return wrong

    def check(self) -> bool:
        """As problems(); True when there is none."""
        return not self.problems()

    @property
    def has_secrets(self) -> bool:
        return any(isinstance(field, Secret) for field in self.fields)

    def forget(self) -> None:
        """Passwords leave the fields: they have been sent."""
        for field in self.fields:
            if isinstance(field, Secret):
                put(field.control, value="")

    def draft(self) -> Dict[int, Any]:
        """What was typed, for restore() into a form of the same fields; without secrets."""
        return {at: field.state() for at, field in enumerate(self.fields) if field.keeps}

    def restore(self, draft: Mapping[int, Any]) -> None:
        for at, state in draft.items():
            if at < len(self.fields):
                self.fields[at].restore(state)

    def enable(self, enabled: bool) -> None:
        for field in self.fields:
            field.enable(enabled)

    def entered(self) -> None:
        if self._entered is not None:
            self._entered()

    def close(self) -> None:
        for field in self.fields:
            field.close()
        close_all(self.widget)
