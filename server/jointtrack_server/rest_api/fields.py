"""What every body comes to: named fields, within the limits."""

from dataclasses import dataclass

from jointtrack_server.errors import JointTrackError, Reason

_TEXT_GROWTH = 1.5
"""A picture grows to 4/3 as base64, and that by another tenth where a form escapes its "+", "/" and
line ends."""
_OTHER_FIELDS_BYTES = 64 * 1024
_SHOWN_CHARACTERS = 200

Fields = list[tuple[str, object]]
"""Name and value, in the order sent; a name may repeat. Text is ``str``, anything else in a form is
``bytes``; in JSON, any value, with whole numbers as their digits."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What an HTTP body may hold."""

    max_image_bytes: int
    max_fields: int
    max_part_headers: int
    max_part_header_bytes: int
    max_json_depth: int

    @property
    def max_bytes(self) -> int:
        """What a picture of the largest size may grow to, and room for the other fields."""
        return int(self.max_image_bytes * _TEXT_GROWTH) + _OTHER_FIELDS_BYTES


def check_count(count: int, limits: BodyLimits) -> None:
    """Raises JointTrackError INVALID_REQUEST where ``count`` fields are too many."""
    if count > limits.max_fields:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            f"The body has {count} fields or more, the limit is {limits.max_fields}. "
            "Send only the documented ones.",
            metadata={"fields": count, "max_fields": limits.max_fields},
        )


def unreadable(kind: str, why: str) -> JointTrackError:
    """The refusal of a body that is not what its Content-Type says."""
    why = why[:_SHOWN_CHARACTERS].rstrip(".")
    return JointTrackError(
        Reason.INVALID_REQUEST,
        f"The {kind} cannot be read: {why}. Send it as its Content-Type says.",
        metadata={"why": why},
    )
