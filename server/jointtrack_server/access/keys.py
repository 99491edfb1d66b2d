"""API keys and plans: made, listed, revoked and rotated by operators."""

import builtins
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from jointtrack_server.access import checks, refusals
from jointtrack_server.access.caller import UNLIMITED, Plan, Scope
from jointtrack_server.access.clock import Clock, utc
from jointtrack_server.access.database import Database, reason_of, renew_revision
from jointtrack_server.access.tables import KEYS, PLANS, SECRETS, USAGE
from jointtrack_server.access.texts import digest_of, id_of, is_key_id, new_key_id, new_text
from jointtrack_server.errors import JointTrackError, Reason

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key, never its text. ``id`` is the readable part: ``jt_<id>_...``.

    ``month_pictures`` counts pictures and stream frames answered in this calendar month (UTC).
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    plan: str
    created_at: datetime
    expire_at: datetime | None
    revoked_at: datetime | None
    certificate_name: str | None
    month_pictures: int


class KeyStore:
    """Keys and plans in the store; safe from several threads and processes at once.

    Every method blocks on the database (call it on a thread, not on the event loop) and raises
    JointTrackError: STORE_UNAVAILABLE where the store cannot be read or written, INVALID_REQUEST
    (with ``field``) where an argument is not sound. Running servers follow within a second.
    """

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or Clock()

    def create(
        self,
        name: str,
        *,
        scopes: frozenset[Scope] = frozenset({Scope.DETECT, Scope.STREAM}),
        plan: str = UNLIMITED.name,
        expire_at: datetime | None = None,
        certificate_name: str | None = None,
    ) -> tuple[str, ApiKey]:
        """Makes a key; the text is returned here and never again.

        Raises JointTrackError KEY_EXISTS if a key that is not revoked has the certificate name.
        """
        checks.check_name(name)
        checks.check_scopes(scopes)
        checks.check_expiry(expire_at, self._clock.now_s())
        checks.check_certificate_name(certificate_name)
        with self._changing() as connection:
            _check_plan_exists(connection, "plan", plan)
            if certificate_name is not None:
                _check_certificate_is_free(connection, certificate_name)
            return self._add(
                connection,
                scopes,
                name=name,
                plan=plan,
                expire_s=None if expire_at is None else expire_at.timestamp(),
                certificate_name=certificate_name,
            )

    def create_first(self, name: str, text: str | None = None) -> str | None:
        """Makes a key of all scopes on the plan "unlimited" if the store has never held a key;
        ``None`` otherwise. One of several processes that start at once makes it. ``text``: what
        the key reads.
        """
        if text is not None:
            checks.check_text(text)
        with self._reading() as connection:
            if _holds_keys(connection):
                return None
        with self._changing() as connection:
            if _holds_keys(connection):
                return None
            every = frozenset(Scope)
            return self._add(connection, every, text, name=name, plan=UNLIMITED.name)[0]

    def list(self) -> list[ApiKey]:
        """All keys, revoked and expired ones included, oldest first."""
        with self._reading() as connection:
            return [_api_key(row) for row in connection.execute(self._all_keys())]

    def revoke(self, key_id: str) -> ApiKey:
        """Ends a key. Raises JointTrackError KEY_NOT_FOUND (unknown, or revoked before)."""
        _check_key_id(key_id)
        with self._changing() as connection:
            revoked = connection.execute(
                update(KEYS)
                .where(KEYS.c.id == key_id, KEYS.c.revoked_s.is_(None))
                .values(revoked_s=self._clock.now_s())
            )
            if not revoked.rowcount:
                raise _key_not_found(key_id)
            connection.execute(delete(SECRETS).where(SECRETS.c.key_id == key_id))
            return self._find(connection, key_id)

    def rotate(self, key_id: str, overlap: timedelta = timedelta()) -> tuple[str, ApiKey]:
        """Gives a key a new text; the old one stays valid for ``overlap``, 0 to 30 days.

        Raises JointTrackError KEY_NOT_FOUND (unknown, revoked or expired).
        """
        _check_key_id(key_id)
        checks.check_overlap(overlap)
        now_s = self._clock.now_s()
        ends_s = now_s + overlap.total_seconds()
        with self._changing() as connection:
            valid = and_(
                KEYS.c.id == key_id,
                KEYS.c.revoked_s.is_(None),
                or_(KEYS.c.expire_s.is_(None), KEYS.c.expire_s > now_s),
            )
            if connection.execute(select(KEYS.c.id).where(valid)).first() is None:
                raise _key_not_found(key_id)
            until_s = SECRETS.c.valid_until_s
            connection.execute(
                update(SECRETS)
                .where(SECRETS.c.key_id == key_id, or_(until_s.is_(None), until_s > ends_s))
                .values(valid_until_s=ends_s)
            )
            connection.execute(delete(SECRETS).where(SECRETS.c.key_id == key_id, until_s <= now_s))
            text = new_text(key_id)
            _add_text(connection, key_id, text)
            return text, self._find(connection, key_id)

    def plans(self) -> "builtins.list[Plan]":
        """By name."""
        with self._reading() as connection:
            return read_plans(connection)

    def put_plan(self, plan: Plan) -> None:
        """Makes a plan or replaces the one of that name."""
        checks.check_plan(plan)
        with self._changing() as connection:
            connection.execute(delete(PLANS).where(PLANS.c.name == plan.name))
            connection.execute(insert(PLANS).values(asdict(plan)))

    def remove_plan(self, name: str) -> None:
        """Raises JointTrackError INVALID_REQUEST if there is no such plan, or if a key that is not
        revoked has it.
        """
        checks.check_not_unlimited(name)
        with self._changing() as connection:
            _check_plan_exists(connection, "name", name)
            users = select(func.count()).where(KEYS.c.plan == name, KEYS.c.revoked_s.is_(None))
            if keys := connection.scalar(users):
                raise checks.refused(
                    "name",
                    f'{keys} keys are on the plan "{name}". Revoke them first, or change the plan.',
                    plan=name,
                    keys=keys,
                )
            connection.execute(delete(PLANS).where(PLANS.c.name == name))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _refusing(), self._database.read() as connection:
            yield connection

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        """One change at a time, of all processes."""
        with _refusing(), self._database.write(durable=True) as connection:
            renew_revision(connection)
            yield connection

    def _add(
        self,
        connection: Connection,
        scopes: frozenset[Scope],
        text: str | None = None,
        **values: object,
    ) -> tuple[str, ApiKey]:
        text = text or new_text(_free_key_id(connection))
        key_id = id_of(text)
        values |= {
            "id": key_id,
            "scopes": " ".join(sorted(scopes)),
            "created_s": self._clock.now_s(),
        }
        connection.execute(insert(KEYS).values(values))
        _add_text(connection, key_id, text)
        return text, self._find(connection, key_id)

    def _all_keys(self) -> Select[Any]:
        this_month = and_(USAGE.c.key_id == KEYS.c.id, USAGE.c.month == self._clock.month())
        return (
            select(KEYS, func.coalesce(USAGE.c.pictures, 0).label("month_pictures"))
            .outerjoin(USAGE, this_month)
            .order_by(KEYS.c.created_s, KEYS.c.id)
        )

    def _find(self, connection: Connection, key_id: str) -> ApiKey:
        return _api_key(connection.execute(self._all_keys().where(KEYS.c.id == key_id)).one())


def read_plans(connection: Connection) -> "list[Plan]":
    """By name."""
    return [Plan(*row) for row in connection.execute(select(PLANS).order_by(PLANS.c.name))]


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        _LOG.warning("The key store failed: %s", reason_of(error))
        raise refusals.store_unavailable() from error


def _holds_keys(connection: Connection) -> bool:
    return connection.execute(select(KEYS.c.id).limit(1)).first() is not None


def _free_key_id(connection: Connection) -> str:
    while True:
        key_id = new_key_id()
        if connection.execute(select(KEYS.c.id).where(KEYS.c.id == key_id)).first() is None:
            return key_id


def _add_text(connection: Connection, key_id: str, text: str) -> None:
    connection.execute(insert(SECRETS).values(digest=digest_of(text), key_id=key_id))


def _check_key_id(key_id: str) -> None:
    if not is_key_id(key_id):
        raise _key_not_found(key_id[:64])


def _key_not_found(key_id: str) -> JointTrackError:
    return JointTrackError(
        Reason.KEY_NOT_FOUND,
        f'There is no valid key "{key_id}". `jointtrack keys list` shows them all.',
        field="key_id",
        metadata={"key_id": key_id},
    )


def _check_plan_exists(connection: Connection, field: str, name: str) -> None:
    names = [plan.name for plan in read_plans(connection)]
    if name not in names:
        raise checks.refused(
            field,
            f'There is no plan "{name[:64]}". There are: {", ".join(names)}.',
            plan=name[:64],
            plans=", ".join(names),
        )


def _check_certificate_is_free(connection: Connection, certificate_name: str) -> None:
    owner = connection.scalar(
        select(KEYS.c.id).where(
            KEYS.c.certificate_name == certificate_name, KEYS.c.revoked_s.is_(None)
        )
    )
    if owner is not None:
        raise JointTrackError(
            Reason.KEY_EXISTS,
            f'The certificate name "{certificate_name}" stands for the key {owner} already. Revoke '
            "that one first.",
            field="certificate_name",
            metadata={"certificate_name": certificate_name, "key_id": owner},
        )


def _api_key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        scopes=frozenset(map(Scope, row.scopes.split())),
        plan=row.plan,
        created_at=utc(row.created_s),
        expire_at=None if row.expire_s is None else utc(row.expire_s),
        revoked_at=None if row.revoked_s is None else utc(row.revoked_s),
        certificate_name=row.certificate_name,
        month_pictures=row.month_pictures,
    )
