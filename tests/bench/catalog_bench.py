"""What the catalog costs: bench.py's rows for catalog/catalog.h."""

import json
import os
import statistics
import subprocess
import time

from service import memory_of
from service_bench import staged


def catalog_search(bench):
    helper = os.path.join(bench.build, "tests", "catalog", "bench-catalog")
    found = json.loads(subprocess.run([helper], stdout=subprocess.PIPE, check=True).stdout)
    yield "catalog: search in %d apps (median of 220)" % found["apps"], found["median_ms"], "ms", 5, "<="
    yield "the slowest of them", found["slowest_ms"], "ms", None, ""
    yield "the first one, which reads the catalog", found["first_ms"], "ms", None, ""
    took = []
    for _ in range(21):
        began = time.perf_counter()
        command = [bench.engine, "search", "voice", "clonning", "--json"]
        subprocess.run(command, env=bench.env, stdout=subprocess.DEVNULL, check=True)
        took.append(time.perf_counter() - began)
    yield "`search`, the whole process (median of 20)", 1000 * statistics.median(took[1:]), "ms", None, ""


@staged
def catalog_engine(bench, service):
    service.up()
    pid = service.engine_pid()
    time.sleep(1)
    before = memory_of(pid)[1]
    for _ in range(100):
        service.api().get("/v1/catalog?q=voice+clonning").ok()
    yield "engine: memory that the catalog's first use adds", memory_of(pid)[1] - before, "MB", None, ""


MEASURES = [catalog_search, catalog_engine]
