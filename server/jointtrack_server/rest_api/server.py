"""The HTTP server: uvicorn's protocol on connections that we accept, bound and shake hands with."""

import asyncio
import logging
import math
import socket
import ssl
from contextlib import suppress
from email.utils import formatdate
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.server import ServerState

from jointtrack_server.errors import JointTrackError, Reason, StartupError
from jointtrack_server.rest_api.cors import CrossOrigin
from jointtrack_server.rest_api.protocol import HttpConnection, HttpLimits, refusal_bytes

if TYPE_CHECKING:
    from jointtrack_server.tls.watch import WatchedTls

_LOG = logging.getLogger(__name__)

_BACKLOG = 2048
_TICK_S = 1.0
_LINGER_S = 1.0
_ACCEPT_AGAIN_S = 1.0
_COMPLAIN_EVERY_S = 60.0


class HttpDoor:
    """Serves the ASGI application from ``start`` to ``stop``, in our event loop and under our
    signals."""

    def __init__(
        self,
        app: object,
        *,
        host: str,
        port: int,
        limits: HttpLimits,
        cross_origin: CrossOrigin,
        tls: "WatchedTls | None",
        shares_port: bool,
        option: str = "--http-port",
    ) -> None:
        """Binds the port, 0 for a free one; ``shares_port`` with other processes of the server.

        Raises StartupError if it cannot be had, which names the ``option`` to change.
        """
        self._socket = _bound(host, port, shares_port, option)
        self.port = int(self._socket.getsockname()[1])
        self._limits = limits
        self._cross_origin = cross_origin
        self._tls = tls
        self._config = uvicorn.Config(
            app,  # type: ignore[arg-type]
            ws="none",
            ws_max_size=limits.max_frame_bytes,
            ws_per_message_deflate=False,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_keep_alive=math.ceil(limits.timeout_s),
        )
        self._state = ServerState()
        self._connections: dict[asyncio.Task[None], HttpConnection] = {}
        self._background: list[asyncio.Task[None]] = []
        self._complain_at_s = 0.0

    async def start(self) -> None:
        self._config.load()
        self._socket.listen(_BACKLOG)
        self._socket.setblocking(False)
        self._background = [
            asyncio.create_task(self._accept()),
            asyncio.create_task(self._tick()),
        ]

    async def stop(self, grace_s: float) -> None:
        """Takes no more requests; those under way have ``grace_s`` seconds to end."""
        accepting, ticking = self._background
        accepting.cancel()
        await asyncio.wait([accepting])
        self._socket.close()
        busy = [task for task, connection in self._connections.items() if connection.is_busy]
        for connection in self._open_connections():
            connection.shutdown()
        # What says goodbye over TLS waits for the other side to do so too; most never do.
        linger_s = min(_LINGER_S, grace_s)
        await _wait(list(self._connections), linger_s)
        await _wait(busy, grace_s - linger_s)
        await self._cut_off()
        ticking.cancel()
        await asyncio.wait([ticking])

    async def _cut_off(self) -> None:
        """Ends what is left: requests are cancelled, which their middleware answers."""
        requests = list(self._state.tasks)
        if requests:
            _LOG.warning("%s HTTP requests did not end in time and are cut off", len(requests))
        for task in requests:
            task.cancel()
        await _wait(requests, _LINGER_S)
        for connection in self._open_connections():
            connection.transport.abort()
        for task in self._connections:
            task.cancel()
        await _wait(list(self._connections), _LINGER_S)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(self._socket)
            except ConnectionError:
                continue
            except OSError as error:
                self._complain("HTTP accepts no connection for now: %s", error.strerror)
                await asyncio.sleep(_ACCEPT_AGAIN_S)
                continue
            if len(self._connections) < self._limits.max_connections:
                self._take(accepted)
            else:
                self._turn_away(accepted)

    def _take(self, accepted: socket.socket) -> None:
        connection = HttpConnection(self._config, self._state, self._limits, self._cross_origin)
        task = asyncio.create_task(self._serve(accepted, connection))
        self._connections[task] = connection
        task.add_done_callback(self._connections.pop)

    async def _serve(self, accepted: socket.socket, connection: HttpConnection) -> None:
        if await self._open(accepted, connection):
            await connection.closed

    async def _open(self, accepted: socket.socket, connection: HttpConnection) -> bool:
        """Whether the connection stands: over TLS, after the handshake."""
        if self._tls is None:
            connect = asyncio.get_running_loop().connect_accepted_socket
            await connect(lambda: connection, accepted)
            return True
        try:
            spare = accepted.dup()
        except OSError as error:
            accepted.close()
            self._complain("HTTP shakes no hands for now: %s", error.strerror)
            return False
        with spare:
            try:
                await self._shake_hands(accepted, connection, self._tls.identity.context)
            except OSError as error:  # the transport has closed its socket
                if isinstance(error, ssl.SSLError) and error.reason == "HTTP_REQUEST":
                    _send(spare, _no_tls())
                return False
        return True

    async def _shake_hands(
        self, accepted: socket.socket, connection: HttpConnection, context: ssl.SSLContext
    ) -> None:
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: connection,
            accepted,
            ssl=context,
            ssl_handshake_timeout=self._limits.timeout_s,
            ssl_shutdown_timeout=self._limits.timeout_s,
        )

    def _turn_away(self, accepted: socket.socket) -> None:
        limit = self._limits.max_connections
        self._complain("HTTP has %s connections open and takes no more", limit)
        with accepted:
            if self._tls is None:
                _send(accepted, _too_many(limit, self._cross_origin))

    def _complain(self, message: str, value: object) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._complain_at_s:
            self._complain_at_s = now_s + _COMPLAIN_EVERY_S
            _LOG.warning(message, value)

    async def _tick(self) -> None:
        while True:
            self._state.default_headers = [
                (b"date", formatdate(usegmt=True).encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
            self._close_overdue()
            await asyncio.sleep(_TICK_S)

    def _close_overdue(self) -> None:
        for connection in self._open_connections():
            try:
                connection.close_if_overdue()
            except Exception:  # the others must not go unwatched
                _LOG.exception("A connection could not be closed")

    def _open_connections(self) -> list[HttpConnection]:
        return [one for one in self._connections.values() if one.is_open]


async def _wait(tasks: list[asyncio.Task[None]], timeout_s: float) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=timeout_s)


def _send(connection: socket.socket, data: bytes) -> None:
    """As far as the caller still listens; a few hundred bytes always fit."""
    with suppress(OSError):
        connection.send(data)


def _no_tls() -> bytes:
    return refusal_bytes(
        JointTrackError(
            Reason.INVALID_REQUEST, "This port speaks TLS. Use https:// instead of http://."
        )
    )


def _too_many(limit: int, cross_origin: CrossOrigin) -> bytes:
    return refusal_bytes(
        JointTrackError(
            Reason.OVERLOADED,
            f"The server has {limit} connections open and takes no more. Keep connections open "
            "between requests, and try again in a few seconds.",
            metadata={"max_connections": limit},
            retry_after_s=5.0,
        ),
        cross_origin.refusal_headers(None),
    )


def _bound(host: str, port: int, shares_port: bool, port_option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    option = socket.SO_REUSEPORT if shares_port else socket.SO_REUSEADDR
    bound.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise StartupError(
            f"HTTP cannot listen on {host}:{port}: {error.strerror}. Choose another port with "
            f"{port_option} or another address with --host; port 0 takes a free one."
        ) from error
    return bound
