"""Wires the parts together, and orders their start and stop. The only place that does."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

import cv2
import uvicorn

from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack_server.access.keys import KeyStore
from jointtrack_server.cpus import available_cpus
from jointtrack_server.errors import StartupError
from jointtrack_server.grpc_api.interceptor import CallInterceptor
from jointtrack_server.grpc_api.server import GrpcDoor
from jointtrack_server.grpc_api.servicer import JointTrackServicer
from jointtrack_server.imaging.decode import ImageLimits
from jointtrack_server.observability.metrics import Metrics
from jointtrack_server.pipeline.detect import DetectPipeline
from jointtrack_server.pipeline.models import LoadedModels
from jointtrack_server.pipeline.options import MAX_PEOPLE
from jointtrack_server.pipeline.runner import Runner
from jointtrack_server.rest_api.app import RestServices, create_rest_app
from jointtrack_server.settings import Settings

_LOG = logging.getLogger(__name__)

WORKERS_PER_CPU = 2
"""While one waits for an inference, another decodes (docs/performance.md)."""

FIRST_KEY_NAME = "first key"


@dataclass(slots=True)
class Application:
    """A server that ``start`` and ``stop`` bring up and down; ports are known once built.

    ``first_key`` is the API key that was made because the store was empty: show it, it is not kept.
    """

    settings: Settings
    models: LoadedModels
    runner: Runner
    keys: KeyStore | None
    first_key: str | None
    grpc_door: GrpcDoor
    http_door: "HttpDoor"
    draining: asyncio.Event
    state: "ServingState"

    async def start(self) -> None:
        await self.http_door.start()
        await self.grpc_door.start()
        self.state.serving = True

    async def stop(self) -> None:
        """Refuses new work, lets what is under way end, and closes everything."""
        self.state.serving = False
        self.draining.set()
        await self.grpc_door.stop(self.settings.drain_grace_s)
        await self.http_door.stop()
        await asyncio.to_thread(self.runner.close)
        if self.keys is not None:
            self.keys.close()


@dataclass(slots=True)
class ServingState:
    """Whether requests are taken."""

    serving: bool = False


async def build(settings: Settings, models: LoadedModels) -> Application:
    """Binds the ports and opens the key store.

    Raises StartupError saying which file, port or setting is at fault and what to do.
    """
    # Workers are the unit of parallelism: OpenCV's own threads would only fight them.
    cv2.setNumThreads(1)
    keys = KeyStore(settings.data_dir) if settings.auth else None
    runner = Runner(settings.workers or WORKERS_PER_CPU * available_cpus(), settings.max_queue)
    limits = ImageLimits(settings.max_image_bytes, settings.max_image_pixels)
    pipeline = DetectPipeline(models.models, models.finder, runner, limits)
    metrics, state, draining = Metrics(), ServingState(), asyncio.Event()
    servicer = JointTrackServicer(
        pipeline, models, runner, _limits_pb(settings), version("jointtrack"), draining
    )
    grpc_door = GrpcDoor(
        servicer,
        CallInterceptor(metrics, keys),
        host=settings.host,
        port=settings.grpc_port,
        max_message_bytes=settings.max_message_bytes,
    )
    rest = RestServices(
        pipeline=pipeline,
        runner=runner,
        engine=models.engine,
        keys=keys,
        metrics=metrics,
        ready=lambda: state.serving,
        version=version("jointtrack"),
        max_image_bytes=settings.max_image_bytes,
        max_people=MAX_PEOPLE,
        timeout_s=settings.http_timeout_s,
    )
    http_door = HttpDoor(create_rest_app(rest), settings.host, settings.http_port)
    first_key = keys.create_first(FIRST_KEY_NAME) if keys else None
    return Application(
        settings, models, runner, keys, first_key, grpc_door, http_door, draining, state
    )


def _limits_pb(settings: Settings) -> service_pb2.Limits:
    return service_pb2.Limits(
        max_message_bytes=settings.max_message_bytes,
        max_image_bytes=settings.max_image_bytes,
        max_image_pixels=settings.max_image_pixels,
        max_people=MAX_PEOPLE,
        max_in_flight=settings.max_in_flight,
        max_bad_frames=settings.max_bad_frames,
        max_queue=settings.max_queue,
    )


class HttpDoor:
    """The HTTP application on uvicorn, in our event loop and under our signals."""

    def __init__(self, app: object, host: str, port: int) -> None:
        """Binds the port, 0 for a free one. Raises StartupError if it cannot be had."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise StartupError(
                f"HTTP cannot listen on {host}:{port}: {error.strerror}. Choose another port with "
                "--http-port or another address with --host; port 0 takes a free one."
            ) from error
        self.port = int(self._socket.getsockname()[1])
        config = uvicorn.Config(
            app,  # type: ignore[arg-type]
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        self._server = _QuietServer(config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not (self._server.started or self._serving.done()):  # noqa: ASYNC110  # no event
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        self._socket.close()


class _QuietServer(uvicorn.Server):
    """Leaves signals to the application."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
