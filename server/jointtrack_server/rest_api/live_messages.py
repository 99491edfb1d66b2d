"""What goes over a live connection: frames in, and answers with what to draw over them."""

import json
import struct
from collections.abc import Iterable
from dataclasses import replace

from jointtrack_server.domain.types import Measurement, Point
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.imaging.canvas import Area, Mark, Shade, Stroke
from jointtrack_server.imaging.overlay import overlay_marks
from jointtrack_server.imaging.palette import to_hex
from jointtrack_server.imaging.skeleton import skeleton_marks
from jointtrack_server.measurements.quality import MIN_KEYPOINT_SCORE
from jointtrack_server.motion.types import SideSummary, StreamSummary
from jointtrack_server.pipeline.frames import MAX_CAPTURE_S, Dropped, StreamAnswer, StreamFrame
from jointtrack_server.pipeline.options import Detection, Person
from jointtrack_server.rest_api.errors import error_object
from jointtrack_server.rest_api.schema import JsonObject

HEAD = struct.Struct(">qd")
"""Before a frame's picture file: its sequence id, and when it was taken in seconds."""


def to_frame(message: bytes) -> StreamFrame:
    """Times are taken to the nanosecond, as StreamDetect's.

    Raises JointTrackError INVALID_REQUEST for a message without a head.
    """
    if len(message) < HEAD.size:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            f"The message has {len(message)} bytes. Send {HEAD.size} bytes of head (sequence id, "
            "capture time), then a picture file.",
            metadata={"bytes": len(message), "head_bytes": HEAD.size},
        )
    sequence_id, capture_s = HEAD.unpack_from(message)
    if not -MAX_CAPTURE_S <= capture_s <= MAX_CAPTURE_S:  # NaN neither
        return StreamFrame(sequence_id, _no_time(capture_s))
    return StreamFrame(sequence_id, message[HEAD.size :], round(capture_s, 9))


def _no_time(capture_s: float) -> JointTrackError:
    return JointTrackError(
        Reason.INVALID_REQUEST,
        f"The frame's capture time is {capture_s:g} s. Send seconds since any fixed moment, "
        f"{MAX_CAPTURE_S} at the most, either way.",
        metadata={"capture_s": capture_s, "max_seconds": MAX_CAPTURE_S},
    )


def to_text(answer: StreamAnswer, request_id: str) -> str:
    """The answer to a frame, or the summary, as JSON."""
    body: JsonObject = {"sequenceId": answer.sequence_id}
    match answer.outcome:
        case Detection() as detection:
            body |= _to_detection(detection)
        case Dropped(count):
            body["dropped"] = count
        case JointTrackError() as error:
            body["error"] = error_object(error, request_id)
        case StreamSummary() as summary:
            body["summary"] = _to_summary(summary)
    return json.dumps(body, allow_nan=False, separators=(",", ":"))


def error_text(error: JointTrackError, request_id: str) -> str:
    """What ended the connection, as JSON."""
    return json.dumps({"status": "error", "error": error_object(error, request_id)})


def _to_detection(detection: Detection) -> JsonObject:
    size, timings = detection.image_size, detection.timings
    return {
        "width": size.width_px,
        "height": size.height_px,
        "people": [_to_person(person) for person in detection.people],
        "milliseconds": {
            "queue": round(timings.queue_ms, 1),
            "decode": round(timings.decode_ms, 1),
            "infer": round(timings.infer_ms, 1),
            "measure": round(timings.measure_ms, 1),
        },
    }


def _to_person(person: Person) -> JsonObject:
    marks = skeleton_marks(person.pose, MIN_KEYPOINT_SCORE)
    for measurement in person.measurements:
        marks += overlay_marks(person.pose.image_size, measurement)
    return {
        "trackId": person.track_id,
        "measurements": [_to_measurement(one) for one in person.measurements],
        "marks": [to_mark(mark) for mark in marks],
    }


def _to_measurement(measurement: Measurement) -> JsonObject:
    sides = measurement.sides
    return {
        "name": measurement.name,
        "value": {side.value: _tenths(value.value_deg) for side, value in sides.items()},
        "reasons": {side.value: value.reason for side, value in sides.items() if value.reason},
        "warnings": [warning.value for warning in measurement.warnings],
        "view": measurement.view.value,
    }


def to_mark(mark: Mark) -> JsonObject:
    """For a canvas, in pixels of the picture."""
    match mark:
        case Stroke():
            return _to_line(mark) | {"colour": to_hex(mark.colour)}
        case Area(outline, colour, opacity):
            return {"area": _to_points(outline), "colour": to_hex(colour), "opacity": opacity}
        case Shade(strokes, extra_px, colour, opacity):
            lines = [
                _to_line(replace(one, width_px=one.width_px + 2 * extra_px)) for one in strokes
            ]
            return {"lines": lines, "colour": to_hex(colour), "opacity": opacity}


def _to_line(stroke: Stroke) -> JsonObject:
    return {"line": _to_points(stroke.points), "width": round(stroke.seen_width_px, 2)}


def _to_points(points: Iterable[Point]) -> list[float]:
    """x and y in turn, to a tenth of a pixel."""
    return [round(float(value), 1) for point in points for value in point]


def _to_summary(summary: StreamSummary) -> JsonObject:
    return {
        "frames": summary.frame_count,
        "dropped": summary.dropped_count,
        "errors": summary.error_count,
        "seconds": round(summary.duration_s, 2),
        "people": [
            {
                "trackId": person.track_id,
                "measurements": [
                    {
                        "name": one.name,
                        "sides": {side.value: _to_side(its) for side, its in one.sides.items()},
                    }
                    for one in person.measurements
                ],
            }
            for person in summary.people
        ],
    }


def _to_side(side: SideSummary) -> JsonObject:
    return {
        "min": _tenths(side.minimum.value_deg if side.minimum else None),
        "max": _tenths(side.maximum.value_deg if side.maximum else None),
        "repetitions": len(side.repetitions),
        "measurable": round(side.measurable_share, 3),
    }


def _tenths(value_deg: float | None) -> float | None:
    return None if value_deg is None else round(value_deg, 1)
