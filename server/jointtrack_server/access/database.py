"""The database of keys, plans and usage: a file of our own, or PostgreSQL."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Connection, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from jointtrack_server.access.clock import steady_s
from jointtrack_server.access.file_engine import file_engine, is_busy
from jointtrack_server.access.postgres_engine import postgres_engine, postgres_url
from jointtrack_server.access.tables import FIRST_PLANS, METADATA, PLANS, SCHEMA_VERSION, STORE
from jointtrack_server.errors import StartupError

FILE_NAME = "access.sqlite3"
WAIT_S = 5.0
"""How long a statement waits for another process's lock, and a connection for its server."""

_MAKING_TABLES = 0x6A6F696E74
"""The number of a PostgreSQL lock: any that other programs are unlikely to take."""


class Database:
    """An SQLite file in the data folder, or the PostgreSQL database of ``store_url``.

    SQLite keeps a log beside the file (WAL): readers never wait for the writer, and what was
    committed outlives the process. ``write(durable=True)`` outlives a power cut too: it waits for
    the disk, which keys and plans are worth (a revoked key must not come back). Counting pictures
    is not: after a power cut the last seconds of it may be missing, and the file is whole.
    """

    def __init__(self, data_dir: Path, store_url: SecretStr | None = None) -> None:
        """Opens the database and makes its tables where they are missing.

        Raises StartupError saying what cannot be used and what to do.
        """
        self._is_file = store_url is None
        try:
            if store_url is None:
                path = data_dir / FILE_NAME
                name = str(path)
                remedy = "Make its folder writable, or choose another with --data-dir."
                self._engine = file_engine(path, WAIT_S)
            else:
                url = postgres_url(store_url)
                name = f"{url.host or 'localhost'}:{url.port or 5432}/{url.database or ''}"
                remedy = "Check JOINTTRACK_STORE_URL and the database's server."
                self._engine = postgres_engine(url, WAIT_S)
            self._make_tables(name)
        except (OSError, sqlite3.Error, SQLAlchemyError) as error:
            if is_busy(getattr(error, "orig", error)):
                remedy = "Another program holds it: try again, or end that program."
            raise StartupError(
                f"The key store {name} cannot be used: {reason_of(error)}. {remedy}"
            ) from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of all tables. Raises SQLAlchemyError."""
        with self._engine.connect() as connection:
            if self._is_file:
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def write(self, *, durable: bool) -> Iterator[Connection]:
        """A transaction, committed at the end of the block and undone by any error.

        In SQLite no other process writes meanwhile. Raises SQLAlchemyError.
        """
        with self._engine.connect() as connection, connection.begin():
            if self._is_file:
                level = "FULL" if durable else "NORMAL"
                connection.exec_driver_sql(f"PRAGMA synchronous={level}")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    def shared_now_s(self, connection: Connection) -> float:
        """A clock that all processes on this database agree about."""
        if self._is_file:
            return steady_s()
        return float(connection.scalar(text("SELECT EXTRACT(EPOCH FROM clock_timestamp())")) or 0.0)

    def close(self) -> None:
        self._engine.dispose()

    def _make_tables(self, name: str) -> None:
        with self.write(durable=True) as connection:
            if not self._is_file:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MAKING_TABLES})"))
            if not inspect(connection).has_table(STORE.name):
                METADATA.create_all(connection)
                connection.execute(insert(STORE).values(version=SCHEMA_VERSION, revision=""))
                connection.execute(insert(PLANS), [asdict(plan) for plan in FIRST_PLANS])
            version = connection.scalar(select(STORE.c.version))
        if version != SCHEMA_VERSION:
            self.close()
            raise StartupError(
                f"The key store {name} has schema version {version}, this server knows "
                f"{SCHEMA_VERSION}. Start the newer server that made it, or choose another store."
            )


def renew_revision(connection: Connection) -> None:
    """Tells every server to read keys and plans anew; other changes wait until the commit."""
    connection.execute(update(STORE).values(revision=secrets.token_hex(8)))


def reason_of(error: Exception) -> str:
    """What the database said, without our statement and its values."""
    return str(error.orig if isinstance(error, DBAPIError) else error).strip()
