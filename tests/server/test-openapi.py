"""docs/openapi.yaml and the server say the same: routes, parameters, bodies, answers."""

import os
import re
import subprocess
import sys

import serving
from serving import case

try:
    import yaml
except ImportError:  # not the Python that the system's packages are for
    if os.path.exists("/usr/bin/python3") and os.path.realpath(sys.executable) != os.path.realpath("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)
    raise

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def load():
    with open(os.path.join(ROOT, "docs", "openapi.yaml"), encoding="utf-8") as file:
        return yaml.safe_load(file)


class Strict(yaml.SafeLoader):
    """Refuses a name that stands twice in a mapping, of which the others would take the last."""

    def construct_mapping(self, node, deep=False):
        names = [key.value for key, _ in node.value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise AssertionError("twice: %s%s" % (", ".join(twice), node.start_mark))
        return super().construct_mapping(node, deep)


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield method.upper(), path, operation, item.get("parameters", [])


def resolve(document, node):
    while isinstance(node, dict) and "$ref" in node:
        target = document
        for part in node["$ref"][2:].split("/"):
            target = target[part]
        node = target
    return node


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from references(item)


def fits(document, schema, value):
    """What of the schema the value does not keep to; only the words that the document uses."""
    schema = resolve(document, schema)
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    names = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array", type(None): "null"}
    kind = names[type(value)]
    if kinds and kind not in kinds and not (kind == "integer" and "number" in kinds):
        return "%r is no %s" % (value, kinds)
    if "enum" in schema and value not in schema["enum"]:
        return "%r is none of %r" % (value, schema["enum"])
    if "const" in schema and value != schema["const"]:
        return "%r is not %r" % (value, schema["const"])
    for part in schema.get("allOf", []):
        wrong = fits(document, part, value)
        if wrong:
            return wrong
    for name in schema.get("required", []):
        if name not in value:
            return "%r has no %s" % (value, name)
    if isinstance(value, list) and "items" in schema:
        return next(filter(None, (fits(document, schema["items"], item) for item in value)), None)
    if isinstance(value, dict):
        parts = schema.get("properties", {})
        return next(filter(None, (fits(document, parts[name], item) for name, item in value.items() if name in parts)), None)
    return None


@case("/server/openapi/the-same-routes")
def routes(stage):
    listed = subprocess.run([stage.program, "--routes"], stdout=subprocess.PIPE, check=True).stdout.decode().split("\n")
    of_code = {line.replace("WS ", "GET ") for line in listed if line}
    of_document = {"%s %s" % (method, path) for method, path, _, _ in operations(load())}
    stage.equal(sorted(of_document - of_code), [], "only in the document")
    stage.equal(sorted(of_code - of_document), [], "only in the code")
    # A WebSocket is one that can be switched to.
    sockets = {line[3:] for line in listed if line.startswith("WS ")}
    switched = {path for method, path, operation, _ in operations(load()) if "101" in operation["responses"]}
    stage.equal(switched, sockets, "WebSockets")


@case("/server/openapi/every-operation-is-complete")
def complete(stage):
    document = load()
    names = set()
    for method, path, operation, shared in operations(document):
        what = "%s %s" % (method, path)
        if operation["operationId"] in names:
            raise AssertionError(what + ": its operationId is another's")
        names.add(operation["operationId"])
        for word in ("summary", "tags"):
            if not operation.get(word):
                raise AssertionError("%s: no %s" % (what, word))
        answers = operation["responses"]
        if not any(code[0] in "12" for code in answers):
            raise AssertionError(what + ": no answer when all is well")
        for code, answer in answers.items():
            answer = resolve(document, answer)
            if not answer.get("description"):
                raise AssertionError("%s: %s without description" % (what, code))
            kinds = list(answer.get("content", {}))
            if (code == "default" or code[0] in "45") and kinds != ["application/problem+json"]:
                raise AssertionError("%s: %s is no problem" % (what, code))
        if "default" not in answers:
            raise AssertionError(what + ": nothing for other problems")
        if operation.get("security") != [] and "401" not in answers:
            raise AssertionError(what + ": nothing about the token")
        parameters = [resolve(document, item) for item in shared + operation.get("parameters", [])]
        in_path = sorted(item["name"] for item in parameters if item["in"] == "path")
        stage.equal(in_path, sorted(re.findall(r"{(\w+)}", path)), what)
        if in_path and "400" not in answers:
            raise AssertionError(what + ": nothing about names that are none")
        for item in parameters:
            if "schema" not in item or (item["in"] == "path") != item["required"]:
                raise AssertionError("%s: parameter %s" % (what, item["name"]))
        if (method in ("POST", "PUT")) != ("requestBody" in operation):
            raise AssertionError(what + ": its body")


@case("/server/openapi/no-name-stands-twice")
def twice(_):
    with open(os.path.join(ROOT, "docs", "openapi.yaml"), encoding="utf-8") as file:
        yaml.load(file, Strict)


@case("/server/openapi/references-lead-somewhere-and-all-is-used")
def all_references(stage):
    document = load()
    used = set(references(document))
    there = {
        "#/components/%s/%s" % (kind, name)
        for kind, items in document["components"].items()
        if kind != "securitySchemes"
        for name in items
    }
    stage.equal(sorted(used - there), [], "leads nowhere")
    # What WebSockets send cannot be referred to from an answer.
    stage.equal(sorted(there - used), ["#/components/schemas/EngineEvent", "#/components/schemas/EventBatch"], "not used")


@case("/server/openapi/parameters-and-members-are-those-of-the-code")
def members(stage):
    """The code's tables and calls against the document's words."""
    document = load()
    code = ""
    for name in sorted(os.listdir(os.path.join(ROOT, "app", "server"))):
        if name.startswith(("routes-", "doing", "streams")) and name.endswith(".c"):
            with open(os.path.join(ROOT, "app", "server", name), encoding="utf-8") as file:
                code += file.read()
    of_code = set(re.findall(r'{"(\w+)",\s*PINO_MEMBER_', code)) - {"resize"}
    of_document = set()
    for _, _, operation, _ in operations(document):
        body = resolve(document, operation.get("requestBody", {}))
        schema = resolve(document, body.get("content", {}).get("application/json", {}).get("schema", {}))
        of_document |= set(schema.get("properties", {}))
    stage.equal(of_document, of_code, "members of bodies")
    of_code = set(re.findall(r'pino_call_query(?:_number|_offset)?\(call, "(\w+)"', code))
    of_document = {"token"}  # of dispatch.c
    for _, _, operation, shared in operations(document):
        for item in shared + operation.get("parameters", []):
            item = resolve(document, item)
            of_document |= {item["name"]} if item["in"] == "query" else set()
    stage.equal(of_document, of_code | {"token"}, "parameters of queries")


@case("/server/openapi/answers-keep-to-their-schemas")
def answers(stage):
    document = load()
    stage.app("demo", start__json={"run": [{"method": "shell.run", "params": {"message": "echo hello; sleep 0.5"}}]})
    stage.start()
    run = stage.ask("POST", "/v1/apps/demo/start", {"script": "start.json"})
    names = {"app": "demo", "run": run.json["run"], "shell": run.json["run"] + ".1", "key": "stop.grace_ms", "id": "comfyui", "tunnel": "none"}
    stage.waits(lambda: not stage.ask("GET", "/v1/runs/" + names["run"]).json["live"], "the end of the run")
    names["shell"] = stage.ask("GET", "/v1/runs/" + names["run"]).json["shells"][0]["id"]
    looked_at = 0
    for method, path, operation, _ in operations(document):
        if method != "GET" or "200" not in operation["responses"]:
            continue
        answer = stage.ask("GET", path.format(**names), seconds=20)
        if answer.status != 200:
            continue
        content = resolve(document, operation["responses"]["200"])["content"]
        stage.equal([answer.headers["content-type"].split(";")[0]], list(content), path)
        if "application/json" in content:
            wrong = fits(document, content["application/json"]["schema"], answer.json)
            if wrong:
                raise AssertionError("%s: %s" % (path, wrong))
        looked_at += 1
    if looked_at < 13:
        raise AssertionError("only %d operations answered" % looked_at)


if __name__ == "__main__":
    serving.main()
