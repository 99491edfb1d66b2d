"""The application on Ray Serve: a deployment per model, with the same engines as the server.

In a Serve config file: ``import_path: jointtrack_server.distributed.serve_app:build``.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import ray
from numpy.typing import NDArray
from ray import serve
from ray.serve.config import AutoscalingConfig
from ray.serve.schema import LoggingConfig

from jointtrack_server.distributed.options import ApplicationOptions, check_names, share
from jointtrack_server.engines.base import EngineInfo
from jointtrack_server.engines.catalogue import CATALOGUE, ModelSpec, find_spec
from jointtrack_server.engines.configured import configured_engine, configured_model
from jointtrack_server.engines.sources import origin_of
from jointtrack_server.settings.scaling import ReplicaSettings

QUIET = LoggingConfig(log_level="WARNING", enable_access_log=False)

_HEALTH_CHECK_PERIOD_S = 1.0
"""How soon a replica that died is replaced."""
_HEALTH_CHECK_TIMEOUT_S = 30.0
_START_TRIES = 2
_LOOK_BACK_S = 15.0
"""Over how long the steps under way are averaged, to scale; they are reported every 10 s."""


@dataclass(frozen=True, slots=True)
class ReplicaInfo:
    """What a door tells its callers and its operator of the replicas; mappings by model name."""

    server_version: str
    engine: str
    device: str
    precision: str
    reason: str
    origins: dict[str, str]
    versions: dict[str, str]
    models: dict[str, ReplicaSettings]


class PoseReplica:
    """One copy of one model. Runs ``streams`` inferences at once, each on one thread."""

    def __init__(
        self, name: str, options: ApplicationOptions, streams: int, *_others: object
    ) -> None:
        engine = configured_engine(options, streams=streams)
        self._model = configured_model(options, engine, find_spec(name)).loaded()
        self._threads = ThreadPoolExecutor(streams, "infer") if streams > 1 else None
        self._info = _info(engine, options)

    async def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``PoseModel.infer``."""
        if self._threads is None:
            # A hop to a thread and back would cost half as much as the call itself.
            return self._model.infer(tensor)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._model.infer, tensor)

    async def info(self) -> ReplicaInfo:
        return self._info


def _info(engine: EngineInfo, options: ApplicationOptions) -> ReplicaInfo:
    return ReplicaInfo(
        server_version=version("jointtrack"),
        engine=engine.name,
        device=engine.device,
        precision=engine.precision,
        reason=engine.reason,
        origins={
            spec.name: origin_of(spec, options.model_source, options.model_paths)
            for spec in CATALOGUE
        },
        versions={spec.name: spec.version for spec in CATALOGUE},
        models={spec.name: options.of_model(spec) for spec in CATALOGUE},
    )


def build(options: ApplicationOptions) -> serve.Application:
    """The application. Raises StartupError for a model that there is not."""
    check_names(options)
    cluster: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    cpus, gpus = cluster.get("CPU", 0.0), cluster.get("GPU", 0.0)
    # Serve knows an application by one deployment; the others hang on it.
    default, *others = sorted(CATALOGUE, key=lambda spec: not spec.is_default)
    bound = [_bound(spec, options, cpus, gpus) for spec in others]
    return _bound(default, options, cpus, gpus, *bound)


def _bound(
    spec: ModelSpec,
    options: ApplicationOptions,
    cluster_cpus: float,
    cluster_gpus: float,
    *others: serve.Application,
) -> serve.Application:
    settings = options.of_model(spec)
    most = settings.max_replicas or share(settings, cluster_cpus, cluster_gpus)
    deployment: serve.Deployment = serve.deployment(
        name=spec.name,
        max_ongoing_requests=settings.max_ongoing,
        max_queued_requests=settings.max_queued,
        autoscaling_config=AutoscalingConfig(
            min_replicas=settings.min_replicas,
            max_replicas=max(most, settings.min_replicas),
            target_ongoing_requests=settings.target_ongoing,
            look_back_period_s=_LOOK_BACK_S,
            upscale_delay_s=settings.upscale_delay_s,
            downscale_delay_s=settings.downscale_delay_s,
        ),
        ray_actor_options={"num_cpus": settings.cpus, "num_gpus": settings.gpus},
        graceful_shutdown_timeout_s=settings.stop_grace_s,
        health_check_period_s=_HEALTH_CHECK_PERIOD_S,
        health_check_timeout_s=_HEALTH_CHECK_TIMEOUT_S,
        max_constructor_retry_count=_START_TRIES,
        logging_config=QUIET,
    )(PoseReplica)
    return deployment.bind(spec.name, options, max(1, int(settings.cpus)), *others)
