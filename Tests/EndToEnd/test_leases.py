"""Loading by clients: one of many that miss a key gets the lease to fill it; and stale values, which come with it."""

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from harness.contract import assert_problem
from harness.curl import curl
from harness.deadline import eventually

CLIENTS = 64
TOKEN = re.compile(r"[0-9a-f]{32}")


def lease(server, key, duration="5s"):
    """Asks for a lease, which must be granted, and returns its token."""
    reply = server.request("GET", f"/keys/{key}?lease={duration}")
    token = reply.header("Lease")
    assert token is not None and TOKEN.fullmatch(token), f"{reply.status} without a lease"
    return token


def fill(server, key, token, body="1", query="", **headers):
    return server.request("PUT", f"/keys/{key}{query}", body, headers={"Lease": token, **headers})


def test_curl_loads_what_is_missing(server, prefix):
    """As a shell script would: load when there is a token, else come again."""
    url = f"{server.base_url}/keys/{prefix}report"
    first = curl(f"{url}?lease=5s")
    assert_problem(first, 404, "key_not_found")
    assert first.header("Cache-Control") == "no-store"
    token = first.header("Lease")
    assert TOKEN.fullmatch(token)
    second = curl(f"{url}?lease=5s")
    assert_problem(second, 404, "key_not_found")
    assert second.header("Lease") is None
    assert 1 <= int(second.header("Retry-After")) <= 5
    stored = curl("-X", "PUT", "-H", f"Lease: {token}", "-d", '{"total": 42}', f"{url}?ttl=60")
    assert stored.status == 201
    third = curl(f"{url}?lease=5s")
    assert (third.status, third.body) == (200, b'{"total":42}')
    assert third.header("Lease") is None and third.header("Retry-After") is None


def test_of_many_clients_one_loads(server, prefix):
    """All want the same missing value; whoever has no lease asks again until it is there."""
    key = f"{prefix}busy"
    loads = []
    barrier = threading.Barrier(CLIENTS)

    def want(number: int):
        connection = server.connect()
        barrier.wait()
        while True:
            reply = server.request("GET", f"/keys/{key}?lease=30s", connection=connection)
            if reply.status == 200:
                return reply.json()
            assert_problem(reply, 404, "key_not_found")
            if token := reply.header("Lease"):
                loads.append(number)
                time.sleep(0.2)  # what a load takes
                headers = {"Lease": token}
                stored = server.request(
                    "PUT", f"/keys/{key}?ttl=60", json.dumps({"by": number}), headers=headers, connection=connection
                )
                assert stored.status == 201
            else:
                assert 1 <= int(reply.header("Retry-After")) <= 30
                time.sleep(0.01)

    with ThreadPoolExecutor(CLIENTS) as clients:
        values = list(clients.map(want, range(CLIENTS)))
    assert len(loads) == 1
    assert values == [{"by": loads[0]}] * CLIENTS


def test_a_change_during_the_load_wins(server, prefix):
    key = f"{prefix}k"
    changes = {
        "DELETE of the key": lambda: server.request("DELETE", f"/keys/{key}"),
        "DELETE of its prefix": lambda: server.request("DELETE", f"/keys?prefix={prefix}"),
        "DELETE of a tag": lambda: server.request("DELETE", f"/tags/{prefix}"),
        "mdelete": lambda: server.request("POST", "/mdelete", json.dumps([key])),
    }
    for name, change in changes.items():
        token = lease(server, key)
        change()
        assert_problem(fill(server, key, token, '"old"'), 409, "lease_lost")
        assert server.value(key) is None, name
    for name, request in {
        "PUT": ("PUT", f"/keys/{key}", "7"),
        "mput": ("POST", "/mput", json.dumps({"items": {key: 7}})),
        "incr": ("POST", "/incr", json.dumps({"key": key, "by": 7})),
        "warm": ("POST", "/warm", json.dumps({"key": key, "value": 7}) + "\n"),
    }.items():
        token = lease(server, key)
        assert server.request(*request).status in (200, 201), name
        assert_problem(fill(server, key, token, '"old"'), 409, "lease_lost")
        assert server.value(key) == b"7", name
        server.request("DELETE", f"/keys/{key}")


def test_a_clear_takes_all_leases(fresh):
    token = lease(fresh, "anything")
    assert fresh.request("DELETE", "/keys").json() == {"deleted": 0}
    assert_problem(fill(fresh, "anything", token), 409, "lease_lost")


def test_a_late_loader_is_refused(server, prefix):
    """The first loads for too long; the second is granted the lease after it, and its value stays."""
    key = f"{prefix}k"
    late = lease(server, key, "100ms")
    granted = []

    def is_granted():
        if token := server.request("GET", f"/keys/{key}?lease=5s").header("Lease"):
            granted.append(token)
        return bool(granted)

    eventually(is_granted, "the lease ends and is granted anew")
    assert_problem(fill(server, key, late, '"late"'), 409, "lease_lost")
    assert server.value(key) is None
    assert fill(server, key, granted[0], '"in time"').status == 201
    assert_problem(fill(server, key, granted[0], '"twice"'), 409, "lease_lost")
    assert server.value(key) == b'"in time"'


def test_what_cannot_be_read_is_refused(server, prefix):
    for duration in ("", "0s", "-5s", "61s", "1h", "5%20s", "soon"):
        assert_problem(server.request("GET", f"/keys/{prefix}k?lease={duration}"), 400, "invalid_query")
    for token in ("0", "x" * 32, "0" * 33):
        assert_problem(fill(server, f"{prefix}k", token), 400, "invalid_header")
    for directives in ("stale-if-error=5", "max-age=9, stale-if-error=soon"):
        reply = server.request("PUT", f"/keys/{prefix}k", "1", headers={"Cache-Control": directives})
        assert_problem(reply, 400, "invalid_ttl")
    assert_problem(fill(server, f"{prefix}k", "0" * 32), 409, "lease_lost")


def test_a_large_value_fills_too(server, prefix):
    """It is refused, if at all, after it was received into the place that the entry would have had."""
    key = f"{prefix}large"
    value = json.dumps("v" * 1_000_000)
    assert_problem(fill(server, key, "0" * 32, value), 409, "lease_lost")
    assert fill(server, key, lease(server, key), value).status == 201
    assert server.value(key) == value.encode()


def test_a_stale_value_bridges_the_load(server, prefix):
    key = f"{prefix}k"
    stored = server.request(
        "PUT", f"/keys/{key}?ttl=0.3", '"old"', headers={"Cache-Control": "stale-while-revalidate=60"}
    )
    assert stored.status == 201
    eventually(lambda: server.value(key) is None, "it expires")
    # It is there for none but those who ask for it.
    assert server.request("HEAD", f"/keys/{key}?lease=5s").status == 404
    assert server.request("POST", "/mget", json.dumps([key])).json()["missing"] == [key]
    assert server.request("GET", f"/keys?prefix={prefix}").json()["keys"] == []
    assert server.request("GET", f"/export?prefix={prefix}").body == b""
    first = server.request("GET", f"/keys/{key}?lease=5s")
    second = server.request("GET", f"/keys/{key}?lease=5s")
    for reply in (first, second):
        assert (reply.status, reply.body) == (200, b'"old"')
        assert re.fullmatch(r"production-cache; hit; ttl=-[1-9]\d*", reply.header("Cache-Status"))
        assert reply.header("Cache-Control") == "no-store"
        assert reply.header("ETag") == stored.header("ETag")
    assert (second.header("Lease"), first.header("Retry-After")) == (None, None)
    assert 1 <= int(second.header("Retry-After")) <= 5
    assert fill(server, key, first.header("Lease"), '"new"', "?ttl=60").status == 201
    assert server.value(key) == b'"new"'


def test_stale_values_are_counted_apart(start_server):
    server = start_server("--capacity", "3")
    for number in range(3):
        headers = {"Cache-Control": "stale-if-error=600"}
        server.request("PUT", f"/keys/{number}?ttl=0.2", "1", headers=headers)

    def told():
        stats = server.stats()
        return (stats["current_size"], stats["stale_entries"], stats["expirations"])

    eventually(lambda: told() == (0, 3, 3), "all three are stale, and counted once")
    # The bound is on all that is held: each new one takes the place of a stale one, which is no eviction.
    for number in range(2):
        server.put(f"new-{number}", "1")
    assert told() == (2, 1, 3)
    assert server.stats()["evictions"] == 0
    assert "cache_stale_entries 1" in server.request("GET", "/metrics").body.decode().splitlines()


def test_the_books_of_leases(start_server):
    server = start_server()
    assert server.stats()["leases"] == {"granted": 0, "filled": 0, "lost": 0}
    tokens = [lease(server, f"k{number}") for number in range(3)]
    server.request("GET", "/keys/k0?lease=5s")
    assert fill(server, "k0", tokens[0]).status == 201
    assert fill(server, "k1", tokens[2]).status == 409
    assert server.stats()["leases"] == {"granted": 3, "filled": 1, "lost": 1}
    lines = server.request("GET", "/metrics").body.decode().splitlines()
    for result, count in (("granted", 3), ("filled", 1), ("lost", 1)):
        assert f'cache_leases_total{{result="{result}"}} {count}' in lines
    # Leases end without being asked for, and leave no memory behind.
    server.request("DELETE", "/keys")
    empty = server.stats()["memory_bytes"]
    for number in range(50):
        lease(server, f"short{number}", "200ms")
    eventually(lambda: server.stats()["memory_bytes"] <= empty, "the leases' memory is free again")


def test_a_token_that_may_only_read_gets_no_lease(start_server, tmp_path):
    # printf %s reader | sha256sum; and of writer
    file = tmp_path / "tokens"
    file.write_text(
        "3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30 read\n"
        "b93006774cbdd4b299389a03ac3d88c3a76b460d538795bc12718011a909fba5 write\n"
    )
    server = start_server("--auth-tokens", str(file))
    reader = {"Authorization": "Bearer reader"}
    assert_problem(server.request("GET", "/keys/k?lease=5s", headers=reader), 403, "forbidden")
    assert server.request("GET", "/keys/k", headers=reader).status == 404
    reply = server.request("GET", "/keys/k?lease=5s", headers={"Authorization": "Bearer writer"})
    assert TOKEN.fullmatch(reply.header("Lease"))


def test_the_token_is_in_no_log(start_server):
    server = start_server("--log-level", "debug", "--access-log", "json")
    token = lease(server, "k")
    assert fill(server, "k", token).status == 201
    assert_problem(fill(server, "k", token), 409, "lease_lost")
    server.stop()
    assert token not in server.transcript()
