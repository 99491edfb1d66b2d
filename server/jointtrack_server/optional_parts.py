"""The parts that a server may have or not, each imported only if it is used: keys, TLS, tracing."""

from importlib.metadata import version
from typing import TYPE_CHECKING

from jointtrack_server.access.gate import OpenGate
from jointtrack_server.errors import StartupError
from jointtrack_server.settings import Settings

if TYPE_CHECKING:
    from jointtrack_server.access.key_gate import KeyGate
    from jointtrack_server.access.keys import KeyStore
    from jointtrack_server.observability.tracing import Tracing
    from jointtrack_server.tls.watch import WatchedTls


def access(settings: Settings) -> "tuple[KeyStore, KeyGate] | tuple[None, OpenGate]":
    """Opens the key store. Blocks. Raises StartupError."""
    if not settings.auth:
        return None, OpenGate(settings.max_streams_per_key)
    from jointtrack_server.access.clock import Clock  # noqa: PLC0415  # SQLAlchemy is slow to import
    from jointtrack_server.access.database import Database  # noqa: PLC0415
    from jointtrack_server.access.key_gate import KeyGate  # noqa: PLC0415
    from jointtrack_server.access.keys import KeyStore  # noqa: PLC0415

    database, clock = Database(settings.data_dir, settings.store_url), Clock()
    return KeyStore(database, clock), KeyGate(database, settings.max_streams_per_key, clock)


def tls(settings: Settings) -> "WatchedTls | None":
    """Reads the certificate. Raises StartupError."""
    if settings.tls_cert_file is None or settings.tls_key_file is None:
        return None
    from jointtrack_server.tls.files import TlsFiles  # noqa: PLC0415  # slow to import
    from jointtrack_server.tls.watch import WatchedTls  # noqa: PLC0415

    return WatchedTls(
        TlsFiles(settings.tls_cert_file, settings.tls_key_file, settings.tls_client_ca_file)
    )


def tracing(settings: Settings) -> "Tracing | None":
    """Raises StartupError where the extra is missing."""
    if settings.tracing == "none":
        return None
    try:
        from jointtrack_server.observability.tracing import start_tracing  # noqa: PLC0415

        return start_tracing(settings.tracing, version("jointtrack"))
    except ModuleNotFoundError as error:
        raise StartupError(
            f"Tracing needs OpenTelemetry ({error.name} is not installed): run pip install "
            "'jointtrack[otel]', or leave out JOINTTRACK_TRACING."
        ) from error
