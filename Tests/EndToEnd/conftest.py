"""Fixtures: the binary under test, servers started for a test or for the whole run, and names of a test's own."""

import itertools
import os
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.process import CacheServer
from harness.wire import undisturbed

REPOSITORY = Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("E2E_SEED") or random.SystemRandom().randrange(1 << 32))

measurements = pytest.StashKey[list[str]]()


def find_binary() -> Path | None:
    named = os.environ.get("CACHE_SERVER")
    places = [Path(named)] if named else [REPOSITORY / f".build/{kind}/cache-server" for kind in ("release", "debug")]
    return next((place.resolve() for place in places if place.is_file()), None)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[measurements] = []


def pytest_report_header() -> list[str]:
    return [f"cache-server: {find_binary() or 'not found'}", f"E2E_SEED={SEED}"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[measurements]:
        terminalreporter.section("measured")
        for line in config.stash[measurements]:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def binary() -> Path:
    """The cache-server executable: $CACHE_SERVER, else the release build, else the debug build."""
    found = find_binary()
    if found is None:
        pytest.fail("no cache-server to test: run `swift build -c release`, or set CACHE_SERVER to its path", False)
    return found


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Notes a figure for the end of the report; it passes no judgement."""
    return request.config.stash[measurements].append


def launcher(binary: Path) -> Iterator[Callable[..., CacheServer]]:
    servers: list[CacheServer] = []

    def start(*flags: str, env: dict[str, str] | None = None) -> CacheServer:
        defaults = [] if "--port" in flags else ["--port", "0"]
        defaults += [] if "--log-format" in flags else ["--log-format", "json"]
        server = CacheServer(binary, *defaults, *flags, env=env)
        servers.append(server)
        server.wait_until_listening()
        return server

    try:
        yield start
        failures = []
        for server in servers:
            try:
                server.stop()
            except AssertionError as failure:
                failures.append(str(failure))
        assert not failures, "\n".join(failures)
    finally:
        for server in servers:
            server.kill()


@pytest.fixture
def start_server(binary: Path) -> Iterator[Callable[..., CacheServer]]:
    """Starts servers of the test's own; each is stopped after it and must then have exited 0 without crash text."""
    yield from launcher(binary)


@pytest.fixture
def fresh(start_server: Callable[..., CacheServer]) -> CacheServer:
    """A server with default options that nobody else asks."""
    return start_server()


@pytest.fixture(scope="module")
def start_module_server(binary: Path) -> Iterator[Callable[..., CacheServer]]:
    """As `start_server`, for servers that the tests of one file share."""
    yield from launcher(binary)


@pytest.fixture(scope="session")
def server(binary: Path) -> Iterator[CacheServer]:
    """The server with default options that most tests share: leave it as you found it, keep to your own prefix."""
    for start in launcher(binary):
        yield start()


@pytest.fixture(autouse=True)
def shared_server_survives(request: pytest.FixtureRequest) -> Iterator[None]:
    """Blames the test that brought the shared server down, not the one after it."""
    yield
    if "server" in request.fixturenames:
        shared = request.getfixturevalue("server")
        assert shared.is_running, f"this test ended the shared server; {shared.transcript()}"


@pytest.fixture
def bystanders(server: CacheServer) -> Iterator[None]:
    """Other clients' open connections to the shared server, which the test must not disturb."""
    with undisturbed(server):
        yield


numbers = itertools.count(1)


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """The beginning of every key of this test: unlike any other test's."""
    name = re.sub(r"[^A-Za-z0-9_]+", "-", request.node.originalname)[:60]
    return f"{name}.{next(numbers)}/"


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Random choices that E2E_SEED, printed in the header, repeats."""
    return random.Random(f"{SEED}/{request.node.nodeid}")
