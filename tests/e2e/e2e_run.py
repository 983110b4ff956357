#!/usr/bin/env python3
"""`pinokiocloud run`: from a folder, a name or a git address to a running app with its URL on the screen."""

import functools
import http.server
import os
import re
import shlex
import shutil
import subprocess
import threading
import urllib.request

from harness import case, leave

LAUNCHER = """
module.exports = {
  version: '4.0', title: 'Hello',
  menu: async (kernel, info) => {
    if (info.running('install.js')) return [{ default: true, text: 'Installing', href: 'install.js' }]
    if (!info.exists('installed')) return [{ default: true, text: 'Install', href: 'install.js' }]
    const local = info.local('start.js')
    if (info.running('start.js') && local && local.url) return [{ default: true, text: 'Open', href: local.url }]
    return [{ default: true, text: 'Start', href: 'start.js' }, { text: 'Reset', href: 'reset.js' }]
  }
}
"""
INSTALL = """
module.exports = { run: [
  { method: 'shell.run', params: { message: 'echo installing-now; echo x >> count' } },
  { method: 'fs.write', params: { path: 'installed', text: 'yes' } }
] }
"""
START = """
module.exports = { daemon: true, run: [
  { method: 'shell.run', params: {
      message: 'echo "Serving on http://127.0.0.1:{{port}}"; exec python3 -m http.server --bind 127.0.0.1 {{port}} -d www',
      on: [{ event: '/http:\\\\/\\\\/[0-9.:]+/', done: true }] } },
  { method: 'local.set', params: { found: '{{input.event[0]}}' } },
  { method: 'process.wait', params: { url: '{{local.found}}', message: 'waiting' } },
  { method: 'local.set', params: { url: '{{local.found}}' } }
] }
"""


def launcher(folder):
    """An app whose page is Python's own web server: nothing to download."""
    os.makedirs(os.path.join(folder, "www"))
    files = {
        "pinokio.js": LAUNCHER,
        "install.js": INSTALL,
        "start.js": START,
        "www/index.html": "hello page",
        "pinokio.json": '{"title": "Hello"}',
    }
    for name, content in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(content)
    return folder


def up(t, *arguments, seconds=60, **options):
    """Starts it, waits for the URL in a line of its own, sees that the page answers."""
    program = t.start("run", *arguments, **options)
    url = program.until(r"^(http://127\.0\.0\.1:\d+)\S*\r?$", seconds).group(1)
    with urllib.request.urlopen(url + "/", timeout=20) as answer:
        t.has(answer.read().decode(), "hello page")
    return program


def down(t, program):
    program.signal().end(15)
    t.status(program, 0)
    t.nothing_left()


def count(folder):
    with open(os.path.join(folder, "count"), encoding="ascii") as file:
        return len(file.read().split())


@case("/e2e/run/name-under-api")
def by_name(t):
    folder = launcher(os.path.join(t.home, "api", "hello"))
    program = up(t, "hello")
    t.has(program.out, "installing-now")
    t.has(program.out, "Serving on")
    down(t, program)
    t.equal(count(folder), 1)
    program = up(t, "hello")
    t.lacks(program.out, "installing-now")
    down(t, program)
    t.equal(count(folder), 1, "installations")


@case("/e2e/run/folder")
def by_folder(t):
    folder = launcher(os.path.join(t.folder, "some where", "hello"))
    program = up(t, folder)
    down(t, program)
    program = up(t, ".", cwd=folder)
    t.lacks(program.out, "installing-now")
    down(t, program)


@case("/e2e/run/page-is-gone-after-the-end")
def gone(t):
    launcher(os.path.join(t.home, "api", "hello"))
    program = up(t, "hello")
    url = re.findall(r"http://127\.0\.0\.1:\d+", program.out)[-1]
    down(t, program)
    try:
        urllib.request.urlopen(url, timeout=5)
    except OSError:
        return
    raise AssertionError("%s still answers" % url)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *unused):
        pass


def git(*arguments, cwd):
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.test", "-c", "init.defaultBranch=main"]
    subprocess.run(
        ["git", *identity, *arguments],
        cwd=cwd,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def git_server(t):
    """A repository of the launcher, served over HTTP as a plain web server can; gives its URL."""
    work, served = launcher(os.path.join(t.folder, "work")), os.path.join(t.folder, "served")
    os.makedirs(served)
    git("init", ".", cwd=work)
    git("add", "-A", cwd=work)
    git("commit", "-m", "one", cwd=work)
    git("clone", "--bare", work, os.path.join(served, "hello.git"), cwd=t.folder)
    git("update-server-info", cwd=os.path.join(served, "hello.git"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=served))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    t.cleanups.append(lambda: (server.shutdown(), server.server_close()))
    return "http://127.0.0.1:%d/hello.git" % server.server_address[1]


@case("/e2e/run/git-address")
def by_git(t):
    url = git_server(t)
    down(t, up(t, url))
    folders = [name for name in os.listdir(os.path.join(t.home, "api")) if not name.startswith(".")]
    t.equal(len(folders), 1, "one folder under api/ (%r)" % folders)
    folder = os.path.join(t.home, "api", folders[0])
    t.equal(count(folder), 1)
    program = up(t, url)
    t.lacks(program.out, "installing-now")
    down(t, program)
    t.equal(
        len([name for name in os.listdir(os.path.join(t.home, "api")) if not name.startswith(".")]),
        1,
        "folders under api/",
    )


@case("/e2e/run/git-address-that-is-not-there")
def git_missing(t):
    url = git_server(t).replace("hello.git", "none.git")
    run = t.run("run", url, seconds=30)
    t.fails(run, "none.git")
    api = os.path.join(t.home, "api")
    t.equal([name for name in os.listdir(api)] if os.path.isdir(api) else [], [], "what is under api/")


@case("/e2e/run/targets-that-are-none")
def no_target(t):
    t.fails(t.run("run", "no-such-app"), "no-such-app")
    t.fails(t.run("run", os.path.join(t.folder, "none")), "none")
    os.makedirs(os.path.join(t.folder, "bare"))
    t.fails(t.run("run", os.path.join(t.folder, "bare")), "pinokio.js")


@case("/e2e/run/installation-that-fails-starts-nothing")
def failed_install(t):
    folder = launcher(os.path.join(t.home, "api", "hello"))
    t.files(
        folder,
        install__js="module.exports = { run: [{ method: 'shell.run', params: { message: 'echo error: no luck' } },"
        " { method: 'fs.write', params: { path: 'installed', text: 'x' } }] }",
    )
    run = t.run("run", "hello")
    t.fails(run, "no luck")
    t.lacks(run.out, "Serving on")
    t.equal(os.path.exists(os.path.join(folder, "installed")), False)


@case("/e2e/run/installation-that-changes-nothing-is-not-repeated-for-ever")
def useless_install(t):
    folder = launcher(os.path.join(t.home, "api", "hello"))
    t.files(
        folder,
        install__js="module.exports = { run: [{ method: 'shell.run', params: { message: 'echo x >> count' } }] }",
    )
    run = t.run("run", "hello")
    t.equal(run.code, 1, "exit status")
    t.equal(count(folder), 1, "installations")


@case("/e2e/run/start-that-fails")
def failed_start(t):
    folder = launcher(os.path.join(t.home, "api", "hello"))
    t.files(
        folder,
        start__js="module.exports = { daemon: true, run: [{ method: 'shell.run', params: { message: 'echo error: port in use' } }] }",
    )
    t.fails(t.run("run", "hello"), "port in use")
    t.nothing_left()


@case("/e2e/run/ctrl-c-while-it-installs")
def interrupted_install(t):
    folder = launcher(os.path.join(t.home, "api", "hello"))
    t.files(
        folder,
        install__js=INSTALL.replace(
            "echo installing-now;", "echo installing-now; setsid sleep 300 & sleep 301;"
        ),
    )
    program = t.start("run", "hello")
    program.until("installing-now")
    t.equal(program.signal().end(15) != 0, True, "exit status %r" % program.code)
    t.nothing_left()
    t.equal(os.path.exists(os.path.join(folder, "installed")), False)


@case("/e2e/run/ctrl-c-while-it-clones")
def interrupted_clone(t):
    class Slow(Quiet):
        def do_GET(self):
            asked.set()
            stop.wait(30)

    asked, stop = threading.Event(), threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    t.cleanups.append(lambda: (stop.set(), server.shutdown(), server.server_close()))
    program = t.start("run", "http://127.0.0.1:%d/slow.git" % server.server_address[1])
    t.waits(asked.is_set, "git's request")
    t.equal(program.signal().end(15) != 0, True, "exit status %r" % program.code)
    t.nothing_left()
    api = os.path.join(t.home, "api")
    t.equal(os.listdir(api) if os.path.isdir(api) else [], [], "what is under api/")


@case("/e2e/run/launcher-in-a-pinokio-folder")
def inner_launcher(t):
    folder = launcher(os.path.join(t.folder, "x"))
    target = os.path.join(t.home, "api", "hello", "pinokio")
    os.makedirs(os.path.dirname(target))
    shutil.move(folder, target)
    down(t, up(t, "hello"))


# --- a script that names no page -------------------------------------------------------------------------------------

# Prints other addresses beside it, and may bind late: when a file is there.
SERVER = """
import http.server, os, sys, time
port, sign, line = int(sys.argv[1]), sys.argv[2], sys.argv[3]
print('see https://docs.example.org/start or http://127.0.0.1:1 for help', flush=True)
print(line.replace('PORT', str(port)), end='' if line.endswith(' ') else '\\n', flush=True)
while not os.path.exists(sign):
    time.sleep(0.02)
http.server.ThreadingHTTPServer(('127.0.0.1', port), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
STEP = (
    "{ method: 'shell.run', params: { path: 'www', message: ['python3 ../server.py {{port}} %s %s'], on: [{ event: '/%s/', done: true }] } }"
)


def unnamed(t, line, sign="index.html", until="help", more=""):
    """An installed app whose server prints that line, and whose script sets no url."""
    folder = launcher(os.path.join(t.home, "api", "hello"))
    step = STEP % (sign, shlex.quote(line).replace("'", "\\'"), until)
    t.files(folder, installed="yes", server__py=SERVER, start__js="module.exports = { daemon: true, run: [%s%s] }" % (step, more))
    return folder


@case("/e2e/run/page-that-only-the-output-names")
def found_page(t):
    unnamed(t, "INFO:     Uvicorn running on http://127.0.0.1:PORT (Press CTRL+C to quit)")
    down(t, up(t, "hello"))


@case("/e2e/run/page-that-answers-late-in-a-line-without-an-end")
def late_page(t):
    folder = unnamed(t, "* Running on local URL:  http://0.0.0.0:PORT ", sign="go")
    program = t.start("run", "hello")
    program.until("gave no address")
    t.files(os.path.join(folder, "www"), go="")
    url = program.until(r"^(http://127\.0\.0\.1:\d+)\S*\r?$").group(1)
    with urllib.request.urlopen(url + "/", timeout=20) as answer:
        t.has(answer.read().decode(), "hello page")
    down(t, program)


@case("/e2e/run/page-while-the-steps-go-on")
def page_of_steps(t):
    unnamed(t, "Running on http://127.0.0.1:PORT", until="never")
    program = up(t, "hello")
    t.has(program.both, "answers. Ctrl-C stops it")
    program.signal().end(15)
    t.nothing_left()


@case("/e2e/run/page-that-the-script-names-comes-first")
def named_first(t):
    more = ", { method: 'process.wait', params: { sec: 0.3 } }, { method: 'local.set', params: { url: 'http://127.0.0.1:9/named' } }"
    unnamed(t, "Running on http://127.0.0.1:PORT", more=more)
    program = t.start("run", "hello")
    found = program.until(r"^(http://127\.0\.0\.1:\d+\S*)\r?$").group(1)
    t.equal(found, "http://127.0.0.1:9/named")
    down(t, program)


@case("/e2e/run/page-that-an-older-script-names-before-it-waits-for-ever")
def named_and_waiting(t):
    more = ", { method: 'local.set', params: { url: 'http://127.0.0.1:9/named' } }, { method: 'process.wait' }"
    unnamed(t, "Running on http://127.0.0.1:PORT", more=more)
    program = t.start("run", "hello")
    t.equal(program.until(r"^(http://127\.0\.0\.1:\d+\S*)\r?$").group(1), "http://127.0.0.1:9/named")
    program.signal().end(15)
    t.nothing_left()


@case("/e2e/run/settings-of-the-service-are-told")
def share_settings(t):
    folder = unnamed(t, "Running on http://127.0.0.1:PORT")
    t.files(folder, ENVIRONMENT="PINOKIO_SHARE_CLOUDFLARE= True\nPINOKIO_SHARE_LOCAL=false\n")
    program = up(t, "hello")
    t.has(program.both, "PINOKIO_SHARE_CLOUDFLARE is set, but only the service")
    t.lacks(program.both, "PINOKIO_SHARE_LOCAL")
    down(t, program)


@case("/e2e/run/tunnel-without-the-service-fails-the-step")
def tunnel_alone(t):
    path = t.script({"method": "cloudflare.tunnel", "params": {"uri": "http://127.0.0.1:7860"}})
    t.fails(t.run_script(path), "pinokiocloud start")


@case("/e2e/run/app-that-dies-is-told")
def dies(t):
    folder = launcher(os.path.join(t.home, "api", "hello"))
    t.files(
        folder,
        installed="yes",
        start__js="module.exports = { daemon: true, run: [{ method: 'shell.run', params: { message: "
        "'echo http://127.0.0.1:1; sleep 1; echo dying-now; exit 3', on: [{ event: '/http:\\\\/\\\\/[0-9.:]+/', done: true }] } },"
        " { method: 'local.set', params: { url: '{{input.event[0]}}' } }] }",
    )
    program = t.start("run", "hello")
    program.until("dying-now")
    if program.process.poll() is None:
        program.signal()
    program.end(15)
    t.nothing_left()


if __name__ == "__main__":
    leave()
