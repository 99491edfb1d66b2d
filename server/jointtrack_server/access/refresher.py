"""Keeps what the gate knows as fresh as the store, from a thread of its own."""

import asyncio
import logging
import threading
import time
from math import inf

from jointtrack_server.access import refusals
from jointtrack_server.access.clock import Clock
from jointtrack_server.access.database import Database, reason_of
from jointtrack_server.access.handover import settle
from jointtrack_server.access.snapshot import Snapshot, read_revision, read_snapshot

_LOG = logging.getLogger(__name__)

EVERY_S = 0.25
AT_MOST_EVERY_S = 0.05
STALE_AFTER_S = 5.0
"""What is older opens no door: a key may have been revoked meanwhile."""
_NEWER_WITHIN_S = 2.0
_JUMP_S = 60.0


class Refresher:
    """``snapshot`` is the latest. A thread looks for changes; a look that finds none is one row."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._wake = threading.Condition()
        self._waiting: list[asyncio.Future[None]] = []
        self._closing = False
        self._failing = False
        self._ahead_s = 0.0
        self.snapshot = Snapshot()
        self._read_s = -inf
        self._thread = threading.Thread(target=self._run, name="access refresher", daemon=True)

    def start(self) -> None:
        """Reads the first snapshot. Raises JointTrackError STORE_UNAVAILABLE."""
        if not self._refresh():
            raise refusals.store_unavailable()
        self._thread.start()

    @property
    def is_stale(self) -> bool:
        """Whether the store could not be read for so long that nobody may come in."""
        return time.monotonic() - self._read_s > STALE_AFTER_S

    async def newer(self) -> None:
        """Waits for a look at the store that begins after now; many wait for the same one.

        Raises JointTrackError STORE_UNAVAILABLE.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._wake:
            self._waiting.append(future)
            self._wake.notify()
        try:
            async with asyncio.timeout(_NEWER_WITHIN_S):
                await future
        except TimeoutError:
            raise refusals.store_unavailable() from None

    def close(self) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(STALE_AFTER_S)

    def _run(self) -> None:
        began_s = time.monotonic()
        while True:
            with self._wake:
                while not self._closing:
                    every_s = AT_MOST_EVERY_S if self._waiting else EVERY_S
                    rest_s = began_s + every_s - time.monotonic()
                    if rest_s <= 0:
                        break
                    self._wake.wait(rest_s)
                waiting, self._waiting = self._waiting, []
            began_s = time.monotonic()
            done = not self._closing and self._refresh()
            settle([(future, None if done else refusals.store_unavailable()) for future in waiting])
            if self._closing:
                return

    def _refresh(self) -> bool:
        began_s = time.monotonic()
        try:
            with self._database.read() as connection:
                if read_revision(connection) != self.snapshot.revision:
                    self.snapshot = read_snapshot(connection, self._clock.month())
        except Exception as error:  # whatever it was, the thread goes on trying
            if not self._failing:
                _LOG.warning("The key store cannot be read: %s", reason_of(error))
            self._failing = True
            return False
        if self._failing:
            _LOG.warning("The key store can be read again")
        self._failing = False
        self._read_s = began_s
        self._watch_the_clock()
        return True

    def _watch_the_clock(self) -> None:
        ahead_s = self._clock.system_ahead_s()
        if abs(ahead_s - self._ahead_s) > _JUMP_S:
            _LOG.warning(
                "The system clock jumped and is %+.0f s off. Keys and months go by the time since "
                "the start; restart the server if the system clock is right now.",
                ahead_s,
            )
            self._ahead_s = ahead_s
