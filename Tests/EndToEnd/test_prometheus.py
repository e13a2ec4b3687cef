"""docker/: Prometheus' configuration against a real Prometheus and a real server, and Grafana's dashboard on top."""

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
from harness.process import CacheServer

DOCKER = Path(__file__).resolve().parents[2] / "docker"
DASHBOARD = json.loads((DOCKER / "grafana/dashboards/production-cache.json").read_text())
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())

# Every series of the contract with the labels that tell its kinds apart, and the values of those that are fixed.
SERIES: dict[str, dict[str, set[str]]] = {
    "cache_gets_total": {"result": {"hit", "miss"}},
    "cache_puts_total": {},
    "cache_removals_total": {"cause": {"evicted", "expired", "deleted", "replaced"}},
    "cache_entries": {},
    "cache_capacity_entries": {},
    "cache_memory_bytes": {},
    "cache_memory_limit_bytes": {},
    "cache_estimated_hit_ratio": {"capacity_factor": {"0.5", "2.0", "4.0"}},
    "cache_operation_duration_seconds_bucket": {"operation": {"get", "put", "mget", "mput"}, "le": set()},
    "cache_operation_duration_seconds_sum": {"operation": {"get", "put", "mget", "mput"}},
    "cache_operation_duration_seconds_count": {"operation": {"get", "put", "mget", "mput"}},
    "cache_http_requests_total": {"route": set(), "method": set(), "status": set()},
    "cache_http_connections": {},
    "cache_uptime_seconds": {},
    "cache_build_info": {"version": set()},
}

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
    left_out = {"cache_operation_duration_seconds_sum"}  # a mean hides what the quantiles show
    assert SERIES.keys() - shown == left_out


def test_dashboard_queries_parse(tmp_path: Path):
    rules = [{"record": f"dashboard:query_{number}", "expr": query.values[0]} for number, query in enumerate(queries())]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    check = subprocess.run([program("promtool"), "check", "rules", file], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr
    assert f"{len(rules)} rules found" in check.stdout


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
def watched(start_module_server: Callable[..., CacheServer]) -> CacheServer:
    return start_module_server("--capacity", str(CAPACITY))


@pytest.fixture(scope="module")
def prometheus(watched: CacheServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    running = Prometheus(tmp_path_factory.mktemp("prometheus"), watched)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def visits(watched: CacheServer) -> Callable[[], None]:
    """Makes requests of every kind: hits and misses, and removals by each cause."""

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

    return visit


def test_metrics_pass_promtool(watched: CacheServer, visits: Callable[[], None]):
    visits()
    exposition = watched.get("/metrics").body
    check = subprocess.run(
        [program("promtool"), "check", "metrics"], input=exposition, capture_output=True, check=False
    )
    assert check.returncode == 0, (check.stdout + check.stderr).decode()


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
            'cache_operation_duration_seconds_count{operation="get"}': stats["latency"]["get"]["count"],
        }
        return all(told(expression) == figure for expression, figure in figures.items())

    eventually(agree, "/metrics as Prometheus saw it, and /stats, tell the same")
