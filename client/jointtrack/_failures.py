"""The refusals that a program should be ready for, as a server sends them. Pure."""

from jointtrack._script import Failure


def rate_limited(retry_after_s: float = 1.0) -> Failure:
    """RateLimitedError: the plan allows fewer requests a minute."""
    return Failure(
        "RESOURCE_EXHAUSTED",
        "RATE_LIMITED",
        f"The plan trial allows 60 requests a minute. Try again in {retry_after_s:.1f} s.",
        {"plan": "trial", "minute_requests": "60", "retry_after_s": f"{retry_after_s:.1f}"},
        retry_after_s=retry_after_s,
    )


def quota_exceeded() -> Failure:
    """QuotaExceededError: this month's pictures are used up."""
    return Failure(
        "RESOURCE_EXHAUSTED",
        "QUOTA_EXCEEDED",
        "The plan trial allows 1000 pictures a month, and 1000 are used.",
        {"plan": "trial", "quota": "1000", "used": "1000"},
    )


def overloaded(retry_after_s: float = 0.01) -> Failure:
    """UnavailableError, which the client tries again after that time."""
    return Failure(
        "UNAVAILABLE",
        "OVERLOADED",
        "The server is busy. Try again later.",
        retry_after_s=retry_after_s,
    )


def draining(*, ends_stream: bool = True) -> Failure:
    """UnavailableError: the server stops. As the answer to a frame it ends the stream."""
    return Failure(
        "UNAVAILABLE",
        "SERVER_DRAINING",
        "The server is stopping. Connect again.",
        ends_stream=ends_stream,
    )


def unauthenticated() -> Failure:
    """AuthenticationError: the API key is not valid."""
    return Failure(
        "UNAUTHENTICATED",
        "INVALID_API_KEY",
        "The API key is unknown, revoked or expired. Ask the server's operator for a valid one.",
    )


def missing_scope() -> Failure:
    """AuthenticationError: the API key may not do this."""
    return Failure(
        "PERMISSION_DENIED",
        "MISSING_SCOPE",
        "The API key may detect; this needs another scope. Ask the server's operator for one.",
    )


def invalid_image() -> Failure:
    """InvalidRequestError of a picture, a FrameError of a frame."""
    return Failure(
        "INVALID_ARGUMENT",
        "INVALID_IMAGE",
        "The picture cannot be decoded. Send a whole JPEG, PNG, WebP or BMP.",
        field_name="image",
    )


def internal() -> Failure:
    """ServerError: the server failed."""
    return Failure("INTERNAL", "INTERNAL", "The server failed. Report the request id.")


def key_not_found(key_id: str) -> Failure:
    """InvalidRequestError of an administrator: no valid key has that id."""
    return Failure(
        "NOT_FOUND",
        "KEY_NOT_FOUND",
        f"There is no valid key {key_id!r}. list_keys knows them all.",
        {"key_id": key_id},
        field_name="key_id",
    )
