"""An origin that answers as a test says, faults included, and nginx as one that needs no script."""

import asyncio
import os
import shutil
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.deadline import PATIENCE, eventually
from harness.process import end_program


@dataclass
class Asked:
    """A request that came."""

    target: str
    headers: dict[str, str] = field(default_factory=dict)


Answer = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


def reply(body: str = "1", status: str = "200 OK", *fields: str, after: float = 0) -> Answer:
    """Answers, after so many seconds."""

    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after)
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", *fields]
        writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        await writer.drain()

    return answer


def raw(text: str, then: str = "close") -> Answer:
    """Sends some bytes, and then closes the connection, resets it or says no more."""

    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        if then == "reset":
            # Without a word to the other side's last bytes: a RST.
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.write(text.encode())
        await writer.drain()
        if then == "hang":
            await asyncio.sleep(3600)
        writer.transport.abort() if then == "reset" else writer.close()

    return answer


class Origin:
    """An HTTP server in a thread, on a free port."""

    def __init__(self) -> None:
        self.answer: Answer = reply()
        self.asked: list[Asked] = []
        self.loop = asyncio.new_event_loop()
        self.tasks: set[asyncio.Task] = set()
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self.thread.start()
        assert ready.wait(PATIENCE), "the origin does not listen"

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                fields = (line.partition(":") for line in head[1:] if line)
                asked = Asked(head[0].split()[1], {name.lower(): value.strip() for name, _, value in fields})
                self.asked.append(asked)
                await self.answer(asked, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/items/{{key}}"

    @property
    def targets(self) -> Counter:
        """How often each target was asked for."""
        return Counter(asked.target for asked in self.asked)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)


NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/files;
        location /items/ {{ add_header Cache-Control "max-age=1"; }}
    }}
}}
"""


class NginxOrigin:
    """nginx that serves a folder of files, fresh for a second."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if found is None:
            pytest.skip("no nginx on this machine: install the Debian package nginx-light")
        self.items = folder / "files/items"
        self.items.mkdir(parents=True)
        self.log = folder / "access.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        file = folder / "nginx.conf"
        # Started by root, its workers would be others, who may not read the folder.
        user = "user root root;" if os.getuid() == 0 else ""
        file.write_text(NGINX.format(folder=folder, port=self.port, user=user))
        self.process = subprocess.Popen(
            [found, "-c", str(file), "-p", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        eventually(self._listens, "nginx listens")
        assert self.process.poll() is None, self.process.stderr.read().decode()

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            return True
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/items/{{key}}"

    def stop(self) -> None:
        end_program(self.process)
