"""Compressed content, both ways: with curl, with a proxy's habits, and with bodies that are not what they say."""

import gzip
import json

import pytest
import zstandard

from harness.contract import MAX_VALUE_BYTES, assert_problem
from harness.curl import curl
from harness.wire import Wire, request

CODINGS = ("zstd", "gzip")


def compress(data: bytes, coding: str) -> bytes:
    return gzip.compress(data) if coding == "gzip" else zstandard.compress(data)


def decompress(data: bytes, coding: str) -> bytes:
    return gzip.decompress(data) if coding == "gzip" else zstandard.ZstdDecompressor().decompressobj().decompress(data)


def value_of(count: int) -> bytes:
    return json.dumps([f"user {number}" for number in range(count)], separators=(",", ":")).encode()


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("count", [300, 300_000], ids=["small", "large"])
def test_a_value_comes_compressed(server, prefix, coding, count):
    value = value_of(count)
    target = f"/keys/{prefix}a"
    assert server.put(f"{prefix}a", value).status == 201
    plain = server.request("GET", target)
    connection = server.connect()
    for _ in range(2):
        reply = server.request("GET", target, headers={"Accept-Encoding": coding}, connection=connection)
        assert reply.header("Content-Encoding") == coding
        assert reply.header("Vary") == "Accept-Encoding"
        assert reply.header("Content-Type") == "application/json"
        assert reply.header("ETag") == plain.header("ETag")[:-1] + f'-{coding}"'
        assert len(reply.body) < len(value) / 2
        assert decompress(reply.body, coding) == value
    head = server.request("HEAD", target, headers={"Accept-Encoding": coding})
    assert (head.status, head.header("Content-Encoding"), head.body) == (200, coding, b"")
    assert head.header("ETag") == reply.header("ETag")


@pytest.mark.parametrize("count", [300, 300_000], ids=["small", "large"])
def test_a_copy_in_any_coding_is_known_again(server, prefix, count):
    """And the connection stays in step: no byte follows a 304."""
    target = f"/keys/{prefix}a"
    server.put(f"{prefix}a", value_of(count))
    tags = {
        coding: server.request("GET", target, headers={"Accept-Encoding": coding}).header("ETag")
        for coding in ("identity", *CODINGS)
    }
    for had, tag in tags.items():
        for wanted in tags:
            with Wire(server) as wire:
                answer = wire.ask(request("GET", target, f"If-None-Match: {tag}", f"Accept-Encoding: {wanted}"))
                assert answer.status == 304, (had, wanted)
                assert answer.header("ETag") == tag
                assert answer.header("Transfer-Encoding") is None
                if answer.header("Connection") == "close":
                    wire.assert_closed()
                else:
                    assert wire.ask(request("GET", "/livez")).json() == {"status": "ok"}


def test_curl_decompresses(server, prefix):
    value = value_of(300)
    server.put(f"{prefix}a", value)
    assert curl("--compressed", f"{server.base_url}/keys/{prefix}a").body == value
    lines = curl("--compressed", f"{server.base_url}/export?prefix={prefix}").body
    assert json.loads(lines)["value"] == json.loads(value)


def test_small_answers_come_as_they_are(server, prefix):
    server.put(f"{prefix}a", "1")
    reply = server.request("GET", f"/keys/{prefix}a", headers={"Accept-Encoding": "gzip"})
    assert reply.header("Content-Encoding") is None
    assert reply.header("Vary") is None


@pytest.mark.parametrize("coding", CODINGS)
def test_a_large_mget_comes_compressed(server, prefix, coding):
    items = {f"{prefix}{number}": "x" * 20_000 for number in range(200)}
    assert server.post("/mput", {"items": items}).status == 200
    body = json.dumps(list(items))
    reply = server.request("POST", "/mget", body, headers={"Accept-Encoding": coding})
    assert json.loads(decompress(reply.body, coding))["values"] == items


@pytest.mark.parametrize("coding", CODINGS)
def test_bodies_may_be_compressed(server, prefix, coding):
    headers = {"Content-Encoding": coding}
    value = value_of(100_000)
    target = f"/keys/{prefix}a"
    assert server.request("PUT", target, compress(value, coding), headers=headers).status == 201
    assert server.request("GET", target).body == value
    lines = b"".join(b'{"key":"%s%d","value":%d}\n' % (prefix.encode(), n, n) for n in range(50_000))
    report = server.request("POST", "/warm", compress(lines, coding), headers=headers).json()
    assert (report["loaded"], report["failed"]) == (50_000, 0)
    cut = server.request("POST", "/warm", compress(lines, coding)[:-20], headers=headers).json()
    assert cut["failed"] == 1 and cut["errors"][0]["line"] == cut["loaded"] + 1
    assert server.request("DELETE", f"/keys?prefix={prefix}").json() == {"deleted": 50_001}


@pytest.mark.parametrize("coding", CODINGS)
def test_what_grows_too_large_is_refused_at_once(server, prefix, coding, bystanders):
    headers = {"Content-Encoding": coding}
    bomb = compress(b" " * (1 << 30), coding)
    reply = server.request("PUT", f"/keys/{prefix}a", bomb, headers=headers)
    assert_problem(reply, 413, "value_too_large")
    edge = b'"' + b"x" * (MAX_VALUE_BYTES - 2) + b'"'
    assert server.request("PUT", f"/keys/{prefix}a", compress(edge, coding), headers=headers).status == 201
    over = server.request("PUT", f"/keys/{prefix}a", compress(edge + b" ", coding), headers=headers)
    assert_problem(over, 413, "value_too_large")


@pytest.mark.parametrize("body", [b"", b"{}", gzip.compress(b"{}")[:-1], gzip.compress(b"{}") + b"x"])
def test_what_is_not_gzip_is_refused(server, prefix, body):
    reply = server.request("PUT", f"/keys/{prefix}a", body, headers={"Content-Encoding": "gzip"})
    assert_problem(reply, 400, "invalid_body" if body else "invalid_json")


def test_a_coding_that_is_not_understood_is_named(server, prefix):
    reply = server.request("PUT", f"/keys/{prefix}a", b"{}", headers={"Content-Encoding": "br"})
    assert_problem(reply, 415, "unsupported_media_type")
    assert reply.header("Accept-Encoding") == "zstd, gzip"
