"""What depends on what is there: conditional requests, PATCH, /incr, /touch, tags; with curl, and with many clients."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

from harness.contract import ETAG, assert_problem
from harness.curl import curl

CLIENTS = 64


def test_a_client_that_has_the_value_is_sent_none(server, prefix):
    target = f"/keys/{prefix}a"
    put = server.put(f"{prefix}a", '{"x": 1}', ttl=60)
    tag = put.header("ETag")
    assert ETAG.fullmatch(tag)
    connection = server.connect()
    for value in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        reply = server.request("GET", target, headers={"If-None-Match": value}, connection=connection)
        assert (reply.status, reply.body, reply.header("ETag")) == (304, b"", tag)
        assert reply.header("Cache-Control") in ("max-age=60", "max-age=59", "max-age=58")
        # As long as the value is, or not said at all (RFC 9110, section 8.6).
        assert reply.header("Content-Length") in (None, "7")
    # The connection is in step: a body that was not expected would be read as the next answer.
    assert server.request("GET", target, connection=connection).body == b'{"x":1}'
    assert server.request("GET", target, headers={"If-None-Match": '"other"'}).status == 200
    assert server.request("HEAD", target, headers={"If-None-Match": tag}).status == 304


def test_curl_keeps_a_copy_up_to_date(server, prefix, tmp_path):
    url = f"{server.base_url}/keys/{prefix}a"
    tags = str(tmp_path / "etag")
    server.put(f"{prefix}a", "[1]")
    options = ("--etag-compare", tags, "--etag-save", tags)
    assert curl(*options, url).body == b"[1]"
    assert (curl(*options, url).status, curl(*options, url).body) == (304, b"")
    server.put(f"{prefix}a", "[2]")
    assert curl(*options, url).body == b"[2]"


def test_read_modify_write_of_many_clients_loses_nothing(server, prefix):
    """Each adds its name to a list, and tries again when another was faster."""
    target = f"/keys/{prefix}list"
    server.put(f"{prefix}list", "[]")
    rounds = 4

    def add(name: int) -> None:
        connection = server.connect()
        for turn in range(rounds):
            while True:
                read = server.request("GET", target, connection=connection)
                names = [*read.json(), [name, turn]]
                headers = {"If-Match": read.header("ETag")}
                written = server.request("PUT", target, json.dumps(names), headers=headers, connection=connection)
                if written.status == 204:
                    break
                assert_problem(written, 412, "precondition_failed")

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(add, range(CLIENTS)))
    names = server.get(target).json()
    assert sorted(names) == [[name, turn] for name in range(CLIENTS) for turn in range(rounds)]


def test_one_of_many_creates(server, prefix):
    together = threading.Barrier(CLIENTS)

    def create(name: int) -> int:
        together.wait()
        return server.request("PUT", f"/keys/{prefix}lock", str(name), headers={"If-None-Match": "*"}).status

    with ThreadPoolExecutor(CLIENTS) as clients:
        statuses = list(clients.map(create, range(CLIENTS)))
    assert sorted(statuses) == [201] + [412] * (CLIENTS - 1)
    assert server.get(f"/keys/{prefix}lock").json() == statuses.index(201)


def test_increments_and_patches_of_many_clients_all_take_effect(server, prefix):
    server.put(f"{prefix}doc", "{}")

    def work(name: int) -> None:
        connection = server.connect()
        for turn in range(10):
            body = {"key": f"{prefix}n", "by": name}
            assert server.request("POST", "/incr", body, connection=connection).status == 200
            patch = {f"{name}": {f"{turn}": turn}}
            assert server.request("PATCH", f"/keys/{prefix}doc", patch, connection=connection).status == 200

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(work, range(CLIENTS)))
    assert server.get(f"/keys/{prefix}n").json() == 10 * sum(range(CLIENTS))
    expected = {f"{name}": {f"{turn}": turn for turn in range(10)} for name in range(CLIENTS)}
    assert server.get(f"/keys/{prefix}doc").json() == expected


def test_updates_with_curl(start_server):
    server = start_server()
    url = server.base_url
    assert curl(f"{url}/incr", "-d", '{"key":"visits"}').body.decode() == '{"key":"visits","value":1}'
    assert curl(f"{url}/incr", "-d", '{"key":"visits","by":-3,"ttl":60}').body.decode() == '{"key":"visits","value":-2}'
    curl("-X", "PUT", f"{url}/keys/user:1", "-d", '{"name":"Ada","langs":["en"]}')
    patched = curl("-X", "PATCH", f"{url}/keys/user:1", "-d", '{"langs":null,"born":1815}')
    assert patched.body.decode() == '{"name":"Ada","born":1815}'
    assert (
        curl(f"{url}/touch", "-d", '{"keys":["user:1","visits","no one"],"ttl":30}').body.decode() == '{"touched":2}\n'
    )
    assert server.get("/keys/user:1").header("Cache-Control") in ("max-age=30", "max-age=29")
    query = curl("-X", "QUERY", f"{url}/mget", "-d", '["visits","no one"]')
    assert query.body.decode().strip() == '{"values":{"visits":-2},"missing":["no one"]}'
    stats = server.get("/stats").json()
    assert (stats["hits"], stats["misses"], stats["puts"]) == (2, 1, 4)


def test_tags_with_curl(start_server):
    server = start_server("--capacity", "1000")
    url = server.base_url
    curl("-X", "PUT", f"{url}/keys/page:1", "-H", 'Cache-Groups: "news", "author:3"', "-d", '"one"')
    items = [{"key": f"page:{number}", "value": number, "tags": ["news", "ä/b"]} for number in range(2, 5)]
    assert server.post("/mput", {"items": items}).json() == {"stored": 3}
    server.put("page:9", "9")
    exported = [json.loads(line) for line in server.get("/export").body.splitlines()]
    assert {line["key"]: line.get("tags") for line in exported}["page:1"] == ["news", "author:3"]
    assert curl("-X", "DELETE", f"{url}/tags/author:3").body.decode() == '{"deleted":1}\n'
    assert curl("-X", "DELETE", f"{url}/tags/%C3%A4/b").body.decode() == '{"deleted":3}\n'
    assert server.request("DELETE", "/tags/news").json() == {"deleted": 0}
    stats = server.get("/stats").json()
    assert (stats["deletes"], stats["current_size"]) == (4, 1)
    # A restore has the tags again.
    lines = "".join(json.dumps(line) + "\n" for line in exported)
    assert server.request("POST", "/warm", lines).json()["loaded"] == 5
    assert server.request("DELETE", "/tags/news").json() == {"deleted": 4}
