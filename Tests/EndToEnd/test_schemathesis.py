"""Requests made up from the contract, good and bad: the live server answers each as the contract says."""

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import SEED
from harness.process import clean_environment

SECONDS = 60


@pytest.mark.timeout(4 * SECONDS)
def test_the_server_keeps_its_contract(start_server, repository, tmp_path):
    # What a schema leaves open may be long, and 431 is documented once for all paths.
    server = start_server("--max-memory", "256MiB", "--max-header-bytes", "60KiB")
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(Path(__file__).with_name("schemathesis.toml")),
    ]
    command += ["run", str(repository / "openapi.yaml"), "--url", server.base_url]
    command += ["--seed", str(SEED), "--max-time", str(SECONDS), "--max-failures", "20", "--no-color"]
    run = subprocess.run(
        command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=3 * SECONDS, check=False
    )
    print(run.stdout[-20_000:], run.stderr[-5000:], sep="\n")
    assert run.returncode == 0, f"repeat it with E2E_SEED={SEED}"
    assert server.get("/livez").status == 200
