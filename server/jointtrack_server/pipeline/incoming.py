"""The messages of a stream on their way to its session."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

from jointtrack_server.pipeline import stream_ends

_Message = TypeVar("_Message")
_Converted = TypeVar("_Converted")


class Converted(Generic[_Message, _Converted]):
    """Each message as ``convert`` makes it; StopAsyncIteration from there is the end.

    No generator: that would hold a message, and its picture, until the next one comes.
    """

    def __init__(
        self, messages: AsyncIterator[_Message], convert: Callable[[_Message], _Converted]
    ) -> None:
        self._messages = messages
        self._convert = convert

    def __aiter__(self) -> "Converted[_Message, _Converted]":
        return self

    async def __anext__(self) -> _Converted:
        return self._convert(await anext(self._messages))


async def first_message(
    messages: AsyncIterator[_Message], draining: asyncio.Event, max_idle_s: float
) -> _Message | None:
    """The first message, or ``None`` if there is none.

    Raises JointTrackError SERVER_DRAINING or STREAM_IDLE.
    """
    reading = asyncio.ensure_future(anext(messages, None))
    stopping = asyncio.ensure_future(draining.wait())
    try:
        await asyncio.wait(
            {reading, stopping}, timeout=max_idle_s, return_when=asyncio.FIRST_COMPLETED
        )
        if reading.done():
            return reading.result()
        raise stream_ends.server_draining() if draining.is_set() else stream_ends.idle(max_idle_s)
    finally:
        reading.cancel()
        stopping.cancel()
