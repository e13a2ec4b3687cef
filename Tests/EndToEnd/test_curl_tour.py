"""Every route as a curl user meets it: what it answers, to which methods, with which headers."""

import re

import pytest

from harness.contract import ETAG, ROUTES, assert_problem
from harness.curl import curl

ASKABLE = sorted(route for route, methods in ROUTES.items() if "GET" in methods)
UNKNOWN_METHODS = ("POST", "PUT", "GET", "DELETE", "PATCH", "BREW")


@pytest.fixture
def url(server, prefix):
    """The URL of a key of this test."""
    return lambda key="a": f"{server.base_url}/keys/{prefix}{key}"


def path_of(route, prefix):
    return route.replace("{key}", prefix + "k")


def test_put_get_replace_delete(url):
    assert_problem(curl(url()), 404, "key_not_found")

    created = curl("-X", "PUT", "-d", '{"name": "Ada"}', url())
    assert (created.status, created.body) == (201, b"")
    assert ETAG.fullmatch(created.header("ETag"))

    fetched = curl(url())
    assert (fetched.status, fetched.body) == (200, b'{"name":"Ada"}')
    assert fetched.header("ETag") == created.header("ETag")

    replaced = curl("-X", "PUT", "-d", "[1]", url())
    assert (replaced.status, replaced.body) == (204, b"")
    assert ETAG.fullmatch(replaced.header("ETag")) and replaced.header("ETag") != created.header("ETag")
    assert curl(url()).body == b"[1]"

    deleted = curl("-X", "DELETE", url())
    assert (deleted.status, deleted.body) == (204, b"")
    assert_problem(curl("-X", "DELETE", url()), 404, "key_not_found")
    assert_problem(curl(url()), 404, "key_not_found")


def test_upload_of_a_file(url):
    assert curl("--upload-file", "-", url(), stdin=b'[1, 2,\n "three"]\n').status == 201
    assert curl(url()).body == b'[1,2,"three"]'


def test_headers_of_a_hit(url):
    curl("-X", "PUT", "-d", "1", url() + "?ttl=300")
    hit = curl(url())
    assert hit.content_type == "application/json"
    assert hit.header("Content-Length") == "1"
    assert re.fullmatch(r"max-age=(300|29\d)", hit.header("Cache-Control"))
    assert int(hit.header("Age")) <= 9
    assert re.fullmatch(r"production-cache; hit; ttl=(300|29\d)", hit.header("Cache-Status"))


def test_headers_of_a_hit_without_ttl(url):
    curl("-X", "PUT", "-d", "1", url())
    hit = curl(url())
    assert hit.header("Cache-Control") is None
    assert hit.header("Cache-Status") == "production-cache; hit"


def test_headers_of_a_miss(url):
    miss = curl(url())
    assert miss.header("Cache-Status") == "production-cache; fwd=uri-miss"
    assert_problem(miss, 404, "key_not_found")


def test_head_is_get_without_the_body(url):
    curl("-X", "PUT", "-d", '"value"', url() + "?ttl=300")
    got, head = curl(url()), curl("--head", url())
    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag"):
        assert head.header(name) == got.header(name)
    missing = curl("--head", url("b"))
    assert (missing.status, missing.body) == (404, b"")
    assert missing.header("Cache-Status") == "production-cache; fwd=uri-miss"


@pytest.mark.parametrize("route", ASKABLE)
def test_every_get_answers_head(server, prefix, route):
    target = server.base_url + path_of(route, prefix)
    curl("-X", "PUT", "-d", "1", f"{server.base_url}/keys/{prefix}k")
    got, head = curl(target), curl("--head", target)
    assert got.status == 200
    assert (head.status, head.content_type, head.body) == (200, got.content_type, b"")


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_options_lists_the_methods(server, prefix, route):
    reply = curl("-X", "OPTIONS", server.base_url + path_of(route, prefix))
    assert (reply.status, reply.body) == (204, b"")
    assert reply.allow == ROUTES[route]


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_a_wrong_method_is_405_with_allow(server, prefix, route):
    for method in UNKNOWN_METHODS:
        if method not in ROUTES[route]:
            reply = curl("-X", method, "-d", "[]", server.base_url + path_of(route, prefix))
            assert_problem(reply, 405, "method_not_allowed")
            assert reply.allow == ROUTES[route]


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/key/a", "/keysa", "/Keys/a", "/stats/", "/stats/a", "/mget/", "/export/a", "//keys/a", "/livez%2F"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_an_unknown_route_is_404(server, path, method):
    options = ["--head"] if method == "HEAD" else ["-X", method]
    reply = curl(*options, server.base_url + path)
    assert reply.status == 404
    if method != "HEAD":
        assert_problem(reply, 404, "route_not_found")


def test_the_index_lists_the_routes(server):
    reply = curl(server.base_url + "/")
    assert (reply.status, reply.content_type) == (200, "application/json")
    index = reply.json()
    assert isinstance(index["name"], str) and re.fullmatch(r"\d+\.\d+\.\d+\S*", index["version"])
    listed = {route["path"]: set(route["methods"]) | {"OPTIONS"} for route in index["routes"]}
    assert listed == ROUTES


def test_the_contract_is_served(server, repository):
    reply = curl(server.base_url + "/openapi.yaml")
    assert reply.status == 200
    assert reply.content_type in ("application/yaml", "application/openapi+yaml", "application/vnd.oai.openapi")
    assert reply.body == (repository / "openapi.yaml").read_bytes()


@pytest.mark.parametrize("route", ["/livez", "/readyz", "/healthz"])
def test_health(server, route):
    reply = curl(server.base_url + route)
    assert (reply.status, reply.content_type, reply.json()) == (200, "application/json", {"status": "ok"})


def test_unknown_query_parameters_are_ignored(url):
    assert curl("-X", "PUT", "-d", "1", url() + "?colour=blue&ttl=300&x").status == 201
    reply = curl(url() + "?colour=blue")
    assert (reply.status, reply.body) == (200, b"1")
    assert "max-age" in reply.header("Cache-Control")


def test_bulk_round_trip(server, prefix):
    def post(route, body):
        reply = curl("-d", body, server.base_url + route)
        assert (reply.status, reply.content_type) == (200, "application/json")
        return reply.json()

    assert post("/mput", '{"items":{"%sa":1,"%sb":[2]},"ttl":300}' % (prefix, prefix)) == {"stored": 2}
    keys = '["%sb","%sc","%sa"]' % (prefix, prefix, prefix)
    assert post("/mget", keys) == {"values": {prefix + "b": [2], prefix + "a": 1}, "missing": [prefix + "c"]}
    assert post("/mdelete", '{"keys":%s}' % keys) == {"deleted": 2}
    assert post("/mget", '{"keys":%s}' % keys) == {"values": {}, "missing": [prefix + k for k in "bca"]}


def test_list_clear_warm_export(server, prefix):
    lines = b'{"key":"%sx","value":1}\n{"key":"%sy","value":2,"ttl":300}\n' % (prefix.encode(), prefix.encode())
    warmed = curl(
        "-H", "Content-Type: application/x-ndjson", "--data-binary", "@-", server.base_url + "/warm", stdin=lines
    )
    assert (warmed.status, warmed.json()["loaded"]) == (200, 2)

    exported = curl(f"{server.base_url}/export?prefix={prefix}")
    assert (exported.status, exported.content_type) == (200, "application/x-ndjson")
    assert len(exported.body.splitlines()) == 2

    page = curl(f"{server.base_url}/keys?prefix={prefix}").json()
    assert sorted(entry["key"] for entry in page["keys"]) == [prefix + "x", prefix + "y"]

    cleared = curl("-X", "DELETE", f"{server.base_url}/keys?prefix={prefix}")
    assert (cleared.status, cleared.json()) == (200, {"deleted": 2})
    assert curl(f"{server.base_url}/keys?prefix={prefix}").json() == {"keys": [], "cursor": None}
