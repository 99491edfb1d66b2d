"""The contract's request messages to domain options, checked."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np

from jointtrack.v1 import image_pb2, measurement_pb2, pose_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack_server.domain.skeleton import Joint
from jointtrack_server.domain.types import Box, ImageSize, MeasureOptions, Pose
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.grpc_api.enums import (
    FACING_FROM_PB,
    JOINT_FROM_PB,
    MEASUREMENT_FROM_PB,
    PIXEL_FORMAT_FROM_PB,
    SEARCH_FROM_PB,
    SIDES_FROM_PB,
)
from jointtrack_server.imaging.decode import RawImage
from jointtrack_server.pipeline.detect import ImageSource
from jointtrack_server.pipeline.options import MAX_PEOPLE, DetectOptions, ImageUrl
from jointtrack_server.pipeline.people import SearchMode

_Value = TypeVar("_Value")

_JOINTS = tuple(Joint)
_NO_KEYPOINT = (0.0, 0.0, 0.0)

_MAX_KEPT_BYTES = 256
"""Options that take more hold fields that nobody reads."""


def to_source(image: image_pb2.Image) -> ImageSource:
    """Raises JointTrackError MISSING_IMAGE or INVALID_IMAGE."""
    source = image.WhichOneof("source")
    if source is None:
        raise JointTrackError(
            Reason.MISSING_IMAGE,
            "No image was given. Set one of image.encoded, image.url or image.raw.",
            field="image",
        )
    return _SOURCES[source](image)


def _to_raw(image: image_pb2.Image) -> RawImage:
    raw = image.raw
    pixel_format = PIXEL_FORMAT_FROM_PB.get(raw.pixel_format)
    if pixel_format is None:
        raise JointTrackError(
            Reason.INVALID_IMAGE,
            "image.raw.pixel_format is missing or unknown. Set PIXEL_FORMAT_RGB24, "
            "PIXEL_FORMAT_BGR24 or PIXEL_FORMAT_GRAY8.",
            field="image.raw.pixel_format",
            metadata={"pixel_format": raw.pixel_format},
        )
    if not raw.data:
        raise JointTrackError(
            Reason.MISSING_IMAGE,
            "image.raw.data is empty. Send the pixels.",
            field="image.raw.data",
        )
    return RawImage(raw.data, raw.width_px, raw.height_px, pixel_format, raw.row_stride_bytes)


_SOURCES: Mapping[str, Callable[[image_pb2.Image], ImageSource]] = {
    "encoded": lambda image: image.encoded,
    "url": lambda image: ImageUrl(image.url),
    "raw": _to_raw,
}


def to_measure_options(
    types: Sequence[measurement_pb2.MeasurementType.ValueType],
    message: service_pb2.DetectOptions | service_pb2.MeasureRequest,
    prefix: str = "",
) -> MeasureOptions:
    """Raises JointTrackError for unknown or repeated measurements, unknown side or facing."""
    names = []
    for index, value in enumerate(types):
        field = f"{prefix}measurements[{index}]"
        name = MEASUREMENT_FROM_PB.get(value)
        if name is None:
            raise JointTrackError(
                Reason.UNKNOWN_MEASUREMENT,
                f"{field} is {value}, which is no measurement. "
                f"Known: {', '.join(MEASUREMENT_FROM_PB.values())}.",
                field=field,
                metadata={"value": value, "known": ", ".join(MEASUREMENT_FROM_PB.values())},
            )
        if name in names:
            raise JointTrackError(
                Reason.REPEATED_MEASUREMENT,
                f"{field} repeats {name}. Name each measurement once.",
                field=field,
                metadata={"measurement": name},
            )
        names.append(name)
    return MeasureOptions(
        names=tuple(names),
        sides=known(SIDES_FROM_PB, message.side, f"{prefix}side", Reason.INVALID_SIDE),
        facing=known(FACING_FROM_PB, message.facing, f"{prefix}facing", Reason.INVALID_REQUEST),
        mirrored=message.mirrored,
        strict=message.strict,
    )


def to_detect_options(
    options: service_pb2.DetectOptions, prefix: str = "options."
) -> DetectOptions:
    """Raises JointTrackError for anything unknown, repeated, out of range or contradictory.

    ``prefix`` is where the options lie in the request, for the errors' field names. Callers send
    the same ones again and again, so what came of them is kept.
    """
    serialized = options.SerializeToString()
    if len(serialized) > _MAX_KEPT_BYTES:
        return _to_detect_options(options, prefix)
    return _kept_detect_options(serialized, prefix)


@lru_cache(maxsize=256)
def _kept_detect_options(serialized: bytes, prefix: str) -> DetectOptions:
    return _to_detect_options(service_pb2.DetectOptions.FromString(serialized), prefix)


def _to_detect_options(options: service_pb2.DetectOptions, prefix: str) -> DetectOptions:
    search = known(SEARCH_FROM_PB, options.search, f"{prefix}search", Reason.INVALID_REQUEST)
    region = _to_box(options.region, f"{prefix}region") if options.HasField("region") else None
    return DetectOptions(
        model=find_spec(options.model, options.model_version),
        measure=to_measure_options(options.measurements, options, prefix),
        search=search,
        region=region,
        max_people=_max_people(options.max_people, search, region, f"{prefix}max_people"),
        include_overlays=options.include_overlays,
        include_image=options.include_image,
    )


def to_pose(request: service_pb2.MeasureRequest) -> Pose:
    """Raises JointTrackError INVALID_KEYPOINTS."""
    size = request.image_size
    if size.width_px < 1 or size.height_px < 1:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            "image_size is missing or not positive. Give the picture's width_px and height_px.",
            field="image_size",
            metadata={"width_px": size.width_px, "height_px": size.height_px},
        )
    if not request.keypoints:
        raise _bad_keypoint("keypoints", "No keypoints were given. Send 1 to 17 of them.")
    keypoints: dict[Joint, tuple[float, float, float]] = {}
    for index, keypoint in enumerate(request.keypoints):
        joint = JOINT_FROM_PB.get(keypoint.joint)
        if joint is None:
            field = f"keypoints[{index}].joint"
            raise _bad_keypoint(field, f"{field} is {keypoint.joint}, no joint.")
        if joint in keypoints:
            field = f"keypoints[{index}]"
            raise _bad_keypoint(f"{field}.joint", f"{field} repeats {joint.api_name}.")
        keypoints[joint] = _numbers(keypoint, index)
    rows = [keypoints.get(joint, _NO_KEYPOINT) for joint in _JOINTS]
    return Pose(np.array(rows, np.float32), ImageSize(size.width_px, size.height_px))


def _numbers(keypoint: pose_pb2.Keypoint, index: int) -> tuple[float, float, float]:
    numbers = x_px, y_px, score = keypoint.x_px, keypoint.y_px, keypoint.score
    if not (math.isfinite(x_px) and math.isfinite(y_px)):
        field = f"keypoints[{index}]"
        raise _bad_keypoint(field, f"{field} has coordinates that are not finite numbers.")
    if not 0.0 <= score <= 1.0:
        field = f"keypoints[{index}].score"
        raise _bad_keypoint(field, f"{field} is {score:g}. Scores lie in 0..1.")
    return numbers


def _bad_keypoint(field: str, message: str) -> JointTrackError:
    return JointTrackError(Reason.INVALID_KEYPOINTS, message, field=field)


def known(values: Mapping[int, _Value], value: int, field: str, reason: Reason) -> _Value:
    """The domain's word for an enum value. Raises JointTrackError ``reason`` for an unknown one."""
    if value not in values:
        raise JointTrackError(
            reason,
            f"{field} is {value}, which the contract does not know.",
            field=field,
            metadata={"value": value},
        )
    return values[value]


def _to_box(box: pose_pb2.BoundingBox, field: str) -> Box:
    corners = (box.x_min_px, box.y_min_px, box.x_max_px, box.y_max_px)
    if (
        not all(map(math.isfinite, corners))
        or box.x_max_px <= box.x_min_px
        or (box.y_max_px <= box.y_min_px)
    ):
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            f"{field} is empty. Give x_min_px < x_max_px and y_min_px < y_max_px in pixels "
            "of the upright picture.",
            field=field,
            metadata={"region": corners},
        )
    return Box(*corners)


def _max_people(max_people: int, search: SearchMode, region: Box | None, field: str) -> int:
    if not 0 <= max_people <= MAX_PEOPLE:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            f"{field} is {max_people}. Give 1 to {MAX_PEOPLE}, or 0 for the default, 1.",
            field=field,
            metadata={"max_people": max_people, "limit": MAX_PEOPLE},
        )
    if max_people > 1 and (region is not None or search is not SearchMode.FIND_PEOPLE):
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            f"{field} is {max_people}, but a region and the searches TWO_PASS and WHOLE_PICTURE "
            "give one person. Use SEARCH_MODE_FIND_PEOPLE without a region.",
            field=field,
            metadata={"max_people": max_people, "search": search.value},
        )
    return max_people or 1
