"""RFC 9110: what methods, statuses, conditions and content codings mean."""

import re

from conformance.case import ABSENT, KEY, LARGE, LARGE_TAG, LARGE_VALUE, TAG, VALUE, Case, get, put
from harness.wire import chunked, request

DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT"
)
ETAG = re.compile(r'"[A-Za-z0-9_-]{11}"')
STORED = b"[1,2]"
NONE = "/keys/there-is-none"
FAILED = {"code": "precondition_failed"}


def delete(*headers: str, target: str = KEY) -> bytes:
    return request("DELETE", target, *headers)


METHODS = [
    Case("GET", "RFC 9110, 9.3.1", get(), 200, {"Content-Type": "application/json", "Content-Length": "7"}, VALUE),
    Case(
        "HEAD",
        "RFC 9110, 9.3.2",
        request("HEAD", KEY),
        200,
        {"Content-Type": "application/json", "Content-Length": "7", "ETag": f'"{TAG}"', "Date": DATE},
    ),
    Case(
        "HEAD of what is not there",
        "RFC 9110, 9.3.2",
        request("HEAD", NONE),
        404,
        {"Content-Type": "application/problem+json", "Content-Length": re.compile(r"[1-9]\d+"), "Date": DATE},
    ),
    Case("HEAD of no route", "RFC 9110, 9.3.2", request("HEAD", "/nothing"), 404),
    Case("HEAD with a bad key", "RFC 9110, 9.3.2", request("HEAD", "/keys/%zz"), 400),
    Case("HEAD where there is no GET", "RFC 9110, 9.3.2", request("HEAD", "/mput"), 405, {"Allow": "POST, OPTIONS"}),
    Case("HEAD that has not changed", "RFC 9110, 13.1.2", request("HEAD", KEY, "If-None-Match: *"), 304),
    Case("HEAD whose condition fails", "RFC 9110, 13.1.1", request("HEAD", KEY, 'If-Match: "x"'), 412),
    Case("PUT replaces", "RFC 9110, 9.3.4", put(), 204, {"ETag": ETAG, "Date": DATE}, b"", stored=STORED),
    Case(
        "PUT creates",
        "RFC 9110, 9.3.4",
        put(target=KEY + ".new"),
        201,
        {"ETag": ETAG, "Date": DATE, "Content-Length": "0"},
        b"",
    ),
    Case(
        "PUT of a part",
        "RFC 9110, 14.5",
        put("Content-Range: bytes 0-4/10"),
        400,
        code="invalid_header",
        stays=None,
    ),
    Case("DELETE", "RFC 9110, 9.3.5", delete(), 204, {"Date": DATE}, b"", stored=None),
    Case("DELETE of what is not there", "RFC 9110, 9.3.5", delete(target=NONE), 404, code="key_not_found"),
    Case(
        "OPTIONS",
        "RFC 9110, 9.3.7",
        request("OPTIONS", KEY),
        204,
        {
            "Allow": "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
            "Accept-Patch": "application/merge-patch+json",
            "Date": DATE,
        },
    ),
    Case("OPTIONS of no route", "RFC 9110, 15.5.5", request("OPTIONS", "/nothing"), 404, code="route_not_found"),
    Case("QUERY", "openapi.yaml, /mget", request("QUERY", "/mget", body=b'["there-is-none"]'), 200),
    Case("POST to a key", "RFC 9110, 15.5.6", request("POST", KEY, body=b"1"), 405, code="method_not_allowed"),
    Case("TRACE with a body", "RFC 9110, 9.3.8", request("TRACE", KEY, body=b"1"), 405, code="method_not_allowed"),
    Case("no route", "RFC 9110, 15.5.5", get(target="/nothing"), 404, {"Date": DATE}, code="route_not_found"),
    Case("an empty path", "RFC 9110, 15.5.5", get(target="//"), 404, code="route_not_found"),
]

# RFC 9110, 8.6 and 6.4.1: what has no content says no length, but 304 and answers to HEAD, which say another's.
CONTENT = [
    Case(
        "no length of 204",
        "RFC 9110, 8.6",
        put(),
        204,
        {"Content-Length": ABSENT, "Transfer-Encoding": ABSENT},
        stored=STORED,
    ),
    Case(
        "the length of 304",
        "RFC 9110, 8.6",
        get("If-None-Match: *"),
        304,
        {"Content-Length": "7", "Transfer-Encoding": ABSENT},
    ),
    Case("no date of a change", "RFC 9110, 8.8.2", get(), 200, {"Last-Modified": ABSENT, "Date": DATE}),
    Case("the type of a problem", "RFC 9110, 8.3", get(target=NONE), 404, {"Content-Type": "application/problem+json"}),
    Case(
        "a range may be passed over", "RFC 9110, 14.2", get("Range: bytes=0-2"), 200, {"Content-Range": ABSENT}, VALUE
    ),
    Case(
        "a range if it is the same",
        "RFC 9110, 13.1.5",
        get("Range: bytes=0-2", f'If-Range: "{TAG}"'),
        200,
        {"Content-Range": ABSENT},
        VALUE,
    ),
    Case(
        "a chunked answer",
        "RFC 9112, 6.1",
        get(target="/export"),
        200,
        {"Transfer-Encoding": "chunked", "Content-Length": ABSENT},
    ),
]

EXPECTATIONS = [
    Case(
        "100 before a body",
        "RFC 9110, 10.1.1",
        put("Expect: 100-continue", "Content-Length: 5", body=b""),
        204,
        then=STORED,
        stored=STORED,
    ),
    Case(
        "an expectation by another case",
        "RFC 9110, 10.1.1",
        put("expect: 100-Continue", "Content-Length: 5", body=b""),
        204,
        then=STORED,
        stored=STORED,
    ),
    Case(
        "100 before a chunked body",
        "RFC 9110, 10.1.1",
        put("Expect: 100-continue", "Transfer-Encoding: chunked", body=b""),
        204,
        then=chunked(STORED, [2]),
        stored=STORED,
    ),
    Case(
        "100 is not for version 1.0",
        "RFC 9110, 10.1.1",
        put("Expect: 100-continue", version="HTTP/1.0"),
        204,
        stays=False,
        stored=STORED,
    ),
    Case("another expectation", "RFC 9110, 10.1.1", get("Expect: the-unexpected"), (200, 417), stays=None),
    Case(
        "a refusal in place of 100",
        "RFC 9110, 10.1.1",
        put("Expect: 100-continue", "Content-Length: 999999999", body=b""),
        413,
        {"Connection": "close"},
        code="value_too_large",
        stays=False,
    ),
]

NOT_MODIFIED = {"ETag": f'"{TAG}"', "Date": DATE, "Content-Type": ABSENT, "Content-Encoding": ABSENT}

CONDITIONS = [
    *(
        Case(f"If-None-Match: {value}", "RFC 9110, 13.1.2", get(f"If-None-Match: {value}"), 304, NOT_MODIFIED, b"")
        for value in (
            f'"{TAG}"',
            f'W/"{TAG}"',
            f'"x", "{TAG}"',
            f'"{TAG}","x"',
            f'"a,b", "{TAG}"',
            f'"x" , W/"{TAG}" ,',
            f', "{TAG}"',
            "*",
        )
    ),
    Case(
        "If-None-Match on two lines",
        "RFC 9110, 5.3",
        get('If-None-Match: "x"', f'If-None-Match: "{TAG}"'),
        304,
        NOT_MODIFIED,
    ),
    *(
        Case(f"If-None-Match: {value}", "RFC 9110, 13.1.2", get(f"If-None-Match: {value}"), 200, body=VALUE)
        for value in ('"x"', 'W/"x"', '""', f'"{TAG}x"', f'"{TAG.upper()}"', '"*"')
    ),
    *(
        Case(
            f"If-None-Match: {value}",
            "openapi.yaml, Conditions",
            get(f"If-None-Match: {value}"),
            400,
            code="invalid_header",
        )
        for value in (TAG, f'"{TAG}', f"'{TAG}'", f'w/"{TAG}"', f'"{TAG}" "x"', "x, *", f'W/ "{TAG}"')
    ),
    Case("If-Match", "RFC 9110, 13.1.1", get(f'If-Match: "{TAG}"'), 200, body=VALUE),
    Case("If-Match with a list", "RFC 9110, 13.1.1", get(f'If-Match: "x", "{TAG}"'), 200, body=VALUE),
    Case("If-Match: *", "RFC 9110, 13.1.1", get("If-Match: *"), 200, body=VALUE),
    Case("If-Match with another", "RFC 9110, 13.1.1", get('If-Match: "x"'), 412, **FAILED),
    Case("If-Match compares strongly", "RFC 9110, 8.8.3.2", get(f'If-Match: W/"{TAG}"'), 412, **FAILED),
    # Of a list that has no member it is not said; it names nothing.
    Case("If-Match with nothing", "RFC 9110, 13.1.1", get("If-Match:"), (400, 412), stays=None),
    # Precedence
    Case(
        "If-Match goes before If-None-Match",
        "RFC 9110, 13.2.2",
        get('If-Match: "x"', f'If-None-Match: "{TAG}"'),
        412,
        **FAILED,
    ),
    Case(
        "If-Match, then If-None-Match",
        "RFC 9110, 13.2.2",
        get("If-Match: *", f'If-None-Match: "{TAG}"'),
        304,
        NOT_MODIFIED,
    ),
    Case(
        "If-None-Match goes before If-Modified-Since",
        "RFC 9110, 13.1.3",
        get('If-None-Match: "x"', "If-Modified-Since: Sun, 22 Nov 2099 14:31:18 GMT"),
        200,
        body=VALUE,
    ),
    Case(
        "there is no date to compare If-Modified-Since with",
        "RFC 9110, 13.1.3",
        get("If-Modified-Since: Sun, 22 Nov 2099 14:31:18 GMT"),
        200,
        body=VALUE,
    ),
    Case(
        "there is no date to compare If-Unmodified-Since with",
        "RFC 9110, 13.1.4",
        put("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT"),
        204,
        stored=STORED,
    ),
    Case("what is not there stays so", "RFC 9110, 13.2.1", get("If-Match: *", target=NONE), 404, code="key_not_found"),
    Case(
        "what is not there is in no condition",
        "RFC 9110, 13.2.1",
        get("If-None-Match: *", target=NONE),
        404,
        code="key_not_found",
    ),
    Case(
        "DELETE of what is not there", "RFC 9110, 13.2.1", delete("If-Match: *", target=NONE), 404, code="key_not_found"
    ),
    Case("OPTIONS knows no conditions", "RFC 9110, 13.2.1", request("OPTIONS", KEY, 'If-Match: "x"'), 204),
    # Writes
    Case("PUT that creates only", "RFC 9110, 13.1.2", put("If-None-Match: *"), 412, **FAILED),
    Case("PUT that creates", "RFC 9110, 13.1.2", put("If-None-Match: *", target=KEY + ".new"), 201),
    Case("PUT that replaces only", "RFC 9110, 13.1.1", put("If-Match: *", target=KEY + ".new"), 412, **FAILED),
    Case("PUT of what was read", "RFC 9110, 13.1.1", put(f'If-Match: "{TAG}"'), 204, stored=STORED),
    Case(
        "PUT of what was read in a coding",
        "openapi.yaml, Compression",
        put(f'If-Match: "{TAG}-gzip"'),
        204,
        stored=STORED,
    ),
    Case("PUT of what was not read", "RFC 9110, 13.1.1", put('If-Match: "x"'), 412, **FAILED),
    Case("PUT compares strongly", "RFC 9110, 8.8.3.2", put(f'If-Match: W/"{TAG}"'), 412, **FAILED),
    Case("PUT unless it is that", "RFC 9110, 13.1.2", put(f'If-None-Match: W/"{TAG}"'), 412, **FAILED),
    Case("PUT unless it is another", "RFC 9110, 13.1.2", put('If-None-Match: "x"'), 204, stored=STORED),
    Case(
        "PATCH of what was not read",
        "RFC 9110, 13.1.1",
        request("PATCH", KEY, 'If-Match: "x"', body=b"1"),
        412,
        **FAILED,
    ),
    Case("DELETE of what was read", "RFC 9110, 13.1.1", delete(f'If-Match: "{TAG}"'), 204, stored=None),
    Case("DELETE of what was not read", "RFC 9110, 13.1.1", delete('If-Match: "x"'), 412, **FAILED),
    Case("a write with a broken condition", "openapi.yaml, Conditions", put("If-Match: x"), 400, code="invalid_header"),
]


def coded(accepted: str | None, coding: str | None, rule: str = "RFC 9110, 12.5.3") -> Case:
    """The large value as it comes to who accepts this: in this coding, or none."""
    asked = [] if accepted is None else [f"Accept-Encoding: {accepted}"]
    return Case(
        "no Accept-Encoding" if accepted is None else f"Accept-Encoding: {accepted}",
        rule,
        get(*asked, target=LARGE),
        200,
        {
            "Content-Encoding": coding or ABSENT,
            "Vary": "Accept-Encoding",
            "ETag": f'"{LARGE_TAG}-{coding}"' if coding else f'"{LARGE_TAG}"',
            "Content-Type": "application/json",
        },
        body=None if coding else LARGE_VALUE,
    )


CODINGS = [
    coded(None, None),
    coded("", None),
    coded("identity", None),
    coded("gzip", "gzip"),
    coded("zstd", "zstd"),
    coded("x-gzip", "gzip", "RFC 9110, 8.4.1.3"),
    coded("GZip", "gzip", "RFC 9110, 8.4.1"),
    coded("br", None),
    coded("br, deflate, gzip", "gzip"),
    coded("gzip, zstd", "zstd", "openapi.yaml, Compression"),
    coded("gzip;q=0.5, zstd;q=0.4", "gzip"),
    coded("gzip;q=0.5 , zstd ; q=0.6", "zstd"),
    coded("gzip;Q=0.5, zstd;Q=0.4", "gzip", "RFC 9110, 5.6.6"),
    coded("gzip;q=0", None),
    coded("gzip;q=0.000, zstd;q=0", None),
    coded("gzip;q=0.001", "gzip"),
    coded("gzip;q=1.000", "gzip"),
    coded("*", "zstd"),
    coded("*;q=0.5", "zstd"),
    coded("zstd;q=0, *", "gzip"),
    coded("gzip;q=0, *;q=0.1", "zstd"),
    coded("identity;q=0.5, gzip;q=0.1", None),
    coded("identity;q=0, gzip;q=0.1", "gzip"),
    coded(", gzip,,", "gzip", "RFC 9110, 5.6.1.2"),
    Case(
        "Accept-Encoding on two lines",
        "RFC 9110, 5.3",
        get("Accept-Encoding: br", "Accept-Encoding: gzip", target=LARGE),
        200,
        {"Content-Encoding": "gzip"},
    ),
    Case(
        "HEAD in a coding",
        "RFC 9110, 9.3.2",
        request("HEAD", LARGE, "Accept-Encoding: gzip"),
        200,
        {"Content-Encoding": "gzip", "ETag": f'"{LARGE_TAG}-gzip"', "Vary": "Accept-Encoding"},
    ),
    *(
        Case(
            f"not changed: had {had}, takes {taken}",
            "RFC 9110, 15.4.5",
            get(f"If-None-Match: {had}", f"Accept-Encoding: {taken}", target=LARGE),
            304,
            {
                "ETag": had.removeprefix("W/"),
                "Vary": "Accept-Encoding",
                "Content-Type": ABSENT,
                "Content-Encoding": ABSENT,
            },
            body=b"",
        )
        for had in (f'"{LARGE_TAG}"', f'"{LARGE_TAG}-gzip"', f'"{LARGE_TAG}-zstd"', f'W/"{LARGE_TAG}-gzip"')
        for taken in ("identity", "gzip")
    ),
    Case(
        "a body in an unknown coding",
        "RFC 9110, 15.5.16",
        put("Content-Encoding: br"),
        415,
        {"Accept-Encoding": "zstd, gzip"},
        code="unsupported_media_type",
    ),
    Case(
        "a body in two codings",
        "RFC 9110, 8.4",
        put("Content-Encoding: gzip, zstd"),
        415,
        code="unsupported_media_type",
    ),
    Case("a body as it is", "RFC 9110, 8.4.1", put("Content-Encoding: identity"), 204, stored=STORED),
    Case(
        "a body that is not in its coding",
        "openapi.yaml, Compression",
        put("Content-Encoding: gzip"),
        400,
        code="invalid_body",
    ),
    Case(
        "a body of a foreign type",
        "RFC 9110, 15.5.16",
        put("Content-Type: image/png"),
        415,
        code="unsupported_media_type",
    ),
    Case(
        "a form's type, which curl sends",
        "openapi.yaml, Values",
        put("Content-Type: application/x-www-form-urlencoded"),
        204,
        stored=STORED,
    ),
]

# RFC 3986: what a path names.
PATHS = [
    Case("a broken escape", "RFC 3986, 2.1", get(target="/keys/%zz"), 400, code="invalid_key"),
    Case("half an escape", "RFC 3986, 2.1", get(target="/keys/%4"), 400, code="invalid_key"),
    Case("an escaped NUL", "openapi.yaml, Keys", get(target="/keys/a%00b"), 404, code="key_not_found"),
    Case("what is not UTF-8", "openapi.yaml, Keys", get(target="/keys/%ff"), 400, code="invalid_key"),
    Case("an overlong form", "openapi.yaml, Keys", get(target="/keys/%c0%af"), 400, code="invalid_key"),
    Case("no key", "openapi.yaml, Keys", get(target="/keys/"), 400, code="invalid_key"),
    Case("too long a key", "openapi.yaml, Keys", get(target="/keys/" + "k" * 513), 414, code="key_too_long"),
    Case("an escape counts once", "openapi.yaml, Keys", get(target="/keys/" + "%41" * 512), 404, code="key_not_found"),
]

CASES = METHODS + CONTENT + EXPECTATIONS + CONDITIONS + CODINGS + PATHS
