"""What a server says on stdout: JSON lines, or text for people."""

import json
import re
import signal
from datetime import datetime
from pathlib import Path

import pytest

from harness.deadline import eventually
from harness.process import CacheServer
from harness.wire import Wire


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
