"""GET and DELETE /keys: pages, prefixes, and a walk that lists each lasting key exactly once while writers churn."""

import threading
from urllib.parse import quote

import pytest

from harness.contract import DEFAULT_PAGE, MAX_PAGE, assert_problem


def page(server, prefix, cursor=None, limit=None):
    query = f"/keys?prefix={quote(prefix, safe='')}"
    query += "" if limit is None else f"&limit={limit}"
    query += "" if cursor is None else f"&cursor={quote(cursor, safe='')}"
    reply = server.get(query)
    assert reply.status == 200, reply
    body = reply.json()
    assert body.keys() == {"keys", "cursor"}
    assert len(body["keys"]) <= (limit or DEFAULT_PAGE)
    return body


def walk(server, prefix, limit=None, between=lambda: None):
    """Follows the cursor to the end and returns every entry listed, in order."""
    entries, cursor, seen = [], None, set()
    while True:
        body = page(server, prefix, cursor, limit)
        entries += body["keys"]
        cursor = body["cursor"]
        if cursor is None:
            return entries
        assert cursor not in seen, "the walk goes round in circles"
        seen.add(cursor)
        between()


def fill(server, prefix, count):
    keys = [f"{prefix}{number}" for number in range(count)]
    for start in range(0, count, 5000):
        items = dict.fromkeys(keys[start : start + 5000], 1)
        assert server.post("/mput", {"items": items}).json() == {"stored": len(items)}
    return keys


def test_an_entry(server, prefix):
    server.put(prefix + "plain", '{"a": 1}')
    server.put(prefix + "timed", '"é"', ttl=600)
    entries = {entry["key"]: entry for entry in page(server, prefix)["keys"]}
    assert entries[prefix + "plain"] == {"key": prefix + "plain", "ttl": None, "size": 7}
    assert entries[prefix + "timed"].keys() == {"key", "ttl", "size"}
    assert 590 < entries[prefix + "timed"]["ttl"] <= 600
    assert entries[prefix + "timed"]["size"] == 4, "size is in bytes"


def test_listing_needs_no_parameters(server, prefix):
    server.put(prefix + "a")
    reply = server.get("/keys")
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert 0 <= len(reply.json()["keys"]) <= DEFAULT_PAGE


@pytest.mark.parametrize("limit", [None, 1, 7, 100, MAX_PAGE])
def test_a_walk_lists_each_key_once(server, prefix, limit):
    keys = fill(server, prefix, 50 if limit == 1 else 1200)
    assert sorted(entry["key"] for entry in walk(server, prefix, limit)) == sorted(keys)


def test_a_prefix_selects_by_bytes(server, prefix):
    names = ["", "a", "ab", "abc", "b", "A", "a/", "a\0", "é", "e\u0301", "a%2F"]
    server.post("/mput", {"items": {prefix + name: 1 for name in names}})
    for start in ("", "a", "ab", "abcd", "é", "e", "a\0", "a%2F", "a/"):
        expected = sorted(prefix + name for name in names if name.startswith(start))
        assert sorted(entry["key"] for entry in walk(server, prefix + start)) == expected


@pytest.mark.parametrize(
    "limit", ["0", "-1", str(MAX_PAGE + 1), "", "abc", "1.5", "1e2", "9" * 30, "0x10", "%20", "+5"]
)
def test_a_bad_limit(server, limit):
    assert_problem(server.get(f"/keys?limit={limit}"), 400, "invalid_query")


@pytest.mark.parametrize("cursor", ["", "abc", "-1", "%00", "%FF", "a" * 2000, "!!!", "%20"])
def test_a_cursor_that_the_server_cannot_have_given(server, cursor):
    assert_problem(server.get(f"/keys?cursor={cursor}"), 400, "invalid_query")


@pytest.mark.parametrize("prefix_text", ["%", "%zz", "%FF", "a%C3"])
@pytest.mark.parametrize("method, route", [("GET", "/keys"), ("DELETE", "/keys"), ("GET", "/export")])
def test_a_prefix_that_cannot_be_decoded(server, prefix, method, route, prefix_text):
    server.put(prefix + "a")
    assert_problem(server.request(method, f"{route}?prefix={prefix_text}"), 400, "invalid_query", "invalid_key")
    assert server.value(prefix + "a") == b"1", "a refused clear must clear nothing"


def test_clear_by_prefix(server, prefix):
    fill(server, prefix + "a/", 1500)
    fill(server, prefix + "b/", 3)
    assert server.request("DELETE", f"/keys?prefix={prefix}a/").json() == {"deleted": 1500}
    assert server.request("DELETE", f"/keys?prefix={prefix}a/").json() == {"deleted": 0}
    assert len(walk(server, prefix)) == 3


def test_clear_all(start_server):
    server = start_server()
    assert server.request("DELETE", "/keys").json() == {"deleted": 0}
    fill(server, "a/", 1500)
    fill(server, "b/", 10)
    assert server.request("DELETE", "/keys").json() == {"deleted": 1510}
    stats = server.stats()
    assert (stats["current_size"], stats["deletes"]) == (0, 1510)
    assert server.get("/keys").json() == {"keys": [], "cursor": None}


def test_exactly_once_while_the_table_grows(start_server):
    server = start_server()
    keys = fill(server, "stable/", 2000)
    rounds = iter(range(1000))

    def grow():
        if (number := next(rounds)) < 20:
            fill(server, f"stable/grown/{number}/", 5000)

    listed = [entry["key"] for entry in walk(server, "stable/", limit=500, between=grow)]
    assert len(listed) == len(set(listed))
    assert set(keys) <= set(listed)


def test_exactly_once_while_the_table_shrinks(start_server):
    server = start_server()
    keys = fill(server, "k/stable/", 500)
    fill(server, "k/going/", 50_000)
    rounds = iter(range(1000))

    def shrink():
        if next(rounds) == 3:
            assert server.request("DELETE", "/keys?prefix=k/going/").json()["deleted"] == 50_000

    listed = [entry["key"] for entry in walk(server, "k/", limit=100, between=shrink)]
    assert len(listed) == len(set(listed))
    assert set(keys) <= set(listed)


def test_exactly_once_while_writers_churn(start_server):
    server = start_server()
    stable = set(fill(server, "k/stable/", 3000))
    done = threading.Event()
    failures = []

    def churn(writer):
        connection = server.connect()
        try:
            number = 0
            while not done.is_set():
                number += 1
                passing = "/keys/k/passing/%d.%d" % (writer, number % 400)
                steps = [
                    ("PUT", passing, "1"),
                    ("PUT", "/keys/k/stable/%d" % (number * 7 % 3000), "2"),
                    ("DELETE", passing, None),
                ]
                for method, target, body in steps:
                    assert server.request(method, target, body, connection=connection).status in (201, 204)
        except Exception as failure:
            failures.append(failure)
        finally:
            connection.close()

    writers = [threading.Thread(target=churn, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    try:
        for limit in (100, 1000, 37):
            listed = [entry["key"] for entry in walk(server, "k/", limit=limit)]
            lasting = [key for key in listed if key in stable]
            assert len(lasting) == len(stable), f"{len(lasting)} of {len(stable)} lasting keys listed"
            assert set(lasting) == stable
    finally:
        done.set()
        for writer in writers:
            writer.join(timeout=10)
    assert not failures
