"""Where and how to connect: target, TLS, API key, channel options. Pure: opens nothing."""

import importlib.metadata
import importlib.resources
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

Tls: TypeAlias = bool | bytes | grpc.ChannelCredentials | None
"""True: the system's root certificates; bytes: PEM root certificates; credentials: as they are;
False: plaintext; None: plaintext to this machine, TLS to any other."""

API_KEY_HEADER = "x-api-key"
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
# gRPC servers close connections that are pinged more often than every 5 minutes (gRPC core,
# GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS); the slack keeps clear of that.
KEEPALIVE_TIME_MS = 330_000
KEEPALIVE_TIMEOUT_MS = 20_000

_URL_SCHEMES = {"http", "https", "grpc", "grpcs"}
_LOOPBACK = re.compile(
    r"(unix|unix-abstract):.+|((dns|ipv4|ipv6):/*)?"
    r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Connection:
    """All that is needed to open a channel and to make a call on it."""

    target: str
    credentials: grpc.ChannelCredentials | None
    options: tuple[tuple[str, Any], ...]
    metadata: tuple[tuple[str, str], ...]
    timeout_s: float

    def call_timeout_s(self, timeout_s: float | None) -> float:
        return self.timeout_s if timeout_s is None else timeout_s


def connection(
    target: str,
    *,
    api_key: str | None,
    tls: Tls,
    timeout_s: float,
    max_message_bytes: int,
    channel_options: Mapping[str, str | int] | None,
) -> Connection:
    """Raises ValueError for a target that is a URL: it is host:port."""
    if target.partition("://")[0].lower() in _URL_SCHEMES:
        raise ValueError(f"A target is host:port, such as localhost:50051, not {target!r}.")
    return Connection(
        target=target,
        credentials=_credentials(target, tls),
        options=tuple((_default_options(max_message_bytes) | dict(channel_options or {})).items()),
        metadata=((API_KEY_HEADER, api_key),) if api_key else (),
        timeout_s=timeout_s,
    )


def is_loopback(target: str) -> bool:
    """Whether the target is this machine by name: localhost, 127.x.x.x, [::1] or a Unix socket."""
    return _LOOPBACK.fullmatch(target) is not None


def _credentials(target: str, tls: Tls) -> grpc.ChannelCredentials | None:
    if tls is None:
        tls = not is_loopback(target)
    if isinstance(tls, bool):
        return grpc.ssl_channel_credentials() if tls else None
    return grpc.ssl_channel_credentials(tls) if isinstance(tls, bytes) else tls


def _default_options(max_message_bytes: int) -> dict[str, str | int]:
    return {
        "grpc.max_send_message_length": max_message_bytes,
        "grpc.max_receive_message_length": max_message_bytes,
        # A request larger than this buffer is never tried again; gRPC's default is 256 KiB.
        "grpc.per_rpc_retry_buffer_size": max_message_bytes,
        "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
        "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
        "grpc.primary_user_agent": f"jointtrack-python/{importlib.metadata.version('jointtrack')}",
        "grpc.service_config": service_config(),
    }


def service_config() -> str:
    """The retry policy, as JSON: UNAVAILABLE is tried four times, except in streams."""
    resource = importlib.resources.files("jointtrack") / "service_config.json"
    return resource.read_text(encoding="utf-8")
