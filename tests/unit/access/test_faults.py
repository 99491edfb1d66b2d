import asyncio
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jointtrack_server.access.caller import Plan
from jointtrack_server.access.database import WAIT_S
from jointtrack_server.access.keys import KeyStore
from jointtrack_server.access.ledger import BACKGROUND_S
from jointtrack_server.errors import JointTrackError, Reason
from tests.support.postgres import Cluster
from tests.support.stores import (
    Store,
    enter,
    outcome_of,
    reason_of,
    refusal_of,
    until_not_refused,
    until_refused,
)
from tests.unit.access.conftest import OpenGate

AT_ONCE = 8


def make_keys(store: Store, *names: str) -> list[str]:
    """Keys with a quota, a rate or neither, by name."""
    plans = {"quota": Plan("quota", 1_000_000), "rate": Plan("rate", minute_requests=1000)}
    with closing(store.open()) as database:
        keys = KeyStore(database)
        for plan in plans.values():
            keys.put_plan(plan)
        return [keys.create(name, plan=name if name in plans else "unlimited")[0] for name in names]


def used(store: Store) -> list[int]:
    with closing(store.open()) as database:
        return [key.month_pictures for key in KeyStore(database).list()]


@pytest.mark.parametrize("kill_after", [1, 50, 400])
def test_a_process_that_is_killed_has_counted_what_it_answered(
    kill_after: int, store: Store
) -> None:
    (text,) = make_keys(store, "quota")
    process = store.process("charge", text, "1000000", str(AT_ONCE))
    assert process.stdout is not None
    answers = [process.stdout.readline() for _ in range(kill_after)]
    process.send_signal(signal.SIGKILL)
    answers += process.stdout.readlines()
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    assert set(answers) == {"yes\n"}
    # What was committed when the process died may not have been answered any more.
    assert len(answers) <= used(store)[0] <= len(answers) + AT_ONCE
    if store.cluster is None:
        with closing(sqlite3.connect(store.file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    go_on = store.process("charge", text, "10", "1")
    assert go_on.communicate(timeout=60)[0].split() == ["yes"] * 10


async def test_a_store_that_is_locked_for_a_moment_delays_and_refuses_nobody(
    file_store: Store, open_gate: OpenGate
) -> None:
    quota, rate, free = make_keys(file_store, "quota", "rate", "free")
    gate = open_gate(file_store)
    callers = [await enter(gate, quota), await enter(gate, free)]
    with file_store.locked():
        waiting = [
            asyncio.create_task(gate.charge(callers[0])),
            asyncio.create_task(enter(gate, rate)),
        ]
        # Who needs no count is not held up.
        await enter(gate, free)
        await gate.charge(callers[1])
        await asyncio.sleep(2)
        assert not any(one.done() for one in waiting)
    await asyncio.gather(*waiting)
    await asyncio.sleep(2 * BACKGROUND_S)
    gate.close()
    assert used(file_store) == [1, 0, 1]


async def test_a_store_that_stays_locked_is_unavailable_and_nothing_is_counted_wrongly(
    file_store: Store, open_gate: OpenGate, caplog: pytest.LogCaptureFixture
) -> None:
    quota, rate, free = make_keys(file_store, "quota", "rate", "free")
    database = file_store.open()
    keys = KeyStore(database)
    gate = open_gate(file_store)
    counted, uncounted = await enter(gate, quota), await enter(gate, free)
    await gate.charge(counted)
    began_s = time.monotonic()
    with file_store.locked():
        refusals = await asyncio.gather(
            refusal_of(gate.charge(counted, 100)), refusal_of(enter(gate, rate))
        )
        assert time.monotonic() - began_s >= WAIT_S
        for refusal in refusals:
            assert refusal.reason is Reason.STORE_UNAVAILABLE
            assert refusal.retry_after_s is not None
        await enter(gate, free)
        await gate.charge(uncounted, 7)
        with pytest.raises(JointTrackError) as error:
            keys.create("another")
        assert error.value.reason is Reason.STORE_UNAVAILABLE
        assert len(keys.list()) == 3, "reading goes on"
    await gate.charge(counted)
    await enter(gate, rate)
    gate.close()
    database.close()
    assert used(file_store) == [2, 0, 7]
    told = [record.message for record in caplog.records if "ledger" in record.name]
    assert told == [
        "The key store cannot be written: database is locked",
        "The key store can be written again",
    ]


async def test_while_the_store_is_locked_each_waits_for_as_long_as_he_has_patience(
    file_store: Store, open_gate: OpenGate
) -> None:
    (quota,) = make_keys(file_store, "quota")
    gate = open_gate(file_store)
    caller = await enter(gate, quota)
    with file_store.locked():
        early = asyncio.create_task(gate.charge(caller))
        await asyncio.sleep(0.6 * WAIT_S)
        late = asyncio.create_task(gate.charge(caller))
        assert await reason_of(early) is Reason.STORE_UNAVAILABLE
        await asyncio.sleep(0.1 * WAIT_S)
    await late
    gate.close()
    assert used(file_store) == [1]


async def test_while_the_store_is_away_no_stranger_comes_in_and_then_it_goes_on(
    store: Store, open_gate: OpenGate, caplog: pytest.LogCaptureFixture
) -> None:
    quota, free = make_keys(store, "quota", "free")
    gate = open_gate(store)
    counted, uncounted = await enter(gate, quota), await enter(gate, free)
    with store.away():
        # Known callers come in for a while; nobody is called a stranger who may be none.
        await enter(gate, free)
        stranger = "jt_00000000_" + "a" * 32
        assert await reason_of(enter(gate, stranger)) is Reason.STORE_UNAVAILABLE
        assert await reason_of(gate.charge(counted)) is Reason.STORE_UNAVAILABLE
        await gate.charge(uncounted, 3)
        assert await until_refused(gate, free) is Reason.STORE_UNAVAILABLE
        assert await reason_of(gate.charge(uncounted)) is Reason.STORE_UNAVAILABLE
        refusal = await refusal_of(enter(gate, quota))
        for secret in (str(store.data_dir), "elsewhere", "socket", "PostgreSQL", "jt-pg"):
            assert secret not in refusal.message + str(refusal.metadata)
    await until_not_refused(lambda: enter(gate, free))
    await until_not_refused(lambda: gate.charge(counted))
    gate.close()
    assert used(store) == [1, 3]
    told = [record.message.split(":")[0] for record in caplog.records]
    for message in ("cannot be read", "can be read again", "cannot be written"):
        assert told.count(f"The key store {message}") == 1, told


async def test_a_server_of_the_database_that_hangs_blocks_nobody(
    postgres_store: Store, postgres: Cluster, open_gate: OpenGate
) -> None:
    free, quota = make_keys(postgres_store, "free", "quota")
    gate = open_gate(postgres_store)
    caller = await enter(gate, quota)
    with postgres.frozen():
        assert await reason_of(gate.charge(caller)) is Reason.STORE_UNAVAILABLE
        assert await until_refused(gate, free) is Reason.STORE_UNAVAILABLE
    await until_not_refused(lambda: enter(gate, free))
    await gate.charge(caller)


async def test_a_file_that_was_replaced_counts_at_once(
    tmp_path: Path, file_store: Store, open_gate: OpenGate
) -> None:
    """As when a backup is put back: the old file is still open, but it is nobody's any more."""
    (old,) = make_keys(file_store, "free")
    gate = open_gate(file_store)
    await enter(gate, old)
    backup = Store(tmp_path / "backup", None)
    (new,) = make_keys(backup, "quota")
    for file in file_store.data_dir.iterdir():
        file.unlink()
    backup.file.rename(file_store.file)
    await until_not_refused(lambda: enter(gate, new))
    assert await until_refused(gate, old) is Reason.INVALID_API_KEY
    await gate.charge(await enter(gate, new))
    gate.close()
    assert used(file_store) == [1]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_refuses_what_must_be_counted_and_loses_nothing(
    small_disk: Path, open_gate: OpenGate
) -> None:
    store = Store(small_disk / "data", None)
    quota, free = make_keys(store, "quota", "free")
    gate = open_gate(store)
    counted, uncounted = await enter(gate, quota), await enter(gate, free)
    await gate.charge(counted)
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space"), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    answered = 1
    while (reason := await outcome_of(gate.charge(counted))) is None:
        answered += 1
    assert reason is Reason.STORE_UNAVAILABLE
    await enter(gate, free)
    await gate.charge(uncounted, 5)
    await asyncio.sleep(2 * BACKGROUND_S)
    ballast.unlink()
    await gate.charge(counted)
    gate.close()
    assert used(store) == [answered + 1, 5]
    with closing(sqlite3.connect(store.file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
