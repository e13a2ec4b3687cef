"""Many clients at once: whatever they do, the books balance and no value is read that was not written for its key."""

import json
import random
import threading
import time
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness.deadline import PATIENCE

CLIENTS = 64
ROUNDS = 120
KEYS = 600
CAPACITY = 300


class Client:
    """A thread's worth of random operations on shared keys, and its own count of what happened."""

    def __init__(self, server, number, seed):
        self.server, self.number, self.rng = server, number, random.Random(f"{seed}/{number}")
        self.counts = Counter()
        self.failure = None
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        self.connection = self.server.connect(timeout=6 * PATIENCE)
        operations = (
            [self.get] * 8
            + [self.head, self.mget, self.mget]
            + [self.put] * 5
            + [self.mput, self.delete, self.mdelete, self.list]
        )
        try:
            for round in range(ROUNDS):
                self.rng.choice(operations)(round)
        except Exception as failure:
            self.failure = failure
        finally:
            self.connection.close()

    def ask(self, method, target, body=None):
        return self.server.request(method, target, body=body, connection=self.connection)

    def key(self):
        return f"k{self.rng.randrange(KEYS)}"

    def value(self, key, round):
        return {"key": key, "by": [self.number, round], "fill": "x" * self.rng.randrange(200)}

    def check(self, key, value):
        assert value["key"] == key, f"{key} answered with a value written for {value['key']}"
        assert value.keys() == {"key", "by", "fill"}

    def get(self, _):
        key = self.key()
        reply = self.ask("GET", f"/keys/{key}")
        assert reply.status in (200, 404)
        self.counts["hits" if reply.status == 200 else "misses"] += 1
        if reply.status == 200:
            self.check(key, reply.json())

    def head(self, _):
        reply = self.ask("HEAD", f"/keys/{self.key()}")
        self.counts["hits" if reply.status == 200 else "misses"] += 1

    def mget(self, _):
        keys = [self.key() for _ in range(self.rng.randrange(1, 20))]
        answer = self.ask("POST", "/mget", keys).json()
        assert list(answer["values"]) == [key for key in dict.fromkeys(keys) if key in answer["values"]]
        assert answer["values"].keys() | set(answer["missing"]) == set(keys)
        for key, value in answer["values"].items():
            self.check(key, value)
        self.counts["hits"] += len(answer["values"])
        self.counts["misses"] += len(answer["missing"])

    def put(self, round):
        key = self.key()
        query = self.rng.choice(["", "", "?ttl=600", "?ttl=0.05"])
        assert self.ask("PUT", f"/keys/{key}{query}", self.value(key, round)).status in (201, 204)
        self.counts["puts"] += 1

    def mput(self, round):
        items = {key: self.value(key, round) for key in {self.key() for _ in range(10)}}
        assert self.ask("POST", "/mput", {"items": items}).json() == {"stored": len(items)}
        self.counts["puts"] += len(items)

    def delete(self, _):
        status = self.ask("DELETE", f"/keys/{self.key()}").status
        assert status in (204, 404)
        self.counts["deletes"] += status == 204

    def mdelete(self, _):
        self.counts["deletes"] += self.ask("POST", "/mdelete", [self.key() for _ in range(3)]).json()["deleted"]

    def list(self, _):
        entries = self.ask("GET", f"/keys?prefix={self.key()}&limit=50").json()["keys"]
        assert len(entries) == len({entry["key"] for entry in entries})


@pytest.mark.timeout(240)
def test_the_books_balance(start_server, rng, measured):
    server = start_server("--capacity", str(CAPACITY))
    seed = rng.random()
    clients = [Client(server, number, seed) for number in range(CLIENTS)]
    started = time.monotonic()
    for client in clients:
        client.thread.start()

    # Meanwhile each reply of /stats is consistent in itself.
    connection, replies = server.connect(), 0
    while any(client.thread.is_alive() for client in clients):
        assert time.monotonic() - started < 20 * PATIENCE, "the clients do not finish"
        stats = server.request("GET", "/stats", connection=connection).json()
        assert stats["total_requests"] == stats["hits"] + stats["misses"]
        assert stats["current_size"] <= CAPACITY
        assert stats["memory_bytes"] <= stats["memory_limit_bytes"]
        expected_rate = 100 * stats["hits"] / max(1, stats["total_requests"])
        assert stats["hit_rate"] == pytest.approx(expected_rate, abs=0.01)
        replies += 1
    connection.close()
    assert replies > 10
    failures = [client.failure for client in clients if client.failure is not None]
    assert not failures, failures[0]
    total = sum((client.counts for client in clients), Counter())
    measured(f"{CLIENTS} clients: {sum(total.values())} reads and writes of keys in {time.monotonic() - started:.1f} s")

    stats = server.stats()
    assert {name: stats[name] for name in ("hits", "misses", "puts", "deletes")} == {
        name: total[name] for name in ("hits", "misses", "puts", "deletes")
    }
    assert stats["total_requests"] == total["hits"] + total["misses"]
    assert stats["evictions"] > 0 and stats["expirations"] > 0 and total["deletes"] > 0 and total["hits"] > 0

    # What was put in is still there, or left for one of four causes, once.
    families = {family.name: family for family in text_string_to_metric_families(server.get("/metrics").body.decode())}
    removals = sum(sample.value for sample in families["cache_removals"].samples)
    (entries,) = families["cache_entries"].samples
    (puts,) = families["cache_puts"].samples
    assert puts.value == total["puts"] == entries.value + removals

    # And what is listed can be read, and is as much as is counted.
    listed, cursor = [], ""
    while cursor is not None:
        page = server.get(f"/keys?limit=100{'&cursor=' + cursor if cursor else ''}").json()
        listed += [entry["key"] for entry in page["keys"]]
        cursor = page["cursor"]
    assert len(listed) == len(set(listed)) <= CAPACITY
    values = server.post("/mget", listed).json()["values"]
    for key, value in values.items():
        assert value["key"] == key


def test_one_key_under_many_writers(start_server):
    """Readers of one key that is always present see whole values only, and never miss."""
    server = start_server()
    server.put("hot", json.dumps({"fill": "0" * 1000}))
    done = threading.Event()
    failures = []

    def write(number):
        connection = server.connect()
        while not done.is_set():
            reply = server.request(
                "PUT", "/keys/hot", body=json.dumps({"fill": str(number) * 1000}), connection=connection
            )
            if reply.status != 204:
                failures.append(f"{reply.status} for a key that exists")
        connection.close()

    def read():
        connection = server.connect()
        for _ in range(400):
            reply = server.request("GET", "/keys/hot", connection=connection)
            fill = reply.json().get("fill", "")
            if reply.status != 200 or len(fill) != 1000 or len(set(fill)) != 1:
                failures.append(f"{reply.status}: {reply.body[:100]!r}")
        connection.close()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    readers = [threading.Thread(target=read) for _ in range(8)]
    for thread in writers + readers:
        thread.start()
    for thread in readers:
        thread.join(timeout=6 * PATIENCE)
    done.set()
    for thread in writers:
        thread.join(timeout=PATIENCE)
    assert not any(thread.is_alive() for thread in readers + writers)
    assert not failures, failures[:3]


def test_creation_is_atomic(start_server):
    """Of clients that write or delete the same new key at once, exactly one creates it, exactly one deletes it."""
    server = start_server()
    barrier = threading.Barrier(16)
    outcomes = [[] for _ in range(16)]

    def race(mine):
        connection = server.connect()
        for round in range(40):
            barrier.wait(timeout=6 * PATIENCE)
            created = server.request("PUT", f"/keys/race-{round}", body="1", connection=connection).status
            barrier.wait(timeout=6 * PATIENCE)
            deleted = server.request("DELETE", f"/keys/race-{round}", connection=connection).status
            mine.append((created, deleted))
        connection.close()

    threads = [threading.Thread(target=race, args=(mine,)) for mine in outcomes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=6 * PATIENCE)
    for results in zip(*outcomes, strict=True):
        assert Counter(created for created, _ in results) == {201: 1, 204: 15}
        assert Counter(deleted for _, deleted in results) == {204: 1, 404: 15}
    assert [len(mine) for mine in outcomes] == [40] * 16


def test_a_bulk_write_of_one_shape_is_never_seen_torn_by_value(start_server):
    """mput and mget lock shard by shard, so that different keys may differ in age, but each value is whole."""
    server = start_server()
    keys = [f"k{number}" for number in range(100)]
    server.post("/mput", {"items": {key: [key, 0] for key in keys}})
    done = threading.Event()

    def write():
        connection, round = server.connect(), 0
        while not done.is_set():
            round += 1
            server.request("POST", "/mput", body={"items": {key: [key, round] for key in keys}}, connection=connection)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        connection, newest = server.connect(), dict.fromkeys(keys, 0)
        for _ in range(200):
            answer = server.request("POST", "/mget", body=keys, connection=connection).json()
            assert answer["missing"] == []
            for key, (owner, round) in answer["values"].items():
                assert owner == key
                assert round >= newest[key], "a value went back in time"
                newest[key] = round
        connection.close()
    finally:
        done.set()
        writer.join(timeout=PATIENCE)
    assert max(newest.values()) > 0
