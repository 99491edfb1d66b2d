"""Keeps TLS as the files are, while the server runs."""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jointtrack_server.tls.files import TlsFiles, TlsIdentity, read_identity

_LOG = logging.getLogger(__name__)

_POLL_S = 1.0
_WARN_EVERY_S = 86_400.0
_WARN_AHEAD = timedelta(days=30)
"""Or a tenth of the certificate's lifetime, where that is less: what renews itself has done so."""

_Fingerprint = list[tuple[int, ...] | None]


class WatchedTls:
    """The files' identity: read at once, and read again when a file has changed.

    ``identity`` is what new connections use; those that are open keep what they began with. Files
    that cannot be used leave it as it is.
    """

    def __init__(self, files: TlsFiles) -> None:
        """Raises StartupError saying which file is at fault and what to do."""
        self._files = files
        self._loaded = self._seen = _fingerprint(files)
        self.identity: TlsIdentity = read_identity(files)
        self.asks_for_certificates = files.client_ca is not None
        self._expired = False
        self._warn_at_s = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="TLS files", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        self._warn_of_expiry()
        while not self._stopping.wait(_POLL_S):
            self._look()
            self._warn_of_expiry()

    def _look(self) -> None:
        """Files are read when they have stood still for one poll: they change one by one."""
        before, self._seen = self._seen, _fingerprint(self._files)
        if self._seen == self._loaded or self._seen != before:
            return
        self._loaded = self._seen
        try:
            self.identity = read_identity(self._files)
        except Exception as error:  # whatever is in the files, the watch goes on
            _LOG.error("TLS goes on with the certificate it has: %s", error)
            return
        self._warn_at_s = 0.0
        _LOG.info("TLS reloaded: the certificate is valid until %s", _day(self.identity))

    def _warn_of_expiry(self) -> None:
        """Once a day, and when the day has come."""
        identity, now_s = self.identity, time.monotonic()
        left = identity.valid_until - datetime.now(UTC)
        was_expired, self._expired = self._expired, left <= timedelta(0)
        if left > min(_WARN_AHEAD, identity.lifetime / 10):
            return
        if now_s < self._warn_at_s and was_expired == self._expired:
            return
        self._warn_at_s = now_s + _WARN_EVERY_S
        if self._expired:
            _LOG.error("The TLS certificate expired on %s: renew it now", _day(identity))
        else:
            _LOG.warning("The TLS certificate expires on %s: renew it", _day(identity))


def _day(identity: TlsIdentity) -> str:
    return f"{identity.valid_until:%Y-%m-%d %H:%M} UTC"


def _fingerprint(files: TlsFiles) -> _Fingerprint:
    return [_state(file) for file in files.all]


def _state(file: Path) -> tuple[int, ...] | None:
    """Links are followed: Kubernetes renews a secret by pointing a link at other files."""
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns
