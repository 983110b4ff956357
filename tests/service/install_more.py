#!/usr/bin/env python3
"""Installs that meet what nobody planned for: other versions, other repositories, other hands, and sources that mean harm."""

import json
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))

import apps
from install import files, install, made, marks, one_app, record, serve, touch
from service import case, harness, leave

harness.CASES.clear()  # those of install.py
ALL = ["1", "2", "3", "4", "5"]
# Asks the file system, as menus do, and waits as long as the file says so.
SLOW_MENU = """
const fs = require('fs')
module.exports = {
  version: '4.0', title: 'slow',
  menu: async (kernel, info) => {
    while (info.exists('installed') && fs.existsSync(__dirname + '/../../hang-menu')) await new Promise((go) => setTimeout(go, 20))
    return info.exists('installed') ? [{ text: 'Start', href: 'start.json' }] : [{ text: 'Install', href: 'install.json' }]
  }
}
"""


def begin(service, source, number, **body):
    """An install that hangs in the step of that number."""
    touch(service, "hang-%d" % number)
    before = len(made(service, body.get("name", "hello"))) if os.path.isdir(service.home + "/api/hello") else 0
    run = install(service, source, **body)
    service.waits(lambda: str(number) in made(service, "hello")[before:], "step %d" % number)
    service.waits(lambda: service.view(run)["shells"], "its shell is known")
    return run


def go_on(service, number):
    os.unlink(os.path.join(service.home, "hang-%d" % number))


def half(service, number=4, **more):
    """An app whose install was stopped in the step of that number."""
    server, repository = one_app(service, **more)
    service.stop_run(begin(service, server.url("hello"), number))
    go_on(service, number)
    return server, repository


@case("/service/install/from-start-cut-short")
def from_start_cut(service):
    half(service)
    run = begin(service, "hello", 1, from_start=True)
    service.kill_runner(run)
    service.becomes(run, "interrupted")
    go_on(service, 1)
    service.run("install", "hello")
    service.equal(made(service, "hello"), ["1", "2", "3", "4", "1"] + ALL, "steps done")


@case("/service/install/killed-in-the-check")
def killed_in_check(service):
    server, _ = one_app(service, **{"pinokio.js": SLOW_MENU})
    touch(service, "hang-menu")
    run = install(service, server.url("hello"))
    service.waits(lambda: any(e.get("data", {}).get("stage") == "check" for e in service.events(run)[0] if e["type"] == "stage"), "the check")
    service.kill_runner(run)
    service.becomes(run, "interrupted")
    os.unlink(os.path.join(service.home, "hang-menu"))
    service.has(service.run("install", "hello").both, "is installed")
    service.equal(made(service, "hello"), ALL, "steps done")
    service.equal(record(service, "hello")["state"], "installed", "record")


@case("/service/install/other-commit-than-before")
def other_commit(service):
    server, repository = half(service)
    repository.commit({"requirements.txt": "other"})
    service.run("update", "hello")
    service.run("install", "hello")
    service.equal(made(service, "hello"), ["1", "2", "3", "4"] + ALL, "steps done")


@case("/service/install/folder-removed-by-hand")
def removed_by_hand(service):
    server, _ = half(service)
    shutil.rmtree(os.path.join(service.home, "api", "hello"))
    service.run("install", server.url("hello"))
    service.equal(made(service, "hello"), ALL, "steps done")


@case("/service/install/reset-cut-short")
def reset_cut(service):
    body = {"reset.json": json.dumps(apps.script(apps.shell("echo reset >> marks; exec sleep 76549")))}
    half(service, **body)
    run = service.api().post(["v1", "apps", "hello", "reset"], {}).json()["run"]
    service.waits(lambda: "reset" in made(service, "hello"), "its script")
    service.kill_runner(run)
    service.becomes(run, "interrupted")
    service.app_becomes("hello", "ERROR")
    service.run("install", "hello")
    service.equal(made(service, "hello"), ["1", "2", "3", "4", "reset"] + ALL, "steps done")


@case("/service/install/reset-cut-short-of-an-installed-app")
def reset_installed_cut(service):
    body = {"reset.json": json.dumps(apps.script(apps.shell("echo reset >> marks; exec sleep 76549")))}
    server, _ = one_app(service, **body)
    service.run("install", server.url("hello"))
    run = service.api().post(["v1", "apps", "hello", "reset"], {}).json()["run"]
    service.waits(lambda: "reset" in made(service, "hello"), "its script")
    service.kill_runner(run)
    service.becomes(run, "interrupted")
    service.run("install", "hello")
    service.equal(made(service, "hello"), ALL + ["reset"] + ALL, "steps done")


@case("/service/install/two-repositories-of-one-name")
def two_repositories(service):
    server, _ = one_app(service)
    second = serve(service, "git2")
    second.repository("hello").commit(files("other"))
    run = begin(service, server.url("hello"), 2)
    answer = service.api().post("/v1/apps", {"source": second.url("hello")})
    service.equal(answer.status, 409, answer.text)
    again = service.api().post("/v1/apps", {"source": server.url("hello")})
    service.equal((again.json()["run"], again.json()["already"]), (run, True), "the same")
    service.stop_run(run)


@case("/service/install/one-at-a-time-after-a-killed-one")
def one_after_killed(service):
    server, _ = one_app(service)
    for _ in range(4):
        run = begin(service, server.url("hello"), 1)
        service.kill_runner(run)
        service.becomes(run, "interrupted")
        runs = {service.api().post("/v1/apps", {"source": "hello"}).json()["run"] for _ in range(6)}
        service.equal(len(runs), 1, "runs begun")
        service.stop_run(runs.pop())
        shutil.rmtree(os.path.join(service.home, "api", "hello"))
        service.run("uninstall", "hello", "--yes", status=None)


@case("/service/install/home-behind-a-link")
def linked_home(service):
    link = os.path.join(service.folder, "link")
    os.symlink(service.home, link)
    service.stage.env["PINOKIO_HOME"] = link
    server, _ = one_app(service)
    service.run("install", server.url("hello"))
    service.equal(made(service, "hello"), ALL, "steps done")


@case("/service/install/script-of-another-app")
def script_elsewhere(service):
    menu = "module.exports = {title: 'foo', menu: [{default: true, text: 'Install', href: '../foobar/install.json'}]}"
    apps.app(service.home, "foo", {"pinokio.js": menu})
    apps.app(service.home, "foobar", files("foobar", *marks()))
    service.up()
    program = service.run("install", "foo", status=1)
    service.has(program.both, "foobar/install.json")
    service.lacks(program.both, "installed already")


@case("/service/install/from-start-where-the-menu-names-no-install")
def from_start_unnamed(service):
    server, _ = one_app(service, **{"pinokio.js": SLOW_MENU})
    service.run("install", server.url("hello"))
    service.run("install", "hello", "--from-start")
    service.equal(made(service, "hello"), ALL * 2, "steps done")


@case("/service/install/sources-that-mean-harm")
def harmful(service):
    service.stage.env["GIT_ALLOW_PROTOCOL"] = "ext:file:http:https:ssh:git"  # git itself would do it
    server, _ = one_app(service)
    proof = os.path.join(service.folder, "proof")
    for source in (
        "ext::sh -c \"touch %s\" ://x/app.git" % proof,
        "ext::sh -c touch% " + proof + "/x.git",
        "--upload-pack=touch %s ://x/app" % proof,
        "-ufoo://x/app",
        "http://127.0.0.1:1/x\n/app",
        "http://127.0.0.1:1/x\x1b[2J/app",
        "fd::17/x.git",
        "dict://127.0.0.1:11/app",
        "ssh://-oProxyCommand=touch%20" + proof + "/app",
        "git@-oProxyCommand=x:app.git/x.git",
        "http://x/" + "a" * 100000,
        "http://x/..",
        "http://x/.git",
    ):
        for path in ("/v1/apps", "/v1/plans"):
            answer = service.api().post(path, {"source": source})
            service.equal(answer.status in (400, 404, 413, 422), True, "%s %r: %d %s" % (path, source[:80], answer.status, answer.text))
    service.equal(service.api().get("/v1/runs").json(), [], "runs")
    service.equal(os.path.exists(proof), False, "a command ran")


@case("/service/install/names-that-are-none")
def bad_names(service):
    server, _ = one_app(service)
    for name in ("..", ".", "", ".x", "-rf", "a/b", "a\\b", "a\nb", "\x1b[2J", "n" * 201, "n" * 100000, "\u0085"):
        for path in ("/v1/apps", "/v1/plans"):
            answer = service.api().post(path, {"source": server.url("hello"), "name": name})
            service.equal(answer.status in (400, 413, 422), True, "%s %r: %d %s" % (path, name[:20], answer.status, answer.text))
    for body in ({"source": 1}, {"source": None}, {"source": ["x"]}, {}, {"source": ""}, {"source": "x", "force": "yes"}, {"source": "x", "cols": -1}, []):
        answer = service.api().post("/v1/apps", body)
        service.equal(answer.status, 400, "%r: %s" % (body, answer.text))
    for name in ("..", "%2e%2e", "a%2Fb", "../api", "n" * 5000, "a\n"):
        for verb in ("install", "update", "back", "reset"):
            answer = service.api().post(["v1", "apps", name, verb], {})
            service.equal(answer.status in (400, 404, 414, 422), True, "%s %r: %d %s" % (verb, name[:20], answer.status, answer.text))
        answer = service.api().delete(["v1", "apps", name])
        service.equal(answer.status in (400, 404, 405, 414, 422), True, "delete %r: %d %s" % (name[:20], answer.status, answer.text))
    for path in ("/v1/apps/%F0/install", "/v1/apps/http%3A%2F%2Fx%2F%F0/install", "/v1/apps/x%00y/install"):
        answer = service.api().post(path, {})
        service.equal(answer.status in (400, 404), True, "%s: %d %s" % (path, answer.status, answer.text))
    service.equal(service.api().get("/v1/runs").json(), [], "runs")


@case("/service/install/names-with-anything")
def odd_names(service):
    server, _ = one_app(service)
    for name in ("with space", "it's \"quoted\"", "\u00fcn\u00efc\u00f6d\u00e9 \u732b", "a..b", "$(touch x);`id`", "100%s", "n" * 200):
        service.run("install", server.url("hello"), "--name", name)
        service.equal(made(service, name), ALL, "steps done")
        service.app_becomes(name, "INSTALLED")
        service.run("uninstall", name, "--yes")
        service.equal(os.path.exists(os.path.join(service.home, "api", name)), False, "folder")


@case("/service/install/secrets")
def secrets(service):
    server = serve(service)
    server.login = "user:hunter2word"
    form = [{"key": "token", "type": "password"}]
    ask = {"method": "input", "params": {"title": "Token?", "form": form}}
    server.repository("hello").commit(files("hello", ask, apps.shell("test -n \"$TOKEN\" && echo used > used", env={"TOKEN": "{{input.token}}"})))
    service.up()
    run = install(service, server.url("hello").replace("http://", "http://user:hunter2word@"))
    question = service.waits(lambda: service.view(run)["questions"], "it asks")[0]
    service.api().post(["v1", "runs", run, "answer"], {"question": question["id"], "answers": {"token": "s3same-open"}}).ok()
    service.becomes(run, "finished")
    service.equal(apps.read(os.path.join(service.home, "api", "hello"), "used").strip(), "used", "token")
    view = json.dumps(service.view(run)) + json.dumps(service.api().get("/v1/runs").json()) + json.dumps(service.events(run)[0])
    service.lacks(view, "hunter2word")
    service.lacks(view, "s3same-open")
    service.down()
    for folder, _, names in os.walk(service.home):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                held = file.read()
            service.equal(b"s3same-open" in held, False, "the token is in " + path)
            if not path.endswith("/.git/config") and os.stat(path).st_mode & 0o077:
                service.equal(b"hunter2word" in held, False, "the password is in " + path)


@case("/service/install/removal-of-another-app-that-cannot-end")
def other_removal(service):
    server, _ = one_app(service)
    hidden = os.path.join(service.home, "api", ".other.removing")
    os.makedirs(os.path.join(hidden, "outputs"))
    with open(os.path.join(hidden, "outputs", "picture.png"), "w", encoding="ascii") as file:
        file.write("precious")
    with open(os.path.join(service.home, "kept"), "w", encoding="ascii") as file:
        file.write("no folder")
    program = service.run("install", server.url("hello"))
    service.has(program.both, "is installed")
    service.has(program.both, "removal")
    program = service.run("install", server.url("hello"), "--name", "other", status=1)
    service.has(program.both, "removal")


@case("/service/install/engine-goes-and-comes")
def comes_and_goes(service):
    """At every moment of an install."""
    server, _ = one_app(service)
    for turn in range(6):
        name = "app%d" % turn
        run = install(service, server.url("hello"), name=name)
        service.waits(lambda: len(service.events(run)[0]) > turn * 6, "events")
        service.kill()
        service.up()
        service.becomes(run, "finished")
        service.equal(made(service, name), ALL, "steps done")
        service.app_becomes(name, "INSTALLED")


@case("/service/install/library-lost-meanwhile")
def library_lost(service):
    server, _ = one_app(service)
    run = begin(service, server.url("hello"), 3)
    service.kill()
    for name in os.listdir(service.home):
        if name.startswith("library.sqlite"):
            os.unlink(os.path.join(service.home, name))
    service.up()
    service.waits(lambda: service.api().get(["v1", "runs", run]).status == 200, "the run")
    view = service.waits(lambda: service.view(run)["operation"] and service.view(run), "its runner's word")
    service.equal((view["kind"], view["operation"]["operation"]), ("install", "install"), "operation")
    service.equal(service.api().post(["v1", "apps", "hello", "update"], {}).status, 409, "update meanwhile")
    service.stop_run(run)
    go_on(service, 3)
    service.run("install", "hello")
    service.equal(made(service, "hello"), ["1", "2", "3"] + ["3", "4", "5"], "steps done")


@case("/service/install/left-with-ctrl-c")
def ctrl_c(service):
    server, _ = one_app(service)
    touch(service, "hang-2")
    program = service.start("install", server.url("hello"))
    service.waits(lambda: os.path.isdir(service.home + "/api/hello") and "2" in made(service, "hello"), "step 2")
    program.process.send_signal(signal.SIGINT)
    program.end(10)
    service.has(program.both, "without being watched")
    run = service.api().get("/v1/runs").json()[0]["id"]
    service.equal(service.state(run), "running", "run")
    service.stop_run(run)


@case("/service/install/stdout-closed")
def closed(service):
    server, _ = one_app(service)
    script = "'%s' install '%s' | head -c 1; exit ${PIPESTATUS[0]}" % (service.stage.engine, server.url("hello"))
    service.spawn("bash", "-c", script).end(30)
    run = service.api().get("/v1/runs").json()[0]["id"]
    service.becomes(run, "finished")
    service.equal(made(service, "hello"), ALL, "steps done")


@case("/service/install/server-that-later-steps-need")
def needs_server(service):
    server = serve(service)
    up = apps.shell("echo up >> marks; echo is up; exec sleep 76548", on=[{"event": "/is up/", "done": True}])
    needs = apps.shell("echo needs >> marks; test ! -e ../../hang-2 || exec sleep 76542")
    server.repository("hello").commit(files("hello", apps.shell("echo first >> marks"), up, needs))
    service.up()
    touch(service, "hang-2")
    run = install(service, server.url("hello"))
    service.waits(lambda: os.path.isdir(service.home + "/api/hello") and "needs" in made(service, "hello"), "the last step")
    service.kill_runner(run)
    service.becomes(run, "interrupted")
    go_on(service, 2)
    service.run("install", "hello")
    service.equal(made(service, "hello"), ["first", "up", "needs", "up", "needs"], "steps done")
    service.equal(service.processes_with("7654"), [], "left running")


@case("/service/install/script-that-restarts")
def restarts(service):
    server = serve(service)
    again = dict({"method": "script.restart"}, when="{{!exists('again')}}")
    steps = [apps.shell("echo one >> marks"), apps.shell("test ! -e once || touch again; touch once"), again]
    server.repository("hello").commit(files("hello", *steps))
    service.up()
    service.run("install", server.url("hello"))
    service.equal(made(service, "hello"), ["one", "one"], "steps done")
    service.app_becomes("hello", "INSTALLED")


@case("/service/install/restart-and-stop-meanwhile")
def restart_meanwhile(service):
    server, _ = one_app(service)
    run = begin(service, server.url("hello"), 2)
    service.waits(lambda: service.api().get(["v1", "apps", "hello"]).status == 200, "the engine knows the app")
    answer = service.api().post(["v1", "apps", "hello", "restart"], {})
    service.equal((answer.status, service.state(run)), (409, "running"), answer.text)
    service.run("stop", "hello")
    service.equal(service.state(run), "stopped", "the install")
    go_on(service, 2)
    service.run("install", "hello")
    service.equal(made(service, "hello"), ["1", "2"] + ALL[1:], "steps done")


@case("/service/install/titles-that-write-on-the-terminal")
def titles(service):
    server = serve(service)
    body = files("x", apps.shell("echo x"))
    body["pinokio.js"] = "module.exports = {title: '\\x1b]0;owned\\x07\\x1b[2Jtitle', menu: []}"
    body["install.json"] = json.dumps(apps.script({"method": "fs.write", "params": {"path": "\x1b[2Jinstalled", "text": "\x1b]0;owned\x07"}}, {"method": "input", "params": {"title": "\x1b[2Jq"}}))
    server.repository("hello").commit(body)
    service.up()
    for words in (["--plan"], []):
        program = service.run("install", server.url("hello"), *words, status=None)
        service.equal([word for word in ("owned\x07", "\x1b[2J") if word in program.both], [], program.both)


@case("/service/install/many-at-once")
def many(service):
    server, _ = one_app(service)
    programs = [service.start("install", server.url("hello"), "--name", "app%d" % n) for n in range(6)]
    programs += [service.start("install", "--plan", server.url("hello"))]
    for program in programs:
        program.end(60)
        service.equal(program.code, 0, program.both)
    for n in range(6):
        service.equal(made(service, "app%d" % n), ALL, "steps done")
    left = [name for name in os.listdir(os.path.join(service.home, "api")) if name.startswith(".")]
    service.equal(left, [], "left under api/")


@case("/service/install/stopped-or-killed-while-it-fetches")
def while_fetching(service):
    server, _ = one_app(service)
    server.delay = 2
    for path in ("/v1/apps", "/v1/plans"):
        for end in (service.stop_run, service.kill_runner):
            run = service.api().post(path, {"source": server.url("hello")}).json()["run"]
            service.waits(lambda: service.processes_with(server.url("hello")), "git")
            end(run)
            service.becomes(run, "stopped", "interrupted")
    server.delay = 0
    service.run("install", "--plan", server.url("hello"))
    service.run("install", server.url("hello"))
    service.equal(made(service, "hello"), ALL, "steps done")
    service.equal(os.listdir(os.path.join(service.home, "api")), ["hello"], "under api/")
    left = [name for name in os.listdir(os.path.join(service.home, "cache")) if name.startswith("plan-")]
    service.equal(left, [], "left of plans")


if __name__ == "__main__":
    leave()
