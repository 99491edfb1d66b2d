"""Who watches a server need not know where its models run: with --backend=ray, both are asked."""

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests
from grpc_health.v1 import health_pb2, health_pb2_grpc

from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.collector import traceparent
from tests.support.metrics import Scrape
from tests.support.ray_cluster import OF_SERVERS
from tests.support.streams import config, frame
from tests.support.tracing import KNEE, PHOTO, Traced, detect, traced_server

PATH = "/photo.jpg"
STRANGER = "jt_0_wrong"
CHANGING = {"key_id", "reason"}
"""Labels whose values are of one server alone, or tell one backend from the other."""

Names = Counter[tuple[object, ...]]


@dataclass(frozen=True)
class Seen:
    """What a server lets its operator see; ``logged`` and ``spans`` are of its requests."""

    metrics: set[tuple[object, ...]]
    logged: Names
    spans: Names
    health: list[object]


def test_metrics_logs_spans_and_health_are_the_same(tmp_path: Path) -> None:
    if not OF_SERVERS:
        pytest.skip("there is one backend: pytest --backend=ray starts another")
    local = {"JOINTTRACK_BACKEND": "local", "JOINTTRACK_RAY_ADDRESS": ""}
    with traced_server(tmp_path / "ray", PATH) as server:
        on_ray = seen(server)
    with traced_server(tmp_path / "local", PATH, **local) as server:
        alone = seen(server)
    assert len(alone.metrics) > 100
    assert on_ray.metrics == alone.metrics
    assert sum(alone.logged.values()) == 8
    assert on_ray.logged == alone.logged
    assert {name for name, *_ in alone.spans} >= {"frame", "infer", "fetch", "encode"}
    assert on_ray.spans == alone.spans
    assert on_ray.health == alone.health


def seen(server: Traced) -> Seen:
    """After some of everything."""
    traces = [use(server) for use in USES]
    lines = [server.line(trace_id) for trace_id in traces]
    for trace_id in traces:
        server.collector.request(trace_id)
    metrics = Scrape(requests.get(f"{server.served.url}/metrics", timeout=30).text)
    return Seen(
        metrics={
            (sample.name, *sorted((key, value_of(key, value)) for key, value in labels.items()))
            for family in metrics.families
            for sample in family.samples
            for labels in [sample.labels]
        },
        logged=Counter((one["logger"], one["level"], *sorted(one)) for one in lines),
        spans=Counter(span for trace_id in traces for span in spans(server, trace_id)),
        health=health(server),
    )


def value_of(label: str, value: str) -> str:
    return "" if label in CHANGING else value


def spans(server: Traced, trace_id: str) -> list[tuple[object, ...]]:
    """Each span's name, that of the one around it, and the names of its attributes. A frame that
    found a free thread waited for none."""
    found = server.collector.of(trace_id)
    names = {one.id: one.name for one in found}
    return [
        (one.name, names.get(one.parent_id), *sorted(one.attributes))
        for one in found
        if (one.name, names.get(one.parent_id)) != ("queue", "frame")
    ]


def health(server: Traced) -> list[object]:
    answers = [requests.get(f"{server.served.url}/{path}", timeout=30) for path in PROBES]
    with grpc.insecure_channel(server.served.target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        services = ("", "jointtrack.v1.JointTrackService")
        asked = [stub.Check(health_pb2.HealthCheckRequest(service=one)) for one in services]
    return [*((one.status_code, one.text) for one in answers), *(one.status for one in asked)]


PROBES = ("healthz", "readyz")


def call(method: str, request: Any, **options: Any) -> Callable[[Traced], str]:
    """Of the gRPC door; a refusal is an answer as well. What it returns gives the id of its
    trace."""

    def use(server: Traced) -> str:
        trace_id = secrets.token_hex(16)
        key = options.get("key", server.served.key)
        metadata = (("x-api-key", key), traceparent(trace_id))
        with grpc.insecure_channel(server.served.target) as channel:
            answer = getattr(JointTrackServiceStub(channel), method)
            try:
                done = answer(request(server), metadata=metadata)
                if method == "StreamDetect":
                    list(done)
            except grpc.RpcError:
                pass
        return trace_id

    return use


def post(server: Traced) -> str:
    trace_id = secrets.token_hex(16)
    requests.post(
        f"{server.served.url}/detect",
        headers=dict([("X-API-Key", server.served.key), traceparent(trace_id)]),
        files={"image": PHOTO},
        data={"measurement": "knee_flexion"},
        timeout=30,
    )
    return trace_id


def frames(_: Traced) -> Any:
    options = service_pb2.DetectOptions(measurements=KNEE)
    pictures = (PHOTO, PHOTO[:5000], PHOTO)
    return iter([config(options=options), *(frame(at, one) for at, one in enumerate(pictures))])


USES = (
    call("Detect", lambda _: detect(include_overlays=True)),
    call("Detect", lambda server: detect(url=server.picture_url)),
    call("Detect", lambda _: detect(data=PHOTO[:5000])),
    call("Detect", lambda _: detect(), key=STRANGER),
    call("Detect", lambda _: detect(model="movenet-lightning")),
    call("StreamDetect", frames),
    call("GetServerInfo", lambda _: service_pb2.GetServerInfoRequest()),
    post,
)
