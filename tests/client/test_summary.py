import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from google.protobuf.duration_pb2 import Duration

from jointtrack import (
    AsyncJointTrackClient,
    Extreme,
    Frame,
    FrameDetection,
    NoPersonError,
    Repetition,
    SideSummary,
    StreamSummary,
    SummaryRequest,
    UnavailableError,
)
from jointtrack._responses import stream_answer
from jointtrack.testing import Failure, FakeServer, detection, summary
from jointtrack.v1 import jointtrack_service_pb2 as pb

if TYPE_CHECKING:
    from tests.client.conftest import Shell

BAD = Failure("INVALID_ARGUMENT", "INVALID_IMAGE", "Not a picture.")


def _duration(message: Duration, seconds: float) -> None:
    message.FromNanoseconds(round(seconds * 1e9))


def _full_answer() -> pb.StreamDetectResponse:
    """Every field of a summary, set."""
    response = pb.StreamDetectResponse(sequence_id=131)
    found = response.summary
    found.frame_count, found.error_count, found.dropped_count = 132, 2, 1
    _duration(found.duration, 4.4)
    person = found.people.add(
        track_id="p7", first_sequence_id=3, last_sequence_id=131, frame_count=120
    )
    knee = person.measurements.add(
        type=7, name="knee_flexion", title="Knee Flexion", body_part="knee"
    )
    knee.asymmetry_deg, knee.asymmetry_share = -4.5, 0.0
    left = knee.left
    left.measurable_share, left.mean_confidence, left.range_deg = 0.5, 0.75, 60.0
    left.minimum.value_deg, left.minimum.sequence_id = 0.0, 10
    left.maximum.value_deg, left.maximum.sequence_id = 60.0, 40
    _duration(left.minimum.capture_offset, 0.5)
    _duration(left.hold, 0.0)
    repetition = left.repetitions.add()
    _duration(repetition.start, 1.0)
    _duration(repetition.duration, 1.25)
    repetition.peak.value_deg, repetition.peak.sequence_id = 60.0, 40
    return response


def test_a_summary_is_read_whole() -> None:
    found = stream_answer(_full_answer())
    assert isinstance(found, StreamSummary)
    assert (found.sequence_id, found.frame_count) == (131, 132)
    assert (found.error_count, found.dropped_count, found.duration_s) == (2, 1, 4.4)
    person = found.person("p7")
    assert (person.first_sequence_id, person.last_sequence_id, person.frame_count) == (3, 131, 120)
    knee = person.angle("knee_flexion")
    assert (knee.title, knee.body_part) == ("Knee Flexion", "knee")
    assert (knee.asymmetry_deg, knee.asymmetry_share) == (-4.5, 0.0)
    assert knee.left == SideSummary(
        measurable_share=0.5,
        mean_confidence=0.75,
        minimum=Extreme(0.0, 10, 0.5),
        maximum=Extreme(60.0, 40, None),
        range_deg=60.0,
        repetitions=(Repetition(1.0, 1.25, Extreme(60.0, 40, None)),),
        hold_s=0.0,
    )
    assert knee.right == SideSummary(), "not asked for"


def test_absent_is_none_and_not_zero() -> None:
    response = pb.StreamDetectResponse(sequence_id=-1)
    response.summary.people.add(track_id="a").measurements.add(name="splits").left.SetInParent()
    found = stream_answer(response)
    assert isinstance(found, StreamSummary)
    assert (found.sequence_id, found.duration_s) == (None, None)
    splits = found.person().angle("splits")
    assert (splits.asymmetry_deg, splits.asymmetry_share) == (None, None)
    assert splits.left == SideSummary(measurable_share=0.0), "asked for and never measurable"
    assert splits.right.measurable_share is None, "not asked for"


def test_a_summary_is_ready_for_json() -> None:
    found = stream_answer(_full_answer())
    assert found is not None
    value = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert value["kind"] == "summary"
    left = value["people"][0]["measurements"][0]["sides"]["left"]
    assert left["repetitions"][0]["peak"] == {
        "value_deg": 60.0,
        "sequence_id": 40,
        "capture_offset_s": None,
    }


def test_people_and_angles_are_found_by_name(server: FakeServer, shell: "Shell") -> None:
    two = summary({"knee_flexion": ((5.0, 61.0), None)}, people=2)
    two.people[1].frame_count = 9
    server.summary.enqueue(two)
    found = shell.stream([b"a"], "knee_flexion")[-1].summary
    assert found is not None
    assert found.person().track_id == "2", "the one seen most"
    assert found.person("1").angle("knee_flexion").left.range_deg == 56.0
    with pytest.raises(KeyError, match="nobody's track id"):
        found.person("3")
    with pytest.raises(KeyError, match="it has: knee_flexion"):
        found.person("1").angle("splits")
    server.summary.enqueue(summary(people=0))
    nobody = shell.stream([b"a"], "knee_flexion")[-1].summary
    assert nobody is not None
    with pytest.raises(NoPersonError, match="Nobody was followed"):
        nobody.person()


def test_the_final_summary_comes_last_and_only_with_measurements(
    server: FakeServer, shell: "Shell"
) -> None:
    server.frame.enqueue(detection(), BAD, pb.FrameDropped(dropped_count=1))
    frames = [Frame(b"a", 4), Frame(b"b", 5), Frame(b"c", 6), Frame(b"d", 9)]
    *answers, last = shell.stream(frames, "splits", "left", fps=10)
    assert isinstance(last, StreamSummary)
    assert [answer.summary for answer in answers] == [None] * 4
    assert (last.summary, last.detection) == (last, None)
    assert (last.frame_count, last.error_count, last.dropped_count) == (4, 1, 1)
    assert (last.sequence_id, last.duration_s) == (9, 0.5)
    assert last.person().angle("splits").left.range_deg == 10.0
    assert last.person().angle("splits").right.measurable_share is None
    kinds = [answer.kind for answer in shell.stream([b"a", b"b"])]
    assert kinds == ["detection", "detection"]


def test_a_summary_is_asked_for_among_the_frames(server: FakeServer, shell: "Shell") -> None:
    request = SummaryRequest()
    answers = shell.stream([request, b"a", b"b", request, Frame(b"c")], "splits", fps=10)
    assert [answer.kind for answer in answers] == [
        "summary",
        "detection",
        "detection",
        "summary",
        "detection",
        "summary",
    ]
    assert [answer.sequence_id for answer in answers] == [None, 0, 1, 1, 2, 2]
    summaries = [answer for answer in answers if isinstance(answer, StreamSummary)]
    assert [item.frame_count for item in summaries] == [0, 2, 3]
    assert [item.sequence_id for item in server.frame.requests] == [0, 1, 2]


async def test_asynchronous_frames_may_ask_too(server: FakeServer) -> None:
    async def frames() -> AsyncIterator[bytes | SummaryRequest]:
        yield b"a"
        yield SummaryRequest()

    async with AsyncJointTrackClient(server.target) as client:
        kinds = [answer.kind async for answer in client.stream(frames())]
    assert kinds == ["detection", "summary"]


def test_a_summary_that_fails_ends_the_stream(server: FakeServer, shell: "Shell") -> None:
    server.summary.enqueue(Failure("UNAVAILABLE", "SERVER_DRAINING", "The server stops."))
    with pytest.raises(UnavailableError, match="The server stops"):
        shell.stream([b"a", SummaryRequest()])


def test_frames_carry_what_was_seen_before_smoothing(server: FakeServer, shell: "Shell") -> None:
    found = detection({"splits": (30.0, None)})
    found.people[0].raw_keypoints.add(joint=1, x_px=3.0, y_px=4.0, score=0.5)
    found.people[0].measurements[0].left.raw_deg = 0.0
    server.frame.enqueue(found)
    answer = shell.stream([b"a"], "splits", smoothing="off")[0]
    assert isinstance(answer, FrameDetection)
    person = answer.detection.person
    assert [(item.joint, item.x_px) for item in person.raw_keypoints] == [("nose", 3.0)]
    sides = person.angle("splits").sides
    assert (sides["left"].value_deg, sides["left"].raw_deg) == (30.0, 0.0)
    assert sides["right"].raw_deg is None


def test_a_picture_has_nothing_of_a_stream(shell: "Shell") -> None:
    person = shell.detect(b"a", "splits").person
    assert person.raw_keypoints == ()
    assert person.track_id is None
    assert person.angle("splits").sides["left"].raw_deg is None
