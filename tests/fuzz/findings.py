"""Files that did what none may do: kept, and made smaller as long as they still do it."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.inputs import Case

SAVED_OF_A_KIND = 5
MINIMISING_TRIES = 150
ONE_FILE_TIMEOUT_S = 120.0
ROOT = Path(__file__).parents[2]
CHECKED_HEAP = {"LD_PRELOAD": "libc_malloc_debug.so.0", "MALLOC_CHECK_": "3"}
"""glibc's: a write past the end of a block ends the process when the block is freed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """File ``number`` of the run's seed; ``fault`` begins with its kind and a colon."""

    number: int
    fault: str

    @property
    def kind(self) -> str:
        return self.fault.partition(":")[0]


def fault_of(case: Case, target: str, timeout_s: float = ONE_FILE_TIMEOUT_S) -> str:
    """What the file does in a process of its own; empty if it does nothing wrong."""
    with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryFile() as errors:
        file.write(case.data)
        file.flush()
        task = {
            "target": target,
            "file": file.name,
            "limits": dataclasses.astuple(case.limits),
            "min_long_side_px": case.min_long_side_px,
        }
        command = [sys.executable, "-m", "tests.fuzz.worker", json.dumps(task)]
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | CHECKED_HEAP,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"hang: no answer after {timeout_s:.0f} s"
    if done.returncode:
        return f"crash: exit code {done.returncode}"
    return str(json.loads(done.stdout)["fault"])


def minimised(data: bytes, fails: Callable[[bytes], bool], tries: int) -> bytes:
    """The file with pieces taken out as long as it still fails, large pieces first."""
    piece = max(1, len(data) // 2)
    while tries > 0:
        start, shorter = 0, False
        while start < len(data) and tries > 0:
            candidate = data[:start] + data[start + piece :]
            tries -= 1
            if candidate and fails(candidate):
                data, shorter = candidate, True
            else:
                start += piece
        if piece == 1 and not shorter:
            break
        piece = max(1, piece // 2)
    return data


@dataclass(slots=True)
class Archive:
    """Writes findings into ``folder``: a ``.bin`` and a ``.json``, a few of each kind."""

    folder: Path
    target: str
    _first: dict[str, tuple[Path, Case]] = field(default_factory=dict)
    _seen: Counter[str] = field(default_factory=Counter)

    def add(self, finding: Finding, case: Case, errors: str) -> None:
        self._seen[finding.kind] += 1
        if self._seen[finding.kind] > SAVED_OF_A_KIND:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{finding.kind.replace(' ', '-').lower()}-{finding.number}.bin"
        path.write_bytes(case.data)
        described = {
            "fault": finding.fault,
            "number": finding.number,
            "limits": dataclasses.astuple(case.limits),
            "min_long_side_px": case.min_long_side_px,
            "errors": errors,
        }
        path.with_suffix(".json").write_text(json.dumps(described, indent=1))
        self._first.setdefault(finding.kind, (path, case))

    def minimise(self, tries: int) -> None:
        """Writes a smaller file beside the first of each kind; a hang would take too long."""
        for kind, (path, case) in self._first.items():
            if kind == "hang":
                continue

            def does_it(data: bytes, case: Case = case, kind: str = kind) -> bool:
                fault = fault_of(dataclasses.replace(case, data=data), self.target)
                return fault.partition(":")[0] == kind

            path.with_suffix(".min.bin").write_bytes(minimised(case.data, does_it, tries))
