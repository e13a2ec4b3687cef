"""POST /warm and GET /export: streamed lines in, streamed lines out, one server's export filling another."""

import json
import threading
import time

import pytest

from harness.contract import MAX_REPORTED_WARM_ERRORS, assert_problem
from harness.curl import curl
from harness.deadline import PATIENCE, eventually
from harness.wire import Wire, request

NDJSON = {"Content-Type": "application/x-ndjson"}


def warm(server, body, **headers):
    reply = server.request("POST", "/warm", body=body, headers=NDJSON | headers)
    assert (reply.status, reply.content_type) == (200, "application/json"), reply
    report = reply.json()
    assert report.keys() == {"loaded", "failed", "expired", "errors", "duration_ms"}
    assert report["duration_ms"] >= 0
    assert len(report["errors"]) == min(report["failed"], MAX_REPORTED_WARM_ERRORS)
    return report


def counts(report):
    return report["loaded"], report["failed"], report["expired"]


def exported(server, prefix=""):
    reply = server.get(f"/export?prefix={prefix}")
    assert (reply.status, reply.content_type) == (200, "application/x-ndjson")
    assert reply.body == b"" or reply.body.endswith(b"\n")
    return reply.body.splitlines()


def listed_ttl(server, key):
    (entry,) = [entry for entry in server.get(f"/keys?prefix={key}").json()["keys"] if entry["key"] == key]
    return entry["ttl"]


def test_lines_of_every_kind(server, prefix):
    now = time.time()
    lines = [
        '{"key":"%splain","value":1.0}' % prefix,
        '{"key":"%sttl","value":[1, 2],"ttl":60}' % prefix,
        '{"key":"%sno-ttl","value":1,"ttl":null}' % prefix,
        '{"key":"%sfuture","value":1,"expires_at":%.3f}' % (prefix, now + 60),
        '{"value":{"a": "b c"},"expires_at":%d,"key":"%sfraction"}' % (now + 60, prefix),
        '{"key":"%spast","value":1,"expires_at":%.3f}' % (prefix, now - 1),
        '{"key":"%slong-past","value":1,"expires_at":1}' % prefix,
        '  { "key" : "%sspaced" , "value" : "x" }  ' % prefix,
    ]
    assert counts(warm(server, "\n".join(lines) + "\n")) == (6, 0, 2)
    assert server.value(prefix + "plain") == b"1.0"
    assert server.value(prefix + "ttl") == b"[1,2]"
    assert server.value(prefix + "fraction") == b'{"a":"b c"}'
    assert server.value(prefix + "past") is None
    assert listed_ttl(server, prefix + "plain") is None
    assert listed_ttl(server, prefix + "no-ttl") is None
    for name in ("ttl", "future", "fraction"):
        assert 50 < listed_ttl(server, prefix + name) <= 60.5


BAD_LINES = {
    "not JSON": (b"nonsense", "invalid_json"),
    "unfinished": (b'{"key":"a","value":1', "invalid_json"),
    "two texts": (b'{"key":"a","value":1}{"key":"b","value":1}', "invalid_json"),
    "bad value": (b'{"key":"a","value":01}', "invalid_json"),
    "invalid UTF-8": (b'{"key":"a","value":"\xff"}', "invalid_json"),
    "NUL": (b"\0", "invalid_json"),
    "no object": (b"[1]", "invalid_body"),
    "no value": (b'{"key":"a"}', "invalid_body"),
    "no key": (b'{"value":1}', "invalid_body"),
    "key no string": (b'{"key":1,"value":1}', "invalid_body"),
    "empty key": (b'{"key":"","value":1}', "invalid_key"),
    "key too long": (b'{"key":"%s","value":1}' % (b"k" * 513), "key_too_long"),
    "ttl zero": (b'{"key":"a","value":1,"ttl":0}', "invalid_ttl"),
    "ttl text": (b'{"key":"a","value":1,"ttl":"5s"}', "invalid_ttl", "invalid_body"),
    "ttl huge": (b'{"key":"a","value":1,"ttl":1e9}', "invalid_ttl"),
    "expires_at text": (b'{"key":"a","value":1,"expires_at":"soon"}', "invalid_ttl", "invalid_body"),
    "ttl and expires_at": (b'{"key":"a","value":1,"ttl":5,"expires_at":4102444800}', "invalid_ttl", "invalid_body"),
    "unknown member": (b'{"key":"a","value":1,"tll":5}', "invalid_body"),
}


@pytest.mark.parametrize("bad", BAD_LINES)
def test_a_bad_line_is_reported_and_the_rest_loads(server, prefix, bad):
    line, *codes = BAD_LINES[bad]
    good = [b'{"key":"%s%d","value":%d}' % (prefix.encode(), number, number) for number in range(4)]
    report = warm(server, b"\n".join([*good[:2], line, *good[2:]]))
    assert counts(report) == (4, 1, 0)
    (error,) = report["errors"]
    assert error["line"] == 3 and error["code"] in codes and error["detail"]
    assert [server.value(f"{prefix}{number}") for number in range(4)] == [b"0", b"1", b"2", b"3"]


def test_empty_lines_are_passed_over_but_numbered(server, prefix):
    line = b'{"key":"%sa","value":1}' % prefix.encode()
    report = warm(server, b"\n\r\n" + line + b"\r\n\n  \n" + line + b"\nbad\n\n")
    assert counts(report) == (2, 1, 0)
    assert report["errors"][0]["line"] == 7


@pytest.mark.parametrize(
    "body, loaded",
    [(b"", 0), (b"\n", 0), (b"\r\n\r\n", 0), (b'{"key":"%s","value":1}', 1), (b'{"key":"%s","value":1}\r\n', 1)],
)
def test_ends_of_the_body(server, prefix, body, loaded):
    assert counts(warm(server, body.replace(b"%s", prefix.encode()))) == (loaded, 0, 0)
    assert (server.value(prefix) == b"1") == bool(loaded)


def test_a_body_cut_in_a_line_fails_that_line(server, prefix):
    line = b'{"key":"%sa","value":[1,2]}' % prefix.encode()
    report = warm(server, line + b"\n" + line[:-5])
    assert counts(report) == (1, 1, 0)
    assert (report["errors"][0]["line"], report["errors"][0]["code"]) == (2, "invalid_json")


def test_errors_are_counted_but_not_all_listed(server):
    report = warm(server, b"bad\n" * 250)
    assert counts(report) == (0, 250, 0)
    assert [error["line"] for error in report["errors"]] == list(range(1, MAX_REPORTED_WARM_ERRORS + 1))


def test_a_line_over_the_limit_is_skipped(start_server):
    server = start_server("--max-value-bytes", "1KiB", "--max-body-bytes", "64KiB")
    over = [b'{"key":"over","value":"%s"}' % (b"x" * size) for size in (1025, 50_000, 500_000, 5_000_000)]
    lines = [
        b'{"key":"first","value":1}',
        over[0],
        over[1],
        b'{"key":"second","value":2}',
        over[2],
        over[3],
        b'{"key":"last","value":3}',
    ]
    before = server.resident_bytes()
    report = warm(server, b"\n".join(lines))
    assert counts(report) == (3, 4, 0)
    assert [error["line"] for error in report["errors"]] == [2, 3, 5, 6]
    assert {error["code"] for error in report["errors"]} <= {"value_too_large", "body_too_large"}
    assert [server.value(key) for key in ("first", "second", "last", "over")] == [b"1", b"2", b"3", None]
    assert server.resident_bytes() - before < 32 << 20


def test_split_anywhere(server, prefix):
    body = b'{"key":"%s\xc3\xa9","value":"\xe2\x82\xac"}\r\n\nbad\n{"key":"%sb","value":2}' % (
        prefix.encode(),
        prefix.encode(),
    )
    for size in (1, 2, 3, 7, 64):
        report = warm(server, iter([body[start : start + size] for start in range(0, len(body), size)]))
        assert counts(report) == (2, 1, 0)
        assert report["errors"][0]["line"] == 3
        assert server.request("DELETE", f"/keys?prefix={prefix}").json() == {"deleted": 2}


def test_a_long_stream_in_constant_memory(server, prefix, measured):
    """200,000 lines, more than max_body_bytes in all, over keys that fit in little memory."""
    count, keys = 200_000, 1000
    before, peak, body_bytes = server.resident_bytes(), 0, 0

    def lines():
        nonlocal peak, body_bytes
        for start in range(0, count, 500):
            block = b"".join(
                b'{"key":"%s%d","value":"%d %s"}\n' % (prefix.encode(), number % keys, number, b"x" * 400)
                for number in range(start, start + 500)
            )
            body_bytes += len(block)
            peak = max(peak, server.resident_bytes())
            yield block

    started = time.monotonic()
    report = warm(server, lines())
    measured(f"warm: {count / (time.monotonic() - started):,.0f} lines/s, {(peak - before) >> 20} MiB more while at it")
    assert counts(report) == (count, 0, 0)
    assert body_bytes > 64 << 20
    assert peak - before < 48 << 20
    last = json.loads(server.value(f"{prefix}{keys - 1}"))
    assert last.split()[0] == str(count - 1)
    assert server.request("DELETE", f"/keys?prefix={prefix}").json() == {"deleted": keys}


def test_curl_streams_a_file(server, prefix, tmp_path):
    file = tmp_path / "items.ndjson"
    file.write_text("".join('{"key":"%s%d","value":%d}\n' % (prefix, number, number) for number in range(20_000)))
    arguments = [
        "-H",
        "Content-Type: application/x-ndjson",
        "-H",
        "Transfer-Encoding: chunked",
        "-X",
        "POST",
        "-T",
        str(file),
    ]
    reply = curl(*arguments, server.base_url + "/warm")
    assert (reply.status, reply.json()["loaded"]) == (200, 20_000)
    assert server.request("DELETE", f"/keys?prefix={prefix}").json() == {"deleted": 20_000}


def test_a_client_that_goes_away_leaves_whole_entries(server, prefix, bystanders):
    line = b'{"key":"%sa","value":[1,2]}\n' % prefix.encode()
    with Wire(server) as wire:
        wire.send(request("POST", "/warm", "Content-Length: 100000") + line + line.replace(b'a"', b'b"', 1)[:-8])
        wire.reset()
    eventually(lambda: server.value(prefix + "a") in (None, b"[1,2]"), "whole or not at all")
    assert server.value(prefix + "b") is None


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
    assert counts(warm(copy, stream.body)) == (len(keys), 0, 0)
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


def test_foreign_types_are_refused(server):
    reply = server.request("POST", "/warm", body="{}", headers={"Content-Type": "image/png"})
    assert_problem(reply, 415, "unsupported_media_type")
