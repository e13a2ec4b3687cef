"""An HTTP response, however it was fetched."""

import json
from dataclasses import dataclass
from email.message import Message
from typing import Any


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message
    body: bytes
    version: str = "HTTP/1.1"

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The one value of a header, None if absent; a header sent twice is a failure."""
        values = self.headers.get_all(name, [])
        assert len(values) <= 1, f"{name} was sent {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def content_type(self) -> str | None:
        """The media type alone, lower-cased, without parameters."""
        value = self.header("Content-Type")
        return value.split(";")[0].strip().lower() if value is not None else None

    @property
    def allow(self) -> set[str]:
        return {method.strip() for method in (self.header("Allow") or "").split(",")} - {""}


def parse_head(head: bytes) -> tuple[str, int, Message]:
    """Reads a status line and header lines, strictly: CRLF line ends, no folding, no white space before a colon."""
    lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    version, status, *_ = lines[0].decode("ascii").split(" ", 2)
    assert version in ("HTTP/1.0", "HTTP/1.1") and len(status) == 3, f"not a status line: {lines[0]!r}"
    headers = Message()
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        assert colon and name and name == name.strip() and b"\n" not in line, f"not a header line: {line!r}"
        headers[name.decode("ascii")] = value.strip().decode("latin-1")
    return version, int(status), headers
