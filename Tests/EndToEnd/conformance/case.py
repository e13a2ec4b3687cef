"""A row of the tables: bytes that a client sends, and what a server that keeps to the documents does with them."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.contract import assert_problem
from harness.process import CacheServer
from harness.reply import Reply
from harness.wire import ConnectionEnded, Wire, request

KEY, LARGE, TAG, LARGE_TAG, NAME = "<key>", "<large>", "<tag>", "<large-tag>", "<name>"
"""What stands in a row's bytes, and in what it expects, for the path of a key that has a value, for that of one that
has a larger value, for their entity tags, without the quotes, and for the key itself."""

VALUE = b'{"a":1}'
LARGE_VALUE = json.dumps(["conformance"] * 300, separators=(",", ":")).encode()
"""Long enough to come compressed."""

ABSENT = None
Expected = str | re.Pattern[str] | Callable[[str], bool] | None


@dataclass(frozen=True)
class Case:
    name: str
    rule: str
    """Where it is written: an RFC and its section, or a part of the contract."""
    sent: bytes
    status: int | tuple[int, ...]
    """One or, where the document leaves the choice, several."""
    fields: dict[str, Expected] = field(default_factory=dict)
    """Header fields of the answer: a value, a pattern of it, a judgement of it; or that it must not be there."""
    body: bytes | None = None
    code: str = ""
    """The answer is the problem document with this code."""
    stays: bool | None = True
    """Whether the connection is kept, so that the next request on it is answered; None leaves the choice."""
    value: bytes = VALUE
    """What the key has before."""
    stored: bytes | None = VALUE
    """What the key has afterwards; None for nothing."""
    then: bytes = b""
    """What is sent once the server has answered 100, which it must."""
    answered: bool = True
    """False if the server may close the connection without an answer."""
    by_library: bool = False
    """libmicrohttpd refuses it before the program hears of it. Version 0.9.75 writes the head of such a refusal twice,
    so that its text overruns the length that the head tells: what is behind is passed over if it is no other answer."""
    deviation: str = ""
    """Why it is not so, where that is known."""

    @property
    def statuses(self) -> tuple[int, ...]:
        return self.status if isinstance(self.status, tuple) else (self.status,)

    @property
    def method(self) -> str:
        """By which the reader of the answer knows whether a body comes with it."""
        return "HEAD" if self.sent.startswith(b"HEAD ") else "GET"


def get(*headers: str, target: str = KEY, version: str = "HTTP/1.1") -> bytes:
    return request("GET", target, *headers, version=version)


def put(*headers: str, body: bytes = b"[1,2]", target: str = KEY, version: str = "HTTP/1.1") -> bytes:
    return request("PUT", target, *headers, body=body, version=version)


def with_head(*lines: str, target: str = "/livez") -> bytes:
    """A GET whose field lines are these alone, byte for byte."""
    return "\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""]).encode("latin-1")


class Trial:
    """One row, held against a server."""

    def __init__(self, server: CacheServer, prefix: str, case: Case) -> None:
        self.server = server
        self.case = case
        self.behind = f"/keys/{prefix}behind"
        self.key = f"{prefix}key"
        self.names = {NAME: self.key, KEY: f"/keys/{self.key}", LARGE: f"/keys/{prefix}large"}
        for name, value, tag in ((KEY, case.value, TAG), (LARGE, LARGE_VALUE, LARGE_TAG)):
            stored = server.request("PUT", self.names[name], value)
            assert stored.status == 201
            self.names[tag] = stored.header("ETag").strip('"')

    def filled(self, text: str) -> str:
        for name, meant in self.names.items():
            text = text.replace(name, meant)
        return text

    def run(self) -> None:
        case = self.case
        sent = self.filled(case.sent.decode("latin-1")).encode("latin-1")
        # What comes behind the request is the next one, or is not heard.
        next_request = request("PUT", self.behind, body=b'"heard"')
        with Wire(self.server) as wire:
            if case.then:
                wire.send(sent)
                assert wire.read().status == 100
                wire.send(case.then + next_request)
            else:
                wire.send(sent + next_request)
            reply = self.answer(wire, case)
            if reply is not None:
                self.judge(reply, case)
                self.connection(wire, case)
        assert self.server.value(self.key) == case.stored

    def answer(self, wire: Wire, case: Case) -> Reply | None:
        try:
            return wire.read(case.method)
        except ConnectionEnded as ended:
            assert ended.received == b"", f"half an answer: {ended.received!r}"
            assert not case.answered, "no answer"
            assert self.server.get(self.behind).status == 404, "what came behind was heard"
            return None

    def judge(self, reply: Reply, case: Case) -> None:
        assert reply.status in case.statuses, f"{reply.status}: {reply.body[:300]!r}"
        if case.code:
            assert_problem(reply, reply.status, case.code)
        if case.body is not None:
            assert reply.body == self.filled(case.body.decode()).encode()
        for name, expected in case.fields.items():
            self.judge_field(name, reply.headers.get_all(name, []), expected)

    def judge_field(self, name: str, values: list[str], expected: Expected) -> None:
        if expected is ABSENT:
            assert values == [], f"{name}: {values}"
            return
        assert len(values) == 1, f"{name}: {values}"
        if isinstance(expected, str):
            assert values[0] == self.filled(expected), name
        elif isinstance(expected, re.Pattern):
            assert expected.fullmatch(values[0]), f"{name}: {values[0]!r}"
        else:
            assert expected(values[0]), f"{name}: {values[0]!r}"

    def connection(self, wire: Wire, case: Case) -> None:
        """What becomes of the connection, and of the request behind."""
        try:
            follower = wire.read("PUT")
        except ConnectionEnded as ended:
            assert case.stays is not True, "the connection was closed"
            beginning = b"HTTP/1." if case.by_library else b""
            assert ended.received == b"" or case.by_library and beginning not in ended.received, (
                f"bytes before the close: {ended.received!r}"
            )
            assert self.server.get(self.behind).status == 404, "what came behind was heard"
            return
        assert case.stays is not False, f"what came behind was answered: {follower}"
        assert follower.status == 201
        assert wire.ask(request("GET", "/livez")).json() == {"status": "ok"}
