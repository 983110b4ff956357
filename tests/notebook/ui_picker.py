#!/usr/bin/env python3
"""The chooser of files and folders, on real folders: what it lists, where it goes, what it gives."""

import datetime
import logging
import os
import time

import ipywidgets
from support import case, leave, nothing_left

from desk import Main
from hands import button, click, raw_html, shown, shown_text, tree
from pinokiocloud.ui.formfields import Form
from pinokiocloud.ui.picker import Picker, file_types, scan

logging.disable(logging.CRITICAL)

NOW = datetime.datetime(2031, 12, 24, tzinfo=datetime.timezone.utc)


def make(folder, *names):
    """Empty files, and folders for names that end with a slash."""
    for name in names:
        path = os.path.join(os.fsencode(folder), name if isinstance(name, bytes) else os.fsencode(name))
        os.makedirs(path if path.endswith(b"/") else os.path.dirname(path), exist_ok=True)
        if not path.endswith(b"/"):
            open(path, "wb").close()


def receives(upload, name, content):
    """What the browser sends; the two versions of ipywidgets keep it differently."""
    if isinstance(upload.value, dict):
        upload.set_trait("value", {name: {"metadata": {"name": name}, "content": content}})
    else:
        size = len(content)
        sent = {"name": name, "type": "", "size": size, "content": memoryview(content), "last_modified": NOW}
        upload.value = (sent,)


class Sight:
    """A picker and the thread it lives on."""

    def __init__(self, service, main, folder="", **options):
        self.service, self.main = service, main
        self.picker = Picker(main.bridge, folder, **options)
        self.settles()

    @property
    def list(self):
        kinds = (ipywidgets.Select, ipywidgets.SelectMultiple)
        return next(one for one in shown(self.picker.widget) if isinstance(one, kinds))

    @property
    def labels(self):
        return [label for label, _ in self.list.options]

    def text(self):
        return shown_text(self.picker.widget)

    def field(self, hint):
        texts = [one for one in shown(self.picker.widget) if isinstance(one, ipywidgets.Text)]
        return next(one for one in texts if one.placeholder == hint)

    def tick(self, label):
        ticks = [one for one in shown(self.picker.widget) if isinstance(one, ipywidgets.Checkbox)]
        return next(one for one in ticks if one.description == label)

    def settles(self):
        self.main.until(lambda: "Reading" not in self.text(), lambda: self.text())

    def mark(self, *labels):
        at = [self.labels.index(label) for label in labels]
        self.list.index = tuple(at) if isinstance(self.list, ipywidgets.SelectMultiple) else at[0]
        self.settles()

    def types(self, path):
        self.field("Folder").value = path
        self.settles()

    def equal(self, labels, what):
        self.service.equal(self.labels, labels, what)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        widgets = list(tree(self.picker.widget))
        self.picker.close()
        self.service.equal([one for one in widgets if one.comm is not None], [], "open after close()")


def folder_of(service, *names):
    folder = os.path.join(service.folder, "files")
    make(folder, *names)
    return folder


@case("/notebook/ui/picker/walks-and-chooses")
def walks(service):
    folder = folder_of(service, "Beta/deep.txt", "alpha/", ".hidden/", ".dot", "b.txt", "A.txt")
    for loop in (True, False):
        with nothing_left(), Main(loop) as main, Sight(service, main, folder) as sight:
            sight.equal(["alpha/", "Beta/", "A.txt", "b.txt"], "folders first, by name")
            service.equal((sight.picker.chosen(), sight.picker.problem()), ([], "Choose a file first."), "nothing yet")
            sight.tick("Hidden files").value = True
            sight.equal([".hidden/", "alpha/", "Beta/", ".dot", "A.txt", "b.txt"], "hidden ones")
            sight.tick("Hidden files").value = False
            sight.mark("b.txt")
            service.equal(sight.picker.chosen(), [os.path.join(folder, "b.txt")], "chosen")
            service.has(sight.text(), "Chosen: .*b.txt")
            sight.mark("Beta/")
            sight.equal(["deep.txt"], "a click goes into a folder")
            service.equal(
                (sight.field("Folder").value, sight.picker.chosen()), (os.path.join(folder, "Beta"), []), "there"
            )
            click(sight.picker.widget, "Up")
            sight.settles()
            sight.equal(["alpha/", "Beta/", "A.txt", "b.txt"], "up again")
            sight.mark("alpha/")
            service.has(sight.text(), "The folder is empty")
            sight.types("..")
            sight.equal(["alpha/", "Beta/", "A.txt", "b.txt"], "a relative path")
            sight.types("Beta/deep.txt")
            service.equal(
                (sight.labels, sight.picker.chosen()), (["deep.txt"], [os.path.join(folder, "Beta/deep.txt")]), "a file"
            )
            sight.types(os.path.join(folder, "none", "of", "these"))
            service.has(sight.text(), "There is no .*none/of/these; this is .*files")
            sight.types("~")
            service.equal(sight.field("Folder").value, os.path.realpath(os.path.expanduser("~")), "home")
            sight.types("/")
            service.equal(button(sight.picker.widget, "Up").disabled, True, "nothing is above")


@case("/notebook/ui/picker/types-and-filter")
def types(service):
    folder = folder_of(service, "a.PNG", "b.jpg", "c.txt", "d.safetensors", "e/", "song.mp3")
    request = {"filetypes": [["Models", "*.safetensors *.ckpt"], ["Pictures", ["*.png", "*.jpg"]]], "cwd": folder}
    with Main() as main, Sight(service, main, folder, types=file_types(request)) as sight:
        sight.equal(["e/", "d.safetensors"], "the first kind")
        dropdown = next(one for one in shown(sight.picker.widget) if isinstance(one, ipywidgets.Dropdown))
        service.equal([label for label, _ in dropdown.options], ["Models", "Pictures", "All files"], "kinds")
        dropdown.value = 1
        sight.equal(["e/", "a.PNG", "b.jpg"], "the second")
        dropdown.value = 2
        sight.field("Filter by name").value = "A"
        sight.equal(["a.PNG", "d.safetensors"], "the filter")
        sight.field("Filter by name").value = "zzz"
        service.has(sight.text(), "No file here fits")
    for given, fits in (
        ({"filetype": "image/*.png,*.jpg"}, ["a.PNG", "b.jpg"]),
        ({"filetype": ["audio/*"]}, ["song.mp3"]),
        ({"accept": ".txt,.mp3"}, ["c.txt", "song.mp3"]),
        ({"accept": "image/*"}, ["a.PNG", "b.jpg"]),
        ({"filetypes": "*.txt"}, ["c.txt"]),
        ({"accept": "txt"}, ["c.txt"]),
        ({"filetypes": [7, None, []]}, ["a.PNG", "b.jpg", "c.txt", "d.safetensors", "song.mp3"]),
    ):
        with Main() as main, Sight(service, main, folder, types=file_types(given)) as sight:
            sight.equal(["e/"] + fits, repr(given))


@case("/notebook/ui/picker/several-folders-and-saving")
def several(service):
    folder = folder_of(service, "a.txt", "b.txt", "sub/c.txt")
    path = lambda name: os.path.join(folder, name)  # noqa: E731
    with Main() as main, Sight(service, main, folder, several=True) as sight:
        sight.mark("a.txt", "b.txt")
        sight.mark("sub/")
        sight.mark("c.txt")
        service.equal(sight.picker.chosen(), [path("a.txt"), path("b.txt"), path("sub/c.txt")], "over folders")
        service.has(sight.text(), "3 chosen: a.txt, b.txt, c.txt")
        click(sight.picker.widget, "Clear")
        service.equal(sight.picker.chosen(), [], "none")
    with Main() as main, Sight(service, main, folder, folders=True) as sight:
        sight.equal(["sub/"], "folders only")
        service.equal(sight.picker.chosen(), [folder], "the folder that is shown")
        sight.mark("sub/")
        service.equal((sight.picker.chosen(), sight.picker.problem()), ([path("sub")], ""), "the one below")
        sight.types("none")
        service.has(sight.picker.problem(), "no folder .*none")
    with Main() as main, Sight(service, main, folder, folders=True, several=True) as sight:
        click(sight.picker.widget, "Add this folder")
        sight.mark("sub/")
        click(sight.picker.widget, "Add this folder")
        service.equal(sight.picker.chosen(), [folder, path("sub")], "two folders")
    with Main() as main, Sight(service, main, folder, save=True, name="new.txt", careful=True) as sight:
        service.equal((sight.picker.chosen(), sight.picker.problem()), ([path("new.txt")], ""), "a new file")
        sight.field("Name of the file").value = ""
        service.has(sight.picker.problem(), "Type a name")
        sight.mark("b.txt")
        service.has(sight.picker.problem(), "b.txt is there already")
        sight.tick("Replace the file that is there").value = True
        service.equal((sight.picker.chosen(), sight.picker.problem()), ([path("b.txt")], ""), "replaced on purpose")


@case("/notebook/ui/picker/ten-thousand-entries")
def huge(service):
    folder = folder_of(service, *("file-%05d" % number for number in range(10000)))
    small = os.path.join(service.folder, "small")
    make(small, "one")
    began = time.monotonic()
    listing = scan(folder)
    service.equal(time.monotonic() - began < 2, True, "seconds to read it")
    service.equal((len(listing.entries), listing.more), (10000, False), "entries")
    with Main() as main:
        began = time.monotonic()
        picker = Picker(main.bridge, folder)
        service.equal(time.monotonic() - began < 0.2, True, "made in %.3f s" % (time.monotonic() - began))
        with Sight.__new__(Sight) as sight:
            sight.service, sight.main, sight.picker = service, main, picker
            sight.settles()
            service.equal((len(sight.labels), sight.labels[0]), (500, "file-00000"), "shown")
            service.has(sight.text(), "The first 500 of 10000 are listed")
            began = time.monotonic()
            sight.field("Filter by name").value = "0777"
            service.equal(time.monotonic() - began < 0.2, True, "filtered in %.3f s" % (time.monotonic() - began))
            service.equal(len(sight.labels), 11, "found by the filter")
            sight.picker.go(folder)  # takes longer than the next
            sight.picker.go(small)
            main.passes(1.0)
            sight.equal(["one"], "what was asked for last")


@case("/notebook/ui/picker/odd-names-and-what-cannot-be-read")
def odd(service):
    folder = folder_of(service, b"bad-\xff", "two\nlines", "<b>bold", "\u202egpj.exe", "closed/", "\U0001f680.txt")
    os.symlink("nowhere", os.path.join(folder, "broken"))
    os.mkfifo(os.path.join(folder, "pipe"))
    with Main() as main, Sight(service, main, folder) as sight:
        wanted = ["closed/", "<b>bold", "bad-?", "broken", "pipe", "two\ufffdlines", "\ufffdgpj.exe", "\U0001f680.txt"]
        service.equal(sorted(sight.labels), sorted(wanted), "names")
        sight.mark("bad-?")
        service.has(sight.picker.problem(), "no plain text: rename it")
        sight.mark("<b>bold")
        service.equal((sight.picker.problem(), "<b>" in raw_html(sight.picker.widget)), ("", False), "HTML in a name")
        sight.types("a\0b")
        service.has(sight.text(), "There is no .*a\ufffdb")
        closed = os.path.join(folder, "closed")
        os.chmod(closed, 0)
        if not os.access(closed, os.R_OK):  # root reads all
            sight.types(closed)
            service.has(sight.text(), "cannot be read: Permission denied")
        os.chmod(closed, 0o700)
        service.has(scan("/proc/self/nothing").missing, "nothing")
        service.equal(
            scan("/proc/1/task/1/map_files").trouble == ""
            or "cannot be read" in scan("/proc/1/task/1/map_files").trouble,
            True,
            "said",
        )
        sight.types(folder)
        os.rmdir(closed)
        sight.mark("closed/")
        service.has(sight.text(), "There is no .*closed; this is")


@case("/notebook/ui/picker/in-a-field-and-an-upload")
def in_field(service):
    folder = folder_of(service, "in.png", "in.txt")
    with nothing_left(), Main() as main:
        form = Form(
            [{"key": "f", "title": "File", "type": "file", "accept": ".png", "required": True}],
            main.bridge,
            folder=folder,
        )
        service.equal((form.check(), "This is needed" in shown_text(form.widget)), (False, True), "needed")
        click(form.widget, "Choose …")
        lists = lambda: [one for one in shown(form.widget) if isinstance(one, ipywidgets.Select)]  # noqa: E731
        main.until(lambda: lists() and lists()[0].options, "the list")
        service.equal([label for label, _ in lists()[0].options], ["in.png"], "what is accepted")
        click(form.widget, "Take it")
        service.has(shown_text(form.widget), "Choose a file first")
        lists()[0].index = 0
        click(form.widget, "Take it")
        service.equal(
            (form.values(), form.check(), lists()), ({"f": os.path.join(folder, "in.png")}, True, []), "taken"
        )
        upload = next(one for one in shown(form.widget) if isinstance(one, ipywidgets.FileUpload))
        receives(upload, "../../up.png", b"abc")
        main.until(
            lambda: "up.png" in form.values()["f"] and os.path.isabs(form.fields[0].control.value),
            lambda: form.values(),
        )
        path = form.values()["f"]
        with open(path, "rb") as file:
            service.equal((file.read(), os.path.basename(path)), (b"abc", "up.png"), "uploaded")
        service.equal(os.stat(os.path.dirname(path)).st_mode & 0o77, 0, "for this user only")
        os.unlink(path), os.rmdir(os.path.dirname(path))
        form.close()


if __name__ == "__main__":
    leave()
