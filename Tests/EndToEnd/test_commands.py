"""The commands beside serving: healthcheck, demo and --version."""

import re
import signal
import socket
import time

import pytest

from harness.deadline import PATIENCE
from harness.process import run_to_exit
from harness.wire import begin_upload


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
