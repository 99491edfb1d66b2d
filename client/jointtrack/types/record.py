"""What all results have in common."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Protocol, TypeVar

from jointtrack.errors import JointTrackError

MAX_SHOWN = 3
"""The longest tuple that a repr spells out."""


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON has no narrower type
    if isinstance(value, (Record, JointTrackError)):
        return value.to_dict()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _short(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, tuple) and len(value) > MAX_SHOWN:
        return f"<{len(value)} {type(value[0]).__name__}>"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_short, value))}]"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_short(item)}" for key, item in value.items()).join("{}")
    return repr(value)


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """The base of every result."""

    def __repr__(self) -> str:
        """On one line: absent fields left out, numbers short, long tuples counted."""
        shown = (
            f"{item.name}={_short(value)}"
            for item in fields(self)
            if item.repr and item.init and (value := getattr(self, item.name)) not in (None, ())
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    def to_dict(self) -> dict[str, Any]:
        """Every field by name, ready for JSON; bytes become base64, times ISO 8601."""
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
