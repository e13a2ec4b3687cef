"""Clients that take their time, say nothing, or leave in the middle: others never notice."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from harness.contract import assert_problem
from harness.curl import curl
from harness.deadline import PATIENCE, eventually
from harness.wire import ConnectionEnded, Wire, chunked, request, undisturbed


@pytest.fixture(scope="module")
def hasty(start_module_server):
    """A server that waits for a silent client one second."""
    return start_module_server("--idle-timeout", "1s")


# Slow


@pytest.mark.usefixtures("bystanders")
def test_a_slow_sender_is_served_beside_quick_ones(server, prefix):
    whole = request("PUT", f"/keys/{prefix}slow", body=b'"slow"')
    with Wire(server) as slow, Wire(server) as quick:
        for index in range(len(whole)):
            slow.send(whole[index : index + 1])
            started = time.monotonic()
            assert quick.ask(request("GET", "/livez")).status == 200
            assert time.monotonic() - started < PATIENCE / 4
        assert slow.read("PUT").status == 201


def test_many_slow_senders_at_once(server, prefix):
    whole = request("PUT", f"/keys/{prefix}slow", body=b'"slow"')
    wires = [Wire(server) for _ in range(100)]
    for start in range(0, len(whole), 7):
        for wire in wires:
            wire.send(whole[start : start + 7])
    assert {wire.read("PUT").status for wire in wires} <= {201, 204}
    for wire in wires:
        wire.socket.close()


def test_a_sender_slower_than_the_idle_timeout_in_all_but_not_at_once(hasty):
    whole = request("PUT", "/keys/slow", body=b'"slow"')
    pause = 2.5 / len(whole)
    with Wire(hasty) as wire:
        wire.send_pieces((whole[index : index + 1] for index in range(len(whole))), pause=pause)
        assert wire.read("PUT").status in (201, 204)


@pytest.mark.parametrize("begun", ["nothing", "half a head", "half a body", "half a chunk", "a whole request"])
def test_a_silent_client_is_let_go(hasty, begun):
    sent = {
        "nothing": b"",
        "half a head": b"GET /livez HTTP/1.1\r\nHost:",
        "half a body": request("PUT", "/keys/a", "Content-Length: 10", body=b"[1,2"),
        "half a chunk": request("PUT", "/keys/a", "Transfer-Encoding: chunked", body=b"10\r\n[1,2"),
        "a whole request": request("GET", "/livez"),
    }[begun]
    with Wire(hasty, timeout=5 + PATIENCE) as wire:
        wire.send(sent)
        since = time.monotonic()
        if begun == "a whole request":
            assert wire.read().status == 200
        try:
            assert wire.read().status == 408
            wire.assert_closed()
        except ConnectionEnded as ended:
            assert ended.received == b""
        waited = time.monotonic() - since
        assert 0.5 < waited < 5, f"closed after {waited:.1f} s of silence"
    assert hasty.get("/keys/a").status == 404


def test_a_silent_client_is_kept_within_the_timeout(server):
    with Wire(server) as wire:
        assert wire.ask(request("GET", "/livez")).status == 200
        until = time.monotonic() + 3
        wire.socket.settimeout(3)
        with pytest.raises(TimeoutError):
            wire.read()
        assert time.monotonic() >= until - 0.1
        wire.socket.settimeout(PATIENCE)
        assert wire.ask(request("GET", "/livez")).status == 200


# Gone

WHOLE = request("PUT", "/keys/{prefix}gone", "Content-Type: application/json", body=b'{"a": [1, 2, 3]}')
CODED = request("PUT", "/keys/{prefix}gone", "Transfer-Encoding: chunked", body=chunked(b'{"a": [1, 2, 3]}', [4, 4]))


@pytest.mark.usefixtures("bystanders")
@pytest.mark.parametrize("whole", [WHOLE, CODED], ids=["sized", "chunked"])
@pytest.mark.parametrize("manner", ["close", "reset"])
def test_leaving_at_every_stage(server, prefix, whole, manner):
    whole = whole.replace(b"{prefix}", prefix.encode())
    for sent in range(len(whole)):
        with Wire(server) as wire:
            wire.send(whole[:sent])
            if manner == "reset":
                wire.reset()
    assert server.value(prefix + "gone") is None, "a body that was cut short was stored"


@pytest.mark.parametrize("whole", [WHOLE, CODED], ids=["sized", "chunked"])
def test_saying_no_more_at_every_stage(hasty, prefix, whole):
    """Who half-closes in a request is let go: at once, or as a silent client where the end came with the last bytes,
    which libmicrohttpd 0.9.75 then may not see."""
    whole = whole.replace(b"{prefix}", prefix.encode())
    wires = [Wire(hasty) for _ in whole]
    for sent, wire in enumerate(wires):
        wire.send(whole[:sent])
        wire.finish_sending()
    for wire in wires:
        try:
            assert wire.read().status in (400, 408)
        except ConnectionEnded as ended:
            assert ended.received == b""
        wire.socket.close()
    assert hasty.value(prefix + "gone") is None, "a body that was cut short was stored"


def test_saying_no_more_after_a_request(hasty):
    """The answers still come."""
    for _ in range(10):
        with Wire(hasty) as wire:
            wire.send(request("PUT", "/keys/last", body=b"1") + request("GET", "/keys/last"))
            wire.finish_sending()
            assert wire.read("PUT").status in (201, 204)
            assert wire.read().body == b"1"


@pytest.mark.usefixtures("bystanders")
@pytest.mark.parametrize("manner", ["close", "reset"])
def test_leaving_before_the_answer(server, prefix, manner):
    value = '"' + "x" * 1_000_000 + '"'
    server.put(prefix + "large", value)
    for _ in range(50):
        with Wire(server, receive_buffer=4096) as wire:
            wire.send(request("GET", f"/keys/{prefix}large") * 3)
            if manner == "reset":
                wire.reset()
    assert server.value(prefix + "large") == value.encode()


@pytest.mark.usefixtures("bystanders")
def test_a_slow_reader_gets_all_of_its_answer(server, prefix):
    value = '"' + "x" * 4_000_000 + '"'
    server.put(prefix + "large", value)
    with Wire(server, receive_buffer=4096) as slow, Wire(server) as quick:
        slow.send(request("GET", f"/keys/{prefix}large"))
        # The value is replaced and deleted while its answer waits in the server: what was begun stays whole.
        assert quick.ask(request("PUT", f"/keys/{prefix}large", body=b"1")).status == 204
        assert quick.ask(request("DELETE", f"/keys/{prefix}large")).status == 204
        reply = slow.read()
        assert (reply.status, reply.body) in ((200, value.encode()), (200, b"1")) or reply.status == 404


def test_gone_clients_leave_nothing_behind(start_server):
    server = start_server("--max-memory", "64MiB", "--idle-timeout", "1s")

    def come_and_go(rounds):
        for _ in range(rounds):
            with Wire(server) as wire:
                wire.send(request("PUT", "/keys/a", "Content-Length: 1000000", body=b"[" + b" " * 200_000))
                wire.reset()
            with Wire(server) as wire:
                wire.send(b"POST /warm HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" + b'{"key":"a",' * 5000)
        eventually(lambda: server.stats()["http"]["connections"] <= 1, "the server has noticed")

    come_and_go(100)
    before = server.resident_bytes()
    for _ in range(4):
        # As many at a time as before, so that what there is more is what was left behind.
        come_and_go(100)
    assert server.resident_bytes() - before < 24 << 20


# Many


@pytest.mark.parametrize("option", ["--max-connections", "--max-connections-per-address"])
def test_connections_over_the_maximum_are_refused(start_server, option):
    server = start_server(option, "4")
    ask = request("GET", "/livez")
    wires = [Wire(server) for _ in range(4)]
    for wire in wires:
        assert wire.ask(ask).status == 200
    for _ in range(100):
        with Wire(server) as extra:
            reply = extra.reply_then_close()
            assert_problem(reply, 503, "overloaded")
            assert reply.header("Retry-After") == "1"
        with Wire(server) as extra:
            extra.send(request("PUT", "/keys/a", body=b"1"))
            assert_problem(extra.reply_then_close(), 503, "overloaded")
    assert wires[0].ask(request("GET", "/keys/a")).status == 404, "what is refused has no effect"
    refused = curl(f"{server.base_url}/livez")
    assert_problem(refused, 503, "overloaded")
    for wire in wires:
        assert wire.ask(ask).status == 200, "those inside go on undisturbed"
    for wire in wires:
        wire.socket.close()

    def served():
        with Wire(server) as wire:
            return wire.ask(ask).status == 200

    eventually(served, "there is room again")


def test_connections_come_and_go_quickly(start_server):
    server = start_server()
    with undisturbed(server):
        for _ in range(2000):
            with Wire(server) as wire:
                assert wire.ask(request("GET", "/livez", "Connection: close")).status == 200
    eventually(lambda: server.stats()["http"]["connections"] <= 1, "the server has noticed")


# Too slow (the attack that is called Slowloris)


@contextmanager
def quick_client(server):
    """A client that asks all the time, and how long it has waited for each answer, in seconds."""
    latencies = []
    is_over = threading.Event()

    def ask(wire):
        while not is_over.wait(0.005):
            started = time.monotonic()
            assert wire.ask(request("GET", "/livez")).status == 200
            latencies.append(time.monotonic() - started)

    with Wire(server) as wire, ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask, wire)
        try:
            yield latencies
        finally:
            is_over.set()
        asking.result()


def test_two_thousand_that_send_a_byte_at_a_time_are_cut_and_nobody_else_notices(start_server, measured):
    server = start_server("--request-timeout", "2s")
    begun = b"GET /keys/a HTTP/1.1\r\nHost: x\r\nX-Slow: "
    slow = [Wire(server) for _ in range(2000)]
    try:
        for wire in slow:
            wire.send(begun)
        with quick_client(server) as latencies, Wire(server) as uploading:
            # Slow, but it gets on: more than a KiB a second.
            uploading.send(request("PUT", "/keys/b", "Content-Length: 20002", body=b'"'))
            cut = set()
            deadline = time.monotonic() + 2 + PATIENCE
            sent = 1
            while len(cut) < len(slow):
                assert time.monotonic() < deadline, f"{len(slow) - len(cut)} are still open"
                for number, wire in enumerate(slow):
                    if number not in cut:
                        try:
                            wire.send(b"x")
                        except (ConnectionEnded, OSError):
                            cut.add(number)
                if sent < 20001:
                    uploading.send(b"x" * min(2000, 20001 - sent))
                    sent += min(2000, 20001 - sent)
                time.sleep(0.2)
            uploading.send(b"x" * (20001 - sent) + b'"')
            assert uploading.read("PUT").status == 201
        latencies.sort()
        median, late = latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100]
        measured(f"beside {len(slow)} slow senders: median {median * 1000:.1f} ms, 99 % {late * 1000:.1f} ms")
        assert len(latencies) > 100
        assert median < 0.05 and late < 0.5
    finally:
        for wire in slow:
            wire.socket.close()


def test_a_slow_stream_is_waited_for(start_server):
    server = start_server("--request-timeout", "1s")
    line = b'{"key":"slow","value":1}\n'
    with Wire(server) as wire:
        wire.send(request("POST", "/warm", f"Content-Length: {len(line)}"))
        pause = 3.5 / len(line)
        wire.send_pieces((line[index : index + 1] for index in range(len(line))), pause=pause)
        reply = wire.read("POST")
    assert (reply.status, reply.json()["loaded"]) == (200, 1)
