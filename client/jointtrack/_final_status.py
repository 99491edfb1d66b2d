"""How a stream of the asyncio client really ended."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import grpc
import grpc.aio

from jointtrack._status import Metadata

Value = TypeVar("Value")

_OVERWRITTEN = "Internal error from Core"
_POLL_S = 0.01
_POLLS = 50


class FinalStatus:
    """The status that the server ended a stream with.

    When a server ends a stream while a frame is being sent, grpc.aio sets INTERNAL "Internal error
    from Core", before or after the server's own status (https://github.com/grpc/grpc/issues/36066).
    So the first status is kept when it is set, and a later one is waited for, half a second.
    """

    def __init__(self, call: "grpc.aio.StreamStreamCall[Any, Any]") -> None:
        self._call = call
        self.code = grpc.StatusCode.UNKNOWN
        self.details = _OVERWRITTEN
        self.trailing: Metadata = ()
        call.add_done_callback(lambda _: self._keep())

    async def settle(self) -> None:
        """Waits for the server's own status."""
        for _ in range(_POLLS):
            if self.details != _OVERWRITTEN:
                return
            await asyncio.sleep(_POLL_S)
            self._keep()

    def _keep(self) -> None:
        """Called once or, by older versions of grpc.aio, each time a status is set."""
        if self.details != _OVERWRITTEN:
            return
        self.code = _at_once(self._call.code())
        self.details = _at_once(self._call.details())
        self.trailing = tuple(_at_once(self._call.trailing_metadata()))


def _at_once(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """The result of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: Value = done.value
        return value
    raise RuntimeError("the call has not ended")
