"""Cell 3: shows the interface, or says in plain text why it cannot be shown and what there is instead."""

import sys
from typing import TYPE_CHECKING, Any, Dict, Optional

from .engine import PinokioEngine
from .errors import PinokioError
from .host import Host
from .kernel import keep_on_main_thread

if TYPE_CHECKING:
    from .ui.layout import Interface

__all__ = ["as_text", "show"]

VIEW = "application/vnd.jupyter.widget-view+json"
OLDEST = (7, 6)


class Shown:
    """What this kernel shows. A kernel has one interface: that of before is closed, so that a cell may be run twice."""

    interface: "Optional[Interface]" = None


def show(engine: PinokioEngine) -> None:
    """Shows the interface below the cell. On the kernel's main thread. Raises nothing that a person could mend: it is
    said instead."""
    close()
    why_not = _why_not(engine.host)
    if why_not:
        print(as_text(engine, why_not))
        return
    from IPython import get_ipython
    from IPython.display import display

    from .ui.layout import Interface

    keep_on_main_thread(getattr(get_ipython(), "kernel", None))

    made = Interface(engine)
    Shown.interface = made
    made.bridge.drain()
    engine.host.prepare_widgets()
    # A front end that knows no widgets takes the text.
    text = as_text(engine, "this front end shows no widgets: " + _advice(engine.host))
    display(_bundle(made.widget, text), raw=True)


def close() -> None:
    """Ends what is shown in this kernel; apps and engine go on."""
    shown, Shown.interface = Shown.interface, None
    if shown is not None:
        shown.close()


def _bundle(widget: Any, text: str) -> Dict[str, Any]:
    return {"text/plain": text, VIEW: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}}


def _why_not(host: Host) -> str:
    """"" when the kernel can make widgets."""
    if not host.widgets:
        return "%s shows no widgets: open launcher.ipynb in JupyterLab, Jupyter Notebook, Colab or Kaggle" % host.name
    try:
        import ipywidgets
    except ImportError as error:
        return "ipywidgets is not installed for this kernel (%s): %s" % (error, _install())
    version = tuple(int(part) for part in ipywidgets.__version__.split(".")[:2])
    if version < OLDEST:
        return "ipywidgets %s is too old, 7.6 is needed: %s" % (ipywidgets.__version__, _install())
    return ""


def _install() -> str:
    return "run `%s -m pip install -U ipywidgets`, restart the kernel, and run the cells again" % sys.executable


def _advice(host: Host) -> str:
    return (
        "install ipywidgets where %s itself is installed (`pip install -U ipywidgets`; with JupyterLab 3 and newer nothing "
        "else), then load this page again" % host.name
    )


def as_text(engine: PinokioEngine, why: str) -> str:
    """What a person can do without widgets: what runs, and the commands that do all the same."""
    lines = ["PinokioCloud %s: %s." % (engine.version, why), ""]
    try:
        apps = engine.client.apps()
    except PinokioError as error:
        apps = ()
        lines += ["The engine does not answer: %s" % error, ""]
    for app in apps:
        lines.append("  %-28s %-12s %s" % (app.title[:28], app.state.lower(), app.public_url or app.url or ""))
    if not apps:
        lines.append("  No app is installed yet.")
    lines += [
        "",
        "Everything can be done by commands as well, in a terminal or in a cell after an exclamation mark:",
        "  %s search WORDS | install APP | start APP | open APP | stop APP | --help" % engine.command,
    ]
    return "\n".join(lines)
