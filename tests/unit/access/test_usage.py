import asyncio
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime

import pytest

from jointtrack_server.access.caller import Plan
from jointtrack_server.access.clock import Clock
from jointtrack_server.access.key_gate import KeyGate
from jointtrack_server.access.keys import KeyStore
from jointtrack_server.errors import Reason
from tests.support.stores import Store, enter, outcome_of, reason_of, refusal_of, until_not_refused
from tests.support.waiting import eventually
from tests.unit.access.conftest import OpenGate


def used(keys: KeyStore) -> list[int]:
    """Pictures of this month, by key, oldest first."""
    return [key.month_pictures for key in keys.list()]


def key_with(keys: KeyStore, month_pictures: int | None) -> str:
    keys.put_plan(Plan("own", month_pictures=month_pictures))
    return keys.create("me", plan="own")[0]


async def test_what_is_charged_is_counted_and_nothing_else(keys: KeyStore, gate: KeyGate) -> None:
    mine, yours = key_with(keys, 10), keys.create("you", plan="own")[0]
    me, you = await enter(gate, mine), await enter(gate, yours)
    assert used(keys) == [0, 0], "who fails after he entered pays nothing"
    await gate.charge(me)
    await gate.charge(me, 3)
    await gate.charge(you)
    assert used(keys) == [4, 1]


async def test_when_the_month_is_used_up_the_door_says_so(keys: KeyStore, gate: KeyGate) -> None:
    text = key_with(keys, 3)
    caller = await enter(gate, text)
    await gate.charge(caller, 3)
    now = datetime.now(UTC)
    for refusal in (await refusal_of(enter(gate, text)), await refusal_of(gate.charge(caller))):
        assert refusal.reason is Reason.QUOTA_EXCEEDED
        renews_at = datetime.fromisoformat(refusal.metadata["renews_at"])
        assert refusal.metadata == {
            "plan": "own",
            "quota": "3",
            "used": "3",
            "renews_at": renews_at.isoformat(),
        }
        assert (renews_at.day, renews_at.hour, renews_at.tzinfo) == (1, 0, UTC)
        assert 0 < (renews_at - now).days + 1 <= 31
        for part in ("own", "3", renews_at.isoformat()):
            assert part in refusal.message
    assert used(keys) == [3]


async def test_a_charge_that_does_not_fit_leaves_the_rest_to_smaller_ones(
    keys: KeyStore, gate: KeyGate
) -> None:
    caller = await enter(gate, key_with(keys, 5))
    await gate.charge(caller, 3)
    refusal = await refusal_of(gate.charge(caller, 3))
    assert (refusal.reason, refusal.metadata["used"]) == (Reason.QUOTA_EXCEEDED, "3")
    await gate.charge(caller, 2)
    assert used(keys) == [5]


async def test_of_requests_at_once_exactly_the_rest_is_answered(
    store: Store, keys: KeyStore, open_gate: OpenGate
) -> None:
    mine, yours = key_with(keys, 30), keys.create("you", plan="own")[0]
    gates = [open_gate(store), open_gate(store)]

    async def ask(gate: KeyGate, text: str) -> Reason | None:
        return await outcome_of(gate.charge(await enter(gate, text)))

    asked = [ask(gate, text) for _ in range(40) for gate in gates for text in (mine, yours)]
    outcomes = await asyncio.gather(*asked)
    assert Counter(outcomes) == {None: 60, Reason.QUOTA_EXCEEDED: 100}
    assert used(keys) == [30, 30]


def test_processes_together_answer_exactly_the_quota(store: Store, keys: KeyStore) -> None:
    text = key_with(keys, 300)
    processes = [store.process("charge", text, "250", "16") for _ in range(2)]
    answers = Counter(
        line for process in processes for line in process.communicate(timeout=60)[0].split()
    )
    assert [process.returncode for process in processes] == [0, 0]
    assert answers == {"yes": 300, "QUOTA_EXCEEDED": 200}
    assert used(keys) == [300]


async def test_a_restart_forgets_nothing(store: Store, keys: KeyStore, open_gate: OpenGate) -> None:
    text, unlimited = key_with(keys, 20), keys.create("you")[0]
    for restart in range(1, 11):
        gate = open_gate(store)
        await gate.charge(await enter(gate, text), 2)
        await gate.charge(await enter(gate, unlimited), 7)
        gate.close()
        assert used(keys) == [2 * restart, 7 * restart], "what waits is written at the end"
    assert await reason_of(enter(open_gate(store), text)) is Reason.QUOTA_EXCEEDED


async def test_without_a_quota_nobody_waits_and_all_is_counted(
    keys: KeyStore, gate: KeyGate
) -> None:
    caller = await enter(gate, keys.create("me")[0])
    for _ in range(100):
        await gate.charge(caller)
    await asyncio.to_thread(eventually, lambda: used(keys) == [100])


async def test_who_goes_away_before_he_is_counted_costs_nothing(
    file_store: Store, open_gate: OpenGate
) -> None:
    gate = open_gate(file_store)
    with closing(file_store.open()) as database:
        keys = KeyStore(database)
        caller = await enter(gate, key_with(keys, 5))
        with file_store.locked():
            charges = [asyncio.create_task(gate.charge(caller)) for _ in range(5)]
            await asyncio.sleep(0.1)
            for charge in charges[:3]:
                charge.cancel()
            await asyncio.sleep(0)
        results = await asyncio.gather(*charges, return_exceptions=True)
        assert results[3:] == [None, None]
        assert used(keys) == [2]


async def test_a_new_month_begins_anew_and_the_old_one_stays(
    store: Store, keys: KeyStore, open_gate: OpenGate
) -> None:
    text = key_with(keys, 1)
    before = datetime(2030, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    gate = open_gate(store, Clock(before))
    caller = await enter(gate, text)
    await gate.charge(caller)
    refusal = await refusal_of(gate.charge(caller))
    assert refusal.metadata["renews_at"] == "2031-01-01T00:00:00+00:00"
    assert await reason_of(enter(gate, text)) is Reason.QUOTA_EXCEEDED
    await until_not_refused(lambda: enter(gate, text))
    await gate.charge(caller)
    assert await reason_of(gate.charge(caller)) is Reason.QUOTA_EXCEEDED
    with closing(store.open()) as database:
        for clock in (Clock(before - 100), Clock(before + 100)):
            assert used(KeyStore(database, clock)) == [1]


@pytest.mark.parametrize("count", [1000])
async def test_more_at_once_than_one_transaction_holds(
    count: int, keys: KeyStore, gate: KeyGate
) -> None:
    caller = await enter(gate, key_with(keys, count))
    await asyncio.gather(*(gate.charge(caller) for _ in range(count)))
    assert await reason_of(gate.charge(caller)) is Reason.QUOTA_EXCEEDED
    assert used(keys) == [count]
