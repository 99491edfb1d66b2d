"""Both doors over TLS, and who does not get in."""

import logging
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from jointtrack import JointTrackClient, UnavailableError
from jointtrack_server.errors import StartupError
from tests.support.certificates import Authority, Secret
from tests.support.servers import RunningServer, run_server
from tests.support.tls import Caller, ports
from tests.tls.conftest import Start


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[RunningServer]:
    secret = Secret(tmp_path_factory.mktemp("secret"))
    secret.write(authority.server())
    with run_server(tmp_path_factory.mktemp("data"), auth=False, **secret.settings) as running:
        yield running


@pytest.fixture
def caller(server: RunningServer, authority: Authority) -> Caller:
    return Caller(server, authority)


@pytest.fixture(autouse=True)
def _unharmed(caller: Caller, photo: bytes, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever was tried, the next callers of both doors are answered, and nothing is an error."""
    yield
    assert caller.detect_grpc(photo) == pytest.approx(caller.detect_http(photo), abs=0.5)
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


def test_the_callers_see_an_encrypted_connection(caller: Caller) -> None:
    for port in ports(caller.server):
        with caller.connect(port) as connection:
            assert connection.version() == "TLSv1.3"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_old_versions_are_refused(caller: Caller, authority: Authority) -> None:
    for port in ports(caller.server):
        for version, spoken in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)):
            context = authority.context()
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = version
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                if spoken:
                    with context.wrap_socket(connection, server_hostname="127.0.0.1") as secure:
                        assert secure.version() == "TLSv1.2"
                else:
                    with pytest.raises((ssl.SSLError, ConnectionError)):
                        context.wrap_socket(connection, server_hostname="127.0.0.1")


def test_http_without_tls_is_told_so(server: RunningServer) -> None:
    url = server.url.replace("https:", "http:")
    for answer in (httpx.get(f"{url}/healthz"), httpx.post(f"{url}/detect", content=bytes(200))):
        assert answer.status_code == 400
        assert "https://" in answer.json()["error"]["message"]


def test_grpc_without_tls_fails_clearly(server: RunningServer) -> None:
    with (
        JointTrackClient(server.target, tls=False, timeout_s=5) as client,
        pytest.raises(UnavailableError, match=r"(?i)tls"),
    ):
        client.server_info()


def test_a_caller_that_trusts_others_does_not_call(server: RunningServer) -> None:
    stranger = Caller(server, Authority())
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.http().get("/healthz")
    with stranger.client(timeout_s=5) as client, pytest.raises(UnavailableError):
        client.server_info()


def test_garbage_instead_of_a_handshake(server: RunningServer) -> None:
    for port in ports(server):
        for sent in (b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"\x00" * 100, b"\x16", b""):
            with (
                socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
                suppress(ConnectionError),
            ):
                connection.sendall(sent)
                connection.settimeout(0.2)
                with suppress(TimeoutError):
                    connection.recv(4096)


def test_a_certificate_that_grpc_does_not_take(secret: Secret, start_server: Start) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa-pss", "-nodes", "-subj", "/CN=x"]
    written = [*command, "-keyout", str(secret.key), "-out", str(secret.certificate)]
    subprocess.run(written, capture_output=True, check=True)
    with pytest.raises(StartupError, match="gRPC refuses the TLS files"):
        start_server(auth=False, **secret.settings)


@pytest.mark.parametrize("broken", ["tls_cert_file", "tls_key_file"])
def test_broken_files_at_the_start_are_named(
    broken: str, secret: Secret, start_server: Start
) -> None:
    settings = secret.settings
    settings[broken].unlink()
    with pytest.raises(StartupError, match=str(settings[broken])):
        start_server(auth=False, **settings)
