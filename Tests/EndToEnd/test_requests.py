"""The library requests as a client: what it does by itself, over plain connections and TLS."""

import gzip
import json
import ssl

import pytest
import requests
import requests.adapters

from harness.certificates import Authority
from harness.contract import ETAG
from harness.deadline import PATIENCE

VALUE = {"name": "Ada", "texts": [f"text {number} äöü" for number in range(500)]}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"), "authority")


@pytest.fixture(scope="module")
def secured(start_module_server, authority):
    """A server that wants clients' certificates."""
    identity = authority.issue("server", "serverAuth")
    flags = ["--tls-cert", str(identity.path), "--tls-key", str(identity.key), "--tls-client-ca", str(authority.path)]
    server = start_module_server(*flags)
    server.tls = authority.trusted(authority.issue("harness", "clientAuth"))
    return server


class Client(requests.Session):
    """A session whose requests are for one server, and have an end."""

    def __init__(self, server):
        super().__init__()
        self.base = server.base_url
        # Proxies of the environment are for others.
        self.trust_env = False
        self.mount(self.base, requests.adapters.HTTPAdapter(max_retries=0))

    def request(self, method, target, **options):
        return super().request(method, self.base + target, timeout=PATIENCE, **options)

    @property
    def connections(self):
        """How many it has opened so far."""
        pools = self.get_adapter(self.base).poolmanager.pools
        # No mapping: it has no iterator.
        return sum(pools[key].num_connections for key in pools.keys())  # noqa: SIM118


@pytest.fixture(params=["plain", "tls"])
def client(request):
    if request.param == "plain":
        with Client(request.getfixturevalue("server")) as client:
            yield client
        return
    authority = request.getfixturevalue("authority")
    with Client(request.getfixturevalue("secured")) as client:
        shown = authority.issue("client", "clientAuth")
        client.verify, client.cert = str(authority.path), (str(shown.path), str(shown.key))
        yield client


def test_json_there_and_back(client, prefix):
    path = f"/keys/{prefix}a"
    created = client.put(path, json=VALUE, params={"ttl": 60})
    assert (created.status_code, created.content) == (201, b"")
    assert ETAG.fullmatch(created.headers["ETag"])
    got = client.get(path)
    assert got.json() == VALUE
    assert got.headers["Cache-Control"].startswith("max-age=")
    assert client.patch(path, json={"texts": None}).json() == {"name": "Ada"}
    assert client.post("/mget", json=[f"{prefix}a", f"{prefix}b"]).json()["missing"] == [f"{prefix}b"]
    assert client.head(path).headers["Content-Length"] == "14"
    assert client.options(path).headers["Allow"].startswith("GET")
    assert client.delete(path).status_code == 204
    missing = client.delete(path)
    assert missing.json()["code"] == "key_not_found"
    with pytest.raises(requests.HTTPError, match="404"):
        missing.raise_for_status()


def test_one_connection_is_used_again(client, prefix):
    """Behind answers with a body, without one, with an error, and compressed ones."""
    path = f"/keys/{prefix}a"
    for _ in range(30):
        tag = client.put(path, json=VALUE).headers["ETag"]
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
        assert client.get(path).json() == VALUE
        assert client.head(path).status_code == 200
        assert client.put(path, data="nonsense").status_code == 400
        assert client.delete(path).status_code == 204
        assert client.get(path).status_code == 404
    assert client.connections == 1


def test_answers_are_decompressed(client, prefix):
    path = f"/keys/{prefix}a"
    client.put(path, json=VALUE)
    compressed = client.get(path, headers={"Accept-Encoding": "gzip, deflate"})
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert int(compressed.headers["Content-Length"]) < len(json.dumps(VALUE)) / 2
    assert compressed.json() == VALUE
    # A tag that came with a coding is good for what comes without.
    plain = {"If-None-Match": compressed.headers["ETag"], "Accept-Encoding": "identity"}
    assert client.get(path, headers=plain).status_code == 304


def test_a_compressed_body(client, prefix):
    body = gzip.compress(json.dumps(VALUE).encode())
    path = f"/keys/{prefix}a"
    assert client.put(path, data=body, headers={"Content-Encoding": "gzip"}).status_code == 201
    assert client.get(path).json() == VALUE


def test_an_upload_of_unknown_length(client, prefix):
    """A generator is sent chunked."""

    def lines():
        for number in range(20_000):
            yield b'{"key":"%s%d","value":"%s"}\n' % (prefix.encode(), number, b"x" * 50)

    report = client.post("/warm", data=lines()).json()
    assert (report["loaded"], report["failed"]) == (20_000, 0)
    parts = (part.encode() for part in ["[", *(f"{number}," for number in range(50_000)), "0]"])
    assert client.put(f"/keys/{prefix}a", data=parts).status_code == 201
    assert len(client.get(f"/keys/{prefix}a").json()) == 50_001
    assert client.delete("/keys", params={"prefix": prefix}).json() == {"deleted": 20_001}


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_download_piece_by_piece(client, prefix, coding):
    count = 20_000
    client.post("/mput", json={"items": {f"{prefix}{number}": number for number in range(count // 2)}})
    client.post("/mput", json={"items": {f"{prefix}{number}": number for number in range(count // 2, count)}})
    with client.get("/export", params={"prefix": prefix}, headers={"Accept-Encoding": coding}, stream=True) as answer:
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert answer.headers.get("Content-Encoding") == (None if coding == "identity" else coding)
        lines = list(map(json.loads, answer.iter_lines()))
    assert sorted(line["value"] for line in lines) == list(range(count))
    assert client.get("/livez").json() == {"status": "ok"}
    assert client.connections == 1


def test_many_large_values(client, prefix):
    """They come from where they are, and over TLS one after another."""
    items = {f"{prefix}{number}": "x" * (5000 + number) for number in range(90)}
    assert client.post("/mput", json={"items": items}).json() == {"stored": 90}
    assert client.post("/mget", json=list(items)).json()["values"] == items


def test_a_file(client, prefix, tmp_path):
    """Sent with its length, from where it is."""
    file = tmp_path / "value.json"
    file.write_text(json.dumps(["x" * 100] * 50_000))
    with file.open("rb") as opened:
        assert client.put(f"/keys/{prefix}a", data=opened).status_code == 201
    assert client.get(f"/keys/{prefix}a").json() == json.loads(file.read_text())


def test_a_body_that_is_too_large(client, prefix):
    """It may find the connection closed before it has sent all, but not that anything was stored."""
    try:
        refused = client.put(f"/keys/{prefix}a", data=b'"' + b"x" * (9 << 20) + b'"')
        assert refused.json()["code"] == "value_too_large"
    except requests.ConnectionError:
        pass
    assert client.get(f"/keys/{prefix}a").status_code == 404


def test_a_server_that_is_not_trusted(secured):
    with Client(secured) as client, pytest.raises(requests.exceptions.SSLError):
        client.get("/livez")


def test_without_a_certificate(secured, authority):
    with Client(secured) as client:
        client.verify = str(authority.path)
        assert client.get("/livez").status_code == 200
        assert client.get("/stats").json()["code"] == "forbidden"


def test_with_another_certificate(secured, authority, tmp_path):
    shown = Authority(tmp_path, "other").issue("client", "clientAuth")
    with Client(secured) as client:
        client.verify, client.cert = str(authority.path), (str(shown.path), str(shown.key))
        with pytest.raises((requests.ConnectionError, ssl.SSLError)):
            client.get("/livez")
