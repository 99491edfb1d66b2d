"""TLS as a caller says it: whom to trust, and which certificate to show."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, cast

import grpc
import grpc.experimental

Pem: TypeAlias = bytes | str | os.PathLike[str]
"""PEM text as bytes, or the path of a PEM file."""

Tls: TypeAlias = bool | Pem | grpc.ChannelCredentials | None
"""True: the system's root certificates; Pem: root certificates; credentials: as they are; False:
plaintext; None: plaintext to this machine, TLS to any other."""

_CERTIFICATE = re.compile(rb"-----BEGIN ([A-Z0-9]+ )?CERTIFICATE-----")
_PRIVATE_KEY = re.compile(rb"-----BEGIN ([A-Z0-9]+ )?PRIVATE KEY-----")
_ENCRYPTED = re.compile(rb"BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED")


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What to show a server that asks its callers for a certificate (mutual TLS).

    ``chain``: the client's certificate, then those between it and the root. ``private_key``: its
    key, without a passphrase. Files are read when the client is made.
    """

    chain: Pem
    private_key: Pem = field(repr=False)


def channel_credentials(
    tls: bool | Pem, certificate: ClientCertificate | None
) -> grpc.ChannelCredentials | None:
    """None for plaintext.

    Raises OSError for a file that cannot be read, ValueError for one without the PEM block it needs
    and for a certificate that could not be shown.
    """
    if tls is False:
        if certificate is not None:
            raise ValueError("A client certificate needs TLS: leave out tls=False.")
        return None
    roots = None if isinstance(tls, bool) else _certificates("tls", tls)
    if certificate is None:
        return grpc.ssl_channel_credentials(roots)
    if not isinstance(certificate, ClientCertificate):
        raise TypeError(
            "client_certificate must be ClientCertificate(chain, private_key), not "
            f"{type(certificate).__name__}."
        )
    chain = _certificates("client_certificate.chain", certificate.chain)
    return grpc.ssl_channel_credentials(roots, _private_key(certificate.private_key), chain)


def is_cleartext(credentials: grpc.ChannelCredentials | None) -> bool:
    """Whether they encrypt nothing: no credentials, gRPC's insecure ones, or xDS that falls back to
    those. gRPC itself holds its local credentials to this machine.
    """
    if credentials is None:
        return True
    insecure = type(cast(Any, grpc.experimental).insecure_channel_credentials()._credentials)
    core = cast(Any, credentials)._credentials
    return isinstance(core, insecure) or isinstance(
        getattr(core, "_fallback_credentials", None), insecure
    )


def _certificates(name: str, source: Pem) -> bytes:
    data = _read(source)
    if not _CERTIFICATE.search(data):
        raise ValueError(f"{name}{_of(source)} holds no PEM certificate.")
    return data


def _private_key(source: Pem) -> bytes:
    data = _read(source)
    name = f"client_certificate.private_key{_of(source)}"
    if _ENCRYPTED.search(data):
        raise ValueError(f"{name} is encrypted; give a key without a passphrase.")
    if not _PRIVATE_KEY.search(data):
        raise ValueError(f"{name} holds no PEM private key.")
    return data


def _read(source: Pem) -> bytes:
    if not isinstance(source, (bytes, str, os.PathLike)):
        raise TypeError(
            f"tls and certificates are PEM bytes or paths of files, not {type(source).__name__}."
        )
    return source if isinstance(source, bytes) else Path(source).read_bytes()


def _of(source: Pem) -> str:
    return "" if isinstance(source, bytes) else f" ({os.fspath(source)})"
