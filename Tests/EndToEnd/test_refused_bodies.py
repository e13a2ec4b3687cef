"""Bodies over a limit: refused as soon as that is known, without being read, and `Expect: 100-continue`."""

import time

import pytest

from harness.contract import assert_problem
from harness.wire import ConnectionEnded, Wire, chunked, request, undisturbed

VALUE_LIMIT, BODY_LIMIT = 16 << 10, 64 << 10
# What the kernel's socket buffers of both sides can take before the sender feels that nobody reads.
SOCKET_SLACK = 24 << 20


@pytest.fixture(scope="module")
def small(start_module_server):
    return start_module_server("--max-value-bytes", f"{VALUE_LIMIT}", "--max-body-bytes", f"{BODY_LIMIT}")


@pytest.fixture(autouse=True)
def others(small):
    with undisturbed(small):
        yield


@pytest.fixture
def wire(small):
    with Wire(small) as wire:
        yield wire


ROUTES = [("PUT", "/keys/a"), ("POST", "/mget"), ("POST", "/mput"), ("POST", "/mdelete")]


def assert_too_large(reply):
    assert_problem(reply, 413, "value_too_large", "body_too_large")


@pytest.mark.parametrize("method, target", ROUTES)
@pytest.mark.parametrize("length", [BODY_LIMIT + 1, 1 << 40, (1 << 63) - 1])
def test_by_content_length_before_any_of_it_comes(wire, method, target, length):
    wire.send(request(method, target, f"Content-Length: {length}"))
    assert_too_large(wire.read(method))
    wire.assert_closed()


@pytest.mark.parametrize("method, target", ROUTES)
def test_by_content_length_while_the_client_sends(wire, method, target):
    length = 1 << 30

    def pieces():
        yield request(method, target, f"Content-Length: {length}")
        for _ in range(length // 65536):
            yield b" " * 65536

    started = time.monotonic()
    sent = wire.send_while_welcome(pieces())
    assert sent < SOCKET_SLACK and time.monotonic() - started < 5
    try:
        assert_too_large(wire.read(method))
    except ConnectionEnded as ended:
        # The reset that ends the upload may overtake the answer; half of one is never sent.
        assert ended.received == b""
    # Whatever of the body is still on its way, the connection ends.
    wire.assert_closed()


@pytest.mark.parametrize("method, target", ROUTES)
def test_a_chunked_body_that_never_ends(small, wire, method, target):
    def endless():
        yield request(method, target, "Transfer-Encoding: chunked", body=b"2000\r\n" + b'["' + b"x" * 8190 + b"\r\n")
        while True:
            yield b"2000\r\n" + b"x" * 8192 + b"\r\n"

    before = small.resident_bytes()
    sent = wire.send_while_welcome(endless())
    assert sent < SOCKET_SLACK
    assert small.resident_bytes() - before < 16 << 20
    try:
        assert_too_large(wire.read(method))
    except ConnectionEnded as ended:
        assert ended.received == b""
    wire.assert_closed()


@pytest.mark.parametrize("method, target", ROUTES)
def test_a_chunked_body_a_little_over(wire, method, target):
    """Here nothing is left to send, so that the client surely reads the answer."""
    body = b'["' + b"x" * BODY_LIMIT + b'"]'
    wire.send(request(method, target, "Transfer-Encoding: chunked", body=chunked(body, [30_000, 30_000])))
    assert_too_large(wire.read(method))


def test_one_chunk_that_announces_too_much(wire):
    wire.send(request("PUT", "/keys/a", "Transfer-Encoding: chunked", body=b"7fffffff\r\n[1,2"))
    wire.send_while_welcome([b"x" * 8192] * 5000)
    try:
        assert_too_large(wire.read("PUT"))
    except ConnectionEnded as ended:
        assert ended.received == b""
    wire.assert_closed()


def test_a_value_over_its_limit_in_a_body_within_its_own(small, wire):
    value = b'"' + b"x" * VALUE_LIMIT + b'"'
    wire.send(request("PUT", "/keys/a", body=value))
    assert_problem(wire.read("PUT"), 413, "value_too_large")
    with Wire(small) as other:
        assert other.ask(request("POST", "/mput", body=b'{"items":{"a":%s}}' % value)).status == 413
        assert other.ask(request("GET", "/keys/a")).status == 404


def test_the_largest_body_is_taken(wire):
    body = b'["a"' + b" " * (BODY_LIMIT - 5) + b"]"
    for framed in (
        request("POST", "/mget", body=body),
        request("POST", "/mget", "Transfer-Encoding: chunked", body=chunked(body, [999])),
    ):
        assert wire.ask(framed).status == 200


def test_a_long_key_is_refused_without_its_body(wire):
    wire.send(request("PUT", "/keys/" + "k" * 600, "Content-Length: 10000000"))
    assert_problem(wire.read("PUT"), 414, "key_too_long")
    wire.assert_closed()


@pytest.mark.parametrize("method, target, status, code", [
    ("POST", "/nothing", 404, "route_not_found"),
    ("TRACE", "/keys/a", 405, "method_not_allowed"),
    ("PUT", "/keys/%zz", 400, "invalid_key"),
    ("PUT", "/keys/a?ttl=0", 400, "invalid_ttl"),
])  # fmt: skip
def test_a_body_for_nobody_is_not_waited_for(wire, method, target, status, code):
    wire.send(request(method, target, f"Content-Length: {1 << 40}"))
    reply = wire.read(method)
    # Any limit that is broken too may be named first.
    assert_problem(reply, reply.status, code, "body_too_large", "value_too_large")
    assert reply.status in (status, 413)
    wire.assert_closed()


# Expect: 100-continue


def test_continue_is_sent_when_the_body_is_welcome(wire):
    head = request("PUT", "/keys/welcome", "Expect: 100-continue", "Content-Length: 5")
    interim = wire.ask(head)
    assert (interim.status, interim.body) == (100, b"")
    wire.send(b"[1,2]")
    assert wire.read("PUT").status in (201, 204)
    assert wire.ask(request("GET", "/keys/welcome")).body == b"[1,2]"


def test_continue_with_a_chunked_body(wire):
    wire.send(request("PUT", "/keys/welcome", "Expect: 100-continue", "Transfer-Encoding: chunked"))
    assert wire.read("PUT").status == 100
    wire.send(chunked(b"[1,2]", [2]))
    assert wire.read("PUT").status in (201, 204)


def test_a_client_that_does_not_wait_for_continue(wire):
    wire.send(request("PUT", "/keys/welcome", "Expect: 100-continue", body=b"[1,2]") + request("GET", "/keys/welcome"))
    reply = wire.read("PUT")
    if reply.status == 100:
        reply = wire.read("PUT")
    assert reply.status in (201, 204)
    assert wire.read().body == b"[1,2]"


@pytest.mark.parametrize("method, target, length, status", [
    ("PUT", "/keys/a", VALUE_LIMIT * 100, 413),
    ("POST", "/mput", BODY_LIMIT + 1, 413),
    ("PUT", "/keys/" + "k" * 600, 1 << 20, 414),
    ("TRACE", "/keys/a", 1 << 20, 405),
    ("PATCH", "/keys/a", VALUE_LIMIT * 100, 413),
    ("POST", "/nothing", 1 << 20, 404),
])  # fmt: skip
def test_no_continue_for_what_is_refused(wire, method, target, length, status):
    wire.send(request(method, target, "Expect: 100-continue", f"Content-Length: {length}"))
    assert wire.read(method).status == status


def test_another_expectation(wire):
    wire.send(request("PUT", "/keys/a", "Expect: 200-maybe", body=b"1"))
    assert wire.read("PUT").status in (201, 204, 417)


def test_http_1_0_gets_no_interim_answer(wire):
    reply = wire.ask(request("PUT", "/keys/old", "Expect: 100-continue", version="HTTP/1.0", body=b"1"))
    assert reply.status in (201, 204)
