"""mget, mput and mdelete: both forms, order, limits, and all or nothing."""

import json

import pytest

from harness.contract import MAX_BULK_ITEMS, assert_problem

FORMS = {"bare list": lambda keys: keys, "object": lambda keys: {"keys": keys}}


def pairs(body):
    """Parses JSON without losing the order of members, repeated members, or a digit of a number."""
    return json.loads(body, object_pairs_hook=list, parse_int=str, parse_float=str)


@pytest.mark.parametrize("form", FORMS)
def test_mget_answers_in_request_order_duplicates_once(server, prefix, form):
    names = [prefix + name for name in ("d", "a", "c", "b")]
    server.post("/mput", {"items": {name: index for index, name in enumerate(names)}})
    asked = [names[2], prefix + "y", names[0], names[2], prefix + "x", names[1], prefix + "y", names[0]]
    reply = server.post("/mget", FORMS[form](asked))
    assert (reply.status, reply.content_type) == (200, "application/json")
    values = [(names[2], "2"), (names[0], "0"), (names[1], "1")]
    assert pairs(reply.body) == [("values", values), ("missing", [prefix + "y", prefix + "x"])]


@pytest.mark.parametrize("form", FORMS)
def test_nothing_asked(server, form):
    assert server.post("/mget", FORMS[form]([])).json() == {"values": {}, "missing": []}
    assert server.post("/mdelete", FORMS[form]([])).json() == {"deleted": 0}


def test_nothing_written(server):
    assert server.post("/mput", {"items": {}}).json() == {"stored": 0}
    assert server.post("/mput", {"items": []}).json() == {"stored": 0}


def test_mput_in_both_forms(server, prefix):
    assert server.post("/mput", {"items": {prefix + "a": [1], prefix + "b": None}}).json() == {"stored": 2}
    items = [{"key": prefix + "c", "value": {"x": 1}}, {"value": False, "ttl": 60, "key": prefix + "d"}]
    assert server.post("/mput", {"ttl": 600, "items": items}).json() == {"stored": 2}
    assert [server.value(prefix + name) for name in "abcd"] == [b"[1]", b"null", b'{"x":1}', b"false"]


def test_member_names_may_be_escaped(server, prefix):
    body = r'{"it\u0065ms":[{"\u006bey":"%sa","val\u0075e":1}]}' % prefix
    assert server.post("/mput", body).json() == {"stored": 1}
    assert server.post("/mget", r'{"\u006beys":["%sa"]}' % prefix).json()["missing"] == []


@pytest.mark.parametrize("form", FORMS)
def test_mdelete_counts_what_was_there(server, prefix, form):
    server.post("/mput", {"items": {prefix + name: 1 for name in "abc"}})
    keys = [prefix + name for name in ("a", "x", "a", "c")]
    assert server.post("/mdelete", FORMS[form](keys)).json() == {"deleted": 2}
    assert server.post("/mdelete", FORMS[form](keys)).json() == {"deleted": 0}
    assert server.value(prefix + "b") == b"1"


BAD_ITEMS = {
    "key too long": ('"%s"' % ("k" * 513), "1", None, "key_too_long"),
    "empty key": ('""', "1", None, "invalid_key"),
    "lone surrogate": (r'"\udead"', "1", None, "invalid_key"),
    "ttl": ('"bad"', "1", "-1", "invalid_ttl"),
}


@pytest.mark.parametrize("bad", BAD_ITEMS)
def test_one_bad_item_and_nothing_is_stored(server, prefix, bad):
    key, value, ttl, code = BAD_ITEMS[bad]
    item = '{"key":%s,"value":%s%s}' % (key, value, f',"ttl":{ttl}' if ttl else "")
    good = ['{"key":"%s%d","value":%d}' % (prefix, number, number) for number in range(50)]
    body = '{"items":[%s]}' % ",".join([*good[:25], item, *good[25:]])
    problem = assert_problem(server.post("/mput", body), 414 if code == "key_too_long" else 400, code)
    assert [error["code"] for error in problem["errors"]] == [code]
    assert all(isinstance(error["detail"], str) and error["detail"] for error in problem["errors"])
    assert server.get(f"/keys?prefix={prefix}").json()["keys"] == []


def test_a_bad_item_leaves_the_old_values(server, prefix):
    server.put(prefix + "a", '"old"')
    items = [{"key": prefix + "a", "value": "new"}, {"key": "k" * 513, "value": 1}]
    assert_problem(server.post("/mput", {"items": items}), 414, "key_too_long")
    assert server.value(prefix + "a") == b'"old"'


def test_every_bad_item_is_reported(server, prefix):
    items = [{"key": f"{prefix}{number}", "value": 1, "ttl": -1 if number % 2 else 60} for number in range(6)]
    problem = assert_problem(server.post("/mput", {"items": items}), 400, "invalid_ttl")
    assert [error["key"] for error in problem["errors"]] == [f"{prefix}{number}" for number in (1, 3, 5)]


MALFORMED = {
    "/mget": ["5", '"a"', "null", "{}", '{"keys":5}', '{"keys":"a"}', '{"keys":null}', '{"keys":{"a":1}}', "[1]",
        "[null]", '[["a"]]', '{"key":["a"]}', '{"keys":["a"],"more":1}'],
    "/mput": [
        "5", "[]", "null", "{}", '{"items":5}', '{"items":"a"}', '{"items":null}', '{"items":[1]}', '{"items":["a"]}',
        '{"items":[{}]}',
        '{"items":[{"key":"a"}]}', '{"items":[{"value":1}]}', '{"items":[{"key":1,"value":1}]}',
        '{"items":[{"key":null,"value":1}]}', '{"items":{},"more":1}',
    ],
}  # fmt: skip
MALFORMED["/mdelete"] = MALFORMED["/mget"]
MALFORMED_BODIES = [(route, body) for route, bodies in MALFORMED.items() for body in bodies]


@pytest.mark.parametrize("route, body", MALFORMED_BODIES)
def test_json_of_the_wrong_shape(server, route, body):
    assert_problem(server.post(route, body), 400, "invalid_body")


@pytest.mark.parametrize("route", ["/mget", "/mput", "/mdelete"])
@pytest.mark.parametrize(
    "body", ["", " ", "{", "[", '{"keys":["a"}', '{"items":{"a":}}', '["a",]', "[01]", '["\\x"]', b'["\xff"]', "nope"]
)
def test_a_body_that_is_not_json(server, route, body):
    problem = assert_problem(server.post(route, body), 400, "invalid_json")
    assert "byte" in problem["detail"] or body == ""


def test_a_late_syntax_error_stores_nothing(server, prefix):
    items = ",".join(f'"{prefix}{number}":{number}' for number in range(1000))
    assert_problem(server.post("/mput", '{"items":{%s}' % items), 400, "invalid_json")
    assert_problem(server.post("/mput", '{"items":{%s}}}' % items), 400, "invalid_json")
    assert server.get(f"/keys?prefix={prefix}").json()["keys"] == []


def test_most_items(server, prefix):
    keys = [f"{prefix}{number}" for number in range(MAX_BULK_ITEMS)]
    assert server.post("/mput", {"items": dict.fromkeys(keys, 1)}).json() == {"stored": MAX_BULK_ITEMS}
    assert len(server.post("/mget", keys).json()["values"]) == MAX_BULK_ITEMS
    for route in ("/mget", "/mdelete"):
        for form in FORMS.values():
            assert_problem(server.post(route, form([*keys, "one-more"])), 413, "too_many_items")
    assert server.post("/mdelete", {"keys": keys}).json() == {"deleted": MAX_BULK_ITEMS}
    items = dict.fromkeys([*keys, prefix + "one-more"], 1)
    assert_problem(server.post("/mput", {"items": items}), 413, "too_many_items")
    assert_problem(server.post("/mput", {"items": [{"key": key, "value": 1} for key in items]}), 413, "too_many_items")
    assert server.get(f"/keys?prefix={prefix}").json()["keys"] == []


def test_limits_are_configurable(start_server):
    server = start_server("--max-bulk-items", "2", "--max-body-bytes", "200")
    assert server.post("/mput", {"items": {"a": 1, "b": 2}}).json() == {"stored": 2}
    problem = assert_problem(server.post("/mput", {"items": {"a": 3, "b": 3, "c": 3}}), 413, "too_many_items")
    assert "2" in problem["detail"]
    assert_problem(server.post("/mget", ["a", "b", "c"]), 413, "too_many_items")
    assert_problem(server.post("/mdelete", ["a", "b", "c"]), 413, "too_many_items")
    assert server.post("/mget", ["a", "b"]).json()["values"] == {"a": 1, "b": 2}

    fits = '["a"' + " " * 195 + "]"
    assert server.post("/mget", fits).status == 200
    problem = assert_problem(server.post("/mget", fits + " "), 413, "body_too_large")
    assert "200" in problem["detail"]
    assert_problem(server.post("/mdelete", fits + " "), 413, "body_too_large")
    assert server.value("a") == b"1"
