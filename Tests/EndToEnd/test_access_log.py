"""A line for each request: in a file or on standard output, as JSON or combined, whole whatever happens."""

import json
import os
import re
import signal
import stat
import subprocess
import threading
import time
from datetime import UTC, datetime

import pytest

from harness.curl import curl
from harness.deadline import PATIENCE, eventually
from harness.process import CacheServer, clean_environment, run_to_exit
from harness.wire import Wire, chunked, request
from test_metrics import metrics

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

COMBINED = re.compile(
    rb'(?P<client>\S+) - - \[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000)\] "(?P<method>\S+) '
    rb'(?P<target>.*) (?P<protocol>HTTP/1\.[01])" (?P<status>\d{3}) (?P<bytes>\d+) "(?P<referer>[^"]*)" '
    rb'"(?P<agent>[^"]*)"( "(?P<trace>[^"]*)")?'
)


@pytest.fixture
def logging_server(start_server, tmp_path):
    """Starts a server with a log of its own, which `lines` reads once the server has stopped. One thread, unless a test
    says more: lines of several are not in one order."""

    def start(style, *flags):
        path = tmp_path / "access.log"
        threads = [] if "--threads" in flags else ["--threads", "1"]
        server = start_server("--access-log", style, "--access-log-file", str(path), *threads, *flags)

        def lines():
            server.stop()
            text = path.read_bytes()
            assert text == b"" or text.endswith(b"\n")
            return text.splitlines() if style == "combined" else [json.loads(line) for line in text.splitlines()]

        return server, lines

    return start


def told(lines, *names):
    return [tuple(line.get(name) for name in names) for line in lines]


# What a line says


def test_json_with_curl(logging_server):
    server, lines = logging_server("json")
    begin = datetime.now(UTC)
    url = f"{server.base_url}/keys/a?x=1"
    curl("-X", "PUT", "-d", '"value"', "-A", "", f"{server.base_url}/keys/a")
    curl(
        "-A", "me/1.0", "-e", "http://there/", "-H", f"traceparent: {TRACE}", "-H", "Authorization: Bearer s3cret", url
    )
    curl("--head", "-A", "", url)
    put, get, head = lines()
    assert put == put | {"client": "127.0.0.1", "method": "PUT", "target": "/keys/a", "status": 201, "bytes": 0}
    assert put.keys() == {"time", "client", "method", "target", "protocol", "status", "bytes", "duration_us"}
    assert list(get) == [
        "time", "client", "method", "target", "protocol", "status", "bytes", "duration_us", "user_agent", "referer",
        "traceparent",
    ]  # fmt: skip
    assert get == get | {
        "method": "GET", "target": "/keys/a?x=1", "protocol": "HTTP/1.1", "status": 200, "bytes": 7,
        "user_agent": "me/1.0", "referer": "http://there/", "traceparent": TRACE,
    }  # fmt: skip
    assert (head["method"], head["status"], head["bytes"]) == ("HEAD", 200, 0)
    for line in (put, get, head):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        time_of_line = datetime.fromisoformat(line["time"])
        assert begin.timestamp() - 0.01 <= time_of_line.timestamp() <= datetime.now(UTC).timestamp()
        assert 0 <= line["duration_us"] < PATIENCE * 1e6


def test_combined_with_curl(logging_server):
    server, lines = logging_server("combined")
    curl("-A", "me/1.0", "-e", "http://there/", f"{server.base_url}/livez")
    curl("-A", "me/1.0", "-H", f"traceparent: {TRACE}", f"{server.base_url}/nowhere?q")
    with_referer, with_trace = lines()
    line = COMBINED.fullmatch(with_referer)
    assert line, with_referer
    written = datetime.strptime(line["time"].decode(), "%d/%b/%Y:%H:%M:%S %z")
    assert abs((datetime.now(UTC) - written).total_seconds()) < PATIENCE
    assert with_referer.endswith(b'] "GET /livez HTTP/1.1" 200 16 "http://there/" "me/1.0"')
    line = COMBINED.fullmatch(with_trace)
    assert line and line["status"] == b"404" and line["referer"] == b"-" and line["trace"].decode() == TRACE


def test_no_client_over_a_socket(binary, tmp_path):
    for style, beginning in (("json", b'{"time":"'), ("combined", b"- - - [")):
        path, log = tmp_path / "socket", tmp_path / style
        flags = ("--socket", str(path), "--access-log", style, "--access-log-file", str(log))
        server = CacheServer(binary, "--log-format", "json", *flags)
        try:
            server.wait_for_line("listening")
            assert curl("--unix-socket", str(path), "http://cache.test/livez").status == 200
        finally:
            server.stop()
        assert log.read_bytes().startswith(beginning) and b"client" not in log.read_bytes()


def test_no_token_is_in_the_log(logging_server):
    for style in ("json", "combined"):
        server, lines = logging_server(style)
        curl("-H", "Authorization: Bearer hush-hush", f"{server.base_url}/keys/a")
        assert "hush-hush" not in str(lines())


# Which requests


def test_every_kind_of_answer(logging_server, tmp_path):
    tokens = tmp_path / "tokens"
    # The SHA-256 of "t".
    tokens.write_text("e3b98a4da31a127d4bde6e43033f66ba274cab0eb7eb1c70ec41402bf6273dd8 admin\n")
    server, lines = logging_server("json", "--auth-tokens", str(tokens), "--max-value-bytes", "1KiB")
    allowed = "Authorization: Bearer t"
    ndjson = "Content-Type: application/x-ndjson"
    big = b"[" + b"1," * 200_000 + b"1]"
    asked = [
        (request("PUT", "/keys/a", allowed, body=b"[1]"), 201, 0),
        (request("GET", "/keys/a", allowed), 200, 3),
        (request("GET", "/keys/none", allowed), 404, None),
        (request("GET", "/keys/a", allowed, 'If-None-Match: "x"'), 200, 3),
        (request("GET", "/keys/a", allowed, "If-None-Match: *"), 304, 0),
        (request("HEAD", "/keys/a", allowed), 200, 0),
        (request("OPTIONS", "*", allowed), 204, 0),
        (request("BREW", "/keys/a", allowed), 405, None),
        (request("GET", "/keys/a"), 401, None),
        (request("GET", "/export", allowed), 200, None),
        (request("HEAD", "/export", allowed, version="HTTP/1.0"), 200, 0),
        (request("POST", "/mget", allowed, "Content-Type: application/json", body=b'{"keys":["a"]}'), 200, None),
        (request("POST", "/warm", allowed, ndjson, body=b'{"key":"b","value":1}\n'), 200, None),
        # Refused before their bodies have come.
        (request("PUT", "/keys/a", allowed, body=big), 413, None),
        (request("PUT", "/keys/a", "Content-Length: 500000"), 401, None),
        (request("PUT", "/keys/a", allowed, "Transfer-Encoding: chunked") + chunked(big, [1000] * 5), 413, None),
        # Heads that are wrong.
        (request("GET", "/keys/a", "Host: another"), 400, None),
        (b"GET /keys/a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, None),
        (b"GET /keys/a\0b?c HTTP/1.1\r\nHost: a\r\n\r\n", 400, None),
        (request("GET", "/keys/a", "X: " + "x" * 8192), 431, None),
    ]  # fmt: skip
    expected = []
    for sent, status, count in asked:
        with Wire(server) as wire:
            wire.socket.sendall(sent)
            reply = wire.read(sent.split(b" ", 1)[0].decode())
            assert reply.status == status, (sent[:80], reply)
            body = len(reply.body)
            assert count is None or body == count or status == 304
            method, target = sent.split(b" ")[:2]
            expected.append((method.decode(), target.decode().split("\0")[0], status, body))
    seen = [
        (line["method"], line["target"].split(" ")[0].split("\0")[0], line["status"], line["bytes"]) for line in lines()
    ]
    seen = [(method, target.split("?")[0], *rest) for method, target, *rest in seen]
    assert sorted(seen) == sorted(expected)


def test_too_many_requests(logging_server):
    server, lines = logging_server("combined", "--rate-limit", "1", "--rate-burst", "1")
    statuses = [server.get("/keys/a").status for _ in range(3)]
    assert 429 in statuses
    assert [int(COMBINED.fullmatch(line)["status"]) for line in lines()] == statuses


def test_a_stream_is_logged_at_its_end(logging_server, tmp_path):
    server, lines = logging_server("json")
    log = tmp_path / "access.log"
    value = '"' + "x" * 1_000_000 + '"'
    for number in range(16):
        server.put(f"k{number}", value)
    eventually(lambda: log.read_bytes().count(b"\n") == 16, "the writes are logged")
    whole = server.get("/export")
    with Wire(server, receive_buffer=4096) as wire:
        wire.send(request("GET", "/export?cut", f"traceparent: {TRACE}", "User-Agent: me"))
        wire._take_through(b"\r\n\r\n")
        # The server is in the midst of it: no line of it is there a second later than one that came after it.
        server.get("/livez")
        eventually(lambda: b"/livez" in log.read_bytes(), "what came after is logged")
        assert b"cut" not in log.read_bytes()
        wire.reset()
    eventually(lambda: b"cut" in log.read_bytes(), "the stream is logged when its client is gone")
    exports = [line for line in lines() if line["target"].startswith("/export")]
    assert told(exports, "target", "status") == [("/export", 200), ("/export?cut", 200)]
    assert exports[0]["bytes"] == len(whole.body) > 16_000_000 > exports[1]["bytes"]
    assert (exports[1]["traceparent"], exports[1]["user_agent"]) == (TRACE, "me")
    # By the server's clock, it took as long as the other request waited for.
    assert exports[1]["duration_us"] >= 1000


def test_requests_that_were_not_answered(logging_server):
    server, lines = logging_server("json")
    with Wire(server) as wire:
        wire.send(request("PUT", "/keys/a", "Content-Length: 10") + b"1")
    assert server.get("/livez").status == 200
    assert told(lines(), "target") == [("/livez",)]


# What clients make up


INJECTIONS = [
    b"a\"b", b"a\\b", b"\"} {\"status\":500,\"x\":\"", b"\xff\xfe", b"\xc3\xa9", b"\xe2\x82", b"a\tb",
    b"a\x01b\x1b[2Jc", b"\x7f", b"\xc2\x9b31m", b"%0a%22", b"0123456\"", b"01234567\"", b"\xf0\x9f\x98\x80",
]  # fmt: skip


@pytest.mark.parametrize("style", ["json", "combined"])
def test_injection(logging_server, style):
    server, lines = logging_server(style)
    for made_up in INJECTIONS:
        with Wire(server) as wire:
            wire.send(
                b"GET /keys/" + made_up.replace(b" ", b"") + b"?q=" + made_up.replace(b" ", b"") + b" HTTP/1.1\r\n"
                b"Host: a\r\nUser-Agent: "
                + made_up
                + b"\r\nReferer: "
                + made_up
                + b"\r\ntraceparent: "
                + made_up
                + b"\r\n\r\n"
            )
            assert wire.read().status in (200, 400, 404)
    logged = lines()
    assert len(logged) == len(INJECTIONS)
    for made_up, line in zip(INJECTIONS, logged, strict=True):
        if style == "json":
            text = made_up.decode("utf-8", "replace")
            count = text.count("\ufffd")
            # Python makes one character of a sequence that is cut, where the log makes one of each byte.
            assert line["user_agent"].rstrip("\ufffd") == text.rstrip("\ufffd") and (count == 0) == (
                "\ufffd" not in line["user_agent"]
            )
            assert line["user_agent"] == line["referer"] == line["traceparent"]
            assert line["status"] != 500
            assert line["target"].startswith("/keys/")
        else:
            assert COMBINED.fullmatch(line), line
            assert all(0x20 <= byte < 0x7F for byte in line)
            agent = re.sub(
                rb"\\x([0-9A-F]{2})",
                lambda hexadecimal: bytes([int(hexadecimal[1], 16)]),
                COMBINED.fullmatch(line)["agent"],
            )
            assert agent == made_up


def test_a_line_break_cannot_be_sent(logging_server):
    server, lines = logging_server("json")
    for head in (
        b"GET /a\nb HTTP/1.1\r\nHost: a\r\n\r\n",
        b'GET /a HTTP/1.1\r\nHost: a\r\nUser-Agent: a\n"}{"b\r\n\r\n',
        b"GET /a HTTP/1.1\r\nHost: a\r\nUser-Agent: a\rb\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: a\r\nUser-Agent: a\r\n b\r\n\r\n",
    ):
        with Wire(server) as wire:
            wire.send(head)
            wire.finish_sending()
            wire._take_all()
    assert server.get("/livez").status == 200
    assert [line["target"] for line in lines()][-1] == "/livez"


def test_what_is_long_is_cut(logging_server):
    server, lines = logging_server("json")
    with Wire(server) as wire:
        wire.ask(
            request(
                "GET",
                "/" + "t" * 3000,
                "User-Agent: " + "u" * 1000,
                "Referer: " + "r" * 1000,
                f"traceparent: {'p' * 500}",
            )
        )
    (line,) = lines()
    lengths = {name: len(line[name]) for name in ("target", "user_agent", "referer", "traceparent")}
    assert lengths == {"target": 2048, "user_agent": 512, "referer": 512, "traceparent": 128}


# Many at a time


def test_each_request_has_one_whole_line(logging_server):
    server, lines = logging_server("json", "--threads", "2")
    clients, each = 64, 100
    failures = []

    def ask(client):
        try:
            with Wire(server) as wire:
                for number in range(each):
                    path = f"/keys/{client}-{number}-" + "x" * (number * 7 % 500)
                    assert wire.ask(request("GET", path, f"User-Agent: {client}")).status in (400, 404)
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=ask, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    seen = [(line["user_agent"], line["target"].removeprefix("/keys/").rsplit("-", 1)[0]) for line in lines()]
    assert sorted(seen) == sorted(
        (str(client), f"{client}-{number}") for client in range(clients) for number in range(each)
    )


# The file


def test_a_line_comes_within_a_second(logging_server, tmp_path):
    server, _ = logging_server("json")
    assert server.get("/livez").status == 200
    eventually(lambda: b"/livez" in (tmp_path / "access.log").read_bytes(), "the line is in the file", within=5)


def test_the_file_is_kept_from_others_and_appended_to(logging_server, tmp_path):
    path = tmp_path / "access.log"
    for count in (1, 2):
        server, lines = logging_server("combined")
        assert server.get("/livez").status == 200
        assert len(lines()) == count
    assert stat.S_IMODE(path.stat().st_mode) & 0o137 == 0


def test_rotation(logging_server, tmp_path):
    server, lines = logging_server("json")
    path = tmp_path / "access.log"
    asked, is_over = [], threading.Event()

    def ask():
        with Wire(server) as wire:
            while not is_over.is_set():
                assert wire.ask(request("GET", f"/keys/n{len(asked)}")).status == 404
                asked.append(len(asked))

    client = threading.Thread(target=ask)
    client.start()
    try:
        for turn in range(3):
            eventually(lambda: path.exists() and path.stat().st_size > 0, "there are lines")
            path.rename(tmp_path / f"access.log.{turn}")
            server.signal(signal.SIGHUP)
            eventually(lambda: path.exists(), "the file is made anew")
    finally:
        is_over.set()
        client.join()
    assert server.get("/livez").status == 200
    logged = lines()
    assert logged[-1]["target"] == "/livez"
    older = [
        json.loads(line) for turn in range(3) for line in (tmp_path / f"access.log.{turn}").read_text().splitlines()
    ]
    targets = [line["target"] for line in older + logged]
    assert targets == [f"/keys/n{number}" for number in asked] + ["/livez"]
    reloads = [line for line in server.logs if line["message"] == "reloaded"]
    assert len(reloads) == 3 and "access_log_file" in str(reloads)


def test_a_file_that_cannot_be_opened_anew(logging_server, tmp_path):
    server, _ = logging_server("json")
    path = tmp_path / "access.log"
    path.rename(tmp_path / "former")
    path.mkdir()
    server.signal(signal.SIGHUP)
    line = json.loads(server.wait_for_line("not reloaded"))
    assert line["error"] == f"cannot open the access log {path}: Is a directory"
    assert server.get("/livez").status == 200
    server.stop()
    assert "/livez" in (tmp_path / "former").read_text()


@pytest.mark.parametrize("name, reason", [("none/access.log", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_cannot_be_opened_ends_the_start(binary, tmp_path, name, reason):
    path = f"{tmp_path}/{name}"
    run = run_to_exit(binary, "--port", "0", "--access-log", "json", "--access-log-file", path)
    assert run.returncode == os.EX_CANTCREAT
    assert run.stderr == f"cache-server: cannot open the access log {path}: {reason}\n"
    assert run.stdout == ""


def test_a_disk_that_is_full(start_server):
    server = start_server("--access-log", "json", "--access-log-file", "/dev/full")
    assert server.get("/livez").status == 200
    line = json.loads(server.wait_for_line("dropped"))
    assert (line["level"], line["lines"], line["why"]) == ("warning", 1, "No space left on device")
    assert metrics(server)["cache_access_log_dropped_total",] == 1


def test_metrics(logging_server, fresh):
    server, _ = logging_server("json")
    assert metrics(server)["cache_access_log_dropped_total",] == 0
    assert ("cache_access_log_dropped_total",) not in metrics(fresh)


# Standard output


def test_standard_output_has_both_logs(start_server):
    server = start_server("--access-log", "json")
    assert server.get("/livez").status == 200
    server.stop()
    messages = [line.get("message", line.get("target")) for line in server.logs]
    assert messages.index("listening") < messages.index("/livez") < messages.index("stopped")


def test_combined_on_standard_output(start_server):
    server = start_server("--access-log", "combined", "--log-format", "text")
    assert server.get("/livez").status == 200
    server.stop()
    assert [bool(COMBINED.fullmatch(line.encode())) for line in server.output if "/livez" in line] == [True]


class UnreadServer:
    """A server whose output nobody reads, once it has said where it listens, until `read_on`."""

    def __init__(self, binary, *flags):
        self.process = subprocess.Popen(
            [binary, "--port", "0", "--log-format", "json", *flags],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self.text = b""
        while b'"listening"' not in self.text or not self.text.endswith(b"\n"):
            piece = os.read(self.process.stdout.fileno(), 4096)
            assert piece, self.text
            self.text += piece
        lines = [json.loads(line) for line in self.text.splitlines()]
        self.scheme, self.host = "http", "127.0.0.1"
        self.port = next(line["port"] for line in lines if line["message"] == "listening")

    get = CacheServer.get
    request = CacheServer.request
    connect = CacheServer.connect

    def read_on(self):
        def read():
            while piece := os.read(self.process.stdout.fileno(), 1 << 16):
                self.text += piece

        self.reader = threading.Thread(target=read)
        self.reader.start()


@pytest.fixture
def unread_server(binary):
    servers = []

    def start(*flags):
        servers.append(UnreadServer(binary, *flags))
        return servers[-1]

    yield start
    for server in servers:
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()


def test_output_that_is_not_read_stalls_no_request(unread_server, measured):
    server = unread_server("--access-log", "json", "--threads", "1")
    count, slowest = 8000, 0
    ask = request("GET", "/" + "x" * 2000)
    with Wire(server) as wire:
        for _ in range(count):
            begin = time.monotonic()
            assert wire.ask(ask).status == 404
            slowest = max(slowest, time.monotonic() - begin)
    assert slowest < PATIENCE
    measured(f"slowest of {count} requests while nobody reads the access log: {slowest * 1000:.0f} ms")
    dropped = metrics(server)["cache_access_log_dropped_total",]
    # 8 MiB are kept for who will read.
    assert 0 < dropped < count - (8 << 20) / 2300
    server.read_on()
    eventually(lambda: b"were dropped" in server.text, "it is told that lines were dropped")
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=2 * PATIENCE) == 0
    server.reader.join()
    lines = [json.loads(line) for line in server.text.splitlines()]
    lost = sum(line["lines"] for line in lines if "dropped" in line.get("message", ""))
    requests = [line for line in lines if "target" in line]
    assert len(requests) + lost == count + 1 and lost >= dropped


def test_output_that_is_not_read_stops_no_stop(unread_server):
    server = unread_server("--access-log", "json", "--threads", "1")
    with Wire(server) as wire:
        for _ in range(200):
            assert wire.ask(request("GET", "/" + "x" * 2000)).status == 404
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=3 * PATIENCE) == 0
