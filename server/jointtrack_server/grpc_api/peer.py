"""Where a call came from, and with whose client certificate."""

from typing import Any
from urllib.parse import unquote

import grpc

_NAMES = ("peer_uri", "peer_dns", "x509_common_name")
"""gRPC core's properties of a peer (grpc/grpc_security_constants.h), in our order."""


def address(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """The IP address of the other end of the connection; empty if it has none."""
    family, _, rest = context.peer().partition(":")
    if not family.startswith("ipv"):
        return ""
    return unquote(rest.rpartition(":")[0]).strip("[]")


def certificate_names(context: grpc.aio.ServicerContext[Any, Any]) -> tuple[str, ...]:
    """The names of the verified client certificate: URIs and DNS names, then the common name.

    Empty without one. The door asks for client certificates only to verify them, so what gRPC
    knows of a peer is verified.
    """
    peer = context.auth_context()
    if not peer:
        return ()
    return tuple(_text(value) for name in _NAMES for value in peer.get(name, ()))


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
