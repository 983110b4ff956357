#!/usr/bin/env python3
"""What a person asks of the engine through the store: begun, done, failed; twice at once; with no engine there."""

import json
import logging
import os

from support import case, leave, nothing_left

import apps
from desk import Desk, environment
from gitserver import GitServer
import shared
from pinokiocloud import EngineGoneError, PinokioError, ProblemError, RunFailedError

logging.disable(logging.CRITICAL)


def serve(service, name="hello", *steps):
    """A git server with one app, which is installed when its steps are done."""
    server = GitServer(os.path.join(service.folder, "git"))
    service.stage.cleanups.append(server.close)
    repository = server.repository(name)
    install = list(steps or [apps.shell("echo 1 >> marks")])
    install.append({"method": "fs.write", "params": {"path": "installed", "text": "yes"}})
    start = apps.script(apps.shell("echo up; exec sleep 1000000", on=[{"event": "/up/", "done": True}]), daemon=True)
    made = {"install.json": json.dumps(apps.script(*install)), "start.json": json.dumps(start)}
    repository.commit(dict(made, **{"pinokio.js": apps.menu(name, True)}))
    return server.url(name), repository


def names(told):
    return [state for state, _ in told]


def runs_of(service, app):
    return [run for run in service.api().get("/v1/runs").ok().json() if run["app"] == app]


@case("/notebook/actions/start-stop-restart")
def start(service):
    apps.light(service.home, "light")
    apps.one_step(service.home, "ends")
    service.up()
    for loop in (True, False):
        with nothing_left(), Desk(service, loop) as desk:
            store = desk.store
            told = desk.asks(store.start, "light")
            state, run = desk.ends(told)
            service.equal((names(told), run.state, told[0][1].id), (["begun", "done"], "ready", run.id), "start")
            service.equal((store.runs[run.id].state, desk.state("light")), ("ready", "RUNNING"), "known when told")
            told = desk.asks(store.start, "light")
            service.equal((desk.ends(told)[1].id, told[0][1].already), (run.id, True), "start of what runs")
            again = desk.done(store.restart, "light")
            service.equal((again.id != run.id, store.runs[run.id].live), (True, False), "restart")
            service.equal(desk.done(store.menu, "light")["title"], "light", "menu")
            service.equal(desk.done(store.stop, "light"), (again.id,), "stop")
            service.equal((store.runs[again.id].live, desk.state("light")), (False, "INSTALLED"), "known when told")
            service.equal(desk.done(store.stop, "light"), (), "stop of what does not run")
            service.equal(desk.done(store.start, "ends").state, "finished", "one that ends by itself")
            run = desk.done(store.start, "light")
            service.equal(desk.done(store.stop_run, run.id), (run.id,), "stop of a run")


@case("/notebook/actions/double-clicks")
def twice(service):
    apps.light(service.home, "light", "sleep 0.5; echo up; exec sleep 1000000")
    service.up()
    with Desk(service) as desk:
        store = desk.store
        asked = []
        request = store.client.request
        store.client.request = lambda method, parts, **more: (
            asked.append((method, parts)),
            request(method, parts, **more),
        )[1]
        told = [desk.asks(store.start, "light") for _ in range(5)]
        desk.until(lambda: names(told[0]) == ["begun"], "it has begun")
        late = desk.asks(store.start, "light")
        desk.ends(late)
        service.equal([names(one) for one in told + [late]], [["begun", "done"]] * 6, "told")
        service.equal(len({one[1][1].id for one in told + [late]}), 1, "runs")
        posts = [parts for method, parts in asked if method == "POST"]
        service.equal(posts, [("apps", "light", "start")], "requests")
        service.equal(len(runs_of(service, "light")), 1, "runs")
        for _ in range(3):  # one after another, and not the same
            stop, started = desk.asks(store.stop, "light"), desk.asks(store.start, "light")
            desk.ends(started), desk.ends(stop)
        service.equal((names(started)[-1], desk.state("light")), ("done", "RUNNING"), "start after stop")
        started, stop = desk.asks(store.restart, "light"), desk.asks(store.stop, "light")
        desk.ends(started), desk.ends(stop)
        service.equal((names(stop)[-1], desk.state("light")), ("done", "INSTALLED"), "stop after restart")
        first, other, third = (desk.asks(store.set, "idle.cpu_percent", value) for value in (7, 9, 7))
        desk.ends(third), desk.ends(first), desk.ends(other)
        service.equal(store.settings["idle.cpu_percent"].value, 7, "the last of three settings")


@case("/notebook/actions/that-fail")
def fails(service):
    apps.fails(service.home, "fails")
    apps.light(service.home, "slow", "sleep 30; echo up; exec sleep 1000000")
    service.up()
    with Desk(service) as desk:
        store = desk.store
        told = desk.asks(store.start, "fails")
        state, error = desk.ends(told)
        service.equal((names(told), type(error)), (["begun", "failed"], RunFailedError), "a script that fails")
        service.has(str(error), r"start fails: .*no\.such\.method")
        service.equal((error.run.state, desk.state("fails")), ("error", "ERROR"), "its run")
        told = desk.asks(store.start, "slow")
        desk.until(lambda: told, "it begins")
        desk.done(store.stop, "slow")
        service.has(str(desk.ends(told)[1]), "was stopped")
        for action, arguments, status in (
            (store.start, ("nothing",), 404),
            (store.stop, ("nothing",), 404),
            (store.menu, ("nothing",), 404),
            (store.update, ("nothing",), 404),
            (store.close_tunnel, ("nothing",), 404),
            (store.answer, ("nothing", "1", {}), 404),
            (store.set, ("no.such.setting", 1), None),
            (store.set, ("idle.cpu_percent", "much"), None),
            (store.start, ("slow", "none.json"), None),
        ):
            error = desk.failed(action, *arguments)
            service.equal(type(error), ProblemError, "%s%r: %s" % (action.__name__, arguments, error))
            service.equal(status in (None, error.status), True, "%s%r: %d" % (action.__name__, arguments, error.status))
        store.start("nothing")  # nobody asks how it went

        def breaks(state, value):
            raise ValueError("in on()")

        store.menu("slow", on=breaks)
        desk.until(lambda: any("in on()" in notice.text for notice in store.notices), "it is noticed")


@case("/notebook/actions/no-engine")
def no_engine(service):
    apps.light(service.home, "light", "sleep 1; echo up; exec sleep 1000000")
    service.up()
    with environment(service), nothing_left(), Desk(service) as desk:
        store = desk.store
        told = desk.asks(store.start, "light")
        desk.until(lambda: names(told) == ["begun"], "it has begun")
        service.kill()
        asked = [desk.asks(store.menu, "light") for _ in range(3)]  # noticed or not
        desk.until(lambda: not store.connected, "noticed")
        service.equal([type(desk.ends(one)[1]) for one in asked], [EngineGoneError] * 3, "meanwhile")
        error = desk.failed(store.stop, "light")
        service.equal(type(error), EngineGoneError, "while it is gone")
        service.equal(desk.done(store.revive).pid, service.engine_pid(), "revived")
        desk.until(lambda: store.connected, "connected", 2)
        service.equal((desk.ends(told)[1].state, names(told)), ("ready", ["begun", "done"]), "what was begun before")
        desk.done(store.revive)
        service.equal(store.connected, True, "reviving one that lives")


@case("/notebook/actions/plan-install-update-uninstall")
def install(service):
    url, repository = serve(service)
    service.up()
    with nothing_left(), Desk(service) as desk:
        store = desk.store
        one, two = desk.asks(store.plan, url), desk.asks(store.plan, url)
        state, plan = desk.ends(one)
        service.equal((state, plan["plan"]["verdict"], "Verdict" in plan["text"]), ("done", "ok", True), "plan")
        service.equal(two, one, "the same plan")
        service.equal(store.apps, {}, "a plan installs nothing")
        stages = []
        told = desk.asks(store.install, url)
        desk.until(lambda: told, "it begins")
        watch = store.follow_run(
            told[0][1].id, lambda events, offset: stages.extend(events), kinds=("stage",), ended=stages.append
        )
        state, run = desk.ends(told, 60)
        service.equal((state, getattr(run, "app", run)), ("done", "hello"), "install")
        service.equal(desk.state("hello"), "INSTALLED", "known when told")
        desk.until(lambda: "" in stages, "the run's events end")
        watch.close()
        service.equal(
            [event["data"]["stage"] for event in stages[:-1]], ["clone", "plan", "install", "check", "done"], "stages"
        )
        desk.until(lambda: "hello" in store.apps, "the app")
        repository.commit({"more": "x"})
        service.equal(desk.done(store.update, "hello").state, "finished", "update")
        service.equal(desk.done(store.back, "hello").state, "finished", "back")
        service.equal(desk.done(store.reset, "hello").state, "finished", "reset")
        desk.done(store.install_again, "hello")
        desk.done(store.start, "hello")
        error = desk.failed(store.install, "no such app at all")
        service.equal(isinstance(error, PinokioError), True, "install of nothing: %r" % error)
        error = desk.failed(store.plan, url + "-not")
        service.equal(type(error), RunFailedError, "plan of nothing: %r" % error)
        desk.done(store.stop, "hello")
        desk.done(store.uninstall, "hello", True)
        service.equal((desk.state("hello"), store.history("hello")), (None, []), "gone when told")


@case("/notebook/actions/retry-where-it-failed")
def retry(service):
    test = "test -e ../../ok && echo 2 >> marks || echo is broken"
    broken = apps.shell(test, on=[{"event": "/is broken/", "break": True}])
    url, _ = serve(service, "hello", apps.shell("echo 1 >> marks"), broken)
    service.up()
    with Desk(service) as desk:
        error = desk.failed(desk.store.install, url)
        service.equal((type(error), error.run.kind), (RunFailedError, "install"), "install: %s" % error)
        open(os.path.join(service.home, "ok"), "w", encoding="ascii").close()
        desk.done(desk.store.install_again, "hello")
        service.equal(apps.read(service.home, "api", "hello", "marks").split(), ["1", "2"], "steps done")


@case("/notebook/actions/tunnels")
def tunnels(service):
    shared.ready(service, "cloudflared", settings=dict(shared.FAST))  # an outside with a stand-in for the provider
    with Desk(service) as desk:
        store = desk.store
        desk.watch("tunnels")
        told = desk.asks(store.open_tunnel, "web")
        state, tunnel = desk.ends(told)
        service.equal((names(told), getattr(tunnel, "status", tunnel)), (["begun", "done"], "open"), "open")
        service.has(tunnel.public_url, "^https://")
        service.equal(
            (list(store.tunnels), store.apps["web"].public_url), ([tunnel.id], tunnel.open_url), "known when told"
        )
        desk.until(lambda: desk.told["tunnels"], "it is told")
        desk.done(store.change_tunnel, tunnel.id, passcode="open sesame")
        service.equal(store.tunnels[tunnel.id].passcode, True, "passcode")
        one, two = desk.asks(store.close_tunnel, tunnel.id), desk.asks(store.close_tunnel, tunnel.id)
        service.equal((desk.ends(one)[0], desk.ends(two)[0], store.tunnels), ("done", "done", {}), "closed")
        error = desk.failed(store.open_tunnel, "web", provider="nobody")
        service.equal(type(error), ProblemError, "of a provider that is none: %r" % error)


@case("/notebook/actions/a-question-refused-and-a-setting-put-back")
def refuse(service):
    apps.asks(service.home, "asks")
    service.up()
    with Desk(service) as desk:
        store = desk.store
        told = desk.asks(store.start, "asks")
        desk.until(lambda: store.questions, "a question")
        waiting = store.questions[0]
        desk.done(store.refuse, waiting.run, waiting.question.id, "no öne")
        service.has(str(desk.ends(told)[1]), "no öne")
        service.equal(desk.done(store.set, "idle.cpu_percent", 7), 7, "set")
        service.equal(store.settings["idle.cpu_percent"].value, 7, "known when told")
        desk.done(store.set, "idle.cpu_percent", None)
        service.equal(store.settings["idle.cpu_percent"].set, False, "put back")


@case("/notebook/actions/an-apps-environment")
def fills_in(service):
    apps.light(service.home, "light")
    service.up()
    with Desk(service) as desk:
        store = desk.store
        before = desk.done(store.environment, "light")
        changed = desk.done(store.set_environment, "light", {"WORD": "you", "HF_TOKEN": "secret"})
        by_key = {entry.key: entry for entry in changed.entries}
        service.equal((by_key["WORD"].value, by_key["HF_TOKEN"].value, by_key["HF_TOKEN"].set), ("you", None, True), "set")
        service.equal(desk.done(store.set_environment, "light", {"WORD": None, "HF_TOKEN": None}), before, "put back")
        for values in ({"A B": "x"}, {"A": "two\nlines"}):
            service.equal(type(desk.failed(store.set_environment, "light", values)), ProblemError, "refused")
        service.equal(desk.failed(store.environment, "nobody").status, 404, "no such app")


if __name__ == "__main__":
    leave()
