"""What an install would do, as the engine's plan tells (app/core/lifecycle/plan.h): for a person, before it is done."""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .needs import GIB, WANTED
from .parts import close_all, escape, html, link, put, show, size

__all__ = ["CSS", "PlanView", "verdict_of"]

CSS = """
.pino .pino-plan-table { border-collapse: collapse; margin: 8px 0 4px; width: 100%; }
.pino .pino-plan-table th { text-align: left; vertical-align: top; font-weight: 400; color: var(--pino-muted);
  padding: 2px 12px 2px 0; white-space: nowrap; width: 1%; }
.pino .pino-plan-table td { vertical-align: top; padding: 2px 0; overflow-wrap: anywhere; }
.pino .pino-plan-reasons { margin: 2px 0 0; padding-left: 18px; }
.pino .pino-plan-steps { margin: 6px 0 0; padding: 0; list-style: none; }
.pino .pino-plan-steps li { display: flex; gap: 10px; padding: 3px 0; border-top: 1px solid var(--pino-line); }
.pino .pino-plan-label { flex: 0 0 auto; min-width: 2.2em; color: var(--pino-muted); text-align: right; }
.pino .pino-plan-what { flex: 1 1 auto; min-width: 0; overflow-wrap: anywhere; }
.pino .pino-plan-size { flex: 0 0 auto; white-space: nowrap; }
.pino .pino-plan-items { color: var(--pino-muted); font-size: 12px; }
.pino .pino-plan-steps-fold summary { cursor: pointer; color: var(--pino-accent); }
"""

STEPS = 200  # that are shown
ITEMS = 12  # of a step
QUIET = ("flow", "say", "open", "wait", "file", "check")  # kinds of steps that a person need not read about
SAYS = {
    "catalog": "the catalog says",
    "title": "its title says",
    "description": "its description says",
    "scripts": "its scripts show",
}
VERDICTS = {
    "ok": ("ok", "✓", "It should work here."),
    "warn": ("warn", "!", "It can be installed, with this in mind:"),
    "no": ("bad", "✗", "It cannot work here:"),
}

Object = Mapping[str, Any]


# The plan comes from scripts of others: whatever is of another kind than expected counts as missing


def _object(of: Object, name: str) -> Object:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _objects(of: Object, name: str) -> List[Object]:
    found = of.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _words(of: Object, name: str) -> List[str]:
    found = of.get(name)
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def _text(of: Object, name: str) -> str:
    found = of.get(name)
    return found if isinstance(found, str) else ""


def _number(of: Object, name: str) -> float:
    found = of.get(name)
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else 0


def _plural(count: int, one: str, more: str = "") -> str:
    return "%d %s" % (count, one if count == 1 else more or one + "s")


def verdict_of(told: Any) -> str:
    """Of what store.plan() gives: "ok", "warn" or "no"; "warn" where nothing is said."""
    found = _text(_object(told if isinstance(told, dict) else {}, "plan"), "verdict")
    return found if found in VERDICTS else "warn"


# Parts


def _verdict(plan: Object) -> str:
    kind, sign, words = VERDICTS[verdict_of({"plan": plan})]
    lines = "".join("<li>%s</li>" % escape(_text(reason, "text")) for reason in _objects(plan, "reasons"))
    shown = '<ul class="pino-plan-reasons">%s</ul>' % lines if lines else ""
    return '<div class="pino-note pino-is-%s" role="status"><b>%s %s</b>%s</div>' % (kind, sign, words, shown)


def _downloads(plan: Object) -> str:
    downloads = _object(plan, "downloads")
    known, estimated = _number(downloads, "bytes"), _number(downloads, "estimated")
    unknown, programs = int(_number(downloads, "unknown")), int(_number(downloads, "programs"))
    parts = [size(known)] if known > 0 else []
    if estimated > 0:
        parts.append("about %s of large packages" % size(estimated))
    if unknown > 0:
        parts.append("%s of unknown size" % _plural(unknown, "thing"))
    if programs > 0:
        theirs = "its" if programs == 1 else "their"
        parts.append("what %s on %s own" % (_plural(programs, "program fetches", "programs fetch"), theirs))
    return ", and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts) or "nothing"


def _disk(plan: Object) -> str:
    needed, free = _number(_object(plan, "needs"), "disk_bytes"), _object(plan, "machine").get("disk_free")
    parts = ["at least %s" % size(needed)] if needed > 0 else []
    if isinstance(free, (int, float)) and free >= 0:
        parts.append("%s are free" % size(free))
    return ", ".join(parts)


def _source(needs: Object, name: str) -> str:
    says = SAYS.get(_text(_object(needs, "sources"), name))
    return " (%s)" % says if says else ""


def _needs(plan: Object) -> str:
    needs = _object(plan, "needs")
    gpu, vram, ram = _text(needs, "gpu"), _number(needs, "vram_gb"), _number(needs, "ram_gb")
    parts = []
    if gpu in WANTED:
        parts.append("%s%s%s" % ("best with " if gpu == "any" else "", WANTED[gpu], _source(needs, "gpu")))
    if vram > 0:
        parts.append("%g GB of GPU memory%s" % (vram, _source(needs, "vram_gb")))
    if ram > 0:
        parts.append("%g GB of RAM%s" % (ram, _source(needs, "ram_gb")))
    if _words(needs, "platform"):
        parts.append("%s%s" % (" or ".join(_words(needs, "platform")), _source(needs, "platform")))
    parts += _words(needs, "tools")
    return ", ".join(parts) or "nothing special"


def _system(plan: Object) -> str:
    needs = _object(plan, "needs")
    packages = _words(needs, "apt")
    parts = ["root or sudo"] if needs.get("sudo") is True else []
    if packages:
        parts.append("installs the system packages %s" % ", ".join(packages))
    return ", ".join(parts)


def _machine(plan: Object) -> str:
    machine = _object(plan, "machine")
    gpu, vram, ram = _text(machine, "gpu"), _number(machine, "vram_mb") / 1024, _number(machine, "ram_bytes") / GIB
    named = {"none": "no GPU", "nvidia": "an NVIDIA GPU", "amd": "an AMD GPU"}.get(gpu, gpu and "a GPU (%s)" % gpu)
    parts = [named + (" with %.0f GB" % vram if vram > 0 else "")] if named else []
    if ram > 0:
        parts.append("%.0f GB of RAM" % ram)
    return ", ".join(parts)


def _launcher(plan: Object) -> str:
    clone = _object(plan, "clone")
    return "%s in %s" % (size(_number(clone, "bytes")), _plural(int(_number(clone, "files")), "file"))


def _table(plan: Object) -> str:
    repository = _text(plan, "repository")
    rows: Sequence[Tuple[str, str]] = (
        ("From", link(repository) if repository else ""),
        ("Launcher", escape(_launcher(plan))),
        ("Downloads", escape(_downloads(plan))),
        ("Disk", escape(_disk(plan))),
        ("Needs", escape(_needs(plan))),
        ("System", escape(_system(plan))),
        ("This machine", escape(_machine(plan))),
    )
    shown = "".join('<tr><th scope="row">%s</th><td dir="auto">%s</td></tr>' % row for row in rows if row[1])
    return '<table class="pino-plan-table">%s</table>' % shown


# Steps


def _item(item: Object) -> str:
    bytes_, what = item.get("bytes"), escape(_text(item, "what"))
    if item.get("again") is True:
        return what + " (fetched already)"
    if not isinstance(bytes_, (int, float)):
        return what + " (size unknown)"
    return "%s (%s%s)" % (what, "about " if item.get("estimate") is True else "", size(bytes_))


def _size_of(step: Object) -> str:
    items = _objects(step, "items")
    known = sum(_number(item, "bytes") for item in items)
    if known <= 0:
        return ""
    if any(item.get("estimate") is True for item in items):
        return "~ " + size(known)
    return ("> " if any(item.get("bytes") is None for item in items) else "") + size(known)


def _step(step: Object) -> str:
    items = _objects(step, "items")
    listed = "; ".join(_item(item) for item in items[:ITEMS])
    if len(items) > ITEMS:
        listed += "; and %d more" % (len(items) - ITEMS)
    unsure = " <i>may be left out: that is known only when it runs</i>" if _text(step, "when") == "unknown" else ""
    more = '<div class="pino-plan-items">%s</div>' % listed if listed else ""
    return (
        '<li><span class="pino-plan-label">%s</span><div class="pino-plan-what" dir="auto">%s%s%s</div>'
        '<span class="pino-plan-size">%s</span></li>'
    ) % (escape(_text(step, "label")), escape(_text(step, "text")), unsure, more, _size_of(step))


def _steps(plan: Object) -> str:
    steps, script = _objects(plan, "steps"), _text(plan, "script")
    if not script:
        return "<div>It has no install script: nothing more is to be installed.</div>"
    shown = [step for step in steps if _text(step, "when") != "no" and _text(step, "kind") not in QUIET]
    elsewhere = sum(1 for step in steps if _text(step, "when") == "no")
    lines = "".join(_step(step) for step in shown[:STEPS])
    more = []
    if len(shown) > STEPS:
        more.append("%s not shown here" % _plural(len(shown) - STEPS, "more step is", "more steps are"))
    if elsewhere:
        more.append("%s not for this machine" % _plural(elsewhere, "more step is", "more steps are"))
    note = '<div class="pino-muted">%s</div>' % "; ".join(more) if more else ""
    return (
        '<details class="pino-plan-steps-fold"><summary>What %s does: %s</summary>'
        '<ol class="pino-plan-steps">%s</ol>%s</details>'
    ) % (escape(script), _plural(len(shown), "step"), lines, note)


class PlanView:
    """One plan, or nothing."""

    def __init__(self) -> None:
        self.widget = html("", "pino-plan")
        show(self.widget, False)

    def show(self, told: Optional[Dict[str, Any]]) -> None:
        """told: what store.plan() gives; None hides it."""
        told = told if isinstance(told, dict) else {}
        plan = _object(told, "plan")
        if "steps" in plan:
            value = _verdict(plan) + _table(plan) + _steps(plan)
        else:
            value = '<pre class="pino-pre">%s</pre>' % escape(_text(told, "text")) if told else ""
        put(self.widget, value=value)
        show(self.widget, bool(value))

    def close(self) -> None:
        close_all(self.widget)
