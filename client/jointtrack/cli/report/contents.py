"""What the report says, ready to be laid out."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from jointtrack.cli.formats.reading import compared, whole_degrees
from jointtrack.cli.report.choice import names_the_opposite
from jointtrack.cli.report.gauge import Gauge, gauge
from jointtrack.cli.words import warning_text, why_missing
from jointtrack.types import (
    BoundingBox,
    EncodedImage,
    ImageSize,
    Measurement,
    MeasurementInfo,
    Person,
    SideValue,
)

FIGURE_ASPECT = 0.8
"""Width over height of every figure."""

FIGURE_MARGIN = 0.12
"""Around the person, as a share of the picture's shorter side: angle labels stand there."""

HEAD_ROOM = 0.12
"""More above the person, whose box ends at the eyes, as a share of the box's height."""

OF_THE_PICTURE = ("several_people", "oblique_view")
"""Warnings that hold for a picture, whatever is measured in it."""

SAID_ELSEWHERE = (*OF_THE_PICTURE, "opposite_direction")

VIEWS = {
    "front": "seen from the front",
    "back": "seen from behind",
    "side": "seen from the side",
    "oblique": "seen obliquely",
}
NO_VALUE = "–"


@dataclass(frozen=True, slots=True)
class Heading:
    """Who and when, as the caller wrote it; None is left out."""

    title: str
    made_on: date
    patient_name: str | None = None
    patient_id: str | None = None
    clinician: str | None = None
    taken_on: date | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A measurement drawn into the picture, cut to the person by ``view_box``."""

    title: str
    alt: str
    data_uri: str
    width_px: int
    height_px: int
    view_box: str


@dataclass(frozen=True, slots=True)
class Photo:
    """One picture of the set: what is drawn into it, and what to bear in mind about it."""

    source: str
    seen: str
    figures: tuple[Figure, ...]
    cautions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One measurement: a row of the table.

    ``both`` stands for ``left`` and ``right`` where they are one angle. ``places``: of each angle
    "below", "within" or "above" its normal range, "uncompared" with any, "opposite" to the movement
    named, or "unmeasured".
    """

    title: str
    explained: str
    source: str
    left: str
    right: str
    both: str | None
    difference: str | None
    gauge: Gauge | None
    normal: str
    normal_source: str
    words: tuple[str, ...]
    cautions: tuple[str, ...]
    places: tuple[str, ...]


def photo(source: str, person: Person, infos: Mapping[str, MeasurementInfo]) -> Photo:
    """Of a person measured with overlays; ``source`` is the picture's name."""
    warnings = {warning for item in person.measurements for warning in item.warnings}
    return Photo(
        source,
        VIEWS.get(person.measurements[0].view or "", ""),
        tuple(_figure(item, infos[item.name], person, source) for item in person.measurements),
        tuple(warning_text(warning) for warning in OF_THE_PICTURE if warning in warnings),
    )


def _figure(item: Measurement, info: MeasurementInfo, person: Person, source: str) -> Figure:
    overlay = item.overlay
    assert overlay is not None  # asked for
    size = ImageSize(overlay.width_px, overlay.height_px)
    said = "; ".join(_spoken_values(item, info)) or "not measurable"
    return Figure(
        title=info.title,
        alt=f"{info.title} drawn into the picture {source}: {said}",
        data_uri=_data_uri(overlay),
        width_px=size.width_px,
        height_px=size.height_px,
        view_box=" ".join(f"{number:.0f}" for number in _crop(person.box, size)),
    )


def finding(item: Measurement, info: MeasurementInfo, source: str) -> Finding:
    values = _values(item, info)
    given = {side: one.value_deg for side, one in values.items() if one.value_deg is not None}
    said = {side: _said_of(value, item, info) for side, value in values.items()}
    normal = info.normal
    return Finding(
        title=info.title,
        explained=f"0° is {info.zero}; positive is {info.positive}.",
        source=source,
        left=_degrees(item.left),
        right=_degrees(item.right),
        both=_both(item, info),
        difference=_difference(item, info),
        gauge=gauge(normal, given) if normal and given else None,
        normal=f"{normal.min_deg:g}° to {normal.max_deg:g}°" if normal else NO_VALUE,
        normal_source=normal.source if normal else "",
        words=tuple(_words(said)),
        cautions=tuple(_cautions(item, info, is_measured=bool(given))),
        places=tuple(_place(value, item, info) for value in values.values()),
    )


def _values(item: Measurement, info: MeasurementInfo) -> dict[str, SideValue]:
    """By side; by "" where both sides are one angle, that of the side it points to."""
    if info.kind == "limb" or info.kind is None:
        return dict(item.sides)
    return {"": max(item.sides.values(), key=lambda one: one.value_deg or 0.0)}


def _both(item: Measurement, info: MeasurementInfo) -> str | None:
    if info.kind not in ("direction", "midline", "both_legs"):
        return None
    value = _values(item, info)[""].value_deg
    if value is None or info.kind != "direction" or whole_degrees(value) == 0:
        return _degrees(value)
    return f"{_degrees(value)} to the {_leaning_side(item)}"


def _leaning_side(item: Measurement) -> str:
    return max(item.sides, key=lambda side: item.sides[side].value_deg or 0.0)


def _difference(item: Measurement, info: MeasurementInfo) -> str | None:
    if info.kind != "limb" or item.left is None or item.right is None:
        return None
    if "opposite" in (_place(value, item, info) for value in item.sides.values()):
        return None
    more = whole_degrees(item.left) - whole_degrees(item.right)
    if more == 0:
        return "none"
    return f"{abs(more)}° more on the {'left' if more > 0 else 'right'}"


def _words(said: dict[str, str]) -> Iterator[str]:
    if len(said) > 1 and len(set(said.values())) == 1:
        yield f"Both sides: {next(iter(said.values()))}"
        return
    for side, text in said.items():
        yield f"{side.capitalize()}: {text}" if side else text[:1].upper() + text[1:]


def _cautions(item: Measurement, info: MeasurementInfo, *, is_measured: bool) -> Iterator[str]:
    for warning in item.warnings:
        if warning == "view_mismatch":
            needed = " or ".join(VIEWS[view].removeprefix("seen ") for view in info.views)
            yield f"It needs a picture taken {needed}" + (
                ": the value may be far off." if is_measured else "."
            )
        elif is_measured and warning not in SAID_ELSEWHERE:
            yield warning_text(warning)


def _said_of(value: SideValue, item: Measurement, info: MeasurementInfo) -> str:
    place, normal, degrees = _place(value, item, info), info.normal, value.value_deg
    if degrees is None:
        return f"not measurable. {why_missing(value)}"
    if place == "opposite":
        return f"{abs(whole_degrees(degrees))}° of the opposite movement."
    if place == "uncompared" or normal is None:
        return "there is no reference range."
    if place == "within":
        return "within the reference range."
    limit = normal.min_deg if place == "below" else normal.max_deg
    return f"{abs(whole_degrees(degrees) - limit):g}° {place} the reference range."


def _place(value: SideValue, item: Measurement, info: MeasurementInfo) -> str:
    """As in ``Finding.places``."""
    if value.value_deg is None:
        return "unmeasured"
    if names_the_opposite(item, info) and whole_degrees(value.value_deg) < 0:
        return "opposite"
    return compared(value.value_deg, info) or "uncompared"


def _spoken_values(item: Measurement, info: MeasurementInfo) -> Iterator[str]:
    both = _both(item, info)
    if both is not None:
        yield both
        return
    for side, value in item.sides.items():
        if value.value_deg is not None:
            yield f"{side} {_degrees(value.value_deg)}"


def _degrees(value: float | None) -> str:
    return NO_VALUE if value is None else f"{whole_degrees(value)}°".replace("-", "−")


def _crop(box: BoundingBox, size: ImageSize) -> tuple[float, float, float, float]:
    """Left, top, width and height of the cut around the person, in pixels of the picture."""
    margin = FIGURE_MARGIN * min(size.width_px, size.height_px)
    width = box.x_max_px - box.x_min_px + 2 * margin
    height = box.y_max_px - box.y_min_px + 2 * margin
    head_room = HEAD_ROOM * (box.y_max_px - box.y_min_px)
    height = max(height + head_room, width / FIGURE_ASPECT)
    shrink = min(1.0, size.height_px / height, size.width_px / (height * FIGURE_ASPECT))
    height *= shrink
    width = height * FIGURE_ASPECT
    left = (box.x_min_px + box.x_max_px - width) / 2
    top = (box.y_min_px + box.y_max_px - head_room - height) / 2
    return (
        min(max(left, 0.0), size.width_px - width),
        min(max(top, 0.0), size.height_px - height),
        width,
        height,
    )


def _data_uri(image: EncodedImage) -> str:
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode('ascii')}"
