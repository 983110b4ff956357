#!/usr/bin/env python3
"""A machine that does nothing: noticed, told, and stopped by its platform's own call. A server of ours stands for the
platform, where a studio of Lightning is told by LIGHTNING_CLOUD_URL to ask, and a Colab runtime by TBE_RUNTIME_ADDR."""

import http.server
import threading

import apps
from service import case, leave

SECRET = "key-that-nobody-may-see"


class Platform(http.server.ThreadingHTTPServer):
    """Answers every request with `status` and remembers it."""

    def __init__(self, status=200):
        super().__init__(("127.0.0.1", 0), Answer)
        self.status, self.asked = status, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.server.asked.append((self.command, self.path, self.headers.get("Authorization"), body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_PUT = do_GET = do_POST

    def log_message(self, *unused):
        pass


def on_platform(service, name, status=200):
    platform = Platform(status)
    service.stage.cleanups.append(platform.stop)
    address = "127.0.0.1:%d" % platform.server_address[1]
    variables = {
        "lightning": {
            "LIGHTNING_CLOUD_URL": "http://" + address,
            "LIGHTNING_CLOUD_SPACE_ID": "space",
            "LIGHTNING_CLOUD_PROJECT_ID": "project",
            "LIGHTNING_USER_ID": "user",
            "LIGHTNING_API_KEY": SECRET,
        },
        "colab": {"TBE_RUNTIME_ADDR": address},
    }
    service.stage.env.update(variables[name], PINOKIO_PLATFORM=name, no_proxy="127.0.0.1")
    service.up()
    # Tests run beside others: what these do is no work of this machine's.
    for key, value in (("idle.cpu_percent", "1000"), ("idle.gpu_percent", "1000"), ("idle.network_kib", "1000000")):
        service.api().put(["v1", "settings", key], {"value": value}).ok()
    return platform


def idle(service):
    return service.api().get("/v1/idle").ok().json()


def outcome_has(service, word, seconds=20):
    service.waits(
        lambda: word in (idle(service).get("outcome") or ""), lambda: "%r in %s" % (word, idle(service)), seconds
    )


@case("/service/idle/off-unless-wanted")
def off(service):
    service.up()
    service.equal(idle(service)["after_s"], 0, "seconds")
    service.has(service.run("idle").both, "Nothing is done")


@case("/service/idle/dry-run-asks-nobody")
def dry_run(service):
    apps.light(service.home, "app")
    platform = on_platform(service, "lightning")
    service.ready("app")
    shown = service.run("idle", "--after", "1s", "--action", "stop").both
    service.has(shown, "dry run")
    service.has(shown, "v1/projects/project/cloudspaces/space/stop")
    service.lacks(shown, SECRET)
    outcome_has(service, "dry run")
    service.equal(platform.asked, [], "requests")
    service.equal(service.app_state("app"), "RUNNING", "the app")


@case("/service/idle/stops-the-apps-and-the-machine")
def stops(service):
    apps.light(service.home, "app")
    platform = on_platform(service, "lightning")
    service.ready("app")
    service.run("idle", "--after", "1s", "--action", "stop", "--yes")
    service.waits(lambda: platform.asked, "the platform is asked")
    command, path, authorization, body = platform.asked[0]
    service.equal((command, path, body), ("POST", "/v1/projects/project/cloudspaces/space/stop", "{}"), "request")
    service.has(authorization, "^Basic ")
    service.app_becomes("app", "INSTALLED")
    outcome_has(service, "said yes")
    service.equal(len(platform.asked), 1, "requests")
    service.lacks(service.engine_log(), SECRET)
    service.lacks(service.api().get("/v1/idle").text, SECRET)


@case("/service/idle/what-would-lose-data-asks-twice")
def loses(service):
    platform = on_platform(service, "colab")
    shown = service.run("idle", "--after", "1s", "--action", "stop", "--yes").both
    service.has(shown, "lose-data")
    outcome_has(service, "data would be lost")
    service.equal(platform.asked, [], "requests after one yes")
    service.run("idle", "--after", "1s", "--action", "stop", "--yes", "--lose-data")
    service.waits(lambda: platform.asked, "the platform is asked")
    service.equal(platform.asked[0][:2], ("POST", "/unassign"), "request")


@case("/service/idle/a-platform-that-says-no")
def refused(service):
    on_platform(service, "lightning", status=403)
    service.run("idle", "--after", "1s", "--action", "stop", "--yes")
    outcome_has(service, "403")


@case("/service/idle/only-the-apps")
def only_apps(service):
    apps.light(service.home, "app")
    platform = on_platform(service, "lightning")
    service.ready("app")
    service.run("idle", "--after", "1s", "--action", "stop-apps", "--yes")
    service.app_becomes("app", "INSTALLED")
    service.equal(platform.asked, [], "requests")


@case("/service/idle/work-that-shows-nowhere-counts")
def works(service):
    apps.app(
        service.home,
        "app",
        {"pinokio.js": apps.menu("app"), "start.json": apps.script(apps.shell("sleep 1000000"))},
    )
    on_platform(service, "lightning")
    run = service.launch("app")
    service.becomes(run, "running")
    service.run("idle", "--after", "1s", "--action", "stop-apps", "--yes")
    service.waits(lambda: idle(service).get("busy"), "something is seen to go on")
    service.equal(idle(service)["idle_s"], 0, "idle seconds")
    service.equal(service.state(run), "running", "the run")


@case("/service/idle/bad-words")
def bad(service):
    service.up()
    for arguments in (["--after", "soon"], ["--after", "0m"], ["--after", "8d"], ["--after", "5 m"], ["--action", "explode"]):
        service.equal(service.run("idle", *arguments, status=None).code != 0, True, "exit code of %s" % arguments)
    service.equal(idle(service)["after_s"], 0, "seconds")


if __name__ == "__main__":
    leave()
