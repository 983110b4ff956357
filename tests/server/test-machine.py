#!/usr/bin/env python3
"""GET /v1/machine: what doctor tells, looked at on a thread. A stand-in among the tools counts looks, and makes them slow."""

import os
import time

import serving
from serving import SLOW, case


def slow_tool(stage, seconds):
    """ffmpeg, which takes its time and leaves a line each time; gives the file of lines."""
    folder = stage.path("stand-ins")
    os.makedirs(folder, exist_ok=True)
    log = stage.path("looks")
    with open(os.path.join(folder, "ffmpeg"), "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\necho look >> '%s'\nsleep %s\necho ffmpeg version 99.0\n" % (log, seconds))
    os.chmod(os.path.join(folder, "ffmpeg"), 0o755)
    stage.env["PATH"] = folder + ":" + os.environ["PATH"]
    return log


def lines(path):
    if not os.path.exists(path):
        return 0
    with open(path, encoding="utf-8") as file:
        return len(file.readlines())


def begin(stage):
    """Asks for the machine, and does not wait for the answer."""
    http = stage.connect()
    return http.send(stage.head("GET", "/v1/machine"))


@case("/server/machine/is-this-one")
def machine(stage):
    stage.start()
    answer = stage.ask("GET", "/v1/machine", seconds=20)
    stage.equal(answer.status, 200)
    about = answer.json
    stage.equal(about["place"]["home"], stage.home)
    stage.equal(about["disks"]["home"]["writable"], True)
    stage.equal(about["network"]["tried"], False)
    stage.equal([name for name in os.listdir(stage.home) if name.startswith(".pinokio")], [], "left in the home")
    stage.alive()


@case("/server/machine/a-platform-that-is-none-counts-as-none")
def no_platform(stage):
    stage.env["PINOKIO_PLATFORM"] = "mars"
    stage.start()
    stage.equal(stage.ask("GET", "/v1/machine", seconds=20).json["platform"]["forced"], False)


@case("/server/machine/one-look-for-all-who-ask-and-nobody-else-waits")
def one_look(stage):
    log = slow_tool(stage, 2)
    stage.start()
    began = time.monotonic()
    asking = [begin(stage) for _ in range(5)]
    stage.waits(lambda: lines(log) == 1, "the look")
    for _ in range(20):
        before = time.monotonic()
        stage.alive()
        if time.monotonic() - before > 0.5 * SLOW:
            raise AssertionError("an answer took %.2f s while the machine is looked at" % (time.monotonic() - before))
    asking.pop().close()  # one does not wait
    answers = [http.answer(20) for http in asking]
    if time.monotonic() - began < 2:
        raise AssertionError("the look was not waited for")
    stage.equal([answer.status for answer in answers], [200] * 4)
    stage.equal(len({bytes(answer.body) for answer in answers}), 1, "different answers")
    tools = {tool["name"]: tool for tool in answers[0].json["tools"]}
    stage.equal(tools["ffmpeg"]["version"], "ffmpeg version 99.0")
    stage.equal(stage.ask("GET", "/v1/machine").body, answers[0].body, "kept for a while")
    stage.equal(lines(log), 1, "looks")


@case("/server/machine/ends-in-the-middle-of-a-look")
def ends(stage):
    log = slow_tool(stage, 4)
    stage.start()
    begin(stage)
    stage.waits(lambda: lines(log) == 1, "the look")
    began = time.monotonic()
    stage.process.terminate()
    stage.process.wait(10 * SLOW)
    if time.monotonic() - began > 3 * SLOW:
        raise AssertionError("its end took %.1f s" % (time.monotonic() - began))
    stage.process = None


if __name__ == "__main__":
    serving.main()
