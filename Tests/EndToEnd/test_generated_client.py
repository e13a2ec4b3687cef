"""A Python client that openapi-python-client makes of the contract: nothing is left out of it, and it does its work."""

import importlib
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import REPOSITORY
from harness.contract import ETAG, MAX_BULK_ITEMS

DOCUMENT = yaml.safe_load((REPOSITORY / "openapi.yaml").read_bytes())
METHODS = ("get", "head", "put", "post", "delete", "options", "patch")
OPERATIONS = {
    operation["operationId"]: (method, path)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in METHODS
}
# The generator knows no such types: it is told to take what is in them as bytes.
CONFIGURATION = {
    "content_type_overrides": dict.fromkeys(
        ("application/x-ndjson", "application/yaml", "text/plain"), "application/octet-stream"
    )
}


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The client's package, made and imported."""
    folder = tmp_path_factory.mktemp("generated")
    configuration = folder / "configuration.yaml"
    configuration.write_text(yaml.safe_dump(CONFIGURATION))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    command += ["--path", str(REPOSITORY / "openapi.yaml"), "--config", str(configuration)]
    command += ["--output-path", str(folder / "generated_client")]
    # It formats what it makes by the ruff that it finds.
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    said = run.stdout + run.stderr
    assert run.returncode == 0, said
    assert "WARNING" not in said and "Unable" not in said, said
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("generated_client")
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] == "generated_client"]:
            del sys.modules[name]


@pytest.fixture(scope="session")
def operations(package):
    """The client's modules by the operation that each is for."""
    folder = Path(package.__file__).parent / "api"
    return {
        path.stem: importlib.import_module(f"generated_client.api.{path.parent.name}.{path.stem}")
        for path in folder.glob("*/*.py")
        if path.stem != "__init__"
    }


@pytest.fixture(scope="session")
def models(package):
    return importlib.import_module("generated_client.models")


@pytest.fixture
def call(package, operations, server):
    """Calls an operation, and returns its answer: its status, its fields, and its content as the client's own type."""
    with package.Client(base_url=server.base_url, raise_on_unexpected_status=True) as client:
        yield lambda name, *arguments, **options: operations[name].sync_detailed(*arguments, client=client, **options)


def snake_case(name):
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def members(model, content):
    """A model of an object whose members have any names."""
    made = model()
    made.additional_properties.update(content)
    return made


def test_no_operation_is_left_out(operations):
    assert {snake_case(name) for name in OPERATIONS} == set(operations)


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_answer_is_left_out(operations, name):
    """The client reads each documented answer, and says what is in those that have a content."""
    method, path = OPERATIONS[name]
    source = Path(operations[snake_case(name)].__file__).read_text()
    for status in DOCUMENT["paths"][path][method]["responses"]:
        assert f"response.status_code == {status}:" in source


def test_one_value(call, prefix):
    key = f"{prefix}a/b ü"
    value = {"name": "Ada", "langs": ["en", None], "n": 1.5}
    created = call("put_key", key, body=value, ttl=300, cache_groups=f'"{prefix}"')
    assert created.status_code == 201
    tag = created.headers["ETag"]
    assert ETAG.fullmatch(tag)
    got = call("get_key", key)
    assert (got.status_code, got.parsed, got.headers["ETag"]) == (200, value, tag)
    assert call("get_key", key, if_none_match=tag).status_code == 304
    assert call("head_key", key).status_code == 200
    patched = call("patch_key", key, body={"langs": None}, if_match=tag)
    assert patched.parsed == {"name": "Ada", "n": 1.5}
    assert call("put_key", key, body=False, if_match=patched.headers["ETag"]).status_code == 204
    assert call("get_key", key).content == b"false"
    assert call("delete_key", key).status_code == 204
    assert call("put_key", key, body=1, cache_groups=f'"{prefix}"').status_code == 201
    assert call("clear_tag", prefix).parsed.deleted == 1


def test_many_values(call, models, prefix):
    values = {f"{prefix}{number}": number for number in range(250)}
    by_key = models.MputRequest(items=members(models.MputRequestItemsType0, values), ttl=60)
    assert call("mput", body=by_key).parsed.stored == 250
    item = models.MputRequestItemsType1Item(key=f"{prefix}x", value="x", ttl=0.5 * 3600, tags=[prefix])
    assert call("mput", body=models.MputRequest(items=[item])).parsed.stored == 1
    asked = [f"{prefix}1", f"{prefix}none", f"{prefix}x"]
    for body in (asked, models.MgetBodyType0(keys=asked)):
        found = call("mget", body=body).parsed
        assert (found.values.to_dict(), found.missing) == ({f"{prefix}1": 1, f"{prefix}x": "x"}, [f"{prefix}none"])
    listed, cursor = [], None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        page = call("list_keys", prefix=prefix, limit=100, **more).parsed
        listed += page.keys
        cursor = page.cursor
        if cursor is None:
            break
    assert {entry.key for entry in listed} == {*values, f"{prefix}x"}
    assert all(0 < entry.ttl <= 1800 for entry in listed)
    assert call("touch", body=models.TouchBody(keys=[f"{prefix}x"], ttl=None)).parsed.touched == 1
    assert call("list_keys", prefix=f"{prefix}x").parsed.keys[0].ttl is None
    assert call("mdelete", body=[f"{prefix}1", f"{prefix}2"]).parsed.deleted == 2
    assert call("clear_keys", prefix=prefix).parsed.deleted == 249


def test_counting(call, models, prefix):
    body = models.IncrementBody(key=f"{prefix}n", by=2**62, initial=-1, ttl=60)
    assert call("increment", body=body).parsed.value == 2**62 - 1
    assert call("increment", body=models.IncrementBody(key=f"{prefix}n")).parsed.value == 2**62
    problem = call("increment", body=body).parsed
    assert (problem.status, problem.code.value) == (409, "overflow")


def test_streams(call, package, prefix):
    lines = b"".join(b'{"key":"%s%d","value":%d}\n' % (prefix.encode(), number, number) for number in range(1000))
    file = importlib.import_module("generated_client.types").File
    report = call("warm", body=file(payload=io.BytesIO(lines + b"nonsense\n"))).parsed
    assert (report.loaded, report.failed, report.expired) == (1000, 1, 0)
    assert (report.errors[0].line, report.errors[0].code.value) == (1001, "invalid_json")
    exported = call("export_entries", prefix=prefix).parsed.payload.read()
    assert sorted(json.loads(line)["value"] for line in exported.splitlines()) == list(range(1000))


def test_figures(call, prefix):
    before = call("get_stats").parsed
    call("get_key", f"{prefix}none")
    after = call("get_stats").parsed
    assert after.misses - before.misses == 1
    assert after.total_requests == after.hits + after.misses
    assert [estimate.capacity_factor for estimate in after.what_if] == [0.5, 2, 4]
    assert after.latency.get.count >= after.misses - before.misses
    assert b"cache_gets_total" in call("get_metrics").content
    for name in ("get_liveness", "get_readiness", "get_health"):
        assert call(name).parsed.status == "ok"
    assert call("options_mget").headers["Allow"] == "POST, QUERY, OPTIONS"
    assert call("get_index").parsed.name == "production-cache"


# An operation, what it is called with, and the problem that comes of it.
PROBLEMS = [
    ("get_key", ["{prefix}none"], {}, 404, "key_not_found"),
    ("get_key", ["k" * 513], {}, 414, "key_too_long"),
    ("get_key", ["{prefix}a"], {"if_match": '"other"'}, 412, "precondition_failed"),
    ("get_key", ["{prefix}a"], {"if_match": "other"}, 400, "invalid_header"),
    ("delete_key", ["{prefix}none"], {}, 404, "key_not_found"),
    ("put_key", ["{prefix}a"], {"body": 1, "if_none_match": "*"}, 412, "precondition_failed"),
    ("put_key", ["{prefix}a"], {"body": 1, "ttl": 0}, 400, "invalid_ttl"),
    ("put_key", ["{prefix}a"], {"body": 1, "cache_groups": "x"}, 400, "invalid_tag"),
    ("put_key", ["{prefix}a"], {"body": "x" * (9 << 20)}, 413, "value_too_large"),
    ("patch_key", ["{prefix}none"], {"body": {}}, 404, "key_not_found"),
    ("mget", [], {"body": [""]}, 400, "invalid_key"),
    ("mget", [], {"body": ["k"] * (MAX_BULK_ITEMS + 1)}, 413, "too_many_items"),
    ("mdelete", [], {"body": ["k" * 513]}, 414, "key_too_long"),
    ("list_keys", [], {"limit": 0}, 400, "invalid_query"),
    ("clear_tag", ["t" * 257], {}, 400, "invalid_tag"),
]


@pytest.mark.parametrize("name, arguments, options, status, code", PROBLEMS)
def test_problems_have_types(call, server, models, prefix, name, arguments, options, status, code):
    server.put(f"{prefix}a")
    answer = call(name, *(text.replace("{prefix}", prefix) for text in arguments), **options)
    problem = answer.parsed
    assert (answer.status_code, problem.status) == (status, status)
    # Each operation has a type for the codes of each of its statuses.
    assert type(problem.code).__module__.startswith("generated_client.models.") and problem.code.value == code
    assert models.ErrorCode(code) and problem.type_ == "about:blank" and problem.title and problem.detail
    assert server.value(f"{prefix}a") == b"1"


def test_a_bulk_problem_names_its_items(call, models, prefix):
    items = [models.MputRequestItemsType1Item(key=f"{prefix}a", value=1, ttl=0)]
    problem = call("mput", body=models.MputRequest(items=items)).parsed
    assert (problem.status, problem.code.value) == (400, "invalid_ttl")
    assert [(error.key, error.code.value) for error in problem.errors] == [(f"{prefix}a", "invalid_ttl")]
