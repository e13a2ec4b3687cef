"""GET and DELETE /stats: exact arithmetic."""

import pytest

from harness.contract import OPERATIONS
from harness.deadline import eventually

LATENCIES = {"count", "mean_ms", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"}


def core(stats):
    return {
        name: stats[name] for name in ("hits", "misses", "puts", "deletes", "evictions", "expirations", "current_size")
    }


def test_every_member(fresh):
    stats = fresh.stats()
    assert core(stats) == dict.fromkeys(core(stats), 0)
    assert (stats["hit_rate"], stats["total_requests"]) == (0, 0)
    assert stats["capacity"] is None
    assert stats["eviction_policy"] == "auto"
    assert stats["memory_limit_bytes"] > 0, "the default is half of the machine's or container's memory"
    assert 0 <= stats["memory_bytes"] <= stats["memory_limit_bytes"]
    assert 0 < stats["uptime_seconds"] < 60
    assert stats["latency"].keys() == set(OPERATIONS)
    for latency in stats["latency"].values():
        assert latency == dict.fromkeys(LATENCIES, 0)
    assert stats["http"].keys() == {"requests", "connections", "bytes_in", "bytes_out", "responses"}
    assert stats["http"]["responses"].keys() == {"2xx", "3xx", "4xx", "5xx"}
    expected = {
        "hits",
        "misses",
        "hit_rate",
        "total_requests",
        "puts",
        "deletes",
        "evictions",
        "expirations",
        "current_size",
    }
    expected |= {
        "capacity",
        "memory_bytes",
        "memory_limit_bytes",
        "stale_entries",
        "leases",
        "eviction_policy",
        "what_if",
        "uptime_seconds",
        "snapshot",
        "warm",
        "origin",
        "latency",
        "http",
    }
    assert expected <= stats.keys()


def test_configured_bounds_are_shown(start_server):
    stats = start_server("--capacity", "10", "--max-memory", "64MiB").stats()
    assert (stats["capacity"], stats["memory_limit_bytes"]) == (10, 64 << 20)


def test_what_counts(fresh):
    fresh.put("a")
    fresh.put("b", ttl=600)
    fresh.put("a", "2")
    fresh.get("/keys/a")
    fresh.request("HEAD", "/keys/a")
    fresh.get("/keys/none")
    fresh.request("HEAD", "/keys/none")
    fresh.post("/mget", ["a", "b", "a", "none", "none", "nor"])
    fresh.post("/mput", {"items": {"c": 1, "d": 2, "e": 3}})
    fresh.request("DELETE", "/keys/c")
    fresh.request("DELETE", "/keys/c")
    fresh.post("/mdelete", ["d", "d", "none"])
    fresh.request("DELETE", "/keys?prefix=e")
    expected = {"hits": 4, "misses": 4, "puts": 6, "deletes": 3, "evictions": 0, "expirations": 0, "current_size": 2}
    stats = fresh.stats()
    assert core(stats) == expected
    assert (stats["total_requests"], stats["hit_rate"]) == (8, 50)
    counted = {operation: latency["count"] for operation, latency in stats["latency"].items()}
    assert counted == {"get": 4, "put": 3, "mget": 1, "mput": 1}

    # None of these counts a hit or a miss.
    for target in ("/keys", "/export", "/stats", "/metrics", "/livez", "/", "/openapi.yaml", "/nothing", "/keys/%zz"):
        fresh.get(target)
    fresh.request("OPTIONS", "/keys/a")
    fresh.request("PATCH", "/keys/a")
    fresh.put("bad", "not JSON")
    fresh.post("/mput", {"items": {"bad": 1}, "ttl": -1})
    assert core(fresh.stats()) == expected


def test_hit_rate_is_a_percentage(fresh):
    fresh.put("a")
    for _ in range(2):
        fresh.get("/keys/a")
    fresh.get("/keys/none")
    assert fresh.stats()["hit_rate"] == pytest.approx(200 / 3, abs=0.01)


def test_reading_an_expired_entry_is_a_miss_and_one_expiration(fresh):
    fresh.put("a", ttl=0.05)
    eventually(lambda: fresh.get("/keys/a").status == 404, "the entry expires")
    stats = fresh.stats()
    misses = stats["misses"]
    assert misses == 1 and stats["expirations"] == 1
    fresh.get("/keys/a")
    stats = fresh.stats()
    assert (stats["misses"], stats["expirations"], stats["current_size"]) == (2, 1, 0)


def test_warm_counts_as_puts(fresh):
    fresh.post("/warm", b'{"key":"a","value":1}\n{"key":"b","value":1}\nbad\n')
    stats = fresh.stats()
    assert (stats["puts"], stats["current_size"]) == (2, 2)


def test_reset(fresh):
    fresh.put("a")
    fresh.put("b")
    fresh.get("/keys/a")
    fresh.get("/keys/none")
    fresh.post("/mget", ["a", "x"])
    fresh.request("DELETE", "/keys/b")
    memory = fresh.stats()["memory_bytes"]
    reply = fresh.request("DELETE", "/stats")
    assert (reply.status, reply.body) == (204, b"")
    stats = fresh.stats()
    assert core(stats) == dict.fromkeys(core(stats), 0) | {"current_size": 1}
    assert stats["memory_bytes"] == memory > 0
    assert all(latency == dict.fromkeys(LATENCIES, 0) for latency in stats["latency"].values())
    fresh.get("/keys/a")
    assert (fresh.stats()["hits"], fresh.stats()["hit_rate"]) == (1, 100)


def test_latencies_are_ordered_and_plausible(fresh):
    connection = fresh.connect()
    for number in range(500):
        fresh.request("PUT", f"/keys/{number}", body="1", connection=connection)
        fresh.request("GET", f"/keys/{number}", connection=connection)
        fresh.request("POST", "/mget", body='["1","2"]', connection=connection)
        fresh.request("POST", "/mput", body='{"items":{"1":1,"2":2}}', connection=connection)
    connection.close()
    for operation, latency in fresh.stats()["latency"].items():
        assert latency.keys() == LATENCIES
        assert latency["count"] == 500
        quantiles = [latency[name] for name in ("p50_ms", "p90_ms", "p99_ms", "p999_ms")]
        assert quantiles == sorted(quantiles), f"{operation}: {latency}"
        assert quantiles[0] > 0 and 0 < latency["mean_ms"] <= latency["max_ms"] < 1000
        assert quantiles[-1] <= latency["max_ms"] * 1.05


def test_http_counters(fresh):
    connection = fresh.connect()
    before = fresh.request("GET", "/stats", connection=connection).json()["http"]
    fresh.request("PUT", "/keys/a", body='"%s"' % ("x" * 10_000), connection=connection)
    fresh.request("GET", "/keys/a", connection=connection)
    fresh.request("GET", "/keys/none", connection=connection)
    after = fresh.request("GET", "/stats", connection=connection).json()["http"]
    connection.close()
    assert after["requests"] - before["requests"] == 4
    assert after["responses"]["4xx"] - before["responses"]["4xx"] == 1
    assert after["responses"]["2xx"] - before["responses"]["2xx"] == 3
    assert after["responses"]["5xx"] == 0
    assert 10_000 < after["bytes_in"] - before["bytes_in"] < 12_000
    assert 10_000 < after["bytes_out"] - before["bytes_out"] < 13_000
    assert after["connections"] >= 1


def test_connections_are_counted_while_open(fresh):
    connections = [fresh.connect() for _ in range(10)]
    for connection in connections:
        fresh.request("GET", "/livez", connection=connection)
    eventually(lambda: fresh.stats()["http"]["connections"] in (10, 11), "ten connections and perhaps the asking one")
    for connection in connections:
        connection.close()
    eventually(lambda: fresh.stats()["http"]["connections"] <= 1, "they are gone")
