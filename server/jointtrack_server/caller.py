"""Who waits for the work of the running thread: until when, and whether he still does."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import NamedTuple


class Caller(NamedTuple):
    """``deadline_s`` is on ``time.monotonic``'s clock. Whose work ``can_be_refused`` is told at
    once that there is no room; the others, streams, wait."""

    deadline_s: float | None = None
    is_gone: Callable[[], bool] = lambda: False
    can_be_refused: bool = True


NOBODY = Caller()

CALLER: ContextVar[Caller] = ContextVar("caller", default=NOBODY)
"""The runner sets it for each piece of work. Only what waits for other machines needs to ask."""
