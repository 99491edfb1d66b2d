"""Counting pictures: exact, whatever threads and processes count at the same time."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, text, tuple_, update

from jointtrack_server.access.tables import USAGE

_ADD = text(
    "INSERT INTO jointtrack_usage (key_id, month, pictures) VALUES (:key_id, :month, :pictures) "
    "ON CONFLICT (key_id, month) DO UPDATE SET pictures = jointtrack_usage.pictures + "
    "excluded.pictures"
)
"""SQLite and PostgreSQL say it in the same words; SQLAlchemy has one construct for each."""

_FIND = select(USAGE).where(
    tuple_(USAGE.c.key_id, USAGE.c.month).in_(bindparam("rows", expanding=True))
)


class Charge(NamedTuple):
    """Pictures of a key; ``quota`` is what its plan allows in the month."""

    key_id: str
    month: str
    pictures: int
    quota: int | None


class Counted(NamedTuple):
    """Whether the charge fitted into the quota, and what is used of it after all."""

    fits: bool
    used: int


def count_pictures(connection: Connection, charges: Sequence[Charge]) -> list[Counted]:
    """Counts the charges in their order, those that do not fit left out; needs a transaction.

    All are added first: from then on the rows are locked, and no process reads what is too much
    before it is taken back.
    """
    asked: Counter[tuple[str, str]] = Counter()
    for charge in charges:
        asked[charge.key_id, charge.month] += charge.pictures
    # In one order everywhere, so that two processes never wait for each other's rows.
    rows = [
        {"key_id": key_id, "month": month, "pictures": pictures}
        for (key_id, month), pictures in sorted(asked.items())
    ]
    connection.execute(_ADD, rows)
    limited = {(one.key_id, one.month) for one in charges if one.quota is not None}
    if not limited:
        return [Counted(fits=True, used=0)] * len(charges)
    found = connection.execute(_FIND, {"rows": list(limited)})
    used = {(key_id, month): pictures - asked[key_id, month] for key_id, month, pictures in found}
    counted = []
    for charge in charges:
        its = (charge.key_id, charge.month)
        after = used.get(its, 0) + charge.pictures
        fits = charge.quota is None or after <= charge.quota
        if fits:
            used[its] = after
            asked[its] -= charge.pictures
        counted.append(Counted(fits, used.get(its, 0)))
    for (key_id, month), refused in asked.items():
        if refused:
            connection.execute(
                update(USAGE)
                .where(USAGE.c.key_id == key_id, USAGE.c.month == month)
                .values(pictures=USAGE.c.pictures - refused)
            )
    return counted
