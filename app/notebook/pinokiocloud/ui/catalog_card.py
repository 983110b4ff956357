"""One place of the list of apps: it shows one app now and another later, its widgets stay."""

import re
from typing import Any, Callable, Dict, Optional, Tuple

import ipywidgets

from ..model import CatalogApp
from .needs import Fit
from .parts import badge, classes, close_all, escape, link, put
from .standing import FAILED, FETCHED, FREE, INSTALLED, INSTALLING, Standing

__all__ = ["CSS", "CatalogCard", "Shared"]

CSS = """
.pino .pino-discover-card { display: flex; flex-flow: row wrap; align-items: center; align-content: space-between;
  gap: 8px; overflow: hidden; min-width: 0; margin: 0; }
.pino .pino-discover-card.pino-discover-wide { grid-column: 1 / -1; }
.pino .pino-discover-text { flex: 1 1 100%; min-width: 0; margin: 0; align-self: flex-start; }
.pino .pino-discover-card > .pino-discover-offer { flex: 1 1 100%; min-width: 0; }
.pino .pino-discover-offer, .pino .pino-discover-offer > * { margin: 0; }
.pino .pino-discover-text .pino-note { margin-top: 6px; }
.pino .pino-discover-head { display: flex; flex-flow: row wrap; gap: 2px 8px; align-items: baseline; }
.pino .pino-discover-line { margin: 2px 0; }
.pino .pino-discover-origin { color: var(--pino-muted); font-size: 12px; }
.pino .pino-discover-tags { display: flex; flex-flow: row wrap; gap: 4px; margin-top: 5px; font-size: 12px; }
.pino .pino-discover-tag { color: var(--pino-muted); background: var(--pino-soft); border-radius: 4px; padding: 0 6px; }
.pino .pino-discover-fit { font-size: 12px; margin-top: 4px; }
.pino .pino-discover-fit.pino-is-ok { color: var(--pino-ok); }
.pino .pino-discover-fit.pino-is-warn { color: var(--pino-warn); }
.pino .pino-discover-fit.pino-is-bad { color: var(--pino-bad); }
"""

TAGS = 4
TELLS_NOTHING = "pinokio-tagged"
OF_NEEDS = re.compile(r"\d+GB-VRAM|(nvidia|amd)-only", re.IGNORECASE)
LONGEST = {"name": 80, "description": 240, "author": 40, "tag": 30}
SIGNS = {"ok": "✓", "warn": "!", "bad": "✗"}
# What is done about an app that stands so: (what a press means, the button's label, its kind)
DEEDS: Dict[str, Tuple[Tuple[str, str, str], ...]] = {
    FREE: (("install", "Install", "main"),),
    FETCHED: (("install", "Install", "main"),),
    INSTALLING: (("output", "Show output", ""),),
    FAILED: (("retry", "Try again from where it failed", "main"), ("output", "Show output", "")),
    INSTALLED: (("library", "Open in My Library", ""),),
}
NEEDS_ENGINE = ("install", "retry")
BADGES = {
    FETCHED: ("Fetched, not installed", "warn"),
    INSTALLING: ("Installing …", "busy"),
    FAILED: ("Install failed", "bad"),
    INSTALLED: ("Installed", "ok"),
}
STATES = {"RUNNING": ("Running", "ok"), "STARTING": ("Starting …", "busy"), "UNINSTALLING": ("Uninstalling …", "busy")}

Press = Callable[[str, CatalogApp, Standing], None]


class Shared:
    """What many widgets have in common, so that each costs one message and not three. They are hidden by their parents."""

    def __init__(self) -> None:
        first, text = ipywidgets.Button(), ipywidgets.HTML()
        self.layout, self._button, self._text = first.layout, first.style, text.style
        self._made = (first, text)

    def button(self, label: str = "", clicked: Optional[Callable[[], None]] = None, kind: str = "") -> Any:
        made = ipywidgets.Button(description=label, layout=self.layout, style=self._button)
        if clicked is not None:
            made.on_click(lambda unused: clicked())
        return classes(made, "pino-" + kind) if kind else made

    def html(self, *names: str) -> Any:
        return classes(ipywidgets.HTML(layout=self.layout, style=self._text), *names)

    def close(self) -> None:
        for one in self._made:
            close_all(one)


class CatalogCard:
    """press(verb, app, standing): "install", "retry", "output" or "library"."""

    def __init__(self, shared: Shared, press: Press) -> None:
        self._press = press
        self._app: Optional[CatalogApp] = None
        self._standing = Standing()
        self._verbs = ["", ""]
        self._text = shared.html("pino-discover-text")
        self._buttons = [shared.button("", lambda: self._pressed(0)), shared.button("", lambda: self._pressed(1))]
        self.widget = ipywidgets.Box([self._text], layout=shared.layout)
        self._names = ("pino-card", "pino-discover-card")

    def show(self, app: CatalogApp, standing: Standing, fit: Optional[Fit], offer: Any, connected: bool) -> None:
        """offer: the widget that takes the buttons' place, or None."""
        self._app, self._standing = app, standing
        put(self._text, value=card_html(app, standing, fit, offer is None))
        deeds = DEEDS[standing.kind] if offer is None else ()
        for at, (verb, label, kind) in enumerate(deeds):
            self._verbs[at] = verb
            put(
                self._buttons[at],
                description=label,
                disabled=verb in NEEDS_ENGINE and not connected,
                _dom_classes=("pino-" + kind,) if kind else (),
            )
        below = (offer,) if offer is not None else tuple(self._buttons[: len(deeds)])
        if self.widget.children != (self._text, *below):
            self.widget.children = (self._text, *below)
        put(self.widget, _dom_classes=self._names + (("pino-discover-wide",) if offer is not None else ()))

    def close(self) -> None:
        """What is of others stays."""
        self.widget.children = ()
        for one in (self._text, *self._buttons, self.widget):
            one.close()

    def _pressed(self, at: int) -> None:
        verb = self._verbs[at]
        if self._app is None:
            return
        if verb in NEEDS_ENGINE:
            put(self._buttons[at], description="Looking …" if verb == "install" else "Beginning …", disabled=True)
        self._press(verb, self._app, self._standing)


def _short(text: str, what: str) -> str:
    most = LONGEST[what]
    return escape(text if len(text) <= most else text[: most - 1] + "…")


def _badge(standing: Standing) -> str:
    state = standing.app.state if standing.app is not None and standing.kind == INSTALLED else ""
    said = STATES.get(state) or BADGES.get(standing.kind)
    return badge(*said) if said is not None else ""


def _origin(app: CatalogApp) -> str:
    parts = [_short(app.category, "tag"), "by " + _short(app.author, "author") if app.author else ""]
    parts.append(link(app.repository, "source") if app.repository.startswith("http") else "")
    return " · ".join(part for part in parts if part)


def _tags(app: CatalogApp, fit: Optional[Fit]) -> str:
    """Those that say what nothing else on the card says."""
    said = (app.author.lower(), app.category.lower(), TELLS_NOTHING)
    shown = [tag for tag in app.tags if tag.lower() not in said and not (fit and OF_NEEDS.fullmatch(tag))]
    tags = "".join('<span class="pino-discover-tag">%s</span>' % _short(tag, "tag") for tag in shown[:TAGS])
    return '<div class="pino-discover-tags">%s</div>' % tags if tags else ""


def _fit(fit: Optional[Fit]) -> str:
    if fit is None:
        return ""
    sign = SIGNS.get(fit.kind, "")
    text = fit.wants + (": " + fit.here if fit.here else "") + (" " + sign if sign else "")
    return '<div class="pino-discover-fit pino-is-%s">%s</div>' % (fit.kind or "unknown", escape(text))


def card_html(app: CatalogApp, standing: Standing, fit: Optional[Fit], with_error: bool) -> str:
    run = standing.run
    error = run.error if with_error and standing.kind == FAILED and run is not None else ""
    note = '<div class="pino-note pino-is-bad">%s</div>' % escape(error) if error else ""
    return (
        '<div class="pino-discover-head"><span class="pino-title" dir="auto">%s</span>%s</div>'
        '<div class="pino-discover-line" dir="auto">%s</div><div class="pino-discover-origin" dir="auto">%s</div>%s%s%s'
    ) % (
        _short(app.name or app.id, "name"),
        _badge(standing),
        _short(app.description, "description"),
        _origin(app),
        _tags(app, fit),
        _fit(fit),
        note,
    )
