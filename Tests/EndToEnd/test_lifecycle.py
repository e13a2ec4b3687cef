"""A process's life: start, health, log lines, drain and stop."""

import json
import re
import signal
import socket
import time
from datetime import datetime
from pathlib import Path

import pytest

from harness.contract import assert_problem
from harness.deadline import PATIENCE, eventually
from harness.process import CacheServer, member, run_to_exit
from harness.wire import Wire, request


def refuses_connections(server):
    try:
        with Wire(server, timeout=1):
            return False
    except (ConnectionRefusedError, ConnectionResetError, TimeoutError):
        return True


def begin_upload(server, target="/keys/slow"):
    """A PUT of which the server has the head and half of the body."""
    wire = Wire(server)
    wire.send(request("PUT", target, "Expect: 100-continue", "Content-Length: 10"))
    assert wire.read("PUT").status == 100
    wire.send(b'"slow')
    return wire


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


# Health check


def test_healthcheck(binary, start_server):
    server = start_server()
    arguments = ["healthcheck", "--host", server.host, "--port", str(server.port)]
    assert run_to_exit(binary, *arguments).returncode == 0
    environment = {"CACHE_HOST": server.host, "CACHE_PORT": str(server.port)}
    assert run_to_exit(binary, "healthcheck", env=environment).returncode == 0

    upload = begin_upload(server)
    server.signal(signal.SIGTERM)
    server.wait_for_line("draining")
    assert run_to_exit(binary, *arguments).returncode == 1, "a draining server is not healthy"
    upload.send(b'"'.rjust(5, b"x"))
    assert upload.read("PUT").status == 201
    server.wait()
    run = run_to_exit(binary, *arguments)
    assert run.returncode == 1
    assert run.stderr, "it says why"


def test_healthcheck_of_something_that_never_answers(binary):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()
        run = run_to_exit(
            binary, "healthcheck", "--host", "127.0.0.1", "--port", str(mute.getsockname()[1]), within=2 * PATIENCE
        )
    assert run.returncode == 1
    assert time.monotonic() - started < PATIENCE


# Logs


def test_log_lines(start_server):
    server = start_server()
    for target in ("/keys/a", "/nothing", "/keys/%zz", "/stats"):
        server.get(target)
    server.put("a", "not JSON")
    with Wire(server) as wire:
        wire.send(b"nonsense\r\n\r\n")
        wire.finish_sending()
    server.stop()
    for line in server.logs:
        assert {"time", "level", "message"} <= line.keys()
        assert datetime.fromisoformat(line["time"].replace("Z", "+00:00")).tzinfo is not None
        assert line["time"].endswith("Z")
    said = [line["message"] for line in server.logs]
    order = [
        next(index for index, message in enumerate(said) if word in message)
        for word in ("starting", "listening", "draining", "stopped")
    ]
    assert order == sorted(order), said
    assert len(said) <= 5, f"no line per request at the default level: {said}"


def test_debug_logs_each_request(start_server):
    server = start_server("--log-level", "debug")

    def debug_lines():
        return [line for line in server.logs if line["level"] == "debug"]

    server.put("secret-key", '"secret-value"')
    eventually(lambda: any("PUT" in json.dumps(line) for line in debug_lines()), "the request is logged")
    assert "secret-value" not in "\n".join(server.output)


def test_level_error_is_quiet(binary):
    server = CacheServer(binary, "--port", "0", "--log-format", "json", "--log-level", "error")
    try:
        # Nothing tells the port, so ask the kernel which one the process listens on.
        eventually(lambda: listening_ports(server.process.pid), "it listens")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert server.output == []
    finally:
        server.kill()


def listening_ports(pid):
    """The TCP ports that a process of this machine listens on, as the kernel lists them."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = descriptor.readlink().name
        except FileNotFoundError:
            continue
        if match := re.fullmatch(r"socket:\[(\d+)\]", target):
            inodes.add(match[1])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and row[9] in inodes]


def test_text_format(start_server):
    server = start_server("--log-format", "text")
    assert server.get("/livez").status == 200
    server.stop()
    assert any("listening" in line and str(server.port) in line for line in server.output)
    for line in server.output:
        with pytest.raises(ValueError):
            json.loads(line)


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
    server.signal(signal.SIGTERM)
    answered = 0
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


def test_sigpipe_and_sighup_do_not_kill(start_server):
    server = start_server()
    server.signal(signal.SIGPIPE)
    assert server.get("/livez").status == 200


# Commands


def test_version(binary, start_server):
    run = run_to_exit(binary, "--version")
    assert run.returncode == 0
    version = re.search(r"\d+\.\d+\.\d+\S*", run.stdout)
    assert version, run.stdout
    assert start_server().get("/").json()["version"] == version[0]


def test_demo(binary):
    run = run_to_exit(binary, "demo", within=3 * PATIENCE)
    assert run.returncode == 0, run.stderr
    report = run.stdout
    assert report.index("Statistics") < report.index("Performance")

    def figure(name):
        match = re.search(rf"{name}\W+([\d,]+(?:\.\d+)?)", report, re.IGNORECASE)
        assert match, f"no {name} in {report}"
        return float(match[1].replace(",", ""))

    hits, misses, total = figure("hits"), figure("misses"), figure("total requests")
    assert hits + misses == total > 0
    assert figure("hit rate") == pytest.approx(100 * hits / total, abs=0.1)
    assert figure("expirations") > 0
    assert figure("evictions") >= 0
    size, capacity = re.search(r"current size\D+([\d,]+)\s*/\s*([\d,]+)", report, re.IGNORECASE).groups()
    assert int(size.replace(",", "")) <= int(capacity.replace(",", "")) == 1000
    for name in ("average get", "average put", "throughput"):
        assert re.search(name, report, re.IGNORECASE), f"no {name} in {report}"
