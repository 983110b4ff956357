#!/usr/bin/env python3
"""The real frameworks from PyPI and npm, started by scripts that never tell their address: the engine finds it.

Each is started alone. Known are then three moments: its line is in the shell's log, its port listens, the run has its
address; what is judged is the time from the later of the first two to the third.
"""

import http.cookiejar
import json
import os
import re
import statistics
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))

import apps
import frameworks
from service import ENDED, case, harness, leave

STARTS_IN = 60  # seconds that a framework may take to its line: the first start makes Python compile it all
KNOWN_IN = 10  # seconds more until a case stops waiting for the address
MEDIAN = 0.1  # seconds from the line to the address
ANSI = re.compile(rb"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|\([A-Z])")


def install(service, message, proof, seconds, **params):
    """An app that holds the packages of all, proof being a file of them; gives its folder."""
    folder = apps.one_step(service.home, "packages", apps.shell(message, **params))
    began = time.monotonic()
    run = service.launch("packages")
    service.becomes(run, "finished", seconds=seconds)
    if not os.path.exists(os.path.join(folder, proof)):
        raise AssertionError("packages were not installed:\n" + service.run("logs", run).both[-3000:])
    print("# packages: %.1f s" % (time.monotonic() - began), flush=True)
    return folder


def make(service, framework, port, folder):
    """The framework's app. One without an event has its script in JavaScript, for a change."""
    params = {"env": {"GRADIO_ANALYTICS_ENABLED": "False"}}
    if framework.event:
        params["on"] = [{"event": framework.event, "done": True}]
    shared = "env" if framework.kind == "python" else "node_modules"
    if framework.kind == "python":
        params["venv"] = "env"
    start = apps.script(apps.shell(framework.command.format(port=port), **params), daemon=True)
    name, text = "start.json", json.dumps(start)
    if not framework.event:
        name, text = "start.js", "module.exports = " + text
    menu = "module.exports = {version: '4.0', title: %s, menu: async () => [{default: true, text: 'Start', href: '%s'}]}"
    files = dict(framework.files, **{"pinokio.js": menu % (json.dumps(framework.name), name), name: text})
    made = apps.app(service.home, framework.name, files)
    os.symlink(os.path.join(folder, shared), os.path.join(made, shared))


def listens(port):
    for name in ("tcp", "tcp6"):
        with open("/proc/net/" + name, encoding="ascii") as file:
            for line in file:
                fields = line.split()
                if fields[3] == "0A" and fields[1].endswith(":%04X" % port):
                    return True
    return False


class Watch:
    """When what was seen of a starting app, in seconds since the start."""

    def __init__(self, service, run, port):
        self.service, self.run, self.port = service, run, port
        self.line = re.compile(rb"https?://[^\s/]*:%d\b" % port)
        self.began = time.monotonic()
        self.printed = self.listening = self.known = self.url = self.log = None

    def seconds(self):
        return time.monotonic() - self.began

    def text(self):
        """What was printed so far, without colours."""
        if self.log is None:
            shells = self.service.shells(self.run)
            self.log = self.service.log_path(shells[0]["id"]) if shells else None
        if self.log is None:
            return b""
        with open(self.log, "rb") as file:
            return ANSI.sub(b"", file.read())

    def look(self):
        """TRUE when all is known."""
        if self.printed is None and self.line.search(self.text()):
            self.printed = self.seconds()
        if self.listening is None and listens(self.port):
            self.listening = self.seconds()
        if self.known is None:
            view = self.service.view(self.run)
            if view["url"]:
                self.known, self.url = self.seconds(), view["url"]
            elif view["state"] in ENDED:
                raise AssertionError("it is %s: %s\n%s" % (view["state"], view["error"], self.words()))
        return None not in (self.printed, self.listening, self.known)

    def words(self):
        return self.text().decode("utf-8", "replace").strip()[-1500:]

    def until_known(self):
        while not self.look():
            late = max(self.printed or STARTS_IN, self.listening or STARTS_IN) + KNOWN_IN
            if self.seconds() > late * harness.SLOW:
                raise AssertionError(
                    "printed %s, listening %s, known %s (%s) after %.1f s; it said:\n%s"
                    % (self.printed, self.listening, self.known, self.url, self.seconds(), self.words())
                )
            time.sleep(0.003)
        return self.known - max(self.printed, self.listening)


def fetch(url):
    """The answer's headers and body, as a browser gets them: cookies are kept, redirects followed."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)
    try:
        with opener.open(url, timeout=30) as answer:
            head = "".join("%s: %s\n" % (name.lower(), value) for name, value in answer.headers.items())
            return head + answer.read().decode("utf-8", "replace")
    except urllib.error.URLError as error:
        raise AssertionError("%s: %s" % (url, error))


def right_url(service, run, framework, port):
    """One of the right spellings, once it is there: what an earlier line named may have answered first, until the surer
    one comes. A token's value may be any."""
    wanted = ["http://%s:%d%s" % (host, port, framework.path) for host in framework.hosts]

    def there():
        url = service.view(run)["url"]
        return url if re.sub(r"(?<=token=)\w+$|/$", "", url) in wanted else None

    return service.waits(
        there, lambda: "url: %s, and not %r" % (" or ".join(wanted), service.view(run)["url"]), 5
    )


def check(service, framework, folder):
    """Starts one, finds it, asks it, stops it; gives the seconds from its line to its address."""
    port = frameworks.free_port()
    make(service, framework, port, folder)
    run = service.launch(framework.name)
    try:
        watch = Watch(service, run, port)
        took = watch.until_known()
        watch.url = right_url(service, run, framework, port)
        answer = fetch(watch.url)
        if not re.search(framework.sign, answer):
            raise AssertionError(
                "%s: no %r in what it answers:\n%s" % (watch.url, framework.sign, answer[:1500])
            )
        if framework.event:
            service.becomes(run, "ready")
        service.equal(service.view(run)["url"], watch.url, "url of %s, later" % framework.name)
    finally:
        service.stop(framework.name)
    print(
        "# %-20s line %5.2f s, port %5.2f s, known %4.0f ms after both: %s"
        % (
            framework.name,
            watch.printed,
            watch.listening,
            took * 1000,
            re.sub(r"token=.*", "token=...", watch.url),
        ),
        flush=True,
    )
    return took


def check_all(service, kind, folder):
    """All of a kind, also after one that fails: what is told at the end is the whole list."""
    times, troubles = [], []
    for framework in frameworks.FRAMEWORKS:
        if framework.kind == kind and not framework.extra:
            try:
                times.append(check(service, framework, folder))
            except AssertionError as error:
                print("# %-20s not found: %s" % (framework.name, str(error).split("\n", 1)[0]), flush=True)
                troubles.append("%s: %s" % (framework.name, error))
    if times:
        print("# median %.0f ms, at most %.0f ms" % (statistics.median(times) * 1000, max(times) * 1000))
    if troubles:
        raise AssertionError(
            "%d of %d:\n%s" % (len(troubles), len(troubles) + len(times), "\n".join(troubles))
        )
    if statistics.median(times) > MEDIAN * harness.SLOW:
        raise AssertionError("the median is %.3f s" % statistics.median(times))


@case("/service/frameworks-online/python")
def python(service):
    service.up()
    packages = " ".join("'%s'" % package for package in frameworks.PACKAGES)
    check_all(
        service, "python", install(service, "uv pip install " + packages, "env/bin/gunicorn", 180, venv="env")
    )


@case("/service/frameworks-online/node")
def node(service):
    service.up()
    message = "npm install --no-audit --no-fund " + " ".join(frameworks.MODULES)
    check_all(service, "node", install(service, message, "node_modules/.bin/vite", 120))


if __name__ == "__main__":
    leave()
