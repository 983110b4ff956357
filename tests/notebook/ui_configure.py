#!/usr/bin/env python3
"""An app's ENVIRONMENT as a form, against the real file: what is shown, what is written, what is left alone."""

import json
import logging
import os
import time

import ipywidgets
from support import case, leave, nothing_left

import apps
from desk import Desk, environment
from hands import by_class, buttons, click, raw_html, shown, shown_text, tree
from pinokiocloud.ui.configure import Configure

logging.disable(logging.CRITICAL)

FILE = """# The app's own.

# How many workers there are
WORKERS=4

# Says more
DEBUG=false
# With a <script>alert(1)</script> in it, see https://example.com/x
NAME=first
HF_TOKEN=hf_s3cret
EMPTY=
"""


def app(service, name="web", text=FILE, fresh=FILE, run="echo up; exec sleep 1000000"):
    start = apps.script(
        apps.shell(run, on=[{"event": "/up/", "done": True}]),
        daemon=True,
        env=[{"key": "NEEDED", "description": "Wanted", "default": "d"}],
    )
    return apps.app(
        service.home,
        name,
        {"pinokio.js": apps.menu(name), "start.json": start, "ENVIRONMENT": text, "_ENVIRONMENT": fresh},
    )


class Form:
    def __init__(self, service, desk, name="web"):
        self.service, self.desk, self.closed = service, desk, []
        began = time.monotonic()
        self.form = Configure(desk.store, desk.bridge, name, close=lambda: self.closed.append(True))
        self.took = time.monotonic() - began

    def loads(self):
        self.desk.until(lambda: by_class(self.widget, "pino-configure-entry"), lambda: self.text())
        return self

    @property
    def widget(self):
        return self.form.widget

    def text(self):
        return shown_text(self.widget)

    def row(self, key):
        rows = [one for one in by_class(self.widget, "pino-configure-entry") if key in shown_text(one).split()[:1]]
        if len(rows) != 1:
            raise AssertionError("%d rows of %s: %s" % (len(rows), key, self.text()))
        return rows[0]

    def field(self, key):
        kinds = (ipywidgets.Text, ipywidgets.Checkbox)
        return next(one for one in shown(self.row(key)) if isinstance(one, kinds))

    def hint(self, placeholder):
        return next(one for one in shown(self.widget) if getattr(one, "placeholder", None) == placeholder)

    def save(self):
        pressed = buttons(self.widget, "Save")[0]
        pressed.click()
        pressed.click()
        self.service.equal(buttons(self.widget, "Saving")[0].description, "Saving …", "heard at once")
        self.desk.until(lambda: not buttons(self.widget, "Saving"), "it is saved")
        return self.text()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        widgets = list(tree(self.widget))
        self.form.close()
        self.service.equal([one for one in widgets if one.comm is not None], [], "open after close()")


def text_of(folder):
    return apps.read(folder, "ENVIRONMENT")


@case("/notebook/ui/configure/shown-changed-saved")
def saved(service):
    folder = app(service)
    service.up()
    with nothing_left(), Desk(service) as desk, Form(service, desk) as form:
        service.equal(form.took < 0.05, True, "made in %.3f s" % form.took)
        service.has(form.text(), "Reading …")
        form.loads()
        before = text_of(folder)
        text = form.text()
        for word in ("Settings of web", "ENVIRONMENT", "How many workers there are", "Wanted", "required"):
            service.has(text, word)
        service.equal("<script" in raw_html(form.widget), False, "hostile comments")
        service.has(raw_html(form.widget), 'href="https://example.com/x"')
        service.equal(
            [form.field("WORKERS").value, form.field("DEBUG").value, form.field("EMPTY").value],
            ["4", False, ""],
            "values",
        )
        secret = form.field("HF_TOKEN")
        service.equal(
            (type(secret).__name__, secret.value, secret.placeholder),
            ("Password", "", "is set: type to replace it"),
            "a secret",
        )
        service.equal(buttons(form.widget, "Save")[0].disabled, True, "nothing to save")
        form.field("WORKERS").value = "8"
        form.field("DEBUG").value = True
        service.has(form.text(), r"\[Save 2 changes\]")
        form.field("DEBUG").value = False
        service.has(form.text(), r"\[Save 1 change\]")
        form.field("DEBUG").value = True
        form.field("HF_TOKEN").value = "hf_other"
        form.hint("New variable").value, form.hint("Its value").value = "MINE", "a b # c"
        click(form.widget, "Add")
        service.has(form.save(), "Saved")
        service.equal(form.field("HF_TOKEN").value, "", "a secret does not stay")
        text = text_of(folder)
        for word in (
            "WORKERS=8",
            "DEBUG=true",
            "HF_TOKEN=hf_other",
            "# How many workers there are",
            "NAME=first",
            "EMPTY=",
        ):
            service.has(text, word)
        service.equal(before != text, True, "it was written")
        service.equal(form.field("MINE").value, "a b # c", "what was added comes back")
        service.equal(buttons(form.widget, "Save")[0].disabled, True, "nothing to save")
        click(form.row("MINE"), "Remove")
        service.has(shown_text(form.row("MINE")), "removed when saved")
        click(form.row("WORKERS"), "Default")
        service.equal(form.field("WORKERS").value, "4", "its default")
        (
            click(form.row("HF_TOKEN"), "Remove")
            if buttons(form.row("HF_TOKEN"), "Remove")
            else click(form.row("HF_TOKEN"), "Default")
        )
        click(form.row("HF_TOKEN"), "Undo")
        form.save()
        service.lacks(text_of(folder), "MINE")
        service.has(text_of(folder), "WORKERS=4")
        click(form.widget, "Close")
        service.equal(form.closed, [True], "closed")


@case("/notebook/ui/configure/changed-outside-and-not-saved")
def outside(service):
    folder = app(service)
    service.up()
    with Desk(service) as desk, Form(service, desk) as form:
        form.loads()
        form.field("NAME").value = "typed"
        with open(os.path.join(folder, "ENVIRONMENT"), "w", encoding="utf-8") as file:
            file.write(FILE.replace("WORKERS=4", "WORKERS=16").replace("NAME=first", "NAME=second"))
        click(form.widget, "Reload")
        desk.until(lambda: "Changed outside" in form.text(), lambda: form.text())
        service.has(form.text(), "Changed outside since it was read: .*WORKERS.*NAME|NAME.*WORKERS")
        service.equal([form.field(key).value for key in ("WORKERS", "NAME")], ["16", "typed"], "what was typed stays")
        service.has(shown_text(form.row("WORKERS")), "changed outside")
        click(form.widget, "Close")
        service.equal(form.closed, [], "asks first")
        service.has(form.text(), "1 change is not saved")
        click(form.widget, "No")
        form.save()
        service.has(text_of(folder), "NAME=typed")
        service.has(text_of(folder), "WORKERS=16")
        click(form.widget, "Reload")
        desk.until(lambda: "Nothing was changed outside" in form.text(), lambda: form.text())
        form.field("NAME").value = "again"
        click(form.widget, "Close")
        click(form.widget, "Close without saving")
        service.equal((form.closed, "NAME=typed" in text_of(folder)), ([True], True), "left")


@case("/notebook/ui/configure/what-runs-is-restarted")
def restarts(service):
    folder = app(service, run="echo $NAME >> names; echo up; exec sleep 1000000")
    service.up()
    with Desk(service) as desk, Form(service, desk) as form:
        form.loads()
        form.field("NEEDED").value = "n"
        service.lacks(form.save(), "started again")
        desk.done(desk.store.start, "web")
        form.field("NAME").value = "third"
        service.has(form.save(), "keeps its old settings")
        click(form.widget, "Restart the app")
        service.equal(len(buttons(form.widget, "Restarting")), 1, "heard at once")
        desk.until(lambda: "runs with the new settings" in form.text(), lambda: form.text())
        service.waits(
            lambda: apps.read(folder, "names").split() == ["first", "third"], lambda: apps.read(folder, "names")
        )


@case("/notebook/ui/configure/errors-are-said")
def errors(service):
    folder = app(service)
    service.up()
    with environment(service), Desk(service) as desk:
        with Form(service, desk, "nothing") as form:
            desk.until(lambda: "nothing" in form.text() and not buttons(form.widget, "Reading"), lambda: form.text())
            service.has(form.text(), "no app|not")
        with Form(service, desk) as form:
            form.loads()
            for name in ("", "a b", "ä", "A=B"):
                form.hint("New variable").value = name
                click(form.widget, "Add")
                service.has(form.text(), "letters, digits")
            form.hint("New variable").value = "NAME"
            click(form.widget, "Add")
            service.has(form.text(), "There is a NAME already")
            form.field("NAME").value = "x" * (1 << 18)
            service.has(form.save(), "Saved|too|large|most|over|byte")
            form.field("NAME").value = "kept"
            service.kill()
            desk.until(lambda: not desk.store.connected, "the engine is lost")
            buttons(form.widget, "Save")[0].click()
            desk.until(lambda: "cannot be asked" in form.text(), lambda: form.text())
            service.equal(form.field("NAME").value, "kept", "what was typed stays")
            desk.done(desk.store.revive)
            desk.until(lambda: desk.store.connected, "it is back")
            service.has(form.save(), "Saved")
            service.has(text_of(folder), "NAME=kept")


@case("/notebook/ui/configure/three-hundred-settings")
def many(service):
    text = "".join("# About %d\nKEY_%03d=value %d\n" % (number, number, number) for number in range(300))
    app(service, text=text, fresh=text)
    service.up()
    with Desk(service) as desk, Form(service, desk) as form:
        form.loads()
        service.equal(len(by_class(form.widget, "pino-configure-entry")), 60, "rows at once")
        service.has(form.text(), "more: the filter finds them")
        form.field("KEY_000").value = "typed"
        form.hint("Filter").value = "key_29"
        service.equal(len(by_class(form.widget, "pino-configure-entry")), 10, "filtered")
        form.field("KEY_299").value = "last"
        form.hint("Filter").value = ""
        service.equal(form.field("KEY_000").value, "typed", "what was typed stays")
        service.has(form.text(), r"\[Save 2 changes\]")


if __name__ == "__main__":
    leave()
