"""RFC 9112: how the head of a message is written, and what becomes of the connection."""

from conformance.case import ABSENT, KEY, NAME, Case, put, with_head
from harness.wire import request

ALIVE = b'{"status":"ok"}\n'
STORED = b"[1,2]"


def served(name: str, rule: str, sent: bytes, **more) -> Case:
    return Case(name, rule, sent, 200, body=ALIVE, **more)


def refused(name: str, rule: str, sent: bytes, status: int | tuple[int, ...] = 400, **more) -> Case:
    """Nothing of it, or behind it, is heard."""
    return Case(name, rule, sent, status, stays=False, **more)


def malformed(name: str, rule: str, sent: bytes, **more) -> Case:
    return refused(name, rule, sent, code="malformed_request", fields={"Connection": "close"}, **more)


LIVEZ = request("GET", "/livez")

PARSING = [
    served("an empty line before the request", "RFC 9112, 2.2", b"\r\n" + LIVEZ),
    Case("line feeds alone", "RFC 9112, 2.2", b"GET /livez HTTP/1.1\nHost: a\n\n", (200, 400), stays=None),
    Case(
        "a line feed alone in the head",
        "RFC 9112, 2.2",
        b"GET /livez HTTP/1.1\r\nHost: a\n\r\n",
        (200, 400),
        stays=None,
    ),
    malformed("a carriage return alone in a value", "RFC 9112, 2.2", with_head("Host: a", "X: a\rb")),
    malformed("a carriage return alone in a name", "RFC 9112, 2.2", with_head("Host: a", "X\rY: a")),
    refused("a carriage return alone in the line", "RFC 9112, 2.2", b"GET /livez\r HTTP/1.1\r\nHost: a\r\n\r\n"),
    malformed("a carriage return before the line's end", "RFC 9112, 2.2", with_head("Host: a\r")),
    malformed("white space before the first field", "RFC 9112, 2.2", with_head(" Host: a")),
    refused(
        "nothing but binary", "RFC 9112, 2.2", bytes(range(256)) * 4 + b"\r\n\r\n", answered=False, by_library=True
    ),
    refused(
        "the beginning of TLS",
        "RFC 9112, 2.2",
        bytes.fromhex("16030100c8010000c40303") + bytes(range(1, 190)) + b"\r\n\r\n",
        answered=False,
        by_library=True,
    ),
]

VERSIONS = [
    served("a later minor version", "RFC 9110, 2.5", request("GET", "/livez", version="HTTP/1.2")),
    refused("version 2.0", "RFC 9110, 15.6.6", request("GET", "/livez", version="HTTP/2.0"), 505, by_library=True),
    refused("version 3.7", "RFC 9110, 15.6.6", request("GET", "/livez", version="HTTP/3.7"), 505, by_library=True),
    refused(
        "version 0.9", "RFC 9110, 15.6.6", request("GET", "/livez", version="HTTP/0.9"), (400, 505), by_library=True
    ),
    refused("HTTP/2's preface", "RFC 9113, 3.4", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505), by_library=True),
    *(
        refused(
            f"the version {version}",
            "RFC 9112, 2.3",
            request("GET", "/livez", version=version),
            (400, 505),
            by_library=True,
        )
        for version in (
            "http/1.1",
            "HTTP/1",
            "HTTP/1.",
            "HTTP/1.10",
            "HTTP/01.1",
            "HTTP/x.y",
            "HTTP 1.1",
            "ICAP/1.0",
            "HTTP/1.1x",
        )
    ),
    refused("no version", "RFC 9112, 3", b"GET /livez\r\nHost: a\r\n\r\n", (400, 505), answered=False, by_library=True),
    refused("a line of version 0.9", "RFC 9112, 3", b"GET /livez\r\n\r\n", (400, 505), answered=False, by_library=True),
    Case(
        "version 1.0 ends the connection",
        "RFC 9112, 9.3",
        request("GET", "/livez", version="HTTP/1.0"),
        200,
        stays=False,
    ),
    Case("version 1.0 needs no Host", "RFC 9112, 3.2", b"GET /livez HTTP/1.0\r\n\r\n", 200, stays=False),
    served(
        "version 1.0 that asks to be kept",
        "RFC 9112, C.2.2",
        request("GET", "/livez", "Connection: keep-alive", version="HTTP/1.0"),
        fields={"Connection": lambda value: value.lower() == "keep-alive"},
    ),
    Case("version 1.0 stores", "RFC 9112, 9.3", put(version="HTTP/1.0"), 204, stays=False, stored=STORED),
    Case(
        "an unknown length to version 1.0",
        "RFC 9112, 6.3",
        request("GET", f"/export?prefix={NAME}", version="HTTP/1.0"),
        200,
        {"Transfer-Encoding": ABSENT, "Content-Length": ABSENT},
        body=b'{"key":"%s","value":{"a":1}}\n' % NAME.encode(),
        stays=False,
    ),
    # libmicrohttpd 0.9.75 would keep the client waiting for the end.
    Case(
        "nothing of an unknown length to version 1.0",
        "RFC 9112, 6.3",
        request("GET", "/export?prefix=there-is-none", version="HTTP/1.0"),
        200,
        body=b"",
        stays=False,
    ),
]

REQUEST_LINES = [
    served("the origin form", "RFC 9112, 3.2.1", LIVEZ),
    served("the origin form with a query", "RFC 9112, 3.2.1", request("GET", "/livez?a=b&c")),
    served("the absolute form", "RFC 9112, 3.2.2", request("GET", "http://cache.test/livez")),
    served("the absolute form with a query", "RFC 9112, 3.2.2", request("GET", "http://cache.test/livez?a=b")),
    served("the absolute form of https", "RFC 9112, 3.2.2", request("GET", "https://cache.test/livez")),
    served("a scheme knows no case", "RFC 9110, 4.2.3", request("GET", "HTTP://cache.test:80/livez")),
    served(
        "the absolute form with another Host",
        "RFC 9112, 3.2.2",
        with_head("Host: other", target="http://cache.test/livez"),
    ),
    Case("the absolute form without a path", "RFC 9110, 4.2.3", request("GET", "http://cache.test"), 200),
    Case("the absolute form with a query alone", "RFC 9110, 4.2.3", request("GET", "http://cache.test?a=/livez"), 200),
    Case("the absolute form stores", "RFC 9112, 3.2.2", put(target=f"http://cache.test{KEY}"), 204, stored=STORED),
    Case(
        "the asterisk form", "RFC 9112, 3.2.4", request("OPTIONS", "*"), 204, {"Allow": lambda value: "QUERY" in value}
    ),
    Case("the asterisk form with another method", "RFC 9112, 3.2.4", request("GET", "*"), (400, 404, 405), stays=None),
    Case(
        "the authority form", "RFC 9112, 3.2.3", request("CONNECT", "cache.test:80"), (400, 404, 405, 501), stays=None
    ),
    Case(
        "the authority form with another method",
        "RFC 9112, 3.2.3",
        request("GET", "cache.test:80"),
        (400, 404),
        stays=None,
    ),
    Case("no slash at the beginning", "RFC 9112, 3.2.1", request("GET", "livez"), (400, 404), stays=None),
    refused("no target", "RFC 9112, 3", b"GET\r\nHost: a\r\n\r\n", answered=False, by_library=True),
    refused("an empty method", "RFC 9112, 3", b" /livez HTTP/1.1\r\nHost: a\r\n\r\n", answered=False, by_library=True),
    refused("four words", "RFC 9112, 3", b"GET /livez HTTP/1.1 more\r\nHost: a\r\n\r\n", (400, 505), by_library=True),
    malformed("a space in the target", "RFC 9112, 3.2", b"GET /keys/a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    malformed("two spaces", "RFC 9112, 3", b"GET  /livez HTTP/1.1\r\nHost: a\r\n\r\n"),
    refused(
        "a tab between the words",
        "RFC 9112, 3",
        b"GET\t/livez HTTP/1.1\r\nHost: a\r\n\r\n",
        answered=False,
        by_library=True,
    ),
    malformed("NUL in the target", "RFC 9112, 3.2", b"GET /livez\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
    malformed("NUL in the query", "RFC 9112, 3.2", b"GET /livez?a\0b HTTP/1.1\r\nHost: a\r\n\r\n"),
    malformed("NUL in the method", "RFC 9112, 3.1", b"GET\0X /livez HTTP/1.1\r\nHost: a\r\n\r\n"),
    *(
        Case(
            f"the method {method[:20]}",
            "RFC 9110, 9.1",
            request(method, KEY),
            405,
            {"Allow": lambda value: "GET" in value},
            code="method_not_allowed",
        )
        for method in ("get", "Get", "put", "delete", "FETCH", "M-SEARCH", "X" * 200, "!#$%&'*+-.^_`|~", "TRACE")
    ),
]

HOSTS = [
    malformed("no Host", "RFC 9112, 3.2", with_head()),
    malformed("two Hosts", "RFC 9112, 3.2", with_head("Host: a", "Host: b")),
    malformed("the same Host twice", "RFC 9112, 3.2", with_head("Host: a", "Host: a")),
    malformed("two Hosts of version 1.0", "RFC 9112, 3.2", b"GET /livez HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
    served("an empty Host", "RFC 9112, 3.2", with_head("Host:")),
    *(
        served(f"the Host {host}", "RFC 9110, 7.2", with_head(f"Host: {host}"))
        for host in ("cache.test", "cache.test:8080", "127.0.0.1:80", "[::1]:80", "a_b.test", "a%2Db", "cache.test:")
    ),
    served("Host by another case", "RFC 9110, 5.1", with_head("hOST: a")),
    *(
        malformed(f"the Host {host!r}", "RFC 9112, 3.2", with_head(f"Host: {host}"))
        for host in ("a b", "a/b", "http://a", "user@a", "a?b", "a#b", "a\\b", '"a"', "<a>", "a\x7fb", "a\tb")
    ),
]

FIELDS = [
    Case(
        "white space around a value",
        "RFC 9112, 5.1",
        put("Cache-Control: \t max-age=77 \t "),
        204,
        stored=STORED,
    ),
    served("no white space before a value", "RFC 9112, 5.1", with_head("Host:a", "X:b")),
    served("an empty value", "RFC 9112, 5", with_head("Host: a", "X:", "Y: ")),
    malformed("a space before the colon", "RFC 9112, 5.1", with_head("Host: a", "X : b")),
    malformed("a tab before the colon", "RFC 9112, 5.1", with_head("Host: a", "X\t: b")),
    malformed("a space before the colon of Host", "RFC 9112, 5.1", with_head("Host : a")),
    malformed("a folded field", "RFC 9112, 5.2", with_head("Host: a", "X: a", " b")),
    malformed("a field folded by a tab", "RFC 9112, 5.2", with_head("Host: a", "X: a", "\tb")),
    malformed("a field folded before its value", "RFC 9112, 5.2", with_head("Host: a", "X:", " b")),
    malformed("a folded field at the end", "RFC 9112, 5.2", with_head("Host: a", "X: a", " ")),
    malformed("a folded Host", "RFC 9112, 5.2", with_head("Host:", " a")),
    refused("no colon", "RFC 9112, 5", with_head("Host: a", "nonsense"), by_library=True),
    malformed("no name", "RFC 9112, 5", with_head("Host: a", ": b")),
    malformed("no name at the end", "RFC 9112, 5", with_head("Host: a", ":")),
    refused("NUL in a name", "RFC 9112, 5", with_head("Host: a", "X\0Y: 1"), by_library=True),
    malformed("NUL in a value", "RFC 9110, 5.5", with_head("Host: a", "X: a\0b")),
    *(
        malformed(f"{name!r} is no name", "RFC 9110, 5.1", with_head("Host: a", f"{name}: b"))
        for name in (
            "X Y",
            "X(Y)",
            "X@Y",
            "X,Y",
            "X;Y",
            "X/Y",
            "X[Y]",
            "X=Y",
            '"X"',
            "X\\Y",
            "{X}",
            "X\x0bY",
            "X\x7f",
            "\xe4",
            "X\xff",
        )
    ),
    *(
        served(f"{name} is a name", "RFC 9110, 5.1", with_head("Host: a", f"{name}: b"))
        for name in ("x", "X-1", "!#$%&'*+-.^_`|~", "0")
    ),
    served("bytes beyond ASCII in a value", "RFC 9110, 5.5", with_head("Host: a", "X: \xe4\xff\x80")),
    Case("a control character in a value", "RFC 9110, 5.5", with_head("Host: a", "X: a\x01b"), (200, 400), stays=None),
]

CONNECTIONS = [
    served("a connection is kept", "RFC 9112, 9.3", LIVEZ),
    *(
        Case(
            f"Connection: {value}",
            "RFC 9112, 9.6",
            request("GET", "/livez", f"Connection: {value}"),
            200,
            {"Connection": lambda value: value.lower() == "close"},
            body=ALIVE,
            stays=False,
        )
        for value in ("close", "Close", "foo, close", "close, foo", "close,foo", "keep-alive, close")
    ),
    Case(
        "Connection: close on a second line",
        "RFC 9112, 9.6",
        request("GET", "/livez", "Connection: foo", "Connection: close"),
        200,
        stays=False,
    ),
    served("Connection: closed is not close", "RFC 9110, 7.6.1", request("GET", "/livez", "Connection: closed")),
    Case(
        "a PUT that closes takes effect",
        "RFC 9112, 9.6",
        put("Connection: close"),
        204,
        {"Connection": "close"},
        stays=False,
        stored=STORED,
    ),
    served(
        "an upgrade may be passed over",
        "RFC 9110, 7.8",
        request("GET", "/livez", "Connection: Upgrade", "Upgrade: h2c"),
    ),
]

CASES = PARSING + VERSIONS + REQUEST_LINES + HOSTS + FIELDS + CONNECTIONS
