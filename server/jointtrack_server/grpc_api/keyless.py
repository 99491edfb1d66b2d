"""Calls that need no key, health checks and reflection, and so may be anybody's: bounded.

gRPC holds a message whole, up to ``max_message_bytes``, before it hands it over: sixteen health
checks of 60 MiB took the server 1.4 GiB. So few are read at once, and not for long.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar
from weakref import WeakValueDictionary

import grpc
from google.protobuf.message import DecodeError, Message

Context = grpc.aio.ServicerContext[Any, Any]

MAX_CALLS = 16
"""Of one connection, at once."""
MAX_READS = 4
"""Messages under way at once, and one of each address."""
READ_S = 2.0
MAX_BYTES = 65_536

_Request = TypeVar("_Request", bound=Message)


class KeylessCalls:
    """Counts them, and reads their messages."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._reads = asyncio.Semaphore(MAX_READS)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def admitted(self, context: Context) -> AsyncIterator[None]:
        """Ends the call where its connection has too many."""
        connection = context.peer()
        if self._open[connection] >= MAX_CALLS:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"This connection has {MAX_CALLS} open calls without a key. End one of them.",
            )
        self._open[connection] += 1
        try:
            yield
        finally:
            self._open[connection] -= 1
            if not self._open[connection]:
                del self._open[connection]

    async def read(self, context: Context, kind: type[_Request]) -> _Request:
        """The one message of a call. Ends the call where it comes too slowly or is none."""
        address = context.peer().rpartition(":")[0]
        turn = self._turns.setdefault(address, asyncio.Lock())
        async with turn, self._reads:
            try:
                async with asyncio.timeout(READ_S):
                    request = parse(await context.read(), kind)
            except TimeoutError:
                await context.abort(
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                    f"The message did not come within {READ_S:g} s. Send it with the call.",
                )
        return request or await refuse(context, kind)


def parse(data: object, kind: type[_Request]) -> _Request | None:
    """``None`` where it is no such message, or a large one, which nobody needs."""
    if not isinstance(data, bytes) or len(data) > MAX_BYTES:
        return None
    try:
        return kind.FromString(data)
    except DecodeError:
        return None


async def refuse(context: Context, kind: type[_Request]) -> NoReturn:
    await context.abort(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"The call holds no {kind.DESCRIPTOR.full_name} of at most {MAX_BYTES} bytes.",
    )
    raise AssertionError("abort raises")
