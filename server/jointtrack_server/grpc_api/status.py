"""Domain errors to google.rpc.Status with ErrorInfo, BadRequest and RetryInfo."""

import random
from typing import Any, NoReturn

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status

from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.observability.observer import REQUEST_ID_FIELD

ERROR_DOMAIN = "jointtrack"
DETAILS_TRAILER = "grpc-status-details-bin"
_PUSHBACK_TRAILER = "grpc-retry-pushback-ms"
"""When a client that retries by itself may do so (gRPC proposal A6): it adds no jitter to it, so
the server does, lest all who were refused come back at once."""
_PUSHBACK_SPREAD = (0.5, 1.5)


def to_status(error: JointTrackError, request_id: str) -> Status:
    """A rich status: ErrorInfo always, field violations and retry delay where they apply."""
    code = grpc.StatusCode[ERROR_CODES[error.reason].grpc]
    status = Status(code=code.value[0], message=error.message)
    metadata = {**error.metadata, "request_id": request_id}
    _add(
        status,
        error_details_pb2.ErrorInfo(
            reason=error.reason.value, domain=ERROR_DOMAIN, metadata=metadata
        ),
    )
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=error.field or "", description=error.message
        )
        _add(status, error_details_pb2.BadRequest(field_violations=[violation]))
    if error.retry_after_s is not None:
        delay = Duration()
        delay.FromMilliseconds(int(error.retry_after_s * 1000))
        _add(status, error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def internal_error(request_id: str) -> JointTrackError:
    """What a caller is told of an unexpected error: the id that finds it in the log, no more."""
    return JointTrackError(
        Reason.INTERNAL,
        f"The server failed. Report the request id {request_id} to its operator.",
    )


async def abort(
    context: grpc.aio.ServicerContext[Any, Any], error: JointTrackError, request_id: str
) -> NoReturn:
    """Ends the call with the error's rich status: gRPC raises on the way."""
    code = grpc.StatusCode[ERROR_CODES[error.reason].grpc]
    trailers: tuple[tuple[str, str | bytes], ...] = (
        (DETAILS_TRAILER, to_status(error, request_id).SerializeToString()),
        (REQUEST_ID_FIELD, request_id),
    )
    if code is grpc.StatusCode.UNAVAILABLE and error.retry_after_s is not None:
        pushback_ms = error.retry_after_s * 1000.0 * random.uniform(*_PUSHBACK_SPREAD)  # noqa: S311
        trailers += ((_PUSHBACK_TRAILER, str(round(pushback_ms))),)
    await context.abort(code, error.message, trailers)
    raise AssertionError("abort raises")


def _add(status: Status, detail: Message) -> None:
    status.details.add().Pack(detail)
