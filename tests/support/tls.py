"""Calls over TLS to both doors of a running server."""

import socket
import ssl
from dataclasses import dataclass, field
from typing import Any

import httpx

from jointtrack import JointTrackClient
from tests.support.certificates import Authority, Issued
from tests.support.servers import RunningServer

TIMEOUT_S = 30.0
DETECT_PATH = "/jointtrack/v1/detect"


@dataclass(frozen=True)
class Caller:
    """Somebody who trusts an authority, and perhaps shows a certificate."""

    server: RunningServer
    authority: Authority = field(default_factory=Authority)
    certificate: Issued | None = None

    def client(self, **options: Any) -> JointTrackClient:
        shown = self.certificate.for_client if self.certificate else None
        return JointTrackClient(
            self.server.target, tls=self.authority.root, client_certificate=shown, **options
        )

    def http(self) -> httpx.Client:
        context = self.authority.context(self.certificate)
        return httpx.Client(base_url=self.server.url, verify=context, timeout=TIMEOUT_S)

    def detect_grpc(self, photo: bytes, **options: Any) -> float:
        with self.client(**options) as client:
            person = client.detect(photo, ["shoulder_abduction"], timeout_s=TIMEOUT_S).person
        angle = person.angle("shoulder_abduction").left
        assert angle is not None
        return angle

    def detect_http(self, photo: bytes, **headers: str) -> float:
        form = {"measurement": "shoulder_abduction"}
        with self.http() as http:
            answer = http.post(DETECT_PATH, files={"image": photo}, data=form, headers=headers)
        assert answer.status_code == 200, answer.text
        return float(answer.json()["measurements"][0]["value"]["left"])

    def connect(self, port: int) -> ssl.SSLSocket:
        connection = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        context = self.authority.context(self.certificate)
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context.wrap_socket(connection, server_hostname="127.0.0.1")

    def serial_numbers(self) -> list[int]:
        """Of the certificates that new connections to the doors are shown."""
        numbers = []
        for port in ports(self.server):
            with self.connect(port) as connection:
                certificate = connection.getpeercert()
            assert certificate
            numbers.append(int(str(certificate["serialNumber"]), 16))
        return numbers

    def admitted(self) -> list[bool]:
        """Which doors, gRPC and HTTP, say anything after the handshake: in TLS 1.3 a client's
        certificate is refused after it."""
        hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
        request = b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n"
        return [
            self._hears(port, sent)
            for port, sent in zip(ports(self.server), (hello, request), strict=True)
        ]

    def _hears(self, port: int, sent: bytes) -> bool:
        try:
            with self.connect(port) as connection:
                connection.sendall(sent)
                return bool(connection.recv(1))
        except (ssl.SSLError, ConnectionError):
            return False


def ports(server: RunningServer) -> tuple[int, int]:
    return server.app.grpc_door.port, server.app.http_door.port
