#!/usr/bin/env python3
"""The catalog from the command line: search, list, info; and the engine's routes of it."""

import json
import os
import re
import unicodedata

from service import Local, api, case, engines, leave, up

COMFY = "https://github.com/cocktailpeanut/comfyui.pinokio"
LAUNCHER = "module.exports = {version: '4.0', title: 'Launched', menu: async () => []}"


def cloned(t, name, origin, suffix=".git"):
    folder = t.app(name, pinokio__js=LAUNCHER)
    t.files(os.path.join(folder, ".git"), config='[remote "origin"]\n\turl = %s%s\n' % (origin, suffix))
    return folder


def own(t, text):
    t.files(t.home, catalog__json=text)


def entries(program):
    return json.loads(program.out)["apps"]


def at_width(t, columns, *arguments):
    """What a person sees on a terminal of that width, as lines without colours."""
    program = t.start(
        *arguments, before=["bash", "-c", 'stty cols %d rows 50; exec "$@"' % columns, "bash"], terminal=True
    )
    t.equal(program.end(), 0, "exit status")
    return re.sub(r"\x1b\[[0-9;]*m", "", program.out).replace("\r\n", "\n").splitlines()


def refused(t, path):
    """The problem that a request is answered with."""
    connection = Local(os.path.join(t.home, "run", "engine.sock"))
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    t.equal(answer.getheader("Content-Type"), "application/problem+json", path)
    return answer.status, json.loads(text)["detail"]


# --- search


@case("/cli/search/best-first-with-typos-and-no-engine")
def search(t):
    for words, first in (
        (["comfyui"], "comfyui"),
        (["voice", "clonning", "rvc"], "advanced-rvc-pinokio"),
        (["stabel difusion"], "stable-diffusion-webui-forge"),
        (["KARAOKE"], "airaoke-pinokio"),
    ):
        program = t.run("search", *words)
        t.status(program, 0)
        t.equal(program.out.splitlines()[0].split()[0], "APP", "heads")
        t.equal(program.out.splitlines()[1].split()[0], first, " ".join(words))
    t.equal(engines(t), [], "engines")
    t.equal(os.listdir(t.home), [], "what it leaves in the home")


@case("/cli/search/filters-limit-and-json")
def search_filters(t):
    program = t.run("search", "voice", "--category", "Audio", "--tag", "tts", "--limit", "3", "--json")
    t.status(program, 0)
    found = json.loads(program.out)
    t.equal(len(found["apps"]), 3, "apps")
    t.equal(found["total"] > 3, True, "there are more")
    for app in found["apps"]:
        t.equal((app["category"], "TTS" in app["tags"], app["installed"], app["own"]), ("audio", True, None, False))
    t.has(t.run("search", "voice", "--limit", "2").err, r"2 of \d+; --limit 0 shows all")
    everything = t.run("search", "voice", "--limit", "0", "--json")
    t.equal(len(entries(everything)), json.loads(everything.out)["total"], "all")


@case("/cli/search/nothing-and-what-makes-no-sense")
def search_nothing(t):
    t.fails(t.run("search", "zzzzqq"), "Nothing in the catalog fits 'zzzzqq'")
    program = t.run("search", "zzzzqq", "--json")
    t.status(program, 1)
    t.equal(json.loads(program.out), {"total": 0, "apps": []}, "JSON")
    t.fails(t.run("search"), "Usage", status=2)
    t.fails(t.run("search", ""), "Usage", status=2)
    t.fails(t.run("search", "voice", "--limit", "-1"), "--limit", status=2)
    t.fails(t.run("search", "voice", "--category", "cooking"), "no category 'cooking', but image, audio", status=2)
    t.fails(t.run("search", "voice", "--tag", "cooking"), "tag 'cooking'.*list --tags", status=2)
    harmful = t.run("search", "zz\x1b[2Jqq\x07")
    t.equal([c for c in harmful.both if unicodedata.category(c) == "Cc" and c != "\n"], [], "control characters")


# --- list


@case("/cli/list/all-by-name")
def list_all(t):
    found = entries(t.run("list", "--json"))
    t.equal(len(found), 284, "apps")
    names = [app["name"].lower() for app in found]
    t.equal(names, sorted(names), "order")
    t.equal(len(t.run("list").out.splitlines()), 285, "lines")
    t.equal({app["category"] for app in entries(t.run("list", "-c", "3d", "--json"))}, {"3d"}, "category")


@case("/cli/list/categories-and-tags")
def list_counts(t):
    categories = json.loads(t.run("list", "--categories", "--json").out)
    t.equal(sum(entry["count"] for entry in categories), 284, "all categories")
    t.equal(categories[0], {"name": "image", "count": 101}, "the first")
    tags = json.loads(t.run("list", "--tags", "--json").out)
    t.equal({"name": "TTS", "count": 42} in tags, True, "TTS")
    t.equal(len(t.run("list", "--tags").out.splitlines()), len(tags), "lines without a terminal")


@case("/cli/list/marks-what-is-installed")
def list_installed(t):
    t.equal(t.run("list", "--installed").both, "[pinokiocloud] No app is installed.\n", "before")
    cloned(t, "My Comfy", COMFY.upper().replace("HTTPS://GITHUB.COM", "https://github.com"))
    cloned(t, "foreign", "https://git.example/me/foreign")
    t.app("plain", start__json={"run": []})
    t.app("bare", pinokio__js=LAUNCHER)
    t.files(os.path.join(t.home, "api", "no-app"), readme__txt="nothing")
    found = entries(t.run("list", "--installed", "--json"))
    t.equal(
        [(app["id"], app["installed"]) for app in found],
        [("comfyui_pinokio", "My Comfy"), (None, "bare"), (None, "foreign"), (None, "plain")],
        "installed",
    )
    t.has(t.run("list", "-i").out, r"^foreign +- +installed +Not in the catalog; from https://git.example/me/foreign")
    t.has(t.run("search", "comfyui").out, r"^comfyui_pinokio +image +installed ")
    t.has(t.run("search", "comfyui").out, r"^comfyui +image +Runs")
    t.equal(len(entries(t.run("list", "-i", "-c", "image", "--json"))), 1, "with a filter")


# --- info


@case("/cli/info/by-id-name-repository-and-folder")
def info(t):
    cloned(t, "other name", COMFY)
    for word in ("comfyui_pinokio", "ComfyUI.Pinokio", COMFY, COMFY + ".git", "other name"):
        found = json.loads(t.run("info", word, "--json").out)
        t.equal((found["id"], found["installed"], found["state"]), ("comfyui_pinokio", "other name", None), word)
        t.equal(found["path"], os.path.join(t.home, "api", "other name"), "path")
    program = t.run("info", "comfyui_pinokio")
    t.has(program.out, r"\Acomfyui\.pinokio\nDraws pictures")
    t.has(program.out, r"^Repository +" + COMFY + "$")
    t.has(program.out, r"^Installed +other name$")
    t.has(program.out, r"^State +not known: no engine runs$")
    t.has(t.run("info", "applio").out, r"^Installed +no; `pinokiocloud install applio` does it$")
    t.equal(engines(t), [], "engines")


@case("/cli/info/of-what-the-catalog-does-not-have")
def info_foreign(t):
    cloned(t, "foreign", "https://git.example/me/foreign")
    found = json.loads(t.run("info", "foreign", "--json").out)
    t.equal((found["id"], found["installed"], found["repository"]), (None, "foreign", "https://git.example/me/foreign.git"))
    t.has(t.run("info", "foreign").out, r"^Catalog +not in it$")


@case("/cli/info/unknown-names-the-nearest")
def info_unknown(t):
    t.fails(t.run("info", "aplio"), r"no app 'aplio'.*did you mean applio, applio-pinokio or applio-old\?")
    t.fails(t.run("info", "https://github.com/x/confyui.git"), "did you mean comfyui")
    t.fails(t.run("info", "xyzxyzxyz"), "pinokiocloud search")
    t.fails(t.run("info"), "Usage", status=2)
    t.fails(t.run("info", "a", "b"), "Usage", status=2)


@case("/cli/info/asks-an-engine-that-runs")
def info_engine(t):
    cloned(t, "comfy", COMFY)
    up(t)
    t.waits(lambda: [app["id"] for app in api(t, "GET", "/v1/apps")] == ["comfy"], "the engine knows the app")
    t.waits(lambda: api(t, "GET", "/v1/apps/comfy")["state"] == "INSTALLED", "the engine has read its menu", 30)
    t.equal(json.loads(t.run("info", "comfy", "--json").out)["state"], "INSTALLED", "state")
    t.has(t.run("info", "comfyui_pinokio").out, r"^State +INSTALLED$")


# --- one's own entries


@case("/cli/catalog/own-entries")
def own_entries(t):
    own(t, [{"id": "my-app", "repository": "/srv/git/my-app", "description": "Does what I\nwant \x1b[2J", "tags": ["mine"]}])
    t.equal([app["id"] for app in entries(t.run("search", "my-app", "--tag", "MINE", "--json"))], ["my-app"], "found")
    t.has(t.run("search", "my-app").out, r"^my-app +other +Does what I\\nwant \\x1b\[2J$")
    t.has(t.run("info", "my-app").out, r"^From +your own catalog\.json$")
    t.equal(len(entries(t.run("list", "--json"))), 285, "all")


@case("/cli/catalog/bad-own-file-is-told-and-passed-over")
def bad_own(t):
    for text, told in (("[{", "no JSON"), ("{}", "no list"), ([{"id": "a"}], 'entry 1 a: it has no "repository"')):
        own(t, text)
        for command in (["list"], ["search", "comfyui"], ["info", "applio"]):
            program = t.run(*command)
            t.status(program, 0)
            t.has(program.err, re.escape(os.path.join(t.home, "catalog.json")) + " is passed over: .*" + re.escape(told))
            t.has(program.out, "omfyui" if command != ["info", "applio"] else "applio")


# --- how it looks


@case("/cli/catalog/fits-the-terminal")
def widths(t):
    for columns in (60, 80, 100, 140, 200):
        for command in (["search", "comfyui", "video"], ["list"], ["info", "a1111"], ["list", "--tags"]):
            for line in at_width(t, columns, *command):
                t.equal(len(line) <= columns, True, "%d columns, %s: %r" % (columns, command, line))
    narrow, wide = (at_width(t, columns, "search", "karaoke") for columns in (60, 140))
    t.has(narrow[0], r"^airaoke-pinokio  video$")
    t.has(narrow[1], r"^    Makes karaoke videos")
    t.has(wide[0], r"^APP +CATEGORY +DESCRIPTION$")
    t.has(wide[1], r"^airaoke-pinokio  video     Makes karaoke videos.*shown$")


# --- the routes


@case("/cli/catalog/routes")
def routes(t):
    cloned(t, "zz", COMFY)
    cloned(t, "comfy", COMFY, "")
    up(t)
    t.waits(lambda: len(api(t, "GET", "/v1/apps")) == 2, "the engine knows the apps")
    found = api(t, "GET", "/v1/catalog?q=confyui&category=image&limit=2&offset=1")
    t.equal(found["trouble"], None, "trouble")
    t.equal([app["id"] for app in found["apps"]], ["comfyui_pinokio", "comfy"], "what it finds")
    t.equal([app["installed"] for app in found["apps"]], ["comfy", None], "installed")
    t.equal(api(t, "GET", "/v1/catalog")["total"], 284, "all")
    t.equal(len(api(t, "GET", "/v1/catalog?tag=tts")["apps"]), 42, "by tag")
    t.equal(api(t, "GET", "/v1/catalog?q=zzzzqq"), {"total": 0, "apps": [], "trouble": None}, "nothing")
    counts = api(t, "GET", "/v1/catalog/categories")
    t.equal(counts["categories"][0], {"name": "image", "count": 101}, "categories")
    t.equal(counts["tags"][0]["name"], "pinokio-tagged", "tags")
    t.equal(api(t, "GET", "/v1/catalog/comfyui_pinokio")["installed"], "comfy", "one app")
    t.equal(refused(t, "/v1/catalog/aplio"), (404, "the catalog has no app 'aplio'; did you mean 'applio'?"), "404")
    t.equal(refused(t, "/v1/catalog?limit=x")[0], 400, "a bad limit")
    t.equal(refused(t, "/v1/catalog?offset=-1")[0], 400, "a bad offset")
    api(t, "GET", "/v1/catalog?q=%ff%fe%00&tag=%ff&category=%c3")
    own(t, [{"id": "mine", "repository": "r"}])
    t.equal(api(t, "GET", "/v1/catalog/mine")["own"], True, "added while it runs")
    own(t, "[{")
    t.has(api(t, "GET", "/v1/catalog?limit=1")["trouble"], "catalog.json is passed over: it is no JSON")


if __name__ == "__main__":
    leave()
