"""One stream of frames: bounded, in order, one answer per frame.

Decoding of the next frames overlaps inference of the current one while threads are free, and frames
sent by URL are all fetched at the same time; what the stream remembers stays here, at the door.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.imaging.decode import DecodedPicture
from jointtrack_server.motion.types import StreamSummary
from jointtrack_server.pipeline import stream_ends
from jointtrack_server.pipeline.decode_sizes import DecodeSizes
from jointtrack_server.pipeline.detect import DetectPipeline, ImageData, ImageSource
from jointtrack_server.pipeline.frames import (
    Dropped,
    FrameTrace,
    Overflow,
    StreamAnswer,
    StreamFrame,
    StreamLimits,
    StreamOptions,
    StreamTrace,
    SummaryRequest,
)
from jointtrack_server.pipeline.memory import StreamMemory
from jointtrack_server.pipeline.options import Detection, ImageUrl
from jointtrack_server.pipeline.runner import Runner
from jointtrack_server.pipeline.stages import TRACE, Stage

_LOG = logging.getLogger(__name__)

MAX_UNANSWERED = 1024
"""Frames, dropped ones included, that may wait for their answer to be taken before the stream is
read no further: a caller that sends without listening costs no more memory than this."""


class _Decoded(NamedTuple):
    """A frame's pixels, and the milliseconds that it took to get them."""

    picture: DecodedPicture
    decode_ms: float
    fetch_ms: float = 0.0


@dataclass(slots=True, eq=False)
class _Slot:
    """A frame on its way; ``holds_room`` while it counts as in flight.

    ``number`` counts from 0; ``decoding`` is set if it is decoded ahead of its turn.
    """

    number: int
    frame: StreamFrame
    trace: FrameTrace | None
    decoding: "asyncio.Task[tuple[_Decoded, float]] | None" = None
    dropped: Dropped | None = None
    holds_room: bool = False
    read_at_s: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class _End:
    """Nothing more will be read; ``error`` says why, unless the caller was done."""

    error: BaseException | None = None


class StreamSession:
    """Answers the frames of one stream; lives as long as the stream."""

    def __init__(
        self,
        pipeline: DetectPipeline,
        runner: Runner,
        options: StreamOptions,
        *,
        draining: asyncio.Event,
        limits: StreamLimits,
        trace: StreamTrace | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._runner = runner
        self._options = options
        self._draining = draining
        self._limits = limits
        self._trace = trace
        self._heard_s = time.monotonic()
        self._memory = StreamMemory(options, pipeline.search(options.detect))
        self._unanswered: asyncio.Queue[_Slot | SummaryRequest | _End] = asyncio.Queue(
            MAX_UNANSWERED
        )
        self._waiting: deque[_Slot] = deque()
        self._sizes = DecodeSizes(options.max_in_flight)
        self._room = asyncio.Semaphore(options.max_in_flight)
        self._taken = 0
        self._is_detecting = False
        self._dropped_count = 0

    async def run(
        self, messages: AsyncIterator[StreamFrame | SummaryRequest]
    ) -> AsyncGenerator[StreamAnswer, None]:
        """Yields one answer per message, in order, and a summary at the end.

        The last summary is left out if no measurements were asked for or no frame was sent.
        Raises JointTrackError when the stream must end: SEQUENCE_ID_NOT_INCREASING,
        TOO_MANY_BAD_FRAMES, STREAM_IDLE, STREAM_TOO_LONG, SERVER_DRAINING, or what ``messages``
        raises. Frames before that are answered first.
        """
        self._heard_s = time.monotonic()
        reader = asyncio.create_task(self._read(messages))
        watcher = asyncio.create_task(self._watch(reader))
        bad_frames, last_id = 0, -1
        try:
            while not isinstance(one := await self._unanswered.get(), _End):
                if isinstance(one, SummaryRequest):
                    yield StreamAnswer(last_id, await self._summary())
                    continue
                last_id = one.frame.sequence_id
                outcome = await self._traced_outcome(one)
                answer = StreamAnswer(last_id, outcome, time.monotonic() - one.read_at_s)
                self._memory.record(answer)
                self._sizes.answered(self._memory.min_long_side_px)
                yield answer
                self._free_room(one)
                bad_frames = bad_frames + 1 if isinstance(answer.outcome, JointTrackError) else 0
                if bad_frames > self._limits.max_bad_frames:
                    raise stream_ends.too_many_bad_frames(self._limits.max_bad_frames)
                del one, outcome, answer  # as in ``_read``
            if one.error is not None:
                raise one.error
            if self._options.detect.measure.names and last_id >= 0:
                yield StreamAnswer(last_id, await self._summary())
        finally:
            watcher.cancel()
            reader.cancel()
            self._cancel_decoding()

    async def _summary(self) -> StreamSummary:
        summary, _ = await self._runner.run(self._memory.summary, refuse_when_full=False)
        return summary

    async def _read(self, messages: AsyncIterator[StreamFrame | SummaryRequest]) -> None:
        last_id = -1
        try:
            async for one in messages:
                self._heard_s = time.monotonic()
                if isinstance(one, SummaryRequest):
                    await self._unanswered.put(one)
                    continue
                if one.sequence_id <= last_id:
                    raise stream_ends.not_increasing(one.sequence_id, last_id)
                last_id = one.sequence_id
                await self._take(one)
                del one  # held until the next one comes, it would keep a picture in memory
            await self._unanswered.put(_End())
        except Exception as error:
            await self._unanswered.put(_End(error))

    async def _watch(self, reader: "asyncio.Task[None]") -> None:
        """Waits beside the reader, so that a message costs no task of its own."""
        too_old_s = time.monotonic() + self._limits.max_age_s
        error: JointTrackError | None = None
        while error is None:
            now_s = time.monotonic()
            idle_s = self._heard_s + self._limits.max_idle_s
            if now_s >= too_old_s:
                error = stream_ends.too_long(self._limits.max_age_s)
            elif now_s >= idle_s:
                error = stream_ends.idle(self._limits.max_idle_s)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(too_old_s, idle_s) - now_s):
                        await self._draining.wait()
                        error = stream_ends.server_draining()
        reader.cancel()
        await self._unanswered.put(_End(error))

    async def _take(self, frame: StreamFrame) -> None:
        trace = self._trace.frame(frame.sequence_id) if self._trace is not None else None
        slot = _Slot(self._taken, frame, trace)
        self._taken += 1
        if self._options.overflow is Overflow.LATEST and self._room.locked():
            self._drop(self._waiting.popleft() if self._waiting else slot)
        if slot.dropped is None:
            await self._room.acquire()
            slot.holds_room = True
            is_next = not (self._waiting or self._is_detecting)
            is_elsewhere = isinstance(frame.source, ImageUrl)
            if is_elsewhere or (not is_next and self._runner.has_free_thread):
                self._decode_ahead(slot)
            self._waiting.append(slot)
        await self._unanswered.put(slot)

    def _decode_ahead(self, slot: _Slot) -> None:
        if not isinstance(slot.frame.source, JointTrackError):
            slot.decoding = asyncio.create_task(self._decode(slot, slot.frame.source))
            slot.decoding.add_done_callback(_retrieve)

    def _drop(self, slot: _Slot) -> None:
        self._dropped_count += 1
        slot.dropped = Dropped(self._dropped_count)
        if slot.decoding is not None:
            slot.decoding.cancel()
        self._free_room(slot)

    def _free_room(self, slot: _Slot) -> None:
        if slot.holds_room:
            slot.holds_room = False
            self._room.release()

    async def _traced_outcome(self, slot: _Slot) -> Detection | JointTrackError | Dropped:
        token = TRACE.set(slot.trace)
        try:
            outcome = await self._outcome(slot)
        finally:
            TRACE.reset(token)
        if slot.trace is not None:
            slot.trace.answered(outcome)
        return outcome

    async def _outcome(self, slot: _Slot) -> Detection | JointTrackError | Dropped:
        if slot.dropped is not None:
            return slot.dropped
        self._waiting.popleft()
        if isinstance(slot.frame.source, JointTrackError):
            return slot.frame.source
        self._is_detecting = True
        try:
            return await self._detect(slot)
        except JointTrackError as error:
            return error
        except Exception:
            _LOG.exception("frame %d failed", slot.frame.sequence_id)
            return JointTrackError(
                Reason.INTERNAL, "The server failed on this frame. Report it to its operator."
            )
        finally:
            self._is_detecting = False

    async def _detect(self, slot: _Slot) -> Detection:
        """In one go on one thread, unless it was decoded ahead."""
        source, capture_s = slot.frame.source, slot.frame.capture_s
        if slot.decoding is None:
            assert not isinstance(source, ImageUrl | JointTrackError)
            size_px = self._size_px(slot)
            (detection, picture), queue_ms = await self._runner.run(
                lambda: self._follow(self._decoded(source, size_px), capture_s),
                refuse_when_full=False,
            )
        else:
            decoded, decode_queue_ms = await slot.decoding
            (detection, picture), queue_ms = await self._runner.run(
                lambda: self._follow(decoded, capture_s), refuse_when_full=False
            )
            queue_ms += decode_queue_ms
        detection.timings.queue_ms = queue_ms
        return await self._pipeline.draw(detection, picture, self._options.detect)

    async def _decode(self, slot: _Slot, source: ImageSource) -> tuple[_Decoded, float]:
        TRACE.set(slot.trace)
        size_px = self._size_px(slot)
        data: ImageData
        fetch_ms = 0.0
        if isinstance(source, ImageUrl):
            data, fetch_ms = await self._pipeline.fetch(source, refuse_when_full=False)
        else:
            data = source
        decoded, queue_ms = await self._runner.run(
            lambda: self._decoded(data, size_px), refuse_when_full=False
        )
        return decoded._replace(fetch_ms=fetch_ms), queue_ms

    def _size_px(self, slot: _Slot) -> int | None:
        """What its longer side must have; ``None`` for all pixels."""
        full_size = self._options.detect.include_overlays
        return None if full_size else self._sizes.min_long_side_px(slot.number)

    def _decoded(self, source: ImageData, size_px: int | None) -> _Decoded:
        with Stage("decode") as decoding:
            picture = self._pipeline.decode(source, min_long_side_px=size_px)
        return _Decoded(picture, decoding.ms)

    def _follow(
        self, decoded: _Decoded, capture_s: float | None
    ) -> tuple[Detection, DecodedPicture]:
        picture, decode_ms, fetch_ms = decoded
        with Stage("infer") as inferring:
            seen, in_view = self._memory.follow(picture, capture_s)
        detection = self._pipeline.describe(picture, seen, self._options.detect, in_view=in_view)
        timings = detection.timings
        timings.decode_ms, timings.fetch_ms, timings.infer_ms = decode_ms, fetch_ms, inferring.ms
        return detection, picture

    def _cancel_decoding(self) -> None:
        for slot in self._waiting:
            if slot.decoding is not None:
                slot.decoding.cancel()


def _retrieve(decoding: "asyncio.Task[tuple[_Decoded, float]]") -> None:
    """A dropped frame's error interests nobody: asyncio would log it as forgotten."""
    if not decoding.cancelled():
        decoding.exception()
