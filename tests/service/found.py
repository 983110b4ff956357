#!/usr/bin/env python3
"""The address of an app whose script does not tell it: found in what the app prints, else by where it listens, and told
only once it answers. Judged by the API: the run's `url`."""

import json
import time

import apps
from internet import Internet
from service import case, leave
from shared import UP, noted, web


def started(service, *say, late=0):
    """An app that prints these lines is started, engine and all; gives the run's id."""
    web(service.home, say=say, url=False, options="--late %g" % late if late else "")
    service.up()
    return service.launch("web")


def port_of(service):
    return service.waits(lambda: noted(service, "listens"), "the app listens")[0]["listens"]


def is_found(service, run, form, seconds=10):
    """The run's address becomes what form says, with {} for the port."""
    wanted = form.format(port_of(service))
    service.waits(
        lambda: service.view(run)["url"] == wanted, lambda: "%s: %s" % (wanted, service.brief(run)), seconds
    )


def stays(service, run, seconds=2):
    """Its address is the same a while later; gives it."""
    found, end = service.view(run)["url"], time.monotonic() + seconds
    while time.monotonic() < end:
        service.equal(service.view(run)["url"], found, "url")
        time.sleep(0.1)
    return found


# At once


@case("/service/found/within-100-ms-of-the-line")
def quick(service):
    web(service.home, say=("INFO:     Uvicorn running on http://127.0.0.1:{port} (Press CTRL+C to quit)",), url=False,
        on={"event": "/Uvicorn running/", "done": True})  # fmt: skip
    service.up()
    events, took = service.api().socket("/v1/events"), []
    for _ in range(7):
        run = service.launch("web")
        while True:
            event = json.loads(events.message()[1])
            if event.get("type") == "run" and event.get("run") == run and event.get("url"):
                break
        came = time.monotonic()
        took.append(came - noted(service, "said")[-1]["at"])
        service.becomes(run, "ready")
        service.stop("web")
    took.sort()
    print("# from the line to the event: median %.0f ms, worst %.0f ms" % (took[3] * 1000, took[-1] * 1000))
    service.equal(took[3] <= 0.1, True, "median within 100 ms: %s" % took)


@case("/service/found/also-while-the-step-goes-on")
def unending(service):
    web(service.home, say=(" * Running on http://127.0.0.1:{port}",), url=False, on={"event": "/never/", "done": True})
    service.up()
    run = service.launch("web")
    is_found(service, run, "http://127.0.0.1:{}")
    service.equal(service.state(run), "running", "state")


# What is printed


@case("/service/found/every-interface-is-this-machine")
def every_interface(service):
    is_found(service, started(service, "Running on http://0.0.0.0:{port}", "up and away"), "http://127.0.0.1:{}")


@case("/service/found/path-and-token-are-kept")
def path(service):
    lines = ("[I 2026-01-01 ServerApp] Jupyter Server 2.14.2 is running at:",
             "[I 2026-01-01 ServerApp] http://127.0.0.1:{port}/lab?token=abc", "up and away")  # fmt: skip
    is_found(service, started(service, *lines), "http://127.0.0.1:{}/lab?token=abc")


@case("/service/found/colours-inside-the-port")
def colours(service):
    start = apps.script(
        apps.shell(
            "P={{port}}; (sleep 0.3; printf '  \\033[32m➜\\033[39m  \\033[1mLocal\\033[22m:   \\033[36mhttp:'"
            "'//localhost:\\033[1m%s\\033[22m/\\033[39m\\nup and away\\n' $P) & exec python3 -u webapp.py $P",
            on=[UP],
        ),
        daemon=True,
    )
    web(service.home, url=False)
    apps.app(service.home, "web", {"start.json": start})
    service.up()
    is_found(service, service.launch("web"), "http://localhost:{}")


@case("/service/found/three-addresses-and-the-page-among-them")
def three(service):
    run = started(
        service,
        "See https://docs.example.com/start and http://127.0.0.1:{port}/docs for help",
        "OpenAI/Anthropic-compatible API URL:",
        "",
        "http://127.0.0.1:{port}/v1",
        "* Running on local URL:  http://127.0.0.1:{port}",
        "up and away",
    )
    is_found(service, run, "http://127.0.0.1:{}")
    port = port_of(service)
    service.equal(stays(service, run), "http://127.0.0.1:%d" % port, "url")


@case("/service/found/another-host's-is-not-ours")
def another(service):
    run = started(service, "Running on http://192.0.2.7:{port}", "and on https://example.com:{port}/", "up and away")
    is_found(service, run, "http://127.0.0.1:{}", 15)


@case("/service/found/a-proxy-that-is-used-is-not-the-page")
def proxy(service):
    proxied = Internet(service)
    run = started(
        service,
        "using proxy http://127.0.0.1:%d" % proxied.proxy_port,
        "http_proxy=http://127.0.0.1:%d" % proxied.proxy_port,
        "up and away",
    )
    is_found(service, run, "http://127.0.0.1:{}", 15)
    port = port_of(service)
    service.equal(stays(service, run), "http://127.0.0.1:%d" % port, "url")


@case("/service/found/the-script's-own-word-goes-before")
def own(service):
    web(service.home, say=("Running on http://127.0.0.1:{port}/printed", "serving on http://127.0.0.1:{port}"))
    service.up()
    run = service.launch("web")
    service.becomes(run, "ready")
    service.equal(stays(service, run), "http://127.0.0.1:%d" % port_of(service), "url")


@case("/service/found/public-address-of-the-app-itself")
def public(service):
    run = started(
        service,
        "* Running on local URL:  http://127.0.0.1:{port}",
        "* Running on public URL: https://0123456789abcdef01.gradio.live",
        "up and away",
    )
    is_found(service, run, "http://127.0.0.1:{}")
    service.waits(
        lambda: service.api().get("/v1/apps/web").json()["public_url"] == "https://0123456789abcdef01.gradio.live",
        lambda: "public_url: %s" % service.api().get("/v1/apps/web").text,
    )


# What answers


@case("/service/found/nothing-printed-found-by-its-port")
def nothing(service):
    run = started(service, "up and away")
    began = time.monotonic()
    is_found(service, run, "http://127.0.0.1:{}", 15)
    print("# found by its port after %.1f s" % (time.monotonic() - began))


@case("/service/found/nothing-printed-on-every-interface")
def nothing_wide(service):
    web(service.home, say=("up and away",), options="--host 0.0.0.0", url=False)
    service.up()
    is_found(service, service.launch("web"), "http://127.0.0.1:{}", 15)


@case("/service/found/printed-before-it-listens")
def late(service):
    run = started(service, "Starting development server at http://127.0.0.1:{port}/", "up and away", late=2)
    service.becomes(run, "ready")
    service.equal(service.view(run)["url"], None, "url before it listens")
    is_found(service, run, "http://127.0.0.1:{}")
    print("# found %.0f ms after it listened" % ((time.monotonic() - noted(service, "listens")[0]["at"]) * 1000))


@case("/service/found/errors-until-it-is-loaded")
def loading(service):
    lines = ("server is listening on http://127.0.0.1:{port}", "up and away")
    web(service.home, say=lines, options="--load 2", url=False)
    service.up()
    run = service.launch("web")
    service.becomes(run, "ready")
    service.equal(service.view(run)["url"], None, "url while it loads")
    is_found(service, run, "http://127.0.0.1:{}")


@case("/service/found/dies-after-it-has-printed")
def dies(service):
    web(service.home, url=False)
    start = apps.script(
        apps.shell("echo 'Running on http://127.0.0.1:{{port}}'; echo up and away; sleep 0.5; exit 3", on=[UP]),
        daemon=True,
    )
    apps.app(service.home, "web", {"start.json": start})
    service.up()
    run = service.launch("web")
    view = service.becomes(run, "error", "finished", "stopped")
    service.equal(view["url"], None, "url of what never answered")


@case("/service/found/address-goes-with-the-app")
def goes(service):
    run = started(service, "Running on http://127.0.0.1:{port}", "up and away")
    is_found(service, run, "http://127.0.0.1:{}")
    service.stop("web")
    service.equal(service.api().get("/v1/apps/web").json()["url"], None, "the app's url")


@case("/service/found/again-by-the-next-engine")
def again(service):
    run = started(service, "Running on http://127.0.0.1:{port}", "up and away")
    is_found(service, run, "http://127.0.0.1:{}")
    service.kill()
    service.up()
    service.waits(lambda: service.api().get(["v1", "runs", run]).status == 200, "the run is known")
    is_found(service, run, "http://127.0.0.1:{}")


@case("/service/found/a-flood-before-the-line")
def flood(service):
    start = apps.script(
        apps.shell(
            "(yes 'http://[::1%s and no address at all' | head -c 8000000); exec python3 -u webapp.py {{port}}"
            " --say 'Running on http://127.0.0.1:{port}' --say 'up and away'",
            on=[UP],
        ),
        daemon=True,
    )
    web(service.home, url=False)
    apps.app(service.home, "web", {"start.json": start})
    service.up()
    run = service.launch("web")
    is_found(service, run, "http://127.0.0.1:{}", 30)


if __name__ == "__main__":
    leave()
