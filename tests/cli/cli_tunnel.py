#!/usr/bin/env python3
"""Public addresses from the command line: tunnel, open, and where else they are shown."""

import json
import os
import re
import signal
import termios
import time

import qr
from service import api, app, case, command_line, end_all, is_gone, leave, printing
from standin import RULE, Engine

URL = "https://a-b-c.example.net"
DEMO = {"id": "demo", "state": "RUNNING", "run": "20251122-175633-ab12", "url": "http://127.0.0.1:7860/lab?token=x"}
LONG_URL = "https://long-words-that-nobody-can-remember-or-type.trycloudflare.example/ui/index.html?__theme=dark&token=0123456789abcdef"


def sized(columns, rows):
    return ["sh", "-c", 'stty cols %d rows %d; exec "$@"' % (columns, rows), "sh"]


def seen(program):
    """What a terminal shows, without colours."""
    return qr.plain(program.out)


def posted(t, engine):
    t.waits(lambda: engine.requests("POST", "/v1/tunnels"), "the request")
    return engine.requests("POST", "/v1/tunnels")[-1][2]


# --- open


@case("/cli/tunnel/open-says-what-is-tried-and-prints-the-address")
def opened(t):
    engine = Engine(t, [DEMO])
    program = t.start("tunnel", "open", "demo")
    t.equal(posted(t, engine), {"app": "demo"}, "what was asked")
    t.waits(lambda: engine.followers, "events are followed")
    t.waits(lambda: any(path.startswith("/v1/tunnels/") for _, path, _ in engine.asked), "its first look")
    engine.change(provider="ngrok")
    engine.change(provider="cloudflare", trouble="ngrok: ERR_NGROK_108: another agent runs")
    engine.open(path="/lab?token=x", trouble=None)
    t.equal(program.end(10), 0, "exit status")
    t.equal(program.out, URL + "/lab?token=x\n", "standard output")
    said = [line for line in program.err.splitlines() if "trying" in line or "ERR_NGROK" in line]
    wanted = ["trying ngrok", "ngrok: ERR_NGROK_108: another agent runs", "trying cloudflare"]
    t.equal([line.replace("[pinokiocloud] ", "") for line in said], wanted, "what was said")
    t.equal(program.err.count(RULE), 1, "how often the rule is told")
    t.has(program.err, "whoever knows this address")


@case("/cli/tunnel/open-without-events")
def opened_by_looking(t):
    """An engine that lets nobody follow is asked again and again."""
    engine = Engine(t, [DEMO], events=False)
    program = t.start("tunnel", "open", "demo")
    posted(t, engine)
    engine.change(provider="cloudflare")
    program.until("trying cloudflare")
    engine.open()
    t.equal(program.end(10), 0, "exit status")
    t.equal(program.out, URL + "/\n", "standard output")


@case("/cli/tunnel/open-of-what-is-open")
def opened_already(t):
    engine = Engine(t, [DEMO])
    engine.add(app="demo", provider="platform")
    engine.open()
    program = t.run("tunnel", "open", "demo")
    t.status(program, 0)
    t.equal(program.out, URL + "/\n", "standard output")
    t.has(program.err, "already")
    t.lacks(program.err, "ends sessions|whoever knows|trying")


@case("/cli/tunnel/open-of-ports-and-addresses")
def opened_targets(t):
    engine = Engine(t, [DEMO])
    for what, body in (
        ("7860", {"port": 7860}),
        ("http://127.0.0.1:9000/a?b=c", {"url": "http://127.0.0.1:9000/a?b=c"}),
        ("demo", {"app": "demo"}),
    ):
        program = t.run("tunnel", "open", what, "--provider", "cloudflare", "--detach")
        t.status(program, 0)
        t.equal(posted(t, engine), dict(body, provider="cloudflare"), "what was asked for " + what)
        t.equal(program.out, "t-%d\n" % len(engine.tunnels), "its id")
        t.equal(program.err.count(RULE), 1, "how often the rule is told")


@case("/cli/tunnel/open-goes-on-after-ctrl-c")
def left(t):
    engine = Engine(t, [DEMO])
    program = t.start("tunnel", "open", "demo")
    posted(t, engine)
    engine.change(provider="cloudflare")
    program.until("trying cloudflare")
    program.signal(signal.SIGINT)
    t.equal(program.end(5), 130, "exit status")
    t.equal(program.out, "", "standard output")
    t.has(program.err, "goes on being opened")
    t.equal(engine.requests("DELETE"), [], "what was closed")


@case("/cli/tunnel/open-that-fails")
def failed(t):
    engine = Engine(t, [DEMO])
    # Closed by somebody else.
    program = t.start("tunnel", "open", "demo")
    posted(t, engine)
    engine.change(trouble="cloudflare: no route", provider="cloudflare")
    program.until("no route")
    engine.tunnels.clear()
    t.equal(program.end(10), 1, "exit status")
    t.has(program.err, "closed before it was open")
    t.equal(program.out, "", "standard output")
    # Nobody who could be tried, now or later.
    engine.begin = {"status": "waiting", "trouble": "ssh: not found", "retry_at": int(time.time() * 1000) + 60000}
    for provider in engine.providers[2:]:
        provider["available"] = False
    engine.providers[1].update(available=True, barred_until=-1)
    program = t.run("tunnel", "open", "demo")
    t.fails(program, "ssh: not found", "no provider can be used now: .*tunnel providers")
    t.lacks(program.err, "next try")
    # The same where another one than the wanted can be used.
    engine.providers[2]["available"] = True
    engine.tunnels.clear()
    t.fails(t.run("tunnel", "open", "demo", "--provider", "ngrok"), "no provider can be used")


@case("/cli/tunnel/open-when-the-engine-goes")
def engine_gone(t):
    engine = Engine(t, [DEMO])
    program = t.start("tunnel", "open", "demo")
    t.waits(lambda: engine.followers, "events are followed")
    engine.end()
    t.equal(program.end(10), 1, "exit status")
    t.has(program.err, "engine does not answer")
    t.equal(program.out, "", "standard output")


@case("/cli/tunnel/open-waits-for-the-next-try")
def waited(t):
    engine = Engine(t, [DEMO])
    at = int(time.time() * 1000) + 300000
    engine.begin = {"status": "waiting", "trouble": "cloudflare: 429 Too Many Requests", "retry_at": at}
    program = t.start("tunnel", "open", "demo")
    program.until(r"next try is at " + time.strftime("%H:%M:%S", time.localtime(at // 1000)))
    t.has(program.err, "429 Too Many")
    time.sleep(0.7)
    t.equal(program.err.count("next try"), 1, "how often it is said")
    engine.open(provider="cloudflare", trouble=None, retry_at=0)
    t.equal(program.end(10), 0, "exit status")


@case("/cli/tunnel/open-of-what-makes-no-sense")
def opened_wrong(t):
    engine = Engine(t, [DEMO, dict(DEMO, id="comfyui-zluda"), dict(DEMO, id="whisper")])
    t.fails(t.run("tunnel", "open", "dmeo"), "no app 'dmeo'; did you mean demo\\?")
    t.fails(t.run("tunnel", "open", "comfyui"), "did you mean comfyui-zluda\\?")
    t.lacks(t.fails(t.run("tunnel", "open", "something-else")).err, "did you mean")
    for port in ("0", "65536", "99999999999999999999999"):
        t.fails(t.run("tunnel", "open", port), port + " is no port", status=2)
    for url in ("ftp://127.0.0.1/", "http://", "://x", "http://[::1", "file:///etc/passwd"):
        t.fails(t.run("tunnel", "open", url), "is no address", status=2)
    t.fails(t.run("tunnel", "open", "demo", "--provider", "nobody"), "no provider 'nobody'", status=2)
    t.fails(t.run("tunnel", "open", "demo", "--passcode", ""), "passcode is empty", status=2)
    t.fails(t.run("tunnel", "open", "demo", "--passcode", "x" * 1001), "longer than", status=2)
    for arguments in ((), ("",), ("a", "b"), ("--nothing", "a"), ("a", "--json")):
        t.fails(t.run("tunnel", "open", *arguments), status=2)
    t.equal(engine.tunnels, {}, "tunnels")
    for verb in ("list", "open", "close", "passcode", "providers"):
        t.has(t.run("tunnel", verb, "--help").out, r"Usage:\n  pinokiocloud .* tunnel " + verb)
    t.has(t.run("tunnel", "--help").out, "tunnel passcode")
    t.fails(t.run("tunnel", "opne"), "does not know 'opne'", status=2)


# --- passcodes


@case("/cli/tunnel/passcodes-are-kept-from-others")
def passcodes(t):
    engine = Engine(t, [DEMO])
    word = "ga\"te ' ü日本"
    program = t.start("tunnel", "open", "demo", "--passcode", word)
    t.equal(posted(t, engine)["passcode"], word, "passcode")
    t.lacks(" ".join(command_line(program.pid)), "ga.te")
    t.equal(command_line(program.pid)[1:5], ["tunnel", "open", "demo", "--passcode"], "the rest of the command")
    engine.open()
    t.equal(program.end(10), 0, "exit status")
    t.has(program.err, "asks for the passcode")
    t.lacks(program.both, "ga.te")
    engine.tunnels.clear()
    program = t.start("tunnel", "open", "demo", "--passcode=equals")
    t.waits(lambda: len(engine.requests("POST")) == 2, "the request")
    t.lacks(" ".join(command_line(program.pid)), "equals")
    engine.open()
    program.end(10)


def silent(program):
    return not termios.tcgetattr(program.terminal)[3] & termios.ECHO


@case("/cli/tunnel/passcode-is-typed-without-echo")
def typed(t):
    engine = Engine(t, [DEMO])
    engine.add(app="demo")
    program = t.start("tunnel", "passcode", "demo", terminal=True)
    program.until("Passcode: ")
    t.waits(lambda: silent(program), "no echo")
    program.type("sesamx\x7fe\n")
    t.equal(program.end(10), 0, "exit status")
    t.equal(engine.requests("PUT"), [("PUT", "/v1/tunnels/t-1", {"passcode": "sesame"})], "what was asked")
    t.lacks(program.out, "sesam")
    t.equal(silent(program), False, "echo afterwards")
    # Ctrl-C and an empty line leave it as it is.
    for keys, status in (("ses\x03", 130), ("\n", 2), ("\x04", 130)):
        program = t.start("tunnel", "passcode", "demo", "-", terminal=True)
        program.until("Passcode: ")
        program.type(keys)
        t.equal(program.end(10), status, "exit status after %r" % keys)
        t.equal(silent(program), False, "echo afterwards")
    t.equal(len(engine.requests("PUT")), 1, "requests")


@case("/cli/tunnel/passcode-of-standard-input")
def piped(t):
    engine = Engine(t, [DEMO])
    engine.add(app="demo")
    for text, status, wanted in ((r"a b\r\nmore", 0, "a b"), ("whole", 0, "whole"), ("", 130, None), (r"\n", 2, None), (r"\377\n", 2, None)):
        before = ["sh", "-c", 'printf "$0" | "$@"', text]
        program = t.run("tunnel", "passcode", "demo", "-", before=before)
        t.status(program, status)
        if wanted:
            t.equal(engine.requests("PUT")[-1][2], {"passcode": wanted}, "passcode")
    t.equal(len(engine.requests("PUT")), 2, "requests")


@case("/cli/tunnel/passcode-on-and-off")
def switched(t):
    engine = Engine(t, [DEMO, dict(DEMO, id="other")])
    engine.add(app="demo")
    t.has(t.run("tunnel", "passcode", "t-1", "word").err, "demo asks for the new passcode")
    t.equal(engine.tunnels["t-1"]["passcode"], True, "passcode")
    t.has(t.run("tunnel", "passcode", "demo", "--off").err, "asks for none")
    t.equal(engine.tunnels["t-1"]["passcode"], False, "passcode")
    t.fails(t.run("tunnel", "passcode", "demo", "word", "--off"), "not both", status=2)
    t.fails(t.run("tunnel", "passcode", "demo", ""), status=2)
    t.fails(t.run("tunnel", "passcode", "other", "word"), "other has no tunnel", "--passcode -")
    t.fails(t.run("tunnel", "passcode", "dem", "word"), "no app 'dem'; did you mean demo")


# --- list, close, providers


@case("/cli/tunnel/list")
def listed(t):
    engine = Engine(t, [DEMO])
    t.equal(t.run("tunnel", "list").out, "No tunnel is open.\n", "none")
    t.equal(json.loads(t.run("tunnel", "--json").out), [], "none")
    engine.add(1, app="demo", provider="cloudflare", passcode=True)
    engine.open(1, path="/lab")
    engine.add(2, local_url="http://127.0.0.1:9000/", local_port=9000, provider="ssh", trouble="ssh: Connection refused")
    engine.add(3, app="bad\x1b[2J\nname", status="failing", public_url="https://x\x07y", trouble="line\x1b]0;x\x07")
    program = t.run("tunnel", "list")
    t.status(program, 0)
    lines = program.out.splitlines()
    t.equal(lines[0].split(), ["APP", "STATUS", "URL", "PROVIDER", "AGE", "PASSCODE"], "heads")
    t.has(lines[1], r"^demo +open +%s/lab +cloudflare +2 min +yes$" % re.escape(URL))
    t.has(lines[2], r"^http://127\.0\.0\.1:9000/ +opening +- +ssh +2 min +no$")
    t.has(lines[3], r"^bad\\x1b\[2J\\nname +failing +https://x\\x07y +- ")
    t.has(program.err, r"http://127\.0\.0\.1:9000/: ssh: Connection refused")
    t.lacks(program.both, "[\x1b\x07]")
    t.equal(json.loads(t.run("tunnel", "list", "--json").out), list(engine.tunnels.values()), "JSON")
    narrow = t.run("tunnel", "list", terminal=True, before=sized(20, 5))
    t.status(narrow, 0)
    t.has(seen(narrow), re.escape(URL))


@case("/cli/tunnel/close")
def closed(t):
    engine = Engine(t, [DEMO, dict(DEMO, id="other")])
    for number, members in enumerate(({"app": "demo"}, {"app": "other"}, {"local_port": 9000}, {"app": "demo"}), 1):
        engine.add(number, **members)
    t.has(t.run("tunnel", "close", "9000").err, "is closed")
    t.equal(sorted(engine.tunnels), ["t-1", "t-2", "t-4"], "what is left")
    t.status(t.run("tunnel", "close", "demo"), 0)
    t.equal(sorted(engine.tunnels), ["t-2"], "what is left")
    program = t.run("tunnel", "close", "demo")
    t.status(program, 0)
    t.has(program.err, "demo has no tunnel")
    t.fails(t.run("tunnel", "close", "demu"), "did you mean demo")
    t.fails(t.run("tunnel", "close", "9000"), "no tunnel to 9000")
    t.fails(t.run("tunnel", "close"), "--all", status=2)
    t.fails(t.run("tunnel", "close", "demo", "--all"), "--all", status=2)
    engine.add(5)
    t.status(t.run("tunnel", "close", "--all"), 0)
    t.equal(engine.tunnels, {}, "what is left")
    t.has(t.run("tunnel", "close", "--all").err, "no tunnel was open")


@case("/cli/tunnel/close-waits-for-the-end")
def closed_late(t):
    engine = Engine(t, [DEMO])
    engine.stays = True
    engine.add(app="demo")
    program = t.start("tunnel", "close", "demo")
    t.waits(lambda: engine.requests("DELETE"), "the request")
    time.sleep(0.3)
    t.equal(is_gone(program.pid), False, "it waits")
    engine.tunnels.clear()
    t.equal(program.end(5), 0, "exit status")


@case("/cli/tunnel/providers")
def providers(t):
    engine = Engine(t)
    engine.providers[2]["barred_until"] = int((time.time() + 250) * 1000)
    engine.providers.append(dict(engine.providers[2], id="ssh", order=5, barred_until=-1))
    program = t.run("tunnel", "providers")
    t.status(program, 0)
    lines = program.out.splitlines()
    t.has(lines[0], "^PROVIDER +ORDER +USABLE +WHAT IT IS")
    t.has(program.out, r"^ngrok +2 +no +it wants a token")
    t.has(program.out, r"^cloudflare +3 +later +failed; it may be tried again in 4 min$")
    t.has(program.out, r"^localtunnel +4 +yes +LocalTunnel$")
    t.has(program.out, r"^ssh +5 +no +was refused")
    t.equal(program.out.count("Rule"), 1, "how often the rule is shown")
    t.equal(json.loads(t.run("tunnel", "providers", "--json").out), engine.providers, "JSON")
    narrow = t.run("tunnel", "providers", terminal=True, before=sized(40, 24))
    t.equal([line for line in seen(narrow).splitlines() if len(line) > 40], [], "lines too long")


# --- QR codes


@case("/cli/open/qr-code-on-a-terminal")
def coded(t):
    engine = Engine(t, [DEMO])
    engine.add(app="demo")
    numbers = "https://HELLO-WORLD.EXAMPLE/0123456789012345678901/ü"
    for url in ("https://x.lhr.life/", URL + "/lab?token=x", numbers, LONG_URL + "&more=" + "x" * 90, LONG_URL):
        engine.change(status="open", public_url=url, open_url=url)
        for command in (("open", "demo"), ("tunnel", "open", "demo")):
            program = t.run(*command, terminal=True, before=sized(100, 60), env={"BROWSER": "/bin/true"})
            t.status(program, 0)
            t.equal(qr.read(program.out), url, "what the code says")
            t.has(seen(program), "^(everywhere  )?" + re.escape(url) + "$")
        for line in [line for line in program.out.splitlines() if "█" in line]:
            t.has(line, "^\x1b\\[38;5;16;48;5;231m[ ▀▄█]+\x1b\\[0m\r?$")
    t.has(seen(t.run("open", "demo", terminal=True, env={"BROWSER": "/bin/true"})), "^here        http://127.0.0.1:7860/")
    plain = t.run("open", "demo", terminal=True, before=sized(100, 60), env={"BROWSER": "/bin/true", "NO_COLOR": "1"})
    t.equal(qr.read(plain.out, drawn_is_dark=False), LONG_URL, "what the code says without colours")
    t.lacks(plain.out, "\x1b")


@case("/cli/open/no-qr-code-where-it-does-not-fit")
def too_narrow(t):
    engine = Engine(t, [DEMO])
    engine.add(app="demo")
    engine.open()
    size = len(qr.lines_of(t.run("open", "demo", terminal=True, before=sized(100, 60), env={"BROWSER": "/bin/true"}).out))
    width = 2 * size - 1
    for columns, rows, shown in (
        (width, size + 1, True),
        (width - 1, 60, False),
        (100, size, False),
        (20, 5, False),
        (0, 0, False),
    ):
        program = t.run("open", "demo", terminal=True, before=sized(columns, rows), env={"BROWSER": "/bin/true"})
        t.equal("▀" in program.out, shown, "code on %d x %d" % (columns, rows))
        t.has(seen(program), re.escape(URL))
    for env in ({"TERM": "dumb"}, {"LC_ALL": "C"}):
        program = t.run("open", "demo", terminal=True, before=sized(100, 60), env=dict(env, BROWSER="/bin/true"))
        t.lacks(program.out, "[▀▄█]")
    t.lacks(t.run("open", "demo", env={"BROWSER": "/bin/true"}).out, "[▀▄█]")


# --- open, status, ps, start


@case("/cli/open/both-addresses")
def both(t):
    engine = Engine(t, [DEMO, dict(DEMO, id="share", url=None, public_url="https://abc.gradio.example")])
    browser = {"BROWSER": "/bin/true"}
    t.equal(t.run("open", "demo", env=browser).out, DEMO["url"] + "\n", "without tunnel")
    engine.add(app="demo", provider="cloudflare", trouble="cloudflare: slow")
    program = t.run("open", "demo", env=browser)
    t.equal(program.out, DEMO["url"] + "\n", "while it is being opened")
    t.has(program.err, "not open .opening.: cloudflare: slow")
    engine.open(path="/lab", trouble=None)
    t.equal(t.run("open", "demo", env=browser).out, "%s\n%s/lab\n" % (DEMO["url"], URL), "with tunnel")
    found = json.loads(t.run("open", "demo", "--json").out)
    t.equal(found, {"app": "demo", "url": DEMO["url"], "public_url": URL + "/lab"}, "JSON")
    t.equal(t.run("open", "share", env=browser).out, "https://abc.gradio.example\n", "the app's own")
    t.equal(json.loads(t.run("open", "share", "--json").out)["url"], None, "JSON")


@case("/cli/status/and-ps-show-public-addresses")
def shown(t):
    engine = Engine(t, [DEMO, dict(DEMO, id="other", run="20251122-175633-cd34")])
    t.lacks(t.run("status").out, "PUBLIC")
    t.lacks(t.run("ps").out, "PUBLIC")
    engine.add(app="demo", run=DEMO["run"])
    t.lacks(t.run("ps").out, "PUBLIC")
    engine.open()
    engine.apps[0]["public_url"] = URL + "/"
    for command in ("status", "ps"):
        lines = t.run(command).out.splitlines()
        head = next(line for line in lines if line.startswith("APP"))
        t.has(head, "  PUBLIC ADDRESS$")
        t.has("\n".join(lines), "^demo .*  %s/$" % re.escape(URL))
        t.has("\n".join(lines), "^other .*  -$")
    t.equal([run["public_url"] for run in json.loads(t.run("ps", "--json").out)], [URL + "/", None], "ps as JSON")
    t.equal([found["public_url"] for found in json.loads(t.run("status", "--json").out)["apps"]], [URL + "/", None], "status as JSON")


@case("/cli/start/shows-the-public-address")
def started(t):
    engine = Engine(t, [DEMO])
    here = "demo runs already: " + DEMO["url"] + "\n"
    t.equal(t.run("start", "demo").out, here, "without tunnel")
    engine.add(app="demo", run=DEMO["run"])
    program = t.start("start", "demo")
    t.waits(lambda: engine.followers, "it is waited for")
    engine.change(provider="cloudflare")
    program.until("trying cloudflare")
    engine.open()
    t.equal(program.end(10), 0, "exit status")
    t.equal(program.out, here + "demo from everywhere: %s/\n" % URL, "when it is open")
    t.equal(t.run("start", "demo").out, program.out, "when it was open before")
    engine.change(status="waiting", trouble="ssh: gone")
    for provider in engine.providers:
        provider["available"] = False
    program = t.run("start", "demo")
    t.status(program, 0)
    t.equal(program.out, here, "where it cannot be opened")
    t.has(program.err, "ssh: gone")
    t.has(program.err, "demo has no public address: no provider")
    engine.change(status="opening")
    program = t.start("start", "demo")
    t.waits(lambda: engine.followers, "it is waited for")
    program.signal(signal.SIGINT)
    t.equal(program.end(5), 0, "exit status after Ctrl-C")
    t.has(program.err, "goes on being opened")
    engine.tunnels.clear()
    engine.apps[0]["public_url"] = "https://abc.gradio.example"
    t.equal(t.run("start", "demo").out, here + "demo from everywhere: https://abc.gradio.example\n", "the app's own")


# --- with the real engine


@case("/cli/tunnel/of-the-real-engine")
def real(t):
    """As far as it goes without anybody outside: the only provider that may be used has no token."""
    t.env.pop("NGROK_AUTHTOKEN", None)
    t.cleanups.append(lambda: end_all(t))
    app(t, steps=printing())
    app(t, "other", steps=printing())
    t.equal(t.run("start", "demo").out.splitlines()[-1], "demo is ready: http://127.0.0.1:4321/", "last line")
    found = json.loads(t.run("open", "demo", "--json").out)
    t.equal(found, {"app": "demo", "url": "http://127.0.0.1:4321/", "public_url": None}, "addresses")
    t.equal(t.run("tunnel", "list").out, "No tunnel is open.\n", "tunnels")
    t.equal(json.loads(t.run("ps", "--json").out)[0]["public_url"], None, "public address in ps")
    ids = [provider["id"] for provider in json.loads(t.run("tunnel", "providers", "--json").out)]
    t.equal(ids, ["platform", "ngrok", "cloudflare", "localtunnel", "ssh"], "providers")
    program = t.run("tunnel", "open", "demo", "--provider", "ngrok")
    t.fails(program, "ngrok: .*token", "no provider can be used")
    t.equal(program.out, "", "standard output")
    t.has(t.run("tunnel", "list").out, "^demo +waiting +- +(-|ngrok) +0 s +no$")
    t.status(t.run("tunnel", "passcode", "demo", "wörd"), 0)
    t.equal([(one["app"], one["passcode"]) for one in api(t, "GET", "/v1/tunnels")], [("demo", True)], "tunnels")
    t.status(t.run("tunnel", "passcode", "4321", "--off"), 0)
    t.has(t.run("tunnel", "list").out, "^demo +waiting .* no$")
    t.has(t.run("tunnel", "close", "demo").err, "demo is closed")
    t.equal(api(t, "GET", "/v1/tunnels"), [], "tunnels after the end")
    t.fails(t.run("tunnel", "open", "other"), "other has no page", "start it first")
    t.fails(t.run("tunnel", "open", "othr"), "did you mean other")
    t.fails(t.run("tunnel", "open", "http://example.com/"), "this machine", status=2)
    t.fails(t.run("tunnel", "open", "demo", "--provider", "nobody"), "no provider 'nobody'", status=2)


if __name__ == "__main__":
    leave()
