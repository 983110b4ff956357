#!/usr/bin/env python3
"""What needs no engine: values out of JSON, hosts and their secrets, versions, and the habits of the package."""

import ast
import os
import re
import subprocess
import sys
import time
import types

from support import ROOT, environment, leave, raises

import harness
import pinokiocloud
from pinokiocloud import Host, detect_host, host, model
from pinokiocloud.told import said

PACKAGE = os.path.join(ROOT, "app", "notebook", "pinokiocloud")
HOSTS = ("COLAB_RELEASE_TAG", "COLAB_GPU", "KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_URL_BASE", "JPY_PARENT_PID")
plain = harness.case


def bare(**variables):
    return environment(**dict({name: None for name in HOSTS}, **variables))


class Modules:
    """Stand-ins for modules that only a host has."""

    def __init__(self, **modules):
        self.modules = {name.replace("__", "."): module for name, module in modules.items()}

    def __enter__(self):
        self.before = {name: sys.modules.get(name) for name in self.modules}
        sys.modules.update(self.modules)

    def __exit__(self, *unused):
        for name, module in self.before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def module(name, **members):
    made = types.ModuleType(name)
    made.__dict__.update(members)
    return made


def colab(get):
    """google.colab with its secrets."""
    userdata = module("google.colab.userdata", get=get)
    inner = module("google.colab", userdata=userdata)
    return Modules(google=module("google", colab=inner), google__colab=inner, google__colab__userdata=userdata)


def kaggle(get):
    class UserSecretsClient:
        def get_secret(self, name):
            return get(name)

    return Modules(kaggle_secrets=module("kaggle_secrets", UserSecretsClient=UserSecretsClient))


def raising(error):
    def get(name):
        raise error

    return get


# Values


@plain("/notebook/values/every-kind-from-anything")
def from_anything(stage):
    kinds = [kind for kind in vars(model).values() if isinstance(kind, type) and issubclass(kind, model.Model)]
    stage.equal(len(kinds) > 20, True, "%d kinds" % len(kinds))
    strange = [None, 7, -1.5, True, "x", "", [], [1, None, "a", {}], {}, {"id": {"id": []}}]
    for kind in kinds:
        if kind is model.Model:
            continue
        names = list(kind.__dataclass_fields__)
        for value in strange:
            made = kind.from_json(dict({name: value for name in names}, never_heard_of=value))
            hash(repr(made))
        stage.equal(kind.from_json({}), kind(), kind.__name__)
        for value in (None, [], "x", 7):
            raises(ValueError, kind.from_json, value)
        try:
            setattr(kind(), names[0], "changed")
        except AttributeError:
            continue
        raise AssertionError("a %s can be changed" % kind.__name__)


@plain("/notebook/values/members")
def members(stage):
    run = model.Run.from_json(
        {
            "id": "r",
            "state": "running",
            "step": 2,
            "questions": [{"id": "q1", "request": {"title": "你"}}],
            "shells": [{"id": "s"}],
        }
    )
    stage.equal((run.questions[0].request["title"], run.question_count, run.shells[0].id), ("你", 1, "s"), "run")
    stage.equal(model.Run.from_json({"questions": 3}).question_count, 3, "questions of a run in a list")
    stage.equal(model.Run.from_json({"questions": "x"}).question_count, 0, "questions that are none")
    app = model.App.from_json({"id": "a", "name": None, "installed": 1, "updated_at": "x", "runs": [{"id": "r"}, 7]})
    stage.equal((app.title, app.installed, app.updated_at, [one.id for one in app.runs]), ("a", False, 0, ["r"]), "app")
    setting = model.Setting.from_json({"key": "k", "value": 1.5, "min": 0, "max": None, "values": ["a", 2]})
    stage.equal((setting.value, setting.min, setting.max, setting.values), (1.5, 0, None, ("a",)), "setting")
    machine = model.Machine.from_json(
        {"cpus": 2, "gpu": {"cards": [{"memory_total": 2.0}]}, "disks": {"home": {"free": 1e3}}}
    )
    stage.equal((machine.cpus, machine.gpu.cards[0].memory_total, machine.disks.home.free), (2, 2, 1000), "machine")
    stage.equal((machine.platform, machine.disks.persistent), (None, None), "what is not there")
    needs = [model.CatalogApp.from_json({"needs": value}).needs for value in ({"gpu": "any", "vram_gb": 6}, {}, None, 7)]
    stage.equal([(one.gpu, one.vram_gb) for one in needs], [("any", 6), ("", 0.0), ("", 0.0), ("", 0.0)], "needs")
    found = model.Environment.from_json({"path": "/e", "entries": [{"key": "A", "value": None, "set": True, "secret": True}, 7]})
    entry = found.entries[0]
    stage.equal((len(found.entries), entry.value, entry.set, entry.secret, entry.description), (1, None, True, True, ""), "entry")


@plain("/notebook/values/what-apps-say")
def says(stage):
    def event(name="notify", **data):
        return {"type": "told", "name": name, "data": data}

    hello = said(event(html="<p>Hello <b>w&ouml;rld</b><script>alert(1)</script><br>again", href="https://a.b/c"), "App")
    stage.equal(hello.text, "App: Hello wörld\nagain", "text")
    stage.equal((hello.html[:5], hello.href), ("<p>He", "https://a.b/c"), "as it was written, and where it leads")
    stage.equal(said(event(title="One", message="Two", html="One"), "App").text, "App: One\nTwo", "each once")
    for href in ("javascript:alert(1)", "/local", "data:text/html,x", 7, None, ["http://x"]):
        stage.equal(said(event(html="x", href=href), "A").href, "", "%r is no page" % (href,))
        stage.equal(said(event("open", uri=href), "A") is None or said(event("open", uri=href), "A").href == "", True, "page")
    page = said(event("open", uri="http://127.0.0.1:1/", public="https://p.example/"), "A")
    stage.equal((page.text, page.href), ("A wants to show https://p.example/", "https://p.example/"), "a page of another machine")
    for nothing in (event(), event("open"), event(html="  "), event(html="<br>"), {}, {"data": 7}, {"data": {"html": []}}, event("open", url=" ")):
        stage.equal(said(nothing, "A"), None, "nothing to read in %r" % nothing)
    stage.equal(said(event(html="<<<![CDATA[ a & b < c"), "A") is not None, True, "no HTML at all")
    for written, read in (
        ("1 < 2 & 3 > 2 --> x", "1 < 2 & 3 > 2 --> x"),
        ("&lt;b&gt; <my-tag x=1>y</my-tag><BR/>z", "<b> y\nz"),
        ("a<!-- <b> <script> -->b", "ab"),
        ("a<style>b</script>c</STYLE>d", "ad"),
        ("a<script>never closed", "a"),
    ):
        stage.equal(said(event(html=written), "A").text, "A: " + read, written)
    began = time.monotonic()
    for piece in ("<a ", "<a/", "<a b=", "<a b=\"", "<!--", "<", "</", "<script>", "<a-", "&", "a", " "):
        said(event(html=piece * (80000 // len(piece))), "A")
    stage.equal(time.monotonic() - began < 2, True, "ten times the longest that comes, as slow as can be: %.1f s" % (time.monotonic() - began))


# Hosts


class Shell:
    """What IPython's get_ipython() gives."""

    def __init__(self, kernel=None):
        if kernel:
            self.kernel = kernel


def ipython(shell):
    return Modules(IPython=module("IPython", get_ipython=lambda: shell))


@plain("/notebook/host/which-one-it-is")
def which(stage):
    with bare(), ipython(None):
        stage.equal((detect_host().kind, detect_host().widgets), (host.NONE, False), "plain Python")
    with bare(), ipython(Shell()):
        stage.equal((detect_host().kind, detect_host().widgets), (host.IPYTHON, False), "a terminal")
    with bare(), Modules(IPython=module("IPython", get_ipython=lambda: 1 / 0)):
        stage.equal(detect_host().kind, host.NONE, "a broken IPython")
    with bare(COLAB_RELEASE_TAG="x"):
        stage.equal((detect_host().kind, detect_host().name), (host.COLAB, "Google Colab"), "Colab")
    with bare(), colab(None):
        stage.equal(detect_host().kind, host.COLAB, "Colab by its module")
    with bare(KAGGLE_KERNEL_RUN_TYPE="Interactive"):
        stage.equal((detect_host().kind, detect_host().widgets), (host.KAGGLE, True), "Kaggle")
    servers = {
        "/usr/bin/jupyter-lab --port 1": host.JUPYTERLAB,
        "python3 -m jupyterlab": host.JUPYTERLAB,
        "/opt/bin/jupyter-notebook": host.NOTEBOOK,
        "jupyterhub-singleuser": host.JUPYTER,
    }
    for line, wanted in servers.items():
        server = subprocess.Popen(["sh", "-c", "echo; read x", line], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        server.stdout.readline()
        with bare(JPY_PARENT_PID=str(server.pid)), ipython(Shell(kernel=object())):
            stage.equal((detect_host().kind, detect_host().widgets), (wanted, True), line)
        server.communicate(b"\n")
    with bare(JPY_PARENT_PID="what?"), ipython(Shell(kernel=object())):
        stage.equal(detect_host().kind, host.JUPYTER, "a parent that is none")


@plain("/notebook/host/secrets")
def secrets(stage):
    name = "PINOKIO_TEST_SECRET"
    with environment(**{name: None}):
        for kind in host.NAMES:
            for where in (colab, kaggle):
                with where(lambda asked: "töken " if asked == name else None):
                    secret = Host(kind).secret(name)
                wanted = "töken" if (kind, where) in ((host.COLAB, colab), (host.KAGGLE, kaggle)) else None
                stage.equal((secret.value, bool(secret), bool(secret.why)), (wanted, bool(wanted), not wanted), kind)
                stage.equal("töken" in repr(secret) + str(secret), False, "it is in what is printed")
        with environment(**{name: " of the environment\n"}), colab(raising(AssertionError("Colab was asked"))):
            secret = Host(host.COLAB).secret(name)
            stage.equal(
                (secret.value, secret.source), ("of the environment", "the environment"), "the environment first"
            )


class SecretNotFoundError(Exception):
    """As Colab's."""


@plain("/notebook/host/secrets-that-are-refused-raise-nothing")
def no_secrets(stage):
    name = "PINOKIO_TEST_SECRET"
    errors = (
        SecretNotFoundError("Secret %s does not exist.\nMore." % name),
        PermissionError(),
        TimeoutError("x" * 1000),
        ConnectionError("no"),
        ValueError("bad"),
    )
    with environment(**{name: None}):
        for kind, where in ((host.COLAB, colab), (host.KAGGLE, kaggle)):
            for error in errors:
                with where(raising(error)):
                    secret = Host(kind).secret(name)
                stage.equal((secret.value, "\n" in secret.why, len(secret.why) < 400), (None, False, True), secret.why)
                stage.has(secret.why, type(error).__name__)
            for given in (None, "", "  ", 7):
                with where(lambda asked, given=given: given):
                    secret = Host(kind).secret(name)
                stage.equal(secret.value, None, "%r" % (given,))
                stage.has(secret.why, "is empty")
            secret = Host(kind).secret(name)  # the module is not there
            stage.has(secret.why, "ModuleNotFoundError")
        stage.has(Host(host.NONE).secret(name).why, "not set in the environment")


# The package


@plain("/notebook/package/version-is-the-projects")
def version(stage):
    with open(os.path.join(ROOT, "meson.build"), encoding="utf-8") as file:
        wanted = re.search(r"^project\([^)]*?version: '([^']+)'", file.read(), re.DOTALL).group(1)
    stage.equal(pinokiocloud.__version__, wanted, "version")


def sources():
    """(path below the package, text) of each module."""
    for folder, folders, names in os.walk(PACKAGE):
        folders.sort()
        for name in sorted(names):
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as file:
                    yield os.path.relpath(path, PACKAGE), file.read()


@plain("/notebook/package/all-is-there-and-typed")
def names(stage):
    for name in pinokiocloud.__all__ + model.__all__:
        stage.equal(hasattr(pinokiocloud, name) or hasattr(model, name), True, name)
    stage.equal(os.path.exists(os.path.join(PACKAGE, "py.typed")), True, "py.typed")
    for name, text in sources():
        tree = ast.parse(text, feature_version=(3, 8))
        stage.equal(text.count("\n") < 400, True, "%s has less than 400 lines" % name)
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                given = node.args.args + node.args.kwonlyargs
                bare = [one.arg for one in given if one.annotation is None and one.arg not in ("self", "cls")]
                stage.equal((bare, node.returns is not None), ([], True), "types of %s in %s" % (node.name, name))
                stage.equal(node.end_lineno - node.lineno < 40, True, "%s has less than 40 lines" % node.name)


@plain("/notebook/package/one-version-of-xterm")
def one_version(stage):
    """What setup/install.sh fetches is what the page asks for elsewhere."""
    with open(os.path.join(PACKAGE, "ui", "xterm.py"), encoding="utf-8") as file:
        wanted = dict(re.findall(r'"([\w-]+)": "(\d+\.\d+\.\d+)"', file.read()))
    with open(os.path.join(PACKAGE, "..", "..", "..", "setup", "install.sh"), encoding="utf-8") as file:
        fetched = dict(re.findall(r"@xterm/([\w-]+)@(\d+\.\d+\.\d+)", file.read()))
    stage.equal((fetched, len(fetched)), (wanted, 3), "versions")


@plain("/notebook/package/needs-only-what-jupyter-has")
def needs(stage):
    everywhere = {"google", "kaggle_secrets", "tornado"}  # of Colab, of Kaggle, of every Jupyter
    for name, text in sources():
        allowed = set(everywhere)
        if name == "shown.py":
            allowed |= {"IPython", "ipywidgets"}
        elif name.startswith("ui" + os.sep):
            allowed |= {"IPython", "ipywidgets", "anywidget", "traitlets"}  # anywidget: where it is there
        for node in ast.walk(ast.parse(text)):
            found = []
            if isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found = [node.module]
            for one in found:
                first = one.split(".")[0]
                standard = first in getattr(sys, "stdlib_module_names", (first,))
                stage.equal(standard or first in allowed, True, "%s imports %s" % (name, one))


@plain("/notebook/package/imports-quickly-and-starts-nothing")
def imports(stage):
    code = "import pinokiocloud, sys, threading; print(threading.active_count(), 'IPython' in sys.modules)"
    env = dict(os.environ, PYTHONPATH=os.path.dirname(PACKAGE))
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], env=env, stdout=subprocess.PIPE, check=True)
    stage.equal(done.stdout, b"1 False\n", "threads, IPython")


if __name__ == "__main__":
    leave()
