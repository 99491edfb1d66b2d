"""Named fields to a picture and the pipeline's options, checked."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from jointtrack_server.domain.skeleton import BOTH_SIDES, Side
from jointtrack_server.domain.types import Facing, MeasureOptions
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.pipeline.detect import ImageSource
from jointtrack_server.pipeline.options import DetectOptions, ImageUrl
from jointtrack_server.rest_api.fields import Fields
from jointtrack_server.rest_api.schema import INCLUDES

_SIDES: Mapping[str, tuple[Side, ...]] = {
    "left": (Side.LEFT,),
    "right": (Side.RIGHT,),
    "both": BOTH_SIDES,
}
_BOOLEANS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}
_FACINGS: Mapping[str, Facing] = {facing.value: facing for facing in Facing}
_MAX_TEXT_CHARACTERS = 2000
"""Four times what all 19 names need; the picture's own text is bounded by the body's limit."""
_SHOWN_CHARACTERS = 40
_DATA_URI = re.compile(r"data:[\w.+/-]*(;[\w=.+-]+)*;base64,", re.IGNORECASE)
_MAX_DATA_URI_HEAD = 200
_URL = re.compile(r"https?://", re.IGNORECASE)
_TO_STANDARD_ALPHABET = str.maketrans("-_ ", "+/+", "\r\n")

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
    options = replace(parse_options(fields, max_people), include_overlays=True, include_image=True)
    return DetectRequest(source, options, _include(fields))


def parse_options(fields: Fields, max_people: int) -> DetectOptions:
    """What is asked of a picture or of every frame, as ``parse``; no pictures go back."""
    measure = MeasureOptions(
        names=_measurements(fields),
        sides=choice(fields, "side", _SIDES, BOTH_SIDES, Reason.INVALID_SIDE),
        facing=choice(fields, "facing", _FACINGS, None, Reason.INVALID_REQUEST),
        mirrored=choice(fields, "mirrored", _BOOLEANS, False, Reason.INVALID_REQUEST),
        strict=choice(fields, "strict", _BOOLEANS, False, Reason.INVALID_REQUEST),
    )
    people = {str(count): count for count in range(1, max_people + 1)}
    return DetectOptions(
        model=find_spec(one_text(fields, "model") or "", one_text(fields, "version") or ""),
        measure=measure,
        max_people=choice(fields, "people", people, 1, Reason.INVALID_REQUEST),
    )


def _source(fields: Fields) -> ImageSource:
    """The one picture; a field left empty, as browsers send it, is none."""
    given = [(name, value) for name, value in fields if name in _SOURCES and not _is_blank(value)]
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
    if not isinstance(value, str):
        raise JointTrackError(
            Reason.INVALID_IMAGE,
            f'"{name}" is no text. Send a picture file, an http(s) URL or base64 text.',
            field=name,
        )
    return _SOURCES[name](value.strip(), name)


def _is_blank(value: object) -> bool:
    return isinstance(value, str | bytes) and not value.strip()


def _from_text(text: str, field: str) -> ImageSource:
    return _from_url(text, field) if _URL.match(text) else _from_base64(text, field)


def _from_url(text: str, field: str) -> ImageSource:
    if not _URL.match(text):
        raise _not_a_source(text, field, "an http(s) URL")
    return ImageUrl(text)


def _from_base64(text: str, field: str) -> ImageSource:
    """Bare or a data URI; standard or URL-safe alphabet; "+" that a form turned into a blank."""
    match = _DATA_URI.match(text, 0, _MAX_DATA_URI_HEAD)
    payload = text[match.end() :] if match else text
    payload = payload.translate(_TO_STANDARD_ALPHABET).rstrip("=")
    try:
        return base64.b64decode(payload + "=" * (-len(payload) % 4), validate=True)
    except ValueError as error:
        raise _not_a_source(text, field, "an http(s) URL or base64 of a picture file") from error


def _not_a_source(text: str, field: str, accepted: str) -> JointTrackError:
    start = _encodable(text[:_SHOWN_CHARACTERS])
    return JointTrackError(
        Reason.INVALID_IMAGE,
        f'"{field}" begins "{start}". Send {accepted}.',
        field=field,
        metadata={"value": start, "accepted": accepted},
    )


_SOURCES: Mapping[str, Callable[[str, str], ImageSource]] = {
    "image": _from_text,
    "image_url": _from_url,
    "image_base64": _from_base64,
}


def _texts(fields: Fields, name: str) -> list[str]:
    """Every value of a field, trimmed; numbers and booleans of JSON as they are written."""
    values = [value for field, value in fields if field == name]
    for value in values:
        if not isinstance(value, str | int) or len(str(value)) > _MAX_TEXT_CHARACTERS:
            raise JointTrackError(
                Reason.INVALID_REQUEST,
                f'"{name}" is no text of at most {_MAX_TEXT_CHARACTERS} characters. '
                "Send it as documented.",
                field=name,
                metadata={"max_characters": _MAX_TEXT_CHARACTERS},
            )
    return [_encodable(str(value)).strip() for value in values]


def _encodable(text: str) -> str:
    """Without the lone surrogates that JSON can hold and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _listed(fields: Fields, name: str) -> list[str]:
    """Comma-separated and repeated values alike, trimmed, each distinct one once, in order."""
    parts = [part.strip() for text in _texts(fields, name) for part in text.split(",")]
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


def choice(
    fields: Fields, name: str, choices: Mapping[str, _Value], default: _Value, reason: Reason
) -> _Value:
    text = one_text(fields, name)
    if text is None:
        return default
    if text.lower() not in choices:
        raise _bad_choice(name, text, tuple(choices), reason)
    return choices[text.lower()]


def one_text(fields: Fields, name: str) -> str | None:
    """The field's only value; ``None`` if it is absent or blank."""
    values = _texts(fields, name)
    if len(values) > 1:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            f'"{name}" was given {len(values)} times. Send it once.',
            field=name,
            metadata={"times": len(values)},
        )
    return values[0] or None if values else None


def _bad_choice(name: str, value: str, choices: tuple[str, ...], reason: Reason) -> JointTrackError:
    return JointTrackError(
        reason,
        f'"{name}" is "{value}". Send one of: {", ".join(choices)}.',
        field=name,
        metadata={"value": value, "accepted": ", ".join(choices)},
    )
