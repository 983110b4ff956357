"""Files and folders of this machine to choose from: the kernel and the apps see the same ones."""

import fnmatch
import mimetypes
import os
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import ipywidgets

from ..bridge import Bridge
from .parts import Message, button, close_all, column, escape, html, put, row, show

__all__ = ["Entry", "Listing", "Picker", "file_types", "scan"]

SHOWN = 500  # of a folder; the filter finds the others
MOST = 50000  # entries that are read of a folder
ROWS = 10
CSS = """
.pino .pino-picker.jupyter-widgets.widget-box { max-width: min(60em, 100%); border: 1px solid var(--pino-line);
  border-radius: 8px; padding: 8px; background: var(--pino-bg); }
.pino .pino-picker .widget-text { width: auto; flex: 1 1 14em; margin: 0; }
.pino .pino-picker .widget-select, .pino .pino-picker .widget-select-multiple { width: 100%; height: auto; margin: 0; }
.pino .pino-picker .widget-select select, .pino .pino-picker .widget-select-multiple select { width: 100%; min-height: 12em;
  overflow-x: auto; padding: 4px; background: var(--pino-bg); color: var(--pino-fg); font-family: var(--pino-mono);
  font-size: 13px; border: 1px solid var(--pino-line); border-radius: 6px; }
.pino .pino-picker .widget-dropdown { width: auto; flex: 0 1 16em; margin: 0; }
.pino .pino-picker .widget-checkbox { width: auto; margin: 0; }
.pino .pino-picker .widget-html { margin: 0; }
"""

Types = List[Tuple[str, List[str]]]


@dataclass(frozen=True)
class Entry:
    name: str
    is_folder: bool


@dataclass(frozen=True)
class Listing:
    """What is in a folder, folders first; trouble: why it cannot be said; more: not all of it was read.

    found: a file that was asked for by its name. missing: there is nothing of that name.
    """

    folder: str
    entries: Tuple[Entry, ...] = ()
    trouble: str = ""
    more: bool = False
    found: str = ""
    missing: str = ""


def _is_folder(entry: Any) -> bool:
    try:
        return bool(entry.is_dir())
    except OSError:
        return False


def scan(path: str) -> Listing:
    """For a worker. What is no folder: the folder above it that is there. Never raises OSError."""
    asked = path = os.path.abspath(os.path.expanduser(path or "~"))
    while not os.path.isdir(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    there = path == asked or os.path.lexists(asked)
    found = os.path.basename(asked) if path != asked and there else ""
    missing = "" if there else asked
    entries: List[Entry] = []
    try:
        with os.scandir(path) as inside:
            for entry in inside:
                if len(entries) >= MOST:
                    break
                entries.append(Entry(entry.name, _is_folder(entry)))
    except OSError as error:
        told = "%s cannot be read: %s" % (path, error.strerror or error)
        return Listing(path, trouble=told, found=found, missing=missing)
    entries.sort(key=lambda entry: (not entry.is_folder, entry.name.lower(), entry.name))
    return Listing(path, tuple(entries), "", len(entries) >= MOST, found, missing)


def _patterns(value: Any) -> List[str]:
    """Of "*.png *.jpg", ".png,.jpg", "image/*.png", ["*.png", ...]."""
    words = re.split(r"[\s,;]+", value) if isinstance(value, str) else []
    if isinstance(value, (list, tuple)):
        words = [word for item in value for word in _patterns(item)]
    return [word.rpartition("/")[2] if "/*." in word else word for word in words if word]


def file_types(request: Mapping[str, Any]) -> Types:
    """Names and patterns of the files that may be chosen, as filetypes, filetype and accept say; none: all may."""
    found: Types = []
    given = request.get("filetypes")
    for item in given if isinstance(given, (list, tuple)) else [given]:
        if isinstance(item, (list, tuple)) and len(item) >= 2 and isinstance(item[0], str):
            found.append((item[0], _patterns(item[1:])))
        else:
            found.append(("", _patterns(item)))
    found += [("", _patterns(request.get(name))) for name in ("filetype", "accept")]
    return [(name, patterns) for name, patterns in found if patterns]


def _fits(name: str, patterns: Sequence[str]) -> bool:
    """Patterns: "*.png", ".png", "png", "image/*"."""
    name = name.lower()
    kind = mimetypes.guess_type(name)[0] or ""
    for pattern in (pattern.lower() for pattern in patterns):
        if pattern in ("*", "*.*", "*/*"):
            return True
        if not re.search(r"[*?\[/.]", pattern):  # a bare extension
            pattern = "." + pattern
        if fnmatch.fnmatchcase(kind if "/" in pattern else name, "*" + pattern if pattern.startswith(".") else pattern):
            return True
    return False


def _shown(name: str) -> str:
    """A file's name may hold anything but "/" and zero; what no text may hold is replaced."""
    name = name.encode("utf-8", "replace").decode("utf-8")
    return "".join(char if char.isprintable() else "\ufffd" for char in name)


class Picker:
    """A line for the path, the folder's list, and what narrows it. A click on a folder goes into it.

    chosen() gives absolute paths. folders: the folder that is shown is what is chosen. save: a name for a new file.
    """

    def __init__(
        self,
        bridge: Bridge,
        folder: str = "",
        *,
        folders: bool = False,
        several: bool = False,
        save: bool = False,
        name: str = "",
        types: Sequence[Tuple[str, List[str]]] = (),
        careful: bool = False,
    ) -> None:
        """name: of the file to save. careful: replacing a file must be agreed to."""
        self._bridge, self._folders, self._several, self._save, self._careful = bridge, folders, several, save, careful
        self._listing = Listing("")
        self._rows: List[Entry] = []
        self._kept: Dict[str, None] = {}  # paths of folders that were left; a set in its order
        self._number = 0
        self._quiet = self._closed = False
        self._make(name, list(types))
        self.go(folder)

    @classmethod
    def of_request(cls, bridge: Bridge, request: Mapping[str, Any], **options: Any) -> "Picker":
        """As filepicker.open asks; request's cwd is where it begins."""
        name = request.get("initialfile") or request.get("filename")
        start = request.get("cwd")
        folders, save = request.get("type") in ("folder", "directory"), bool(request.get("save"))
        return cls(
            bridge,
            start if isinstance(start, str) else "",
            folders=folders,
            several=bool(request.get("multiple")) and not save,
            save=save and not folders,
            name=name if isinstance(name, str) else "",
            types=file_types(request),
            careful=bool(request.get("confirmoverwrite")),
            **options,
        )

    def _make(self, name: str, types: Types) -> None:
        self._path = ipywidgets.Text(placeholder="Folder", continuous_update=False)
        self._filter = ipywidgets.Text(placeholder="Filter by name")
        self._hidden = ipywidgets.Checkbox(description="Hidden files", indent=False)
        self._types: Types = types + [("All files", ["*"])] if types else []
        labels = [given or " ".join(patterns) for given, patterns in self._types]
        self._type = ipywidgets.Dropdown(options=[(label, at) for at, label in enumerate(labels)])
        show(self._type, bool(types) and not self._folders)
        self._list = (ipywidgets.SelectMultiple if self._several and not self._folders else ipywidgets.Select)(
            rows=ROWS
        )
        self._note = html("", "pino-muted")
        self._message = Message()
        self._name = ipywidgets.Text(value=name, placeholder="Name of the file")
        self._replace = ipywidgets.Checkbox(description="Replace the file that is there", indent=False)
        self._up = button("Up", self._go_up, tip="The folder above this one")
        self._add = button("Add this folder", self._keep_folder)
        self._clear = button("Clear", self._forget, "link", tip="Chooses none of them")
        show(self._add, self._folders and self._several)
        show(self._name, self._save)
        self.widget = column(
            row(self._path, self._up),
            row(self._filter, self._type, self._hidden),
            self._list,
            self._message.widget,
            row(self._name, self._replace),
            row(self._note, self._add, self._clear),
            names=("pino-picker",),
        )
        self._path.observe(self._typed, "value")
        self._list.observe(self._selected, "index")
        for widget in (self._filter, self._hidden, self._type):
            widget.observe(lambda unused: self._draw(), "value")
        self._name.observe(lambda unused: self._say(), "value")
        self._say()

    # What is chosen

    def chosen(self) -> List[str]:
        folder = self._listing.folder
        if self._save:
            name = self._name.value.strip()
            return [os.path.normpath(os.path.join(folder, os.path.expanduser(name)))] if name else []
        if self._folders:
            return list(self._kept) if self._several and self._kept else [folder] if folder else []
        return list(dict.fromkeys(list(self._kept) + self._marked(self._list.index)))

    def problem(self) -> str:
        """Why that cannot be taken; "" when it can."""
        chosen = self.chosen()
        if not chosen:
            return "Type a name for the file." if self._save else "Choose %s first." % self._what()
        if self._folders and self._listing.missing and not self._kept:
            return "There is no folder %s." % self._listing.missing
        if self._save and self._careful and self._exists() and not self._replace.value:
            return "%s is there already: agree to replacing it, or choose another name." % os.path.basename(chosen[0])
        wrong = [_shown(path) for path in chosen if _shown(path) != path]
        return "The name of %s is no plain text: rename it first." % wrong[0] if wrong else ""

    def enable(self, enabled: bool) -> None:
        parts = (self._path, self._filter, self._hidden, self._type, self._list, self._name, self._replace, self._up)
        for widget in (*parts, self._add, self._clear):
            put(widget, disabled=not enabled)

    def close(self) -> None:
        self._closed = True
        close_all(self.widget)

    def _what(self) -> str:
        return "a folder" if self._folders else "files" if self._several else "a file"

    def _marked(self, at: Any) -> List[str]:
        """The files of an index of the list."""
        marked = at if isinstance(at, tuple) else () if at is None else (at,)
        rows = [self._rows[one] for one in marked if one < len(self._rows)]
        return [os.path.join(self._listing.folder, entry.name) for entry in rows if not entry.is_folder]

    def _exists(self) -> bool:
        return any(entry.name == self._name.value.strip() for entry in self._listing.entries)

    # Going

    def go(self, path: str) -> None:
        """Reads that folder; what was read last is shown meanwhile."""
        self._number += 1
        number = self._number
        self._message.say("Reading %s …" % (_shown(path) or "the folder"), "busy")
        self._bridge.work(scan, path, done=lambda listing: self._went(number, listing))

    def _went(self, number: int, listing: Listing) -> None:
        if number != self._number or self._closed:
            return
        if not self._folders:
            self._kept.update(dict.fromkeys(self._marked(self._list.index) if self._several else ()))
        self._listing = listing
        if listing.found and self._save:
            put(self._name, value=_shown(listing.found))
        if listing.missing:
            self._message.say("There is no %s; this is %s." % (_shown(listing.missing), _shown(listing.folder)), "warn")
        elif listing.trouble:
            self._message.say(_shown(listing.trouble), "bad")
        else:
            self._message.clear()
        self._quiet = True
        put(self._path, value=_shown(listing.folder))
        put(self._filter, value="")
        self._quiet = False
        put(self._up, disabled=os.path.dirname(listing.folder) == listing.folder)
        self._draw(listing.found)

    def _go_up(self) -> None:
        self.go(os.path.dirname(self._listing.folder))

    def _typed(self, change: Dict[str, Any]) -> None:
        if not self._quiet and change["new"].strip():
            self.go(os.path.join(self._listing.folder, os.path.expanduser(change["new"].strip())))

    def _selected(self, change: Dict[str, Any]) -> None:
        at = change["new"]
        marked = at if isinstance(at, tuple) else () if at is None else (at,)
        if self._quiet:
            return
        if len(marked) == 1 and marked[0] < len(self._rows) and self._rows[marked[0]].is_folder:
            if self._several:  # the click has taken the marks away
                self._kept.update(dict.fromkeys(self._marked(change["old"])))
            self.go(os.path.join(self._listing.folder, self._rows[marked[0]].name))
            return
        paths = self._marked(at)
        if self._save and paths:
            put(self._name, value=_shown(os.path.basename(paths[0])))
        self._say()

    def _keep_folder(self) -> None:
        if self._listing.folder:
            self._kept[self._listing.folder] = None
        self._say()

    def _forget(self) -> None:
        self._kept.clear()
        put(self._list, index=() if self._several and not self._folders else None)
        self._say()

    # Drawing

    def _draw(self, mark: str = "") -> None:
        """The rows that pass the filters; mark: the file to be marked."""
        if self._quiet or self._closed:
            return
        word, patterns = self._filter.value.strip().lower(), self._types[self._type.value][1] if self._types else ["*"]
        fitting = [
            entry
            for entry in self._listing.entries
            if (self._hidden.value or not entry.name.startswith(".") or entry.name == mark)
            and word in entry.name.lower()
            and (entry.is_folder or (not self._folders and _fits(entry.name, patterns)))
        ]
        self._rows = fitting[:SHOWN]
        labels = [_shown(entry.name) + ("/" if entry.is_folder else "") for entry in self._rows]
        at = next((at for at, entry in enumerate(self._rows) if entry.name == mark), None) if mark else None
        self._quiet = True
        with self._list.hold_sync():
            self._list.options = [(label, number) for number, label in enumerate(labels)]
            self._list.index = at if isinstance(self._list, ipywidgets.Select) else (() if at is None else (at,))
        self._quiet = False
        self._say(len(fitting))

    def _say(self, fitting: Optional[int] = None) -> None:
        """What is chosen, and what is not shown."""
        self._fitting = fitting if fitting is not None else getattr(self, "_fitting", 0)
        kept = list(self._kept) if self._folders else self.chosen()
        put(self._note, value=" ".join(text for text in (self._told(), self._hides()) if text))
        show(self._clear, self._several and bool(kept))
        show(self._replace, self._save and self._exists())

    def _told(self) -> str:
        chosen = [_shown(path) for path in self.chosen()]
        if not chosen:
            return "Nothing is chosen."
        if len(chosen) == 1:
            return "%s <code>%s</code>" % ("Saves" if self._save else "Chosen:", escape(chosen[0]))
        names = ", ".join(os.path.basename(path) for path in chosen[:10]) + (", …" if len(chosen) > 10 else "")
        return "%d chosen: <code>%s</code>" % (len(chosen), escape(names))

    def _hides(self) -> str:
        count = "more than %d" % MOST if self._listing.more else str(self._fitting)
        if self._fitting > SHOWN:
            return "The first %d of %s are listed: the filter finds the others." % (SHOWN, count)
        if self._fitting == 0 and not self._listing.trouble and self._listing.folder and not self._folders:
            return "No file here fits." if self._listing.entries else "The folder is empty."
        return ""
