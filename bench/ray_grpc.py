"""Ray Serve's own gRPC proxy around the same engine step, as fast as Ray says. To compare with.

    python -m bench.ray_grpc REPLICAS

Ray's HAProxy in front, its settings for throughput, requests straight to the replicas. One pass of
Lightning a picture or frame, keypoints as the answer; no keys, limits, measurements or tracking.
"""

import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

TUNED = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "RAY_ENABLE_METRICS": "0",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
}
FILES = {
    "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": "haproxy.cfg",
    "RAY_SERVE_HAPROXY_SOCKET_PATH": "admin.sock",
    "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": "",
    "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": "server-state",
}
SERVICE = "jointtrack.v1.jointtrack_service_pb2_grpc.add_JointTrackServiceServicer_to_server"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(replicas: int) -> None:
    folder = tempfile.mkdtemp()
    os.environ |= TUNED | {name: str(Path(folder, file)) for name, file in FILES.items()}
    os.environ["RAY_SERVE_HAPROXY_STATS_PORT"] = str(free_port())
    # Ray reads the variables when it is imported.
    import ray  # noqa: PLC0415
    from ray import serve  # noqa: PLC0415
    from ray.serve.config import HTTPOptions, gRPCOptions  # noqa: PLC0415
    from ray.serve.schema import LoggingConfig  # noqa: PLC0415

    from bench.ray_step import Step, answer  # noqa: PLC0415
    from jointtrack.v1 import jointtrack_service_pb2 as service_pb2  # noqa: PLC0415

    quiet = LoggingConfig(enable_access_log=False, log_level="ERROR")

    @serve.deployment(
        num_replicas=replicas,
        max_ongoing_requests=64,
        ray_actor_options={"num_cpus": 1},
        logging_config=quiet,
    )
    class Detector:
        """Answers Detect and StreamDetect, whatever the options."""

        def __init__(self) -> None:
            self.step = Step()

        async def Detect(  # noqa: N802
            self, request: service_pb2.DetectRequest
        ) -> service_pb2.DetectResponse:
            response = service_pb2.DetectResponse()
            response.detection.CopyFrom(answer(await self.step.of_file(request.image.encoded)))
            return response

        async def StreamDetect(  # noqa: N802
            self, requests: AsyncIterator[service_pb2.StreamDetectRequest]
        ) -> AsyncIterator[service_pb2.StreamDetectResponse]:
            async for request in requests:
                if request.HasField("frame"):
                    response = service_pb2.StreamDetectResponse()
                    response.sequence_id = request.frame.sequence_id
                    found = await self.step.of_file(request.frame.image.encoded)
                    response.detection.CopyFrom(answer(found))
                    yield response

    ray.init(
        num_cpus=replicas + 2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _node_ip_address="127.0.0.1",
    )
    port = free_port()
    serve.start(
        http_options=HTTPOptions(host="127.0.0.1", port=free_port()),
        grpc_options=gRPCOptions(port=port, grpc_servicer_functions=[SERVICE]),
        logging_config=quiet,
    )
    application: Any = Detector
    serve.run(application.bind(), name="bench", route_prefix="/")
    print(f"gRPC on 127.0.0.1:{port}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        signal.pause()
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
