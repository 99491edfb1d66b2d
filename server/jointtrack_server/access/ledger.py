"""Writes what callers use, from one thread: all that waits goes into one transaction."""

import asyncio
import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from jointtrack_server.access import refusals
from jointtrack_server.access.database import WAIT_S, Database, reason_of
from jointtrack_server.access.file_engine import is_busy
from jointtrack_server.access.handover import Answer, settle
from jointtrack_server.access.rates import Turn, take_turns
from jointtrack_server.access.usage import Charge, Counted, count_pictures

_LOG = logging.getLogger(__name__)

BACKGROUND_S = 0.1
"""How long pictures of plans without a quota wait to be written."""
_MAX_AT_ONCE = 400
_AFTER_FAILURE_S = 0.1


_Answer = TypeVar("_Answer")


@dataclass(slots=True)
class _Waiting:
    """What waits to be written; ``added`` are pictures by key and month."""

    charges: list[tuple[Charge, asyncio.Future[Counted]]] = field(default_factory=list)
    turns: list[tuple[Turn, asyncio.Future[float]]] = field(default_factory=list)
    added: Counter[tuple[str, str]] = field(default_factory=Counter)


class Ledger:
    """Counts pictures and requests of all keys.

    Callers with a quota or a rate wait for the commit; whoever gave up waiting is not counted. What
    ``add`` counts is committed a moment later, and kept as long as the store cannot be written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wake = threading.Condition()
        self._waiting = _Waiting()
        self._added_s = 0.0
        self._closing = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="access ledger", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def add(self, key_id: str, month: str, pictures: int) -> None:
        """Counts pictures of a key without a quota. Never waits."""
        with self._wake:
            if not self._waiting.added:
                self._added_s = time.monotonic()
                self._wake.notify()
            self._waiting.added[key_id, month] += pictures

    async def charge(self, charge: Charge) -> Counted:
        """Counts pictures if they fit into the quota. Raises JointTrackError STORE_UNAVAILABLE."""
        answer: asyncio.Future[Counted] = asyncio.get_running_loop().create_future()
        with self._wake:
            self._waiting.charges.append((charge, answer))
            self._wake.notify()
        return await _within_patience(answer)

    async def take_turn(self, key_id: str, limit: int) -> float:
        """Counts a request and returns 0, or the seconds until the key may ask again.

        Raises JointTrackError STORE_UNAVAILABLE.
        """
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        with self._wake:
            self._waiting.turns.append((Turn(key_id, limit), answer))
            self._wake.notify()
        return await _within_patience(answer)

    def close(self) -> None:
        """Writes what waits; for at most as long as a statement may take."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(2 * WAIT_S)
        if lost := self._waiting.added.total():
            _LOG.error("%d pictures could not be counted: the key store cannot be written", lost)

    def _run(self) -> None:
        while not self._closing:
            self._wait_for_work()
            self._write()
        self._write()  # what came while the last was written

    def _wait_for_work(self) -> None:
        with self._wake:
            waiting = self._waiting
            while not (self._closing or waiting.charges or waiting.turns):
                rest_s = None
                if waiting.added:
                    rest_s = self._added_s + BACKGROUND_S - time.monotonic()
                    if rest_s <= 0:
                        return
                self._wake.wait(rest_s)

    def _write(self) -> None:
        taken = None
        try:
            with self._database.write(durable=False) as connection:
                # Only now that the store is ours: who gave up while it was locked is left out.
                taken = self._take()
                answers = self._count(connection, taken)
        except Exception as error:  # whatever it was, the thread goes on trying
            self._fail(taken, error)
            return
        settle(answers)
        if self._failing:
            self._failing = False
            _LOG.warning("The key store can be written again")

    def _take(self) -> _Waiting:
        """What waits now, less those who gave up."""
        with self._wake:
            waiting, rest = self._waiting, _Waiting()
            rest.charges = waiting.charges[_MAX_AT_ONCE:]
            rest.turns = waiting.turns[_MAX_AT_ONCE:]
            self._waiting = rest
        return _Waiting(
            [one for one in waiting.charges[:_MAX_AT_ONCE] if not one[1].done()],
            [one for one in waiting.turns[:_MAX_AT_ONCE] if not one[1].done()],
            waiting.added,
        )

    def _count(self, connection: Connection, taken: _Waiting) -> list[Answer]:
        charges = [charge for charge, _ in taken.charges]
        charges += [Charge(*its, pictures, None) for its, pictures in taken.added.items()]
        counted = count_pictures(connection, charges) if charges else []
        answers: list[Answer] = [
            (answer, one) for (_, answer), one in zip(taken.charges, counted, strict=False)
        ]
        if taken.turns:
            turns, waiting = zip(*taken.turns, strict=True)
            waits_s = take_turns(connection, turns, self._database.shared_now_s(connection))
            answers += zip(waiting, waits_s, strict=True)
        return answers

    def _fail(self, taken: _Waiting | None, error: Exception) -> None:
        """Refuses those who wait. While another process locks the store they go on waiting, each
        for as long as he has patience.
        """
        if not self._failing:
            self._failing = True
            _LOG.warning("The key store cannot be written: %s", reason_of(error))
        if taken is None:
            if isinstance(error, DBAPIError) and is_busy(error.orig):
                return
            taken = self._take()
        with self._wake:
            self._waiting.added.update(taken.added)
        refused: list[asyncio.Future[Any]] = [answer for _, answer in taken.charges]
        refused += [answer for _, answer in taken.turns]
        settle([(answer, refusals.store_unavailable()) for answer in refused])
        time.sleep(_AFTER_FAILURE_S)


async def _within_patience(answer: asyncio.Future[_Answer]) -> _Answer:
    try:
        async with asyncio.timeout(WAIT_S):
            return await answer
    except TimeoutError:
        raise refusals.store_unavailable() from None
