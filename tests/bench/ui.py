#!/usr/bin/env python3
"""Measures the notebook in a real JupyterLab and a real browser, and prints one table: make bench-ui.

    ui.py --engine BUILD/pinokiocloud [--only WORD]

All times but those of the first rows are taken in the page: from the click to the frame that shows an answer, from the
moment that a program wrote a line to the frame that shows it. Exit status 1 when a limit is missed.
"""

import argparse
import os
import re
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "notebook"))

from lab import SHOW, app_card, end_lab, harness, world_of  # noqa: E402

import apps  # noqa: E402
from service import memory_of  # noqa: E402

ROUNDS, CLICKS, LINES = 5, 30, 40
HOUR_LINES = 360000  # 100 a second
MARKS = "import time\nwhile True:\n    print('mark %d' % (time.time() * 1000), flush=True)\n    time.sleep(0.23)\n"
HOUR = (
    "import sys, time\nfor n in range(0, %d, 1000):\n"
    "    sys.stdout.write(''.join('step %%7d: \\033[32mloading\\033[0m weights, %%3d of 100 parts are here, going on\\n' %% (i, i %% 101)"
    " for i in range(n, n + 1000)))\n    sys.stdout.flush()\n    time.sleep(0.05)\n"
    "print('THE HOUR IS OVER', flush=True)\ntime.sleep(100000)\n" % HOUR_LINES
)
# An app's plan is there, or was not to be had; both end with a button that sends it away.
LOOKED = ", ".join(".pino-discover-offer button:text-is('%s')" % text for text in ("Install now", "Install all the same", "Close"))
# Runs two cells one after the other; window.shownAfter is the time until the first card of an app is painted.
SHOWN = """([start, show]) => {
  const panel = window.jupyterapp.shell.currentWidget;
  const run = (index) => {
    panel.content.activeCellIndex = index;
    return window.jupyterapp.commands.execute('notebook:run-cell');
  };
  const old = new Set(document.querySelectorAll('.pino-discover-card'));
  window.shownAfter = null;
  const began = performance.now();
  const look = () => {
    const card = [...document.querySelectorAll('.pino-discover-card')].find(one => !old.has(one) && one.checkVisibility());
    if (card) window.shownAfter = performance.now() - began;
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  run(start).then(() => run(show));
}"""
# The next click: window.answered is the time from it to the frame with the first change that has to do with it.
ARM = """(button) => {
  const quiet = '.pino-app-head, .pino-meters, .pino-status';
  const scope = button.closest('.pino-card, .pino-status-line, .pino-page, .jupyter-widgets.widget-tab, .jupyter-widgets') || button;
  window.answered = null;
  let began = null;
  const observer = new MutationObserver((records) => {
    if (began === null) return;
    if (records.every(record => (record.target.closest || (() => null)).call(record.target, quiet))) return;
    observer.disconnect();
    requestAnimationFrame(() => { window.answered = performance.now() - began; });
  });
  const around = scope.closest('.pino-page') || scope;
  observer.observe(around, { subtree: true, childList: true, attributes: true, characterData: true });
  const press = button.matches('[role=tab]') ? 'pointerdown' : 'click';  // a tab turns at once
  button.addEventListener(press, () => { began = performance.now(); }, { capture: true, once: true });
}"""
MARKED = """() => {
  window.marks = [];
  const seen = new Set();
  const look = () => {
    const now = Date.now();
    for (const [, text] of document.querySelector('.pino-terminal-place').textContent.matchAll(/mark (\\d{13})/g)) {
      if (seen.has(text)) continue;
      seen.add(text);
      window.marks.push(now - Number(text));
    }
  };
  const observer = new MutationObserver(() => requestAnimationFrame(look));
  observer.observe(document.querySelector('.pino-terminal-place'), { subtree: true, childList: true, characterData: true });
}"""


def shown(world):
    """Cells 2 and 3, with an engine to be started first, then with one that runs, each in a fresh kernel."""
    page = world.launcher()
    setup, *cells = page.code_cells()
    times = []
    for _ in range(ROUNDS + 1):
        page.run(setup)
        page.raw.evaluate(SHOWN, cells)
        times.append(page.holds("() => window.shownAfter", "apps are shown", 60) / 1000)
        page.restart()
    yield "cells 2 and 3 until apps are shown, engine started too", times[0], "s", 2.0
    yield "the same, engine runs already (median of %d)" % ROUNDS, statistics.median(times[1:]), "s", 2.0


def answer(page, locator):
    """Clicks; gives the milliseconds until something showed that it was heard."""
    page.appears(locator, "there is what is to be clicked")
    page.holds("(button) => !button.disabled", "it can be clicked", argument=locator.element_handle())
    locator.evaluate(ARM)
    locator.click()
    return page.holds("() => window.answered", "an answer")


def round_of_clicks(page, card):
    """(what, milliseconds) of each click."""
    for title in ("Terminal", "Active Tunnels", "Settings", "My Library", "Discover"):  # each one anew
        tab = page.raw.locator(".jupyter-widgets .lm-TabBar-tab").filter(has_text=title).first
        yield "tab", answer(page, tab)
    for label in ("Next", "Next", "Previous", "Previous"):
        yield label, answer(page, page.button(label).first)
    yield "Install", answer(page, page.button("Install").first)
    page.find(LOOKED, 120)
    for label in ("Not now", "Close"):
        if page.button(label).count():
            yield label, answer(page, page.button(label).first)
    page.tab("My Library")
    yield "Start", answer(page, page.button("Start", card).first)
    yield "Details", answer(page, page.button("Details", card).first)
    yield "Stop", answer(page, page.button("Stop", card).first)
    yield "Hide details", answer(page, page.button("Hide details", card).first)
    page.appears(page.button("Start", card).first, "it can be started again")


def clicks(world):
    apps.light(world.home, "light")
    page = world.shown()
    page.find(".pino-discover-card")
    times = []
    while len(times) < CLICKS:
        times += list(round_of_clicks(page, app_card("light")))
    slow = sorted(times, key=lambda item: -item[1])[:3]
    median = statistics.median(taken for _, taken in times)
    yield "click to first visible answer, median of %d" % len(times), median, "ms", 100
    yield "the same, worst (%s)" % ", ".join("%s %.0f" % item for item in slow), slow[0][1], "ms", 300


def follow(world, app, source, code=SHOW):
    """An app of that source, started and looked at in the Terminal; gives the page."""
    start = apps.script(apps.shell("exec python3 -u %s.py" % app), daemon=True)
    apps.app(world.home, app, {"pinokio.js": apps.menu(app), "start.json": start, app + ".py": source})
    page = world.scratch([code], world.package())
    page.run(0)
    page.tab("My Library")
    page.click("Details", within=app_card(app))
    page.click("Start", within=app_card(app))
    page.click("Show output", within=app_card(app))
    page.find(".pino-terminal-place")
    return page


def lines(world):
    for form, code in (("xterm.js", SHOW), ("plain", "import sys\nsys.modules['anywidget'] = None\n" + SHOW)):
        page = follow(world, "marks", MARKS, code)
        page.sees(re.compile("mark"))
        page.find(".pino-xterm" if form == "xterm.js" else ".pino-terminal-plain")
        page.raw.evaluate(MARKED)
        page.raw.wait_for_timeout(500)
        page.raw.evaluate("() => { window.marks.length = 0; }")
        page.holds("(count) => window.marks.length >= count", "lines come", 60, LINES)
        times = page.raw.evaluate("() => window.marks")
        yield "a line on the screen after it was written, %s, median of %d" % (form, len(times)), statistics.median(times), "ms", 200
        yield "the same, worst", max(times), "ms", 200
        page.click("Stop", within=".pino-terminal")
        world.service.app_becomes("marks", "INSTALLED")
        page.close()


def settled(pid):
    """MB that a process has, when it has stopped growing."""
    now = memory_of(pid)[0]
    for _ in range(20):
        time.sleep(0.5)
        before, now = now, memory_of(pid)[0]
        if abs(now - before) < 0.5:
            break
    return now


def memory(world):
    bare = world.scratch(["import ipywidgets\nipywidgets.Button()"])
    bare.run(0)
    kernel = world.jupyter.kernel_pids()[0]
    page = follow(world, "hour", HOUR)
    other = [pid for pid in world.jupyter.kernel_pids() if pid != kernel][0]
    began = time.monotonic()
    page.sees(re.compile("THE HOUR IS OVER"), 300)
    print("# %d lines in %.1f s; page %.0f MB" % (HOUR_LINES, time.monotonic() - began, page.heap_mb()), file=sys.stderr)
    empty, full = settled(kernel), settled(other)
    yield "memory of a kernel with ipywidgets and nothing else", empty, "MB", None
    yield "of one with the interface, after an hour of output", full, "MB", None
    yield "of the interface", full - empty, "MB", 80


BENCHMARKS = (shown, clicks, lines, memory)


def run(engine, only):
    """Prints each row as it is known; gives whether all limits were kept."""
    good = True
    for benchmark in BENCHMARKS:
        if only not in benchmark.__name__:
            continue
        stage = harness.Stage(engine)
        try:
            with world_of(stage) as world:
                for what, figure, unit, limit in benchmark(world):
                    kept = limit is None or figure <= limit
                    good = good and kept
                    told = "" if limit is None else "<= %g%s" % (limit, "" if kept else "  MISSED")
                    print("%-88s %8.2f %-3s %s" % (what, figure, unit, told), flush=True)
        finally:
            stage.close()
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", required=True)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    harness.LIBC.prctl(harness.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        good = run(os.path.abspath(options.engine), options.only)
    except harness.Skipped as reason:
        print("not measured: %s" % reason)
        return 1
    finally:
        end_lab()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
