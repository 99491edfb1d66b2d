"""One run: list, leave out what is done, measure, save."""

import os
import signal
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from jointtrack_server.batch.chunks import Chunk
from jointtrack_server.batch.errors import MISNAMED, BatchError
from jointtrack_server.batch.failures import FailureList
from jointtrack_server.batch.here import Here
from jointtrack_server.batch.lock import FolderLock
from jointtrack_server.batch.outcome import Outcome
from jointtrack_server.batch.parts import Parts
from jointtrack_server.batch.plan import Plan
from jointtrack_server.batch.progress import Shown, progress
from jointtrack_server.batch.source import Source, open_source
from jointtrack_server.batch.todo import ToDo, find_todo
from jointtrack_server.distributed import environment
from jointtrack_server.engines.optional import import_with_extra

EXTRA = "batch"


@dataclass(frozen=True, slots=True)
class Job:
    """What to do. ``workers``: threads or, on Ray, actors; None for what the machine has."""

    source: str
    out: Path
    plan: Plan
    backend: str
    ray_address: str
    workers: int | None
    recursive: bool
    save_every_s: float

    @property
    def failures(self) -> Path:
        return self.out.with_name(f"{self.out.stem}.failures.csv")


class Backend(Protocol):
    """What measures files."""

    def measure(self, todo: ToDo) -> Generator[Chunk, None, None]:
        """The chunks of each file in their order; no chunk twice."""
        ...

    def stop(self) -> None:
        """Files under way are given up, and no other is begun."""
        ...

    def close(self) -> None: ...


def run(job: Job, *, show_progress: bool) -> Outcome:
    """Does what is left to do. SIGINT and SIGTERM end it early; what is done is saved.

    Raises BatchError, StartupError and OSError; what was saved until then stays.
    """
    began_s = time.monotonic()
    source = open_source(job.source)
    with ExitStack() as stack:
        stack.enter_context(closing(FolderLock(job.out)))
        parts = stack.enter_context(
            closing(Parts(job.out, job.plan.mark(source.name), job.save_every_s))
        )
        todo = find_todo(source, parts.done, recursive=job.recursive)
        if not (len(todo) or todo.done_before or todo.misnamed):
            raise BatchError(f"{source.name} has no picture and no video.")
        if todo.videos:
            import_with_extra("av", extra=EXTRA)
        if todo.changed:
            parts.forget(pa.array(todo.changed))
        failures = stack.enter_context(closing(FailureList(job.failures)))
        outcome = Outcome(job.out, job.failures, todo.done_before, len(todo.changed))
        outcome.reasons = failures.reasons
        for name in todo.misnamed:
            failures.add(name, MISNAMED)
        if len(todo):
            backend = stack.enter_context(closing(_backend(job, source)))
            shown = stack.enter_context(progress(len(todo) + outcome.failed, wanted=show_progress))
            _measure_all(backend, todo, _Taker(parts, failures, outcome, shown))
    outcome.elapsed_s = time.monotonic() - began_s
    return outcome


def _backend(job: Job, source: Source) -> Backend:
    if job.backend != "ray":
        return Here(job.plan, source, job.workers)
    # Else Ray's core complains at each start of an actor of what Ray Data does on purpose.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    environment.prepare(job.ray_address)
    on_ray = import_with_extra("jointtrack_server.batch.on_ray", extra="ray")
    backend: Backend = on_ray.OnRay(job.plan, source, job.workers, job.ray_address)
    return backend


@dataclass(frozen=True, slots=True)
class _Taker:
    """Where chunks go."""

    parts: Parts
    failures: FailureList
    outcome: Outcome
    shown: Shown

    def take(self, chunk: Chunk) -> None:
        outcome = self.outcome
        self.parts.add(chunk)
        outcome.frames += chunk.frames
        outcome.broken_frames += chunk.broken_frames
        if chunk.failure is not None:
            self.failures.add(chunk.path, chunk.failure)
        elif chunk.rows is not None:
            outcome.people += (
                len(chunk.rows) - pc.sum(chunk.rows.column("person").is_null()).as_py()
            )
        outcome.measured += chunk.is_last and chunk.failure is None
        self.shown.update(outcome)


def _measure_all(backend: Backend, todo: ToDo, taker: _Taker) -> None:
    def stop() -> None:
        taker.outcome.interrupted = True
        backend.stop()

    with _on_signals(stop), closing(backend.measure(todo)) as chunks:
        for chunk in chunks:
            taker.take(chunk)
            if taker.outcome.interrupted:
                break


@contextmanager
def _on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """The first signal stops the work; a second one ends the program."""
    before = {sign: signal.getsignal(sign) for sign in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for sign, handler in before.items():
            signal.signal(sign, handler)

    def handle(_sign: int, _frame: FrameType | None) -> None:
        restore()
        stop()

    for sign in before:
        signal.signal(sign, handle)
    try:
        yield
    finally:
        restore()
