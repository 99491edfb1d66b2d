"""Domain errors: what was refused and why. No gRPC, no HTTP; ``error_codes`` says how to answer."""

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """Why a request was refused: stable, for programs. Each has a row in ``error_codes``."""

    MISSING_IMAGE = "MISSING_IMAGE"
    INVALID_IMAGE = "INVALID_IMAGE"
    AMBIGUOUS_IMAGE = "AMBIGUOUS_IMAGE"
    UNSUPPORTED_IMAGE_FORMAT = "UNSUPPORTED_IMAGE_FORMAT"
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE"
    IMAGE_FETCH_FAILED = "IMAGE_FETCH_FAILED"
    MISSING_MEASUREMENT = "MISSING_MEASUREMENT"
    UNKNOWN_MEASUREMENT = "UNKNOWN_MEASUREMENT"
    REPEATED_MEASUREMENT = "REPEATED_MEASUREMENT"
    INVALID_SIDE = "INVALID_SIDE"
    UNKNOWN_MODEL = "UNKNOWN_MODEL"
    AMBIGUOUS_MODEL = "AMBIGUOUS_MODEL"
    INVALID_KEYPOINTS = "INVALID_KEYPOINTS"
    INVALID_REQUEST = "INVALID_REQUEST"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    HEAD_TOO_LARGE = "HEAD_TOO_LARGE"
    PERSON_NOT_FOUND = "PERSON_NOT_FOUND"
    MISSING_API_KEY = "MISSING_API_KEY"
    INVALID_API_KEY = "INVALID_API_KEY"
    MISSING_SCOPE = "MISSING_SCOPE"
    RATE_LIMITED = "RATE_LIMITED"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    TOO_MANY_STREAMS = "TOO_MANY_STREAMS"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    KEY_NOT_FOUND = "KEY_NOT_FOUND"
    KEY_EXISTS = "KEY_EXISTS"
    KEYS_DISABLED = "KEYS_DISABLED"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    MISSING_STREAM_CONFIG = "MISSING_STREAM_CONFIG"
    REPEATED_STREAM_CONFIG = "REPEATED_STREAM_CONFIG"
    SEQUENCE_ID_NOT_INCREASING = "SEQUENCE_ID_NOT_INCREASING"
    TOO_MANY_BAD_FRAMES = "TOO_MANY_BAD_FRAMES"
    STREAM_IDLE = "STREAM_IDLE"
    STREAM_TOO_LONG = "STREAM_TOO_LONG"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    OVERLOADED = "OVERLOADED"
    SERVER_DRAINING = "SERVER_DRAINING"
    INTERNAL = "INTERNAL"


class JointTrackError(Exception):
    """A refusal that the caller may read.

    ``message`` says what is wrong and what to do; ``field`` names the request field at fault, in
    the contract's words; ``metadata`` holds every dynamic part of the message; ``retry_after_s`` is
    set where trying again later helps.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        field: str | None = None,
        metadata: Mapping[str, object] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.field = field
        self.metadata = {key: str(value) for key, value in (metadata or {}).items()}
        self.retry_after_s = retry_after_s


MAX_SHOWN_CHARACTERS = 100


def shown(text: str) -> str:
    """What a caller sent, cut for a message: gRPC clients take no more than 8 KiB of trailers."""
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"


class StartupError(Exception):
    """The server cannot start; the message says which file or setting and what to do."""
