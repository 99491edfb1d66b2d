"""AdminService: what it refuses, and to whom; and that it serves on."""

import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from jointtrack.v1 import admin_service_pb2 as pb
from jointtrack.v1 import image_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.admin import REQUESTS, Admin, Metadata, is_admitted, refusal
from tests.support.servers import RunningServer

NO_SUCH_TIME = Timestamp(seconds=10**15)
NO_SUCH_SPAN = Duration(seconds=2**62)
LONG_AGO = Timestamp(seconds=1_000_000_000)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": ""}, "name", "1 to 100"),
        ({"name": "x" * 101}, "name", "101"),
        ({"name": "a\x1b[2Jb"}, "name", "printable"),
        ({"scopes": [pb.SCOPE_UNSPECIFIED]}, "scopes", "SCOPE_DETECT (1)"),
        ({"scopes": [pb.SCOPE_DETECT, 99]}, "scopes", "99"),
        ({"plan": "gold"}, "plan", "trial"),
        ({"expire_time": Timestamp()}, "expire_time", "ahead"),
        ({"expire_time": LONG_AGO}, "expire_time", "2001-09-09"),
        ({"expire_time": NO_SUCH_TIME}, "expire_time", "9999"),
        ({"expire_time": Timestamp(seconds=4 * 10**9, nanos=-1)}, "expire_time", "nanoseconds"),
        ({"certificate_name": "x" * 256}, "certificate_name", "256"),
        ({"certificate_name": "a\nb"}, "certificate_name", "printable"),
    ],
)
def test_a_key_that_cannot_be_is_refused(
    admin: Admin, fields: dict[str, Any], field: str, words: str
) -> None:
    before = admin.ListKeys(pb.ListKeysRequest())
    error = refusal(lambda: admin.create(**fields))
    assert (error.code, error.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.field == field
    assert words in error.message
    assert admin.ListKeys(pb.ListKeysRequest()) == before


def test_one_certificate_stands_for_one_key(admin: Admin) -> None:
    key, _ = admin.create(certificate_name="spiffe://clinic/one")
    error = refusal(lambda: admin.create(certificate_name="spiffe://clinic/one"))
    assert (error.code, error.info.reason) == (grpc.StatusCode.ALREADY_EXISTS, "KEY_EXISTS")
    assert error.info.metadata["key_id"] == key.key_id
    admin.RevokeKey(pb.RevokeKeyRequest(key_id=key.key_id))
    admin.create(certificate_name="spiffe://clinic/one")


@pytest.mark.parametrize("method", ["RevokeKey", "RotateKey"])
@pytest.mark.parametrize("key_id", ["00000000", "%", "' OR 1=1 --", "x" * 100_000, "jt_\0"])
def test_a_key_that_is_not_there(admin: Admin, method: str, key_id: str) -> None:
    request = type(REQUESTS[method])(key_id=key_id)
    error = refusal(lambda: getattr(admin, method)(request))
    assert (error.code, error.info.reason) == (grpc.StatusCode.NOT_FOUND, "KEY_NOT_FOUND")
    assert len(error.message) < 1000


@pytest.mark.parametrize("method", ["RevokeKey", "RotateKey"])
def test_a_key_must_be_named_and_a_revoked_one_stays_so(admin: Admin, method: str) -> None:
    kind = type(REQUESTS[method])
    error = refusal(lambda: getattr(admin, method)(kind()))
    assert (error.info.reason, error.field) == ("INVALID_REQUEST", "key_id")
    key, _ = admin.create()
    admin.RevokeKey(pb.RevokeKeyRequest(key_id=key.key_id))
    error = refusal(lambda: getattr(admin, method)(kind(key_id=key.key_id)))
    assert error.info.reason == "KEY_NOT_FOUND"


@pytest.mark.parametrize(
    ("overlap", "words"),
    [
        (Duration(seconds=30 * 86_400 + 1), "30 days"),
        (Duration(seconds=-1), "30 days"),
        (Duration(seconds=10**18), "30 days"),
        (NO_SUCH_SPAN, "30 days"),
    ],
)
def test_an_overlap_has_its_limits(
    admin: Admin, service: JointTrackServiceStub, overlap: Duration, words: str
) -> None:
    key, metadata = admin.create()
    request = pb.RotateKeyRequest(key_id=key.key_id, overlap=overlap)
    error = refusal(lambda: admin.RotateKey(request))
    assert (error.info.reason, error.field) == ("INVALID_REQUEST", "overlap")
    assert words in error.message
    time.sleep(1.0)
    assert is_admitted(service, metadata), "its text is as it was"


@pytest.mark.parametrize("method", REQUESTS)
@pytest.mark.parametrize(
    ("key", "refused"),
    [
        ("of a caller", (grpc.StatusCode.PERMISSION_DENIED, "MISSING_SCOPE")),
        ("none", (grpc.StatusCode.UNAUTHENTICATED, "MISSING_API_KEY")),
        ("wrong", (grpc.StatusCode.UNAUTHENTICATED, "INVALID_API_KEY")),
    ],
)
def test_only_an_admin_may_call(
    admin: Admin, channel: grpc.Channel, method: str, key: str, refused: tuple[grpc.StatusCode, str]
) -> None:
    keys: dict[str, Metadata] = {
        "of a caller": admin.create()[1],
        "none": (),
        "wrong": (("x-api-key", "jt_00000000_wrong"),),
    }
    before = admin.ListKeys(pb.ListKeysRequest())
    error = refusal(lambda: getattr(Admin(channel, keys[key]), method)(REQUESTS[method]))
    assert (error.code, error.info.reason) == refused
    assert admin.ListKeys(pb.ListKeysRequest()) == before


def test_an_admin_key_alone_detects_nothing(
    admin: Admin, service: JointTrackServiceStub, photo: bytes
) -> None:
    _, metadata = admin.create(scopes=[pb.SCOPE_ADMIN])
    request = service_pb2.DetectRequest(image=image_pb2.Image(encoded=photo))
    error = refusal(lambda: service.Detect(request, metadata=metadata))
    assert (error.code, error.info.reason) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "MISSING_SCOPE",
    )


def test_a_server_without_keys_says_so(start_server: Callable[..., RunningServer]) -> None:
    with grpc.insecure_channel(start_server(auth=False, preload="none").target) as channel:
        for method, request in REQUESTS.items():
            error = refusal(lambda: getattr(Admin(channel, ()), method)(request))  # noqa: B023
            assert (error.code, error.info.reason) == (
                grpc.StatusCode.FAILED_PRECONDITION,
                "KEYS_DISABLED",
            )
        assert (
            JointTrackServiceStub(channel)
            .GetServerInfo(service_pb2.GetServerInfoRequest())
            .server_version
        )
