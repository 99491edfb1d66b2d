"""Keys and plans, as an administrator sees them."""

from dataclasses import dataclass, field
from datetime import datetime

from jointtrack.types.record import Record


@dataclass(frozen=True, slots=True, repr=False)
class ApiKey(Record):
    """What is known of a key, never its text; times are UTC.

    ``key_id``: the readable part of the text, ``jt_<key_id>_...``. ``scopes``: see Scope. ``plan``:
    a name from ``list_plans``. ``expires_at``: None never. ``revoked_at``: None if it was not.
    ``certificate_name``: the client certificate that stands for the key. ``month_pictures``:
    pictures and stream frames answered in this calendar month.
    """

    key_id: str
    name: str
    scopes: tuple[str, ...]
    plan: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    certificate_name: str | None
    month_pictures: int


@dataclass(frozen=True, slots=True, repr=False)
class IssuedKey(Record):
    """A key with its ``text``, to be sent as ``api_key``: the server shows it this once."""

    key: ApiKey
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class Plan(Record):
    """What a key may use; None is no limit.

    ``month_pictures``: pictures and stream frames in a calendar month (UTC). ``minute_requests``:
    requests and streams begun in a minute. ``max_streams``: streams open at once; None is the
    server's own limit.
    """

    name: str
    month_pictures: int | None
    minute_requests: int | None
    max_streams: int | None
