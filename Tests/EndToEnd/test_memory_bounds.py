"""Small requests that would take much memory: what they take together has a bound, and others never notice."""

import json

import pytest
import zstandard

from harness.contract import MAX_VALUE_BYTES, assert_problem
from harness.deadline import eventually
from harness.wire import ConnectionEnded, Wire, request, undisturbed

MIB = 1 << 20


@pytest.fixture
def small(start_server):
    """A server with 16 MiB for what is under way: 8 MiB for each of its threads."""
    server = start_server("--threads", "2", "--max-inflight-bytes", "16MiB", "--max-memory", "1GiB")
    with undisturbed(server):
        yield server


def close(wires):
    for wire in wires:
        wire.socket.close()


def test_lines_that_grow(small):
    """Some hundred bytes of zstd become a line of 8 MiB whose end does not come."""
    compressor = zstandard.ZstdCompressor().compressobj()
    line = compressor.compress(b'{"key":"a","value":"' + b"x" * (MAX_VALUE_BYTES - 100))
    line += compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    assert len(line) < 2000
    before = small.resident_bytes()
    wires, refused = [], 0
    for _ in range(40):
        wire = Wire(small)
        coded = b"%x\r\n%s\r\n" % (len(line), line)
        wire.send(request("POST", "/warm", "Content-Encoding: zstd", "Transfer-Encoding: chunked", body=coded))
        wires.append(wire)
    # One more at a time is as it always was: it is the only one of its thread, or is told.
    for wire in wires:
        wire.socket.settimeout(0.2)
        try:
            assert_problem(wire.read("POST"), 503, "overloaded")
            refused += 1
        except TimeoutError:
            pass
    assert refused >= 36
    assert small.resident_bytes() - before < 100 * MIB
    close(wires)

    def is_free():
        with Wire(small) as wire:
            whole = zstandard.compress(b'{"key":"a","value":1}\n')
            return wire.ask(request("POST", "/warm", "Content-Encoding: zstd", body=whole)).status == 200

    eventually(is_free, "what they held is free again")


def test_answers_that_nobody_takes(small):
    """Twenty thousand bytes ask for a hundred million."""
    keys = [f"k{number}" for number in range(2000)]
    for start in range(0, 2000, 500):
        small.post("/mput", {"items": dict.fromkeys(keys[start : start + 500], "x" * 50_000)})
    ask = request("POST", "/mget", body=json.dumps(keys).encode())
    before = small.resident_bytes()
    wires = [Wire(small, receive_buffer=4096) for _ in range(20)]
    for wire in wires:
        wire.send(ask)
    # Each of the two threads answers one of them: who is alone has room.
    eventually(lambda: small.stats()["http"]["responses"]["5xx"] >= 18, "the others are told")
    assert small.resident_bytes() - before < 400 * MIB
    close(wires)

    def is_free():
        reply = small.post("/mget", keys)
        return reply.status == 200 and len(reply.json()["values"]) == 2000

    eventually(is_free, "what they held is free again")


@pytest.mark.parametrize("count", [1, 100, 120, 250, 1000, 5000])
@pytest.mark.parametrize("fields", [0, 3, 35])
def test_any_number_of_large_values(server, prefix, bystanders, count, fields):
    """libmicrohttpd 0.9.75 aborts the process if there is no memory for the list of their places, which shares that of
    the connection with the head and what comes behind the request."""
    items = {f"{prefix}{number}": "x" * 4200 for number in range(count)}
    assert server.post("/mput", {"items": items}).status == 200
    extra = [f"X-{number}: {'y' * 100}" for number in range(fields)]
    whole = request("POST", "/mget", *extra, body=json.dumps(list(items)).encode())
    for behind in (0, 1, 40):
        with Wire(server) as wire:
            wire.send(whole + request("GET", "/livez?" + "q" * 500) * behind)
            assert wire.read("POST").json()["values"] == items
            assert all(wire.read().status == 200 for _ in range(behind))
    for _ in range(5):
        with Wire(server, receive_buffer=4096) as wire:
            wire.send(whole)
    assert server.request("DELETE", f"/keys?prefix={prefix}").json() == {"deleted": count}


def test_so_many_answers_are_compressed_at_a_time(start_server):
    """A compressor takes more than a connection does: beyond some hundreds answers come as they are."""
    server = start_server()
    value = json.dumps([f"number {number}" for number in range(100_000)], separators=(",", ":"))
    server.put("large", value)
    ask = request("GET", "/keys/large", "Accept-Encoding: gzip")
    wires = [Wire(server, receive_buffer=4096) for _ in range(400)]
    for wire in wires:
        wire.send(ask)
    # The heads come at once; the clients take no more.
    heads = [wire.socket.recv(400) for wire in wires]
    assert {head.split(b"\r\n")[0] for head in heads} == {b"HTTP/1.1 200 OK"}
    coded = sum(b"Content-Encoding: gzip" in head for head in heads)
    assert 200 < coded < 400
    close(wires)

    def is_coded():
        with Wire(server) as wire:
            return wire.ask(ask).header("Content-Encoding") == "gzip"

    eventually(is_coded, "they are compressed again")


def test_who_is_refused_takes_no_room_of_others(start_server):
    server = start_server("--max-connections", "64", "--max-connections-per-address", "4")
    wires = [Wire(server) for _ in range(500)]
    for _ in range(10):
        with Wire(server, source="127.0.0.9") as other:
            assert other.ask(request("GET", "/livez")).status == 200
    for wire in wires[4:]:
        try:
            assert wire.read().status == 503
        except ConnectionEnded as ended:
            assert ended.received == b""
    close(wires)
