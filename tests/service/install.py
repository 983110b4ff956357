#!/usr/bin/env python3
"""From a repository to an installed app and back: a real git server on the loopback, real scripts, and every way in which
an install can be cut short."""

import glob
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))

import apps
from gitserver import GitServer
from service import alive, case, leave

STEPS = 5


def serve(service, folder="git"):
    server = GitServer(os.path.join(service.folder, folder))
    service.stage.cleanups.append(server.close)
    return server


def files(title, *steps, **more):
    """An app that is installed when the file `installed` is there."""
    install = list(steps) + [{"method": "fs.write", "params": {"path": "installed", "text": "yes"}}]
    start = apps.script(apps.shell("echo up; exec sleep 1000000", on=[{"event": "/up/", "done": True}]), daemon=True)
    body = {
        "pinokio.js": apps.menu(title, True),
        "install.json": json.dumps(apps.script(*install)),
        "start.json": json.dumps(start),
    }
    body.update(more)
    return body


def marks(*held):
    """Steps that each leave a mark; those with a number among `held` fail or hang as long as a file says so."""
    return [
        apps.shell(
            "echo %d >> marks; test ! -e ../../hang-%d || exec sleep 7654%d" % (number, number, number),
        )
        for number in range(1, STEPS + 1)
    ]


def made(service, app):
    return apps.read(os.path.join(service.home, "api", app), "marks").split()


def touch(service, name):
    open(os.path.join(service.home, name), "w", encoding="ascii").close()


def install(service, source, **body):
    answer = service.api().post("/v1/apps", dict(body, source=source))
    service.equal(answer.status, 202, "install of %r: %s" % (source, answer.text))
    return answer.json()["run"]


def told(service, run, kind):
    return [event["data"] for event in service.events(run)[0] if event["type"] == kind]


def record(service, app):
    with open(os.path.join(service.home, "apps", app, "install.json"), encoding="utf-8") as file:
        return json.load(file)


def one_app(service, name="hello", **more):
    server = serve(service)
    repository = server.repository(name)
    repository.commit(files(name, *marks(), **more))
    service.up()
    return server, repository


@case("/service/install/from-a-url")
def from_url(service):
    server, _ = one_app(service)
    program = service.run("install", server.url("hello"))
    service.has(program.both, "hello is installed")
    service.equal(made(service, "hello"), ["1", "2", "3", "4", "5"], "steps done")
    service.app_becomes("hello", "INSTALLED")
    service.equal(record(service, "hello")["state"], "installed", "record")
    view = os.path.join(service.home, "apps", "hello")
    service.equal(os.path.realpath(os.path.join(view, "source")), os.path.realpath(service.home + "/api/hello"), "source")
    with open(os.path.join(view, "metadata.json"), encoding="utf-8") as file:
        about = json.load(file)
    service.equal((about["id"], about["repository"], about["title"]), ("hello", server.url("hello"), "hello"), "metadata")
    service.equal(os.path.exists(os.path.join(view, "steps.json")), False, "finished steps are still kept")
    service.has(service.run("install", "hello").both, "installed already")
    service.equal(made(service, "hello"), ["1", "2", "3", "4", "5"], "steps done after the second install")
    service.ready("hello")
    again = service.run("install", "hello", status=None)
    service.equal(again.code, 0, "install of what runs: %s" % again.both)


@case("/service/install/events-and-log")
def events(service):
    server, _ = one_app(service)
    run = install(service, server.url("hello"))
    service.becomes(run, "finished")
    view = service.view(run)
    service.equal((view["kind"], view["operation"]["operation"], view["app"]), ("install", "install", "hello"), "run")
    service.equal(
        [data["stage"] for data in told(service, run, "stage")], ["clone", "plan", "install", "check", "done"], "stages"
    )
    service.equal(len(told(service, run, "plan")), 1, "plans")
    done = told(service, run, "done")[0]
    service.equal((done["installed"], done["failed_commands"]), (True, 0), "done")
    service.has(service.run("logs", run).both, "Cloning into")


@case("/service/install/killed-at-every-step")
def killed(service):
    server, _ = one_app(service)
    for number in range(1, STEPS + 1):
        name = "app%d" % number
        touch(service, "hang-%d" % number)
        run = install(service, server.url("hello"), name=name)
        service.waits(lambda: str(number) in made(service, name), "step %d" % number)
        service.waits(lambda: service.view(run)["shells"], "its shell is known")
        service.kill_runner(run)
        service.becomes(run, "interrupted")
        service.app_becomes(name, "ERROR")
        os.unlink(os.path.join(service.home, "hang-%d" % number))
        service.run("install", name)
        wanted = [str(n) for n in range(1, number + 1)] + [str(n) for n in range(number, STEPS + 1)]
        service.equal(made(service, name), wanted, "steps done, cut in step %d" % number)
        service.app_becomes(name, "INSTALLED")
        service.equal(service.processes_with("7654%d" % number), [], "what the killed try left")


@case("/service/install/command-ends-with-its-runner")
def command_ends(service):
    server, _ = one_app(service)
    touch(service, "hang-2")
    program = service.start("install", server.url("hello"))
    service.waits(lambda: service.processes_with("76542"), "the command of step 2")
    service.kill(service.runners()[0])
    program.end(20)
    service.equal(program.code, 1, "exit status")
    service.has(program.both, "runner was lost")
    service.waits(lambda: not service.processes_with("76542"), "the command of step 2 is ended")


@case("/service/install/stopped-at-every-step")
def stopped(service):
    server, _ = one_app(service)
    for number in range(1, STEPS + 1):
        name = "app%d" % number
        touch(service, "hang-%d" % number)
        run = install(service, server.url("hello"), name=name)
        service.waits(lambda: str(number) in made(service, name), "step %d" % number)
        service.stop_run(run)
        service.equal(service.state(run), "stopped", "run")
        os.unlink(os.path.join(service.home, "hang-%d" % number))
        service.run("install", name)
        wanted = [str(n) for n in range(1, number + 1)] + [str(n) for n in range(number, STEPS + 1)]
        service.equal(made(service, name), wanted, "steps done, stopped in step %d" % number)


@case("/service/install/failed-at-every-step")
def failed(service):
    server = serve(service)
    for number in range(STEPS):
        name = "app%d" % number
        steps = marks()
        broken = apps.shell(
            "test ! -e ../../broken && echo fine || echo is broken", on=[{"event": "/is broken/", "break": True}]
        )
        server.repository(name).commit(files(name, *(steps[:number] + [broken] + steps[number:])))
    service.up()
    for number in range(STEPS):
        name = "app%d" % number
        touch(service, "broken")
        program = service.run("install", server.url(name), status=1)
        service.has(program.both, "did not finish")
        service.equal(record(service, name)["state"], "installing", "record")
        service.app_becomes(name, "ERROR")
        os.unlink(os.path.join(service.home, "broken"))
        service.has(service.run("install", name).both, "is installed")
        service.equal(made(service, name), ["1", "2", "3", "4", "5"], "steps done, failed before step %d" % (number + 1))


@case("/service/install/from-start")
def from_start(service):
    server, _ = one_app(service)
    service.run("install", server.url("hello"))
    service.run("install", "hello", "--from-start")
    service.equal(made(service, "hello"), ["1", "2", "3", "4", "5"] * 2, "steps done")


@case("/service/install/half-is-not-installed")
def half(service):
    """The menu looks for a file that is there before the install has come to its end."""
    server = serve(service)
    steps = [{"method": "fs.write", "params": {"path": "installed", "text": "x"}}]
    steps.append(apps.shell("test ! -e ../../broken || echo is broken", on=[{"event": "/is broken/", "break": True}]))
    server.repository("early").commit(files("early", *steps))
    service.up()
    touch(service, "broken")
    service.run("install", server.url("early"), status=1)
    program = service.run("start", "early", status=1)
    service.has(program.both, "install of early did not finish")
    service.app_becomes("early", "ERROR")
    os.unlink(os.path.join(service.home, "broken"))
    service.run("install", "early")
    service.ready("early")


@case("/service/install/menu-still-says-no")
def not_installed(service):
    server = serve(service)
    body = files("never", apps.shell("exit 3"))
    body["install.json"] = json.dumps(apps.script(apps.shell("echo trying; exit 3"), apps.shell("echo second")))
    server.repository("never").commit(body)
    service.up()
    run = install(service, server.url("never"))
    view = service.becomes(run, "error")
    service.has(view["error"], "menu still says that it is not installed")
    trouble = [data for data in told(service, run, "trouble") if data["kind"] == "command"]
    service.equal([(data["step"], data["code"]) for data in trouble], [(0, 3)], "commands that failed")
    service.has(service.run("install", "never", status=1).both, "trying")


@case("/service/install/menu-says-no-after-a-failed-command")
def not_installed_failed(service):
    server = serve(service)
    body = files("later")
    body["install.json"] = json.dumps(
        apps.script(apps.shell("echo first >> ran"), apps.shell("test -e ../../mended && touch installed"))
    )
    server.repository("later").commit(body)
    service.up()
    program = service.run("install", server.url("later"), status=1)
    service.has(program.both, "with commands that failed")
    touch(service, "mended")
    service.has(service.run("install", "later").both, "goes on with step 2 of 2")
    service.equal(apps.read(os.path.join(service.home, "api", "later"), "ran").split(), ["first"], "the first step")
    service.app_becomes("later", "INSTALLED")


@case("/service/install/command-that-fails-is-told")
def command_fails(service):
    server = serve(service)
    server.repository("some").commit(files("some", apps.shell("test -e ../../mended || exit 4"), apps.shell("echo x >> ran")))
    service.up()
    program = service.run("install", server.url("some"))
    service.has(program.both, "exit code 4")
    service.has(program.both, "1 of its commands failed")
    touch(service, "mended")
    program = service.run("install", "some")
    service.lacks(program.both, "exit code 4")
    service.has(program.both, "some is installed")
    service.equal(record(service, "some")["failed"], 0, "failed commands")


@case("/service/install/engine-killed")
def engine_killed(service):
    server, _ = one_app(service)
    touch(service, "hang-3")
    run = install(service, server.url("hello"))
    service.waits(lambda: "3" in made(service, "hello"), "step 3")
    service.kill()
    service.up()
    os.unlink(os.path.join(service.home, "hang-3"))
    service.equal(service.state(run), "running", "run")
    service.equal(service.view(run)["operation"]["operation"], "install", "operation")
    pids = service.waits(lambda: service.processes_with("76543"), "the command of step 3")
    for pid in pids:
        if alive(pid) and os.path.basename(os.readlink("/proc/%d/exe" % pid)) == "sleep":
            os.kill(pid, 15)
    service.becomes(run, "finished")
    service.equal(made(service, "hello"), ["1", "2", "3", "4", "5"], "steps done")
    service.app_becomes("hello", "INSTALLED")


@case("/service/install/engine-killed-right-after")
def engine_killed_after(service):
    """What the menu says by then is not known to the engine that is killed."""
    server, _ = one_app(service)
    for number in range(4):
        name = "app%d" % number
        run = install(service, server.url("hello"), name=name)
        service.becomes(run, "finished")
        service.kill()
        service.up()
        service.app_becomes(name, "INSTALLED")


@case("/service/install/plan-changes-nothing")
def plan(service):
    server, _ = one_app(service)
    program = service.run("install", "--plan", server.url("hello"))
    service.has(program.both, "Verdict")
    service.equal(os.listdir(os.path.join(service.home, "api")), [], "apps")
    service.equal(glob.glob(os.path.join(service.home, "cache", "plan-*")), [], "left in the cache")
    service.run("install", server.url("hello"))
    service.run("install", "--plan", "hello")
    service.equal(made(service, "hello"), ["1", "2", "3", "4", "5"], "steps done")


@case("/service/install/sources-that-are-none")
def bad_sources(service):
    server = serve(service)
    server.repository("empty")
    server.repository("bare").commit({"README.md": "no launcher"})
    service.up()
    for source, status, words in (
        ("confyui", 1, "did you mean"),
        ("nothing like that at all", 1, "neither"),
        (server.url("none"), 1, "none"),
        (server.url("empty"), 1, "empty|no commit|launcher"),
        (server.url("bare"), 1, "launcher|pinokio.js"),
        ("http://127.0.0.1:9/x/y.git", 1, "127.0.0.1"),
        ("http://no-such-host.invalid/x/y.git", 1, "no-such-host.invalid"),
        ("--name", 2, ""),
    ):
        program = service.run("install", source, status=status)
        service.has(program.both, words)
    service.equal(os.listdir(os.path.join(service.home, "api")), [], "what is left under api/")


@case("/service/install/login")
def login(service):
    server = serve(service)
    server.login = "user:secret"
    server.repository("private").commit(files("private"))
    service.up()
    program = service.run("install", server.url("private"), status=1)
    service.has(program.both, "private")
    url = server.url("private").replace("http://", "http://user:secret@")
    program = service.run("install", url)
    service.has(program.both, "is installed")


@case("/service/install/cut-clone")
def cut_clone(service):
    server = serve(service)
    server.repository("large").commit(files("large", *marks(), **{"data.bin": os.urandom(300000).hex()}))
    service.up()
    server.cut(after=50000, times=2)
    service.run("install", server.url("large"), seconds=60)
    service.app_becomes("large", "INSTALLED")


@case("/service/install/name-of-another")
def clash(service):
    server, _ = one_app(service)
    second = serve(service, "git2")
    second.repository("hello").commit(files("other"))
    other = second.url("hello")
    service.run("install", server.url("hello"))
    program = service.run("install", other, status=1)
    service.has(program.both, "hello")
    service.has(program.both, "--name")
    service.run("install", other, "--name", "second")
    service.equal(sorted(os.listdir(os.path.join(service.home, "api"))), ["hello", "second"], "apps")


@case("/service/install/one-thing-at-a-time")
def one_at_a_time(service):
    server, _ = one_app(service)
    touch(service, "hang-2")
    run = install(service, server.url("hello"))
    service.waits(lambda: "2" in made(service, "hello"), "step 2")
    service.app_becomes("hello", "INSTALLING")
    again = service.api().post("/v1/apps", {"source": "hello"}).json()
    service.equal((again["run"], again["already"]), (run, True), "the same install")
    for path, method in ((["update"], "post"), (["reset"], "post"), (["start"], "post"), ([], "delete")):
        answer = getattr(service.api(), method)(["v1", "apps", "hello"] + path)
        service.equal(answer.status, 409, "%s %s: %s" % (method, path, answer.text))
        service.has(answer.json()["detail"], "installed|stop")
    service.stop_run(run)


@case("/service/install/update-and-back")
def update(service):
    server, repository = one_app(service)
    service.run("install", server.url("hello"))
    first = service.api().get(["v1", "apps", "hello"]).json()["version"]
    repository.commit({"news": "here", "update.json": json.dumps(apps.script(apps.shell("echo updated >> ran")))})
    program = service.run("update", "hello")
    service.has(program.both, "went from commit")
    folder = os.path.join(service.home, "api", "hello")
    service.equal(apps.read(folder, "ran").split(), ["updated"], "its update script")
    service.equal(os.path.exists(os.path.join(folder, "news")), True, "new file")
    service.has(service.run("update", "hello").both, "newest commit")
    service.run("update", "hello", "--back")
    service.equal(os.path.exists(os.path.join(folder, "news")), False, "new file after --back")
    service.waits(lambda: service.api().get(["v1", "apps", "hello"]).json()["version"] == first, "the old commit")
    service.has(service.run("update", "hello", "--back", status=1).both, "hello|commit")


@case("/service/install/update-keeps-changes")
def update_changed(service):
    server, repository = one_app(service)
    service.run("install", server.url("hello"))
    start = os.path.join(service.home, "api", "hello", "start.json")
    with open(start, "a", encoding="utf-8") as file:
        file.write("\n")
    repository.commit({"start.json": "{\"run\": []}"})
    program = service.run("update", "hello", status=1)
    service.has(program.both, "start.json")
    service.run("update", "hello", "--force")
    with open(start, encoding="utf-8") as file:
        service.equal(file.read(), "{\"run\": []}", "start.json")


@case("/service/install/running-app-is-left-alone")
def running(service):
    server, _ = one_app(service)
    service.run("install", server.url("hello"))
    service.ready("hello")
    for words in (["update", "hello"], ["reset", "hello", "--yes"], ["uninstall", "hello", "--yes"]):
        program = service.run(*words, status=1)
        service.has(program.both, "stop it first")
    service.equal(service.app_state("hello"), "RUNNING", "state")


@case("/service/install/uninstall")
def uninstall(service):
    server, _ = one_app(service)
    service.run("install", server.url("hello"))
    folder = os.path.join(service.home, "api", "hello")
    os.makedirs(os.path.join(folder, "outputs"))
    with open(os.path.join(folder, "outputs", "picture.png"), "w", encoding="ascii") as file:
        file.write("precious")
    program = service.run("uninstall", "hello", status=1)
    service.has(program.both, "not confirmed")
    service.equal(os.path.isdir(folder), True, "the app")
    run = service.api().delete(["v1", "apps", "hello"], query={"ask": 1}).json()["run"]
    question = service.waits(lambda: service.view(run)["questions"], "it asks")[0]
    service.has(question["request"]["description"], "outputs")
    service.api().post(["v1", "runs", run, "answer"], {"question": question["id"], "answers": {"sure": False}}).ok()
    service.becomes(run, "stopped")
    service.equal(os.path.isdir(folder), True, "the app after a no")
    program = service.run("uninstall", "hello", "--yes")
    service.has(program.both, "freed")
    service.equal(os.path.exists(folder), False, "the app")
    service.equal(os.path.exists(os.path.join(service.home, "apps", "hello")), False, "its view")
    kept = glob.glob(os.path.join(service.home, "kept", "hello-*", "outputs", "picture.png"))
    service.equal(len(kept), 1, "what was made with it")
    service.waits(lambda: service.api().get(["v1", "apps", "hello"]).status == 404, "the app is gone for the engine")
    service.run("install", server.url("hello"))
    service.app_becomes("hello", "INSTALLED")


@case("/service/install/reset")
def reset(service):
    server, _ = one_app(service)
    service.run("install", server.url("hello"))
    service.run("reset", "hello", "--yes")
    service.app_becomes("hello", "CLONED")
    service.equal(made(service, "hello"), [], "what the install made")
    service.run("install", "hello")
    service.app_becomes("hello", "INSTALLED")


@case("/service/install/own-reset-script")
def own_reset(service):
    server, _ = one_app(
        service, **{"reset.json": json.dumps(apps.script({"method": "fs.rm", "params": {"path": "installed"}}))}
    )
    service.run("install", server.url("hello"))
    service.run("reset", "hello", "--yes")
    service.app_becomes("hello", "CLONED")
    service.equal(made(service, "hello"), ["1", "2", "3", "4", "5"], "what its script leaves")
    service.run("install", "hello")
    service.equal(made(service, "hello"), ["1", "2", "3", "4", "5"] * 2, "steps done")


@case("/service/install/questions-are-asked")
def asks(service):
    server = serve(service)
    ask = {"method": "input", "params": {"title": "Which?", "form": [{"key": "which", "title": "Which"}]}}
    server.repository("asks").commit(files("asks", ask, apps.shell("echo {{input.which}} > chosen")))
    service.up()
    run = install(service, server.url("asks"))
    question = service.waits(lambda: service.view(run)["questions"], "it asks")[0]
    service.api().post(["v1", "runs", run, "answer"], {"question": question["id"], "answers": {"which": "large"}}).ok()
    service.becomes(run, "finished")
    service.equal(apps.read(os.path.join(service.home, "api", "asks"), "chosen").strip(), "large", "answer")


if __name__ == "__main__":
    leave()
