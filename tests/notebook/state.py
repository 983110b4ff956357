#!/usr/bin/env python3
"""The store against the real engine: what it knows, when it tells of it, and what becomes of it when the engine goes."""

import contextlib
import logging
import os
import signal
import sqlite3
import threading
import time

from support import StandIn, accept, case, leave, nothing_left

import apps
from desk import Desk, Main, most_a_second
from pinokiocloud import PinokioEngine, Store

logging.disable(logging.CRITICAL)


def both(name):
    """A case on a loop, and one without."""

    def keep(function):
        for loop, word in ((True, "on-a-loop"), (False, "without-a-loop")):
            case("/notebook/store/%s/%s" % (name, word))(lambda service, loop=loop: function(service, loop))
        return function

    return keep


@both("all-of-it")
def all_of_it(service, loop):
    apps.light(service.home, "light")
    apps.asks(service.home, "grüße 你好")
    service.up()
    run = service.ready("light")["id"]
    with nothing_left(), Desk(service, loop, wait=False) as desk:
        store = desk.store
        service.equal((store.connected, store.apps, store.catalog), (False, {}, []), "before the first answer")
        service.has(store.why_not, "first time")
        desk.watch("connection", "apps", "app:light", "runs", "catalog", "settings", "tunnels", "machine")
        began = time.monotonic()
        desk.until(lambda: len(store.catalog) >= 284, lambda: "%d in the catalog" % len(store.catalog))
        service.equal(time.monotonic() - began < 2, True, "time until all is known")
        service.equal((store.connected, store.why_not), (True, ""), "connection")
        service.equal(
            {app: desk.state(app) for app in store.apps}, {"light": "RUNNING", "grüße 你好": "INSTALLED"}, "apps"
        )
        service.equal((list(store.runs), store.runs[run].state), ([run], "ready"), "runs")
        service.equal(len(store.runs[run].shells), 1, "shells of a live run")
        service.equal(store.settings["idle.cpu_percent"].type != "", True, "settings")
        service.equal((len(store.providers) > 2, store.tunnels, store.catalog_trouble), (True, {}, ""), "tunnels")
        service.equal((len(store.categories) > 5, len(store.tags) > 5), (True, True), "categories")
        desk.until(lambda: store.machine, "the machine", 20)
        desk.until(lambda: len(desk.told) == 8, lambda: "all topics are told: %s" % sorted(desk.told))


@both("changes-are-told")
def changes(service, loop):
    apps.light(service.home, "light")
    service.up()
    with Desk(service, loop) as desk:
        store = desk.store
        desk.passes(0.3)
        desk.watch("app:light", value=lambda: desk.state("light"))
        desk.watch("apps", value=lambda: sorted(store.apps))
        desk.watch("app:other", "settings", "catalog")
        run = service.launch("light")
        desk.becomes("light", "RUNNING")
        desk.until(lambda: run in store.runs and store.runs[run].state == "ready", "the run")
        watched = store.observe("run:" + run, lambda: desk.told["run"].append(store.runs[run].live))
        service.stop("light")
        desk.becomes("light", "INSTALLED")
        desk.until(lambda: desk.told["run"][-1:] == [False], "the run's end is told")
        desk.until(lambda: desk.told["app:light"][-1][1] == "INSTALLED", lambda: desk.told["app:light"])
        service.equal(desk.told["app:other"], [], "told of another app")
        watched.close()
        watched.close()
        desk.told["run"].clear()
        apps.light(service.home, "new")
        desk.until(lambda: desk.told["apps"][-1][1] == ["light", "new"], "an app that came")
        service.api().put(["v1", "settings", "idle.cpu_percent"], {"value": "7"}).ok()
        desk.until(lambda: desk.told["settings"] and store.settings["idle.cpu_percent"].value == 7, "the setting")
        os.rename(os.path.join(service.home, "api", "new"), os.path.join(service.folder, "new"))
        desk.until(lambda: desk.told["apps"][-1][1] == ["light"], "an app that went")
        service.equal(desk.told["run"], [], "told after close()")


@both("questions")
def questions(service, loop):
    apps.asks(service.home, "asks")
    service.up()
    with Desk(service, loop) as desk:
        desk.watch("question")
        run = service.launch("asks")
        desk.until(lambda: desk.told["question"], "the question is told")
        waiting = desk.store.questions[0]
        service.equal((waiting.run, waiting.app, waiting.question.request["title"]), (run, "asks", "Who"), "question")
        desk.done(desk.store.answer, run, waiting.question.id, {"who": "Zoë 你"})
        desk.until(lambda: not desk.store.questions and len(desk.told["question"]) > 1, "it is answered")
        desk.until(lambda: desk.store.runs[run].state == "finished", "the run goes on")
        service.equal(apps.read(service.home, "api", "asks", "answer"), "Zoë 你", "the answer")


@case("/notebook/store/twenty-thousand-lines-and-states-that-flap-are-told-ten-times-a-second")
def coalesced(service):
    apps.one_step(service.home, "flood", apps.shell("seq 1 20000"))
    apps.steps(service.home, "many", 60, pause=0.005)
    service.up()
    with Desk(service) as desk:
        store = desk.store
        observed = ("apps", "runs", "app:flood", "app:many", "usage", "connection", "notice")
        desk.watch(*observed, value=lambda: desk.state("many"))
        flood = service.launch("flood")
        many = service.launch("many", input={"token": "a"})
        for run in (flood, many):
            store.observe(
                "run:" + run, lambda run=run: desk.told[run].append((time.monotonic(), store.runs[run].state))
            )
        desk.until(lambda: all(run in store.runs and not store.runs[run].live for run in (flood, many)), "both end", 60)
        for _ in range(6):  # a person who cannot decide
            service.launch("many", input={"token": "b"})
            service.stop("many")
            desk.passes(0.01)
        desk.until(lambda: not any(run.live for run in store.runs.values()), "all have ended")
        desk.passes(0.3)
        service.equal(desk.told["app:many"][-1][1], service.app_state("many"), "the last state told")
        service.equal([desk.told[run][-1][1] for run in (flood, many)], ["finished"] * 2, "the last states of the runs")
        for topic in observed + (flood, many):
            most = most_a_second([at for at, _ in desk.told[topic]])
            service.equal(most <= 11, True, "%s was told %d times in a second" % (topic, most))
        service.equal(len(desk.told["runs"]) > 5, True, "told: %d" % len(desk.told["runs"]))


@case("/notebook/store/ten-a-second-and-always-the-last")
def topics(service):
    from pinokiocloud.topics import Topics

    for loop in (True, False):
        with Main(loop) as main:
            made, state, told = Topics(main.bridge), [0], []
            made.observe("it", lambda: told.append((time.monotonic(), state[0])))
            began = time.monotonic()
            while time.monotonic() - began < 1.05:
                state[0] += 1
                made.changed("it", "what nobody watches")
                main.passes(0.001)
            main.until(lambda: told[-1][1] == state[0], "the last", 2)
            count = len([at for at, _ in told if at - began < 1])
            service.equal(8 <= count <= 11, True, "told %d times in a second" % count)
            gaps = [after[0] - before[0] for before, after in zip(told, told[1:])]
            service.equal(min(gaps) > 0.095, True, "gaps: %s" % gaps)


@case("/notebook/store/an-observer-that-fails")
def observer(service):
    apps.light(service.home, "light")
    service.up()
    with Desk(service) as desk:
        desk.store.observe("apps", lambda: 1 // 0)
        desk.store.observe("notice", lambda: {}["no notice"])
        desk.watch("apps", "notice")
        for number in range(3):
            service.ready("light")
            desk.passes(0.3)  # else all of it may be one change
            service.stop("light")
            desk.passes(0.3)
        desk.until(lambda: len(desk.store.notices) == 2, lambda: desk.store.notices)
        desk.until(lambda: desk.told["apps"], "others are told")
        desk.passes(0.5)
        texts = sorted(notice.text.split(":")[0] for notice in desk.store.notices)
        service.equal(texts, ["KeyError", "ZeroDivisionError"], "notices")
        counted = {notice.text.split(":")[0]: notice.count for notice in desk.store.notices}
        service.equal(counted["ZeroDivisionError"] > 1, True, "counted: %s" % counted)
        service.equal(len(desk.told["notice"]) <= 3, True, "no circle: told %d times" % len(desk.told["notice"]))


@both("engine-killed-and-back")
def killed(service, loop):
    apps.light(service.home, "light")
    apps.light(service.home, "goes")
    service.up()
    with nothing_left(), Desk(service, loop) as desk:
        store = desk.store
        desk.watch("connection", value=lambda: (store.connected, store.why_not))
        run = service.launch("light")
        desk.becomes("light", "RUNNING")
        for number in range(3):
            service.kill()
            killed_at = time.monotonic()
            desk.until(lambda: not store.connected, "it is noticed", 1)
            service.equal(time.monotonic() - killed_at < 1, True, "seconds until it is noticed")
            desk.until(lambda: not desk.told["connection"][-1][1][0], "it is told")
            service.has(desk.told["connection"][-1][1][1], "engine")
            service.equal((desk.state("light"), store.usage), ("RUNNING", {}), "what is still shown")
            error = desk.failed(store.stop, "light")
            service.has(str(error), "cannot be asked now")
            if number == 0:
                os.rename(os.path.join(service.home, "api", "goes"), os.path.join(service.folder, "goes"))
                apps.light(service.home, "comes")
            service.up()
            desk.until(lambda: store.connected, "it is found")
            service.equal(sorted(store.apps), ["comes", "light"], "apps")
            service.equal((store.runs[run].live, store.why_not), (True, ""), "the run and why_not")
        service.kill()
        service.kill_all("pinokiocloud-runner", "pinokiocloud-keeper")
        service.up()
        desk.until(lambda: store.connected and not store.runs[run].live, "the run has ended")
        desk.until(lambda: desk.state("light") != "RUNNING", "the app has")
        service.equal(desk.done(store.start, "light").state, "ready", "it starts again")


@case("/notebook/store/answers-of-before-the-engine-went-are-thrown-away")
def stale(service):
    apps.light(service.home, "stays")
    apps.light(service.home, "goes")
    service.up()
    with nothing_left(), Desk(service) as desk:
        store = desk.store
        desk.until(lambda: store.catalog, "all is known")
        asked, go_on, ask = threading.Event(), threading.Event(), store.client.apps

        def slow():
            found = ask()
            if not go_on.is_set():
                asked.set()
                go_on.wait(30)
            return found

        service.ready("stays")
        desk.until(lambda: store.runs, "the run")
        store.client.apps = slow
        service.stop("stays")
        desk.until(asked.is_set, "it is asked")
        store.client.apps = ask
        service.kill()
        desk.until(lambda: not store.connected, "noticed")
        with contextlib.closing(sqlite3.connect(os.path.join(service.home, "library.sqlite"))) as database:
            runs = list(store.runs)
            database.execute("DELETE FROM runs")
            database.commit()
        os.rename(os.path.join(service.home, "api", "goes"), os.path.join(service.folder, "goes"))
        service.up()
        desk.until(lambda: store.connected, "found")
        service.equal((sorted(store.apps), len(runs)), (["stays"], 1), "apps and runs before")
        service.equal(list(store.runs), [run["id"] for run in service.api().get("/v1/runs").ok().json()], "runs")
        go_on.set()
        desk.passes(0.3)
        service.equal(sorted(store.apps), ["stays"], "apps after the late answer")


@case("/notebook/store/close-breaks-off-what-is-under-way")
def breaks_off(service):
    service.up()
    pid = service.engine_pid()
    with nothing_left():
        desk = Desk(service)
        os.kill(pid, signal.SIGSTOP)
        try:
            told = desk.asks(desk.store.menu, "nothing")
            desk.passes(0.2)
            began = time.monotonic()
            desk.close()
            service.equal((time.monotonic() - began < 2, told), (True, []), "closed in time, and nothing told")
        finally:
            os.kill(pid, signal.SIGCONT)


@case("/notebook/store/usage-of-an-app-that-works")
def usage(service):
    apps.light(service.home, "busy", "echo up; exec sh -c 'while :; do :; done'")
    apps.light(service.home, "idle")
    service.up()
    with Desk(service) as desk:
        store = desk.store
        desk.watch("usage")
        service.equal((store.usage, store.history("busy")), ({}, []), "before")
        service.ready("busy")
        desk.until(lambda: len(store.history("busy")) >= 4, lambda: store.history("busy"), 15)
        samples = store.history("busy")
        service.equal(all(sample.cpu_percent > 20 for sample in samples[2:]), True, "CPU: %s" % samples)
        service.equal(all(sample.rss > 100000 for sample in samples), True, "memory: %s" % samples)
        gaps = [after.at - before.at for before, after in zip(samples, samples[1:])]
        service.equal(all(1.5 < gap < 2.5 for gap in gaps), True, "gaps: %s" % gaps)
        service.equal(
            (store.usage["busy"].rss, store.history("idle")), (samples[-1].rss, []), "the last, and of one that rests"
        )
        told = len(desk.told["usage"])
        service.equal(told >= 4, True, "told")
        service.stop("busy")
        desk.until(lambda: not store.usage, "nothing is used", 5)
        service.equal((len(desk.told["usage"]) > told, len(store.history("busy")) >= 4), (True, True), "after the stop")


@case("/notebook/store/a-history-has-120-samples-and-begins-anew-after-a-pause")
def history(service):
    from pinokiocloud import model
    from pinokiocloud import usage as module

    with Main(False) as main:
        meters = module.Meters(main.bridge, lambda: (), lambda: False, lambda: None)
        one = model.Usage(run="1", app="a", cpu_percent=1.5, rss=10, private=5, gpu_memory=3, threads=2, pids=(1,))
        two = model.Usage(run="2", app="a", cpu_percent=2.5, rss=1, private=1, gpu_percent=40, threads=1, pids=(2,))
        both_ = module.together([one, two, model.Usage(run="3", app=None, rss=99)])
        service.equal(list(both_), ["a"], "apps")
        sample = both_["a"]
        service.equal(
            (sample.cpu_percent, sample.rss, sample.private, sample.gpu_memory, sample.gpu_percent, sample.pids),
            (4.0, 11, 6, 3, 40, (1, 2)),
            "of both runs",
        )
        for number in range(150):
            meters._put({"a": model.Usage(run="1", app="a", rss=number)})
        service.equal([sample.rss for sample in meters.history("a")], list(range(30, 150)), "kept")
        module.GAP_S, kept = -1, module.GAP_S
        meters._put(both_)
        module.GAP_S = kept
        service.equal(len(meters.history("a")), 1, "after a pause")
        meters.forget(["b"])
        service.equal(meters.history("a"), [], "of an app that went")
        meters._put(both_)  # of the run that uninstalls it
        service.equal((meters.history("a"), list(meters.usage)), ([], ["a"]), "of an app that went, measured late")
        meters.close()


@case("/notebook/store/two-stores-on-one-engine")
def two(service):
    apps.light(service.home, "light")
    service.up()
    with nothing_left(), PinokioEngine(home=service.home) as engine:
        with Desk(service, engine=engine) as one, Desk(service) as far:
            other = Store(engine, one.bridge)  # a second tab of the same kernel
            one.until(lambda: other.connected, "the second is connected")
            run = one.done(one.store.start, "light").id
            one.until(lambda: other.runs.get(run) and other.runs[run].state == "ready", "the second sees it")
            far.until(
                lambda: run in far.store.runs and far.store.runs[run].state == "ready", "the other kernel sees it"
            )
            other.close()
            far.done(far.store.stop, "light")
            one.becomes("light", "INSTALLED")
            service.equal(other.apps["light"].state, "RUNNING", "one that was closed is told nothing")
            service.kill()
            one.until(lambda: not one.store.connected, "it is noticed here")
            far.until(lambda: not far.store.connected, "and there")
            service.up()
            one.until(lambda: one.store.connected, "it is found here")
            far.until(lambda: far.store.connected, "and there")


@case("/notebook/store/close-at-every-moment-leaves-nothing")
def closes(service):
    apps.light(service.home, "light")
    service.up()
    with PinokioEngine(home=service.home) as engine, Desk(service, engine=engine):
        with nothing_left():
            for number in range(12):
                desk = Desk(service, number % 2 == 0, wait=number % 3 == 0, engine=engine)
                desk.watch("connection", "apps", "machine", "catalog")
                told = desk.asks(desk.store.menu, "light")
                desk.passes(0.004 * number)
                began = time.monotonic()
                desk.store.close()
                service.equal(time.monotonic() - began < 0.05, True, "close() returns at once")
                seen = (len(told), {topic: len(times) for topic, times in desk.told.items()})
                desk.passes(0.03)
                after = (len(told), {topic: len(times) for topic, times in desk.told.items()})
                service.equal(after, seen, "told after close()")
                desk.store.start("light")
                desk.close()
        service.equal(service.app_state("light"), "INSTALLED", "asked of a closed one")


@case("/notebook/store/the-main-thread-never-waits")
def never_waits(service):
    apps.light(service.home, "light")
    service.up()
    with Desk(service, False) as desk:
        store, pid = desk.store, service.engine_pid()
        desk.until(lambda: store.catalog and store.machine, "all is known")
        service.ready("light")
        desk.becomes("light", "RUNNING")
        calls = (
            ("start", ("light",)),
            ("stop", ("light",)),
            ("restart", ("light",)),
            ("install", ("nothing",)),
            ("plan", ("nothing",)),
            ("update", ("light",)),
            ("back", ("light",)),
            ("reset", ("nothing",)),
            ("uninstall", ("nothing",)),
            ("open_tunnel", ("light",)),
            ("change_tunnel", ("nothing", "", "")),
            ("close_tunnel", ("nothing",)),
            ("set", ("idle.cpu_percent", 5)),
            ("answer", ("run", "question", {})),
            ("refuse", ("run", "question", "")),
            ("menu", ("light",)),
            ("history", ("light",)),
            ("look", ()),
        )
        took = {}
        os.kill(pid, signal.SIGSTOP)  # an engine that answers nobody
        try:
            for number in range(5):
                for name, arguments in calls:
                    began = time.perf_counter()
                    getattr(store, name)(*arguments)
                    took.setdefault(name, []).append(1000 * (time.perf_counter() - began))
            began = time.perf_counter()
            desk.bridge.drain()
            took["drain"] = [1000 * (time.perf_counter() - began)]
        finally:
            os.kill(pid, signal.SIGCONT)
        for name, times in took.items():
            times.sort()
            service.equal(times[len(times) // 2] < 5, True, "%s: ms: %s" % (name, times))
        print("# longest: %.2f ms" % max(max(times) for times in took.values()))
        began = time.perf_counter()
        made = Store(desk.engine, desk.bridge)
        service.equal(time.perf_counter() - began < 0.05, True, "a store is made")
        made.close()
    service.waits(lambda: service.api().post("/v1/apps/light/stop", {}, query={"wait": 20}).status < 300, "stopped", 30)


@case("/notebook/store/a-catalog-that-is-damaged-and-troubles-of-the-engine")
def damaged(service):
    with open(os.path.join(service.home, "catalog.json"), "w", encoding="ascii") as file:
        file.write('{"apps": [')
    service.up()
    with Desk(service) as desk:
        desk.until(lambda: desk.store.catalog_trouble, "the trouble")
        service.has(desk.store.catalog_trouble, "catalog.json")
        service.equal(len(desk.store.catalog) >= 284, True, "the others")


@both("what-apps-say")
def says(service, loop):
    steps = [{"method": "notify", "params": {"html": "<b>Hello</b> number {{local.n || 0}}", "href": "https://example.org"}}]
    steps += [{"method": "local.set", "params": {"n": "{{(local.n || 0) + 1}}"}}]
    steps += [{"method": "jump", "params": {"index": "{{local.n < 200 ? 0 : 3}}"}}]
    steps += [{"method": "web.open", "params": {"uri": "http://127.0.0.1:1/page"}}]
    apps.app(service.home, "loud", {"pinokio.js": apps.menu("Loud app"), "start.json": apps.script(*steps)})
    apps.app(service.home, "quiet", {"pinokio.js": apps.menu("Quiet"), "start.json": apps.script(*steps[3:], *steps[3:])})
    service.up()
    with Desk(service, loop) as desk:
        store = desk.store
        desk.watch("notice", value=lambda: len(store.notices))
        desk.until(lambda: "quiet" in store.apps and store.apps["quiet"].name == "Quiet", "what they are called")
        quiet = service.launch("quiet", script="start.json")
        desk.until(lambda: [notice.count for notice in store.notices] == [2], lambda: store.notices)
        notice = store.notices[0]
        service.equal((notice.kind, notice.app, notice.run, notice.html), ("app", "quiet", quiet, ""), "notice")
        service.has(notice.text, "wants to show http://127.0.0.1:1/page")
        service.equal(notice.href, "http://127.0.0.1:1/page", "page")
        service.equal(len(desk.told["notice"]) >= 1, True, "told")
        loud = service.launch("loud", script="start.json")
        desk.until(lambda: any("more than is shown" in notice.text for notice in store.notices), lambda: store.notices)
        service.becomes(loud, "finished")
        desk.passes(0.3)
        of_loud = [notice for notice in store.notices if notice.app == "loud"]
        service.equal(len(of_loud), 10, "notices of one app")
        service.equal(store.notices[0].app, "quiet", "the other's is still there")
        shown = [notice for notice in of_loud if notice.html]
        service.has(shown[0].text, ": Hello number ")
        service.equal((shown[0].html[:12], shown[0].href), ("<b>Hello</b>", "https://example.org"), "as the app wrote it")
        for number in range(60):  # of a script that belongs to no app
            store.notice("app", "number %d" % number)
        service.equal(len([notice for notice in store.notices if not notice.app]), 10, "notices of no app")
        service.equal(store.notices[0].app, "quiet", "the other's is still there")


@case("/notebook/store/engine-of-another-version-and-one-that-answers-nonsense")
def nonsense(service):
    service.up()
    with PinokioEngine(home=service.home) as engine:
        service.down()
        body = [b'{"version": "9.8.7"}']

        def answer(link, head):
            if b"Upgrade" in head:
                link.sendall(accept(head))
                link.recv(99)
            else:
                link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body[0]), body[0]))

        class Many(StandIn):
            def serve(self):
                while True:
                    try:
                        link, _ = self.listening.accept()
                    except OSError:
                        return
                    threading.Thread(target=self.one, args=(link,), daemon=True).start()

            def one(self, link):
                with link:
                    self.answer(link, link.recv(65536))

        with Many(service.folder, answer) as server:
            if os.path.lexists(service.run_path("engine.sock")):
                os.unlink(service.run_path("engine.sock"))
            os.symlink(server.path, service.run_path("engine.sock"))
            desk = Desk(service, engine=engine, wait=False)
            desk.until(lambda: "9.8.7" in desk.store.why_not, lambda: desk.store.why_not)
            body[0] = b"<html>"
            desk.until(lambda: "no JSON" in desk.store.why_not, lambda: desk.store.why_not)
            service.equal(desk.store.connected, False, "connected")
            desk.close()
        os.unlink(service.run_path("engine.sock"))


if __name__ == "__main__":
    leave()
