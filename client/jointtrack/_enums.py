"""Protobuf enums to the lower-case names of the REST API, and back. Pure."""

from difflib import get_close_matches
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from jointtrack._arguments import text
from jointtrack.errors import FieldViolation, InvalidRequestError
from jointtrack.v1 import (
    admin_service_pb2,
    joint_pb2,
    jointtrack_service_pb2,
    measurement_pb2,
)

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

Number = TypeVar("Number", bound=int)


class EnumNames(Generic[Number]):
    """One enum: ``prefix`` is cut from its value names, and 0 (unspecified) is None."""

    def __init__(
        self, wrapper: "_EnumTypeWrapper[Number]", prefix: str, field: str, reason: str
    ) -> None:
        self._names = {
            number: name.removeprefix(prefix).lower() for name, number in wrapper.items() if number
        }
        self._numbers = {name: number for number, name in self._names.items()}
        self._field = field
        self._reason = reason

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the contract's order."""
        return tuple(self._numbers)

    def number(self, name: str) -> Number:
        """Raises InvalidRequestError, with the accepted names, for another one; else TypeError."""
        number = self._numbers.get(text(self._field, name))
        if number is None:
            message = f"{name!r} is no {self._field}; {self._meant(name)}."
            raise InvalidRequestError(
                message,
                code="INVALID_ARGUMENT",
                reason=self._reason,
                metadata={"value": name, "accepted": ",".join(self._numbers)},
                field_violations=(FieldViolation(self._field, message),),
            )
        return number

    def _meant(self, name: str) -> str:
        all_names = ", ".join(self._numbers)
        simple = name.lower().replace(" ", "_").replace("-", "_")
        close = get_close_matches(simple, self._numbers, n=1, cutoff=0.75)
        return (
            f"did you mean {close[0]!r}? All: {all_names}" if close else f"use one of {all_names}"
        )

    def optional_number(self, name: str | None) -> Number:
        """As ``number``; None leaves the choice to the server."""
        return cast(Number, 0) if name is None else self.number(name)

    def name(self, number: Number) -> str:
        """A number that a newer server sends and this client does not know is "unknown_<n>"."""
        return self._names.get(number, f"unknown_{number}")

    def optional_name(self, number: Number) -> str | None:
        """As ``name``; None for unspecified."""
        return self.name(number) if number else None


_service = jointtrack_service_pb2
_measurement = measurement_pb2

MEASUREMENTS = EnumNames(
    _measurement.MeasurementType, "MEASUREMENT_TYPE_", "measurement", "UNKNOWN_MEASUREMENT"
)
KINDS = EnumNames(_measurement.MeasurementKind, "MEASUREMENT_KIND_", "kind", "INVALID_REQUEST")
SIDES = EnumNames(_measurement.Side, "SIDE_", "side", "INVALID_SIDE")
FACINGS = EnumNames(_measurement.Facing, "FACING_", "facing", "INVALID_REQUEST")
VIEWS = EnumNames(_measurement.View, "VIEW_", "view", "INVALID_REQUEST")
MISSING_REASONS = EnumNames(
    _measurement.MissingReason, "MISSING_REASON_", "missing_reason", "INVALID_REQUEST"
)
WARNINGS = EnumNames(_measurement.Warning, "WARNING_", "warning", "INVALID_REQUEST")
JOINTS = EnumNames(joint_pb2.Joint, "JOINT_", "joint", "INVALID_KEYPOINTS")
SEARCH_MODES = EnumNames(_service.SearchMode, "SEARCH_MODE_", "search", "INVALID_REQUEST")
OVERFLOWS = EnumNames(_service.Overflow, "OVERFLOW_", "overflow", "INVALID_REQUEST")
SCOPES = EnumNames(admin_service_pb2.Scope, "SCOPE_", "scope", "INVALID_REQUEST")
