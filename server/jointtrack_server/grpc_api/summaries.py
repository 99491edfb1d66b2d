"""A stream's range of motion to the contract's messages."""

from google.protobuf.duration_pb2 import Duration

from jointtrack.v1 import summary_pb2
from jointtrack_server.domain.skeleton import Side
from jointtrack_server.grpc_api.enums import MEASUREMENT_TO_PB
from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.motion.types import (
    Extreme,
    MeasurementSummary,
    PersonSummary,
    Repetition,
    SideSummary,
    StreamSummary,
)


def to_summary_pb(summary: StreamSummary) -> summary_pb2.StreamSummary:
    return summary_pb2.StreamSummary(
        frame_count=summary.frame_count,
        error_count=summary.error_count,
        dropped_count=summary.dropped_count,
        duration=_to_duration_pb(summary.duration_s),
        people=[_to_person_pb(person) for person in summary.people],
    )


def _to_person_pb(person: PersonSummary) -> summary_pb2.PersonSummary:
    return summary_pb2.PersonSummary(
        track_id=person.track_id,
        first_sequence_id=person.first_sequence_id,
        last_sequence_id=person.last_sequence_id,
        frame_count=person.frame_count,
        measurements=[_to_measurement_pb(one) for one in person.measurements],
    )


def _to_measurement_pb(measured: MeasurementSummary) -> summary_pb2.MeasurementSummary:
    spec = MEASUREMENTS[measured.name]
    return summary_pb2.MeasurementSummary(
        type=MEASUREMENT_TO_PB[measured.name],
        name=spec.name,
        title=spec.title,
        body_part=spec.body_part,
        left=_to_side_pb(measured.sides.get(Side.LEFT)),
        right=_to_side_pb(measured.sides.get(Side.RIGHT)),
        asymmetry_deg=measured.asymmetry_deg,
        asymmetry_share=measured.asymmetry_share,
    )


def _to_side_pb(side: SideSummary | None) -> summary_pb2.SideSummary | None:
    if side is None:
        return None
    return summary_pb2.SideSummary(
        measurable_share=side.measurable_share,
        mean_confidence=side.mean_confidence,
        minimum=_to_extreme_pb(side.minimum) if side.minimum else None,
        maximum=_to_extreme_pb(side.maximum) if side.maximum else None,
        range_deg=side.range_deg,
        repetitions=[_to_repetition_pb(one) for one in side.repetitions],
        hold=None if side.hold_s is None else _to_duration_pb(side.hold_s),
    )


def _to_extreme_pb(extreme: Extreme) -> summary_pb2.Extreme:
    return summary_pb2.Extreme(
        value_deg=extreme.value_deg,
        sequence_id=extreme.sequence_id,
        capture_offset=_to_duration_pb(extreme.capture_s),
    )


def _to_repetition_pb(repetition: Repetition) -> summary_pb2.Repetition:
    return summary_pb2.Repetition(
        start=_to_duration_pb(repetition.start_s),
        duration=_to_duration_pb(repetition.duration_s),
        peak=_to_extreme_pb(repetition.peak),
    )


def _to_duration_pb(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration
