import pytest

from jointtrack_server.pipeline.retry_after import MOST_S, SOON_S, RetryAfter


class Crowd:
    """Callers who come back when they are told to, and a server that answers so many a second."""

    def __init__(self, callers: int, answered_per_s: int) -> None:
        self.now_s = 0.0
        self.retry_after = RetryAfter(lambda: self.now_s)
        self.answered_per_s = answered_per_s
        self.back_at_s = [0.0] * callers
        self.told_s = 0.0

    def second(self) -> int:
        """How many were refused in it."""
        refused = 0
        for tenth in range(10):
            self.now_s += 0.1
            room = self.answered_per_s // 10
            for _ in range(room):
                self.retry_after.answered()
            back = [one for one, at_s in enumerate(self.back_at_s) if at_s <= self.now_s]
            for one in back[room:]:
                self.told_s = self.retry_after.refused()
                # As clients do, a little later each.
                self.back_at_s[one] = self.now_s + self.told_s * (1.0 + (one + tenth) % 10 / 20.0)
                refused += 1
        return refused


def test_who_is_refused_now_and_then_waits_the_least() -> None:
    crowd = Crowd(callers=250, answered_per_s=200)
    for _ in range(30):
        crowd.second()
    assert crowd.told_s == SOON_S


@pytest.mark.parametrize("callers", [1000, 1500])
def test_as_many_come_back_as_are_answered(callers: int) -> None:
    crowd = Crowd(callers, answered_per_s=200)
    refused = [crowd.second() for _ in range(60)]
    assert 100 <= sum(refused[-20:]) / 20 <= 300
    assert callers / 200 / 2 < crowd.told_s < callers / 200 * 2


def test_nobody_waits_longer_than_the_most() -> None:
    crowd = Crowd(callers=1000, answered_per_s=0)
    for _ in range(60):
        crowd.second()
    assert crowd.told_s == MOST_S


def test_after_a_quiet_time_it_begins_anew() -> None:
    crowd = Crowd(callers=1000, answered_per_s=0)
    for _ in range(60):
        crowd.second()
    crowd.now_s += 60.0
    assert crowd.retry_after.refused() == SOON_S
