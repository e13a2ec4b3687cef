"""GET /metrics: well-formed, and the same figures as GET /stats."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness.contract import OPERATIONS, ROUTES
from harness.deadline import eventually


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


def test_metrics_say_the_same(start_server):
    server = start_server("--capacity", "100", "--max-memory", "64MiB", "--eviction", "lru")
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
    for estimate in stats["what_if"]:
        factor = str(float(estimate["capacity_factor"]))
        ratio = samples["cache_estimated_hit_ratio", ("capacity_factor", factor)]
        assert ratio == pytest.approx(estimate["hit_rate"] / 100)
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
