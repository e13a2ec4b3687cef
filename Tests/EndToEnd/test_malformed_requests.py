"""Requests that are not HTTP, or whose end is in doubt: 400, the connection closes, nothing behind them is heard."""

import pytest

from harness.contract import assert_problem
from harness.wire import ConnectionEnded, Wire, request

pytestmark = pytest.mark.usefixtures("bystanders")


@pytest.fixture
def wire(server):
    with Wire(server) as wire:
        yield wire


@pytest.fixture
def smuggled(server, prefix):
    """A request that hides behind a malformed one. If it was heard, the test fails."""
    key = prefix + "smuggled"
    yield request("PUT", f"/keys/{key}", body=b'"heard"')
    assert server.value(key) is None, "the request behind a malformed one was heard"


def assert_refused(wire, *statuses):
    """One answer with one of these statuses at most, then the end. An end without an answer is refused too."""
    try:
        reply = wire.read()
    except ConnectionEnded as ended:
        assert ended.received == b"", f"half an answer: {ended.received!r}"
        return
    assert reply.status in (statuses or (400,)), reply
    wire.assert_closed()


def assert_answered_and_closed(wire, *statuses):
    """One answer with one of these statuses, then the end.

    libmicrohttpd 0.9.75 writes the head of a refusal of its own twice, so that its text overruns the length that the
    head tells. It refuses a bad Content-Length by itself, before the program hears of the request.
    """
    reply = wire.read()
    assert reply.status in statuses, reply
    if reply.body.startswith(b"HTTP/1.1 ") and b"Content-Length" in reply.body:
        wire.assert_closed_without_another_answer()
    else:
        wire.assert_closed()


# Framing in doubt

BODY = b"5\r\n[1,2]\r\n0\r\n\r\n"

DOUBTFUL = {
    "length and coding": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "coding and length": ["Transfer-Encoding: chunked", "Content-Length: 5"],
    "coding and the right length": ["Transfer-Encoding: chunked", f"Content-Length: {len(BODY)}"],
    "coding and zero": ["Transfer-Encoding: chunked", "Content-Length: 0"],
    "lengths that differ": ["Content-Length: 5", "Content-Length: 6"],
    "lengths that differ, zero last": ["Content-Length: 5", "Content-Length: 0"],
    "list of lengths that differ": ["Content-Length: 5, 6"],
    "list of equal lengths": ["Content-Length: 5, 5"],
    "plus sign": ["Content-Length: +5"],
    "minus sign": ["Content-Length: -1"],
    "hexadecimal": ["Content-Length: 0x5"],
    "fraction": ["Content-Length: 5.0"],
    "no number": ["Content-Length: five"],
    "empty": ["Content-Length:"],
    "number and text": ["Content-Length: 5x"],
    "space inside": ["Content-Length: 1 0"],
    "over 64 bits": ["Content-Length: 18446744073709551621"],
    "very long": ["Content-Length: " + "9" * 300],
    "unknown coding": ["Transfer-Encoding: gzip"],
    "identity": ["Transfer-Encoding: identity"],
    "chunked is not last": ["Transfer-Encoding: chunked, gzip"],
    "chunked twice": ["Transfer-Encoding: chunked, chunked"],
    "two codings": ["Transfer-Encoding: gzip, chunked"],
    "two lines of codings": ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    "hidden by a tab": ["Transfer-Encoding: \x0bchunked"],
    "space before the colon": ["Transfer-Encoding : chunked"],
    "folded": ["Transfer-Encoding:\r\n chunked", "Content-Length: 5"],
}


@pytest.mark.parametrize("doubt", DOUBTFUL)
def test_a_body_whose_end_is_in_doubt(wire, prefix, smuggled, doubt):
    wire.send(request("PUT", f"/keys/{prefix}a", *DOUBTFUL[doubt], body=BODY) + smuggled)
    # A coding that the server does not know may also be 501 (RFC 9112, 6.1).
    allowed = (400, 501) if doubt in ("unknown coding", "two codings", "identity") else (400,)
    # A length that no body can have may also be 413: nothing of it is read either way.
    allowed = (400, 413) if doubt in ("over 64 bits", "very long") else allowed
    assert_answered_and_closed(wire, *allowed)


@pytest.mark.parametrize(
    "doubt",
    ["length and coding", "lengths that differ", "plus sign", "minus sign", "hexadecimal", "list of equal lengths"],
)
def test_doubt_on_a_get(wire, smuggled, doubt):
    wire.send(request("GET", "/livez", *DOUBTFUL[doubt]) + BODY + smuggled)
    assert_answered_and_closed(wire, 400)


def test_doubt_in_a_pipeline_keeps_the_answers_before_it(wire, smuggled):
    doubtful = request("GET", "/livez", "Content-Length: 5", "Transfer-Encoding: chunked")
    wire.send(request("GET", "/livez") * 3 + doubtful + smuggled)
    assert [wire.read().status for _ in range(3)] == [200, 200, 200]
    assert_answered_and_closed(wire, 400)


def test_equal_lengths_are_one_length_or_refused(wire, prefix, server):
    wire.send(request("PUT", f"/keys/{prefix}a", "Content-Length: 5", "Content-Length: 5", body=b"[1,2]"))
    reply = wire.read("PUT")
    assert reply.status in (201, 400)
    if reply.status == 400:
        wire.assert_closed()
    assert server.value(prefix + "a") == (b"[1,2]" if reply.status == 201 else None)


BAD_CHUNKS = {
    "no size": b"\r\n[1,2]\r\n0\r\n\r\n",
    "no number": b"five\r\n[1,2]\r\n0\r\n\r\n",
    "sign": b"+5\r\n[1,2]\r\n0\r\n\r\n",
    "minus": b"-5\r\n[1,2]\r\n0\r\n\r\n",
    "prefix": b"0x5\r\n[1,2]\r\n0\r\n\r\n",
    "space before": b" 5\r\n[1,2]\r\n0\r\n\r\n",
    "huge": b"fffffffffffffffff\r\n[1,2]\r\n0\r\n\r\n",
    "wraps to five": b"10000000000000005\r\n[1,2]\r\n0\r\n\r\n",
    "no line end after the data": b"5\r\n[1,2]0\r\n\r\n",
    "too short": b"4\r\n[1,2]\r\n0\r\n\r\n",
    "NUL": b"5\0\r\n[1,2]\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("fault", BAD_CHUNKS)
def test_a_broken_chunk(wire, server, prefix, smuggled, fault):
    wire.send(request("PUT", f"/keys/{prefix}a", "Transfer-Encoding: chunked", body=BAD_CHUNKS[fault]) + smuggled)
    assert_refused(wire, 400, 413)
    assert server.value(prefix + "a") is None, "the rest of a broken body was stored"


# Request lines and headers

MALFORMED = {
    "no target": b"GET\r\nHost: a\r\n\r\n",
    "no version": b"GET /livez\r\nHost: a\r\n\r\n",
    "no version, no header": b"GET /livez\r\n\r\n",
    "empty method": b" /livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "four words": b"GET /livez HTTP/1.1 more\r\nHost: a\r\n\r\n",
    "space in the target": b"GET /keys/a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "version garbage": b"GET /livez HTTP/x.y\r\nHost: a\r\n\r\n",
    "another protocol": b"GET /livez ICAP/1.0\r\nHost: a\r\n\r\n",
    "NUL in the target": b"GET /livez\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    "NUL in the query": b"GET /livez?a\0b HTTP/1.1\r\nHost: a\r\n\r\n",
    "NUL in the method": b"GET\0X /livez HTTP/1.1\r\nHost: a\r\n\r\n",
    "NUL in a header's name": b"GET /livez HTTP/1.1\r\nHost: a\r\nX\0Y: 1\r\n\r\n",
    "space before the colon": b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Name : 1\r\n\r\n",
    "no colon": b"GET /livez HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n",
    "space before the first header": b"GET /livez HTTP/1.1\r\n Host: a\r\n\r\n",
    "TLS hello": bytes.fromhex("16030100c8010000c40303") + bytes(range(1, 190)) + b"\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "binary": bytes(range(256)) * 4 + b"\r\n\r\n",
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_what_is_not_http(wire, smuggled, fault):
    wire.send(MALFORMED[fault] + smuggled)
    statuses = (400, 505) if "version" in fault or "HTTP/2" in fault or "protocol" in fault else (400,)
    assert_refused(wire, *statuses)


@pytest.mark.parametrize("hosts", [[], ["Host: a", "Host: b"], ["Host: a", "Host: a"]])
def test_a_request_has_one_host(wire, smuggled, hosts):
    wire.send("\r\n".join(["GET /livez HTTP/1.1", *hosts, "", ""]).encode() + smuggled)
    reply = wire.reply_then_close()
    assert reply.status == 400


def test_nothing_but_nuls(wire):
    """An empty line may come before a request (RFC 9112, 2.2), and a line of NULs may be taken for one."""
    wire.send(b"\0" * 5000 + b"\r\n\r\n" + request("GET", "/livez", "Connection: close"))
    assert_refused(wire, 200, 400)


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/0.9", "HTTP/3.7"])
def test_other_versions(wire, smuggled, version):
    wire.send(request("GET", "/livez", version=version) + smuggled)
    assert_refused(wire, 400, 505)


def test_bytes_of_control_in_a_value_do_no_harm(wire, server):
    for byte in (b"\0", b"\x01", b"\x7f", b"\x80", b"\xff"):
        with Wire(server) as other:
            other.send(b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Name: a" + byte + b"b\r\n\r\n")
            # RFC 9110, 5.5: rejected, or the byte replaced; never a request cut short at it.
            assert other.read().status in (200, 400)
    assert wire.ask(request("GET", "/livez")).status == 200


@pytest.mark.parametrize("head", [
    b"GET /livez HTTP/1.1\nHost: a\n\n",
    b"GET /livez HTTP/1.1\r\nHost: a\n\n",
    b"GET /livez HTTP/1.1\nHost: a\r\n\r\n",
])  # fmt: skip
def test_bare_line_feeds_are_line_ends_or_refused(wire, head):
    wire.send(head)
    reply = wire.read()
    assert reply.status in (200, 400)
    if reply.status == 400:
        wire.assert_closed()
    else:
        assert wire.ask(request("GET", "/livez")).status == 200


def test_a_folded_header_is_one_header_or_refused(wire, server, prefix):
    wire.send(request("PUT", f"/keys/{prefix}a", "X-Folded: a\r\n b", "Cache-Control: max-age=60", body=b"1"))
    reply = wire.read("PUT")
    assert reply.status in (201, 400)
    if reply.status == 201:
        assert "max-age" in server.get(f"/keys/{prefix}a").header("Cache-Control")


# Too much of everything


@pytest.mark.parametrize("size", [100_000, 1_000_000])
def test_a_huge_header(wire, smuggled, size):
    sent = request("GET", "/livez", "X-Large: " + "x" * size) + smuggled
    wire.send_while_welcome(sent[start : start + 8192] for start in range(0, len(sent), 8192))
    assert_refused(wire, 400, 431)


def test_very_many_headers(wire, smuggled):
    sent = request("GET", "/livez", *(f"X-{number}: {number}" for number in range(20_000))) + smuggled
    wire.send_while_welcome(sent[start : start + 8192] for start in range(0, len(sent), 8192))
    assert_refused(wire, 400, 431)


def test_an_endless_header(wire):
    def endless():
        yield b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Large: "
        while True:
            yield b"x" * 8192

    assert wire.send_while_welcome(endless()) < 64 << 20
    assert_refused(wire, 400, 431)


@pytest.mark.parametrize("size", [100_000, 1_000_000])
def test_a_huge_request_line(wire, smuggled, size):
    sent = request("GET", "/keys/" + "k" * size) + smuggled
    wire.send_while_welcome(sent[start : start + 8192] for start in range(0, len(sent), 8192))
    assert_refused(wire, 400, 414, 431)


def test_a_long_request_line_is_no_more_than_a_long_key(wire):
    for size in (600, 2000, 5000):
        assert wire.ask(request("GET", "/keys/" + "k" * size)).status == 414
        assert wire.ask(request("GET", "/livez?" + "q" * size)).status == 200


def test_more_than_so_many_headers_have_no_effect(server, wire, prefix):
    """With them there would be no room for the answer to what took effect."""
    headers = [f"X-Header-{number}: {'v' * 40}" for number in range(50)]
    assert_problem(wire.ask(request("PUT", f"/keys/{prefix}a", *headers, body=b"1")), 431, "headers_too_large")
    wire.assert_closed()
    assert server.get(f"/keys/{prefix}a").status == 404


def test_a_query_may_have_any_number_of_parameters(wire):
    assert wire.ask(request("GET", "/livez?" + "a&" * 2000)).status == 200


def test_moderate_headers_are_served(wire):
    reply = wire.ask(request("GET", "/livez", *(f"X-Header-{number}: {'v' * 40}" for number in range(38))))
    assert reply.status == 200
    assert wire.ask(request("GET", "/livez", "Cookie: " + "c" * 4000)).status == 200
