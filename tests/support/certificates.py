"""Certificates of an authority of the test's own, as files and as callers use them."""

import os
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jointtrack.tls import ClientCertificate


@dataclass(frozen=True)
class Issued:
    """A certificate chain and its key, as PEM."""

    chain: bytes
    key: bytes

    @property
    def serial_number(self) -> int:
        return x509.load_pem_x509_certificate(self.chain).serial_number

    @property
    def for_client(self) -> ClientCertificate:
        return ClientCertificate(self.chain, self.key)


@dataclass(frozen=True)
class Authority:
    """A root that tests trust."""

    ca: trustme.CA = field(default_factory=trustme.CA)

    @property
    def root(self) -> bytes:
        return self.ca.cert_pem.bytes()

    def server(self, *names: str, **options: Any) -> Issued:
        leaf = self.ca.issue_cert(*(names or ("127.0.0.1", "localhost")), **options)
        chain = b"".join(pem.bytes() for pem in leaf.cert_chain_pems)
        return Issued(chain, leaf.private_key_pem.bytes())

    def client(
        self, *, uris: Sequence[str] = (), dns: Sequence[str] = (), common_name: str = ""
    ) -> Issued:
        """trustme knows no URIs."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name(subject))
            .issuer_name(x509.load_pem_x509_certificate(self.root).subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )
        # DNS first: the order is the server's business, not the certificate's.
        names: list[x509.GeneralName] = [
            *map(x509.DNSName, dns),
            x509.RFC822Name("nurse@clinic.example"),
            *map(x509.UniformResourceIdentifier, uris),
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signer = serialization.load_pem_private_key(self.ca.private_key_pem.bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        signed = builder.sign(signer, hashes.SHA256())
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return Issued(
            signed.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(serialization.Encoding.PEM, *form),
        )

    def context(self, client: Issued | None = None) -> ssl.SSLContext:
        """What an HTTP caller who trusts this authority uses."""
        context = ssl.create_default_context(cadata=self.root.decode())
        if client is not None:
            with TemporaryDirectory() as folder, open_files(Path(folder), client) as files:
                context.load_cert_chain(*files)
        return context


@contextmanager
def open_files(folder: Path, issued: Issued) -> Iterator[tuple[Path, Path]]:
    files = folder / "chain.pem", folder / "key.pem"
    files[0].write_bytes(issued.chain)
    files[1].write_bytes(issued.key)
    yield files


@dataclass(frozen=True)
class Secret:
    """A folder of TLS files as Kubernetes mounts a secret: all change at once, by one link."""

    folder: Path
    has_client_ca: bool = False

    def write(self, issued: Issued, client_ca: bytes = b"") -> None:
        target = self.folder / f"..{datetime.now(UTC).timestamp()}"
        target.mkdir(parents=True)
        (target / "tls.crt").write_bytes(issued.chain)
        (target / "tls.key").write_bytes(issued.key)
        (target / "ca.crt").write_bytes(client_ca)
        fresh = self.folder / "..data_tmp"
        fresh.symlink_to(target.name)
        fresh.rename(self.folder / "..data")
        for name in ("tls.crt", "tls.key", "ca.crt"):
            if not os.path.lexists(self.folder / name):
                (self.folder / name).symlink_to(f"..data/{name}")

    @property
    def certificate(self) -> Path:
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        return self.folder / "tls.key"

    @property
    def client_ca(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def settings(self) -> dict[str, Path]:
        """What the server is told."""
        settings = {"tls_cert_file": self.certificate, "tls_key_file": self.key}
        return settings | ({"tls_client_ca_file": self.client_ca} if self.has_client_ca else {})
