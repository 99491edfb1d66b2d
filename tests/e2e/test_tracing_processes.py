"""Tracing by several server processes, over HTTP, and to a collector that is down."""

import signal
from pathlib import Path
from typing import Any

import requests

from tests.support.collector import http_collector
from tests.support.serving import serving
from tests.support.waiting import eventually


def test_each_server_process_sends_its_own_spans_over_http_too(tmp_path: Path) -> None:
    with http_collector() as found:
        variables = {
            "JOINTTRACK_TRACING": "otlp",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": found.endpoint,
            "OTEL_SERVICE_NAME": "joints",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "JOINTTRACK_PRELOAD": "none",
        }
        options = ("--no-auth", "--processes=2")
        with serving(tmp_path, *options, **variables) as served:

            def instances() -> dict[str, int]:
                requests.get(f"{served.url}/nothing", timeout=30)
                return {
                    one.resource["service.instance.id"]: one.resource["process.pid"]
                    for one in found.spans
                }

            eventually(lambda: len(instances()) == 2)
            assert len(set(instances().values())) == 2
            assert {one.resource["service.name"] for one in found.spans} == {"joints"}
            assert served.stop(signal.SIGTERM) == 0


def test_a_collector_that_is_down_does_no_harm(tmp_path: Path) -> None:
    variables = {
        "JOINTTRACK_TRACING": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "10",
        "OTEL_BSP_MAX_QUEUE_SIZE": "16",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "8",
        "JOINTTRACK_PRELOAD": "none",
    }
    with serving(tmp_path, "--no-auth", **variables) as served:

        def complaints() -> list[dict[str, Any]]:
            return [one for one in served.logged if one["logger"].startswith("opentelemetry")]

        for _ in range(300):
            assert requests.get(f"{served.url}/nothing", timeout=30).status_code == 404
        eventually(complaints)
        assert served.stop(signal.SIGTERM) == 0
        assert len(complaints()) == 1
        assert sum(one["message"] == "request" for one in served.logged) >= 300
