import asyncio
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from jointtrack_server.access.caller import ANYBODY, Plan, Scope
from jointtrack_server.access.gate import OpenGate as GateWithoutKeys
from jointtrack_server.access.key_gate import KeyGate
from jointtrack_server.access.keys import KeyStore
from jointtrack_server.access.refresher import AT_MOST_EVERY_S, EVERY_S
from jointtrack_server.errors import JointTrackError, Reason
from tests.support.stores import (
    Store,
    counted_looks,
    enter,
    reason_of,
    refusal_of,
    until_not_refused,
    until_refused,
)
from tests.unit.access.conftest import OpenGate


async def test_a_key_opens_in_every_process_as_soon_as_it_is_made(
    keys: KeyStore, gate: KeyGate
) -> None:
    for _ in range(3):
        text, key = keys.create("me")
        caller = await enter(gate, text)
        assert (caller.key_id, caller.scopes, caller.plan.name) == (key.id, key.scopes, "unlimited")


@pytest.mark.parametrize("text", [None, ""])
async def test_no_key_is_told_apart_from_a_wrong_one(text: str | None, gate: KeyGate) -> None:
    assert await reason_of(enter(gate, text)) is Reason.MISSING_API_KEY


@pytest.mark.parametrize(
    "text",
    ["jt_00000000_" + "a" * 32, " ", "ключ", "jt_\0", "\udc80", "' OR 1=1 --", "x" * 10_000_000],
    ids=["unknown", "blank", "not ascii", "NUL", "surrogate", "SQL", "long"],
)
async def test_what_is_no_key_is_refused(text: str, keys: KeyStore, gate: KeyGate) -> None:
    made, _ = keys.create("me")
    assert await reason_of(enter(gate, text)) is Reason.INVALID_API_KEY
    await enter(gate, made)


async def test_a_key_must_match_to_the_letter(keys: KeyStore, gate: KeyGate) -> None:
    text, _ = keys.create("me")
    other, _ = keys.create("you")
    swapped = text[:12] + other[12:]
    for wrong in (text[:-1], text + "a", text.upper(), f" {text}", text + "\0", text[3:], swapped):
        assert await reason_of(enter(gate, wrong)) is Reason.INVALID_API_KEY
    await enter(gate, text)


async def test_a_refusal_does_not_repeat_the_key(gate: KeyGate) -> None:
    for text in ("jt_secret", "jt_00000000_secret" + "a" * 26):
        refusal = await refusal_of(enter(gate, text))
        assert "secret" not in refusal.message + str(refusal.metadata)


async def test_a_caller_does_not_show_what_opened(keys: KeyStore, gate: KeyGate) -> None:
    text, _ = keys.create("me")
    caller = await enter(gate, text)
    assert caller.credential
    assert caller.credential not in repr(caller)


async def test_a_revoked_key_opens_no_door_of_any_server(
    store: Store, keys: KeyStore, open_gate: OpenGate
) -> None:
    text, key = keys.create("me")
    gates = [open_gate(store), open_gate(store)]
    callers = [await enter(gate, text) for gate in gates]
    keys.revoke(key.id)
    for gate, caller in zip(gates, callers, strict=True):
        assert await until_refused(gate, text) is Reason.INVALID_API_KEY
        # Nor does what is under way end well: a stream may last for hours.
        assert await reason_of(gate.charge(caller)) is Reason.INVALID_API_KEY
    assert EVERY_S < 0.5, "within a second, also on a slow machine"


async def test_a_key_ends_by_itself(keys: KeyStore, gate: KeyGate) -> None:
    text, _ = keys.create("me", expire_at=datetime.now(UTC) + timedelta(seconds=4))
    caller = await enter(gate, text)
    assert await until_refused(gate, text) is Reason.INVALID_API_KEY
    assert await reason_of(gate.charge(caller)) is Reason.INVALID_API_KEY


async def test_a_rotated_key_has_a_new_text_at_once(keys: KeyStore, gate: KeyGate) -> None:
    old, key = keys.create("me")
    caller = await enter(gate, old)
    new, _ = keys.rotate(key.id)
    assert (await enter(gate, new)).key_id == key.id
    assert await reason_of(enter(gate, old)) is Reason.INVALID_API_KEY
    assert await reason_of(gate.charge(caller)) is Reason.INVALID_API_KEY


async def test_the_old_text_opens_for_the_overlap_and_no_longer(
    keys: KeyStore, gate: KeyGate
) -> None:
    first, key = keys.create("me")
    second, _ = keys.rotate(key.id, timedelta(days=1))
    for text in (second, first):
        assert (await enter(gate, text)).key_id == key.id
    third, _ = keys.rotate(key.id, timedelta(seconds=1))
    await enter(gate, third)
    for text in (first, second):
        assert await until_refused(gate, text) is Reason.INVALID_API_KEY
    await enter(gate, third)
    fourth, _ = keys.rotate(key.id)
    await enter(gate, fourth)
    assert await reason_of(enter(gate, third)) is Reason.INVALID_API_KEY


async def test_a_key_does_what_its_scopes_say(keys: KeyStore, gate: KeyGate) -> None:
    text, key = keys.create("me", scopes=frozenset({Scope.STREAM}))
    await enter(gate, text, Scope.STREAM)
    await enter(gate, text, None)
    for scope in (Scope.DETECT, Scope.ADMIN):
        refusal = await refusal_of(enter(gate, text, scope))
        assert refusal.reason is Reason.MISSING_SCOPE
        assert refusal.metadata == {"key_id": key.id, "scopes": "stream", "scope": scope.value}


async def test_a_certificate_stands_for_its_key(keys: KeyStore, gate: KeyGate) -> None:
    text, key = keys.create("me", certificate_name="клиника.example.org")
    _, other = keys.create("other", certificate_name="other.example.org")
    names = ("unknown.example.org", "клиника.example.org", "other.example.org")
    caller = await gate.enter(None, names, Scope.DETECT)
    assert caller.key_id == key.id
    await gate.charge(caller)
    assert (await gate.enter("", names[2:], None)).key_id == other.id
    refusal = await refusal_of(gate.enter(None, names[:1], None))
    assert refusal.reason is Reason.MISSING_API_KEY
    assert "certificate" in refusal.message
    # A key wins, also a wrong one.
    assert (await gate.enter(text, names[2:], None)).key_id == key.id
    wrong = gate.enter("jt_00000000_" + "a" * 32, names, None)
    assert await reason_of(wrong) is Reason.INVALID_API_KEY
    # A new text changes nothing for the certificate, the end of the key does.
    text, _ = keys.rotate(key.id)
    await gate.charge(await gate.enter(None, names[1:2], None))
    keys.revoke(key.id)
    assert await until_refused(gate, text) is Reason.INVALID_API_KEY
    assert (await gate.enter(None, names, None)).key_id == other.id
    assert await reason_of(gate.charge(caller)) is Reason.INVALID_API_KEY


async def test_a_changed_plan_counts_for_keys_in_use(keys: KeyStore, gate: KeyGate) -> None:
    keys.put_plan(Plan("ward"))
    text, _ = keys.create("me", plan="ward")
    caller = await enter(gate, text)
    await gate.charge(caller)
    keys.put_plan(Plan("ward", month_pictures=1))
    assert await until_refused(gate, text) is Reason.QUOTA_EXCEEDED
    assert await reason_of(gate.charge(caller)) is Reason.QUOTA_EXCEEDED
    keys.put_plan(Plan("ward", month_pictures=2))
    await until_not_refused(lambda: enter(gate, text))
    await gate.charge(caller)
    assert await reason_of(gate.charge(caller)) is Reason.QUOTA_EXCEEDED


async def test_a_flood_of_wrong_keys_does_not_flood_the_store(
    file_store: Store, open_gate: OpenGate
) -> None:
    gate = open_gate(file_store)
    with counted_looks() as looks:
        for batch in range(5):
            wrong = [f"jt_{batch:08x}_{n:032x}" for n in range(200)]
            reasons = await asyncio.gather(*(reason_of(enter(gate, one)) for one in wrong))
            # A machine too busy for a look in time lets nobody in either.
            assert set(reasons) <= {Reason.INVALID_API_KEY, Reason.STORE_UNAVAILABLE}
    assert looks.number <= looks.seconds / AT_MOST_EVERY_S + 1
    with closing(file_store.open()) as database:
        text, _ = KeyStore(database).create("me")
    await enter(gate, text)


async def test_streams_are_counted_for_each_key(keys: KeyStore, gate: KeyGate) -> None:
    keys.put_plan(Plan("two", max_streams=2))
    me = await enter(gate, keys.create("me", plan="two")[0])
    you = await enter(gate, keys.create("you", plan="two")[0])
    with gate.open_stream(me), gate.open_stream(me):
        with pytest.raises(JointTrackError) as error, gate.open_stream(me):
            pass
        assert error.value.reason is Reason.TOO_MANY_STREAMS
        assert error.value.metadata == {"open": "2", "limit": "2"}
        assert error.value.retry_after_s is not None
        with gate.open_stream(you):
            pass
    with pytest.raises(ZeroDivisionError), gate.open_stream(me), gate.open_stream(me):
        raise ZeroDivisionError
    with gate.open_stream(me), gate.open_stream(me):
        pass


async def test_the_server_has_a_limit_of_streams_too(
    store: Store, keys: KeyStore, open_gate: OpenGate
) -> None:
    gate = open_gate(store, max_streams=1)
    keys.put_plan(Plan("many", max_streams=100))
    for plan in ("many", "unlimited"):
        caller = await enter(gate, keys.create("me", plan=plan)[0])
        with gate.open_stream(caller), pytest.raises(JointTrackError) as error:
            gate.open_stream(caller).__enter__()
        assert error.value.metadata == {"open": "1", "limit": "1"}


async def test_without_keys_everybody_comes_in() -> None:
    gate = GateWithoutKeys(max_streams=1)
    for key in (None, "anything"):
        caller = await gate.enter(key, ("a name",), Scope.STREAM)
        assert caller == ANYBODY
        await gate.charge(caller, 1_000_000)
    with gate.open_stream(ANYBODY), pytest.raises(JointTrackError) as error:
        gate.open_stream(ANYBODY).__enter__()
    assert error.value.reason is Reason.TOO_MANY_STREAMS
    assert await reason_of(gate.enter(None, (), Scope.ADMIN)) is Reason.KEYS_DISABLED
