"""Time to live: how it is given, what is refused, and that an entry is never served at or after its expiry."""

import re
import time

import pytest

from harness.contract import MAX_TTL, assert_problem
from harness.deadline import eventually

GOOD = ["1", "5", "0.5", "1.25", "60.000", "007", "%35", "0.001", str(MAX_TTL)]
BAD = [
    "", "0", "0.0", "-0", "-1", "-0.5", "nan", "NaN", "inf", "-inf", "Infinity", "1e9", "1e400", f"{MAX_TTL + 1}",
    f"{MAX_TTL}.5",
    "5s", "abc", "0x10", "5,5", "1_000", "%205", "5%20", "%2B5", "%D9%A5", "5%00", "9" * 400, "null", "true", "%22%22",
    "1.2.3",
]  # fmt: skip


@pytest.fixture
def put(server, prefix):
    def put(query="", cache_control=None):
        headers = {"Cache-Control": cache_control} if cache_control is not None else {}
        return server.request("PUT", f"/keys/{prefix}t{query}", body="1", headers=headers)

    return put


@pytest.fixture
def max_age(server, prefix):
    """The whole seconds that the entry still has, by its Cache-Control; None without an expiry."""

    def max_age():
        reply = server.get(f"/keys/{prefix}t")
        assert reply.status == 200
        value = reply.header("Cache-Control")
        return None if value is None else int(re.fullmatch(r"max-age=(\d+)", value)[1])

    return max_age


@pytest.mark.parametrize("ttl", GOOD)
def test_accepted_in_the_query(put, ttl):
    assert put(f"?ttl={ttl}").status == 201


@pytest.mark.parametrize("ttl", BAD)
def test_refused_in_the_query(server, prefix, put, max_age, ttl):
    assert put().status == 201
    assert_problem(put(f"?ttl={ttl}"), 400, "invalid_ttl")
    assert max_age() is None, "a refused write must change nothing"


@pytest.mark.parametrize("value, seconds", [
    ("max-age=60", 60), ("Max-Age=60", 60), ("private, max-age=60", 60), ("max-age=60,no-transform", 60),
    ("no-store", None), ("", None),
])  # fmt: skip
def test_cache_control_gives_the_ttl(put, max_age, value, seconds):
    assert put(cache_control=value).status == 201
    left = max_age()
    assert left is None if seconds is None else seconds - 10 <= left <= seconds


@pytest.mark.parametrize(
    "value", ["max-age=0", "max-age=-1", "max-age=abc", "max-age=", "max-age=5s", f"max-age={MAX_TTL + 1}"]
)
def test_a_bad_max_age_is_refused(put, value):
    assert_problem(put(cache_control=value), 400, "invalid_ttl")


def test_the_query_wins_over_the_header(put, max_age):
    assert put("?ttl=1000", "max-age=60").status == 201
    assert 990 <= max_age() <= 1000


def test_a_write_sets_the_ttl_anew(server, prefix, put, max_age):
    put("?ttl=60")
    assert 50 <= max_age() <= 60
    put("?ttl=600")
    assert 590 <= max_age() <= 600
    put()
    assert max_age() is None
    assert server.post("/mput", {"items": {prefix + "t": 2}, "ttl": 60}).status == 200
    assert 50 <= max_age() <= 60
    assert server.post("/mput", {"items": {prefix + "t": 3}}).status == 200
    assert max_age() is None


def test_default_ttl(start_server):
    server = start_server("--default-ttl", "1h")

    def max_age(key):
        return int(server.get(f"/keys/{key}").header("Cache-Control").removeprefix("max-age="))

    server.put("plain")
    server.put("own", ttl=60)
    server.post("/mput", {"items": {"bulk": 1}})
    server.post("/warm", '{"key":"warmed","value":1}')
    assert 50 <= max_age("own") <= 60
    for key in ("plain", "bulk", "warmed"):
        assert 3590 <= max_age(key) <= 3600


@pytest.mark.parametrize("ttl", [0.05, 0.4, 1.3])
def test_never_served_at_or_after_expiry_nor_gone_before(server, prefix, ttl):
    # The entry expires between `earliest` and `latest`, whenever in the request the server took the time.
    earliest = time.monotonic() + ttl
    assert server.put(prefix + "t", "1", ttl=ttl).status == 201
    latest = time.monotonic() + ttl
    served = 0

    def gone():
        nonlocal served
        asked = time.monotonic()
        status = server.get(f"/keys/{prefix}t").status
        answered = time.monotonic()
        assert status == 404 or asked < latest, f"served {asked - latest:.4f} s after its expiry"
        assert status == 200 or answered >= earliest, f"gone {earliest - answered:.4f} s before its expiry"
        served += status == 200
        return status == 404

    eventually(gone, "the entry expires", within=ttl + 2)
    assert served > 0 or ttl < 0.1


def test_every_route_honours_the_expiry(server, prefix):
    keys = [prefix + name for name in ("put", "mput", "item", "warm")]
    server.put(keys[0], ttl=0.3)
    server.post("/mput", {"items": {keys[1]: 1}, "ttl": 0.3})
    server.post("/mput", {"items": [{"key": keys[2], "value": 1, "ttl": 0.3}], "ttl": 600})
    server.post("/warm", '{"key":"%s","value":1,"ttl":0.3}' % keys[3])
    latest = time.monotonic() + 0.3
    eventually(lambda: time.monotonic() >= latest, "the time has come")
    for key in keys:
        assert server.value(key) is None
        assert server.request("HEAD", f"/keys/{key}").status == 404
        assert server.request("DELETE", f"/keys/{key}").status == 404
    assert server.post("/mget", keys).json() == {"values": {}, "missing": keys}
    assert server.post("/mdelete", keys).json() == {"deleted": 0}
    assert server.get(f"/keys?prefix={prefix}").json()["keys"] == []
    assert server.get(f"/export?prefix={prefix}").body == b""
    assert server.request("DELETE", f"/keys?prefix={prefix}").json() == {"deleted": 0}
    assert server.put(keys[0]).status == 201, "writing over an expired entry creates it anew"


def test_expired_entries_go_without_being_read(start_server):
    server = start_server()
    items = {f"short/{number}": number for number in range(5000)}
    server.post("/mput", {"items": items, "ttl": 0.2})
    server.post("/mput", {"items": {"long": 1}, "ttl": 600})
    expired = time.monotonic() + 0.2

    eventually(lambda: server.stats()["current_size"] == 1, "only the long-lived entry is left", within=5)
    # Gone within a second of the expiry; the rest is the machine's own delay.
    assert time.monotonic() - expired < 2
    stats = server.stats()
    assert (stats["expirations"], stats["evictions"], stats["deletes"], stats["misses"]) == (5000, 0, 0, 0)


@pytest.mark.parametrize(
    "ttl", ["0", "-1", "-0.5", "1e-400", f"{MAX_TTL + 1}", "1e400", "true", "[]", "{}", '"abc"', '""', '"5s"']
)
def test_refused_in_bulk(server, prefix, ttl):
    # What is no number at all may be called the body's fault.
    codes = ["invalid_ttl"] + ["invalid_body"] * (not ttl.lstrip("-")[0].isdigit())
    shared = '{"items":{"%sa":1},"ttl":%s}' % (prefix, ttl)
    assert_problem(server.post("/mput", shared), 400, *codes)
    own = '{"items":[{"key":"%sa","value":1,"ttl":60},{"key":"%sb","value":1,"ttl":%s}]}' % (prefix, prefix, ttl)
    problem = assert_problem(server.post("/mput", own), 400, *codes)
    if problem["code"] == "invalid_ttl":
        assert [(error["key"], error["code"]) for error in problem["errors"]] == [(prefix + "b", "invalid_ttl")]
    assert server.value(prefix + "a") is None, "all or nothing"


@pytest.mark.parametrize("ttl, left", [("60", 60), ("60.5", 60), ("6e1", 60), ("null", None)])
def test_accepted_in_bulk(server, prefix, ttl, left):
    assert server.post("/mput", '{"items":{"%sa":1},"ttl":%s}' % (prefix, ttl)).json() == {"stored": 1}
    assert server.post("/mput", '{"items":[{"key":"%sb","value":1,"ttl":%s}]}' % (prefix, ttl)).json() == {"stored": 1}
    entries = server.get(f"/keys?prefix={prefix}").json()["keys"]
    assert len(entries) == 2
    for entry in entries:
        assert entry["ttl"] is None if left is None else 50 < entry["ttl"] <= 60.5


def test_items_have_ttls_of_their_own(server, prefix):
    items = [{"key": prefix + "own", "value": 1, "ttl": 60}, {"key": prefix + "shared", "value": 2}]
    assert server.post("/mput", {"items": items, "ttl": 600}).json() == {"stored": 2}
    left = {entry["key"]: entry["ttl"] for entry in server.get(f"/keys?prefix={prefix}").json()["keys"]}
    assert 50 < left[prefix + "own"] <= 60
    assert 590 < left[prefix + "shared"] <= 600


def test_ttl_jitter(start_server):
    server = start_server("--ttl-jitter", "50")

    def max_age(key):
        return int(server.get(f"/keys/{key}").header("Cache-Control").removeprefix("max-age="))

    server.put("plain", ttl=1000)
    server.post("/mput", {"items": {f"bulk-{number}": 1 for number in range(100)}, "ttl": 1000})
    lines = "".join(f'{{"key":"warmed-{number}","value":1,"ttl":1000}}\n' for number in range(100))
    server.post("/warm", lines + f'{{"key":"dated","value":1,"expires_at":{time.time() + 1000:.3f}}}\n')
    for key in ("plain", "dated"):
        assert 990 <= max_age(key) <= 1000
    for kind in ("bulk", "warmed"):
        ages = [max_age(f"{kind}-{number}") for number in range(100)]
        assert all(490 <= age <= 1000 for age in ages)
        assert min(ages) < 650 and max(ages) > 850 and len(set(ages)) > 50
