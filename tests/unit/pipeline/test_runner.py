import asyncio
import gc
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import pytest_asyncio

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.pipeline.runner import Runner

WORKERS, MAX_QUEUE = 2, 3


class Gate:
    """Work that waits, on its thread, until it is let through."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.begun = 0
        self._lock = threading.Lock()

    def work(self) -> str:
        with self._lock:
            self.begun += 1
        assert self._open.wait(10)
        return "done"

    def open(self) -> None:
        self._open.set()


@pytest_asyncio.fixture
async def runner() -> AsyncIterator[Runner]:
    runner = Runner(WORKERS, MAX_QUEUE)
    yield runner
    await asyncio.to_thread(runner.close)


@pytest.fixture
def gate() -> Gate:
    return Gate()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.002)


async def fill(runner: Runner, gate: Gate, calls: int) -> list["asyncio.Task[tuple[str, float]]"]:
    tasks = [asyncio.create_task(runner.run(gate.work)) for _ in range(calls)]
    await until(lambda: runner.in_flight == calls and gate.begun == min(calls, WORKERS))
    return tasks


async def test_work_runs_on_another_thread_and_answers(runner: Runner) -> None:
    result, queue_ms = await runner.run(threading.get_ident)
    assert result != threading.get_ident()
    assert 0.0 <= queue_ms < 1000.0
    await until(lambda: runner.in_flight == 0)


async def test_a_full_queue_refuses_at_once(runner: Runner, gate: Gate) -> None:
    tasks = await fill(runner, gate, WORKERS + MAX_QUEUE)
    with pytest.raises(JointTrackError) as refusal:
        await asyncio.wait_for(runner.run(gate.work), 10)
    assert refusal.value.reason is Reason.OVERLOADED
    assert refusal.value.retry_after_s is not None
    assert refusal.value.metadata == {"max_queue": str(MAX_QUEUE)}
    assert runner.in_flight == WORKERS + MAX_QUEUE
    gate.open()
    answers = await asyncio.gather(*tasks)
    assert [answer for answer, _ in answers] == ["done"] * (WORKERS + MAX_QUEUE)
    assert gate.begun == WORKERS + MAX_QUEUE
    await until(lambda: runner.in_flight == 0)


async def test_who_waited_is_told_for_how_long(runner: Runner, gate: Gate) -> None:
    tasks = await fill(runner, gate, WORKERS + 1)
    await asyncio.sleep(0.05)
    gate.open()
    waited_ms = [queue_ms for _, queue_ms in await asyncio.gather(*tasks)]
    assert waited_ms[-1] >= 50.0
    assert waited_ms[-1] > max(waited_ms[:WORKERS])


async def test_streams_wait_instead_of_being_refused(runner: Runner, gate: Gate) -> None:
    tasks = await fill(runner, gate, WORKERS + MAX_QUEUE)
    late = asyncio.create_task(runner.run(gate.work, refuse_when_full=False))
    await until(lambda: runner.in_flight == WORKERS + MAX_QUEUE + 1)
    gate.open()
    assert (await late)[0] == "done"
    await asyncio.gather(*tasks)


async def test_work_whose_deadline_passed_in_the_queue_is_dropped(
    runner: Runner, gate: Gate
) -> None:
    tasks = await fill(runner, gate, WORKERS)
    late = Gate()
    dropped = asyncio.create_task(runner.run(late.work, deadline_s=time.monotonic() + 0.02))
    await asyncio.sleep(0.05)
    gate.open()
    with pytest.raises(JointTrackError) as refusal:
        await dropped
    assert refusal.value.reason is Reason.DEADLINE_EXCEEDED
    assert late.begun == 0
    await asyncio.gather(*tasks)
    await until(lambda: runner.in_flight == 0)


async def test_work_begun_in_time_may_end_after_its_deadline(runner: Runner) -> None:
    result, _ = await runner.run(lambda: time.sleep(0.05), deadline_s=time.monotonic() + 0.02)
    assert result is None


async def test_who_is_cancelled_in_the_queue_takes_the_work_along(
    runner: Runner, gate: Gate
) -> None:
    tasks = await fill(runner, gate, WORKERS + MAX_QUEUE)
    for task in tasks[WORKERS:]:
        task.cancel()
    await until(lambda: runner.in_flight == WORKERS)
    gate.open()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes) == MAX_QUEUE
    assert gate.begun == WORKERS
    await until(lambda: runner.in_flight == 0)


async def test_who_is_cancelled_while_running_holds_its_thread_until_it_ends(
    runner: Runner, gate: Gate
) -> None:
    tasks = await fill(runner, gate, WORKERS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert runner.in_flight == WORKERS
    gate.open()
    await until(lambda: runner.in_flight == 0)
    assert (await runner.run(gate.work))[0] == "done"


async def test_an_error_reaches_the_caller_and_frees_the_thread(runner: Runner) -> None:
    def fail() -> None:
        raise ValueError("no such thing")

    for _ in range(3 * (WORKERS + MAX_QUEUE)):
        with pytest.raises(ValueError, match="no such thing"):
            await runner.run(fail)
    await until(lambda: runner.in_flight == 0)


async def test_close_drops_what_waits_and_lets_what_runs_finish(gate: Gate) -> None:
    runner = Runner(WORKERS, MAX_QUEUE)
    tasks = await fill(runner, gate, WORKERS + MAX_QUEUE)
    closing = asyncio.create_task(asyncio.to_thread(runner.close))
    outcomes = asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0.02)
    assert not closing.done()
    gate.open()
    await closing
    answered = [one for one in await outcomes if not isinstance(one, BaseException)]
    assert [answer for answer, _ in answered] == ["done"] * WORKERS
    assert gate.begun == WORKERS
    await until(lambda: runner.in_flight == 0)


async def test_an_answer_wakes_the_event_loop_once(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    wake, wake_ups = loop.call_soon_threadsafe, []

    def count(*arguments: Any, **options: Any) -> asyncio.Handle:
        wake_ups.append(arguments)
        return wake(*arguments, **options)

    monkeypatch.setattr(loop, "call_soon_threadsafe", count)
    for calls in range(1, 9):
        await runner.run(threading.get_ident)
        assert len(wake_ups) == calls
    with pytest.raises(ZeroDivisionError):
        await runner.run(lambda: 1 // 0)
    assert len(wake_ups) == 9


@pytest.mark.parametrize("fails", [False, True])
async def test_what_comes_of_work_whose_caller_has_gone_is_dropped(
    fails: bool, runner: Runner, gate: Gate
) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    def work() -> str:
        assert gate.work() == "done"
        if fails:
            raise ValueError("nobody listens")
        return "nobody listens"

    call = asyncio.create_task(runner.run(work))
    await until(lambda: gate.begun == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    gate.open()
    await until(lambda: runner.in_flight == 0)
    del call
    gc.collect()
    assert (await runner.run(gate.work))[0] == "done"
    assert complaints == []


def test_close_ends_although_the_event_loop_of_the_callers_is_closed(gate: Gate) -> None:
    before = set(threading.enumerate())
    runner = Runner(WORKERS, MAX_QUEUE)
    loop = asyncio.new_event_loop()

    async def begin() -> Coroutine[Any, Any, tuple[str, float]]:
        call = runner.run(gate.work)
        call.send(None)
        return call

    calls = [loop.run_until_complete(begin()) for _ in range(WORKERS + MAX_QUEUE)]
    loop.run_until_complete(until(lambda: gate.begun == WORKERS))
    loop.close()
    gate.open()
    runner.close()
    assert set(threading.enumerate()) <= before
    assert WORKERS <= gate.begun <= WORKERS + MAX_QUEUE
    for call in calls:
        call.close()


async def test_close_ends_every_thread() -> None:
    before = set(threading.enumerate())
    runner = Runner(WORKERS, MAX_QUEUE)
    assert len(set(threading.enumerate()) - before) == WORKERS
    runner.close()
    assert set(threading.enumerate()) <= before


async def test_a_thread_is_free_until_all_have_work(runner: Runner, gate: Gate) -> None:
    assert runner.has_free_thread
    tasks = await fill(runner, gate, WORKERS - 1)
    assert runner.has_free_thread
    tasks += [asyncio.create_task(runner.run(gate.work))]
    await until(lambda: gate.begun == WORKERS)
    assert not runner.has_free_thread
    gate.open()
    await asyncio.gather(*tasks)
    assert runner.has_free_thread


async def test_work_that_is_done_is_not_kept_in_memory(runner: Runner) -> None:
    """It would be a picture."""

    class Work:
        def __call__(self) -> None: ...

    work = Work()
    kept = weakref.ref(work)
    await runner.run(work)
    del work
    await until(lambda: kept() is None)
