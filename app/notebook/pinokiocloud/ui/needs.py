"""What an app needs against what this machine has, in words. Nothing that is not known is said."""

from dataclasses import dataclass
from typing import Optional, Tuple

from ..machine import Card, Machine
from ..model import CatalogNeeds

__all__ = ["Fit", "Here", "fit", "here"]

GIB = 1 << 30
SLACK = 0.9  # a card of "8 GB" has a little less than 8 GiB to use: the engine's plan allows for it too
LITTLE = 5 * 10**9  # bytes of disk with which few apps get far
NAMES = {"nvidia": "NVIDIA", "amd": "AMD"}
WANTED = {"nvidia": "an NVIDIA GPU", "amd": "an AMD GPU", "any": "a GPU"}


@dataclass(frozen=True)
class Here:
    """This machine. vendor: "none" without a GPU, "" not known; memory: bytes of its largest card, 0 not known."""

    vendor: str = ""
    name: str = ""
    memory: int = 0
    trouble: str = ""
    free: int = -1

    @property
    def gpu(self) -> str:
        """"Tesla T4, 15 GB"."""
        return ", ".join(part for part in (self.name, _gb(self.memory / GIB) if self.memory else "") if part)


@dataclass(frozen=True)
class Fit:
    """kind: "ok", "warn", "bad", or "" where nothing can be said of this machine; here is "" then, too."""

    kind: str
    wants: str
    here: str


def _gb(count: float) -> str:
    return "%.0f GB" % count if count >= 9.95 or abs(count - round(count)) < 0.05 else "%.1f GB" % count


def _largest(machine: Machine) -> Optional[Card]:
    cards = machine.gpu.cards if machine.gpu is not None else ()
    return max(cards, key=lambda card: card.memory_total or 0, default=None)


def here(machine: Optional[Machine]) -> Here:
    """Of what the store holds: None is not known yet."""
    if machine is None:
        return Here()
    home = machine.disks.home if machine.disks is not None else None
    free = home.free if home is not None and home.error is None else -1
    card = _largest(machine)
    trouble = (machine.gpu.trouble or "") if machine.gpu is not None else ""
    if card is None:
        return Here("none" if machine.gpu is not None else "", "", 0, trouble, free)
    vendor = card.vendor or (machine.gpu.vendor if machine.gpu is not None else "")
    name = card.name or "a GPU of %s" % NAMES.get(vendor, vendor)
    return Here(vendor, name, card.memory_total or 0, trouble, free)


def fit(needs: CatalogNeeds, place: Here) -> Optional[Fit]:
    """None where the catalog says nothing."""
    gpu, vram = needs.gpu, needs.vram_gb
    if gpu == "none" and not vram:
        return Fit("ok", "Needs no GPU", "")
    wanted = WANTED.get(gpu) or ("a GPU" if vram else "")
    if not wanted:
        return None
    wants = "%s %s%s" % ("Best with" if gpu == "any" else "Needs", wanted, " with %s" % _gb(vram) if vram else "")
    kind, has = _judge(gpu, vram, place)
    return Fit(kind, wants, has)


def _judge(gpu: str, vram: float, place: Here) -> Tuple[str, str]:
    must = gpu != "any"
    if not place.vendor:
        return "", ""
    if place.vendor == "none":
        has = "the GPU of this machine does not answer" if place.trouble else "this machine has no GPU"
        return ("bad" if must else "warn"), has
    has = "this machine has %s" % place.gpu
    if gpu in NAMES and place.vendor != gpu:
        return "bad", has
    if vram and not place.memory:
        return "", has + ", its memory is not known"
    if vram and place.memory < vram * GIB * SLACK:
        return "warn", has
    return "ok", has
