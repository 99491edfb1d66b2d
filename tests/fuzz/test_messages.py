"""Any bytes as gRPC messages: a status with its reason, and the next caller is served."""

from collections.abc import Iterator, Sequence
from functools import cache
from operator import methodcaller
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jointtrack.v1 import (
    admin_service_pb2,
    image_pb2,
    joint_pb2,
    jointtrack_service_pb2,
    measurement_pb2,
    pose_pb2,
)
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.errors import Reason
from tests.fuzz.conftest import NEVER
from tests.fuzz.inputs import seed_files
from tests.fuzz.leaks import nothing_kept
from tests.fuzz.messages import any_message, damaged
from tests.support.rich_errors import rich_error
from tests.support.servers import RunningServer

TIMEOUT_S = 60.0

METHODS: dict[str, MethodDescriptor] = {
    method.name: method
    for file in (jointtrack_service_pb2, admin_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
EXAMPLES = {"Detect": 150, "StreamDetect": 150, "Measure": 300}

GOOD = service_pb2.MeasureRequest(
    keypoints=[
        pose_pb2.Keypoint(joint=joint, x_px=10.0 * joint, y_px=20.0, score=0.9)
        for joint in joint_pb2.Joint.values()[1:]
    ],
    image_size=image_pb2.ImageSize(width_px=200, height_px=100),
    measurements=[measurement_pb2.MEASUREMENT_TYPE_KNEE_FLEXION],
)


@cache
def known_values() -> dict[str, st.SearchStrategy[Any]]:
    """What a careful caller would put into the fields, so that some messages come far."""
    files = [data for files in seed_files().values() for data in files[-2:]]
    return {
        "encoded": st.sampled_from(files),
        "url": st.sampled_from(("http://pictures.invalid/a", "http://127.0.0.1/a", "file:///a")),
        "data": st.sampled_from((bytes(300), bytes(30_000))),
        "width_px": st.integers(1, 100),
        "height_px": st.integers(1, 100),
        "pixel_format": st.integers(1, 3),
        "row_stride_bytes": st.just(0),
        "model": st.sampled_from(("", "movenet-lightning", "movenet-multipose", "a,b")),
        "model_version": st.just(""),
        "measurements": st.integers(1, 19),
        "side": st.integers(0, 3),
        "facing": st.integers(0, 2),
        "max_people": st.sampled_from((0, 1, 1, 1, 1, 6)),
        "search": st.integers(0, 3),
        "include_overlays": st.booleans(),
        "joint": st.integers(1, 17),
        **{f"{name}_min_px": st.floats(0, 40, width=32) for name in "xy"},
        **{f"{name}_max_px": st.floats(50, 100, width=32) for name in "xy"},
        "x_px": st.floats(0, 100, width=32),
        "y_px": st.floats(0, 100, width=32),
        "score": st.floats(0, 1, width=32),
        "overflow": st.integers(0, 2),
        "max_in_flight": st.integers(0, 32),
        "mode": st.integers(0, 2),
        "strength": st.floats(0, 1, width=32),
    }


def known(field: str) -> st.SearchStrategy[Any] | None:
    return known_values().get(field)


@pytest.fixture(scope="module")
def channel(fuzzed: RunningServer) -> Iterator[grpc.Channel]:
    with nothing_kept(fuzzed), grpc.insecure_channel(fuzzed.target) as channel:
        yield channel


def answer(
    channel: grpc.Channel, fuzzed: RunningServer, method: MethodDescriptor, *messages: bytes
) -> list[Message]:
    """What the server answers to raw bytes; a status must be one that the contract knows."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    multicallable: Any = channel.stream_stream(path)
    call = multicallable(iter(messages), metadata=fuzzed.metadata, timeout=TIMEOUT_S)
    parse = GetMessageClass(method.output_type).FromString
    answers = []
    try:
        for data in call:
            answers.append(parse(data))
    except grpc.RpcError as caught:
        error = rich_error(caught)
        reason = Reason(error.info.reason)
        assert reason not in NEVER
        assert ERROR_CODES[reason].grpc == error.code.name
    return answers


def serves_the_next(channel: grpc.Channel, fuzzed: RunningServer) -> None:
    (measured,) = answer(channel, fuzzed, METHODS["Measure"], GOOD.SerializeToString())
    assert isinstance(measured, service_pb2.MeasureResponse)
    assert measured.measurements[0].type == measurement_pb2.MEASUREMENT_TYPE_KNEE_FLEXION


def serialized(method: MethodDescriptor, *, wild: bool) -> st.SearchStrategy[bytes]:
    message = any_message(method.input_type, known, wild=wild)
    return message.map(methodcaller("SerializeToString"))


def one_message(method: MethodDescriptor) -> st.SearchStrategy[bytes]:
    tame, wild = serialized(method, wild=False), serialized(method, wild=True)
    return st.one_of(tame, wild, wild, damaged(tame))


@st.composite
def stream(draw: st.DrawFn) -> list[bytes]:
    """A config and frames of increasing ids, with messages of any kind among them."""
    messages = []
    for sequence_id in range(draw(st.integers(1, 5))):
        other = draw(st.integers(0, 4)) == 0
        if other:
            messages.append(draw(one_message(METHODS["StreamDetect"])))
            continue
        kind = service_pb2.Frame if sequence_id else service_pb2.StreamConfig
        part: Any = draw(any_message(kind.DESCRIPTOR, known, wild=draw(st.booleans())))
        if sequence_id:
            part.sequence_id = sequence_id
        elif draw(st.integers(0, 4)):
            part.options.ClearField("region")
            part.options.ClearField("include_image")
        name = "frame" if sequence_id else "config"
        messages.append(service_pb2.StreamDetectRequest(**{name: part}).SerializeToString())
    return messages


@pytest.mark.parametrize("name", METHODS)
def test_any_message_is_answered_or_refused(
    channel: grpc.Channel, fuzzed: RunningServer, name: str
) -> None:
    method = METHODS[name]
    messages = stream() if method.client_streaming else st.tuples(one_message(method))

    @settings(
        max_examples=EXAMPLES.get(name, 30), deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(messages)
    def check(messages: Sequence[bytes]) -> None:
        for response in answer(channel, fuzzed, method, *messages):
            status = getattr(response, "error", None)
            assert status is None or "INTERNAL" not in str(status)
        serves_the_next(channel, fuzzed)

    check()


@pytest.mark.parametrize("count", [0, 2])
def test_a_call_for_one_message_with_none_or_two(
    channel: grpc.Channel, fuzzed: RunningServer, count: int
) -> None:
    for method in METHODS.values():
        if not method.client_streaming:
            answer(channel, fuzzed, method, *[b""] * count)
    serves_the_next(channel, fuzzed)


def text_paths(descriptor: Descriptor, depth: int = 3) -> Iterator[tuple[FieldDescriptor, ...]]:
    """Where texts lie in a message."""
    for field in descriptor.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            yield (field,)
        elif field.message_type is not None and depth:
            yield from ((field, *rest) for rest in text_paths(field.message_type, depth - 1))


def put(message: Any, path: tuple[FieldDescriptor, ...], text: str) -> None:
    field, *rest = path
    value = getattr(message, field.name)
    if rest:
        put(value.add() if field.is_repeated else value, tuple(rest), text)
    elif field.is_repeated:
        value.append(text)
    else:
        setattr(message, field.name, text)


@pytest.mark.parametrize("name", METHODS)
def test_a_long_text_is_refused_in_a_status_that_arrives(
    channel: grpc.Channel, fuzzed: RunningServer, name: str
) -> None:
    """What a caller sent comes back in the message: gRPC takes 8 KiB of trailers, not more."""
    method = METHODS[name]
    for path in text_paths(method.input_type):
        for letter in ("x", "\U0001f9b5", ","):
            message = GetMessageClass(method.input_type)()
            put(message, path, letter * 50_000)
            answer(channel, fuzzed, method, message.SerializeToString())
    serves_the_next(channel, fuzzed)
