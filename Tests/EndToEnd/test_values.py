"""A value: one JSON text, checked in full, kept byte for byte, with only insignificant white space gone."""

import re

import pytest

from harness.contract import MAX_DEPTH, MAX_VALUE_BYTES, assert_problem
from harness.curl import curl

KEPT = [
    "null", "true", "false", "0", "-0", "-0.0", "1.0", "1.10", "1E5", "1e+5", "1e-5", "1e400", "-1e400", "1e-400",
    "12345678901234567890", "-9223372036854775809", "0." + "3" * 400, "9" * 1000,
    '""', '"a"', r'"\u0061"', r'"\u0000"', r'"\/"', r'"\"\\\b\f\n\r\t"', r'"\uD83D\uDE00"', r'"\ud83d\ude00"',
    r'"\ud800"', r'"\udc00\ud800"', '"é"', '"日本😀"', '"\u2028\u2029"', '"\x7f"', '" white  space "',
    '"\\u0020 {\\" : }"',
    "[]", "{}", "[[]]", '{"a":1,"a":2}', '{"":0}', '{"b":1,"a":[true,null,{"c":"d"}]}', '{"\\u0061":1,"a":1}',
]  # fmt: skip

REWRITTEN = {
    " 1 ": "1",
    "\t\r\n null \t\r\n": "null",
    '{ "a" : [ 1 , 2 ,\n3 ] , "b c" : " d  e " }': '{"a":[1,2,3],"b c":" d  e "}',
    "[ ]": "[]",
    '"\\" "': '"\\" "',
}

# A text that is not JSON, and the offset of what is wrong where there is no doubt about it.
NOT_JSON = {
    b" ": None, b"\n\n": None, b"nul": None, b"nulll": None, b"True": 0, b"NaN": 0, b"Infinity": 0,
    b"'a'": 0,
    b"01": None, b"-": None, b"+1": 0, b".5": 0, b"1.": None, b"1e": None, b"1.e5": None, b"0x10": None, b"--1": None,
    b'"': None, b'"a': None, b'"\\x"': None, b'"\\u12g4"': None, b'"\\u123"': None, b'"\n"': None, b'"\t"': None,
    b'"\0"': None,
    b"[": None, b"]": 0, b"[1": None, b"[1,": None, b"[1,]": 3, b"[,1]": 1, b"[1 2]": 3, b"[1}": 2, b"{": None, b"}": 0,
    b'{"a"}': 4, b'{"a":}': 5, b'{"a":1,}': 7, b"{1:2}": 1, b'{"a":1 "b":2}': 7, b'{"a" 1}': 5, b"{,}": 1,
    b"1 2": 2, b"{}{}": 2, b'"a" "b"': 4, b"[] x": 3, b"/*c*/1": 0, b"1//c": None, b"\xef\xbb\xbf1": None, b"\0": None,
    b"1\0": None,
    b'"\xff"': None, b'"\xc0\x80"': None, b'"\xed\xa0\x80"': None, b'"\xf4\x90\x80\x80"': None, b'"\xe2\x82"': None,
    b"\xa01": None,
    b"\x0c1": None, b"[1,\x0b2]": None,
}  # fmt: skip


@pytest.fixture
def put(server, prefix):
    return lambda body, **headers: server.request("PUT", f"/keys/{prefix}v", body=body, headers=headers)


@pytest.fixture
def stored(server, prefix):
    return lambda: server.value(prefix + "v")


@pytest.mark.parametrize("text", KEPT)
def test_kept_byte_for_byte(server, prefix, put, stored, text):
    assert put(text).status == 201
    assert stored() == text.encode()
    # The bulk answer carries the same bytes.
    reply = server.post("/mget", [prefix + "v"])
    assert reply.body.strip() == b'{"values":{"%sv":%s},"missing":[]}' % (prefix.encode(), text.encode())


@pytest.mark.parametrize("text", REWRITTEN)
def test_insignificant_white_space_goes(put, stored, text):
    assert put(text).status == 201
    assert stored() == REWRITTEN[text].encode()


@pytest.mark.parametrize("text", KEPT)
def test_bulk_writes_keep_the_bytes_too(server, prefix, stored, text):
    body = '{"items" : { "%sv" :\t%s } }' % (prefix, text)
    assert server.request("POST", "/mput", body=body).json() == {"stored": 1}
    assert stored() == text.encode()


@pytest.mark.parametrize("text", NOT_JSON)
def test_what_is_not_json_is_refused(put, stored, text):
    assert put("[0]").status == 201
    problem = assert_problem(put(text), 400, "invalid_json")
    offset = re.search(r"\bbyte (\d+)", problem["detail"])
    assert offset, f"no byte offset: {problem['detail']}"
    if NOT_JSON[text] is None:
        assert int(offset[1]) <= len(text)
    else:
        assert int(offset[1]) == NOT_JSON[text]
    assert stored() == b"[0]", "a refused write must change nothing"


def test_no_body_is_refused(put, stored):
    assert put("[0]").status == 201
    problem = assert_problem(put(b""), 400, "invalid_json")
    assert "empty" in problem["detail"]
    assert stored() == b"[0]"


@pytest.mark.parametrize("opening, core, closing", [("[", "", "]"), ('{"a":', "0", "}"), ('[{"a":', "1", "}]")])
def test_depth(put, stored, opening, core, closing):
    repeats = MAX_DEPTH // len(closing)
    deepest = opening * repeats + core + closing * repeats
    assert put(deepest).status == 201
    assert stored() == deepest.encode()
    problem = assert_problem(put(f"[{deepest}]"), 400, "invalid_json")
    assert str(MAX_DEPTH) in problem["detail"]
    assert stored() == deepest.encode()


def test_a_flood_of_brackets_is_refused(put):
    assert_problem(put("[" * (4 << 20)), 400, "invalid_json")


def test_longest_value(server, prefix, put, stored):
    longest = b'"' + b"v" * (MAX_VALUE_BYTES - 2) + b'"'
    assert put(longest).status == 201
    assert stored() == longest
    url = f"{server.base_url}/keys/{prefix}v"
    assert_problem(curl("-X", "PUT", "--data-binary", "@-", url, stdin=b'"v' + longest[1:]), 413, "value_too_large")
    assert stored() == longest


def test_the_limit_is_configurable(start_server):
    server = start_server("--max-value-bytes", "100")
    assert server.put("a", '"' + "x" * 98 + '"').status == 201
    problem = assert_problem(server.put("a", '"' + "x" * 99 + '"'), 413, "value_too_large")
    assert "100" in problem["detail"]
    assert server.value("a") == b'"' + b"x" * 98 + b'"'
    # In a bulk body, the item is named.
    items = {"fits": "x" * 98, "too-long": "x" * 99}
    problem = assert_problem(server.post("/mput", {"items": items}), 413, "value_too_large")
    assert [(error["key"], error["code"]) for error in problem["errors"]] == [("too-long", "value_too_large")]
    assert server.value("fits") is None


def test_an_entry_larger_than_the_cache_is_507(start_server):
    server = start_server("--max-memory", "1MiB")
    assert server.put("small", "1").status == 201
    big = '"' + "x" * (2 << 20) + '"'
    assert_problem(server.put("big", big), 507, "insufficient_storage")
    assert_problem(server.put("small", big), 507, "insufficient_storage")
    assert server.value("small") == b"1", "a refused write must evict and change nothing"


def test_etag_is_of_the_stored_bytes(server, prefix):
    def etag(key, text):
        return server.put(prefix + key, text).header("ETag")

    tag = etag("a", '{"a": [1, 2]}')
    assert etag("b", '{"a":[1,2]}') == tag
    assert etag("a", '{"a":[1,2]}') == tag
    assert (
        len(
            {
                tag,
                etag("c", '{"a":[1,2.0]}'),
                etag("c", '{"a":[2,1]}'),
                etag("c", "1"),
                etag("c", '"1"'),
                etag("c", "{}"),
            }
        )
        == 6
    )


def test_etag_is_the_same_on_every_node(start_server):
    tags = {start_server().put("k", '["same","bytes"]').header("ETag") for _ in range(2)}
    assert len(tags) == 1


ACCEPTED = [
    None, "application/json", "application/json; charset=utf-8", "APPLICATION/JSON",
    "application/x-www-form-urlencoded",
    "text/plain", "text/plain; charset=utf-8", "application/octet-stream", "application/vnd.api+json", "text/json",
]  # fmt: skip
FOREIGN = [
    "image/png",
    "multipart/form-data; boundary=x",
    "application/xml",
    "text/html",
    "text/xml",
    "video/mp4",
    "audio/ogg",
]


@pytest.mark.parametrize("content_type", ACCEPTED)
def test_read_as_json_whatever_curl_calls_it(server, prefix, content_type):
    header = "Content-Type:" if content_type is None else f"Content-Type: {content_type}"
    assert curl("-X", "PUT", "-H", header, "-d", "[1]", f"{server.base_url}/keys/{prefix}v").status == 201
    assert curl("-H", header, "-d", f'["{prefix}v"]', f"{server.base_url}/mget").json()["values"] == {prefix + "v": [1]}


@pytest.mark.parametrize("content_type", FOREIGN)
def test_a_type_that_says_something_else_is_415(server, prefix, content_type):
    header = f"Content-Type: {content_type}"
    assert_problem(
        curl("-X", "PUT", "-H", header, "-d", "1", f"{server.base_url}/keys/{prefix}v"), 415, "unsupported_media_type"
    )
    for route in ("/mget", "/mput", "/mdelete", "/warm"):
        assert_problem(curl("-H", header, "-d", "[]", server.base_url + route), 415, "unsupported_media_type")
    assert server.value(prefix + "v") is None
