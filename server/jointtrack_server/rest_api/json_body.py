"""A JSON body to fields."""

import json
import re
from typing import NoReturn

from jointtrack_server.rest_api.fields import BodyLimits, Fields, check_count, unreadable

_KIND = "JSON body"
_STRUCTURE = re.compile(r"[\[\]{},]")
_ESCAPED_STRING = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
"""The rest of a string from within; possessive, so that it is read once."""


def read_json(body: bytes, limits: BodyLimits) -> Fields:
    """Raises JointTrackError INVALID_REQUEST."""
    try:
        text = body.decode(json.detect_encoding(body))
        _check_shape(text, limits)
        document = json.loads(
            text, object_pairs_hook=tuple, parse_int=str, parse_constant=_refuse_constant
        )
    except ValueError as error:
        raise unreadable(_KIND, str(error)) from error
    if not isinstance(document, tuple):
        raise unreadable(_KIND, "it is no object")
    fields = [item for name, value in document for item in _repeated(name, value)]
    check_count(len(fields), limits)
    return fields


def _repeated(name: str, value: object) -> Fields:
    """A list is the same as a repeated field; null the same as none, but not in a list."""
    if value is None:
        return []
    return [(name, one) for one in (value if isinstance(value, list) else [value])]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _check_shape(text: str, limits: BodyLimits) -> None:
    """Counts what is nested and listed before any of it is made: an empty list takes 3 bytes here
    and 64 once it is parsed.

    Goes from string to string, so that megabytes of base64 cost one search. Returns where the text
    is no JSON; the parser then says where.
    """
    depth = values = strings = at = 0
    while True:
        quote = text.find('"', at)
        for match in _STRUCTURE.finditer(text, at, quote if quote >= 0 else len(text)):
            if match[0] in "]}":
                depth -= 1
            else:
                values += 1
                depth += match[0] != ","
            if depth > limits.max_json_depth:
                raise unreadable(
                    _KIND,
                    f"it is nested {depth} deep or more, the limit is {limits.max_json_depth}",
                )
            # A field has at most a comma and a list or an object of its own.
            check_count((values + 1) // 2, limits)
            if depth <= 0:
                return
        strings += 1
        if quote < 0 or strings > 2 * values + 1:
            return
        at = _string_end(text, quote + 1)


def _string_end(text: str, at: int) -> int:
    end = text.find('"', at)
    if text.find("\\", at, end) < 0 <= end:
        return end + 1
    match = _ESCAPED_STRING.match(text, at)
    return match.end() if match else len(text)
