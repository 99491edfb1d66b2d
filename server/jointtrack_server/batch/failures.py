"""The files without rows, in a CSV beside the table."""

import csv
from collections import Counter
from pathlib import Path

from jointtrack_server.batch.errors import Failure

COLUMNS = ("path", "reason", "message")


class FailureList:
    """Each failure is in the file at once. Every run makes the list anew, for every run tries again
    what failed; without failures there is no file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reasons: Counter[str] = Counter()
        self._file = path.open("w", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(COLUMNS)

    def add(self, path: str, failure: Failure) -> None:
        self._rows.writerow((path, failure.reason, failure.message))
        self._file.flush()
        self.reasons[failure.reason] += 1

    def close(self) -> None:
        self._file.close()
        if not self.reasons:
            self.path.unlink()
