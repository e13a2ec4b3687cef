"""Filling the cache from files and real databases: at the start, and when a client asks for it."""

import asyncio
import contextlib
import gzip
import http.client
import json
import signal
import socket
import sqlite3
import threading
import time

import pytest
import zstandard

from harness.contract import assert_problem
from harness.databases import Database, PostgreSQL, Redis, Wire, free_port, program
from harness.deadline import PATIENCE, eventually
from harness.origin import Origin, reply
from harness.process import CacheServer, run_to_exit

MILLION = 1_000_000


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory):
    database = PostgreSQL.with_items(tmp_path_factory.mktemp("postgresql"), MILLION)
    try:
        yield database
    finally:
        database.stop()


@pytest.fixture
def redis(tmp_path):
    database = Redis(tmp_path)
    try:
        yield database
    finally:
        database.stop()


@pytest.fixture
def config_file(tmp_path):
    def write(content):
        path = tmp_path / "cache.json"
        path.write_text(json.dumps(content))
        return str(path)

    return write


def warm(server, index=0):
    return server.stats()["warm"][index]


def warmed(server, within=12 * PATIENCE):
    """The statuses of the sources once the server is ready."""
    eventually(lambda: server.get("/readyz").status == 200, "the cache is filled", within)
    return server.stats()["warm"]


def rest(state):
    return {name: value for name, value in state.items() if name != "rate"}


def says(server, text):
    return any(text in line for line in [*server.output, *server.errors])


def value(server, key):
    return json.loads(server.value(key))


def seconds_left(server, key):
    return int(server.get(f"/keys/{key}").header("Cache-Control").removeprefix("max-age="))


# Files


def write_files(folder):
    lines = "".join(f'{{"key":"n:{n}","value":{n}}}\n' for n in range(1000))
    files = {
        "a.ndjson": lines.encode(),
        "b.ndjson.gz": gzip.compress(lines.replace("n:", "g:").encode()),
        "c.ndjson.zst": zstandard.compress(lines.replace("n:", "z:").encode()),
        "d.csv": b'key,value,ttl\r\nc:1,"a ""b"",\r\nc",\r\nc:2,12,60\r\n',
        "e.csv.gz": gzip.compress(b'json,key\n"{""x"": [1]}",c:3\n'),
        "f.json": b'{"o:1": {"a": 1}, "o:2": "text"}',
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in files]


def test_files_of_every_kind(start_server, tmp_path):
    files = write_files(tmp_path)
    flags = [part for path in files for part in ("--warm", path if path.endswith("csv") else f"file://{path}")]
    server = start_server(*flags)
    states = warmed(server)
    assert [state["state"] for state in states] == ["done"] * 6
    assert [state["loaded"] for state in states] == [1000, 1000, 1000, 2, 1, 2]
    assert states[0]["source"] == f"file://{files[0]}"
    assert value(server, "n:999") == value(server, "g:999") == value(server, "z:999") == 999
    assert value(server, "c:1") == 'a "b",\r\nc'
    assert value(server, "c:2") == "12", "a CSV has texts"
    assert server.get("/keys/c:2").header("Cache-Control").startswith("max-age=")
    assert server.value("c:3") == b'{"x":[1]}'
    assert value(server, "o:1") == {"a": 1}
    done = [entry for entry in server.logs if entry["message"] == "warmed"]
    assert [entry["loaded"] for entry in done] == [1000, 1000, 1000, 2, 1, 2]
    text = server.get("/metrics").body.decode()
    assert f'cache_warm_items_total{{source="file://{files[0]}",result="loaded"}} 1000' in text
    assert f'cache_warm_state{{source="{files[3]}",state="done"}} 1' in text
    assert f'cache_warm_state{{source="{files[3]}",state="running"}} 0' in text


def test_sources_from_the_environment(start_server, tmp_path):
    files = write_files(tmp_path)
    server = start_server(env={"CACHE_WARM": f"{files[0]} {files[5]}"})
    assert [state["loaded"] for state in warmed(server)] == [1000, 2]
    spaced = tmp_path / "with space.ndjson"
    spaced.write_text('{"key":"a","value":1}\n')
    lines = start_server(env={"CACHE_WARM": f"{files[5]}\n{spaced}\n"})
    assert [state["loaded"] for state in warmed(lines)] == [2, 1]


def test_bad_items_do_not_stop_the_rest(start_server, tmp_path):
    path = tmp_path / "items.ndjson"
    path.write_text('{"key":"a","value":1}\nnonsense\n{"key":"b","value":1,"expires_at":5}\n{"key":"c","value":3}')
    server = start_server("--warm", str(path), "--warm-required", "on")
    state = warmed(server)[0]
    assert rest(state) == {
        "source": str(path),
        "state": "done",
        "loaded": 2,
        "failed": 1,
        "expired": 1,
        "error": None,
    }
    line = next(entry for entry in server.logs if entry["message"] == "warmed")
    assert line["first_failed"].startswith("item 2: ")


def test_a_source_that_fails_is_a_warning(start_server):
    server = start_server("--warm", "/nowhere/items.ndjson")
    state = warmed(server)[0]
    assert state["state"] == "failed"
    assert state["error"] == "/nowhere/items.ndjson: cannot open /nowhere/items.ndjson: No such file or directory"
    assert any(entry["level"] == "warning" and entry["error"] == state["error"] for entry in server.logs[1:])


def test_a_source_that_is_required_ends_the_server(binary, tmp_path):
    (tmp_path / "good.ndjson").write_text('{"key":"a","value":1}\n')
    flags = ["--warm", str(tmp_path / "good.ndjson"), "--warm", "/nowhere/items.ndjson", "--warm-required", "on"]
    run = run_to_exit(binary, "--port", "0", "--log-format", "json", *flags)
    assert run.returncode == 69, run.stderr
    assert "cannot fill the cache from /nowhere/items.ndjson: cannot open" in run.stderr


def test_a_source_that_is_required_ends_the_server_whatever_else_is_read(binary, config_file, postgresql):
    """Clients have others read, of which some are in the midst of it, and some wait for what never comes."""
    origin = Origin()
    release = threading.Event()

    async def answer(asked, writer):
        while asked.target == "/never" or not release.is_set():
            await asyncio.sleep(0.01)
        await reply("gone", "404 Not Found")(asked, writer)

    origin.answer = answer
    url = f"http://127.0.0.1:{origin.port}"
    rows = "SELECT n::text AS key, 1 AS value FROM generate_series(1, 100000000) n"
    sources = {f"rows{number}": {"url": postgresql.url(rows), "password": postgresql.password} for number in range(3)}
    sources |= {f"never{number}": f"{url}/never" for number in range(3)}
    flags = ["--config", config_file({"sources": sources}), "--warm", f"{url}/late", "--warm-required", "on"]
    server = CacheServer(binary, "--port", "0", "--log-format", "json", "--capacity", "1000", *flags)
    try:
        server.wait_until_listening()

        def ask(name):
            # The server ends meanwhile.
            with contextlib.suppress(OSError, http.client.HTTPException):
                server.post("/warm", {"source": name})

        clients = [threading.Thread(target=ask, args=[name]) for name in sources]
        for client in clients:
            client.start()
        eventually(
            lambda: [status["state"] for status in server.stats()["warm"]] == ["running"] * 7, "all are being read"
        )
        began = time.monotonic()
        release.set()
        assert server.wait(within=2 * PATIENCE) == 69, server.transcript()
        assert time.monotonic() - began < PATIENCE
        assert any("cannot fill the cache from" in line and "/late" in line for line in server.errors)
        server.assert_no_crash()
        for client in clients:
            client.join()
    finally:
        server.kill()
        origin.stop()


@pytest.mark.parametrize(
    "source, reason",
    [
        ("mysql://app:hidden-word@db/shop", "a source of the scheme mysql cannot be read"),
        ("postgresql://app:hidden-word@db/shop", "must have a query"),
        ("sqlite://data.db?query=SELECT", "must have an absolute path"),
    ],
)
def test_what_is_no_source_is_refused_at_once(binary, source, reason):
    run = run_to_exit(binary, "--port", "0", "--warm", source)
    assert run.returncode == 64
    assert reason in run.stderr
    assert "hidden-word" not in run.stderr + run.stdout


def test_the_snapshot_comes_first(start_server, tmp_path):
    """What a source says is newer than what the snapshot kept."""
    snapshot = tmp_path / "cache.zst"
    first = start_server("--snapshot", str(snapshot))
    first.put("a", '"kept"')
    first.put("b", '"kept"')
    first.stop()
    path = tmp_path / "items.ndjson"
    path.write_text('{"key":"a","value":"fresh"}\n')
    server = start_server("--snapshot", str(snapshot), "--warm", str(path))
    warmed(server)
    assert server.value("a") == b'"fresh"'
    assert server.value("b") == b'"kept"'


# Sources that have names


def test_a_client_has_the_cache_filled(start_server, config_file, tmp_path):
    path = tmp_path / "items.ndjson"
    path.write_text('{"key":"a","value":1}\nnonsense\n')
    config = config_file({"sources": {"items": {"url": str(path), "prefix": "p:", "ttl": "1h"}, "gone": "/nowhere"}})
    server = start_server("--config", config)
    assert server.get("/readyz").status == 200, "a source that is named alone is not read at the start"
    assert server.stats()["warm"] == []
    for body in ('{"source":"items"}', ' {\n "source" : "items"\n}\n'):
        reply = server.request("POST", "/warm", body, {"Content-Type": "application/json"})
        assert reply.status == 200
        report = reply.json()
        assert (report["loaded"], report["failed"], report["expired"]) == (1, 1, 0)
        assert report["errors"][0]["line"] == 2
    assert server.value("p:a") == b"1"
    assert seconds_left(server, "p:a") in range(3500, 3601)
    problem = assert_problem(server.post("/warm", {"source": "nothing"}), 404, "source_not_found")
    assert problem["detail"] == 'there is no source "nothing"; there are: gone, items'
    failed = assert_problem(server.post("/warm", {"source": "gone"}), 502, "source_failed")
    assert failed["detail"] == "/nowhere: cannot open /nowhere: No such file or directory"
    states = {state["source"]: state["state"] for state in server.stats()["warm"]}
    assert states == {"items": "done", "gone": "failed"}
    text = server.get("/metrics").body.decode()
    assert 'cache_warm_items_total{source="items",result="loaded"} 2' in text, "both times count"
    # Items that only begin like that are lines as before.
    other = server.request("POST", "/warm", '{"source":"items","key":"x","value":1}\n{"key":"y","value":2}\n')
    assert (other.json()["loaded"], other.json()["failed"]) == (1, 1)


def test_no_client_names_a_url(start_server, tmp_path):
    path = tmp_path / "items.ndjson"
    path.write_text('{"key":"a","value":1}\n')
    server = start_server()
    problem = assert_problem(server.post("/warm", {"source": str(path)}), 404, "source_not_found")
    assert "the configuration file names none" in problem["detail"]
    assert server.value("a") is None


def test_mistakes_in_the_section_are_named(binary, config_file):
    def refused(sources):
        run = run_to_exit(binary, "--port", "0", "--config", config_file({"sources": sources}))
        assert run.returncode == 64
        return run.stderr

    assert 'invalid sources.a: unknown key "ulr": did you mean "url"?' in refused({"a": {"ulr": "x"}})
    assert "invalid sources.a: a source of the scheme x cannot be read" in refused({"a": "x://y"})
    secret = {"url": "redis://h", "password": {"env": "NO_SUCH_VARIABLE"}}
    assert "the environment variable NO_SUCH_VARIABLE is not set" in refused({"a": secret})


# Large values: of what a source has only some is ever held, besides what is in the cache.

SMALL = ["--max-memory", "16MiB"]
MOST_MEMORY = 128 << 20


def assert_memory_was_bounded(name, server, count, measured):
    state = warmed(server)[0]
    assert (state["state"], state["loaded"], state["failed"]) == ("done", count, 1)
    measured(f"{name}: large values took {server.most_resident_bytes() >> 20} MiB at most, all in all")
    assert server.most_resident_bytes() < MOST_MEMORY


# SQLite


def test_sqlite(start_server, tmp_path):
    path = tmp_path / "app.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE items (key TEXT, value JSON, ttl REAL)")
        rows = ((f"user:{n}", json.dumps({"id": n}), 3600) for n in range(MILLION))
        database.executemany("INSERT INTO items VALUES (?, ?, ?)", rows)
    database.close()
    server = start_server(
        "--warm",
        f"sqlite://{path}?query=SELECT * FROM items",
        "--warm",
        f"sqlite://{path}?query=SELECT 'n' AS key, count(*) AS value FROM items",
        "--warm",
        f"sqlite://{path}?query=SELECT * FROM absent",
    )
    states = warmed(server)
    assert [state["source"] for state in states] == [f"sqlite://{path}", f"sqlite://{path} #2", f"sqlite://{path} #3"]
    assert [state["loaded"] for state in states] == [MILLION, 1, 0]
    assert states[2]["error"] == f"sqlite://{path}: no such table: absent"
    assert value(server, "user:999999") == {"id": 999999}
    assert value(server, "n") == MILLION


def test_large_rows_of_sqlite(start_server, tmp_path, measured):
    path = tmp_path / "app.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE items (key TEXT, value TEXT)")
        database.executemany("INSERT INTO items VALUES (?, ?)", ((str(n), "x" * 500_000) for n in range(400)))
        # SQLite itself takes that much memory for it.
        database.execute("INSERT INTO items VALUES ('huge', zeroblob(50000000))")
    database.close()
    server = start_server("--warm", f"sqlite://{path}?query=SELECT key, value FROM items", *SMALL)
    assert_memory_was_bounded("SQLite", server, 400, measured)


# PostgreSQL


def start_on(start_server, config_file, postgresql, url, *flags, **source):
    config = config_file({"sources": {"shop": {"url": url, "password": {"env": "SHOP_PASSWORD"}, **source}}})
    return start_server("--config", config, "--warm", "shop", *flags, env={"SHOP_PASSWORD": postgresql.password})


def test_a_million_rows_of_postgresql(start_server, config_file, postgresql, measured):
    url = postgresql.url("SELECT key, value FROM items")
    server = start_on(start_server, config_file, postgresql, url)
    seen = server.get("/readyz")
    assert seen.status == 200 or "the cache is being filled" in seen.json()["detail"]
    state = warmed(server)[0]
    assert rest(state) == {
        "source": "shop",
        "state": "done",
        "loaded": MILLION,
        "failed": 0,
        "expired": 0,
        "error": None,
    }
    assert server.stats()["current_size"] == MILLION
    assert value(server, f"user:{MILLION}") == {"id": MILLION, "name": f"User {MILLION}"}
    measured(f"PostgreSQL: {state['rate']} rows/s")
    assert not says(server, postgresql.password)


def test_types_of_postgresql(start_server, config_file, postgresql):
    rows = {
        "json": ("""'{"x":  1}'::json""", {"x": 1}),
        "jsonb": ("""'[1, "2"]'::jsonb""", [1, "2"]),
        "int": ("12::int8", 12),
        "numeric": ("1.50::numeric", 1.5),
        "float": ("0.1::float8", 0.1),
        "bool": ("true", True),
        "text": ("""'a "quoted" text'""", 'a "quoted" text'),
        "bytes": (r"'\x00ff10'::bytea", "AP8Q"),
        "none": ("NULL::text", None),
        "date": ("'2024-02-03'::date", "2024-02-03"),
        "array": ("ARRAY[1,2]", "{1,2}"),
    }
    for name, (expression, expected) in rows.items():
        url = postgresql.url(f"SELECT '{name}' AS key, {expression} AS value, 60 AS ttl")
        server = start_on(start_server, config_file, postgresql, url)
        warmed(server)
        assert value(server, name) == expected, name
        assert seconds_left(server, name) in range(20, 61)
        server.stop()


def test_rows_that_are_no_items(start_server, config_file, postgresql):
    url = postgresql.url(
        "SELECT * FROM (VALUES ('a', '1', 5.5), (NULL, '2', NULL), ('b', 'x', NULL), ('c', '3', 0), ('', '4', 1),"
        " ('d', '5', 'NaN')) AS rows (key, json, ttl)"
    )
    server = start_on(start_server, config_file, postgresql, url)
    state = warmed(server)[0]
    assert (state["state"], state["loaded"], state["failed"], state["expired"]) == ("done", 1, 4, 1)
    assert value(server, "a") == 1


@pytest.mark.parametrize(
    "query, reason",
    [
        ("SELECT * FROM nothing", 'relation "nothing" does not exist'),
        ("SELEKT 1", "syntax error"),
        ("SELECT key FROM items", "there is no column named value"),
        (
            "SELECT 1 AS key, 2 AS value /* ; */; DROP TABLE items",
            "the query is more than one statement; it must be one SELECT",
        ),
        ("SELECT 1 AS key, 2 AS value) TO STDOUT; DROP TABLE items --", 'syntax error at or near ")"'),
        ("DELETE FROM items RETURNING key, value", "syntax error"),
        ("SELECT key, (1 / 0)::text AS value FROM items", "SQLSTATE 22012"),
    ],
)
def test_what_postgresql_refuses(start_server, config_file, postgresql, query, reason):
    server = start_on(start_server, config_file, postgresql, postgresql.url(query))
    state = warmed(server)[0]
    assert state["state"] == "failed"
    assert state["error"].startswith(f"postgresql://app@127.0.0.1:{postgresql.port}/shop: ")
    assert reason in state["error"]
    assert state["loaded"] == 0


def test_a_wrong_password(binary, config_file, postgresql):
    """Is no matter of trying again, and no word of it is shown."""
    config = config_file({"sources": {"shop": {"url": postgresql.url("SELECT"), "password": "not-it-at-all"}}})
    began = time.monotonic()
    flags = ["--port", "0", "--log-format", "json", "--config", config, "--warm", "shop", "--warm-required", "on"]
    run = run_to_exit(binary, *flags)
    assert run.returncode == 69
    assert 'password authentication failed for user "app"' in run.stderr
    assert "not-it-at-all" not in run.stderr + run.stdout
    assert time.monotonic() - began < 5


def test_a_connection_that_is_cut_is_made_anew(start_server, config_file, postgresql):
    wire = Wire(postgresql.port, after_bytes=8 << 20, cuts=2)
    try:
        url = postgresql.url("SELECT key, value FROM items", port=wire.port)
        server = start_on(start_server, config_file, postgresql, url)
        state = warmed(server)[0]
        assert (state["state"], state["loaded"], state["failed"]) == ("done", MILLION, 0)
        assert wire.connections >= 3
        assert server.stats()["current_size"] == MILLION
    finally:
        wire.close()


def test_a_connection_that_is_always_cut_is_given_up(start_server, config_file, postgresql):
    wire = Wire(postgresql.port, after_bytes=1 << 20, cuts=1000)
    try:
        url = postgresql.url("SELECT key, value FROM items", port=wire.port)
        server = start_on(start_server, config_file, postgresql, url)
        state = warmed(server)[0]
        assert state["state"] == "failed"
        assert state["error"].startswith(f"postgresql://app@127.0.0.1:{wire.port}/shop: ")
        assert 0 < server.stats()["current_size"] < MILLION, "what came before stays"
        assert wire.connections >= 6
    finally:
        wire.close()


@pytest.mark.parametrize("timeout", ["statement_timeout", "transaction_timeout"])
def test_a_timeout_for_what_a_page_asks_is_not_for_filling(start_server, config_file, postgresql, timeout):
    if postgresql.run(f"SELECT count(*) FROM pg_settings WHERE name = '{timeout}'") == "0\n":
        pytest.skip(f"this PostgreSQL has no {timeout}; 17 and later do")
    postgresql.run(
        f"DROP ROLE IF EXISTS hasty; CREATE ROLE hasty LOGIN PASSWORD '{postgresql.password}';"
        f" ALTER ROLE hasty SET {timeout} = '1s'"
    )
    # The rows say what the timeout would be, in milliseconds.
    query = (
        "SELECT n::text AS key, reset_val || pg_sleep(0.05)::text AS value FROM pg_settings, generate_series(1, 40) n"
        f" WHERE name = '{timeout}'"
    )
    server = start_on(start_server, config_file, postgresql, postgresql.url(query, user="hasty"))
    state = warmed(server)[0]
    assert (state["state"], state["loaded"], state["error"]) == ("done", 40, None)
    assert value(server, "40") == "1000"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 'a' AS key, ';' AS value",
        "  SELECT 'a' AS key, ';' AS value ; \n;",
        "SELECT 'a' AS key, ';' AS value -- all",
        "SELECT 'a' AS key, ';' AS value; -- all",
        "SELECT 'a' AS key, ';' AS value; -- all; of 'it\n ; /* and */",
        "-- all; of it\nSELECT 'a' AS key, ';' AS value /* ; /* ; */ ' */ ; /* ; /* ; */ $a$ */ -- ;",
        "SELECT 'a' AS key, $$;$$ AS value; --",
        "SELECT 'a' AS key, $a$;$a$ AS value -- $a$;",
        "SELECT E'a' AS key, E';--\\';' AS value, 1 AS \";\"; -- é;",
        "(SELECT 'a' AS key, ';' AS value);",
        "WITH rows (key, value) AS (VALUES ('a', ';')) TABLE rows; --",
        "SELECT * FROM (VALUES ('a', ';')) AS \"; -- \" (key, value); --",
    ],
)
def test_where_a_query_ends(start_server, config_file, postgresql, query):
    server = start_on(start_server, config_file, postgresql, postgresql.url(query))
    state = warmed(server)[0]
    assert (state["state"], state["loaded"], state["error"]) == ("done", 1, None)
    assert value(server, "a")[0] == ";"


def test_the_server_stops_while_it_is_being_filled(start_server, config_file, postgresql):
    url = postgresql.url("SELECT n::text AS key, pg_sleep(0.01)::text AS value FROM generate_series(1, 100000) n")
    server = start_on(start_server, config_file, postgresql, url)
    eventually(lambda: warm(server)["state"] == "running", "it is being read")
    assert server.get("/readyz").status == 503
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < PATIENCE


def test_a_source_is_read_once_at_a_time_and_holds_no_thread(start_server, config_file, postgresql):
    slow = "SELECT n::text AS key, pg_sleep(0.001)::text AS value FROM generate_series(1, 2000) n"
    sources = {"slow": {"url": postgresql.url(slow), "password": postgresql.password}}
    server = start_server("--config", config_file({"sources": sources}), "--threads", "1")
    link = server.connect(timeout=3 * PATIENCE)
    link.request("POST", "/warm", body='{"source":"slow"}')
    eventually(lambda: server.stats()["warm"] != [], "it has begun")
    assert_problem(server.post("/warm", {"source": "slow"}), 409, "source_busy")
    assert server.get("/readyz").status == 200
    answer = link.getresponse()
    assert answer.status == 200
    assert json.loads(answer.read())["loaded"] == 2000
    assert warm(server)["state"] == "done"


def test_large_rows_of_postgresql(start_server, config_file, postgresql, measured):
    """Are held one by one, though small ones came before; one that is too large is one that failed."""
    size = "CASE WHEN n > 20000 THEN 500000 ELSE 10 END"
    url = postgresql.url(
        f"SELECT n::text AS key, repeat('x', {size}) AS value FROM generate_series(1, 22000) n"
        " UNION ALL SELECT 'huge', repeat('x', 9000000) ; "
    )
    server = start_on(start_server, config_file, postgresql, url, *SMALL)
    assert_memory_was_bounded("PostgreSQL", server, 22_000, measured)


def test_rows_that_copy_escapes(start_server, config_file, postgresql):
    url = postgresql.url(
        r"SELECT key, value FROM (VALUES ('a', E'\\tab\t\\N\n'), (E'b\tc', NULL), (E'\\N', 'd')) t (key, value) -- all"
    )
    server = start_on(start_server, config_file, postgresql, url)
    assert warmed(server)[0]["loaded"] == 3
    assert value(server, "a") == "\\tab\t\\N\n"
    assert value(server, "b\tc") is None
    assert value(server, "\\N") == "d"


# Redis


def test_large_values_of_redis(start_server, redis, measured):
    script = "local value = string.rep('x', 500000) for n = 1, 600 do redis.call('SET', n, value) end"
    redis.ask(f'EVAL "{script}" 0', "SETRANGE huge 90000000 x")
    server = start_server("--warm", f"redis://127.0.0.1:{redis.port}", *SMALL)
    assert_memory_was_bounded("Redis", server, 600, measured)


def test_a_million_keys_of_redis(start_server, redis, measured):
    redis.ask(f"DEBUG POPULATE {MILLION} user 20", "SET other:1 x")
    server = start_server("--warm", f"redis://127.0.0.1:{redis.port}/0?match=user:*")
    state = warmed(server)[0]
    assert (state["state"], state["failed"]) == ("done", 0)
    assert state["loaded"] >= MILLION, "SCAN may tell a key twice"
    assert server.stats()["current_size"] == MILLION
    assert server.value("user:7").startswith(b'"value:7')
    assert server.value("other:1") is None
    measured(f"Redis: {state['rate']} keys/s")


def test_values_and_times_of_redis(start_server, redis):
    redis.ask(
        "SELECT 3",
        """SET json '{"x": [1]}' EX 100""",
        "SET text hello",
        "SET number 12",
        r'SET bytes "\xff\x00"',
        "HSET hash b 2 a one",
        "RPUSH list 1 2",
        "SET gone 1 PX 1",
    )
    server = start_server("--warm", f"redis://127.0.0.1:{redis.port}/3")
    state = warmed(server)[0]
    assert (state["loaded"], state["failed"]) == (4, 2), "a list, and a value that is no text"
    assert server.value("json") == b'{"x":[1]}'
    assert seconds_left(server, "json") in range(60, 101)
    assert value(server, "text") == "hello"
    assert server.get("/keys/text").header("Cache-Control") is None
    assert value(server, "number") == 12
    assert value(server, "hash") == {"a": "one", "b": "2"}
    assert server.value("gone") is None


def test_a_redis_scan_goes_on_where_it_was_cut(start_server, redis):
    redis.ask(f"DEBUG POPULATE {MILLION} user 20")
    wire = Wire(redis.port, after_bytes=8 << 20, cuts=1000)
    try:
        server = start_server("--warm", f"redis://127.0.0.1:{wire.port}")
        state = warmed(server)[0]
        assert state["state"] == "done"
        assert MILLION <= state["loaded"] < MILLION * 1.1
        assert server.stats()["current_size"] == MILLION
        assert wire.connections > 5
    finally:
        wire.close()


def test_the_server_stops_while_redis_is_silent(start_server, redis):
    redis.process.send_signal(signal.SIGSTOP)
    try:
        server = start_server("--warm", f"redis://127.0.0.1:{redis.port}")
        eventually(lambda: warm(server)["state"] == "running", "it is being read")
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < PATIENCE
    finally:
        redis.process.send_signal(signal.SIGCONT)


def test_a_password_of_redis(start_server, config_file, tmp_path):
    database = Redis(tmp_path, password="hidden-word")
    try:
        database.ask("SET a 1")
        secret = tmp_path / "secret"
        secret.write_text("hidden-word\n")
        url = f"redis://127.0.0.1:{database.port}"
        sources = {
            "right": {"url": url, "password": {"file": str(secret)}},
            "wrong": f"redis://:hidden-wort@127.0.0.1:{database.port}",
            "none": url,
        }
        server = start_server("--config", config_file({"sources": sources}))
        assert server.post("/warm", {"source": "right"}).json()["loaded"] == 1
        wrong = assert_problem(server.post("/warm", {"source": "wrong"}), 502, "source_failed")
        assert wrong["detail"].startswith(f"{url}: WRONGPASS ")
        assert "hidden" not in wrong["detail"]
        none = assert_problem(server.post("/warm", {"source": "none"}), 502, "source_failed")
        assert none["detail"] == f"{url}: NOAUTH Authentication required."
        assert not says(server, "hidden")
    finally:
        database.stop()


# Web servers

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    access_log {folder}/access.log;
    types {{ application/json json; application/x-ndjson ndjson; }}
    default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{port};
        root {folder};
        location /guarded/ {{
            alias {folder}/;
            if ($http_authorization != "Bearer hidden-word") {{ return 401; }}
        }}
        location /busy {{ return 503; }}
    }}
}}
"""


class Nginx(Database):
    """A web server of the files in a folder."""

    def __init__(self, folder):
        self.folder = folder
        port = free_port()
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
        folder.chmod(0o755)
        command = [program("nginx", "nginx-light"), "-c", str(folder / "nginx.conf"), "-p", str(folder)]
        super().__init__(command, port)
        self.wait_until_ready(self.answers)

    def answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    @property
    def statuses(self):
        return [int(line.split('"')[2].split()[0]) for line in (self.folder / "access.log").read_text().splitlines()]


@pytest.fixture
def nginx(tmp_path):
    # Its workers are another user, who has to come to the files.
    for parent in [tmp_path, *tmp_path.parents][:3]:
        parent.chmod(0o755)
    server = Nginx(tmp_path)
    try:
        yield server
    finally:
        server.stop(signal.SIGTERM)


def test_another_cache_is_a_source(start_server):
    peer = start_server()
    for start in range(0, 20_000, 5000):
        items = {f"key:{number}": {"number": number} for number in range(start, start + 5000)}
        assert peer.post("/mput", {"items": items, "ttl": 600}).status == 200
    server = start_server("--warm", f"{peer.base_url}/export?prefix=key:1")
    state = warmed(server)[0]
    assert state["source"] == f"{peer.base_url}/export"
    assert (state["state"], state["loaded"]) == ("done", 11_111)
    assert value(server, "key:19999") == {"number": 19_999}
    assert seconds_left(server, "key:1") in range(500, 601)


def test_an_object_and_headers_of_a_web_server(start_server, config_file, nginx):
    (nginx.folder / "items.json").write_text('{"a": 1, "b": {"c": 2}}')
    (nginx.folder / "lines.ndjson.gz").write_bytes(gzip.compress(b'{"key":"z","value":1}\n'))
    url = f"http://127.0.0.1:{nginx.port}"
    guarded = {"url": f"{url}/guarded/items.json", "headers": {"Authorization": {"env": "WORD"}}}
    sources = {
        "object": f"{url}/items.json",
        "lines": f"{url}/lines.ndjson.gz",
        "guarded": guarded,
        "barred": guarded["url"],
    }
    server = start_server("--config", config_file({"sources": sources}), env={"WORD": "Bearer hidden-word"})
    assert server.post("/warm", {"source": "object"}).json()["loaded"] == 2
    assert value(server, "b") == {"c": 2}
    assert server.post("/warm", {"source": "lines"}).json()["loaded"] == 1
    assert server.post("/warm", {"source": "guarded"}).json()["loaded"] == 2
    problem = assert_problem(server.post("/warm", {"source": "barred"}), 502, "source_failed")
    assert problem["detail"] == f"{url}/guarded/items.json: the server answers 401"
    assert not says(server, "hidden-word")


def test_a_million_lines_that_are_cut_go_on_where_they_were(start_server, nginx, measured):
    lines = "".join(f'{{"key":"user:{n}","value":{{"id":{n}}}}}\n' for n in range(MILLION))
    (nginx.folder / "items.ndjson").write_text(lines)
    wire = Wire(nginx.port, after_bytes=6 << 20, cuts=1000)
    try:
        server = start_server("--warm", f"http://127.0.0.1:{wire.port}/items.ndjson")
        state = warmed(server)[0]
        assert (state["state"], state["loaded"], state["failed"]) == ("done", MILLION, 0)
        assert server.stats()["current_size"] == MILLION
        assert nginx.statuses[0] == 200
        assert set(nginx.statuses[1:]) == {206}
        assert len(nginx.statuses) > 3
    finally:
        wire.close()
    server = start_server("--warm", f"http://127.0.0.1:{nginx.port}/items.ndjson")
    measured(f"nginx: {warmed(server)[0]['rate']} lines/s")


def test_a_server_that_is_away_is_asked_again(start_server, nginx):
    server = start_server("--warm", f"http://127.0.0.1:{nginx.port}/busy")
    state = warmed(server)[0]
    assert state["error"] == f"http://127.0.0.1:{nginx.port}/busy: the server answers 503"
    assert nginx.statuses == [503] * 6
