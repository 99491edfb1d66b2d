"""google.rpc.Status and gRPC status codes to the errors of ``jointtrack.errors``. Pure."""

from collections.abc import Iterable

import grpc
from google.rpc import error_details_pb2, status_pb2

from jointtrack.errors import (
    AuthenticationError,
    DeadlineExceededError,
    FieldViolation,
    InvalidRequestError,
    JointTrackError,
    NoPersonError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    UnavailableError,
)

DETAILS_KEY = "grpc-status-details-bin"
REQUEST_ID_KEY = "x-request-id"
REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"

Metadata = Iterable[tuple[str, str | bytes]]

_ERRORS: dict[str, type[JointTrackError]] = {
    "INVALID_ARGUMENT": InvalidRequestError,
    "FAILED_PRECONDITION": InvalidRequestError,
    "OUT_OF_RANGE": InvalidRequestError,
    "NOT_FOUND": InvalidRequestError,
    "ALREADY_EXISTS": InvalidRequestError,
    "UNIMPLEMENTED": InvalidRequestError,
    "UNAUTHENTICATED": AuthenticationError,
    "PERMISSION_DENIED": AuthenticationError,
    "RESOURCE_EXHAUSTED": RateLimitedError,
    "UNAVAILABLE": UnavailableError,
    "ABORTED": UnavailableError,
    "CANCELLED": UnavailableError,
    "DEADLINE_EXCEEDED": DeadlineExceededError,
    "INTERNAL": ServerError,
    "UNKNOWN": ServerError,
    "DATA_LOSS": ServerError,
}
_ERRORS_BY_REASON: dict[str, type[JointTrackError]] = {
    "PERSON_NOT_FOUND": NoPersonError,
    "QUOTA_EXCEEDED": QuotaExceededError,
    REQUEST_TOO_LARGE: InvalidRequestError,
}
_CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


def error_from_call(code: grpc.StatusCode, details: str, trailing: Metadata) -> JointTrackError:
    """The error for a failed call: its status code, details and trailing metadata."""
    values = {key: value for key, value in trailing}  # noqa: C416 - grpc.aio 1.62 breaks dict()
    status = status_pb2.Status()
    rich = values.get(DETAILS_KEY)
    if isinstance(rich, bytes):
        status.MergeFromString(rich)
    status.code = code.value[0]
    status.message = status.message or details
    return error_from_status(status, request_id_of(trailing))


def request_id_of(trailing: Metadata) -> str | None:
    """The id that the server gave the call, from its trailing metadata."""
    for key, value in trailing:
        if key == REQUEST_ID_KEY and isinstance(value, str):
            return value
    return None


def error_from_status(status: status_pb2.Status, request_id: str | None = None) -> JointTrackError:
    """The error for a google.rpc.Status with its ErrorInfo, BadRequest and RetryInfo."""
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    can_retry = False
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad_request)
        can_retry |= detail.Unpack(retry)
    code = _CODE_NAMES.get(status.code, "UNKNOWN")
    reason = info.reason or _transport_reason(code, status.message)
    message = status.message or f"The call failed with {code}."
    if reason == REQUEST_TOO_LARGE and not info.reason:
        message += ". Send a smaller picture, or raise max_message_bytes on both ends."
    return _error_type(code, reason, message)(
        message,
        code=code,
        reason=reason,
        metadata=info.metadata,
        field_violations=tuple(
            FieldViolation(violation.field, violation.description)
            for violation in bad_request.field_violations
        ),
        request_id=request_id or info.metadata.get("request_id"),
        retry_after_s=retry.retry_delay.ToTimedelta().total_seconds() if can_retry else None,
    )


def _transport_reason(code: str, message: str) -> str | None:
    """gRPC itself refuses messages over a size limit with RESOURCE_EXHAUSTED and no details."""
    too_large = code == "RESOURCE_EXHAUSTED" and "larger than max" in message
    return REQUEST_TOO_LARGE if too_large else None


def _error_type(code: str, reason: str | None, message: str) -> type[JointTrackError]:
    if code == "INTERNAL" and reason is None and "RST_STREAM" in message:
        # What gRPC says when a proxy breaks off a call because its server died: Envoy does.
        return UnavailableError
    return _ERRORS_BY_REASON.get(reason or "") or _ERRORS.get(code, ServerError)
