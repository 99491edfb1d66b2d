"""How many pictures are fetched at once, in all and for one caller."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from jointtrack_server.errors import JointTrackError, Reason

_RETRY_AFTER_S = 1.0


class FetchRoom:
    """Nobody takes more than half of it: slow servers that one caller names hold up no other's."""

    def __init__(self, max_fetches: int) -> None:
        self._max_fetches = max_fetches
        self._max_share = max(1, max_fetches // 2)
        self._all = asyncio.Semaphore(max_fetches)
        self._shares: dict[str, _Share] = {}

    @asynccontextmanager
    async def place(self, owner: str, *, wait: bool) -> AsyncGenerator[None, None]:
        """Held while a picture is fetched. Raises JointTrackError OVERLOADED unless it may wait."""
        share = self._shares.get(owner)
        if not wait and (self._all.locked() or (share is not None and share.room.locked())):
            raise self.overloaded()
        if share is None:
            share = self._shares[owner] = _Share(asyncio.Semaphore(self._max_share))
        share.users += 1
        try:
            async with share.room, self._all:
                yield
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[owner]

    def overloaded(self) -> JointTrackError:
        return JointTrackError(
            Reason.OVERLOADED,
            f"The server fetches {self._max_fetches} pictures at once, {self._max_share} for one "
            f"caller, and is busy with as many. Try again in {_RETRY_AFTER_S:.0f} s, or send the "
            "picture itself.",
            metadata={"max_fetches": self._max_fetches, "max_share": self._max_share},
            retry_after_s=_RETRY_AFTER_S,
        )


@dataclass(slots=True, eq=False)
class _Share:
    """One caller's; ``users`` hold a place of it or wait for one."""

    room: asyncio.Semaphore
    users: int = 0
