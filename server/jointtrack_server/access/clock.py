"""The time that keys, months and rates go by."""

import time
from datetime import UTC, datetime

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady_s() -> float:
    """Seconds since the machine started, sleep included on Linux; the same in all its processes."""
    return time.clock_gettime(_STEADY)


def utc(moment_s: float) -> datetime:
    return datetime.fromtimestamp(moment_s, UTC)


class Clock:
    """UTC that no jump of the system clock moves: the system's time when the process started, plus
    what the machine's steady clock counted since. An expired key stays expired and a month stays
    used up whatever the system clock says; a clock that was wrong at the start takes a restart.
    """

    def __init__(self, now_s: float | None = None) -> None:
        """``now_s`` is the time it shall be now, in seconds since 1970; default the system's."""
        self._started_s = (time.time() if now_s is None else now_s) - steady_s()

    def now_s(self) -> float:
        """Seconds since 1970."""
        return self._started_s + steady_s()

    def month(self) -> str:
        """This calendar month, such as 2026-12."""
        return f"{utc(self.now_s()):%Y-%m}"

    def next_month(self) -> datetime:
        """When the next calendar month begins."""
        now = utc(self.now_s())
        return datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)

    def system_ahead_s(self) -> float:
        """How far the system clock has jumped."""
        return time.time() - self.now_s()
