"""pterm's questions: version, home, which, status, search, logs."""

import os
import signal

from world import World, case, service

PINOKIO = """
module.exports = {
  version: "3.7", title: "%s", description: "%s",
  menu: async (kernel, info) => [{ default: true, text: "Start", href: "start.js" }]
}
"""

# Prints a URL that is its own web server's.
DAEMON = """
module.exports = { daemon: true, run: [
  { method: "shell.run", params: {
    message: "python3 -u -c \\"import http.server as h; " +
      "s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler); " +
      "print('http://127.0.0.1:%d' % s.server_port); s.serve_forever()\\"",
    on: [{ event: "/http:\\\\S+/", done: true }] } },
  { method: "local.set", params: { url: "{{input.event[0]}}" } }
] }
"""


def lines(count):
    """A script that prints so many lines."""
    return {"run": [{"method": "shell.run", "params": {"message": "seq -f 'line %%.0f' 1 %d" % count}}]}


@case("version")
def version(house):
    world = World(house)
    world.equal(world.pterm("version", "terminal").strip(), "pterm@0.0.25")
    world.has(world.pterm("version", "pinokiod"), r"^pinokiod@\d+\.\d+\.\d+$")
    world.has(world.pterm("version", "script"), r"^\d+\.\d+(\.\d+)?$")


@case("home and which")
def home_and_which(house):
    world = World(house)
    world.equal(world.pterm("home").strip(), house.home)
    world.equal(world.asks("home", "--json"), {"path": house.home})
    world.has(world.pterm("which", "git"), r"^/\S+/git$")
    tool = os.path.join(house.home, "bin", "own-tool")
    house.stage.files(os.path.dirname(tool), **{"own-tool": "#!/bin/sh\n"})
    os.chmod(tool, 0o755)
    world.equal(world.pterm("which", "own-tool").strip(), tool)
    world.has(world.pterm("which", "no-such-tool", status=1), "command not found: no-such-tool")
    world.has(world.pterm("which", "../../../bin/sh", status=1), "sh")
    world.has(world.pterm("which", "/bin/sh", status=1), "sh")


@case("nothing answers unless it was asked for")
def off(house):
    world = World(house, clients=False)
    world.equal(world.pterm("version", "pinokiod"), "")
    for path in ("/pinokio/version", "/pinokio/home", "/apps/search", "/apps/status/x", "/pinokio/path/git"):
        answer = service.Api(port=world.port).get(path)
        world.equal(answer.status, 401, path)
        world.equal(house.tcp().get(path).status, 404, path + " with the token")


@case("status of an app that does nothing, starts, serves, and is gone")
def status(house):
    world = World(house)
    folder = world.app("tea", pinokio__js=PINOKIO % ("Tea", "brews"), start__js=DAEMON, install__js="module.exports = {}")
    about = world.asks("status", "tea")
    for member, value in {
        "app_id": "tea", "name": "tea", "path": folder, "running": False, "ready": False, "state": "offline",
        "ready_url": None, "running_scripts": [], "start_script": "start.js", "install_script": "install.js",
        "default_script": "start.js", "default_target": os.path.join(folder, "start.js"), "probe": None,
        "ref": "pinokio://127.0.0.1:%d/api/tea" % world.port,
    }.items():
        world.equal(about[member], value, member)
    house.ready("tea", script="start.js")
    about = world.asks("status", "tea", "--probe", "--timeout=5000")
    world.has(about["ready_url"], r"^http://127\.0\.0\.1:\d+$")
    for member, value in {
        "running": True, "ready": True, "state": "online", "probe": True, "running_scripts": ["start.js"],
        "ready_script": "start.js",
    }.items():
        world.equal(about[member], value, member)
    world.equal(about["local_entries"][0]["local"]["url"], about["ready_url"])
    world.equal(world.asks("status", about["ref"])["path"], folder, "by its ref")
    server = [pid for pid in house.processes_with("http.server") if service.program_of(pid).startswith("python")]
    for pid in server:
        os.kill(pid, signal.SIGSTOP)
    try:
        about = world.asks("status", "tea", "--probe", "--timeout=300")
        world.equal((about["probe"], about["ready"], about["state"]), (False, False, "starting"), "it hangs")
    finally:
        for pid in server:
            os.kill(pid, signal.SIGCONT)
    house.stop("tea")
    world.equal(world.asks("status", "tea")["state"], "offline")


@case("status of what is not there")
def status_bad(house):
    world = World(house)
    api = service.Api(port=world.port)
    for path, wanted in {
        "/apps/status/none": 404,
        "/apps/status/%2e%2e": 400,
        "/apps/status/..%2f..%2fetc": 400,
        "/apps/status/tea@10.1.2.3": 502,
        "/apps/logs/none": 404,
        "/pinokio/resource/status": 400,
        "/pinokio/resource/status?ref=pinokio://127.0.0.1:42000/api/..": 400,
        "/pinokio/resource/status?ref=pinokio://127.0.0.1:42000/api/a/b": 400,
        "/pinokio/resource/status?ref=pinokio://127.0.0.1:42000/env/a": 400,
        "/pinokio/resource/status?ref=pinokio://10.1.2.3:42000/api/a": 502,
        "/pinokio/resource/status?ref=http://127.0.0.1:42000/api/a": 400,
        "/pinokio/resource/logs?ref=pinokio://127.0.0.1:42000/api/none": 404,
    }.items():
        answer = api.get(path)
        # "..": the HTTP library may have taken it out of the path, which then is none of pterm's
        world.equal(answer.status in (wanted, 401 if "%2e%2e" in path else wanted), True, "%s: %d" % (path, answer.status))


@case("search")
def search(house):
    world = World(house)
    world.app("voice", pinokio__js=PINOKIO % ("Voice", "speech synthesis"), start__js=DAEMON,
              README__md="# Voice\nMakes \u00dcberspeech from text.\n")
    world.app("paint", pinokio__js=PINOKIO % ("Paint", "images from text"), start__js=DAEMON)
    world.app("plain", pinokio__js=PINOKIO % ("Plain", "nothing"), start__js=DAEMON)

    def found(*arguments):
        return [app["app_id"] for app in world.asks("search", *arguments)["apps"]]

    world.equal(found("voice"), ["voice"])
    world.equal(found("VOICE"), ["voice"])
    world.equal(found("\u00fcberspeech"), ["voice"], "in a README")
    world.equal(found("nothing-has-this"), [])
    world.equal(sorted(found()), ["paint", "plain", "voice"])
    world.equal(found("paint", "makes", "--mode=strict"), [])
    world.equal(sorted(found("paint", "makes")), ["paint", "voice"])
    world.equal(len(found("--limit=2")), 2)
    world.equal(found("voice", "makes", "paint", "--min-match=2"), ["voice"])
    answer = world.asks("search", "voice")
    world.equal((answer["q"], answer["mode"], answer["count"], answer["terms"]), ("voice", "broad", 1, ["voice"]))


@case("logs")
def logs(house):
    world = World(house)
    world.app("talk", pinokio__js=PINOKIO % ("Talk", ""), start__js=DAEMON, many__json=lines(1000),
              art__json={"run": [{"method": "shell.run", "params": {
                  "message": "printf '\\033[31mred\\033[0m\\n10%%\\r50%%\\rdone\\n'"}}]})
    answer = service.Api(port=world.port).get("/apps/logs/talk")
    world.equal(answer.status, 404, "before it ran")
    house.becomes(house.launch("talk", script="many.json"), "finished")
    about = world.asks("logs", "talk", "--tail=3")
    world.equal((about["app_id"], about["script"], about["tail_count"]), ("talk", "many.json", 3))
    world.equal(about["lines"][-1], "line 1000")
    world.equal(about["text"], "\n".join(about["lines"]))
    world.equal(len(world.asks("logs", "talk")["lines"]), 200, "without --tail")
    house.becomes(house.launch("talk", script="art.json"), "finished")
    text = world.asks("logs", "talk", "--script=art")["text"]
    world.has(text, "^red$")
    world.has(text, "^done$")
    world.lacks(text, "\033|50%")
    world.has(world.asks("logs", "talk", "--script=many.json", "--tail=1")["text"], "line 1000")
    api = service.Api(port=world.port)
    world.equal(api.get("/apps/logs/talk", query={"script": "../../x"}).status, 400)
    world.equal(api.get("/apps/logs/talk", query={"script": "start.js"}).status, 404)


@case("logs of much output are its end")
def logs_much(house):
    world = World(house)
    world.app("much", pinokio__js=PINOKIO % ("Much", ""), start__json=lines(2000000))
    world.pterm("start", os.path.join(world.folder("much"), "start.json"), seconds=90)
    about = world.asks("logs", "much", "--tail=5000")
    world.equal(len(about["lines"]), 5000)
    wanted = ["line %d" % n for n in range(2000000 - 4999, 2000001)]
    wrong = [pair for pair in zip(about["lines"], wanted) if pair[0] != pair[1]]
    world.equal(wrong[:3], [], "lines that differ")
    world.equal(about["truncated"], True)


if __name__ == "__main__":
    service.leave()
