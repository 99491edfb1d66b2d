"""The stages of a picture's way: how long each takes, and when it was, for whoever traces it."""

import time
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Protocol, Self


class StageTrace(Protocol):
    """Is told of stages, on any thread; instants are on ``time.perf_counter``'s clock."""

    def stage(
        self, name: str, began_s: float, ended_s: float, error: BaseException | None
    ) -> None: ...


TRACE: ContextVar[StageTrace | None] = ContextVar("trace", default=None)
"""Who is told of the running task's stages; the observer sets it for the requests that are traced,
a stream for each of its frames."""


class Stage:
    """``with Stage("decode") as decoding``: its milliseconds are then in ``decoding.ms``, and
    ``TRACE`` is told of it. Of stages inside a stage nobody is told."""

    __slots__ = ("_began_s", "_name", "_token", "_trace", "ms")

    _token: Token[StageTrace | None]

    def __init__(self, name: str) -> None:
        self._name = name
        self.ms = 0.0

    def __enter__(self) -> Self:
        self._trace = TRACE.get()
        if self._trace is not None:
            self._token = TRACE.set(None)
        self._began_s = time.perf_counter()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        ended_s = time.perf_counter()
        self.ms = (ended_s - self._began_s) * 1000.0
        if self._trace is not None:
            TRACE.reset(self._token)
            self._trace.stage(self._name, self._began_s, ended_s, error)
