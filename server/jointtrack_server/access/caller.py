"""Who calls, and what he may do and use."""

from dataclasses import dataclass, field
from enum import StrEnum


class Scope(StrEnum):
    """What a key may do."""

    DETECT = "detect"
    STREAM = "stream"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a key may use; ``None`` is no limit.

    ``month_pictures`` counts answered pictures and stream frames in a calendar month (UTC),
    ``minute_requests`` the requests and streams begun in a minute, ``max_streams`` the streams open
    at once.
    """

    name: str
    month_pictures: int | None = None
    minute_requests: int | None = None
    max_streams: int | None = None


UNLIMITED = Plan("unlimited")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is. ``key_id`` is empty on a server without keys; ``credential`` is the
    gate's own name for the text or certificate that opened.
    """

    key_id: str
    scopes: frozenset[Scope]
    plan: Plan
    credential: str = field(default="", repr=False)


ANYBODY = Caller("", frozenset({Scope.DETECT, Scope.STREAM}), UNLIMITED)
