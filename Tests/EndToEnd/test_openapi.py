"""The contract and the server say the same: routes, statuses, headers, schemas, and examples that are true."""

import json
import re
from http.client import responses
from urllib.parse import quote, urlencode

import jsonschema
import pytest
import yaml
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from conftest import REPOSITORY
from harness.contract import MAX_BULK_ITEMS, MAX_VALUE_BYTES, ROUTES
from harness.wire import Wire, request

DOCUMENT = yaml.safe_load((REPOSITORY / "openapi.yaml").read_bytes())
REGISTRY = Registry().with_resource("urn:contract", Resource.from_contents(DOCUMENT, default_specification=DRAFT202012))
METHODS = ("get", "head", "put", "post", "delete", "options", "patch", "trace")
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item if method in METHODS]


def resolve(node):
    """Follows a node's $ref within the document."""
    while "$ref" in node:
        target = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def absolute(schema):
    """A schema whose references name the document, so that they resolve wherever it stands."""
    if isinstance(schema, dict):
        return {
            name: "urn:contract" + value if name == "$ref" and value.startswith("#") else absolute(value)
            for name, value in schema.items()
        }
    return [absolute(each) for each in schema] if isinstance(schema, list) else schema


def check(value, schema):
    jsonschema.Draft202012Validator(absolute(schema), registry=REGISTRY).validate(value)


def described(node, place):
    """Everything in an object of the document that has a schema and may have examples, with the place it stands in."""
    if "schema" in node:
        yield place, node
    for media, content in node.get("content", {}).items():
        yield f"{place} {media}", content


def everything_with_a_schema():
    for path, method in OPERATIONS:
        operation = DOCUMENT["paths"][path][method]
        place = f"{method.upper()} {path}"
        for parameter in operation.get("parameters", []):
            parameter = resolve(parameter)
            yield from described(parameter, f"{place} {parameter['name']}")
        yield from described(resolve(operation.get("requestBody", {})), f"{place} body")
        for status, response in operation["responses"].items():
            response = resolve(response)
            yield from described(response, f"{place} {status}")
            for name, header in response.get("headers", {}).items():
                yield from described(resolve(header), f"{place} {status} {name}")


def examples_of(node):
    if "example" in node:
        yield "example", node["example"]
    for name, example in node.get("examples", {}).items():
        yield name, resolve(example)["value"]


EXAMPLES = [
    (f"{place} {name}", value, node["schema"])
    for place, node in everything_with_a_schema()
    for name, value in examples_of(node)
]


def test_the_document_is_valid():
    validate(DOCUMENT)


def test_operation_ids_are_unique():
    names = [DOCUMENT["paths"][path][method]["operationId"] for path, method in OPERATIONS]
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z][A-Za-z0-9]*", name)] == []


# What answers requests that are in no document: another path, another method, what is no request; or any request.
ANSWERS_OF_ANY_PATH = (
    "RouteNotFound",
    "MethodNotAllowed",
    "MalformedRequest",
    "HeadersTooLarge",
    "Unauthorized",
    "Forbidden",
    "RateLimited",
    "Overloaded",
)


def test_every_component_is_used():
    text = json.dumps(DOCUMENT)
    for kind, components in DOCUMENT["components"].items():
        for name in components:
            if name not in (*ANSWERS_OF_ANY_PATH, "token"):
                assert f'"#/components/{kind}/{name}"' in text, f"{kind}/{name} is used nowhere"


def test_document_and_server_have_the_same_routes(server):
    documented = {
        # OpenAPI 3.1 has no QUERY; an extension stands for it.
        path: {method.upper().removeprefix("X-") for method in (*METHODS, "x-query") if method in item}
        for path, item in DOCUMENT["paths"].items()
    }
    served = {route["path"]: set(route["methods"]) for route in server.get("/").json()["routes"]}
    assert documented == served == ROUTES


def test_versions_agree(server):
    assert DOCUMENT["info"]["version"] == server.get("/").json()["version"]


@pytest.mark.parametrize("path, method", OPERATIONS)
def test_each_operation_is_answered_as_documented(server, prefix, path, method):
    target = path.replace("{key}", quote(prefix, safe="")).replace("{tag}", quote(prefix, safe=""))
    target += f"?prefix={prefix}" if (path, method) == ("/keys", "delete") else ""
    reply = server.request(method.upper(), target, body="[]" if method in ("put", "post", "patch") else None)
    documented = DOCUMENT["paths"][path][method]["responses"]
    assert str(reply.status) in documented
    answer = resolve(documented[str(reply.status)])
    for name, header in answer.get("headers", {}).items():
        header = resolve(header)
        assert reply.header(name) is not None or not header.get("required"), f"{name} is missing"
    if method == "head" or not answer.get("content"):
        assert reply.body == b""
    else:
        assert reply.content_type in answer["content"]
        schema = answer["content"][reply.content_type].get("schema", {})
        if reply.content_type.endswith("json") and "ndjson" not in reply.content_type:
            check(reply.json(), schema)


@pytest.mark.parametrize("_, value, schema", EXAMPLES, ids=[place for place, _, _ in EXAMPLES])
def test_each_example_fits_its_schema(_, value, schema):
    check(value, schema)


def test_the_schemas_own_examples_fit():
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for example in schema.get("examples", []):
            check(example, {"$ref": f"#/components/schemas/{name}"})


@pytest.mark.parametrize(
    "place, value",
    [(place, value) for place, value, _ in EXAMPLES if isinstance(value, dict) and "code" in value and "type" in value],
)
def test_problem_examples_are_of_their_status(place, value):
    assert f" {value['status']} " in place
    # The names that RFC 9110 gives; older Pythons still know two of them by others.
    names = {413: "Content Too Large", 414: "URI Too Long"}
    assert value["title"] == names.get(value["status"], responses[value["status"]])


def example(path, method, *names):
    """An example of a request body or, with a status, of a response."""
    node = DOCUMENT["paths"][path][method]
    where, media, name = names
    node = resolve(node["requestBody"] if where == "body" else node["responses"][where])
    return node["content"][media]["examples"][name]["value"]


REQUEST_EXAMPLES = [
    (path, method, media, name)
    for path, method in OPERATIONS
    for media, content in resolve(DOCUMENT["paths"][path][method].get("requestBody", {})).get("content", {}).items()
    for name in content.get("examples", {})
]


@pytest.mark.parametrize("path, method, media, name", REQUEST_EXAMPLES)
def test_each_request_example_is_accepted(start_server, tmp_path, path, method, media, name):
    # The source that an example names.
    (tmp_path / "items.ndjson").write_text('{"key":"a","value":1}')
    (tmp_path / "cache.json").write_text(json.dumps({"sources": {"products": str(tmp_path / "items.ndjson")}}))
    server = start_server("--config", str(tmp_path / "cache.json"))
    body = example(path, method, "body", media, name)
    body = body if media != "application/json" else json.dumps(body)
    if method == "patch":
        server.put("user:1")
    reply = server.request(method.upper(), path.replace("{key}", "user:1"), body=body, headers={"Content-Type": media})
    assert reply.status in (200, 201), reply
    if path == "/warm":
        assert (reply.json()["loaded"], reply.json()["failed"]) == (len(body.splitlines()), 0)


def parameter_examples():
    for path, method in OPERATIONS:
        for parameter in map(resolve, DOCUMENT["paths"][path][method].get("parameters", [])):
            for name, value in examples_of(parameter):
                yield path, method, parameter["in"], parameter["name"], name, value


@pytest.mark.parametrize("path, method, where, parameter, _, value", list(parameter_examples()))
def test_each_parameter_example_is_accepted(start_server, path, method, where, parameter, _, value):
    server = start_server()
    key = quote(value if where == "path" else "user:1", safe="")
    server.put("user:1")
    target = path.replace("{key}", key).replace("{tag}", key) + (
        "?" + urlencode({parameter: value}) if where == "query" else ""
    )
    headers = {parameter: value} if where == "header" else {}
    reply = server.request(method.upper(), target, body="1" if method in ("put", "patch") else None, headers=headers)
    # A key of an example need not be there, and the lease of one is nobody's: it is read, and found to be lost.
    assert reply.status in ((409,) if parameter == "Lease" else (200, 201, 204, 404)), reply


def test_the_examples_tell_one_story(start_server):
    """What one example writes, another reads."""
    server = start_server()
    ada, number = (example("/keys/{key}", "put", "body", "application/json", name) for name in ("object", "number"))
    server.put("user:1", json.dumps(ada), ttl=300)
    server.put("user:2", json.dumps(number))
    assert server.get("/keys/user:1").json() == example("/keys/{key}", "get", "200", "application/json", "object")

    for name in ("member", "alone"):
        keys = example("/mget", "post", "body", "application/json", name)
        assert server.post("/mget", keys).json() == example("/mget", "post", "200", "application/json", "both")

    listed = example("/keys", "get", "200", "application/json", "last")
    page = server.get("/keys?prefix=user:").json()
    assert page["cursor"] == listed["cursor"]
    shown = {entry["key"]: (entry["size"], entry["ttl"] is None) for entry in page["keys"]}
    assert shown == {entry["key"]: (entry["size"], entry["ttl"] is None) for entry in listed["keys"]}

    keys = example("/mdelete", "post", "body", "application/json", "alone")
    assert server.post("/mdelete", keys).json() == example("/mdelete", "post", "200", "application/json", "two")
    body = example("/mput", "post", "body", "application/json", "object")
    assert server.post("/mput", body).json() == example("/mput", "post", "200", "application/json", "two")
    assert server.request("DELETE", "/keys").json() == example("/keys", "delete", "200", "application/json", "two")


def test_the_index_example_is_its_beginning(server):
    shown = example("/", "get", "200", "application/json", "beginning")
    served = server.get("/").json()
    assert (shown["name"], shown["version"]) == (served["name"], served["version"])
    assert served["routes"][: len(shown["routes"])] == shown["routes"]


def test_the_metrics_example_is_of_real_series(server):
    """Each line of the excerpt stands in the exposition, with a figure of its own."""
    served = server.get("/metrics").body.decode().splitlines()
    series = {line.rsplit(" ", 1)[0] for line in served if not line.startswith("#")}
    for line in example("/metrics", "get", "200", "text/plain", "excerpt").splitlines():
        assert line in served if line.startswith("#") else line.rsplit(" ", 1)[0] in series, line


# An example of an error, and the request that gets it, word for word.
REFUSALS = {
    ("/keys/{key}", "put", "400", "json"): ("PUT", "/keys/user:1", '{"a": 1 "b": 2}'),
    ("/keys/{key}", "put", "400", "ttl"): ("PUT", "/keys/user:1?ttl=0", "1"),
    ("/keys/{key}", "put", "413", "value"): ("PUT", "/keys/user:1", '"' + "x" * MAX_VALUE_BYTES + '"'),
    ("/keys/{key}", "put", "415", "image"): ("PUT", "/keys/user:1", "1"),
    ("/keys/{key}", "put", "409", "lost"): ("PUT", "/keys/user:9", "1"),
    ("/keys/{key}", "put", "412", "other"): ("PUT", "/keys/user:9", "1"),
    ("/incr", "post", "409", "text"): ("POST", "/incr", '{"key":"word"}'),
    ("/keys/{key}", "get", "404", "miss"): ("GET", "/keys/user:9", None),
    ("/keys/{key}", "delete", "404", "missing"): ("DELETE", "/keys/user:9", None),
    ("/keys/{key}", "get", "400", "escape"): ("GET", "/keys/100%", None),
    ("/keys/{key}", "get", "400", "lease"): ("GET", "/keys/user:9?lease=1h", None),
    ("/keys/{key}", "get", "414", "long"): ("GET", "/keys/" + "k" * 513, None),
    ("/keys", "get", "400", "limit"): ("GET", "/keys?limit=0", None),
    ("/mget", "post", "400", "shape"): ("POST", "/mget", '{"keys": 1}'),
    ("/mget", "post", "400", "key"): ("POST", "/mget", '["user:1", ""]'),
    ("/mget", "post", "413", "items"): ("POST", "/mget", json.dumps(["k"] * (MAX_BULK_ITEMS + 1))),
    ("/mput", "post", "413", "items"): (
        "POST",
        "/mput",
        json.dumps({"items": {f"k{number}": 1 for number in range(MAX_BULK_ITEMS + 1)}}),
    ),
    ("/mput", "post", "400", "items"): (
        "POST",
        "/mput",
        '{"items":[{"key":"","value":1},{"key":"user:2","value":1,"ttl":0}]}',
    ),
}


@pytest.mark.parametrize("path, method, status, name", REFUSALS)
def test_error_examples_are_what_the_server_says(server, path, method, status, name):
    verb, target, body = REFUSALS[path, method, status, name]
    fields = {"image": "Content-Type: image/png", "other": "If-Match: *", "lost": "Lease: " + "0" * 32}
    headers = [fields[name]] if name in fields else []
    server.put("word", '"one"')
    with Wire(server) as wire:
        wire.send_while_welcome([request(verb, target, *headers, body=(body or "").encode())])
        reply = wire.read(verb)
    assert reply.status == int(status)
    assert reply.json() == example(path, method, status, "application/problem+json", name)
