"""Wires the parts together, and orders their start and stop. The only place that does."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

import cv2

from jointtrack_server import limits, optional_parts
from jointtrack_server.cpus import available_cpus
from jointtrack_server.errors import JointTrackError, StartupError
from jointtrack_server.fetching.fetcher import Fetcher
from jointtrack_server.grpc_api.admin import AdminServicer
from jointtrack_server.grpc_api.interceptor import CallInterceptor
from jointtrack_server.grpc_api.server import GrpcDoor
from jointtrack_server.grpc_api.servicer import JointTrackServicer
from jointtrack_server.observability.counted_gate import CountedGate
from jointtrack_server.observability.exposition import Exposition
from jointtrack_server.observability.metrics import Metrics
from jointtrack_server.observability.observer import Observer
from jointtrack_server.observability.request_log import RequestLog
from jointtrack_server.observability.shared import SharedCounts
from jointtrack_server.observability.state import State, StateGauges, infos
from jointtrack_server.pipeline.detect import DetectPipeline
from jointtrack_server.pipeline.models import LoadedModels
from jointtrack_server.pipeline.options import MAX_PEOPLE
from jointtrack_server.pipeline.runner import Runner
from jointtrack_server.rest_api.app import create_metrics_app, create_rest_app
from jointtrack_server.rest_api.cors import CrossOrigin
from jointtrack_server.rest_api.server import HttpDoor
from jointtrack_server.rest_api.services import RestServices
from jointtrack_server.rest_api.uploads import Uploads
from jointtrack_server.settings import Settings

if TYPE_CHECKING:
    from jointtrack_server.access.gate import OpenGate
    from jointtrack_server.access.key_gate import KeyGate
    from jointtrack_server.access.keys import KeyStore
    from jointtrack_server.observability.tracing import Tracing
    from jointtrack_server.tls.watch import WatchedTls

_LOG = logging.getLogger(__name__)

WORKERS_PER_CPU = {"local": 2, "ray": 16}
"""While one waits for an inference, another decodes (docs/performance.md); who waits for a replica
takes no CPU meanwhile (docs/scaling.md)."""

_Answer = TypeVar("_Answer")

FIRST_KEY_NAME = "first key"

VERSION = version("jointtrack")


@dataclass(slots=True)
class Application:
    """A server that ``start`` and ``stop`` bring up and down; ports are known once built.

    ``first_key`` is the API key that was made because the store was empty and the settings hold
    none: show it, it is not kept.
    """

    settings: Settings
    models: LoadedModels
    runner: Runner
    gate: "KeyGate | OpenGate"
    keys: "KeyStore | None"
    first_key: str | None
    grpc_door: GrpcDoor
    http_door: HttpDoor
    metrics_door: HttpDoor | None
    exposition: Exposition
    tls: "WatchedTls | None"
    draining: asyncio.Event
    state: "ServingState"
    request_log: RequestLog
    tracing: "Tracing | None"

    async def start(self) -> None:
        await _asked_at_the_start(self.gate.start)
        if self.tls is not None:
            self.tls.start()
        self.exposition.start()
        if self.metrics_door is not None:
            await self.metrics_door.start()
        await self.http_door.start()
        await self.grpc_door.start()
        self.state.serving = True

    async def stop(self) -> None:
        """Refuses new work, lets what is under way end, and closes everything."""
        self.state.serving = False
        self.draining.set()
        grace_s = self.settings.drain_grace_s
        await asyncio.gather(self.grpc_door.stop(grace_s), self.http_door.stop(grace_s))
        if self.metrics_door is not None:  # until now, to be seen draining
            await self.metrics_door.stop(0.0)
        self.exposition.stop()
        if self.tls is not None:
            self.tls.stop()
        await asyncio.to_thread(self.runner.close)
        await asyncio.to_thread(self.models.close)
        await asyncio.to_thread(self.gate.close)
        await asyncio.to_thread(self.request_log.close)
        if self.tracing is not None:
            await asyncio.to_thread(self.tracing.close)


@dataclass(slots=True)
class ServingState:
    """Whether requests are taken."""

    serving: bool = False

    def of(self, draining: asyncio.Event) -> State:
        if draining.is_set():
            return State.DRAINING
        return State.SERVING if self.serving else State.STARTING


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the doors have in common."""

    settings: Settings
    models: LoadedModels
    runner: Runner
    pipeline: DetectPipeline
    metrics: Metrics
    gate: CountedGate
    observer: Observer
    exposition: Exposition
    tls: "WatchedTls | None"
    state: ServingState
    draining: asyncio.Event


async def build(
    settings: Settings,
    models: LoadedModels,
    *,
    makes_first_key: bool = True,
    shared: SharedCounts | None = None,
) -> Application:
    """Binds the ports and opens the key store; makes the first key if told to and there is none.

    ``shared`` is where several server processes count together.

    Raises StartupError saying which file, port or setting is at fault and what to do.
    """
    # Workers are the unit of parallelism: OpenCV's own threads would only fight them.
    cv2.setNumThreads(1)
    tls = optional_parts.tls(settings)
    keys, gate = await asyncio.to_thread(optional_parts.access, settings)
    tracing = optional_parts.tracing(settings)
    metrics, request_log = Metrics(settings.metrics_keys), RequestLog(settings.log_requests)
    workers = settings.workers or WORKERS_PER_CPU[settings.backend] * available_cpus()
    runner = Runner(workers, settings.max_queue)
    state, draining = ServingState(), asyncio.Event()
    gauges = StateGauges(metrics, runner, models, lambda: state.of(draining), tls)
    common = _Shared(
        settings=settings,
        models=models,
        runner=runner,
        pipeline=DetectPipeline(
            models.models,
            models.finder,
            runner,
            limits.image_limits(settings),
            Fetcher(limits.fetch_rules(settings)),
        ),
        metrics=metrics,
        gate=CountedGate(gate, metrics),
        observer=Observer(metrics, request_log, tracing),
        exposition=Exposition(metrics, gauges, infos(models, VERSION), shared),
        tls=tls,
        state=state,
        draining=draining,
    )
    grpc_door, http_door = _grpc_door(common, keys), _http_door(common)
    metrics_door = _metrics_door(common)
    first_key = None
    if keys is not None and makes_first_key:
        first_key = await _make_first_key(keys, settings)
    return Application(
        settings,
        models,
        runner,
        gate,
        keys,
        first_key,
        grpc_door,
        http_door,
        metrics_door,
        common.exposition,
        tls,
        draining,
        state,
        request_log,
        tracing,
    )


def _grpc_door(common: _Shared, keys: "KeyStore | None") -> GrpcDoor:
    settings = common.settings
    servicer = JointTrackServicer(
        common.pipeline,
        common.metrics,
        common.models,
        common.runner,
        limits.limits_pb(settings),
        limits.stream_limits(settings),
        VERSION,
        common.draining,
    )
    return GrpcDoor(
        servicer,
        AdminServicer(keys),
        CallInterceptor(common.observer, common.gate, common.runner),
        host=settings.host,
        port=settings.grpc_port,
        limits=limits.grpc_limits(settings),
        keepalive=limits.keepalive(settings),
        compresses=settings.grpc_compression,
        reflects=settings.reflection,
        has_channelz=settings.channelz,
        tls=common.tls,
        shares_port=settings.processes > 1,
    )


def _http_door(common: _Shared) -> HttpDoor:
    settings = common.settings
    cross_origin = CrossOrigin(settings.cors_origins)
    services = RestServices(
        pipeline=common.pipeline,
        runner=common.runner,
        engine=common.models.engine,
        gate=common.gate,
        asks_for_keys=settings.auth,
        observer=common.observer,
        exposition=common.exposition if settings.metrics_port is None else None,
        ready=lambda: common.state.serving,
        draining=common.draining,
        version=VERSION,
        limits=limits.body_limits(settings),
        stream_limits=limits.stream_limits(settings),
        uploads=Uploads(settings.max_upload_bytes),
        max_people=MAX_PEOPLE,
        timeout_s=settings.http_timeout_s,
        cross_origin=cross_origin,
        gzip=settings.gzip,
        docs=settings.docs,
        page=settings.page,
    )
    return HttpDoor(
        create_rest_app(services),
        host=settings.host,
        port=settings.http_port,
        limits=limits.http_limits(settings),
        cross_origin=cross_origin,
        tls=common.tls,
        shares_port=settings.processes > 1,
    )


def _metrics_door(common: _Shared) -> HttpDoor | None:
    settings = common.settings
    if settings.metrics_port is None:
        return None
    return HttpDoor(
        create_metrics_app(common.exposition),
        host=settings.host,
        port=settings.metrics_port,
        limits=limits.http_limits(settings),
        cross_origin=CrossOrigin(()),
        tls=common.tls,
        shares_port=settings.processes > 1,
        option="--metrics-port",
    )


async def _make_first_key(keys: "KeyStore", settings: Settings) -> str | None:
    """Its text, if it was made now and is not the operator's own."""
    given = settings.first_key.get_secret_value() if settings.first_key else None
    made = await _asked_at_the_start(partial(keys.create_first, FIRST_KEY_NAME, given))
    return None if given else made


async def _asked_at_the_start(question: Callable[[], _Answer]) -> _Answer:
    """What the key store answers. Raises StartupError if it does not."""
    try:
        return await asyncio.to_thread(question)
    except JointTrackError as error:
        raise StartupError(error.message) from error
