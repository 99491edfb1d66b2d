"""Files that change under a running server."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jointtrack_server.tls import watch
from jointtrack_server.tls.files import TlsFiles
from jointtrack_server.tls.watch import WatchedTls
from tests.support.certificates import Authority, Secret
from tests.support.waiting import eventually


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(watch, "_POLL_S", 0.02)
    caplog.set_level(logging.INFO)


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def secret(tmp_path: Path, authority: Authority) -> Secret:
    secret = Secret(tmp_path)
    secret.write(authority.server("first.example"))
    return secret


@contextmanager
def watching(secret: Secret) -> Iterator[WatchedTls]:
    tls = WatchedTls(TlsFiles(secret.certificate, secret.key))
    tls.start()
    try:
        yield tls
    finally:
        tls.stop()


@pytest.fixture
def tls(secret: Secret) -> Iterator[WatchedTls]:
    with watching(secret) as tls:
        yield tls


def messages(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == level]


def test_a_swapped_link_is_seen(
    tls: WatchedTls, secret: Secret, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    before = tls.identity
    assert before.names == ("first.example",)
    secret.write(authority.server("second.example"))
    eventually(lambda: tls.identity.names == ("second.example",))
    assert tls.identity.context is not before.context
    eventually(lambda: messages(caplog, logging.INFO))
    (told,) = messages(caplog, logging.INFO)
    assert f"{tls.identity.valid_until:%Y-%m-%d}" in told


def test_files_written_in_place_are_seen(
    tls: WatchedTls, secret: Secret, authority: Authority
) -> None:
    second = authority.server("second.example")
    secret.certificate.write_bytes(second.chain)
    secret.key.write_bytes(second.key)
    eventually(lambda: tls.identity.names == ("second.example",))


@pytest.mark.parametrize("damage", ["other key", "no key", "garbage"])
def test_broken_files_keep_what_worked_and_are_told_once(
    damage: str,
    tls: WatchedTls,
    secret: Secret,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = tls.identity
    if damage == "other key":
        secret.key.write_bytes(authority.server().key)
    elif damage == "no key":
        secret.key.unlink()
    else:
        secret.certificate.write_bytes(b"garbage")
    eventually(lambda: messages(caplog, logging.ERROR))
    time.sleep(0.3)
    (told,) = messages(caplog, logging.ERROR)
    assert str(secret.folder) in told
    assert "goes on with the certificate it has" in told
    assert tls.identity is before

    third = authority.server("third.example")
    secret.certificate.write_bytes(third.chain)
    secret.key.write_bytes(third.key)
    eventually(lambda: tls.identity.names == ("third.example",))
    assert len(messages(caplog, logging.ERROR)) == 1


def test_a_pair_that_changes_one_by_one_is_read_when_it_stands_still(
    secret: Secret, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    tls = WatchedTls(TlsFiles(secret.certificate, secret.key))
    second = authority.server("second.example")
    secret.certificate.write_bytes(second.chain)
    tls._look()
    secret.key.write_bytes(second.key)
    tls._look()
    assert tls.identity.names == ("first.example",)
    tls._look()
    assert tls.identity.names == ("second.example",)
    assert messages(caplog, logging.ERROR) == []


@pytest.mark.parametrize(
    ("since", "left", "warned"),
    [
        (timedelta(days=335), timedelta(days=29), True),
        (timedelta(days=300), timedelta(days=31), False),
        (timedelta(days=86), timedelta(days=4), True),
        (timedelta(days=60), timedelta(days=30), False),
        (timedelta(hours=23), timedelta(hours=1), True),
        (timedelta(hours=12), timedelta(hours=12), False),
    ],
)
def test_the_log_warns_before_it_expires(
    *,
    since: timedelta,
    left: timedelta,
    warned: bool,
    secret: Secret,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = datetime.now(UTC)
    secret.write(authority.server(not_before=now - since, not_after=now + left))
    with watching(secret) as tls:
        time.sleep(0.3)
        told = messages(caplog, logging.WARNING)
        assert len(told) == int(warned)
        assert all(f"{tls.identity.valid_until:%Y-%m-%d}" in one for one in told)
        secret.write(authority.server("fresh.example"))
        eventually(lambda: tls.identity.names == ("fresh.example",))
        assert messages(caplog, logging.ERROR) == []


def test_the_log_says_when_it_has_expired(
    secret: Secret, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.now(UTC)
    ending = now.replace(microsecond=0) + timedelta(seconds=4)
    secret.write(authority.server(not_before=now - timedelta(days=1), not_after=ending))
    with watching(secret):
        eventually(lambda: messages(caplog, logging.WARNING))
        eventually(lambda: messages(caplog, logging.ERROR))
    (told,) = messages(caplog, logging.ERROR)
    assert "expired on" in told
