"""Every setting of the server, read once at the edge from JOINTTRACK_* variables and the CLI."""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

VARIABLE_PREFIX = "JOINTTRACK_"
MIB = 1024 * 1024


def _default_data_dir() -> Path:
    """The XDG data directory (freedesktop.org Base Directory Specification)."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "jointtrack"


class Settings(BaseSettings):
    """Frozen; each field is set by the variable JOINTTRACK_<NAME>; an empty one counts as unset."""

    model_config = SettingsConfigDict(
        env_prefix=VARIABLE_PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        protected_namespaces=(),
    )

    host: str = Field(default="127.0.0.1", description="Address to listen on, for gRPC and HTTP.")
    grpc_port: int = Field(
        default=50051, ge=0, le=65535, description="gRPC port; 0 takes a free one."
    )
    http_port: int = Field(
        default=8080, ge=0, le=65535, description="HTTP port; 0 takes a free one."
    )
    data_dir: Path = Field(
        default_factory=_default_data_dir, description="Folder of the API key store."
    )
    auth: bool = Field(default=True, description="Ask for an API key.")
    insecure: bool = Field(
        default=False, description="Allow auth=false on other than a loopback host."
    )

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
    workers: int = Field(
        default=0,
        ge=0,
        le=256,
        description="Threads that decode, infer and measure; 0 for two a CPU.",
    )
    max_queue: int = Field(default=64, ge=0, description="Requests that may wait for a worker.")
    max_message_bytes: int = Field(
        default=64 * MIB, ge=1024, description="Bytes of one gRPC message."
    )
    max_image_bytes: int = Field(
        default=32 * MIB, ge=1024, description="Bytes of one encoded picture."
    )
    max_image_pixels: int = Field(
        default=64_000_000, ge=1, description="Width times height of a picture."
    )
    max_in_flight: int = Field(
        default=32, ge=1, le=1024, description="Frames a stream may have at once."
    )
    max_bad_frames: int = Field(
        default=100, ge=1, description="Bad frames in a row that end a stream."
    )
    http_timeout_s: float = Field(
        default=30.0, gt=0, description="Seconds an HTTP request may wait for a worker."
    )
    drain_grace_s: float = Field(
        default=10.0, ge=0, description="Seconds for requests to end at stop."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Logging."
    )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @model_validator(mode="after")
    def _no_open_door_by_accident(self) -> "Settings":
        if not self.auth and not self.is_loopback and not self.insecure:
            raise ValueError(
                f"Without API keys the server listens on loopback only, but host is {self.host}. "
                "Keep the keys, use host 127.0.0.1, or give --insecure as well."
            )
        return self
