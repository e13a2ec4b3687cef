"""Databases that a cache is filled from, each started on a free port with all that it has in a folder of the test's;
and a wire between, that can be cut."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from harness.deadline import PATIENCE, eventually
from harness.process import end_program


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(name: str, package: str) -> str:
    folders = [*sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True), "/usr/sbin"]
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        pytest.skip(f"no {name} on this machine: install the Debian package {package}")
    return found


class Database:
    """A database's process."""

    host = "127.0.0.1"

    def __init__(self, command: list[str], port: int, **options) -> None:
        self.port = port
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
        )

    def wait_until_ready(self, check) -> None:
        eventually(lambda: check() or self.process.poll() is not None, "the database answers", 3 * PATIENCE)
        assert self.process.poll() is None, f"the database ended with {self.process.returncode}"

    def stop(self, number: int = signal.SIGINT) -> None:
        end_program(self.process, number)


class PostgreSQL(Database):
    """A server with the user `app`, whose password is `hidden-word`, and the database `shop`."""

    password = "hidden-word"

    @classmethod
    def with_items(cls, folder: Path, count: int) -> "PostgreSQL":
        """One with the table `items` of so many users, in a new folder of pytest's."""
        # Another user runs the server, and has to come to its folder.
        for parent in [folder, *folder.parents][:3]:
            parent.chmod(0o755)
        database = cls(folder)
        try:
            database.run(
                "CREATE TABLE items AS"
                " SELECT 'user:' || n AS key, json_build_object('id', n, 'name', 'User ' || n) AS value"
                f" FROM generate_series(1, {count}) n"
            )
        except BaseException:
            database.stop()
            raise
        return database

    def __init__(self, folder: Path) -> None:
        # It refuses to run as root.
        as_user = [program("setpriv", "util-linux"), "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self.as_user = as_user if os.geteuid() == 0 else []
        self.folder = folder
        folder.chmod(0o755)
        data = folder / "data"
        data.mkdir(mode=0o700)
        secret = folder / "password"
        secret.write_text(self.password)
        if self.as_user:
            shutil.chown(data, "postgres", "postgres")
        subprocess.run(
            [*self.as_user, program("initdb", "postgresql"), "-D", data, "-U", "app", "--pwfile", secret]
            + ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
            check=True,
            capture_output=True,
            timeout=6 * PATIENCE,
            cwd=folder,
        )
        port = free_port()
        settings = {"port": port, "listen_addresses": self.host, "unix_socket_directories": "", "fsync": "off"}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        super().__init__([*self.as_user, program("postgres", "postgresql"), "-D", data, *flags], port, cwd=folder)
        self.wait_until_ready(lambda: self.psql("SELECT 1", database="postgres").returncode == 0)
        self.run("CREATE DATABASE shop", database="postgres")

    def psql(self, statements: str, database: str = "shop", output=subprocess.PIPE) -> subprocess.CompletedProcess:
        return subprocess.run(
            [program("psql", "postgresql-client"), "-h", self.host, "-p", str(self.port), "-U", "app", "-qAtX"]
            + ["-v", "ON_ERROR_STOP=1", "-c", statements, database],
            env={**os.environ, "PGPASSWORD": self.password},
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=12 * PATIENCE,
            check=False,
        )

    def run(self, statements: str, database: str = "shop") -> str:
        done = self.psql(statements, database)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def url(self, query: str, port: int | None = None, user: str = "app", database: str = "shop") -> str:
        return f"postgresql://{user}@{self.host}:{port or self.port}/{database}?query={query.replace('%', '%25')}"


class Redis(Database):
    """A server with a password, if it is to have one."""

    def __init__(self, folder: Path, password: str | None = None) -> None:
        port = free_port()
        command = [program("redis-server", "redis-server"), "--port", str(port), "--bind", self.host, "--save", ""]
        command += ["--dir", str(folder), "--enable-debug-command", "local"]
        self.password = password
        super().__init__(command + (["--requirepass", password] if password else []), port)
        self.wait_until_ready(lambda: self.answers())

    def answers(self) -> bool:
        try:
            return self.ask("PING") == b"+PONG\r\n"
        except OSError:
            return False

    def ask(self, *commands: str) -> bytes:
        """Sends commands, each a line as one types it, and returns the replies once all are there."""
        login = [f"AUTH {self.password}"] if self.password else []
        with socket.create_connection((self.host, self.port), timeout=PATIENCE) as link:
            link.sendall("".join(f"{line}\r\n" for line in [*login, *commands, "ECHO end-of-replies"]).encode())
            answer = b""
            while b"end-of-replies" not in answer:
                piece = link.recv(65536)
                if not piece:
                    raise ConnectionError("closed")
                answer += piece
        if login:
            answer = answer.removeprefix(b"+OK\r\n")
        return answer.split(b"$14\r\nend-of-replies")[0]


class Wire:
    """Passes connections on to a port; cuts each of the first `cuts` once so many bytes have come from there."""

    def __init__(self, port: int, after_bytes: int, cuts: int) -> None:
        self.target = port
        self.after_bytes = after_bytes
        self.cuts = cuts
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(("127.0.0.1", self.target))
            limit = self.after_bytes if self.connections <= self.cuts else None
            threading.Thread(target=self._pass, args=(client, server, None), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, limit), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, limit: int | None) -> None:
        passed = 0
        try:
            while piece := source.recv(65536):
                target.sendall(piece)
                passed += len(piece)
                if limit is not None and passed > limit:
                    break
        except OSError:
            pass
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listener.close()
