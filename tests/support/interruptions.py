"""How a fake server ends streams, and what its callers saw."""

from jointtrack import Frame, FrameDetection, StreamAnswer
from jointtrack.testing import Failure

DRAINING = Failure(
    "UNAVAILABLE", "SERVER_DRAINING", "The server stops.", retry_after_s=0.01, ends_stream=True
)
TOO_OLD = Failure("ABORTED", "STREAM_TOO_LONG", "Open another one.", ends_stream=True)
REVOKED = Failure("UNAUTHENTICATED", "INVALID_API_KEY", "Revoked.", ends_stream=True)
USED_UP = Failure("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "Used up.", ends_stream=True)


def frames(count: int) -> list[Frame]:
    return [Frame(b"%d" % at, 10 + at, at / 8) for at in range(count)]


def kinds(answers: list[StreamAnswer]) -> list[str]:
    return [answer.kind for answer in answers]


def answered_ids(answers: list[StreamAnswer]) -> list[int | None]:
    return [answer.sequence_id for answer in answers if isinstance(answer, FrameDetection)]
