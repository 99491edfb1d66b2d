"""The three documented bodies (multipart, form, JSON) to one list of named fields."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from jointtrack_server.errors import JointTrackError, Reason

MAX_FIELDS = 64
_BASE64_GROWTH = 4 / 3
_OVERHEAD_BYTES = 64 * 1024

FieldValue = str | bytes | bool | int
Fields = list[tuple[str, FieldValue]]
"""Name and value, in the order sent; a name may repeat. Files are bytes."""


async def read_fields(request: Request, max_image_bytes: int) -> Fields:
    """Reads the body. Raises JointTrackError UNSUPPORTED_MEDIA_TYPE, REQUEST_TOO_LARGE and
    INVALID_REQUEST."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    reader = _READERS.get(media_type)
    if reader is None:
        raise JointTrackError(
            Reason.UNSUPPORTED_MEDIA_TYPE,
            f'The body\'s Content-Type is "{media_type}". Send {", ".join(_READERS)}.',
            metadata={"content_type": media_type},
        )
    limit = int(max_image_bytes * _BASE64_GROWTH) + _OVERHEAD_BYTES
    return await reader(_limited(request, limit), limit)


def _limited(request: Request, limit: int) -> Request:
    """The same request, which refuses to be read beyond ``limit`` bytes."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(int(declared), limit)
    received = 0

    async def receive() -> Any:  # noqa: ANN401  # an ASGI message
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise _too_large(received, limit)
        return message

    return Request(request.scope, receive)


def _too_large(size: int, limit: int) -> JointTrackError:
    return JointTrackError(
        Reason.REQUEST_TOO_LARGE,
        f"The body has {size} bytes or more, the limit is {limit}. Send a smaller picture.",
        field="image",
        metadata={"bytes": size, "max_bytes": limit},
    )


async def _read_form(request: Request, limit: int) -> Fields:
    try:
        async with request.form(
            max_files=MAX_FIELDS, max_fields=MAX_FIELDS, max_part_size=limit
        ) as form:
            return [item async for item in _form_items(form.multi_items())]
    except HTTPException as error:
        raise JointTrackError(
            Reason.INVALID_REQUEST, f"The form cannot be read: {error.detail}"
        ) from error


async def _form_items(items: list[tuple[str, UploadFile | str]]) -> AsyncIterator[tuple[str, Any]]:
    for name, value in items:
        yield name, value if isinstance(value, str) else await value.read()


async def _read_json(request: Request, _limit: int) -> Fields:
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise JointTrackError(
            Reason.INVALID_REQUEST, "The body is not valid JSON. Send one JSON object."
        ) from error
    if not isinstance(body, dict):
        raise JointTrackError(
            Reason.INVALID_REQUEST, "The body is JSON but not an object. Send one JSON object."
        )
    return [item for name, value in body.items() for item in _json_items(name, value)]


def _json_items(name: str, value: object) -> Fields:
    """A list is the same as a repeated field; null the same as none."""
    if value is None:
        return []
    items: Fields = []
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, str | bool | int):
            raise JointTrackError(
                Reason.INVALID_REQUEST,
                f'"{name}" must be text or a list of texts.',
                field=name,
            )
        items.append((name, one))
    return items


_READERS: Mapping[str, Callable[[Request, int], Awaitable[Fields]]] = {
    "multipart/form-data": _read_form,
    "application/json": _read_json,
    "application/x-www-form-urlencoded": _read_form,
}
