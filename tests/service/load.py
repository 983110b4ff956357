"""What goes on while the engine is killed: apps that print numbered lines, scripts in their steps, starts and stops in
flight, readers. Each actor knows what it was promised, and checks after the kill that the promise was kept.
"""

import json
import os
import random
import re
import threading
import urllib.request

import apps
from client import CLOSE, Gone, Refused
from service import ENDED, alive


class Numbered:
    """The lines of an app in the order they come: each once, none left out."""

    LINE = re.compile(rb"line (\d{8}) of (\S+)")

    def __init__(self, what):
        self.what = what
        self.seen = 0
        self.rest = b""

    def feed(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            match = self.LINE.match(line)
            if match is None:
                if b"line 0" in line:
                    raise AssertionError("%s: a torn line after %d: %r" % (self.what, self.seen, line))
                continue
            number = int(match.group(1))
            if number != self.seen + 1:
                kind = "doubled" if number <= self.seen else "missing"
                raise AssertionError(
                    "%s: %s: line %d came after line %d" % (self.what, kind, number, self.seen)
                )
            self.seen = number

    def feed_events(self, events, shell):
        for event in events:
            if event["type"] == "gap" or event.get("lost"):
                raise AssertionError("%s: %r after line %d" % (self.what, event, self.seen))
            if event["type"] == "stream" and event.get("shell", shell) == shell:
                self.feed(event["raw"].encode())


class Printer:
    """A running app of apps.lines(): its process, its log and its events must outlive every engine."""

    def __init__(self, service, name, rate=100):
        self.service, self.name = service, name
        apps.lines(service.home, name, rate)
        view = service.ready(name)
        self.run, self.url = view["id"], view["url"]
        shells = service.shells(self.run)
        service.equal(len(shells), 1, "shells of %s" % name)
        self.shell, self.pid = shells[0]["id"], shells[0]["pid"]
        self.log, self.log_offset = Numbered("log of " + name), 0
        self.told, self.told_offset = Numbered("events of " + name), 0

    def page(self):
        with urllib.request.urlopen(self.url, timeout=10) as answer:
            return json.load(answer)

    def read_log(self):
        while True:
            answer = (
                self.service.api()
                .get(["v1", "shells", self.shell, "log"], query={"offset": self.log_offset})
                .ok()
            )
            self.log.feed(answer.body)
            self.log_offset += len(answer.body)
            if len(answer.body) < 4096:
                return self.log.seen

    def read_events(self):
        events, self.told_offset = self.service.events(self.run, self.told_offset)
        self.told.feed_events(events, self.shell)
        return self.told.seen

    def check(self):
        """Everything of it is as before the kill, now and not later; and what it printed meanwhile comes."""
        service, view = self.service, self.service.view(self.run)
        service.equal(view["state"], "ready", "state of %s" % self.name)
        service.equal(view["url"], self.url, "url of %s" % self.name)
        local = [script["local"] for script in view["scripts"] if script.get("main", True)]
        service.equal(local, [{"url": self.url, "kept": "as it was"}], "local memory of %s" % self.name)
        service.equal(service.app_state(self.name), "RUNNING", "state of app %s" % self.name)
        shells = service.shells(self.run)
        service.equal(
            [(s["id"], s["pid"], s["running"]) for s in shells], [(self.shell, self.pid, True)], "its shells"
        )
        if not alive(self.pid):
            raise AssertionError("process %d of %s has gone" % (self.pid, self.name))
        printed = self.page()["printed"]
        service.waits(
            lambda: self.read_log() >= printed, lambda: "line %d in the %s" % (printed, self.log.what), 5
        )
        service.waits(
            lambda: self.read_events() >= printed, lambda: "line %d in the %s" % (printed, self.told.what), 5
        )

    def check_whole(self):
        """Once more from the first byte: log by the API, log file, events."""
        self.log, self.log_offset = Numbered("whole log of " + self.name), 0
        self.told, self.told_offset = Numbered("all events of " + self.name), 0
        printed = self.page()["printed"]
        for read in (self.read_log, self.read_events):
            self.service.waits(lambda: read() >= printed, "line %d of %s" % (printed, self.name), 20)
        with open(self.service.log_path(self.shell), "rb") as file:
            whole = Numbered("log file of " + self.name)
            whole.feed(file.read())


class Actor(threading.Thread):
    """Does its turns until the engine goes away, waits, checks, goes on."""

    def __init__(self, service, seed):
        super().__init__(daemon=True)
        self.service = service
        self.random = random.Random(seed)
        self.changed = threading.Condition()
        self.acting = self.over = False
        self.parked = True
        self.error = None

    def run(self):
        while True:
            with self.changed:
                self.parked = True
                self.changed.notify_all()
                self.changed.wait_for(lambda: self.acting or self.over)
                if self.over:
                    return
                self.parked = False
            try:
                while self.acting:
                    self.turn()
            except Gone as error:
                if isinstance(error.__cause__, TimeoutError):
                    self.error = "no answer: %s" % error
            except Exception as error:  # told by the thread that watches
                self.error = "%s: %r" % (type(self).__name__, error)
            self.acting = False

    def begin(self):
        with self.changed:
            self.acting, self.parked = True, False
            self.changed.notify_all()

    def halt(self):
        """Waits until it does nothing more."""
        with self.changed:
            self.acting = False
            self.changed.notify_all()
            if not self.changed.wait_for(lambda: self.parked, 60):
                raise AssertionError("%s does not come to rest" % type(self).__name__)
        if self.error:
            raise AssertionError(self.error)

    def leave(self):
        with self.changed:
            self.over, self.acting = True, False
            self.changed.notify_all()
        self.join(60)

    def pause(self, longest):
        """Waits a random while, less when it is to rest."""
        with self.changed:
            self.changed.wait_for(lambda: not self.acting, self.random.uniform(0, longest))


class Reader(Actor):
    """Asks for everything, over one connection."""

    PATHS = ("/v1/status", "/v1/apps", "/v1/runs", "/v1/shells", "/v1/processes", "/v1/resources")

    def turn(self):
        api = self.service.api()
        connection = api.connection()
        try:
            while self.acting:
                api.get(self.random.choice(self.PATHS), connection=connection).ok().json()
                self.pause(0.05)
        finally:
            connection.close()


class Follower(Actor):
    """Follows a run's events over a WebSocket; goes on at its offset with the next engine."""

    def __init__(self, service, seed, printer):
        super().__init__(service, seed)
        self.printer, self.offset = printer, 0
        self.seen = Numbered("followed events of " + printer.name)

    def turn(self):
        path = ["v1", "runs", self.printer.run, "events"]
        try:
            with self.service.api().socket(path, query={"offset": self.offset}) as socket:
                while self.acting:
                    try:
                        kind, content = socket.message(0.2)
                    except TimeoutError:
                        continue
                    if kind == CLOSE:
                        raise AssertionError("closed while the run goes on: %r" % (content,))
                    batch = json.loads(content)
                    self.seen.feed_events(batch["events"], self.printer.shell)
                    self.offset = batch["offset"]
        except Refused as error:
            raise AssertionError("no event stream: %s" % error)


class Flipper(Actor):
    """Starts and stops one app again and again, and remembers what was promised."""

    def __init__(self, service, seed, name):
        super().__init__(service, seed)
        self.name = name
        apps.lines(service.home, name, 20)
        self.run_id = None  # of the start that was answered
        self.up = self.was_ready = False
        self.asked = None  # start or stop, while not answered

    def turn(self):
        if not self.up:
            self.asked = "start"
            self.run_id = self.service.launch(self.name)
            self.up, self.was_ready, self.asked = True, False, None
            self.pause(0.5)
        elif not self.was_ready and self.random.random() < 0.6:
            state = self.service.state(self.run_id)
            self.was_ready = state == "ready"
            if state in ENDED:
                raise AssertionError("%s is %s by itself" % (self.run_id, state))
            self.pause(0.05)
        else:
            self.asked = "stop"
            self.service.stop(self.name)
            self.up, self.asked = False, None
            self.pause(0.1)

    def processes(self):
        return self.service.processes_with(self.name)

    def check(self):
        """Gives how the last promise came out."""
        if self.asked is None and self.run_id is None:
            return "idle"
        runs = self.service.api().get("/v1/runs", query={"app": self.name, "limit": 1}).ok().json()
        newest = runs[0] if runs else None
        if self.asked is None:
            self.service.equal(newest["id"], self.run_id, "newest run of %s" % self.name)
        if self.asked is None and not self.up:
            self.service.equal(
                newest["state"], "stopped", "state of %s after its stop was answered" % self.name
            )
            self.service.equal(
                self.processes(), [], "processes of %s after its stop was answered" % self.name
            )
            return "stopped"
        if self.asked is None and self.was_ready:
            self.service.equal(newest["state"], "ready", "state of %s, which was ready" % self.name)
        if newest is None:
            self.asked, self.up = None, False
            return "never started"
        return self.settle(newest["id"])

    def settle(self, run):
        """In between: either is right, but it must come to an end and be true."""
        state = self.service.waits(
            lambda: self.service.state(run) in ("ready",) + ENDED and self.service.state(run),
            lambda: "an end of what %s was in the middle of: %r" % (self.name, self.service.brief(run)),
        )
        if state == "error" or (state == "stopped" and self.asked != "stop" and self.up):
            raise AssertionError("%s became %s: %r" % (self.name, state, self.service.brief(run)))
        if state == "interrupted":
            self.service.stop(self.name)
        self.up = self.was_ready = state == "ready"
        if self.up:
            shells = self.service.shells(run)
            if not shells or not alive(shells[0]["pid"]):
                raise AssertionError("%s is ready and has no process: %r" % (self.name, shells))
        else:
            self.service.waits(
                lambda: not self.processes(), "no process of %s, which is %s" % (self.name, state), 5
            )
        self.run_id, self.asked = run, None
        return state


class Stepper(Actor):
    """Runs a script of many steps again and again."""

    STEPS = 30

    def __init__(self, service, seed, name):
        super().__init__(service, seed)
        self.name, self.count = name, 0
        self.folder = apps.steps(service.home, name, self.STEPS, 0.005)
        self.current = None  # (run, token) that was answered
        self.outcomes = {}

    def turn(self):
        if self.current is None:
            token = "t%d" % self.count
            self.count += 1
            answer = self.service.api().post(["v1", "apps", self.name, "start"], {"input": {"token": token}})
            self.service.equal(answer.status, 202, answer.text)
            if answer.json()["already"]:
                self.pause(0.1)  # one whose answer the kill took
            else:
                self.current = (answer.json()["run"], token)
        elif self.service.state(self.current[0]) in ENDED:
            self.check()
        else:
            self.pause(0.05)

    def check(self):
        if self.current is None:
            return None
        run, token = self.current
        self.service.waits(
            lambda: self.service.state(run) in ENDED,
            lambda: "end of the steps: %r" % self.service.brief(run),
            20,
        )
        view = self.service.view(run)
        marks = [int(mark) for mark in apps.read(self.folder, "marks-" + token).split()]
        self.service.equal(
            marks, list(range(1, len(marks) + 1)), "steps done by %s, %s" % (run, view["state"])
        )
        if view["state"] == "finished":
            self.service.equal(len(marks), self.STEPS, "steps done by %s, which finished" % run)
        elif view["state"] != "interrupted":
            raise AssertionError("steps came to %r" % view)
        elif not len(marks) - 1 <= view["step"] <= len(marks) + 1:
            raise AssertionError(
                "interrupted at step %d, but %d steps were done" % (view["step"], len(marks))
            )
        self.outcomes[view["state"]] = self.outcomes.get(view["state"], 0) + 1
        if os.path.exists(os.path.join(self.folder, "marks-" + token)):
            os.unlink(os.path.join(self.folder, "marks-" + token))
        self.current = None
        return view["state"]


class Asker:
    """A script that waits for an answer through all of it."""

    def __init__(self, service):
        self.service = service
        apps.asks(service.home, "asks")
        self.run = service.launch("asks")
        self.question = self.wait_for_question()

    def wait_for_question(self):
        def asked():
            view = self.service.view(self.run)
            self.service.equal(view["state"], "running", "state of the script that asks")
            return view["questions"]

        questions = self.service.waits(asked, "the question is asked", 10)
        self.service.equal(len(questions), 1, "questions")
        return questions[0]

    def check(self):
        self.service.equal(self.wait_for_question()["request"], self.question["request"], "what is asked")

    def answer(self):
        question = self.wait_for_question()["id"]
        body = {"question": question, "answers": {"who": "somebody"}}
        self.service.api().post(["v1", "runs", self.run, "answer"], body).ok()
        self.service.becomes(self.run, "finished")
        self.service.equal(
            apps.read(self.service.home, "api", "asks", "answer"), "somebody", "what was answered"
        )


class Load:
    """All of it together."""

    def __init__(self, service, seed, printers=6):
        self.printers = [Printer(service, "lines-%d" % number) for number in range(printers)]
        self.asker = Asker(service)
        self.flippers = [Flipper(service, seed + number, "flip-%d" % number) for number in range(2)]
        self.steppers = [Stepper(service, seed + 10, "steps")]
        self.others = [
            Reader(service, seed + 20),
            Reader(service, seed + 21),
            Follower(service, seed + 22, self.printers[0]),
        ]
        self.actors = self.flippers + self.steppers + self.others
        self.flips = {}
        for actor in self.actors:
            actor.start()

    def begin(self):
        for actor in self.actors:
            actor.begin()

    def halt(self):
        for actor in self.actors:
            actor.halt()

    def check(self):
        for printer in self.printers:
            printer.check()
        for flipper in self.flippers:
            outcome = flipper.check()
            self.flips[outcome] = self.flips.get(outcome, 0) + 1
        for stepper in self.steppers:
            stepper.check()
        self.asker.check()

    def close(self):
        for actor in self.actors:
            actor.leave()

    def told(self):
        outcomes = [stepper.outcomes for stepper in self.steppers]
        lines = sum(printer.log.seen for printer in self.printers)
        return "%d lines; steps: %s; starts and stops in flight: %s" % (lines, outcomes, self.flips)
