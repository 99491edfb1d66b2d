"""The one place where work leaves the event loop: a bounded pool of threads."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from jointtrack_server.errors import JointTrackError, Reason

OVERLOAD_RETRY_AFTER_S = 1.0

_Result = TypeVar("_Result")


class Runner:
    """Runs blocking work on ``workers`` threads, with at most ``max_queue`` calls waiting.

    A ThreadPoolExecutor would do the same with two wake-ups of the event loop a call where this
    needs one; they are a tenth of what it costs to serve a small picture.
    """

    def __init__(self, workers: int, max_queue: int) -> None:
        self._workers = workers
        self._max_queue = max_queue
        self._in_flight = 0
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"jointtrack_{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def in_flight(self) -> int:
        """Calls running or waiting."""
        return self._in_flight

    @property
    def has_free_thread(self) -> bool:
        """Whether work would begin at once."""
        return self._in_flight < self._workers

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
        job = _Job(work, deadline_s, asyncio.get_running_loop().create_future())
        self._in_flight += 1
        self._jobs.put(job)
        try:
            return await job.answer
        except asyncio.CancelledError:
            if job.claim():
                self._in_flight -= 1
            raise

    def close(self) -> None:
        """Drops what waits and lets what runs finish."""
        while not self._jobs.empty():
            job = self._jobs.get()
            if job is not None and job.claim():
                job.settle(self._answer, None, asyncio.CancelledError())
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.claim():
                job.do(self._answer)
            # Held until the next one comes, it would keep a picture in memory.
            del job

    def _answer(
        self,
        answer: "asyncio.Future[tuple[Any, float]]",
        result: tuple[Any, float] | None,
        error: BaseException | None,
    ) -> None:
        """Back on the event loop; the caller may have gone."""
        self._in_flight -= 1
        if answer.done():
            return
        if isinstance(error, asyncio.CancelledError):
            answer.cancel()
        elif error is not None:
            answer.set_exception(error)
        elif result is not None:
            answer.set_result(result)


_Answer = Callable[
    ["asyncio.Future[tuple[Any, float]]", tuple[Any, float] | None, BaseException | None], None
]


@dataclass(slots=True, eq=False)
class _Job(Generic[_Result]):
    """Work on its way to a thread and back."""

    work: Callable[[], _Result]
    deadline_s: float | None
    answer: "asyncio.Future[tuple[_Result, float]]"
    queued_at_s: float = field(default_factory=time.monotonic)
    _unclaimed: threading.Lock = field(default_factory=threading.Lock)

    def claim(self) -> bool:
        """True for the first who asks: the thread that does the work, or who drops it."""
        return self._unclaimed.acquire(blocking=False)

    def do(self, answer: _Answer) -> None:
        """Does the work and sends what came of it to the event loop."""
        try:
            result = self._result()
        except BaseException as error:  # whatever it is, it is the caller's
            self.settle(answer, None, error)
        else:
            self.settle(answer, result, None)

    def settle(
        self,
        answer: _Answer,
        result: tuple[_Result, float] | None,
        error: BaseException | None,
    ) -> None:
        """Calls ``answer`` on the caller's event loop, if that still runs."""
        with suppress(RuntimeError):  # a closed loop has nobody waiting
            self.answer.get_loop().call_soon_threadsafe(answer, self.answer, result, error)

    def _result(self) -> tuple[_Result, float]:
        now_s = time.monotonic()
        if self.deadline_s is not None and now_s > self.deadline_s:
            raise JointTrackError(
                Reason.DEADLINE_EXCEEDED,
                "The deadline passed while the request waited for a worker. "
                "Send fewer requests at once or allow more time.",
            )
        return self.work(), (now_s - self.queued_at_s) * 1000.0


def timed(work: Callable[[], _Result]) -> tuple[_Result, float]:
    """The result of ``work`` and the milliseconds it took."""
    started_s = time.perf_counter()
    return work(), (time.perf_counter() - started_s) * 1000.0
