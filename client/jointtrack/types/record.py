"""What all results have in common."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeVar

from jointtrack.errors import JointTrackError


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON has no narrower type
    if isinstance(value, (Record, JointTrackError)):
        return value.to_dict()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class Record:
    """The base of every result."""

    def to_dict(self) -> dict[str, Any]:
        """Every field by name, ready for JSON; bytes become base64."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}


class Named(Protocol):
    """What has a measurement's name."""

    @property
    def name(self) -> str: ...


NamedT = TypeVar("NamedT", bound=Named)


def find(measurements: Iterable[NamedT], name: str) -> NamedT:
    """The measurement of that name; KeyError, with the names there are, if it was not asked for."""
    names = []
    for measurement in measurements:
        if measurement.name == name:
            return measurement
        names.append(measurement.name)
    raise KeyError(f"{name} is not in this answer; it has: {', '.join(names) or 'none'}")
