"""The two bodies of HTML forms to fields."""

from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from jointtrack_server.rest_api.fields import BodyLimits, Fields, check_count, unreadable

_KIND = "multipart form"
_MAX_PADDING_BYTES = 64
"""Blanks after a boundary, which nobody sends and the parser reads one by one."""


def read_multipart(body: bytes, boundary: bytes | None, limits: BodyLimits) -> Fields:
    """Raises JointTrackError INVALID_REQUEST."""
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
        check_count(len(fields), limits)

    if not boundary:
        raise unreadable(_KIND, "its Content-Type names no boundary")
    _check_boundaries(body, boundary, limits)
    try:
        parser = FormParser(
            "multipart/form-data",
            on_field,
            on_file,
            on_end,
            boundary=boundary,
            config={
                "MAX_MEMORY_FILE_SIZE": len(body) + 1,
                "MAX_HEADER_COUNT": limits.max_part_headers,
                "MAX_HEADER_SIZE": limits.max_part_header_bytes,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise unreadable(_KIND, _why(error, limits)) from error
    if not ended:
        raise unreadable(_KIND, "its last boundary is missing")
    return fields


def _check_boundaries(body: bytes, boundary: bytes, limits: BodyLimits) -> None:
    """Refuses what the parser, which is written in Python, would read byte by byte."""
    delimiter = b"\r\n--" + boundary
    count = at = 0
    while (at := body.find(delimiter, at)) >= 0:
        check_count(count, limits)  # the last one ends the last field
        count += 1
        at += len(delimiter)
        padding = body[at : at + _MAX_PADDING_BYTES]
        if len(padding) == _MAX_PADDING_BYTES and not padding.strip(b" \t"):
            raise unreadable(_KIND, f"a boundary is followed by {_MAX_PADDING_BYTES} blanks")


def _why(error: FormParserError, limits: BodyLimits) -> str:
    """The parser's words, with the numbers that these lack."""
    match str(error):
        case "Maximum header count exceeded":
            count = limits.max_part_headers
            return f"a part has {count + 1} headers or more, the limit is {count}"
        case "Maximum header size exceeded":
            size = limits.max_part_header_bytes
            return f"a header of a part has {size + 1} bytes or more, the limit is {size}"
        case words:
            return words


def _text_or_bytes(value: bytes) -> str | bytes:
    """A picture sent without a file name is a picture all the same: it is never valid UTF-8."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def read_form(body: bytes, limits: BodyLimits) -> Fields:
    """Raises JointTrackError INVALID_REQUEST."""
    check_count(body.count(b"&") + 1, limits)
    pairs = [pair.partition(b"=") for pair in body.split(b"&") if pair]
    try:
        return [(_unquoted(name), _unquoted(value)) for name, _, value in pairs]
    except ValueError as error:
        why = 'it is not UTF-8, or has a "%" that escapes nothing'
        raise unreadable("form", why) from error


def _unquoted(text: bytes) -> str:
    r"""Without the escapes, as \xNN: urllib's own way takes a gigabyte where all is escaped."""
    text = text.replace(b"+", b" ")
    if b"%" in text:
        text = text.replace(b"\\", b"\\\\").replace(b"%", b"\\x")
        text = text.decode("unicode_escape").encode("latin-1")
    return text.decode("utf-8")
