"""How it stands with apps of the catalog, as the store tells, whoever began what goes on."""

from dataclasses import dataclass
from typing import Any, Dict, Optional

from ..model import App, CatalogApp, Run
from ..store import Store
from .search import same_repository

__all__ = ["FAILED", "FETCHED", "FREE", "INSTALLED", "INSTALLING", "Standing", "Standings"]

FREE, FETCHED, INSTALLING, FAILED, INSTALLED = "free", "fetched", "installing", "failed", "installed"
ENDED_BADLY = ("error", "stopped", "interrupted")


@dataclass(frozen=True)
class Standing:
    """run: the install that is under way or has failed."""

    kind: str = FREE
    app: Optional[App] = None
    run: Optional[Run] = None


class Standings:
    """Of one moment."""

    def __init__(self, store: Store) -> None:
        self._apps = store.apps
        self._origins: Dict[str, App] = {}
        for app in store.apps.values():
            if app.repository_url:
                self._origins.setdefault(same_repository(app.repository_url), app)
        self._last: Dict[str, Run] = {}
        self._live: Dict[str, Run] = {}
        for run in store.runs.values():  # the newest first
            if run.kind != "install":
                continue
            if run.app:
                self._last.setdefault(run.app, run)
            if run.live:
                self._live.setdefault(_origin(run), run)

    def of(self, app: CatalogApp) -> Standing:
        return self._of(app.repository, self._apps.get(app.installed or ""))

    def of_address(self, url: str) -> Standing:
        return self._of(url, None)

    def _of(self, url: str, app: Optional[App]) -> Standing:
        origin = same_repository(url)
        app = app or self._origins.get(origin)
        run = self._last.get(app.id) if app is not None else self._live.get(origin)
        if run is not None and run.live:
            return Standing(INSTALLING, app, run)
        if app is None:
            return Standing()
        if app.installed:
            return Standing(INSTALLED, app)
        failed = run is not None and run.state in ENDED_BADLY
        return Standing(FAILED, app, run) if failed else Standing(FETCHED, app)


def _origin(run: Run) -> str:
    url: Any = (run.operation or {}).get("url")
    return same_repository(url) if isinstance(url, str) else ""
