"""The bounds on entries and memory: what goes to make room, and that nothing else does."""

import time


def test_least_recently_used_goes_first(start_server):
    server = start_server("--capacity", "3", "--eviction", "lru")
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
