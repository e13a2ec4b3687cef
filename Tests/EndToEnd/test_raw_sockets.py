"""Well-formed HTTP that few clients send: split anywhere, pipelined, with bodies that nobody wants.

What the RFCs say of single requests is in the tables of `conformance`.
"""

import pytest

from harness.contract import ROUTES, assert_problem
from harness.wire import Wire, chunked, request

pytestmark = pytest.mark.usefixtures("bystanders")


@pytest.fixture
def wire(server):
    with Wire(server) as wire:
        yield wire


@pytest.fixture
def path(prefix):
    return lambda name="a": f"/keys/{prefix}{name}"


def single_bytes(data):
    return (data[index : index + 1] for index in range(len(data)))


# Splitting


def test_a_byte_at_a_time(wire, path):
    wire.send_pieces(single_bytes(request("PUT", path(), "Content-Type: application/json", body=b"[1, 2]")))
    assert wire.read("PUT").status == 201
    wire.send_pieces(single_bytes(request("GET", path())))
    assert wire.read().body == b"[1,2]"


def test_a_chunked_body_a_byte_at_a_time(wire, path):
    coded = chunked(b'{"a": [1, 2, 3]}', [1, 4, 7], extension=b";name=value", trailers=b"X-Trailer: 1\r\n")
    wire.send_pieces(single_bytes(request("PUT", path(), "Transfer-Encoding: chunked", body=coded)))
    assert wire.read("PUT").status == 201
    assert wire.ask(request("GET", path())).body == b'{"a":[1,2,3]}'


def test_split_once_at_every_place(wire, path):
    whole = request("PUT", path(), "Transfer-Encoding: chunked", body=chunked(b"[1,2]", [2, 2]))
    for place in range(1, len(whole)):
        wire.send_pieces([whole[:place], whole[place:]])
        assert wire.read("PUT").status in (201, 204)
        assert wire.ask(request("GET", path())).body == b"[1,2]"


def test_a_large_body_in_random_pieces(wire, path, rng):
    value = b'"' + bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz", k=300_000)) + b'"'
    whole = request(
        "PUT", path(), "Transfer-Encoding: chunked", body=chunked(value, iter(lambda: rng.randint(1, 20_000), 0))
    )
    cuts = sorted(rng.sample(range(1, len(whole)), 60))
    wire.send_pieces(whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True))
    assert wire.read("PUT").status == 201
    assert wire.ask(request("GET", path())).body == value


# Pipelining


def test_pipelined_requests_are_answered_in_order(wire, path):
    stream = b"".join(
        [
            request("PUT", path("a"), body=b'"one"'),
            request("GET", path("a")),
            request("GET", path("missing")),
            request("PUT", path("a"), body=b'"two"'),
            request("HEAD", path("a")),
            request("GET", path("a")),
            request("DELETE", path("a")),
            request("GET", path("a")),
        ]
    )
    wire.send(stream)
    methods = ["PUT", "GET", "GET", "PUT", "HEAD", "GET", "DELETE", "GET"]
    replies = [wire.read(method) for method in methods]
    assert [reply.status for reply in replies] == [201, 200, 404, 204, 200, 200, 204, 404]
    assert (replies[1].body, replies[4].body, replies[5].body) == (b'"one"', b"", b'"two"')


def test_head_sends_no_byte_of_a_body(wire, path):
    """Whatever followed the head would be taken for the beginning of the next answer."""
    askable = [route.replace("/keys/{key}", path("none")) for route, methods in ROUTES.items() if "HEAD" in methods]
    askable.remove("/export")
    for target in askable:
        wire.send(request("HEAD", target) * 2 + request("GET", "/livez"))
        assert [wire.read("HEAD").status for _ in range(2)] == [404 if "none" in target else 200] * 2
        assert wire.read().json() == {"status": "ok"}


def test_head_of_a_stream_ends_the_connection(wire):
    """libmicrohttpd 0.9.75 would send the end of a chunked body behind the head: better nothing more at all."""
    wire.send(request("HEAD", "/export") + request("GET", "/livez"))
    assert wire.read("HEAD").status == 200
    wire.assert_closed()


def test_a_long_pipeline(wire, path):
    count = 1000
    wire.send(b"".join(request("PUT", path(str(number)), body=b"%d" % number) for number in range(count)))
    assert {wire.read("PUT").status for _ in range(count)} == {201}
    wire.send(b"".join(request("GET", path(str(number))) for number in range(count)))
    assert [wire.read().body for _ in range(count)] == [b"%d" % number for number in range(count)]


def test_a_pipeline_of_chunked_and_sized_bodies(wire, path):
    body = chunked(b"[1,2,3]", [3, 3], trailers=b"X: y\r\n")
    wire.send(
        request("PUT", path("a"), "Transfer-Encoding: chunked", body=body)
        + request("PUT", path("b"), body=b"2")
        + request(
            "POST",
            "/warm",
            "Transfer-Encoding: chunked",
            body=chunked(b'{"key":"%s","value":3}\n' % path("c")[6:].encode(), [5]),
        )
        + request("GET", path("a"))
        + request("GET", path("c"))
    )
    replies = [wire.read() for _ in range(5)]
    assert [reply.status for reply in replies] == [201, 201, 200, 200, 200]
    assert (replies[3].body, replies[4].body) == (b"[1,2,3]", b"3")


def test_a_refused_request_does_not_end_the_pipeline(wire, path):
    wire.send(request("PUT", path(), body=b"nonsense") + request("TRACE", path(), body=b"{}") + request("GET", path()))
    assert_problem(wire.read("PUT"), 400, "invalid_json")
    assert_problem(wire.read("TRACE"), 405, "method_not_allowed")
    assert_problem(wire.read(), 404, "key_not_found")


# Bodies where none is needed


@pytest.mark.parametrize(
    "method, target, status",
    [("GET", "/keys/none", 404), ("DELETE", "/keys/none", 404), ("GET", "/stats", 200), ("POST", "/livez", 405)],
)
@pytest.mark.parametrize("framing", ["sized", "chunked"])
def test_a_body_that_nobody_wants_is_read_past(wire, method, target, status, framing):
    body = b"x" * 5000
    if framing == "chunked":
        wire.send(request(method, target, "Transfer-Encoding: chunked", body=chunked(body, [100])))
    else:
        wire.send(request(method, target, body=body))
    reply = wire.read(method)
    assert reply.status == status
    # A refusal may rather end the connection than read a body to its end, but says so.
    if reply.header("Connection") == "close" and status == 405:
        wire.assert_closed()
    else:
        assert wire.ask(request("GET", "/livez")).status == 200


# Versions, forms and methods


def test_http_1_0_keep_alive(wire, path):
    for _ in range(3):
        reply = wire.ask(request("GET", "/livez", "Connection: keep-alive", version="HTTP/1.0"))
        assert reply.status == 200
        assert reply.header("Connection").lower() == "keep-alive"
    assert wire.ask(request("PUT", path(), version="HTTP/1.0", body=b"1")).status == 201
    wire.assert_closed()


def test_connections_are_kept_by_default(wire):
    for _ in range(100):
        reply = wire.ask(request("GET", "/livez"))
        assert reply.status == 200
        assert "close" not in (reply.header("Connection") or "").lower()


def test_absolute_form(wire, server, path):
    target = f"http://{server.host}:{server.port}{path('a%2Fb')}"
    assert wire.ask(request("PUT", target + "?ttl=60", body=b"1")).status == 201
    reply = wire.ask(request("GET", path("a/b")))
    assert (reply.status, reply.body) == (200, b"1")
    assert reply.header("Cache-Control")
    assert wire.ask(request("GET", f"http://{server.host}:{server.port}/livez")).json() == {"status": "ok"}


def test_an_empty_line_before_the_request(wire):
    wire.send(b"\r\n" + request("GET", "/livez"))
    assert wire.read().status == 200
    # Some clients add one after a body.
    wire.send(b"\r\n\r\n" + request("GET", "/livez"))
    assert wire.read().status == 200


def test_a_query_without_a_path_value(wire):
    for target in ("/livez?", "/livez?a", "/livez?a=b&&=&", "/livez?%zz=%", "/livez?a=b?c=d#e"):
        assert wire.ask(request("GET", target)).status == 200
