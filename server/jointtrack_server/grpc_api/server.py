"""The gRPC server: our service, grpc.health.v1 and reflection on one port."""

import socket

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from jointtrack.v1 import jointtrack_service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import add_JointTrackServiceServicer_to_server
from jointtrack_server.errors import StartupError
from jointtrack_server.grpc_api.interceptor import CallInterceptor
from jointtrack_server.grpc_api.servicer import JointTrackServicer

SERVICE_NAME = jointtrack_service_pb2.DESCRIPTOR.services_by_name["JointTrackService"].full_name

_KEEPALIVE_MS = 30_000
_MIN_CLIENT_PING_INTERVAL_MS = 10_000


class GrpcDoor:
    """Listens from ``start`` to ``stop``; not healthy before and after."""

    def __init__(
        self,
        servicer: JointTrackServicer,
        interceptor: CallInterceptor,
        *,
        host: str,
        port: int,
        max_message_bytes: int,
    ) -> None:
        """Binds the port, 0 for a free one. Raises StartupError if it cannot be had."""
        self._server = grpc.aio.server(
            interceptors=[interceptor],
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_send_message_length", max_message_bytes),
                ("grpc.so_reuseport", 0),
                ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
                ("grpc.http2.min_ping_interval_without_data_ms", _MIN_CLIENT_PING_INTERVAL_MS),
            ],
        )
        self._health = health.aio.HealthServicer()
        add_JointTrackServiceServicer_to_server(servicer, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (SERVICE_NAME, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        _check_free(host, port)
        self.port = self._server.add_insecure_port(_address(host, port))

    async def start(self) -> None:
        await self._report(health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._server.start()
        await self._report(health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace_s: float) -> None:
        """Takes no more calls; those under way have ``grace_s`` seconds to end."""
        await self._report(health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._server.stop(grace_s)

    async def _report(self, status: "health_pb2.HealthCheckResponse.ServingStatus") -> None:
        for service in ("", SERVICE_NAME):
            await self._health.set(service, status)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _check_free(host: str, port: int) -> None:
    """Binds the port for a moment: gRPC would say on stderr, in its own words, that it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartupError(
                f"gRPC cannot listen on {_address(host, port)}: {error.strerror}. Choose another "
                "port with --grpc-port or another address with --host; port 0 takes a free one."
            ) from error
