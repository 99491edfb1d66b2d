"""What ``jointtrack detect`` prints: a table, JSON lines, CSV or FHIR."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from jointtrack.errors import JointTrackError
from jointtrack.types import DetectResult, MeasurementInfo

PhotoError = JointTrackError | OSError


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    FHIR = "fhir"


@dataclass(frozen=True, slots=True)
class Asked:
    """What every photo was asked for: measurements, by name, and the sides.

    ``server_version`` is the server's; empty if nothing had to be asked of it.
    """

    measurements: Mapping[str, MeasurementInfo]
    sides: tuple[str, ...]
    server_version: str = ""


class Printer(Protocol):
    """Writes to stdout, photo by photo."""

    def found(self, photo: str, result: DetectResult, overlays: Mapping[str, Path]) -> None:
        """``overlays``: the files written, by measurement. The result may hold nobody."""

    def failed(self, photo: str, error: PhotoError) -> None:
        """The photo could not be read or measured; stderr says so too."""


def error_details(error: PhotoError) -> dict[str, object]:
    """Ready for JSON."""
    if isinstance(error, JointTrackError):
        return error.to_dict()
    return {"message": error_message(error)}


def error_message(error: PhotoError) -> str:
    if isinstance(error, JointTrackError):
        return str(error)
    return error.strerror or str(error)
