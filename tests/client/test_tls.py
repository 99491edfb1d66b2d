"""Who is trusted, which certificate is shown, and where the API key may go."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import grpc.experimental
import pytest
import trustme

from jointtrack import (
    AsyncJointTrackAdmin,
    AsyncJointTrackClient,
    ClientCertificate,
    JointTrackAdmin,
    JointTrackClient,
    UnavailableError,
)
from jointtrack.testing import FakeServer

if TYPE_CHECKING:
    from tests.client.conftest import ShellFactory

CLIENTS = [JointTrackClient, AsyncJointTrackClient, JointTrackAdmin, AsyncJointTrackAdmin]
SERVER_NAMES = ("localhost", "127.0.0.1")
ELSEWHERE = "clinic.example.org:50051"
KEY = "a-secret-key"
insecure_channel_credentials: Any = grpc.experimental.insecure_channel_credentials


def certificate_of(authority: trustme.CA) -> ClientCertificate:
    issued = authority.issue_cert("ward@clinic.example.org")
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    return ClientCertificate(chain, issued.private_key_pem.bytes())


@dataclass
class Clinic:
    """Two servers with certificates of their own authority; ``strict`` asks callers for one too."""

    authority: trustme.CA
    server: FakeServer
    strict: FakeServer

    @property
    def root(self) -> bytes:
        return self.authority.cert_pem.bytes()


@pytest.fixture(scope="module")
def clinic() -> Iterator[Clinic]:
    authority = trustme.CA()
    issued = authority.issue_cert(*SERVER_NAMES)
    pair = (issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())
    plain = grpc.ssl_server_credentials([pair])
    strict = grpc.ssl_server_credentials([pair], authority.cert_pem.bytes(), True)
    with ExitStack() as stack:
        servers = [
            stack.enter_context(FakeServer(credentials=one, api_key=KEY)) for one in (plain, strict)
        ]
        yield Clinic(authority, *servers)


def test_a_private_authority_is_bytes_or_a_file(
    clinic: Clinic, connect: "ShellFactory", tmp_path: Path
) -> None:
    path = tmp_path / "root.pem"
    path.write_bytes(clinic.root)
    credentials = grpc.ssl_channel_credentials(clinic.root)
    for tls in (clinic.root, path, str(path), credentials):
        assert connect(clinic.server.target, tls=tls, api_key=KEY).detect(b"picture").people


@pytest.mark.parametrize("tls", [True, False])
def test_untrusted_or_unencrypted_is_unreachable(
    clinic: Clinic, connect: "ShellFactory", tls: bool
) -> None:
    clinic.server.metadata.clear()
    with pytest.raises(UnavailableError, match="TLS"):
        connect(clinic.server.target, tls=tls, api_key=KEY, timeout_s=0.5).detect(b"picture")
    assert not clinic.server.metadata, "the key never arrived"


def test_a_client_certificate_is_bytes_or_files(
    clinic: Clinic, connect: "ShellFactory", tmp_path: Path
) -> None:
    shown = certificate_of(clinic.authority)
    chain, private_key = tmp_path / "client.pem", tmp_path / "client.key"
    assert isinstance(shown.chain, bytes)
    assert isinstance(shown.private_key, bytes)
    chain.write_bytes(shown.chain)
    private_key.write_bytes(shown.private_key)
    for certificate in (shown, ClientCertificate(chain, str(private_key))):
        shell = connect(
            clinic.strict.target, tls=clinic.root, client_certificate=certificate, api_key=KEY
        )
        assert shell.detect(b"picture").people
        assert len(shell.stream([b"frame"])) == 1


def test_no_certificate_or_a_strangers_is_not_let_in(
    clinic: Clinic, connect: "ShellFactory"
) -> None:
    clinic.strict.metadata.clear()
    for certificate in (None, certificate_of(trustme.CA())):
        shell = connect(
            clinic.strict.target,
            tls=clinic.root,
            client_certificate=certificate,
            api_key=KEY,
            timeout_s=0.5,
        )
        for call in (lambda: shell.detect(b"picture"), lambda: shell.stream([b"frame"])):  # noqa: B023
            with pytest.raises(UnavailableError, match="trust the other's certificate"):
                call()
    assert not clinic.strict.metadata
    certificate = certificate_of(clinic.authority)
    shell = connect(
        clinic.strict.target, tls=clinic.root, client_certificate=certificate, api_key=KEY
    )
    assert shell.detect(b"picture").people


def test_a_client_certificate_means_tls_on_this_machine_too(clinic: Clinic) -> None:
    certificate = certificate_of(clinic.authority)
    with JointTrackClient(clinic.strict.target, client_certificate=certificate) as client:
        assert client._connection.credentials is not None


@pytest.mark.parametrize("tls", [False, grpc.local_channel_credentials()])
def test_a_certificate_that_would_not_be_shown_is_refused(tls: Any) -> None:
    certificate = certificate_of(trustme.CA())
    with pytest.raises(ValueError, match="client certificate"):
        JointTrackClient(tls=tls, client_certificate=certificate)


def test_files_without_what_they_should_hold_are_refused(tmp_path: Path) -> None:
    good = certificate_of(trustme.CA())
    encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n-----END ENCRYPTED PRIVATE KEY-----"
    old_encrypted = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
    empty = tmp_path / "empty.pem"
    empty.touch()

    def refusal(tls: Any, certificate: ClientCertificate | None = None) -> str:
        with pytest.raises(ValueError, match=r"PEM|passphrase") as caught:
            JointTrackClient(tls=tls, client_certificate=certificate)
        return str(caught.value)

    assert refusal(b"der") == "tls holds no PEM certificate."
    assert refusal(empty) == f"tls ({empty}) holds no PEM certificate."
    swapped = refusal(None, ClientCertificate(good.private_key, good.chain))
    assert swapped == "client_certificate.chain holds no PEM certificate."
    assert "no PEM private key" in refusal(None, ClientCertificate(good.chain, good.chain))
    for key in (encrypted, old_encrypted):
        assert "without a passphrase" in refusal(None, ClientCertificate(good.chain, key))
    with pytest.raises(FileNotFoundError):
        JointTrackClient(tls=tmp_path / "none.pem")


def test_the_private_key_is_not_shown() -> None:
    certificate = certificate_of(trustme.CA())
    assert isinstance(certificate.private_key, bytes)
    assert certificate.private_key.decode()[40:80] not in repr(certificate)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "tls",
    [
        False,
        insecure_channel_credentials(),
        grpc.xds_channel_credentials(insecure_channel_credentials()),
    ],
    ids=["plaintext", "insecure credentials", "xDS with insecure fallback"],
)
def test_a_key_goes_to_no_other_machine_in_clear_text(client: Any, tls: Any) -> None:
    with pytest.raises(ValueError, match="clear text") as caught:
        client(ELSEWHERE, api_key=KEY, tls=tls)
    assert "allow_cleartext_key=True" in str(caught.value)
    assert KEY not in str(caught.value)
    client(ELSEWHERE, api_key=KEY, tls=tls, allow_cleartext_key=True)
    client(ELSEWHERE, tls=tls)
    client(ELSEWHERE, api_key=KEY)
    client("localhost:50051", api_key=KEY, tls=tls)


@pytest.mark.parametrize("credentials", [grpc.local_channel_credentials, trustme.CA])
def test_a_key_goes_out_with_credentials_that_hold_it(credentials: Any) -> None:
    made = credentials()
    if isinstance(made, trustme.CA):
        made = grpc.ssl_channel_credentials(made.cert_pem.bytes())
    JointTrackClient(ELSEWHERE, api_key=KEY, tls=made).close()


def test_it_does_when_told_to(server: FakeServer, connect: "ShellFactory") -> None:
    address = server.target
    by_list = f"ipv4:{address},{address}"  # not seen to be this machine
    with pytest.raises(ValueError, match="clear text"):
        connect(by_list, api_key=KEY, tls=False).detect(b"picture")
    assert not server.metadata
    connect(by_list, api_key=KEY, tls=False, allow_cleartext_key=True).detect(b"picture")
    assert [call["x-api-key"] for call in server.metadata] == [KEY]


@pytest.mark.parametrize("variable", ["http_proxy", "grpc_proxy", "https_proxy"])
def test_what_stays_on_this_machine_meets_no_proxy(server: FakeServer, variable: str) -> None:
    port = server.target.rpartition(":")[2]
    program = (
        "from jointtrack import JointTrackClient\n"
        f"client = JointTrackClient('localhost:{port}', api_key='{KEY}', timeout_s=20.0)\n"
        "print(len(client.detect(b'picture').people))\n"
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0.0)
        environment[variable] = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        with pytest.raises(BlockingIOError):
            proxy.accept()
    assert done.stdout == "1\n", done.stderr
