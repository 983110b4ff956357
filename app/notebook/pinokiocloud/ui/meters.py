"""What one app uses now, and of late: CPU, memory, GPU."""

import math
from typing import Any, Callable, List, Optional, Sequence, Tuple

from ..model import Machine, Usage
from ..store import Store
from ..usage import Sample
from .parts import escape, html, put, show, size

__all__ = ["CSS", "Meters", "meters_html"]

SPAN_S = 240.0  # what a plot shows
WIDE, HIGH = 120.0, 32.0

CSS = """
.pino .pino-meters { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(150px, 100%), 1fr)); gap: 6px 14px; }
.pino .pino-meters-one { min-width: 0; }
.pino .pino-meters-one svg { display: block; width: 100%; height: 32px; border-bottom: 1px solid var(--pino-line); }
.pino .pino-meters-one path { fill: var(--pino-accent-soft); stroke: none; }
.pino .pino-meters-one polyline { fill: none; stroke: var(--pino-accent); stroke-width: 1.5; }
.pino .pino-meters-name { font-weight: 600; }
.pino .pino-meters-scale { font-size: 11px; color: var(--pino-muted); }
"""

Value = Callable[[Sample], float]


def _nice(peak: float, least: float) -> float:
    """The end of a scale: 1, 2 or 5 times a power of ten, above the peak."""
    wanted = max(peak, least)
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= wanted * 0.9999)


def _plot(samples: Sequence[Sample], value: Value, top: float, name: str) -> str:
    """The newest at the right edge; what is older than the span is left out."""
    end = samples[-1].at if samples else 0.0
    points = []
    for sample in samples:
        across = WIDE * (1 - (end - sample.at) / SPAN_S)
        if across >= 0:
            points.append("%.1f,%.1f" % (across, HIGH - (HIGH - 2) * min(max(value(sample) / top, 0.0), 1.0)))
    line = " ".join(points)
    area = ""
    if len(points) > 1:
        area = '<path d="M%s,%g L%s L%g,%g Z"/>' % (points[0].split(",")[0], HIGH, " L".join(points), WIDE, HIGH)
    return (
        '<svg viewBox="0 0 %g %g" preserveAspectRatio="none" role="img" aria-label="%s">%s'
        '<polyline points="%s" vector-effect="non-scaling-stroke"/></svg>' % (WIDE, HIGH, escape(name), area, line)
    )


def _one(name: str, now: str, scale: str, samples: Sequence[Sample], value: Value, top: float) -> str:
    told = "%s: %s; the plot goes to %s" % (name, now, scale)
    return (
        '<div class="pino-meters-one"><div><span class="pino-meters-name">%s</span> %s</div>%s<div class="pino-meters-scale">0 to %s, the last 4 min</div></div>'
        % (escape(name), escape(now), _plot(samples, value, top, told), escape(scale))
    )


def _of(used: float, total: Optional[float]) -> str:
    return "%s of %s" % (size(used), size(total)) if total else size(used)


def _bytes(name: str, used: float, total: Optional[float], samples: Sequence[Sample], value: Value) -> str:
    top = _nice(max([value(sample) for sample in samples] + [used]), 1e6)
    return _one(name, _of(used, total), size(top), samples, value, top)


def _cpu(usage: Usage, machine: Optional[Machine], samples: Sequence[Sample]) -> str:
    top = 100.0 * math.ceil(max([sample.cpu_percent for sample in samples] + [usage.cpu_percent, 1.0]) / 100.0)
    cores = machine.cpus if machine is not None else 0
    now = "%.0f %%%s" % (usage.cpu_percent, " of %.0f %%" % (100 * cores) if cores else "")
    return _one("CPU", now, "%.0f %% (a core is 100 %%)" % top, samples, lambda sample: sample.cpu_percent, top)


def _gpu(usage: Usage, machine: Optional[Machine], samples: Sequence[Sample]) -> List[str]:
    cards = machine.gpu.cards if machine is not None and machine.gpu is not None else ()
    found = []
    if usage.gpu_percent is not None:
        now = "%d %%" % usage.gpu_percent
        found.append(_one("GPU", now, "100 %", samples, lambda sample: float(sample.gpu_percent or 0), 100.0))
    if cards or usage.gpu_memory:
        total = sum(card.memory_total or 0 for card in cards)
        found.append(_bytes("VRAM", usage.gpu_memory, total, samples, lambda sample: float(sample.gpu_memory)))
    return found


def meters_html(usage: Usage, samples: Sequence[Sample], machine: Optional[Machine]) -> str:
    """Each meter: what is used now, of how much, and the last four minutes with the end of their scale."""
    ram = machine.ram.total if machine is not None and machine.ram is not None else None
    meters = [
        _cpu(usage, machine, samples),
        _bytes("RAM", usage.rss, ram, samples, lambda sample: float(sample.rss)),
        *_gpu(usage, machine, samples),
    ]
    return '<div class="pino-meters">%s</div>' % "".join(meters)


class Meters:
    """Takes no room while the app does not run."""

    def __init__(self, store: Store, app: str) -> None:
        self._store, self._app = store, app
        self.widget = html()
        self._drawn: Tuple[Any, ...] = ()
        self.update(False)

    def update(self, running: bool) -> None:
        """running: the app is at work, so that figures are to be expected."""
        usage = self._store.usage.get(self._app)
        if usage is None or not (running or usage.rss or usage.gpu_memory):
            self._drawn = ()
            put(self.widget, value='<div class="pino-muted">measuring …</div>' if running else "")
            show(self.widget, running)
            return
        samples = self._store.history(self._app)
        drawn = (usage, samples[-1].at if samples else 0.0, self._store.machine)
        if drawn != self._drawn:
            self._drawn = drawn
            put(self.widget, value=meters_html(usage, samples, self._store.machine))
        show(self.widget, True)

    def close(self) -> None:
        for part in (self.widget.layout, self.widget.style, self.widget):
            part.close()
