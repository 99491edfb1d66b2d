"""Arguments to request messages. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from jointtrack import _enums
from jointtrack.errors import FieldViolation, InvalidRequestError
from jointtrack.images import ImageSource, image_message
from jointtrack.names import JOINT_NAMES, Smoothing
from jointtrack.types import BoundingBox, ImageSize, Keypoint
from jointtrack.v1 import image_pb2, measurement_pb2, pose_pb2
from jointtrack.v1 import jointtrack_service_pb2 as pb

Box: TypeAlias = BoundingBox | Sequence[float]
"""A BoundingBox, or (x_min_px, y_min_px, x_max_px, y_max_px)."""

Size: TypeAlias = ImageSize | tuple[int, int]
"""An ImageSize, or (width_px, height_px)."""

KeypointSource: TypeAlias = Iterable[Keypoint] | Iterable[Sequence[float]] | Mapping[str, Any]
"""Keypoints, or 17 rows (x_px, y_px, score) in COCO's order, or such rows by joint name."""

_SMOOTHING_MODES: Mapping[str, pb.SmoothingMode.ValueType] = {
    Smoothing.OFF: pb.SMOOTHING_MODE_OFF,
    Smoothing.DEFAULT: pb.SMOOTHING_MODE_ONE_EURO,
}


def detect_options(
    *,
    measurements: str | Iterable[str],
    side: str,
    model: str | None,
    model_version: str | None,
    search: str | None,
    region: Box | None,
    max_people: int | None,
    facing: str | None,
    mirrored: bool,
    strict: bool,
    include_overlays: bool,
    include_image: bool = False,
) -> pb.DetectOptions:
    """Raises InvalidRequestError for names that the contract does not have."""
    return pb.DetectOptions(
        measurements=_measurement_numbers(measurements),
        side=_enums.SIDES.number(side),
        model=model or "",
        model_version=model_version or "",
        search=_enums.SEARCH_MODES.optional_number(search),
        region=None if region is None else _box(region),
        max_people=max_people or 0,
        facing=_enums.FACINGS.optional_number(facing),
        mirrored=mirrored,
        strict=strict,
        include_overlays=include_overlays,
        include_image=include_image,
    )


def detect_request(image: ImageSource, options: pb.DetectOptions) -> pb.DetectRequest:
    """Reads the picture; raises what ``image_message`` raises."""
    return pb.DetectRequest(image=image_message(image), options=options)


def stream_config(
    options: pb.DetectOptions,
    *,
    overflow: str | None,
    max_in_flight: int | None,
    smoothing: str | float | None,
) -> pb.StreamDetectRequest:
    """A stream's first message. Raises InvalidRequestError for names the contract does not have."""
    return pb.StreamDetectRequest(
        config=pb.StreamConfig(
            options=options,
            overflow=_enums.OVERFLOWS.optional_number(overflow),
            max_in_flight=max_in_flight or 0,
            smoothing=None if smoothing is None else _smoothing(smoothing),
        )
    )


def measure_request(
    keypoints: KeypointSource,
    image_size: Size,
    *,
    measurements: str | Iterable[str],
    side: str,
    facing: str | None,
    mirrored: bool,
    strict: bool,
) -> pb.MeasureRequest:
    """Raises InvalidRequestError for unknown names and for rows other than 17 times x, y, score."""
    width_px, height_px = (
        (image_size.width_px, image_size.height_px)
        if isinstance(image_size, ImageSize)
        else image_size
    )
    return pb.MeasureRequest(
        keypoints=[_keypoint(item) for item in _named_keypoints(keypoints)],
        image_size=image_pb2.ImageSize(width_px=int(width_px), height_px=int(height_px)),
        measurements=_measurement_numbers(measurements),
        side=_enums.SIDES.number(side),
        facing=_enums.FACINGS.optional_number(facing),
        mirrored=mirrored,
        strict=strict,
    )


def _measurement_numbers(
    measurements: str | Iterable[str],
) -> list[measurement_pb2.MeasurementType.ValueType]:
    names = measurements.split(",") if isinstance(measurements, str) else measurements
    return [_enums.MEASUREMENTS.number(name.strip()) for name in names]


def _smoothing(smoothing: str | float) -> pb.Smoothing:
    if not isinstance(smoothing, str):
        return pb.Smoothing(mode=pb.SMOOTHING_MODE_ONE_EURO, strength=smoothing)
    mode = _SMOOTHING_MODES.get(smoothing)
    if mode is None:
        message = f"{smoothing!r} is no smoothing; use {', '.join(Smoothing)} or a number 0..1."
        raise InvalidRequestError(
            message,
            code="INVALID_ARGUMENT",
            reason="INVALID_REQUEST",
            metadata={"value": smoothing, "accepted": ",".join(Smoothing)},
            field_violations=(FieldViolation("smoothing", message),),
        )
    return pb.Smoothing(mode=mode)


def _box(region: Box) -> pose_pb2.BoundingBox:
    if isinstance(region, BoundingBox):
        region = (region.x_min_px, region.y_min_px, region.x_max_px, region.y_max_px)
    x_min_px, y_min_px, x_max_px, y_max_px = (float(value) for value in region)
    return pose_pb2.BoundingBox(
        x_min_px=x_min_px, y_min_px=y_min_px, x_max_px=x_max_px, y_max_px=y_max_px
    )


def _named_keypoints(source: KeypointSource) -> list[Keypoint]:
    if isinstance(source, Mapping):
        return [_row(joint, row) for joint, row in source.items()]
    items: list[Any] = list(source)
    if items and all(isinstance(item, Keypoint) for item in items):
        return items
    if len(items) != len(JOINT_NAMES):
        raise _bad_keypoints(f"Give {len(JOINT_NAMES)} rows, not {len(items)}")
    return [_row(joint, row) for joint, row in zip(JOINT_NAMES, items, strict=True)]


def _row(joint: str, row: Iterable[float]) -> Keypoint:
    values = [float(value) for value in row]
    if len(values) != 3:
        raise _bad_keypoints(f"The row of {joint} has {len(values)} numbers, not x, y, score")
    return Keypoint(joint, *values)


def _bad_keypoints(what: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{what}: keypoints are (17, 3), COCO's order, x_px, y_px, score; or name them.",
        code="INVALID_ARGUMENT",
        reason="INVALID_KEYPOINTS",
    )


def _keypoint(keypoint: Keypoint) -> pose_pb2.Keypoint:
    return pose_pb2.Keypoint(
        joint=_enums.JOINTS.number(keypoint.joint),
        x_px=keypoint.x_px,
        y_px=keypoint.y_px,
        score=keypoint.score,
    )
