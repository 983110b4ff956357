#!/usr/bin/env python3
"""The client against the real engine, and against servers that break off: every route, errors, threads, the end."""

import os
import re
import socket
import threading
import time

import support
from support import ROOT, StandIn, address, case, client, leave, nothing_left, raises, until

import apps
import harness
from pinokiocloud import Client, EngineGoneError, EngineTimeoutError, ProblemError
from pinokiocloud.address import Address


class Recording(Client):
    """Remembers which routes were asked."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.asked = set()

    def request(self, method, parts, **more):
        self.asked.add((method, "/v1/" + "/".join(str(part) for part in parts)))
        return super().request(method, parts, **more)


def routes():
    """(method, path as an expression) of docs/openapi.yaml that answer without a WebSocket."""
    try:
        import yaml
    except ImportError:
        raise harness.Skipped("python3-yaml is not installed")
    with open(os.path.join(ROOT, "docs", "openapi.yaml"), encoding="utf-8") as file:
        paths = yaml.safe_load(file)["paths"]
    found = set()
    for path, item in paths.items():
        for method, operation in item.items():
            if method in ("get", "post", "put", "delete") and "426" not in operation["responses"] and path != "/":
                found.add((method.upper(), "^" + re.sub(r"\{\w+\}", "[^/]+", path) + "$"))
    return found


def refused(function, *arguments, **options):
    """It is known and reaches the engine, which says no."""
    status = raises(ProblemError, function, *arguments, **options).status
    if status not in (400, 404, 409):
        raise AssertionError("%s: status %d" % (function, status))


def look(service, asked):
    """What changes nothing."""
    service.equal(asked.status().home, service.home, "home")
    service.equal(asked.machine().engine, support.pinokiocloud.__version__, "version")
    service.equal(asked.resources()["machine"]["cpus_machine"], os.cpu_count(), "CPUs")
    asked.drive(), asked.idle(), asked.recover()
    service.equal([app.id for app in asked.apps()], ["asks", "light", "shell"], "apps")
    service.equal(asked.menu("light")["title"], "light", "menu")
    page = asked.catalog(q="comfyui", limit=3)
    service.equal((len(page.apps), page.total >= 3), (3, True), "catalog")
    service.equal(asked.catalog_app(page.apps[0].id), page.apps[0], "an app of it")
    categories, tags = asked.categories()
    service.equal((categories[0].count > 0, tags[0].count > 0), (True, True), "counts")
    service.equal(len(asked.providers()) > 0, True, "providers")
    service.equal(asked.tunnels(), (), "tunnels")
    service.equal(asked.catalog_app("nemoml").needs.gpu, "nvidia", "needs")


def run_something(service, asked):
    begun = asked.start("light")
    service.becomes(begun.id, "ready")
    service.equal((begun.already, asked.start("light").already), (False, True), "already")
    service.equal(asked.app("light").runs[0].id, begun.id, "run of the app")
    service.equal(asked.runs(app="light", limit=1)[0].id, begun.id, "runs")
    service.equal([usage.run for usage in asked.processes()], [begun.id], "processes")
    again = asked.restart("light")
    service.becomes(again.id, "ready")
    service.equal(asked.stop("light", wait=20), True, "stopped")
    page = asked.events(again.id)
    service.equal((page.events[0]["type"], page.live), ("run", False), "events")
    service.equal(asked.events(again.id, page.offset).events, (), "events after the last")
    tail = asked.events(again.id, -200)
    service.equal((page.events[-len(tail.events) :], tail.offset), (tail.events, page.offset), "the last events")
    service.equal(asked.events(again.id, -(10**12)), page, "more than there are")
    script = asked.start_script(os.path.join(service.home, "api", "light", "start.json"))
    service.equal(asked.stop_run(script.id, wait=20), True, "stopped run")


def type_something(service, asked):
    begun = asked.start("shell")
    shell = service.waits(lambda: [one for one in asked.shells() if one.run == begun.id], "a shell")[0]
    service.waits(lambda: b"ready" in asked.log(shell.id).data, "it reads")
    asked.resize(shell.id, 91, 17)
    asked.type_input(shell.id, "grüße 你好\n")
    service.waits(lambda: "got grüße 你好 17 91".encode() in asked.log(shell.id).data, lambda: asked.log(shell.id))
    page = asked.log(shell.id, offset=2, limit=3)
    service.equal((page.data, page.offset), (asked.log(shell.id).data[2:5], 5), "piece of the log")
    whole = asked.log(shell.id)
    service.equal(asked.log(shell.id, offset=-(len(whole.data) + 5)), whole, "more than the log has")
    service.equal(whole.data.endswith(asked.log(shell.id, offset=-9).data), True, "its end")
    asked.stop_shell(shell.id)
    service.waits(lambda: not asked.shell(shell.id).running, "it ended")


def answer_something(service, asked):
    for how in (lambda run, question: asked.answer(run, question, {"who": "Zoë 你"}), None):
        begun = asked.start("asks")
        question = service.waits(lambda: asked.run(begun.id).questions, "a question")[0]
        service.equal(question.request["title"], "Who", "title")
        service.equal(asked.runs()[0].question_count, 1, "questions in the list")
        (how or (lambda run, which: asked.refuse(run, which, "no öne")))(begun.id, question.id)
        service.waits(lambda: asked.run(begun.id).state in ("finished", "error"), "it went on")
    service.equal(apps.read(service.home, "api", "asks", "answer"), "Zoë 你", "the answer")
    service.has(asked.run(begun.id).error, "no öne")


def change_something(service, asked):
    before = asked.environment("light")
    service.equal(before.path, os.path.join(service.home, "api", "light", "ENVIRONMENT"), "path")
    changed = asked.set_environment("light", {"MY_TOKEN": "gehëim", "WORD": "ü # ö", "PINOKIO_SHARE_LOCAL": "true"})
    by_key = {entry.key: entry for entry in changed.entries}
    token, share = by_key["MY_TOKEN"], by_key["PINOKIO_SHARE_LOCAL"]
    service.equal((token.value, token.set, token.secret, by_key["WORD"].value), (None, True, True, "ü # ö"), "set")
    service.equal((share.value, share.default, share.known, share.description != ""), ("true", "false", True, True), "known")
    nothing = {"MY_TOKEN": None, "WORD": None, "PINOKIO_SHARE_LOCAL": None}
    service.equal(asked.set_environment("light", nothing), before, "put back")
    service.equal(asked.environment("light"), before, "read again")
    refused(asked.set_environment, "light", {"A B": "x"})
    refused(asked.environment, "nothing")
    asked.set_setting("idle.cpu_percent", 7)
    settings = {setting.key: setting for setting in asked.settings()}
    service.equal((settings["idle.cpu_percent"].value, settings["idle.cpu_percent"].set), (7, True), "set")
    asked.reset_setting("idle.cpu_percent")
    for function in (asked.update, asked.back, asked.reset, asked.uninstall, asked.install_again):
        refused(function, "nothing")
    refused(asked.install, "no-such-app-at-all")
    refused(asked.plan, "no-such-app-at-all")
    refused(asked.open_tunnel, app="nothing")
    refused(asked.change_tunnel, "t0", passcode="x")
    refused(asked.close_tunnel, "t0")
    refused(asked.tunnel, "t0")


@case("/notebook/client/every-route")
def every_route(service):
    apps.light(service.home, "light")
    apps.asks(service.home, "asks")
    read = 'stty -echo; echo ready; while read -r line; do echo "got $line $(stty size)"; done'
    apps.one_step(service.home, "shell", apps.shell(read, input=True))
    service.up()
    with nothing_left(), Recording(address(service)) as asked:
        look(service, asked)
        run_something(service, asked)
        type_something(service, asked)
        answer_something(service, asked)
        change_something(service, asked)
        asked.shut_down()
        service.waits(lambda: service.engine_pid() is None, "the engine ended")
        wanted = routes()
        missing = [
            route for route in wanted if not any(a == route[0] and re.match(route[1], b) for a, b in asked.asked)
        ]
        service.equal(missing, [], "routes that the client does not have")


@case("/notebook/client/problems-say-what")
def problems(service):
    service.up()
    with client(service) as asked:
        error = raises(ProblemError, asked.app, "nö pe")
        service.equal((error.status, error.title), (404, "Not Found"), "problem")
        service.has(error.detail, "nö pe")
        service.equal(str(error), error.detail, "text")
        service.equal(raises(ProblemError, asked.set_setting, "idle.cpu_percent", "many").status, 400, "status")
        service.equal(raises(ProblemError, asked.events, "none").status, 404, "status")


@case("/notebook/client/token-over-tcp")
def token(service):
    service.up()
    port = service.engine_json()["port"]
    with nothing_left():
        for wrong in (None, "wrong", "ungültig".encode("utf-8").decode("latin-1")):
            with Client(Address(port=port, token=wrong)) as asked:
                service.equal(raises(ProblemError, asked.apps).status, 401, "status")
        good = Address(port=port, token=service.token())
        service.equal(service.token() in repr(good) + str(good), False, "the token is in what is printed")
        with Client(good) as asked:
            service.equal(asked.status().home, service.home, "home")


@case("/notebook/client/hundred-in-parallel")
def hundred(service):
    for number in range(5):
        apps.light(service.home, "äpp %d" % number)
    service.up()
    found, lock = [], threading.Lock()
    with nothing_left(), client(service) as asked:
        gate = threading.Barrier(100)

        def ask(number):
            gate.wait()
            try:
                one = asked.app("äpp %d" % (number % 5)).id if number % 2 else len(asked.apps())
            except Exception as error:
                one = error
            with lock:
                found.append((number, one))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    wanted = [(number, "äpp %d" % (number % 5) if number % 2 else 5) for number in range(100)]
    service.equal(sorted(found, key=lambda item: item[0]), wanted, "answers")


@case("/notebook/client/no-engine-and-one-that-was-killed")
def gone(service):
    with nothing_left(), client(service) as asked:
        service.has(str(raises(EngineGoneError, asked.apps)), "no engine runs at .*pinokiocloud up")
        service.up()
        asked.apps()
        service.kill()
        raises(EngineGoneError, asked.apps)  # its socket may still be on its way out
        service.waits(lambda: "no engine runs at" in str(raises(EngineGoneError, asked.apps)), "it is gone")
        service.up()
        asked.apps()


@case("/notebook/client/more-connect-than-the-socket-has-room-for")
def crowd(service):
    path = os.path.join(service.folder, "crowded.sock")
    with nothing_left(), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(path)
        listening.listen(1)
        links = [Address(path=path).connect(5) for _ in range(2)]
        began = time.monotonic()
        raises(socket.timeout, Address(path=path).connect, 0.3)
        service.equal(0.2 < time.monotonic() - began < 5, True, "seconds until it gave up")
        later = threading.Timer(0.2, lambda: links.append(listening.accept()[0]))
        later.start()
        links.append(Address(path=path).connect(20))
        later.join()
        for link in links:
            link.close()


BROKEN = {
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "half a body": b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: application/json\r\n\r\n[{"id": "x',
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n[{",
    "no HTTP": b"\x00\x01\x02 what is this\r\n\r\n",
    "no JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "no list": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "no UTF-8": b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"\xff\xfe"',
}


@case("/notebook/client/server-gone-in-the-middle-of-an-answer")
def middle(service):
    for what, answer in BROKEN.items():
        with nothing_left(), StandIn(service.folder, lambda link, head, said=answer: link.sendall(said)) as server:
            with Client(Address(path=server.path), timeout=5) as asked:
                error = raises(EngineGoneError, asked.apps)
                service.equal(str(error) != "", True, "%s: %s" % (what, error))
    plain = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 9\r\n\r\n<p>no</p>"
    with StandIn(service.folder, lambda link, head: link.sendall(plain)) as server:
        with Client(Address(path=server.path)) as asked:
            error = raises(ProblemError, asked.apps)
            service.equal((error.status, error.title, error.detail), (502, "Bad Gateway", "<p>no</p>"), "problem")


@case("/notebook/client/silence-ends-in-time-and-close-breaks-off")
def silence(service):
    let = threading.Event()
    with nothing_left(), StandIn(service.folder, lambda link, head: let.wait(30)) as server:
        with Client(Address(path=server.path), timeout=0.3) as asked:
            began = time.monotonic()
            raises(EngineTimeoutError, asked.apps)
            service.equal(0.2 < time.monotonic() - began < 5, True, "seconds: %g" % (time.monotonic() - began))
        let.set()
        until(lambda: server.count == 1, "it was asked")
        let.clear()
        asked, found = Client(Address(path=server.path), timeout=60), []
        thread = threading.Thread(target=lambda: found.append(raises(EngineGoneError, asked.apps)))
        thread.start()
        until(lambda: server.count == 2, "it waits")
        asked.close()
        thread.join(5)
        let.set()
        service.equal([str(error).endswith("this client is closed") for error in found], [True], str(found))
        raises(EngineGoneError, asked.apps)


if __name__ == "__main__":
    leave()
