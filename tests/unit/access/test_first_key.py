"""The key that a store begins with."""

from contextlib import closing

import pytest

from jointtrack_server.access.caller import Scope
from jointtrack_server.access.keys import KeyStore
from jointtrack_server.errors import JointTrackError, Reason
from tests.support.stores import Store


def test_the_first_key_is_made_once_for_all_time(keys: KeyStore) -> None:
    first = keys.create_first("first key")
    assert first is not None
    (key,) = keys.list()
    assert (key.id, key.name, key.plan) == (first.split("_")[1], "first key", "unlimited")
    assert key.scopes == frozenset(Scope)
    assert keys.create_first("first key") is None
    keys.revoke(key.id)
    assert keys.create_first("first key") is None


def test_the_first_key_may_be_given(keys: KeyStore) -> None:
    text = f"jt_0123abcd_{'x' * 32}"
    for wrong in ("", "secret", f"{text}x"):
        with pytest.raises(JointTrackError) as error:
            keys.create_first("first key", wrong)
        assert (error.value.reason, error.value.field) == (Reason.INVALID_REQUEST, "text")
        assert not wrong or wrong not in error.value.message
    assert keys.create_first("first key", text) == text
    (key,) = keys.list()
    assert key.id == "0123abcd"
    assert keys.create_first("first key", f"jt_89abcdef_{'y' * 32}") is None
    assert keys.list() == [key]


def test_of_processes_that_start_at_once_one_makes_the_store_and_the_first_key(
    store: Store,
) -> None:
    processes = [store.process("first") for _ in range(4)]
    answers = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    made = [answer for answer in answers if answer != "none"]
    assert len(made) == 1, answers
    with closing(store.open()) as database:
        assert [key.id for key in KeyStore(database).list()] == [made[0].split("_")[1]]
