import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from jointtrack_server.access.caller import Plan
from jointtrack_server.access.key_gate import KeyGate
from jointtrack_server.access.keys import KeyStore
from jointtrack_server.access.rates import Turn, take_turns
from jointtrack_server.access.refresher import EVERY_S
from jointtrack_server.errors import Reason
from tests.support.stores import (
    Store,
    counted_looks,
    enter,
    outcome_of,
    reason_of,
    refusal_of,
    until_not_refused,
)
from tests.support.waiting import within_one_minute
from tests.unit.access.conftest import OpenGate

Ask = Callable[..., list[float]]


@pytest.fixture
def ask(store: Store) -> Iterator[Ask]:
    """How long each of so many requests at a moment has to wait."""
    with closing(store.open()) as database:

        def take(now_s: float, count: int = 1, key: str = "me", limit: int = 6) -> list[float]:
            with database.write(durable=False) as connection:
                return take_turns(connection, [Turn(key, limit)] * count, now_s)

        yield take


def test_so_many_a_minute_are_allowed(ask: Ask) -> None:
    assert ask(600.0, 4) == [0.0] * 4
    waits_s = ask(630.0, 4)
    assert waits_s[:2] == [0.0, 0.0]
    assert all(30 <= wait_s < 31 for wait_s in waits_s[2:])


def test_who_waits_as_told_is_let_in_and_not_before(ask: Ask) -> None:
    now_s = 610.0
    ask(now_s, 6)
    for _ in range(20):
        (wait_s,) = ask(now_s)
        assert wait_s > 0
        (earlier_s,) = ask(now_s + wait_s * 0.98)
        assert earlier_s > 0
        now_s += wait_s
        assert ask(now_s) == [0.0]


def test_in_no_minute_are_there_more_than_the_limit_says(ask: Ask) -> None:
    """The minute before counts in part: at worst 6 in one minute and then one each 10 seconds."""
    allowed = [now / 2 for now in range(1200, 1800) if ask(now / 2) == [0.0]]
    assert 25 <= len(allowed) <= 36, "6 a minute, for five minutes"
    for at_s in allowed:
        assert sum(at_s <= one < at_s + 60 for one in allowed) <= 7


def test_the_end_of_a_minute_and_the_next_one_are_no_double_burst(ask: Ask) -> None:
    assert ask(659.0, 6) == [0.0] * 6
    waits_s = ask(661.0, 6)
    assert waits_s[0] == 0.0, "59 s of the minute before weigh less than 6 requests"
    assert all(8 < wait_s < 11 for wait_s in waits_s[1:])


def test_keys_do_not_share_a_rate(ask: Ask) -> None:
    ask(600.0, 6)
    assert ask(600.0, 1, "you") == [0.0]
    assert ask(600.0, 1) != [0.0]


def test_a_time_that_jumps_blocks_no_key(ask: Ask) -> None:
    """As when the machine, or PostgreSQL's, was started anew."""
    ask(1_000_000.0, 6)
    assert ask(600.0) == [0.0]


async def test_over_the_rate_the_door_says_when_to_come_back(keys: KeyStore, gate: KeyGate) -> None:
    keys.put_plan(Plan("five", minute_requests=5))
    text, _ = keys.create("me", plan="five")
    within_one_minute(3)
    for _ in range(5):
        await enter(gate, text)
    refusal = await refusal_of(enter(gate, text))
    assert refusal.reason is Reason.RATE_LIMITED
    assert refusal.retry_after_s is not None
    assert 0 < refusal.retry_after_s <= 72
    assert refusal.metadata == {
        "plan": "five",
        "minute_requests": "5",
        "retry_after_s": f"{refusal.retry_after_s:.1f}",
    }
    # A larger plan counts at once, and others were never in the way.
    await enter(gate, keys.create("you", plan="five")[0])
    keys.put_plan(Plan("five", minute_requests=50))
    await until_not_refused(lambda: enter(gate, text))


async def test_who_was_told_to_wait_costs_the_store_nothing(
    file_store: Store, open_gate: OpenGate
) -> None:
    with closing(file_store.open()) as database:
        keys = KeyStore(database)
        keys.put_plan(Plan("one", minute_requests=1))
        text, _ = keys.create("me", plan="one")
    gate = open_gate(file_store)
    within_one_minute(5)
    await enter(gate, text)
    assert await reason_of(enter(gate, text)) is Reason.RATE_LIMITED
    with counted_looks() as looks:
        for _ in range(500):
            assert await reason_of(enter(gate, text)) is Reason.RATE_LIMITED
    assert looks.number <= looks.seconds / EVERY_S + 1


async def test_the_rate_holds_for_all_servers_together(
    store: Store, keys: KeyStore, open_gate: OpenGate
) -> None:
    keys.put_plan(Plan("five", minute_requests=5))
    text, _ = keys.create("me", plan="five")
    first, second = open_gate(store), open_gate(store)
    within_one_minute(3)
    for gate in (first, second, first, second, first):
        await enter(gate, text)
    for gate in (first, second):
        assert await reason_of(enter(gate, text)) is Reason.RATE_LIMITED


def test_processes_together_keep_the_rate(store: Store, keys: KeyStore) -> None:
    keys.put_plan(Plan("fast", minute_requests=100))
    text, _ = keys.create("me", plan="fast")
    began_s = time.monotonic()
    processes = [store.process("enter", text, "120", "8") for _ in range(2)]
    answers = Counter(
        line for process in processes for line in process.communicate(timeout=60)[0].split()
    )
    minutes = (time.monotonic() - began_s) / 60
    assert set(answers) == {"yes", "RATE_LIMITED"}
    assert 100 <= answers["yes"] <= 101 + 100 * minutes


async def test_requests_at_once_do_not_pass_together(keys: KeyStore, gate: KeyGate) -> None:
    keys.put_plan(Plan("five", minute_requests=5))
    text, _ = keys.create("me", plan="five")
    within_one_minute(3)
    outcomes = await asyncio.gather(*(outcome_of(enter(gate, text)) for _ in range(50)))
    assert Counter(outcomes) == {None: 5, Reason.RATE_LIMITED: 45}
