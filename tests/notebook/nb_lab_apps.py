#!/usr/bin/env python3
"""Apps in a real JupyterLab: forms, tunnels, menus, an environment, eager fingers, and what is asked before something goes."""

import os
import re

from lab import SLOW, app_card, case, leave

import apps
from shared import ready

QUESTION = {
    "method": "input",
    "params": {
        "title": "What shall it be",
        "description": "Asked by the script.",
        "form": [
            {"key": "who", "title": "Name", "type": "text", "required": True},
            {"key": "word", "title": "Secret word", "type": "password"},
            {"key": "model", "title": "Model", "type": "select", "items": ["small", "large"]},
            {"key": "fast", "title": "Fast", "type": "checkbox"},
        ],
    },
}
WRITES = {
    "method": "fs.write",
    "params": {"path": "answer", "text": "{{input.who}}/{{input.word}}/{{input.model}}/{{input.fast}}"},
}
MENU = """
module.exports = {
  version: '4.0', title: 'Menus',
  menu: [
    { text: 'Modes', menu: [{ text: 'Mode A', href: 'say.json?mode=A' }, { text: 'Mode B', href: 'say.json', params: { mode: 'B' } }] },
    { text: '<b>Bold</b> & plain', href: 'say.json' }
  ]
}
"""


def answer_of(service, app):
    return apps.read(service.home, "api", app, "answer")


@case("/notebook/apps/form-is-answered")
def form(world):
    service = world.service
    apps.app(world.home, "asks", {"pinokio.js": apps.menu("asks"), "start.json": apps.script(QUESTION, WRITES)})
    page = world.shown()
    page.tab("My Library")
    page.click("Start", within=app_card("asks"))
    page.sees("What shall it be")
    page.click("Submit")
    page.sees(re.compile("needed|Look at"))
    service.equal(answer_of(service, "asks"), "", "an answer that lacks something")
    page.type("Name", "Zoë <b>")
    page.type("Secret word", "hush")
    page.field("Model").select_option("large")
    page.raw.get_by_text("Fast", exact=True).click()
    page.click("Submit")
    page.lacks("What shall it be")
    service.waits(lambda: answer_of(service, "asks"), "the script has the answer")
    service.equal(answer_of(service, "asks"), "Zoë <b>/hush/large/true", "what the script got")
    service.lacks(page.text(), "hush")
    page.click("Start", within=app_card("asks"), seconds=30)
    page.click("Cancel")
    page.lacks("What shall it be")
    service.app_becomes("asks", "ERROR")


@case("/notebook/apps/tunnel-opens-and-closes")
def tunnel(world):
    service = world.service
    net = ready(service, "cloudflared")
    page = world.shown()
    page.tab("Active Tunnels")
    page.click("Open a tunnel")
    address = page.find(".pino-tunnels-open", 30).get_attribute("href")
    service.has(address, r"^https://[a-z0-9-]+\.trycloudflare\.com")
    service.equal(net.net.get(address).status, 200, "what is met there")
    page.sees("Active Tunnels (1)")
    page.click("QR code")
    page.find(".pino-tunnels-qr svg")
    page.click("Passcode …")
    page.type("passcode", "open sesame")
    page.click("Set")
    page.sees(re.compile("asked for the passcode"))
    service.waits(lambda: net.all()[0]["passcode"], "it has a passcode")
    page.click("Close")
    page.raw.locator(".pino-tunnels-open").wait_for(state="detached", timeout=20000 * SLOW)
    service.waits(lambda: not net.all(), "it is closed")
    net.no_agents()
    service.equal(service.app_state("web"), "RUNNING", "the app")


@case("/notebook/apps/menus-and-their-arguments")
def menus(world):
    service = world.service
    say = apps.script(apps.shell("echo mode={{args.mode}} >> said"))
    apps.app(world.home, "menus", {"pinokio.js": MENU, "say.json": say})
    page = world.shown()
    page.tab("My Library")
    card = app_card("Menus")
    page.click("Details", within=card)
    page.sees("Modes")
    page.click("Mode A", within=card)
    service.waits(lambda: "mode=A" in apps.read(world.home, "api", "menus", "said"), "Mode A ran")
    page.click("Mode B", within=card, seconds=30)
    service.waits(lambda: "mode=B" in apps.read(world.home, "api", "menus", "said"), "Mode B ran")
    service.equal(page.raw.locator(".pino-app b").locator("visible=true").count(), 0, "bold of a menu's text")


@case("/notebook/apps/double-clicks-are-one")
def double(world):
    service = world.service
    apps.light(world.home, "light")
    page = world.shown()
    page.tab("My Library")
    card = app_card("light")
    page.find(card)
    for _ in range(3):
        page.button("Start", card).dblclick(timeout=30000 * SLOW)
        service.app_becomes("light", "RUNNING")
        page.button("Stop", card).dblclick(timeout=30000 * SLOW)
        service.app_becomes("light", "INSTALLED")
        page.button("Start", card).wait_for(timeout=20000 * SLOW)
    runs = service.api().get("/v1/runs", query={"app": "light"}).ok().json()
    service.equal(len(runs), 3, "runs")
    service.equal({run["state"] for run in runs}, {"stopped"}, "their states")


@case("/notebook/apps/uninstall-asks-first")
def uninstall(world):
    service = world.service
    apps.light(world.home, "light")
    page = world.shown()
    page.tab("My Library")
    card = app_card("light")
    page.click("Details", within=card)
    page.click("Uninstall", within=card)
    page.click("No", within=card)
    service.equal(os.path.isdir(os.path.join(world.home, "api", "light")), True, "the app")
    page.click("Uninstall", within=card)
    page.click("Yes, uninstall it", within=card)
    page.lacks("Uninstalling …", 60)
    page.sees(re.compile("Nothing is installed yet"), 60)
    service.equal(os.path.exists(os.path.join(world.home, "api", "light")), False, "the app")


@case("/notebook/apps/environment-is-a-form")
def environment(world):
    service = world.service
    apps.light(world.home, "light", environment={"COLOUR": "red", "HF_TOKEN": ""})
    page = world.shown()
    page.tab("My Library")
    page.click("Details", within=app_card("light"))
    page.click("Configure", within=app_card("light"))
    page.type(".pino-configure-entry:has-text('COLOUR') input", "blue")
    page.click("Save 1 change")
    path = (world.home, "api", "light", "ENVIRONMENT")
    service.waits(lambda: "COLOUR=blue" in apps.read(*path), lambda: apps.read(*path))


@case("/notebook/apps/failure-is-told-and-gone-on-from")
def failure(world):
    service = world.service
    broken = {"event": "/why it fails/", "break": True}
    folder = apps.installs(world.home, "frail")
    steps = [
        apps.shell("echo one >> marks"),
        apps.shell("test -e mended && echo two >> marks || echo why it fails", on=[broken]),
        apps.shell("echo three >> marks; touch installed"),
    ]
    apps.app(world.home, "frail", {"install.json": apps.script(*steps)})
    page = world.shown()
    page.tab("My Library")
    card = app_card("frail")
    page.click("Install", within=card)
    page.sees(re.compile("Failed|Not installed"))
    page.click("Details", within=card)
    page.sees(re.compile("[Ss]tep 2 of 3"))
    page.sees(re.compile("why it fails"))
    service.equal(apps.read(folder, "marks").split(), ["one"], "the steps until then")
    with open(os.path.join(folder, "mended"), "w", encoding="ascii"):
        pass
    page.click("Retry from there", within=card)
    service.waits(lambda: "three" in apps.read(folder, "marks"), "it went on")
    service.equal(apps.read(folder, "marks").split(), ["one", "two", "three"], "the steps")
    page.button("Start", card).first.wait_for(timeout=20000 * SLOW)


if __name__ == "__main__":
    leave()
