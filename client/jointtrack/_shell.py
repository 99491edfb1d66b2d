"""What both blocking clients are: a connection, its life, and calls with one answer."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import grpc

from jointtrack import _calls
from jointtrack._channel import Connection
from jointtrack._connected import Connected
from jointtrack.errors import JointTrackError

if TYPE_CHECKING:
    Request = TypeVar("Request")
    Response = TypeVar("Response")

_PROBE_S = 0.1


class BlockingShell(Connected):
    """The base of the blocking clients. ``JointTrackClient`` describes the parameters."""

    def _open(self) -> None:
        self._channel: grpc.Channel = _open_channel(self._connection)
        self._health: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(
            _calls.HEALTH_METHOD
        )

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Returns once the server takes calls; UnavailableError if not within ``timeout_s``."""
        wait = _calls.ReadyWait(self._connection, timeout_s)
        while not self._is_ready(wait):
            time.sleep(_calls.HEALTH_POLL_S)

    def close(self) -> None:
        """Ends all calls and the connection; calls after it are a RuntimeError."""
        self._use.end()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _call(
        self,
        method: "grpc.UnaryUnaryMultiCallable[Request, Response]",
        request: "Request",
        timeout_s: float | None,
    ) -> "Response":
        return self._call_with_id(method, request, timeout_s)[0]

    def _call_with_id(
        self,
        method: "grpc.UnaryUnaryMultiCallable[Request, Response]",
        request: "Request",
        timeout_s: float | None,
    ) -> "tuple[Response, str | None]":
        """The answer, and the id under which the server's log has the request."""
        self._use.check()
        timeout_s = self._connection.call_timeout_s(timeout_s)
        watch = _calls.Watch(request)
        try:
            response, call = method.with_call(
                request, timeout=timeout_s, metadata=self._connection.metadata, wait_for_ready=True
            )
        except grpc.RpcError as error:
            raise watch.failed(self._error(error, timeout_s)) from None
        return response, watch.answered(call.trailing_metadata())

    def _is_ready(self, wait: _calls.ReadyWait) -> bool:
        try:
            response = self._call(self._health, _calls.HEALTH_REQUEST, wait.left_s)
        except JointTrackError as error:
            return wait.failed(error)
        return wait.answered(response)

    def _connect(self, timeout_s: float | None) -> None:
        """Streams have no wait_for_ready: without a deadline that could wait for ever."""
        self._use.check()
        timeout_s = self._connection.timeout_s if timeout_s is None else timeout_s
        if not self._is_connected(timeout_s):
            raise _calls.unreachable(self._connection, _calls.no_connection(timeout_s))

    def _is_connected(self, timeout_s: float) -> bool:
        """Whether the server answers at all; grpc's own way leaves a polling thread behind."""
        try:
            self._health(_calls.HEALTH_REQUEST, timeout=timeout_s, wait_for_ready=True)
        except grpc.RpcError as error:
            return cast(Any, error).code() not in _calls.NO_ANSWER
        return True

    def _error(self, error: grpc.RpcError, timeout_s: float | None) -> JointTrackError:
        if self._use.is_over:
            return _calls.closed()
        call = cast(Any, error)
        return _calls.call_error(
            call.code(),
            call.details(),
            call.trailing_metadata(),
            connection=self._connection,
            timeout_s=timeout_s,
            is_connected=lambda: self._is_connected(_PROBE_S),
        )


def _open_channel(connection: Connection) -> grpc.Channel:
    if connection.credentials is None:
        return grpc.insecure_channel(connection.target, connection.options)
    return grpc.secure_channel(connection.target, connection.credentials, connection.options)
