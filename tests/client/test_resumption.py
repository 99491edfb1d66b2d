"""When an interrupted stream is opened again: by a clock and a die of the test's own."""

import pytest

from jointtrack import (
    AuthenticationError,
    InvalidRequestError,
    JointTrackError,
    QuotaExceededError,
    RateLimitedError,
    ServerError,
    UnavailableError,
)
from jointtrack._resumption import FIRST_PAUSE_S, JITTER, MAX_PAUSE_S, Resumption

DRAINING = UnavailableError("The server stops.", code="UNAVAILABLE")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def pauses_s(resumption: Resumption, clock: Clock, error: JointTrackError) -> list[float]:
    """Every pause until it gives up."""
    pauses = []
    while True:
        try:
            pauses.append(resumption.pause_s(error))
        except UnavailableError:
            return pauses
        clock.now_s += pauses[-1]


def resumption_of(
    clock: Clock, resume_timeout_s: float | None = 60.0, stream_timeout_s: float | None = None
) -> Resumption:
    resumption = Resumption(
        resume_timeout_s, stream_timeout_s, clock=clock, uniform=lambda low, high: low
    )
    resumption.begin()
    return resumption


def test_pauses_double_up_to_a_limit_and_end_in_time() -> None:
    clock = Clock()
    pauses = pauses_s(resumption_of(clock), clock, DRAINING)
    assert pauses[:5] == [FIRST_PAUSE_S, 0.4, 0.8, 1.6, 3.2]
    assert set(pauses[5:]) == {MAX_PAUSE_S}
    assert 60.0 - MAX_PAUSE_S < sum(pauses) <= 60.0


def test_pauses_are_spread() -> None:
    resumptions = [Resumption(60.0, None) for _ in range(50)]
    pauses = [resumption.pause_s(DRAINING) for resumption in resumptions]
    assert len(set(pauses)) > 40
    assert min(pauses) >= FIRST_PAUSE_S
    assert max(pauses) <= FIRST_PAUSE_S * (1 + JITTER)


def test_a_server_that_asks_to_wait_is_given_that_time() -> None:
    asking = RateLimitedError("Slow down.", code="RESOURCE_EXHAUSTED", retry_after_s=20.0)
    clock = Clock()
    assert pauses_s(resumption_of(clock), clock, asking) == [20.0, 20.0, 20.0]
    clock = Clock()
    assert pauses_s(resumption_of(clock, 10.0), clock, asking) == []


def test_an_answer_starts_the_time_anew() -> None:
    clock = Clock()
    resumption = resumption_of(clock)
    first = pauses_s(resumption, clock, DRAINING)
    resumption.reset()
    assert pauses_s(resumption, clock, DRAINING) == first


def test_a_connection_is_waited_for_as_long_as_time_is_left() -> None:
    clock = Clock()
    resumption = resumption_of(clock, 60.0, 100.0)
    resumption.pause_s(DRAINING)
    clock.now_s += 50.0
    assert (resumption.connect_timeout_s(), resumption.left_s()) == (10.0, 50.0)
    clock.now_s += 80.0
    assert (resumption.connect_timeout_s(), resumption.left_s()) == (0.0, 0.0)
    assert Resumption(None, None).connect_timeout_s() is None


def test_the_streams_own_time_holds_too() -> None:
    clock = Clock()
    pauses = pauses_s(resumption_of(clock, 60.0, 1.0), clock, DRAINING)
    assert pauses == [FIRST_PAUSE_S, 0.4]


@pytest.mark.parametrize(
    ("error", "resumed"),
    [
        (DRAINING, True),
        (UnavailableError("Too old.", code="ABORTED", reason="STREAM_TOO_LONG"), True),
        (RateLimitedError("Slow down.", code="RESOURCE_EXHAUSTED"), True),
        (UnavailableError("The server stops.", code="CANCELLED"), True),
        (QuotaExceededError("Used up.", code="RESOURCE_EXHAUSTED"), False),
        (AuthenticationError("Revoked.", code="UNAUTHENTICATED"), False),
        (InvalidRequestError("No.", code="INVALID_ARGUMENT"), False),
        (ServerError("Oops.", code="INTERNAL"), False),
    ],
)
def test_only_what_may_pass_is_waited_for(error: JointTrackError, resumed: bool) -> None:
    assert Resumption(60.0, None).may_follow(error) is resumed
    assert not Resumption(None, None).may_follow(error)


def test_the_time_must_be_positive() -> None:
    with pytest.raises(ValueError, match="resume_timeout_s must be above 0"):
        Resumption(0.0, None)
