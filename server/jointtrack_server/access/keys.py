"""API keys: made once, shown once, kept only as a hash."""

import hashlib
import hmac
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jointtrack_server.errors import JointTrackError, Reason, StartupError

KEY_PREFIX = "jt"
_ID_BYTES = 4
_SECRET_BYTES = 24
"""192 random bits: no guessing, so a plain SHA-256 is as good as a slow password hash."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    key_sha256 TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    revoked_at TEXT
)
"""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key. ``id`` is the readable part: ``jt_<id>_...``."""

    id: str
    name: str
    created_at: datetime
    revoked_at: datetime | None


class KeyStore:
    """Keys in one SQLite file; safe to use from several threads and processes at once.

    Keys made or revoked by another process count at once: every check reads the file.
    """

    def __init__(self, data_dir: Path) -> None:
        """Raises StartupError if the folder or the file cannot be used."""
        self.path = data_dir / "keys.sqlite3"
        self._lock = threading.Lock()
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            self._connection = _open(self.path)
        except (OSError, sqlite3.Error) as error:
            raise StartupError(
                f"The key store {self.path} cannot be used: {error}. Make its folder writable, or "
                "choose another with --data-dir."
            ) from error

    def create(self, name: str) -> tuple[str, ApiKey]:
        """Makes a key; the text is returned here and never again."""
        key_id = secrets.token_hex(_ID_BYTES)
        text = f"{KEY_PREFIX}_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        record = ApiKey(key_id, name, datetime.now(UTC), None)
        with self._cursor() as cursor:
            cursor.execute(
                "INSERT INTO api_keys VALUES (?, ?, ?, ?, NULL)",
                (key_id, name, _sha256(text), record.created_at.isoformat()),
            )
        return text, record

    def create_first(self, name: str) -> str | None:
        """Makes a key if the store has never held one; ``None`` otherwise."""
        if self.list():
            return None
        return self.create(name)[0]

    def list(self) -> list[ApiKey]:
        """All keys, revoked ones included, oldest first."""
        with self._cursor() as cursor:
            rows = cursor.execute(
                "SELECT id, name, created_at, revoked_at FROM api_keys ORDER BY created_at"
            ).fetchall()
        return [
            ApiKey(key_id, name, datetime.fromisoformat(created_at), _moment(revoked_at))
            for key_id, name, created_at, revoked_at in rows
        ]

    def revoke(self, key_id: str) -> bool:
        """Ends a key; ``False`` if there is no such key or it was revoked before."""
        with self._cursor() as cursor:
            cursor.execute(
                "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                (datetime.now(UTC).isoformat(), key_id),
            )
            return cursor.rowcount == 1

    def check(self, text: str | None) -> str:
        """The id of a valid key. Raises JointTrackError MISSING_API_KEY or INVALID_API_KEY."""
        if not text:
            raise JointTrackError(
                Reason.MISSING_API_KEY,
                "No API key was sent. Send it as X-API-Key (HTTP header) or x-api-key (gRPC "
                "metadata); `jointtrack keys create` makes one.",
            )
        digest = _sha256(text)
        with self._cursor() as cursor:
            row = cursor.execute(
                "SELECT id, key_sha256 FROM api_keys WHERE key_sha256 = ? AND revoked_at IS NULL",
                (digest,),
            ).fetchone()
        if row is None or not hmac.compare_digest(row[1], digest):
            raise JointTrackError(
                Reason.INVALID_API_KEY,
                "The API key is unknown or revoked. Ask the server's operator for a valid one.",
            )
        return str(row[0])

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _cursor(self) -> Iterator[sqlite3.Cursor]:
        with self._lock:
            cursor = self._connection.cursor()
            try:
                yield cursor
            finally:
                cursor.close()


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5.0, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
