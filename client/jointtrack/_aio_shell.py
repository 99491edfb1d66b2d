"""What both asyncio clients are: the same as ``jointtrack._shell``, awaited."""

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import grpc
import grpc.aio

from jointtrack import _calls
from jointtrack._channel import Connection
from jointtrack._connected import Connected
from jointtrack._status import Metadata
from jointtrack.errors import JointTrackError

if TYPE_CHECKING:
    Request = TypeVar("Request")
    Response = TypeVar("Response")


class AsyncShell(Connected):
    """The base of the asyncio clients. ``JointTrackClient`` describes the parameters."""

    def _open(self) -> None:
        self._opened: grpc.aio.Channel | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def wait_ready(self, timeout_s: float | None = None) -> None:
        """Returns once the server takes calls; UnavailableError if not within ``timeout_s``."""
        wait = _calls.ReadyWait(self._connection, timeout_s)
        while not await self._is_ready(wait):  # noqa: ASYNC110 - another process sets it
            await asyncio.sleep(_calls.HEALTH_POLL_S)

    async def close(self) -> None:
        """Ends all calls and the connection; calls after it are a RuntimeError."""
        self._use.end()
        if self._opened is not None:
            await self._opened.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def _channel(self) -> grpc.aio.Channel:
        """Opened on first use, because it belongs to the event loop that runs then."""
        self._use.check()
        loop = asyncio.get_running_loop()
        if self._opened is None:
            self._opened, self._loop = _open_channel(self._connection), loop
        if self._loop is not loop:
            raise RuntimeError("This client belongs to another event loop: make one for each loop.")
        return self._opened

    async def _call(
        self,
        method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]",
        request: "Request",
        timeout_s: float | None,
    ) -> "Response":
        return (await self._call_with_id(method, request, timeout_s))[0]

    async def _call_with_id(
        self,
        method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]",
        request: "Request",
        timeout_s: float | None,
    ) -> "tuple[Response, str | None]":
        """The answer, and the id under which the server's log has the request."""
        timeout_s = self._connection.call_timeout_s(timeout_s)
        watch = _calls.Watch(request)
        try:
            call = method(
                request, timeout=timeout_s, metadata=self._connection.metadata, wait_for_ready=True
            )
            return await call, watch.answered(await call.trailing_metadata())
        except asyncio.CancelledError:
            if self._was_closed():
                raise watch.failed(_calls.closed()) from None
            raise
        except grpc.aio.AioRpcError as error:
            raise watch.failed(
                self._error(error.code(), error.details(), error.trailing_metadata(), timeout_s)
            ) from None

    async def _is_ready(self, wait: _calls.ReadyWait) -> bool:
        check: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            _calls.HEALTH_METHOD
        )
        try:
            response = await self._call(check, _calls.HEALTH_REQUEST, wait.left_s)
        except JointTrackError as error:
            return wait.failed(error)
        return wait.answered(response)

    async def _connect(self, timeout_s: float | None) -> None:
        """Streams have no wait_for_ready: without a deadline that could wait for ever."""
        timeout_s = self._connection.timeout_s if timeout_s is None else timeout_s
        try:
            await asyncio.wait_for(self._channel.channel_ready(), timeout_s)
        except TimeoutError:
            why = _calls.no_connection(timeout_s)
            raise _calls.unreachable(self._connection, why) from None

    def _error(
        self,
        code: grpc.StatusCode,
        details: str | None,
        trailing: Metadata | None,
        timeout_s: float | None,
    ) -> JointTrackError:
        return _calls.call_error(
            code,
            details,
            trailing,
            connection=self._connection,
            timeout_s=timeout_s,
            is_connected=self._is_connected,
        )

    def _was_closed(self) -> bool:
        """Whether a call was cancelled because the client was closed, not because its task was."""
        task = asyncio.current_task()
        return self._use.is_over and (task is None or not task.cancelling())

    def _is_connected(self) -> bool:
        ready = grpc.ChannelConnectivity.READY
        return self._opened is not None and self._opened.get_state() is ready


def _open_channel(connection: Connection) -> grpc.aio.Channel:
    if connection.credentials is None:
        return grpc.aio.insecure_channel(connection.target, connection.options)
    return grpc.aio.secure_channel(connection.target, connection.credentials, connection.options)
