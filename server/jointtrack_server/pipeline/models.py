"""The models of this server: which it has, and when they are loaded."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from jointtrack_server.cpus import available_cpus
from jointtrack_server.engines.base import Engine, PoseModel
from jointtrack_server.engines.catalogue import CATALOGUE, ModelSpec
from jointtrack_server.engines.on_use import LoadedOnUse
from jointtrack_server.engines.select import create_engine
from jointtrack_server.engines.sources import Located, locate
from jointtrack_server.settings import Settings

PRELOADED: Mapping[str, Callable[[ModelSpec], bool]] = {
    "none": lambda spec: False,
    "default": lambda spec: spec.is_default or spec.name == FINDER_NAME,
    "all": lambda spec: True,
}
"""The values of the setting ``preload``, and the models that each loads at the start."""

FINDER_NAME = "movenet-multipose"
"""The model that finds the people."""


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """Every model of the catalogue, and the engine that runs them."""

    engine: Engine
    models: Mapping[ModelSpec, PoseModel]
    located: Mapping[ModelSpec, Located]

    @property
    def specs(self) -> tuple[ModelSpec, ...]:
        return CATALOGUE

    @property
    def finder(self) -> PoseModel:
        """MultiPose."""
        return next(model for spec, model in self.models.items() if spec.name == FINDER_NAME)

    def origin(self, spec: ModelSpec) -> str:
        """Where the weights came from: "embedded", "tfhub" or a folder's name."""
        return self.located[spec].origin


def load_models(settings: Settings) -> LoadedModels:
    """The models of the catalogue, on the engine that the settings choose.

    All weights are looked for, and the embedded ones checked; those that ``preload`` names and
    those with a path of their own are loaded at once, each on its own thread, the others at their
    first use.
    Raises StartupError.
    """
    engine = create_engine(
        settings.engine,
        precision=settings.precision,
        streams=available_cpus(),
        solo_threads=settings.solo_threads,
    )
    located = {
        spec: locate(
            spec,
            source=settings.model_source,
            model_paths=settings.model_paths,
            cache_dir=settings.tfhub_cache_dir,
        )
        for spec in CATALOGUE
    }
    models = {
        spec: LoadedOnUse(spec, partial(engine.load, spec, found.folder))
        for spec, found in located.items()
    }
    now = [
        model
        for spec, model in models.items()
        if PRELOADED[settings.preload](spec) or spec.name in settings.model_paths
    ]
    with ThreadPoolExecutor(len(models)) as pool:
        list(pool.map(LoadedOnUse.loaded, now))
    return LoadedModels(engine, models, located)
