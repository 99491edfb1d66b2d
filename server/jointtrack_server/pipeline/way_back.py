"""The way of what a thread has done back to the event loop."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

HELD_S = 0.015
"""Two cores have four pictures through Lightning in that time; a call that had to wait for its
thread takes at least twice as long."""


class Done(NamedTuple):
    """What came of a piece of work: a result or an error, and the future that wants it."""

    answer: "asyncio.Future[Any]"
    result: Any
    error: BaseException | None


class WayBack:
    """Takes results to the event loop, several at a time while others wait for a thread.

    Each time the loop is woken between two inferences its code is cold; four answers in one go, and
    the four calls that follow them, cost it two thirds of what they cost one by one
    (docs/performance.md). Nobody waits longer for that than ``HELD_S``, and no thread runs dry.
    """

    def __init__(self, settle: Callable[[Done], None], others_wait: Callable[[], bool]) -> None:
        """``settle`` is called on the event loop; ``others_wait`` from any thread."""
        self._settle = settle
        self._others_wait = others_wait
        self._lock = threading.Lock()
        self._held: list[Done] = []
        self._is_watched = False

    @property
    def held(self) -> int:
        """Answers that wait for others to go with."""
        return len(self._held)

    def send(self, done: Done) -> None:
        """From any thread."""
        with self._lock:
            self._held.append(done)
            if self._others_wait():
                return
            held, self._held = self._held, []
        with suppress(RuntimeError):  # a closed loop has nobody waiting
            done.answer.get_loop().call_soon_threadsafe(self._settle_all, held)

    def watch(self) -> None:
        """On the event loop, before others wait: none of what is held is forgotten."""
        if not self._is_watched:
            self._is_watched = True
            asyncio.get_running_loop().call_later(HELD_S, self._look)

    def _look(self) -> None:
        with self._lock:
            held, self._held = self._held, []
            self._is_watched = bool(held) or self._others_wait()
        if self._is_watched:
            asyncio.get_running_loop().call_later(HELD_S, self._look)
        self._settle_all(held)

    def _settle_all(self, held: list[Done]) -> None:
        for done in held:
            self._settle(done)
