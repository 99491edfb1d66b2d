"""What is not counted but looked at: the queue, the workers, the models, the certificate."""

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import InfoMetricFamily, Metric

from jointtrack_server.observability import catalogue
from jointtrack_server.observability.catalogue import Spec
from jointtrack_server.observability.metrics import Metrics

if TYPE_CHECKING:
    from jointtrack_server.pipeline.models import LoadedModels
    from jointtrack_server.pipeline.runner import Runner
    from jointtrack_server.tls.watch import WatchedTls


class State(StrEnum):
    """Of one server process."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


class StateGauges:
    """Sets its gauges when told to look."""

    def __init__(
        self,
        metrics: Metrics,
        runner: "Runner",
        models: "LoadedModels",
        state: Callable[[], State],
        tls: "WatchedTls | None",
    ) -> None:
        self._runner, self._models, self._state = runner, models, state
        self._queue_depth = metrics.gauge(catalogue.QUEUE_DEPTH)
        self._queue_limit = metrics.gauge(catalogue.QUEUE_LIMIT)
        self._workers = metrics.gauge(catalogue.WORKERS)
        self._busy = metrics.gauge(catalogue.WORKERS_BUSY)
        overloads = metrics.counter(catalogue.OVERLOADS)
        self._refused, self._evicted = overloads.labels("refused"), overloads.labels("evicted")
        self._refused_before = self._evicted_before = 0
        self._loaded = metrics.gauge(catalogue.MODELS_LOADED)
        self._repeated = metrics.counter(catalogue.STEPS_REPEATED)
        self._repeats_before = dict.fromkeys(models.models, 0)
        self._states = metrics.gauge(catalogue.SERVER_STATE)
        self._tls = tls
        if tls is not None:
            self._expiry = metrics.gauge(catalogue.CERTIFICATE_EXPIRY)

    def look(self) -> None:
        """Of one thread at a time."""
        load = self._runner.load
        self._queue_depth.set(load.waiting)
        self._queue_limit.set(load.max_queue)
        self._workers.set(load.workers)
        self._busy.set(load.busy)
        self._refused.inc(load.refused - self._refused_before)
        self._evicted.inc(load.evicted - self._evicted_before)
        self._refused_before, self._evicted_before = load.refused, load.evicted
        for spec, model in self._models.models.items():
            self._loaded.labels(spec.name, spec.version).set(model.is_loaded)
            repeats = model.repeats
            self._repeated.labels(spec.name).inc(repeats - self._repeats_before[spec])
            self._repeats_before[spec] = repeats
        state = self._state()
        for one in State:
            self._states.labels(one.value).set(one is state)
        if self._tls is not None:
            self._expiry.set(self._tls.identity.valid_until.timestamp())


def infos(models: "LoadedModels", version: str) -> list[Metric]:
    """What stays the same as long as the server runs."""
    engine = models.engine
    origins = [
        {"model": spec.name, "version": spec.version, "origin": models.origin(spec)}
        for spec in models.specs
    ]
    of_engine = {
        "engine": engine.name,
        "device": engine.device,
        "precision": engine.precision,
        "reason": engine.reason,
    }
    return [
        _info(catalogue.BUILD, {"version": version}),
        _info(catalogue.ENGINE, of_engine),
        _info(catalogue.MODEL, *origins),
    ]


def _info(spec: Spec, *values: dict[str, str]) -> Metric:
    family = InfoMetricFamily(spec.name.removesuffix("_info"), spec.meaning)
    for value in values:
        family.add_metric([], value)
    return family
