"""What runs the models, and on how much of the machine."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from jointtrack_server.settings.numbers import Count


class EngineSettings(BaseModel):
    """A part of ``Settings``."""

    engine: Literal["auto", "openvino", "tensorflow"] = Field(
        default="auto", description="What runs the models."
    )
    precision: Literal["auto", "f32", "bf16"] = Field(
        default="auto", description="Arithmetic of the models."
    )
    model_source: Literal["embedded", "tfhub"] = Field(
        default="embedded", description="Where weights come from."
    )
    model_paths: dict[str, Path] = Field(
        default_factory=dict,
        description='SavedModel folders by model name, as JSON: {"movenet-thunder": "/path"}.',
    )
    tfhub_cache_dir: Path | None = Field(
        default=None, validation_alias="TFHUB_CACHE_DIR", description="TF Hub's download folder."
    )
    preload: Literal["none", "default", "all"] = Field(
        default="default",
        description="Models loaded at the start: those of the default search, all, or none. "
        "The others are loaded at their first use.",
    )
    solo_threads: int = Field(
        default=4,
        ge=1,
        le=64,
        description="CPUs that a picture may take that is alone; 1 saves the memory this needs.",
    )
    processes: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Server processes that share the ports; one that dies is replaced.",
    )
    workers: int = Field(
        default=0,
        ge=0,
        le=256,
        description="Threads that decode, infer and measure; 0 for two a CPU, and for sixteen "
        "where they wait for Ray.",
    )
    max_queue: Count = Field(default=64, ge=0, description="Requests that may wait for a worker.")
