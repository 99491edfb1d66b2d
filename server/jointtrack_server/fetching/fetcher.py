"""A picture by URL: how many at once, for how long, and through which redirects."""

import asyncio
import math
import time
from typing import TYPE_CHECKING

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.fetching.addresses import Address
from jointtrack_server.fetching.lookup import Lookup, SystemLookup
from jointtrack_server.fetching.refusals import Why, fetch_failed
from jointtrack_server.fetching.room import FetchRoom
from jointtrack_server.fetching.rules import FetchRules
from jointtrack_server.fetching.url import PictureUrl, parse_url

if TYPE_CHECKING:
    from jointtrack_server.fetching.exchange import Exchange

MAX_REDIRECTS = 3


class Fetcher:
    """``fetch`` may be awaited by any number of callers; ``lookup`` finds a name's addresses."""

    def __init__(self, rules: FetchRules, lookup: Lookup | None = None) -> None:
        self._rules = rules
        self._room = FetchRoom(rules.max_fetches)
        self._lookup = lookup or SystemLookup(rules.max_fetches, self._room.overloaded)
        self._exchange: Exchange | None = None

    async def fetch(
        self,
        url: str,
        *,
        owner: str = "",
        deadline_s: float | None = None,
        refuse_when_full: bool = True,
    ) -> bytes:
        """The file at ``url``, of ``max_bytes`` at most; what it holds is not looked at.

        ``owner`` is whose request it is. ``deadline_s`` is on ``time.monotonic``'s clock. Streams,
        which bound themselves, wait instead of being refused.
        Raises JointTrackError: IMAGE_FETCH_FAILED, DEADLINE_EXCEEDED; OVERLOADED at once when too
        many are under way.
        """
        if not self._rules.enabled:
            raise fetch_failed(
                Why.DISABLED,
                "Fetching pictures by URL is disabled on this server. Send the picture itself.",
            )
        target = parse_url(url)
        self._rules.check_url(target)
        left_s = math.inf if deadline_s is None else max(0.0, deadline_s - time.monotonic())
        timeout_s = self._rules.timeout_s
        try:
            async with (
                asyncio.timeout(min(left_s, timeout_s)),
                self._room.place(owner, wait=not refuse_when_full),
            ):
                return await self._follow(target)
        except TimeoutError as error:
            if left_s <= timeout_s:
                raise JointTrackError(
                    Reason.DEADLINE_EXCEEDED,
                    "The deadline passed while the picture was being fetched. Allow more time, or "
                    "send the picture itself.",
                ) from error
            raise fetch_failed(
                Why.TIMEOUT,
                f'The picture from "{target.host}" did not come within {timeout_s:g} s. '
                "Try again, or send the picture itself.",
                host=target.host,
                timeout_s=f"{timeout_s:g}",
            ) from error

    async def _follow(self, url: PictureUrl) -> bytes:
        exchange = await self._loaded()
        for _ in range(MAX_REDIRECTS + 1):
            answer = await exchange.get(url, await self._addresses(url))
            if isinstance(answer, bytes):
                return answer
            url = self._next(url, answer.location)
        raise fetch_failed(
            Why.REDIRECT,
            f"The URL redirects more than {MAX_REDIRECTS} times. Give the URL that it leads to.",
            max_redirects=MAX_REDIRECTS,
        )

    async def _addresses(self, url: PictureUrl) -> tuple[Address, ...]:
        """Those to connect to: looked up once, and all of them checked."""
        if url.address is not None:
            return (url.address,)
        addresses = await self._lookup(url.host, url.port)
        self._rules.check_addresses(url.host, addresses)
        return addresses

    def _next(self, url: PictureUrl, location: str) -> PictureUrl:
        following = url.redirected(location)
        if url.scheme == "https" and following.scheme == "http":
            raise fetch_failed(
                Why.REDIRECT, "The URL redirects from https to http. Give an https URL."
            )
        self._rules.check_url(following)
        return following

    async def _loaded(self) -> "Exchange":
        if self._exchange is None:
            self._exchange = await asyncio.to_thread(_load_exchange, self._rules.max_bytes)
        return self._exchange


def _load_exchange(max_bytes: int) -> "Exchange":
    from jointtrack_server.fetching.exchange import Exchange  # noqa: PLC0415

    return Exchange(max_bytes)
