"""GET /export: every live entry as a line, streamed, and what /warm reads."""

import json
import threading
import time

from harness.deadline import PATIENCE
from harness.wire import Wire, request


def exported(server, prefix=""):
    reply = server.get(f"/export?prefix={prefix}")
    assert (reply.status, reply.content_type) == (200, "application/x-ndjson")
    assert reply.body == b"" or reply.body.endswith(b"\n")
    return reply.body.splitlines()


def test_export_lines(server, prefix):
    server.put(prefix + "plain", '{"big": 12345678901234567890, "kept": "\\u0061"}')
    server.put(prefix + "timed", "1.0", ttl=60)
    due = time.time() + 60
    lines = {json.loads(line)["key"]: line for line in exported(server, prefix)}
    assert lines.keys() == {prefix + "plain", prefix + "timed"}
    assert b'{"big":12345678901234567890,"kept":"\\u0061"}' in lines[prefix + "plain"]
    assert json.loads(lines[prefix + "plain"]).keys() == {"key", "value"}
    timed = json.loads(lines[prefix + "timed"])
    assert timed.keys() == {"key", "value", "expires_at"}
    assert abs(timed["expires_at"] - due) < 5


def test_export_fills_another_server(start_server, rng):
    origin, copy = start_server(), start_server()
    texts = [
        "null",
        "1.0",
        "1e400",
        "12345678901234567890",
        r'"\u0061\ud800"',
        '"é😀"',
        "[]",
        '{"a":[1,{"b":null}]}',
        '"' + "x" * 5000 + '"',
    ]
    odd_keys = ["a/b", "nul\0", 'quote"\\', "line\nend", "é", "😀", "\u2028", " ", "\x7f", "k" * 512]
    keys = odd_keys + [f"k{number}" for number in range(5000)]
    texts_by_key = {key: rng.choice(texts) for key in keys}
    items = [
        '{"key":%s,"value":%s%s}' % (json.dumps(key), text, rng.choice(["", ',"ttl":600']))
        for key, text in texts_by_key.items()
    ]
    assert origin.post("/mput", '{"items":[%s]}' % ",".join(items)).json() == {"stored": len(keys)}

    stream = origin.get("/export")
    report = copy.post("/warm", stream.body).json()
    assert (report["loaded"], report["failed"], report["expired"]) == (len(keys), 0, 0)
    again = copy.get("/export")

    def content(reply):
        entries = [json.loads(line) for line in reply.body.splitlines()]
        return {entry["key"]: entry.get("expires_at") for entry in entries}

    first, second = content(stream), content(again)
    assert first.keys() == second.keys() == set(keys)
    for key, due in first.items():
        assert (due is None) == (second[key] is None)
        assert due is None or abs(due - second[key]) < 0.1
    for key in rng.sample(keys, 300) + odd_keys:
        assert copy.value(key) == origin.value(key) == texts_by_key[key].encode()


def test_export_of_nothing(server, prefix):
    assert exported(server, prefix) == []


def test_export_to_http_1_0_ends_with_the_connection(server, prefix):
    for number in range(300):
        server.put(f"{prefix}{number}")
    with Wire(server) as wire:
        reply = wire.ask(request("GET", f"/export?prefix={prefix}", version="HTTP/1.0"))
        assert reply.status == 200 and reply.header("Transfer-Encoding") is None
        assert len(reply.body.splitlines()) == 300
        wire.assert_closed()


def test_an_unread_export_stops_no_writer(start_server):
    server = start_server()
    value = "x" * 10_000
    for start in range(0, 5000, 500):
        server.post("/mput", {"items": {f"k/{number}": value for number in range(start, start + 500)}})
    before = server.resident_bytes()
    with Wire(server, receive_buffer=4096) as reader:
        reader.send(request("GET", "/export?prefix=k/"))
        # The export now waits for its reader; every other client is served, on every thread.
        connections = [server.connect() for _ in range(8)]
        started = time.monotonic()
        for number in range(2000):
            reply = server.request("PUT", f"/keys/k/{number}", body='"new"', connection=connections[number % 8])
            assert reply.status == 204
        assert time.monotonic() - started < PATIENCE
        assert server.resident_bytes() - before < 32 << 20, "an export holds a window of the entries, not all of them"
        reply = reader.read()
        keys = [json.loads(line)["key"] for line in reply.body.splitlines()]
        assert sorted(keys) == sorted(f"k/{number}" for number in range(5000))
        for connection in connections:
            connection.close()


def test_a_reader_that_goes_away(server, prefix, bystanders):
    for start in range(0, 2000, 500):
        server.post("/mput", {"items": {f"{prefix}{number}": "x" * 5000 for number in range(start, start + 500)}})
    for _ in range(8):
        with Wire(server, receive_buffer=4096) as wire:
            wire.send(request("GET", f"/export?prefix={prefix}"))
            wire.socket.recv(100)
            wire.reset()
    assert len(exported(server, prefix)) == 2000
    assert server.request("DELETE", f"/keys?prefix={prefix}").json() == {"deleted": 2000}


def test_export_lists_lasting_keys_exactly_once_under_churn(start_server):
    server = start_server()
    stable = {f"k/stable/{number}" for number in range(3000)}
    server.post("/mput", {"items": dict.fromkeys(stable, 1)})
    done = threading.Event()

    def churn():
        connection = server.connect()
        number = 0
        while not done.is_set():
            number += 1
            server.request("PUT", f"/keys/k/passing/{number % 500}", body="2", connection=connection)
            server.request("PUT", f"/keys/k/stable/{number % 3000}", body="3", connection=connection)
            server.request("DELETE", f"/keys/k/passing/{(number * 3) % 500}", connection=connection)
        connection.close()

    writers = [threading.Thread(target=churn) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(5):
            keys = [json.loads(line)["key"] for line in exported(server, "k/")]
            lasting = [key for key in keys if key in stable]
            assert len(lasting) == len(stable) and set(lasting) == stable
    finally:
        done.set()
        for writer in writers:
            writer.join(timeout=PATIENCE)
