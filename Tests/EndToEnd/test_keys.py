"""A key in a path: everything after /keys/, percent-decoded exactly once, bytes and all."""

import json

import pytest

from harness.contract import MAX_KEY_BYTES, assert_problem
from harness.curl import curl

# What a client writes in the path, and the key that it means.
SPELLINGS = {
    "slash": ("a/b", "a/b"),
    "escaped slash": ("a%2Fb", "a/b"),
    "lower-case escape": ("a%2fb", "a/b"),
    "empty segment": ("a//b", "a//b"),
    "dots stay": ("a/../b/./c", "a/../b/./c"),
    "trailing slash": ("a/", "a/"),
    "NUL": ("a%00b", "a\0b"),
    "only NUL after the prefix": ("%00", "\0"),
    "space": ("a%20b", "a b"),
    "plus is a plus": ("a+b", "a+b"),
    "escaped plus": ("a%2Bb", "a+b"),
    "decoded once": ("a%2525b", "a%25b"),
    "escaped question mark": ("a%3Fttl=1", "a?ttl=1"),
    "escaped hash": ("a%23b", "a#b"),
    "delimiters": ("a:b@c;d=e,f&g!$'()*~", "a:b@c;d=e,f&g!$'()*~"),
    "needless escape": ("%41%62", "Ab"),
    "line end": ("a%0D%0Ab", "a\r\nb"),
    "quote and backslash": ("%22%5C", '"\\'),
    "two bytes": ("%C3%A9", "é"),
    "not normalized": ("e%CC%81", "e\u0301"),
    "four bytes": ("%F0%9F%98%80", "😀"),
    "last code point": ("%F4%8F%BF%BF", "\U0010ffff"),
    "byte order mark": ("%EF%BB%BF", "\ufeff"),
}

BROKEN_ESCAPES = ["%", "a%", "a%4", "%zz", "%4g", "%%41", "%u0041", "%%20%41", "%+1"]
INVALID_UTF8 = [
    "%FF",
    "%80",
    "%C0%80",
    "%C1%BF",
    "%E0%80%80",
    "%ED%A0%80",
    "%F4%90%80%80",
    "%F5%80%80%80",
    "a%E2%82",
    "%C3a",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings(server, prefix, spelling):
    path, meant = SPELLINGS[spelling]
    url, key = f"{server.base_url}/keys/{prefix}{path}", prefix + meant
    value = json.dumps(spelling)

    assert curl("-X", "PUT", "-d", value, url).status == 201
    assert curl(url).json() == spelling
    assert server.post("/mget", [key]).json() == {"values": {key: spelling}, "missing": []}
    page = server.get(f"/keys?prefix={prefix}").json()
    assert [entry["key"] for entry in page["keys"]] == [key]
    assert curl("-X", "DELETE", url).status == 204
    assert server.post("/mget", [key]).json() == {"values": {}, "missing": [key]}


def test_different_bytes_are_different_keys(server, prefix):
    keys = [prefix + key for key in ("é", "e\u0301", "E", "e", "e\0", "e ", "e+", "e%20", "e/", "", "/")]
    items = {key: index for index, key in enumerate(keys)}
    assert server.post("/mput", {"items": items}).json() == {"stored": len(keys)}
    assert server.post("/mget", keys).json()["values"] == items


def test_unescaped_bytes_beyond_ascii(server, prefix):
    assert curl("-X", "PUT", "-d", "1", f"{server.base_url}/keys/{prefix}naïve/日本".encode()).status == 201
    assert server.value(prefix + "naïve/日本") == b"1"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("path", [*BROKEN_ESCAPES, *INVALID_UTF8])
def test_a_key_that_cannot_be_decoded_is_400(server, prefix, method, path):
    before = server.stats()["puts"]
    reply = server.request(method, f"/keys/{prefix}{path}", body="1" if method == "PUT" else None)
    assert reply.status == 400
    if method != "HEAD":
        assert_problem(reply, 400, "invalid_key")
    assert server.stats()["puts"] == before


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_the_empty_key_is_400(server, method):
    assert_problem(server.request(method, "/keys/", body="1" if method == "PUT" else None), 400, "invalid_key")


# A key is bounded by its own bytes, not by those of its spelling.
@pytest.mark.parametrize(
    "character, spelled", [("k", "k"), ("k", "%6B"), ("é", "%C3%A9"), ("😀", "%F0%9F%98%80"), ("\0", "%00")]
)
def test_longest_key(server, prefix, character, spelled):
    width = len(character.encode())
    room = MAX_KEY_BYTES - len(prefix)
    fill = "x" * (room % width)
    longest = f"/keys/{prefix}{fill}{spelled * (room // width)}"

    assert server.request("PUT", longest, body="1").status == 201
    assert server.get(longest).body == b"1"
    key = prefix + fill + character * (room // width)
    assert len(key.encode()) == MAX_KEY_BYTES
    assert server.post("/mget", [key]).json()["missing"] == []

    for method in ("GET", "HEAD", "PUT", "DELETE"):
        reply = server.request(method, longest + "x", body="1" if method == "PUT" else None)
        assert reply.status == 414
        if method != "HEAD":
            assert_problem(reply, 414, "key_too_long")
    assert server.request("DELETE", longest).status == 204


def test_the_limit_is_configurable(start_server):
    server = start_server("--max-key-bytes", "8")
    assert server.put("12345678").status == 201
    assert_problem(server.put("123456789"), 414, "key_too_long")


@pytest.mark.parametrize("escaped", [r"\u0061", r"\u00e9", r"\ud83d\ude00", r"\u0000", r"\/", r"\"\\\n"])
def test_a_key_in_a_body_is_its_unescaped_text(server, prefix, escaped):
    key = prefix + json.loads(f'"{escaped}"')
    assert server.request("POST", "/mput", body='{"items":{"%s%s":1}}' % (prefix, escaped)).json() == {"stored": 1}
    assert server.value(key) == b"1"
    reply = server.request("POST", "/mget", body='["%s%s"]' % (prefix, escaped))
    assert reply.json() == {"values": {key: 1}, "missing": []}


@pytest.mark.parametrize(
    "bad, code", [('""', "invalid_key"), (r'"\ud800"', "invalid_key"), ('"%s"' % ("k" * 513), "key_too_long")]
)
@pytest.mark.parametrize(
    "route, body", [("/mget", "[%s]"), ("/mdelete", '{"keys":[%s]}'), ("/mput", '{"items":{%s:1}}')]
)
def test_a_bad_key_in_a_body(server, route, body, bad, code):
    reply = server.request("POST", route, body=body % bad)
    assert_problem(reply, 414 if code == "key_too_long" else 400, code)
