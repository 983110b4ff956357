"""What a run asks of the others through the engine, and what another run may want of it."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from engine_side import Engine, ends_well  # noqa: E402
from harness import case, leave  # noqa: E402

RUN = "20250101-120000-abcd"
OTHER = "/other/app/start.js"

READY = {"running": True, "ready": True, "status": "ready", "local": {"url": "http://x:1"}, "global": {"g": 2}}


def knows(table, running=()):
    """Answers of an engine that knows these scripts."""

    def answer(query):
        if query["what"] == "script":
            return table.get(query["path"])
        return {"running": list(running)}.get(query["what"], NotImplemented)

    return answer


def ended(engine, program, line, outcome="stopped"):
    message = line.expect("ended")
    engine.stage.equal(message["outcome"], outcome, "outcome (%r)" % message.get("error"))
    line.send("seen")
    ends_well(engine.stage, program)
    return message


def say(text):
    return {"method": "log", "params": {"text": text}}


def printed(engine, run=RUN):
    return "".join(e["raw"] for e in engine.events(run) if e["type"] == "stream").replace("\r\n", "\n")


@case("others/templates-see-scripts-of-other-runs")
def templates(stage):
    engine = Engine(stage)
    engine.answers = knows({OTHER: READY}, running=[OTHER])
    path = stage.script(
        say("{{running('%s')}} {{!!running('/none.js')}}" % OTHER),
        say("{{ready('%s')}} {{ready('/none.js')}}" % OTHER),
        say("{{kernel.memory.local['%s'].url}} {{kernel.memory.global['%s'].g}}" % (OTHER, OTHER)),
        say("{{kernel.script.local('%s').url}} {{kernel.script.running('%s')}}" % (OTHER, OTHER)),
        say("{{Object.keys(kernel.api.running).sort().join(',')}}"),
        {"method": "script.status", "params": {"uri": OTHER}},
        say("{{input}}"),
        {"method": "script.ready", "params": {"uri": OTHER}},
        say("{{input}}"),
    )
    program, line = engine.start(RUN, path)
    ended(engine, program, line)
    keys = ",".join(sorted([OTHER, path]))
    lines = ["true false", "true false", "http://x:1 2", "http://x:1 true", keys, "ready", "true"]
    stage.equal(printed(engine).split("\n")[:7], lines)


@case("others/launcher-functions-see-them-too")
def info(stage):
    engine = Engine(stage)
    engine.answers = knows({OTHER: READY}, running=[OTHER])
    path = stage.javascript(
        "module.exports = (kernel, info) => ({run: [{method: 'log', params: {text: JSON.stringify([info.running('%s'), "
        "info.ready('%s'), info.local('%s'), info.global('%s'), info.running()])}}]})" % ((OTHER,) * 4)
    )
    program, line = engine.start(RUN, path)
    ended(engine, program, line)
    stage.has(printed(engine), r'\[true,true,\{"url":"http://x:1"\},\{"g":2\},true\]')


@case("others/start-of-a-script-that-another-run-has")
def start(stage):
    engine = Engine(stage)
    engine.answers = knows({stage.path("other.json"): READY})
    stage.app("app", other__json={"run": [say("it ran")]})
    path = stage.script({"method": "script.start", "params": {"uri": "other.json"}}, say("next"))
    program, line = engine.start(RUN, path)
    ended(engine, program, line)
    stage.equal(printed(engine), "other.json is already running. Continuing...\nnext\n")


@case("others/own-script-that-ended-just-now-runs-again")
def own_twice(stage):
    engine = Engine(stage)
    def answer(query):
        """As the engine does: what the run told last is what it knows."""
        told = [message for line in engine.lines for message in line.all_of("state")]
        scripts = told[-1]["scripts"] if told else []
        if query["what"] != "script":
            return []
        runs = [script for script in scripts if script["path"] == query["path"]]
        return dict(READY, ready=False, status="running") if runs else None

    engine.answers = answer
    stage.app("app", other__json={"run": [{"method": "process.wait", "params": {"sec": 0.2}}, say("it ran")]})
    step = {"method": "script.start", "params": {"uri": "other.json"}}
    program, line = engine.start(RUN, stage.script(step, step, step))
    ended(engine, program, line)
    streams = [e["raw"] for e in engine.events(RUN) if e["type"] == "stream"]
    stage.equal("".join(streams), "it ran\r\n" * 3)


@case("others/stop-of-a-script-that-another-run-has")
def stop(stage):
    engine = Engine(stage)
    engine.answers = knows({})
    path = stage.script({"method": "script.stop", "params": {"uri": OTHER}}, say("next"))
    program, line = engine.start(RUN, path)
    query = line.expect("query", lambda query: query["what"] == "stop")
    stage.equal(query["path"], OTHER)
    engine.go()  # the next engine is asked again
    engine.come()
    line, _ = engine.accept()
    again = line.expect("query")
    stage.equal((again["id"], again["what"], again["path"]), (query["id"], "stop", OTHER))
    line.send("reply", id=again["id"], value=True)
    ended(engine, program, line)
    stage.equal(printed(engine), "Stopped %s\nnext\n" % OTHER)


PAGE = "http://127.0.0.1:7860"
PUBLIC = "https://words.example"


def public(query):
    """An engine whose only tunnel leads to PAGE."""
    if query["what"] in ("shared", "share"):
        return query["url"].replace(PAGE, PUBLIC) if query["url"].startswith(PAGE) else None
    return {"running": [], "unshare": query.get("url") == PAGE}.get(query["what"])


@case("others/page-is-told-with-its-public-form")
def public_form(stage):
    engine = Engine(stage)
    engine.answers = public
    path = stage.script(
        {"method": "web.open", "params": {"uri": PAGE + "/a?b=1"}},
        {"method": "web.open", "params": {"uri": "http://127.0.0.1:1"}},
    )
    program, line = engine.start(RUN, path)
    ended(engine, program, line)
    told = [event["data"] for event in engine.events(RUN) if event["type"] == "open"]
    stage.equal(told, [{"uri": PAGE + "/a?b=1", "public": PUBLIC + "/a?b=1"}, {"uri": "http://127.0.0.1:1"}])


@case("others/tunnel-is-opened-and-closed")
def tunnel(stage):
    engine = Engine(stage)
    asked = []

    def answer(query):
        if "share" in query["what"]:
            asked.append({key: value for key, value in query.items() if key not in ("id", "type")})
        return public(query)

    engine.answers = answer
    stage.app("app", inner__json={"run": [
        {"method": "cloudflare.tunnel", "params": {"uri": PAGE, "passcode": 'a "b" ü'}},
        say("at {{input.uri}}"),
        {"method": "cloudflare.stop", "params": {"uri": PAGE}},
    ]})
    path = stage.script({"method": "script.start", "params": {"uri": "inner.json"}})
    program, line = engine.start(RUN, path)
    ended(engine, program, line)
    stage.has(printed(engine), "^at %s$" % PUBLIC)
    stage.equal(asked, [
        {"what": "share", "url": PAGE, "passcode": 'a "b" ü'},
        {"what": "unshare", "url": PAGE},
    ])
    stage.lacks(engine.text(RUN), "ü")


@case("others/tunnel-that-opens-while-the-engine-dies-is-asked-for-again")
def tunnel_again(stage):
    engine = Engine(stage)
    engine.answers = lambda query: NotImplemented
    path = stage.script({"method": "cloudflare.tunnel", "params": {"uri": PAGE}}, say("at {{input.uri}}"))
    program, line = engine.start(RUN, path)
    query = line.expect("query", lambda query: query["what"] == "share")
    engine.go()
    engine.come()
    line, _ = engine.accept()
    again = line.expect("query", lambda query: query["what"] == "share")
    stage.equal((again["id"], again["url"]), (query["id"], PAGE))
    line.send("reply", id=again["id"], value=PUBLIC)
    ended(engine, program, line)
    stage.has(printed(engine), "^at %s$" % PUBLIC)


@case("others/tunnel-that-the-engine-refuses-fails-the-step")
def tunnel_refused(stage):
    engine = Engine(stage)
    engine.answers = lambda query: NotImplemented
    path = stage.script({"method": "cloudflare.tunnel", "params": {"uri": PAGE}}, say("after"))
    program, line = engine.start(RUN, path)
    query = line.expect("query", lambda query: query["what"] == "share")
    line.send("reply", id=query["id"], error="no provider could be reached")
    message = ended(engine, program, line, "error")
    stage.has(message["error"], "cloudflare.tunnel: %s: no provider could be reached" % PAGE)
    stage.lacks(printed(engine), "after")


@case("others/tunnel-of-an-engine-that-knows-none-fails-the-step")
def tunnel_unknown(stage):
    engine = Engine(stage)
    engine.answers = knows({})
    path = stage.script({"method": "cloudflare.tunnel", "params": {"uri": PAGE}})
    program, line = engine.start(RUN, path)
    query = line.expect("query", lambda query: query["what"] == "share")
    line.send("reply", id=query["id"], value=None)
    stage.has(ended(engine, program, line, "error")["error"], "opens no public addresses")


@case("others/cancel-while-a-tunnel-opens")
def tunnel_cancelled(stage):
    engine = Engine(stage)
    engine.answers = lambda query: NotImplemented
    path = stage.script({"method": "cloudflare.tunnel", "params": {"uri": PAGE}}, say("after"))
    program, line = engine.start(RUN, path)
    line.expect("query", lambda query: query["what"] == "share")
    line.send("cancel")
    ended(engine, program, line, "cancelled")


@case("others/question-open-when-the-engine-dies-is-answered-by-the-next")
def query_again(stage):
    engine = Engine(stage)
    engine.answers = lambda query: NotImplemented
    program, line = engine.start(RUN, stage.script(say("{{running('%s')}}" % OTHER)))
    query = line.expect("query", lambda query: query["what"] == "script" and query["path"] == OTHER)
    engine.go()
    engine.come()
    line, _ = engine.accept()
    again = line.expect("query", lambda other: other["id"] == query["id"])
    line.send("reply", id=again["id"], value=READY)
    ended(engine, program, line)
    stage.equal(printed(engine), "true\n")


@case("others/global-memory-of-an-earlier-run")
def earlier(stage):
    engine = Engine(stage)
    path = stage.script(say("{{global.count}}"))
    engine.answers = knows({path: dict(READY, running=False, ready=True, status="stopped", **{"global": {"count": 5}})})
    program, line = engine.start(RUN, path)
    ended(engine, program, line)
    stage.equal(printed(engine), "5\n")


@case("others/wanted-to-stop-one-of-its-scripts")
def wanted(stage):
    engine = Engine(stage)
    engine.answers = knows({})
    note = {"stop": [{"method": "shell.run", "params": {"message": "echo over > stopped.txt"}}]}
    stage.app("app", other__json={"daemon": True, "run": [say("up")], "on": note})
    path = stage.script({"method": "script.start", "params": {"uri": "other.json"}}, {"method": "process.wait", "params": {}})
    program, line = engine.start(RUN, path)
    line.state(lambda state: state["method"] == "process.wait")
    line.send("stop", id="r/1", path=stage.path("other.json"))
    stage.equal(line.expect("stopped")["id"], "r/1")
    stage.equal(stage.read(stage.path("stopped.txt")), "over\n")
    line.send("stop", id=2, path="/not/here.js")
    stage.equal(line.expect("stopped")["id"], 2)
    line.send("stop", id=3, path=path)
    stage.equal(line.expect("stopped")["id"], 3, "the main one, in the middle of its step")
    ended(engine, program, line, "cancelled")


if __name__ == "__main__":
    leave()
