"""A server's start, its drain and its stop."""

import json
import signal
import socket
import time

import pytest

from harness.contract import assert_problem
from harness.deadline import PATIENCE, eventually
from harness.process import CacheServer, member, run_to_exit
from harness.wire import Wire, begin_upload, request


def refuses_connections(server):
    try:
        with Wire(server, timeout=1):
            return False
    except (ConnectionRefusedError, ConnectionResetError, TimeoutError):
        return True


# Start


def test_start_to_first_answer(binary, measured):
    times = []
    for _ in range(5):
        server = CacheServer(binary, "--port", "0", "--log-format", "json")
        try:
            server.wait_until_listening()
            assert server.get("/livez").status == 200
            times.append((time.monotonic() - server.started_at) * 1000)
        finally:
            server.stop()
    measured(
        f"start to first answer: {sorted(times)[2]:.0f} ms (median of 5, by the client's clock, process start included)"
    )


@pytest.mark.parametrize("command", [[], ["serve"]])
def test_serving_is_the_default_command(binary, command):
    server = CacheServer(binary, *command, "--port", "0", "--log-format", "json")
    try:
        server.wait_until_listening()
        assert server.get("/readyz").status == 200
    finally:
        server.stop()


def test_the_chosen_port_is_logged_and_real(start_server):
    server = start_server()
    assert server.port > 0 and server.host == "127.0.0.1"
    assert server.get("/livez").status == 200


def test_a_port_of_ones_own(start_server):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = start_server("--port", str(port))
    assert server.port == port
    assert server.get("/livez").status == 200


def test_a_port_can_be_used_again_at_once(start_server):
    first = start_server()
    connection = first.connect()
    first.request("GET", "/livez", connection=connection)
    first.stop()
    second = start_server("--port", str(first.port))
    assert second.get("/livez").status == 200
    connection.close()


def test_a_port_in_use(binary, start_server):
    taken = start_server()
    started = time.monotonic()
    run = run_to_exit(binary, "--port", str(taken.port), "--log-format", "json")
    assert run.returncode not in (0, 64) and 0 < run.returncode < 128
    said = run.stderr + run.stdout
    assert str(taken.port) in said and "in use" in said.lower(), said
    assert "listening" not in [member(json.loads(line), "message") for line in run.stdout.splitlines()]
    assert time.monotonic() - started < 5
    assert taken.get("/livez").status == 200


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "not a host", ""])
def test_a_host_that_cannot_be_bound(binary, host):
    run = run_to_exit(binary, "--host", host, "--port", "0", within=3 * PATIENCE)
    assert 0 < run.returncode < 128
    assert (host or "host") in run.stderr + run.stdout


def test_two_servers_share_nothing(start_server):
    first, second = start_server(), start_server()
    assert first.port != second.port
    first.put("a", '"first"')
    second.put("a", '"second"')
    assert (first.value("a"), second.value("a")) == (b'"first"', b'"second"')
    first.stop()
    assert second.value("a") == b'"second"'


def test_all_interfaces(start_server):
    server = start_server("--host", "0.0.0.0")
    with socket.create_connection(("127.0.0.2", server.port), timeout=PATIENCE) as connection:
        connection.sendall(request("GET", "/livez", "Connection: close"))
        assert connection.recv(12) == b"HTTP/1.1 200"
    # The rest of the test's life asks it where it can be reached.
    server.host = "127.0.0.1"


# Drain


def test_drain_lets_requests_in_flight_finish(start_server):
    server = start_server("--drain-timeout", "30s")
    idle = Wire(server)
    assert idle.ask(request("GET", "/readyz")).status == 200
    upload = begin_upload(server)

    server.signal(signal.SIGTERM)
    server.wait_for_line("draining")
    eventually(lambda: refuses_connections(server), "listening stops")
    reply = idle.ask(request("GET", "/readyz"))
    assert_problem(reply, 503, "draining")
    assert reply.header("Retry-After") == "1"
    assert server.is_running, "an upload is still in flight"

    started = time.monotonic()
    upload.send(b'ness"')
    assert upload.read("PUT").status == 201
    assert server.wait() == 0
    assert time.monotonic() - started < 5, "with nothing left in flight it ends at once"
    assert member(server.logs[-1], "message") and "stopped" in server.logs[-1]["message"]
    idle.socket.close()
    upload.socket.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_stops_at_once(start_server, number):
    server = start_server("--drain-timeout", "60s")
    idle = [Wire(server) for _ in range(8)]
    for wire in idle:
        assert wire.ask(request("GET", "/livez")).status == 200
    started = time.monotonic()
    server.signal(number)
    assert server.wait() == 0
    assert time.monotonic() - started < 5, "idle connections are not in flight"
    for wire in idle:
        wire.assert_closed()


def test_a_large_answer_in_flight_is_finished(start_server):
    server = start_server("--drain-timeout", "30s")
    value = '"' + "x" * 8_000_000 + '"'
    server.put("large", value)
    with Wire(server, receive_buffer=4096) as slow:
        slow.send(request("GET", "/keys/large"))
        eventually(lambda: slow.socket.recv(1, socket.MSG_PEEK), "the answer has begun")
        server.signal(signal.SIGTERM)
        server.wait_for_line("draining")
        assert slow.read().body == value.encode()
    assert server.wait() == 0


def test_an_unfinished_request_is_cut_at_the_drain_timeout(start_server):
    server = start_server("--drain-timeout", "1s")
    upload = begin_upload(server)
    started = time.monotonic()
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert 0.9 <= time.monotonic() - started < 5
    upload.assert_closed()


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_stops_at_once(start_server, second):
    server = start_server("--drain-timeout", "60s")
    # Ending by the signal itself, or saying so as a shell would, is as right as 0 for who did not want to wait.
    server.clean_exits = {0, -second, 128 + second}
    upload = begin_upload(server)
    server.signal(signal.SIGTERM)
    server.wait_for_line("draining")
    started = time.monotonic()
    server.signal(second)
    server.wait()
    assert time.monotonic() - started < 5
    upload.socket.close()


def test_stopping_under_load(start_server):
    """Each request is answered in full or not at all."""
    server = start_server()
    server.put("a", '"' + "x" * 10_000 + '"')
    wires = [Wire(server) for _ in range(16)]
    for wire in wires:
        wire.send(request("GET", "/keys/a") * 200)
    # A connection that is closed with requests unread takes what the client has not read yet with it.
    answered = wires[0].socket.recv(1 << 16, socket.MSG_PEEK).count(b"HTTP/1.1 200")
    server.signal(signal.SIGTERM)
    for wire in wires:
        received = bytearray()
        try:
            while data := wire.socket.recv(1 << 16):
                received += data
        except ConnectionResetError:
            pass
        answered += received.count(b"HTTP/1.1 200")
        assert not received or received.startswith(b"HTTP/1.1 200")
    assert server.wait() == 0
    assert answered > 0


def test_a_broken_pipe_does_not_kill(start_server):
    server = start_server()
    server.signal(signal.SIGPIPE)
    assert server.get("/livez").status == 200
