"""Real curl, as a user runs it."""

import subprocess
import tempfile
from pathlib import Path

from harness.deadline import PATIENCE
from harness.reply import Reply, parse_head


def curl(*arguments: str | bytes, stdin: bytes | None = None) -> Reply:
    """Runs curl and returns its last response; a transport error is a failure.

    curl's own configuration file and proxies are left out, `[]{}` are no globs, and `..` stays in the path.
    """
    with tempfile.TemporaryDirectory(prefix="curl-") as folder:
        head, body = Path(folder, "head"), Path(folder, "body")
        command = ["curl", "--disable", "--silent", "--show-error", "--noproxy", "*", "--globoff", "--path-as-is"]
        command += ["--max-time", str(3 * PATIENCE), "--dump-header", str(head), "--output", str(body), *arguments]
        run = subprocess.run(command, input=stdin, capture_output=True, timeout=4 * PATIENCE, check=False)
        assert run.returncode == 0, f"curl exited {run.returncode}: {run.stderr.decode()} ({arguments})"
        # A 100 (Continue) comes as a block of its own before the final one.
        heads = head.read_bytes()
        version, status, headers = parse_head(heads.removesuffix(b"\r\n\r\n").split(b"\r\n\r\n")[-1])
        output = body.read_bytes() if body.exists() else b""
        # With --head, curl's output is the head itself, and then what should not be there.
        return Reply(status, headers, output.removeprefix(heads) if "--head" in arguments else output, version)
