"""What operators see: metrics, logs, traces."""

from typing import Literal

from pydantic import BaseModel, Field

from jointtrack_server.settings.numbers import Count


class ObservabilitySettings(BaseModel):
    """A part of ``Settings``."""

    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port for /metrics alone, on the same address; 0 takes a free one; without it "
        "/metrics is on the HTTP port.",
    )
    metrics_keys: Count = Field(
        default=100,
        ge=0,
        description='API keys that /metrics counts by their id; further ones are "other".',
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Logging."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto",
        description="Lines of the log: text, or JSON; auto is text on a terminal, else JSON.",
    )
    log_requests: Literal["all", "failed", "none"] = Field(
        default="all", description="Requests that get a line in the log at their end."
    )
    tracing: Literal["none", "otlp", "console"] = Field(
        default="none",
        description="OpenTelemetry spans: sent to a collector, or printed. The rest is set by the "
        "standard OTEL_ variables, such as OTEL_EXPORTER_OTLP_ENDPOINT.",
    )
