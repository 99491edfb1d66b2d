"""Keys, plans and usage as the gate knows them: read whole, never changed."""

import hmac
from dataclasses import dataclass, field, replace
from math import inf
from typing import NamedTuple

from sqlalchemy import Connection, select

from jointtrack_server.access.caller import Caller, Scope
from jointtrack_server.access.keys import read_plans
from jointtrack_server.access.tables import KEYS, PLANS, SECRETS, STORE, USAGE

_REVISION = select(STORE.c.revision)


class Known(NamedTuple):
    """A caller, and when he ceases to be one."""

    caller: Caller
    valid_until_s: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was in the store at ``revision``.

    ``by_key`` holds a caller for each valid text of a key and for its certificate, ``used`` what
    keys with a quota had used of ``month``.
    """

    revision: str | None = None
    by_key: dict[str, list[Known]] = field(default_factory=dict)
    by_certificate: dict[str, Known] = field(default_factory=dict)
    month: str = ""
    used: dict[str, int] = field(default_factory=dict)

    def find(self, key_id: str, credential: str, now_s: float) -> Caller | None:
        """The caller, found by what everybody may know and compared in constant time."""
        for known in self.by_key.get(key_id, ()):
            if hmac.compare_digest(known.caller.credential, credential):
                return known.caller if now_s < known.valid_until_s else None
        return None

    def find_certificate(self, names: tuple[str, ...], now_s: float) -> Caller | None:
        """The caller for whom one of the names stands, the first one first."""
        for name in names:
            known = self.by_certificate.get(name)
            if known is not None and now_s < known.valid_until_s:
                return known.caller
        return None


def read_revision(connection: Connection) -> str:
    return str(connection.execute(_REVISION).scalar_one())


def read_snapshot(connection: Connection, month: str) -> Snapshot:
    """Keys that were revoked are not in it."""
    plans = {plan.name: plan for plan in read_plans(connection)}
    rows = connection.execute(
        select(KEYS, SECRETS.c.digest, SECRETS.c.valid_until_s)
        .join(SECRETS, SECRETS.c.key_id == KEYS.c.id)
        .join(PLANS, PLANS.c.name == KEYS.c.plan)
        .where(KEYS.c.revoked_s.is_(None))
    )
    by_key: dict[str, list[Known]] = {}
    by_certificate: dict[str, Known] = {}
    for row in rows:
        caller = Caller(row.id, frozenset(map(Scope, row.scopes.split())), plans[row.plan])
        until_s = inf if row.expire_s is None else row.expire_s
        text_until_s = inf if row.valid_until_s is None else row.valid_until_s
        texts = by_key.setdefault(row.id, [])
        texts.append(Known(replace(caller, credential=row.digest), min(until_s, text_until_s)))
        if row.certificate_name is not None and row.certificate_name not in by_certificate:
            known = Known(replace(caller, credential="certificate"), until_s)
            by_certificate[row.certificate_name] = known
            texts.append(known)
    used = connection.execute(
        select(USAGE.c.key_id, USAGE.c.pictures)
        .join(KEYS, KEYS.c.id == USAGE.c.key_id)
        .join(PLANS, PLANS.c.name == KEYS.c.plan)
        .where(USAGE.c.month == month, PLANS.c.month_pictures.is_not(None))
    )
    return Snapshot(
        read_revision(connection),
        by_key,
        by_certificate,
        month,
        {row.key_id: row.pictures for row in used},
    )
