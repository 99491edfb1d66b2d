import hashlib
import os
import re
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jointtrack_server.access.keys import KeyStore
from jointtrack_server.errors import JointTrackError, Reason, StartupError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    with closing(KeyStore(tmp_path / "data")) as store:
        yield store


def reason_of(store: KeyStore, text: str | None) -> Reason:
    with pytest.raises(JointTrackError) as refusal:
        store.check(text)
    return refusal.value.reason


def in_another_process(folder: Path, code: str) -> str:
    script = (
        "import sys; from pathlib import Path; from jointtrack_server.access.keys import KeyStore; "
        f"store = KeyStore(Path(sys.argv[1])); {code}; store.close()"
    )
    command = [sys.executable, "-c", script, str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_key_opens_until_it_is_revoked(store: KeyStore) -> None:
    text, key = store.create("me")
    assert store.check(text) == key.id
    assert store.revoke(key.id)
    assert reason_of(store, text) is Reason.INVALID_API_KEY


def test_a_key_tells_its_id_and_hides_192_bits(store: KeyStore) -> None:
    texts = {store.create("me")[0] for _ in range(50)}
    assert len(texts) == 50
    for text in texts:
        assert re.fullmatch(r"jt_[0-9a-f]{8}_[\w-]{32}", text)


def test_only_the_hash_is_kept(store: KeyStore) -> None:
    text, key = store.create("me")
    secret = text.removeprefix(f"jt_{key.id}_")
    kept = b"".join(file.read_bytes() for file in store.path.parent.iterdir())
    assert hashlib.sha256(text.encode()).hexdigest().encode() in kept
    assert secret.encode() not in kept
    assert text.encode() not in kept


def test_the_store_is_its_owners_alone(store: KeyStore) -> None:
    store.create("me")
    files = list(store.path.parent.iterdir())
    assert store.path in files
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_the_list_has_all_keys_in_order_and_no_secrets(store: KeyStore) -> None:
    before = datetime.now(UTC)
    made = [store.create(name)[1] for name in ("a", "Öçé 🦴", "")]
    assert store.list() == made
    assert all(before <= key.created_at <= before + timedelta(minutes=1) for key in made)
    store.revoke(made[1].id)
    revoked = [key.revoked_at is not None for key in store.list()]
    assert revoked == [False, True, False]


def test_a_key_is_revoked_once(store: KeyStore) -> None:
    _, key = store.create("me")
    assert store.revoke(key.id)
    assert not store.revoke(key.id)
    assert not store.revoke("00000000")
    assert not store.revoke("%")


def test_the_first_key_is_made_once_for_all_time(store: KeyStore) -> None:
    first = store.create_first("first key")
    assert first is not None
    assert store.check(first) == store.list()[0].id
    assert store.create_first("first key") is None
    store.revoke(store.list()[0].id)
    assert store.create_first("first key") is None


@pytest.mark.parametrize("text", [None, ""])
def test_no_key_is_told_apart_from_a_wrong_one(text: str | None, store: KeyStore) -> None:
    assert reason_of(store, text) is Reason.MISSING_API_KEY


@pytest.mark.parametrize(
    "text",
    [
        "jt_00000000_" + "a" * 32,
        " ",
        "ключ",
        "jt_\0",
        "\udc80",
        "' OR 1=1 --",
        "x" * 10_000_000,
    ],
    ids=["unknown", "blank", "not ascii", "NUL", "surrogate", "SQL", "long"],
)
def test_what_is_no_key_is_refused(text: str, store: KeyStore) -> None:
    store.create("me")
    assert reason_of(store, text) is Reason.INVALID_API_KEY


def test_a_key_must_match_to_the_letter(store: KeyStore) -> None:
    text, _ = store.create("me")
    for wrong in (text[:-1], text + "a", text.upper(), f" {text}", text + "\0", text[3:]):
        assert reason_of(store, wrong) is Reason.INVALID_API_KEY


def test_a_refusal_does_not_repeat_the_key(store: KeyStore) -> None:
    with pytest.raises(JointTrackError) as refusal:
        store.check("jt_secret")
    assert "secret" not in refusal.value.message + str(refusal.value.metadata)


def test_two_stores_on_one_folder_see_each_others_keys_at_once(store: KeyStore) -> None:
    with closing(KeyStore(store.path.parent)) as other:
        text, key = other.create("me")
        assert store.check(text) == key.id
        assert store.revoke(key.id)
        assert reason_of(other, text) is Reason.INVALID_API_KEY
        assert other.list() == store.list()


def test_another_process_makes_and_revokes_keys_at_once(store: KeyStore) -> None:
    folder = store.path.parent
    text = in_another_process(folder, "print(store.create('other')[0])")
    key_id = store.check(text)
    assert in_another_process(folder, f"print(store.revoke('{key_id}'))") == "True"
    assert reason_of(store, text) is Reason.INVALID_API_KEY


def test_keys_made_at_the_same_time_are_all_kept(store: KeyStore) -> None:
    with closing(KeyStore(store.path.parent)) as other:
        texts: list[str] = []

        def make(which: KeyStore) -> None:
            for _ in range(10):
                texts.append(which.create("me")[0])
                which.check(texts[-1])

        threads = [threading.Thread(target=make, args=(one,)) for one in (store, other) * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({other.check(text) for text in texts}) == 60
        assert len(store.list()) == 60


def test_keys_survive_a_restart(tmp_path: Path) -> None:
    with closing(KeyStore(tmp_path)) as store:
        text, key = store.create("me")
    with closing(KeyStore(tmp_path)) as store:
        assert store.check(text) == key.id


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("in the way")
    for folder in (file, file / "below"):
        with pytest.raises(StartupError, match=re.escape(str(folder / "keys.sqlite3"))) as error:
            KeyStore(folder)
        assert "--data-dir" in str(error.value)


def test_a_file_that_is_no_key_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys.sqlite3").write_bytes(os.urandom(5000))
    with pytest.raises(StartupError, match="not a database"):
        KeyStore(tmp_path)


def test_the_database_holds_no_other_columns(store: KeyStore) -> None:
    """What is not stored cannot leak."""
    with closing(sqlite3.connect(store.path)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(api_keys)")]
    assert columns == ["id", "name", "key_sha256", "created_at", "revoked_at"]
