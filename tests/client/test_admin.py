"""What an administrator's calls send and return; the calls themselves meet the real server in
tests/grpc.
"""

import asyncio
import json
import socket
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from jointtrack import (
    ApiKey,
    AsyncJointTrackAdmin,
    InvalidRequestError,
    IssuedKey,
    JointTrackAdmin,
    Plan,
    Scope,
    UnavailableError,
)
from jointtrack import _admin as core
from jointtrack.v1 import admin_service_pb2 as pb

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
MESSAGE = pb.ApiKey(
    key_id="0a1b2c3d", name="clinic", scopes=[pb.SCOPE_STREAM, pb.SCOPE_DETECT], plan="trial"
)
MESSAGE.create_time.FromDatetime(NEW_YEAR)


def _request(**options: Any) -> pb.CreateKeyRequest:
    defaults = {"scopes": (), "plan": None, "expires_at": None, "certificate_name": None}
    return core.create_key_request("clinic", **(defaults | options))


def test_every_option_is_sent() -> None:
    east = datetime(2027, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    request = _request(
        scopes=[Scope.ADMIN, "detect"], plan="trial", expires_at=east, certificate_name="east"
    )
    assert request.name == "clinic"
    assert list(request.scopes) == [pb.SCOPE_ADMIN, pb.SCOPE_DETECT]
    assert request.plan == "trial"
    assert request.expire_time.ToDatetime(UTC) == NEW_YEAR
    assert request.certificate_name == "east"
    assert list(_request(scopes="detect, stream").scopes) == [pb.SCOPE_DETECT, pb.SCOPE_STREAM]


def test_defaults_are_left_to_the_server() -> None:
    assert _request() == pb.CreateKeyRequest(name="clinic")


def test_scopes_are_those_of_the_contract() -> None:
    assert list(_request(scopes=Scope).scopes) == [n for n in pb.Scope.values() if n]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"scopes": "everything"}, "scope"),
        ({"scopes": ["detect", ""]}, "scope"),
        ({"expires_at": datetime(2027, 1, 1)}, "expire_time"),
    ],
)
def test_what_the_server_cannot_mean_is_refused(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        _request(**options)
    assert [item.field for item in caught.value.field_violations] == [field]
    assert caught.value.reason == "INVALID_REQUEST"


def test_an_overlap_is_sent_to_the_nanosecond() -> None:
    overlap = core.rotate_key_request("0a1b2c3d", 86_400.25).overlap
    assert (overlap.seconds, overlap.nanos) == (86_400, 250_000_000)


def test_absent_is_none() -> None:
    assert core.api_key(MESSAGE) == ApiKey(
        key_id="0a1b2c3d",
        name="clinic",
        scopes=("stream", "detect"),
        plan="trial",
        created_at=NEW_YEAR,
        expires_at=None,
        revoked_at=None,
        certificate_name=None,
        month_pictures=0,
    )
    plans = pb.ListPlansResponse(plans=[pb.Plan(name="free"), pb.Plan(name="none", max_streams=0)])
    assert core.plans(plans) == (Plan("free", None, None, None), Plan("none", None, None, 0))


def test_a_scope_of_the_future_has_a_name() -> None:
    assert core.api_key(pb.ApiKey(scopes=[9])).scopes == ("unknown_9",)  # type: ignore[list-item]


def test_a_key_is_ready_for_json_and_its_text_stays_out_of_logs() -> None:
    issued = core.issued_key(pb.CreateKeyResponse(key=MESSAGE, key_text="jt_0a1b2c3d_secret"))
    assert isinstance(issued, IssuedKey)
    assert issued.text == "jt_0a1b2c3d_secret"
    assert "secret" not in f"{issued} {issued!r}"
    value = json.loads(json.dumps(issued.to_dict()))
    assert value["text"] == issued.text
    assert value["key"]["created_at"] == "2027-01-01T00:00:00+00:00"
    assert value["key"]["scopes"] == ["stream", "detect"]


def test_no_server_is_said_so() -> None:
    async def call(target: str) -> None:
        async with AsyncJointTrackAdmin(target, timeout_s=0.3) as admin:
            await admin.list_keys()

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{probe.getsockname()[1]}"
        with (
            pytest.raises(UnavailableError, match=f"Cannot reach {target}"),
            JointTrackAdmin(target, timeout_s=0.3) as admin,
        ):
            admin.list_keys()
        with pytest.raises(UnavailableError, match=f"Cannot reach {target}"):
            asyncio.run(call(target))
