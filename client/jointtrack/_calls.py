"""What both clients say about a call: its error, its log line, whether a server is ready. Pure."""

import logging
import time
from collections.abc import Callable

import grpc

from jointtrack._channel import Connection
from jointtrack._log import LOG
from jointtrack._status import Metadata, error_from_call, request_id_of
from jointtrack.errors import DeadlineExceededError, JointTrackError, UnavailableError

HEALTH_METHOD = "/grpc.health.v1.Health/Check"
HEALTH_REQUEST = b""  # HealthCheckRequest without a service: the whole server
_SERVING = b"\x08\x01"  # HealthCheckResponse{status: SERVING}
HEALTH_POLL_S = 0.1
_LEAST_S = 0.001
NO_ANSWER = (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)


def call_error(
    code: grpc.StatusCode,
    details: str | None,
    trailing: Metadata | None,
    *,
    connection: Connection,
    timeout_s: float | None,
    is_connected: Callable[[], bool],
) -> JointTrackError:
    """The error of a failed call; where gRPC itself gave up, in words that say what to do."""
    error = error_from_call(code, details or "", trailing or ())
    if error.reason is not None:
        return error
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        if is_connected():
            return DeadlineExceededError(
                f"No answer from {connection.target} {_within(timeout_s)}. Raise timeout_s.",
                code=code.name,
                request_id=error.request_id,
            )
        return unreachable(connection, no_connection(timeout_s))
    if code is grpc.StatusCode.UNAVAILABLE and error.request_id is None:
        return unreachable(connection, details or "the connection broke")
    return error


def unreachable(connection: Connection, why: str) -> UnavailableError:
    """The server could not be reached at all."""
    if connection.credentials is None:
        hint = "Is a server running there, without TLS?"
    else:
        hint = (
            "Is a server running there, with TLS, and does each side trust the other's "
            "certificate? For one without TLS, pass tls=False."
        )
    return UnavailableError(
        f"Cannot reach {connection.target}: {why}. {hint}", code=grpc.StatusCode.UNAVAILABLE.name
    )


def closed() -> UnavailableError:
    """The client was closed by somebody else while a call was under way."""
    return UnavailableError(
        "The client was closed before the answer came.", code=grpc.StatusCode.CANCELLED.name
    )


def no_connection(timeout_s: float | None) -> str:
    """Why the server is unreachable, if nothing else is known."""
    return f"no connection {_within(timeout_s)}"


def _within(timeout_s: float | None) -> str:
    return "in time" if timeout_s is None else f"within {timeout_s:.3g} s"


class Use:
    """Whether a client may still be used."""

    def __init__(self) -> None:
        self.is_over = False

    def end(self) -> None:
        self.is_over = True

    def check(self) -> None:
        """Raises RuntimeError once it has ended."""
        if self.is_over:
            raise RuntimeError("This client is closed: make a new one.")


class Watch:
    """Logs how one call ended."""

    def __init__(self, request: object) -> None:
        self._kind = "health check" if request == HEALTH_REQUEST else type(request).__name__
        self._started_s = time.monotonic()

    def answered(self, trailing: Metadata | None) -> str | None:
        """The request id in the trailing metadata."""
        request_id = request_id_of(trailing or ())
        self._log("OK", request_id)
        return request_id

    def failed(self, error: JointTrackError) -> JointTrackError:
        self._log(error.reason or error.code, error.request_id)
        return error

    def _log(self, outcome: str, request_id: str | None) -> None:
        if LOG.isEnabledFor(logging.DEBUG):
            elapsed_ms = 1000 * (time.monotonic() - self._started_s)
            LOG.debug("%s: %s in %.1f ms, request %s", self._kind, outcome, elapsed_ms, request_id)


class ReadyWait:
    """Decides, from the health service's answers, whether the server is ready, until a deadline."""

    def __init__(self, connection: Connection, timeout_s: float | None) -> None:
        self._target = connection.target
        self._timeout_s = connection.call_timeout_s(timeout_s)
        self._end_s = time.monotonic() + self._timeout_s

    @property
    def left_s(self) -> float:
        """Seconds until the deadline, always above 0."""
        return max(_LEAST_S, self._end_s - time.monotonic())

    def answered(self, response: bytes) -> bool:
        """Whether the server is SERVING; UnavailableError once the time is up."""
        if response == _SERVING:
            return True
        if self.left_s <= HEALTH_POLL_S:
            raise UnavailableError(
                f"{self._target} answers, but was not ready {_within(self._timeout_s)}. "
                "Try again later.",
                code=grpc.StatusCode.UNAVAILABLE.name,
            )
        return False

    def failed(self, error: JointTrackError) -> bool:
        """True for a server without the health service: it is ready once it answers at all."""
        if error.code == grpc.StatusCode.UNIMPLEMENTED.name:
            return True
        if isinstance(error, UnavailableError) and self.left_s > HEALTH_POLL_S:
            return False
        raise error
