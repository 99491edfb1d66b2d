"""What names, plans and times an operator may give to keys."""

import re
from datetime import MAXYEAR, datetime, timedelta

from jointtrack_server.access.caller import UNLIMITED, Plan, Scope
from jointtrack_server.access.clock import utc
from jointtrack_server.access.texts import is_text
from jointtrack_server.errors import JointTrackError, Reason

MAX_NAME = 100
MAX_CERTIFICATE_NAME = 255
MAX_OVERLAP = timedelta(days=30)

_PLAN_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_PLAN_MAXIMA = {"month_pictures": 10**12, "minute_requests": 10**6, "max_streams": 10**4}


def refused(field: str, message: str, **metadata: object) -> JointTrackError:
    return JointTrackError(Reason.INVALID_REQUEST, message, field=field, metadata=metadata)


def check_name(name: str) -> None:
    if not (0 < len(name) <= MAX_NAME and name.isprintable() and name.strip()):
        raise refused(
            "name",
            f"A key's name has 1 to {MAX_NAME} printable characters, this one has {len(name)}. "
            "Say who or what the key is for.",
            length=len(name),
            max_length=MAX_NAME,
        )


def check_text(text: str) -> None:
    if not is_text(text):
        raise refused(
            "text",
            "JOINTTRACK_FIRST_KEY holds no API key. Make one that no store knows yet: `jointtrack "
            "keys create --name first --quiet --data-dir` with an empty folder.",
        )


def check_scopes(scopes: frozenset[Scope]) -> None:
    if not scopes:
        names = ", ".join(Scope)
        raise refused("scopes", f"A key needs a scope: {names}.", scopes=names)


def check_expiry(expire_at: datetime | None, now_s: float) -> None:
    if expire_at is None:
        return
    if expire_at.tzinfo is None:
        raise refused("expire_time", "The time at which a key ends needs a time zone.")
    if expire_at.timestamp() <= now_s:
        now = utc(now_s)
        raise refused(
            "expire_time",
            f"The key would have ended at {expire_at:%Y-%m-%d %H:%M:%S %Z}, and it is "
            f"{now:%Y-%m-%d %H:%M:%S %Z}. Choose a time that lies ahead.",
            expire_time=expire_at.isoformat(),
            now=now.isoformat(),
        )
    if expire_at.year == MAXYEAR:
        raise refused(
            "expire_time",
            f"A key may end before the year {MAXYEAR}. Leave the time out if it never ends.",
            expire_time=expire_at.isoformat(),
        )


def check_certificate_name(name: str | None) -> None:
    if name is None:
        return
    if (
        not (name and len(name) <= MAX_CERTIFICATE_NAME and name.isprintable())
        or name != name.strip()
    ):
        raise refused(
            "certificate_name",
            f"A certificate's name has 1 to {MAX_CERTIFICATE_NAME} printable characters, this one "
            f"has {len(name)}. Take its subject alternative name (URI or DNS) or common name.",
            length=len(name),
            max_length=MAX_CERTIFICATE_NAME,
        )


def check_overlap(overlap: timedelta) -> None:
    if not timedelta() <= overlap <= MAX_OVERLAP:
        raise refused(
            "overlap",
            f"The old text may stay valid for 0 to {MAX_OVERLAP.days} days, not for "
            f"{overlap / timedelta(days=1):g}.",
            overlap_s=overlap.total_seconds(),
            max_overlap_s=MAX_OVERLAP.total_seconds(),
        )


def check_plan(plan: Plan) -> None:
    if not _PLAN_NAME.fullmatch(plan.name):
        raise refused(
            "name",
            "A plan's name has 1 to 32 lower-case letters, digits, _ and -, and begins with a "
            "letter or digit.",
        )
    check_not_unlimited(plan.name)
    for field, maximum in _PLAN_MAXIMA.items():
        value = getattr(plan, field)
        if value is not None and not 1 <= value <= maximum:
            raise refused(
                field,
                f"{field} is 1 to {maximum}, not {value}. Leave it out for no limit.",
                value=value,
                max=maximum,
            )


def check_not_unlimited(name: str) -> None:
    """The plan of keys that are made without one stays what its name says."""
    if name == UNLIMITED.name:
        raise refused(
            "name",
            f'The plan "{name}" is fixed. Make a plan of another name, and keys on that one.',
            plan=name,
        )
