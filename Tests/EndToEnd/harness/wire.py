"""A TCP connection on which a test decides about every byte, and a strict reader of what comes back."""

import select
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from harness.deadline import PATIENCE
from harness.process import CacheServer
from harness.reply import Reply, parse_head


class ConnectionEnded(Exception):
    """The server closed or reset the connection; `received` is what came before."""

    def __init__(self, received: bytes) -> None:
        super().__init__(f"connection ended after {received[:200]!r}")
        self.received = received


class Wire:
    def __init__(
        self,
        server: CacheServer,
        timeout: float = PATIENCE,
        receive_buffer: int | None = None,
        source: str | None = None,
    ) -> None:
        self.timeout = timeout
        self._buffer = b""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.settimeout(timeout)
        self.socket.connect((server.host, server.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    # Sending

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_pieces(self, pieces: Iterable[bytes], pause: float = 0.001) -> None:
        """Sends each piece in a segment of its own, apart enough that the server meets the split."""
        for piece in pieces:
            self.socket.sendall(piece)
            time.sleep(pause)

    def send_while_welcome(self, pieces: Iterable[bytes]) -> int:
        """Sends until there is something to read, the connection ends or the pieces do; returns the bytes sent."""
        sent = 0
        try:
            for piece in pieces:
                readable, writable, _ = select.select([self.socket], [self.socket], [], self.timeout)
                assert readable or writable, "the server neither reads nor answers"
                if readable:
                    return sent
                sent += self.socket.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return sent

    def finish_sending(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Ends the connection by RST, as a client that was killed does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # Receiving

    def _receive(self) -> None:
        try:
            data = self.socket.recv(1 << 16)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        if not data:
            raise ConnectionEnded(self._buffer)
        self._buffer += data

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._receive()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _take_through(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._receive()
        return self._take(self._buffer.index(mark) + len(mark))

    def read(self, method: str = "GET") -> Reply:
        """Reads exactly one response to a request of this method; what follows stays for the next read."""
        version, status, headers = parse_head(self._take_through(b"\r\n\r\n"))
        coding, length = headers.get("Transfer-Encoding"), headers.get("Content-Length")
        assert coding is None or length is None, f"both framings in one response: {headers.items()}"
        if method == "HEAD" or status in (204, 304) or status < 200:
            body = b""
        elif coding is not None:
            assert coding.lower() == "chunked"
            body = b"".join(self._chunks())
        elif length is not None:
            body = self._take(int(length))
        else:
            assert headers.get("Connection", "close").lower() == "close"
            body = self._take_all()
        return Reply(status, headers, body, version)

    def _chunks(self) -> Iterator[bytes]:
        while (size := int(self._take_through(b"\r\n").split(b";")[0], 16)) > 0:
            yield self._take(size)
            assert self._take(2) == b"\r\n"
        while self._take_through(b"\r\n") != b"\r\n":
            pass

    def _take_all(self) -> bytes:
        try:
            while True:
                self._receive()
        except ConnectionEnded:
            data, self._buffer = self._buffer, b""
            return data

    def ask(self, request: bytes) -> Reply:
        self.send(request)
        return self.read(request.split(b" ", 1)[0].decode("latin-1"))

    def assert_closed(self) -> None:
        """The server ends the connection within the timeout, with nothing more to read."""
        rest = self._take_all()
        assert rest == b"", f"unexpected bytes before the close: {rest[:300]!r}"

    def assert_closed_without_another_answer(self) -> None:
        """As `assert_closed`, but looks past bytes that are no beginning of an answer."""
        rest = self._take_all()
        assert b"HTTP/1." not in rest, f"another answer before the close: {rest[:300]!r}"

    def reply_then_close(self) -> Reply:
        """Reads the one response that the server still sends before it ends the connection."""
        reply = self.read()
        self.assert_closed()
        return reply


def request(method: str, target: str, *headers: str, body: bytes = b"", version: str = "HTTP/1.1") -> bytes:
    """A well-formed request; a body gets its Content-Length unless the headers frame it themselves."""
    lines = [f"{method} {target} {version}", "Host: cache.test", *headers]
    framed = any(line.lower().startswith(("content-length:", "transfer-encoding:")) for line in headers)
    if (body or method in ("PUT", "POST")) and not framed:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(data: bytes, sizes: Iterable[int], extension: bytes = b"", trailers: bytes = b"") -> bytes:
    """`data` in the chunked coding, cut into chunks of these sizes, the rest in a last one."""
    coded, rest = b"", data
    for size in sizes:
        if not rest:
            break
        piece, rest = rest[:size], rest[size:]
        coded += b"%x%s\r\n%s\r\n" % (len(piece), extension, piece)
    if rest:
        coded += b"%X%s\r\n%s\r\n" % (len(rest), extension, rest)
    return coded + b"0" + extension + b"\r\n" + trailers + b"\r\n"


def begin_upload(server, target="/keys/slow"):
    """A PUT of which the server has the head and half of the body."""
    wire = Wire(server)
    wire.send(request("PUT", target, "Expect: 100-continue", "Content-Length: 10"))
    assert wire.read("PUT").status == 100
    wire.send(b'"slow')
    return wire


@contextmanager
def undisturbed(server: CacheServer, connections: int = 8) -> Iterator[None]:
    """Holds keep-alive connections open around an abuse, enough for every daemon thread to own one, and checks that
    each is served before and after it, and that the server lives."""
    wires = [Wire(server) for _ in range(connections)]
    ask = request("GET", "/livez")
    try:
        for wire in wires:
            assert wire.ask(ask).status == 200
        yield
        assert server.is_running, server.transcript()
        for wire in wires:
            reply = wire.ask(ask)
            assert (reply.status, reply.json()) == (200, {"status": "ok"})
        server.assert_no_crash()
    finally:
        for wire in wires:
            wire.socket.close()
