"""What was asked for, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jointtrack.types import PersonSummary, ServerInfo, StreamSummary
from jointtrack_server.domain.skeleton import BOTH_SIDES, Side
from jointtrack_server.domain.types import Facing


@dataclass(frozen=True, slots=True)
class Job:
    """One video to report on.

    ``stream`` holds the keyword arguments of ``JointTrackClient.stream``; ``outputs`` the path of
    each output asked for, by its option's name. ``fps`` times frames that have no times.
    ``send_jpegs``: instead of raw pixels.
    """

    source: str
    measurements: tuple[str, ...]
    stream: Mapping[str, Any]
    outputs: Mapping[str, Path]
    fps: float | None = None
    send_jpegs: bool = False

    @property
    def sides(self) -> tuple[Side, ...]:
        side = self.stream["side"]
        return BOTH_SIDES if side == "both" else (Side(side),)

    @property
    def facing(self) -> Facing | None:
        facing = self.stream["facing"]
        return None if facing is None else Facing(facing)

    @property
    def follows_several(self) -> bool:
        """Whether more than one person at a time was asked for."""
        return (self.stream["max_people"] or 1) > 1

    @property
    def mirrored(self) -> bool:
        return bool(self.stream["mirrored"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the pass went; ``ended_early`` says why, if not all of the source was read."""

    server: ServerInfo
    summary: StreamSummary
    frame_count: int
    bad_frame_count: int
    elapsed_s: float
    ended_early: str | None

    @property
    def frames_per_s(self) -> float:
        return self.frame_count / self.elapsed_s


MIN_FRAMES = 5
"""Seen in fewer frames nobody has a range of motion (``StreamSummary``): mostly false finds."""


def people_of(summary: StreamSummary) -> list[PersonSummary]:
    """Those to report on, in the order of first sight."""
    return [person for person in summary.people if person.frame_count >= MIN_FRAMES]
