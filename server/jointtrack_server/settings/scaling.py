"""Where the models run: in the server itself or on the replicas of a Ray cluster."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from jointtrack_server.settings.numbers import Count, Seconds


class ReplicaSettings(BaseModel):
    """How one model runs on Ray Serve: a value of ``ray_models``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    min_replicas: Count = Field(default=1, ge=0)
    """With 0, the first caller waits for a replica to start: ten seconds."""
    max_replicas: Count | None = Field(default=None, ge=1)
    """``None`` for this model's share of the cluster: as many as its CPUs and GPUs hold, divided by
    the number of models."""
    target_ongoing: float = Field(default=2.0, gt=0)
    """Steps under way for each replica that autoscaling aims at."""
    max_ongoing: Count = Field(default=4, ge=1)
    """Steps that one replica has at once; the others wait at the doors."""
    max_queued: Count = Field(default=64, ge=0)
    """Steps of one server process that wait for a replica; further ones are refused."""
    cpus: float = Field(default=1.0, ge=0)
    """CPUs of one replica, which runs so many inferences at once."""
    gpus: float = Field(default=0.0, ge=0)
    """GPUs of one replica, such as 0.25."""
    upscale_delay_s: Seconds = Field(default=5.0, ge=0)
    downscale_delay_s: Seconds = Field(default=120.0, ge=0)
    stop_grace_s: Seconds = Field(default=20.0, ge=0)
    """Seconds in which a replica that is no longer needed ends the steps that it has."""


class ScalingSettings(BaseModel):
    """A part of ``Settings``."""

    backend: Literal["local", "ray"] = Field(
        default="local",
        description="Where the models run: in this server, or on Ray Serve replicas.",
    )
    ray_address: str = Field(
        default="",
        description='The Ray cluster to join, "host:port" or "auto"; empty starts one on this '
        "machine that ends with the server.",
    )
    ray_models: dict[str, ReplicaSettings] = Field(
        default_factory=dict,
        description="How each model runs on Ray, by its name, as JSON: "
        '{"movenet-thunder": {"max_replicas": 8}}.',
    )
    ray_start_s: Seconds = Field(
        default=120.0, gt=0, description="Seconds in which replicas must be there at the start."
    )
    ray_step_s: Seconds = Field(
        default=30.0,
        gt=0,
        description="Seconds in which a replica must have answered an inference; then the request "
        "is refused as overloaded.",
    )
