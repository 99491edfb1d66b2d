"""Answers to rows of the table: one for each person in a picture, or in a frame of a video."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from jointtrack import _responses
from jointtrack.types import Person
from jointtrack.types.tables import COLUMNS, NOBODY, angle_rows, keypoint_rows
from jointtrack.v1 import jointtrack_service_pb2 as pb
from jointtrack_server.batch.listing import LISTED
from jointtrack_server.errors import JointTrackError
from jointtrack_server.grpc_api.responses import fill_detection_pb
from jointtrack_server.pipeline.options import Detection

Row = dict[str, Any]

_ARROW: Mapping[str, pa.DataType] = {"object": pa.string(), "float64": pa.float32()}
"""By pandas' type. The contract has 32-bit floats, and 64 bits would hold no more."""

_OF_THE_PERSON = ("person", "track_id")


def _nested(of: str, without: tuple[str, ...]) -> pa.DataType:
    kept = {name: kind for name, kind in COLUMNS[of].items() if name not in without}
    return pa.list_(pa.struct([(name, _ARROW[kind]) for name, kind in kept.items()]))


SCHEMA = pa.schema(
    [
        *LISTED,
        ("sequence_id", pa.int64()),
        ("time_s", pa.float64()),
        ("image_width_px", pa.int32()),
        ("image_height_px", pa.int32()),
        ("person", pa.int32()),
        ("track_id", pa.string()),
        ("score", pa.float32()),
        ("box_x_min_px", pa.float32()),
        ("box_y_min_px", pa.float32()),
        ("box_x_max_px", pa.float32()),
        ("box_y_max_px", pa.float32()),
        ("missing_reason", pa.string()),
        ("keypoints", _nested("keypoints", (*_OF_THE_PERSON, "missing_reason"))),
        ("angles", _nested("angles", _OF_THE_PERSON)),
    ]
)


def found_rows(file: Row, detection: Detection) -> Iterator[Row]:
    """``file``: the columns that all rows of the picture or frame share.

    The detection goes through the contract's message and the client's tables, so that the numbers
    and names are those that a caller of the server gets.
    """
    message = pb.Detection()
    fill_detection_pb(message, detection)
    found = _responses.detection(message)
    size = found.image_size
    common = {**file, "image_width_px": size.width_px, "image_height_px": size.height_px}
    if not found.people:
        yield {**common, "missing_reason": NOBODY}
    for number, person in enumerate(found.people):
        yield {**common, "person": number, **_of(person)}


def bad_frame_row(file: Row, error: JointTrackError) -> Row:
    return {**file, "missing_reason": error.reason.value.lower()}


def to_batch(rows: Iterable[Row]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), schema=SCHEMA)


def _of(person: Person) -> Row:
    box = person.box
    return {
        "track_id": person.track_id,
        "score": person.score,
        "box_x_min_px": box.x_min_px,
        "box_y_min_px": box.y_min_px,
        "box_x_max_px": box.x_max_px,
        "box_y_max_px": box.y_max_px,
        "keypoints": list(keypoint_rows([person])),
        "angles": list(angle_rows([person])),
    }
