"""An HTTP response, however it was fetched."""

import json
import re
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
    line = re.fullmatch(rb"(HTTP/1\.[01]) (\d{3}) [^\r\n]*", lines[0])
    assert line, f"not a status line: {lines[0][:200]!r}"
    headers = Message()
    for field in lines[1:]:
        name, colon, value = field.partition(b":")
        assert colon and name and name == name.strip() and b"\n" not in field, f"not a header line: {field!r}"
        headers[name.decode("ascii")] = value.strip().decode("latin-1")
    return line[1].decode(), int(line[2]), headers
