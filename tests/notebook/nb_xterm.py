#!/usr/bin/env python3
"""The Terminal in a real JupyterLab and a real browser: xterm.js, and the plain form where anywidget does not load."""

import time

from lab import case, leave

import apps

ROWS = ".pino-xterm .xterm-rows"
PLAIN = ".pino-terminal-plain"
TEXT = "(selector) => { const node = document.querySelector(selector); return node ? node.innerText.replace(/\\u00a0/g, ' ') : ''; }"
LUMINANCE = """(selector) => {
  const [r, g, b] = getComputedStyle(document.querySelector(selector)).backgroundColor.match(/[\\d.]+/g).map(Number);
  return 0.299 * r + 0.587 * g + 0.114 * b;
}"""
BEAT = """() => {
  window.late = 0;
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    window.late = Math.max(window.late, now - last - 50);
    last = now;
  }, 50);
}"""


def terminal(world, **options):
    page = world.shown(**options)
    page.tab("Terminal")
    return page


def text(page, selector=ROWS):
    return page.raw.evaluate(TEXT, selector)


def shows(page, wanted, selector=ROWS, seconds=20):
    page.holds(
        "([selector, wanted]) => (%s)(selector).includes(wanted)" % TEXT, "%s shows %r" % (selector, wanted), seconds, [selector, wanted]
    )


def app(world, name, *messages):
    steps = [apps.shell(message) for message in messages]
    apps.app(world.home, name, {"pinokio.js": apps.menu(name), "start.json": apps.script(*steps)})


@case("/notebook/xterm/raw-output-typed-searched-sized")
def whole(world):
    asked = []
    app(world, "cat", r"printf '\033[31mred\033[0m <b>bold</b>\n'; seq -f 'line %.0f' 1 300; echo ready; while read x; do echo got $x; stty size; done")
    page = terminal(world)
    page.raw.on("request", lambda request: asked.append(request.url))
    world.service.launch("cat")
    shows(page, "ready")
    world.service.equal([url for url in asked if "jsdelivr" in url], [], "what is asked of the network")
    page.find(".pino-xterm").click()
    page.raw.keyboard.type("typed dd")
    page.raw.keyboard.press("Enter")
    shows(page, "got typed dd")
    world.service.equal(page.code_cells(), [0], "keys are not the notebook's")
    page.type("Type to the shell, Enter sends it", "from the line", enter=True)
    shows(page, "got from the line")
    size = "(selector) => { const found = (%s)(selector).match(/got from the line\\s+\\d+ (\\d+)/); return found && found[1]; }" % TEXT
    columns = int(page.holds(size, "the shell tells its size", argument=ROWS))
    width = page.raw.evaluate("() => document.querySelector('.pino-xterm').clientWidth")
    world.service.equal(width / 9 < columns < width / 5, True, "%d columns in %d px" % (columns, width))
    page.type("Search this output", "line 1")
    page.sees("111 of 111")
    page.click("Previous")
    page.sees("110 of 111")
    page.click("Follow")
    shows(page, "got from the line")
    page.raw.locator(".pino-xterm").hover()
    page.raw.mouse.wheel(0, -400)
    page.find("button:text-is('Follow')")
    light = page.raw.evaluate(LUMINANCE, ".pino-xterm")
    page.theme(True)
    dark = page.raw.evaluate(LUMINANCE, ".pino-xterm")
    world.service.equal((light > 200, dark < 60), (True, True), "%d light, %d dark" % (light, dark))
    page.size(400)
    world.service.equal(page.wider(), [], "in a narrow window")
    page.size()


@case("/notebook/xterm/second-tab-and-page-loaded-anew")
def tabs(world):
    app(world, "lines", "for n in $(seq 1 100000); do echo \"line $n.\"; sleep 0.05; done")
    page = terminal(world)
    world.service.launch("lines")
    shows(page, "line 20.")
    second = world.second(page)
    second.tab("Terminal")
    shows(second, "line 2")
    page.load()
    page.tab("Terminal")
    shows(page, "line ")
    for one in (page, second):
        numbers = [int(line[5:-1]) for line in text(one).split("\n") if line.startswith("line ") and line.endswith(".")]
        world.service.equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "nothing missing, nothing twice")
        shows(one, "line %d." % (numbers[-1] + 10))


@case("/notebook/xterm/flood-of-100-mb")
def flood(world):
    app(world, "flood", "yes 'a line of a flood that nobody can read, with some more words in it' | head -c 100000000; echo; echo THE END; sleep 100")
    page = terminal(world)
    page.find(".pino-terminal")
    page.raw.evaluate(BEAT)
    heap, began = page.heap_mb(), time.monotonic()
    world.service.launch("flood")
    shows(page, "THE END", seconds=90)
    seconds, late, after = time.monotonic() - began, page.raw.evaluate("() => window.late"), page.heap_mb()
    print("# %.1f s, longest pause of the page %.0f ms, its memory %.0f -> %.0f MB" % (seconds, late, heap, after))
    world.service.equal(after - heap < 80, True, "the page's memory %.0f -> %.0f MB" % (heap, after))
    world.service.equal(late < 1500, True, "the page waited %.0f ms" % late)
    page.sees("MB not shown here.")


@case("/notebook/xterm/copy-button")
def copied(world):
    code = (
        "from pinokiocloud import Bridge\nfrom pinokiocloud.ui import parts, theme\nfrom pinokiocloud.ui.front import Front\n"
        "front = Front(Bridge())\nparts.column(theme.style(), front.copy('https://a.test/?x=<1>'), front.probe, names=('pino',))"
    )
    page = world.scratch([code], world.package())
    page.run(0)
    page.raw.evaluate(
        """() => {
          window.written = '';
          Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { window.written = text; } } });
        }"""
    )
    page.click("Copy")
    page.sees("Copied")
    world.service.equal(page.raw.evaluate("() => window.written"), "https://a.test/?x=<1>", "what is on the clipboard")
    page.find("button:text-is('Copy')")
    page.raw.evaluate(
        """() => {
          navigator.clipboard.writeText = async () => { throw new Error('not here'); };
          document.execCommand = () => { window.written = document.activeElement.value; return true; };
        }"""
    )
    page.raw.evaluate("() => { window.written = ''; }")
    page.click("Copy")
    page.sees("Copied")
    world.service.equal(page.raw.evaluate("() => window.written"), "https://a.test/?x=<1>", "without a clipboard")


@case("/notebook/xterm/without-anywidget-in-the-browser", front="plain", quiet=False)
def plain(world):
    app(world, "plain", r"printf '\033[31mred\033[0m <b>bold</b>\n'; for n in 1 50 100; do printf '\r%d%%' $n; done; echo; echo ready; cat")
    page = terminal(world)
    world.service.launch("plain")
    shows(page, "ready", PLAIN)
    lines = text(page, PLAIN).split("\n")
    for wanted in ("red <b>bold</b>", "100%"):
        world.service.equal(wanted in lines, True, "%r in %s" % (wanted, lines))
    page.type("Type to the shell, Enter sends it", "from the line", enter=True)
    shows(page, "from the line\nfrom the line", PLAIN)
    for word in ("Error displaying", "Failed to load", "not found"):
        world.service.equal(word in page.text(), False, "%r is shown:\n%s" % (word, page.text()[-1500:]))
    for tab in ("Active Tunnels", "My Library", "Discover"):
        page.tab(tab)
        world.service.equal("Error displaying" in page.text(), False, "an error is shown in %s" % tab)


if __name__ == "__main__":
    leave()
