"""POST /warm: lines read as a stream, the bad ones reported, the rest loaded."""

import json
import time

import pytest

from harness.contract import MAX_REPORTED_WARM_ERRORS
from harness.curl import curl
from harness.deadline import eventually
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
    "ttl and expires_at": (
        b'{"key":"a","value":1,"ttl":5,"expires_at":%d}' % (time.time() + 60),
        "invalid_ttl",
        "invalid_body",
    ),
    "expires_at beyond the longest ttl": (b'{"key":"a","value":1,"expires_at":1e11}', "invalid_ttl"),
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
