"""What the service costs: bench.py's rows for the engine that stays. Each measure has an engine and a home of its own."""

import json
import os
import statistics
import subprocess
import sys
import time

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TESTS, "service"), os.path.join(TESTS, "e2e")]

import harness  # noqa: E402
import apps  # noqa: E402
from service import KEEPER, Service, cpu_of, memory_of  # noqa: E402


def staged(measure):
    """A measure of (bench, service) as one of (bench); nothing of it is left afterwards."""

    def rows(bench):
        harness.LIBC.prctl(harness.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        stage = harness.Stage(bench.engine)
        service = Service(stage)
        try:
            yield from measure(bench, service)
            service.finish()
        except AssertionError as error:
            raise RuntimeError("%s\n%s" % (error, service.last_words())) from error
        finally:
            stage.close()

    rows.__name__ = measure.__name__
    return rows


def load_of(pid, seconds):
    """Percent of a core that a process uses."""
    before, began = cpu_of(pid), time.monotonic()
    time.sleep(seconds)
    return 100 * (cpu_of(pid) - before) / (time.monotonic() - began)


def seconds_until_answer(service):
    """From starting `up` until the API gives an answer, asked all the while."""
    began = time.perf_counter()
    up = subprocess.Popen(
        [service.stage.engine, "up"],
        env=service.stage.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    service.started.add(up.pid)
    while True:
        try:
            with service.api(timeout=5).connect() as link:
                link.sendall(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
                if link.recv(12) == b"HTTP/1.1 200":
                    break
        except OSError:
            if time.perf_counter() - began > 20:
                raise RuntimeError("no API after 20 s") from None
        time.sleep(0.0005)
    answered = time.perf_counter() - began
    if up.wait(20) != 0:
        raise RuntimeError("`up` ended with %d" % up.returncode)
    return answered, time.perf_counter() - began


@staged
def service_up(bench, service):
    answered, ended = [], []
    for _ in range(21):
        one, other = seconds_until_answer(service)
        answered.append(one)
        ended.append(other)
        service.down()
        service.reap()
    yield "`up` until the API answers (median of 20)", 1000 * statistics.median(answered[1:]), "ms", 50, "<="
    yield "`up` until it has ended (median of 20)", 1000 * statistics.median(ended[1:]), "ms", None, ""


@staged
def service_idle(bench, service):
    service.up()
    pid = service.engine_pid()
    time.sleep(1)
    load = load_of(pid, 10)
    rss, anonymous = memory_of(pid)
    yield "engine, no apps: resident", rss, "MB", 24, "<="
    yield "of which anonymous", anonymous, "MB", 6, "<="
    yield "of a core", load, "%", 0.2, "<="


@staged
def service_ten(bench, service):
    """Ten apps with an address: they say something every ten seconds, then twenty times a second."""
    for number in range(10):
        apps.lines(service.home, "calm-%d" % number, 0.1)
        apps.lines(service.home, "loud-%d" % number, 20)
    service.up()
    for number in range(10):
        service.ready("calm-%d" % number)
    service.waits(lambda: not service.runners(), "the runners have gone", 20)
    pid = service.engine_pid()
    time.sleep(1)
    load = load_of(pid, 20)
    rss, anonymous = memory_of(pid)
    yield "engine, ten running apps: resident", rss, "MB", 32, "<="
    yield "of which anonymous", anonymous, "MB", 12, "<="
    yield "of a core", load, "%", 0.2, "<="
    keepers = [memory_of(keeper)[0] for keeper in service.programs(KEEPER)]
    yield "a keeper: resident, at most", max(keepers), "MB", 2, "<="
    for number in range(10):
        service.stop("calm-%d" % number)
        service.ready("loud-%d" % number)
    yield "engine, ten apps with 20 lines a second each: of a core", load_of(pid, 10), "%", None, ""


def by_hand():
    """Seconds that the app's own work takes: its shell on a terminal, to its first output."""
    began = time.perf_counter()
    inner, outer = os.openpty()
    process = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-c", "echo up; exec sleep 1000000"],
        stdin=outer, stdout=outer, stderr=outer, start_new_session=True,
    )  # fmt: skip
    os.close(outer)
    os.read(inner, 100)
    took = time.perf_counter() - began
    process.kill()
    process.wait()
    os.close(inner)
    return took


def seconds_to_ready(service, watch, name):
    """From the request to the event that it is ready."""
    began = time.perf_counter()
    run = service.launch(name)
    while True:
        event = json.loads(watch.message(20)[1])
        for one in event.get("events", [event]) if isinstance(event, dict) else event:
            if one.get("type") == "run" and run in one.values() and one.get("state") == "ready":
                return time.perf_counter() - began


@staged
def service_hundred(bench, service):
    names = ["app-%03d" % number for number in range(100)]
    for name in names:
        apps.light(service.home, name)
    service.up()
    pid = service.engine_pid()
    took, own = [], []
    with service.api().socket("/v1/events") as watch:
        for name in names:
            own.append(by_hand())
            took.append(seconds_to_ready(service, watch, name))
        ready, bare = statistics.median(took), statistics.median(own)
        yield "start of an app, from request to ready (median of 100)", 1000 * ready, "ms", None, ""
        yield "the same beside its own work", 1000 * (ready - bare), "ms", 50, "<="
        yield "the slowest of the hundred", 1000 * max(took), "ms", None, ""
        service.waits(lambda: not service.runners(), "the runners have gone", 30)
        time.sleep(2)
        yield "watching 100 apps: of a core", load_of(pid, 10), "%", 1, "<="
    before, began = cpu_of(pid), time.monotonic()
    while time.monotonic() - began < 10:
        service.api().get("/v1/processes").ok()
        time.sleep(1)
    yield "and asked for all their processes each second", 100 * (cpu_of(pid) - before) / (
        time.monotonic() - began
    ), "%", None, ""
    rss, anonymous = memory_of(pid)
    yield "engine, 100 apps: resident", rss, "MB", None, ""
    yield "of which anonymous", anonymous, "MB", None, ""
    yield from list_load(bench, service)
    began = time.monotonic()
    service.down("--apps", seconds=120)
    service.nothing_left()
    yield "`down --apps` of 100", time.monotonic() - began, "s", None, ""


def list_load(bench, service):
    """Asked over TCP, with the token, by 1, 8 and 32 connections at once."""
    header = "Authorization: Bearer " + service.token()
    port = str(service.engine_json()["port"])
    for connections in (1, 8, 32):
        command = [bench.helper("httpload"), port, "/v1/apps", str(connections), "3", header]
        found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        if found["bad"]:
            raise RuntimeError("%d of %d answers were not 200" % (found["bad"], found["requests"]))
        limits = (5000, 5) if connections == 8 else (None, None)
        label = "GET /v1/apps of 100 apps (%d bytes), %d connection%s" % (
            found["bytes"],
            connections,
            "s" * (connections > 1),
        )
        yield label, found["per_second"], "a second", limits[0], ">=" if limits[0] else ""
        yield "its 99th percentile", found["p99_ms"], "ms", limits[1], "<=" if limits[1] else ""


def tests(bench, name, what, **environment):
    """A file of tests/service at full length; its own figures stand in its output."""
    path = os.path.join(TESTS, "service", name + ".py")
    env = dict(os.environ, **{key: str(value) for key, value in environment.items()})
    began = time.monotonic()
    run = subprocess.run(
        [sys.executable, path, "--engine", bench.engine],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for line in run.stdout.splitlines():
        if not line.startswith("ok "):
            print("  " + line, file=sys.stderr)
    failed = sum(line.startswith("not ok") for line in run.stdout.splitlines())
    yield "%s: cases failed" % what, failed + (run.returncode != 0 and not failed), "", 0, "<="
    yield "the time of that", time.monotonic() - began, "s", None, ""


def service_killed(bench):
    yield from tests(bench, "torture", "300 kills of the engine under load", PINOKIO_ROUNDS=300)


def service_slow_reader(bench):
    yield from tests(bench, "slow", "readers that stop, 200 MB", PINOKIO_MB=200)


MEASURES = [service_up, service_idle, service_ten, service_hundred, service_slow_reader, service_killed]
