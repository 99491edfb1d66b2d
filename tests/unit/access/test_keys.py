import hashlib
import re
import stat
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from jointtrack_server.access.caller import UNLIMITED, Plan, Scope
from jointtrack_server.access.keys import KeyStore
from jointtrack_server.access.tables import METADATA
from jointtrack_server.errors import JointTrackError, Reason
from tests.support.stores import Store

TEXT = re.compile(r"jt_([0-9a-f]{8})_[\w-]{32}")


def refusal(error: pytest.ExceptionInfo[JointTrackError]) -> tuple[Reason, str | None]:
    return error.value.reason, error.value.field


def test_a_key_is_made_with_what_it_may(keys: KeyStore) -> None:
    before = datetime.now(UTC)
    text, key = keys.create(
        "clinic [east] Öçé 🦴",
        scopes=frozenset({Scope.ADMIN}),
        plan="trial",
        expire_at=before + timedelta(days=3),
        certificate_name="spiffe://clinic/east",
    )
    match = TEXT.fullmatch(text)
    assert match is not None
    assert match[1] == key.id
    assert before <= key.created_at <= before + timedelta(minutes=1)
    assert key == replace(
        key,
        name="clinic [east] Öçé 🦴",
        scopes=frozenset({Scope.ADMIN}),
        plan="trial",
        expire_at=before + timedelta(days=3),
        revoked_at=None,
        certificate_name="spiffe://clinic/east",
        month_pictures=0,
    )
    assert keys.list() == [key]


def test_by_default_a_key_is_for_pictures_and_streams_without_limit(keys: KeyStore) -> None:
    _, key = keys.create("me")
    assert key.scopes == {Scope.DETECT, Scope.STREAM}
    assert (key.plan, key.expire_at, key.certificate_name) == ("unlimited", None, None)


def test_texts_hide_192_bits(keys: KeyStore) -> None:
    texts = {keys.create("me")[0] for _ in range(20)}
    assert len(texts) == 20
    assert all(TEXT.fullmatch(text) for text in texts)


def kept_in(store: Store) -> str:
    with closing(store.open()) as database, database.read() as connection:
        rows = [
            tuple(map(str, row))
            for table in METADATA.sorted_tables
            for row in connection.execute(select(table))
        ]
    return "\n".join(map("|".join, rows))


def test_only_hashes_are_kept_and_only_while_they_open(store: Store, keys: KeyStore) -> None:
    text, key = keys.create("me")
    new_text, _ = keys.rotate(key.id, timedelta(days=1))
    hashes = [hashlib.sha256(one.encode()).hexdigest() for one in (text, new_text)]
    for one, digest in zip((text, new_text), hashes, strict=True):
        assert digest in kept_in(store)
        assert one.removeprefix(f"jt_{key.id}_") not in kept_in(store)
    keys.rotate(key.id)
    keys.rotate(key.id)
    assert not any(digest in kept_in(store) for digest in hashes)
    keys.revoke(key.id)
    assert not re.search(r"\b[0-9a-f]{64}\b", kept_in(store))


def test_the_files_hold_no_text_and_are_their_owners_alone(file_store: Store) -> None:
    with closing(file_store.open()) as database:
        text, key = KeyStore(database).create("me")
        files = list(file_store.data_dir.iterdir())
        assert file_store.file in files
        assert len(files) == 3, "the file, its log and the log's index"
        for file in files:
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
            assert text.removeprefix(f"jt_{key.id}_").encode() not in file.read_bytes()
    assert stat.S_IMODE(file_store.data_dir.stat().st_mode) == 0o700


def test_the_list_has_all_keys_oldest_first(keys: KeyStore) -> None:
    made = [keys.create(name)[1] for name in ("c", "a", "b")]
    assert keys.list() == made
    revoked = keys.revoke(made[1].id)
    assert revoked == replace(made[1], revoked_at=revoked.revoked_at)
    assert revoked.revoked_at is not None
    assert keys.list() == [made[0], revoked, made[2]]


@pytest.mark.parametrize("key_id", ["00000000", "%", "", "\0", "x" * 10_000, "' OR 1=1 --"])
def test_a_key_that_is_not_there_is_named(key_id: str, keys: KeyStore) -> None:
    keys.create("me")
    for act in (keys.revoke, keys.rotate):
        with pytest.raises(JointTrackError) as error:
            act(key_id)
        assert refusal(error) == (Reason.KEY_NOT_FOUND, "key_id")
        assert error.value.metadata == {"key_id": key_id[:64]}
    assert keys.list()[0].revoked_at is None


def test_a_key_is_revoked_once_and_then_never_rotated(keys: KeyStore) -> None:
    _, key = keys.create("me")
    keys.revoke(key.id)
    for act in (keys.revoke, keys.rotate):
        with pytest.raises(JointTrackError) as error:
            act(key.id)
        assert error.value.reason is Reason.KEY_NOT_FOUND


def test_rotation_keeps_all_but_the_text(keys: KeyStore) -> None:
    text, key = keys.create("me", plan="pro", certificate_name="me.example.org")
    new_text, rotated = keys.rotate(key.id)
    assert new_text != text
    assert new_text.startswith(f"jt_{key.id}_")
    assert rotated == key


@pytest.mark.parametrize("overlap", [timedelta(days=30, seconds=1), timedelta(seconds=-1)])
def test_the_overlap_of_a_rotation_is_bounded(overlap: timedelta, keys: KeyStore) -> None:
    _, key = keys.create("me")
    with pytest.raises(JointTrackError) as error:
        keys.rotate(key.id, overlap)
    assert refusal(error) == (Reason.INVALID_REQUEST, "overlap")
    assert error.value.metadata["max_overlap_s"] == "2592000.0"
    keys.rotate(key.id, timedelta(days=30))


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\0", "\udc80", "x" * 101])
def test_a_name_is_readable(name: str, keys: KeyStore) -> None:
    with pytest.raises(JointTrackError) as error:
        keys.create(name)
    assert refusal(error) == (Reason.INVALID_REQUEST, "name")
    assert keys.create("x" * 100)[1].name == "x" * 100


def test_a_key_needs_a_scope(keys: KeyStore) -> None:
    with pytest.raises(JointTrackError) as error:
        keys.create("me", scopes=frozenset())
    assert refusal(error) == (Reason.INVALID_REQUEST, "scopes")


@pytest.mark.parametrize("plan", ["gold", "", "\0", "Trial"])
def test_a_key_needs_a_plan_that_exists(plan: str, keys: KeyStore) -> None:
    with pytest.raises(JointTrackError) as error:
        keys.create("me", plan=plan)
    assert refusal(error) == (Reason.INVALID_REQUEST, "plan")
    assert error.value.metadata["plans"] == "basic, pro, trial, unlimited"
    assert keys.list() == []


def test_a_key_ends_in_the_future(keys: KeyStore) -> None:
    now = datetime.now(UTC)
    never = datetime.max.replace(tzinfo=UTC)
    for wrong in (now, now - timedelta(days=1), datetime(2999, 1, 1), never):
        with pytest.raises(JointTrackError) as error:
            keys.create("me", expire_at=wrong)
        assert refusal(error) == (Reason.INVALID_REQUEST, "expire_time")
    assert keys.create("me", expire_at=now + timedelta(minutes=1))[1].expire_at is not None


@pytest.mark.parametrize("name", ["", " a", "a ", "a\n", "\0", "x" * 256])
def test_a_certificate_name_is_readable(name: str, keys: KeyStore) -> None:
    with pytest.raises(JointTrackError) as error:
        keys.create("me", certificate_name=name)
    assert refusal(error) == (Reason.INVALID_REQUEST, "certificate_name")


def test_a_certificate_name_stands_for_one_key(keys: KeyStore) -> None:
    _, key = keys.create("me", certificate_name="клиника.рф")
    with pytest.raises(JointTrackError) as error:
        keys.create("you", certificate_name="клиника.рф")
    assert refusal(error) == (Reason.KEY_EXISTS, "certificate_name")
    assert error.value.metadata == {"certificate_name": "клиника.рф", "key_id": key.id}
    keys.revoke(key.id)
    assert keys.create("you", certificate_name="клиника.рф")[1].name == "you"


def test_keys_survive_a_restart_and_another_process_sees_them(store: Store) -> None:
    with closing(store.open()) as database:
        _, key = KeyStore(database).create("me")
        with closing(store.open()) as other:
            assert KeyStore(other).list() == [key]
    with closing(store.open()) as database:
        assert KeyStore(database).list() == [key]


@pytest.fixture
def own_plan(keys: KeyStore) -> Plan:
    plan = Plan("ward-7", month_pictures=5, minute_requests=6, max_streams=7)
    keys.put_plan(plan)
    return plan


def test_a_new_store_has_plans(keys: KeyStore) -> None:
    plans = {plan.name: plan for plan in keys.plans()}
    assert list(plans) == ["basic", "pro", "trial", "unlimited"]
    assert plans["trial"] == Plan("trial", 100, 60, 1)
    assert plans["unlimited"] == UNLIMITED
    for smaller, larger in (("trial", "basic"), ("basic", "pro")):
        assert (plans[smaller].month_pictures or 0) < (plans[larger].month_pictures or 0)
        assert (plans[smaller].minute_requests or 0) < (plans[larger].minute_requests or 0)


def test_a_plan_is_made_and_replaced(keys: KeyStore, own_plan: Plan) -> None:
    assert own_plan in keys.plans()
    keys.put_plan(Plan("ward-7"))
    assert own_plan not in keys.plans()
    assert Plan("ward-7") in keys.plans()
    assert len(keys.plans()) == 5


def test_a_plan_is_removed_when_no_key_needs_it(keys: KeyStore, own_plan: Plan) -> None:
    _, key = keys.create("me", plan=own_plan.name)
    with pytest.raises(JointTrackError) as error:
        keys.remove_plan(own_plan.name)
    assert refusal(error) == (Reason.INVALID_REQUEST, "name")
    assert error.value.metadata == {"plan": "ward-7", "keys": "1"}
    keys.revoke(key.id)
    keys.remove_plan(own_plan.name)
    assert own_plan not in keys.plans()
    assert keys.list()[0].plan == "ward-7"
    with pytest.raises(JointTrackError) as error:
        keys.remove_plan(own_plan.name)
    assert refusal(error) == (Reason.INVALID_REQUEST, "name")


def test_the_plan_unlimited_stays_what_it_says(keys: KeyStore) -> None:
    acts: tuple[Callable[[], None], ...] = (
        lambda: keys.put_plan(Plan("unlimited", month_pictures=1)),
        lambda: keys.remove_plan("unlimited"),
    )
    for act in acts:
        with pytest.raises(JointTrackError) as error:
            act()
        assert refusal(error) == (Reason.INVALID_REQUEST, "name")
    assert UNLIMITED in keys.plans()


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (Plan(""), "name"),
        (Plan("Gold"), "name"),
        (Plan("x" * 33), "name"),
        (Plan("-"), "name"),
        (Plan("gold", month_pictures=0), "month_pictures"),
        (Plan("gold", month_pictures=10**12 + 1), "month_pictures"),
        (Plan("gold", minute_requests=-1), "minute_requests"),
        (Plan("gold", minute_requests=10**6 + 1), "minute_requests"),
        (Plan("gold", max_streams=0), "max_streams"),
        (Plan("gold", max_streams=10**4 + 1), "max_streams"),
    ],
)
def test_a_plan_is_sound(plan: Plan, field: str, keys: KeyStore) -> None:
    with pytest.raises(JointTrackError) as error:
        keys.put_plan(plan)
    assert refusal(error) == (Reason.INVALID_REQUEST, field)
    assert len(keys.plans()) == 4
