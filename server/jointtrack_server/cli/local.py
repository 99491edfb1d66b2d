"""The server inside a command of the client, for ``--local``."""

from collections.abc import Iterator
from contextlib import contextmanager

from jointtrack.cli import output
from jointtrack.client import JointTrackClient
from jointtrack_server.errors import StartupError
from jointtrack_server.video import local


@contextmanager
def local_client(timeout_s: float) -> Iterator[JointTrackClient]:
    """As ``video.local.local_client``; a server that cannot start ends the command."""
    try:
        with local.local_client(timeout_s) as client:
            yield client
    except StartupError as error:
        output.fail(error)
