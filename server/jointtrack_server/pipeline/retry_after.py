"""How long those who are refused are asked to wait."""

import time
from collections.abc import Callable

SOON_S = 1.0
"""The least, and what is said where the cause passes in a moment."""

MOST_S = 10.0
_WINDOW_S = 1.0
_QUIET_S = 10.0
_MOST_CHANGE = 2.0


class RetryAfter:
    """Longer while more are refused than answered, shorter while fewer are.

    So as many come back each second as are answered, however many callers there are: with a
    fixed time, refusing ten times the callers that it has room for took a server a quarter of
    its pictures (docs/performance.md). Used on the event loop.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds = SOON_S
        self._answered = 0
        self._refused = 0
        self._began_s = clock()

    def answered(self) -> None:
        self._answered += 1

    def refused(self) -> float:
        """The seconds to wait."""
        self._refused += 1
        now_s = self._clock()
        elapsed_s = now_s - self._began_s
        if elapsed_s >= _WINDOW_S:
            change = self._refused / max(self._answered, 1)
            change = min(max(change, 1.0 / _MOST_CHANGE), _MOST_CHANGE)
            self._seconds = min(max(self._seconds * change, SOON_S), MOST_S)
            if elapsed_s >= _QUIET_S:
                self._seconds = SOON_S
            self._answered = self._refused = 0
            self._began_s = now_s
        return self._seconds
