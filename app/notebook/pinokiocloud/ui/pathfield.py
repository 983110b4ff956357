"""Fields for a file or folder of this machine."""

import atexit
import os
import re
import shutil
import tempfile
from typing import Any, Dict, List, Optional

import ipywidgets

from .fieldkinds import Field
from .parts import button, close_all, column, put, row, show
from .picker import Picker, file_types

__all__ = ["FolderField", "PathField"]

UPLOAD = 8 << 20  # bytes; the line between a notebook and its kernel takes some 10 MB at once
LATER_S = 60.0  # an uploaded file is read by the script after the answer


class PathField(Field):
    """Of a file or folder of this machine: typed, chosen, or sent from where the browser runs."""

    folders = False

    def make(self) -> Any:
        self._picker: Optional[Picker] = None
        self._sent: List[str] = []  # folders of what was uploaded
        self._choose = button("Choose …", self._open)
        self._take = button("Take it", self._taken, "main")
        self._away = button("Close", self._shut)
        self._upload = ipywidgets.FileUpload(description="From this computer", accept=self._accepts(), multiple=False)
        self._upload.observe(self._uploaded, "value")
        show(self._upload, not self.folders)
        self._below = column()
        return super().make()

    def parts(self) -> List[Any]:
        return [self.control, row(self._choose, self._upload), self._below]

    def value(self) -> str:
        """Absolute: the script's folder is another one."""
        typed = str(self.control.value).strip()
        return os.path.join(self.form.folder, os.path.expanduser(typed)) if typed else ""

    def enable(self, enabled: bool) -> None:
        super().enable(enabled)
        put(self._choose, disabled=not enabled)
        put(self._upload, disabled=not enabled)
        if not enabled:
            self._shut()

    def close(self) -> None:
        for folder in self._sent:
            self.form.bridge.later(LATER_S, shutil.rmtree, folder, True)
        self._shut()
        close_all(self._take)
        close_all(self._away)
        super().close()

    def _accepts(self) -> str:
        given = self.spec.get("accept")
        return given if isinstance(given, str) and re.fullmatch(r"[\w.,/*+ -]{1,200}", given) else ""

    def _open(self) -> None:
        if self._picker is not None:
            return
        start = os.path.dirname(self.value()) or self.form.folder
        types = file_types(self.spec)
        self._picker = Picker(self.form.bridge, start, folders=self.folders, types=types)
        self._below.children = (self._picker.widget, row(self._take, self._away))

    def _taken(self) -> None:
        problem = self._picker.problem() if self._picker is not None else ""
        if self._picker is None or problem:
            self.say(problem)
            return
        self.control.value = self._picker.chosen()[0]
        self._shut()

    def _shut(self) -> None:
        self._below.children = ()
        if self._picker is not None:
            self._picker.close()
            self._picker = None

    def _uploaded(self, change: Dict[str, Any]) -> None:
        value = change["new"]
        files = list(value.values()) if isinstance(value, dict) else list(value or ())
        if not files:
            return
        name, content = files[0].get("name") or files[0]["metadata"]["name"], bytes(files[0]["content"])
        if len(content) > UPLOAD:
            self.say(
                "This file is too large to send this way: upload it with the notebook's file browser, then choose it."
            )
            return
        self.control.value = "Receiving %s …" % name
        self.form.bridge.work(_keep, name, content, done=self._kept, failed=lambda error: self._kept("", error))

    def _kept(self, path: str, error: Optional[Exception] = None) -> None:
        if self.control.comm is None:  # it was closed meanwhile
            return
        self.control.value = path
        if error is not None:
            self.say("The file cannot be kept: %s" % error)
        elif path:
            self._sent.append(os.path.dirname(path))


class FolderField(PathField):
    folders = True


def _keep(name: str, content: bytes) -> str:
    """For a worker: writes what was uploaded into a folder of its own, which only this user can read; gives the path."""
    name = os.path.basename(name.replace("\\", "/")).replace("\0", "") or "file"
    folder = tempfile.mkdtemp(prefix="pinokiocloud-")
    atexit.register(shutil.rmtree, folder, True)
    path = os.path.join(folder, name[-200:])
    with open(path, "wb") as file:
        file.write(content)
    return path
