"""How many jobs a stream's frames cost, on a real runner with the real models."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import cv2
import pytest

from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.imaging.decode import DecodedPicture
from jointtrack_server.pipeline.detect import DetectPipeline, ImageData
from jointtrack_server.pipeline.frames import (
    StreamAnswer,
    StreamFrame,
    StreamLimits,
    StreamOptions,
)
from jointtrack_server.pipeline.models import LoadedModels
from jointtrack_server.pipeline.options import Detection, DetectOptions
from jointtrack_server.pipeline.people import SearchMode
from jointtrack_server.pipeline.runner import Runner
from jointtrack_server.pipeline.session import StreamSession
from tests.support.pipelines import LIMITS, no_urls
from tests.support.servers import DATA

PHOTO = (DATA / "arms_out_front.jpg").read_bytes()
OPTIONS = StreamOptions(
    DetectOptions(find_spec("movenet-lightning"), search=SearchMode.WHOLE_PICTURE), None
)
STREAM_LIMITS = StreamLimits(max_bad_frames=1, max_idle_s=60.0, max_age_s=60.0)


class CountingRunner(Runner):
    """The real one; counts the jobs that it is given."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers, 8)
        self.jobs = 0

    async def run(self, work: Callable[[], Any], **options: Any) -> tuple[Any, float]:
        self.jobs += 1
        return await super().run(work, **options)


class HoldingPipeline(DetectPipeline):
    """The real one; its first frame stays under way until ``go_on`` is set."""

    def __init__(self, models: LoadedModels, runner: Runner) -> None:
        super().__init__(models.models, models.finder, runner, LIMITS, no_urls())
        self.go_on = threading.Event()
        self.is_first = True
        self.decoding_threads: list[int] = []

    def decode(self, source: ImageData, *, min_long_side_px: int | None) -> DecodedPicture:
        self.decoding_threads.append(threading.get_ident())
        if self.is_first:
            self.is_first = False
            assert self.go_on.wait(10)
        return super().decode(source, min_long_side_px=min_long_side_px)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.002)


async def answers_of(session: StreamSession, frames: AsyncIterator[StreamFrame]) -> list[int]:
    """The ids of the frames answered with a detection of one person."""
    answers: list[StreamAnswer] = [one async for one in session.run(frames)]
    for one in answers:
        assert isinstance(one.outcome, Detection)
        assert len(one.outcome.people) == 1
    return [one.sequence_id for one in answers]


def session_on(
    pipeline: DetectPipeline, runner: Runner, options: StreamOptions = OPTIONS
) -> StreamSession:
    return StreamSession(pipeline, runner, options, draining=asyncio.Event(), limits=STREAM_LIMITS)


async def test_a_frame_that_is_alone_costs_one_job(models: LoadedModels) -> None:
    runner = CountingRunner(workers=2)
    pipeline = HoldingPipeline(models, runner)
    pipeline.go_on.set()
    session = session_on(pipeline, runner)
    answered = asyncio.Event()

    async def one_after_the_other() -> AsyncIterator[StreamFrame]:
        for number in range(4):
            yield StreamFrame(number, PHOTO)
            await asyncio.wait_for(answered.wait(), 10)
            answered.clear()

    ids = []
    async for answer in session.run(one_after_the_other()):
        ids.append(answer.sequence_id)
        answered.set()
        assert runner.jobs == len(ids)
    await asyncio.to_thread(runner.close)
    assert ids == [0, 1, 2, 3]
    assert len(pipeline.decoding_threads) == 4


@pytest.mark.parametrize(
    ("workers", "jobs_while_held", "jobs"),
    [(2, 2, 3), (1, 1, 2)],
    ids=["a thread is free", "none is free"],
)
async def test_a_frame_is_decoded_ahead_if_a_thread_is_free(
    workers: int, jobs_while_held: int, jobs: int, models: LoadedModels
) -> None:
    runner = CountingRunner(workers)
    pipeline = HoldingPipeline(models, runner)
    both_taken = asyncio.Event()

    async def two_at_once() -> AsyncIterator[StreamFrame]:
        yield StreamFrame(0, PHOTO)
        await until(lambda: len(pipeline.decoding_threads) == 1)
        yield StreamFrame(1, PHOTO)
        both_taken.set()

    answers = asyncio.create_task(answers_of(session_on(pipeline, runner), two_at_once()))
    await asyncio.wait_for(both_taken.wait(), 10)
    await until(lambda: len(pipeline.decoding_threads) == jobs_while_held)
    for _ in range(10):
        await asyncio.sleep(0)
    assert runner.jobs == jobs_while_held
    pipeline.go_on.set()
    assert await answers == [0, 1]
    await asyncio.to_thread(runner.close)
    assert runner.jobs == jobs
    assert len(pipeline.decoding_threads) == 2
    assert len(set(pipeline.decoding_threads)) == workers


async def test_a_frame_decoded_ahead_gives_the_answer_of_one_that_was_not(
    models: LoadedModels,
) -> None:
    answers = {}
    for workers in (1, 2):
        runner = CountingRunner(workers)
        pipeline = HoldingPipeline(models, runner)
        pipeline.go_on.set()

        async def three() -> AsyncIterator[StreamFrame]:
            for number in range(3):
                yield StreamFrame(number, PHOTO, capture_s=number / 30)

        session = session_on(pipeline, runner)
        outcomes = [answer.outcome async for answer in session.run(three())]
        await asyncio.to_thread(runner.close)
        answers[workers] = [
            one.people[0].pose.keypoints.tolist() for one in outcomes if isinstance(one, Detection)
        ]
    assert len(answers[1]) == 3
    assert answers[1] == answers[2]


async def test_the_same_frames_give_the_same_answers_however_fast_they_come(
    models: LoadedModels,
) -> None:
    """She comes into the picture, whose frames then need not be decoded as large as before."""
    video = cv2.VideoCapture(str(DATA / "walk_side.mp4"))
    frames = [cv2.imencode(".jpg", video.read()[1])[1].tobytes() for _ in range(60)][28:]
    video.release()
    options = replace(OPTIONS, detect=replace(OPTIONS.detect, search=SearchMode.FIND_PEOPLE))
    runner = Runner(2, 8)
    pipeline = DetectPipeline(models.models, models.finder, runner, LIMITS, no_urls())
    poses = []
    for one_by_one in (True, False):
        answered = asyncio.Event()

        async def sent(
            wait: bool = one_by_one, event: asyncio.Event = answered
        ) -> AsyncIterator[StreamFrame]:
            for number, frame in enumerate(frames):
                yield StreamFrame(number, frame, capture_s=number / 30)
                if wait:
                    await event.wait()
                    event.clear()

        session = session_on(pipeline, runner, options)
        seen = []
        async for answer in session.run(sent()):
            answered.set()
            assert isinstance(answer.outcome, Detection)
            seen.append([one.pose.keypoints.tolist() for one in answer.outcome.people])
        poses.append(seen)
    await asyncio.to_thread(runner.close)
    assert sum(map(len, poses[0])) >= 30
    assert poses[0] == poses[1]
