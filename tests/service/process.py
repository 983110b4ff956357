#!/usr/bin/env python3
"""What the engine tells of the processes of apps, how it stops them, and what a script remembers across engines."""

import os
import time
import urllib.request

import apps
from service import alive, case, cpu_of, leave, program_of

BUSY = "(while :; do :; done) & echo up; wait"


def processes_of(service, app):
    """The engine's own words on one app's processes, whatever else they list."""
    listed = service.api().get("/v1/processes").ok().json()
    listed = listed if isinstance(listed, list) else listed["apps"]
    found = [entry for entry in listed if entry.get("app") == app or entry.get("id") == app]
    service.equal(len(found), 1, "entries of %s in %r" % (app, listed))
    return found[0]


def pids_of(entry):
    """All pids that an entry holds, at whatever depth."""
    if isinstance(entry, dict):
        own = [value for key, value in entry.items() if key == "pid" and isinstance(value, int)]
        return own + [pid for value in entry.values() for pid in pids_of(value)]
    if isinstance(entry, list):
        plain = [value for value in entry if isinstance(value, int) and value > 1]
        return plain + [pid for value in entry if not isinstance(value, int) for pid in pids_of(value)]
    return []


@case("/service/process/what-is-told")
def told(service):
    service.up()
    apps.light(service.home, "busy", BUSY)
    apps.light(service.home, "calm")
    service.ready("busy")
    service.ready("calm")

    children = [pid for pid in service.processes_with(BUSY[:20]) if program_of(pid) == "bash"]
    service.equal(len(children), 2, "processes of it")
    began, before = time.monotonic(), sum(map(cpu_of, children))

    def busy():
        entry = processes_of(service, "busy")
        took = time.monotonic() - began
        share = 100 * (sum(map(cpu_of, children)) - before) / took  # of a core; the machine may have more to do
        return entry if took > 1 and entry["cpu_percent"] > share / 2 else None

    entry = service.waits(busy, lambda: "CPU of the busy app: %r" % processes_of(service, "busy"), 15)
    if not entry["cpu_percent"] < 250:
        raise AssertionError("a busy app uses %r %% of a core" % entry["cpu_percent"])
    service.equal(0 < entry["rss"] < 1 << 28, True, "its memory in bytes: %r" % entry)
    service.equal(entry["restarts"], 0, "restarts")
    shell = [shell for shell in service.api().get("/v1/shells").ok().json() if shell["app"] == "busy"][0]
    service.equal(shell["pid"] in pids_of(entry), True, "pid %d of the shell in %r" % (shell["pid"], entry))
    service.equal(set(children) <= set(pids_of(entry)), True, "its processes %s in %r" % (children, entry))
    calm = processes_of(service, "calm")
    service.equal(calm["cpu_percent"] < 5, True, "CPU of the calm app: %r" % calm["cpu_percent"])
    service.stop("busy")
    listed = service.api().get("/v1/processes").ok().text
    service.equal(str(shell["pid"]) in listed, False, "a process that has ended is listed")


def grace_key(service):
    keys = [setting["key"] for setting in service.api().get("/v1/settings").ok().json()]
    found = [key for key in keys if "grace" in key]
    service.equal(len(found), 1, "settings with `grace` in their name, of %s" % keys)
    return found[0]


@case("/service/process/stop-is-asked-for-then-enforced")
def grace(service):
    """Who ends by itself is not killed; who does not is, after the grace that was set."""
    service.up()
    polite = "trap 'echo bye >> end; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    folder = apps.light(service.home, "polite", polite)
    apps.light(service.home, "stubborn", "trap '' TERM INT HUP; echo up; while :; do sleep 0.05; done")
    service.ready("polite")
    began = time.monotonic()
    service.stop("polite")
    service.equal(time.monotonic() - began < 2, True, "a polite app took %.1f s" % (time.monotonic() - began))
    service.equal(apps.read(folder, "end").strip(), "bye", "what it did at its end")
    key = grace_key(service)
    setting = [one for one in service.api().get("/v1/settings").ok().json() if one["key"] == key][0]
    unit = 1000 if setting["default"] >= 100 else 1  # milliseconds or seconds
    for seconds in (1, 3):
        service.api().put(["v1", "settings", key], {"value": str(seconds * unit)}).ok()
        service.ready("stubborn")
        began = time.monotonic()
        service.stop("stubborn")
        took = time.monotonic() - began
        if not seconds - 0.2 < took < seconds + 2:
            raise AssertionError("with a grace of %d s a stubborn app took %.1f s" % (seconds, took))
        # Its keeper has said that nothing is left, and may itself be on its way out.
        left = [pid for pid in service.processes_with("trap '' TERM INT HUP") if program_of(pid) == "bash"]
        service.equal(left, [], "processes left")


@case("/service/process/memory-survives-the-engine")
def memory(service):
    """Its stop steps, run by the engine after the next, see what the script knew: local, args, where it is."""
    start = apps.script(
        apps.shell("echo up; exec sleep 1000000", on=[{"event": "/(up)/", "done": True}]),
        {"method": "local.set", "params": {"word": "{{input.event[1]}}", "deep": {"list": [1, {"a": "b"}]}}},
        {"method": "local.set", "params": {"url": "http://127.0.0.1:1/{{args.name}}"}},
        daemon=True,
        on={
            "stop": [
                {
                    "method": "fs.write",
                    "params": {
                        "path": "stopped",
                        "text": "{{local.word}} {{local.deep.list[1].a}} {{args.name}} {{local.url}}",
                    },
                }
            ]
        },
    )
    folder = apps.app(service.home, "keeps", {"pinokio.js": apps.menu("keeps"), "start.json": start})
    service.up()
    for kills in (0, 1, 2):
        view = service.ready("keeps", input={"name": 'it\'s "me" ü'})
        for _ in range(kills):
            service.kill()
            service.up()
            service.equal(service.view(view["id"])["url"], view["url"], "url after a kill")
        service.stop("keeps")
        wanted = 'up b it\'s "me" ü http://127.0.0.1:1/it\'s "me" ü'
        service.equal(apps.read(folder, "stopped"), wanted, "what the stop steps saw after %d kills" % kills)
        os.unlink(os.path.join(folder, "stopped"))
        service.equal(service.state(view["id"]), "stopped", "state")


@case("/service/process/menu-sees-what-runs")
def menu(service):
    """A run is another process than the menu's; its memory is seen all the same, also after a kill."""
    apps.lines(service.home, "lines")
    service.up()

    def default():
        items = service.api().get("/v1/apps/lines/menu").ok().json()["items"]
        return [item for item in items if item.get("default")][0]

    service.equal(default()["text"], "Start", "what the menu offers")
    url = service.ready("lines")["url"]
    service.waits(lambda: not service.runners(), "the runner has gone")
    for _ in range(2):
        service.equal((default()["text"], default()["href"]), ("Open", url), "what the menu offers")
        service.kill()
        service.up()
    service.stop("lines")
    service.equal(default()["text"], "Start", "what the menu offers after the stop")


@case("/service/process/installation-then-start")
def installation(service):
    folder = apps.installs(service.home, "app", 4)
    service.up()
    service.equal(service.app_state("app"), "CLONED", "state before the installation")
    run = service.launch("app", script="install.json")
    view = service.becomes(run, "finished")
    service.equal(view["kind"], "install", "kind of the run")
    service.equal(apps.read(folder, "marks").split(), ["1", "2", "3", "4"], "steps of the installation")
    service.app_becomes("app", "INSTALLED")
    service.ready("app")
    service.app_becomes("app", "RUNNING")
    again = service.api().post("/v1/apps/app/start", {"script": "start.json"}).ok().json()
    service.equal(again["already"], True, "start of what runs")


@case("/service/process/restart")
def restart(service):
    apps.lines(service.home, "lines")
    service.up()
    first = service.ready("lines")
    pid = service.shells(first["id"])[0]["pid"]
    answer = service.api(timeout=40).post("/v1/apps/lines/restart", {})
    service.equal(answer.status in (200, 202), True, "restart: %d %s" % (answer.status, answer.text))
    service.waits(lambda: not alive(pid), "the first one has gone")
    service.app_becomes("lines", "RUNNING")
    runs = service.api().get("/v1/runs", query={"app": "lines"}).ok().json()
    service.equal([run["state"] for run in runs], ["ready", "stopped"], "runs, the newest first")
    with urllib.request.urlopen(runs[0]["url"], timeout=5) as page:
        service.has(page.read().decode(), "printed")


@case("/service/process/script-stopped-in-its-steps")
def stopped_in_steps(service):
    folder = apps.steps(service.home, "steps", 300, 0.05)
    service.up()
    run = service.launch("steps", input={"token": "x"})
    service.waits(lambda: len(apps.read(folder, "marks-x").split()) >= 2, "two steps done")
    service.stop_run(run)
    done = len(apps.read(folder, "marks-x").split())
    service.equal(service.state(run), "stopped", "state")
    time.sleep(0.3)
    service.equal(len(apps.read(folder, "marks-x").split()), done, "steps after the stop was answered")
    service.waits(lambda: not service.runners(), "its runner has gone")
    service.stop_run(run)  # has ended: no error
    service.stop("steps")


if __name__ == "__main__":
    leave()
