"""A real Jupyter server of the tests' own: JupyterLab or Notebook 7, with folders, token and kernels of its own.

    with Jupyter(folder) as jupyter:
        kernel = jupyter.kernel(PINOKIO_HOME=home)          # a kernel with these variables; gives its name
        path = jupyter.scratch(["print('a cell')"], kernel)  # or jupyter.copy(notebook, kernel)
        jupyter.url(path)                                   # what a browser opens

It is of the Python that runs this (tests/notebook/inside.py finds the right one). close() ends its kernels too; what
they started and let go of (an engine) goes on.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FRONTS = {"lab": "jupyterlab", "notebook": "notebook"}
TREES = {"lab": "lab/tree", "doc": "doc/tree", "notebook": "notebooks"}
STARTS_IN_S, ENDS_IN_S = 60, 20
SLOW = float(os.environ.get("PINOKIO_TEST_SLOW", "1"))
NEWS = "@jupyterlab/apputils-extension/notification.jupyterlab-settings"
SAVING = "@jupyterlab/docmanager-extension/plugin.jupyterlab-settings"
# Settings of a plugin that a front end lacks are an error there.
QUIET = {
    "lab": {NEWS: {"fetchNews": "false", "checkForUpdates": False}, SAVING: {"autosave": False}},
    "notebook": {SAVING: {"autosave": False}},
}


def new_cell(source):
    return {
        "cell_type": "code",
        "id": "cell-%d" % (abs(hash(source)) % 10**9),
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source,
    }


def lay_beside(folder):
    """What launcher.ipynb finds beside itself in a folder: the repository's files, but no clone that it would update."""
    beside = os.path.join(folder, "pinokiocloud")
    os.makedirs(beside)
    for name in ("app", "data", "setup", "requirements.txt"):
        os.symlink(os.path.join(ROOT, name), os.path.join(beside, name))


class Jupyter:
    """front: "lab" or "notebook" (Notebook 7)."""

    def __init__(self, folder, front="lab", env=None):
        self.folder = os.path.realpath(folder)
        self.front = front
        self.token = "token-of-a-test"
        self.work = self._made("work")
        self.runtime = self._made("jupyter", "runtime")
        self.data = self._made("jupyter", "data")
        self.env = self._environment(env or {})
        self.base = None
        self.process = None
        self.count = 0
        self._settings()
        lay_beside(self.work)

    def _made(self, *parts):
        path = os.path.join(self.folder, *parts)
        os.makedirs(path, exist_ok=True)
        return path

    def _environment(self, more):
        env = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "JPY_"))}
        env.update(
            HOME=self._made("jupyter", "user"),
            JUPYTER_CONFIG_DIR=self._made("jupyter", "config"),
            JUPYTER_DATA_DIR=self.data,
            JUPYTER_RUNTIME_DIR=self.runtime,
            JUPYTERLAB_SETTINGS_DIR=self._made("jupyter", "settings"),
            JUPYTERLAB_WORKSPACES_DIR=self._made("jupyter", "workspaces"),
            JUPYTER_PLATFORM_DIRS="1",
            IPYTHONDIR=self._made("jupyter", "ipython"),
            PYTHONDONTWRITEBYTECODE="1",
        )
        env.update(more)
        return env

    def _settings(self):
        """No questions, no news, and no saving by itself."""
        for name, values in QUIET[self.front].items():
            path = os.path.join(self.env["JUPYTERLAB_SETTINGS_DIR"], name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                json.dump(values, file)

    def without(self, extension):
        """To be called before start()."""
        folder = self._made("jupyter", "config", "labconfig")
        with open(os.path.join(folder, "page_config.json"), "w", encoding="utf-8") as file:
            json.dump({"disabledExtensions": {extension: True}}, file)

    # Life

    def start(self):
        self.log = open(os.path.join(self.folder, "jupyter", "server.log"), "ab")
        command = [sys.executable, "-m", FRONTS[self.front], "--no-browser", "--allow-root", "--ip=127.0.0.1"]
        command += [
            "--ServerApp.port=0",
            "--IdentityProvider.token=" + self.token,
            "--ServerApp.root_dir=" + self.work,
            "--ServerApp.terminals_enabled=False",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.news_url=",
            "--JupyterNotebookApp.expose_app_in_browser=True",
            "--ContentsManager.allow_hidden=True",
        ]
        self.process = subprocess.Popen(
            command,
            cwd=self.work,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        self._until_up()
        return self

    __enter__ = start

    def __exit__(self, *unused):
        self.close()

    def _until_up(self):
        path = os.path.join(self.runtime, "jpserver-%d.json" % self.process.pid)
        end = time.monotonic() + STARTS_IN_S * SLOW
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with open(path, encoding="utf-8") as file:
                    self.base = json.load(file)["url"]
                self.ask("api/status")
                return
            except (OSError, ValueError):
                time.sleep(0.05)
        words = self.words()
        self.close()
        raise AssertionError("Jupyter did not come up:\n" + words)

    def close(self):
        """Ends it as Ctrl-C twice would: kernels first."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(ENDS_IN_S * SLOW)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None
        self.log.close()

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def words(self):
        """The end of its log."""
        with open(os.path.join(self.folder, "jupyter", "server.log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-3000:]

    # Notebooks and kernels

    def kernel(self, **variables):
        """A kind of kernel with these variables in its environment; gives its name."""
        self.count += 1
        name = "test%d" % self.count
        folder = self._made("jupyter", "data", "kernels", name)
        # Python's own flags for threads keep a kernel's memory as it is elsewhere: none are set.
        spec = {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "Python 3",
            "language": "python",
            "env": {key: str(value) for key, value in variables.items()},
        }
        with open(os.path.join(folder, "kernel.json"), "w", encoding="utf-8") as file:
            json.dump(spec, file)
        return name

    def scratch(self, sources, kernel, name=None):
        """A notebook of these cells; gives its path for url()."""
        notebook = {"cells": [new_cell(source) for source in sources], "metadata": {}}
        return self._write(notebook, kernel, name)

    def copy(self, path, kernel, name=None, change=lambda cells: None):
        """A copy of a notebook; change(its cells) may alter it. Outputs are dropped."""
        with open(path, encoding="utf-8") as file:
            notebook = json.load(file)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell.update(outputs=[], execution_count=None)
        change(notebook["cells"])
        return self._write(notebook, kernel, name)

    def _write(self, notebook, kernel, name):
        self.count += 1
        name = name or "notebook-%d.ipynb" % self.count
        notebook.update(nbformat=4, nbformat_minor=5)
        notebook["metadata"]["kernelspec"] = {"name": kernel, "display_name": "Python 3", "language": "python"}
        with open(os.path.join(self.work, name), "w", encoding="utf-8") as file:
            json.dump(notebook, file)
        return name

    def url(self, path, tree=None):
        """tree: "doc" for the notebook alone in JupyterLab. None of those that were open before comes back (reset)."""
        return "%s%s/%s?reset&token=%s" % (self.base, TREES[tree or self.front], path, self.token)

    # Its own API

    def ask(self, path, method="GET", body=None):
        """The answer to a request, from JSON; None when it has no body."""
        request = urllib.request.Request(
            self.base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": "token " + self.token},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30 * SLOW) as answer:
            text = answer.read()
        return json.loads(text.decode()) if text else None

    def sessions(self):
        return self.ask("api/sessions")

    def end_session(self, path):
        """Ends a notebook's kernel."""
        for session in self.sessions():
            if session["path"] == path:
                self.ask("api/sessions/" + session["id"], "DELETE")

    def end_sessions(self):
        """Ends every kernel."""
        for session in self.sessions():
            self.ask("api/sessions/" + session["id"], "DELETE")
        for kernel in self.ask("api/kernels"):
            self.ask("api/kernels/" + kernel["id"], "DELETE")

    def kernel_pids(self):
        """The processes of its kernels."""
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit() and self._is_kernel(int(name)):
                found.append(int(name))
        return sorted(found)

    def _is_kernel(self, pid):
        try:
            with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
            with open("/proc/%d/cmdline" % pid, "rb") as file:
                return parent == self.pid and b"ipykernel_launcher" in file.read()
        except OSError:
            return False
