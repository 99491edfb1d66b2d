"""One stream of frames: bounded, in order, one answer per frame.

Decoding of the next frames overlaps inference of the current one while threads are free; what the
stream remembers stays here, at the door.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.imaging.decode import DecodedPicture
from jointtrack_server.motion.types import StreamSummary
from jointtrack_server.pipeline.detect import DetectPipeline, ImageSource
from jointtrack_server.pipeline.frames import (
    Dropped,
    Overflow,
    StreamAnswer,
    StreamFrame,
    StreamOptions,
    SummaryRequest,
)
from jointtrack_server.pipeline.memory import StreamMemory
from jointtrack_server.pipeline.options import Detection
from jointtrack_server.pipeline.runner import Runner, timed

_Message = TypeVar("_Message")

_Decoded = tuple[DecodedPicture, float]
"""A frame's pixels, and the milliseconds that decoding took."""

_LOG = logging.getLogger(__name__)

MAX_UNANSWERED = 1024
"""Frames, dropped ones included, that may wait for their answer to be taken before the stream is
read no further: a caller that sends without listening costs no more memory than this."""


@dataclass(slots=True, eq=False)
class _Slot:
    """A frame on its way; ``holds_room`` while it counts as in flight.

    ``decoding`` is set if it is decoded ahead of its turn.
    """

    frame: StreamFrame
    decoding: "asyncio.Task[tuple[_Decoded, float]] | None" = None
    dropped: Dropped | None = None
    holds_room: bool = False


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
        max_bad_frames: int,
    ) -> None:
        self._pipeline = pipeline
        self._runner = runner
        self._options = options
        self._draining = draining
        self._max_bad_frames = max_bad_frames
        self._memory = StreamMemory(options, pipeline.search(options.detect))
        self._unanswered: asyncio.Queue[_Slot | SummaryRequest | _End] = asyncio.Queue(
            MAX_UNANSWERED
        )
        self._waiting: deque[_Slot] = deque()
        self._room = asyncio.Semaphore(options.max_in_flight)
        self._is_detecting = False
        self._dropped_count = 0

    async def run(
        self, messages: AsyncIterator[StreamFrame | SummaryRequest]
    ) -> AsyncGenerator[StreamAnswer, None]:
        """Yields one answer per message, in order, and a summary at the end.

        The last summary is left out if no measurements were asked for or no frame was sent.
        Raises JointTrackError when the stream must end: SEQUENCE_ID_NOT_INCREASING,
        TOO_MANY_BAD_FRAMES, SERVER_DRAINING, or what ``messages`` raises. Frames before that are
        answered first.
        """
        reader = asyncio.create_task(self._read(messages))
        watcher = asyncio.create_task(self._end_when_draining(reader))
        bad_frames, last_id = 0, -1
        try:
            while not isinstance(one := await self._unanswered.get(), _End):
                if isinstance(one, SummaryRequest):
                    yield StreamAnswer(last_id, await self._summary())
                    continue
                last_id = one.frame.sequence_id
                answer = StreamAnswer(last_id, await self._outcome(one))
                self._memory.record(answer)
                yield answer
                self._free_room(one)
                bad_frames = bad_frames + 1 if isinstance(answer.outcome, JointTrackError) else 0
                if bad_frames > self._max_bad_frames:
                    raise _too_many_bad_frames(self._max_bad_frames)
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
                if isinstance(one, SummaryRequest):
                    await self._unanswered.put(one)
                    continue
                if one.sequence_id <= last_id:
                    raise _not_increasing(one.sequence_id, last_id)
                last_id = one.sequence_id
                await self._take(one)
            await self._unanswered.put(_End())
        except Exception as error:
            await self._unanswered.put(_End(error))

    async def _end_when_draining(self, reader: "asyncio.Task[None]") -> None:
        """Waits beside the reader, so that a message costs no task of its own."""
        await self._draining.wait()
        reader.cancel()
        await self._unanswered.put(_End(_server_draining()))

    async def _take(self, frame: StreamFrame) -> None:
        slot = _Slot(frame)
        if self._options.overflow is Overflow.LATEST and self._room.locked():
            self._drop(self._waiting.popleft() if self._waiting else slot)
        if slot.dropped is None:
            await self._room.acquire()
            slot.holds_room = True
            is_next = not (self._waiting or self._is_detecting)
            if not is_next and self._runner.has_free_thread:
                self._decode_ahead(slot)
            self._waiting.append(slot)
        await self._unanswered.put(slot)

    def _decode_ahead(self, slot: _Slot) -> None:
        if not isinstance(slot.frame.source, JointTrackError):
            slot.decoding = asyncio.create_task(self._decode(slot.frame.source))
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

    async def _outcome(self, slot: _Slot) -> Detection | JointTrackError | Dropped:
        if slot.dropped is not None:
            return slot.dropped
        self._waiting.popleft()
        if isinstance(slot.frame.source, JointTrackError):
            return slot.frame.source
        self._is_detecting = True
        try:
            return await self._detect(slot.frame.source, slot)
        except JointTrackError as error:
            return error
        except Exception:
            _LOG.exception("frame %d failed", slot.frame.sequence_id)
            return JointTrackError(
                Reason.INTERNAL, "The server failed on this frame. Report it to its operator."
            )
        finally:
            self._is_detecting = False

    async def _detect(self, source: ImageSource, slot: _Slot) -> Detection:
        """In one go on one thread, unless it was decoded ahead."""
        capture_s = slot.frame.capture_s
        if slot.decoding is None:
            (detection, picture), queue_ms = await self._runner.run(
                lambda: self._follow(self._decoded(source), capture_s), refuse_when_full=False
            )
        else:
            decoded, decode_queue_ms = await slot.decoding
            (detection, picture), queue_ms = await self._runner.run(
                lambda: self._follow(decoded, capture_s), refuse_when_full=False
            )
            queue_ms += decode_queue_ms
        detection = detection.timed(queue_ms=queue_ms)
        return await self._pipeline.draw(detection, picture, self._options.detect)

    async def _decode(self, source: ImageSource) -> tuple[_Decoded, float]:
        return await self._runner.run(lambda: self._decoded(source), refuse_when_full=False)

    def _decoded(self, source: ImageSource) -> _Decoded:
        full_size = self._options.detect.include_overlays
        min_long_side_px = None if full_size else self._memory.min_long_side_px
        return timed(lambda: self._pipeline.decode(source, min_long_side_px=min_long_side_px))

    def _follow(
        self, decoded: _Decoded, capture_s: float | None
    ) -> tuple[Detection, DecodedPicture]:
        picture, decode_ms = decoded
        (seen, in_view), infer_ms = timed(lambda: self._memory.follow(picture, capture_s))
        detection = self._pipeline.describe(picture, seen, self._options.detect, in_view=in_view)
        return detection.timed(decode_ms=decode_ms, infer_ms=infer_ms), picture

    def _cancel_decoding(self) -> None:
        for slot in self._waiting:
            if slot.decoding is not None:
                slot.decoding.cancel()


def _retrieve(decoding: "asyncio.Task[tuple[_Decoded, float]]") -> None:
    """A dropped frame's error interests nobody: asyncio would log it as forgotten."""
    if not decoding.cancelled():
        decoding.exception()


async def next_unless_draining(
    messages: AsyncIterator[_Message], draining: asyncio.Event
) -> _Message | None:
    """The next message, or ``None`` at the end. Raises JointTrackError SERVER_DRAINING."""
    reading = asyncio.ensure_future(anext(messages, None))
    stopping = asyncio.ensure_future(draining.wait())
    try:
        await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            return reading.result()
        raise _server_draining()
    finally:
        reading.cancel()
        stopping.cancel()


def _server_draining() -> JointTrackError:
    return JointTrackError(
        Reason.SERVER_DRAINING,
        "The server is stopping. Open the stream again, on another server if there is one, "
        "and go on after the last answered frame.",
        retry_after_s=1.0,
    )


def _not_increasing(sequence_id: int, last_id: int) -> JointTrackError:
    return JointTrackError(
        Reason.SEQUENCE_ID_NOT_INCREASING,
        f"Frame {sequence_id} came after frame {last_id}. Sequence ids start at 0 or more and "
        "increase with every frame.",
        field="frame.sequence_id",
        metadata={"sequence_id": sequence_id, "last_sequence_id": last_id},
    )


def _too_many_bad_frames(limit: int) -> JointTrackError:
    return JointTrackError(
        Reason.TOO_MANY_BAD_FRAMES,
        f"More than {limit} frames in a row were bad. Check what the sender encodes.",
        field="frame.image",
        metadata={"max_bad_frames": limit},
    )
