#!/usr/bin/env python3
"""Many apps at once: started, watched, killed over, stopped. PINOKIO_APPS says how many (20)."""

import os
import statistics
import time

import apps
from service import KEEPER, case, cpu_of, leave, memory_of

APPS = int(os.environ.get("PINOKIO_APPS", "20"))


def names():
    return ["app-%03d" % number for number in range(APPS)]


def states(service):
    return {app["id"]: app["state"] for app in service.api().get("/v1/apps").ok().json()}


def start_all(service):
    """One after the other; gives the seconds that each took to be ready."""
    took = []
    for name in names():
        apps.light(service.home, name)
    for name in names():
        began = time.monotonic()
        service.ready(name)
        took.append(time.monotonic() - began)
    return took


def check_running(service):
    service.equal(sorted(states(service).items()), [(name, "RUNNING") for name in names()], "states")
    listed = service.api().get("/v1/processes").ok().text
    for name in names():
        service.has(listed, name)
    service.equal(
        len([s for s in service.api().get("/v1/shells").ok().json() if s["running"]]), APPS, "running shells"
    )


@case("/service/hundred/started-watched-stopped")
def hundred(service):
    service.up()
    idle = memory_of(service.engine_pid())
    took = start_all(service)
    check_running(service)
    service.waits(lambda: not service.runners(), "the runners have gone: nothing of these apps needs one", 20)
    service.equal(len(service.programs(KEEPER)), APPS, "keepers")
    pid = service.engine_pid()
    with service.api().socket("/v1/events"):
        before, began = cpu_of(pid), time.monotonic()
        time.sleep(5)
        load = 100 * (cpu_of(pid) - before) / (time.monotonic() - began)
    busy = memory_of(pid)
    told = (
        "%d apps: ready after %.0f ms (median), at most %.0f ms; watching %.2f %% of a core; "
        "RSS, anonymous: idle %.1f, %.1f MB, now %.1f, %.1f MB"
    )
    print(
        "# " + told % (APPS, 1000 * statistics.median(took), 1000 * max(took), load, *idle, *busy), flush=True
    )
    if load > 3:
        raise AssertionError("watching them costs %.2f %% of a core" % load)
    service.kill()
    service.up()
    check_running(service)
    answer = service.down("--apps", seconds=60)
    service.nothing_left()
    print("# all stopped after %.1f s" % answer.seconds, flush=True)
    service.up()
    service.equal(set(states(service).values()), {"INSTALLED"}, "states after the stop")


@case("/service/hundred/all-at-once")
def at_once(service):
    """Everybody asks at the same time; nobody waits for an answer."""
    service.up()
    for name in names():
        apps.light(service.home, name)
    runs = {name: service.launch(name) for name in names()}
    for run in runs.values():
        service.becomes(run, "ready", seconds=60)
    check_running(service)
    for name in names():
        answer = service.api().post(["v1", "apps", name, "stop"])
        service.equal(answer.status in (200, 202, 204), True, "stop of %s: %d" % (name, answer.status))
    for run in runs.values():
        service.waits(lambda wanted=run: service.state(wanted) == "stopped", "stopped", 60)
    service.nothing_left(but=[service.engine_pid()])
    service.equal(set(states(service).values()), {"INSTALLED"}, "states after the stop")


@case("/service/hundred/autolaunch")
def autolaunch(service):
    """What is to be launched with the engine is, what it needs first; a kill of the engine launches nothing twice."""
    apps.lines(service.home, "base")
    environment = {"PINOKIO_SCRIPT_AUTOLAUNCH": "start.json", "PINOKIO_SCRIPT_AUTOLAUNCH_ENABLED": "true"}
    apps.light(service.home, "auto", environment=dict(environment, PINOKIO_SCRIPT_REQUIRES="base"))
    off = dict(environment, PINOKIO_SCRIPT_AUTOLAUNCH_ENABLED="false")
    apps.light(service.home, "off", environment=off)
    apps.app(service.home, "broken", {"pinokio.js": "throw 1"}, environment=environment)
    service.up()
    service.app_becomes("auto", "RUNNING", 30)
    service.equal(service.app_state("base"), "RUNNING", "what it needs")
    service.equal(service.app_state("off") != "RUNNING", True, "what is off")
    service.kill()
    service.up()
    time.sleep(1)
    runs = service.api().get("/v1/runs").ok().json()
    service.equal(len([run for run in runs if run["app"] == "auto"]), 1, "runs of it")


if __name__ == "__main__":
    leave()
