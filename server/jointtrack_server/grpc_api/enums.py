"""Domain names to the contract's enum values and back."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from jointtrack.v1 import (
    admin_service_pb2,
    image_pb2,
    joint_pb2,
    jointtrack_service_pb2,
    measurement_pb2,
)
from jointtrack_server.access.caller import Scope
from jointtrack_server.domain.skeleton import BOTH_SIDES, Joint, Side
from jointtrack_server.domain.types import Facing, MissingReason, View, Warning
from jointtrack_server.imaging.decode import PixelFormat
from jointtrack_server.measurements import MEASUREMENTS, Kind
from jointtrack_server.pipeline.people import SearchMode

_Key = TypeVar("_Key")


def _values(  # the wrapper of a generated enum has no public type
    enum: Any,  # noqa: ANN401
    prefix: str,
    names: Mapping[_Key, str],
) -> dict[_Key, Any]:
    return {key: enum.Value(f"{prefix}_{name.upper()}") for key, name in names.items()}


def _members(enum: type[StrEnum]) -> dict[Any, str]:
    return {member: member.value for member in enum}


MEASUREMENT_TO_PB: dict[str, measurement_pb2.MeasurementType.ValueType] = _values(
    measurement_pb2.MeasurementType, "MEASUREMENT_TYPE", {name: name for name in MEASUREMENTS}
)
MEASUREMENT_FROM_PB = {value: name for name, value in MEASUREMENT_TO_PB.items()}

KIND_TO_PB: dict[Kind, measurement_pb2.MeasurementKind.ValueType] = _values(
    measurement_pb2.MeasurementKind, "MEASUREMENT_KIND", _members(Kind)
)

JOINT_TO_PB: dict[Joint, joint_pb2.Joint.ValueType] = _values(
    joint_pb2.Joint, "JOINT", {joint: joint.name for joint in Joint}
)
JOINT_FROM_PB = {value: joint for joint, value in JOINT_TO_PB.items()}

VIEW_TO_PB: dict[View, measurement_pb2.View.ValueType] = _values(
    measurement_pb2.View, "VIEW", _members(View)
)
WARNING_TO_PB: dict[Warning, measurement_pb2.Warning.ValueType] = _values(
    measurement_pb2.Warning, "WARNING", _members(Warning)
)
REASON_TO_PB: dict[MissingReason, measurement_pb2.MissingReason.ValueType] = _values(
    measurement_pb2.MissingReason, "MISSING_REASON", _members(MissingReason)
)

FACING_TO_PB: dict[Facing, measurement_pb2.Facing.ValueType] = _values(
    measurement_pb2.Facing, "FACING", _members(Facing)
)
FACING_FROM_PB: dict[int, Facing | None] = {
    measurement_pb2.FACING_UNSPECIFIED: None,
    **{value: facing for facing, value in FACING_TO_PB.items()},
}

SIDES_FROM_PB: dict[int, tuple[Side, ...]] = {
    measurement_pb2.SIDE_UNSPECIFIED: BOTH_SIDES,
    measurement_pb2.SIDE_BOTH: BOTH_SIDES,
    measurement_pb2.SIDE_LEFT: (Side.LEFT,),
    measurement_pb2.SIDE_RIGHT: (Side.RIGHT,),
}

SEARCH_FROM_PB: dict[int, SearchMode] = {
    jointtrack_service_pb2.SEARCH_MODE_UNSPECIFIED: SearchMode.FIND_PEOPLE,
    jointtrack_service_pb2.SEARCH_MODE_FIND_PEOPLE: SearchMode.FIND_PEOPLE,
    jointtrack_service_pb2.SEARCH_MODE_TWO_PASS: SearchMode.TWO_PASS,
    jointtrack_service_pb2.SEARCH_MODE_WHOLE_PICTURE: SearchMode.WHOLE_PICTURE,
}

SCOPE_TO_PB: dict[Scope, admin_service_pb2.Scope.ValueType] = _values(
    admin_service_pb2.Scope, "SCOPE", _members(Scope)
)
SCOPE_FROM_PB: dict[int, Scope] = {value: scope for scope, value in SCOPE_TO_PB.items()}

PIXEL_FORMAT_FROM_PB: dict[int, PixelFormat] = {
    image_pb2.PIXEL_FORMAT_RGB24: PixelFormat.RGB24,
    image_pb2.PIXEL_FORMAT_BGR24: PixelFormat.BGR24,
    image_pb2.PIXEL_FORMAT_GRAY8: PixelFormat.GRAY8,
}
