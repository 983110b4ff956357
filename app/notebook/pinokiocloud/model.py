"""What the engine tells, as values that do not change.

Each is made by from_json() from an object of the API (docs/openapi.yaml). Members that are not known here are passed
over, those that are missing or of another kind than expected have their default: a newer engine must not break the
interface. Times are milliseconds since 1970 (0: never), sizes are bytes.
"""

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple, Type, TypeVar

from .fields import Model, always, anything, flag, integer, integers, made, many, mapping, maybe_text, number, text, texts
from .machine import Advice, Card, Disks, FileSystem, Gpu, Machine, Memory, Network, Place, Platform, Tool

__all__ = [
    "Advice",
    "App",
    "Begun",
    "Card",
    "CatalogApp",
    "CatalogNeeds",
    "CatalogPage",
    "Count",
    "Disks",
    "EnvEntry",
    "Environment",
    "EventPage",
    "FileSystem",
    "Gpu",
    "LogPage",
    "Machine",
    "Memory",
    "Network",
    "Place",
    "Platform",
    "Provider",
    "Question",
    "Run",
    "Setting",
    "Shell",
    "Status",
    "Tool",
    "Tunnel",
    "Usage",
]

R = TypeVar("R", bound="Run")


@dataclass(frozen=True)
class Status(Model):
    """The engine itself."""

    version: str = text()
    pid: int = integer()
    home: str = text()
    run_dir: str = text()
    started: int = integer()
    now: int = integer()
    apps: int = integer()
    runs: int = integer()  # those that live
    troubles: Tuple[str, ...] = texts()


@dataclass(frozen=True)
class Question(Model):
    """What a script asks of the person; request holds the method's parameters."""

    id: str = text()
    script: Optional[str] = maybe_text()
    request: Optional[Dict[str, Any]] = mapping()


@dataclass(frozen=True)
class Shell(Model):
    """One command of a run, or a shell that stays."""

    id: str = text()
    run: str = text()
    app: Optional[str] = maybe_text()
    script: Optional[str] = maybe_text()
    command: Optional[str] = maybe_text()
    log: Optional[str] = maybe_text()
    step: int = integer(-1)
    pid: int = integer()
    started_at: int = integer()
    ended_at: int = integer()
    running: bool = flag()
    lost: bool = flag()
    exit_code: int = integer(-1)


def _questions(value: Any, default: Any) -> Any:
    """A list of runs tells only how many there are."""
    return many(Question).metadata["take"](value, default) if isinstance(value, list) else ()


@dataclass(frozen=True)
class Run(Model):
    """A script that runs or ran. questions and shells are there only when one run was asked for."""

    id: str = text()
    app: Optional[str] = maybe_text()
    script: str = text()
    kind: str = text("other")
    operation: Optional[Dict[str, Any]] = mapping()
    state: str = text()
    step: int = integer(-1)
    total: int = integer()
    error: Optional[str] = maybe_text()
    url: Optional[str] = maybe_text()
    restarts: int = integer()
    started_at: int = integer()
    ready_at: int = integer()
    ended_at: int = integer()
    live: bool = flag()
    health: Optional[str] = maybe_text()
    method: Optional[str] = maybe_text()
    journal: Optional[str] = maybe_text()
    questions: Tuple[Question, ...] = made(_questions, ())
    question_count: int = integer()
    shells: Tuple[Shell, ...] = many(Shell)

    @classmethod
    def from_json(cls: Type[R], data: Mapping[str, Any]) -> R:
        if isinstance(data, Mapping):
            asked = data.get("questions")
            data = dict(data, question_count=len(asked) if isinstance(asked, list) else asked)
        return super().from_json(data)


@dataclass(frozen=True)
class App(Model):
    """An app below PINOKIO_HOME/api. runs is there only when one app was asked for."""

    id: str = text()
    name: Optional[str] = maybe_text()
    state: str = text()
    installed: bool = flag()
    run: Optional[str] = maybe_text()
    url: Optional[str] = maybe_text()
    public_url: Optional[str] = maybe_text()
    platform: Optional[Dict[str, Any]] = mapping()
    description: Optional[str] = maybe_text()
    icon: Optional[str] = maybe_text()
    path: Optional[str] = maybe_text()
    repository_url: Optional[str] = maybe_text()
    version: Optional[str] = maybe_text()
    installed_at: int = integer()
    updated_at: int = integer()
    runs: Tuple[Run, ...] = many(Run)

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.name or self.id


@dataclass(frozen=True)
class Tunnel(Model):
    """A public address of something on this machine."""

    id: str = text()
    app: Optional[str] = maybe_text()
    run: Optional[str] = maybe_text()
    title: Optional[str] = maybe_text()
    local_url: Optional[str] = maybe_text()
    local_port: int = integer()
    public_url: Optional[str] = maybe_text()
    open_url: Optional[str] = maybe_text()
    provider: Optional[str] = maybe_text()
    status: str = text()
    passcode: bool = flag()
    token: Optional[str] = maybe_text()
    trouble: Optional[str] = maybe_text()
    retry_at: int = integer()
    created_at: int = integer()
    opened_at: int = integer()
    reopened: int = integer()
    log: Optional[str] = maybe_text()


@dataclass(frozen=True)
class Provider(Model):
    """Who can give public addresses. barred_until: 0 it may be tried, -1 not before something is set."""

    id: str = text()
    name: str = text()
    order: int = integer()
    available: bool = flag()
    why_not: Optional[str] = maybe_text()
    program: Optional[str] = maybe_text()
    barred_until: int = integer()
    rule: Optional[str] = maybe_text()


@dataclass(frozen=True)
class CatalogNeeds(Model):
    """What is said of the machine that an app needs. gpu: "nvidia", "amd", "any", "none", "" not known; vram_gb: 0 not known."""

    gpu: str = text()
    vram_gb: float = number()


@dataclass(frozen=True)
class CatalogApp(Model):
    """An app that can be installed; installed names the one that was made from it."""

    id: str = text()
    name: str = text()
    repository: str = text()
    category: str = text()
    tags: Tuple[str, ...] = texts()
    author: str = text()
    stars: int = integer()
    installer: str = text()
    description: str = text()
    needs: CatalogNeeds = always(CatalogNeeds)
    own: bool = flag()
    installed: Optional[str] = maybe_text()


@dataclass(frozen=True)
class CatalogPage(Model):
    """Some of what was found; total counts all of it, trouble is what is wrong with the person's own catalog."""

    total: int = integer()
    apps: Tuple[CatalogApp, ...] = many(CatalogApp)
    trouble: Optional[str] = maybe_text()


@dataclass(frozen=True)
class Count(Model):
    """A category or tag, and how many apps have it."""

    name: str = text()
    count: int = integer()


@dataclass(frozen=True)
class Setting(Model):
    """A setting of the engine. The value of a secret is what the engine shows of it."""

    key: str = text()
    description: str = text()
    type: str = text("text")
    value: Any = anything()
    default: Any = anything()
    min: Optional[float] = number(None)
    max: Optional[float] = number(None)
    values: Tuple[str, ...] = texts()
    set: bool = flag()


@dataclass(frozen=True)
class EnvEntry(Model):
    """A setting of an app's ENVIRONMENT. value None: not there, or a secret, whose set tells whether it has one."""

    key: str = text()
    value: Optional[str] = maybe_text()
    default: Optional[str] = maybe_text()
    description: str = text()
    set: bool = flag()
    secret: bool = flag()
    required: bool = flag()
    known: bool = flag()


@dataclass(frozen=True)
class Environment(Model):
    """An app's ENVIRONMENT, and where it stands."""

    path: str = text()
    entries: Tuple[EnvEntry, ...] = many(EnvEntry)


@dataclass(frozen=True)
class Usage(Model):
    """What one live run uses; gpu_percent is None where no GPU tells."""

    run: str = text()
    app: Optional[str] = maybe_text()
    script: str = text()
    state: str = text()
    health: str = text("unknown")
    pids: Tuple[int, ...] = integers()
    cpu_percent: float = number()
    rss: int = integer()
    private: int = integer()
    gpu_memory: int = integer()
    gpu_percent: Optional[int] = integer(None)
    threads: int = integer()
    started_at: int = integer()
    restarts: int = integer()


@dataclass(frozen=True)
class Begun(Model):
    """What was asked for has begun, or was going on already. id is the run's, or the tunnel's; app is "" of a script."""

    id: str = text()
    app: str = text()
    already: bool = flag()


@dataclass(frozen=True)
class EventPage:
    """Events of a run, where to go on, and whether more may come."""

    events: Tuple[Dict[str, Any], ...]
    offset: int
    live: bool


@dataclass(frozen=True)
class LogPage:
    """Bytes that a shell printed, and where to go on; none at the end of the log."""

    data: bytes
    offset: int
