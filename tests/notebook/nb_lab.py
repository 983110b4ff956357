#!/usr/bin/env python3
"""launcher.ipynb in a real JupyterLab and a real browser, with real clicks: from nothing to an app that runs, and how it looks."""

import os
import re
import time
import urllib.request

from lab import ROOT, SHOW, SLOW, app_card, case, leave

import apps

EXAMPLE = os.path.join(ROOT, "examples", "gradio-hello")
TABS = ("Discover", "My Library", "Terminal", "Active Tunnels", "Settings")
CARDS = ".pino-discover-card"
# Texts whose contrast with what is behind them is below 4.5, or 3 where they are large.
CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
  const behind = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] > 0) layers.push(color);
      if (color[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const light = (color) => {
    const [r, g, b] = color.map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const walker = document.createTreeWalker(document.querySelector('.pino'), NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || !node || !node.checkVisibility || !node.checkVisibility()) continue;
    if (node.closest('style, svg, .xterm, button:disabled, select, option, .pino-terminal')) continue;
    const style = getComputedStyle(node);
    const back = behind(node);
    const fore = over(rgba(style.color), back);
    const [a, b] = [light(fore), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.6 && parseInt(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5))
      found.push(ratio.toFixed(2) + ' ' + node.tagName + '.' + node.className + ': ' + text.data.trim().slice(0, 50));
  }
  return [...new Set(found)];
}"""


def cards(page):
    """Names of the apps that Discover shows."""
    return page.raw.locator(CARDS + " .pino-title").locator("visible=true").all_inner_texts()


def example(server):
    """The example app as a repository."""
    files = {}
    for name in os.listdir(EXAMPLE):
        path = os.path.join(EXAMPLE, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                files[name] = file.read()
    server.repository("text-tools").commit(files)
    return server.url("text-tools")


def fetch(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        return answer.read().decode("utf-8", "replace")


def install_from(page, url):
    """Discover, with an address typed: the plan, then the install; waits until it is over."""
    page.tab("Discover")
    page.type("Search", url)
    page.click("Install from this address")
    page.click("Install now", seconds=60)
    page.click("Show output")
    page.sees(re.compile("Cloning into"))
    page.tab("Discover")
    page.click("Open in My Library", seconds=200)


@case("/notebook/lab/from-nothing-to-an-app-that-runs")
def whole(world):
    service = world.service
    server = world.git_server()
    url = example(server)
    page = world.launcher()
    page.run_all(seconds=120)
    page.find(CARDS)
    shown = cards(page)
    service.equal(len(shown) >= 6, True, "apps shown: %s" % shown)
    page.sees(re.compile("284 apps"))
    page.type("Search", "comfyui")
    page.sees(re.compile(r"\d+ of 284 apps found"))
    page.holds(
        "() => [...document.querySelectorAll('.pino-discover-card .pino-title')].every("
        "n => !n.checkVisibility() || /comfy/i.test(n.closest('.pino-discover-card').innerText))",
        "all that is shown has to do with ComfyUI",
    )
    install_from(page, url)
    card = app_card("Text tools")
    page.find(card, 60)
    page.click("Start", within=card)
    page.sees("Running", 120)
    link = page.find(card + " a.pino-open", 60)
    service.equal((link.get_attribute("target"), "noopener" in link.get_attribute("rel")), ("_blank", True), "the link")
    service.has(fetch(link.get_attribute("href")), "Text tools|gradio")
    page.click("Show output", within=card)
    page.sees(re.compile("Running on local URL"), 30)
    page.tab("My Library")
    page.click("Stop", within=card)
    page.button("Start", card).wait_for(timeout=30000 * SLOW)
    service.app_becomes("text-tools", "INSTALLED")
    page.find(card + " .pino-badge:text-is('Installed')")
    service.equal(page.raw.locator(card + " a.pino-open").count(), 0, "links of an app that does not run")


@case("/notebook/lab/cells-run-twice")
def twice(world):
    service = world.service
    page = world.launcher()
    cells = page.code_cells()
    page.run_all()
    engine = service.engine_pid()
    page.find(".pino")
    page.run_all()
    page.find(".pino")
    service.equal(service.engine_pid(), engine, "the engine")
    service.equal(page.raw.locator(".pino").locator("visible=true").count(), 1, "interfaces that are shown")
    page.run(cells[-1])
    page.tab("Settings")
    page.sees("Save")


@case("/notebook/lab/notebook-7", front="notebook")
def notebook7(world):
    apps.light(world.home, "light")
    page = world.launcher()
    page.run_all()
    page.find(CARDS)
    page.tab("My Library")
    page.click("Start", within=app_card("light"))
    world.service.app_becomes("light", "RUNNING")
    page.sees("Running")
    page.click("Stop", within=app_card("light"))
    page.sees("Installed")
    world.service.equal(page.wider(), [], "wider than the window")


@case("/notebook/lab/looks-narrow-and-dark")
def looks(world):
    """Every tab, at 400 pixels and in both themes: nothing sticks out, all can be read."""
    service = world.service
    apps.light(world.home, "light")
    apps.fails(world.home, "fails")
    long = "A name that is quite a bit longer than others are, " * 3
    apps.app(world.home, "long", {"pinokio.js": apps.menu(long), "start.json": apps.script(apps.shell("echo x"))})
    page = world.shown()
    service.ready("light")
    service.becomes(service.launch("fails"), "error")
    page.tab("My Library")
    page.sees("Running")
    page.click("Details", within=app_card("light"))
    troubles = {}  # what -> where first
    for dark in (False, True):
        page.theme(dark)
        for width in (400, 1280):
            page.size(width)
            for title in TABS:
                page.tab(title)
                page.raw.wait_for_timeout(150)
                told = ["sticks out: " + text for text in page.wider()]
                told += ["contrast " + text for text in page.raw.evaluate(CONTRAST)]
                for text in told:
                    where = "%s, %d px, %s" % (title, width, "dark" if dark else "light")
                    troubles.setdefault(text, where)
    if troubles:
        lines = ["%s: %s" % (where, text) for text, where in troubles.items()]
        raise AssertionError("%d troubles with how it looks:\n%s" % (len(lines), "\n".join(lines)))


@case("/notebook/lab/front-end-without-widgets", front="bare", quiet=False)
def bare(world):
    apps.light(world.home, "light")
    page = world.scratch([SHOW], world.package())
    page.run(0)
    page.sees(re.compile("shows no widgets"))
    page.sees(re.compile("pip install -U ipywidgets"))
    page.sees(re.compile("light +installed"))


@case("/notebook/lab/first-look-is-quick")
def first_look(world):
    """Loosely here; make bench-ui measures."""
    world.service.up()
    page = world.launcher()
    setup, start, show = page.code_cells()
    page.run(setup)
    began = time.monotonic()
    page.run(start)
    page.run(show)
    page.find(CARDS)
    took = time.monotonic() - began
    world.service.equal(took < 5 * SLOW, True, "%.2f s until it was shown" % took)
    print("# %.2f s until it was shown" % took)


if __name__ == "__main__":
    leave()
