"""Where and how to connect: target, TLS, API key, channel options. Opens no connection."""

import importlib.metadata
import importlib.resources
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import grpc

from jointtrack._arguments import above_zero, optional_text, text, whole
from jointtrack._trace import trace_fields
from jointtrack.tls import ClientCertificate, Tls, channel_credentials, is_cleartext

API_KEY_HEADER = "x-api-key"
DEFAULT_TARGET = "localhost:50051"
TARGET_ENV = "JOINTTRACK_TARGET"
API_KEY_ENV = "JOINTTRACK_API_KEY"
DEFAULT_TIMEOUT_S = 30.0
DEFAULT_RETRIES = 3
MOST_RETRIES = 4
"""gRPC makes no more than 5 tries."""
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
# gRPC servers close connections that are pinged more often than every 5 minutes (gRPC core,
# GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS); the slack keeps clear of that.
KEEPALIVE_TIME_MS = 330_000
KEEPALIVE_TIMEOUT_MS = 20_000
# gRPC's default is 2 minutes: a call would not see that the server is back.
MAX_RECONNECT_BACKOFF_MS = 5_000

_HEADER_VALUE = re.compile(r"([!-~]([ -~]*[!-~])?)?")
_URL_SCHEMES = {"http", "https", "grpc", "grpcs"}
_LOOPBACK = re.compile(
    r"(unix|unix-abstract):.+|((dns|ipv4|ipv6):/*)?"
    r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?",
    re.IGNORECASE,
)


Compression = Literal["gzip", "deflate"]

_ALGORITHMS = {
    "none": grpc.Compression.NoCompression,
    "gzip": grpc.Compression.Gzip,
    "deflate": grpc.Compression.Deflate,
}


class ConnectOptions(TypedDict, total=False):
    """The parameters of every client, by name; see ``JointTrackClient``."""

    target: str
    api_key: str | None
    tls: Tls
    client_certificate: ClientCertificate | None
    allow_cleartext_key: bool
    timeout_s: float
    retries: int
    max_message_bytes: int
    compression: Compression | None
    channel_options: Mapping[str, str | int] | None


class CleartextKeyError(ValueError):
    """The API key would go to another machine in clear text."""


@dataclass(frozen=True, slots=True)
class Connection:
    """All that is needed to open a channel and to make a call on it."""

    target: str
    credentials: grpc.ChannelCredentials | None
    options: tuple[tuple[str, Any], ...]
    key_metadata: tuple[tuple[str, str], ...]
    timeout_s: float

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Of a call that is made now."""
        return self.key_metadata + trace_fields()

    def call_timeout_s(self, timeout_s: float | None) -> float:
        """Raises TypeError and ValueError for what is no time."""
        return self.timeout_s if timeout_s is None else above_zero("timeout_s", timeout_s)


def options_from_env(options: ConnectOptions) -> ConnectOptions:
    """With what the environment names added; an empty variable is an absent one."""
    found: ConnectOptions = {}
    if target := os.environ.get(TARGET_ENV):
        found["target"] = target
    if api_key := os.environ.get(API_KEY_ENV):
        found["api_key"] = api_key
    return found | options


def connection(
    target: str,
    *,
    api_key: str | None,
    tls: Tls,
    client_certificate: ClientCertificate | None,
    allow_cleartext_key: bool,
    timeout_s: float,
    retries: int,
    max_message_bytes: int,
    compression: Compression | None,
    channel_options: Mapping[str, str | int] | None,
) -> Connection:
    """Raises TypeError and ValueError for what cannot be meant, a target that is a URL for example,
    CleartextKeyError, and what ``channel_credentials`` raises.
    """
    if not text("target", target):
        raise ValueError("A target is host:port, such as localhost:50051, not nothing.")
    if api_key is not None and not _HEADER_VALUE.fullmatch(text("api_key", api_key)):
        raise ValueError(
            "The api_key has characters that no key has; is there a line break at its end?"
        )
    if target.partition("://")[0].lower() in _URL_SCHEMES:
        raise ValueError(f"A target is host:port, such as localhost:50051, not {target!r}.")
    loopback = is_loopback(target)
    credentials = _credentials(tls, client_certificate, loopback)
    if api_key and is_cleartext(credentials) and not (loopback or allow_cleartext_key):
        raise CleartextKeyError(
            f"The API key would go to {target} in clear text, for anybody on the way to read. Use "
            "TLS: leave out tls=False, or give tls= the server's root certificates. Where the "
            "network itself is encrypted, pass allow_cleartext_key=True."
        )
    whole("max_message_bytes", max_message_bytes, least=1)
    options = _default_options(max_message_bytes, loopback, retries)
    options["grpc.default_compression_algorithm"] = _algorithm(compression).value
    if channel_options is not None and not isinstance(channel_options, Mapping):
        raise TypeError(
            f"channel_options must be names and values in a dict, not {channel_options!r}."
        )
    options |= dict(channel_options or {})
    return Connection(
        target=target,
        credentials=credentials,
        options=tuple(options.items()),
        key_metadata=((API_KEY_HEADER, api_key),) if api_key else (),
        timeout_s=above_zero("timeout_s", timeout_s),
    )


def is_loopback(target: str) -> bool:
    """Whether the target is this machine by name: localhost, 127.x.x.x, [::1] or a Unix socket."""
    return _LOOPBACK.fullmatch(target) is not None


def _credentials(
    tls: Tls, certificate: ClientCertificate | None, loopback: bool
) -> grpc.ChannelCredentials | None:
    if isinstance(tls, grpc.ChannelCredentials):
        if certificate is not None:
            raise ValueError(
                "Give the client certificate to your grpc.ChannelCredentials, or give tls= the "
                "root certificates."
            )
        return tls
    if tls is None:
        tls = certificate is not None or not loopback
    return channel_credentials(tls, certificate)


def _algorithm(compression: Compression | None) -> grpc.Compression:
    name = optional_text("compression", compression) or "none"
    if name not in _ALGORITHMS:
        raise ValueError(f"compression must be gzip or deflate, not {name!r}.")
    return _ALGORITHMS[name]


def _default_options(max_message_bytes: int, loopback: bool, retries: int) -> dict[str, str | int]:
    return {
        "grpc.max_send_message_length": max_message_bytes,
        "grpc.max_receive_message_length": max_message_bytes,
        # A request larger than this buffer is never tried again; gRPC's default is 256 KiB.
        "grpc.per_rpc_retry_buffer_size": max_message_bytes,
        "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
        "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
        "grpc.max_reconnect_backoff_ms": MAX_RECONNECT_BACKOFF_MS,
        # What stays on this machine must not go out, in clear text, to a proxy.
        "grpc.enable_http_proxy": int(not loopback),
        "grpc.primary_user_agent": f"jointtrack-python/{importlib.metadata.version('jointtrack')}",
        "grpc.service_config": service_config(retries),
        # A name with several addresses is several servers; localhost is one, with any addresses.
        "grpc.lb_policy_name": "pick_first" if loopback else "round_robin",
    }


def service_config(retries: int = DEFAULT_RETRIES) -> str:
    """The retry policy, as JSON: UNAVAILABLE is tried again, except in streams and while the last
    hundred tries failed. So is CANCELLED by the server: what a server that stops says to calls it
    has not looked at yet.
    """
    resource = importlib.resources.files("jointtrack") / "service_config.json"
    config = json.loads(resource.read_text(encoding="utf-8"))
    if whole("retries", retries, least=0, most=MOST_RETRIES) == 0:
        return "{}"
    for method in config["methodConfig"]:
        method["retryPolicy"]["maxAttempts"] = 1 + retries
    return json.dumps(config)
