"""Times as an operator writes them: 30d, 24h, 2027-01-31."""

import re
from datetime import UTC, datetime, timedelta

from jointtrack.cli.output import fail

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN = re.compile(rf"(\d{{1,6}})([{''.join(_UNITS)}])")


def to_span(text: str, option: str) -> timedelta:
    """Raises typer.Exit, having said why, for anything but a number (to 999999) and its unit."""
    span = _span(text)
    if span is None:
        fail(f"{option} is {text!r}: give a number and s, m, h, d or w, such as 24h.")
    return span


def to_moment(text: str, option: str) -> datetime:
    """A span from now, or an ISO 8601 time; without a time zone it is UTC. Raises typer.Exit."""
    try:
        span = _span(text)
        moment = datetime.fromisoformat(text) if span is None else datetime.now(UTC) + span
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        fail(f"{option} is {text!r}: give a span such as 30d, or a UTC time such as 2027-01-31.")


def _span(text: str) -> timedelta | None:
    match = _SPAN.fullmatch(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
