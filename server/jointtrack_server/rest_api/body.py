"""The body of a request: takes it in, and finds what reads it."""

import asyncio
from collections.abc import Callable

from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.rest_api.fields import BodyLimits, Fields
from jointtrack_server.rest_api.form_body import read_form, read_multipart
from jointtrack_server.rest_api.json_body import read_json
from jointtrack_server.rest_api.uploads import Upload

_MEDIA_TYPES = ("multipart/form-data", "application/json", "application/x-www-form-urlencoded")

Reader = Callable[[bytes], Fields]


def check_coding(coding: str) -> None:
    """Of a body with this Content-Encoding. Raises JointTrackError UNSUPPORTED_MEDIA_TYPE."""
    if coding.lower() not in {"", "identity"}:
        raise JointTrackError(
            Reason.UNSUPPORTED_MEDIA_TYPE,
            f'The Content-Encoding of the body is "{coding}". Send it as it is: pictures are '
            "compressed already.",
            metadata={"content_encoding": coding},
        )


def find_reader(content_type: str, limits: BodyLimits) -> Reader:
    """What reads a body of this Content-Type; it raises JointTrackError INVALID_REQUEST.

    Raises JointTrackError UNSUPPORTED_MEDIA_TYPE.
    """
    media_type, parameters = parse_options_header(content_type)
    match media_type.lower():
        case b"multipart/form-data":
            boundary = parameters.get(b"boundary")
            return lambda body: read_multipart(body, boundary, limits)
        case b"application/json":
            return lambda body: read_json(body, limits)
        case b"application/x-www-form-urlencoded":
            return lambda body: read_form(body, limits)
    accepted = ", ".join(_MEDIA_TYPES)
    raise JointTrackError(
        Reason.UNSUPPORTED_MEDIA_TYPE,
        f'The Content-Type of the body is "{content_type}". Send {accepted}.',
        metadata={"content_type": content_type, "accepted": accepted},
    )


async def receive_body(request: Request, upload: Upload, max_bytes: int, timeout_s: float) -> bytes:
    """The whole body.

    Raises JointTrackError: REQUEST_TOO_LARGE and OVERLOADED before too much of it is held,
    REQUEST_TIMEOUT; and ClientDisconnect.
    """
    declared = int(request.headers.get("content-length", 0))
    if declared > max_bytes:
        raise _too_large(f"{declared} bytes", declared, max_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                upload.hold(len(chunk))
                body += chunk
                if len(body) > max_bytes:
                    raise _too_large(f"{len(body)} bytes or more", len(body), max_bytes)
    except TimeoutError as error:
        raise JointTrackError(
            Reason.REQUEST_TIMEOUT,
            f"The body had to arrive within {timeout_s:g} s; {len(body)} bytes did. "
            "Send a smaller picture, or over a faster connection.",
            metadata={"timeout_s": timeout_s, "bytes": len(body)},
        ) from error
    return bytes(body)


def _too_large(size: str, size_bytes: int, limit: int) -> JointTrackError:
    return JointTrackError(
        Reason.REQUEST_TOO_LARGE,
        f"The body has {size}, the limit is {limit}. Send a smaller picture.",
        field="image",
        metadata={"bytes": size_bytes, "max_bytes": limit},
    )
