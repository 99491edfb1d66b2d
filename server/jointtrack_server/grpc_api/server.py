"""The gRPC server: our services, grpc.health.v1 and reflection on one port."""

import socket
from typing import TYPE_CHECKING

import grpc
from google.protobuf.descriptor import FileDescriptor
from grpc_health.v1 import health_pb2

from jointtrack.v1 import admin_service_pb2, jointtrack_service_pb2
from jointtrack.v1.admin_service_pb2_grpc import add_AdminServiceServicer_to_server
from jointtrack.v1.jointtrack_service_pb2_grpc import add_JointTrackServiceServicer_to_server
from jointtrack_server.errors import StartupError
from jointtrack_server.grpc_api.admin import AdminServicer
from jointtrack_server.grpc_api.credentials import server_credentials
from jointtrack_server.grpc_api.health import Health
from jointtrack_server.grpc_api.interceptor import CallInterceptor
from jointtrack_server.grpc_api.keyless import KeylessCalls
from jointtrack_server.grpc_api.options import GrpcLimits, Keepalive
from jointtrack_server.grpc_api.reflection import Reflection
from jointtrack_server.grpc_api.servicer import JointTrackServicer

if TYPE_CHECKING:
    from jointtrack_server.tls.watch import WatchedTls

SERVICE_NAME = jointtrack_service_pb2.DESCRIPTOR.services_by_name["JointTrackService"].full_name
ADMIN_SERVICE_NAME = admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"].full_name
OWN_SERVICES = (SERVICE_NAME, ADMIN_SERVICE_NAME)
_FILES: list[FileDescriptor] = [
    jointtrack_service_pb2.DESCRIPTOR,
    admin_service_pb2.DESCRIPTOR,
    health_pb2.DESCRIPTOR,
]


class GrpcDoor:
    """Listens from ``start`` to ``stop``; not healthy before and after."""

    def __init__(
        self,
        servicer: JointTrackServicer,
        admin: AdminServicer,
        interceptor: CallInterceptor,
        *,
        host: str,
        port: int,
        limits: GrpcLimits,
        keepalive: Keepalive,
        compresses: bool,
        reflects: bool,
        has_channelz: bool,
        tls: "WatchedTls | None",
        shares_port: bool,
    ) -> None:
        """Binds the port, 0 for a free one; ``shares_port`` with other processes of the server.

        Raises StartupError if it cannot be had.
        """
        self._server = grpc.aio.server(
            interceptors=[interceptor],
            options=[
                *limits.options,
                *keepalive.options,
                # The first that the caller takes of gzip and deflate.
                ("grpc.default_compression_level", int(compresses)),
                ("grpc.enable_channelz", int(has_channelz)),
                ("grpc.so_reuseport", int(shares_port)),
            ],
        )
        add_JointTrackServiceServicer_to_server(servicer, self._server)
        add_AdminServiceServicer_to_server(admin, self._server)
        files = [*_FILES, _add_channelz(self._server)] if has_channelz else _FILES
        calls = KeylessCalls()
        self._health = Health(OWN_SERVICES, calls)
        self._server.add_generic_rpc_handlers((self._health.handler(),))
        self._reflection = Reflection(files, calls)
        if reflects:
            self._server.add_generic_rpc_handlers(self._reflection.handlers())
        if not shares_port:
            _check_free(host, port)
        self._credentials = None if tls is None else server_credentials(tls)
        self.port = self._listen(_address(host, port))

    def _listen(self, address: str) -> int:
        if self._credentials is None:
            return self._server.add_insecure_port(address)
        try:
            return self._server.add_secure_port(address, self._credentials)
        except RuntimeError as error:
            raise StartupError(
                "gRPC refuses the TLS files: their certificate or key is of a kind that it does "
                "not know. Use RSA with 2048 bits or more, or ECDSA with the curve P-256."
            ) from error

    async def start(self) -> None:
        await self._server.start()
        self._health.serve()

    async def stop(self, grace_s: float) -> None:
        """Takes no more calls; those under way have ``grace_s`` seconds to end."""
        self._health.end()
        self._reflection.end()
        await self._server.stop(grace_s)


def _add_channelz(server: grpc.aio.Server) -> FileDescriptor:
    from grpc_channelz.v1 import channelz, channelz_pb2  # noqa: PLC0415  # few servers have it

    channelz.add_channelz_servicer(server)
    descriptor: FileDescriptor = channelz_pb2.DESCRIPTOR
    return descriptor


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
