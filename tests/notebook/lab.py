"""What the tests of the notebook in a real Jupyter and a real browser stand on.

The cases of a file share one Jupyter and one Chromium (a Lab), which are no process of any case; each has an engine's
home, a kernel and a browser window of its own. What is left after a case is found as in tests/service: kernels too.
"""

import contextlib
import functools
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
for folder in ("tests/e2e", "tests/service"):
    sys.path.insert(0, os.path.join(ROOT, folder))

import harness  # noqa: E402
import service as service_tests  # noqa: E402
from browser import CHROMIUM, Browser  # noqa: E402
from gitserver import GitServer  # noqa: E402
from harness import SLOW, descendants  # noqa: E402,F401
from jupyter import Jupyter  # noqa: E402

LAUNCHER = os.path.join(ROOT, "launcher.ipynb")
SHOW = "from pinokiocloud import PinokioEngine, show\nengine = PinokioEngine()\nshow(engine)"
WITHOUT = {"bare": "@jupyter-widgets/jupyterlab-manager", "plain": "anywidget"}  # of JupyterLab's extensions
LAB = []  # the Lab of this file, once there is one


def app_card(title):
    """The selector of an app's card in My Library."""
    return '.pino-app:has(.pino-app-title:text-is("%s"))' % title


class Lab:
    """One Chromium, and the Jupyters that its cases need: "lab", "notebook", "bare" (JupyterLab without widgets), "plain" (without anywidget)."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="pinokio-lab-")
        self.roots = {}  # process -> whether all below it is its own too
        self.jupyters = {}
        self.browser = Browser(self.folder)
        try:
            self._note(self.browser.start, whole=True)
        except BaseException:
            self.close()
            raise

    def _note(self, start, whole):
        before = set(harness.children_of(os.getpid()))
        start()
        self.roots.update({pid: whole for pid in harness.children_of(os.getpid()) if pid not in before})

    def jupyter(self, front):
        if front not in self.jupyters:
            made = Jupyter(os.path.join(self.folder, front), "lab" if front in WITHOUT else front)
            if front in WITHOUT:
                made.without(WITHOUT[front])
            self._note(made.start, whole=False)
            self.jupyters[front] = made
        return self.jupyters[front]

    def processes(self):
        """Its own, which are none of a case: all but the kernels."""
        found = set(self.roots)
        for root, whole in self.roots.items():
            if whole:
                found.update(descendants(root))
        return found

    @property
    def whole(self):
        return self.browser.connected and all(one.alive for one in self.jupyters.values())

    def close(self):
        self.browser.close()
        for jupyter in self.jupyters.values():
            jupyter.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def the_lab():
    """Made at the first need, and anew when something of it has died in a case."""
    if LAB and not LAB[0].whole:
        LAB.pop().close()
    if not LAB:
        if not os.path.exists(CHROMIUM):
            raise harness.Skipped("there is no Chromium at %s" % CHROMIUM)
        LAB.append(Lab())
    return LAB[0]


class LabService(service_tests.Service):
    """A service whose case also has what the Lab started."""

    def __init__(self, stage, lab):
        super().__init__(stage)
        self.lab = lab
        self.started.update(lab.roots)

    def nothing_left(self, but=(), seconds=10):
        super().nothing_left(set(but) | self.lab.processes(), seconds)


class World:
    """An engine's home, and the notebook of it in a browser."""

    def __init__(self, service, jupyter, browser):
        self.service, self.stage, self.jupyter, self.browser = service, service.stage, jupyter, browser
        self.home = service.home
        self.pages = []
        self.kernels = 0

    def variables(self, **more):
        """The environment of a kernel of this case."""
        kept = ("HOME", "LC_ALL", "PINOKIO_NO_BROWSER", "PINOKIOCLOUD_TOOLS")
        found = {name: self.stage.env[name] for name in kept if name in self.stage.env}
        found.update(
            PINOKIO_HOME=self.home,
            PINOKIOCLOUD=self.stage.engine,
            PINOKIO_TOOLS=os.environ.get("PINOKIO_TOOLS") or os.path.join(ROOT, "build", "tools"),
            IPYTHONDIR=os.path.join(self.stage.folder, "ipython"),
        )
        found.update(more)
        return {name: value for name, value in found.items() if value is not None}

    def _open(self, path, **options):
        page = self.browser.open(self.jupyter, path, **options)
        self.pages.append(page)
        return page

    def launcher(self, env=None, **options):
        """launcher.ipynb, no cell of it run."""
        path = self.jupyter.copy(LAUNCHER, self.jupyter.kernel(**self.variables(**(env or {}))))
        return self._open(path, **options)

    def shown(self, env=None, **options):
        """The interface in a notebook of one cell, shown."""
        page = self.scratch([SHOW], dict(self.package(), **(env or {})), **options)
        page.run(0)
        page.find(".pino")
        return page

    def scratch(self, cells, env=None, **options):
        return self._open(self.jupyter.scratch(cells, self.jupyter.kernel(**self.variables(**(env or {})))), **options)

    def package(self):
        """The variables of a kernel that finds the package without the launcher's second cell."""
        return {"PYTHONPATH": os.path.join(ROOT, "app", "notebook")}

    def git_server(self):
        folder = os.path.join(self.stage.folder, "git-server")
        os.makedirs(folder)
        server = GitServer(folder)
        self.stage.cleanups.append(server.close)
        return server

    def second(self, page):
        other = page.second()
        self.pages.append(other)
        return other

    def quiet(self):
        """No page has complained."""
        for page in self.pages:
            self.service.equal(page.errors(), [], "complaints of the console")

    def close(self):
        for page in self.pages:
            page.close()
        self.pages = []
        self.jupyter.end_sessions()


@contextlib.contextmanager
def world_of(stage, front="lab"):
    """A World for a stage of the harness; when it is left well, nothing of it may be left."""
    lab = the_lab()
    spare(stage, lab)
    jupyter = lab.jupyter(front)
    service = LabService(stage, lab)
    world = World(service, jupyter, lab.browser)
    try:
        yield world
        world.close()
        service.finish()
    except AssertionError as error:
        raise AssertionError("%s\n%s" % (error, service.last_words()))
    finally:
        world.close()


def case(name, front="lab", quiet=True):
    """Marks a function of a World as a case. quiet: the browser's console must have nothing to say."""

    def keep(function):
        @functools.wraps(function)
        def staged(stage):
            with world_of(stage, front) as world:
                function(world)
                if quiet:
                    world.quiet()

        harness.CASES.append((name, staged))
        return staged

    return keep


def spare(stage, lab):
    """The harness ends all that a case leaves; the Lab is not of the case."""
    left_behind = stage.left_behind
    stage.left_behind = lambda: [pid for pid in left_behind() if pid not in lab.processes()]


def end_lab():
    while LAB:
        LAB.pop().close()


def leave():
    """Runs the file's cases and ends the Lab."""
    try:
        status = harness.main()
    finally:
        end_lab()
    left = [pid for pid in descendants(os.getpid()) if not harness.is_zombie(pid)]
    if left:
        print("# left running: " + "; ".join(harness.describe(pid) for pid in left))
    sys.exit(status or bool(left))
