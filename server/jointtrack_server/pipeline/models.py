"""The models of this server: which it has, and when they are loaded."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from jointtrack_server.cpus import available_cpus
from jointtrack_server.distributed import environment
from jointtrack_server.engines.base import EngineInfo, PoseModel
from jointtrack_server.engines.catalogue import CATALOGUE, ModelSpec
from jointtrack_server.engines.configured import configured_engine, configured_model
from jointtrack_server.engines.on_use import LoadedOnUse
from jointtrack_server.engines.optional import import_with_extra
from jointtrack_server.engines.sources import origin_of
from jointtrack_server.settings import Settings

PRELOADED: Mapping[str, Callable[[ModelSpec], bool]] = {
    "none": lambda spec: False,
    "default": lambda spec: spec.is_default or spec.name == FINDER_NAME,
    "all": lambda spec: True,
}
"""The values of the setting ``preload``, and the models that each loads at the start."""

FINDER_NAME = "movenet-multipose"
"""The model that finds the people."""


class ServedModel(PoseModel, Protocol):
    """A model of this server, in its own memory or on replicas."""

    @property
    def is_loaded(self) -> bool:
        """Whether it is in memory, here or on a replica."""
        ...

    @property
    def repeats(self) -> int:
        """Inferences ever done again elsewhere; 0 for a model in this server's own memory."""
        ...


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """Every model of the catalogue, and the engine that runs them."""

    engine: EngineInfo
    models: Mapping[ModelSpec, ServedModel]
    origins: Mapping[ModelSpec, str]
    close: Callable[[], None] = lambda: None
    """Lets go of what runs them, once nothing is under way."""
    is_lost: Callable[[], bool] | None = None
    """Whether what runs them is gone for good; ``None`` for models in this process."""

    @property
    def specs(self) -> tuple[ModelSpec, ...]:
        return CATALOGUE

    @property
    def finder(self) -> PoseModel:
        """MultiPose."""
        return next(model for spec, model in self.models.items() if spec.name == FINDER_NAME)

    def origin(self, spec: ModelSpec) -> str:
        """Where the weights came from: "embedded", "tfhub" or a folder's name."""
        return self.origins[spec]


def load_models(settings: Settings) -> LoadedModels:
    """The models of the catalogue, where the settings want them. Raises StartupError."""
    if settings.backend == "local":
        return _local_models(settings)
    environment.prepare(settings.ray_address)
    remote = import_with_extra("jointtrack_server.distributed.engine", extra="ray")
    found = remote.connect_models(settings)
    return LoadedModels(found.engine, found.models, found.origins, remote.disconnect, found.is_lost)


def _local_models(settings: Settings) -> LoadedModels:
    """In this process, on the engine that the settings choose.

    All weights are looked for, and the embedded ones checked; those that ``preload`` names and
    those with a path of their own are loaded at once, each on its own thread, the others at their
    first use.
    Raises StartupError.
    """
    engine = configured_engine(settings, streams=available_cpus())
    models = {spec: configured_model(settings, engine, spec) for spec in CATALOGUE}
    now = [
        model
        for spec, model in models.items()
        if PRELOADED[settings.preload](spec) or spec.name in settings.model_paths
    ]
    with ThreadPoolExecutor(len(models)) as pool:
        list(pool.map(LoadedOnUse.loaded, now))
    origins = {
        spec: origin_of(spec, settings.model_source, settings.model_paths) for spec in CATALOGUE
    }
    return LoadedModels(engine, models, origins)
