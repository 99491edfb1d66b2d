"""Who is told of which stage, and when it was."""

import asyncio
import contextvars
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.pipeline.runner import OWNER, Runner
from jointtrack_server.pipeline.stages import TRACE, Stage


@dataclass
class Told:
    """What a trace was told."""

    stages: list[tuple[str, float, float, BaseException | None]] = field(default_factory=list)

    def stage(self, name: str, began_s: float, ended_s: float, error: BaseException | None) -> None:
        self.stages.append((name, began_s, ended_s, error))

    @property
    def names(self) -> list[str]:
        return [name for name, *_ in self.stages]


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    token = TRACE.set(told)
    yield told
    TRACE.reset(token)


@pytest.fixture
def runner() -> Iterator[Runner]:
    runner = Runner(1, 1)
    yield runner
    runner.close()


def test_a_stage_knows_its_milliseconds() -> None:
    with Stage("decode") as stage:
        time.sleep(0.02)
    assert 15.0 <= stage.ms < 5000.0


def test_a_stage_is_told_with_its_instants(told: Told) -> None:
    before_s = time.perf_counter()
    with Stage("decode") as stage:
        pass
    ((name, began_s, ended_s, error),) = told.stages
    assert (name, error) == ("decode", None)
    assert before_s <= began_s <= ended_s <= time.perf_counter()
    assert stage.ms == pytest.approx((ended_s - began_s) * 1000.0)


def test_a_stage_that_fails_is_told_with_its_error(told: Told) -> None:
    broken = ValueError("broken")
    with pytest.raises(ValueError, match="broken"), Stage("decode"):
        raise broken
    assert told.stages[0][3] is broken
    with Stage("infer"):
        pass
    assert told.names == ["decode", "infer"]


def test_of_stages_inside_a_stage_nobody_is_told(told: Told) -> None:
    with Stage("overlay"), Stage("inside"):
        pass
    assert told.names == ["overlay"]


async def test_work_on_a_thread_is_told_to_whoever_asked_for_it(runner: Runner) -> None:
    traces = [Told(), Told()]

    def work() -> int:
        with Stage("decode"):
            return threading.get_ident()

    async def request(trace: Told) -> int:
        TRACE.set(trace)
        return (await runner.run(work))[0]

    threads = await asyncio.gather(*map(request, traces))
    assert threading.get_ident() not in threads
    for trace in traces:
        assert trace.names == ["queue", "decode"]
        (_, queued_s, begun_s, _), (_, began_s, _, _) = trace.stages
        assert queued_s <= begun_s <= began_s


async def test_a_wait_that_a_deadline_ends_is_told_with_its_error(
    runner: Runner, told: Told
) -> None:
    with pytest.raises(JointTrackError):
        await runner.run(lambda: None, deadline_s=time.monotonic() - 1.0)
    ((name, _, _, error),) = told.stages
    assert name == "queue"
    assert isinstance(error, JointTrackError)
    assert error.reason is Reason.DEADLINE_EXCEEDED


async def test_a_wait_that_ends_for_somebody_else_is_told_with_its_error(told: Told) -> None:
    runner, go_on = Runner(1, 2), threading.Event()
    try:
        busy = asyncio.create_task(runner.run(go_on.wait))
        waiting = [asyncio.create_task(runner.run(lambda: None)) for _ in range(2)]
        await asyncio.sleep(0)
        context = contextvars.copy_context()
        context.run(OWNER.set, "another")
        newcomer = asyncio.create_task(runner.run(lambda: None), context=context)
        with pytest.raises(JointTrackError):
            await waiting[1]
        errors = [error for *_, error in told.stages]
        assert [isinstance(error, JointTrackError) for error in errors].count(True) == 1
        go_on.set()
        await asyncio.gather(busy, waiting[0], newcomer)
    finally:
        go_on.set()
        runner.close()
