"""Results as tidy rows, and as pandas' tables, which are made only if asked for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

if TYPE_CHECKING:
    from pandas import DataFrame

    from jointtrack.types.detection import Measurement, Person
    from jointtrack.types.summary import PersonSummary

Row: TypeAlias = dict[str, Any]
RowKind: TypeAlias = Literal["angles", "keypoints", "ranges"]

NOBODY = "person_not_found"
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "angles": {
        "person": "Int64",
        "track_id": "object",
        "measurement": "object",
        "side": "object",
        "value_deg": "float64",
        "raw_deg": "float64",
        "component_deg": "float64",
        "confidence": "float64",
        "missing_reason": "object",
        "missing_joints": "object",
        "view": "object",
        "facing": "object",
        "warnings": "object",
    },
    "keypoints": {
        "person": "Int64",
        "track_id": "object",
        "joint": "object",
        "x_px": "float64",
        "y_px": "float64",
        "score": "float64",
        "raw_x_px": "float64",
        "raw_y_px": "float64",
        "raw_score": "float64",
        "missing_reason": "object",
    },
    "ranges": {
        "track_id": "object",
        "measurement": "object",
        "side": "object",
        "minimum_deg": "float64",
        "maximum_deg": "float64",
        "range_deg": "float64",
        "measurable_share": "float64",
        "mean_confidence": "float64",
        "repetitions": "Int64",
        "hold_s": "float64",
        "asymmetry_deg": "float64",
        "asymmetry_share": "float64",
    },
}
"""The columns of each kind of row, in order, with their types in pandas."""

KEY_COLUMNS: Mapping[str, str] = {"picture": "object", "sequence_id": "Int64", "time_s": "float64"}
"""What stands before them where there are several pictures, or a stream's frames."""


class Tabular:
    """The base of what can be tidy rows."""

    __slots__ = ()
    _is_picture: ClassVar[bool] = True
    _own_rows: ClassVar[RowKind] = "angles"

    def to_rows(self, of: RowKind | None = None) -> list[Row]:
        """One dict for each row, all with the same keys; absent is None.

        ``of``: "angles", a row for each person, measurement and side, or "keypoints", one for each
        person and joint; a stream's summary has "ranges" alone. Default: angles, or a summary's
        ranges. A picture or frame without people is one row that says so.
        """
        of = of or self._own_rows
        if of not in COLUMNS:
            raise ValueError(f"Rows are of {', '.join(COLUMNS)}, not of {of!r}.")
        return self._rows(of)

    def to_frame(self, of: RowKind | None = None) -> "DataFrame":
        """``to_rows`` as a pandas.DataFrame; ImportError without pandas."""
        return _frame(self.to_rows(of), of or self._own_rows)

    def _rows(self, of: RowKind) -> list[Row]:
        raise NotImplementedError


def angle_rows(people: Iterable["Person"]) -> Iterator[Row]:
    """A side that was not asked for has no row."""
    for number, person in enumerate(people):
        for measurement in person.measurements:
            yield from _measured_rows(number, person.track_id, measurement)


def _measured_rows(
    number: int | None, track_id: str | None, measurement: "Measurement"
) -> Iterator[Row]:
    for side, value in measurement.sides.items():
        if value.value_deg is None and value.missing_reason is None:
            continue
        yield {
            "person": number,
            "track_id": track_id,
            "measurement": measurement.name,
            "side": side,
            "value_deg": value.value_deg,
            "raw_deg": value.raw_deg,
            "component_deg": value.component_deg,
            "confidence": value.confidence,
            "missing_reason": value.missing_reason,
            "missing_joints": ",".join(value.missing_joints) or None,
            "view": measurement.view,
            "facing": measurement.facing,
            "warnings": ",".join(measurement.warnings) or None,
        }


def measured_rows(measurements: Iterable["Measurement"]) -> list[Row]:
    """As ``angle_rows``, of nobody in particular."""
    return [row for item in measurements for row in _measured_rows(None, None, item)]


def keypoint_rows(people: Iterable["Person"]) -> Iterator[Row]:
    for number, person in enumerate(people):
        raw = {keypoint.joint: keypoint for keypoint in person.raw_keypoints}
        for keypoint in person.keypoints:
            seen = raw.get(keypoint.joint)
            yield {
                "person": number,
                "track_id": person.track_id,
                "joint": keypoint.joint,
                "x_px": keypoint.x_px,
                "y_px": keypoint.y_px,
                "score": keypoint.score,
                "raw_x_px": seen and seen.x_px,
                "raw_y_px": seen and seen.y_px,
                "raw_score": seen and seen.score,
                "missing_reason": None,
            }


def detection_rows(people: Sequence["Person"], of: RowKind) -> list[Row]:
    """A picture without people is one row with the reason."""
    if of == "ranges":
        return []
    maker = angle_rows if of == "angles" else keypoint_rows
    return list(maker(people)) if people else absent_rows(of, NOBODY)


def absent_rows(of: RowKind, reason: str) -> list[Row]:
    """The one row of a picture of which nothing is known."""
    if of == "ranges":
        return []
    row: Row = dict.fromkeys(COLUMNS[of])
    return [row | {"missing_reason": reason}]


def range_rows(people: Iterable["PersonSummary"]) -> Iterator[Row]:
    """A side that was not asked for has no row."""
    for person in people:
        for measurement in person.measurements:
            for side, found in measurement.sides.items():
                if found.measurable_share is None:
                    continue
                yield {
                    "track_id": person.track_id,
                    "measurement": measurement.name,
                    "side": side,
                    "minimum_deg": found.minimum and found.minimum.value_deg,
                    "maximum_deg": found.maximum and found.maximum.value_deg,
                    "range_deg": found.range_deg,
                    "measurable_share": found.measurable_share,
                    "mean_confidence": found.mean_confidence,
                    "repetitions": len(found.repetitions),
                    "hold_s": found.hold_s,
                    "asymmetry_deg": measurement.asymmetry_deg,
                    "asymmetry_share": measurement.asymmetry_share,
                }


def to_rows(
    results: Iterable[Tabular] | Mapping[str, Tabular], of: RowKind = "angles"
) -> list[Row]:
    """The rows of several results, one after the other; see ``Tabular.to_rows``.

    ``results``: a stream's answers; or those of several pictures, whose names or numbers become the
    column "picture".
    """
    named = results.items() if isinstance(results, Mapping) else enumerate(results)
    rows: list[Row] = []
    for name, result in named:
        found = result.to_rows(of)
        rows += ({"picture": name, **row} for row in found) if result._is_picture else found
    return rows


def to_frame(
    results: Iterable[Tabular] | Mapping[str, Tabular], of: RowKind = "angles"
) -> "DataFrame":
    """``to_rows`` of several results as one pandas.DataFrame; ImportError without pandas."""
    return _frame(to_rows(results, of), of)


def _frame(rows: list[Row], of: RowKind) -> "DataFrame":
    try:
        from pandas import DataFrame  # noqa: PLC0415 - only if asked for
    except ImportError as error:
        raise ImportError(
            "Tables need pandas: pip install 'jointtrack[pandas]'.", name=error.name
        ) from error
    keys = {name: kind for name, kind in KEY_COLUMNS.items() if rows and name in rows[0]}
    columns = keys | dict(COLUMNS[of])
    return DataFrame(rows, columns=list(columns)).astype(columns)
