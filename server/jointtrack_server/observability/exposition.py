"""What /metrics says: of one server process, or of all that share the ports."""

import asyncio
import threading
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, PlatformCollector, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from jointtrack_server.observability.metrics import Metrics
from jointtrack_server.observability.processes import ProcessMetrics
from jointtrack_server.observability.shared import SharedCounts
from jointtrack_server.observability.state import StateGauges

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LOOK_EVERY_S = 1.0


class Exposition:
    """Prometheus' text format, made when asked for.

    Of several processes any one answers for all, so each looks at its own gauges every second.
    """

    def __init__(
        self,
        metrics: Metrics,
        state: StateGauges,
        infos: Iterable[Metric],
        shared: SharedCounts | None,
    ) -> None:
        self._state = state
        self._shared = shared
        self._looking: asyncio.Task[None] | None = None
        self._lock = threading.Lock()
        self._one_at_a_time = asyncio.Lock()
        self._registry = CollectorRegistry()
        if shared is None:
            self._registry.register(metrics.registry)
        else:
            MultiProcessCollector(self._registry, str(shared.folder))  # type: ignore[no-untyped-call]
        self._registry.register(_Constant(infos))
        self._registry.register(ProcessMetrics(shared))
        PlatformCollector(self._registry)

    def start(self) -> None:
        if self._shared is not None:
            self._looking = asyncio.create_task(self._look_again_and_again())

    def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()

    async def text(self) -> bytes:
        """Made on a thread, by one caller at a time: it takes some milliseconds."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._text)

    def _text(self) -> bytes:
        self._look()
        return generate_latest(self._registry)

    def _look(self) -> None:
        with self._lock:
            self._state.look()

    async def _look_again_and_again(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(_LOOK_EVERY_S)


class _Constant:
    """What does not change."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics
