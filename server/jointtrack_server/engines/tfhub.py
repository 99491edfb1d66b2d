"""Downloads from TensorFlow Hub. Imports TensorFlow: import this module only to download."""

import contextlib
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from absl import flags

from jointtrack_server.engines._tensorflow import hub

NETWORK_TIMEOUT_S = 30.0
"""Longest silence of the other end; tensorflow_hub itself would wait for ever."""

_log = logging.getLogger(__name__)


def download(handle: str, cache_dir: Path | None) -> Path:
    """The folder of the SavedModel behind ``handle``: from the cache, else downloaded into it.

    The cache is the folder that the environment variable TFHUB_CACHE_DIR names, else ``cache_dir``,
    else one in the system's folder for temporary files. Progress is logged at INFO.

    Raises what tensorflow_hub, urllib and tarfile raise.
    """
    flags.FLAGS["tfhub_cache_dir"].value = None if cache_dir is None else str(cache_dir)
    _log.info("resolving %s", handle)
    started_s = time.monotonic()
    with _logged_progress(), _network_timeout(NETWORK_TIMEOUT_S):
        folder = Path(hub.resolve(handle))
    _log.info("%s is in %s (%.1f s)", handle, folder, time.monotonic() - started_s)
    return folder


@contextlib.contextmanager
def _logged_progress() -> Iterator[None]:
    """Lets through what tensorflow_hub logs while it downloads: start, megabytes so far, end."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def _network_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
