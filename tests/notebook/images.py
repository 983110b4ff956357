#!/usr/bin/env python3
"""Makes the pictures of the README from the real thing: make images.

    images.py --engine BUILD/pinokiocloud --out FOLDER

An engine with apps in several states, one of them installed from PyPI with all its output, tunnels of stand-ins that lead
nowhere, and the notebook in JupyterLab: each tab, one dark, one narrow.
"""

import argparse
import json
import os
import re
import sys

from lab import app_card, end_lab, harness, world_of
from nb_lab import example

import apps
import shared

WEB = """
module.exports = {
  version: '4.0', title: %s, description: %s,
  menu: async (kernel, info) => {
    const local = info.local('start.json')
    if (info.running('start.json') && local && local.url) return [
      { default: true, text: 'Open', href: local.url }, { text: 'Terminal', href: 'start.json' }]
    return [{ default: true, text: 'Start', href: 'start.json' },
      { text: 'Models', menu: [{ text: 'Download the small one', href: 'start.json' }, { text: 'Download the large one', href: 'start.json' }] },
      { text: 'Reset', href: 'start.json' }]
  }
}
"""
WORKS = "import sys, time\nblock = bytearray(%d << 20)\nwhile True:\n    sum(range(200000))\n    time.sleep(%g)\n"
FAILS = (
    "echo 'Loading the model'; echo 'torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.25 GiB. "
    "GPU 0 has a total capacity of 7.79 GiB of which 1.20 GiB is free.'; exit 1"
)


def web_app(home, name, title, about, megabytes):
    """One that serves a page, and has something to do meanwhile."""
    shared.web(home, name)
    folder = os.path.join(home, "api", name)
    with open(os.path.join(folder, "start.json"), encoding="utf-8") as file:
        start = json.load(file)
    message = start["run"][0]["params"]
    message["message"] = "python3 work.py & " + message["message"]
    files = {"pinokio.js": WEB % (json.dumps(title), json.dumps(about)), "start.json": start}
    return apps.app(home, name, dict(files, **{"work.py": WORKS % (megabytes, 0.03)}))

ASKS = {
    "method": "input",
    "params": {
        "title": "What shall be learned?",
        "description": "The pictures are read where they are.",
        "form": [
            {"key": "folder", "title": "Folder of pictures", "type": "text", "required": True, "placeholder": "/workspace/pictures"},
            {"key": "base", "title": "Base model", "type": "select", "items": [{"text": "SDXL", "value": "sdxl"}, {"text": "FLUX.1", "value": "flux"}]},
            {"key": "captions", "title": "Write captions first", "type": "checkbox", "default": True},
        ],
    },
}


def lay_out(world):
    """The apps, of which two run and one could not."""
    home = world.home
    web_app(home, "comfyui", "ComfyUI", "Makes pictures and films from graphs of models", 310)
    web_app(home, "whisper", "Whisper WebUI", "Writes down what is said in films and recordings", 120)
    about = '{version: "4.0", title: "%s", description: "%s", menu: [{default: true, text: "Start", href: "start.json"}]}'
    broken = [{"event": "/OutOfMemoryError/", "break": True}]
    apps.app(
        home,
        "wan",
        {
            "pinokio.js": "module.exports = " + about % ("Wan 2.2", "Makes short films from a sentence or a picture"),
            "start.json": apps.script(apps.shell("echo 'Checking the models'"), apps.shell(FAILS, on=broken)),
        },
    )
    apps.light(home, "kokoro")
    apps.app(home, "kokoro", {"pinokio.js": "module.exports = " + about % ("Kokoro TTS", "Reads text aloud")})
    apps.app(home, "trainer", {"pinokio.js": "module.exports = " + about % ("LoRA Trainer", "Teaches a model your own pictures"), "start.json": apps.script(ASKS)})
    world.service.up()
    for name in ("comfyui", "whisper"):
        world.service.ready(name)
    world.service.becomes(world.service.launch("wan"), "error")


def share(world):
    """A public address, of a provider's stand-in: for that the engine comes again, behind the stand-in's proxy."""
    net = shared.World(world.service, "cloudflared")
    world.service.down()
    net.up()
    net.opened("comfyui")


def install(world, page):
    """The example app, from PyPI, with its plan looked at."""
    page.tab("Discover")
    page.type("Search", example(world.git_server()))
    page.click("Install from this address")
    page.appears(page.button("Install now").first, "the plan", 60)


def pictures(world, out):
    """Takes all of them; gives what the browser complained about."""

    def shot(name, **options):
        page.raw.wait_for_timeout(700)
        page.shot(os.path.join(out, name + ".png"), **options)
        print("%s.png" % name, flush=True)

    lay_out(world)
    page = world.shown(width=1180)
    page.tab("Discover")
    page.find(".pino-discover-card")
    shot("discover")
    shot("discover-narrow", width=420, most=900)
    install(world, page)
    shot("plan")
    page.click("Install now")
    page.click("Open in My Library", seconds=200)
    page.click("Details", within=app_card("ComfyUI"))
    page.raw.wait_for_timeout(20000)  # the plots have something to show
    shot("library")
    shot("library-dark", dark=True)
    page.click("Show output", within=app_card("Text tools"))
    page.sees(re.compile("uvicorn=="))  # what pip prints at the end
    shot("terminal")
    page.tab("Settings")
    shot("settings")
    share(world)
    page.tab("Active Tunnels")
    page.click("QR code", seconds=30)
    page.find(".pino-tunnels-qr svg")
    shot("tunnels")
    world.service.launch("trainer")
    page.sees("What shall be learned?")
    page.tab("Settings")
    shot("form", most=520)
    return page.errors()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    harness.LIBC.prctl(harness.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    stage = harness.Stage(os.path.abspath(options.engine))
    try:
        with world_of(stage) as world:
            complaints = pictures(world, os.path.abspath(options.out))
    except harness.Skipped as reason:
        print("no pictures: %s" % reason)
        return 1
    finally:
        stage.close()
        end_lab()
    for text in complaints:
        print("the console: %s" % text)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
