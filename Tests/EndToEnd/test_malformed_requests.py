"""Requests that are not HTTP, or too large: 400, the connection closes, nothing behind them is heard.

What the RFCs say of single requests is in the tables of `conformance`.
"""

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


# Framing in doubt


def test_doubt_in_a_pipeline_keeps_the_answers_before_it(wire, smuggled):
    doubtful = request("GET", "/livez", "Content-Length: 5", "Transfer-Encoding: chunked")
    wire.send(request("GET", "/livez") * 3 + doubtful + smuggled)
    assert [wire.read().status for _ in range(3)] == [200, 200, 200]
    assert_refused(wire)


def test_equal_lengths_are_one_length_or_refused(wire, prefix, server):
    wire.send(request("PUT", f"/keys/{prefix}a", "Content-Length: 5", "Content-Length: 5", body=b"[1,2]"))
    reply = wire.read("PUT")
    assert reply.status in (201, 400)
    if reply.status == 400:
        wire.assert_closed()
    assert server.value(prefix + "a") == (b"[1,2]" if reply.status == 201 else None)


def test_nothing_but_nuls(wire):
    """An empty line may come before a request (RFC 9112, 2.2), and a line of NULs may be taken for one."""
    wire.send(b"\0" * 5000 + b"\r\n\r\n" + request("GET", "/livez", "Connection: close"))
    assert_refused(wire, 200, 400)


def test_bytes_of_control_in_a_value_do_no_harm(wire, server):
    for byte in (b"\0", b"\x01", b"\x7f", b"\x80", b"\xff"):
        with Wire(server) as other:
            other.send(b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Name: a" + byte + b"b\r\n\r\n")
            # RFC 9110, 5.5: rejected, or the byte replaced; never a request cut short at it.
            assert other.read().status in (200, 400)
    assert wire.ask(request("GET", "/livez")).status == 200


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
    for size in (600, 2000, 4500):
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
    assert wire.ask(request("GET", "/livez", "Cookie: " + "c" * 2000)).status == 200


def test_the_largest_head_is_the_operators_to_set(start_server):
    server = start_server("--max-header-bytes", "20KiB")
    with Wire(server) as wire:
        assert wire.ask(request("GET", "/livez", "Cookie: " + "c" * 9000)).status == 200
        assert wire.ask(request("GET", "/livez", "Cookie: " + "c" * 11_000)).status == 431
