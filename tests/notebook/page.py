"""A notebook in a tab of the browser, and what a person does with it. browser.py tells how it is used."""

import contextlib
import tempfile
import time

from playwright.sync_api import Error, TimeoutError

from jupyter import SLOW

WIDTH, HEIGHT = 1280, 900
THEMES = {False: "JupyterLab Light", True: "JupyterLab Dark"}
# What Jupyter's own pages complain about by themselves.
NOISE = (
    "favicon",
    "/api/workspaces/",
    "/lab/api/",
    "Service worker",
    "content-security-policy",
    "api/contents",
    "Loading failed for the",
    "was preloaded using link preload",
    "(reading 'schema')",  # Notebook 7.6
    "kernel restarted",
    "Comm not found for comm id",  # of the kernel before
    "WebSocket connection to",
)
READY = """() => {
  const app = window.jupyterapp;
  const panel = app && app.shell.currentWidget;
  const session = panel && panel.sessionContext && panel.sessionContext.session;
  return !!(panel && panel.content && panel.content.widgets && panel.context.isReady
    && session && session.kernel && session.kernel.status === 'idle'
    && session.kernel.connectionStatus === 'connected');
}"""
RUN = """(index) => {
  const panel = window.jupyterapp.shell.currentWidget;
  window.ranCell = null;
  panel.content.activeCellIndex = index;
  const done = () => { window.ranCell = 'over'; };
  window.jupyterapp.commands.execute('notebook:run-cell').then(done, done);
}"""
OVER = """() => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  return window.ranCell === 'over' && kernel && kernel.status === 'idle';
}"""
OUTPUTS = "(index) => window.jupyterapp.shell.currentWidget.content.widgets[index].model.outputs.toJSON()"
KINDS = "() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.type)"
EXECUTE = """(code) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  window.executed = { text: '', over: false };
  const future = kernel.requestExecute({ code: code, store_history: false });
  future.onIOPub = (message) => {
    if (message.header.msg_type === 'stream') window.executed.text += message.content.text;
    if (message.header.msg_type === 'error')
      window.executed.text += message.content.ename + ': ' + message.content.evalue;
  };
  future.done.then(() => { window.executed.over = true; }, () => { window.executed.over = true; });
}"""
RESTART = "() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
NARROW = "() => { const shell = window.jupyterapp.shell; if (shell.collapseLeft) shell.collapseLeft(); }"
# Elements that stick out of their output to the right, unless what they are in scrolls, or ends them with an ellipsis.
WIDER = """() => {
  const found = [];
  const may = (node) => {
    for (let at = node; at && !at.matches('.jp-OutputArea-output'); at = at.parentElement) {
      const style = getComputedStyle(at);
      if (at !== node && ['auto', 'scroll'].includes(style.overflowX)) return true;
      if (style.textOverflow === 'ellipsis' && style.overflowX !== 'visible') return at !== node;
    }
    return false;
  };
  for (const output of document.querySelectorAll('.jp-OutputArea-output')) {
    const edge = Math.min(output.getBoundingClientRect().right, window.innerWidth) + 1;
    for (const node of output.querySelectorAll('*')) {
      const box = node.getBoundingClientRect();
      if (box.width > 0 && box.height > 0 && box.right > edge && node.checkVisibility() && !may(node))
        found.push(node.tagName + '.' + (node.className.baseVal || node.className) + ' by '
          + Math.round(box.right - edge) + ' px: ' + (node.innerText || '').trim().slice(0, 50));
    }
  }
  return [...new Set(found)];
}"""


class Page:
    """A notebook in a tab. Waiting ends with an AssertionError that has the page's text and where its picture is."""

    def __init__(self, browser, jupyter, path, context, tree=None):
        self.browser, self.jupyter, self.path, self.context, self.tree = browser, jupyter, path, context, tree
        self.raw = context.new_page()
        self.raw.set_default_timeout(10000 * SLOW)
        self.complaints = []
        self.raw.on("console", self._heard)
        self.raw.on("pageerror", lambda error: self.complaints.append("uncaught: %s" % error))
        self.raw.on("dialog", lambda dialog: dialog.accept())

    def _heard(self, message):
        if message.type == "error":
            self.complaints.append("%s (%s)" % (message.text, (message.location or {}).get("url", "")))

    def load(self, seconds=20, tries=3):
        """JupyterLab now and then never hears of a kernel that it has just started: then it is given another one."""
        for left in reversed(range(tries)):
            url = self.jupyter.url(self.path, self.tree)
            self.raw.goto(url, timeout=seconds * 1000 * SLOW, wait_until="commit")
            try:
                self.holds(READY, "the notebook is open and its kernel idle", seconds)
                break
            except AssertionError:
                if not left:
                    raise
                self.jupyter.end_session(self.path)
        self.raw.evaluate(NARROW)

    def second(self):
        """The same notebook, as it is now, in another tab of the same browser."""
        self.save()
        page = Page(self.browser, self.jupyter, self.path, self.context, self.tree)
        page.load()
        return page

    def close(self):
        with contextlib.suppress(Error):
            self.context.close()

    # Waiting

    def holds(self, condition, what, seconds=20, argument=None):
        """Waits until a JavaScript function gives something true; gives that."""
        try:
            return self.raw.wait_for_function(condition, arg=argument, timeout=seconds * 1000 * SLOW).json_value()
        except (Error, TimeoutError) as error:
            raise self.failed("waited %g s in vain: %s (%s)" % (seconds * SLOW, what, str(error)[:200])) from error

    def failed(self, what):
        """An error that tells what is to be seen."""
        where = tempfile.mktemp(prefix="pinokio-page-", suffix=".png")
        try:
            self.raw.screenshot(path=where, timeout=10000)
            text = self.text()
        except Error as error:
            where, text = "none", str(error)
        return AssertionError(
            "%s\npicture: %s\nconsole: %s\npage:\n%s" % (what, where, self.errors()[-5:], text[-2500:])
        )

    def text(self):
        """What the outputs show."""
        return self.raw.evaluate(
            "() => [...document.querySelectorAll('.jp-OutputArea-output')].map(n => n.innerText).join('\\n')"
        )

    def sees(self, text, seconds=20):
        """Waits until that is visible; gives its locator."""
        found = self.raw.get_by_text(text).locator("visible=true").first
        self.until(found, "visible", "the page shows %r" % (text,), seconds)
        return found

    def lacks(self, text, seconds=20):
        """Waits until that is not visible any more."""
        found = self.raw.get_by_text(text).locator("visible=true").first
        self.until(found, "hidden", "the page does not show %r" % (text,), seconds)

    def find(self, selector, seconds=20):
        """The first visible element of a Playwright or CSS selector."""
        found = self.raw.locator(selector).locator("visible=true").first
        self.until(found, "visible", "there is %s" % selector, seconds)
        return found

    def appears(self, locator, what, seconds=20):
        """Waits until what a locator finds is visible."""
        self.until(locator, "visible", what, seconds)

    def until(self, locator, state, what, seconds):
        try:
            locator.wait_for(state=state, timeout=seconds * 1000 * SLOW)
        except (Error, TimeoutError) as error:
            raise self.failed("waited %g s in vain: %s" % (seconds * SLOW, what)) from error

    # Cells and the kernel

    def begin(self, index):
        self.raw.evaluate(RUN, index)

    def run(self, index, seconds=60):
        """Runs a cell until it is over; gives its outputs. What it raised is raised here as AssertionError."""
        self.begin(index)
        self.holds(OVER, "cell %d is over" % index, seconds)
        outputs = self.outputs(index)
        for output in outputs:
            if output["output_type"] == "error":
                raise self.failed("cell %d: %s: %s" % (index, output["ename"], output["evalue"]))
        return outputs

    def outputs(self, index):
        return self.raw.evaluate(OUTPUTS, index)

    def run_all(self, seconds=60):
        """Every code cell in turn."""
        for index in self.code_cells():
            self.run(index, seconds)

    def code_cells(self):
        """The indexes of the code cells."""
        return [index for index, kind in enumerate(self.raw.evaluate(KINDS)) if kind == "code"]

    def execute(self, code, seconds=30):
        """Runs code in the kernel beside the notebook's cells; gives what it printed."""
        self.raw.evaluate(EXECUTE, code)
        self.holds("() => window.executed.over", "the kernel ran %s" % code[:60], seconds)
        return self.raw.evaluate("() => window.executed.text")

    def restart(self, seconds=60):
        """The kernel anew; the outputs stay."""
        self.raw.evaluate(RESTART)
        time.sleep(0.3)  # until it is said to restart
        self.holds(READY, "the kernel is there again", seconds)

    def save(self):
        self.raw.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    # Hands

    def button(self, text, within=None):
        """The locator of the visible buttons with exactly that text."""
        place = self.raw.locator(within).locator("visible=true") if within else self.raw
        return place.get_by_role("button", name=text, exact=True).locator("visible=true")

    def click(self, text, within=None, seconds=20, nth=0):
        """Clicks the nth visible button with that text, within a selector; waits until it can be clicked."""
        found = self.button(text, within).nth(nth)
        self.until(found, "visible", "there is a button %r" % text, seconds)
        try:
            found.click(timeout=seconds * 1000 * SLOW)
        except (Error, TimeoutError) as error:
            raise self.failed("button %r cannot be clicked: %s" % (text, str(error)[:600])) from error
        return found

    def tab(self, title, seconds=20):
        """A tab of the interface, by its title (what follows it, as a number, is of no matter)."""
        found = self.raw.locator(".jupyter-widgets .lm-TabBar-tab, .jupyter-widgets .p-TabBar-tab")
        found = found.filter(has_text=title).locator("visible=true").first
        self.until(found, "visible", "there is a tab %r" % title, seconds)
        found.click()

    def field(self, name):
        """A text field by its placeholder, its label, or a CSS selector."""
        by_placeholder = self.raw.get_by_placeholder(name)
        found = by_placeholder.or_(self.raw.get_by_label(name))
        if name[:1] in ".#[":
            found = self.raw.locator(name)
        return found.locator("visible=true").first

    def type(self, name, text, clear=True, enter=False, seconds=20):
        """Types as a person does, key by key."""
        found = self.field(name)
        self.until(found, "visible", "there is a field %r" % name, seconds)
        found.click()
        if clear:
            found.fill("")
        found.press_sequentially(text, delay=10)
        if enter:
            found.press("Enter")
        return found

    # Looks

    def theme(self, dark):
        self.raw.evaluate(
            "(theme) => { window.jupyterapp.commands.execute('apputils:change-theme', { theme }); }", THEMES[dark]
        )
        self.holds(
            "(light) => document.body.dataset.jpThemeLight === light",
            "the theme has changed",
            argument=str(not dark).lower(),
        )
        self.raw.wait_for_timeout(200)

    def size(self, width=WIDTH, height=HEIGHT):
        self.raw.set_viewport_size({"width": width, "height": height})
        self.raw.wait_for_timeout(200)

    def wider(self):
        """What sticks out of the window to the right, in words."""
        return self.raw.evaluate(WIDER)

    def shot(self, path, dark=None, width=None, whole=False, most=8000):
        """A picture of the last output, of so many pixels of height at most; whole: of the window as it is. Theme and width
        are put back."""
        was_dark = self.raw.evaluate("() => document.body.dataset.jpThemeLight === 'false'")
        size = self.raw.viewport_size
        if dark is not None and dark != was_dark:
            self.theme(dark)
        if width:
            self.size(width, size["height"])
        if whole:
            self.raw.screenshot(path=path)
        else:
            self._shot_output(path, width or size["width"], most)
        self.size(size["width"], size["height"])
        if dark is not None and dark != was_dark:
            self.theme(was_dark)

    def _shot_output(self, path, width, most):
        output = self.raw.locator(".jp-OutputArea-output").locator("visible=true").last
        height = output.evaluate("node => node.scrollHeight")
        self.size(width, max(HEIGHT, min(int(height) + 300, 8000)))
        output.scroll_into_view_if_needed()
        box = output.bounding_box()
        self.raw.screenshot(path=path, clip=dict(box, height=min(box["height"], most)))

    # The page as a program

    def errors(self):
        """What the console complained about, without Jupyter's own noise."""
        return [text for text in self.complaints if not any(word in text for word in NOISE)]

    def heap_mb(self):
        """The page's JavaScript, after a collection."""
        return self.raw.evaluate("() => { window.gc && window.gc(); return performance.memory.usedJSHeapSize / 1e6; }")
