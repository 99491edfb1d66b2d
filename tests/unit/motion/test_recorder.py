"""The stream's record: people, counts, asymmetry, and memory that does not grow for ever."""

import time
import tracemalloc

import numpy as np
import pytest

from jointtrack_server.domain.skeleton import BOTH_SIDES, Side
from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.motion import MotionRecorder, PersonSummary
from jointtrack_server.motion import recorder as recorder_module
from tests.support.motion import (
    FPS,
    both_summary,
    left_summary,
    measured,
    only_measurement,
    recorded,
)

KNEE = "knee_flexion"


def _add_knee(recorder: MotionRecorder, frame: int, **angles: float) -> None:
    """One frame with a left knee angle for each track id."""
    people = [
        (track_id, [measured(KNEE, {Side.LEFT: angle})]) for track_id, angle in angles.items()
    ]
    recorder.add_frame(frame, frame / FPS, people)


def _left_range(person: PersonSummary) -> float | None:
    return person.measurements[0].sides[Side.LEFT].range_deg


def test_empty_stream() -> None:
    summary = MotionRecorder([KNEE], BOTH_SIDES).summary()
    assert (summary.frame_count, summary.duration_s, summary.people) == (0, 0.0, ())


def test_two_people_do_not_mix() -> None:
    recorder = MotionRecorder([KNEE], [Side.LEFT])
    for frame in range(60):
        angles = {"b": 90.0 + frame % 2}
        if 10 <= frame < 30:
            angles["a"] = 20.0 + (frame - 10)
        _add_knee(recorder, frame, **dict(reversed(angles.items())))
    second, first = sorted(recorder.summary().people, key=lambda person: person.track_id)
    assert [person.track_id for person in recorder.summary().people] == ["b", "a"]
    assert (first.first_sequence_id, first.last_sequence_id, first.frame_count) == (0, 59, 60)
    assert (second.first_sequence_id, second.last_sequence_id, second.frame_count) == (10, 29, 20)
    assert _left_range(first) == 1.0
    assert _left_range(second) == 15.0  # 22 to 37: the medians of the first and last five
    assert second.measurements[0].sides[Side.LEFT].measurable_share == 1.0


def test_counts_and_duration() -> None:
    recorder = MotionRecorder([KNEE], [Side.LEFT])
    recorder.add_dropped()
    recorder.add_error()
    for frame in (3, 4, 9):
        recorder.add_frame(frame, frame / 10, [])
    recorder.add_error()
    summary = recorder.summary()
    assert (summary.frame_count, summary.error_count, summary.dropped_count) == (6, 2, 1)
    assert summary.duration_s == pytest.approx(0.6)
    assert summary.people == ()


def test_nobody_is_recorded_without_measurements() -> None:
    recorder = MotionRecorder([], BOTH_SIDES)
    recorder.add_frame(0, 0.0, [("1", [])])
    assert recorder.summary().frame_count == 1
    assert recorder.summary().people == ()


def test_asking_in_between_changes_nothing() -> None:
    angles = [20.0 + frame for frame in range(40)]
    asked = MotionRecorder([KNEE], [Side.LEFT])
    for frame, angle in enumerate(angles):
        _add_knee(asked, frame, **{"1": angle})
        asked.summary()
    assert asked.summary() == recorded({Side.LEFT: angles}).summary()


def test_summary_so_far_grows() -> None:
    recorder = MotionRecorder([KNEE], [Side.LEFT])
    ranges = []
    for frame in range(30):
        _add_knee(recorder, frame, **{"1": float(frame)})
        ranges.append(_left_range(recorder.summary().people[0]))
    assert ranges[:5] == [None, None, None, None, 0.0]
    assert ranges[-1] == 25.0


def test_measurements_come_in_the_order_asked_for_with_title_and_body_part() -> None:
    names = ["splits", KNEE, "elbow_side"]
    recorder = MotionRecorder(names, [Side.LEFT])
    recorder.add_frame(0, 0.0, [("1", [measured(name, {Side.LEFT: 1.0}) for name in names])])
    measurements = recorder.summary().people[0].measurements
    assert [one.name for one in measurements] == names
    assert [one.body_part for one in measurements] == ["hip", "knee", "elbow"]
    assert measurements[1].title == MEASUREMENTS[KNEE].title


def test_a_measurement_that_is_not_there_is_not_measurable() -> None:
    recorder = MotionRecorder([KNEE, "elbow_side"], [Side.LEFT])
    for frame in range(8):
        _add_knee(recorder, frame, **{"1": 10.0})
    knee, elbow = recorder.summary().people[0].measurements
    assert knee.sides[Side.LEFT].measurable_share == 1.0
    assert elbow.sides[Side.LEFT].measurable_share == 0.0
    assert elbow.sides[Side.LEFT].maximum is None


def test_asymmetry_of_a_limb() -> None:
    left, right = [0.0] * 9 + [100.0] * 9, [20.0] * 9 + [80.0] * 9
    summary = both_summary(left, right)
    assert summary.asymmetry_deg == 20.0
    assert summary.asymmetry_share == pytest.approx(0.4)  # ranges 100 and 60
    mirrored = both_summary(right, left)
    assert mirrored.asymmetry_deg == -20.0
    assert mirrored.asymmetry_share == pytest.approx(0.4)


def test_two_still_limbs_are_symmetric() -> None:
    summary = both_summary([10.0] * 9, [10.0] * 9)
    assert (summary.asymmetry_deg, summary.asymmetry_share) == (0.0, 0.0)


@pytest.mark.parametrize("name", ["back_side_flexion", "neck_forward_flexion", "splits"])
def test_directions_and_shared_angles_have_no_asymmetry(name: str) -> None:
    summary = both_summary([0.0] * 9 + [20.0] * 9, [0.0] * 9 + [10.0] * 9, name)
    assert summary.sides[Side.LEFT].range_deg == 20.0
    assert (summary.asymmetry_deg, summary.asymmetry_share) == (None, None)


def test_no_asymmetry_with_one_side_missing() -> None:
    summary = both_summary([0.0] * 9 + [20.0] * 9, [None] * 18)
    assert summary.sides[Side.RIGHT].measurable_share == 0.0
    assert (summary.asymmetry_deg, summary.asymmetry_share) == (None, None)


def test_sides_not_asked_for_are_absent() -> None:
    summary = only_measurement(recorded({Side.RIGHT: [5.0] * 9}).summary())
    assert list(summary.sides) == [Side.RIGHT]
    assert summary.asymmetry_deg is None


def _bends(count: int) -> list[float]:
    """Bends of 40 frames, from 10 to 90 degrees."""
    angles: list[float] = (50 - 40 * np.cos(2 * np.pi * np.arange(40 * count) / 40)).tolist()
    return angles


def test_old_frames_are_forgotten_their_extremes_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorder_module, "MAX_KEPT_FRAMES", 400)
    angles = [*[-20.0] * 10, *[130.0] * 10, *[None] * 30, *_bends(50)]
    side = left_summary(angles)
    assert side.minimum is not None
    assert side.maximum is not None
    assert (side.minimum.value_deg, side.minimum.sequence_id) == (-20.0, 2)
    assert (side.maximum.value_deg, side.maximum.sequence_id) == (130.0, 10)
    assert side.measurable_share == pytest.approx(2020 / 2050)
    assert side.mean_confidence == pytest.approx(0.8)


def test_repetitions_cover_the_frames_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "MAX_KEPT_FRAMES", 400)
    repetitions = left_summary(_bends(50)).repetitions
    assert 8 <= len(repetitions) <= 10
    assert repetitions[-1].peak.capture_s == pytest.approx((49 * 40 + 20) / FPS, abs=1.5 / FPS)


def test_the_longest_memory_gives_way_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "MAX_KEPT_FRAMES", 300)
    recorder = MotionRecorder([KNEE], [Side.LEFT])
    for frame, angle in enumerate(_bends(20)):
        _add_knee(recorder, frame, long=angle)
    for frame, angle in enumerate(_bends(3), start=800):
        _add_knee(recorder, frame, long=angle, short=angle)
    people = {person.track_id: person for person in recorder.summary().people}
    assert len(people["short"].measurements[0].sides[Side.LEFT].repetitions) == 3
    assert people["long"].frame_count == 920


def test_people_seen_the_longest_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "MAX_PEOPLE", 3)
    recorder = MotionRecorder([KNEE], [Side.LEFT])
    for frame in range(20):
        _add_knee(recorder, frame, **{"stays": 1.0, str(frame): 2.0})
    assert [person.track_id for person in recorder.summary().people] == ["stays", "18", "19"]


def test_ten_minutes_are_small_and_quickly_told() -> None:
    names = [KNEE, "squats_hip_side"]
    frames = round(600 * FPS)
    angles = _bends(frames // 40)
    tracemalloc.start()
    recorder = MotionRecorder(names, BOTH_SIDES)
    for frame, angle in enumerate(angles):
        both = dict.fromkeys(BOTH_SIDES, angle)
        recorder.add_frame(frame, frame / FPS, [("1", [measured(name, both) for name in names])])
    size_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size_bytes / (len(angles) * 4) < 40
    elapsed_s = []
    for _ in range(5):
        start_s = time.perf_counter()
        summary = recorder.summary()
        elapsed_s.append(time.perf_counter() - start_s)
    assert min(elapsed_s) < 0.05
    assert len(summary.people[0].measurements[0].sides[Side.LEFT].repetitions) == 450
