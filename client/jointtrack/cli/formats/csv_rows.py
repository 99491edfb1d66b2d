"""CSV (RFC 4180) in long form: one row a photo, person, measurement and side."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import typer

from jointtrack.cli.formats import Asked, PhotoError
from jointtrack.cli.formats.reading import compared
from jointtrack.errors import JointTrackError
from jointtrack.types import DetectResult, Measurement, MeasurementInfo, SideValue

COLUMNS = (
    "photo",
    "person",
    "measurement",
    "title",
    "body_part",
    "kind",
    "side",
    "value_deg",
    "normal_min_deg",
    "normal_max_deg",
    "normal_source",
    "compared_to_normal",
    "confidence",
    "component_deg",
    "view",
    "facing",
    "warnings",
    "missing_reason",
    "missing_joints",
    "model",
    "model_version",
    "overlay",
)
NOBODY = "person_not_found"
UNREADABLE = "file_not_readable"

FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
"""A spreadsheet may take text that starts so for a formula, and run it."""

Row = dict[str, str]


class CsvPrinter:
    """An absent number is an empty cell, never 0.

    A photo without people, or that failed, has a row for each measurement and side with the reason.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        _print_rows([dict(zip(COLUMNS, COLUMNS, strict=True))])

    def found(self, photo: str, result: DetectResult, overlays: Mapping[str, Path]) -> None:
        common = {
            "photo": as_text(photo),
            "model": as_text(result.model.name),
            "model_version": as_text(result.model.version),
        }
        if not result.people:
            _print_rows({**common, **row} for row in self._missing(NOBODY))
        for number, person in enumerate(result.people, start=1):
            for item in person.measurements:
                overlay = as_text(str(overlays.get(item.name, "")))
                own = {**common, "person": str(number), "overlay": overlay}
                _print_rows({**own, **row} for row in self._measured(item))

    def failed(self, photo: str, error: PhotoError) -> None:
        reason = UNREADABLE
        if isinstance(error, JointTrackError):
            reason = (error.reason or error.code).lower()
        _print_rows({"photo": as_text(photo), **row} for row in self._missing(reason))

    def _measured(self, item: Measurement) -> Iterable[Row]:
        info = self._asked.measurements[item.name]
        for side in self._asked.sides:
            yield {
                **self._described(item.name, side),
                **_value(item.sides[side], info),
                "view": item.view or "",
                "facing": item.facing or "",
                "warnings": " ".join(item.warnings),
            }

    def _missing(self, reason: str) -> Iterable[Row]:
        for name in self._asked.measurements:
            for side in self._asked.sides:
                yield {**self._described(name, side), "missing_reason": as_text(reason)}

    def _described(self, name: str, side: str) -> Row:
        info = self._asked.measurements[name]
        row = {
            "measurement": name,
            "title": as_text(info.title),
            "body_part": as_text(info.body_part),
            "kind": info.kind or "",
            "side": side,
        }
        if info.normal is not None:
            row["normal_min_deg"] = f"{info.normal.min_deg:g}"
            row["normal_max_deg"] = f"{info.normal.max_deg:g}"
            row["normal_source"] = as_text(info.normal.source)
        return row


def _value(value: SideValue, info: MeasurementInfo) -> Row:
    return {
        "value_deg": _number(value.value_deg, 2),
        "compared_to_normal": compared(value.value_deg, info) or "",
        "confidence": _number(value.confidence, 3),
        "component_deg": _number(value.component_deg, 2),
        "missing_reason": value.missing_reason or "",
        "missing_joints": " ".join(value.missing_joints),
    }


def as_text(value: str) -> str:
    """With an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{value}" if value.startswith(FORMULA_STARTS) else value


def _print_rows(rows: Iterable[Row]) -> None:
    text = io.StringIO(newline="")
    csv.DictWriter(text, COLUMNS, restval="", lineterminator="\r\n").writerows(rows)
    # As bytes: Windows would make \r\r\n of the line's end.
    typer.echo(text.getvalue().encode(), nl=False)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
