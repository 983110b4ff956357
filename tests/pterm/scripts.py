"""pterm start and stop."""

import json
import os
import signal

from world import PTERM, World, case, service

PINOKIO = 'module.exports = { title: "App", menu: [{ default: true, text: "Start", href: "start.json" }] }'


def says(*words):
    return {"run": [{"method": "shell.run", "params": {"message": "echo %s" % word}} for word in words]}


def daemon(word="is-up", then=""):
    return {
        "daemon": True,
        "run": [
            {
                "method": "shell.run",
                "params": {"message": "echo %s; %s sleep 1000" % (word, then), "on": [{"event": "/%s/" % word, "done": True}]},
            }
        ],
    }


@case("start prints what the script prints and ends with it")
def start(house):
    world = World(house)
    folder = world.app("app", pinokio__js=PINOKIO, start__json=says("one", "two", "three"))
    out = world.pterm("start", "start.json", cwd=folder)
    for word in ("one", "two", "three"):
        world.has(out, "^%s\r?$" % word)
    world.equal([run["state"] for run in world.runs(app="app")], ["finished"])
    out = world.pterm("start", os.path.join(folder, "start.json"))
    world.has(out, "three")
    out = world.pterm("start", "start.json", "--ref", "pinokio://127.0.0.1:%d/api/app" % world.port)
    world.has(out, "three")


@case("start of a folder is what its menu would start")
def start_folder(house):
    world = World(house)
    folder = world.app("app", pinokio__js=PINOKIO, start__json=says("from-the-menu"))
    world.has(world.pterm("start", folder), "from-the-menu")


@case("all output arrives, in order")
def much(house):
    world = World(house)
    folder = world.app("app", many__json={"run": [{"method": "shell.run", "params": {"message": "seq 1 300000"}}]})
    # Into a file: what stands before a full pipe is lost at pterm's process.exit(), because Node.js does not wait for it.
    kept = os.path.join(house.folder, "out")
    command = 'exec "$0" start "$1" >"$2"'
    shown = house.spawn("sh", "-c", command, PTERM, os.path.join(folder, "many.json"), kept)
    world.equal(shown.end(90), 0)
    out = house.stage.read(kept)
    numbers = [int(line) for line in out.replace("\r", "").splitlines() if line.isdigit()]
    world.equal(numbers == list(range(1, 300001)), True, "the lines from 1 to 300000: %d came" % len(numbers))


@case("arguments and a query become input")
def arguments(house):
    world = World(house)
    folder = world.app(
        "app", show__json={"run": [{"method": "log", "params": {"text": "got:{{args.port}}:{{args.model}}:{{args.mode}}:"}}]}
    )
    out = world.pterm("start", "show.json?mode=a%20b", "--", "--port=3000", "--model=x/y", cwd=folder)
    world.has(out, "got:3000:x/y:a b:")


@case("what cannot be started is told, and pterm ends")
def cannot(house):
    world = World(house)
    folder = world.app("app", pinokio__js=PINOKIO, broken__json="{", empty__json={"run": []},
                       fails__json={"run": [{"method": "no.such.method"}]})
    outside = house.stage.files(os.path.join(house.folder, "outside"), evil__json=says("never"))
    world.has(world.pterm("start", "missing.json", cwd=folder), "missing.json")
    world.has(world.pterm("start", "broken.json", cwd=folder), "broken.json")
    world.has(world.pterm("start", "fails.json", cwd=folder), "no.such.method")
    world.lacks(world.pterm("start", os.path.join(outside, "evil.json")), "^never")
    world.has(world.pterm("start", os.path.join(outside, "evil.json")), "is not in")
    world.has(world.pterm("start", "../../../outside/evil.json", cwd=folder), "is not in")
    world.has(world.pterm("start", "https://example.com/nobody/nothing.git/start.js"), "no app here was cloned from")


@case("stop ends a script, and the pterm that shows it")
def stop(house):
    world = World(house)
    folder = world.app("app", pinokio__js=PINOKIO, start__json=daemon(), other__json=daemon("other-up"))
    shown = world.start("start", "start.json", cwd=folder)
    shown.until("is-up")
    second = world.start("start", "other.json", cwd=folder)
    second.until("other-up")
    world.waits(lambda: len(world.asks("status", "app")["running_scripts"]) == 2, "both run")
    world.pterm("stop", "start.json", cwd=folder)
    world.equal(shown.end(), 0)
    world.equal(world.asks("status", "app")["running_scripts"], ["other.json"])
    world.pterm("stop", "pinokio://127.0.0.1:%d/api/app" % world.port)
    world.equal(second.end(), 0)
    world.waits(lambda: world.asks("status", "app")["state"] == "offline", "it has ended")
    world.pterm("stop", "app")
    world.pterm("stop", "start.json", cwd=folder)


@case("stop of a launcher's folder is no stop of its scripts")
def stop_folder(house):
    world = World(house)
    folder = world.app("app", pinokio__js=PINOKIO, start__json=daemon())
    house.ready("app", script="start.json")
    with world.socket() as link:
        answer = world.packet(link, method="kernel.api.stop", params={"uri": folder})
    world.equal((answer["type"], answer["data"]), ("result", True))
    world.equal(world.asks("status", "app")["running"], True)


@case("Ctrl-C in the terminal stops the script")
def interrupt(house):
    world = World(house)
    folder = world.app("app", pinokio__js=PINOKIO, start__json=daemon())
    shown = world.start("start", "start.json", cwd=folder, terminal=True)
    shown.until("is-up")
    shown.type("\x03")
    shown.end()
    world.waits(lambda: world.runs(app="app")[0]["state"] == "stopped", "the run is stopped")
    shown = world.start("start", "start.json", cwd=folder)
    shown.until("is-up")
    shown.signal(signal.SIGTERM)
    world.equal(shown.end(), 0, "by a signal")
    world.waits(lambda: not world.runs(app="app")[0]["live"], "the run is stopped")


@case("keys reach the script's terminal, once; a new size too")
def keys(house):
    world = World(house)
    folder = world.app(
        "app",
        ask__json={"run": [{"method": "shell.run", "params": {
            "message": "printf 'size='; stty size; trap 'printf new=; stty size' WINCH; "
                       "echo name?; while ! read -r name; do :; done; echo \"hello <$name>\"",
            "input": True, "on": [{"event": "/hello <.*>/", "done": True}]}}]},
    )
    shown = world.start("start", "ask.json", cwd=folder, terminal=True)
    shown.until(r"^name\?")
    shown.type("Zo\u00eb\r")
    shown.until("hello <Zo\u00eb>")
    shown.end()


@case("a second pterm on the same script shows what comes from then on")
def second(house):
    world = World(house)
    folder = world.app("app", go__json={"run": [{"method": "shell.run", "params": {
        "message": "echo early; until [ -e go ]; do echo so far; sleep 0.1; done; echo late"}}]})
    one = world.start("start", "go.json", cwd=folder)
    one.until("^early")
    two = world.start("start", "go.json", cwd=folder)
    world.waits(lambda: len(world.runs(app="app")) == 1, "one run")
    two.until("^so far")
    house.stage.files(folder, go="")
    world.equal((one.end(), two.end()), (0, 0))
    world.has(two.out, "^late")
    world.lacks(two.out, "^early")
    world.equal(len(world.runs(app="app")), 1)


@case("a pterm that vanishes takes nothing with it")
def vanish(house):
    world = World(house)
    folder = world.app("app", pinokio__js=PINOKIO, start__json=daemon(then="echo more;"))
    shown = world.start("start", "start.json", cwd=folder)
    shown.until("is-up")
    shown.process.kill()
    shown.end()
    world.equal(world.asks("status", "app")["running"], True)
    for _ in range(20):
        link = world.socket()
        link.text(json.dumps({"uri": os.path.join(folder, "start.json")}))
        link.vanish()
    world.equal(world.asks("status", "app")["running_scripts"], ["start.json"])
    world.equal(len(world.runs(app="app")), 1)
    world.pterm("stop", "app")
    world.waits(lambda: world.asks("status", "app")["state"] == "offline", "it has ended")


@case("the engine's end is pterm's end; what runs goes on")
def engine_ends(house):
    world = World(house)
    folder = world.app("app", pinokio__js=PINOKIO, start__json=daemon(then="while sleep 0.1; do echo so far; done;"))
    shown = world.start("start", "start.json", cwd=folder)
    shown.until("is-up")
    house.down()
    shown.end()
    world = World(house)
    world.waits(lambda: world.asks("status", "app")["running_scripts"] == ["start.json"], "it is taken up")
    again = world.start("start", "start.json", cwd=folder)
    again.until("^so far")
    world.pterm("stop", "app")
    world.equal(again.end(), 0)


@case("a client that does not read does not slow the script")
def slow(house):
    world = World(house)
    folder = world.app("app", many__json={"run": [{"method": "shell.run", "params": {"message": "seq 1 4000000"}}]})
    before = service.memory_of(house.engine_pid())[0]
    with world.socket() as link:
        link.text(json.dumps({"uri": os.path.join(folder, "many.json")}))
        world.waits(lambda: world.runs(app="app") and world.runs(app="app")[0]["state"] == "finished", "it ends", 60)
        grown = service.memory_of(house.engine_pid())[0] - before
    # A sanitizer keeps what was freed.
    world.equal(grown < (16 if service.SLOW == 1 else 400), True, "the engine grew by %.1f MB" % grown)


if __name__ == "__main__":
    service.leave()
