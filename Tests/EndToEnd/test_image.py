"""docker/Dockerfile: the image built for real, looked into, and run as strictly as an orchestrator would.

It needs docker or podman with the base images at hand; or, as root, STAND_IN_IMAGES: the path of a program that makes
local stand-ins for them (`make`) and builds with them (`build OPTION...`, by buildah).
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Protocol

import pytest

from harness.deadline import PATIENCE, eventually
from harness.process import CRASH_TEXT
from harness.wire import Wire, request

REPOSITORY = Path(__file__).resolve().parents[2]
BASES = re.findall(r"^FROM \$\{REGISTRY\}(\S+)", (REPOSITORY / "docker/Dockerfile").read_text(), re.MULTILINE)
RUNTIME_BASE = BASES[-1]
IMAGE = "production-cache-test"
SERVER = "/usr/local/bin/cache-server"
USER = 65532

# What the image may add to its base: a fifth more than it did when this was written. Most of the rest are clients of
# what the cache is filled from, libcurl and libpq, and what they bring: LDAP, Kerberos, SSH.
MAX_SERVER_BYTES = 23_500_000
MAX_OTHER_BYTES = 9_900_000

# The first test waits for the build.
pytestmark = pytest.mark.timeout(3600)


def run(*command: str | Path, within: float = 60, **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=within, check=False, **options)
    assert done.returncode == 0, f"{command} exited {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def exit_status(*command: str | Path) -> int:
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode


class Container(Protocol):
    """The image at work on the host's loopback address."""

    port: int

    def process(self) -> int:
        """The server's process, as the host counts it."""

    def execute(self, *command: str) -> int:
        """Runs a command in the container as an engine runs a health check; returns its exit status."""

    def terminate(self) -> None: ...

    def wait(self) -> int:
        """The server's exit status."""

    def output(self) -> str: ...


class Engine(Protocol):
    builder: str

    def config(self) -> dict:
        """The image's configuration."""

    def export(self, image: str, archive: Path) -> None:
        """Writes the image's file system to a tar archive."""

    def start(self, port: int) -> AbstractContextManager[Container]:
        """Starts the image with a read-only root, without a capability or a way to gain one."""


# Docker, and Podman, which has the same command line


class DockerContainer:
    def __init__(self, command: str, identifier: str, port: int) -> None:
        self.command, self.identifier, self.port = command, identifier, port

    def process(self) -> int:
        return int(run(self.command, "inspect", "--format", "{{.State.Pid}}", self.identifier))

    def execute(self, *command: str) -> int:
        return exit_status(self.command, "exec", self.identifier, *command)

    def terminate(self) -> None:
        run(self.command, "kill", "--signal", "TERM", self.identifier)

    def wait(self) -> int:
        return int(run(self.command, "wait", self.identifier))

    def output(self) -> str:
        return run(self.command, "logs", self.identifier)


class Docker:
    def __init__(self, command: str) -> None:
        self.command = self.builder = command

    @property
    def works(self) -> bool:
        """Whether it can make a container of the base: neither the command nor a daemon that answers is enough."""
        return exit_status(self.command, "run", "--rm", RUNTIME_BASE, "true") == 0

    def config(self) -> dict:
        image = json.loads(run(self.command, "image", "inspect", IMAGE))[0]
        return {"Healthcheck": image.get("Healthcheck")} | image["Config"]

    def export(self, image: str, archive: Path) -> None:
        container = run(self.command, "create", image, "none").strip()
        try:
            run(self.command, "export", "--output", archive, container)
        finally:
            run(self.command, "rm", container)

    @contextmanager
    def start(self, port: int) -> Iterator[DockerContainer]:
        where = ["--network=host", "--env=CACHE_HOST=127.0.0.1", f"--env=CACHE_PORT={port}"]
        confined = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
        identifier = run(self.command, "run", "--detach", *where, *confined, IMAGE).strip()
        try:
            yield DockerContainer(self.command, identifier, port)
        finally:
            run(self.command, "rm", "--force", identifier)


# Buildah with stand-ins for the base images. It runs containers only where it may make control groups; namespaces, a
# read-only mount and no capability are to be had without.

CONFINE = f"""
    mount --bind "$0" "$0"
    mount --types proc proc "$0/proc"
    mount --options remount,bind,ro "$0"
    exec chroot "$0" setpriv --reuid={USER} --regid={USER} --clear-groups --inh-caps=-all --bounding-set=-all \\
        --no-new-privs -- "$@"
"""


class Sandbox:
    def __init__(self, root: Path, config: dict, port: int, log: Path) -> None:
        self.root, self.port, self.log = root, port, log
        own = dict(variable.split("=", 1) for variable in config["Env"])
        self.environment = own | {"CACHE_HOST": "127.0.0.1", "CACHE_PORT": str(port)}
        with log.open("w") as sink:
            self.outer = subprocess.Popen(
                self.confined(*config["Entrypoint"]),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
            )

    def confined(self, *command: str) -> list[str | Path]:
        """The command in namespaces of its own, as process 1, which signals reach only if it handles them."""
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", CONFINE, self.root, *command]

    def children(self) -> list[int]:
        return [
            int(child) for child in Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").read_text().split()
        ]

    def process(self) -> int:
        def child() -> int | None:
            children = self.children()
            if children and os.readlink(f"/proc/{children[0]}/exe").endswith(SERVER):
                return children[0]
            return None

        return eventually(child, "the server was started in the sandbox")

    def execute(self, *command: str) -> int:
        return subprocess.run(
            self.confined(*command), env=self.environment, capture_output=True, timeout=60, check=False
        ).returncode

    def terminate(self) -> None:
        os.kill(self.process(), 15)

    def wait(self) -> int:
        return self.outer.wait(timeout=3 * PATIENCE)

    def end(self) -> None:
        """Whatever state it is in. The kernel forgets --kill-child when the child becomes another user."""
        if self.outer.poll() is None:
            for child in self.children():
                os.kill(child, signal.SIGKILL)
        self.outer.kill()
        self.outer.wait()

    def output(self) -> str:
        return self.log.read_text()


class StandIn:
    def __init__(self, program: str, scratch: Path) -> None:
        self.builder, self.scratch = program, scratch
        # `make` installs buildah, where it is missing.
        if not shutil.which("buildah") or any(
            exit_status("buildah", "inspect", "--type", "image", base) for base in BASES
        ):
            run(program, "make", within=1800)

    def config(self) -> dict:
        return json.loads(run("buildah", "inspect", "--type", "image", IMAGE))["Docker"]["config"]

    @contextmanager
    def mounted(self, image: str) -> Iterator[Path]:
        container = run("buildah", "from", "--pull-never", image).strip()
        try:
            yield Path(run("buildah", "mount", container).strip())
        finally:
            run("buildah", "rm", container)

    def export(self, image: str, archive: Path) -> None:
        with self.mounted(image) as root:
            run("tar", "--create", f"--file={archive}", f"--directory={root}", ".")

    @contextmanager
    def start(self, port: int) -> Iterator[Sandbox]:
        with self.mounted(IMAGE) as root:
            sandbox = Sandbox(root, self.config(), port, self.scratch / f"{port}.log")
            try:
                yield sandbox
            finally:
                sandbox.end()


# The image


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Builds the image by docker/build, with what this machine has."""
    if stand_in := os.environ.get("STAND_IN_IMAGES"):
        if os.geteuid() != 0:
            pytest.skip("STAND_IN_IMAGES needs root")
        found: Engine = StandIn(stand_in, tmp_path_factory.mktemp("sandbox"))
    else:
        engines = (Docker(command) for command in ("docker", "podman") if shutil.which(command))
        found = next((engine for engine in engines if engine.works), None)
        if found is None:
            pytest.skip(f"neither docker nor podman runs {RUNTIME_BASE} here, and STAND_IN_IMAGES is not set")
    settings = {"CONTAINER_ENGINE": found.builder, "IMAGE": IMAGE}
    run(REPOSITORY / "docker/build", env=os.environ | settings, within=3000)
    return found


@pytest.fixture(scope="module")
def config(engine: Engine) -> dict:
    return engine.config()


Members = dict[str, tarfile.TarInfo]

# What engines put into every container.
ENGINES_OWN = {"/.dockerenv", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/run/.containerenv"}


@pytest.fixture(scope="module")
def archive(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("archive") / "image.tar"
    engine.export(IMAGE, file)
    return file


def members(archive: Path) -> Members:
    with tarfile.open(archive) as tar:
        return {"/" + member.name.removeprefix("./"): member for member in tar}


@pytest.fixture(scope="module")
def contents(archive: Path) -> Members:
    return members(archive)


@pytest.fixture(scope="module")
def added(engine: Engine, contents: Members, tmp_path_factory: pytest.TempPathFactory) -> Members:
    """The files that the image has and its base has not, or not so."""
    file = tmp_path_factory.mktemp("archive") / "base.tar"
    engine.export(RUNTIME_BASE, file)
    base = members(file)

    def is_added(path: str, member: tarfile.TarInfo) -> bool:
        if not member.isfile() or path in ENGINES_OWN:
            return False
        old = base.get(path)
        return old is None or (old.size, old.mode, old.uid) != (member.size, member.mode, member.uid)

    return {path: member for path, member in contents.items() if is_added(path, member)}


def test_user_is_a_number_and_not_root(config: dict):
    # Kubernetes' runAsNonRoot refuses a name, because it cannot see who that is.
    assert config["User"] == f"{USER}:{USER}"


def test_commands_need_no_shell(config: dict):
    assert config["Entrypoint"] == [SERVER]
    assert not config.get("Cmd")
    assert config["Healthcheck"]["Test"] == ["CMD", SERVER, "healthcheck"]
    assert config["Healthcheck"]["Timeout"] < config["Healthcheck"]["Interval"]


def test_says_how_to_reach_and_stop_it(config: dict):
    assert list(config["ExposedPorts"]) == ["8080/tcp"]
    assert "CACHE_HOST=0.0.0.0" in config["Env"]
    assert config["StopSignal"] == "SIGTERM"


def test_labels_tell_what_it_is(engine: Engine, config: dict):
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert labels["title"] == "production-cache" and labels["description"]
    assert labels["base.name"] == RUNTIME_BASE
    revision = labels["revision"].removesuffix("-dirty")
    if exit_status("git", "-C", REPOSITORY, "rev-parse", "HEAD") == 0:
        assert exit_status("git", "-C", REPOSITORY, "cat-file", "-e", f"{revision}^{{commit}}") == 0, revision
    else:
        assert revision == "unknown"
    with engine.start(free_port()) as container:
        when_ready(container)
        started = json.loads(container.output().splitlines()[0])
    assert (started["message"], started["version"]) == ("starting", labels["version"])


def test_server_is_stripped(archive: Path, contents: Members, tmp_path: Path):
    with tarfile.open(archive) as tar:
        (tmp_path / "cache-server").write_bytes(tar.extractfile(contents[SERVER]).read())
    sections = run("readelf", "--wide", "--section-headers", tmp_path / "cache-server")
    assert " .dynsym " in sections
    assert " .symtab " not in sections and " .debug_" not in sections


def test_adds_one_program_and_the_libraries_that_the_base_lacks(contents: Members, added: Members):
    programs = {path for path, member in added.items() if member.mode & 0o111 and "/lib/" not in path}
    assert programs == {SERVER}
    libraries = {Path(path).name.split(".")[0] for path in added if ".so" in Path(path).name and "/lib/" in path}
    # And what these need in their turn, which is Debian's to say.
    assert libraries >= {"libhiredis", "libmicrohttpd", "libpq", "libsimdjson", "libsqlite3"}
    for path, member in added.items():
        assert member.uid == 0, f"{path} belongs to {member.uid}: the server could change it"
        assert not member.mode & 0o6022, f"{path} has mode {member.mode:o}"


def test_is_small(added: Members, measured):
    server = added[SERVER].size
    others = sum(member.size for member in added.values()) - server
    measured(
        f"image: {server / 1e6:.1f} MB of server, {others / 1e6:.2f} MB of libraries and their records, over the base"
    )
    assert server <= MAX_SERVER_BYTES
    assert others <= MAX_OTHER_BYTES


# The image at work


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def when_ready(container: Container) -> None:
    try:
        eventually(
            lambda: container.execute(SERVER, "healthcheck") == 0, "the health check passes", within=3 * PATIENCE
        )
    except AssertionError as failure:
        raise AssertionError(f"{failure}\n{container.output()}") from None


@pytest.fixture
def container(engine: Engine) -> Iterator[Container]:
    with engine.start(free_port()) as running:
        when_ready(running)
        yield running


def wire(container: Container) -> Wire:
    return Wire(SimpleNamespace(host="127.0.0.1", port=container.port))


def test_serves_without_root_capabilities_or_a_writable_root(container: Container):
    process = Path("/proc", str(container.process()))
    lines = (process / "status").read_text().splitlines()
    status = {name: value.split() for name, value in (line.split(":", 1) for line in lines)}
    assert status["Uid"] == [str(USER)] * 4 and status["Gid"] == [str(USER)] * 4
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind][0], 16) == 0, kind
    assert status["NoNewPrivs"] == ["1"]
    mounts = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
    assert ["ro" in mount[5].split(",") for mount in mounts if mount[4] == "/"] == [True]

    with wire(container) as client:
        assert client.ask(request("PUT", "/keys/a", body=b"[1, 2]")).status == 201
        reply = client.ask(request("GET", "/keys/a"))
        assert (reply.status, reply.body) == (200, b"[1,2]")


def test_health_check_fails_where_nothing_listens(container: Container):
    assert container.execute(SERVER, "healthcheck") == 0
    assert container.execute(SERVER, "healthcheck", "--port", str(free_port())) == 1


def test_drains_at_sigterm(container: Container):
    with wire(container) as upload, wire(container) as probe:
        assert probe.ask(request("GET", "/readyz")).status == 200
        upload.send(request("PUT", "/keys/slow", "Content-Length: 4") + b"12")
        container.terminate()
        eventually(lambda: probe.ask(request("GET", "/readyz")).status == 503, "readyz turns 503")
        assert container.execute(SERVER, "healthcheck") == 1
        upload.send(b"34")
        assert upload.read("PUT").status == 201
    assert container.wait() == 0, container.output()
    messages = [json.loads(line)["message"] for line in container.output().splitlines()]
    assert messages[0] == "starting" and messages[-1] == "stopped"
    assert not CRASH_TEXT.search(container.output())
