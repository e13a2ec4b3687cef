"""docker/: Prometheus' configuration against a real Prometheus and a real server, and Grafana's dashboard on top."""

import asyncio
import itertools
import json
import math
import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.deadline import PATIENCE, eventually
from harness.origin import Asked, Origin, reply
from harness.process import CacheServer

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text()
DOCKER = REPOSITORY / "docker"
DASHBOARD = json.loads((DOCKER / "grafana/dashboards/production-cache.json").read_text())
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())

# Every series of the contract with the labels that tell its kinds apart, and the values of those that are fixed.
SERIES: dict[str, dict[str, set[str]]] = {
    "cache_gets_total": {"result": {"hit", "miss"}},
    "cache_puts_total": {},
    "cache_removals_total": {"cause": {"evicted", "expired", "deleted", "replaced"}},
    "cache_entries": {},
    "cache_stale_entries": {},
    "cache_leases_total": {"result": {"granted", "filled", "lost"}},
    "cache_capacity_entries": {},
    "cache_memory_bytes": {},
    "cache_memory_limit_bytes": {},
    "cache_estimated_hit_ratio": {"capacity_factor": {"0.5", "2.0", "4.0"}},
    "cache_operation_duration_seconds_bucket": {"operation": {"get", "put", "mget", "mput"}, "le": set()},
    "cache_operation_duration_seconds_sum": {"operation": {"get", "put", "mget", "mput"}},
    "cache_operation_duration_seconds_count": {"operation": {"get", "put", "mget", "mput"}},
    "cache_http_requests_total": {"route": set(), "method": set(), "status": set()},
    "cache_http_connections": {},
    "cache_access_log_dropped_total": {},
    "cache_loads_total": {"result": {"value", "absent", "failed"}},
    "cache_load_duration_seconds_bucket": {"le": set()},
    "cache_load_duration_seconds_sum": {},
    "cache_load_duration_seconds_count": {},
    "cache_loads_collapsed_total": {},
    "cache_loads_rejected_total": {},
    "cache_loads_revalidated_total": {},
    "cache_stale_served_total": {},
    "cache_negative_hits_total": {},
    "cache_loads_in_flight": {},
    "cache_loads_waiting": {},
    "cache_origin_breaker_state": {},
    "cache_snapshot_timestamp_seconds": {},
    "cache_snapshot_entries": {},
    "cache_snapshot_bytes": {},
    "cache_snapshot_duration_seconds": {},
    "cache_snapshot_failures_total": {},
    "cache_warm_items_total": {"source": set(), "result": {"loaded", "failed", "expired"}},
    "cache_warm_state": {"source": set(), "state": {"waiting", "running", "done", "failed"}},
    "cache_uptime_seconds": {},
    "cache_build_info": {"version": set()},
}

# The names as the exposition has them: a histogram is one.
FAMILIES = {re.sub("_(bucket|sum|count)$", "", name) for name in SERIES}

CAPACITY = 8
KEY = "prometheus-test"


def program(name: str) -> str:
    """A program of Debian's package `prometheus`."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on this machine: install the Debian package prometheus")
    return found


# The dashboard


def panels() -> list[dict]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> list[Any]:
    """Each query of the dashboard, as Grafana would send it."""
    return [
        pytest.param(
            target["expr"].replace("$instance", ".*").replace("$__rate_interval", "1m"),
            id=f"{panel['title']}-{target['refId']}",
        )
        for panel in panels()
        for target in panel["targets"]
    ]


def test_dashboard_is_laid_out_on_the_grid():
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["w"] > 0 and place["h"] > 0 and place["x"] + place["w"] <= 24, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies on {taken[x, y]}"
                taken[x, y] = panel["title"]
    identifiers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(identifiers)) == len(identifiers)


def test_dashboard_asks_the_provisioned_datasource_only():
    provisioned = yaml.safe_load((DOCKER / "grafana/provisioning/datasources/prometheus.yaml").read_text())
    known = {(source["type"], source["uid"]) for source in provisioned["datasources"]}
    asked = [
        DASHBOARD["templating"]["list"][0],
        *panels(),
        *(target for panel in panels() for target in panel["targets"]),
    ]
    assert {(one["datasource"]["type"], one["datasource"]["uid"]) for one in asked} <= known
    for panel in panels():
        references = [target["refId"] for target in panel["targets"]]
        assert references and len(set(references)) == len(references), panel["title"]


def test_dashboard_shows_every_series_of_the_contract():
    shown = set(re.findall(r"cache_\w+", " ".join(target["expr"] for panel in panels() for target in panel["targets"])))
    assert shown <= SERIES.keys(), "a query names a series that the contract does not have"
    left_out = {
        # A mean hides what the quantiles show.
        "cache_operation_duration_seconds_sum",
        "cache_load_duration_seconds_sum",
        # Those are the loads that were not refused.
        "cache_load_duration_seconds_count",
    }
    assert SERIES.keys() - shown == left_out


def test_dashboard_queries_parse(tmp_path: Path):
    rules = [{"record": f"dashboard:query_{number}", "expr": query.values[0]} for number, query in enumerate(queries())]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    check = subprocess.run([program("promtool"), "check", "rules", file], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr
    assert f"{len(rules)} rules found" in check.stdout


def test_snapshot_age_is_told_of_each_node_with_snapshots(tmp_path: Path):
    """One that never wrote a snapshot must not look as fresh as the others."""
    (panel,) = [panel for panel in panels() if panel["title"] == "Snapshot age"]
    expression = panel["targets"][0]["expr"].replace("$instance", ".*").removeprefix("max")

    def constant(name: str, instance: str, value: int) -> dict[str, str]:
        return {"series": f'{name}{{instance="{instance}"}}', "values": f"{value}x10"}

    told = {
        "writes": {"uptime_seconds": 590, "snapshot_failures_total": 0, "snapshot_timestamp_seconds": 60},
        "fails": {"uptime_seconds": 300, "snapshot_failures_total": 1},
        "keeps nothing": {"uptime_seconds": 590},
    }
    file = tmp_path / "tests.yml"
    case = {
        "interval": "1m",
        "input_series": [
            constant(f"cache_{name}", instance, value)
            for instance, figures in told.items()
            for name, value in figures.items()
        ],
        "promql_expr_test": [
            {
                "expr": f"max by (instance) {expression}",
                "eval_time": "10m",
                "exp_samples": [
                    {"labels": '{instance="writes"}', "value": 540},
                    {"labels": '{instance="fails"}', "value": 300},
                ],
            }
        ],
    }
    file.write_text(yaml.safe_dump({"tests": [case]}))
    check = subprocess.run([program("promtool"), "test", "rules", file], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr


def test_readme_lists_every_metric():
    assert set(re.findall(r"`(cache_\w+)", README)) == FAMILIES


# The configuration


def test_prometheus_configuration_is_valid():
    file = DOCKER / "prometheus/prometheus.yml"
    check = subprocess.run([program("promtool"), "check", "config", file], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr


def test_compose_services_find_each_other():
    services = COMPOSE["services"]
    scrape = yaml.safe_load((DOCKER / "prometheus/prometheus.yml").read_text())["scrape_configs"][0]
    cache, port = scrape["static_configs"][0]["targets"][0].split(":")
    assert cache in services and services[cache]["ports"] == [f"127.0.0.1:{port}:{port}"]
    datasource = yaml.safe_load((DOCKER / "grafana/provisioning/datasources/prometheus.yaml").read_text())[
        "datasources"
    ][0]
    source = urllib.parse.urlsplit(datasource["url"])
    assert source.hostname in services and services[source.hostname]["ports"] == [
        f"127.0.0.1:{source.port}:{source.port}"
    ]

    # A dashboard is found where the provider looks: both paths are of the container, joined by the mounts.
    mounts = dict(reversed(volume.split(":")[:2]) for volume in services["grafana"]["volumes"])
    provider = yaml.safe_load((DOCKER / "grafana/provisioning/dashboards/production-cache.yaml").read_text())[
        "providers"
    ][0]
    folder = DOCKER / mounts[provider["options"]["path"]]
    home = Path(services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (folder / home.name).is_file() and str(home.parent) == provider["options"]["path"]


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_compose_services_are_confined(name: str):
    service = COMPOSE["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"]), "a port is open to the network"
    for volume in service.get("volumes", []):
        source, _, *mode = volume.split(":")
        if source in COMPOSE["volumes"]:
            assert not mode
        else:
            assert mode == ["ro"] and (DOCKER / source).exists(), volume
    if "build" in service:
        assert service["read_only"] is True and service["mem_limit"]
        assert (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    else:
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), f"{service['image']} is not pinned"


# The real thing


class Prometheus:
    """A Prometheus that runs docker/prometheus with this server as its target, asked more often."""

    def __init__(self, folder: Path, server: CacheServer) -> None:
        configuration = yaml.safe_load((DOCKER / "prometheus/prometheus.yml").read_text())
        configuration["global"].update(scrape_interval="500ms", scrape_timeout="500ms")
        for scrape in configuration["scrape_configs"]:
            scrape["static_configs"] = [{"targets": [f"{server.host}:{server.port}"]}]
        file = folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(configuration))
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'data'}",
                "--web.listen-address=127.0.0.1:0",
            ],
            stderr=subprocess.STDOUT,
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()
        port = eventually(self._port, "Prometheus listens", within=3 * PATIENCE)
        self.base_url = f"http://127.0.0.1:{port}"
        eventually(lambda: self.query("up") is not None, "Prometheus answers queries", within=3 * PATIENCE)

    def _port(self) -> int | None:
        assert self.process.poll() is None, "".join(self.lines)
        matches = (re.search(r'msg="Listening on".* address=127\.0\.0\.1:(\d+)', line) for line in list(self.lines))
        return next((int(match[1]) for match in matches if match), None)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=2 * PATIENCE)
        finally:
            self.process.kill()

    def api(self, path: str, **parameters: str) -> Any:
        """The `data` of an answer, None while Prometheus is not ready yet; an error of it is a failure."""
        url = f"{self.base_url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 503:
                return None
            raise AssertionError(f"{url}: {error.code} {error.read().decode()}") from None
        assert body["status"] == "success" and not body.get("warnings"), body
        return body["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]] | None:
        data = self.api("query", query=expression)
        return data and [(one["metric"], float(one["value"][1])) for one in data["result"]]


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    """An origin that has values, one that is stale at once, lacks a key, and fails for another."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        key = urllib.parse.unquote(asked.target).removeprefix(f"/items/{KEY}/")
        if key == "absent":
            await reply("", "404 Not Found")(asked, writer)
        elif key == "failed":
            await reply("", "500 Internal Server Error")(asked, writer)
        elif key == "stale":
            fields = ('ETag: "1"', "Cache-Control: max-age=0, stale-while-revalidate=3600")
            unchanged = "if-none-match" in asked.headers
            await reply("" if unchanged else "1", "304 Not Modified" if unchanged else "200 OK", *fields)(asked, writer)
        else:
            await reply("1", "200 OK", "Cache-Control: max-age=3600")(asked, writer)

    origin = Origin()
    origin.answer = answer
    yield origin
    origin.stop()


@pytest.fixture(scope="module")
def watched(
    origin: Origin, start_module_server: Callable[..., CacheServer], tmp_path_factory: pytest.TempPathFactory
) -> CacheServer:
    """A server with all that has figures of its own: an origin, a source, a snapshot, an access log."""
    folder = tmp_path_factory.mktemp("watched")
    items = folder / "items.ndjson"
    items.write_text(f'{{"key":"{KEY}/warm","value":1}}\nnonsense\n{{"key":"{KEY}/old","value":1,"expires_at":5}}\n')
    server = start_module_server(
        *("--capacity", str(CAPACITY)),
        *("--origin", origin.url),
        *("--warm", str(items)),
        *("--snapshot", str(folder / "snapshot.zst"), "--snapshot-interval", "none"),
        *("--access-log", "json", "--access-log-file", str(folder / "access.log")),
    )
    eventually(lambda: server.get("/readyz").status == 200, "the source was read")
    assert server.post("/snapshot", "").status == 200
    return server


@pytest.fixture(scope="module")
def prometheus(watched: CacheServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    running = Prometheus(tmp_path_factory.mktemp("prometheus"), watched)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def visits(watched: CacheServer) -> Callable[[], None]:
    """Makes requests of every kind: hits and misses, removals by each cause, loads with each result, stale answers."""
    fresh = itertools.count()

    def visit() -> None:
        watched.put(f"{KEY}/short", ttl=0.001)
        for number in range(2 * CAPACITY):
            watched.put(f"{KEY}/{number}", ttl=3600)
        watched.put(f"{KEY}/{number}")
        assert watched.value(f"{KEY}/{number}") == b"1"
        assert watched.value(f"{KEY}/absent") is None
        watched.post("/mput", {"items": {f"{KEY}/a": 1, f"{KEY}/b": 2}})
        watched.post("/mget", [f"{KEY}/a", f"{KEY}/b"])
        watched.request("DELETE", f"/keys/{KEY}/a")
        watched.request("PUT", f"/keys/{KEY}/bad", body="{")
        # More that succeed than fail: the breaker stays closed.
        for _ in range(3):
            assert watched.value(f"{KEY}/loaded/{next(fresh)}") == b"1"
        assert watched.get(f"/keys/{KEY}/failed").status == 502
        assert watched.value(f"{KEY}/absent") is None
        assert watched.value(f"{KEY}/stale") == watched.value(f"{KEY}/stale") == b"1"

    return visit


def test_metrics_pass_promtool(watched: CacheServer, visits: Callable[[], None]):
    visits()
    exposition = watched.get("/metrics").body
    check = subprocess.run(
        [program("promtool"), "check", "metrics"], input=exposition, capture_output=True, check=False
    )
    assert check.returncode == 0, (check.stdout + check.stderr).decode()


def test_metrics_are_the_series_of_the_contract(watched: CacheServer, visits: Callable[[], None]):
    visits()
    exposition = watched.get("/metrics").body.decode()
    assert set(re.findall(r"^# TYPE (\w+) ", exposition, re.MULTILINE)) == FAMILIES
    assert set(re.findall(r"^(\w+)[{ ]", exposition, re.MULTILINE)) == SERIES.keys()


@pytest.mark.parametrize(
    ("flags", "rows"),
    [
        ([], ["always", "unless `--max-memory` is `none`"]),
        (["--max-memory", "none"], ["always"]),
        (["--capacity", "8", "--max-memory", "none"], ["always", "with `--capacity`"]),
    ],
    ids=["plain", "unbounded", "bounded"],
)
def test_metrics_are_there_when_the_readme_says(
    start_server: Callable[..., CacheServer], flags: list[str], rows: list[str]
):
    exposition = start_server(*flags).get("/metrics").body.decode()
    families = re.findall(r"^# TYPE (\w+) ", exposition, re.MULTILINE)
    listed = dict(re.findall(r"^\| (.+?) \| (.*`cache_.*)", README, re.MULTILINE))
    assert set(families) == {name for row in rows for name in re.findall(r"`(cache_\w+)", listed[row])}


def test_target_is_up(prometheus: Prometheus):
    def target() -> dict | None:
        found = prometheus.api("targets")["activeTargets"]
        return found[0] if len(found) == 1 and found[0]["health"] == "up" else None

    assert eventually(target, "the server was scraped without an error")["labels"]["job"] == "production-cache"
    eventually(lambda: [value for _, value in prometheus.query("up")] == [1], "up is 1")


@pytest.mark.parametrize("name", SERIES)
def test_series_is_there(prometheus: Prometheus, visits: Callable[[], None], name: str):
    visits()
    found = eventually(lambda: prometheus.query(name), f"Prometheus has {name}")
    added = {"__name__", "instance", "job"}
    for label, values in SERIES[name].items():
        told = {labels.get(label) for labels, _ in found}
        assert None not in told and values <= told, f"{name}{{{label}}} has only {told}"
    for labels, _ in found:
        assert labels.keys() - added == SERIES[name].keys(), labels
        assert not any(KEY in value for value in labels.values()), f"a label carries a key: {labels}"


def test_latency_is_told_from_a_microsecond_up(prometheus: Prometheus):
    found = eventually(lambda: prometheus.query("cache_operation_duration_seconds_bucket"), "there are buckets")
    bounds = sorted({float(labels["le"]) for labels, _ in found})
    assert bounds[0] <= 1e-6 and bounds[-1] == math.inf


@pytest.mark.parametrize("expression", queries())
def test_dashboard_query_has_an_answer(prometheus: Prometheus, visits: Callable[[], None], expression: str):
    def answer() -> list[float] | None:
        visits()
        values = [value for _, value in prometheus.query(expression)]
        return values if values and all(map(math.isfinite, values)) else None

    values = eventually(answer, f"a finite answer to {expression}")
    assert all(value >= 0 for value in values)
    if expression.startswith("100 *"):
        assert all(value <= 100 for value in values)


@pytest.mark.parametrize(
    "series",
    [
        'cache_loads_total{result="value"}',
        'cache_loads_total{result="absent"}',
        'cache_loads_total{result="failed"}',
        "cache_load_duration_seconds_count",
        "cache_loads_revalidated_total",
        "cache_stale_served_total",
        "cache_negative_hits_total",
        "cache_snapshot_entries",
        "cache_snapshot_bytes",
        "cache_snapshot_duration_seconds",
        'cache_warm_items_total{result="loaded"}',
        'cache_warm_items_total{result="failed"}',
        'cache_warm_items_total{result="expired"}',
        'cache_warm_state{state="done"}',
    ],
)
def test_what_happened_is_counted(prometheus: Prometheus, visits: Callable[[], None], series: str):
    """An answer of the dashboard could be 0 for ever: these are not."""
    visits()
    eventually(lambda: [value for _, value in prometheus.query(series) if value > 0], f"{series} is above 0")


def test_snapshot_was_written_just_now(prometheus: Prometheus):
    ages = eventually(lambda: prometheus.query("time() - cache_snapshot_timestamp_seconds"), "an age")
    uptimes = eventually(lambda: prometheus.query("cache_uptime_seconds"), "an uptime")
    # A second for the scrape that the uptime is of.
    assert 0 <= ages[0][1] <= uptimes[0][1] + 1 + PATIENCE


def test_figures_are_those_of_stats(prometheus: Prometheus, watched: CacheServer, visits: Callable[[], None]):
    visits()

    def told(expression: str) -> float | None:
        found = prometheus.query(expression)
        return found[0][1] if found else None

    # Both are read anew until they meet: a scrape is always a little behind.
    def agree() -> bool:
        stats = watched.stats()
        figures = {
            'cache_gets_total{result="hit"}': stats["hits"],
            'cache_gets_total{result="miss"}': stats["misses"],
            "cache_puts_total": stats["puts"],
            'cache_removals_total{cause="evicted"}': stats["evictions"],
            'cache_removals_total{cause="expired"}': stats["expirations"],
            'cache_removals_total{cause="deleted"}': stats["deletes"],
            "cache_entries": stats["current_size"],
            "cache_capacity_entries": stats["capacity"],
            "cache_memory_bytes": stats["memory_bytes"],
            "cache_memory_limit_bytes": stats["memory_limit_bytes"],
            "sum(cache_loads_total)": stats["origin"]["loads"],
            'cache_loads_total{result="failed"}': stats["origin"]["load_failures"],
            "cache_stale_served_total": stats["origin"]["stale_served"],
            "cache_negative_hits_total": stats["origin"]["negative_hits"],
            "cache_loads_revalidated_total": stats["origin"]["revalidated"],
            "cache_snapshot_entries": stats["snapshot"]["entries"],
            "cache_snapshot_bytes": stats["snapshot"]["bytes"],
            "cache_snapshot_failures_total": stats["snapshot"]["failures"],
            'cache_warm_items_total{result="loaded"}': stats["warm"][0]["loaded"],
            'cache_operation_duration_seconds_count{operation="get"}': stats["latency"]["get"]["count"],
        }
        return all(told(expression) == figure for expression, figure in figures.items())

    eventually(agree, "/metrics as Prometheus saw it, and /stats, tell the same")
