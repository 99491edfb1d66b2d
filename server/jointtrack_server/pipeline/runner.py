"""The one place where work leaves the event loop: a bounded pool of threads."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from jointtrack_server.errors import JointTrackError, Reason

OVERLOAD_RETRY_AFTER_S = 1.0

_Result = TypeVar("_Result")


class Runner:
    """Runs blocking work on ``workers`` threads, with at most ``max_queue`` calls waiting."""

    def __init__(self, workers: int, max_queue: int) -> None:
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="jointtrack")
        self._workers = workers
        self._max_queue = max_queue
        self._in_flight = 0

    @property
    def in_flight(self) -> int:
        """Calls running or waiting."""
        return self._in_flight

    async def run(
        self,
        work: Callable[[], _Result],
        *,
        deadline_s: float | None = None,
        refuse_when_full: bool = True,
    ) -> tuple[_Result, float]:
        """Runs ``work`` and returns its result and the milliseconds it waited for a thread.

        ``deadline_s`` is on ``time.monotonic``'s clock: work that has not begun by then is dropped.
        A caller that is cancelled takes its waiting work with it. Streams, which bound themselves,
        wait instead of being refused.
        Raises JointTrackError: OVERLOADED at once when the queue is full, DEADLINE_EXCEEDED.
        """
        if refuse_when_full and self._in_flight >= self._workers + self._max_queue:
            raise JointTrackError(
                Reason.OVERLOADED,
                f"The server is busy: {self._max_queue} requests are waiting already. "
                f"Try again in {OVERLOAD_RETRY_AFTER_S:.0f} s.",
                metadata={"max_queue": self._max_queue},
                retry_after_s=OVERLOAD_RETRY_AFTER_S,
            )
        future = self._executor.submit(_begin, work, time.monotonic(), deadline_s)
        self._in_flight += 1
        future.add_done_callback(self._schedule_release(asyncio.get_running_loop()))
        return await asyncio.wrap_future(future)

    def _schedule_release(self, loop: asyncio.AbstractEventLoop) -> Callable[[object], None]:
        """Counts the call out when its thread is free, which may be after its caller has gone."""

        def release() -> None:
            self._in_flight -= 1

        def schedule(_: object) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(release)

        return schedule

    def close(self) -> None:
        """Drops what waits and lets what runs finish."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def _begin(
    work: Callable[[], _Result], queued_at_s: float, deadline_s: float | None
) -> tuple[_Result, float]:
    now_s = time.monotonic()
    if deadline_s is not None and now_s > deadline_s:
        raise JointTrackError(
            Reason.DEADLINE_EXCEEDED,
            "The deadline passed while the request waited for a worker. "
            "Send fewer requests at once or allow more time.",
        )
    return work(), (now_s - queued_at_s) * 1000.0


def timed(work: Callable[[], _Result]) -> tuple[_Result, float]:
    """The result of ``work`` and the milliseconds it took."""
    started_s = time.perf_counter()
    return work(), (time.perf_counter() - started_s) * 1000.0
