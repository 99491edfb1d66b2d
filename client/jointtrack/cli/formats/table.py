"""Small tables for people."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import typer
from rich.table import Table

from jointtrack.cli import tables
from jointtrack.cli.formats import Asked, PhotoError
from jointtrack.cli.formats.reading import compared, range_text, whole_degrees
from jointtrack.types import (
    DetectResult,
    Keypoint,
    Measurement,
    MeasurementInfo,
    Person,
    SideValue,
)


class TablePrinter:
    """One table a photo, of measurements or, if none were asked for, of keypoints."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def found(self, photo: str, result: DetectResult, overlays: Mapping[str, Path]) -> None:
        if not result.people:
            return
        tables.print_table(self._table(photo, result.person))
        for path in overlays.values():
            typer.echo(f"wrote {path}")

    def failed(self, photo: str, error: PhotoError) -> None:
        """Nothing: stderr says it."""

    def _table(self, photo: str, person: Person) -> Table:
        if not self._asked.measurements:
            return keypoints_table(photo, person.keypoints)
        return measurements_table(photo, person.measurements, self._asked)


def measurements_table(title: str, measurements: Iterable[Measurement], asked: Asked) -> Table:
    """One row a measurement: whole degrees, the normal range and where it is from, and notes."""
    headings = ("measurement", "left", "right", "normal", "from", "notes")
    table = Table(*headings, title=title, title_justify="left")
    for item in measurements:
        info = asked.measurements.get(item.name)
        normal = info.normal if info else None
        table.add_row(
            item.title,
            _angle(item.sides["left"], info),
            _angle(item.sides["right"], info),
            range_text(normal) if normal else "",
            normal.source if normal else "",
            "; ".join(_notes(item)),
        )
    return table


def keypoints_table(title: str, keypoints: Iterable[Keypoint]) -> Table:
    """One row a keypoint, in pixels."""
    table = Table("keypoint", "x px", "y px", "score", title=title, title_justify="left")
    for item in keypoints:
        table.add_row(item.joint, f"{item.x_px:.0f}", f"{item.y_px:.0f}", f"{item.score:.2f}")
    return table


def _angle(side: SideValue, info: MeasurementInfo | None) -> str:
    if side.value_deg is None:
        return "-"
    text = f"{whole_degrees(side.value_deg)}°"
    place = compared(side.value_deg, info)
    return text if place in (None, "within") else f"{text} ({place})"


def _notes(item: Measurement) -> Iterable[str]:
    for name, side in item.sides.items():
        if side.missing_reason:
            joints = f" ({', '.join(side.missing_joints)})" if side.missing_joints else ""
            yield f"no {name}: {side.missing_reason}{joints}"
    yield from item.warnings
