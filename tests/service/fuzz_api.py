#!/usr/bin/env python3
"""The API fuzzed from its own description (docs/openapi.yaml) by schemathesis: whatever is sent, no answer is a fault of
the server's, and every answer is as described.

PINOKIO_FUZZ_SECONDS says how long (60). setup/install.sh puts schemathesis into build/tools-test.
"""

import json
import os
import re

import apps
from service import case, leave
from harness import Skipped

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECONDS = int(os.environ.get("PINOKIO_FUZZ_SECONDS", "60"))
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
]

# What the names in the paths are in most requests, so that not only 404 is seen.
CONFIG = """
[dictionaries.%(name)s]
values = %(values)s

[parameters."path.%(name)s"]
dictionary = "%(name)s"
probability = 0.8
"""


def program():
    tools = os.environ.get("PINOKIO_TEST_TOOLS", os.path.join(ROOT, "build", "tools-test"))
    found = os.path.join(tools, "bin", "schemathesis")
    if not os.path.exists(found):
        raise Skipped("schemathesis is not installed: setup/install.sh test")
    return found


def command(service, schema, *more):
    return [
        program(), "--config-file", os.path.join(service.folder, "schemathesis.toml"), "run", schema,
        "--url", "http://127.0.0.1:%d" % service.engine_json()["port"],
        "--header", "Authorization: Bearer " + service.token(),
        "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--max-time", str(SECONDS),
        "--request-timeout", "30", "--continue-on-failure", "--exclude-path", "/v1/shutdown",
        "--exclude-path-regex", "/terminal$|^/v1/events$", "--suppress-health-check", "all", "--no-color",
        "--generation-database", "none", "--output-sanitize", "true", *more,
    ]  # fmt: skip


@case("/service/fuzz/openapi")
def fuzz(service):
    schema = os.path.join(ROOT, "docs", "openapi.yaml")
    apps.lines(service.home, "lines", 20)
    apps.light(service.home, "light")
    apps.asks(service.home, "asks")
    service.up()
    pid = service.engine_pid()
    run = service.ready("lines")["id"]
    asked = service.launch("asks")
    shell = service.shells(run)[0]["id"]
    with open(os.path.join(service.folder, "schemathesis.toml"), "w", encoding="utf-8") as file:
        for name, values in {"app": ["lines", "light"], "run": [run, asked], "shell": [shell]}.items():
            file.write(CONFIG % {"name": name, "values": json.dumps(values)})
    seed = os.environ.get("PINOKIO_SEED") or str(int.from_bytes(os.urandom(4), "big"))
    print("# PINOKIO_SEED=%s" % seed, flush=True)
    st = service.spawn(*command(service, schema, "--seed", seed))
    st.end(SECONDS * 3 + 60)
    said = st.both.replace(service.token(), "TOKEN")
    for line in re.findall(r"^.*(?:generated|passed|Operations|Selected|Tested).*$", said, re.MULTILINE)[:12]:
        print("# " + line.strip())
    service.equal(service.engine_pid(), pid, "the engine after all that")
    if st.code != 0:
        raise AssertionError("schemathesis ended with %d:\n%s" % (st.code, said[-20000:]))
    service.api().get("/v1/status").ok()


if __name__ == "__main__":
    leave()
