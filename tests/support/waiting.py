"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable

import pytest

WAIT_S = 60.0


def eventually(is_true: Callable[[], object], within_s: float = WAIT_S) -> None:
    """Fails when it is not true in good time."""
    deadline = time.monotonic() + within_s
    while not is_true():
        if time.monotonic() > deadline:
            pytest.fail(f"not true within {within_s:g} s")
        time.sleep(0.02)


def within_one_minute(seconds: float) -> None:
    """Waits until the minute of the clock has that long to go: at its turn, who is over the rate
    may send one request more.
    """
    left_s = 60 - time.time() % 60
    if left_s < seconds:
        time.sleep(left_s + 0.01)
