"""What a type checker says of right programs; test_wrong_arguments.py has the wrong ones."""

from typing import assert_type

from jointtrack import (
    AsyncJointTrackClient,
    Detection,
    DetectResult,
    FrameError,
    JointTrackClient,
    MeasureResult,
    StreamAnswer,
    StreamSummary,
)
from jointtrack.testing import FakeServer, invalid_image


def test_a_stream_is_narrowed_by_its_kind(server: FakeServer) -> None:
    server.frame.enqueue(invalid_image())
    kinds = []
    with JointTrackClient(server.target) as client:
        for answer in client.stream([b"jpeg"] * 2, "splits"):
            assert_type(answer, StreamAnswer)
            kinds.append(answer.kind)
            if answer.kind == "error":
                assert_type(answer, FrameError)
                assert answer.error.reason == "INVALID_IMAGE"
            elif answer.kind == "summary":
                assert_type(answer, StreamSummary)
                assert answer.error_count == 1
            elif answer.detection:
                assert_type(answer.detection, Detection)
                assert_type(answer.detection.person.angle("splits").left, float | None)
    assert kinds == ["error", "detection", "summary"]


async def test_both_clients_return_the_same_types(server: FakeServer) -> None:
    rows = {"nose": (1.0, 2.0, 0.9)}
    with JointTrackClient(server.target) as client:
        assert_type(client.detect(b"jpeg"), DetectResult)
        assert_type(client.measure(rows, (4, 4), "splits"), MeasureResult)
    async with AsyncJointTrackClient.from_env(target=server.target) as awaited:
        assert_type(awaited, AsyncJointTrackClient)
        assert_type(await awaited.detect(b"jpeg"), DetectResult)
        assert_type(await awaited.measure(rows, (4, 4), "splits"), MeasureResult)
        async for answer in awaited.stream([b"jpeg"]):
            assert_type(answer, StreamAnswer)
    assert len(server.detect.requests) == 2
