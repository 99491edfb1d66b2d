"""When an interrupted stream is opened again, and for how long that is tried. Pure."""

import random
import time
from collections.abc import Callable

from jointtrack._arguments import optional_above_zero
from jointtrack._log import LOG
from jointtrack.errors import DeadlineExceededError, JointTrackError, UnavailableError

FIRST_PAUSE_S = 0.2
MAX_PAUSE_S = 5.0
JITTER = 0.5
"""A pause is up to this share longer, so that the callers of one server do not come all at once."""


class Resumption:
    """The patience of one stream: pauses that double, until an answer comes or the time is up.

    ``resume_timeout_s``: the longest time without an answer, from an interruption on; None: the
    first interruption is the end. ``stream_timeout_s``: for the whole stream, all calls together.
    """

    def __init__(
        self,
        resume_timeout_s: float | None,
        stream_timeout_s: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._resume_timeout_s = optional_above_zero("resume_timeout_s", resume_timeout_s)
        self._stream_timeout_s = optional_above_zero("timeout_s", stream_timeout_s)
        self._clock = clock
        self._uniform = uniform
        self._stream_end_s: float | None = None
        self._give_up_s: float | None = None
        self._next_pause_s = FIRST_PAUSE_S

    @property
    def is_wanted(self) -> bool:
        return self._resume_timeout_s is not None

    def begin(self) -> None:
        """The stream's time runs from here."""
        if self._stream_timeout_s is not None:
            self._stream_end_s = self._clock() + self._stream_timeout_s

    def reset(self) -> None:
        """An answer came, or none was owed: the next interruption is a first one."""
        self._give_up_s = None
        self._next_pause_s = FIRST_PAUSE_S

    def left_s(self) -> float | None:
        """What a call may still take: the rest of the stream's time; None without a limit."""
        return self._until(self._stream_end_s)

    def connect_timeout_s(self) -> float | None:
        """How long to wait for the server to come back."""
        limits = (self._until(self._give_up_s), self.left_s())
        return min((limit for limit in limits if limit is not None), default=None)

    def may_follow(self, error: JointTrackError) -> bool:
        """Whether a stream that ended so may go on."""
        return self.is_wanted and isinstance(error, UnavailableError)

    def pause_s(self, error: JointTrackError) -> float:
        """How long to wait before the next attempt, never less than the server asked for.

        Raises ``error`` if that would be too late.
        """
        now_s = self._clock()
        if self._give_up_s is None:
            self._give_up_s = now_s + (self._resume_timeout_s or 0.0)
        pause_s = max(self._next_pause_s, error.retry_after_s or 0.0)
        pause_s *= self._uniform(1.0, 1.0 + JITTER)
        self._next_pause_s = min(2 * self._next_pause_s, MAX_PAUSE_S)
        ends_s = (self._give_up_s, self._stream_end_s)
        if any(end_s is not None and now_s + pause_s > end_s for end_s in ends_s):
            raise error
        LOG.warning("A stream was interrupted: %s Trying again in %.1f s.", error, pause_s)
        return pause_s

    def too_late(self) -> DeadlineExceededError:
        """The error of a stream whose time ran out while no call was under way."""
        return DeadlineExceededError(
            f"The stream did not end within {self._stream_timeout_s:.3g} s. Raise timeout_s.",
            code="DEADLINE_EXCEEDED",
        )

    def _until(self, end_s: float | None) -> float | None:
        return None if end_s is None else max(0.0, end_s - self._clock())
