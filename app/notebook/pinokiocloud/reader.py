"""What the store reads of the engine, on a worker: all of it anew, or what was said to have changed."""

import dataclasses
from dataclasses import dataclass, field
from typing import Dict, FrozenSet, Iterable, Optional, Tuple

from .client import Client
from .engine import PinokioEngine
from .errors import ProblemError
from .model import App, CatalogApp, Count, Provider, Run, Setting, Tunnel

__all__ = ["CATALOG", "SETTINGS", "TUNNELS", "Catalog", "Found", "read_all", "read_catalog", "read_some"]

RUNS = 100  # of those that ended
SHELLS = 200  # of a run; a script that loops has many thousands
SETTINGS, TUNNELS, CATALOG = "settings", "tunnels", "catalog"


@dataclass(frozen=True)
class Catalog:
    """All apps that can be installed; trouble is what is wrong with the person's own catalog."""

    apps: Tuple[CatalogApp, ...] = ()
    categories: Tuple[Count, ...] = ()
    tags: Tuple[Count, ...] = ()
    trouble: str = ""


@dataclass(frozen=True)
class Found:
    """What was read; None: it was not asked for. A run that is None is not known any more."""

    runs: Dict[str, Optional[Run]] = field(default_factory=dict)
    apps: Tuple[App, ...] = ()
    tunnels: Optional[Tuple[Tunnel, ...]] = None
    settings: Optional[Tuple[Setting, ...]] = None
    providers: Optional[Tuple[Provider, ...]] = None


def _known(client: Client, run: str) -> Optional[Run]:
    try:
        found = client.run(run)
    except ProblemError as error:
        if error.status == 404:
            return None
        raise
    if len(found.shells) <= SHELLS:
        return found
    running = tuple(shell for shell in found.shells[:-SHELLS] if shell.running)
    return dataclasses.replace(found, shells=running + found.shells[-SHELLS:])


def _read(client: Client, runs: Dict[str, Optional[Run]], parts: Iterable[str]) -> Found:
    """Apps always, and after the runs: what is said of an app is never older than what is said of its runs."""
    parts = set(parts)
    apps = client.apps()
    return Found(
        runs,
        apps,
        client.tunnels() if TUNNELS in parts else None,
        client.settings() if SETTINGS in parts else None,
        client.providers() if parts & {SETTINGS, TUNNELS} else None,
    )


def read_all(engine: PinokioEngine, client: Client) -> Found:
    """All but the catalog and the machine; of the runs those that live and the last ones that ended."""
    engine.checked(client.status())
    runs: Dict[str, Optional[Run]] = {run.id: run for run in client.runs(limit=RUNS)}
    live = {usage.run for usage in client.processes()} | {run.id for run in runs.values() if run and run.live}
    for run in live:
        runs[run] = _known(client, run)
    return _read(client, runs, (TUNNELS, SETTINGS))


def read_some(client: Client, runs: FrozenSet[str], parts: FrozenSet[str]) -> Found:
    return _read(client, {run: _known(client, run) for run in runs}, parts)


def read_catalog(client: Client) -> Catalog:
    page = client.catalog()
    return Catalog(page.apps, *client.categories(), page.trouble or "")
