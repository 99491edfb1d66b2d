"""Probes of a server with TLS: no key, but under mutual TLS a certificate."""

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support.certificates import Authority, Issued, Secret
from tests.support.servers import RunningServer
from tests.support.tls import TIMEOUT_S
from tests.tls.conftest import Start


def probe(server: RunningServer, authority: Authority, shown: Issued | None = None) -> int:
    """The status that a probe is told. Raises grpc.RpcError."""
    credentials = grpc.ssl_channel_credentials(
        authority.root,
        private_key=shown.key if shown else None,
        certificate_chain=shown.chain if shown else None,
    )
    with grpc.secure_channel(server.target, credentials) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        return int(stub.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S).status)


def test_a_probe_with_tls(start_server: Start, secret: Secret, authority: Authority) -> None:
    server = start_server(preload="none", **secret.settings)
    assert probe(server, authority) == health_pb2.HealthCheckResponse.SERVING


def test_a_probe_with_mutual_tls(start_server: Start, mutual: Secret, authority: Authority) -> None:
    server = start_server(preload="none", **mutual.settings)
    shown = authority.client(common_name="probe")
    assert probe(server, authority, shown) == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as caught:
        probe(server, authority)
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
