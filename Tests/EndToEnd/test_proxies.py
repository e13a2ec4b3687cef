"""The server behind nginx and HAProxy, which keep its connections open and read its answers their own way."""

import json
import socket

import pytest

from harness.contract import assert_problem
from harness.curl import curl
from harness.deadline import PATIENCE
from harness.proxy import PROXIES, Proxy


@pytest.fixture(scope="module", params=PROXIES)
def proxied(request, start_module_server, tmp_path_factory):
    """A server, and what makes curl ask it by way of the proxy."""
    server = start_module_server("--max-value-bytes", "8MiB")
    # A socket's path has 107 bytes at most.
    proxy = Proxy(request.param, server, tmp_path_factory.mktemp("p"))
    yield server, proxy
    proxy.stop()


@pytest.fixture
def ask(proxied):
    _, proxy = proxied

    def ask(target, *options, stdin=None):
        return curl("--unix-socket", str(proxy.socket), *options, f"http://cache{target}", stdin=stdin)

    return ask


def test_every_kind_of_answer_comes_through(ask, prefix):
    target = f"/keys/{prefix}a%2Fb"
    assert ask(target, "-X", "PUT", "-d", '{"x": 1}').status == 201
    got = ask(target)
    assert (got.status, got.body) == (200, b'{"x":1}')
    assert ask(target, "-H", f"If-None-Match: {got.header('ETag')}").status == 304
    assert ask(target, "--head").header("Content-Length") == "7"
    assert ask(target, "-X", "PATCH", "-d", '{"y": null, "x": 2}').body == b'{"x":2}'
    assert_problem(ask(target, "-X", "PUT", "-H", 'If-Match: "other"', "-d", "1"), 412, "precondition_failed")
    assert ask(target, "-X", "OPTIONS").status == 204
    assert ask("/mget", "-d", json.dumps([f"{prefix}a/b"])).json()["values"] == {f"{prefix}a/b": {"x": 2}}
    assert ask(target, "-X", "DELETE").status == 204
    assert_problem(ask(target), 404, "key_not_found")


def test_the_proxys_connections_stay_in_step(ask, prefix):
    """Answers without a body, where a proxy that expects one would read the next answer as that."""
    target = f"/keys/{prefix}a"
    tag = ask(target, "-X", "PUT", "-d", "[1]").header("ETag")
    for _ in range(20):
        assert ask(target, "-H", f"If-None-Match: {tag}").status == 304
        assert ask(target, "--head").status == 200
        assert ask(target).body == b"[1]"
        assert ask(f"{target}.no", "-X", "DELETE").status == 404


@pytest.mark.parametrize("framing", [(), ("-H", "Transfer-Encoding: chunked")], ids=["length", "chunked"])
def test_large_bodies_and_streams(ask, prefix, framing):
    value = '"' + "x" * 5_000_000 + '"'
    assert ask(f"/keys/{prefix}v", *framing, "-X", "PUT", "--data-binary", "@-", stdin=value.encode()).status in (
        201,
        204,
    )
    assert ask(f"/keys/{prefix}v").body == value.encode()
    lines = "".join(f'{{"key":"{prefix}{number}","value":{number}}}\n' for number in range(20_000))
    warmed = ask("/warm", *framing, "--data-binary", "@-", stdin=lines.encode())
    assert warmed.json()["loaded"] == 20_000
    assert len(ask(f"/export?prefix={prefix}").body.splitlines()) == 20_001


def test_a_refusal_before_the_body_reaches_the_client(ask, prefix):
    """With curl's Expect, so that nothing is under way when the server closes."""
    big = ("-X", "PUT", "-H", "Expect: 100-continue", "--data-binary", "@-")
    refused = ask(f"/keys/{prefix}big", *big, stdin=b"1" * (9 << 20))
    assert_problem(refused, 413, "value_too_large")


# Messages that two readers could read in two ways: none of them may let a second request in.
SMUGGLED = {
    "both lengths": "Content-Length: {whole}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{request}",
    "both, the other way round": "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n{request}\r\n0\r\n\r\n",
    "a blank before the colon": "Content-Length: 0\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{request}",
    "two lengths": "Content-Length: 0\r\nContent-Length: {whole}\r\n\r\n{request}",
    "a signed length": "Content-Length: +0\r\n\r\n{request}",
    "an encoding that is not chunked": "Content-Length: 0\r\nTransfer-Encoding: xchunked\r\n\r\n{request}",
    "a folded field": "X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n{request}",
}


@pytest.mark.parametrize("shape", SMUGGLED)
def test_nothing_is_smuggled_past_the_proxy(proxied, ask, prefix, shape):
    """What the proxy does not let pass must not pass as a part of something else."""
    server, proxy = proxied
    ask(f"/keys/{prefix}victim", "-X", "PUT", "-d", "1")
    assert ask(f"/keys?prefix={prefix}", "-X", "DELETE").status == 403
    hidden = f"DELETE /keys?prefix={prefix} HTTP/1.1\r\nHost: cache\r\n\r\n"
    head = "POST /mget HTTP/1.1\r\nHost: cache\r\n" + SMUGGLED[shape].format(request=hidden, whole=5 + len(hidden))
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(proxy.socket))
        client.sendall(head.encode())
        client.shutdown(socket.SHUT_WR)
        try:
            while client.recv(65536):
                pass
        except OSError:
            pass
    # Another's request on the same connection of the proxy's would meet what is left over.
    for _ in range(5):
        assert ask("/livez").body == b'{"status":"ok"}\n'
    assert server.get(f"/keys/{prefix}victim").status == 200
