#!/usr/bin/env python3
"""How older apps behave: they stay in a step without end, open their page, and run each other's scripts."""

import apps
from service import case, leave

PAGE = "http://127.0.0.1:9/"


@case("/service/older/a-wait-without-end-is-ready")
def waits(service):
    start = apps.script(
        apps.shell("echo up; exec sleep 1000000", on=[{"event": "/up/", "done": True}]),
        {"method": "web.open", "params": {"uri": PAGE}},
        {"method": "process.wait"},
    )
    apps.app(service.home, "old", {"pinokio.js": apps.menu("old"), "start.json": start})
    service.up()
    run = service.launch("old")
    service.becomes(run, "ready")
    service.equal(service.app_state("old"), "RUNNING")
    service.equal(service.view(run)["url"], PAGE, "its address")
    said = service.run("start", "old")
    service.equal(PAGE in said.out, True, "start of one that runs says %r" % said.out)
    service.kill()
    service.up()
    service.becomes(run, "ready")
    service.stop("old")
    service.equal(service.state(run), "stopped")


@case("/service/older/a-wait-that-ends-is-not-ready")
def waits_a_while(service):
    start = apps.script({"method": "process.wait", "params": {"sec": 600}})
    apps.app(service.home, "slow", {"pinokio.js": apps.menu("slow"), "start.json": start})
    service.up()
    run = service.launch("slow")
    service.waits(lambda: service.view(run)["step"] == 0, "its step")
    service.equal(service.state(run), "running")
    service.stop("slow")


@case("/service/older/a-script-within-the-run-of-another-app")
def within(service):
    apps.light(service.home, "inner")
    outer = apps.script(
        {"method": "script.start", "params": {"uri": "../inner/start.json"}},
        apps.shell("echo up; exec sleep 1000000", on=[{"event": "/up/", "done": True}]),
        daemon=True,
    )
    apps.app(service.home, "outer", {"pinokio.js": apps.menu("outer"), "start.json": outer})
    service.up()
    run = service.ready("outer")["id"]
    service.app_becomes("inner", "RUNNING")
    answer = service.api().post("/v1/apps/inner/start", {"script": "start.json"}).json()
    service.equal((answer["already"], answer["run"]), (True, run), "a second start")
    service.run("stop", "inner")
    service.waits(lambda: service.app_state("inner") != "RUNNING", "the end of the inner one")
    service.equal(service.app_state("outer"), "RUNNING")
    service.equal(len([shell for shell in service.shells(run) if shell["running"]]), 1, "shells that run")
    service.stop("outer")


leave()
