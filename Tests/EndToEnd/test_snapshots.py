"""What outlives the server: snapshots over restarts, crashes and damage."""

import http.client
import json
import os
import random
import resource
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
import zstandard

from harness.contract import assert_problem
from harness.deadline import eventually
from harness.process import CacheServer


def fill(server, count, ttl=None):
    body = {"items": {f"key:{number}": {"number": number, "text": "x" * 50} for number in range(count)}}
    if ttl:
        body["ttl"] = ttl
    for start in range(0, count, 5000):
        part = dict(list(body["items"].items())[start : start + 5000])
        assert server.post("/mput", {**body, "items": part}).status == 200


def size(server):
    return server.stats()["current_size"]


def loaded(server):
    eventually(lambda: server.get("/readyz").status == 200, "the snapshot is loaded")
    return size(server)


def test_entries_outlive_a_restart(start_server, tmp_path):
    path = tmp_path / "cache.zst"
    server = start_server("--snapshot", str(path), "--snapshot-interval", "none")
    assert server.get("/readyz").status == 200 or loaded(server) == 0
    fill(server, 20_000, ttl=300)
    server.put("for ever", '"yes"')
    assert server.stats()["snapshot"]["entries"] is None
    assert not path.exists()
    server.stop()
    assert path.stat().st_mode & 0o777 == 0o600, "it has all that the cache has"

    again = start_server("--snapshot", str(path))
    assert loaded(again) == 20_001
    reply = again.get("/keys/key:19999")
    assert reply.json() == {"number": 19_999, "text": "x" * 50}
    assert int(reply.header("Cache-Control").removeprefix("max-age=")) in range(200, 300)
    assert again.get("/keys/for%20ever").header("Cache-Control") is None


def test_the_file_is_an_export(start_server, tmp_path):
    path = tmp_path / "cache.zst"
    server = start_server("--snapshot", str(path))
    fill(server, 3000)
    server.stop()
    with path.open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
    entries = [json.loads(line) for line in lines.splitlines()]
    assert {entry["key"] for entry in entries} == {f"key:{number}" for number in range(3000)}
    # As the README says.
    text = subprocess.run(["zstd", "-dc", str(path)], capture_output=True, check=True, timeout=60).stdout
    assert text == lines
    other = start_server()
    assert other.request("POST", "/warm", text).json()["loaded"] == 3000


def test_it_is_written_at_an_interval_and_told(start_server, tmp_path):
    path = tmp_path / "cache.zst"
    server = start_server("--snapshot", str(path), "--snapshot-interval", "100ms")
    fill(server, 1000)
    eventually(lambda: server.stats()["snapshot"]["entries"] == 1000, "one with all of them is written")
    figures = server.stats()["snapshot"]
    assert figures["bytes"] > 1000
    assert 0 <= figures["age_seconds"] < 60
    assert figures["failures"] == 0
    metrics = server.get("/metrics").body.decode()
    assert "\ncache_snapshot_entries 1000\n" in metrics
    assert "\ncache_snapshot_failures_total 0\n" in metrics


def test_without_it_nothing_is_told(server):
    assert server.stats()["snapshot"] is None
    assert "cache_snapshot" not in server.get("/metrics").body.decode()


def test_it_is_not_ready_before_all_is_loaded(start_server, tmp_path):
    path = tmp_path / "cache.zst"
    server = start_server("--snapshot", str(path))
    fill(server, 100_000)
    server.stop()
    again = start_server("--snapshot", str(path))
    while (reply := again.get("/readyz")).status != 200:
        problem = assert_problem(reply, 503, "loading")
        assert "the snapshot is being loaded: " in problem["detail"]
        assert again.get("/livez").status == 200
        assert again.get("/keys/key:0").status in (200, 404)
    assert size(again) == 100_000


def test_it_is_written_when_asked(start_server, tmp_path):
    path = tmp_path / "cache.zst"
    server = start_server("--snapshot", str(path), "--snapshot-interval", "none")
    loaded(server)
    fill(server, 3000)
    reply = server.post("/snapshot", "")
    assert reply.status == 200
    report = reply.json()
    assert report.keys() == {"entries", "bytes", "duration_ms"}
    assert report["entries"] == 3000
    assert report["bytes"] == path.stat().st_size
    assert server.stats()["snapshot"]["entries"] == 3000
    other = start_server()
    assert other.request("POST", "/warm", path.read_bytes(), {"Content-Encoding": "zstd"}).json()["loaded"] == 3000


def test_those_who_ask_at_once_have_what_was_stored_before(start_server, tmp_path):
    path = tmp_path / "cache.zst"
    server = start_server("--snapshot", str(path), "--snapshot-interval", "none", "--threads", "1")
    loaded(server)
    fill(server, 60_000)
    replies = []
    askers = [threading.Thread(target=lambda: replies.append(server.post("/snapshot", ""))) for _ in range(8)]
    for number, asker in enumerate(askers):
        server.put(f"late:{number}")
        asker.start()
        # The one thread that serves is free while snapshots are written.
        assert server.get("/livez").status == 200
    for asker in askers:
        asker.join()
    assert [reply.status for reply in replies] == [200] * 8
    entries = [reply.json()["entries"] for reply in replies]
    assert max(entries) == 60_008
    assert min(entries) > 60_000
    written = [line for line in server.logs if line["message"] == "snapshot written"]
    assert len(written) < 8, "those who wait share one"


def test_without_a_file_none_is_written(server):
    problem = assert_problem(server.post("/snapshot", ""), 404, "snapshots_off")
    assert "--snapshot" in problem["detail"]


def test_a_server_that_is_killed_leaves_a_whole_snapshot(binary, tmp_path, rng, measured):
    """A hundred times, at any moment, under load: what is there is whole, and no older than what was answered."""
    path = tmp_path / "cache.zst"
    partial = path.with_name("cache.zst.partial")
    flags = ("--port", "0", "--log-format", "json", "--snapshot", str(path), "--snapshot-interval", "none")
    count = 4000
    least = 0
    interrupted = 0
    for turn in range(1, 101):
        server = CacheServer(binary, *flags)
        server.wait_until_listening()
        try:
            assert loaded(server) == (0 if turn == 1 else count)
            assert not path.with_name("cache.zst.damaged").exists()
            text = server.get("/export").body.splitlines()
            assert all(json.loads(line)["value"] >= least for line in text)

            def store(generation, server=server):
                items = {f"key:{number}": generation for number in range(count)}
                assert server.post("/mput", {"items": items}).status == 200

            written = [0]
            started = threading.Event()

            def write(server=server, turn=turn, written=written, started=started, store=store):
                generation = turn * 1_000_000
                try:
                    while True:
                        store(generation)
                        started.set()
                        assert server.post("/snapshot", "").status == 200
                        written[0] = generation
                        generation += 1
                except (OSError, http.client.HTTPException):
                    return

            def load(server=server, started=started):
                started.wait(10)
                try:
                    with_connection = server.connect()
                    while True:
                        assert server.request("GET", "/keys/key:1", connection=with_connection).status == 200
                except (OSError, http.client.HTTPException):
                    return

            threads = [threading.Thread(target=write), threading.Thread(target=load)]
            for thread in threads:
                thread.start()
            assert started.wait(10)
            # The first turn has one written, so that there is one from then on.
            if turn == 1:
                eventually(lambda written=written: written[0] > 0, "one is written")
            time.sleep(rng.uniform(0.0, 0.08))
        finally:
            server.kill()
        for thread in threads:
            thread.join()
        least = max(least, written[0])
        interrupted += partial.exists()
    measured(f"snapshots: {interrupted} of 100 kills came while one was being written")
    assert interrupted > 0, "no kill came while one was being written"


@pytest.fixture
def volume(tmp_path):
    """A file system of 1 MiB."""
    folder = tmp_path / "volume"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True, text=True, check=False
    )
    if mount.returncode != 0:
        pytest.skip(f"no file system can be mounted here, which needs root and CAP_SYS_ADMIN: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill_with_noise(server, count):
    """Values that do not compress, some 1 KiB each."""
    for start in range(0, count, 1000):
        items = {f"noise:{number}": random.Random(number).randbytes(400).hex() for number in range(start, start + 1000)}
        assert server.post("/mput", {"items": items}).status == 200


def assert_failure_is_told(server, path, reason):
    """A snapshot cannot be written now: the last good one stays, and everybody who looks is told."""
    before = path.read_bytes()
    failures = server.stats()["snapshot"]["failures"]
    entries = server.stats()["snapshot"]["entries"]
    problem = assert_problem(server.post("/snapshot", ""), 500, "snapshot_failed")
    assert reason in problem["detail"]
    assert path.read_bytes() == before
    assert not path.with_name(path.name + ".partial").exists()
    figures = server.stats()["snapshot"]
    assert figures["failures"] == failures + 1
    assert figures["entries"] == entries, "of the last that was written"
    assert f"\ncache_snapshot_failures_total {failures + 1}\n" in server.get("/metrics").body.decode()
    line = [line for line in server.logs if line["level"] == "error"][-1]
    assert line["message"] == "the snapshot cannot be written"
    assert reason in line["error"] and str(path) in line["error"]
    assert server.put("still served").status in (201, 204)


def test_a_full_disk_leaves_the_last_good_one(start_server, volume):
    path = volume / "cache.zst"
    server = start_server("--snapshot", str(path), "--snapshot-interval", "none")
    loaded(server)
    fill_with_noise(server, 1000)
    assert server.post("/snapshot", "").status == 200
    fill_with_noise(server, 4000)
    assert_failure_is_told(server, path, "No space left on device")
    server.kill()
    again = start_server("--snapshot", str(path), "--snapshot-interval", "none")
    assert loaded(again) == 1000
    # With room again, the next one is whole.
    assert again.post("/snapshot", "").status == 200
    server.clean_exits = {-9}


def test_a_file_that_may_not_grow_leaves_the_last_good_one(start_server, tmp_path):
    path = tmp_path / "cache.zst"
    server = start_server("--snapshot", str(path), "--snapshot-interval", "none")
    loaded(server)
    fill_with_noise(server, 1000)
    assert server.post("/snapshot", "").status == 200
    _, most = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (100_000, most))
    assert_failure_is_told(server, path, "File too large")
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (most, most))
    assert server.post("/snapshot", "").json()["entries"] == 1001


def test_a_folder_that_is_read_only_leaves_the_last_good_one(start_server, volume):
    path = volume / "cache.zst"
    server = start_server("--snapshot", str(path), "--snapshot-interval", "none")
    loaded(server)
    fill(server, 100)
    assert server.post("/snapshot", "").status == 200
    subprocess.run(["mount", "-o", "remount,ro", volume], check=True)
    assert_failure_is_told(server, path, "Read-only file system")
    subprocess.run(["mount", "-o", "remount,rw", volume], check=True)
    assert server.post("/snapshot", "").json()["entries"] == 101


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.99])
def test_damage_is_told_and_kept(start_server, tmp_path, cut):
    path = tmp_path / "cache.zst"
    server = start_server("--snapshot", str(path))
    values = {f"key:{number}": random.Random(number).randbytes(400).hex() for number in range(8000)}
    for start in range(0, 8000, 1000):
        keys = list(values)[start : start + 1000]
        server.post("/mput", {"items": {key: values[key] for key in keys}})
    server.stop()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * cut)])
    again = start_server("--snapshot", str(path))
    count = loaded(again)
    assert count < 8000
    if cut > 0.4:
        assert count > 1000
    kept = path.with_name("cache.zst.damaged")
    assert kept.read_bytes() == whole[: int(len(whole) * cut)]
    assert any("damaged" in line["message"] for line in again.logs)


def test_a_snapshot_that_may_not_be_read_is_left_alone(binary, start_server, tmp_path):
    """It is a good one, and what it lacks is a permission: whoever mends that gets the data back."""
    path = tmp_path / "cache.zst"
    first = start_server("--snapshot", str(path))
    loaded(first)
    fill(first, 1000)
    first.stop()
    before = path.read_bytes()
    path.chmod(0)
    flags = ["--port", "0", "--log-format", "json", "--snapshot", str(path), "--snapshot-interval", "none"]
    # Root may read what it has no permission for, unless it gives that up.
    bounds = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    program, *rest = [*bounds, str(binary), *flags]
    server = CacheServer(Path(shutil.which(program)), *rest)
    try:
        server.wait_until_listening()
        assert loaded(server) == 0
        line = next(line for line in server.logs if line["level"] == "error")
        assert line["message"] == "the snapshot cannot be read: it stays where it is, and none is written over it"
        assert line["error"] == f"cannot open {path}: Permission denied"
        assert server.put("new").status == 201
        problem = assert_problem(server.post("/snapshot", ""), 500, "snapshot_failed")
        assert "is not written over, because it was not loaded: cannot open" in problem["detail"]
        assert server.stats()["snapshot"]["failures"] == 1
    finally:
        server.stop()
    assert [file.name for file in tmp_path.iterdir()] == ["cache.zst"]
    path.chmod(0o600)
    assert path.read_bytes() == before
    assert loaded(start_server("--snapshot", str(path))) == 1000


def test_a_snapshot_that_cannot_be_written_ends_nothing(start_server, tmp_path):
    server = start_server("--snapshot", str(tmp_path / "no" / "cache.zst"), "--snapshot-interval", "100ms")
    eventually(lambda: server.stats()["snapshot"]["failures"] > 0, "it has been tried")
    assert server.put("a").status == 201
    errors = [line for line in server.logs if line["level"] == "error"]
    assert "No such file or directory" in errors[0]["error"]
