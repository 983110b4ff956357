#!/usr/bin/env python3
"""Questions of real scripts, answered as a person does: what is typed into the widgets is what the script gets."""

import json
import logging
import os
import random

import ipywidgets
from support import case, leave, nothing_left

import apps
from desk import Desk, Main, environment
from hands import buttons, by_class, click, raw_html, shown, shown_text, tree
from pinokiocloud.ui.formfields import Form
from pinokiocloud.ui.forms import CANCELLED, Questions
from pinokiocloud.ui.wording import plain, rich

logging.disable(logging.CRITICAL)

HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)> "quoted" \u202egnp.exe \U0001f680 ' + "x" * 300


def ask(method, **params):
    return {"method": method, "params": params}


def keep(name="answers.json"):
    """A step that writes down what the step before it gave."""
    return {"method": "fs.write", "params": {"path": name, "json": "{{input}}"}}


def asker(service, name, *steps, **fields):
    start = apps.script(*steps, **fields)
    return apps.app(service.home, name, {"pinokio.js": apps.menu(name), "start.json": start})


def answers(service, app, name="answers.json"):
    """What has reached the script, once it is there."""
    path = os.path.join(service.home, "api", app, name)
    service.waits(lambda: os.path.exists(path) and apps.read(path).strip(), "%s of %s" % (name, app))
    return json.loads(apps.read(path))


class Page:
    """What waits, on a screen of its own."""

    def __init__(self, service, desk, *names):
        self.service, self.desk = service, desk
        self.runs = []
        self.questions = Questions(desk.store, desk.bridge, show_run=self.runs.append)
        for name in names:
            self.start(name)

    def start(self, name):
        cards = len(self.cards())
        run = self.service.launch(name)
        self.until(lambda: len(self.cards()) > cards, lambda: "a card of %s: %s" % (name, self.text()))
        return run

    @property
    def widget(self):
        return self.questions.widget

    def cards(self):
        return by_class(self.widget, "pino-questions-card")

    def text(self, widget=None):
        return shown_text(widget or self.widget)

    def until(self, condition, what):
        self.desk.until(condition, what)

    def empty(self):
        self.until(lambda: not list(shown(self.widget)), lambda: "nothing waits: %s" % self.text())

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.questions.close()


def control(widget, label):
    """The field with that label."""
    found = [one for one in shown(widget) if getattr(one, "description", None) == label and hasattr(one, "value")]
    if len(found) != 1:
        raise AssertionError("%d fields %r" % (len(found), label))
    return found[0]


FIELDS = [
    {
        "key": "name",
        "title": "Name",
        "description": "As on <a href='https://example.com/x'>the card</a>",
        "required": True,
    },
    {"key": "mail", "title": "Mail", "type": "email"},
    {"key": "secret", "title": "Token", "type": "password"},
    {"key": "words", "title": "Words", "type": "textarea", "placeholder": "many", "default": "a\nb"},
    {"key": "plain", "title": "Plain", "type": "select", "items": ["one", "two", "three"]},
    {
        "key": "named",
        "title": "Named",
        "type": "select",
        "default": 8,
        "items": [{"text": "Few", "value": 4}, {"text": "Many", "value": 8}],
    },
    {"key": "round", "title": "Round", "type": "radio", "items": ["yes", "no"], "default": "no"},
    {"key": "tick", "title": "Tick", "type": "checkbox"},
    {"key": "ticked", "title": "Ticked", "type": "checkbox", "default": True},
    {"key": "count", "title": "Count", "type": "number", "min": 1, "max": 10},
    {"key": "day", "title": "Day", "type": "date", "default": "2031-12-24"},
    {"key": "site", "title": "Site", "type": "url"},
    {"key": "odd", "title": "Odd", "type": "no-such-type", "default": "seven"},
    {"key": "file", "title": "File", "type": "file"},
    {"key": "kept", "type": "hidden", "default": "unseen"},
]


@case("/notebook/ui/forms/every-type-of-field-reaches-the-script")
def every_type(service):
    folder = asker(service, "asks", ask("input", title="Who", description="Tell", form=FIELDS), keep())
    service.up()
    with nothing_left(), Desk(service) as desk, Page(service, desk) as page:
        service.equal(list(shown(page.widget)), [], "hidden while nothing waits")
        run = page.start("asks")
        text = page.text()
        for word in ("asks", "start.json", "Who", "Tell", "the card", "[Submit]", "[Cancel]"):
            service.has(text, word.replace("[", r"\["))
        service.has(raw_html(page.widget), 'href="https://example.com/x" target="_blank" rel="noopener noreferrer"')
        field = lambda label: control(page.widget, label)  # noqa: E731
        service.equal(type(field("Token")).__name__, "Password", "a secret is masked")
        field("Mail").value, field("Count").value, field("Site").value = "nobody", "eleven", "example"
        click(page.widget, "Submit")
        text = page.text()
        for word in (
            "Look again at: Name, Mail, Count, Site",
            "This is needed",
            "e-mail",
            "to be a number",
            "https://example.com",
        ):
            service.has(text, word)
        field("Count").value = "11"
        service.lacks(page.text(), "to be a number")
        click(page.widget, "Submit")
        service.has(page.text(), "at most 10")
        field("Name (required)").value, field("Mail").value, field("Token").value = "Ünï <b>", "a@b.c", "s3cret"
        field("Plain").value, field("Tick").value, field("Count").value = 1, True, "7"
        field("Site").value, field("File").value = "https://example.com", "given.bin"
        with open(os.path.join(folder, "given.bin"), "wb") as file:
            file.write(b"\x00\xff")
        click(page.widget, "Submit")
        service.equal([one.description for one in buttons(page.widget, "Sending")], ["Sending …"], "heard at once")
        service.equal(control(page.widget, "Token").value, "", "a password does not stay")
        page.empty()
        found = answers(service, "asks")
        service.equal(found.pop("file"), {"type": "Buffer", "data": [0, 255]}, "the file")
        wanted = {"name": "Ünï <b>", "mail": "a@b.c", "secret": "s3cret", "words": "a\nb", "plain": "two", "named": 8}
        wanted.update({"round": "no", "tick": True, "ticked": True, "count": "7", "day": "2031-12-24"})
        wanted.update({"site": "https://example.com", "odd": "seven", "kept": "unseen"})
        service.equal(found, wanted, "answers")
        service.becomes(run, "finished")


@case("/notebook/ui/forms/cancel-says-why-and-a-double-click-is-one")
def cancel(service):
    asker(service, "asks", ask("input", title="Who", form=[{"key": "who", "title": "Name"}]), keep())
    service.up()
    with Desk(service) as desk, Page(service, desk) as page:
        run = page.start("asks")
        click(page.widget, "Show output")
        service.equal(page.runs, [run], "show_run")
        pressed = click(page.widget, "Cancel")
        pressed.click(), pressed.click()
        service.equal(
            [one.description for one in buttons(page.widget) if not one.disabled], ["Show output"], "all else waits"
        )
        page.empty()
        service.has(service.becomes(run, "error")["error"], CANCELLED)
        run = page.start("asks")
        control(page.widget, "Name").value = "me"
        pressed = click(page.widget, "Submit")
        pressed.click(), pressed.click()
        page.empty()
        service.equal(answers(service, "asks"), {"who": "me"}, "once")
        service.becomes(run, "finished")
        service.equal([notice.text for notice in desk.store.notices], [], "notices")


@case("/notebook/ui/forms/several-at-once-and-typed-text-survives")
def several(service):
    for name in ("one", "two", "three"):
        form = [{"key": "who", "title": "Name"}, {"key": "secret", "title": "Token", "type": "password"}]
        asker(service, name, ask("input", title="Of " + name, form=form), keep())
    service.up()
    with environment(service), Desk(service) as desk, Page(service, desk) as page:
        page.start("one"), page.start("two")
        control(page.cards()[0], "Name").value = "typed"
        first = page.cards()[0]
        page.start("three")
        service.equal(page.cards()[0], first, "the first stays in its place")
        titles = [text for text in page.text().split("\n") if "Of " in text]
        service.equal(
            [title.rsplit("Of ")[-1].split()[0] for title in titles], ["one", "two", "three"], "the newest is the last"
        )
        service.has(page.text(), r"Waiting for your answer \(3\)")
        two = next(one for one in desk.store.questions if one.app == "two")
        service.api().post(
            ["v1", "runs", two.run, "answer"], {"question": two.question.id, "answers": {"who": "elsewhere"}}
        ).ok()
        page.until(lambda: len(page.cards()) == 2, "the one that was answered elsewhere goes")
        service.equal(answers(service, "two")["who"], "elsewhere", "answered elsewhere")
        service.stop("three")
        page.until(lambda: len(page.cards()) == 1, "that of a run that was stopped goes")
        service.kill()
        page.until(lambda: not desk.store.connected, "the engine is lost")
        service.equal(control(page.widget, "Name").value, "typed", "while the engine is gone")
        control(page.widget, "Token").value = "s3cret"
        click(page.widget, "Submit")
        page.until(lambda: "cannot be asked" in page.text(), lambda: "the error is said: %s" % page.text())
        service.has(page.text(), "Type the password again")
        service.equal([control(page.widget, one).value for one in ("Name", "Token")], ["typed", ""], "after the error")
        desk.done(desk.store.revive)
        page.until(lambda: desk.store.connected and desk.store.questions and page.cards(), "the question is back")
        service.equal(control(page.widget, "Name").value, "typed", "after the engine came back")
        click(page.widget, "Submit")
        page.empty()
        service.equal(answers(service, "one"), {"who": "typed"}, "answers")


@case("/notebook/ui/forms/a-draft-comes-back-with-its-question")
def draft(service):
    asker(
        service,
        "one",
        ask(
            "input", title="One", form=[{"key": "who", "title": "Name"}, {"key": "s", "type": "password", "title": "S"}]
        ),
    )
    service.up()
    with Desk(service) as desk, Page(service, desk) as page:
        page.start("one")
        control(page.widget, "Name").value, control(page.widget, "S").value = "typed", "s3cret"
        asked, desk.store.questions = desk.store.questions, ()
        page.questions._draw()
        service.equal(page.cards(), [], "gone")
        desk.store.questions = asked
        page.questions._draw()
        service.equal(
            [control(page.widget, one).value for one in ("Name", "S")], ["typed", ""], "back, without the secret"
        )


@case("/notebook/ui/forms/modal-with-a-menu")
def modal(service):
    menu = [{"text": "Get it", "href": "https://example.com/get"}, {"text": "Other", "href": "other.json"}]
    menu += [{"text": "Bad", "href": "javascript:alert(1)"}, {"text": "Dead", "action": "none"}, 7, None]
    modal = ask("modal", title="Look", description="First **this**,\nthen that: http://example.org/a.", menu=menu)
    folder = asker(service, "shows", modal, keep())
    with open(os.path.join(folder, "other.json"), "w", encoding="ascii") as file:
        json.dump(apps.script({"method": "fs.write", "params": {"path": "other.txt", "text": "ran"}}), file)
    service.up()
    with Desk(service) as desk, Page(service, desk) as page:
        run = page.start("shows")
        shown_html = raw_html(page.widget)
        service.has(shown_html, 'href="https://example.com/get"')
        service.has(shown_html, r'href="http://example.org/a"[^>]*>http://example.org/a</a>\.')
        service.has(shown_html, "First .*this.*,<br>then")
        service.lacks(shown_html, 'href="javascript')
        labels = [one.description for one in buttons(page.widget)]
        service.equal(labels, ["Other", "Next", "Cancel", "Show output"], "buttons")
        click(page.widget, "Other")
        service.waits(lambda: os.path.exists(os.path.join(folder, "other.txt")), "the menu's script runs")
        page.until(lambda: not buttons(page.widget, "Starting"), "it is over")
        click(page.widget, "Next")
        page.empty()
        service.equal(answers(service, "shows"), {}, "a modal's answer")
        service.becomes(run, "finished")


@case("/notebook/ui/forms/filepicker")
def filepicker(service):
    folder = asker(
        service,
        "picks",
        ask("filepicker.open", title="A model", path="models", filetypes=[["Models", "*.gguf *.bin"]]),
        keep("one.json"),
        ask("filepicker.open", title="A folder", type="folder"),
        keep("two.json"),
        ask("filepicker.open", title="Where to", save=True, initialfile="new.txt"),
        keep("three.json"),
    )
    os.makedirs(os.path.join(folder, "models", "deep"))
    for name in ("models/a.gguf", "models/readme.md", "models/deep/b.bin"):
        open(os.path.join(folder, name), "w", encoding="ascii").close()
    service.up()
    with nothing_left(), Desk(service) as desk, Page(service, desk) as page:
        page.start("picks")
        rows = lambda: next((w for w in shown(page.widget) if isinstance(w, ipywidgets.Select)), None)  # noqa: E731
        labels = lambda: [label for label, _ in rows().options] if rows() else None  # noqa: E731
        page.until(lambda: labels() == ["deep/", "a.gguf"], lambda: "the folder's list: %s" % (labels(),))
        click(page.widget, "Choose")
        service.has(page.text(), "Choose a file first")
        rows().index = 0
        page.until(lambda: labels() == ["b.bin"], lambda: "the folder below: %s" % (labels(),))
        rows().index = 0
        click(page.widget, "Choose")
        service.equal(
            answers(service, "picks", "one.json"), {"paths": [os.path.join(folder, "models/deep/b.bin")]}, "a file"
        )
        page.until(lambda: "A folder" in page.text() and labels() == ["models/"], lambda: "the next: %s" % page.text())
        rows().index = 0
        page.until(lambda: labels() == ["deep/"], lambda: "the folder: %s" % (labels(),))
        click(page.widget, "Choose")
        service.equal(answers(service, "picks", "two.json"), {"paths": [os.path.join(folder, "models")]}, "a folder")
        page.until(lambda: "new.txt" in page.text(), lambda: "the last: %s" % page.text())
        click(page.widget, "Save")
        service.equal(
            answers(service, "picks", "three.json"), {"paths": [os.path.join(folder, "new.txt")]}, "a new file"
        )
        page.empty()


@case("/notebook/ui/forms/required-environment-before-a-start")
def required(service):
    wanted = [
        {"key": "HF_TOKEN", "title": "Token", "host": "huggingface.co"},
        {"key": "SIZE", "default": "8", "description": "How much"},
    ]
    done = {
        "method": "fs.write",
        "params": {"path": "answers.json", "json": {"token": "{{envs.HF_TOKEN}}", "size": "{{envs.SIZE}}"}},
    }
    for name in ("needs", "again"):
        asker(service, name, done, env=wanted)
    service.up()
    with Desk(service) as desk, Page(service, desk) as page:
        run = page.start("needs")
        service.has(page.text(), "Settings that this app needs")
        click(page.widget, "Submit")
        service.has(page.text(), "This is needed")
        control(page.widget, "Token (required)").value = "hf_s3cret"
        click(page.widget, "Submit")
        page.empty()
        service.becomes(run, "finished")
        service.equal(answers(service, "needs"), {"token": "hf_s3cret", "size": "8"}, "settings")
        run = page.start("again")  # the token is remembered for its host
        field = control(page.widget, "Token (required)")
        service.equal((field.value, field.placeholder), ("", "is set: leave it empty to use it"), "not shown")
        click(page.widget, "Submit")
        page.empty()
        service.equal(answers(service, "again"), {"token": "hf_s3cret", "size": "8"}, "settings")
        service.becomes(run, "finished")
        service.lacks(str([vars(notice) for notice in desk.store.notices]), "s3cret")


@case("/notebook/ui/forms/a-password-is-never-kept-or-told")
def password(service):
    form = [{"key": "password", "title": "Password", "type": "password", "required": True}]
    asker(
        service,
        "root",
        ask(
            "input", title="sudo", description="A command of this app wants to run as root", type="password", form=form
        ),
        keep(),
    )
    service.up()
    with Desk(service) as desk, Page(service, desk) as page:
        run = page.start("root")
        field = control(page.widget, "Password (required)")
        click(page.widget, "Submit")
        service.has(page.text(), "This is needed")
        field.value = "pa55 wörd"
        field._handle_custom_msg({"event": "submit"}, [])  # Enter
        service.equal(field.value, "", "gone from the widget at once")
        page.empty()
        service.equal(answers(service, "root"), {"password": "pa55 wörd"}, "it arrives")
        service.becomes(run, "finished")
        service.lacks(json.dumps([event for event in service.events(run)[0]]), "pa55")
        for parts in (desk.store.notices, desk.store.runs.values()):
            service.lacks(repr(list(parts)), "pa55")


@case("/notebook/ui/forms/what-apps-write-is-only-text")
def hostile(service):
    form = [
        {"key": "a", "title": HOSTILE, "description": HOSTILE, "default": HOSTILE, "placeholder": HOSTILE},
        {"title": "no key"},
        3,
    ]
    form.append(
        {"key": "b", "title": "List", "type": "select", "items": [HOSTILE, {"text": HOSTILE, "value": 1}, None, {}]}
    )
    asker(service, "evil", ask("input", title=HOSTILE, description=HOSTILE, form=form), keep())
    broken = [ask("input", title={"a": 1}, description=[1], form=[{"key": "x", "items": "no list", "type": 4}]), keep()]
    asker(service, "broken", *broken)
    service.up()
    with Desk(service) as desk, Page(service, desk) as page:
        page.start("evil")
        for part in ("<script", "<img", "onerror=alert(2)>"):
            service.equal(part in raw_html(page.widget), False, part)
        click(page.widget, "Submit")
        page.empty()
        service.equal(answers(service, "evil"), {"a": HOSTILE, "b": HOSTILE}, "what it wrote comes back whole")
        page.start("broken")
        click(page.widget, "Submit")
        page.empty()
        service.equal(answers(service, "broken"), {}, "of a form that is damaged")
        service.equal([notice.text for notice in desk.store.notices], [], "notices")


@case("/notebook/ui/forms/html-of-apps-as-text")
def wording(service):
    for text, wanted in (
        ("a < b & c", "a &lt; b &amp; c"),
        ("one\n\n\n\ntwo", "one<br><br>two"),
        ("<p>one</p>\n<p>two</p>", "one<br><br>two"),
        ("<ul><li>x</li><li>y</li></ul>", "• x<br><br>• y"),
        ("a<script>bad()</script>b<style>x</style>c", "abc"),
        ("the <model> here", "the &lt;model&gt; here"),
        ("<a href='javascript:x'>go</a>", "go"),
        (
            '<a href="https://a.b/?x=1&y=&quot;">go</a>',
            '<a class="" href="https://a.b/?x=1&amp;y=&quot;" target="_blank" rel="noopener noreferrer">go</a>',
        ),
        (None, ""),
        (7, "7"),
    ):
        service.equal(rich(text), wanted, repr(text))
    service.equal(plain("  <b>a</b>\n b  "), "a b", "a line")
    service.equal(len(plain("x" * 1000)), 300, "cut")
    service.has(rich("x" * 20000), "10000 more characters")
    chance = random.Random(6)
    for _ in range(300):
        text = "".join(
            chance.choice(["<", ">", "/", "a", "<a href=", "'", '"', "script", "<!--", "&lt;", " ", "http://x", "\n"])
            for _ in range(40)
        )
        left = rich(text).replace("<br>", "")
        for tag in ('<a class="" href="http', "</a>"):
            left = left.replace(tag, "")
        service.equal("<" in left, False, "%r gives %r" % (text, rich(text)))


@case("/notebook/ui/forms/many-fields-and-many-questions")
def many(service):
    with Main() as main:
        form = Form([{"key": "k%d" % number, "default": "v"} for number in range(500)], main.bridge)
        service.equal((len(form.values()), form.check()), (500, True), "fields")
        service.has(shown_text(form.widget), "400 more fields")
        form.close()
    for number in range(12):
        asker(service, "app%02d" % number, ask("input", form=[{"key": "a", "title": "A"}]))
    service.up()
    with Desk(service) as desk:
        page = Page(service, desk)
        for number in range(12):
            service.launch("app%02d" % number)
        page.until(lambda: "(12)" in page.text(), lambda: page.text())
        service.equal(len(page.cards()), 10, "cards at once")
        service.has(page.text(), "2 more come after these")
        click(page.cards()[0], "Submit")
        page.until(lambda: "(11)" in page.text() and len(page.cards()) == 10, lambda: page.text())
        widgets = list(tree(page.widget))
        page.questions.close()
        service.equal([widget for widget in widgets if widget.comm is not None], [], "open after close()")
        service.equal(desk.store._topics._observers.get("question"), None, "observers left")


if __name__ == "__main__":
    leave()
