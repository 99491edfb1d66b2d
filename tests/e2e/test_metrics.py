"""/metrics of several server processes, and what Prometheus and the dashboard make of it."""

import json
import math
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import grpc
import numpy as np
import promql_parser
import psutil
import pytest
import requests

from jointtrack import AuthenticationError, JointTrackClient
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from jointtrack_server.observability.catalogue import SPECS
from tests.support.certificates import Authority, Secret
from tests.support.metrics import Scrape
from tests.support.prometheus import RATE_INTERVAL, Prometheus, promtool, running_prometheus
from tests.support.servers import DATA
from tests.support.serving import Served, serving
from tests.support.streams import config
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
DEPLOYED = ROOT / "deploy"
PHOTO = (DATA / "arms_out_front.jpg").read_bytes()
NOBODY = cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
PROCESSES = 2


@dataclass(frozen=True)
class Counted:
    """A server of several processes, over TLS, with /metrics on a port of its own."""

    served: Served
    authority: Authority
    root_file: Path

    @property
    def metrics_url(self) -> str:
        return self.served._found(r"^Metrics on (https://\S+)$")

    def get(self, url: str) -> requests.Response:
        """Over a connection of its own: any of the processes answers."""
        return requests.get(url, verify=str(self.root_file), timeout=30)

    def scrape(self) -> Scrape:
        answer = self.get(self.metrics_url)
        assert answer.status_code == 200, answer.text
        return Scrape(answer.text)

    def client(self, key: str = "") -> JointTrackClient:
        return JointTrackClient(
            self.served.target,
            api_key=key or self.served.key,
            tls=self.authority.root,
            timeout_s=60,
            channel_options={"grpc.use_local_subchannel_pool": 1},
        )

    def detect(self, times: int) -> None:
        for _ in range(times):
            with self.client() as client:
                client.detect(PHOTO, model="movenet-lightning", search="whole_picture")

    def use(self) -> None:
        """Some of everything that is counted."""
        with self.client() as client:
            client.detect(PHOTO, ["knee_flexion"], include_overlays=True)
            client.detect(PHOTO, ["hip_side"], strict=True)
            client.detect(NOBODY)
            list(client.stream([PHOTO, b"no picture", PHOTO]))
        with self.client("jt_0_wrong") as stranger, pytest.raises(AuthenticationError):
            stranger.detect(PHOTO)

    @contextmanager
    def open_stream(self) -> Iterator[None]:
        """A stream that nobody opens again when it breaks."""
        credentials = grpc.ssl_channel_credentials(self.authority.root)
        left = threading.Event()

        def messages() -> Iterator[service_pb2.StreamDetectRequest]:
            yield config()
            left.wait(60)

        with grpc.secure_channel(self.served.target, credentials) as channel:
            metadata = (("x-api-key", self.served.key),)
            call = JointTrackServiceStub(channel).StreamDetect(messages(), metadata=metadata)
            yield
            left.set()
            call.cancel()

    def kill_all(self) -> None:
        for child in psutil.Process(self.served.process.pid).children():
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    authority, folder = Authority(), tmp_path_factory.mktemp("counted")
    secret, root_file = Secret(folder / "secret"), folder / "server-ca.pem"
    secret.write(authority.server())
    root_file.write_bytes(authority.root)
    options = ["--metrics-port=0", f"--processes={PROCESSES}", f"--data-dir={folder / 'data'}"]
    options += [f"--tls-cert-file={secret.certificate}", f"--tls-key-file={secret.key}"]
    with serving(folder / "here", *options, JOINTTRACK_PRELOAD="none") as served:
        server = Counted(served, authority, root_file)
        eventually(lambda: serving_processes(server) == PROCESSES)
        server.use()
        yield server
        assert served.stop(signal.SIGTERM) == 0


def serving_processes(server: Counted) -> float:
    return server.scrape().value("jointtrack_server_state", state="serving")


def detected(scrape: Scrape) -> float:
    return scrape.value("jointtrack_requests_total", method="Detect", code="OK")


def test_any_process_answers_for_all(counted: Counted) -> None:
    before = detected(counted.scrape())
    counted.detect(8)
    scrapes = [counted.scrape() for _ in range(6)]
    assert [detected(one) - before for one in scrapes] == [8] * 6
    last = scrapes[-1]
    assert last.value("jointtrack_people_per_picture_count", kind="picture") >= 8
    assert 1 <= last.value("jointtrack_models_loaded", model="movenet-lightning") <= PROCESSES
    for member in ("0", "1", "supervisor"):
        assert last.value("process_resident_memory_bytes", process=member) > 1e6
        assert last.value("jointtrack_process_threads", process=member) > 0


def test_counts_outlive_the_processes_and_gauges_do_not(counted: Counted) -> None:
    counted.detect(4)
    with counted.open_stream():
        eventually(lambda: counted.scrape().value("jointtrack_streams_open") == 1)
        before = counted.scrape()
        counted.kill_all()
        seen: list[Scrape] = []

        def are_replaced() -> bool:
            try:
                seen.append(counted.scrape())
            except requests.ConnectionError:  # none of them listens for now
                return False
            return serving_processes(counted) == PROCESSES

        eventually(lambda: are_replaced() and len(seen) > 1)
    counts = [detected(one) for one in (before, *seen)]
    assert counts == [counts[0]] * len(counts)
    replaced = "jointtrack_process_replacements_total"
    assert seen[-1].value(replaced) == before.value(replaced) + PROCESSES
    assert seen[-1].value("jointtrack_streams_open") == 0
    counted.detect(2)
    assert detected(counted.scrape()) == counts[0] + 2


def test_the_port_has_nothing_else_and_no_other_port_has_it(counted: Counted) -> None:
    assert counted.get(f"{counted.served.url}/metrics").status_code == 404
    assert counted.get(counted.metrics_url.replace("/metrics", "/healthz")).status_code == 404


def test_all_of_it_is_documented(counted: Counted) -> None:
    described = counted.scrape().described
    assert described >= {spec.name for spec in SPECS}
    page = (ROOT / "docs" / "metrics.md").read_text()
    assert {name for name in described if f"`{name}`" not in page} == set()


def test_promtool_finds_nothing_wrong(counted: Counted) -> None:
    assert promtool("check", "metrics", given=counted.scrape().text) == ""


def test_the_example_of_a_configuration() -> None:
    assert "SUCCESS" in promtool("check", "config", str(DEPLOYED / "prometheus/prometheus.yaml"))


def test_each_alert_is_raised_when_it_should_be() -> None:
    cases = DATA / "alerts.yaml"
    assert cases.read_text().count("exp_alerts:") == 10
    assert "SUCCESS" in promtool("test", "rules", str(cases))


def test_the_dashboard_and_the_alerts_on_a_real_prometheus(
    counted: Counted, tmp_path: Path
) -> None:
    """Every query of the dashboard gives numbers, and every alert can be evaluated."""
    shutil.copy(DEPLOYED / "prometheus" / "rules.yaml", tmp_path)
    with running_prometheus(tmp_path, scrape_config(counted)) as prometheus:
        for _ in range(2):
            counted.use()
            enough = prometheus.samples + 2
            eventually(lambda: prometheus.samples >= enough)  # noqa: B023
        eventually(lambda: {rule["health"] for rule in alerts(prometheus)} != {"unknown"})
        rules = alerts(prometheus)
        answers = {query: prometheus.query(query) for query in dashboard_queries()}
    assert len(rules) == 10
    assert {rule["health"] for rule in rules} == {"ok"}
    queries = [*answers, *(rule["query"] for rule in rules)]
    names = counted.scrape().names | {"up"}
    assert {name for query in queries for name in named(query)} <= names
    empty = [query for query, series in answers.items() if not any(map(is_number, series))]
    assert empty == []


def alerts(prometheus: Prometheus) -> list[dict[str, Any]]:
    """The rules that it has read."""
    return [rule for group in prometheus.api("rules")["groups"] for rule in group["rules"]]


def scrape_config(counted: Counted) -> str:
    """The example of deploy/prometheus, with TLS uncommented, for this server and every second."""
    text = (DEPLOYED / "prometheus" / "prometheus.yaml").read_text()
    target = counted.metrics_url.removeprefix("https://").removesuffix("/metrics")
    changes = {
        "scrape_interval: 15s": "scrape_interval: 1s",
        "# scheme:": "scheme:",
        "# tls_config:": "tls_config:",
        "#   ca_file: server-ca.pem": f"  ca_file: {counted.root_file}",
        "localhost:8080": target,
    }
    for old, new in changes.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    return f"global:\n  evaluation_interval: 1s\n{text}"


def dashboard_queries() -> list[str]:
    """As Grafana sends them."""
    document = json.loads((DEPLOYED / "grafana" / "jointtrack.json").read_text())
    queries = [
        target["expr"] for panel in document["panels"] for target in panel.get("targets", ())
    ]
    assert len(queries) > 30
    values = {"$job": "jointtrack", "$instance": ".+", "$__rate_interval": RATE_INTERVAL}
    for variable, value in values.items():
        queries = [query.replace(variable, value) for query in queries]
    assert not any("$" in query for query in queries)
    return queries


def named(promql: str) -> Iterator[str]:
    """The metrics that a query names."""
    found: list[str] = []

    def note(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            assert node.name is not None
            found.append(node.name)
        return True

    promql_parser.walk(promql_parser.parse(promql), note)
    yield from found


def is_number(series: dict[str, Any]) -> bool:
    return not math.isnan(float(series["value"][1]))
