"""The engine and its models as settings want them: in a server, a replica and a batch."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from jointtrack_server.engines.base import Engine
from jointtrack_server.engines.catalogue import ModelSpec
from jointtrack_server.engines.on_use import LoadedOnUse
from jointtrack_server.engines.select import create_engine
from jointtrack_server.engines.sources import locate


class EngineSettings(Protocol):
    """What ``create_engine`` and ``locate`` are told, by the names of the server's settings."""

    @property
    def engine(self) -> str: ...
    @property
    def precision(self) -> str: ...
    @property
    def solo_threads(self) -> int: ...
    @property
    def model_source(self) -> str: ...
    @property
    def model_paths(self) -> Mapping[str, Path]: ...
    @property
    def tfhub_cache_dir(self) -> Path | None: ...


def configured_engine(settings: EngineSettings, *, streams: int) -> Engine:
    """Runs ``streams`` pictures at the same time. Raises StartupError."""
    return create_engine(
        settings.engine,
        precision=settings.precision,
        streams=streams,
        solo_threads=settings.solo_threads,
    )


def configured_model(settings: EngineSettings, engine: Engine, spec: ModelSpec) -> LoadedOnUse:
    """Its weights are found and checked now, and loaded when they are asked for.

    Raises StartupError.
    """
    folder = locate(
        spec,
        source=settings.model_source,
        model_paths=settings.model_paths,
        cache_dir=settings.tfhub_cache_dir,
    )
    return LoadedOnUse(spec, partial(engine.load, spec, folder))
