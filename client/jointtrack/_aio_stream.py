"""A stream of the asyncio client: the same exchange as ``jointtrack._stream``, awaited."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
)
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, TypeAlias, cast

import grpc
import grpc.aio

from jointtrack import _calls, _responses
from jointtrack._final_status import FinalStatus
from jointtrack._outbox import Outbox
from jointtrack._resumption import Resumption
from jointtrack.errors import JointTrackError
from jointtrack.frames import FrameNumbering, StreamSource, waits
from jointtrack.types import StreamAnswer, StreamResumed
from jointtrack.v1 import jointtrack_service_pb2 as pb

if TYPE_CHECKING:
    Call: TypeAlias = grpc.aio.StreamStreamCall[pb.StreamDetectRequest, pb.StreamDetectResponse]
    Start: TypeAlias = Callable[[AsyncIterator[pb.StreamDetectRequest], float | None], Call]

StreamSources: TypeAlias = AsyncIterable[StreamSource] | Iterable[StreamSource]

_END = object()


async def answers(
    config: pb.StreamDetectRequest,
    frames: StreamSources,
    numbering: FrameNumbering,
    resumption: Resumption,
    *,
    connect: Callable[[float | None], Awaitable[None]],
    start: "Start",
    was_closed: Callable[[], bool],
    to_error: Callable[[FinalStatus], JointTrackError],
) -> AsyncGenerator[StreamAnswer, None]:
    """Sends the config and the frames, yields the answers; closing it cancels the call.

    An error that ``frames`` raises ends the stream and is raised here.
    """
    await connect(None)
    resumption.begin()
    exchange = _Exchange(config, frames, numbering, was_closed, keeps=resumption.is_wanted)
    interruption: JointTrackError | None = None
    try:
        while True:
            try:
                if interruption is not None:
                    await connect(resumption.connect_timeout_s())
                async with aclosing(
                    exchange.call(start, resumption.left_s(), to_error)
                ) as answered:
                    async for answer in answered:
                        resumption.reset()
                        if interruption is not None:
                            yield StreamResumed(interruption.last_sequence_id, interruption)
                            interruption = None
                        yield answer
            except JointTrackError as error:
                error.last_sequence_id = exchange.outbox.last_sequence_id
                if was_closed() or not resumption.may_follow(error):
                    raise
                interruption = interruption or error
                last_error = error
            else:
                return
            if not await exchange.has_more(resumption):
                return
            await exchange.pause(resumption.pause_s(last_error))
    finally:
        await exchange.close()


class _Exchange:
    """Reads the frames in a task of its own, for one call after the other."""

    def __init__(
        self,
        config: pb.StreamDetectRequest,
        frames: StreamSources,
        numbering: FrameNumbering,
        was_closed: Callable[[], bool],
        *,
        keeps: bool,
    ) -> None:
        self.outbox = Outbox(config.config, keeps=keeps)
        self._config = config
        self._frames = frames
        self._numbering = numbering
        self._was_closed = was_closed
        self._changed = asyncio.Condition()
        self._call: Call | None = None
        self._failure: Exception | None = None
        self._reader = asyncio.create_task(self._read(), name="jointtrack frames")

    async def call(
        self,
        start: "Start",
        timeout_s: float | None,
        to_error: Callable[[FinalStatus], JointTrackError],
    ) -> AsyncGenerator[StreamAnswer, None]:
        """One call: sends what is unanswered and what comes, yields the answers."""
        async with self._changed:
            number = self.outbox.begin_call()
            self._changed.notify_all()
        self._raise_failure()
        call = self._call = start(self._requests(number), timeout_s)
        final = FinalStatus(call)
        try:
            async for response in call:
                async with self._changed:
                    taken_s = self.outbox.answered(response)
                    self._changed.notify_all()
                answer = _responses.stream_answer(response, taken_s)
                if answer is not None:
                    yield answer
        except grpc.aio.AioRpcError:
            await final.settle()
            if self._failure is None and final.code is not grpc.StatusCode.OK:
                raise to_error(final) from None
        except asyncio.CancelledError:
            if self._was_closed():
                raise _calls.closed() from None
            if self._failure is None:
                raise
        finally:
            call.cancel()
        self._raise_failure()

    async def has_more(self, resumption: Resumption) -> bool:
        """Between two calls: waits until there is something to send, or all has been answered."""
        if not self.outbox.has_work:
            resumption.reset()
            await self._wait_for(
                lambda: self.outbox.has_work or self._failure is not None, resumption.left_s()
            )
        self._raise_failure()
        if not self.outbox.has_work:
            raise resumption.too_late()
        return not self.outbox.is_finished

    async def pause(self, pause_s: float) -> None:
        """Waits, unless the frames fail."""
        await self._wait_for(lambda: self._failure is not None, pause_s)
        self._raise_failure()

    async def close(self) -> None:
        """Ends all tasks; a thread that reads a frame ends when that is there."""
        self._reader.cancel()
        await asyncio.wait([self._reader])
        async with self._changed:
            self.outbox.begin_call()
            self._changed.notify_all()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _wait_for(self, predicate: Callable[[], bool], timeout_s: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(predicate)

    async def _requests(self, number: int) -> AsyncGenerator[pb.StreamDetectRequest, None]:
        yield self._config
        while (message := await self._take(number)) is not None:
            yield message

    async def _take(self, number: int) -> pb.StreamDetectRequest | None:
        async with self._changed:
            await self._changed.wait_for(lambda: self.outbox.has_next(number))
            message = self.outbox.take(number)
            self._changed.notify_all()
            return message

    async def _read(self) -> None:
        try:
            async for source in _iterate(self._frames):
                await self._put(await _message(self._numbering, source))
        except Exception as error:
            await self._fail(error)
            return
        async with self._changed:
            self.outbox.end()
            self._changed.notify_all()

    async def _put(self, message: pb.StreamDetectRequest) -> None:
        """Waits until the next frame is wanted."""
        async with self._changed:
            self.outbox.put(message)
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self.outbox.wants_more)

    async def _fail(self, error: Exception) -> None:
        async with self._changed:
            self._failure = error
            self._changed.notify_all()
        if self._call is not None:
            self._call.cancel()


async def _iterate(frames: StreamSources) -> AsyncIterator[StreamSource]:
    if isinstance(frames, AsyncIterable):
        async for source in frames:
            yield source
        return
    iterator = iter(frames)
    while (item := await asyncio.to_thread(next, iterator, _END)) is not _END:
        yield cast(StreamSource, item)


async def _message(numbering: FrameNumbering, source: StreamSource) -> pb.StreamDetectRequest:
    if waits(source):
        return await asyncio.to_thread(numbering.message, source)
    return numbering.message(source)
