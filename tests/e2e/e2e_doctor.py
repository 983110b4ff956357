#!/usr/bin/env python3
"""doctor as a person sees it and as programs read it, on this machine and with stand-ins for what it lacks. Nothing here
reaches out: that is tried in tests/cloud, against listeners of the test's own."""

import json
import os
import re
import shutil
import time

from harness import SLOW, case, leave

LABELS = ["Engine", "System", "Platform", "Home", "GPU", "CPU", "RAM", "Disk", "Network", "Tools"]
TABLE = "name, uuid, driver_version, memory.total [MiB], memory.used [MiB], utilization.gpu [%], temperature.gpu, "
TABLE += "compute_cap, mig.mode.current"


def doctor(t, *arguments, **options):
    return t.run("doctor", "--no-network", *arguments, **options)


def machine(t, *arguments, **options):
    run = doctor(t, "--json", *arguments, **options)
    return json.loads(run.out)


def advice(about):
    return {item["id"]: item for item in about["advice"]}


def program(t, name, text):
    """A stand-in, first in a PATH of its own; gives the environment."""
    folder = os.path.join(t.folder, "stand-ins")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return {"PATH": folder + ":" + t.env["PATH"], "PINOKIO_NVML_LIBRARY": "/nonexistent/libnvidia-ml.so"}


@case("/e2e/doctor/for-a-person")
def person(t):
    run = doctor(t)
    t.status(run, 0)
    t.equal(run.err, "", "standard error")
    t.lacks(run.out, "\x1b")
    found = [line.split()[0] for line in run.out.splitlines() if re.match(r"[A-Z]\w+ +\S", line)]
    t.equal([label for label in found if label in LABELS], LABELS, "order")
    for line in run.out.splitlines():
        if len(line) > 100 and " " in line[11:].strip():
            raise AssertionError("a line of %d columns: %s" % (len(line), line))
    t.has(run.out, r"^Home       " + re.escape(t.home))
    t.has(run.out, r"^Tools      bash +\d+\.\d+")
    t.has(run.out, r"^           git +\d+\.\d+.*/git$")
    t.has(run.out, "Everything that is needed is here")
    t.equal(os.listdir(t.home) if os.path.isdir(t.home) else [], [], "what it left in the home")


@case("/e2e/doctor/for-programs")
def programs(t):
    run = doctor(t, "--json")
    t.status(run, 0)
    about = json.loads(run.out)
    names = "engine system kernel arch complete platform place gpu cpus ram disks network tools example_port addresses"
    t.equal(sorted(about), sorted(names.split() + ["rules", "advice"]), "members")
    t.equal(about["place"]["home"], t.home)
    t.equal(about["complete"], True)
    t.equal(about["network"]["tried"], False)
    t.equal(about["disks"]["home"]["writable"], True)
    t.equal(about["disks"]["home"]["hard_links"], True)
    space = os.statvfs(t.folder)
    if abs(about["disks"]["home"]["free"] - space.f_bavail * space.f_frsize) > 1 << 30:
        raise AssertionError("free: %r" % about["disks"]["home"])
    tools = {tool["name"]: tool for tool in about["tools"]}
    t.equal(tools["git"]["path"], shutil.which("git"))
    t.has(tools["git"]["version"], r"^git version \d")


@case("/e2e/doctor/ram-and-cpus-are-those-that-may-be-used")
def limits(t):
    about = machine(t)
    with open("/proc/meminfo", encoding="ascii") as file:
        total = int(re.search(r"MemTotal:\s+(\d+)", file.read()).group(1)) * 1024
    if not 0 < about["ram"]["total"] <= total:
        raise AssertionError("RAM %r of %d" % (about["ram"], total))
    if not 0 < about["cpus"] <= os.cpu_count():
        raise AssertionError("CPUs %r" % about["cpus"])
    one = t.run("doctor", "--no-network", "--json", before=["taskset", "-c", "0"]) if shutil.which("taskset") else None
    if one:
        t.equal(json.loads(one.out)["cpus"], 1.0, "CPUs with an affinity of one")


@case("/e2e/doctor/platform-by-name")
def platform(t):
    about = machine(t, "--platform", "runpod")
    t.equal((about["platform"]["id"], about["platform"]["forced"]), ("runpod", True))
    t.equal(bool(about["rules"]), True, "rules")
    run = doctor(t, "--platform", "kaggle")
    t.has(run.out, r"^Platform   Kaggle")
    t.has(run.out, "What Kaggle asks of its users")
    t.has(run.out, r"^forbids    tunnel: ")
    about = machine(t, env={"PINOKIO_PLATFORM": "local"})
    t.equal(about["platform"]["id"], "local")
    t.equal(about["rules"], [])


@case("/e2e/doctor/public-address-of-a-pod")
def public(t):
    run = doctor(t, "--platform", "runpod", env={"RUNPOD_POD_ID": "abc123"})
    t.has(run.out, r"^Public     port 7860: https://abc123-7860\.proxy\.runpod\.net, open to all")


@case("/e2e/doctor/a-platform-that-is-none")
def no_platform(t):
    for options in ({"arguments": ["--platform", "mars"]}, {"env": {"PINOKIO_PLATFORM": "mars"}}):
        run = doctor(t, *options.pop("arguments", []), **options)
        t.status(run, 2)
        t.has(run.err, "no platform 'mars'.*colab.*local")
        t.equal(run.out, "")


@case("/e2e/doctor/colours-at-a-terminal")
def colours(t):
    run = t.start("doctor", "--no-network", terminal=True)
    run.end(20)
    t.has(run.out, "\x1b\\[1mGPU")


@case("/e2e/doctor/a-tool-that-must-be-here")
def missing(t):
    folder = os.path.join(t.folder, "some")
    os.makedirs(folder)
    for name in ("bash", "python3"):
        os.symlink(shutil.which(name), os.path.join(folder, name))
    run = doctor(t, env={"PATH": folder})
    t.status(run, 1)
    t.has(run.out, r"^           git +MISSING: installing and updating apps")
    t.has(run.out, r"^must       git is missing: run setup/install\.sh")
    t.has(run.out, "Something that is needed is missing")
    about = machine(t, env={"PATH": "/nonexistent"})
    t.equal(about["complete"], False)
    t.has(advice(about)["tools-missing"]["text"], "^bash, git, python3 are missing")


@case("/e2e/doctor/a-tool-that-hangs-or-breaks")
def broken_tool(t):
    env = program(t, "ffmpeg", "exec sleep 100\n")
    program(t, "aria2c", "exit 3\n")
    began = time.monotonic()
    about = machine(t, env=env)
    if time.monotonic() - began > 12 * SLOW:
        raise AssertionError("took %.1f s" % (time.monotonic() - began))
    tools = {tool["name"]: tool for tool in about["tools"]}
    t.has(tools["ffmpeg"]["trouble"], "did not answer in 5 seconds")
    t.has(tools["aria2c"]["trouble"], "told no version")
    t.has(advice(about)["tool-broken"]["text"], "^ffmpeg does not work")
    t.nothing_left()


@case("/e2e/doctor/a-home-that-cannot-be")
def home(t):
    run = doctor(t, env={"PINOKIO_HOME": "/proc/nowhere"})
    t.status(run, 1)
    t.has(run.out, r"^must       /proc/nowhere cannot be written.*PINOKIO_HOME")
    if os.path.isdir("/dev/shm"):
        about = machine(t, env={"PINOKIO_HOME": "/dev/shm/pinokio-not-made"})
        t.has(advice(about)["home-in-memory"]["text"], "it takes RAM from the apps")
        t.equal(os.path.exists("/dev/shm/pinokio-not-made"), False)


@case("/e2e/doctor/proxies-keep-their-secrets")
def proxies(t):
    for arguments in ([], ["--json"]):
        run = doctor(t, *arguments, env={"https_proxy": "http://me:s3cr3t@127.0.0.1:9"})
        t.has(run.out, r"https_proxy=http://me:\*\*\*@127\.0\.0\.1:9")
        t.lacks(run.both, "s3cr3t")


@case("/e2e/doctor/nvidia-smi-behind-nvml")
def smi(t):
    env = program(t, "nvidia-smi", "echo '%s'\necho 'Tesla T4, GPU-t, 550.54.15, 15360, 1024, 5, 40, 7.5, [N/A]'\n" % TABLE)
    run = doctor(t, env=env)
    t.has(run.out, r"^GPU        Tesla T4, 15\.0 GiB \(14\.0 GiB free\), sm_75, driver 550\.54\.15$")
    t.has(run.out, r"^warning    the GPU can be used, but: the NVIDIA driver's library cannot be loaded")
    about = machine(t, env=env)
    t.equal((about["gpu"]["vendor"], about["gpu"]["cards"][0]["source"]), ("nvidia", "nvidia-smi"))
    # What scripts see is the same.
    texts = ["{{gpu}}|{{gpu_model}}|{{gpu_driver}}|{{gpu_target}}|{{vram}}|{{gpus.length}}|{{graphics.controllers[0].vram}}"]
    texts += ["{{gpu.memory}}|{{gpu.memory.free}}|{{gpu.memory.total}}|{{gpu.memory >= 15 ? 'fits' : 'no'}}"]
    path = t.script(*[{"method": "log", "params": {"text": text}} for text in texts])
    run = t.run_script(path, env=env)
    t.status(run, 0)
    t.has(run.out, r"nvidia\|tesla t4\|550\.54\.15\|sm_75\|15\|1\|15360")
    t.has(run.out, r"15\|14\|15\|fits")


@case("/e2e/doctor/eight-gpus")
def eight(t):
    rows = "".join("echo 'NVIDIA A100-SXM4-80GB, GPU-%d, 535.1, 81920, 0, 0, 30, 8.0, Disabled'\n" % n for n in range(8))
    run = doctor(t, env=program(t, "nvidia-smi", "echo '%s'\n%s" % (TABLE, rows)))
    t.has(run.out, r"^GPU        0  NVIDIA A100")
    t.has(run.out, r"^           7  NVIDIA A100-SXM4-80GB, 80\.0 GiB")


@case("/e2e/doctor/a-broken-and-a-hanging-nvidia-smi")
def broken_smi(t):
    env = program(t, "nvidia-smi", "echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18\n")
    about = machine(t, env=env)
    t.equal(about["gpu"]["vendor"], "none")
    t.has(advice(about)["gpu-driver"]["text"], "nvidia-smi says: Failed to initialize NVML.*mismatch")
    env = program(t, "nvidia-smi", "sleep 100\n")
    began = time.monotonic()
    run = doctor(t, env=env)
    t.status(run, 0)
    t.has(re.sub(r"\n {11}", " ", run.out), "nvidia-smi did not answer in 5.0 seconds")
    if time.monotonic() - began > 12 * SLOW:
        raise AssertionError("took %.1f s" % (time.monotonic() - began))
    t.nothing_left()


@case("/e2e/doctor/scripts-see-the-platform")
def cloud(t):
    path = t.script({"method": "log", "params": {"text": "{{cloud.platform}}|{{cloud.base_path}}|{{cloud.persistent_path}}"}})
    run = t.run_script(path, env={"PINOKIO_PLATFORM": "local"})
    t.status(run, 0)
    t.has(run.out, r"local\|%s\|%s" % (re.escape(t.home), re.escape(t.home)))
    run = t.run_script(path, env={"PINOKIO_PLATFORM": "kaggle"})
    t.has(run.out, r"kaggle\|/")
    run = t.run_script(path, env={"PINOKIO_PLATFORM": "mars"})
    t.status(run, 0)


@case("/e2e/doctor/without-the-runner")
def alone(t):
    place = os.path.join(t.folder, "bin", "pinokiocloud")
    os.makedirs(os.path.dirname(place))
    shutil.copy(t.engine, place)
    t.engine = place
    t.status(doctor(t), 0)


if __name__ == "__main__":
    leave()
