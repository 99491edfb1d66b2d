"""StreamDetect as video: several people, smoothing, summaries, and callers that vanish."""

import threading
import time
from collections.abc import Iterator

import cv2
import grpc
import numpy as np
import pytest

from jointtrack.v1 import image_pb2, measurement_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.crossing import Picture, crossing
from tests.support.rich_errors import rich_error
from tests.support.servers import RunningServer
from tests.support.streams import await_idle, config, frame, walk_frames

KNEE_FLEXION = measurement_pb2.MEASUREMENT_TYPE_KNEE_FLEXION
KNEES = service_pb2.DetectOptions(measurements=[KNEE_FLEXION])


def raw_frame(sequence_id: int, picture: Picture) -> service_pb2.StreamDetectRequest:
    raw = image_pb2.RawImage(
        data=picture.tobytes(),
        width_px=picture.shape[1],
        height_px=picture.shape[0],
        pixel_format=image_pb2.PIXEL_FORMAT_RGB24,
    )
    request = frame(sequence_id, b"")
    request.frame.image.CopyFrom(image_pb2.Image(raw=raw))
    return request


def left_knee(answers: list[service_pb2.StreamDetectResponse], field: str) -> np.ndarray:
    return np.array(
        [getattr(one.detection.people[0].measurements[0].left, field) for one in answers]
    )


def jitter(angles: np.ndarray) -> float:
    """Standard deviation of the second difference, degrees a frame squared."""
    return float(np.diff(angles, 2).std())


def test_smoothing_steadies_the_walk_and_keeps_the_raw_values(
    stub: JointTrackServiceStub, server: RunningServer
) -> None:
    clip = walk_frames()[34:121]
    requests = [config(options=KNEES), *(frame(i, data) for i, data in enumerate(clip))]
    *answers, last = stub.StreamDetect(iter(requests), metadata=server.metadata)
    smooth, raw = left_knee(answers, "value_deg"), left_knee(answers, "raw_deg")
    assert jitter(smooth) < jitter(raw) / 1.5
    lags = range(-3, 4)
    errors = [np.abs(np.roll(raw, lag)[5:-5] - smooth[5:-5]).mean() for lag in lags]
    assert abs(lags[int(np.argmin(errors))]) < 2
    person = answers[40].detection.people[0]
    assert len(person.raw_keypoints) == 17
    assert person.raw_keypoints[13] != person.keypoints[13]
    assert last.WhichOneof("outcome") == "summary"


def test_without_smoothing_there_is_nothing_raw(
    stub: JointTrackServiceStub, server: RunningServer
) -> None:
    off = service_pb2.Smoothing(mode=service_pb2.SMOOTHING_MODE_OFF)
    requests = [config(options=KNEES, smoothing=off), frame(0, walk_frames()[60])]
    answer, _ = stub.StreamDetect(iter(requests), metadata=server.metadata)
    person = answer.detection.people[0]
    assert not person.raw_keypoints
    assert not person.measurements[0].left.HasField("raw_deg")


def test_smoothing_strength_out_of_range(
    stub: JointTrackServiceStub, server: RunningServer
) -> None:
    requests = [config(smoothing=service_pb2.Smoothing(strength=1.5))]
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.StreamDetect(iter(requests), metadata=server.metadata))
    error = rich_error(caught.value)
    assert error.info.reason == "INVALID_REQUEST"
    assert error.field == "config.smoothing.strength"


def test_the_summary_tells_the_steps(stub: JointTrackServiceStub, server: RunningServer) -> None:
    clip = walk_frames()
    half_way = service_pb2.StreamDetectRequest(summary_request=service_pb2.SummaryRequest())
    requests = [config(options=KNEES), *(frame(i, data) for i, data in enumerate(clip))]
    requests.insert(1 + 70, half_way)
    answers = list(stub.StreamDetect(iter(requests), metadata=server.metadata))

    assert [one.sequence_id for one in answers if not one.HasField("summary")] == list(range(132))
    middle, last = (one.summary for one in answers if one.HasField("summary"))
    assert answers[70].HasField("summary")
    assert (middle.frame_count, last.frame_count) == (70, 132)
    person, *half_gone = last.people
    # She may count as somebody new in the last frames, when half of her is out of the picture.
    assert all(one.first_sequence_id > 128 for one in half_gone)
    (knees,) = person.measurements
    assert knees.name == "knee_flexion"
    peaks = {
        side: [one.peak.sequence_id for one in getattr(knees, side).repetitions]
        for side in ("left", "right")
    }
    assert [abs(found - seen) < 5 for found, seen in zip(peaks["left"], (49, 86), strict=False)]
    assert any(abs(found - 104) < 6 for found in peaks["right"])
    for side in (knees.left, knees.right):
        assert 55 < side.maximum.value_deg < 82
        assert side.range_deg == pytest.approx(side.maximum.value_deg - side.minimum.value_deg)
        assert side.measurable_share > 0.9
    assert knees.HasField("asymmetry_deg")


def test_keypoints_only_has_no_summary_at_the_end(
    stub: JointTrackServiceStub, server: RunningServer
) -> None:
    requests = [config(), frame(0, walk_frames()[60])]
    (answer,) = stub.StreamDetect(iter(requests), metadata=server.metadata)
    assert answer.HasField("detection")


def test_two_people_keep_their_ids_across_a_crossing(
    stub: JointTrackServiceStub, server: RunningServer
) -> None:
    frames = crossing(50)
    options = service_pb2.DetectOptions(max_people=2)
    requests = [config(options=options)]
    requests += [raw_frame(i, one.picture) for i, one in enumerate(frames)]
    answers = list(stub.StreamDetect(iter(requests), metadata=server.metadata))

    def places(index: int) -> dict[str, float]:
        return {
            person.track_id: float(np.mean([person.keypoints[i].x_px for i in (5, 6, 11, 12)]))
            for person in answers[index].detection.people
        }

    start, end = places(0), places(49)
    assert set(start) == set(end) == {"1", "2"}
    assert (start["1"] < start["2"]) is (end["1"] > end["2"])
    assert {len(one.detection.people) for one in answers} <= {1, 2}


def test_a_caller_that_vanishes_frees_its_session_at_once(server: RunningServer) -> None:
    data = walk_frames()[60]
    gone = threading.Event()

    def endless() -> Iterator[service_pb2.StreamDetectRequest]:
        yield config(options=KNEES)
        for i in range(100_000):
            if gone.is_set():
                return
            yield frame(i, data)

    channel = grpc.insecure_channel(server.target)
    calls = JointTrackServiceStub(channel).StreamDetect(endless(), metadata=server.metadata)
    assert next(calls).HasField("detection")
    channel.close()
    began = time.monotonic()
    await_idle(server)
    assert time.monotonic() - began < 5.0
    gone.set()


def test_timings_say_where_the_time_went(
    stub: JointTrackServiceStub, server: RunningServer
) -> None:
    requests = [config(options=KNEES), frame(0, walk_frames()[60])]
    answer, _ = stub.StreamDetect(iter(requests), metadata=server.metadata)
    timings = answer.detection.timings
    assert timings.decode_ms > 0
    assert timings.infer_ms > 0
    assert timings.measure_ms > 0
    assert timings.queue_ms >= 0


def test_png_and_webp_frames(stub: JointTrackServiceStub, server: RunningServer) -> None:
    picture = cv2.imdecode(np.frombuffer(walk_frames()[60], np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    requests = [config()]
    for index, suffix in enumerate((".png", ".webp", ".jpg")):
        requests.append(frame(index, cv2.imencode(suffix, picture)[1].tobytes()))
    answers = list(stub.StreamDetect(iter(requests), metadata=server.metadata))
    assert [len(one.detection.people) for one in answers] == [1, 1, 1]
