"""Apps for the tests: what a person could have under api/, made by hand. Each maker gives the app's folder."""

import json
import os

# Prints numbered lines and serves a page that tells how many it has printed, so that a test knows what must be in the log.
LINES = """
import http.server, os, sys, threading, time

port, rate = int(sys.argv[1]), float(sys.argv[2])
printed = 0

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"pid": %d, "printed": %d}' % (os.getpid(), printed)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *unused):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Page)
server.handle_error = lambda *unused: None  # an engine that is killed while it asks
threading.Thread(target=server.serve_forever, daemon=True).start()
os.write(1, b"serving on http://127.0.0.1:%d\\n" % port)
began = time.monotonic()
while True:
    due = int((time.monotonic() - began) * rate)
    if printed < due:
        os.write(1, b"".join(b"line %08d of %s\\n" % (n, sys.argv[3].encode()) for n in range(printed + 1, due + 1)))
        printed = due
    time.sleep(max(0.005, 1 / rate))
"""

SERVING = {"event": "/serving on (http:\\/\\/[0-9.:]+)/", "done": True}
MENU = """
module.exports = {
  version: '4.0', title: %s,
  menu: async (kernel, info) => {
    if (info.running('install.json')) return [{ default: true, text: 'Installing', href: 'install.json' }]
    if (%s && !info.exists('installed')) return [{ default: true, text: 'Install', href: 'install.json' }]
    const local = info.local('start.json')
    if (info.running('start.json') && local && local.url) return [{ default: true, text: 'Open', href: local.url }]
    return [{ default: true, text: 'Start', href: 'start.json' }, { text: 'Reinstall', href: 'install.json' }]
  }
}
"""


def shell(message, **params):
    return {"method": "shell.run", "params": dict(params, message=message)}


def script(*steps, **fields):
    return dict(fields, run=list(steps))


def app(home, name, files, environment=None):
    """A folder under api/ with these files; what is no text is written as JSON."""
    folder = os.path.join(home, "api", name)
    os.makedirs(folder, exist_ok=True)
    files = dict(files)
    if environment is not None:
        files["ENVIRONMENT"] = "".join("%s=%s\n" % item for item in environment.items())
    for file_name, content in files.items():
        with open(os.path.join(folder, file_name), "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
    return folder


def menu(title, install=False):
    return MENU % (json.dumps(title), json.dumps(install))


def lines(home, name, rate=100, **more):
    """A daemon that prints `line N of WORD` rate times a second and serves its page on {{port}}; url is set."""
    word = "".join(letter if letter.isalnum() else "-" for letter in name.encode("ascii", "replace").decode())
    start = script(
        shell("exec python3 -u lines.py {{port}} %g %s" % (rate, word), on=[SERVING]),
        {"method": "local.set", "params": {"url": "{{input.event[1]}}", "kept": "as it was"}},
        daemon=True,
    )
    return app(home, name, {"pinokio.js": menu(name), "start.json": start, "lines.py": LINES}, **more)


def light(home, name, message="echo up; exec sleep 1000000", **more):
    """A daemon that costs nothing: it says `up` and sleeps."""
    start = script(shell(message, on=[{"event": "/up/", "done": True}]), daemon=True)
    return app(home, name, {"pinokio.js": menu(name), "start.json": start}, **more)


def installs(home, name, steps=5, **more):
    """Must be installed first: steps that each leave a mark; then a light daemon."""
    install = [shell("echo %d >> marks" % number) for number in range(1, steps + 1)]
    install.append({"method": "fs.write", "params": {"path": "installed", "text": "yes"}})
    folder = light(home, name, **more)
    return app(
        home, os.path.basename(folder), {"pinokio.js": menu(name, True), "install.json": script(*install)}
    )


def one_step(home, name, step=None):
    """Its start.json does one thing and ends."""
    start = script(step or shell("echo did it"))
    return app(home, name, {"pinokio.js": menu(name), "start.json": start})


def steps(home, name, count, pause=0.02):
    """count steps; step N writes N to marks-TOKEN, token being what the run was given as input."""
    run = [
        shell("echo %d >> marks-{{args.token}}; sleep %g" % (number, pause)) for number in range(1, count + 1)
    ]
    return app(home, name, {"pinokio.js": menu(name), "start.json": script(*run)})


def asks(home, name):
    """Waits for an answer, writes it to a file, ends."""
    question = {
        "method": "input",
        "params": {"title": "Who", "form": [{"key": "who", "title": "Name", "type": "text"}]},
    }
    write = {"method": "fs.write", "params": {"path": "answer", "text": "{{input.who}}"}}
    return app(home, name, {"pinokio.js": menu(name), "start.json": script(question, write)})


def fails(home, name):
    """Its second step fails."""
    start = script(shell("echo fine"), {"method": "no.such.method", "params": {}}, shell("echo never"))
    return app(home, name, {"pinokio.js": menu(name), "start.json": start})


def crashes(home, name, **more):
    """A daemon that ends with status 3 once the file `crash` is there; counts its starts in `starts`."""
    message = "echo x >> starts; echo up; while [ ! -e crash ]; do sleep 0.05; done; rm -f crash; exit 3"
    return light(home, name, message, **more)


def read(*parts):
    """A file's text; "" when it is not there."""
    try:
        with open(os.path.join(*parts), encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""
