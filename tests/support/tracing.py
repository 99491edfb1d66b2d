"""A server process that is traced, with all around it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jointtrack.v1 import image_pb2, measurement_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from tests.support.collector import Collector, collector
from tests.support.hostile import hostile_server, ok
from tests.support.servers import DATA
from tests.support.serving import Served, serving
from tests.support.waiting import eventually

PHOTO = (DATA / "arms_out_front.jpg").read_bytes()
KNEE = [measurement_pb2.MEASUREMENT_TYPE_KNEE_FLEXION]


@dataclass
class Traced:
    """A server process, its collector, and a web server with a picture."""

    served: Served
    collector: Collector
    picture_url: str

    @property
    def key(self) -> tuple[str, str]:
        return ("x-api-key", self.served.key)

    def line(self, trace_id: str) -> dict[str, Any]:
        """What the log says of the one request in a trace."""

        def lines() -> list[dict[str, Any]]:
            logged = [one for one in self.served.logged if one.get("trace_id") == trace_id]
            return [one for one in logged if one["message"] == "request"]

        eventually(lines)
        (found,) = lines()
        return found


@contextmanager
def traced_server(folder: Path, path: str, **more: str) -> Iterator[Traced]:
    """``path`` is that of the picture on the web server, with its query; ``more`` are variables."""
    answers = {path.partition("?")[0]: ok(PHOTO)}
    with collector() as found, hostile_server(answers) as pictures:
        variables = {
            "JOINTTRACK_TRACING": "otlp",
            "JOINTTRACK_FETCH_PRIVATE": '["127.0.0.1/32"]',
            "JOINTTRACK_FETCH_PORTS": json.dumps([pictures.port]),
            "OTEL_EXPORTER_OTLP_ENDPOINT": found.endpoint,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=clinic",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            **more,
        }
        with serving(folder, "--data-dir=data", **variables) as served:
            yield Traced(served, found, f"http://127.0.0.1:{pictures.port}{path}")


def detect(*, url: str = "", data: bytes = PHOTO, **options: Any) -> service_pb2.DetectRequest:
    image = image_pb2.Image(url=url) if url else image_pb2.Image(encoded=data)
    wanted = service_pb2.DetectOptions(measurements=KNEE, **options)
    return service_pb2.DetectRequest(image=image, options=wanted)
