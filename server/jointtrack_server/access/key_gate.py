"""The gate of a server with keys."""

import time
from contextlib import AbstractContextManager

from jointtrack_server.access import refusals
from jointtrack_server.access.caller import Caller, Scope
from jointtrack_server.access.clock import Clock
from jointtrack_server.access.database import Database
from jointtrack_server.access.gate import OpenStreams
from jointtrack_server.access.ledger import Ledger
from jointtrack_server.access.refresher import Refresher
from jointtrack_server.access.snapshot import Snapshot
from jointtrack_server.access.texts import split_text
from jointtrack_server.access.usage import Charge
from jointtrack_server.errors import JointTrackError


class KeyGate:
    """Lets keys and certificates in and counts what they use.

    Who may come in is answered from memory, which follows the store within a second and is not
    trusted once the store was out of reach for longer. Only plans with a rate or a quota wait for
    the store; nothing blocks the event loop.
    """

    def __init__(self, database: Database, max_streams: int, clock: Clock | None = None) -> None:
        """Nobody comes in before ``start``; ``close`` closes the database too."""
        self._database = database
        self._clock = clock or Clock()
        self._refresher = Refresher(database, self._clock)
        self._ledger = Ledger(database)
        self._streams = OpenStreams(max_streams)
        self._used: dict[str, int] = {}
        self._used_month = ""
        self._free_at_s: dict[tuple[str, int], float] = {}

    def start(self) -> None:
        """Reads the keys. Blocks. Raises JointTrackError STORE_UNAVAILABLE."""
        self._refresher.start()
        self._ledger.start()

    async def enter(
        self, key: str | None, certificate_names: tuple[str, ...], scope: Scope | None
    ) -> Caller:
        """See ``Gate``."""
        caller = self._find(key, certificate_names)
        if caller is None:
            await self._refresher.newer()  # it may have been made a moment ago
            caller = self._find(key, certificate_names)
        if caller is None:
            raise refusals.invalid_key() if key else refusals.missing_key(certificate_names)
        if scope is not None and scope not in caller.scopes:
            raise refusals.missing_scope(caller, scope)
        if caller.plan.month_pictures is not None:
            self._check_quota(caller, caller.plan.month_pictures)
        if caller.plan.minute_requests is not None:
            await self._take_turn(caller, caller.plan.minute_requests)
        return caller

    async def charge(self, caller: Caller, pictures: int = 1) -> None:
        """See ``Gate``; a plan that changed since ``enter`` counts as it is now."""
        snapshot, now_s = self._fresh(), self._clock.now_s()
        current = snapshot.find(caller.key_id, caller.credential, now_s)
        if current is None:
            raise refusals.invalid_key()
        month, quota = self._clock.month(), current.plan.month_pictures
        if quota is None:
            self._ledger.add(caller.key_id, month, pictures)
            return
        counted = await self._ledger.charge(Charge(caller.key_id, month, pictures, quota))
        if month != self._used_month:
            self._used, self._used_month = {}, month
        self._used[caller.key_id] = counted.used
        if not counted.fits:
            raise self._quota_exceeded(current, quota, counted.used)

    def open_stream(self, caller: Caller) -> AbstractContextManager[None]:
        """See ``Gate``."""
        return self._streams.counted(caller)

    def close(self) -> None:
        """Writes what was counted. Blocks."""
        self._refresher.close()
        self._ledger.close()
        self._database.close()

    def _find(self, key: str | None, certificate_names: tuple[str, ...]) -> Caller | None:
        """Raises JointTrackError where no store need be asked."""
        if not key:
            if not certificate_names:
                raise refusals.missing_key(certificate_names)
            return self._fresh().find_certificate(certificate_names, self._clock.now_s())
        parts = split_text(key)
        if parts is None:
            raise refusals.invalid_key()
        return self._fresh().find(*parts, self._clock.now_s())

    def _fresh(self) -> Snapshot:
        if self._refresher.is_stale:
            raise refusals.store_unavailable()
        return self._refresher.snapshot

    def _check_quota(self, caller: Caller, quota: int) -> None:
        month, snapshot = self._clock.month(), self._refresher.snapshot
        used = self._used.get(caller.key_id, 0) if self._used_month == month else 0
        if snapshot.month == month:
            used = max(used, snapshot.used.get(caller.key_id, 0))
        if used >= quota:
            raise self._quota_exceeded(caller, quota, used)

    def _quota_exceeded(self, caller: Caller, quota: int, used: int) -> JointTrackError:
        return refusals.quota_exceeded(caller.plan.name, quota, used, self._clock.next_month())

    async def _take_turn(self, caller: Caller, limit: int) -> None:
        """Who was told when to come back is refused until then without asking the store again."""
        its = (caller.key_id, limit)
        rest_s = self._free_at_s.get(its, 0.0) - time.monotonic()
        if rest_s <= 0:
            rest_s = await self._ledger.take_turn(caller.key_id, limit)
            if not rest_s:
                self._free_at_s.pop(its, None)
                return
            self._free_at_s[its] = time.monotonic() + rest_s
        raise refusals.rate_limited(caller, limit, rest_s)
