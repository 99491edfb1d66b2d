"""What the HTTP door is made of."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from jointtrack_server.access.gate import Gate
from jointtrack_server.engines.base import EngineInfo
from jointtrack_server.observability.exposition import Exposition
from jointtrack_server.observability.observer import Observer
from jointtrack_server.pipeline.detect import DetectPipeline
from jointtrack_server.pipeline.frames import StreamLimits
from jointtrack_server.pipeline.runner import Runner
from jointtrack_server.rest_api.cors import CrossOrigin
from jointtrack_server.rest_api.fields import BodyLimits
from jointtrack_server.rest_api.uploads import Uploads


@dataclass(frozen=True, slots=True)
class RestServices:
    """What the HTTP door needs; wired by ``app``. ``ready`` is false before and after serving;
    ``exposition`` is ``None`` where /metrics has a port of its own."""

    pipeline: DetectPipeline
    runner: Runner
    engine: EngineInfo
    gate: Gate
    asks_for_keys: bool
    observer: Observer
    exposition: Exposition | None
    ready: Callable[[], bool]
    draining: asyncio.Event
    version: str
    limits: BodyLimits
    stream_limits: StreamLimits
    uploads: Uploads
    max_people: int
    timeout_s: float
    cross_origin: CrossOrigin
    gzip: bool
    docs: bool
    page: bool
