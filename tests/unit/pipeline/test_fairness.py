"""One greedy caller does not starve the others: the queue takes owners in turn."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.pipeline.runner import OWNER, Load, Runner

MAX_QUEUE = 6


class Gate:
    """Work that waits until it is let through, and notes whose it was."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.done: list[str] = []

    def work(self, owner: str) -> None:
        assert self.opened.wait(10)
        self.done.append(owner)


@pytest_asyncio.fixture
async def runner() -> AsyncIterator[Runner]:
    runner = Runner(1, MAX_QUEUE)
    yield runner
    await asyncio.to_thread(runner.close)


def send(
    runner: Runner, gate: Gate, owner: str, *, refuse_when_full: bool = True
) -> "asyncio.Task[tuple[None, float]]":
    async def call() -> tuple[None, float]:
        OWNER.set(owner)
        return await runner.run(lambda: gate.work(owner), refuse_when_full=refuse_when_full)

    return asyncio.create_task(call())


async def refused(task: "asyncio.Task[tuple[None, float]]") -> bool:
    try:
        await asyncio.wait_for(task, 10)
    except JointTrackError as error:
        return error.reason is Reason.OVERLOADED
    return False


async def test_owners_take_turns(runner: Runner) -> None:
    gate = Gate()
    calls = [send(runner, gate, "first")]
    await asyncio.sleep(0)
    calls += [send(runner, gate, owner) for owner in ("greedy",) * 4 + ("modest",)]
    await asyncio.sleep(0.05)
    gate.opened.set()
    await asyncio.gather(*calls)
    assert gate.done == ["first", "greedy", "modest", "greedy", "greedy", "greedy"]


async def test_a_newcomer_takes_the_place_of_the_last_call_of_the_greediest(
    runner: Runner,
) -> None:
    gate = Gate()
    greedy = [send(runner, gate, "greedy") for _ in range(1 + MAX_QUEUE)]
    await asyncio.sleep(0.05)
    one_more = send(runner, gate, "greedy")
    assert await refused(one_more)
    modest = [send(runner, gate, "modest") for _ in range(2)]
    await asyncio.sleep(0.05)
    assert [task.done() for task in greedy] == [False] * (MAX_QUEUE - 1) + [True] * 2
    assert runner.in_flight == 1 + MAX_QUEUE
    assert runner.load == Load(1, 1, MAX_QUEUE, MAX_QUEUE, refused=1, evicted=2)
    gate.opened.set()
    assert [await refused(task) for task in greedy] == [False] * (MAX_QUEUE - 1) + [True] * 2
    assert [await refused(task) for task in modest] == [False, False]
    assert sorted(gate.done) == ["greedy"] * (MAX_QUEUE - 1) + ["modest"] * 2
    assert gate.done[1:4].count("modest") >= 1


async def test_equals_do_not_put_each_other_out(runner: Runner) -> None:
    gate = Gate()
    calls = [send(runner, gate, f"owner {number}") for number in range(1 + MAX_QUEUE)]
    await asyncio.sleep(0.05)
    assert await refused(send(runner, gate, "late"))
    assert await refused(send(runner, gate, "owner 3"))
    gate.opened.set()
    assert not any([await refused(task) for task in calls])


async def test_frames_of_a_stream_are_never_put_out(runner: Runner) -> None:
    gate = Gate()
    frames = [send(runner, gate, "stream", refuse_when_full=False) for _ in range(1 + MAX_QUEUE)]
    await asyncio.sleep(0.05)
    assert await refused(send(runner, gate, "late"))
    gate.opened.set()
    assert not any([await refused(task) for task in frames])


async def test_who_would_be_refused_is_told_before_anything_is_done(runner: Runner) -> None:
    gate = Gate()
    runner.refuse_if_full()
    calls = [send(runner, gate, "greedy") for _ in range(1 + MAX_QUEUE)]
    await asyncio.sleep(0.05)
    OWNER.set("modest")
    runner.refuse_if_full()
    OWNER.set("greedy")
    with pytest.raises(JointTrackError) as refusal:
        runner.refuse_if_full()
    assert refusal.value.reason is Reason.OVERLOADED
    gate.opened.set()
    await asyncio.gather(*calls)


async def test_cancelled_calls_leave_the_queue_at_once(runner: Runner) -> None:
    """Calls that come and go while the threads are busy hold no memory and no place."""
    gate = Gate()
    running = send(runner, gate, "one")
    await asyncio.sleep(0.05)
    for _ in range(20 * MAX_QUEUE):
        call = send(runner, gate, "flighty")
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert runner.in_flight == 1
    last = send(runner, gate, "one")
    gate.opened.set()
    await asyncio.gather(running, last)
    assert gate.done == ["one", "one"]
