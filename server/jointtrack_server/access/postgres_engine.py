"""PostgreSQL by URL."""

from pydantic import SecretStr
from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError

from jointtrack_server.errors import StartupError

_NAMES = ("postgresql", "postgresql+psycopg", "postgres")


def postgres_url(store_url: SecretStr) -> URL:
    """Raises StartupError; no message of it holds the URL, which may hold a password."""
    try:
        url = make_url(store_url.get_secret_value())
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in _NAMES:
        raise StartupError(
            "JOINTTRACK_STORE_URL is not the URL of a PostgreSQL database, such as "
            "postgresql+psycopg://user:password@host/name. Leave it unset for a file in the data "
            "folder (JOINTTRACK_DATA_DIR)."
        )
    return url.set(drivername="postgresql+psycopg")


def postgres_engine(url: URL, wait_s: float) -> Engine:
    """An engine that waits for neither a lock nor a server longer than ``wait_s``.

    Raises StartupError if the driver is not installed.
    """
    wait_ms = round(wait_s * 1000)
    try:
        return create_engine(
            url,
            hide_parameters=True,
            max_overflow=-1,
            connect_args={
                "application_name": "jointtrack",
                "connect_timeout": round(wait_s),
                "tcp_user_timeout": wait_ms,
                "keepalives_idle": round(wait_s),
                "keepalives_interval": 2,
                "keepalives_count": 2,
                "options": f"-c statement_timeout={wait_ms} -c lock_timeout={wait_ms}",
            },
        )
    except ImportError as error:
        raise StartupError(
            "JOINTTRACK_STORE_URL needs the PostgreSQL driver: pip install 'jointtrack[postgres]'."
        ) from error
