"""What the fake server for users' tests answers has the shape of what the real server answers."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from jointtrack import JOINT_NAMES, SummaryRequest, _requests, testing
from jointtrack._status import error_from_status
from jointtrack.frames import FrameNumbering, StreamSource
from jointtrack.testing import Failure, FakeServer, invalid_image
from jointtrack.v1 import admin_service_pb2 as admin_pb
from jointtrack.v1 import jointtrack_service_pb2 as pb
from jointtrack.v1.admin_service_pb2_grpc import AdminServiceStub
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.errors import Reason
from tests.support.servers import DATA, RunningServer

PICTURE = (DATA / "walk_side.jpg").read_bytes()
OF_THIS_PICTURE = {"facing", "warnings", "overlay_ms", "sequence_id", "value_deg", "min_deg"}
"""What the real server says of a side view, and what is 0 in the one and not in the other."""
FAILURES = [
    testing.rate_limited,
    testing.quota_exceeded,
    testing.overloaded,
    testing.draining,
    testing.unauthenticated,
    testing.missing_scope,
    testing.invalid_image,
    testing.internal,
    partial(testing.key_not_found, "0a1b2c3d"),
]


def is_well_known(message: Message) -> bool:
    """A duration, a time: seconds and nanoseconds of 0 are not set."""
    return message.DESCRIPTOR.full_name.startswith("google.protobuf.")


def shape(message: Message, prefix: str = "") -> set[str]:
    """The paths of all fields that are set."""
    paths = set()
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        paths.add(path)
        for item in value if field.is_repeated else [value]:
            if isinstance(item, Message) and not is_well_known(item):
                paths |= shape(item, f"{path}.")
    return paths


def options(**given: Any) -> pb.DetectOptions:
    defaults = {
        "measurements": "knee_flexion, splits",
        "side": "both",
        "model": None,
        "model_version": None,
        "search": None,
        "region": None,
        "max_people": None,
        "facing": None,
        "mirrored": False,
        "strict": False,
        "include_overlays": False,
    }
    return _requests.detect_options(**(defaults | given))


def stream_messages(smoothing: str) -> Iterator[pb.StreamDetectRequest]:
    yield _requests.stream_config(options(), overflow=None, max_in_flight=None, smoothing=smoothing)
    numbering = FrameNumbering(fps=30.0)
    sources: list[StreamSource] = [*[PICTURE] * 6, b"no picture", SummaryRequest()]
    for source in sources:
        yield numbering.message(source)


def answers(target: str, metadata: tuple[tuple[str, str], ...] = ()) -> dict[str, Message]:
    """The same requests' answers."""
    with grpc.insecure_channel(target) as channel:
        stub = JointTrackServiceStub(channel)
        bare = _requests.detect_request(PICTURE, options())
        drawn = _requests.detect_request(
            PICTURE, options(side="left", include_overlays=True, include_image=True)
        )
        measured = _requests.measure_request(
            {name: (10 * row, 20 * row, 0.9) for row, name in enumerate(JOINT_NAMES)},
            (640, 480),
            measurements="knee_flexion",
            side="right",
            facing=None,
            mirrored=False,
            strict=False,
        )
        found: dict[str, Message] = {
            "detect": stub.Detect(bare, metadata=metadata),
            "overlays": stub.Detect(drawn, metadata=metadata),
            "measure": stub.Measure(measured, metadata=metadata),
            "info": stub.GetServerInfo(pb.GetServerInfoRequest(), metadata=metadata),
        }
        for smoothing in ("off", "default"):
            stream = stub.StreamDetect(stream_messages(smoothing), metadata=metadata)
            found |= {f"{smoothing} {index}": answer for index, answer in enumerate(stream)}
        return found


def test_its_answers_have_the_shape_of_the_real_ones(server: RunningServer) -> None:
    with FakeServer() as fake:
        found = fake.frame.default
        assert callable(found)
        fake.frame.default = lambda frame: (
            found(frame) if frame.image.encoded == PICTURE else invalid_image()
        )
        faked = answers(fake.target)
    real = answers(server.target, server.metadata)
    assert faked.keys() == real.keys()
    assert len(faked) == 4 + 2 * 9
    for name, message in faked.items():
        said, expected = shape(message), shape(real[name])
        assert said <= expected, name
        lacking = {path.rpartition(".")[2] for path in expected - said}
        assert lacking <= OF_THIS_PICTURE, name


@pytest.mark.parametrize("refuse", FAILURES)
def test_its_refusals_have_the_codes_of_the_real_ones(refuse: Callable[[], Failure]) -> None:
    failure = refuse()
    assert failure.code == ERROR_CODES[Reason(failure.reason)].grpc
    error = error_from_status(failure.status())
    assert (error.code, error.reason) == (failure.code, failure.reason)
    described = refuse.func if isinstance(refuse, partial) else refuse
    assert (described.__doc__ or "").startswith(type(error).__name__)


def administer(channel: grpc.Channel, metadata: tuple[tuple[str, str], ...]) -> list[Message]:
    """What an administrator's calls answer."""
    stub = AdminServiceStub(channel)
    made = stub.CreateKey(admin_pb.CreateKeyRequest(name="clinic"), metadata=metadata)
    key_id = made.key.key_id
    found: list[Message] = [
        made,
        stub.ListKeys(admin_pb.ListKeysRequest(), metadata=metadata),
        stub.RotateKey(admin_pb.RotateKeyRequest(key_id=key_id), metadata=metadata),
        stub.RevokeKey(admin_pb.RevokeKeyRequest(key_id=key_id), metadata=metadata),
        stub.ListPlans(admin_pb.ListPlansRequest(), metadata=metadata),
    ]
    with pytest.raises(grpc.RpcError) as caught:
        stub.RevokeKey(admin_pb.RevokeKeyRequest(key_id=key_id), metadata=metadata)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    return found


def test_its_administration_has_the_shape_of_the_real_one(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server(preload="none")
    with FakeServer() as fake, grpc.insecure_channel(fake.target) as channel:
        faked = administer(channel, ())
    with grpc.insecure_channel(server.target) as channel:
        real = administer(channel, server.metadata)
    for message, expected in zip(faked, real, strict=True):
        assert shape(message) == shape(expected) - {"keys.revoke_time"}
