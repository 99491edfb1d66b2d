"""What a run has come to so far."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Outcome:
    """``people`` counts a person once in each picture or frame."""

    table: Path
    failures: Path
    done_before: int = 0
    changed: int = 0
    measured: int = 0
    people: int = 0
    frames: int = 0
    broken_frames: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    elapsed_s: float = 0.0
    interrupted: bool = False

    @property
    def failed(self) -> int:
        return self.reasons.total()

    @property
    def ended(self) -> int:
        """Files, measured or failed."""
        return self.measured + self.failed
