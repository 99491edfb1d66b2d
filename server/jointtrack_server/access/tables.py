"""The tables of keys, plans and usage. Times are seconds since 1970 (``_s``)."""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
)

from jointtrack_server.access.caller import UNLIMITED, Plan

SCHEMA_VERSION = 1

METADATA = MetaData()

STORE = Table(
    "jointtrack_store",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("revision", String(16), nullable=False),
)
"""One row. ``revision`` is drawn anew by every change of keys or plans."""

PLANS = Table(
    "jointtrack_plans",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("month_pictures", BigInteger),
    Column("minute_requests", Integer),
    Column("max_streams", Integer),
)

KEYS = Table(
    "jointtrack_keys",
    METADATA,
    Column("id", String(8), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("scopes", String(100), nullable=False),
    Column("plan", String(32), nullable=False),
    Column("created_s", Double, nullable=False),
    Column("expire_s", Double),
    Column("revoked_s", Double),
    Column("certificate_name", String(255)),
)
Index(
    "jointtrack_keys_certificate",
    KEYS.c.certificate_name,
    unique=True,
    sqlite_where=KEYS.c.revoked_s.is_(None),
    postgresql_where=KEYS.c.revoked_s.is_(None),
)

SECRETS = Table(
    "jointtrack_secrets",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("key_id", String(8), ForeignKey(KEYS.c.id), nullable=False, index=True),
    Column("valid_until_s", Double),
)
"""The texts that open a key: its own, and for a while those it had before."""

USAGE = Table(
    "jointtrack_usage",
    METADATA,
    Column("key_id", String(8), primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("pictures", BigInteger, nullable=False),
)

RATES = Table(
    "jointtrack_rates",
    METADATA,
    Column("bucket", String(100), primary_key=True),
    Column("window", BigInteger, nullable=False),
    Column("current", Integer, nullable=False),
    Column("previous", Integer, nullable=False),
)
"""Requests in the minute numbered ``window`` and in the one before."""

FIRST_PLANS = (
    Plan("trial", month_pictures=100, minute_requests=60, max_streams=1),
    Plan("basic", month_pictures=100_000, minute_requests=300, max_streams=4),
    Plan("pro", month_pictures=1_000_000, minute_requests=1_200, max_streams=16),
    UNLIMITED,
)
"""What a new store holds. At 30 frames a second, 100 000 frames are 55 minutes of a stream and a
million 9 hours; the rates are 5 and 20 single pictures a second.
"""
