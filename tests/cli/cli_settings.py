#!/usr/bin/env python3
"""The engine's settings from the command line, with the real engine."""

import json
import time

from service import api, case, command_line, engines, leave, up
from standin import Engine

TOKEN = "2abcDEF_ghi-JKL.mno"
SETTINGS = [{"key": "tunnel.ngrok_token", "description": "A token.", "type": "secret", "value": "", "default": "", "set": False}]


def settings(t):
    return {setting["key"]: setting for setting in api(t, "GET", "/v1/settings")}


@case("/cli/settings/lists-all-that-the-engine-has")
def listed(t):
    up(t)
    program = t.run("settings")
    t.status(program, 0)
    lines = program.out.splitlines()
    t.equal(lines[0].split(), ["KEY", "VALUE", "SET", "WHAT", "IT", "IS"], "heads")
    t.equal([line.split()[0] for line in lines[1:]], list(settings(t)), "keys")
    t.has(program.out, r"^tunnel\.auto +cloud +no +Whether .*\. One of: cloud, always, never\.$")
    t.has(program.out, r"^stop\.grace_ms +5000 +no +Milliseconds")
    t.has(program.out, r"^tunnel\.ngrok_token +- +no +The token")
    t.equal(json.loads(t.run("settings", "--json").out), list(settings(t).values()), "JSON")
    narrow = t.run("settings", terminal=True, before=["sh", "-c", 'stty cols 80 rows 24; exec "$@"', "sh"])
    t.equal([line for line in narrow.out.splitlines() if len(line.replace("\x1b[1m", "").replace("\x1b[0m", "")) > 80], [], "lines too long")


@case("/cli/settings/shows-sets-and-takes-back")
def changed(t):
    up(t)
    for key, usual, value in (
        ("stop.grace_ms", "5000", "7000"),
        ("tunnel.auto", "cloud", "never"),
        ("tunnel.ssh", "nokey@localhost.run", "me@example.com:2222"),
    ):
        t.equal(t.run("settings", key).out, usual + "\n", "at first")
        program = t.run("settings", key, value)
        t.status(program, 0)
        t.equal(program.out, "", "standard output")
        t.has(program.err, key + " is set")
        t.equal((str(settings(t)[key]["value"]), settings(t)[key]["set"]), (value, True), "in the engine")
        t.equal(t.run("settings", key).out, value + "\n", "afterwards")
        t.equal(json.loads(t.run("settings", key, "--json").out), settings(t)[key], "JSON")
        t.has(t.run("settings").out, r"^%s +%s +yes " % (key, value))
        t.status(t.run("settings", key, "--reset"), 0)
        t.equal((str(settings(t)[key]["value"]), settings(t)[key]["set"]), (usual, False), "taken back")
        t.status(t.run("settings", "--reset", key), 0)
    t.equal(json.loads(t.run("settings", "stop.grace_ms", "0", "--json").out)["value"], 0, "JSON of what was set")
    t.equal(json.loads(t.run("settings", "stop.grace_ms", "--reset", "--json").out)["set"], False, "JSON of what was taken back")


@case("/cli/settings/starts-an-engine")
def alone(t):
    t.equal(t.run("settings", "runs.keep", "7").code, 0, "exit status")
    up(t)
    t.equal(len(engines(t)), 1, "engines")
    t.equal(t.run("settings", "runs.keep").out, "7\n", "value")


@case("/cli/settings/what-makes-no-sense")
def refused(t):
    up(t)
    before = settings(t)
    for word, meant in (
        ("tunnel.ngrok-token", "tunnel.ngrok_token"),
        ("ngrok_token", "tunnel.ngrok_token"),
        ("stop.grace", "stop.grace_ms"),
        ("TUNNEL.AUTO", "tunnel.auto"),
        ("idle", "idle.action or idle.after_s or idle.cpu_percent"),
    ):
        for more in ((), ("x",), ("--reset",)):
            t.fails(t.run("settings", word, *more), r"no setting '%s'; did you mean %s\?" % (word, meant), status=2)
    program = t.fails(t.run("settings", "quite-another\x1b[2J\x07"), "no setting", status=2)
    t.lacks(program.both, "did you mean|[\x1b\x07]")
    t.fails(t.run("settings", "stop.grace_ms", "many"), "whole number from 0 to 60000", status=2)
    t.fails(t.run("settings", "stop.grace_ms", "60001"), "whole number from 0 to 60000", status=2)
    t.fails(t.run("settings", "tunnel.auto", "sometimes"), "one of cloud, always, never", status=2)
    t.fails(t.run("settings", "tunnel.ssh", "-oProxyCommand=x"), status=2)
    t.fails(t.run("settings", "tunnel.ssh", "--", "-oProxyCommand=x"), "tunnel.ssh cannot be", status=2)
    t.lacks(t.fails(t.run("settings", "tunnel.ngrok_token", "with space"), "tunnel.ngrok_token cannot be", status=2).both, "with space")
    t.fails(t.run("settings", "stop.grace_ms", "x" * 1001), "longer than 1000", status=2)
    t.fails(t.run("settings", "--reset"), "wants a key", status=2)
    t.fails(t.run("settings", "stop.grace_ms", "1", "--reset"), "not both", status=2)
    for arguments in (("",), ("stop.grace_ms", ""), ("stop.grace_ms", "1", "2"), ("--nothing",)):
        t.fails(t.run("settings", *arguments), status=2)
    t.equal(settings(t), before, "settings afterwards")


# --- secrets


@case("/cli/settings/secrets-are-never-shown")
def secret(t):
    up(t)
    t.equal(t.run("settings", "tunnel.ngrok_token").out, "\n", "at first")
    programs = [
        t.run("settings", "tunnel.ngrok_token", TOKEN),
        t.run("settings", "tunnel.ngrok_token"),
        t.run("settings"),
        t.run("settings", "--json"),
    ]
    for program in programs:
        t.status(program, 0)
        t.lacks(program.both, TOKEN)
    t.equal(programs[1].out, "********\n", "what is shown of it")
    t.has(programs[2].out, r"^tunnel\.ngrok_token +\*{8} +yes ")
    t.status(t.run("settings", "tunnel.ngrok_token", "--reset"), 0)
    t.equal(t.run("settings", "tunnel.ngrok_token").out, "\n", "taken back")


@case("/cli/settings/values-are-kept-from-others")
def hidden(t):
    """An engine that does not answer for a while: what a list of processes shows meanwhile."""
    engine = Engine(t)
    respond = engine.respond
    engine.respond = lambda method, path, body: (200, SETTINGS) if path.startswith("/v1/settings") else respond(method, path, body)
    with engine.lock:
        program = t.start("settings", "tunnel.ngrok_token", TOKEN)
        t.waits(lambda: "*" * len(TOKEN) in command_line(program.pid), "the token is hidden")
        t.equal(command_line(program.pid)[1:3], ["settings", "tunnel.ngrok_token"], "the rest of the command")
        t.equal(program.process.poll(), None, "it waits for the engine")
    t.equal(program.end(10), 0, "exit status")
    t.equal(engine.requests("PUT"), [("PUT", "/v1/settings/tunnel.ngrok_token", {"value": TOKEN})], "what was asked")


@case("/cli/settings/value-is-typed-or-piped")
def typed(t):
    engine = Engine(t)
    engine.respond = lambda method, path, body: (200, SETTINGS)
    program = t.start("settings", "tunnel.ngrok_token", "-", terminal=True)
    program.until("tunnel.ngrok_token: ")
    time.sleep(0.2)
    program.type(TOKEN + "\n")
    t.equal(program.end(10), 0, "exit status")
    t.lacks(program.out, TOKEN)
    t.equal(engine.requests("PUT")[-1][2], {"value": TOKEN}, "what was typed")
    program = t.start("settings", "tunnel.ngrok_token", "-", terminal=True)
    program.until("tunnel.ngrok_token: ")
    program.type("2ab\x03")
    t.equal(program.end(10), 130, "exit status after Ctrl-C")
    t.has(program.both, "tunnel.ngrok_token was not given")
    for text, status in (("a.b\\nmore", 0), ("", 130), ("\\n", 2)):
        program = t.run("settings", "tunnel.ngrok_token", "-", before=["sh", "-c", 'printf "$0" | "$@"', text])
        t.status(program, status)
    t.equal([body for _, _, body in engine.requests("PUT")], [{"value": TOKEN}, {"value": "a.b"}], "what was asked")
    # Nobody is asked for the value of what is not there.
    t.fails(t.run("settings", "nothing.such", "-"), "no setting 'nothing.such'", status=2)


@case("/cli/settings/ngroks-token-is-asked-for-by-its-name")
def asked_for(t):
    t.env.pop("NGROK_AUTHTOKEN", None)
    up(t)
    found = {provider["id"]: provider for provider in json.loads(t.run("tunnel", "providers", "--json").out)}
    t.has(found["ngrok"]["why_not"], "`pinokiocloud settings tunnel.ngrok_token -`")
    t.status(t.run("settings", "tunnel.ngrok_token", TOKEN), 0)
    found = {provider["id"]: provider for provider in json.loads(t.run("tunnel", "providers", "--json").out)}
    t.lacks(str(found["ngrok"]["why_not"]), "token")


if __name__ == "__main__":
    leave()
