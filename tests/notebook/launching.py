#!/usr/bin/env python3
"""What the launcher's cells do without a browser: the setup script, secrets, plain text where no widgets are shown."""

import contextlib
import io
import os
import subprocess
import sys
import types

from support import ROOT, case, environment, leave

import apps
from pinokiocloud import PinokioEngine, __version__, show
from pinokiocloud import host as hosts
from pinokiocloud import shown

LAUNCH = os.path.join(ROOT, "setup", "launch.sh")
TOKEN = "NGROK_AUTHTOKEN"


@contextlib.contextmanager
def met(service, **variables):
    """The case's engine, from a notebook that has these variables."""
    given = {name: service.stage.env.get(name) for name in ("HOME", "LC_ALL", "PINOKIO_NO_BROWSER")}
    given.update({"PINOKIO_HOME": None, "PINOKIO_RUN_DIR": None, "PINOKIOCLOUD": None, TOKEN: None}, **variables)
    with environment(**given), PinokioEngine(binary=service.stage.engine, home=service.home) as engine:
        yield engine


@contextlib.contextmanager
def modules(**given):
    """sys.modules with these; None: it cannot be imported."""
    before = {name: sys.modules.get(name) for name in given}
    sys.modules.update(given)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


def module(name, **members):
    made = types.ModuleType(name)
    made.__dict__.update(members)
    return made


def printed(function, *arguments):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        function(*arguments)
    return out.getvalue()


def ngrok(engine):
    return {setting.key: setting for setting in engine.client.settings()}["tunnel.ngrok_token"]


# Secrets


@case("/notebook/launching/token-of-the-environment-is-taken-once")
def token_taken(service):
    with met(service) as engine:
        service.equal(engine.take_secrets(), (), "where there is none")
        service.equal(ngrok(engine).set, False, "set")
        with environment(**{TOKEN: "first"}):
            service.equal(engine.take_secrets(), (TOKEN + " was taken from the environment.",), "taken")
        service.equal(ngrok(engine).set, True, "set")
        with environment(**{TOKEN: "second"}):
            service.equal(engine.take_secrets(), (), "one that is there stays")
        service.lacks(str(engine), "first")


@case("/notebook/launching/token-of-colab")
def token_of_colab(service):
    userdata = module("google.colab.userdata", get={TOKEN: "colabs"}.get)
    colab = module("google.colab", userdata=userdata)
    google = module("google", colab=colab)
    with met(service) as engine, modules(**{"google": google, "google.colab": colab, "google.colab.userdata": userdata}):
        engine.host = hosts.detect_host()
        service.equal(engine.host.kind, hosts.COLAB, "host")
        service.equal(engine.take_secrets(), (TOKEN + " was taken from Colab's secrets.",), "taken")
        service.equal(ngrok(engine).set, True, "set")


@case("/notebook/launching/token-that-is-none-stops-nothing")
def token_refused(service):
    with met(service, **{TOKEN: "a token\nof two lines"}) as engine:
        (told,) = engine.take_secrets()
        service.has(told, TOKEN + " of the environment was not taken: ")
        service.lacks(told, "two lines")
        service.equal(ngrok(engine).set, False, "set")


@case("/notebook/launching/colab-is-asked-for-widgets-of-others")
def widget_manager(service):
    asked = []

    def broken():
        raise RuntimeError("not today")

    for enable in (lambda: asked.append(1), broken):
        output = module("google.colab.output", enable_custom_widget_manager=enable)
        colab = module("google.colab", output=output)
        with modules(**{"google": module("google", colab=colab), "google.colab": colab, "google.colab.output": output}):
            hosts.Host(hosts.COLAB).prepare_widgets()
    hosts.Host(hosts.JUPYTERLAB).prepare_widgets()
    service.equal(asked, [1], "asked once, and a Colab that cannot breaks nothing")


# Plain text


@case("/notebook/launching/plain-python-is-told-in-text")
def plain_python(service):
    apps.light(service.home, "light")
    with met(service) as engine:
        run = engine.client.start("light").id
        service.becomes(run, "ready")
        told = printed(show, engine)
        service.has(told, r"shows no widgets: open launcher\.ipynb in JupyterLab")
        service.has(told, r"light +running")
        service.has(told, r"install APP")
        service.has(str(engine), r"PinokioCloud %s runs \(process \d+\), in Python on " % __version__)
        service.has(str(engine), r"1 app, 1 running")
        engine.client.stop("light", wait=20)
        service.kill()
        service.has(printed(show, engine), "The engine does not answer")


@case("/notebook/launching/kernel-without-ipywidgets-is-told-what-to-do")
def no_widgets(service):
    with met(service) as engine:
        engine.host = hosts.Host(hosts.JUPYTERLAB)
        with modules(ipywidgets=None):
            told = printed(show, engine)
        service.has(told, "ipywidgets is not installed for this kernel")
        service.has(told, r"-m pip install -U ipywidgets")
        with modules(ipywidgets=module("ipywidgets", __version__="7.2.1")):
            service.has(printed(show, engine), r"ipywidgets 7\.2\.1 is too old")
        service.equal(shown.Shown.interface, None, "shown")


# The setup script


def launch(service, *arguments, root=None, **variables):
    script = os.path.join(root or ROOT, "setup", "launch.sh")
    done = subprocess.run(
        ["bash", script, *arguments],
        env={**service.stage.env, "PATH": os.environ["PATH"], **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


def cloned(service):
    """A repository that has only the launcher's files, and a clone of it; gives both folders."""
    origin, clone = os.path.join(service.folder, "origin"), os.path.join(service.folder, "clone")
    os.makedirs(os.path.join(origin, "setup"))
    for name in ("setup/launch.sh", "requirements.txt"):
        with open(os.path.join(ROOT, name), encoding="utf-8") as source:
            with open(os.path.join(origin, name), "w", encoding="utf-8") as file:
                file.write(source.read())
    git(origin, "init", "-q", "-b", "main")
    commit(origin)
    git(service.folder, "clone", "-q", origin, clone)
    return origin, clone


def git(folder, *arguments):
    who = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, stdin=subprocess.DEVNULL)


def commit(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")


@case("/notebook/launching/setup-takes-up-what-is-new")
def takes_up(service):
    origin, clone = cloned(service)
    engine = {"PINOKIOCLOUD": service.stage.engine}
    status, told = launch(service, sys.executable, root=clone, **engine)
    service.equal(status, 0, told)
    service.has(told, r"Already up to date")
    service.has(told, r"The engine is .*: pinokiocloud %s" % __version__)
    service.has(told, r"Ready: run the next cell")
    with open(os.path.join(origin, "new.txt"), "w", encoding="utf-8") as file:
        file.write("new")
    commit(origin)
    status, told = launch(service, sys.executable, root=clone, **engine)
    service.equal((status, os.path.exists(os.path.join(clone, "new.txt"))), (0, True), told)
    os.rename(origin, origin + ".gone")
    status, told = launch(service, sys.executable, root=clone, **engine)
    service.equal(status, 0, "a server that is away stops nobody: %s" % told)
    service.has(told, r"does not appear to be a git repository")
    service.has(told, r"Going on with what is here")


@case("/notebook/launching/setup-leaves-own-changes-alone")
def own_changes(service):
    _, clone = cloned(service)
    with open(os.path.join(clone, "requirements.txt"), "a", encoding="utf-8") as file:
        file.write("# mine\n")
    status, told = launch(service, sys.executable, root=clone, PINOKIOCLOUD=service.stage.engine)
    service.equal(status, 0, told)
    service.has(told, r"were changed here: no update")


@case("/notebook/launching/setup-that-fails-says-so")
def setup_fails(service):
    _, clone = cloned(service)
    status, told = launch(service, "no-such-python", root=clone, PINOKIOCLOUD=service.stage.engine)
    service.equal(status != 0, True, told)
    service.has(told, "there is no no-such-python")
    status, told = launch(service, sys.executable, root=clone, PINOKIOCLOUD="/nowhere/pinokiocloud")
    service.equal(status != 0, True, told)
    service.has(told, "names /nowhere/pinokiocloud, which is no engine")
    with open(os.path.join(clone, "requirements.txt"), "w", encoding="utf-8") as file:
        file.write("no-such-package-of-anybody==9999\n")
    fake = os.path.join(service.folder, "python")  # one whose pip fails and that has no ipywidgets
    with open(fake, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\necho pip says no\nexit 1\n")
    os.chmod(fake, 0o755)
    status, told = launch(service, fake, root=clone, PINOKIOCLOUD=service.stage.engine)
    service.equal(status != 0, True, told)
    service.has(told, "pip says no")
    service.has(told, "pip could not install requirements.txt")


leave()
