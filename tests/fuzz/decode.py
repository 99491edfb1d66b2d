"""Changed picture files against the decoder: ``python -m tests.fuzz.decode --minutes 60``.

A process of its own decodes them, so that a crash is seen, named and survived.
"""

import argparse
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.fuzz.findings import CHECKED_HEAP, MINIMISING_TRIES, ROOT, Archive, Finding
from tests.fuzz.inputs import FORMATS, OTHER, case

TARGET = "jointtrack_server.imaging.decode:decode_file"
HANG_CPU_S = 60.0
STUCK_S = 600.0
MAX_FINDINGS = 100
MAX_LEAKED_BYTES = 128 << 20
"""Growth of the process over a run; a decoder that kept a kibibyte a file would pass it soon."""

_SETTLED_INPUTS = 20_000


@dataclass(slots=True)
class Run:
    """What a run has seen so far."""

    inputs: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    max_grown_bytes: int = 0
    max_cpu_s: float = 0.0
    resident_bytes: int = 0
    settled_bytes: int = 0
    seconds: float = 0.0

    def add(self, report: dict[str, Any]) -> None:
        for name in ("inputs", "reached", "accepted", "answers"):
            getattr(self, name).update(report[name])
        self.max_grown_bytes = max(self.max_grown_bytes, report["max_grown_bytes"])
        self.max_cpu_s = max(self.max_cpu_s, report["max_cpu_s"])
        self.resident_bytes = report["resident_bytes"]
        if not self.settled_bytes and self.inputs.total() >= _SETTLED_INPUTS:
            self.settled_bytes = self.resident_bytes

    @property
    def leaked_bytes(self) -> int:
        return self.resident_bytes - self.settled_bytes if self.settled_bytes else 0

    def __str__(self) -> str:
        lines = [
            f"{self.inputs.total()} files in {self.seconds:.0f} s, {len(self.findings)} findings",
            f"resident {self.resident_bytes >> 20} MiB (settled at {self.settled_bytes >> 20}), "
            f"most for one file {self.max_grown_bytes >> 20} MiB and {self.max_cpu_s:.2f} s of CPU",
        ]
        for name in (*FORMATS, OTHER):
            count = max(self.inputs[name], 1)
            reached, accepted = self.reached[name] / count, self.accepted[name] / count
            lines.append(
                f"{name:6}{self.inputs[name]:>10} files, {reached:>4.0%} reached the native "
                f"decoder, {accepted:>4.0%} were accepted"
            )
        lines.append(", ".join(f"{answer} {n}" for answer, n in self.answers.most_common()))
        return "\n".join(lines)


class Worker:
    """The process that decodes, from file ``number`` on."""

    def __init__(self, target: str, seed: int, number: int, folder: Path) -> None:
        self._place = folder / "place"
        self._place.write_bytes(struct.pack("<Q", number))
        self._errors = folder / "errors"
        task = {"target": target, "seed": seed, "number": number, "place": str(self._place)}
        with self._errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.fuzz.worker", json.dumps(task)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | CHECKED_HEAP,
            )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self._stdout, self._rest = self.process.stdout, b""
        self._moved = (number, 0.0, time.monotonic())

    @property
    def number(self) -> int:
        """The file it is at."""
        (number,) = struct.unpack("<Q", self._place.read_bytes())
        return int(number)

    @property
    def last_errors(self) -> str:
        return self._errors.read_text(errors="replace")[-4000:]

    def messages(self) -> Iterator[dict[str, Any]]:
        """Whole lines that have come so far."""
        *lines, self._rest = (self._rest + (self._stdout.read() or b"")).split(b"\n")
        yield from (json.loads(line) for line in lines)

    def died(self, hang_cpu_s: float) -> str:
        """What ended it, if anything did: a crash, or a file that takes ``hang_cpu_s`` of its CPU
        time or for ever without any."""
        exit_code = self.process.poll()
        if exit_code is not None:
            return f"crash: exit code {exit_code}"
        times = psutil.Process(self.process.pid).cpu_times()
        cpu_s, number = times.user + times.system, self.number
        if number != self._moved[0]:
            self._moved = (number, cpu_s, time.monotonic())
        _, moved_cpu_s, moved_s = self._moved
        if cpu_s - moved_cpu_s > hang_cpu_s or time.monotonic() - moved_s > STUCK_S:
            return f"hang: no answer after {cpu_s - moved_cpu_s:.0f} s of CPU"
        return ""

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._stdout.close()


@contextmanager
def _worker(target: str, seed: int, number: int) -> Iterator[Worker]:
    with tempfile.TemporaryDirectory(prefix="jointtrack-fuzz-") as folder:
        worker = Worker(target, seed, number, Path(folder))
        try:
            yield worker
        finally:
            worker.kill()


def fuzz(
    seconds: float,
    seed: int,
    *,
    out: Path,
    target: str = TARGET,
    first: int = 0,
    hang_cpu_s: float = HANG_CPU_S,
    max_findings: int = MAX_FINDINGS,
    minimising_tries: int = MINIMISING_TRIES,
    on_progress: Callable[[Run], None] = lambda run: None,
) -> Run:
    """Tries files ``first``, ``first + 1``... for so long; findings go into the folder ``out``."""
    run, archive, number = Run(), Archive(out, target), first
    started_s = time.monotonic()

    def found(number: int, fault: str, errors: str) -> None:
        finding = Finding(number, fault)
        run.findings.append(finding)
        archive.add(finding, case(seed, number), errors)

    def is_over() -> bool:
        run.seconds = time.monotonic() - started_s
        return run.seconds > seconds or len(run.findings) >= max_findings

    while not is_over():
        with _worker(target, seed, number) as worker:
            died = ""
            while not died and not is_over():
                time.sleep(0.1)
                died = worker.died(hang_cpu_s)
                for message in worker.messages():
                    if "fault" in message:
                        found(message["number"], message["fault"], worker.last_errors)
                    else:
                        run.add(message)
                        on_progress(run)
            if died:
                found(worker.number, died, worker.last_errors)
                number = worker.number + 1
    if run.leaked_bytes > MAX_LEAKED_BYTES:
        run.findings.append(Finding(number, f"leak: {run.leaked_bytes >> 20} MiB more at the end"))
    archive.minimise(minimising_tries)
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--out", type=Path, default=Path("data/fuzz"), help="folder of findings")
    options = parser.parse_args()
    os.nice(19)
    print(f"seed {options.seed}", flush=True)
    last_shown_s = time.monotonic()

    def show(run: Run) -> None:
        nonlocal last_shown_s
        if time.monotonic() - last_shown_s > 30.0:
            last_shown_s = time.monotonic()
            print(run, flush=True)

    run = fuzz(
        options.minutes * 60, options.seed, out=options.out, first=options.first, on_progress=show
    )
    print(run)
    for finding in run.findings:
        print(f"file {finding.number} of seed {options.seed}: {finding.fault}")
    sys.exit(bool(run.findings))


if __name__ == "__main__":
    main()
