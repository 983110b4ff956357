#!/usr/bin/env python3
"""What an interface in a notebook needs of the API: an app's ENVIRONMENT as a form, what apps say, the end of long logs,
what an app of the catalog needs."""

import fcntl
import json
import os
import threading
import time

import apps
import client
from service import case, keeps_what_was_freed, leave, memory_of

MASKED = "pass-9f21-word"
BY_THE_AUTHOR = """# Made by the app's author.

##########################################
#
# HF_TOKEN
# A token of Hugging Face.
#   From your account's settings.
#
##########################################
HF_TOKEN=

# How it looks.
export THEME = "dark" # or light
PORT=7860
DATABASE=http://user:%s@example.org/db
""" % MASKED


def environment(service, app):
    found = service.api().get(["v1", "apps", app, "environment"]).ok().json()
    return found, {entry["key"]: entry for entry in found["entries"]}


def put(service, app, values):
    return service.api().put(["v1", "apps", app, "environment"], {"values": values})


def text_of(found):
    with open(found["path"], encoding="utf-8") as file:
        return file.read()


def wanting(home, name):
    return apps.app(
        home,
        name,
        {
            "pinokio.js": apps.menu(name),
            "_ENVIRONMENT": BY_THE_AUTHOR,
            "start.json": apps.script(
                apps.shell("echo hello"),
                env=[{"key": "HF_TOKEN"}, {"env": "CITY", "title": "City", "description": "Where you are", "default": "Bonn"}, 7, {"key": "no name"}],
            ),
        },
    )


@case("/service/environment/what-a-new-file-holds-and-what-scripts-ask-for")
def listed(service):
    wanting(service.home, "demo")
    service.up()
    found, by_key = environment(service, "demo")
    service.equal(found["path"], os.path.join(service.home, "api", "demo", "ENVIRONMENT"), "path")
    service.equal(os.path.exists(found["path"]), True, "the file is made")
    keys = [entry["key"] for entry in found["entries"]]
    service.equal(keys[:4], ["HF_TOKEN", "THEME", "PORT", "DATABASE"], "in the file's order")
    service.equal(keys[-1], "CITY", "what only a script names comes last")
    service.equal(len(set(keys)), len(keys), "each once")
    service.equal(
        by_key["HF_TOKEN"],
        {
            "key": "HF_TOKEN",
            "value": None,
            "default": "",
            "description": "HF_TOKEN\nA token of Hugging Face.\nFrom your account's settings.",
            "set": False,
            "secret": True,
            "required": True,
            "known": False,
        },
        "a token",
    )
    theme = by_key["THEME"]
    service.equal((theme["value"], theme["default"], theme["description"]), ("dark", "dark", "How it looks."), "theme")
    service.equal((theme["set"], theme["secret"], theme["required"]), (True, False, False), "theme")
    service.equal(by_key["PORT"]["description"], "", "no comment of its own")
    login = by_key["DATABASE"]
    service.equal((login["value"], login["default"], login["set"], login["secret"]), (None, None, True, True), "login")
    city = by_key["CITY"]
    service.equal((city["value"], city["default"], city["set"]), (None, "Bonn", False), "of a script")
    service.equal((city["description"], city["required"], city["known"]), ("Where you are", True, False), "of a script")
    share = by_key["PINOKIO_SHARE_CLOUDFLARE"]
    service.equal((share["value"], share["default"], share["known"]), ("false", "false", True), "one of our own")
    service.has(share["description"], "tunnel")
    passcode = by_key["PINOKIO_SHARE_PASSCODE"]
    service.equal((passcode["value"], passcode["default"], passcode["secret"]), (None, "", True), "passcode")


@case("/service/environment/set-in-place-and-put-back")
def changed(service):
    wanting(service.home, "demo")
    service.up()
    found, _ = environment(service, "demo")
    before = text_of(found)
    values = {"HF_TOKEN": MASKED, "PORT": "1234", "NEW": "a # b 'c' \"d\" ü 你好", "DATABASE": "", "PINOKIO_SHARE_LOCAL": "true"}
    answer = put(service, "demo", values).ok()
    service.lacks(answer.text, MASKED)
    by_key = {entry["key"]: entry for entry in answer.json()["entries"]}
    service.equal((by_key["HF_TOKEN"]["value"], by_key["HF_TOKEN"]["set"]), (None, True), "a secret goes in")
    service.equal((by_key["NEW"]["value"], by_key["PORT"]["value"]), (values["NEW"], "1234"), "values")
    service.equal((by_key["DATABASE"]["value"], by_key["DATABASE"]["secret"], by_key["DATABASE"]["set"]), (None, True, False), "emptied")
    after = text_of(found)
    lines = before.splitlines()
    service.equal([line for line in lines if line.startswith("#")], [line for line in after.splitlines() if line.startswith("#")], "comments")
    service.equal('export THEME = "dark" # or light' in after, True, "what was not set is as it was")
    service.equal(after.index("HF_TOKEN=" + MASKED) < after.index("PORT=1234"), True, "order")
    service.equal(os.stat(found["path"]).st_mode & 0o777, 0o600, "mode")
    answer = put(service, "demo", {"NEW": None, "PORT": None, "CITY": None, "PINOKIO_SHARE_LOCAL": None, "HF_TOKEN": None}).ok()
    by_key = {entry["key"]: entry for entry in answer.json()["entries"]}
    service.equal("NEW" in by_key, False, "what nobody else knows is taken out")
    service.equal((by_key["PORT"]["value"], by_key["PINOKIO_SHARE_LOCAL"]["value"]), ("7860", "false"), "back to the defaults")
    service.equal(by_key["HF_TOKEN"]["set"], False, "token")
    service.lacks(text_of(found), MASKED + "\n")
    # What is set reaches a script.
    put(service, "demo", {"CITY": "Köln", "HF_TOKEN": MASKED}).ok()
    apps.app(service.home, "demo", {"start.json": apps.script(apps.shell("echo city {{env.CITY}}; test $HF_TOKEN = " + MASKED + " && echo same"))})
    run = service.launch("demo", script="start.json")
    service.becomes(run, "finished")
    output = "".join(event.get("raw", "") for event in service.events(run)[0])
    service.has(output, "city Köln")
    service.has(output, "same")
    service.lacks(service.engine_log(), MASKED)


@case("/service/environment/what-may-not-be-is-refused-and-nothing-written")
def refused(service):
    folder = wanting(service.home, "demo")
    service.up()
    found, _ = environment(service, "demo")
    before = text_of(found)
    for values in (
        {"A B": "x"},
        {"": "x"},
        {"A=B": None},
        {"Ä": "x"},
        {"GOOD": "x", "A": MASKED + "\nB=1"},
        {"A": "x\ry"},
        {"A": 7},
        {"A": True},
        {"A": [MASKED]},
        {"A": {}},
    ):
        service.lacks(put(service, "demo", values).problem(400), MASKED)
    for body in ({}, {"values": []}, {"values": {}, "more": 1}, {"values": "A=1"}, {"values": None}):
        service.api().put(["v1", "apps", "demo", "environment"], body).problem(400)
    service.equal(text_of(found), before, "the file")
    put(service, "demo", {}).ok()
    put(service, "nobody", {"A": "b"}).problem(404)
    service.api().get(["v1", "apps", "nobody", "environment"]).problem(404)
    service.api().get("/v1/apps/../environment").problem(400, 404)
    service.api().post(["v1", "apps", "demo", "environment"], {}).problem(405)
    big = put(service, "demo", {"BIG": "x" * (1 << 20)})
    big.problem(400, 413)
    service.tcp(token=False).get(["v1", "apps", "demo", "environment"]).problem(401)
    os.remove(found["path"])
    os.mkdir(found["path"])
    service.has(put(service, "demo", {"A": "b"}).problem(500), "ENVIRONMENT")
    service.api().get(["v1", "apps", "demo", "environment"]).problem(500)
    os.rmdir(found["path"])
    with open(os.path.join(folder, "ENVIRONMENT"), "w", encoding="utf-8") as file:
        file.writelines("K%d=v\n" % number for number in range(60000))
    began = time.monotonic()
    service.api().get(["v1", "apps", "demo", "environment"]).problem(504)
    with open(os.path.join(folder, "ENVIRONMENT"), "w", encoding="utf-8") as file:
        file.writelines("K%d=v\n" % number for number in range(20000))
    service.equal(len(environment(service, "demo")[0]["entries"]), 1000, "entries at most")
    service.equal(time.monotonic() - began < 10, True, "time for a file that is meant to be slow")
    service.lacks(service.engine_log(), MASKED)


@case("/service/environment/a-launcher-in-a-folder-of-its-own-and-hostile-files")
def inner(service):
    folder = os.path.join(service.home, "api", "ïnner app")
    os.makedirs(os.path.join(folder, "pinokio", "folder.json"))
    apps.app(service.home, "ïnner app", {"pinokio/pinokio.js": apps.menu("inner"), "pinokio/_ENVIRONMENT": "# of it\nA=1\n"})
    for name, text in (("deep.json", "[" * 200000), ("quote.json", '// "\n' + "[" * 200000), ("no.json", "{"), ("list.json", "[]")):
        with open(os.path.join(folder, "pinokio", name), "w", encoding="utf-8") as file:
            file.write(text)
    with open(os.path.join(folder, "pinokio.json"), "w", encoding="utf-8") as file:
        file.write('{"title": ' + "[" * 200000)  # which the list of apps reads
    service.up()
    found, by_key = environment(service, "ïnner app")
    service.equal(found["path"], os.path.join(folder, "pinokio", "ENVIRONMENT"), "path")
    service.equal((by_key["A"]["value"], by_key["A"]["description"]), ("1", "of it"), "entry")
    os.chmod(found["path"], 0o600)
    with open(found["path"], "wb") as file:
        file.write(b"\xef\xbb\xbf# caf\xe9\r\nA=\xff\xfe\r\nB='x'\r\n")
    put(service, "ïnner app", {"B": "y"}).ok()
    with open(found["path"], "rb") as file:
        service.equal(file.read(), b"\xef\xbb\xbf# caf\xe9\r\nA=\xff\xfe\r\nB=y\r\n", "bytes that were not set")
    service.equal(environment(service, "ïnner app")[1]["B"]["value"], "y", "value")


@case("/service/environment/who-waits-for-a-lock-holds-nobody-up")
def locked(service):
    folder = wanting(service.home, "demo")
    service.up()
    environment(service, "demo")
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(put(service, "demo", {"PORT": "1"})))
    thread.start()
    time.sleep(0.3)  # nothing tells that a request waits
    began = time.monotonic()
    for _ in range(20):
        service.api().get("/v1/status").ok()
        service.equal(environment(service, "demo")[1]["PORT"]["value"], "7860", "read meanwhile")
    service.equal((time.monotonic() - began < 5, answers), (True, []), "nobody waits but who sets")
    os.close(lock)
    thread.join(20)
    service.equal([answer.status for answer in answers], [200], "when it is free")
    service.equal(environment(service, "demo")[1]["PORT"]["value"], "1", "value")


# What apps say


def hears(service):
    """A follower of the engine's events; gives (socket, told(seconds): the events of type "told" that came)."""
    socket = service.api().socket("/v1/events")
    service.stage.cleanups.append(socket.close)

    def told(until, seconds=20):
        found, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            opcode, data = socket.message(max(0.1, end - time.monotonic()))
            service.equal(opcode, client.TEXT, "a message that is no text: %r" % (data[:200],))
            event = json.loads(data)
            if event["type"] == "told":
                found.append(event)
                if until(found):
                    return found
        raise AssertionError("not all was told: %s" % found[-3:])

    return socket, told


@case("/service/told/what-apps-say-without-asking")
def says(service):
    steps = [
        {"method": "notify", "params": {"html": "<b>hello</b> ü 你好", "href": "https://example.org"}},
        {"method": "push", "params": "plain"},
        {"method": "input", "params": {"type": "notify", "title": "older"}},
        {"method": "web.open", "params": {"uri": "http://127.0.0.1:1/x"}},
        {"method": "notify", "params": {"html": "ü" * 20000, "image": "x" * 20000, "href": "https://example.org/2"}},
        {"method": "local.set", "params": {"a": 1}, "notify": True},
    ]
    apps.app(service.home, "tälks", {"pinokio.js": apps.menu("t"), "start.json": apps.script(*steps)})
    service.up()
    _, told = hears(service)
    run = service.launch("tälks", script="start.json")
    found = told(lambda found: len(found) == 6)
    service.equal({(event["run"], event["app"]) for event in found}, {(run, "tälks")}, "whose")
    service.equal([event["name"] for event in found], ["notify", "notify", "notify", "open", "notify", "notify"], "names")
    service.equal(found[0]["data"], steps[0]["params"], "data")
    service.equal(found[1]["data"], {"html": "plain"}, "a text alone")
    service.equal(found[2]["data"]["title"], "older", "an older message")
    service.equal(found[3]["data"]["uri"], "http://127.0.0.1:1/x", "page")
    data = found[4]["data"]
    service.equal((found[4]["cut"], data["href"], "image" in data), (True, "https://example.org/2", False), "cut")
    service.equal(data["html"].strip("ü") == "…" and len(data["html"]) > 1000, True, "the beginning of what is to be read")
    service.equal(len(json.dumps(data, ensure_ascii=False).encode()) <= 8192, True, "bounded")
    service.equal([event for event in found if "dropped" in event], [], "dropped")
    service.becomes(run, "finished")
    whole = [event for event in service.events(run)[0] if event["type"] == "notify"]
    service.equal(len(whole[2]["data"]["html"]) if len(whole) > 2 else len(whole), 20000, "the journal has all of it")


@case("/service/told/the-last-of-many-and-what-is-nested-deep")
def last(service):
    js = """let steps = []
for (let depth of [30, 31, 900, 3000]) {
  let deep = []
  for (let i = 1; i < depth; i++) deep = [deep]
  steps.push({ method: "notify", params: { html: "deep", deep } })
}
for (let i = 1; i <= 60; i++) steps.push({ method: "notify", params: { html: "number " + i } })
module.exports = { run: steps }
"""
    apps.app(service.home, "many", {"pinokio.js": apps.menu("m"), "start.js": js})
    service.up()
    _, told = hears(service)
    service.launch("many", script="start.js")
    found = told(lambda found: found[-1].get("data") == {"html": "number 60"})
    kept = [(sorted(event["data"]), event.get("cut")) for event in found[:4]]
    wanted = [(["deep", "html"], None), (["deep", "html"], None), (["html"], True), ([], True)]
    service.equal(kept, wanted, "what is nested deeper than readers read")
    service.equal(sum(1 + event.get("dropped", 0) for event in found), 64, "told and dropped")
    service.equal("dropped" in found[-1], True, "the last one tells how many were left out: %s" % found[-1])


@case("/service/told/ten-thousand-and-a-client-that-does-not-read")
def floods(service):
    count = 10000
    steps = [
        {"method": "notify", "params": {"html": "{{local.n || 0}} " + "x" * 6000}},
        {"method": "local.set", "params": {"n": "{{(local.n || 0) + 1}}"}},
        {"method": "jump", "params": {"index": "{{local.n < %d ? 0 : 3}}" % count}},
        {"method": "log", "params": {"raw": "over"}},
    ]
    apps.app(service.home, "flood", {"pinokio.js": apps.menu("f"), "start.json": apps.script(*steps)})
    service.up()
    before = memory_of(service.engine_pid())[1]
    slow, _ = hears(service)
    quick, told = hears(service)
    began = time.monotonic()
    run = service.launch("flood", script="start.json")

    def shown(found):
        return sum(event.get("dropped", 0) for event in found) + sum("name" in event for event in found)

    found = told(lambda found: shown(found) >= count, 180)
    seconds = time.monotonic() - began
    service.equal(shown(found), count, "told and dropped")
    most = 20 * (seconds + 2)
    service.equal(sum("name" in event for event in found) <= most, True, "at most 20 a second")
    service.becomes(run, "finished")
    # The one that did not read is still there, and reads on.
    kinds = [json.loads(slow.message(20)[1])["type"] for _ in range(20)]
    service.equal("told" in kinds, True, "what the slow one reads: %s" % kinds)
    service.api().put("/v1/settings/runs.keep", {"value": 51}).ok()
    for _ in range(20000):
        opcode, data = slow.message(20)
        service.equal(opcode, client.TEXT, "the slow one was closed: %r" % (data[:200],))
        if json.loads(data)["type"] == "setting":
            break
    after = memory_of(service.engine_pid())[1]
    if after > before + 24 and not keeps_what_was_freed(service.engine_pid()):
        raise AssertionError("the engine grew from %.1f to %.1f MB" % (before, after))


@case("/service/told/a-client-that-reads-nothing-keeps-its-connection")
def stuck(service):
    """Three apps say more than the engine keeps for a client; to a client that reads again it tells how much it left out."""
    steps = [
        {"method": "notify", "params": {"html": "{{local.n || 0}} " + "x" * 7000}},
        {"method": "local.set", "params": {"n": "{{(local.n || 0) + 1}}"}},
        {"method": "process.wait", "params": {"sec": 0.05}},
        {"method": "jump", "params": {"index": "{{local.n < 90 ? 0 : 4}}"}},
        {"method": "log", "params": {"raw": "over"}},
    ]
    for name in ("one", "two", "three"):
        apps.app(service.home, name, {"pinokio.js": apps.menu(name), "start.json": apps.script(*steps)})
    service.up()
    with service.api().socket("/v1/events") as socket:
        runs = [service.launch(name, script="start.json") for name in ("one", "two", "three")]
        for run in runs:
            service.becomes(run, "finished", seconds=40)
        told = dropped = 0
        left_out = False
        while told + dropped < 270:
            opcode, data = socket.message(20)
            service.equal(opcode, client.TEXT, "closed after %d + %d: %r" % (told, dropped, data[:200]))
            event = json.loads(data)
            if event["type"] == "told":
                told += "name" in event
                dropped += event.get("dropped", 0)
                left_out = left_out or "run" not in event
        service.equal((told + dropped, left_out), (270, True), "told and left out: %d" % dropped)


# From the end


@case("/service/tail/events-logs-and-terminals-from-so-many-bytes-before-the-end")
def tails(service):
    apps.app(
        service.home,
        "prints",
        {
            "pinokio.js": apps.menu("p"),
            "start.json": apps.script(
                apps.shell("for i in $(seq 1 3000); do echo line-$i; done"),
                apps.shell("head -c 200000 /dev/zero | tr '\\0' x"),
            ),
        },
    )
    service.up()
    run = service.launch("prints", script="start.json")
    service.becomes(run, "finished")
    whole, end = service.events(run)
    lines, block = (shell["id"] for shell in service.api().get(["v1", "runs", run]).ok().json()["shells"])
    path = ["v1", "runs", run, "events"]
    for back in (1, 50, 1000, end - 1, end, end + 1, 10**12):
        answer = service.api().get(path, query={"offset": -back}).ok()
        found = [json.loads(line) for line in answer.body.splitlines()]
        service.equal(found, whole[len(whole) - len(found) :], "events of the last %d bytes" % back)
        service.equal(int(answer.headers["x-next-offset"]), end, "offset")
        service.equal(found == whole, back >= end, "all of them")
        with service.api().socket(path, query={"offset": -back}) as socket:
            first = json.loads(socket.message()[1])
            service.equal((first["events"], 0 <= first["offset"] <= end), ([], True), "where it begins: %s" % first)
            service.equal(first["offset"] == 0, back >= end, "the beginning")
            batches = []
            while len(batches) < len(found):
                batches += json.loads(socket.message()[1])["events"]
            service.equal(batches, found, "the same over a WebSocket")
            service.equal(socket.until_close()[0], 1000, "the end")
    log = service.api().get(["v1", "shells", lines, "log"]).ok().body
    service.equal(log.count(b"line-"), 3000, "log")
    for back in (1, 5, 9, 10, 11, 12, 1000, len(log), len(log) + 5):
        answer = service.api().get(["v1", "shells", lines, "log"], query={"offset": -back}).ok()
        service.equal(log.endswith(answer.body), True, "the end of the log")
        begin = len(log) - len(answer.body)
        at_line = begin == 0 or log[begin - 1 : begin] == b"\n"
        service.equal(at_line or len(answer.body) == back, True, "at a line's beginning, or exact: %d" % back)
        service.equal(0 < len(answer.body) <= back, True, "at most %d bytes: %d" % (back, len(answer.body)))
        service.equal(int(answer.headers["x-next-offset"]), len(log), "offset")
        with service.api().socket(["v1", "shells", lines, "terminal"], query={"offset": -back}) as socket:
            opcode, data = socket.message()
            service.equal((opcode, json.loads(data)), (client.TEXT, {"offset": begin}), "where it begins")
            opcode, data = socket.message()
            service.equal((opcode, data), (client.BINARY, answer.body), "the same over a WebSocket")
    none = service.api().get(["v1", "shells", lines, "log"], query={"offset": -1000, "limit": 0}).ok()
    service.equal((none.body, log[: int(none.headers["x-next-offset"])][-1:]), (b"", b"\n"), "only where it begins")
    exact = service.api().get(["v1", "shells", block, "log"], query={"offset": -150000}).ok()
    service.equal(len(exact.body), 150000, "no line begins within 64 KiB")


@case("/service/catalog/what-an-app-needs")
def needs(service):
    own = [
        {"id": "own-%d" % number, "repository": "https://example.org/%d" % number, "tags": tags, "description": text}
        for number, (tags, text) in enumerate(
            ((["nvidia-only", "6GB-VRAM"], ""), (["GPU"], ""), (["cpu-only"], ""), (["AMD"], "wants 7.5 GB of VRAM"), (["chat"], "Chats"), ([], "Requires an NVIDIA card"))
        )
    ]
    with open(os.path.join(service.home, "catalog.json"), "w", encoding="utf-8") as file:
        json.dump(own, file)
    service.up()
    found = [service.api().get(["v1", "catalog", entry["id"]]).ok().json()["needs"] for entry in own]
    wanted = [("nvidia", 6), ("any", None), ("none", None), ("amd", 7.5), (None, None), ("nvidia", None)]
    service.equal([(one["gpu"], one["vram_gb"]) for one in found], wanted, "needs")
    page = service.api().get("/v1/catalog").ok().json()["apps"]
    service.equal({entry["id"]: entry["needs"] for entry in page}["nemoml"], {"gpu": "nvidia", "vram_gb": 6}, "of the catalog")
    service.equal(len([entry for entry in page if entry["needs"]["gpu"] == "nvidia"]) > 5, True, "some say so")


if __name__ == "__main__":
    leave()
