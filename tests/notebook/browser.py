#!/usr/bin/env python3
"""A notebook in a real browser: headless Chromium, driven through Playwright, on a real Jupyter (jupyter.py).

As a library:
    with Jupyter(folder) as jupyter, Browser(folder) as browser:
        page = browser.open(jupyter, jupyter.scratch([code], jupyter.kernel(PINOKIO_HOME=home)))
        page.run(0)                       # runs a cell and waits until it is over; an error in it is raised
        page.click("Install")             # the one visible button with that text
        page.type("Search", "gradio")     # into the field with that placeholder, label or CSS selector
        page.sees("3 apps")               # waits until the page shows it
        page.shot("x.png", dark=True, width=400)
        page.errors()                     # what the console complained about
        page.restart(); page.second()     # the kernel anew; the same notebook in a second tab

From the command line, for a look at a component (--page shows the whole browser window, else only the output):
    browser.py shot --engine BUILD/pinokiocloud --code 'python code' --out x.png [--dark] [--width 400] [--home FOLDER]
        [--type 'Search=gradio'] [--click TEXT]... [--sees TEXT] [--wait SECONDS] [--front lab|notebook] [--page]
The code finds the package (PYTHONPATH) and the engine ($PINOKIOCLOUD, $PINOKIO_HOME: an empty home unless given).
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile

from playwright.sync_api import Error, sync_playwright

from jupyter import SLOW, Jupyter
from page import HEIGHT, WIDTH, Page

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHROMIUM = os.environ.get("PINOKIO_TEST_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--no-first-run",
    "--no-proxy-server",
    "--enable-precise-memory-info",
    "--js-flags=--expose-gc",
    "--force-color-profile=srgb",
]


class Browser:
    """One Chromium; each page that it opens stands alone (cookies, storage)."""

    def __init__(self, folder):
        self.folder = os.path.realpath(folder)
        self.playwright = self.chromium = None

    def start(self):
        if not os.path.exists(CHROMIUM):
            raise FileNotFoundError("no Chromium at %s" % CHROMIUM)
        home = os.path.join(self.folder, "chromium")
        os.makedirs(home, exist_ok=True)
        env = dict(os.environ, HOME=home, XDG_CONFIG_HOME=home, XDG_CACHE_HOME=home)
        self.playwright = sync_playwright().start()
        try:
            self.chromium = self.playwright.chromium.launch(
                executable_path=CHROMIUM, args=FLAGS, headless=True, env=env, timeout=60000 * SLOW
            )
        except BaseException:
            self.close()
            raise
        return self

    __enter__ = start

    def __exit__(self, *unused):
        self.close()

    def open(self, jupyter, path, width=WIDTH, height=HEIGHT, dark=False, tree=None):
        """A notebook in a window of its own, when its kernel is there."""
        context = self.chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        page = Page(self, jupyter, path, context, tree)
        page.load()
        if dark:
            page.theme(True)
        return page

    @property
    def connected(self):
        return self.chromium is not None and self.chromium.is_connected()

    def close(self):
        """Also of one that has died."""
        chromium, playwright = self.chromium, self.playwright
        self.chromium = self.playwright = None
        for part in (chromium and chromium.close, playwright and playwright.stop):
            with contextlib.suppress(Error):
                if part:
                    part()


def take_shot(options):
    folder = tempfile.mkdtemp(prefix="pinokio-shot-")
    home = options.home or os.path.join(folder, "home")
    os.makedirs(home, exist_ok=True)
    variables = {
        "PINOKIO_HOME": home,
        "PINOKIOCLOUD": os.path.abspath(options.engine) if options.engine else "",
        "PINOKIO_NO_BROWSER": "1",
        "PYTHONPATH": os.path.join(ROOT, "app", "notebook"),
    }
    try:
        with Jupyter(folder, options.front) as jupyter, Browser(folder) as browser:
            path = jupyter.scratch([options.code], jupyter.kernel(**variables))
            page = browser.open(jupyter, path, width=options.width, dark=options.dark)
            page.run(0)
            for item in options.type:
                page.type(*item.split("=", 1))
            for text in options.click:
                page.click(text)
            if options.sees:
                page.sees(options.sees)
            page.raw.wait_for_timeout(int(options.wait * 1000))
            page.shot(options.out, whole=options.page)
            print("\n".join(["console: " + text for text in page.errors()] + ["wider: " + text for text in page.wider()]))
    finally:
        if options.engine and not options.home:
            subprocess.run(
                [options.engine, "down", "--apps"],
                env=dict(os.environ, PINOKIO_HOME=home),
                stdout=subprocess.DEVNULL,
                check=False,
                timeout=60,
            )
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["shot"])
    parser.add_argument("--engine")
    parser.add_argument("--home")
    parser.add_argument("--code", default="")
    parser.add_argument("--file", help="a file with the code, instead of --code")
    parser.add_argument("--out", required=True)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--page", action="store_true", help="the whole window")
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--front", choices=["lab", "notebook"], default="lab")
    parser.add_argument("--type", action="append", default=[], metavar="FIELD=TEXT")
    parser.add_argument("--click", action="append", default=[], metavar="TEXT")
    parser.add_argument("--sees", help="waits until the page shows it")
    parser.add_argument("--wait", type=float, default=1.0, help="seconds before the picture")
    options = parser.parse_args()
    if options.file:
        with open(options.file, encoding="utf-8") as file:
            options.code = file.read()
    take_shot(options)


if __name__ == "__main__":
    sys.exit(main())
