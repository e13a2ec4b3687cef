"""Options: flags over environment over file over default, said once when it starts, and refused by name when bad."""

import json
import socket

import pytest

from harness.contract import MAX_KEY_BYTES, OPTIONS, assert_problem, environment_name, file_key
from harness.process import member, run_to_exit

# A value that each option must refuse.
BAD_VALUES = [
    ("port", "65536"), ("port", "-1"), ("port", "http"), ("port", ""), ("port", "80.5"),
    ("capacity", "0"), ("capacity", "-5"), ("capacity", "many"), ("capacity", "99999999999999999999"),
    ("max-memory", "0"), ("max-memory", "-1MiB"), ("max-memory", "512XB"), ("max-memory", "lots"),
    ("max-memory", "99999999999GiB"),
    ("default-ttl", "0"), ("default-ttl", "-1s"), ("default-ttl", "soon"), ("default-ttl", "5 parsecs"),
    ("default-ttl", "400000h"),
    ("ttl-jitter", "-1"), ("ttl-jitter", "101"), ("ttl-jitter", "1.5"), ("ttl-jitter", "some"),
    ("threads", "0"), ("threads", "-1"), ("threads", "two"),
    ("max-value-bytes", "0"), ("max-value-bytes", "big"), ("max-body-bytes", "-1"), ("max-key-bytes", "0"),
    ("max-bulk-items", "0"), ("max-inflight-bytes", "1KiB"), ("max-header-bytes", "1KiB"),
    ("snapshot-interval", "10ms"), ("warm", ""), ("warm-required", "yes"),
    ("origin", "http://h/items"), ("origin", "ftp://h/{key}"), ("origin", "http://u:p@h/{key}"), ("origin", ""),
    ("origin-ttl", "0"), ("origin-timeout", "none"), ("origin-timeout", "1ms"), ("origin-max-fetches", "0"),
    ("origin-negative-ttl", "-1s"), ("origin-stale-if-error", "x"), ("origin-stale-while-revalidate", "soon"),
    ("max-connections", "0"), ("max-connections-per-address", "0"), ("max-connections", "none at all"),
    ("idle-timeout", "-1s"), ("idle-timeout", "x"),
    ("request-timeout", "0"), ("request-timeout", "1ms"),
    ("drain-timeout", "-1s"), ("drain-timeout", "10 minutes or so"),
    ("tls-cert", ""), ("tls-key", ""), ("tls-client-ca", ""),
    ("socket-mode", "0999"), ("socket-mode", "rw"), ("socket-mode", "1777"),
    ("rate-limit", "0"), ("rate-limit", "1.5"), ("rate-burst", "none"),
    ("public-metrics", "yes"), ("cors-origin", "app.example"), ("cors-origin", "https://a/b"), ("cors-origin", "null"),
    ("log-level", "loud"), ("log-format", "xml"), ("access-log", "common"),
]  # fmt: skip


@pytest.fixture
def config_file(tmp_path):
    def write(content):
        path = tmp_path / "cache.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


def assert_refused(run, option, origin):
    """Exit 64, one plain line that names the option and where the bad value came from, and no server."""
    assert run.returncode == 64, f"exit {run.returncode}: {run.stderr}{run.stdout}"
    said = run.stderr
    assert origin in said, f"the origin {origin!r} is not named: {said}"
    assert option in said or file_key(option) in said or environment_name(option) in said
    assert "listening" not in run.stdout
    for ugly in ("Optional(", "Error Domain", "Swift.", "ConfigurationError", "DecodingError", "fatal"):
        assert ugly not in said


@pytest.mark.parametrize("option, value", BAD_VALUES)
def test_a_bad_flag(binary, option, value):
    run = run_to_exit(binary, f"--{option}={value}")
    assert_refused(run, option, f"--{option}")
    assert value in run.stderr


# An empty variable is what a container's template leaves of one that is not set.
@pytest.mark.parametrize("option, value", [each for each in BAD_VALUES if each[1]])
def test_a_bad_environment_variable(binary, option, value):
    run = run_to_exit(binary, env={environment_name(option): value})
    assert_refused(run, option, environment_name(option))
    assert value in run.stderr


@pytest.mark.parametrize("option, value", BAD_VALUES)
def test_a_bad_member_of_the_file(binary, config_file, option, value):
    path = config_file({file_key(option): value})
    run = run_to_exit(binary, "--config", path)
    assert_refused(run, option, path)
    assert f'"{file_key(option)}"' in run.stderr or file_key(option) in run.stderr


@pytest.mark.parametrize("option, value, word", [
    ("port", "x", "65535"), ("log-level", "loud", "debug"), ("log-format", "xml", "json"), ("max-memory", "x", "MiB"),
    ("idle-timeout", "x", "s"),
])  # fmt: skip
def test_the_message_says_what_would_be_right(binary, option, value, word):
    assert word in run_to_exit(binary, f"--{option}={value}").stderr


def test_options_are_checked_before_a_socket_opens(binary):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = run_to_exit(binary, "--port", port, "--capacity", "0")
    assert_refused(run, "capacity", "--capacity")


@pytest.mark.parametrize("content, words", [
    ({"max_memroy": "1GiB"}, ["max_memroy", "max_memory"]),
    ({"prot": 80}, ["prot", "port"]),
    ("{", []),
    ("", []),
    ("[1]", []),
    ('"text"', []),
    ({"port": {"number": 80}}, ["port"]),
    ({"port": True}, ["port"]),
    ({"log_level": 5}, ["log_level"]),
])  # fmt: skip
def test_a_file_that_is_wrong_in_itself(binary, config_file, content, words):
    path = config_file(content)
    for run in (run_to_exit(binary, "--config", path), run_to_exit(binary, env={"CACHE_CONFIG": path})):
        assert run.returncode == 64, run.stderr
        assert path in run.stderr
        for word in words:
            assert word in run.stderr


def test_a_file_that_is_not_there(binary, tmp_path):
    path = str(tmp_path / "none.json")
    run = run_to_exit(binary, "--config", path)
    assert run.returncode == 64
    assert path in run.stderr


@pytest.mark.parametrize("arguments", [["--no-such-option"], ["--port"], ["nonsense"], ["--capacity", "5", "extra"]])
def test_unknown_arguments(binary, arguments):
    run = run_to_exit(binary, *arguments)
    assert run.returncode == 64
    assert run.stderr


SOURCES = ["flag", "environment", "file"]


@pytest.mark.parametrize("given", [
    ["flag"], ["environment"], ["file"], ["flag", "environment"], ["flag", "file"], ["environment", "file"], ["flag",
    "environment", "file"],
])  # fmt: skip
def test_precedence(start_server, config_file, given):
    """The longest key tells which of the three was heard."""
    limits = {"flag": 10, "environment": 20, "file": 30}
    flags, environment = [], {}
    if "flag" in given:
        flags += ["--max-key-bytes", "10"]
    if "environment" in given:
        environment["CACHE_MAX_KEY_BYTES"] = "20"
    if "file" in given:
        flags += ["--config", config_file({"max_key_bytes": 30})]
    server = start_server(*flags, env=environment)
    limit = limits[next(source for source in SOURCES if source in given)]
    assert server.put("k" * limit).status == 201
    assert_problem(server.put("k" * (limit + 1)), 414, "key_too_long")


def test_what_is_empty_is_not_set(start_server, config_file):
    path = config_file({"max_key_bytes": None, "capacity": 7})
    server = start_server("--config", path, env={"CACHE_MAX_KEY_BYTES": "", "CACHE_CAPACITY": ""})
    assert server.put("k" * MAX_KEY_BYTES).status == 201
    assert server.stats()["capacity"] == 7


def test_the_file_may_be_named_by_the_environment(start_server, config_file):
    path = config_file({"max_key_bytes": 5, "capacity": 7})
    server = start_server(env={"CACHE_CONFIG": path})
    assert_problem(server.put("123456"), 414, "key_too_long")
    assert server.stats()["capacity"] == 7


@pytest.mark.parametrize("text, size", [
    ("67108864", 64 << 20), ("64MiB", 64 << 20), ("65536KiB", 64 << 20), ("1GiB", 1 << 30), ("64MB", 64_000_000),
    ("1GB", 1_000_000_000),
])  # fmt: skip
def test_sizes(start_server, config_file, text, size):
    assert start_server("--max-memory", text).stats()["memory_limit_bytes"] == size
    assert start_server(env={"CACHE_MAX_MEMORY": text}).stats()["memory_limit_bytes"] == size
    content = {"max_memory": int(text) if text.isdigit() else text}
    assert start_server("--config", config_file(content)).stats()["memory_limit_bytes"] == size


@pytest.mark.parametrize("text, seconds", [("90s", 90), ("90", 90), ("90000ms", 90), ("2m", 120), ("1h", 3600)])
def test_durations(start_server, text, seconds):
    server = start_server("--default-ttl", text)
    server.put("a")
    left = int(server.get("/keys/a").header("Cache-Control").removeprefix("max-age="))
    assert seconds - 10 <= left <= seconds


def test_the_effective_configuration_is_logged_once(start_server, config_file):
    path = config_file({"max_bulk_items": 77, "idle_timeout": "45s"})
    server = start_server(
        "--max-key-bytes", "99", "--config", path, env={"CACHE_CAPACITY": "1234", "CACHE_MAX_KEY_BYTES": "5"}
    )
    server.stop()
    telling = [line for line in server.logs if member(line, "max_bulk_items") is not None]
    assert len(telling) == 1, server.output
    (line,) = telling
    assert server.logs.index(line) == 0, "it comes first"
    shown = {name: str(member(line, name)) for name in map(file_key, OPTIONS)}
    assert (shown["max_key_bytes"], shown["capacity"], shown["max_bulk_items"]) == ("99", "1234", "77")
    assert "45" in shown["idle_timeout"]
    for name in (
        "host",
        "port",
        "max_memory",
        "threads",
        "max_value_bytes",
        "max_body_bytes",
        "drain_timeout",
        "log_level",
    ):
        assert shown[name] != "None", f"{name} is not shown: {line}"


def test_help_tells_every_option(binary):
    run = run_to_exit(binary, "--help")
    assert (run.returncode, run.stderr) == (0, "")
    for option in OPTIONS:
        assert f"--{option}" in run.stdout, option
        assert environment_name(option) in run.stdout, option
    for word in ("demo", "healthcheck", "8080", "127.0.0.1"):
        assert word in run.stdout
    assert max(map(len, run.stdout.splitlines())) <= 120


@pytest.mark.parametrize("command", ["serve", "demo", "healthcheck"])
def test_help_of_a_command(binary, command):
    for arguments in ([command, "--help"], ["help", command]):
        run = run_to_exit(binary, *arguments)
        assert run.returncode == 0 and command in run.stdout
