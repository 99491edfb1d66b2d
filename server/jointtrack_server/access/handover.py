"""Answers from a thread to coroutines that wait."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from jointtrack_server.errors import JointTrackError

Answer = tuple[asyncio.Future[Any], object]


def settle(answers: Iterable[Answer]) -> None:
    """Ends the futures with their results or errors; one wake-up for each event loop."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[Answer]] = defaultdict(list)
    for future, answer in answers:
        by_loop[future.get_loop()].append((future, answer))
    for loop, its_answers in by_loop.items():
        with suppress(RuntimeError):  # a loop that is closed waits for nothing
            loop.call_soon_threadsafe(_settle_here, its_answers)


def _settle_here(answers: list[Answer]) -> None:
    for future, answer in answers:
        if future.done():
            continue
        if isinstance(answer, JointTrackError):
            future.set_exception(answer)
        else:
            future.set_result(answer)
