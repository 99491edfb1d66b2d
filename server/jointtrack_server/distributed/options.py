"""What the application on Ray Serve is made of; also the ``args`` of a Serve config file."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from jointtrack_server.engines.catalogue import CATALOGUE, ModelSpec
from jointtrack_server.errors import StartupError
from jointtrack_server.settings import Settings
from jointtrack_server.settings.scaling import ReplicaSettings

APPLICATION = "jointtrack"
"""The application's name on the cluster; its deployments are named as the models are."""


class ApplicationOptions(BaseModel):
    """As the server's settings of the same names; ``models`` is ``ray_models``."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    engine: str = "auto"
    precision: str = "auto"
    model_source: str = "embedded"
    model_paths: dict[str, Path] = Field(default_factory=dict)
    tfhub_cache_dir: Path | None = None
    solo_threads: int = 4
    models: dict[str, ReplicaSettings] = Field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "ApplicationOptions":
        shared = set(cls.model_fields) - {"models"}
        return cls(**settings.model_dump(include=shared), models=settings.ray_models)

    def of_model(self, spec: ModelSpec) -> ReplicaSettings:
        return self.models.get(spec.name, ReplicaSettings())


def check_names(options: ApplicationOptions) -> None:
    """Raises StartupError if a model is named that the catalogue does not have."""
    known = {spec.name for spec in CATALOGUE}
    unknown = sorted({*options.models, *options.model_paths} - known)
    if unknown:
        raise StartupError(
            f"Replicas are set for {', '.join(unknown)}, but the models are "
            f"{', '.join(sorted(known))}."
        )


def share(settings: ReplicaSettings, cpus: float, gpus: float) -> int:
    """The replicas of a model that a cluster with so many CPUs and GPUs holds beside the others."""
    models = len(CATALOGUE)
    fits = [
        int(there / models / needed)
        for there, needed in ((cpus, settings.cpus), (gpus, settings.gpus))
        if needed > 0
    ]
    return max(1, settings.min_replicas, min(fits, default=1))
