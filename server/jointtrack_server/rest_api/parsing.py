"""Named fields to a picture and the pipeline's options, checked."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from jointtrack_server.domain.skeleton import BOTH_SIDES, Side
from jointtrack_server.domain.types import Facing, MeasureOptions
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.pipeline.detect import ImageSource
from jointtrack_server.pipeline.options import DetectOptions, ImageUrl
from jointtrack_server.rest_api.body import Fields, FieldValue
from jointtrack_server.rest_api.schema import INCLUDES

_SIDES: Mapping[str, tuple[Side, ...]] = {
    "left": (Side.LEFT,),
    "right": (Side.RIGHT,),
    "both": BOTH_SIDES,
}
_BOOLEANS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}
_FACINGS: Mapping[str, Facing] = {facing.value: facing for facing in Facing}
_DATA_URI = re.compile(r"data:[\w.+/-]*(;[\w=.+-]+)*;base64,", re.IGNORECASE)
_URL = re.compile(r"https?://", re.IGNORECASE)

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class DetectRequest:
    """What one POST /detect asks for."""

    source: ImageSource
    options: DetectOptions
    include: frozenset[str]


def parse(fields: Fields, max_people: int) -> DetectRequest:
    """Raises JointTrackError; its ``field`` is the documented name."""
    source = _source(fields)
    measure = MeasureOptions(
        names=_measurements(fields),
        sides=_choice(fields, "side", _SIDES, BOTH_SIDES, Reason.INVALID_SIDE),
        facing=_choice(fields, "facing", _FACINGS, None, Reason.INVALID_REQUEST),
        mirrored=_choice(fields, "mirrored", _BOOLEANS, False, Reason.INVALID_REQUEST),
        strict=_choice(fields, "strict", _BOOLEANS, False, Reason.INVALID_REQUEST),
    )
    people = {str(count): count for count in range(1, max_people + 1)}
    options = DetectOptions(
        model=find_spec(_one(fields, "model") or "", _one(fields, "version") or ""),
        measure=measure,
        max_people=_choice(fields, "people", people, 1, Reason.INVALID_REQUEST),
        include_overlays=True,
        include_image=True,
    )
    return DetectRequest(source, options, _include(fields))


def _source(fields: Fields) -> ImageSource:
    given = [(name, value) for name, value in fields if name in _SOURCES]
    if not given:
        raise JointTrackError(
            Reason.MISSING_IMAGE,
            'No image was given. Send "image": a picture file, an http(s) URL or base64 text.',
            field="image",
        )
    if len(given) > 1:
        names = ", ".join(name for name, _ in given)
        raise JointTrackError(
            Reason.AMBIGUOUS_IMAGE,
            f"{len(given)} images were given ({names}). Send one picture a request.",
            field="image",
            metadata={"given": names},
        )
    name, value = given[0]
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str) or not value.strip():
        raise JointTrackError(
            Reason.MISSING_IMAGE,
            f'"{name}" is empty or no text. Send a picture file, an http(s) URL or base64 text.',
            field=name,
        )
    return _SOURCES[name](value.strip(), name)


def _from_text(text: str, field: str) -> ImageSource:
    return _from_url(text, field) if _URL.match(text) else _from_base64(text, field)


def _from_url(text: str, field: str) -> ImageSource:
    if not _URL.match(text):
        raise JointTrackError(
            Reason.INVALID_IMAGE, f'"{field}" is not an http or https URL.', field=field
        )
    return ImageUrl(text)


def _from_base64(text: str, field: str) -> ImageSource:
    """Bare or a data URI; standard or URL-safe alphabet; "+" that a form turned into a blank."""
    match = _DATA_URI.match(text)
    payload = text[match.end() :] if match else text
    payload = payload.replace(" ", "+").replace("-", "+").replace("_", "/")
    payload = payload.replace("\r", "").replace("\n", "").rstrip("=")
    try:
        return base64.b64decode(payload + "=" * (-len(payload) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise JointTrackError(
            Reason.INVALID_IMAGE,
            f'"{field}" is text but neither an http(s) URL nor base64 of a picture file.',
            field=field,
        ) from error


_SOURCES: Mapping[str, Callable[[str, str], ImageSource]] = {
    "image": _from_text,
    "image_url": _from_url,
    "image_base64": _from_base64,
}


def _listed(fields: Fields, name: str) -> list[str]:
    """Comma-separated and repeated values alike, trimmed, each distinct one once, in order."""
    texts = [str(value) for field, value in fields if field == name and not _is_file(value)]
    parts = [part.strip() for text in texts for part in text.split(",")]
    return list(dict.fromkeys(part for part in parts if part))


def _measurements(fields: Fields) -> tuple[str, ...]:
    names = _listed(fields, "measurement")
    known = ", ".join(MEASUREMENTS)
    if not names:
        raise JointTrackError(
            Reason.MISSING_MEASUREMENT,
            f'No measurement was asked for. Send "measurement", one or more of: {known}.',
            field="measurement",
        )
    for name in names:
        if name not in MEASUREMENTS:
            raise JointTrackError(
                Reason.UNKNOWN_MEASUREMENT,
                f'"{name}" is no measurement. Send one or more of: {known}.',
                field="measurement",
                metadata={"value": name, "known": known},
            )
    return tuple(names)


def _include(fields: Fields) -> frozenset[str]:
    include = _listed(fields, "include")
    for name in include:
        if name not in INCLUDES:
            raise _bad_choice("include", name, INCLUDES, Reason.INVALID_REQUEST)
    return frozenset(include)


def _choice(
    fields: Fields, name: str, choices: Mapping[str, _Value], default: _Value, reason: Reason
) -> _Value:
    text = _one(fields, name)
    if text is None:
        return default
    if text.lower() not in choices:
        raise _bad_choice(name, text, tuple(choices), reason)
    return choices[text.lower()]


def _one(fields: Fields, name: str) -> str | None:
    """The field's only value, trimmed; ``None`` if it is absent or blank."""
    values = [str(value).strip() for field, value in fields if field == name]
    if len(values) > 1:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            f'"{name}" was given {len(values)} times. Send it once.',
            field=name,
        )
    return values[0] or None if values else None


def _bad_choice(name: str, value: str, choices: tuple[str, ...], reason: Reason) -> JointTrackError:
    return JointTrackError(
        reason,
        f'"{name}" is "{value}". Send one of: {", ".join(choices)}.',
        field=name,
        metadata={"value": value, "accepted": ", ".join(choices)},
    )


def _is_file(value: FieldValue) -> bool:
    return isinstance(value, bytes)
