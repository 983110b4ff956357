"""One line about the machine: what it is, what is left of it, and whether the engine is there."""

import time
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..bridge import Bridge, Timer
from ..jobs import On
from ..machine import FileSystem, Machine
from ..store import Store
from .fold import Fold, asking
from .parts import Act, Message, badge, close_all, column, escape, html, put, row, said, show, size

__all__ = ["CSS", "StatusLine"]

EVERY_S = 5.0
SCARCE = 5e9  # bytes of disk that are left
CARDS = 4  # that are named one by one
WEIGHTS = {"must": ("Must be mended", "bad"), "warning": ("Warning", "warn")}

CSS = """
@media (max-width: 700px) { .pino .pino-status-line .pino-grow { flex-basis: 20em; } }
.pino .pino-status { display: flex; flex-flow: row wrap; gap: 2px 14px; align-items: baseline; }
.pino .pino-status-item { white-space: normal; }
.pino .pino-status-item b { font-weight: 600; }
.pino .pino-status-item.pino-is-warn { color: var(--pino-warn); font-weight: 600; }
.pino .pino-status-item.pino-is-bad { color: var(--pino-bad); font-weight: 600; }
.pino .pino-status-advice { margin: 0; padding-left: 0; list-style: none; }
.pino .pino-status-advice li { margin: 3px 0; }
"""

Item = Tuple[str, str, str]  # what, its value, kind: "", "warn", "bad"


class StatusLine:
    """What changes is asked for every five seconds while the engine is there, never twice at once."""

    def __init__(self, store: Store, bridge: Bridge) -> None:
        self._store, self._bridge = store, bridge
        self._resources: Optional[Mapping[str, Any]] = None
        self._trouble = ""
        self._asking = self._closed = False
        self._timer: Optional[Timer] = None
        self._line = html("", "pino-grow")
        self.message = Message()
        self._start = Act(
            "Start the engine", self._revive, self.message, busy="Starting …", kind="main", done=self._started
        )
        self._advice = Fold("Advice", self._make_advice, hide="Hide advice")
        self._list, self._told = html(), ""
        self._look = Act(
            "Look again", asking(bridge, store.client.machine), self.message, busy="Looking …", done=self._seen
        )
        self._looked = time.localtime()
        self.widget = column(
            row(self._line, self._start.widget, self._advice.button),
            self._advice.widget,
            self.message.widget,
            names=("pino-status-line",),
        )
        self._observations = [store.observe("machine", self._machine), store.observe("connection", self._connection)]
        self._connection()
        self._turn()

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for observation in self._observations:
            observation.close()
        self._advice.close()
        for widget in (self._list, self._look.widget, self.widget):
            close_all(widget)

    # What is asked

    def _turn(self) -> None:
        if self._closed:
            return
        self._timer = self._bridge.later(EVERY_S, self._turn)
        self._ask()

    def _ask(self) -> None:
        if self._asking or not self._store.connected:
            return
        self._asking = True
        self._bridge.work(self._store.client.resources, done=self._answered, failed=self._failed)

    def _answered(self, found: Dict[str, Any]) -> None:
        self._asking = False
        self._resources, self._trouble = found, ""
        self._draw()

    def _failed(self, error: Exception) -> None:
        """An engine that went is told of by the store; what was measured before is not shown as if it were of now."""
        self._asking = False
        self._resources, self._trouble = None, said(error)
        self._draw()

    def _connection(self) -> None:
        if self._store.connected:
            self._ask()
        else:
            self._resources = None
        show(self._start.widget, not self._store.connected)
        self._draw()

    def _revive(self, on: On) -> None:
        self._store.revive(on=on)

    def _started(self, unused: Any) -> None:
        self.message.clear()

    # What is shown

    def _draw(self) -> None:
        if self._closed:
            return
        items = _items(self._store.machine, self._resources) + [self._engine()]
        put(self._line, value='<div class="pino-status">%s</div>' % "".join(map(_item, items)))

    def _engine(self) -> Item:
        if not self._store.connected:
            return "Engine", "not connected: %s" % self._store.why_not, "bad"
        why = self._store.why_not or self._trouble
        if why:
            return "Engine", "connected, but: %s" % why, "warn"
        return "Engine", "connected", ""

    def _machine(self) -> None:
        machine, self._looked = self._store.machine, time.localtime()
        advice = [one for one in machine.advice if one.weight in WEIGHTS] if machine is not None else []
        self._advice.name("Advice (%d)" % len(advice) if advice else "Advice", "Hide advice")
        show(self._advice.button, machine is not None)
        lines = ["<li>%s %s</li>" % (badge(*WEIGHTS[one.weight]), escape(one.text)) for one in advice]
        told = '<ul class="pino-status-advice">%s</ul>' % "".join(lines) if lines else "Nothing has to be mended."
        self._told = told
        self._draw_advice()
        self._draw()

    def _draw_advice(self) -> None:
        at = '<div class="pino-muted">Seen at %s.</div>' % time.strftime("%H:%M:%S", self._looked)
        put(self._list, value=self._told + at)

    def _make_advice(self) -> Any:
        return column(self._list, row(self._look.widget))

    def _seen(self, unused: Machine) -> None:
        """The engine gives what it has just seen to the store as well."""
        self._looked = time.localtime()
        self._draw_advice()
        self._store.look()


# In words


def _item(item: Item) -> str:
    what, value, kind = item
    mark = " pino-is-" + kind if kind else ""
    return '<span class="pino-status-item%s"><span class="pino-muted">%s</span> %s</span>' % (mark, what, escape(value))


def _items(machine: Optional[Machine], resources: Optional[Mapping[str, Any]]) -> List[Item]:
    now = resources or {}
    platform = machine.platform.name if machine is not None and machine.platform is not None else ""
    found: List[Item] = [("On", platform or "a machine that is not known yet", "")]
    found += _gpus(machine, now)
    measured = now.get("machine") or {}
    found.append(_disk(machine, measured))
    found.append(_memory(machine, measured))
    found.append(_network(machine))
    return found


def _gpus(machine: Optional[Machine], now: Mapping[str, Any]) -> List[Item]:
    cards = [card for card in now.get("gpus") or () if isinstance(card, dict)]
    known = machine.gpu if machine is not None else None
    if not cards and known is not None:
        cards = [vars(card) for card in known.cards]
    trouble = now.get("gpu_trouble") or (known.trouble if known is not None else None)
    if not cards:
        if trouble:
            return [("GPU", "none can be used: %s" % trouble, "warn")]
        return [("GPU", "none" if known is not None or "gpus" in now else "not known yet", "")]
    found = [("GPU", _card(card), "") for card in cards] if len(cards) <= CARDS else [("GPUs", _cards(cards), "")]
    return found + ([("GPU", str(trouble), "warn")] if trouble else [])


def _free(total: Any, used: Any) -> str:
    if not isinstance(total, int):
        return "its memory is not known"
    if not isinstance(used, int):
        return "%s, how much is free is not known" % size(total)
    return "%s of %s free" % (size(max(total - used, 0)), size(total))


def _card(card: Mapping[str, Any]) -> str:
    busy = card.get("utilisation")
    words = "%s: %s" % (
        card.get("name") or card.get("vendor") or "without a name",
        _free(card.get("memory_total"), card.get("memory_used")),
    )
    return "%s, %d %% busy" % (words, busy) if isinstance(busy, int) else words


def _cards(cards: List[Any]) -> str:
    names = sorted({str(card.get("name") or card.get("vendor")) for card in cards})
    total, used = ([card.get(name) for card in cards] for name in ("memory_total", "memory_used"))
    whole = _free(_sum(total), _sum(used))
    busy = [card["utilisation"] for card in cards if isinstance(card.get("utilisation"), int)]
    return "%d × %s: %s%s" % (
        len(cards),
        ", ".join(names),
        whole,
        ", the busiest %d %% busy" % max(busy) if busy else "",
    )


def _sum(values: List[Any]) -> Optional[int]:
    return sum(values) if all(isinstance(value, int) for value in values) else None


def _disk(machine: Optional[Machine], measured: Mapping[str, Any]) -> Item:
    home: Optional[FileSystem] = machine.disks.home if machine is not None and machine.disks is not None else None
    disks = [disk for disk in measured.get("disks") or () if isinstance(disk, dict)]
    disk = disks[0] if disks else vars(home) if home is not None and not home.error else {}
    free, total = disk.get("free"), disk.get("total")
    if home is not None and home.read_only:
        return "Disk", "can only be read", "bad"
    if not isinstance(free, int) or not isinstance(total, int) or total <= 0:
        why = ": %s" % home.error if home is not None and home.error else " yet"
        return "Disk", "not known" + why, ""
    scarce = free < SCARCE
    return (
        "Disk",
        "%s of %s free%s" % (size(free), size(total), ", that is little" if scarce else ""),
        "warn" if scarce else "",
    )


def _memory(machine: Optional[Machine], measured: Mapping[str, Any]) -> Item:
    memory = measured.get("memory")
    if not isinstance(memory, dict):
        memory = vars(machine.ram) if machine is not None and machine.ram is not None else {}
    total, available = memory.get("total"), memory.get("available")
    if not isinstance(total, int) or not isinstance(available, int) or total <= 0:
        return "RAM", "not known yet", ""
    return "RAM", "%s of %s free" % (size(available), size(total)), ""


def _network(machine: Optional[Machine]) -> Item:
    network = machine.network if machine is not None else None
    if network is None:
        return "Network", "not known yet", ""
    names = list(dict.fromkeys(proxy.split("=", 1)[0] for proxy in network.proxies))  # the rest may hold a password
    proxies = ", through a proxy (%s)" % ", ".join(names) if names else ""
    if network.online is None:
        return "Network", "was not tried" + proxies, ""
    if not network.online:
        return "Network", "offline" + proxies, "bad"
    if not network.names and not names:
        return "Network", "online, but names of hosts cannot be looked up (DNS)", "warn"
    return "Network", "online" + proxies, ""
