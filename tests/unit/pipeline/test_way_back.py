import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from jointtrack_server.pipeline.runner import Runner
from jointtrack_server.pipeline.way_back import Done, WayBack


class Loop:
    """What the running event loop is told from other threads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wakes = 0
        loop = asyncio.get_running_loop()
        call = loop.call_soon_threadsafe

        def counted(
            callback: Callable[..., object], *arguments: Any, **more: Any
        ) -> asyncio.Handle:
            self.wakes += 1
            return call(callback, *arguments, **more)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)


class Settled:
    """What came back, in its order."""

    def __init__(self) -> None:
        self.results: list[object] = []
        self.others_wait = True
        self.way_back = WayBack(self._settle, lambda: self.others_wait)

    def _settle(self, done: Done) -> None:
        self.results.append(done.result)
        done.answer.set_result(done.result)

    def send(self, result: object) -> "asyncio.Future[object]":
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        thread = threading.Thread(target=self.way_back.send, args=(Done(answer, result, None),))
        thread.start()
        thread.join()
        return answer


async def test_answers_go_together_once_nobody_else_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, settled = Loop(monkeypatch), Settled()
    first, second = settled.send(1), settled.send(2)
    await asyncio.sleep(0.05)
    assert settled.results == []
    assert settled.way_back.held == 2
    settled.others_wait = False
    await settled.send(3)
    assert settled.results == [1, 2, 3]
    assert first.done()
    assert second.done()
    assert settled.way_back.held == 0
    assert loop.wakes == 1


async def test_none_is_forgotten_while_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a long piece of work follows on every thread."""
    loop, settled = Loop(monkeypatch), Settled()
    for result in range(3):
        settled.way_back.watch()
        async with asyncio.timeout(10):
            await settled.send(result)
    assert settled.results == [0, 1, 2]
    assert loop.wakes == 0


async def test_it_looks_again_only_as_long_as_there_is_something_to_see() -> None:
    settled = Settled()
    settled.way_back.watch()
    settled.others_wait = False
    await asyncio.sleep(0.1)
    settled.others_wait = True
    held = settled.send(1)
    await asyncio.sleep(0.1)
    assert not held.done()
    settled.way_back.watch()
    async with asyncio.timeout(10):
        await held


async def test_a_busy_runner_wakes_the_event_loop_less_often_than_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner = Runner(workers=2, max_queue=100)
    loop, all_in = Loop(monkeypatch), threading.Event()
    works: list[Callable[[], object]] = [lambda: all_in.wait(10)] * 2
    works += [partial(int, one) for one in range(100)]
    calls = [asyncio.create_task(runner.run(work)) for work in works]
    await asyncio.sleep(0)
    all_in.set()
    answers = await asyncio.gather(*calls)
    assert [result for result, _ in answers] == [True, True, *range(100)]
    assert loop.wakes < 50
    assert runner.in_flight == 0
    monkeypatch.undo()
    await asyncio.to_thread(runner.close)


async def test_held_answers_take_no_place_in_the_queue() -> None:
    runner = Runner(workers=1, max_queue=2)
    all_in, begun, go_on = threading.Event(), threading.Event(), threading.Event()

    def long() -> None:
        begun.set()
        go_on.wait(10)

    works: list[Callable[[], object]] = [lambda: all_in.wait(10), long, long]
    calls = [asyncio.create_task(runner.run(work)) for work in works]
    await asyncio.sleep(0)
    all_in.set()
    begun.wait(10)  # the event loop sees nothing of the first, which has been done
    assert runner.in_flight == 3
    calls.append(asyncio.create_task(runner.run(lambda: None)))
    await asyncio.sleep(0)
    assert not calls[-1].done()
    go_on.set()
    await asyncio.gather(*calls)
    await asyncio.to_thread(runner.close)
