"""The whole of what a run or a shell printed, as a file: in a link while it is small, else by where it lies."""

import base64
import os
import re
from typing import Any, Callable, List, Optional, Tuple
from urllib.parse import quote

import ipywidgets

from ..bridge import Bridge
from ..client import Client
from ..jobs import DONE, FAILED, On
from ..model import Run, Shell
from ..store import Store
from . import parts

__all__ = ["Download"]

SMALL = 5_000_000  # bytes that fit into a link
PIECE = 1 << 20
UNSAFE = re.compile(r"[^\w.-]+")

What = Tuple[Run, str]  # and a shell's id; "": all of them
Logs = Tuple[List[Shell], Optional[bytes]]  # whose, and what is in them one after another; None: too much for a link


def gather(client: Client, run: str, only: str) -> Logs:
    """On a worker."""
    shells = [shell for shell in client.run(run).shells if not only or shell.id == only]
    pieces: List[bytes] = []
    length = 0
    for shell in shells:
        offset = 0
        while True:
            page = client.log(shell.id, offset=offset, limit=PIECE)
            if not page.data:
                break
            offset = page.offset
            pieces.append(page.data)
            length += len(page.data)
            if length > SMALL:
                return shells, None
    return shells, b"".join(pieces)


def file_name(run: Run, shell: str) -> str:
    script = os.path.splitext(os.path.basename(run.script))[0]
    name = "-".join(part for part in (run.app or "", script, shell or run.id) if part)
    return UNSAFE.sub("_", name)[:120] + ".log"


def below(path: str) -> Optional[str]:
    """The path seen from where the notebook stands, when it is below: its server gives out such files."""
    here = os.path.realpath(os.getcwd())
    real = os.path.realpath(path)
    if real.startswith(here.rstrip("/") + "/") and os.path.isfile(real):
        return os.path.relpath(real, here)
    return None


class Download:
    """what(): what would be downloaded now, None when nothing is shown."""

    def __init__(self, store: Store, bridge: Bridge, what: Callable[[], Optional[What]]) -> None:
        self._store, self._bridge, self._what = store, bridge, what
        self._message = parts.Message()
        self._act = parts.Act("Download", self._begin, busy="Reading …", done=self._done, failed=self._message.error)
        self._link = parts.html()
        self._files = ipywidgets.Output()  # the notebook's server makes a link of what is below it
        self._name = ""
        self.widget = self._act.widget
        self.below = parts.column(self._message.widget, self._link, self._files)
        self.clear()

    def clear(self) -> None:
        """Another thing is shown."""
        self._message.clear()
        parts.put(self._link, value="")
        parts.show(self._link, False)
        self._show_files("")

    def close(self) -> None:
        parts.close_all(self.widget)
        parts.close_all(self.below)

    def _begin(self, on: On) -> None:
        self.clear()
        what = self._what()
        if what is None:
            self._bridge.call(on, DONE, ([], b""))
            return
        run, shell = what
        self._name = file_name(run, shell)
        self._bridge.work(
            gather,
            self._store.client,
            run.id,
            shell,
            done=lambda found: on(DONE, found),
            failed=lambda error: on(FAILED, error),
        )

    def _done(self, found: Logs) -> None:
        shells, data = found
        if data is None:
            self._say_where(shells)
        elif not data:
            self._message.say("Nothing was printed by a command yet.")
        else:
            name = parts.escape(self._name)
            encoded = base64.b64encode(data).decode("ascii")
            link = '<a download="%s" href="data:text/plain;charset=utf-8;base64,%s">Save %s (%s)</a>'
            parts.put(self._link, value=link % (name, encoded, name, parts.size(len(data))))
            parts.show(self._link, True)

    def _say_where(self, shells: List[Shell]) -> None:
        paths = [shell.log for shell in shells if shell.log]
        self._message.say("That is more than fits into a link. All of it is on the machine:", "", "\n".join(paths))
        links = [(path, below(path)) for path in paths]
        self._show_files(
            "<br>".join(
                '<a href="%s" download target="_blank">%s</a>' % (quote(seen), parts.escape(os.path.basename(path)))
                for path, seen in links
                if seen
            )
        )

    def _show_files(self, html: str) -> None:
        outputs: Any = ({"output_type": "display_data", "data": {"text/html": html}, "metadata": {}},) if html else ()
        parts.put(self._files, outputs=outputs)
        parts.show(self._files, bool(html))
