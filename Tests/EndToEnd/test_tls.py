"""TLS: versions, certificates of both ends and their exchange while it serves, and clients that don't play along."""

import http.client
import json
import re
import select
import signal
import socket
import ssl
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from harness.certificates import Authority, openssl
from harness.contract import assert_problem
from harness.curl import curl
from harness.deadline import PATIENCE, eventually
from harness.process import member, run_to_exit
from harness.wire import Wire


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder):
    return Authority(folder, "authority")


@pytest.fixture(scope="module")
def identity(authority):
    return authority.issue("server", "serverAuth", serial=0x1001)


@pytest.fixture(scope="module")
def client(authority):
    return authority.issue("client", "clientAuth")


def flags(identity, client_authority=None):
    given = ["--tls-cert", str(identity.path), "--tls-key", str(identity.key)]
    return given + (["--tls-client-ca", str(client_authority.path)] if client_authority else [])


@pytest.fixture
def start_tls(start_server, authority, identity):
    """A server that clients need no certificate for."""

    def start(*more):
        server = start_server(*flags(identity), *more)
        server.tls = authority.trusted()
        return server

    return start


@pytest.fixture(scope="module")
def open_server(start_module_server, authority, identity):
    server = start_module_server(*flags(identity), "--max-value-bytes", "6MiB")
    server.tls = authority.trusted()
    return server


@pytest.fixture(scope="module")
def closed_server(start_module_server, authority, identity, client):
    server = start_module_server(*flags(identity, authority), "--cors-origin", "https://app.example")
    server.tls = authority.trusted(client)
    return server


def curl_exit(server, *arguments):
    """The exit status of curl, and what it says of its failure."""
    command = ["curl", "--disable", "--silent", "--show-error", "--noproxy", "*", "--max-time", str(PATIENCE)]
    command += [*arguments, f"{server.base_url}/readyz"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
    return run.returncode, run.stderr


def serial(server):
    """That of the certificate that a new connection is shown."""
    shown = openssl("s_client", "-connect", f"{server.host}:{server.port}", check=False).stdout
    return int(openssl("x509", "-noout", "-serial", stdin=shown).stdout.decode().strip().removeprefix("serial="), 16)


def connect(server):
    return server.tls.wrap_socket(
        socket.create_connection((server.host, server.port), PATIENCE), server_hostname="localhost"
    )


def processor_seconds(server):
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


# Versions and the server's certificate


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl(open_server, authority, version, prefix):
    only = ["--cacert", str(authority.path), f"--tlsv{version}", "--tls-max", version]
    url = f"{open_server.base_url}/keys/{prefix}a"
    assert curl(*only, "-X", "PUT", url, "-d", '{"a": 1}').status == 201
    assert curl(*only, url).body == b'{"a":1}'
    # By name, and over HTTP/1.1 where the client would rather have HTTP/2.
    named = curl(*only, "--http2", f"https://localhost:{open_server.port}/keys/{prefix}a")
    assert (named.version, named.body) == ("HTTP/1.1", b'{"a":1}')


def test_the_log_says_https(open_server):
    line = next(entry for entry in open_server.logs if entry["message"] == "listening")
    assert member(line, "scheme") == "https"


@pytest.mark.parametrize("version", ["tls1", "tls1_1"])
def test_older_versions_are_refused(open_server, version):
    # The client itself has to be talked into them.
    asked = ["s_client", "-connect", f"{open_server.host}:{open_server.port}", f"-{version}"]
    run = openssl(*asked, "-cipher", "ALL:@SECLEVEL=0", check=False)
    assert run.returncode != 0 and b"no protocols available" not in run.stderr
    assert b"Cipher is (NONE)" in run.stdout


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256"])
def test_key_exchanges_that_are_weak_or_dear_are_refused(open_server, cipher):
    asked = ["s_client", "-connect", f"{open_server.host}:{open_server.port}", "-tls1_2"]
    assert openssl(*asked, "-cipher", cipher, check=False).returncode != 0


def test_curl_refuses_an_authority_that_it_does_not_know(open_server):
    status, said = curl_exit(open_server)
    assert status == 60, said


def test_the_chain_is_sent(start_server, folder, authority, identity):
    chain = folder / "chain.crt"
    chain.write_bytes(identity.path.read_bytes() + authority.path.read_bytes())
    server = start_server("--tls-cert", str(chain), "--tls-key", str(identity.key))
    shown = openssl("s_client", "-connect", f"{server.host}:{server.port}", "-showcerts", check=False).stdout
    assert shown.count(b"BEGIN CERTIFICATE") == 2


# Clients' certificates


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_good_client_certificate(closed_server, authority, client, version, prefix):
    known = ["--cacert", str(authority.path), "--tls-max", version, *client.for_curl]
    url = f"{closed_server.base_url}/keys/{prefix}a"
    assert curl(*known, "-X", "PUT", url, "-d", "1").status == 201
    assert curl(*known, url).body == b"1"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("kind, alert", [("expired", 45), ("foreign", 48), ("server's", 43)])
def test_a_bad_client_certificate_fails_the_handshake(closed_server, folder, authority, kind, alert, version):
    issuer = Authority(folder, f"other-{version}") if kind == "foreign" else authority
    purpose = "serverAuth" if kind == "server's" else "clientAuth"
    shown = issuer.issue(f"{kind}-{version}", purpose, days=-1 if kind == "expired" else 9)
    # A client of 1.3 learns it when it reads; curl has an exit status of its own for what is expired.
    status, said = curl_exit(closed_server, "--cacert", str(authority.path), "--tls-max", version, *shown.for_curl)
    assert status in (35, 56, 60), said
    asked = ["s_client", "-connect", f"{closed_server.host}:{closed_server.port}", f"-tls{version.replace('.', '_')}"]
    asked += ["-cert", shown.path, "-key", shown.key, "-ign_eof"]
    run = openssl(*asked, stdin=b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", check=False)
    assert f"SSL alert number {alert}" in run.stderr.decode()
    assert b"HTTP/1.1" not in run.stdout
    assert closed_server.get("/readyz").status == 200


def test_a_client_that_is_refused_and_stays_is_cut(start_server, authority, identity, tmp_path):
    server = start_server(*flags(identity, authority), "--request-timeout", "500ms")
    server.tls = authority.trusted(Authority(tmp_path, "other").issue("client", "clientAuth"))
    with connect(server) as link:
        spent = processor_seconds(server)
        with pytest.raises(ssl.SSLError, match="unknown ca|UNKNOWN_CA"):
            link.recv(1)

        def is_cut():
            try:
                link.send(b"x" * 100)
            except OSError:
                return True
            return False

        eventually(is_cut, "it is cut")
        assert processor_seconds(server) - spent < 0.3


def test_without_a_client_certificate(closed_server, authority):
    anonymous = ["--cacert", str(authority.path)]
    url = closed_server.base_url
    for path in ("livez", "readyz", "healthz"):
        assert curl(*anonymous, f"{url}/{path}").status == 200
    for path in ("", "keys", "keys/a", "stats", "metrics", "export", "openapi.yaml", "nowhere"):
        problem = assert_problem(curl(*anonymous, f"{url}/{path}"), 403, "forbidden")
        assert "client certificate" in problem["detail"]
    for path in ("mget", "mput", "warm"):
        assert_problem(curl(*anonymous, f"{url}/{path}", "-d", "[]"), 403, "forbidden")
    assert_problem(
        curl(*anonymous, "-X", "PUT", f"{url}/keys/a", "--data-binary", "@-", stdin=b"1" * 500_000), 403, "forbidden"
    )
    assert closed_server.get("/keys/a").status == 404
    # Browsers ask for leave without one.
    leave = ["-X", "OPTIONS", "-H", "Origin: https://app.example", "-H", "Access-Control-Request-Method: PUT"]
    assert curl(*anonymous, *leave, f"{url}/keys/a").status == 204


# Exchanging certificates


def hang_up(server, text):
    before = sum(text in entry["message"] for entry in server.logs)
    server.signal(signal.SIGHUP)
    eventually(lambda: sum(text in entry["message"] for entry in server.logs) > before, text)


def test_a_hangup_exchanges_the_certificate(start_server, authority, tmp_path):
    paths = [tmp_path / "server.crt", tmp_path / "server.key"]

    def install(identity):
        for path, content in zip(paths, (identity.path, identity.key), strict=True):
            path.write_bytes(content.read_bytes())

    install(authority.issue("first", "serverAuth", serial=0xA1))
    server = start_server("--tls-cert", str(paths[0]), "--tls-key", str(paths[1]))
    server.tls = authority.trusted()
    held = server.connect()
    assert server.request("PUT", "/keys/a", "1", connection=held).status == 201
    assert serial(server) == 0xA1

    install(authority.issue("second", "serverAuth", serial=0xB2))
    hang_up(server, "reloaded")
    assert serial(server) == 0xB2
    assert server.request("GET", "/keys/a", connection=held).body == b"1", "connections that are open stay"

    # A key that belongs to another certificate, text that is none, and no file at all.
    paths[1].write_bytes(authority.issue("third", "serverAuth").key.read_bytes())
    hang_up(server, "not reloaded")
    paths[0].write_text("nonsense")
    hang_up(server, "not reloaded")
    paths[0].unlink()
    hang_up(server, "not reloaded")
    assert serial(server) == 0xB2
    assert server.get("/keys/a").status == 200
    said = [member(entry, "error") for entry in server.logs if entry["message"].startswith("not reloaded")]
    for error, (path, reason) in zip(
        said, ((paths[1], "not the key"), (paths[0], "no certificate"), (paths[0], "No such file")), strict=True
    ):
        assert str(path) in error and reason in error
    held.close()


def test_a_hangup_exchanges_the_authorities_of_clients(start_server, authority, identity, client, folder, tmp_path):
    known = tmp_path / "known.crt"
    known.write_bytes(authority.path.read_bytes())
    server = start_server(*flags(identity), "--tls-client-ca", str(known))
    other = Authority(tmp_path, "other")
    others = other.issue("client", "clientAuth")
    ask = ["--cacert", str(authority.path), f"{server.base_url}/keys"]
    assert curl(*client.for_curl, *ask).status == 200
    known.write_bytes(other.path.read_bytes())
    hang_up(server, "reloaded")
    assert curl(*others.for_curl, *ask).status == 200
    assert curl_exit(server, "--cacert", str(authority.path), *client.for_curl)[0] == 56


# Bodies and connections


def test_large_values(open_server, prefix):
    value = json.dumps("x" * (5 << 20)).encode()
    assert open_server.request("PUT", f"/keys/{prefix}large", value).status == 201
    assert open_server.get(f"/keys/{prefix}large").body == value


def test_a_body_over_the_limit_is_answered(open_server, authority, prefix):
    known = ["--cacert", str(authority.path), "-X", "PUT", f"{open_server.base_url}/keys/{prefix}a"]
    big = b'"' + b"x" * (7 << 20) + b'"'
    assert_problem(curl(*known, "--data-binary", "@-", stdin=big), 413, "value_too_large")
    waited = curl(*known, "-H", "Expect: 100-continue", "--data-binary", "@-", stdin=big)
    assert_problem(waited, 413, "value_too_large")
    chunked = curl(*known, "-H", "Transfer-Encoding: chunked", "--data-binary", "@-", stdin=big)
    assert_problem(chunked, 413, "value_too_large")


def test_a_refusal_ends_the_session_in_good_order(open_server):
    """So that a client can tell it from one that somebody cut."""
    with connect(open_server) as link:
        link.sendall(b"PUT /keys/a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n")
        answer = b""
        # Without the end of the session this would be an error of the protocol.
        while piece := link.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 413 ") and b'"value_too_large"' in answer


def test_bulk(open_server, prefix):
    items = {f"{prefix}{number}": "x" * 200 for number in range(10_000)}
    assert open_server.post("/mput", {"items": items}).json() == {"stored": 10_000}
    reply = open_server.post("/mget", list(items))
    assert reply.json() == {"values": items, "missing": []}
    exported = [json.loads(line) for line in open_server.get("/export").body.splitlines()]
    assert sum(line["key"].startswith(prefix) for line in exported) == 10_000


def test_a_stream_into_warm(open_server, prefix):
    lines = (json.dumps({"key": f"{prefix}{number}", "value": number}).encode() + b"\n" for number in range(20_000))
    assert open_server.request("POST", "/warm", lines).json()["loaded"] == 20_000


def test_keep_alive(open_server):
    link = open_server.connect()
    link.connect()
    port = link.sock.getsockname()[1]
    for number in range(50):
        assert open_server.request("PUT", "/keys/kept", str(number), connection=link).status in (201, 204)
        assert open_server.request("GET", "/keys/kept", connection=link).body == str(number).encode()
    assert link.sock.getsockname()[1] == port
    link.close()


def test_pieces(open_server):
    """A request whose bytes come in records of their own, and two in one."""
    with connect(open_server) as link:
        for byte in b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n":
            link.sendall(bytes([byte]))
        reply = http.client.HTTPResponse(link)
        reply.begin()
        assert (reply.status, json.loads(reply.read())) == (200, {"status": "ok"})
        link.sendall(
            b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        answer = b""
        while piece := link.recv(65536):
            answer += piece
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"404"]


# Clients that don't play along


@pytest.mark.parametrize("beginning", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
@pytest.mark.parametrize("limit", [("--idle-timeout", "1s"), ("--request-timeout", "500ms")])
def test_a_handshake_that_stalls_is_cut_and_costs_nothing(start_tls, beginning, limit):
    server = start_tls(*limit)
    spent, started = processor_seconds(server), time.monotonic()
    with Wire(server) as wire:
        wire.send(beginning)
        assert server.get("/livez").status == 200, "nobody else waits"
        wire.assert_closed()
    assert time.monotonic() - started < 5
    assert processor_seconds(server) - spent < 0.3


def test_a_handshake_that_trickles_is_cut(start_tls):
    server = start_tls("--request-timeout", "500ms")

    def bytes_until(deadline):
        yield b"\x16\x03\x01\x02\x00"
        while time.monotonic() < deadline:
            select.select([], [], [], 0.02)
            yield b"\x01"
        pytest.fail("it goes on and on")

    with Wire(server) as wire:
        wire.send_while_welcome(bytes_until(time.monotonic() + PATIENCE))


def test_a_client_that_is_silent_after_its_handshake_is_cut(start_tls):
    server = start_tls("--idle-timeout", "1s")
    with connect(server) as link:
        spent = processor_seconds(server)
        assert link.recv(1) == b""
        assert processor_seconds(server) - spent < 0.3


def test_many_handshakes_that_stall_leave_the_others_alone(start_tls):
    server = start_tls("--max-connections", "1000")
    wires = [Wire(server) for _ in range(300)]
    for wire in wires[:150]:
        wire.send(b"\x16\x03\x01")
    spent = processor_seconds(server)
    assert all(server.put(f"k{number}").status == 201 for number in range(50))
    assert processor_seconds(server) - spent < 2
    # It ends all the same, and in time: the fixture checks how.
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 5
    for wire in wires:
        wire.socket.close()


def test_clients_that_leave_in_the_midst(open_server):
    for beginning in (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 100):
        for leave in (Wire.reset, Wire.finish_sending):
            wire = Wire(open_server)
            wire.send(beginning)
            with suppress(OSError):
                # It may have been cut already.
                leave(wire)
            wire.socket.close()
    assert open_server.get("/livez").status == 200


def test_plain_http_is_not_answered(open_server):
    with Wire(open_server) as wire:
        wire.send(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        wire.assert_closed_without_another_answer()
    assert open_server.get("/livez").status == 200


def test_tls_to_a_plain_server(server):
    with pytest.raises(ssl.SSLError), socket.create_connection((server.host, server.port), PATIENCE) as link:
        ssl.create_default_context().wrap_socket(link, server_hostname="localhost")
    assert server.get("/livez").status == 200


# Around it


def test_healthcheck(binary, closed_server, identity):
    place = ["--host", closed_server.host, "--port", str(closed_server.port)]
    assert run_to_exit(binary, "healthcheck", *place, "--tls-cert", str(identity.path)).returncode == 0
    given = {"CACHE_PORT": str(closed_server.port), "CACHE_TLS_CERT": str(identity.path)}
    assert run_to_exit(binary, "healthcheck", env=given).returncode == 0
    plain = run_to_exit(binary, "healthcheck", *place)
    assert plain.returncode == 1 and "not ready" in plain.stderr


def test_healthcheck_of_something_that_is_not_tls(binary, server, identity):
    place = ["--host", server.host, "--port", str(server.port)]
    run = run_to_exit(binary, "healthcheck", *place, "--tls-cert", str(identity.path))
    assert run.returncode == 1 and "TLS" in run.stderr
    with socket.create_server(("127.0.0.1", 0)) as mute:
        place = ["--port", str(mute.getsockname()[1]), "--timeout", "300ms"]
        run = run_to_exit(binary, "healthcheck", *place, "--tls-cert", str(identity.path))
    assert run.returncode == 1 and "no answer in time" in run.stderr


def test_a_socket_in_the_file_system(binary, start_tls, authority, identity, tmp_path):
    path = tmp_path / "cache.sock"
    with subprocess.Popen([binary, "--socket", str(path), *flags(identity)], stdout=subprocess.PIPE) as process:
        try:
            eventually(path.is_socket, "it listens")
            over = ["--cacert", str(authority.path), "--unix-socket", str(path)]
            assert curl(*over, "https://localhost/livez").status == 200
            probe = ["healthcheck", "--socket", str(path), "--tls-cert", str(identity.path)]
            assert run_to_exit(binary, *probe).returncode == 0
        finally:
            process.terminate()
        assert process.wait(PATIENCE) == 0


def test_no_warning_with_tls(start_tls):
    server = start_tls("--host", "0.0.0.0")
    assert not [entry for entry in server.logs if entry["level"] == "warning"]


@pytest.mark.parametrize("given, words", [
    (["--tls-cert", "a.crt"], ["tls-cert", "a.crt", "tls-key"]),
    (["--tls-key", "a.key"], ["tls-key", "a.key", "tls-cert"]),
    (["--tls-client-ca", "ca.crt"], ["tls-client-ca", "ca.crt", "tls-cert"]),
    (["--tls-key", "a.key", "--tls-client-ca", "ca.crt"], ["tls-key", "tls-cert"]),
])  # fmt: skip
def test_one_without_the_other(binary, given, words):
    run = run_to_exit(binary, *given)
    assert run.returncode == 64
    assert len(run.stderr.splitlines()) == 1
    assert all(word in run.stderr for word in words)


@pytest.mark.parametrize("option", ["tls-cert", "tls-key", "tls-client-ca"])
@pytest.mark.parametrize(
    "content", [None, "", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_files_that_cannot_be_used(binary, authority, identity, tmp_path, option, content):
    path = tmp_path / "broken.pem"
    if content is not None:
        path.write_text(content)
    given = {"tls-cert": identity.path, "tls-key": identity.key, "tls-client-ca": authority.path} | {option: path}
    run = run_to_exit(binary, *(f"--{name}={file}" for name, file in given.items()), "--port", "0")
    assert run.returncode == 66
    assert len(run.stderr.splitlines()) == 1
    assert option in run.stderr and str(path) in run.stderr
    assert ("No such file" in run.stderr) == (content is None)
    assert "listening" not in run.stdout


def test_a_key_of_another_certificate(binary, authority, identity, client):
    run = run_to_exit(binary, "--tls-cert", str(identity.path), "--tls-key", str(client.key))
    assert run.returncode == 66
    assert "tls-key" in run.stderr and str(client.key) in run.stderr and "not the key" in run.stderr


def test_a_key_with_a_password(binary, identity, tmp_path):
    locked = tmp_path / "locked.key"
    openssl("pkcs8", "-topk8", "-in", identity.key, "-out", locked, "-passout", "pass:secret")
    run = run_to_exit(binary, "--tls-cert", str(identity.path), "--tls-key", str(locked))
    assert run.returncode == 66
    assert str(locked) in run.stderr and "password" in run.stderr
