"""Tracing at its start and at its end."""

import asyncio
import socket
import sys
import time
from collections.abc import Callable

import grpc
import pytest
import requests
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from jointtrack.v1 import image_pb2, measurement_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from jointtrack_server.app import build
from jointtrack_server.errors import StartupError
from jointtrack_server.observability import tracing
from jointtrack_server.observability.observer import Called
from jointtrack_server.observability.tracing import start_tracing
from jointtrack_server.pipeline import detect
from jointtrack_server.pipeline.models import load_models
from jointtrack_server.settings import Settings
from tests.support.collector import collector
from tests.support.servers import DATA, RunningServer

PHOTO = (DATA / "arms_out_front.jpg").read_bytes()
CALLED = Called("a request", {})


def start(**options: object) -> None:
    settings = Settings(preload="none", auth=False, **options)  # type: ignore[arg-type]
    asyncio.run(build(settings, load_models(settings)))


@pytest.mark.parametrize(
    "missing", ["opentelemetry.sdk.resources", "opentelemetry.exporter.otlp.proto.grpc"]
)
def test_without_the_extra_it_says_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, tracing.__name__)
    monkeypatch.delitem(sys.modules, f"{missing}.trace_exporter", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(StartupError, match=r"pip install 'jointtrack\[otel\]'"):
        start(tracing="otlp")


def test_a_protocol_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
    with pytest.raises(StartupError, match=r"'http/json'. Use grpc or http/protobuf"):
        start(tracing="otlp")


def test_a_value_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
    with pytest.raises(StartupError, match=r"soon.*OTEL_"):
        start(tracing="otlp")


def test_printed_spans_are_lines_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    one = start_tracing("console", "1.0")
    one.begin(CALLED, {}, "").stage("decode", 0.0, 1.0, None)
    one.close()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith('{"name": "decode"')


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_collector_that_says_nothing_does_not_hold_up_the_end(
    protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "CLOSE_S", 0.3)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        one = start_tracing("otlp", "1.0")
        one.begin(CALLED, {}, "").stage("decode", 0.0, 1.0, None)
        began_s = time.monotonic()
        one.close()
        assert time.monotonic() - began_s < 15.0


def test_a_server_that_stops_sends_what_waits(
    start_server: Callable[..., RunningServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
    with collector() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.endpoint)
        server = start_server(tracing="otlp", preload="none", auth=False)
        requests.get(f"{server.url}/nothing", timeout=30)
        assert found.spans == []
        server.stop()
        assert [one.name for one in found.spans] == ["GET"]


def test_what_machines_ask_for_all_the_time_is_not_traced(
    start_server: Callable[..., RunningServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    with collector() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.endpoint)
        server = start_server(tracing="otlp", preload="none", auth=False)
        for path in ("/healthz", "/readyz", "/metrics", "/nothing"):
            requests.get(f"{server.url}{path}", timeout=30)
        server.stop()
        assert [one.attributes["http.response.status_code"] for one in found.spans] == [404]


def test_the_servers_own_failure_is_an_error_without_its_words(
    start_server: Callable[..., RunningServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("a secret")

    monkeypatch.setattr(detect, "measure", fail)
    with collector() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.endpoint)
        server = start_server(tracing="otlp", auth=False)
        with grpc.insecure_channel(server.target) as channel, pytest.raises(grpc.RpcError):
            JointTrackServiceStub(channel).Detect(
                service_pb2.DetectRequest(
                    image=image_pb2.Image(encoded=PHOTO),
                    options=service_pb2.DetectOptions(
                        measurements=[measurement_pb2.MEASUREMENT_TYPE_SPLITS]
                    ),
                )
            )
        requests.post(
            f"{server.url}/detect",
            files={"image": PHOTO},
            data={"measurement": "splits"},
            timeout=30,
        )
        server.stop()
        broken = [one for one in found.spans if one.span.status.code == Status.STATUS_CODE_ERROR]
        assert [one.name for one in broken] == [
            *("measure", "jointtrack.v1.JointTrackService/Detect"),
            *("measure", "POST /detect"),
        ]
        for one in broken:
            assert one.attributes["error.type"] == "INTERNAL"
            assert "secret" not in str(one.span)
        assert broken[1].attributes["rpc.response.status_code"] == "INTERNAL"
        assert broken[3].attributes["http.response.status_code"] == 500
