"""What can go wrong, sorted by what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One request field at fault, such as "options.side", and what is wrong with it."""

    field: str
    description: str


class JointTrackError(Exception):
    """The base of every error that a call raises.

    ``message``: what is wrong and what to do. ``code``: the gRPC status name, such as
    "INVALID_ARGUMENT". ``reason``: a stable name for programs, such as "UNKNOWN_MODEL"; None if the
    server gave none. ``metadata``: the dynamic parts of the message. ``field_violations``: the
    request fields at fault. ``request_id``: finds the call in the server's log. ``retry_after_s``:
    seconds to wait before trying again; None if the server named no time. ``last_sequence_id``: of
    a stream that broke off, the last frame that was answered; None if none was.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "UNKNOWN",
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
        field_violations: tuple[FieldViolation, ...] = (),
        request_id: str | None = None,
        retry_after_s: float | None = None,
        last_sequence_id: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.metadata: dict[str, str] = dict(metadata or {})
        self.field_violations = field_violations
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.last_sequence_id = last_sequence_id

    def __str__(self) -> str:
        marks = [self.reason or self.code]
        if self.request_id:
            marks.append(f"request {self.request_id}")
        return f"{self.message} [{', '.join(marks)}]"

    def to_dict(self) -> dict[str, object]:
        """Everything about the error, ready for JSON."""
        return {
            "message": self.message,
            "code": self.code,
            "reason": self.reason,
            "metadata": self.metadata,
            "field_violations": [
                {"field": violation.field, "description": violation.description}
                for violation in self.field_violations
            ],
            "request_id": self.request_id,
            "retry_after_s": self.retry_after_s,
            "last_sequence_id": self.last_sequence_id,
        }


class InvalidRequestError(JointTrackError):
    """Change the request: the same one fails again."""


class NoPersonError(JointTrackError):
    """Take another picture: nobody was found reliably in this one."""


class AuthenticationError(JointTrackError):
    """Give a valid API key, one that may do this."""


class QuotaExceededError(JointTrackError):
    """Take a larger plan, or wait for the next month: this one's pictures are used up."""


class UnavailableError(JointTrackError):
    """Try again later: the server cannot be reached, is overloaded, is stopping, or has ended the
    stream.
    """


class RateLimitedError(UnavailableError):
    """Send less: the plan allows fewer calls a minute, or fewer streams at a time."""


class DeadlineExceededError(JointTrackError):
    """Allow more time, or send less: there was no answer within ``timeout_s``."""


class ServerError(JointTrackError):
    """Report it with its ``request_id``: the server failed."""
