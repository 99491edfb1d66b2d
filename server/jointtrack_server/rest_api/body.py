"""The three documented bodies (multipart, form, JSON) to one list of named fields."""

import json
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, parse_options_header
from starlette.requests import Request

from jointtrack_server.errors import JointTrackError, Reason

MAX_FIELDS = 64
_TEXT_GROWTH = 1.5
"""A picture grows to 4/3 as base64, and that by another tenth where a form escapes its "+", "/" and
line ends."""
_OTHER_FIELDS_BYTES = 64 * 1024

Fields = list[tuple[str, object]]
"""Name and value, in the order sent; a name may repeat. Text is ``str``, anything else in a form is
``bytes``; in JSON, any value but null."""
Reader = Callable[[bytes], Fields]


def find_reader(content_type: str) -> Reader:
    """What reads a body of this Content-Type; it raises JointTrackError INVALID_REQUEST.

    Raises JointTrackError UNSUPPORTED_MEDIA_TYPE.
    """
    media_type, parameters = parse_options_header(content_type)
    reader = _READERS.get(media_type.lower())
    if reader is None:
        accepted = ", ".join(known.decode("ascii") for known in _READERS)
        raise JointTrackError(
            Reason.UNSUPPORTED_MEDIA_TYPE,
            f'The Content-Type of the body is "{content_type}". Send {accepted}.',
            metadata={"content_type": content_type, "accepted": accepted},
        )
    return lambda body: reader(body, parameters.get(b"boundary"))


async def read_body(request: Request, max_image_bytes: int) -> bytes:
    """The whole body. Raises JointTrackError REQUEST_TOO_LARGE before it holds more than a picture
    of the largest size needs, and ClientDisconnect."""
    limit = int(max_image_bytes * _TEXT_GROWTH) + _OTHER_FIELDS_BYTES
    declared = int(request.headers.get("content-length", 0))
    if declared > limit:
        raise _too_large(f"{declared} bytes", declared, limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(f"{len(body)} bytes or more", len(body), limit)
    return bytes(body)


def _too_large(size: str, size_bytes: int, limit: int) -> JointTrackError:
    return JointTrackError(
        Reason.REQUEST_TOO_LARGE,
        f"The body has {size}, the limit is {limit}. Send a smaller picture.",
        field="image",
        metadata={"bytes": size_bytes, "max_bytes": limit},
    )


def _read_multipart(body: bytes, boundary: bytes | None) -> Fields:
    fields: Fields = []
    ended = False

    def on_end() -> None:
        nonlocal ended
        ended = True

    def on_field(field: Field) -> None:
        add(field, _text_or_bytes(field.value or b""))

    def on_file(file: File) -> None:
        file.file_object.seek(0)
        add(file, file.file_object.read())

    def add(part: Field | File, value: str | bytes) -> None:
        fields.append(((part.field_name or b"").decode("utf-8", "replace"), value))
        _check_count(len(fields))

    try:
        parser = FormParser(
            "multipart/form-data",
            on_field,
            on_file,
            on_end,
            boundary=boundary,
            config={"MAX_MEMORY_FILE_SIZE": len(body) + 1},
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _unreadable("multipart form", str(error)) from error
    if not ended:
        raise _unreadable("multipart form", "its last boundary is missing")
    return fields


def _text_or_bytes(value: bytes) -> str | bytes:
    """A picture sent without a file name is a picture all the same: it is never valid UTF-8."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def _read_form(body: bytes, _boundary: bytes | None) -> Fields:
    try:
        text = body.decode("utf-8")
        _check_count(text.count("&") + 1)
        return [*parse_qsl(text, keep_blank_values=True, errors="strict")]
    except ValueError as error:
        raise _unreadable("form", "it is not UTF-8") from error


def _read_json(body: bytes, _boundary: bytes | None) -> Fields:
    try:
        document = json.loads(body)
    except RecursionError as error:
        raise _unreadable("JSON body", "it is nested too deeply") from error
    except ValueError as error:
        raise _unreadable("JSON body", str(error)) from error
    if not isinstance(document, dict):
        raise _unreadable("JSON body", "it is no object")
    fields = [item for name, value in document.items() for item in _repeated(name, value)]
    _check_count(len(fields))
    return fields


def _repeated(name: str, value: object) -> Fields:
    """A list is the same as a repeated field; null the same as none."""
    values = value if isinstance(value, list) else [value]
    return [(name, one) for one in values if one is not None]


def _check_count(count: int) -> None:
    if count > MAX_FIELDS:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            f"The body has more than {MAX_FIELDS} fields. Send only the documented ones.",
            metadata={"max_fields": MAX_FIELDS},
        )


def _unreadable(kind: str, why: str) -> JointTrackError:
    why = why.rstrip(".")
    return JointTrackError(
        Reason.INVALID_REQUEST,
        f"The {kind} cannot be read: {why}. Send it as its Content-Type says.",
        metadata={"why": why},
    )


_READERS: Mapping[bytes, Callable[[bytes, bytes | None], Fields]] = {
    b"multipart/form-data": _read_multipart,
    b"application/json": _read_json,
    b"application/x-www-form-urlencoded": _read_form,
}
