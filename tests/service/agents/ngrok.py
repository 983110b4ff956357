"""Stands for ngrok: its log as JSON on stdout, its errors on stderr too, its flags and its tokens."""

import json
import os
import re
import sys

import common

TAKES = {"authtoken", "config", "log", "log-format", "log-level", "url", "domain", "host-header", "region", "name"}
ALONE = {"inspect", "pooling-enabled", "verify-webhook"}
TROUBLES = {
    4018: "Usage of ngrok requires a verified account and authtoken.\n\nSign up for an account: "
    "https://dashboard.ngrok.com/signup\nInstall your authtoken: "
    "https://dashboard.ngrok.com/get-started/your-authtoken",
    105: "The authtoken you specified does not look like a proper ngrok tunnel authtoken.\nYour authtoken: %s\n"
    "Instructions to install your authtoken are on your ngrok dashboard:\n"
    "https://dashboard.ngrok.com/get-started/your-authtoken",
    107: "The authtoken you specified is properly formed, but it is invalid.\nYour authtoken: %s\nThis usually happens "
    "when:\n    - You reset your authtoken\n    - Your authtoken was removed",
    108: "Your account is limited to 1 simultaneous ngrok agent sessions.\nYou can run multiple simultaneous tunnels "
    "from a single agent session by defining the tunnels in your agent configuration file.",
    725: "Your account has exceeded its monthly bandwidth limit.",
}


def say(plain, **fields):
    if plain:
        words = " ".join('%s="%s"' % item for item in fields.items())
        print("t=%s %s" % (common.stamp(), words), flush=True)
    else:
        print(json.dumps(dict(fields, t=common.stamp())), flush=True)


def fail(text, code=1):
    for line in text.split("\n"):
        print("ERROR:  " + line, file=sys.stderr)
    sys.stderr.flush()
    sys.exit(code)


def options():
    if sys.argv[1:] in (["version"], ["--version"]):
        print("ngrok version 3.34.1")
        sys.exit(0)
    if sys.argv[1:2] != ["http"]:
        fail("unknown command %r for \"ngrok\"" % (sys.argv[1:2] or [""])[0])
    try:
        found, words = common.flags(sys.argv[2:], TAKES, ALONE)
    except common.WrongFlag as error:
        fail(str(error).replace("flag provided but not defined: -", "unknown flag: --"))
    if len(words) != 1:
        fail("accepts 1 arg(s), received %d" % len(words))
    if found.get("log-format", "term") not in ("term", "logfmt", "json"):
        fail("Invalid log format: %s" % found["log-format"])
    return found, words[0]


def token_of(found):
    return found.get("authtoken") or os.environ.get("NGROK_AUTHTOKEN") or ""


def refuse(plain, code, token):
    text = TROUBLES[code]
    text = "authentication failed: " + (text % token if "%s" in text else text) + "\n\nERR_NGROK_%d\n" % code
    say(plain, err=text, lvl="eror", msg="failed to reconnect session", obj="tunnels.session")
    say(plain, err=text, lvl="eror", msg="session closed, starting reconnect", obj="tunnels.session")
    say(plain, err=text, lvl="eror", msg="command failed")
    fail(text)


def trouble_of(outside, token):
    """The code of what is wrong, or 0."""
    asked = {"limited": 108, "bandwidth": 725}.get(outside.mode)
    if asked is not None:
        return asked
    if not token:
        return 4018
    if not re.fullmatch(r"[0-9A-Za-z]{20,}_[0-9A-Za-z]{15,}", token):
        return 105
    return 0 if outside.good else 107


def main():
    found, upstream = options()
    plain = found.get("log-format") != "json"
    token = token_of(found)
    outside = common.Outside("ngrok", token=token, home=os.environ.get("HOME"))
    if outside.mode == "exit":
        sys.exit(1)
    if outside.mode == "silent":
        common.sleep_for_ever()
    say(plain, err="<nil>", lvl="info", msg="no configuration paths supplied")
    say(plain, addr="127.0.0.1:4040", allow_hosts="[]", lvl="info", msg="starting web service", obj="web")
    code = trouble_of(outside, token)
    if code:
        refuse(plain, code, token)
    say(plain, lvl="info", msg="client session established", obj="tunnels.session")
    if outside.taken:
        text = "failed to start tunnel: The endpoint 'https://%s' is already online.\n\nERR_NGROK_334\n" % outside.host
        say(plain, err=text, lvl="eror", msg="command failed")
        fail(text)
    if outside.mode == "hang":
        common.never_end()
    else:
        common.on_end(lambda number: say(plain, lvl="info", msg="received stop request", obj="app"))
    address, port = common.host_and_port(upstream)
    if outside.mode != "unreachable":
        outside.serve(address, port)
    for _ in range(2 if outside.mode == "twice" else 1):
        say(
            plain,
            addr="http://%s:%d" % (address, port),
            lvl="info",
            msg="started tunnel",
            name="command_line",
            obj="tunnels",
            url="https://" + outside.host,
        )
    outside.stay(sys.stdout)


main()
