"""GET /stats and GET /metrics: exact arithmetic, and the same figures in both."""

import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness.contract import ROUTES
from harness.deadline import eventually

OPERATIONS = ("get", "put", "mget", "mput")
LATENCIES = {"count", "mean_ms", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"}


@pytest.fixture
def fresh(start_server):
    """A server that nobody else asks."""
    return start_server()


def core(stats):
    return {
        name: stats[name] for name in ("hits", "misses", "puts", "deletes", "evictions", "expirations", "current_size")
    }


def metrics(server):
    """The exposition's samples by name and labels."""
    reply = server.get("/metrics")
    assert reply.status == 200
    assert reply.header("Content-Type").replace(" ", "").lower().startswith("text/plain;version=0.0.4")
    families = list(text_string_to_metric_families(reply.body.decode()))
    names = [family.name for family in families]
    assert len(names) == len(set(names)), f"a family comes twice: {names}"
    samples = {}
    for family in families:
        assert family.documentation, f"{family.name} has no HELP"
        assert family.type != "unknown", f"{family.name} has no TYPE"
        for sample in family.samples:
            label = (sample.name, *sorted(sample.labels.items()))
            assert label not in samples, f"a sample comes twice: {label}"
            samples[label] = sample.value
    return samples


def test_every_member(fresh):
    stats = fresh.stats()
    assert core(stats) == dict.fromkeys(core(stats), 0)
    assert (stats["hit_rate"], stats["total_requests"]) == (0, 0)
    assert stats["capacity"] is None
    assert stats["eviction_policy"] == "lru"
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
        "eviction_policy",
        "uptime_seconds",
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


def test_metrics_say_the_same(start_server):
    server = start_server("--capacity", "100", "--max-memory", "64MiB")
    for number in range(150):
        server.put(f"secret-{number}", ttl=0.05 if number >= 140 else None)
    eventually(lambda: server.stats()["current_size"] == 90, "the short-lived are gone")
    for number in range(100, 200):
        server.get(f"/keys/secret-{number}")
    server.put("secret-120", "2")
    server.request("DELETE", "/keys/secret-121")
    stats, samples = server.stats(), metrics(server)

    assert samples["cache_gets_total", ("result", "hit")] == stats["hits"] == 40
    assert samples["cache_gets_total", ("result", "miss")] == stats["misses"] == 60
    assert samples["cache_puts_total",] == stats["puts"] == 151
    removals = {
        cause: samples["cache_removals_total", ("cause", cause)]
        for cause in ("evicted", "expired", "deleted", "replaced")
    }
    assert removals == {
        "evicted": stats["evictions"],
        "expired": stats["expirations"],
        "deleted": stats["deletes"],
        "replaced": 1,
    }
    assert removals["evicted"] == 50 and removals["expired"] == 10
    assert samples["cache_entries",] == stats["current_size"] == 89
    assert samples["cache_capacity_entries",] == stats["capacity"]
    assert samples["cache_memory_limit_bytes",] == stats["memory_limit_bytes"]
    assert samples["cache_memory_bytes",] == stats["memory_bytes"]
    assert abs(samples["cache_uptime_seconds",] - stats["uptime_seconds"]) < 5
    assert samples["cache_http_connections",] >= 1
    # What was put in is still there or left for one of four causes.
    assert stats["puts"] == stats["current_size"] + sum(removals.values())

    (build,) = [dict(label[1:]) for label in samples if label[0] == "cache_build_info"]
    assert build["version"] == server.get("/").json()["version"]
    for operation in ("get", "put"):
        assert (
            samples["cache_operation_duration_seconds_count", ("operation", operation)]
            == stats["latency"][operation]["count"]
        )
    assert not [label for label in samples if "secret" in str(label)], "a label carries a key"


def test_metrics_histograms(fresh):
    for number in range(100):
        fresh.put(f"k{number}")
        fresh.get(f"/keys/k{number}")
    samples = metrics(fresh)
    for operation in OPERATIONS:
        buckets = {}
        for (name, *labels), value in samples.items():
            labels = dict(labels)
            if name == "cache_operation_duration_seconds_bucket" and labels["operation"] == operation:
                buckets[float(labels["le"])] = value
        bounds = sorted(buckets)
        assert bounds[0] == pytest.approx(1e-6) and bounds[-1] == float("inf")
        values = [buckets[bound] for bound in bounds]
        assert values == sorted(values), "buckets are cumulative"
        assert values[-1] == samples["cache_operation_duration_seconds_count", ("operation", operation)]
        total = samples["cache_operation_duration_seconds_sum", ("operation", operation)]
        assert total > 0 if operation in ("get", "put") else total == 0


def test_metrics_of_http(fresh):
    fresh.put("a")
    for _ in range(3):
        fresh.get("/keys/a")
    fresh.get("/keys/none")
    fresh.get("/no/such/route")
    requests = {
        tuple(value for _, value in label[1:]): value
        for label, value in metrics(fresh).items()
        if label[0] == "cache_http_requests_total"
    }
    by_method_route_status = {
        ("GET", "/keys/{key}", "200"): 3,
        ("GET", "/keys/{key}", "404"): 1,
        ("PUT", "/keys/{key}", "201"): 1,
    }
    assert by_method_route_status.items() <= requests.items()
    for _, route, _ in requests:
        assert route in ROUTES or "/" not in route, f"a label that clients can make up: {route}"


def test_metrics_without_a_capacity(fresh):
    samples = metrics(fresh)
    assert ("cache_capacity_entries",) not in samples or samples["cache_capacity_entries",] == float("inf")
    assert samples["cache_memory_limit_bytes",] > 0


def test_least_recently_used_goes_first(start_server):
    server = start_server("--capacity", "3")
    for key in "abc":
        server.put(key)
    server.get("/keys/a")
    server.put("b", "2")
    server.put("d")
    assert [server.value(key) for key in "abcd"] == [b"1", b"2", None, b"1"]
    server.post("/mget", ["b", "a"])
    server.put("e")
    assert [server.value(key) for key in "abde"] == [b"1", b"2", None, b"1"]
    stats = server.stats()
    assert (stats["evictions"], stats["current_size"], stats["capacity"]) == (2, 3, 3)


def test_no_eviction_below_the_capacity(start_server):
    server = start_server("--capacity", "5000")
    server.post("/mput", {"items": {f"k{number}": number for number in range(5000)}})
    stats = server.stats()
    assert (stats["current_size"], stats["evictions"]) == (5000, 0)
    server.put("one-more")
    stats = server.stats()
    assert (stats["current_size"], stats["evictions"]) == (5000, 1)


def test_the_memory_limit_holds(start_server):
    server = start_server("--max-memory", "16MiB")
    before = server.resident_bytes()
    started = time.monotonic()
    number = 0
    while number < 40_000:
        server.post("/mput", {"items": {f"key-{number + index}": "x" * 2000 for index in range(500)}})
        number += 500
        stats = server.stats()
        assert stats["memory_bytes"] <= stats["memory_limit_bytes"] == 16 << 20
    assert time.monotonic() - started < 60
    assert stats["evictions"] > 30_000
    assert stats["current_size"] > 4000, "it holds about what fits"
    assert server.value(f"key-{number - 1}") is not None
    # The limit is on what the process really holds for entries; the rest is buffers and the allocator's slack.
    assert server.resident_bytes() - before < 3 * (16 << 20)
