#!/usr/bin/env python3
"""The Terminal without a browser: what it shows of real runs, in time and bounded; what is typed, searched, read, saved."""

import base64
import contextlib
import gc
import logging
import os
import re
import time

from support import SLOW, case, leave, nothing_left

import apps
import hands
import ipywidgets
from desk import Desk
from pinokiocloud.host import JUPYTERLAB, Host
from pinokiocloud.ui import parts
from pinokiocloud.ui.front import Front
from pinokiocloud.ui.plainview import CHARACTERS, LINES
from pinokiocloud.ui.terminal import Terminal
from pinokiocloud.ui.xterm import TAIL, WINDOW, XtermView, can_be_made

logging.disable(logging.CRITICAL)

FLOOD = 100_000_000
SGR = re.compile("\x1b\\[[0-9;]*m")


def instances():
    found = getattr(ipywidgets.widgets.widget, "_instances", None)
    return set(ipywidgets.Widget.widgets if found is None else found)


def memory():
    """MB of this process."""
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024


def holds(text, part):
    if part not in text:
        raise AssertionError("%r is not in:\n%r" % (part, text[-3000:]))


class Eyes:
    """A Terminal in the plain form, and what a person sees of it."""

    def __init__(self, desk, front=None):
        self.desk = desk
        self.part = desk.on_loop(lambda: Terminal(desk.store, desk.bridge, front=front))
        self.widget = self.part.widget
        self.output = self.part._plain._output
        self.messages = []
        self.output.observe(lambda change: self.messages.append(time.monotonic()), "outputs")

    @property
    def coloured(self):
        return self.output.outputs[0]["text"] if self.output.outputs else ""

    @property
    def text(self):
        return SGR.sub("", self.coloured)

    @property
    def own(self):
        """Without the engine's lines."""
        return "\n".join(line for line in self.text.split("\n") if not line.startswith("\u25b8"))

    def sees(self, text, seconds=20):
        self.desk.until(lambda: text in self.text, lambda: "%r in:\n%s" % (text, self.text[-2000:]), seconds)

    def says(self, text, seconds=20):
        self.desk.until(
            lambda: text in hands.shown_text(self.widget), lambda: "%r in:\n%s" % (text, hands.shown_text(self.widget)), seconds
        )

    def dropdown(self, name):
        return [one for one in hands.tree(self.widget) if name in getattr(one, "_dom_classes", ())][0]

    def labels(self):
        return [label for label, _ in self.dropdown("pino-terminal-runs").options]

    def toggle(self, label):
        return [one for one in hands.shown(self.widget) if isinstance(one, ipywidgets.ToggleButton) and one.description == label][0]

    def type(self, text):
        field = hands.by_class(self.widget, "pino-terminal-input")[0]
        field._handle_custom_msg({"event": "submit"}, [])  # Enter comes before the text, as from a browser
        field.value = text

    def search(self, text):
        hands.by_class(self.widget, "pino-terminal-search")[0].value = text


@contextlib.contextmanager
def terminal(service, **options):
    with nothing_left(), Desk(service) as desk:
        eyes = Eyes(desk, **options)
        yield desk, eyes
        eyes.part.close()
        eyes.part.close()
        desk.passes(0.05)
        service.equal([str(error) for error in desk.bridge.troubles], [], "errors that nobody took")


def raw(home, name, *messages, **more):
    steps = [apps.shell(message) for message in messages]
    return apps.app(home, name, {"pinokio.js": apps.menu(name), "start.json": apps.script(*steps, **more)})


@case("/notebook/ui/terminal/raw-output-of-the-newest-run")
def newest(service):
    printed = r"printf '\033[31mred\033[0m\r\n'; for n in 10 60 100; do printf '\r%3d%%' $n; done; echo; "
    raw(service.home, "first <b>", printed + r"echo 'Grüße 你好 <script>alert(1)</script>'; exit 3")
    apps.light(service.home, "second")
    service.up()
    with terminal(service) as (desk, eyes):
        eyes.says("Nothing has run yet")
        service.equal([one.description for one in hands.buttons(eyes.widget)], [], "nothing to press")
        run = service.launch("first <b>")
        eyes.sees("<script>alert(1)</script>")
        eyes.sees("\u25b8 the command ended with status 3")
        eyes.sees("\u25b8 the run is over: all steps are done")
        lines = eyes.own.split("\n")
        service.equal(lines[:3], ["red", "100%", "Grüße 你好 <script>alert(1)</script>"], "as a terminal shows it")
        holds(eyes.coloured, "\x1b[0;31mred")
        desk.until(lambda: not hands.buttons(eyes.widget, "Stop"), "it is over")
        service.equal(re.match(r"first <b> · start.json · (finished|failed) · \d\d:\d\d:\d\d$", eyes.labels()[0]) is not None, True, eyes.labels())
        eyes.toggle("Engine's lines").value = False
        desk.until(lambda: "100%" in eyes.text and "\u25b8" not in eyes.text, lambda: eyes.text)
        second = service.ready("second")["id"]
        eyes.sees("up")
        service.equal("red" in eyes.text, False, "the newest live run is shown by itself")
        service.equal([run_id for _, run_id in eyes.dropdown("pino-terminal-runs").options], [second, run], "live ones first")
        desk.on_loop(lambda: eyes.part.show_run(run))
        eyes.sees("red")
        service.launch("first <b>")
        desk.passes(0.6)
        service.equal((eyes.part._run, eyes.labels()[-1]), (run, "Always the newest run"), "what was chosen stays")
        eyes.dropdown("pino-terminal-runs").value = "*"
        eyes.sees("up")
        service.equal(eyes.part._run, second, "the newest that lives")
        hands.click(eyes.widget, "Stop")
        service.equal([one.description for one in hands.buttons(eyes.widget, "Stop")], ["Stopping …"], "heard at once")
        desk.until(lambda: not hands.buttons(eyes.widget, "Stop"), "it is stopped")


@case("/notebook/ui/terminal/flood-of-100-mb")
def flood(service):
    line = "a line of a flood that nobody can read, with some more words in it to fill it up"
    raw(service.home, "flood", "yes '%s' | head -c %d; echo; echo THE END; sleep 60" % (line, FLOOD))
    service.up()
    with terminal(service) as (desk, eyes):
        desk.passes(0.3)
        gc.collect()
        before = memory()
        run = service.launch("flood")
        peak, began, pause = before, time.monotonic(), 0.0
        while "THE END" not in eyes.text:
            at = time.monotonic()
            desk.passes(0.02)
            pause = max(pause, time.monotonic() - at - 0.02)
            peak = max(peak, memory())
            if at - began > 90 * SLOW:
                raise AssertionError("no end: %s" % eyes.text[-300:])
        seconds = time.monotonic() - began
        print("# %.1f s, memory %.0f -> %.0f MB, longest pause %.0f ms" % (seconds, before, peak, 1000 * pause))
        service.equal(peak - before < 24, True, "memory %.0f -> %.0f MB" % (before, peak))
        service.equal(pause < 0.25 * SLOW, True, "the main thread waited %.3f s" % pause)
        service.equal(len(eyes.messages) <= 11 * seconds + 3, True, "%d updates in %.1f s" % (len(eyes.messages), seconds))
        service.equal(len(eyes.coloured) <= CHARACTERS + 4096 and eyes.text.count("\n") <= LINES, True, "an update is small")
        lost = eyes.part._feed.lost
        service.equal(0 < lost < FLOOD, True, "%d bytes were left out" % lost)
        log = service.shells(run)[0]["log"]
        service.equal(os.path.getsize(log) > FLOOD, True, "all of it is in the log")
        eyes.says("%s not shown here." % parts.size(lost))
        eyes.says(log)
        hands.click(eyes.widget, "Download")
        eyes.says("more than fits into a link")
        holds(hands.raw_html(eyes.widget), log)
        service.stop_run(run)


@case("/notebook/ui/terminal/a-line-is-shown-in-time")
def latency(service):
    raw(service.home, "clock", "while true; do date +at:%s.%N; sleep 0.03; done")
    service.up()
    with terminal(service) as (desk, eyes):
        late, seen = [], set()

        def look(change):
            now = time.time()
            for stamp in re.findall(r"at:(\d+\.\d+)", eyes.text):
                if stamp not in seen:
                    seen.add(stamp)
                    late.append(now - float(stamp))

        run = service.launch("clock")
        eyes.sees("at:")
        desk.passes(0.3)
        look(None)
        late.clear()
        eyes.output.observe(look, "outputs")
        desk.until(lambda: len(late) > 120, "lines")
        late.sort()
        print("# median %.0f ms, worst %.0f ms" % (1000 * late[len(late) // 2], 1000 * late[-1]))
        service.equal(late[len(late) // 2] < 0.12 * SLOW and late[-1] < 0.2 * SLOW, True, "%s" % late[-5:])
        service.stop_run(run)


@case("/notebook/ui/terminal/engine-killed-and-back")
def killed(service):
    apps.lines(service.home, "lines", rate=40)
    service.up()
    run = service.ready("lines")["id"]
    with terminal(service) as (desk, eyes):
        desk.on_loop(lambda: eyes.part.show_run(run))
        eyes.sees("line 00000005")
        for _ in range(2):
            service.kill()
            eyes.says("The engine does not answer")
            service.equal([one.disabled for one in hands.buttons(eyes.widget, "Send")], [True], "nothing can be sent")
            desk.passes(0.2)
            service.up()
            desk.until(lambda: "does not answer" not in hands.shown_text(eyes.widget), "it is back")
            last = re.findall(r"line (\d+)", eyes.text)[-1]
            desk.until(lambda: re.findall(r"line (\d+)", eyes.text)[-1] > last, "it goes on")
        numbers = [int(number) for number in re.findall(r"line (\d{8}) of lines", eyes.text)]
        service.equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "nothing is missing, nothing twice")
        service.equal(len(numbers) > 40, True, "%d lines" % len(numbers))
        service.stop("lines")


@case("/notebook/ui/terminal/typed-input")
def typed(service):
    raw(service.home, "cat", "echo first; true", "echo ready to read; cat; echo cat ended")
    service.up()
    with terminal(service) as (desk, eyes):
        run = service.launch("cat")
        eyes.sees("ready to read")
        desk.until(lambda: len(eyes.dropdown("pino-terminal-shells").options) == 3, "its shells")
        eyes.type("hello <b> 你好")
        desk.until(lambda: eyes.own.count("hello <b> 你好") == 2, lambda: eyes.text)
        service.equal(hands.by_class(eyes.widget, "pino-terminal-input")[0].value, "", "the field is empty again")
        for key in "abcdefghij":
            desk.on_loop(lambda key=key: eyes.part._type(key))
        desk.on_loop(lambda: eyes.part._type("\r"))
        desk.until(lambda: eyes.own.count("abcdefghij") == 2, lambda: eyes.text)
        shells = {one["running"]: one["id"] for one in service.view(run)["shells"]}
        shell, first = shells[True], shells[False]
        eyes.dropdown("pino-terminal-shells").value = first
        desk.until(lambda: "first" in eyes.text and "ready" not in eyes.text, lambda: eyes.text)
        service.equal(hands.buttons(eyes.widget, "Send"), [], "a shell that ended takes nothing")
        desk.on_loop(lambda: eyes.part.show_shell(shell))
        desk.until(lambda: eyes.text.startswith("ready to read"), lambda: eyes.text)
        service.equal("\u25b8" in eyes.text, False, "the engine's lines")
        eyes.type("in its own terminal")
        desk.until(lambda: eyes.text.count("in its own terminal") == 2, lambda: eyes.text)
        hands.click(eyes.widget, "Ctrl-C")
        desk.until(lambda: not hands.buttons(eyes.widget, "Send"), "it ended")
        desk.on_loop(lambda: eyes.part.show_shell("no-such-shell"))
        eyes.says("no-such-shell")
        desk.on_loop(lambda: eyes.part.show_run("no-such-run"))
        eyes.says("This output cannot be shown")


@case("/notebook/ui/terminal/searched-scrolled-cleared")
def searched(service):
    raw(service.home, "text", "seq -f 'Line %.0f of many' 1 1500; sleep 60")
    service.up()
    with terminal(service) as (desk, eyes):
        run = service.launch("text")
        eyes.sees("Line 1500 of many")
        eyes.search("line 12")
        eyes.says("111 of 111")
        eyes.sees("Line 1299 of many")
        holds(eyes.coloured, "\x1b[0;7mLine 12\x1b[0m99")
        hands.click(eyes.widget, "Next")
        eyes.says("1 of 111")
        holds(eyes.coloured, "\x1b[0;7mLine 12\x1b[0m of many")
        hands.click(eyes.widget, "Previous")
        eyes.says("111 of 111")
        eyes.search("nowhere to be found (")
        eyes.says("Not found")
        eyes.toggle("Follow").value = True
        eyes.sees("Line 1500 of many")
        hands.click(eyes.widget, "Earlier lines")
        service.equal("Line 1500 " in eyes.text, False, "earlier ones")
        held = eyes.text
        desk.passes(0.2)
        hands.click(eyes.widget, "Clear view")
        service.equal(eyes.text, "", "cleared")
        service.equal(held != "", True, "something was there")
        service.stop_run(run)
        eyes.sees("the run is over")


@case("/notebook/ui/terminal/from-the-beginning")
def beginning(service):
    raw(service.home, "long", "seq -f 'line %.0f of a long output' 1 60000")
    service.up()
    run = service.launch("long")
    service.becomes(run, "finished", "stopped", seconds=30)
    with terminal(service) as (desk, eyes):
        desk.on_loop(lambda: eyes.part.show_run(run))
        eyes.sees("line 60000 of")
        service.equal(eyes.part._plain._screen.dropped < 30000, True, "not all of it was read")
        click = lambda label: desk.on_loop(lambda: hands.click(eyes.widget, label))  # noqa: E731
        click("From the beginning")
        eyes.says("page 1")
        desk.until(lambda: "line 60000" not in eyes.text and "line " in eyes.text, "the first page")
        desk.passes(0.4)  # it comes in two pieces
        numbers, page = [], 1
        while True:
            found = re.findall(r"line (\d+) of a long", eyes.part._plain._screen.text())
            numbers += [int(number) for number in found]
            if page == 4:
                break
            page += 1
            click("Next page")
            eyes.says("page %d" % page)
            first = numbers[-1] + 1
            desk.until(lambda: "line %d of" % first in eyes.part._plain._screen.text(), "page %d" % page)
            desk.passes(0.4)
        service.equal(numbers == list(range(1, len(numbers) + 1)), True, "every line of every page")
        service.equal(len(numbers) > 6000, True, "%d lines" % len(numbers))
        click("Back to the end")
        eyes.sees("line 60000 of")


@case("/notebook/ui/terminal/saved")
def saved(service):
    raw(service.home, "sav/../<x>".replace("/", "_"), r"printf '\033[31mred\033[0m\n'; echo more", "echo second")
    service.up()
    with terminal(service) as (desk, eyes):
        service.launch("sav_.._<x>")
        eyes.sees("second")
        eyes.sees("the run is over")
        hands.click(eyes.widget, "Download")
        eyes.says("Save sav_")
        found = re.search(r'<a download="([^"]+)" href="data:text/plain;charset=utf-8;base64,([^"]+)"', hands.raw_html(eyes.widget))
        service.equal(base64.b64decode(found.group(2)), b"\x1b[31mred\x1b[0m\r\nmore\r\nsecond\r\n", "all of it")
        service.equal(re.match(r"^[\w.-]+\.log$", found.group(1)) is not None, True, found.group(1))


@case("/notebook/ui/terminal/leaves-nothing")
def leaves(service):
    apps.lines(service.home, "lines", rate=50)
    service.up()
    service.ready("lines")
    with Desk(service) as desk:
        before, observed = instances(), {topic: len(some) for topic, some in desk.store._topics._observers.items()}
        with nothing_left():
            for _ in range(3):
                began = time.monotonic()
                eyes = Eyes(desk)
                took = time.monotonic() - began
                eyes.sees("line 0000")
                eyes.part.close()
        service.equal(took < 0.15 * SLOW, True, "made in %.3f s" % took)
        still = {topic: len(some) for topic, some in desk.store._topics._observers.items()}
        service.equal(still, observed, "observers")
        del eyes
        gc.collect()
        service.equal(len(instances() - before), 0, "widgets left: %s" % list(instances() - before)[:5])
        service.stop("lines")


class Page:
    """Stands for xterm.js on a page: takes what the kernel sends, and answers."""

    def __init__(self, view):
        self.view, self.sent = view, []
        view._terminal.send = lambda content, buffers=None: self.sent.append((content, bytes(buffers[0]) if buffers else b""))

    def says(self, **content):
        self.view._terminal._handle_custom_msg(content, [])

    def data(self, to=None):
        return b"".join(data for content, data in self.sent if content["kind"] == "data" and content.get("to") == to)


@case("/notebook/ui/terminal/xterm-kernels-half", when=can_be_made())
def xterm(service):
    told = []
    names = ("ready", "failed", "input", "size", "found", "away")
    view = XtermView({name: lambda *values, name=name: told.append((name, *values)) for name in names})
    page = Page(view)
    view.feed(b"x" * 100 + b"\n")
    service.equal((page.sent, view.room() > 0), ([], True), "nobody is there: it is kept")
    page.says(kind="hello", id="a")
    service.equal(page.sent[-1], ({"kind": "data", "to": "a", "epoch": 0, "at": 0}, b"x" * 100 + b"\n"), "what was kept")
    page.sent.clear()
    piece = b"a line of output\n" * 4096
    while view.room() >= len(piece):
        view.feed(piece)
    service.equal(len(page.data()) <= WINDOW, True, "not more than a page can take")
    sent = sum(len(data) for _, data in page.sent)
    page.says(kind="ack", id="a", epoch=0, at=101 + sent)
    service.equal(view.room(), WINDOW, "all is taken")
    page.says(kind="hello", id="late")
    replay = page.sent[-1][1]
    service.equal(len(replay) <= TAIL + len(piece) and replay.startswith(b"a line"), True, "the end, from a line's begin")
    service.equal(page.sent[-1][0]["at"], 101 + sent - len(replay), "where it is")
    for _ in range(4):
        view.feed(piece)
    page.says(kind="ack", id="a", epoch=0, at=view._position)
    service.equal(view.room() < WINDOW, True, "the slower one is waited for")
    view._views["late"].heard -= 60
    service.equal((view.room(), list(view._views)), (WINDOW, ["a"]), "but not for ever")
    view.reset()
    service.equal((page.sent[-1][0], view.room()), ({"kind": "reset", "epoch": 1}, WINDOW), "another output")
    page.says(kind="ack", id="a", epoch=0, at=5)
    for content in ({}, {"kind": []}, {"kind": "ack"}, {"kind": "ack", "id": 3, "at": "x"}, {"kind": "hello", "id": 7},
                    {"kind": "input", "data": 5}, {"kind": "size", "cols": "x", "rows": 3}, {"kind": "size", "cols": 0, "rows": 0},
                    {"kind": "found"}, {"kind": "bye", "id": []}, {"kind": "bye"}):
        view._terminal._handle_custom_msg(content, [])
    service.equal(told, [], "what is not understood is passed over")
    page.says(kind="input", data="ls\r")
    page.says(kind="size", cols=80, rows=24)
    page.says(kind="found", index=1, count=2)
    page.says(kind="away", away=True)
    service.equal(told, [("input", "ls\r"), ("size", 80, 24), ("found", 1, 2), ("away", True)], "what is")
    for number in range(100):
        page.says(kind="hello", id="many %d" % number)
    service.equal(len(view._views) <= 16, True, "views are bounded")
    view.close()


@case("/notebook/ui/terminal/xterm-comes-when-a-page-has-loaded-it", when=can_be_made())
def better(service):
    raw(service.home, "cat", "stty size; echo ready to read; cat")
    service.up()
    run = service.launch("cat")
    with Desk(service) as desk:
        front = desk.on_loop(lambda: Front(desk.bridge, Host(JUPYTERLAB)))
        eyes = Eyes(desk, front=front)
        eyes.sees("ready to read")
        service.equal(eyes.part.view is eyes.part._plain, True, "plain until then")
        front._asker._handle_custom_msg({"ready": True}, [])
        page = Page(eyes.part._coming)
        service.equal(eyes.part._coming.widget.layout.display, "none", "not shown before it has loaded")
        page.says(kind="ready")
        page.says(kind="hello", id="a")
        desk.until(lambda: b"ready to read" in page.data() + page.data("a"), "the same output")
        service.equal(hands.by_class(eyes.widget, "pino-terminal-plain"), [], "the plain one is not shown any more")
        desk.until(lambda: eyes.part._coming._terminal.writable, "it can be typed into")
        page.says(kind="size", cols=77, rows=21)
        page.says(kind="input", data="typed\r")
        desk.until(lambda: page.data().count(b"typed") >= 2, lambda: page.data())
        page.says(kind="away", away=True)
        service.equal([one.value for one in hands.tree(eyes.widget) if getattr(one, "description", "") == "Follow"], [False], "follow")
        eyes.part.close()
        front.close()
        service.stop_run(run)
    with Desk(service) as desk:
        front = desk.on_loop(lambda: Front(desk.bridge, Host(JUPYTERLAB)))
        front._asker._handle_custom_msg({"ready": True}, [])
        eyes = Eyes(desk, front=front)
        Page(eyes.part._coming).says(kind="failed", why="no network <b>")
        eyes.sees("ready to read")
        service.equal(len(hands.by_class(eyes.widget, "pino-terminal-plain")), 1, "the plain form stays")
        eyes.part.close()
        front.close()


if __name__ == "__main__":
    leave()
