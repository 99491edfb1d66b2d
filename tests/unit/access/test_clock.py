import time
from datetime import UTC, datetime, timedelta

import pytest

from jointtrack_server.access.caller import Plan
from jointtrack_server.access.clock import Clock
from jointtrack_server.access.key_gate import KeyGate
from jointtrack_server.access.keys import KeyStore
from jointtrack_server.errors import JointTrackError, Reason
from tests.support import stores
from tests.support.stores import Store, enter, reason_of, until_refused
from tests.unit.access.conftest import OpenGate

YEAR_S = 366 * 86_400.0


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> "type[Jump]":
    Jump.patch = monkeypatch
    return Jump


class Jump:
    """Sets the system clock, as every caller of ``time.time`` sees it."""

    patch: pytest.MonkeyPatch
    real = staticmethod(time.time)

    def __init__(self, by_s: float) -> None:
        self.patch.setattr(time, "time", lambda: self.real() + by_s)


@pytest.mark.parametrize(
    ("now", "month", "next_month"),
    [
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), "2026-12", datetime(2027, 1, 1)),
        (datetime(2027, 1, 1, tzinfo=UTC), "2027-01", datetime(2027, 2, 1)),
        (datetime(2028, 2, 29, 12, tzinfo=UTC), "2028-02", datetime(2028, 3, 1)),
    ],
)
def test_months_are_those_of_utc(now: datetime, month: str, next_month: datetime) -> None:
    clock = Clock(now.timestamp())
    assert clock.month() == month
    assert clock.next_month() == next_month.replace(tzinfo=UTC)


def test_the_clock_starts_at_the_systems_and_goes_on_without_it(jump: type[Jump]) -> None:
    before_s = time.time()
    clock = Clock()
    assert before_s <= clock.now_s() <= time.time()
    jump(-YEAR_S)
    seen_s = clock.now_s()
    assert 0 <= seen_s - before_s < 60
    time.sleep(0.01)
    assert 0.01 <= clock.now_s() - seen_s < 60
    assert clock.system_ahead_s() == pytest.approx(-YEAR_S, abs=60)


@pytest.mark.parametrize("by_s", [-YEAR_S, YEAR_S])
async def test_a_jump_of_the_clock_changes_nothing(
    by_s: float, store: Store, keys: KeyStore, open_gate: OpenGate, jump: type[Jump]
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    keys.put_plan(Plan("one", month_pictures=1))
    keys.put_plan(Plan("five", minute_requests=5))
    ending, _ = keys.create("a", expire_at=soon)
    lasting, _ = keys.create("b", expire_at=soon + timedelta(hours=1))
    spent, _ = keys.create("c", plan="one")
    rated, _ = keys.create("d", plan="five")
    gate = open_gate(store)
    await gate.charge(await enter(gate, spent))
    for _ in range(4):
        await enter(gate, rated)
    assert await until_refused(gate, ending) is Reason.INVALID_API_KEY

    jump(by_s)
    assert await reason_of(enter(gate, ending)) is Reason.INVALID_API_KEY, "not revived"
    assert await reason_of(enter(gate, spent)) is Reason.QUOTA_EXCEEDED, "no new month"
    assert (await enter(gate, lasting)).plan.name == "unlimited", "not ended"
    # One is left of five; where a minute begins just now, the sliding window lets in one more.
    assert 1 <= await let_in(gate, rated) <= 2
    # A server that starts now goes by the new time, and is in nobody's way.
    await enter(open_gate(store), keys.create("e", plan="five")[0])


async def let_in(gate: KeyGate, text: str) -> int:
    """How often the key may come in before its rate is used up."""
    for times in range(10):
        try:
            await enter(gate, text)
        except JointTrackError as refusal:
            return times if refusal.reason is Reason.RATE_LIMITED else -1
    return 10


async def test_the_log_tells_of_a_jump_once(
    store: Store,
    keys: KeyStore,
    open_gate: OpenGate,
    jump: type[Jump],
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = open_gate(store)
    jump(-YEAR_S)
    for _ in range(3):
        await enter(gate, keys.create("me")[0])
    told = [
        record.message
        for record in caplog.records
        if "system clock jumped" in record.message and record.thread not in stores.ELSEWHERE
    ]
    assert len(told) == 1
    assert "-31622400 s" in told[0]
