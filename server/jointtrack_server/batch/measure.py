"""One file to rows: the server's own pipeline and stream sessions, without its doors."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator, Mapping
from contextlib import aclosing

import cv2

from jointtrack.frames import NANOSECONDS, Frame
from jointtrack.images import RawImage as ClientRawImage
from jointtrack.video import VideoFrames, video_frames
from jointtrack_server import limits
from jointtrack_server.batch.chunks import Chunk, Collector, FileToDo
from jointtrack_server.batch.errors import (
    INTERNAL,
    INVALID_VIDEO,
    Failure,
    refused,
    unreadable,
)
from jointtrack_server.batch.listing import is_video
from jointtrack_server.batch.plan import Plan
from jointtrack_server.batch.rows import Row, bad_frame_row, found_rows
from jointtrack_server.batch.source import Source
from jointtrack_server.engines.base import PoseModel
from jointtrack_server.engines.catalogue import ModelSpec, find_spec
from jointtrack_server.engines.configured import configured_engine, configured_model
from jointtrack_server.errors import JointTrackError, StartupError
from jointtrack_server.event_loop import new_event_loop
from jointtrack_server.fetching.fetcher import Fetcher
from jointtrack_server.imaging.decode import PixelFormat, RawImage
from jointtrack_server.pipeline.detect import DetectPipeline
from jointtrack_server.pipeline.frames import StreamAnswer, StreamFrame, StreamLimits
from jointtrack_server.pipeline.models import FINDER_NAME
from jointtrack_server.pipeline.options import Detection
from jointtrack_server.pipeline.runner import Runner
from jointtrack_server.pipeline.session import StreamSession

_LOG = logging.getLogger(__name__)

THREADS_PER_CPU = 2
"""While one waits for an inference, another decodes (docs/performance.md)."""

PICTURES_PER_THREAD = 2
"""While one is measured, the next is read."""

_FOREVER = StreamLimits(max_bad_frames=1 << 62, max_idle_s=1e12, max_age_s=1e12)
"""A file is no caller who could be silent or tireless."""


class Measurer:
    """Holds the models. ``threads`` overrides what follows from ``cpus``, those it may use.

    Raises StartupError if a model cannot be loaded.
    """

    def __init__(
        self, plan: Plan, source: Source, *, cpus: int, threads: int | None = None
    ) -> None:
        cv2.setNumThreads(1)  # the threads are the unit of parallelism
        self._plan = plan
        self._source = source
        models = _load_models(plan, cpus)
        self._threads = threads or THREADS_PER_CPU * cpus
        self._video_room = asyncio.Semaphore(threads or cpus)
        self._runner = Runner(self._threads, max_queue=PICTURES_PER_THREAD * self._threads)
        self._pipeline = DetectPipeline(
            models,
            models[find_spec(FINDER_NAME)],
            self._runner,
            limits.image_limits(plan.settings),
            Fetcher(limits.fetch_rules(plan.settings)),
        )
        self._stopping = threading.Event()
        self._loop = new_event_loop()

    def measure(self, files: Iterable[FileToDo]) -> Generator[Chunk, None, None]:
        """Several files at once: pictures, then videos. Chunks of one file come in their order.

        What is wrong with a file is in its last chunk; what is raised ends the run.
        """
        chunks = self._chunks(iter(files))
        try:
            while (chunk := self._loop.run_until_complete(anext(chunks, None))) is not None:
                yield chunk
        finally:
            self._loop.run_until_complete(chunks.aclose())

    def stop(self) -> None:
        """Files under way are given up, and no other is begun."""
        self._stopping.set()

    def close(self) -> None:
        self._runner.close()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _chunks(self, files: Iterator[FileToDo]) -> AsyncGenerator[Chunk, None]:
        ready: asyncio.Queue[Chunk | Exception | None] = asyncio.Queue(self._threads)

        async def work() -> None:
            try:
                for file in files:
                    async for chunk in self._of(file):
                        await ready.put(chunk)
            except Exception as error:
                await ready.put(error)
            await ready.put(None)

        workers = [asyncio.create_task(work()) for _ in range(PICTURES_PER_THREAD * self._threads)]
        running = len(workers)
        try:
            while running:
                match await ready.get():
                    case None:
                        running -= 1
                    case Exception() as error:
                        raise error
                    case Chunk() as chunk:
                        yield chunk
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _of(self, file: FileToDo) -> AsyncIterator[Chunk]:
        if self._stopping.is_set():
            return
        rows = Collector(file)
        try:
            async with aclosing(self._measured(file, rows)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except _StoppedError:
            return
        except StartupError:
            raise
        except Exception as error:
            yield rows.failed(_failure(error, file.path))

    def _measured(self, file: FileToDo, rows: Collector) -> AsyncGenerator[Chunk, None]:
        measured = self._video if is_video(file.path) else self._picture
        return measured(file, rows)

    async def _picture(self, file: FileToDo, rows: Collector) -> AsyncGenerator[Chunk, None]:
        data = await asyncio.to_thread(self._read, file.path)
        detection = await self._pipeline.detect(data, self._plan.pictures)
        rows.add(found_rows(file.columns, detection))
        yield rows.ended()

    def _read(self, path: str) -> bytes:
        """No more than the pipeline takes, and a byte by which it sees that there is more."""
        with self._source.open(path) as file:
            data: bytes = file.read(min(file.size(), self._plan.settings.max_image_bytes + 1))
        return data

    async def _video(self, file: FileToDo, rows: Collector) -> AsyncGenerator[Chunk, None]:
        async with self._video_room:
            frames = await asyncio.to_thread(self._open_video, file.path)
            session = StreamSession(
                self._pipeline,
                self._runner,
                self._plan.videos,
                draining=asyncio.Event(),
                limits=_FOREVER,
            )
            times_s: dict[int, float] = {}
            async with aclosing(session.run(self._messages(frames, times_s))) as answers:
                async for answer in answers:
                    if not isinstance(answer.outcome, Detection | JointTrackError):
                        continue  # the summary
                    rows.frames += 1
                    rows.add(_frame_rows(file, answer, times_s.pop(answer.sequence_id)))
                    if rows.is_full:
                        yield rows.part()
            rows.broken_frames = frames.broken
            yield rows.failed(_NO_FRAMES) if rows.is_empty else rows.ended()

    def _open_video(self, path: str) -> VideoFrames:
        if self._source.is_local:
            return video_frames(self._source.full(path))
        return video_frames(self._source.open(path))

    async def _messages(
        self, frames: VideoFrames, times_s: dict[int, float]
    ) -> AsyncIterator[StreamFrame]:
        while (frame := await asyncio.to_thread(next, frames, None)) is not None:
            if self._stopping.is_set():
                raise _StoppedError
            message = _message(frame)
            times_s[message.sequence_id] = _nanoseconds(frame) / NANOSECONDS
            yield message


class _StoppedError(Exception):
    """The run is being ended."""


_NO_FRAMES = Failure(INVALID_VIDEO, "It has no frame that can be read.")


def _load_models(plan: Plan, cpus: int) -> Mapping[ModelSpec, PoseModel]:
    """The model asked for, and the finder when it is needed; for ``cpus`` pictures at a time.

    Raises StartupError.
    """
    settings = plan.settings
    engine = configured_engine(settings, streams=cpus)
    models = {
        spec: configured_model(settings, engine, spec)
        for spec in {plan.pictures.model, find_spec(FINDER_NAME)}
    }
    models[plan.pictures.model].loaded()
    return models


def _message(frame: Frame) -> StreamFrame:
    """As it would come out of the client's message: pixels, and a time in whole nanoseconds."""
    image = frame.image
    assert isinstance(image, ClientRawImage)
    assert frame.sequence_id is not None
    seconds, nanos = divmod(_nanoseconds(frame), int(NANOSECONDS))
    raw = RawImage(
        image.data, image.width_px, image.height_px, PixelFormat.RGB24, image.row_stride_bytes
    )
    return StreamFrame(frame.sequence_id, raw, seconds + nanos / NANOSECONDS)


def _nanoseconds(frame: Frame) -> int:
    """From the start to when it was taken, as the contract has it."""
    return round((frame.capture_offset_s or 0.0) * NANOSECONDS)


def _frame_rows(file: FileToDo, answer: StreamAnswer, time_s: float) -> Iterator[Row]:
    of_frame = {**file.columns, "sequence_id": answer.sequence_id, "time_s": time_s}
    if isinstance(answer.outcome, Detection):
        yield from found_rows(of_frame, answer.outcome)
    elif isinstance(answer.outcome, JointTrackError):
        yield bad_frame_row(of_frame, answer.outcome)


def _failure(error: Exception, path: str) -> Failure:
    match error:
        case JointTrackError():
            return refused(error)
        case OSError():
            return unreadable(error)
        case ValueError():
            return Failure(INVALID_VIDEO, "It is not a video that can be read.")
    _LOG.exception("%s failed", path, exc_info=error)
    return Failure(INTERNAL, f"It could not be measured: {type(error).__name__}: {error}.")
