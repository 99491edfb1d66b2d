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
from typing import TYPE_CHECKING, TypeAlias, cast

import grpc
import grpc.aio

from jointtrack import _responses
from jointtrack._final_status import FinalStatus
from jointtrack.errors import JointTrackError
from jointtrack.frames import FrameNumbering, StreamSource, waits
from jointtrack.types import StreamAnswer
from jointtrack.v1 import jointtrack_service_pb2 as pb

if TYPE_CHECKING:
    Call: TypeAlias = grpc.aio.StreamStreamCall[pb.StreamDetectRequest, pb.StreamDetectResponse]

StreamSources: TypeAlias = AsyncIterable[StreamSource] | Iterable[StreamSource]

_END = object()


async def answers(
    config: pb.StreamDetectRequest,
    frames: StreamSources,
    numbering: FrameNumbering,
    *,
    connect: Callable[[], Awaitable[None]],
    start: "Callable[[AsyncIterator[pb.StreamDetectRequest]], Call]",
    to_error: Callable[[FinalStatus], JointTrackError],
) -> AsyncGenerator[StreamAnswer, None]:
    """Sends the config and the frames, yields the answers; closing it cancels the call.

    An error that ``frames`` raises ends the stream and is raised here.
    """
    await connect()
    failures: list[Exception] = []

    async def requests() -> AsyncGenerator[pb.StreamDetectRequest, None]:
        yield config
        try:
            async for source in _iterate(frames):
                yield await _message(numbering, source)
        except Exception as error:
            failures.append(error)
            call.cancel()

    call = start(requests())
    final = FinalStatus(call)
    try:
        async for response in call:
            answer = _responses.stream_answer(response)
            if answer is not None:
                yield answer
    except grpc.aio.AioRpcError:
        await final.settle()
        if not failures and final.code is not grpc.StatusCode.OK:
            raise to_error(final) from None
    except asyncio.CancelledError:
        if not failures:
            raise
    finally:
        call.cancel()
    if failures:
        raise failures[0]


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
