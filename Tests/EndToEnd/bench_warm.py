"""How fast the cache is filled from each kind of source, beside a peer that reads the same: `make bench-warm`.

Three rounds, taking turns; the figure is the median.
"""

import gzip
import json
import sqlite3
import statistics
import subprocess
import time

import pytest

from harness.databases import PostgreSQL, Redis, program
from harness.deadline import eventually

ROWS = 1_000_000
ROUNDS = 3
MINUTES = 600


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    path = tmp_path_factory.mktemp("lines") / "items.ndjson"
    with path.open("w") as file:
        for number in range(ROWS):
            value = {"id": number, "name": f"User {number}", "active": True}
            file.write(json.dumps({"key": f"user:{number}", "value": value}, separators=(",", ":")) + "\n")
    return path


def seconds(action):
    began = time.monotonic()
    action()
    return time.monotonic() - began


def warmed_rate(start_server, source):
    server = start_server("--warm", source)
    eventually(lambda: server.get("/readyz").status == 200, "the cache is filled", MINUTES)
    state = server.stats()["warm"][0]
    assert (state["state"], state["failed"]) == ("done", 0), state
    assert server.stats()["current_size"] == ROWS
    server.stop()
    return state["rate"]


def tell(measured, name, unit, rates, peer=None, peer_rates=None):
    rate = statistics.median(rates)
    line = f"{name}: {rate:,.0f} {unit}/s (of {', '.join(f'{each:,.0f}' for each in rates)})"
    if peer:
        line += f"; {peer} {statistics.median(peer_rates):,.0f}, ratio {rate / statistics.median(peer_rates):.2f}"
    measured(line)


def test_posted_lines(start_server, lines, measured):
    rates = []
    for _ in range(ROUNDS):
        server = start_server()
        command = ["curl", "-sS", "-T", str(lines), "-X", "POST", f"{server.base_url}/warm"]
        report = {}
        rates.append(ROWS / seconds(lambda: report.update(json.loads(subprocess.check_output(command)))))
        assert report["loaded"] == ROWS
        server.stop()
    tell(measured, "NDJSON posted to /warm", "lines", rates)


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_files(start_server, lines, tmp_path, measured, suffix):
    path = tmp_path / f"items.ndjson{suffix}"
    if suffix == ".gz":
        path.write_bytes(gzip.compress(lines.read_bytes(), 6))
    elif suffix == ".zst":
        subprocess.run(["zstd", "-q", str(lines), "-o", str(path)], check=True)
    else:
        path = lines
    tell(measured, f"file of NDJSON{suffix}", "lines", [warmed_rate(start_server, str(path)) for _ in range(ROUNDS)])


def test_csv(start_server, tmp_path, measured):
    path = tmp_path / "items.csv"
    with path.open("w") as file:
        file.write("key,json\n")
        for number in range(ROWS):
            file.write(f'user:{number},"{{""id"":{number},""name"":""User {number}""}}"\n')
    tell(measured, "file of CSV", "rows", [warmed_rate(start_server, str(path)) for _ in range(ROUNDS)])


def test_sqlite(start_server, tmp_path, measured):
    path = tmp_path / "app.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE items (key TEXT, value JSON)")
        rows = ((f"user:{n}", json.dumps({"id": n, "name": f"User {n}"})) for n in range(ROWS))
        database.executemany("INSERT INTO items VALUES (?, ?)", rows)
    database.close()
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(warmed_rate(start_server, f"sqlite://{path}?query=SELECT key, value FROM items"))
        reader = sqlite3.connect(path)
        theirs.append(ROWS / seconds(lambda: sum(1 for _ in reader.execute("SELECT key, value FROM items"))))
        reader.close()
    tell(measured, "SQLite", "rows", ours, "Python's sqlite3 over the same rows", theirs)


def test_postgresql(start_server, tmp_path_factory, measured):
    database = PostgreSQL.with_items(tmp_path_factory.mktemp("postgresql"), ROWS)
    try:
        ours, theirs = [], []
        url = database.url("SELECT key, value FROM items").replace("app@", f"app:{database.password}@")
        for _ in range(ROUNDS):
            ours.append(warmed_rate(start_server, url))
            copy = "COPY (SELECT key, value FROM items) TO STDOUT"
            theirs.append(ROWS / seconds(lambda: database.psql(copy, output=subprocess.DEVNULL)))
        tell(measured, "PostgreSQL", "rows", ours, "psql COPY TO", theirs)
    finally:
        database.stop()


def test_redis(start_server, tmp_path, measured):
    database = Redis(tmp_path)
    try:
        database.ask(f"DEBUG POPULATE {ROWS} user 40")
        ours, theirs = [], []
        scan = [program("redis-cli", "redis-tools"), "-p", str(database.port), "--scan"]
        for _ in range(ROUNDS):
            ours.append(warmed_rate(start_server, f"redis://127.0.0.1:{database.port}"))
            theirs.append(ROWS / seconds(lambda: subprocess.run(scan, stdout=subprocess.DEVNULL, check=True)))
        tell(measured, "Redis", "keys", ours, "redis-cli --scan, which reads no values,", theirs)
    finally:
        database.stop()
