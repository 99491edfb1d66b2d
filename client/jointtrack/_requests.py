"""Arguments to request messages. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from jointtrack import _enums
from jointtrack._arguments import (
    flag,
    names,
    numbers,
    optional_text,
    optional_whole,
    whole,
)
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
    """Raises InvalidRequestError for names that the contract does not have, else TypeError or
    ValueError for what cannot be meant.
    """
    return pb.DetectOptions(
        measurements=_measurement_numbers(measurements),
        side=_enums.SIDES.number(side),
        model=optional_text("model", model),
        model_version=optional_text("model_version", model_version),
        search=_enums.SEARCH_MODES.optional_number(search),
        region=None if region is None else _box(region),
        max_people=optional_whole("max_people", max_people, least=1),
        facing=_enums.FACINGS.optional_number(facing),
        mirrored=flag("mirrored", mirrored),
        strict=flag("strict", strict),
        include_overlays=flag("include_overlays", include_overlays),
        include_image=flag("include_image", include_image),
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
            max_in_flight=optional_whole("max_in_flight", max_in_flight, least=1),
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
    width_px, height_px = _size(image_size)
    return pb.MeasureRequest(
        keypoints=[_keypoint(item) for item in _named_keypoints(keypoints)],
        image_size=image_pb2.ImageSize(width_px=width_px, height_px=height_px),
        measurements=_measurement_numbers(measurements),
        side=_enums.SIDES.number(side),
        facing=_enums.FACINGS.optional_number(facing),
        mirrored=flag("mirrored", mirrored),
        strict=flag("strict", strict),
    )


def _measurement_numbers(
    measurements: str | Iterable[str],
) -> list[measurement_pb2.MeasurementType.ValueType]:
    return [_enums.MEASUREMENTS.number(name) for name in names("measurements", measurements)]


def _smoothing(smoothing: str | float) -> pb.Smoothing:
    if not isinstance(smoothing, str):
        (strength,) = numbers("smoothing", (smoothing,), 1, "a strength of 0..1, if not a name")
        return pb.Smoothing(mode=pb.SMOOTHING_MODE_ONE_EURO, strength=strength)
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
    x_min_px, y_min_px, x_max_px, y_max_px = numbers(
        "region", region, 4, "x_min_px, y_min_px, x_max_px, y_max_px"
    )
    return pose_pb2.BoundingBox(
        x_min_px=x_min_px, y_min_px=y_min_px, x_max_px=x_max_px, y_max_px=y_max_px
    )


def _size(image_size: Size) -> tuple[int, int]:
    if isinstance(image_size, ImageSize):
        return image_size.width_px, image_size.height_px
    if isinstance(image_size, str) or not hasattr(image_size, "__len__") or len(image_size) != 2:
        raise TypeError(f"image_size must be (width_px, height_px), not {image_size!r}.")
    width_px, height_px = image_size
    return whole("width_px", width_px, least=1), whole("height_px", height_px, least=1)


def _named_keypoints(source: KeypointSource) -> list[Keypoint]:
    if isinstance(source, Mapping):
        return [_row(joint, row) for joint, row in source.items()]
    if isinstance(source, (str, bytes)) or not isinstance(source, Iterable):
        raise TypeError(
            "keypoints are (17, 3) rows x_px, y_px, score in COCO's order, Keypoint objects, or "
            f"rows by joint name, not {type(source).__name__}."
        )
    items: list[Any] = list(source)
    if items and all(isinstance(item, Keypoint) for item in items):
        return items
    if len(items) != len(JOINT_NAMES):
        raise _bad_keypoints(f"Give {len(JOINT_NAMES)} rows, not {len(items)}")
    return [_row(joint, row) for joint, row in zip(JOINT_NAMES, items, strict=True)]


def _row(joint: str, row: Iterable[float]) -> Keypoint:
    try:
        values = [float(value) for value in row]
    except (TypeError, ValueError):
        raise TypeError(f"The row of {joint} must be x_px, y_px, score, not {row!r}.") from None
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
