"""StreamDetect: the real clip, bad frames, broken streams, drops, draining."""

import threading
import time
from collections.abc import Callable, Iterator

import cv2
import grpc
import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from jointtrack.v1 import image_pb2, measurement_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.rich_errors import rich_error
from tests.support.servers import RunningServer
from tests.support.streams import await_idle, config, frame, walk_frames

KNEE_FLEXION = measurement_pb2.MEASUREMENT_TYPE_KNEE_FLEXION


@pytest.fixture
def clip() -> list[bytes]:
    return walk_frames()


def test_the_woman_is_followed_through_the_whole_clip(
    stub: JointTrackServiceStub, server: RunningServer, clip: list[bytes]
) -> None:
    options = service_pb2.DetectOptions(measurements=[KNEE_FLEXION])
    requests = [config(options=options), *(frame(i, data) for i, data in enumerate(clip))]
    *answers, last = stub.StreamDetect(iter(requests), metadata=server.metadata)

    assert last.WhichOneof("outcome") == "summary"
    assert [one.sequence_id for one in answers] == list(range(132))
    assert {one.WhichOneof("outcome") for one in answers} == {"detection"}
    seen = [i for i, one in enumerate(answers) if one.detection.people]
    assert not [i for i in seen if i < 20], "nobody is in the picture yet"
    assert set(range(34, 125)) <= set(seen)

    walking = [answers[i].detection.people[0] for i in range(34, 125)]
    assert len({person.track_id for person in walking}) == 1
    hips = [person.keypoints[11].x_px for person in walking]
    assert hips[0] > 800
    assert hips[-1] < 200
    assert max(np.diff(hips)) < 25, "she only walks to the left"
    for side in ("left", "right"):
        angles = [getattr(person.measurements[0], side).value_deg for person in walking]
        assert 55 < max(angles) < 85, "the swing leg bends to about 70 degrees"
        assert min(angles) < 15


def test_a_bad_frame_is_an_answer_and_the_stream_lives(
    stub: JointTrackServiceStub, server: RunningServer, clip: list[bytes]
) -> None:
    requests = [
        config(),
        frame(5, clip[60]),
        frame(6, clip[61][:900]),
        frame(9, b"not a picture"),
        service_pb2.StreamDetectRequest(frame=service_pb2.Frame(sequence_id=10)),
        frame(11, clip[62]),
    ]
    answers = list(stub.StreamDetect(iter(requests), metadata=server.metadata))
    assert [one.sequence_id for one in answers] == [5, 6, 9, 10, 11]
    outcomes = [one.WhichOneof("outcome") for one in answers]
    assert outcomes == ["detection", "error", "error", "error", "detection"]
    reasons = [reason_of(one.error) for one in answers[1:4]]
    assert reasons == ["INVALID_IMAGE", "INVALID_IMAGE", "MISSING_IMAGE"]
    assert answers[0].detection.people[0].track_id == answers[4].detection.people[0].track_id


def reason_of(status: status_pb2.Status) -> str:
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "jointtrack"
    return str(info.reason)


@pytest.mark.parametrize(("seconds", "nanos"), [(2**63 - 1, 0), (-(2**63), 0), (0, 2**31 - 1)])
def test_a_time_that_is_no_duration_makes_a_bad_frame(
    stub: JointTrackServiceStub,
    server: RunningServer,
    clip: list[bytes],
    seconds: int,
    nanos: int,
) -> None:
    """Such a time cannot be told back in a summary."""
    bad = frame(1, clip[61])
    bad.frame.capture_offset.CopyFrom(Duration(seconds=seconds, nanos=nanos))
    options = service_pb2.DetectOptions(measurements=[KNEE_FLEXION])
    requests = [config(options=options), frame(0, clip[60]), bad, frame(2, clip[62])]
    *answers, last = stub.StreamDetect(iter(requests), metadata=server.metadata)
    assert [one.WhichOneof("outcome") for one in answers] == ["detection", "error", "detection"]
    assert reason_of(answers[1].error) == "INVALID_REQUEST"
    assert last.summary.duration.ToMilliseconds() == 66


def test_frames_may_change_size_and_kind(
    stub: JointTrackServiceStub, server: RunningServer, clip: list[bytes]
) -> None:
    full = cv2.imdecode(np.frombuffer(clip[70], np.uint8), cv2.IMREAD_COLOR)
    assert full is not None
    half = cv2.resize(full, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    raw = image_pb2.RawImage(
        data=half.tobytes(),
        width_px=half.shape[1],
        height_px=half.shape[0],
        pixel_format=image_pb2.PIXEL_FORMAT_BGR24,
    )
    raw_frame = service_pb2.StreamDetectRequest(
        frame=service_pb2.Frame(sequence_id=1, image=image_pb2.Image(raw=raw))
    )
    requests = [config(), frame(0, clip[70]), raw_frame, frame(2, clip[70])]
    answers = list(stub.StreamDetect(iter(requests), metadata=server.metadata))
    people = [one.detection.people[0] for one in answers]
    assert len({person.track_id for person in people}) == 1
    noses = [person.keypoints[0].x_px for person in people]
    assert noses[1] * 2 == pytest.approx(noses[0], abs=8)
    assert noses[2] == pytest.approx(noses[0], abs=8)
    assert [one.detection.image_size.width_px for one in answers] == [1000, 500, 1000]


def test_a_lost_person_is_found_again_elsewhere(
    stub: JointTrackServiceStub, server: RunningServer, clip: list[bytes]
) -> None:
    """From near the right edge to near the left, with an empty scene between."""
    order = [36, 37, 2, 3, 115, 116]
    requests = [config(), *(frame(i, clip[n]) for i, n in enumerate(order))]
    answers = list(stub.StreamDetect(iter(requests), metadata=server.metadata))
    assert [len(one.detection.people) for one in answers] == [1, 1, 0, 0, 1, 1]
    ids = [one.detection.people[0].track_id for one in answers if one.detection.people]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_an_empty_stream_is_fine(stub: JointTrackServiceStub, server: RunningServer) -> None:
    assert not list(stub.StreamDetect(iter(()), metadata=server.metadata))
    assert not list(stub.StreamDetect(iter([config()]), metadata=server.metadata))


BROKEN = {
    "no config": ([frame(0, b"x")], "MISSING_STREAM_CONFIG"),
    "empty message": ([service_pb2.StreamDetectRequest()], "MISSING_STREAM_CONFIG"),
    "second config": ([config(), config()], "REPEATED_STREAM_CONFIG"),
    "same id": ([config(), frame(3, b"x"), frame(3, b"x")], "SEQUENCE_ID_NOT_INCREASING"),
    "lower id": ([config(), frame(3, b"x"), frame(2, b"x")], "SEQUENCE_ID_NOT_INCREASING"),
    "negative id": ([config(), frame(-1, b"x")], "SEQUENCE_ID_NOT_INCREASING"),
    "unknown overflow": ([config(overflow=7)], "INVALID_REQUEST"),
    "too much in flight": ([config(max_in_flight=33)], "INVALID_REQUEST"),
    "unknown measurement": (
        [config(options=service_pb2.DetectOptions(measurements=[44]))],  # type: ignore[list-item]
        "UNKNOWN_MEASUREMENT",
    ),
    "too many people": (
        [config(options=service_pb2.DetectOptions(max_people=7))],
        "INVALID_REQUEST",
    ),
    "image back": (
        [config(options=service_pb2.DetectOptions(include_image=True))],
        "INVALID_REQUEST",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_stream_ends_with_a_status(
    stub: JointTrackServiceStub, server: RunningServer, case: str
) -> None:
    requests, reason = BROKEN[case]
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.StreamDetect(iter(requests), metadata=server.metadata))
    error = rich_error(caught.value)
    assert (error.code, error.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)


def test_frames_before_the_break_are_answered(
    stub: JointTrackServiceStub, server: RunningServer, clip: list[bytes]
) -> None:
    requests = [config(), frame(1, clip[60]), frame(1, clip[61])]
    answers = []
    with pytest.raises(grpc.RpcError) as caught:
        for one in stub.StreamDetect(iter(requests), metadata=server.metadata):
            answers.append(one)
    assert [one.sequence_id for one in answers] == [1]
    assert rich_error(caught.value).info.metadata["last_sequence_id"] == "1"


def test_too_many_bad_frames_end_the_stream(start_server: Callable[..., RunningServer]) -> None:
    strict = start_server(max_bad_frames=3)
    requests = [config(), *(frame(i, b"junk") for i in range(10))]
    answers = []
    with grpc.insecure_channel(strict.target) as channel:
        calls = JointTrackServiceStub(channel).StreamDetect(
            iter(requests), metadata=strict.metadata
        )
        with pytest.raises(grpc.RpcError) as caught:
            for one in calls:
                answers.append(one)
    assert rich_error(caught.value).info.reason == "TOO_MANY_BAD_FRAMES"
    assert len(answers) == 4


def test_latest_drops_the_oldest_and_says_so(
    stub: JointTrackServiceStub, server: RunningServer, clip: list[bytes]
) -> None:
    requests = [
        config(overflow=service_pb2.OVERFLOW_LATEST),
        *(frame(i, clip[40 + i]) for i in range(60)),
    ]
    answers = list(stub.StreamDetect(iter(requests), metadata=server.metadata))
    assert [one.sequence_id for one in answers] == list(range(60))
    dropped = [one.dropped.dropped_count for one in answers if one.HasField("dropped")]
    assert dropped == list(range(1, len(dropped) + 1))
    assert 0 < len(dropped) < 59
    assert answers[-1].HasField("detection"), "the newest frame is never dropped"


def test_block_answers_every_frame_of_a_fast_sender(
    stub: JointTrackServiceStub, server: RunningServer, clip: list[bytes]
) -> None:
    requests = [config(max_in_flight=1), *(frame(i, clip[40 + i]) for i in range(30))]
    answers = list(stub.StreamDetect(iter(requests), metadata=server.metadata))
    assert [one.WhichOneof("outcome") for one in answers] == ["detection"] * 30


def test_a_cancelled_stream_frees_everything(
    stub: JointTrackServiceStub, server: RunningServer, clip: list[bytes]
) -> None:
    def endless() -> Iterator[service_pb2.StreamDetectRequest]:
        yield config()
        for i in range(100_000):
            yield frame(i, clip[60])

    calls = stub.StreamDetect(endless(), metadata=server.metadata)
    assert next(calls).sequence_id == 0
    calls.cancel()
    await_idle(server)


@pytest.mark.parametrize("started", [False, True])
def test_draining_ends_an_idle_stream_at_once(
    start_server: Callable[..., RunningServer], clip: list[bytes], started: bool
) -> None:
    running = start_server(drain_grace_s=20)
    hold = threading.Event()

    def idle() -> Iterator[service_pb2.StreamDetectRequest]:
        if started:
            yield config()
            yield frame(0, clip[60])
        hold.wait(20)

    answers = []
    with grpc.insecure_channel(running.target) as channel:
        calls = JointTrackServiceStub(channel).StreamDetect(idle(), metadata=running.metadata)
        if started:
            answers.append(next(calls))
        else:
            time.sleep(0.3)
        began = time.monotonic()
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        with pytest.raises(grpc.RpcError) as caught:
            next(calls)
        hold.set()
        stopping.join(20)
    assert time.monotonic() - began < 10, "the grace period was not waited out"
    error = rich_error(caught.value)
    assert (error.code, error.info.reason) == (grpc.StatusCode.UNAVAILABLE, "SERVER_DRAINING")
    assert error.detail(error_details_pb2.RetryInfo) is not None
    assert len(answers) == started
