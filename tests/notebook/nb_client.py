#!/usr/bin/env python3
"""launcher.ipynb run by nbclient: its three cells in a real kernel, again, after a restart, and where things are missing."""

import contextlib
import os
import re
import stat
import sys

import nbformat
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from jupyter import lay_beside
from support import ROOT, SLOW, case, leave

import apps

VIEW = "application/vnd.jupyter.widget-view+json"
SETUP, START, SHOW = 0, 1, 2
WIDGETS7 = os.path.join(
    os.environ.get("PINOKIO_TEST_TOOLS") or os.path.join(ROOT, "build", "tools-test"), "widgets7"
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
FAKE = "#!/bin/sh\necho 'pinokiocloud %s'\n"


class Run:
    """The notebook in a kernel."""

    def __init__(self, client, service):
        self.client, self.service = client, service

    def cell(self, index):
        """Runs one; gives its outputs. What it raises is an AssertionError that ends with the cell's own words."""
        cell = self.client.nb.cells[index]
        try:
            return self.client.execute_cell(cell, index).outputs
        except CellExecutionError as error:
            raise AssertionError("cell %d: %s" % (index + 1, COLOUR.sub("", str(error))[-1500:])) from None

    def all(self):
        return [self.cell(index) for index in (SETUP, START, SHOW)]

    def code(self, source):
        """Runs something else in the kernel; gives what it printed."""
        cell = nbformat.v4.new_code_cell(source)
        self.client.nb.cells.append(cell)
        try:
            return printed(self.client.execute_cell(cell, len(self.client.nb.cells) - 1).outputs)
        finally:
            self.client.nb.cells.pop()

    def fails(self, index, *patterns):
        try:
            self.cell(index)
        except AssertionError as error:
            for pattern in patterns:
                self.service.has(str(error), pattern)
            return str(error)
        raise AssertionError("cell %d did not fail" % index)


def printed(outputs):
    return "".join(output.get("text", "") for output in outputs if output.output_type == "stream")


def views(outputs):
    """(model of the widget, text for front ends without widgets) of each that is shown."""
    return [
        (output.data[VIEW]["model_id"], output.data.get("text/plain", ""))
        for output in outputs
        if output.output_type == "display_data" and VIEW in output.data
    ]


def environment(service, **more):
    """Of a kernel; None takes a variable away."""
    kept = {name: value for name, value in service.stage.env.items() if not name.startswith(("PINOKIO", "JUPYTER", "JPY"))}
    kept.update(
        PINOKIO_HOME=service.home,
        PINOKIOCLOUD=service.stage.engine,
        PINOKIO_NO_BROWSER="1",
        IPYTHONDIR=os.path.join(service.folder, "ipython"),
        JUPYTER_RUNTIME_DIR=os.path.join(service.folder, "runtime"),
        JUPYTER_PLATFORM_DIRS="1",
        PYTHONDONTWRITEBYTECODE="1",
    )
    kept.update(more)
    return {name: value for name, value in kept.items() if value is not None}


@contextlib.contextmanager
def notebook(service, folder="work", **more):
    """launcher.ipynb with a kernel that has this environment; gives a Run."""
    work = os.path.join(service.folder, folder)
    if not os.path.exists(work):
        os.makedirs(work)
        lay_beside(work)
    manager = KernelManager(connection_file=os.path.join(service.folder, "kernel-%s.json" % folder))
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager._kernel_spec = KernelSpec(argv=argv, display_name="Python 3", language="python")
    found = nbformat.read(os.path.join(ROOT, "launcher.ipynb"), as_version=4)
    client = NotebookClient(found, km=manager, timeout=int(60 * SLOW), kernel_name="python3")
    client.owns_km = True  # so that it ends it
    with client.setup_kernel(env=environment(service, **more), cwd=work):
        service.started.add(int(manager.provisioner.pid))
        yield Run(client, service)


# The plain way


@case("/notebook/client/three-cells-and-again")
def three(service):
    with notebook(service) as run:
        first = run.all()
        service.has(printed(first[SETUP]), r"The engine is .*pinokiocloud \d")
        service.has(printed(first[SETUP]), r"Ready: run the next cell")
        service.has(printed(first[START]), r"PinokioCloud \S+ runs \(process %d\)" % service.engine_pid())
        service.equal([len(views(outputs)) for outputs in first], [0, 0, 1], "widgets shown")
        model, text = views(first[SHOW])[0]
        service.has(text, "shows no widgets: install ipywidgets where")
        service.has(text, "install APP")
        engine = service.engine_pid()
        again = run.all()
        service.equal(service.engine_pid(), engine, "the engine, when run again")
        service.equal(views(again[SHOW])[0][0] != model, True, "it is shown anew")
        out = run.code("from ipywidgets.widgets import widget; print(%r in widget._instances)" % model)
        service.equal(out.strip(), "False", "what was shown before is kept")
        run.cell(SHOW), run.cell(SHOW), run.cell(START)
        service.equal(service.engine_pid(), engine, "the engine, after more")


@case("/notebook/client/restart-finds-what-runs")
def restart(service):
    apps.light(service.home, "light")
    with notebook(service) as run:
        run.all()
        service.ready("light")
        engine, keepers = service.engine_pid(), service.programs("pinokiocloud-keeper")
    service.equal(service.engine_pid(), engine, "the engine, when the kernel has gone")
    with notebook(service) as run:
        outputs = run.all()
        service.has(printed(outputs[START]), r"1 app, 1 running")
        service.equal(service.engine_pid(), engine, "the engine")
        service.equal(service.programs("pinokiocloud-keeper"), keepers, "the app's keeper")
        service.has(views(outputs[SHOW])[0][1], r"light +running")


@case("/notebook/client/cells-by-themselves")
def alone(service):
    """Each cell says what it lacks, and the order is right again after that."""
    with notebook(service) as run:
        run.fails(START, "NameError")
        run.fails(SHOW, "NameError")
        service.equal(service.engine_pid(), None, "the engine")
        run.all()


@case("/notebook/client/two-kernels-one-engine")
def two(service):
    with notebook(service, "one") as one, notebook(service, "two") as two:
        one.all()
        engine = service.engine_pid()
        two.all()
        service.equal(service.engine_pid(), engine, "the engine")
        one.code("engine.close()")
        service.has(two.code("print(engine.client.status().version)"), r"\d")


@case("/notebook/client/widgets-of-colab")
def widgets7(service):
    with notebook(service, PYTHONPATH=WIDGETS7) as run:
        service.equal(run.code("import ipywidgets; print(ipywidgets.__version__)").strip(), "7.7.5", "ipywidgets")
        service.equal(len(views(run.all()[SHOW])), 1, "widgets shown")


# What is missing


@case("/notebook/client/no-engine-binary")
def no_binary(service):
    with notebook(service) as run:
        run.cell(SETUP)
        run.code("import os; os.environ['PINOKIOCLOUD'] = '/nowhere/pinokiocloud'")
        run.fails(START, "NoBinaryError", "/nowhere/pinokiocloud")
        run.fails(SETUP, "the setup failed")
        run.code("os.environ['PINOKIOCLOUD'] = %r" % service.stage.engine)
        run.all()


@case("/notebook/client/binary-of-another-version")
def other_version(service):
    path = os.path.join(service.folder, "fake")
    with open(path, "w", encoding="ascii") as file:
        file.write(FAKE % "99.0.0")
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    with notebook(service, PINOKIOCLOUD=path) as run:
        run.cell(SETUP)
        run.fails(START, "OtherVersionError", r"99\.0\.0")


@case("/notebook/client/engine-that-does-not-come-up")
def no_engine(service):
    os.makedirs(os.path.join(service.home, "run"), exist_ok=True)
    with open(os.path.join(service.home, "logs"), "w", encoding="ascii") as file:
        file.write("a file where a folder is to be")
    with notebook(service) as run:
        run.cell(SETUP)
        run.fails(START, "EngineFailedError", "logs")
    service.equal(service.engine_pid(), None, "the engine")


@case("/notebook/client/kernel-without-ipywidgets")
def no_widgets(service):
    with notebook(service) as run:
        run.cell(SETUP)
        run.code("import sys; sys.modules['ipywidgets'] = None")
        run.cell(START)
        outputs = run.cell(SHOW)
        service.equal(views(outputs), [], "widgets shown")
        service.has(printed(outputs), "ipywidgets is not installed for this kernel")
        service.has(printed(outputs), "-m pip install -U ipywidgets")


@case("/notebook/client/engine-gone-between-cells")
def gone(service):
    with notebook(service) as run:
        run.cell(SETUP), run.cell(START)
        service.kill()
        outputs = run.cell(SHOW)  # shown all the same, and it says so
        service.equal(len(views(outputs)), 1, "widgets shown")
        run.cell(START)
        service.equal(service.engine_pid() is not None, True, "an engine")


@case("/notebook/client/cloned-where-it-is-not")
def cloned(service):
    """As in Colab: the notebook alone, and where to clone from."""
    origin = os.path.join(service.folder, "origin")
    os.makedirs(origin)
    for name in ("app", "setup", "requirements.txt"):
        service.spawn("cp", "-r", os.path.join(ROOT, name), origin).end()
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        done = service.spawn("git", "-C", origin, "-c", "user.name=T", "-c", "user.email=t@localhost", *words)
        service.equal(done.end(60), 0, "git %s: %s" % (words[0], done.both))
    os.makedirs(os.path.join(service.folder, "empty"))
    with notebook(service, "empty", PINOKIOCLOUD_REPOSITORY="file://" + origin) as run:
        first = run.all()
        service.has(printed(first[SETUP]), "Cloning file://")
        service.equal(len(views(first[SHOW])), 1, "widgets shown")
        service.has(run.code("import pinokiocloud; print(pinokiocloud.__file__)"), "/empty/pinokiocloud/app/notebook/")
        service.lacks(printed(run.cell(SETUP)), "Cloning")
    os.makedirs(os.path.join(service.folder, "bare"))
    with notebook(service, "bare", PINOKIOCLOUD_REPOSITORY=None) as run:
        run.fails(SETUP, "set REPOSITORY above")


if __name__ == "__main__":
    leave()
