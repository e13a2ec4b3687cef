"""The binary under test as a process: started, watched, asked, and stopped."""

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.deadline import PATIENCE
from harness.reply import Reply

CRASH_TEXT = re.compile(
    r"fatal error|precondition failed|program crashed|backtrace|runtime error:|Sanitizer|segmentation fault|abort",
    re.IGNORECASE,
)


def clean_environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """The caller's environment without any CACHE_ variable, so that a developer's own settings change no test."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CACHE_")} | (extra or {})


def end_program(process: subprocess.Popen, number: int = signal.SIGTERM) -> None:
    """Ends a program that is not under test by a signal that asks it to; whatever it makes of that, it is gone then."""
    process.send_signal(number)
    try:
        process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()


def run_to_exit(
    binary: Path, *arguments: str, env: dict[str, str] | None = None, within: float = PATIENCE
) -> subprocess.CompletedProcess[str]:
    """Runs a command of the binary that must end by itself."""
    return subprocess.run(
        [binary, *arguments],
        env=clean_environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )


def member(line: Any, name: str) -> Any:
    """Finds a member of a log line at any depth; None if there is none."""
    if isinstance(line, dict):
        if name in line:
            return line[name]
        for value in line.values():
            if (found := member(value, name)) is not None:
                return found
    return None


class CacheServer:
    """A serving process. Its output is read by two threads all along, so that a full pipe never stops it."""

    def __init__(self, binary: Path, *flags: str, env: dict[str, str] | None = None) -> None:
        self.flags = flags
        self.text_logs = "text" in flags
        self.clean_exits = {0}
        self.tls: ssl.SSLContext | None = None
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [binary, *flags],
            env=clean_environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.output: list[str] = []
        self.errors: list[str] = []
        self._news = threading.Condition()
        self._open_pipes = 2
        for pipe, lines in ((self.process.stdout, self.output), (self.process.stderr, self.errors)):
            threading.Thread(target=self._collect, args=(pipe, lines), daemon=True).start()

    def _collect(self, pipe: Any, lines: list[str]) -> None:
        for line in pipe:
            with self._news:
                lines.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._open_pipes -= 1
            self._news.notify_all()

    # Logs

    @property
    def logs(self) -> list[dict]:
        """Each line of stdout, parsed; fails on a line that is not a JSON object."""
        with self._news:
            lines = list(self.output)
        parsed = []
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                raise AssertionError(f"a log line is not JSON: {line!r}") from None
            assert isinstance(entry, dict), f"a log line is not an object: {line!r}"
            parsed.append(entry)
        return parsed

    def _says(self, line: str, text: str) -> bool:
        if self.text_logs:
            return text in line
        try:
            return text in json.loads(line).get("message", "")
        except (ValueError, AttributeError):
            return False

    def wait_for_line(self, text: str, within: float = PATIENCE) -> str:
        """The first line of stdout whose message holds `text`, waited for."""

        def found() -> str | None:
            return next((line for line in self.output if self._says(line, text)), None)

        with self._news:
            self._news.wait_for(lambda: found() or self._open_pipes == 0, timeout=within)
            line = found()
        assert line is not None, f"no line with {text!r} within {within:g} s; {self.transcript()}"
        return line

    def wait_until_listening(self) -> None:
        line = self.wait_for_line("listening")
        if self.text_logs:
            match = re.search(r"port[\"=: ]+(\d+)", line) or re.search(r":(\d+)\b(?!.*:\d)", line)
            assert match, f"no port in the listening line: {line!r}"
            self.scheme, self.host, self.port = "http", "127.0.0.1", int(match[1])
        else:
            entry = json.loads(line)
            self.scheme, self.host, self.port = (member(entry, name) for name in ("scheme", "address", "port"))
        assert isinstance(self.host, str) and isinstance(self.port, int) and self.port > 0, line
        self.base_url = f"{self.scheme}://{self.host}:{self.port}"

    def transcript(self) -> str:
        return "\n".join(
            [f"flags: {' '.join(self.flags)}", f"exit code: {self.process.poll()}", "stdout:", *self.output[-50:]]
            + ["stderr:", *self.errors[-50:]]
        )

    # Requests

    def connect(self, timeout: float = PATIENCE) -> http.client.HTTPConnection:
        if self.scheme == "https":
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def request(
        self,
        method: str,
        target: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        connection: http.client.HTTPConnection | None = None,
    ) -> Reply:
        """One request, on a connection of its own unless one is given. A dict or list is sent as JSON; an iterator,
        chunked."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        link = connection or self.connect()
        try:
            link.request(method, target, body=body, headers=headers or {})
            answer = link.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            if connection is None:
                link.close()

    def get(self, target: str) -> Reply:
        return self.request("GET", target)

    def put(self, key: str, value: str | bytes = "1", ttl: float | str | None = None) -> Reply:
        query = "" if ttl is None else f"?ttl={ttl}"
        return self.request("PUT", key_path(key) + query, body=value)

    def post(self, target: str, body: Any) -> Reply:
        return self.request("POST", target, body=body)

    def value(self, key: str) -> bytes | None:
        """The stored bytes of a key, None on a miss."""
        reply = self.get(key_path(key))
        assert reply.status in (200, 404), reply
        return reply.body if reply.status == 200 else None

    def stats(self) -> dict:
        reply = self.get("/stats")
        assert reply.status == 200
        return reply.json()

    # The process

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def resident_bytes(self) -> int:
        return self._status_bytes("VmRSS")

    def most_resident_bytes(self) -> int:
        """The most that it ever was."""
        return self._status_bytes("VmHWM")

    def _status_bytes(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) << 10

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, within: float = PATIENCE) -> int:
        """The exit code, once the process has ended and all its output was read."""
        try:
            code = self.process.wait(timeout=within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {within:g} s; {self.transcript()}") from None
        with self._news:
            self._news.wait_for(lambda: self._open_pipes == 0, timeout=PATIENCE)
        return code

    def stop(self) -> None:
        """Ends the process as an orchestrator would, and checks that it had a clean life: exit 0 (unless a test said
        what else is right in `clean_exits`), no crash text, and nothing but log lines on stdout."""
        try:
            if self.is_running:
                self.signal(signal.SIGTERM)
            code = self.wait(within=2 * PATIENCE)
        finally:
            self.kill()
        assert code in self.clean_exits, f"exit code {code}; {self.transcript()}"
        self.assert_no_crash()
        if not self.text_logs:
            assert self.logs

    def assert_no_crash(self) -> None:
        crash = next((line for line in self.errors if CRASH_TEXT.search(line)), None)
        assert crash is None, f"crash text on stderr: {crash!r}; {self.transcript()}"

    def kill(self) -> None:
        if self.is_running:
            self.process.kill()
            self.process.wait(timeout=PATIENCE)


def key_path(key: str) -> str:
    """The path of a key with every byte escaped that could be escaped."""
    return "/keys/" + quote(key, safe="")
