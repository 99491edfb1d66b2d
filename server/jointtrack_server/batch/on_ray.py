"""The backend of a Ray cluster: Ray Data hands files to actors, each of which holds the models.

What they find streams back to this process, which alone writes. An actor or machine that dies takes
nothing with it: its files are done again elsewhere, and what had come already is not taken twice.
"""

import logging
import threading
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from queue import SimpleQueue
from typing import Any

import pyarrow as pa
import ray
import ray.data
from ray.exceptions import RayError

from jointtrack_server.batch.chunks import Chunk, FileToDo
from jointtrack_server.batch.errors import WORKER_DIED, BatchError, Failure
from jointtrack_server.batch.measure import Measurer
from jointtrack_server.batch.plan import Plan
from jointtrack_server.batch.source import Source
from jointtrack_server.batch.todo import ToDo, numbered
from jointtrack_server.distributed import cluster
from jointtrack_server.distributed.options import ApplicationOptions
from jointtrack_server.engines.base import message_lines

PICTURES_PER_BLOCK = 32
"""A second or two of an actor's work, which is what is done again when it dies."""

TRIES_ALONE = 3
"""Of a file of a block whose worker died: then its files are done one by one, so that one which
kills its workers takes no other with it."""

GIVEN_UP = -1
"""The index of the chunk that says so: whatever came before, it is the last one."""

MAX_BLOCK_BYTES = 4 << 20
"""Of results on their way back."""

TABLES_AHEAD = 4
"""Results that have come and wait to be written."""

CPUS_PER_ACTOR = 1

_SENT = pa.schema(
    [
        ("number", pa.int64()),
        ("path", pa.string()),
        ("index", pa.int64()),
        ("is_last", pa.bool_()),
        ("frames", pa.int64()),
        ("broken_frames", pa.int64()),
        ("reason", pa.string()),
        ("message", pa.string()),
        ("rows", pa.binary()),
    ]
)
"""A chunk in a row; its rows as an Arrow stream."""


class OnRay:
    """``workers``: the most actors, of one CPU each; None for as many as the cluster has room for.

    ``address``: the cluster's; empty starts one on this machine that ends with the run.
    Raises StartupError if there is no cluster.
    """

    def __init__(self, plan: Plan, source: Source, workers: int | None, address: str) -> None:
        self._plan, self._source, self._workers = plan, source, workers
        self._arrivals = _Arrivals()
        cluster.connect(address, ApplicationOptions.of(plan.settings))
        logging.getLogger("ray.data").setLevel(logging.ERROR)

    def measure(self, todo: ToDo) -> Generator[Chunk, None, None]:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.target_max_block_size = MAX_BLOCK_BYTES
        answers = ray.data.from_arrow(list(_blocks(todo))).map_batches(
            _Worker,
            fn_constructor_args=(self._plan, self._source, _start_counting()),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=self._workers),
            num_cpus=CPUS_PER_ACTOR,
        )
        once = _Once(len(todo))
        tables = answers.iter_batches(prefetch_batches=0, batch_size=None, batch_format="pyarrow")
        try:
            for table in self._arrivals.of(tables):
                for chunk in map(_received, table.to_pylist()):
                    if once.is_new(chunk):
                        yield chunk
        except RayError as error:
            raise BatchError(f"the Ray cluster gave up: {message_lines(error)[-1]}.") from error
        if self._arrivals.stopped:
            return
        yield from (_given_up(file) for file in todo.files() if not once.has_ended(file))

    def stop(self) -> None:
        self._arrivals.stop()

    def close(self) -> None:
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # its threads miss the cluster
        cluster.disconnect()


class _Arrivals:
    """Results as they come, fetched on a thread of its own: who waits for one can be told to stop,
    also by a signal handler, which would not get at a wait inside Ray."""

    def __init__(self) -> None:
        self.stopped = False
        self._come: SimpleQueue[pa.Table | Exception | None] = SimpleQueue()
        self._room = threading.Semaphore(TABLES_AHEAD)

    def of(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        threading.Thread(target=self._fetch, args=(tables,), daemon=True).start()
        while (one := self._come.get()) is not None and not self.stopped:
            if isinstance(one, Exception):
                raise one
            self._room.release()
            yield one

    def stop(self) -> None:
        self.stopped = True
        self._come.put(None)
        self._room.release()

    def _fetch(self, tables: Iterable[pa.Table]) -> None:
        try:
            for table in tables:
                self._come.put(table)
                self._room.acquire()
                if self.stopped:
                    return
        except Exception as error:
            self._come.put(error)
        self._come.put(None)


class _Worker:
    """An actor: one block of files at a time."""

    def __init__(self, plan: Plan, source: Source, tries: Any) -> None:  # noqa: ANN401
        self._measurer = Measurer(plan, source, cpus=CPUS_PER_ACTOR)
        self._tries = tries

    def __call__(self, block: pa.Table) -> Iterator[pa.Table]:
        (batch,) = block.combine_chunks().to_batches()
        first = batch.column("number")[0].as_py()
        files = numbered(batch.drop_columns(["number"]), first)
        is_first_try = self._count("block", first) == 1
        measured = self._measurer.measure(files) if is_first_try else self._one_by_one(files)
        yield from map(_sent, measured)

    def _one_by_one(self, files: Iterator[FileToDo]) -> Iterator[Chunk]:
        for file in files:
            if self._count("file", file.number) > TRIES_ALONE:
                yield _given_up(file)
            else:
                yield from self._measurer.measure([file])

    def _count(self, kind: str, number: int) -> int:
        count: int = ray.get(self._tries.count.remote(kind, number))
        return count


class _Tries:
    """Counts how often each was begun: a file that kills its worker must not do so for ever.

    Ray itself would begin its block again without end.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, int]] = Counter()

    def count(self, kind: str, number: int) -> int:
        """This time included."""
        self._counts[kind, number] += 1
        return self._counts[kind, number]


def _start_counting() -> Any:  # noqa: ANN401 - Ray's handle of _Tries
    return ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Tries).remote()


def _given_up(file: FileToDo) -> Chunk:
    failure = Failure(
        WORKER_DIED,
        "Workers died while they measured it; Ray's logs may say why.",
    )
    return Chunk(file.number, file.path, GIVEN_UP, is_last=True, failure=failure)


class _Once:
    """Lets each chunk through once: a block that is done again brings the first ones again."""

    def __init__(self, count: int) -> None:
        self._ended = bytearray(count)
        self._next: dict[int, int] = {}

    def has_ended(self, file: FileToDo) -> bool:
        return bool(self._ended[file.number])

    def is_new(self, chunk: Chunk) -> bool:
        expected = (self._next.get(chunk.number, 0), GIVEN_UP)
        if self._ended[chunk.number] or chunk.index not in expected:
            return False
        if chunk.is_last:
            self._next.pop(chunk.number, None)
            self._ended[chunk.number] = True
        else:
            self._next[chunk.number] = chunk.index + 1
        return True


def _blocks(todo: ToDo) -> Iterator[pa.Table]:
    """A video is a block of its own."""
    first = 0
    for batches, size in ((todo.pictures, PICTURES_PER_BLOCK), (todo.videos, 1)):
        for batch in batches:
            for start in range(0, len(batch), size):
                files = batch.slice(start, size)
                numbers = pa.array(range(first, first + len(files)), pa.int64())
                yield pa.table([numbers, *files.columns], ["number", *files.schema.names])
                first += len(files)


def _sent(chunk: Chunk) -> pa.Table:
    failure = chunk.failure
    row = {
        "number": chunk.number,
        "path": chunk.path,
        "index": chunk.index,
        "is_last": chunk.is_last,
        "frames": chunk.frames,
        "broken_frames": chunk.broken_frames,
        "reason": failure and failure.reason,
        "message": failure and failure.message,
        "rows": None if chunk.rows is None else _packed(chunk.rows),
    }
    return pa.Table.from_pylist([row], schema=_SENT)


def _received(row: dict[str, Any]) -> Chunk:
    reason, message, rows = row.pop("reason"), row.pop("message"), row.pop("rows")
    return Chunk(
        **row,
        rows=None if rows is None else _unpacked(rows),
        failure=None if reason is None else Failure(reason, message),
    )


def _packed(rows: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, rows.schema, options=options) as stream:
        stream.write_batch(rows)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _unpacked(packed: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(packed) as stream:
        return stream.read_next_batch()
