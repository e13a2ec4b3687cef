"""Who may use it, and how often: tokens, rates, sockets in the file system, web pages of other origins."""

import hashlib
import signal
import subprocess
import time

import pytest

from harness.contract import assert_problem
from harness.curl import curl
from harness.deadline import PATIENCE, eventually
from harness.process import CacheServer, member, run_to_exit
from harness.wire import Wire, request


@pytest.fixture
def token_file(tmp_path):
    def write(*lines, name="tokens"):
        path = tmp_path / name
        rows = [f"{hashlib.sha256(token.encode()).hexdigest()} {rest}" for token, rest in lines]
        path.write_text("# token, scope, prefix\n" + "\n".join(rows) + "\n")
        return path

    return write


def bearer(token):
    return ["-H", f"Authorization: Bearer {token}"]


def test_tokens_with_curl(start_server, token_file):
    path = token_file(("reader", "read"), ("writer", "write user:"), ("root", "admin"))
    url = start_server("--auth-tokens", str(path)).base_url
    refused = curl(f"{url}/keys/user:1")
    assert_problem(refused, 401, "unauthorized")
    assert refused.header("WWW-Authenticate") == 'Bearer realm="production-cache"'
    assert_problem(curl(*bearer("wrong"), f"{url}/keys/user:1"), 401, "unauthorized")
    assert curl(f"{url}/readyz").status == curl(f"{url}/livez").status == 200
    assert curl("-X", "PUT", *bearer("writer"), f"{url}/keys/user:1", "-d", "1").status == 201
    assert_problem(curl("-X", "PUT", *bearer("writer"), f"{url}/keys/other", "-d", "1"), 403, "forbidden")
    assert_problem(curl("-X", "PUT", *bearer("reader"), f"{url}/keys/user:1", "-d", "2"), 403, "forbidden")
    assert curl(*bearer("reader"), f"{url}/keys/user:1").body == b"1"
    assert_problem(curl(f"{url}/metrics"), 401, "unauthorized")
    assert curl(*bearer("reader"), f"{url}/metrics").status == 200
    # Refused before it is sent: the body is not waited for.
    big = ["-X", "PUT", "-H", "Expect: 100-continue", "--data-binary", "@-"]
    assert_problem(curl(*big, f"{url}/keys/user:1", stdin=b"1" * 4_000_000), 401, "unauthorized")
    assert curl("-X", "DELETE", *bearer("root"), f"{url}/keys").json() == {"deleted": 1}


def test_no_token_is_in_the_log(start_server, token_file):
    server = start_server("--auth-tokens", str(token_file(("hush-hush", "read"))), "--log-level", "debug")
    curl(*bearer("hush-hush"), f"{server.base_url}/keys/a")
    curl(*bearer("not-this-one"), f"{server.base_url}/keys/a")
    server.wait_for_line("request")
    said = server.transcript()
    assert "hush-hush" not in said and "not-this-one" not in said


def test_public_metrics(start_server, token_file):
    server = start_server("--auth-tokens", str(token_file(("t", "read"))), "--public-metrics", "on")
    assert server.get("/metrics").status == server.get("/stats").status == 200
    assert server.get("/keys/a").status == 401


def wait_for_lines(server, text, count):
    deadline = time.monotonic() + PATIENCE
    while sum(text in line for line in server.output) < count:
        assert time.monotonic() < deadline, server.transcript()
        time.sleep(0.01)


def test_a_hangup_reads_the_tokens_anew(start_server, token_file):
    path = token_file(("old", "read"))
    server = start_server("--auth-tokens", str(path))

    def status(token):
        return server.request("GET", "/stats", headers={"Authorization": f"Bearer {token}"}).status

    assert (status("old"), status("new")) == (200, 401)
    token_file(("new", "read"))
    server.process.send_signal(signal.SIGHUP)
    wait_for_lines(server, "reloaded", 1)
    assert (status("old"), status("new")) == (401, 200)
    for broken in ("nonsense\n", ""):
        path.write_text(broken)
        server.process.send_signal(signal.SIGHUP)
    wait_for_lines(server, "not reloaded", 1)
    assert (status("old"), status("new")) == (401, 200)
    line = next(entry for entry in server.logs if "not reloaded" in entry["message"])
    assert str(path) in member(line, "error")


def test_a_hangup_without_tokens_ends_nothing(fresh):
    fresh.process.send_signal(signal.SIGHUP)
    fresh.wait_for_line("nothing to reload")
    assert fresh.get("/livez").status == 200


@pytest.mark.parametrize("content, reason", [
    (None, "No such file or directory"), ("", "has no token"), ("# nothing\n", "has no token"),
    ("x read\n", "line 1: it does not begin with a SHA-256"),
    ("\n" + "0" * 64 + " all\n", 'line 2: the scope is "all"'),
])  # fmt: skip
def test_a_file_without_tokens_ends_the_start(binary, tmp_path, content, reason):
    path = tmp_path / "tokens"
    if content is not None:
        path.write_text(content)
    run = run_to_exit(binary, "--auth-tokens", str(path), "--port", "0")
    assert run.returncode == 66
    assert str(path) in run.stderr and reason in run.stderr


def test_one_warning_where_everybody_may_ask(start_server, token_file):
    open_to_all = start_server("--host", "0.0.0.0")
    warnings = [entry for entry in open_to_all.logs if entry["level"] == "warning"]
    assert len(warnings) == 1 and "--auth-tokens" in warnings[0]["message"]
    guarded = start_server("--host", "0.0.0.0", "--auth-tokens", str(token_file(("t", "read"))))
    alone = start_server()
    assert not [entry for entry in guarded.logs + alone.logs if entry["level"] == "warning"]


# Rates


def test_a_client_may_ask_so_often(start_server):
    server = start_server("--rate-limit", "1", "--rate-burst", "5")
    replies = [curl(f"{server.base_url}/keys/a") for _ in range(12)]
    statuses = [reply.status for reply in replies]
    # Some time passes meanwhile.
    assert statuses[:5] == [404] * 5 and statuses.count(429) >= 5
    refused = next(reply for reply in replies if reply.status == 429)
    assert_problem(refused, 429, "rate_limited")
    assert refused.header("Retry-After") == "1"
    assert replies[0].header("RateLimit") == '"client";r=4'
    assert all(curl(f"{server.base_url}/livez").status == 200 for _ in range(10))


def test_a_stream_that_was_over_the_rate_when_its_head_came(start_server):
    """And is not any more when its body is there: what is answered as loaded is loaded."""
    server = start_server("--rate-limit", "5", "--rate-burst", "1")
    line = b'{"key":"late","value":1}\n'
    with Wire(server) as wire:
        wire.send(request("GET", "/stats") + request("POST", "/warm", f"Content-Length: {len(line)}"))
        assert wire.read().status == 200
        wire.send_pieces((line[index : index + 1] for index in range(len(line))), pause=0.02)
        assert wire.read("POST").json()["loaded"] == 1
    eventually(lambda: server.get("/keys/late").status == 200, "it is there")


# Sockets


@pytest.fixture
def start_on_socket(binary, tmp_path):
    servers = []

    def start(path, *flags):
        server = CacheServer(binary, "--log-format", "json", "--socket", str(path), *flags)
        servers.append(server)
        server.wait_for_line("listening")
        return server

    yield start
    for server in servers:
        if server.is_running:
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(PATIENCE) == 0
        server.kill()


def test_a_socket_in_the_file_system(start_on_socket, binary, tmp_path):
    path = tmp_path / "cache.sock"
    server = start_on_socket(path, "--socket-mode", "0600")
    assert path.is_socket() and path.stat().st_mode & 0o777 == 0o600
    over = ("--unix-socket", str(path))
    assert curl(*over, "-X", "PUT", "http://cache/keys/a", "-d", '"socket"').status == 201
    assert curl(*over, "http://cache/keys/a").body == b'"socket"'
    assert member(server.logs[-1], "address") == str(path)
    assert run_to_exit(binary, "healthcheck", "--socket", str(path)).returncode == 0
    assert run_to_exit(binary, "--socket", str(path)).returncode == 69, "another server listens there"
    # What a killed server leaves behind is in nobody's way.
    server.process.kill()
    server.process.wait(PATIENCE)
    server.clean_exits = {-9}
    assert run_to_exit(binary, "healthcheck", "--socket", str(path)).returncode == 1
    again = start_on_socket(path)
    assert curl(*over, "http://cache/livez").status == 200
    again.process.send_signal(signal.SIGTERM)
    assert again.process.wait(PATIENCE) == 0
    assert not path.exists()


# Web pages


def test_a_browser_of_a_named_origin_may_ask(start_server):
    url = start_server("--cors-origin", "https://app.example").base_url
    origin = ("-H", "Origin: https://app.example")
    preflight = curl("-X", "OPTIONS", *origin, "-H", "Access-Control-Request-Method: PUT", f"{url}/keys/a")
    assert preflight.status == 204
    assert "PUT" in preflight.header("Access-Control-Allow-Methods")
    stored = curl("-X", "PUT", *origin, f"{url}/keys/a", "-d", "1")
    assert stored.header("Access-Control-Allow-Origin") == "https://app.example"
    other = curl("-H", "Origin: https://other.example", f"{url}/keys/a")
    assert (other.status, other.header("Access-Control-Allow-Origin"), other.header("Vary")) == (200, None, "Origin")


def test_the_help_says_how_a_token_is_made(binary):
    text = subprocess.run([binary, "--help"], capture_output=True, text=True, check=True).stdout
    assert "sha256sum" in text and "--cors-origin" in text and "--socket-mode" in text
