from http import HTTPStatus

import grpc
import pytest

from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.errors import JointTrackError, Reason

DOCUMENTED_REST_CODES = {
    "missing_image", "invalid_image", "ambiguous_image", "unsupported_media_type",
    "image_too_large", "image_fetch_failed", "missing_measurement", "unknown_measurement",
    "invalid_side", "unknown_model", "invalid_request", "person_not_found", "missing_api_key",
    "invalid_api_key", "not_found", "method_not_allowed", "overloaded", "draining", "internal",
    "missing_scope", "quota_exceeded", "rate_limited", "request_timeout", "head_too_large",
    "store_unavailable", "key_exists", "keys_disabled",
}  # fmt: skip


def test_every_reason_has_its_codes() -> None:
    assert set(ERROR_CODES) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_the_codes_exist(reason: Reason) -> None:
    codes = ERROR_CODES[reason]
    assert grpc.StatusCode[codes.grpc] is not grpc.StatusCode.OK
    assert 400 <= HTTPStatus(codes.http) < 600
    assert codes.rest in DOCUMENTED_REST_CODES


@pytest.mark.parametrize("reason", Reason)
def test_both_doors_blame_the_same_side(reason: Reason) -> None:
    """A 5xx where the caller may try again or must report, a 4xx where the request is at fault."""
    codes = ERROR_CODES[reason]
    if codes.http == HTTPStatus.REQUEST_TIMEOUT:  # gRPC has one code for both sides' slowness
        return
    is_servers_fault = codes.grpc in {"INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"}
    assert (codes.http >= 500) == is_servers_fault


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_its_own_name(reason: Reason) -> None:
    assert reason.value == reason.name
    assert reason.value.isupper()


def test_an_error_carries_text_only() -> None:
    error = JointTrackError(
        Reason.OVERLOADED, "busy", metadata={"max_queue": 3, "why": None}, retry_after_s=1.0
    )
    assert str(error) == error.message == "busy"
    assert error.metadata == {"max_queue": "3", "why": "None"}
    assert error.field is None
    assert error.retry_after_s == 1.0
