"""Which notebook this is, and the secrets that it keeps for its owner. The one place that knows of hosts."""

import logging
import os
import sys
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional, Tuple

__all__ = ["COLAB", "IPYTHON", "JUPYTER", "JUPYTERLAB", "KAGGLE", "NONE", "NOTEBOOK", "Host", "Secret", "detect_host"]

JUPYTERLAB = "jupyterlab"
NOTEBOOK = "notebook"  # Notebook 7
JUPYTER = "jupyter"  # a Jupyter kernel whose front end cannot be told
COLAB = "colab"
KAGGLE = "kaggle"
IPYTHON = "ipython"  # in a terminal
NONE = "none"  # plain Python

NAMES = {
    JUPYTERLAB: "JupyterLab",
    NOTEBOOK: "Jupyter Notebook",
    JUPYTER: "Jupyter",
    COLAB: "Google Colab",
    KAGGLE: "Kaggle",
    IPYTHON: "IPython",
    NONE: "Python",
}
# What stands on the command line of the server that a kernel has for its parent.
SERVERS = (
    ("jupyter-lab", JUPYTERLAB),
    ("jupyterlab", JUPYTERLAB),
    ("jupyter lab", JUPYTERLAB),
    ("jupyter-notebook", NOTEBOOK),
    ("jupyter notebook", NOTEBOOK),
)
FIRST_LINE = 200  # characters of why

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Secret:
    """A secret that was asked for. value is None when it is not to be had, and why says so; source tells from where."""

    name: str
    value: Optional[str] = field(default=None, repr=False)
    source: str = ""
    why: str = ""

    def __bool__(self) -> bool:
        return self.value is not None


@dataclass(frozen=True)
class Host:
    """kind is one of the constants above; widgets: a front end is there that may show some."""

    kind: str

    @property
    def name(self) -> str:
        return NAMES[self.kind]

    @property
    def widgets(self) -> bool:
        return self.kind not in (IPYTHON, NONE)

    def prepare_widgets(self) -> None:
        """Colab shows widgets of other packages (anywidget) only when asked to. Never raises."""
        if self.kind != COLAB:
            return
        try:
            from google.colab import output  # there is one only on Colab

            output.enable_custom_widget_manager()
        except Exception:  # whatever Colab's module raises: the plainer forms serve
            log.info("Colab shows only its own widgets", exc_info=True)

    def secret(self, name: str) -> Secret:
        """Never raises. The environment comes first, for asking Colab may put a question to the person.

        To be called on the main thread: Colab answers no other.
        """
        value = os.environ.get(name, "").strip()
        if value:
            return Secret(name, value, "the environment")
        if self.kind not in KEEPERS:
            return Secret(name, why="%s is not set in the environment" % name)
        keeper, ask = KEEPERS[self.kind]
        try:
            given = ask(name)
        except Exception as error:  # whatever a host's own module raises: a secret is never a must
            return Secret(name, source=keeper, why="%s do not give %s: %s" % (keeper, name, _line(error)))
        if not isinstance(given, str) or not given.strip():
            return Secret(name, source=keeper, why="%s is empty in %s" % (name, keeper))
        return Secret(name, given.strip(), keeper)


def _line(error: BaseException) -> str:
    """What an error says, in one line."""
    said = " ".join(str(error).split())[:FIRST_LINE]
    kind = type(error).__name__
    return "%s: %s" % (kind, said) if said else kind


def _ask_colab(name: str) -> Any:
    from google.colab import userdata  # there is one only on Colab

    return userdata.get(name)


def _ask_kaggle(name: str) -> Any:
    from kaggle_secrets import UserSecretsClient  # there is one only on Kaggle

    return UserSecretsClient().get_secret(name)


KEEPERS: Mapping[str, Tuple[str, Callable[[str], Any]]] = {
    COLAB: ("Colab's secrets", _ask_colab),
    KAGGLE: ("Kaggle's secrets", _ask_kaggle),
}


def detect_host() -> Host:
    """Where this code runs. Never raises."""
    if "google.colab" in sys.modules or any(name in os.environ for name in ("COLAB_RELEASE_TAG", "COLAB_GPU")):
        return Host(COLAB)
    if any(name in os.environ for name in ("KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_URL_BASE")):
        return Host(KAGGLE)
    shell = _shell()
    if shell is None:
        return Host(NONE)
    if getattr(shell, "kernel", None) is None:
        return Host(IPYTHON)
    return Host(_server())


def _shell() -> Any:
    """IPython's, None outside of it. It is asked only where it is loaded: loading it takes half a second."""
    module = sys.modules.get("IPython")
    get = getattr(module, "get_ipython", None)
    try:
        return get() if get is not None else None
    except Exception:  # a broken IPython is none
        return None


def _server() -> str:
    """By the program that started this kernel."""
    parent = os.environ.get("JPY_PARENT_PID", "")
    try:
        with open("/proc/%d/cmdline" % int(parent or os.getppid()), "rb") as file:
            line = file.read().replace(b"\0", b" ").decode("utf-8", "replace")
    except (OSError, ValueError):
        return JUPYTER
    for word, kind in SERVERS:
        if word in line:
            return kind
    return JUPYTER
