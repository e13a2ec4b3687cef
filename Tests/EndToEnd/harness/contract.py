"""The figures and shapes of the wire contract that several tests lean on, each written once."""

import json
import re

from harness.reply import Reply

MAX_KEY_BYTES = 512
MAX_VALUE_BYTES = 8 << 20
MAX_BULK_ITEMS = 10_000
MAX_TTL = 315_360_000
MAX_DEPTH = 1024
MAX_REPORTED_WARM_ERRORS = 100
DEFAULT_PAGE = 100
MAX_PAGE = 1000

OPERATIONS = ("get", "put", "mget", "mput")
"""Those whose latency is told."""

ETAG = re.compile(r'"[A-Za-z0-9_-]{11}"')

ROUTES: dict[str, set[str]] = {
    "/": {"GET", "HEAD", "OPTIONS"},
    "/keys/{key}": {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"},
    "/keys": {"GET", "HEAD", "DELETE", "OPTIONS"},
    "/mget": {"POST", "QUERY", "OPTIONS"},
    "/mput": {"POST", "OPTIONS"},
    "/mdelete": {"POST", "OPTIONS"},
    "/touch": {"POST", "OPTIONS"},
    "/incr": {"POST", "OPTIONS"},
    "/tags/{tag}": {"DELETE", "OPTIONS"},
    "/warm": {"POST", "OPTIONS"},
    "/export": {"GET", "HEAD", "OPTIONS"},
    "/snapshot": {"POST", "OPTIONS"},
    "/stats": {"GET", "HEAD", "DELETE", "OPTIONS"},
    "/metrics": {"GET", "HEAD", "OPTIONS"},
    "/livez": {"GET", "HEAD", "OPTIONS"},
    "/readyz": {"GET", "HEAD", "OPTIONS"},
    "/healthz": {"GET", "HEAD", "OPTIONS"},
    "/openapi.yaml": {"GET", "HEAD", "OPTIONS"},
}

OPTIONS = (
    "host",
    "port",
    "socket",
    "socket-mode",
    "tls-cert",
    "tls-key",
    "tls-client-ca",
    "auth-tokens",
    "public-metrics",
    "rate-limit",
    "rate-burst",
    "cors-origin",
    "capacity",
    "max-memory",
    "default-ttl",
    "ttl-jitter",
    "snapshot",
    "snapshot-interval",
    "warm",
    "warm-required",
    "origin",
    "origin-ttl",
    "origin-stale-while-revalidate",
    "origin-stale-if-error",
    "origin-negative-ttl",
    "origin-timeout",
    "origin-max-fetches",
    "threads",
    "max-value-bytes",
    "max-body-bytes",
    "max-key-bytes",
    "max-bulk-items",
    "max-header-bytes",
    "max-inflight-bytes",
    "max-connections",
    "max-connections-per-address",
    "idle-timeout",
    "request-timeout",
    "drain-timeout",
    "log-level",
    "log-format",
    "access-log",
    "access-log-file",
    "config",
)


def environment_name(option: str) -> str:
    return "CACHE_" + option.upper().replace("-", "_")


def file_key(option: str) -> str:
    return option.replace("-", "_")


def assert_problem(reply: Reply, status: int, *codes: str) -> dict:
    """Checks that a reply is the RFC 9457 problem of this status with one of these codes, and returns it."""
    assert reply.status == status, f"{status} {codes} expected, got {reply.status}: {reply.body[:500]!r}"
    assert reply.content_type == "application/problem+json"
    problem = json.loads(reply.body)
    assert {"type", "title", "status", "detail", "code"} <= problem.keys()
    assert problem["status"] == status
    assert problem["code"] in codes
    for member in ("type", "title", "detail"):
        assert isinstance(problem[member], str) and problem[member], f"empty {member}: {problem}"
    return problem
