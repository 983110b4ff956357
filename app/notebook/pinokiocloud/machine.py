"""The machine, as `pinokiocloud doctor` sees it. See model.py for what holds of all these values."""

from dataclasses import dataclass
from typing import Optional, Tuple

from .fields import Model, flag, integer, many, maybe_text, number, one, text, texts


@dataclass(frozen=True)
class Platform(Model):
    """On whose machine this is; markers say how that was seen."""

    id: str = text()
    name: str = text()
    forced: bool = flag()
    rented: bool = flag()
    markers: Tuple[str, ...] = texts()


@dataclass(frozen=True)
class Place(Model):
    """Where the home is, and what of it outlives the machine."""

    home: str = text()
    base: str = text()
    why: str = text()
    ephemeral: bool = flag()
    survives: str = text()
    lost: str = text()
    persistent: Optional[str] = maybe_text()
    persistent_why: Optional[str] = maybe_text()


@dataclass(frozen=True)
class Card(Model):
    """A GPU, or a part of one (mig). What is not known is None."""

    index: int = integer()
    vendor: str = text()
    name: Optional[str] = maybe_text()
    uuid: Optional[str] = maybe_text()
    driver: Optional[str] = maybe_text()
    capability: Optional[str] = maybe_text()
    target: Optional[str] = maybe_text()
    mig: bool = flag()
    memory_total: Optional[int] = integer(None)
    memory_used: Optional[int] = integer(None)
    utilisation: Optional[int] = integer(None)
    temperature: Optional[int] = integer(None)


@dataclass(frozen=True)
class Gpu(Model):
    """All cards, or why there are none."""

    vendor: str = text("none")
    trouble: Optional[str] = maybe_text()
    cards: Tuple[Card, ...] = many(Card)


@dataclass(frozen=True)
class Memory(Model):
    """Main memory; limited: total is a container's limit."""

    total: int = integer()
    available: int = integer()
    limited: bool = flag()


@dataclass(frozen=True)
class FileSystem(Model):
    """A disk; error says why it could not be asked, and then nothing else is known."""

    path: str = text()
    error: Optional[str] = maybe_text()
    mount: Optional[str] = maybe_text()
    type: Optional[str] = maybe_text()
    source: Optional[str] = maybe_text()
    kind: str = text()
    total: int = integer()
    free: int = integer()
    files_free: Optional[int] = integer(None)
    quota: bool = flag()
    read_only: bool = flag()
    no_exec: bool = flag()
    writable: Optional[bool] = flag(None)
    hard_links: Optional[bool] = flag(None)
    symlinks: Optional[bool] = flag(None)
    reflinks: Optional[bool] = flag(None)
    case_insensitive: Optional[bool] = flag(None)


@dataclass(frozen=True)
class Disks(Model):
    """Those of the home, of temporary files, and the one that outlives the machine where there is one."""

    home: Optional[FileSystem] = one(FileSystem)
    temporary: Optional[FileSystem] = one(FileSystem)
    persistent: Optional[FileSystem] = one(FileSystem)


@dataclass(frozen=True)
class Network(Model):
    """Whether the world is reached; online is None when nobody tried."""

    tried: bool = flag()
    online: Optional[bool] = flag(None)
    names: bool = flag()
    can_bind: bool = flag()
    ipv6: bool = flag()
    proxies: Tuple[str, ...] = texts()


@dataclass(frozen=True)
class Tool(Model):
    """A program that apps need; path is None where it is missing."""

    name: str = text()
    why: str = text()
    required: bool = flag()
    path: Optional[str] = maybe_text()
    version: Optional[str] = maybe_text()
    trouble: Optional[str] = maybe_text()


@dataclass(frozen=True)
class Advice(Model):
    """What a person should do or know; weight is must, warning or note."""

    id: str = text()
    weight: str = text("note")
    text: str = text()


@dataclass(frozen=True)
class Machine(Model):
    """All of it. cpus is what a container's quota allows, in cores."""

    engine: str = text()
    system: str = text()
    kernel: str = text()
    arch: str = text()
    complete: bool = flag()
    platform: Optional[Platform] = one(Platform)
    place: Optional[Place] = one(Place)
    gpu: Optional[Gpu] = one(Gpu)
    cpus: float = number()
    ram: Optional[Memory] = one(Memory)
    disks: Optional[Disks] = one(Disks)
    network: Optional[Network] = one(Network)
    tools: Tuple[Tool, ...] = many(Tool)
    advice: Tuple[Advice, ...] = many(Advice)
