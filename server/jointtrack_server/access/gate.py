"""What the doors ask before, during and after a request."""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from jointtrack_server.access import refusals
from jointtrack_server.access.caller import ANYBODY, Caller, Scope


class Gate(Protocol):
    """Lets callers in and counts what they use; of the event loop only."""

    async def enter(
        self, key: str | None, certificate_names: tuple[str, ...], scope: Scope | None
    ) -> Caller:
        """The caller, once for each request or stream; a key wins over a client certificate.

        ``certificate_names`` are those of a verified client certificate: alternative names, then
        the common name. ``scope`` ``None`` asks for any valid key.
        Raises JointTrackError: MISSING_API_KEY, INVALID_API_KEY (unknown, revoked or expired),
        MISSING_SCOPE, RATE_LIMITED, QUOTA_EXCEEDED (nothing is left of the month),
        STORE_UNAVAILABLE.
        """

    async def charge(self, caller: Caller, pictures: int = 1) -> None:
        """Counts answered pictures or frames; called before the answer leaves.

        Raises JointTrackError QUOTA_EXCEEDED, STORE_UNAVAILABLE or INVALID_API_KEY (revoked or
        expired since ``enter``): nothing was counted, do not answer; a stream ends.
        """

    def open_stream(self, caller: Caller) -> AbstractContextManager[None]:
        """Counts a stream in and out. Raises JointTrackError TOO_MANY_STREAMS."""


class OpenStreams:
    """Counts the streams of each key that are open in this process."""

    def __init__(self, max_streams: int) -> None:
        self._max_streams = max_streams
        self._open: Counter[str] = Counter()

    @contextmanager
    def counted(self, caller: Caller) -> Iterator[None]:
        """Raises JointTrackError TOO_MANY_STREAMS."""
        key_id, limit = caller.key_id, self._max_streams
        if caller.plan.max_streams is not None:
            limit = min(limit, caller.plan.max_streams)
        if self._open[key_id] >= limit:
            raise refusals.too_many_streams(limit, self._open[key_id])
        self._open[key_id] += 1
        try:
            yield
        finally:
            self._open[key_id] -= 1
            if not self._open[key_id]:
                del self._open[key_id]


class OpenGate:
    """The gate of a server without keys: everybody is one caller."""

    def __init__(self, max_streams: int) -> None:
        self._streams = OpenStreams(max_streams)

    async def enter(
        self, key: str | None, certificate_names: tuple[str, ...], scope: Scope | None
    ) -> Caller:
        """Raises JointTrackError KEYS_DISABLED where keys are administered."""
        if scope is Scope.ADMIN:
            raise refusals.keys_disabled()
        return ANYBODY

    async def charge(self, caller: Caller, pictures: int = 1) -> None:
        """Counts nothing."""

    def open_stream(self, caller: Caller) -> AbstractContextManager[None]:
        return self._streams.counted(caller)

    def start(self) -> None:
        """Nothing to start."""

    def close(self) -> None:
        """Nothing to close."""
