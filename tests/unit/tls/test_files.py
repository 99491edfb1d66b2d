"""What is wrong with TLS files is said at the start: which file, and what to do."""

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from jointtrack_server.errors import StartupError
from jointtrack_server.tls.files import TlsFiles, read_identity
from tests.support.certificates import Authority, Secret


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def secret(tmp_path: Path, authority: Authority) -> Secret:
    """Whole files, to be damaged."""
    secret = Secret(tmp_path)
    secret.write(authority.server(), authority.root)
    return secret


def files(secret: Secret) -> TlsFiles:
    return TlsFiles(secret.certificate, secret.key, secret.client_ca)


def replaced(file: Path, content: bytes) -> Path:
    file.unlink()
    file.write_bytes(content)
    return file


def test_whole_files(secret: Secret, authority: Authority) -> None:
    issued = authority.server("a.example", "*.b.example", "192.0.2.7", "::1")
    secret.write(issued, authority.root)
    identity = read_identity(files(secret))
    assert identity.chain_pem == issued.chain
    assert identity.key_pem == issued.key
    assert identity.client_ca_pem == authority.root
    assert identity.names == ("a.example", "*.b.example", "192.0.2.7", "::1")
    assert identity.valid_from < datetime.now(UTC) < identity.valid_until
    assert issued.key.decode().splitlines()[1] not in repr(identity)


def missing(secret: Secret, _: Authority) -> Path:
    secret.key.unlink()
    return secret.key


def folder(secret: Secret, _: Authority) -> Path:
    secret.certificate.unlink()
    secret.certificate.mkdir()
    return secret.certificate


def no_pem(secret: Secret, _: Authority) -> Path:
    return replaced(secret.certificate, b"\x30\x82\x01\x0a\xff")


def cut_certificate(secret: Secret, _: Authority) -> Path:
    return replaced(secret.certificate, secret.certificate.read_bytes()[:200])


def no_key(secret: Secret, _: Authority) -> Path:
    return replaced(secret.key, secret.certificate.read_bytes())


def encrypted_key(secret: Secret, _: Authority) -> Path:
    key = serialization.load_pem_private_key(secret.key.read_bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
    return replaced(secret.key, encrypted)


def key_of_another(secret: Secret, authority: Authority) -> Path:
    return replaced(secret.key, authority.server().key)


def root_first(secret: Secret, authority: Authority) -> Path:
    return replaced(secret.certificate, authority.root + secret.certificate.read_bytes())


def expired(secret: Secret, authority: Authority) -> Path:
    now = datetime.now(UTC)
    old = authority.server(not_before=now - timedelta(days=9), not_after=now - timedelta(hours=1))
    secret.write(old, authority.root)
    return secret.certificate


def empty_client_ca(secret: Secret, _: Authority) -> Path:
    return replaced(secret.client_ca, b"")


def other_curve(secret: Secret, _: Authority) -> Path:
    return replaced(secret.key, pem(ec.generate_private_key(ec.SECP521R1())))


def no_curve(secret: Secret, _: Authority) -> Path:
    return replaced(secret.key, pem(ed25519.Ed25519PrivateKey.generate()))


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, *form)


def weak_key(secret: Secret, _: Authority) -> Path:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:768", "-nodes", "-subj", "/CN=weak"]
    keyed = [*command, "-keyout", str(secret.key), "-out", str(secret.certificate)]
    subprocess.run(keyed, capture_output=True, check=True)
    return secret.certificate


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (missing, "No such file"),
        (folder, "Is a directory"),
        (no_pem, "BEGIN CERTIFICATE"),
        (cut_certificate, "BEGIN CERTIFICATE"),
        (no_key, "BEGIN PRIVATE KEY"),
        (encrypted_key, "without a passphrase"),
        (key_of_another, "does not belong to the first certificate"),
        (root_first, "does not belong to the first certificate"),
        (other_curve, "curve P-256"),
        (no_curve, "curve P-256"),
        (expired, "expired on 20"),
        (empty_client_ca, "no root certificate"),
        (weak_key, "2048 bits"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_damaged_files(
    secret: Secret, authority: Authority, damage: Callable[[Secret, Authority], Path], why: str
) -> None:
    if damage is weak_key and shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    file = damage(secret, authority)
    with pytest.raises(StartupError) as caught:
        read_identity(files(secret))
    assert str(file) in str(caught.value)
    assert why in str(caught.value)


def test_rsa_keys(secret: Secret, authority: Authority) -> None:
    issued = authority.server("a.example", key_type=trustme.KeyType.RSA)
    secret.write(issued)
    assert read_identity(TlsFiles(secret.certificate, secret.key)).names == ("a.example",)
