#!/usr/bin/env python3
"""What goes wrong around the interface, in a real JupyterLab: kernels that restart, an engine that dies, floods of output,
two tabs, two kernels."""

import os
import re
import time

from lab import SLOW, app_card, case, leave

import apps
from service import memory_of

NOTICED_S = 2.0
FLOOD = "import sys\nline = b'flood %07d: ' + b'x' * 84 + b'\\n'\n"
FLOOD += "for n in range(1000):\n    sys.stdout.buffer.write(b''.join(line % (n * 1000 + i) for i in range(1000)))\n"
FLOOD += "print('THE FLOOD IS OVER', flush=True)\nimport time\ntime.sleep(100000)\n"
FLOOD_MB = 100
ANSWER_S, HEAP_MB, KERNEL_MB = 1.5, 150, 120


def library(page):
    page.tab("My Library")
    return app_card("light")


@case("/notebook/trouble/kernel-restarts-while-an-app-runs")
def restart(world):
    service = world.service
    apps.light(world.home, "light")
    page = world.launcher()
    page.run_all()
    card = library(page)
    page.click("Start", within=card)
    service.app_becomes("light", "RUNNING")
    engine, keepers = service.engine_pid(), service.programs("pinokiocloud-keeper")
    page.restart()
    service.equal(service.app_state("light"), "RUNNING", "the app, when the kernel has gone")
    page.run_all()
    page.find(card)  # whoever comes back is shown what runs
    page.sees("Running")
    service.equal((service.engine_pid(), service.programs("pinokiocloud-keeper")), (engine, keepers), "engine and keeper")
    page.click("Stop", within=card)
    service.app_becomes("light", "INSTALLED")


@case("/notebook/trouble/engine-is-killed-and-revived")
def killed(world):
    service = world.service
    apps.light(world.home, "light")
    page = world.shown()
    card = library(page)
    page.click("Start", within=card)
    service.app_becomes("light", "RUNNING")
    page.sees("Running")
    before = service.engine_pid()
    began = time.monotonic()
    service.kill()
    page.sees(re.compile("not connected"), 10)
    took = time.monotonic() - began
    print("# noticed after %.2f s" % took)
    service.equal(took <= NOTICED_S * SLOW, True, "noticed after %.2f s" % took)
    service.equal(page.button("Stop", card).is_disabled(), True, "Stop is disabled meanwhile")
    page.click("Start the engine")
    page.sees(re.compile("^connected$|Engine connected"), 20)
    page.button("Stop", card).wait_for(timeout=20000 * SLOW)
    service.equal(service.engine_pid() not in (None, before), True, "there is another engine")
    service.equal(service.app_state("light"), "RUNNING", "the app, which went on")
    page.holds(
        "() => [...document.querySelectorAll('.pino button')].some(b => b.innerText === 'Stop' && !b.disabled)",
        "Stop can be pressed again",
    )
    page.click("Stop", within=card)
    service.app_becomes("light", "INSTALLED")


@case("/notebook/trouble/two-tabs-on-one-kernel")
def tabs(world):
    service = world.service
    apps.light(world.home, "light")
    first = world.shown()
    second = world.second(first)
    second.find(".pino")
    card = library(first)
    second.find(card)  # both are the same widgets
    first.click("Start", within=card)
    second.sees("Running")
    second.button("Stop", card).wait_for(timeout=20000 * SLOW)
    second.click("Stop", within=card)
    first.button("Start", card).wait_for(timeout=20000 * SLOW)
    service.app_becomes("light", "INSTALLED")
    second.raw.close()
    first.click("Start", within=card)
    service.app_becomes("light", "RUNNING")
    service.equal(len(service.api().get("/v1/runs", query={"app": "light"}).ok().json()), 2, "runs")


@case("/notebook/trouble/two-kernels-on-one-engine")
def kernels(world):
    service = world.service
    apps.light(world.home, "light")
    first, second = world.shown(), world.shown()
    service.equal(len(world.jupyter.kernel_pids()), 2, "kernels")
    card = library(first)
    library(second)
    first.click("Start", within=card)
    second.sees("Running")
    second.click("Stop", within=card)
    first.sees("Installed")
    service.equal(len(service.api().get("/v1/runs", query={"app": "light"}).ok().json()), 1, "runs")


@case("/notebook/trouble/clicks-come-on-the-main-thread")
def threads(world):
    """JupyterLab 4.4 and newer hand what widgets send to a subshell, a thread of its own, where the kernel has those."""
    page = world.shown()
    page.execute(
        "import threading; from pinokiocloud.shown import Shown; seen = []; "
        "Shown.interface.tab.observe("
        "lambda change: seen.append(threading.current_thread() is threading.main_thread()), 'selected_index')"
    )
    page.tab("Settings")
    page.sees("Save")
    world.service.equal(page.execute("print(seen)").strip(), "[True]", "each on the main thread")


@case("/notebook/trouble/flood-of-100-mb")
def flood(world):
    service = world.service
    start = apps.script(apps.shell("exec python3 -u flood.py", on=[{"event": "/THE FLOOD IS OVER/", "done": True}]), daemon=True)
    files = {"pinokio.js": apps.menu("flood"), "start.json": start, "flood.py": FLOOD}
    apps.app(world.home, "flood", files)
    page = world.shown()
    page.tab("My Library")
    card = app_card("flood")
    page.click("Details", within=card)
    kernel = world.jupyter.kernel_pids()[0]
    heap, resident = page.heap_mb(), memory_of(kernel)[0]
    page.click("Start", within=card)
    page.click("Show output", within=card)
    page.sees(re.compile(r"flood \d{7}"))
    worst = 0.0
    began = time.monotonic()
    run = service.api().get("/v1/runs", query={"app": "flood"}).ok().json()[0]["id"]
    while service.state(run) == "running" or time.monotonic() - began < 3:
        for title, there in (("Active Tunnels", "Open a tunnel"), ("Terminal", re.compile(r"flood \d{7}"))):
            clicked = time.monotonic()
            page.tab(title)
            page.sees(there)
            worst = max(worst, time.monotonic() - clicked)
        page.raw.wait_for_timeout(100)
    took = time.monotonic() - began
    page.sees(re.compile("THE FLOOD IS OVER"), 60)
    page.sees(re.compile("All of it"))
    log = service.log_path(service.shells(run)[0]["id"])
    service.equal(os.path.getsize(log) >= FLOOD_MB * 1000000, True, "bytes in the log")
    print("# %d MB in %.1f s; worst answer %.2f s" % (FLOOD_MB, took, worst))
    grown = page.heap_mb() - heap, memory_of(kernel)[0] - resident
    print("# grown: page %.0f MB, kernel %.0f MB" % grown)
    service.equal(worst <= ANSWER_S * SLOW, True, "worst answer %.2f s" % worst)
    service.equal(grown[0] <= HEAP_MB, True, "the page grew by %.0f MB" % grown[0])
    service.equal(grown[1] <= KERNEL_MB, True, "the kernel grew by %.0f MB" % grown[1])


if __name__ == "__main__":
    leave()
