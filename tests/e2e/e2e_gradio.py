#!/usr/bin/env python3
"""The main job, with the real uv and the real Gradio: the example is installed, its page answers, it starts again fast."""

import json
import os
import re
import shutil
import time
import urllib.request

from harness import SLOW, case, leave

EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "gradio-hello")


def up(t, folder, seconds):
    program = t.start("run", folder)
    url = program.until(r"^(http://127\.0\.0\.1:\d+)\S*\r?$", seconds).group(1)
    took = time.monotonic() - program.began
    with urllib.request.urlopen(url + "/", timeout=30) as answer:
        t.has(answer.read().decode("utf-8", "replace"), "Text tools")
    return program, url, took


def call(url, name, *data):
    request = urllib.request.Request(
        url + "/gradio_api/call/" + name,
        json.dumps({"data": data}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(url + "/gradio_api/call/%s/%s" % (name, event), timeout=30) as answer:
        text = answer.read().decode()
    return json.loads(re.search(r"^event: complete\ndata: (.*)$", text, re.MULTILINE).group(1))


@case("/e2e/gradio/installs-starts-answers-and-starts-again-in-seconds")
def main_job(t):
    folder = os.path.join(t.folder, "gradio-hello")
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("env", "logs", "ENVIRONMENT"))
    program, url, took = up(t, folder, 420)
    print("# first start: %.1f s" % took)
    t.has(program.out, r"gradio==\d")
    t.equal(call(url, "change", "Crème brûlée", "slug"), ["creme-brulee"])
    program.signal().end(20)
    t.status(program, 0)
    t.nothing_left()
    program, url, took = up(t, folder, 60)
    print("# second start: %.1f s" % took)
    t.lacks(program.out, r"gradio==\d")
    program.signal().end(20)
    t.status(program, 0)
    if took > 20 * SLOW:
        raise AssertionError("the second start took %.1f s" % took)


if __name__ == "__main__":
    leave()
