"""SQLite in a file that is its owner's alone."""

import os
import sqlite3
import time
from pathlib import Path

from sqlalchemy import URL, Engine, PoolProxiedConnection, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from jointtrack_server.access.clock import steady_s

_POLL_S = 0.01

_Identity = tuple[int, int] | None


def file_engine(path: Path, wait_s: float) -> Engine:
    """The file, made with its folder where they are missing, and written ahead in a log (WAL).

    A file that was replaced or removed is noticed at the next use, so that nobody goes by keys that
    lie in a file without a name. Raises OSError or sqlite3.Error.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    _write_ahead(path, wait_s)
    engine = create_engine(
        URL.create("sqlite"),
        creator=lambda: _connect(path, wait_s),
        poolclass=QueuePool,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def remember(_: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        entry.info["identity"] = _identity(path)

    @event.listens_for(engine, "checkout")
    def check(_: sqlite3.Connection, entry: ConnectionPoolEntry, __: PoolProxiedConnection) -> None:
        if _identity(path) != entry.info["identity"]:
            raise DisconnectionError

    return engine


def _connect(path: Path, wait_s: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=wait_s,
        isolation_level=None,
        check_same_thread=False,
    )


def _write_ahead(path: Path, wait_s: float) -> None:
    """Sets the file's mode once for all; SQLite itself does not wait for a lock here."""
    given_up_s = steady_s() + wait_s
    connection = _connect(path, wait_s)
    try:
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if not is_busy(error) or steady_s() > given_up_s:
                    raise
                time.sleep(_POLL_S)
            else:
                return
    finally:
        connection.close()


def is_busy(error: BaseException | None) -> bool:
    """Whether another process held the file's lock: nothing was done, trying again may help."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _identity(path: Path) -> _Identity:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
