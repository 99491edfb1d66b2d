import pickle
from typing import TYPE_CHECKING

import grpc
import pytest
from google.rpc import status_pb2

import jointtrack
from jointtrack import (
    AuthenticationError,
    DeadlineExceededError,
    InvalidRequestError,
    JointTrackError,
    NoPersonError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    UnavailableError,
)
from jointtrack._status import error_from_call, error_from_status
from jointtrack.testing import REQUEST_ID, Failure, FakeServer

if TYPE_CHECKING:
    from tests.client.conftest import Shell

FAILURE = Failure(
    "INVALID_ARGUMENT",
    "UNKNOWN_MODEL",
    "Model 'x' is not known; use movenet-thunder.",
    {"model": "x"},
    field_name="options.model",
)


def test_rich_details_arrive(server: FakeServer, shell: "Shell") -> None:
    server.detect.enqueue(FAILURE)
    with pytest.raises(InvalidRequestError) as caught:
        shell.detect(b"picture", model="x")
    error = caught.value
    assert error.message == FAILURE.message
    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "UNKNOWN_MODEL")
    assert error.metadata == {"model": "x"}
    assert [item.field for item in error.field_violations] == ["options.model"]
    assert error.request_id == REQUEST_ID
    assert error.retry_after_s is None
    assert str(error) == f"{FAILURE.message} [UNKNOWN_MODEL, request {REQUEST_ID}]"
    assert len(server.detect.requests) == 1, "it is not tried again"


def test_retry_delay_arrives() -> None:
    status = Failure("RESOURCE_EXHAUSTED", "RATE_LIMITED", "Slow down.", retry_after_s=1.5).status()
    error = error_from_status(status, "id")
    assert isinstance(error, UnavailableError)
    assert error.retry_after_s == 1.5
    assert error.request_id == "id"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INVALID_ARGUMENT", InvalidRequestError),
        ("FAILED_PRECONDITION", InvalidRequestError),
        ("OUT_OF_RANGE", InvalidRequestError),
        ("NOT_FOUND", InvalidRequestError),
        ("ALREADY_EXISTS", InvalidRequestError),
        ("UNIMPLEMENTED", InvalidRequestError),
        ("UNAUTHENTICATED", AuthenticationError),
        ("PERMISSION_DENIED", AuthenticationError),
        ("RESOURCE_EXHAUSTED", RateLimitedError),
        ("UNAVAILABLE", UnavailableError),
        ("ABORTED", UnavailableError),
        ("CANCELLED", UnavailableError),
        ("DEADLINE_EXCEEDED", DeadlineExceededError),
        ("INTERNAL", ServerError),
        ("UNKNOWN", ServerError),
        ("DATA_LOSS", ServerError),
    ],
)
def test_every_code_says_what_to_do_next(code: str, kind: type[JointTrackError]) -> None:
    error = error_from_call(grpc.StatusCode[code], "why", ())
    assert type(error) is kind
    assert (error.code, error.message, error.reason) == (code, "why", None)


def test_the_request_id_may_come_in_the_details() -> None:
    failure = Failure("INTERNAL", "INTERNAL", "It failed.", {"request_id": "7"})
    assert error_from_status(failure.status()).request_id == "7"
    assert error_from_status(failure.status(), "8").request_id == "8"


def test_a_call_that_a_proxy_broke_off_may_be_made_again() -> None:
    broken = "Stream removed (RST_STREAM (Received RST_STREAM with error code 2))"
    assert type(error_from_call(grpc.StatusCode.INTERNAL, broken, ())) is UnavailableError
    failure = Failure("INTERNAL", "INTERNAL", broken)
    assert type(error_from_status(failure.status())) is ServerError


def test_every_grpc_code_is_covered() -> None:
    from jointtrack._status import _ERRORS

    assert set(_ERRORS) == {code.name for code in grpc.StatusCode} - {"OK"}


def test_nobody_found_is_its_own_error() -> None:
    status = Failure("NOT_FOUND", "PERSON_NOT_FOUND", "Nobody.").status()
    assert type(error_from_status(status)) is NoPersonError


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        ("RESOURCE_EXHAUSTED", "RATE_LIMITED", RateLimitedError),
        ("RESOURCE_EXHAUSTED", "TOO_MANY_STREAMS", RateLimitedError),
        ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", QuotaExceededError),
        ("PERMISSION_DENIED", "MISSING_SCOPE", AuthenticationError),
        ("UNAVAILABLE", "STORE_UNAVAILABLE", UnavailableError),
        ("ABORTED", "STREAM_IDLE", UnavailableError),
        ("ABORTED", "STREAM_TOO_LONG", UnavailableError),
    ],
)
def test_what_a_server_refuses_says_what_to_do_next(
    code: str, reason: str, kind: type[JointTrackError]
) -> None:
    error = error_from_status(Failure(code, reason, "Why.", retry_after_s=2.0).status())
    assert type(error) is kind
    assert (error.reason, error.retry_after_s) == (reason, 2.0)


def test_waiting_helps_against_a_rate_but_not_against_a_quota() -> None:
    assert issubclass(RateLimitedError, UnavailableError)
    assert not issubclass(QuotaExceededError, UnavailableError)


def test_a_code_of_the_future_is_a_server_error() -> None:
    error = error_from_status(status_pb2.Status(code=99, message="new"))
    assert isinstance(error, ServerError)
    assert error.code == "UNKNOWN"


def test_an_error_without_a_message_has_one() -> None:
    assert "INTERNAL" in error_from_status(status_pb2.Status(code=13)).message


def test_too_large_messages_are_the_requests_fault(server: FakeServer, shell: "Shell") -> None:
    with pytest.raises(InvalidRequestError, match="smaller picture") as caught:
        shell.detect(bytes(65 * 1024 * 1024))
    assert caught.value.reason == "REQUEST_TOO_LARGE"
    assert not server.detect.requests


def test_errors_survive_pickling_and_json() -> None:
    error = error_from_status(FAILURE.status(), "id")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is InvalidRequestError
    assert copy.to_dict() == error.to_dict()
    assert error.to_dict()["field_violations"] == [
        {"field": "options.model", "description": FAILURE.message}
    ]


def test_all_errors_have_one_base() -> None:
    kinds = [getattr(jointtrack, name) for name in jointtrack.__all__ if name.endswith("Error")]
    errors = [kind for kind in kinds if issubclass(kind, Exception)]
    assert len(errors) == 9
    assert all(issubclass(kind, JointTrackError) for kind in errors)
