"""Where the server listens, and how its doors speak."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from jointtrack_server.settings.numbers import Seconds

Origin = Annotated[
    str,
    StringConstraints(pattern=r"^(\*|[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d+)?)$"),
]


class DoorSettings(BaseModel):
    """A part of ``Settings``."""

    host: str = Field(default="127.0.0.1", description="Address to listen on, for gRPC and HTTP.")
    grpc_port: int = Field(
        default=50051, ge=0, le=65535, description="gRPC port; 0 takes a free one."
    )
    http_port: int = Field(
        default=8080, ge=0, le=65535, description="HTTP port; 0 takes a free one."
    )
    tls_cert_file: Path | None = Field(
        default=None, description="PEM certificate chain: gRPC and HTTP then speak TLS."
    )
    tls_key_file: Path | None = Field(
        default=None, description="PEM private key of the certificate."
    )
    tls_client_ca_file: Path | None = Field(
        default=None, description="PEM roots: callers must show a client certificate of theirs."
    )
    max_connection_age_s: Seconds | None = Field(
        default=None,
        gt=0,
        description="Seconds after which a gRPC connection takes no more calls and the caller "
        "opens another, so that load balancers can move it; 10 % more or less. Default never.",
    )
    max_connection_grace_s: Seconds | None = Field(
        default=None,
        gt=0,
        description="Seconds that the calls of such a connection have to end; default all.",
    )
    keepalive_s: Seconds = Field(
        default=30.0, gt=0, description="Seconds of silence after which a gRPC caller is pinged."
    )
    keepalive_timeout_s: Seconds = Field(
        default=20.0, gt=0, description="Seconds without an answer that then close the connection."
    )
    keepalive_without_calls: bool = Field(
        default=True, description="Ping, and let callers ping, while a connection has no call."
    )
    min_ping_interval_s: Seconds = Field(
        default=10.0,
        ge=0,
        description="Seconds between two pings of a gRPC caller; who pings more often is hung up.",
    )
    grpc_compression: bool = Field(
        default=False, description="Compress gRPC answers for callers that accept it."
    )
    reflection: bool = Field(
        default=True, description="Let gRPC tools list and describe the services, without a key."
    )
    channelz: bool = Field(
        default=False, description="Let keys of the scope admin ask gRPC about its connections."
    )
    cors_origins: tuple[Origin, ...] = Field(
        default_factory=tuple,
        description="Web pages that may call the HTTP port from other origins, as JSON: "
        '["https://app.example.com"], or ["*"] for all; without any, none.',
    )
    gzip: bool = Field(
        default=True, description="Compress HTTP answers for callers that accept gzip."
    )
    page: bool = Field(default=True, description="Show a page to try it at / of the HTTP port.")
    docs: bool = Field(default=True, description="Serve /openapi.json and the page /docs.")
    http_timeout_s: Seconds = Field(
        default=30.0, gt=0, description="Seconds for an HTTP request to arrive, and for a worker."
    )
    drain_grace_s: Seconds = Field(
        default=10.0, ge=0, description="Seconds for requests to end at stop."
    )
