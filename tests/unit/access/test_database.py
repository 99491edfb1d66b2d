import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from jointtrack_server.access.database import FILE_NAME, Database
from jointtrack_server.access.keys import KeyStore
from jointtrack_server.access.tables import STORE
from jointtrack_server.errors import StartupError
from tests.support.postgres import PASSWORD, Cluster
from tests.support.stores import Store


def refusal(data_dir: Path, url: str | SecretStr | None = None) -> str:
    with pytest.raises(StartupError) as error:
        Database(data_dir, SecretStr(url) if isinstance(url, str) else url)
    return str(error.value)


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("in the way")
    for folder in (file, file / "below"):
        message = refusal(folder)
        assert str(folder / FILE_NAME) in message
        assert "--data-dir" in message


def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(os.urandom(5000))
    message = refusal(tmp_path)
    assert str(tmp_path / FILE_NAME) in message
    assert "not a database" in message


def test_a_store_that_another_program_locks_is_named(file_store: Store) -> None:
    file_store.open().close()
    with file_store.locked():
        message = refusal(file_store.data_dir)
    assert "locked" in message
    assert "Another program holds it" in message
    file_store.open().close()


def test_a_folder_with_odd_characters_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a ?b#c%41 Öç"
    with closing(Database(folder)) as database:
        KeyStore(database).create("me")
    assert (folder / FILE_NAME).exists()
    with closing(Database(folder)) as database:
        assert len(KeyStore(database).list()) == 1


def test_a_newer_store_is_left_alone(store: Store) -> None:
    with closing(store.open()) as database, database.write(durable=True) as connection:
        connection.execute(update(STORE).values(version=2))
    message = refusal(store.data_dir, store.url)
    assert "schema version 2" in message
    assert "knows 1" in message
    assert PASSWORD not in message


def test_the_file_is_whole_and_logs_ahead(file_store: Store) -> None:
    with closing(file_store.open()) as database:
        KeyStore(database).create("me")
        with closing(sqlite3.connect(file_store.file)) as other:
            assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_changes_of_keys_wait_for_the_disk_and_counts_do_not(file_store: Store) -> None:
    levels = []
    with closing(file_store.open()) as database:
        for durable in (True, False, True):
            with database.write(durable=durable) as connection:
                levels.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())
    assert levels == [2, 1, 2], "FULL, NORMAL, FULL"


@pytest.fixture
def read_only_folder(file_store: Store) -> Iterator[Path]:
    """A disk that cannot be written: root may write to any other folder."""
    file_store.open().close()
    folder = str(file_store.data_dir)
    try:
        subprocess.run(["mount", "--bind", folder, folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a folder")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield file_store.data_dir
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_disk_that_cannot_be_written_is_named(read_only_folder: Path) -> None:
    message = refusal(read_only_folder)
    assert str(read_only_folder / FILE_NAME) in message
    assert "Make its folder writable" in message


@pytest.mark.parametrize(
    "url",
    [
        "a-secret",
        "mysql://me:a-secret@localhost/db",
        "sqlite:///a-secret.sqlite3",
        "postgresql+asyncpg://me:a-secret@localhost/db",
        "postgresql://me:a-secret@localhost:port/db",
    ],
)
def test_a_url_that_is_no_postgresql_is_refused_unseen(url: str, tmp_path: Path) -> None:
    message = refusal(tmp_path, url)
    assert "JOINTTRACK_STORE_URL" in message
    assert "a-secret" not in message


@pytest.mark.parametrize("name", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_server_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    message = refusal(tmp_path, f"{name}://me:a-secret@127.0.0.1:1/clinic")
    assert "127.0.0.1:1/clinic" in message
    assert "JOINTTRACK_STORE_URL" in message
    assert "a-secret" not in message


@pytest.mark.parametrize("query", ["", "&password=a-secret"])
def test_passwords_stay_out_of_messages_and_logs(
    query: str, postgres: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StartupError) as error:
        url = f"postgresql://tester:a-secret@/postgres?host={postgres.folder}{query}"
        Database(tmp_path, SecretStr(url))
    assert "cannot be used" in str(error.value)
    assert "a-secret" not in f"{error.value} {caplog.text}"


def test_without_the_driver_its_extra_is_named(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["psycopg"] = None
from pathlib import Path
from pydantic import SecretStr
from jointtrack_server.access.database import Database
Database(Path(sys.argv[1]), SecretStr("postgresql://me:a-secret@localhost/db"))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "StartupError" in done.stderr
    assert "pip install 'jointtrack[postgres]'" in done.stderr
    assert "a-secret" not in done.stderr.replace(code, "")


def test_a_server_without_keys_loads_no_database(tmp_path: Path) -> None:
    code = """
import asyncio, sys
from pathlib import Path
from jointtrack_server.app import build
from jointtrack_server.pipeline.models import load_models
from jointtrack_server.settings import Settings

async def serve(auth):
    settings = Settings(
        grpc_port=0, http_port=0, data_dir=Path(sys.argv[1]), auth=auth, preload="none"
    )
    app = await build(settings, load_models(settings))
    await app.start()
    await app.stop()
    return "sqlalchemy" in sys.modules

print(asyncio.run(serve(False)), asyncio.run(serve(True)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]
