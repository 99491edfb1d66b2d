"""The PEM files of TLS: read and checked as one."""

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from jointtrack_server.errors import StartupError

_CURVES = ec.SECP256R1 | ec.SECP384R1
"""gRPC's callers refuse certificates of all other curves."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where they are. With ``client_ca``, callers must show a certificate of one of its roots."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    @property
    def all(self) -> tuple[Path, ...]:
        files = (self.certificate, self.key, self.client_ca)
        return tuple(file for file in files if file is not None)


@dataclass(frozen=True, slots=True, eq=False)
class TlsIdentity:
    """What the files held: as PEM, and as a context that shakes hands with it.

    ``names`` are the hosts that the certificate is for: DNS names, then addresses.
    """

    chain_pem: bytes
    key_pem: bytes = field(repr=False)
    client_ca_pem: bytes | None
    context: ssl.SSLContext
    names: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime

    @property
    def lifetime(self) -> timedelta:
        return self.valid_until - self.valid_from


def read_identity(files: TlsFiles) -> TlsIdentity:
    """Raises StartupError saying which file is at fault and what to do."""
    chain_pem = _read(files.certificate, "certificate")
    key_pem = _read(files.key, "private key")
    certificate = _certificates(chain_pem, files.certificate, "certificate chain")[0]
    _check_key(certificate, key_pem, files)
    _check_not_expired(certificate, files.certificate)
    client_ca_pem = None
    if files.client_ca is not None:
        client_ca_pem = _read(files.client_ca, "client CA")
        _certificates(client_ca_pem, files.client_ca, "root certificate")
    return TlsIdentity(
        chain_pem,
        key_pem,
        client_ca_pem,
        _context(files, client_ca_pem),
        _names(certificate),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def _read(file: Path, what: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise StartupError(
            f"The {what} file of TLS cannot be read: {file}: {error.strerror}. Give the path of a "
            "PEM file that the server may read."
        ) from error


def _certificates(pem: bytes, file: Path, what: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise StartupError(
            f"{file} holds no {what} in PEM that can be read. It must have blocks that begin with "
            '"-----BEGIN CERTIFICATE-----".'
        ) from error


def _check_key(certificate: x509.Certificate, key_pem: bytes, files: TlsFiles) -> None:
    try:
        key = load_pem_private_key(key_pem, password=None)
    except TypeError as error:
        raise StartupError(
            f"The private key in {files.key} is encrypted. Store it without a passphrase, readable "
            "by the server alone: openssl pkey -in encrypted.pem -out key.pem"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise StartupError(
            f"{files.key} holds no private key in PEM that can be read. It must have one block "
            'that begins with "-----BEGIN PRIVATE KEY-----".'
        ) from error
    if not _is_known_kind(key):
        raise StartupError(
            f"The private key in {files.key} is of a kind that gRPC's callers refuse. Use RSA, or "
            "ECDSA with the curve P-256 or P-384."
        )
    if key.public_key() != certificate.public_key():
        raise StartupError(
            f"The private key in {files.key} does not belong to the first certificate in "
            f"{files.certificate}. Give the key of the server's own certificate, which stands "
            "first in its file, before those that signed it."
        )


def _is_known_kind(key: PrivateKeyTypes) -> bool:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return isinstance(key.curve, _CURVES)
    return isinstance(key, rsa.RSAPrivateKey)


def _check_not_expired(certificate: x509.Certificate, file: Path) -> None:
    until = certificate.not_valid_after_utc
    if until <= datetime.now(UTC):
        raise StartupError(
            f"The certificate in {file} expired on {until:%Y-%m-%d %H:%M} UTC: every caller would "
            "refuse it. Renew it."
        )


def _context(files: TlsFiles, client_ca_pem: bytes | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.certificate, files.key)
        if client_ca_pem is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=client_ca_pem.decode("ascii", "ignore"))
    except OSError as error:  # ssl.SSLError is one
        raise StartupError(
            f"OpenSSL refuses {', '.join(map(str, files.all))}: {error.strerror or error}. Use "
            "keys of 2048 bits RSA or 256 bits ECDSA, or longer, signed with SHA-256 or better."
        ) from error
    return context


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    addresses = names.get_values_for_type(x509.IPAddress)
    return (*names.get_values_for_type(x509.DNSName), *map(str, addresses))
