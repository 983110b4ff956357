#!/usr/bin/env python3
"""Measures the engine and prints one table; the same goes to BUILD/bench.json.

    bench.py --build BUILD [--only WORD] [--size MB] [--long MB] [--download MB]
             [--copy MB]

Each row has a figure and the limit that it is to keep. A benchmark, not a test: a missed limit is said, and is no
failure.
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import download_bench
import gate_bench
import service_bench
import storage_bench
import catalog_bench  # stands on the path that service_bench sets


class Bench:
    """The engine under measurement, with a PINOKIO_HOME of its own."""

    def __init__(self, options):
        self.build = os.path.abspath(options.build)
        self.engine = os.path.join(self.build, "pinokiocloud")
        self.options = options
        self.home = tempfile.mkdtemp(prefix="pinokio-bench-")
        self.app = os.path.join(self.home, "api", "bench")
        os.makedirs(self.app)
        self.env = dict(os.environ, PINOKIO_HOME=self.home)

    def helper(self, name):
        return os.path.join(self.build, "tests", "bench", name)

    def script(self, name, steps, **fields):
        path = os.path.join(self.app, name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(dict(fields, run=steps), file)
        return path

    def seconds(self, path):
        start = time.perf_counter()
        subprocess.run(
            [self.engine, "script", "run", path],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=True,
        )
        return time.perf_counter() - start

    def median(self, path, times):
        self.seconds(path)
        return statistics.median(self.seconds(path) for _ in range(times))

    def start(self, path, *more):
        return subprocess.Popen(
            [self.engine, "script", "run", path, *more],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def big_file(self):
        """A log as programs write them: lines of differing length, some colour, no word that a handler looks for."""
        path = os.path.join(self.home, "big.txt")
        if not os.path.exists(path):
            block = b"".join(
                b"\x1b[32mINFO\x1b[0m step %d of the work: " % i + b"loading part " * (i % 7) + b"done\n"
                for i in range(2000)
            )
            with open(path, "wb") as file:
                for _ in range(max(1, self.options.size * 1000000 // len(block))):
                    file.write(block)
        return path


def log_step():
    return {"method": "log", "params": {"text": "hello"}}


def watching(message):
    """A shell step with one handler that never matches."""
    handler = {"event": "/never-[0-9]+-seen/", "done": True}
    return {"method": "shell.run", "params": {"message": message, "on": [handler]}}


def one_step(bench):
    seconds = bench.median(bench.script("one", [log_step()]), 30)
    yield "one-step script, whole process (median of 30)", 1000 * seconds, "ms", 40, "<="


def shell_echo(bench):
    step = {"method": "shell.run", "params": {"message": "echo hello"}}
    one = bench.median(bench.script("one", [log_step()]), 30)
    two = bench.median(bench.script("echo", [log_step(), step]), 30)
    yield "shell.run of echo, added to that (median of 30)", 1000 * (two - one), "ms", 30, "<="


def jump_loop(bench):
    one = bench.median(bench.script("one", [log_step()]), 5)
    loop = bench.script(
        "loop",
        [
            {"method": "local.set", "params": {"n": 0}},
            {"id": "again", "method": "local.set", "params": {"n": "{{local.n + 1}}"}},
            {"when": "{{local.n < 5000}}", "method": "jump", "params": {"id": "again"}},
        ],
    )
    yield "jump loop of 10,000 steps", 1000 * (bench.median(loop, 3) - one) / 10000, "ms a step", 0.15, "<="


def throughput(bench):
    big, out = bench.big_file(), os.path.join(bench.home, "bare.out")
    path = bench.script("cat", [watching("cat " + big)])
    bare, ours = [], []
    for _ in range(4):  # one after the other, so that both see the same machine; the first pair warms it
        command = [bench.helper("ptyread"), out, "bash", "--noprofile", "--norc", "-c", "cat " + big]
        bare.append(
            float(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.split()[1])
        )
        ours.append(bench.seconds(path))
    os.unlink(out)
    size = os.path.getsize(big) / 1e6
    bare, ours = statistics.median(bare[1:]), statistics.median(ours[1:])
    yield "bare PTY reader", size / bare, "MB/s", None, ""
    yield "shell.run with one handler that never matches", size / ours, "MB/s", None, ""
    yield "the second to the first", bare / ours, "x", 0.8, ">="


def keeper_alone(bench):
    program = os.path.join(bench.build, "tests", "keeper", "bench-keeper")
    if not os.path.exists(program):
        return
    keeper = [os.path.join(bench.build, folder, "pinokiocloud-keeper") for folder in ("", "app/core/keeper")]
    env = dict(os.environ, PINOKIOCLOUD_KEEPER=next(path for path in keeper if os.path.exists(path)))
    run = subprocess.run(
        [program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True, env=env, cwd=bench.home
    )
    found = json.loads(run.stdout.splitlines()[-1])
    yield "keeper alone, to a bare PTY reader", found["ratio"], "x", 0.8, ">="
    yield "keeper alone: from start to end of `true`", found["spawn_to_ended_ms"], "ms", None, ""


def memory_of(pid):
    """MB: resident and, of that, anonymous."""
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
        fields = dict(re.findall(r"^(\w+): +(\d+) kB$", file.read(), re.MULTILINE))
    return int(fields["Rss"]) / 1024, int(fields["Anonymous"]) / 1024


def family(pid):
    """The engine's processes under pid: itself and its keepers, not what runs in the shells."""
    found = [pid]
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as file:
            children = [int(child) for child in file.read().split()]
    except OSError:
        return []
    for task in os.listdir("/proc/%d/task" % pid):
        if task != str(pid):
            with open("/proc/%d/task/%s/children" % (pid, task), encoding="ascii") as file:
                children += [int(child) for child in file.read().split()]
    for child in children:
        try:
            if os.path.basename(os.readlink("/proc/%d/exe" % child)).startswith("pinokiocloud"):
                found.append(child)
        except OSError:
            pass
    return found


def memory_flat(bench):
    big = bench.big_file()
    rounds = max(1, bench.options.long * 1000000 // os.path.getsize(big))
    path = bench.script("long", [watching("for i in $(seq %d); do cat %s; done" % (rounds, big))])
    process = bench.start(path)
    os.set_blocking(process.stdout.fileno(), False)
    seen, samples = 0, []
    total = rounds * os.path.getsize(big)
    pids, last = [], 0.0
    while True:
        chunk = process.stdout.read(1 << 20)
        if chunk:
            seen += len(chunk)
        elif chunk == b"":
            break
        else:
            time.sleep(0.001)
        if time.monotonic() - last > 0.1:
            last = time.monotonic()
            try:
                pids = family(process.pid) or pids
                samples.append((seen, sum(memory_of(pid)[0] for pid in pids)))
            except (OSError, KeyError):
                pass  # it is ending
    if process.wait() != 0:
        raise RuntimeError(
            "the script failed with status %d after %.0f MB" % (process.returncode, seen / 1e6)
        )
    early = [rss for at, rss in samples if at < 0.2 * total]
    late = [rss for at, rss in samples if at >= 0.2 * total]
    yield "memory over %.1f GB of output: at most" % (seen / 1e9), max(early + late), "MB", None, ""
    yield "its growth after the first fifth", max(late) - max(early), "MB", 2, "<="


def waiting(bench):
    params = {"message": "echo ready; sleep 600", "on": [{"event": "/ready/", "done": True}]}
    path = bench.script("wait", [{"method": "shell.run", "params": params}], daemon=True)
    process = bench.start(path, "--events")
    for line in process.stdout:
        if json.loads(line).get("type") == "end":
            break
    time.sleep(1)  # what it still has to give back
    pids = family(process.pid)
    rss, anonymous = memory_of(pids[0])
    keepers = [memory_of(pid)[0] for pid in pids[1:]]
    process.send_signal(signal.SIGINT)
    process.wait(20)
    yield "script run on a daemon that waits: resident", rss, "MB", 45, "<="
    yield "of which anonymous", anonymous, "MB", 15, "<="
    if not keepers:
        raise RuntimeError("no keeper was found under the engine")
    yield "its keeper: resident", max(keepers), "MB", 2, "<="


def latency(bench):
    message = bench.helper("stamp") + " 300"
    path = bench.script(
        "stamp",
        [
            {"method": "local.set", "params": {"n": 0}},
            {"id": "again", "method": "local.set", "params": {"n": "{{local.n + 1}}"}},
            {
                "id": "shell",
                "method": "shell.run",
                "params": {"message": message, "on": [{"event": "/stamp ([0-9]+)/", "done": True}]},
            },
            {"when": "{{local.n < 50}}", "method": "jump", "params": {"id": "again"}},
        ],
    )
    process = bench.start(path, "--events")
    took = []
    for line in process.stdout:
        now = time.monotonic_ns()
        event = json.loads(line)
        data = event.get("data")
        if event.get("type") == "result" and isinstance(data, dict) and data.get("event"):
            took.append((now - int(data["event"][1])) / 1e6)
    if process.wait() != 0 or len(took) < 50:
        raise RuntimeError("saw %d of 50 events" % len(took))
    yield "event seen after the line was written (median of 50)", statistics.median(took), "ms", 5, "<="


MEASURES = [one_step, shell_echo, jump_loop, keeper_alone, throughput, memory_flat, waiting, latency]
MEASURES += service_bench.MEASURES
MEASURES += catalog_bench.MEASURES
MEASURES += download_bench.MEASURES
MEASURES += storage_bench.MEASURES
MEASURES += gate_bench.MEASURES


def verdict(figure, limit, sense):
    if limit is None:
        return ""
    kept = figure <= limit if sense == "<=" else figure >= limit
    if kept:
        return "ok"
    return "missed by %.0f %%" % (100 * abs(figure - limit) / limit)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", required=True)
    parser.add_argument("--only", default="", help="only the measures with this in their name")
    parser.add_argument("--size", type=int, default=200, help="MB of output for the throughput (200)")
    parser.add_argument("--long", type=int, default=1000, help="MB of output for the memory (1000)")
    parser.add_argument("--download", type=int, default=2000, help="MB to download (2000)")
    parser.add_argument("--copy", type=int, default=2048, help="MiB to copy and hash (2048; hashed are 1024 at most)")
    options = parser.parse_args()
    bench = Bench(options)
    rows = []
    try:
        for measure in MEASURES:
            if options.only not in measure.__name__:
                continue
            try:
                for name, figure, unit, limit, sense in measure(bench):
                    rows.append(
                        {
                            "name": name,
                            "figure": round(figure, 3),
                            "unit": unit,
                            "limit": limit,
                            "sense": sense,
                            "verdict": verdict(figure, limit, sense),
                        }
                    )
            except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
                said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
                rows.append(
                    {
                        "name": measure.__name__,
                        "figure": None,
                        "unit": "",
                        "limit": None,
                        "sense": "",
                        "verdict": "could not be measured: %s %s" % (error, said[-200:]),
                    }
                )
    finally:
        shutil.rmtree(bench.home, ignore_errors=True)
    for row in rows:
        figure = "-" if row["figure"] is None else "%.2f %s" % (row["figure"], row["unit"])
        limit = "" if row["limit"] is None else "%s %g" % (row["sense"], row["limit"])
        print("%-54s %16s  %-8s %s" % (row["name"], figure, limit, row["verdict"]))
    with open(os.path.join(bench.build, "bench.json"), "w", encoding="utf-8") as file:
        json.dump({"when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "rows": rows}, file, indent=2)
        file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
