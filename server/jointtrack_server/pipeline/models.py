"""The models of this server, loaded once at start-up."""

from collections.abc import Mapping
from dataclasses import dataclass

from jointtrack_server.engines.base import Engine, PoseModel
from jointtrack_server.engines.catalogue import CATALOGUE, ModelSpec
from jointtrack_server.engines.sources import Located

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
