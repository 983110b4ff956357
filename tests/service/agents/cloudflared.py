"""Stands for cloudflared: a quick tunnel's lines on stderr as the real one prints them, its flags, its metrics."""

import http.server
import json
import os
import secrets
import sys
import threading
import time

import common

TAKES = {
    "url", "protocol", "metrics", "config", "loglevel", "logfile", "log-directory", "output", "edge-ip-version",
    "http-host-header", "grace-period", "retries", "region", "origincert", "pidfile", "transport-loglevel", "name",
    "hostname",
}  # fmt: skip
ALONE = {"no-autoupdate", "no-tls-verify", "hello-world", "http2-origin", "post-quantum"}
WIDTH = 90


def say(text, level="INF"):
    print("%s %s %s" % (common.stamp(), level, text), file=sys.stderr, flush=True)


def fail(text, code=1):
    print(text, file=sys.stderr, flush=True)
    sys.exit(code)


def options():
    if sys.argv[1:] in (["--version"], ["version"]):
        print("cloudflared version 2026.8.2 (built 2026-08-20-1234 UTC)")
        sys.exit(0)
    if sys.argv[1:2] != ["tunnel"]:
        fail("Incorrect Usage. cloudflared tunnel [tunnel command options]")
    try:
        found, words = common.flags(sys.argv[2:], TAKES, ALONE)
    except common.WrongFlag as error:
        fail("Incorrect Usage: %s" % error)
    if words:
        fail("Incorrect Usage: unexpected arguments %s" % words)
    if "url" not in found:
        fail("\"cloudflared tunnel\" requires the ID or name of the tunnel to run as the last command line argument")
    if found.get("protocol", "auto") not in ("auto", "quic", "http2"):
        fail("unknown protocol %s" % found["protocol"])
    if found.get("output", "default") not in ("default", "json"):
        fail("unknown output format %s" % found["output"])
    return found


def read_config(found):
    if "config" not in found:
        say("Cannot determine default configuration path. No file [config.yml config.yaml] in [~/.cloudflared]")
        return
    try:
        with open(found["config"], encoding="utf-8") as file:
            if not file.read().strip():
                say("Configuration file %s was empty" % found["config"], "ERR")
    except OSError as error:
        fail("open %s: %s" % (found["config"], os.strerror(error.errno).lower()))


def box(url):
    say("+" + "-" * (WIDTH + 2) + "+")
    for line in ("Your quick Tunnel has been created! Visit it at (it may take some time to be reachable):", url):
        say("|  %s  |" % line.ljust(WIDTH - 2))
    say("+" + "-" * (WIDTH + 2) + "+")


def serve_metrics(found, outside, connector):
    """/ready, /quicktunnel and /healthcheck, as cloudflared offers them."""
    answers = {
        "/ready": json.dumps({"status": 200, "readyConnections": 1, "connectorId": connector}),
        "/quicktunnel": json.dumps({"hostname": outside.host}),
        "/healthcheck": "OK\n",
    }

    class Metrics(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = answers.get(self.path, "404 page not found\n").encode()
            self.send_response(200 if self.path in answers else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *unused):
            pass

    address = common.host_and_port(found.get("metrics", "127.0.0.1:0"))
    try:
        server = http.server.ThreadingHTTPServer(address, Metrics)
    except OSError as error:
        fail("Error opening metrics server listener: listen tcp %s:%d: %s" % (*address, error))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say("Starting metrics server on %s:%d/metrics" % server.server_address)


def refuse(mode):
    """What comes when the vendor's API gives no tunnel."""
    if mode == "limited":
        say(
            'Error unmarshaling QuickTunnel response: error code: 1015 error="invalid character \'e\' looking for '
            'beginning of value" status_code="429 Too Many Requests"',
            "ERR",
        )
        fail("failed to unmarshal quick Tunnel: invalid character 'e' looking for beginning of value")
    if mode == "not-json":
        say(
            'Error unmarshaling QuickTunnel response: <html>oops</html> error="invalid character \'<\' looking for '
            'beginning of value" status_code="500 Internal Server Error"',
            "ERR",
        )
        fail("failed to unmarshal quick Tunnel: invalid character '<' looking for beginning of value")
    if mode == "no-net":
        fail(
            'failed to request quick Tunnel: Post "https://api.trycloudflare.com/tunnel": dial tcp: lookup '
            "api.trycloudflare.com on 127.0.0.11:53: no such host"
        )


def main():
    found = options()
    outside = common.Outside("cloudflared", home=os.environ.get("HOME"))
    mode = outside.mode
    if mode == "exit":
        sys.exit(1)
    if mode == "silent":
        common.sleep_for_ever()
    say(
        "Thank you for trying Cloudflare Tunnel. Doing so, without a Cloudflare account, is a quick way to experiment "
        "and try it out. However, be aware that these account-less Tunnels have no uptime guarantee, are subject to "
        "the Cloudflare Online Services Terms of Use (https://www.cloudflare.com/website-terms/). If you intend to use "
        "Tunnels in production you should use a pre-created named tunnel by following: "
        "https://developers.cloudflare.com/cloudflare-one/connections/connect-apps"
    )
    say("Requesting new quick Tunnel on trycloudflare.com...")
    refuse(mode)
    if mode == "slow":
        time.sleep(3)
    box("https://" + outside.host)
    read_config(found)
    say("Version 2026.8.2 (Checksum 0000)")
    say("GOOS: linux, GOVersion: go1.24.4, GoArch: amd64")
    say("Settings: map[%s]" % " ".join("%s:%s" % item for item in sorted(found.items())))
    connector = "%s-%s" % (secrets.token_hex(4), secrets.token_hex(6))
    say("Generated Connector ID: " + connector)
    say("Initial protocol " + found.get("protocol", "quic"))
    serve_metrics(found, outside, connector)
    if mode == "hang":
        common.never_end()
    else:
        common.on_end(lambda number: say("Initiating graceful shutdown due to signal terminated ..."))
    if mode != "unreachable":
        outside.serve(*common.host_and_port(found["url"]))
    say(
        "Registered tunnel connection connIndex=0 connection=%s event=0 ip=198.41.200.13 location=fra08 protocol=%s"
        % (secrets.token_hex(8), found.get("protocol", "quic"))
    )
    if mode == "twice":
        box("https://" + outside.host)
    outside.stay(sys.stderr)


main()
