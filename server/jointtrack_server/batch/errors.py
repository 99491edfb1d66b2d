"""What ends a run, and what a single file may lack."""

from dataclasses import dataclass

from jointtrack_server.errors import JointTrackError


class BatchError(Exception):
    """The run cannot be done; the message says what is wrong and what to do."""


FILE_NOT_READABLE = "file_not_readable"
INVALID_NAME = "invalid_name"
INVALID_VIDEO = "invalid_video"
INTERNAL = "internal"
WORKER_DIED = "worker_died"
"""Reasons beside those of the server, in its small letters."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file has no rows."""

    reason: str
    message: str


MISNAMED = Failure(
    INVALID_NAME, "The name is not UTF-8: rename the file, or save the list of names as UTF-8."
)


def refused(error: JointTrackError) -> Failure:
    return Failure(error.reason.value.lower(), error.message)


def unreadable(error: OSError) -> Failure:
    return Failure(FILE_NOT_READABLE, error.strerror or str(error))
