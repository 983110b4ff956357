"""What files cost: bench.py's rows for copying and hashing, each against the usual program in the same run."""

import os
import random
import shutil
import statistics
import subprocess
import time

ROUNDS = 7


def make_file(path, megabytes):
    """As incompressible as a model."""
    block = random.Random(1).randbytes(1 << 20)
    with open(path, "wb") as file:
        for number in range(megabytes):
            file.write(number.to_bytes(8, "little") + block[8:])
    os.sync()


def seconds(command):
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    return time.perf_counter() - start


def pairs(mine, other, clean=lambda: None):
    """The medians of both, and of the ratios of pairs that ran one after the other; who is first changes by turns."""
    ours, theirs = [], []
    for number in range(ROUNDS + 1):  # the first warms the cache
        order = ((mine, ours), (other, theirs))
        for command, times in order if number % 2 else reversed(order):
            clean()
            times.append(seconds(command))
    ratios = [their / our for our, their in zip(ours[1:], theirs[1:])]
    return statistics.median(ours[1:]), statistics.median(theirs[1:]), statistics.median(ratios)


def room(folder, megabytes):
    """What the disk allows: the file and one copy, and half of it stays free."""
    return min(megabytes, shutil.disk_usage(folder).free // (4 << 20))


def storage_copy(bench):
    size = room(bench.home, bench.options.copy)
    source, target = os.path.join(bench.home, "copy.from"), os.path.join(bench.home, "copy.to")
    make_file(source, size)

    def clean():
        if os.path.exists(target):
            os.unlink(target)
        os.sync()

    helper = bench.helper("filework")
    ours, theirs, ratio = pairs([helper, "copy", source, target], ["cp", source, target], clean)
    sparse = os.path.join(bench.home, "copy.sparse")
    with open(sparse, "wb") as file:
        file.truncate(10 << 30)
        file.write(b"begin")
    clean()
    holes = seconds([helper, "copy", sparse, target])
    taken = os.stat(target).st_blocks * 512
    for path in (source, sparse, target):
        os.unlink(path)
    yield "copying %d MiB" % size, size / ours, "MiB/s", None, ""
    yield "cp", size / theirs, "MiB/s", None, ""
    yield "copying, to cp (median of pairs)", ratio, "x", 0.95, ">="
    yield "copying a file of 10 GiB that is a hole", 1000 * holes, "ms", None, ""
    yield "room that the copy takes", taken / 1024, "KiB", 64, "<="


def storage_hash(bench):
    size = room(bench.home, min(bench.options.copy, 1024))
    source = os.path.join(bench.home, "hash.from")
    make_file(source, size)
    ours, theirs, ratio = pairs(
        [bench.helper("filework"), "hash", source], ["openssl", "dgst", "-sha256", source]
    )
    os.unlink(source)
    yield "SHA-256 of %d MiB" % size, size / ours, "MiB/s", None, ""
    yield "openssl dgst -sha256", size / theirs, "MiB/s", None, ""
    yield "SHA-256, to openssl (median of pairs)", ratio, "x", 0.9, ">="


MEASURES = [storage_copy, storage_hash]
