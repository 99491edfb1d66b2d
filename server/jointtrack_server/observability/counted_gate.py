"""The gate, with what it lets in and what it refuses counted."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from jointtrack_server.access.caller import Caller, Scope
from jointtrack_server.access.gate import Gate
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.observability.metrics import Metrics

_REFUSALS = (
    *(Reason.MISSING_API_KEY, Reason.INVALID_API_KEY, Reason.MISSING_SCOPE, Reason.RATE_LIMITED),
    *(Reason.QUOTA_EXCEEDED, Reason.TOO_MANY_STREAMS, Reason.STORE_UNAVAILABLE),
)


class CountedGate:
    """A ``Gate`` for the doors, around the application's own."""

    def __init__(self, gate: Gate, metrics: Metrics) -> None:
        self._gate = gate
        self._metrics = metrics
        for reason in _REFUSALS:
            metrics.refusals.labels(reason.value)

    async def enter(
        self, key: str | None, certificate_names: tuple[str, ...], scope: Scope | None
    ) -> Caller:
        """See ``Gate``."""
        try:
            return await self._gate.enter(key, certificate_names, scope)
        except JointTrackError as error:
            self._count(error)
            raise

    async def charge(self, caller: Caller, pictures: int = 1) -> None:
        """See ``Gate``."""
        try:
            await self._gate.charge(caller, pictures)
        except JointTrackError as error:
            self._count(error)
            raise
        if caller.key_id:
            self._metrics.key(caller.key_id).inc(pictures)

    @contextmanager
    def open_stream(self, caller: Caller) -> Iterator[None]:
        """See ``Gate``."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self._gate.open_stream(caller))
            except JointTrackError as error:
                self._count(error)
                raise
            with self._metrics.streams_open.track_inprogress(), self._metrics.stream_seconds.time():
                yield

    def _count(self, error: JointTrackError) -> None:
        self._metrics.refusals.labels(error.reason.value).inc()
