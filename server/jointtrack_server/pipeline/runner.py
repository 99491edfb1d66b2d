"""The one place where work leaves the event loop: a bounded pool of threads."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from jointtrack_server.caller import CALLER, Caller
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.pipeline.fair_queue import FairQueue
from jointtrack_server.pipeline.retry_after import RetryAfter
from jointtrack_server.pipeline.stages import TRACE
from jointtrack_server.pipeline.way_back import Done, WayBack

OWNER: ContextVar[str] = ContextVar("owner", default="")
"""Whose work it is; the doors set it for each request to the id of its API key."""

_Result = TypeVar("_Result")


class Load(NamedTuple):
    """Of a runner: its threads and those at work; the places to wait and those taken; the calls
    ever refused because all were taken, and those that lost theirs to somebody else."""

    workers: int
    busy: int
    max_queue: int
    waiting: int
    refused: int
    evicted: int


class Runner:
    """Runs blocking work on ``workers`` threads, with at most ``max_queue`` calls waiting.

    Whose work waits takes turns (``OWNER``). When the queue is full, a newcomer takes the place of
    the last call of whoever has more waiting than he; otherwise he is refused.

    A ThreadPoolExecutor would do the same with two wake-ups of the event loop a call where this
    needs one, or less while many wait (``WayBack``); they are a tenth of what it costs to serve a
    small picture. One event loop uses it.
    """

    def __init__(self, workers: int, max_queue: int) -> None:
        self._workers = workers
        self._max_queue = max_queue
        self._in_flight = 0
        self._refused = 0
        self._evicted = 0
        self._jobs: FairQueue[_Job[Any]] = FairQueue()
        self._retry_after = RetryAfter()
        self._way_back = WayBack(self._worked, self._others_wait)
        self._threads = [
            threading.Thread(target=self._work, name=f"jointtrack_{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def in_flight(self) -> int:
        """Calls running or waiting, for a thread or on their way back."""
        return self._in_flight

    @property
    def load(self) -> Load:
        """How much is under way, and how much could be."""
        waiting = len(self._jobs)
        busy = min(max(self._in_flight - waiting, 0), self._workers)
        return Load(self._workers, busy, self._max_queue, waiting, self._refused, self._evicted)

    @property
    def has_free_thread(self) -> bool:
        """Whether work would begin at once."""
        return self._in_flight < self._workers

    def refuse_if_full(self) -> None:
        """Refuses a call of ``OWNER`` before anything was done for it.

        Raises JointTrackError OVERLOADED where ``run`` would.
        """
        if self._is_full and self._jobs.to_put_out_for(OWNER.get()) is None:
            self._refused += 1
            raise self._overloaded()

    async def run(
        self,
        work: Callable[[], _Result],
        *,
        deadline_s: float | None = None,
        refuse_when_full: bool = True,
    ) -> tuple[_Result, float]:
        """Runs ``work`` in the caller's context and returns its result and the milliseconds it
        waited for a thread.

        ``deadline_s`` is on ``time.monotonic``'s clock: work that has not begun by then is dropped.
        A caller that is cancelled takes its waiting work with it. Streams, which bound themselves,
        wait instead of being refused.
        Raises JointTrackError: OVERLOADED when the queue is full (at once, or while waiting to make
        room for somebody who has less waiting), DEADLINE_EXCEEDED.
        """
        owner = OWNER.get()
        if refuse_when_full and self._is_full:
            self._make_room(owner)
        job = _Job(
            work, deadline_s, asyncio.get_running_loop().create_future(), owner, refuse_when_full
        )
        self._in_flight += 1
        if self._in_flight > 2 * self._workers:
            self._way_back.watch()
        self._jobs.put(job)
        try:
            return await job.answer
        except asyncio.CancelledError:
            if self._jobs.remove(job):
                self._in_flight -= 1
            raise

    def close(self) -> None:
        """Drops what waits and lets what runs finish."""
        for job in self._jobs.close():
            self._way_back.send(Done(job.answer, None, asyncio.CancelledError()))
        for thread in self._threads:
            thread.join()

    @property
    def _is_full(self) -> bool:
        return self._in_flight - self._way_back.held >= self._workers + self._max_queue

    def _make_room(self, owner: str) -> None:
        put_out = self._jobs.to_put_out_for(owner)
        if put_out is None:
            self._refused += 1
            raise self._overloaded()
        if self._jobs.remove(put_out):
            self._evicted += 1
            overloaded = self._overloaded()
            put_out.tell_of_wait(time.perf_counter(), overloaded)
            self._answer(Done(put_out.answer, None, overloaded))

    def _overloaded(self) -> JointTrackError:
        retry_after_s = self._retry_after.refused()
        return JointTrackError(
            Reason.OVERLOADED,
            f"The server is busy: {self._max_queue} requests are waiting already. "
            f"Try again in {retry_after_s:.0f} s.",
            metadata={"max_queue": self._max_queue},
            retry_after_s=retry_after_s,
        )

    def _work(self) -> None:
        while (job := self._jobs.take()) is not None:
            self._way_back.send(job.do())
            # Held until the next one comes, it would keep a picture in memory.
            del job

    def _others_wait(self) -> bool:
        """Whether there is work for every thread before the next answer leads to more."""
        return len(self._jobs) >= self._workers

    def _worked(self, done: Done) -> None:
        self._retry_after.answered()
        self._answer(done)

    def _answer(self, done: Done) -> None:
        """Back on the event loop; the caller may have gone."""
        self._in_flight -= 1
        if done.answer.done():
            return
        if isinstance(done.error, asyncio.CancelledError):
            done.answer.cancel()
        elif done.error is not None:
            done.answer.set_exception(done.error)
        else:
            done.answer.set_result(done.result)


@dataclass(slots=True, eq=False)
class _Job(Generic[_Result]):
    """Work on its way to a thread and back."""

    work: Callable[[], _Result]
    deadline_s: float | None
    answer: "asyncio.Future[tuple[_Result, float]]"
    owner: str
    can_be_refused: bool
    context: Context = field(default_factory=copy_context)
    queued_at_s: float = field(default_factory=time.perf_counter)

    def do(self) -> Done:
        """Does the work."""
        try:
            return Done(self.answer, self._result(), None)
        except BaseException as error:  # whatever it is, it is the caller's
            return Done(self.answer, None, error)

    def tell_of_wait(self, ended_s: float, error: JointTrackError | None) -> None:
        """Tells who traces it of the wait for a thread, which ``error`` ended."""
        trace = self.context.get(TRACE)
        if trace is not None:
            trace.stage("queue", self.queued_at_s, ended_s, error)

    def _result(self) -> tuple[_Result, float]:
        began_s, error = time.perf_counter(), None
        if self.deadline_s is not None and time.monotonic() > self.deadline_s:
            error = JointTrackError(
                Reason.DEADLINE_EXCEEDED,
                "The deadline passed while the request waited for a worker. "
                "Send fewer requests at once or allow more time.",
            )
        self.tell_of_wait(began_s, error)
        if error is not None:
            raise error
        caller = Caller(self.deadline_s, self.answer.cancelled, self.can_be_refused)
        self.context.run(CALLER.set, caller)
        return self.context.run(self.work), (began_s - self.queued_at_s) * 1000.0
