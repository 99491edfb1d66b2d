"""A file on its way: what is to be done, and what comes of it piece by piece."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from jointtrack_server.batch.errors import Failure
from jointtrack_server.batch.rows import Row, to_batch

CHUNK_ROWS = 1000
"""Rows of a video that are held before they are handed on."""


@dataclass(frozen=True, slots=True)
class FileToDo:
    """A file with the columns of ``LISTED``; ``number`` is its place among all to do."""

    number: int
    columns: Row

    @property
    def path(self) -> str:
        path: str = self.columns["path"]
        return path


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one file, in the order of ``index``; the last one says how it ended."""

    number: int
    path: str
    index: int
    is_last: bool
    rows: pa.RecordBatch | None = None
    frames: int = 0
    broken_frames: int = 0
    failure: Failure | None = None


class Collector:
    """Gathers the rows of one file into chunks."""

    def __init__(self, file: FileToDo) -> None:
        self._file = file
        self._index = 0
        self._rows: list[Row] = []
        self.frames = 0
        self.broken_frames = 0

    @property
    def is_empty(self) -> bool:
        """Whether no frame came."""
        return not (self.frames or self._index)

    @property
    def is_full(self) -> bool:
        return len(self._rows) >= CHUNK_ROWS

    def add(self, rows: Iterable[Row]) -> None:
        self._rows += rows

    def part(self) -> Chunk:
        return self._chunk(is_last=False)

    def ended(self) -> Chunk:
        return self._chunk(is_last=True)

    def failed(self, failure: Failure) -> Chunk:
        self._rows.clear()
        return self._chunk(is_last=True, failure=failure)

    def _chunk(self, *, is_last: bool, failure: Failure | None = None) -> Chunk:
        rows, self._rows = self._rows, []
        frames, self.frames = self.frames, 0
        index, self._index = self._index, self._index + 1
        return Chunk(
            self._file.number,
            self._file.path,
            index,
            is_last,
            to_batch(rows) if rows else None,
            frames,
            self.broken_frames,
            failure,
        )
