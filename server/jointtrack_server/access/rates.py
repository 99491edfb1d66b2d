"""Requests a minute, counted in the store by the rules of the library ``limits``."""

from collections.abc import Sequence
from math import floor
from typing import NamedTuple

from limits import RateLimitItemPerMinute
from limits.storage import SlidingWindowCounterSupport, Storage
from limits.strategies import SlidingWindowCounterRateLimiter
from sqlalchemy import Connection, bindparam, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from jointtrack_server.access.tables import RATES

_MAKE = text(
    "INSERT INTO jointtrack_rates VALUES (:bucket, 0, 0, 0) ON CONFLICT (bucket) DO NOTHING"
)
_HOLD = (
    select(RATES)
    .where(RATES.c.bucket.in_(bindparam("buckets", expanding=True)))
    .order_by(RATES.c.bucket)
    .with_for_update()
)
_WRITE = update(RATES).where(RATES.c.bucket == bindparam("its_bucket"))
_SOON_S = 0.001


class Turn(NamedTuple):
    """A request of a key that may make ``limit`` a minute."""

    key_id: str
    limit: int


def take_turns(connection: Connection, turns: Sequence[Turn], now_s: float) -> list[float]:
    """Counts the requests in their order: 0 for each that is allowed. One over the limit is not
    counted, and its number says in how many seconds the next is allowed. Needs a transaction.
    """
    items = {turn: RateLimitItemPerMinute(turn.limit) for turn in turns}
    minutes = _StoredMinutes(now_s)
    minutes.load(connection, [item.key_for(turn.key_id) for turn, item in items.items()])
    limiter = SlidingWindowCounterRateLimiter(minutes)
    waits_s = []
    for turn in turns:
        item = items[turn]
        allowed = limiter.hit(item, turn.key_id)
        bucket = item.key_for(turn.key_id)
        waits_s.append(
            0.0 if allowed else minutes.free_in_s(bucket, item.amount, item.get_expiry())
        )
    minutes.store(connection)
    return waits_s


class _Minute(NamedTuple):
    window: int
    current: int
    previous: int


class _StoredMinutes(Storage, SlidingWindowCounterSupport):
    """The library's storage in our table, for one transaction at one moment.

    The minute before counts for the part of it that the last 60 seconds overlap.
    """

    STORAGE_SCHEME = None

    def __init__(self, now_s: float) -> None:
        super().__init__()
        self._now_s = now_s
        self._minutes: dict[str, _Minute] = {}
        self._changed: set[str] = set()

    def load(self, connection: Connection, buckets: Sequence[str]) -> None:
        """From here on the rows are ours; in one order, so that no two processes wait for each
        other's.
        """
        wanted = sorted(set(buckets))
        found = connection.execute(_HOLD, {"buckets": wanted}).all()
        if len(found) < len(wanted):
            connection.execute(_MAKE, [{"bucket": bucket} for bucket in wanted])
            found = connection.execute(_HOLD, {"buckets": wanted}).all()
        self._minutes = {bucket: _Minute(*counts) for bucket, *counts in found}

    def store(self, connection: Connection) -> None:
        changed = [
            {"its_bucket": bucket, **self._minutes[bucket]._asdict()}
            for bucket in sorted(self._changed)
        ]
        if changed:
            connection.execute(_WRITE, changed)

    def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        previous, previous_ends_s, current, _ = self.get_sliding_window(key, expiry)
        if floor(previous * previous_ends_s / expiry + current) + amount > limit:
            return False
        self._minutes[key] = _Minute(self._window(expiry), current + amount, previous)
        self._changed.add(key)
        return True

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        minute, window = self._minutes[key], self._window(expiry)
        previous, current = 0, 0
        if minute.window == window:
            previous, current = minute.previous, minute.current
        elif minute.window == window - 1:
            previous = minute.current
        ends_s = expiry - self._now_s % expiry
        return previous, ends_s, current, ends_s + expiry

    def free_in_s(self, key: str, limit: int, expiry: int) -> float:
        """Seconds until the weighted count has fallen far enough for one more."""
        previous, ends_s, current, _ = self.get_sliding_window(key, expiry)
        if current < limit:  # the minute before weighs too much
            return ends_s - expiry * (limit - current) / previous + _SOON_S
        return ends_s + _SOON_S

    def _window(self, expiry: int) -> int:
        return int(self._now_s // expiry)

    @property
    def base_exceptions(self) -> type[Exception]:
        return SQLAlchemyError

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        raise NotImplementedError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError

    def get(self, key: str) -> int:
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        raise NotImplementedError

    def check(self) -> bool:
        raise NotImplementedError

    def reset(self) -> int | None:
        raise NotImplementedError

    def clear(self, key: str) -> None:
        raise NotImplementedError
