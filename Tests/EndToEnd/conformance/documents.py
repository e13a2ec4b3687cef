"""What RFC 9111 and 9211 have caches say, RFC 9875 of groups, RFC 9457 of errors, and RFC 7396 of patches."""

import re

from conformance.case import ABSENT, KEY, VALUE, Case, get, put
from harness.wire import request

STORED = b"[1,2]"
NONE = "/keys/there-is-none"
DIGITS = re.compile(r"\d+")

CACHING = [
    Case("the age", "RFC 9111, 5.1", get(), 200, {"Age": DIGITS}),
    Case(
        "no Cache-Control without a time to live",
        "openapi.yaml, getKey",
        get(),
        200,
        {"Cache-Control": ABSENT, "Expires": ABSENT},
    ),
    Case("a hit", "RFC 9211, 2.1", get(), 200, {"Cache-Status": "production-cache; hit"}),
    Case(
        "a miss",
        "RFC 9211, 2.2",
        get(target=NONE),
        404,
        {"Cache-Status": "production-cache; fwd=uri-miss", "Age": ABSENT},
    ),
    Case(
        "a hit that has not changed",
        "RFC 9211, 2.1",
        get("If-None-Match: *"),
        304,
        {"Cache-Status": "production-cache; hit", "Age": DIGITS},
    ),
    Case("a hit to HEAD", "RFC 9211, 2.1", request("HEAD", KEY), 200, {"Cache-Status": "production-cache; hit"}),
    Case(
        "a write says nothing of hits",
        "RFC 9211, 2",
        put(),
        204,
        {"Cache-Status": ABSENT, "Age": ABSENT},
        stored=STORED,
    ),
    *(
        Case(f"Cache-Control: {value}", "RFC 9111, 5.2", put(f"Cache-Control: {value}"), 204, stored=STORED)
        for value in (
            "max-age=60",
            "MAX-AGE=60",
            'max-age="60"',
            "no-cache, max-age=60",
            'x="a, max-age=0", max-age=60',
            "no-store",
            "",
        )
    ),
    *(
        Case(f"Cache-Control: {value}", "openapi.yaml, putKey", put(f"Cache-Control: {value}"), 400, code="invalid_ttl")
        for value in (
            "max-age=0",
            "max-age=-1",
            "max-age=1.5",
            "max-age",
            "max-age=",
            "max-age=x",
            "max-age=99999999999",
            "max-age=1e3",
        )
    ),
]

GROUPS = [
    *(
        Case(f"Cache-Groups: {value}", "RFC 9875, 2", put(f"Cache-Groups: {value}"), 204, stored=STORED)
        for value in ('"a"', '"a", "b"', '"a";x=1;y, "b"', r'"a\"b\\c"', '"a","a"', '"a"\t,\t"b"', "")
    ),
    *(
        Case(
            f"Cache-Groups: {value}",
            "RFC 9875, 2; RFC 9651, 4.2",
            put(f"Cache-Groups: {value}"),
            400,
            code="invalid_tag",
        )
        for value in (
            "a",
            "1",
            '"a',
            '"a" "b"',
            '"a",',
            ',"a"',
            '("a")',
            r'"a\b"',
            '"\xe4"',
            '"a";',
            '""',
            "?1",
            ":YQ==:",
        )
    ),
    Case(
        "Cache-Groups on two lines", "RFC 9651, 4.2", put('Cache-Groups: "a"', 'Cache-Groups: "b"'), 204, stored=STORED
    ),
    Case("Cache-Groups of a GET", "RFC 9875, 2", get("Cache-Groups: nonsense"), 200, body=VALUE),
]

PROBLEMS = [
    Case(
        f"{code} of {sent.split(b' HTTP')[0].decode()}",
        "RFC 9457, 3.1",
        sent,
        status,
        {"Content-Type": "application/problem+json", **fields},
        code=code,
    )
    for code, status, sent, fields in [
        ("invalid_json", 400, put(body=b"{"), {}),
        ("invalid_ttl", 400, put(target=f"{KEY}?ttl=0"), {}),
        ("invalid_query", 400, get(target="/keys?limit=0"), {}),
        ("invalid_query", 400, request("DELETE", "/keys?prefx=a"), {}),
        ("invalid_body", 400, request("POST", "/mget", body=b"1"), {}),
        ("invalid_key", 400, request("POST", "/mget", body=b'[""]'), {}),
        ("method_not_allowed", 405, request("PUT", "/mget", body=b"1"), {"Allow": "POST, QUERY, OPTIONS"}),
        (
            "unsupported_media_type",
            415,
            request("PATCH", KEY, "Content-Type: application/json-patch+json", body=b"[]"),
            {"Accept-Patch": "application/merge-patch+json"},
        ),
    ]
]

# RFC 7396, appendix A: what a patch makes of a value.
PATCHES = [
    (b'{"a":"b"}', b'{"a":"c"}', b'{"a":"c"}'),
    (b'{"a":"b"}', b'{"b":"c"}', b'{"a":"b","b":"c"}'),
    (b'{"a":"b"}', b'{"a":null}', b"{}"),
    (b'{"a":"b","b":"c"}', b'{"a":null}', b'{"b":"c"}'),
    (b'{"a":["b"]}', b'{"a":"c"}', b'{"a":"c"}'),
    (b'{"a":"c"}', b'{"a":["b"]}', b'{"a":["b"]}'),
    (b'{"a":{"b":"c"}}', b'{"a":{"b":"d","c":null}}', b'{"a":{"b":"d"}}'),
    (b'{"a":[{"b":"c"}]}', b'{"a":[1]}', b'{"a":[1]}'),
    (b'["a","b"]', b'["c","d"]', b'["c","d"]'),
    (b'{"a":"b"}', b'["c"]', b'["c"]'),
    (b'{"a":"foo"}', b"null", b"null"),
    (b'{"a":"foo"}', b'"bar"', b'"bar"'),
    (b'{"e":null}', b'{"a":1}', b'{"e":null,"a":1}'),
    (b"[1,2]", b'{"a":"b","c":null}', b'{"a":"b"}'),
    (b"{}", b'{"a":{"bb":{"ccc":null}}}', b'{"a":{"bb":{}}}'),
]

PATCHING = [
    Case(
        f"{patch.decode()} on {value.decode()}",
        "RFC 7396, A",
        request("PATCH", KEY, "Content-Type: application/merge-patch+json", body=patch),
        200,
        {"Content-Type": "application/json", "ETag": re.compile(r'"[A-Za-z0-9_-]{11}"')},
        body=result,
        value=value,
        stored=result,
    )
    for value, patch, result in PATCHES
] + [
    Case("PATCH of what is not there", "RFC 5789, 2", request("PATCH", NONE, body=b"{}"), 404, code="key_not_found"),
    Case("a patch that is not JSON", "RFC 5789, 2.2", request("PATCH", KEY, body=b"{"), 400, code="invalid_json"),
]

CASES = CACHING + GROUPS + PROBLEMS + PATCHING
