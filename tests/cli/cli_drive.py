#!/usr/bin/env python3
"""What apps share, from the command line and the engine: drive, drive share, drive clean, GET /v1/drive."""

import json
import os

from service import api, case, engines, leave, up

LARGE = 9 * 1024 * 1024
LINK = {"method": "fs.link", "params": {"drive": {"models": "models"}, "peers": ["https://example.com/first.git"]}}


def large(t, *path, text=b"weights"):
    """A file that is large enough for the pool; mostly a hole. Written long ago."""
    name = os.path.join(t.home, *path)
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "wb") as file:
        file.write(text)
        file.truncate(LARGE)
    os.utime(name, (1000000000, 1000000000))
    return name


def report(t):
    program = t.run("drive", "--json")
    t.status(program, 0)
    return json.loads(program.out)


@case("/cli/drive/empty-home-without-engine")
def empty(t):
    found = report(t)
    t.equal([found["saves"], found["drives"], found["packages"]], [0, [], []], "nothing")
    t.equal(found["pool"], {"size": 0, "saves": 0, "unused": 0, "objects": []}, "pool")
    t.equal(found["disk"]["free"] > 0, True, "free")
    t.equal(engines(t), [], "engines")
    program = t.run("drive", "clean")
    t.status(program, 0)
    t.equal(program.out, "Nothing is there that nobody uses.\n", "output")


@case("/cli/drive/share-then-clean")
def share_and_clean(t):
    one = large(t, "api", "one", "model.safetensors")
    two = large(t, "api", "two", "deep", "other.gguf")
    large(t, "api", "two", "own.safetensors", text=b"others")
    program = t.run("drive", "share", "--dry-run")
    t.status(program, 0)
    t.equal(program.out.splitlines()[-1].startswith("1 of 3 large files"), True, program.out)
    t.equal(os.stat(one).st_nlink, 1, "links after a dry run")
    program = t.run("drive", "share", "--json")
    t.status(program, 0)
    found = json.loads(program.out)
    t.equal([found["equal"], found["shared"], found["saved"]], [1, 1, LARGE], "what was shared")
    found = report(t)["pool"]
    t.equal([len(found["objects"]), found["saves"], found["unused"]], [1, LARGE, 0], "pool")
    t.equal(found["objects"][0]["places"], ["api/one/model.safetensors", "api/two/deep/other.gguf"], "users")
    for path in (one, two):
        with open(path, "rb") as file:
            t.equal(file.read(7), b"weights", path)
        os.unlink(path)
    t.equal(report(t)["pool"]["unused"], LARGE, "unused")
    program = t.run("drive", "clean")
    t.status(program, 0)
    t.equal("--yes" in program.err, True, program.err)
    t.equal(len(report(t)["pool"]["objects"]), 1, "objects that stay")
    program = t.run("drive", "clean", "--older", "1", "--yes")
    t.equal(len(report(t)["pool"]["objects"]), 1, "objects used today")
    program = t.run("drive", "clean", "--yes")
    t.status(program, 0)
    t.equal("9.0 MiB freed" in program.out.replace("\xa0", " "), True, program.out)
    t.equal(report(t)["pool"]["objects"], [], "objects")


@case("/cli/drive/asks-on-a-terminal")
def asks(t):
    path = large(t, "api", "one", "model.safetensors")
    large(t, "api", "two", "model.safetensors")
    t.status(t.run("drive", "share"), 0)
    os.unlink(path)
    os.unlink(os.path.join(t.home, "api", "two", "model.safetensors"))
    for answer, left in (("n\n", 1), ("y\n", 0)):
        program = t.start("drive", "clean", terminal=True)
        program.until(r"\[y/N\]")
        program.type(answer)
        t.equal(program.end(), 0, "exit status")
        t.equal(len(report(t)["pool"]["objects"]), left, "objects after " + answer)


@case("/cli/drive/drives-of-peers")
def drives(t):
    for name in ("first", "second"):
        folder = t.app(name, link__json={"run": [LINK]})
        t.files(os.path.join(folder, ".git"), config='[remote "origin"]\n\turl = https://example.com/%s\n' % name)
        os.makedirs(os.path.join(folder, "models"))
        t.files(os.path.join(folder, "models"), **{name: "x" * 1000})
        t.status(t.run("script", "run", os.path.join(folder, "link.json")), 0)
    found = report(t)["drives"]
    t.equal(len(found), 1, "drives")
    folder = found[0]["folders"][0]
    t.equal([folder["name"], sorted(folder["apps"])], ["models", ["first", "second"]], "folder")
    t.equal([folder["size"], folder["saves"]], [2000, 2000], "sizes")
    lines = t.run("drive").out
    t.equal("first, second" in lines or "second, first" in lines, True, lines)


@case("/cli/drive/engine-tells-the-same")
def engine(t):
    large(t, "api", "one", "model.safetensors")
    large(t, "api", "two", "model.safetensors")
    t.status(t.run("drive", "share"), 0)
    up(t)
    mine, its = report(t), api(t, "GET", "/v1/drive")
    for found in (mine, its):
        found["disk"].pop("free")
    t.equal(its, mine, "report")


@case("/cli/drive/bad-usage")
def usage(t):
    t.status(t.run("drive", "eat"), 2)
    t.status(t.run("drive", "share", "clean"), 2)
    t.status(t.run("drive", "--nonsense"), 2)


if __name__ == "__main__":
    leave()
