"""The table: a folder of Parquet files, each of which is whole from the moment it has its name.

A file of the archive is done when its rows are in a part, and only then: what was killed in between
has left nothing but a hidden file, which the next run removes.
"""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jointtrack_server.batch.chunks import Chunk
from jointtrack_server.batch.done import Done
from jointtrack_server.batch.errors import BatchError
from jointtrack_server.batch.plan import differences
from jointtrack_server.batch.rows import SCHEMA

MARK = b"jointtrack.batch"
"""Of each part's metadata: the options and versions that its rows were made with."""

PART_ROWS = 20_000
"""A part of pictures is written when it has so many rows, or is ``save_every_s`` old; a video that
does not fit into one chunk has a part of its own, with row groups of this size."""

_PREFIX, _SUFFIX, _UNFINISHED = "part-", ".parquet", ".unfinished"


class Parts:
    """Of one run, which holds the folder's lock. Raises BatchError if what is there was made with
    other options.
    """

    def __init__(self, folder: Path, mark: Mapping[str, Any], save_every_s: float) -> None:
        self._folder = folder
        self._schema = SCHEMA.with_metadata({MARK: json.dumps(mark).encode()})
        self._save_every_s = save_every_s
        for unfinished in folder.glob(f".*{_UNFINISHED}"):
            unfinished.unlink()
        paths = sorted(folder.glob(f"{_PREFIX}*{_SUFFIX}"))
        for path in paths:
            _check_mark(path, mark)
        self.done = Done.of_parts(paths)
        self._next = 1 + max((int(path.stem.removeprefix(_PREFIX)) for path in paths), default=0)
        self._small: _Writer | None = None
        self._large: dict[int, _Writer] = {}

    def add(self, chunk: Chunk) -> None:
        """The chunks of a file in their order; one that failed leaves no rows."""
        if chunk.failure is not None:
            self._drop(chunk.number)
        elif chunk.index == 0 and chunk.is_last:
            self._add_small(chunk)
        else:
            self._add_large(chunk)

    def save(self) -> None:
        """Writes the rows of the files that are done."""
        if self._small is not None:
            small, self._small = self._small, None
            small.finish()

    def save_if_due(self) -> None:
        small = self._small
        if small is not None and (
            small.rows >= PART_ROWS or time.monotonic() - small.began_s >= self._save_every_s
        ):
            self.save()

    def forget(self, paths: pa.Array) -> None:
        """Takes the rows of these files out: the parts that hold some are written anew."""
        for path in sorted(self._folder.glob(f"{_PREFIX}*{_SUFFIX}")):
            held = pq.read_table(path, columns=["path"]).column("path")
            if pc.any(pc.is_in(held, value_set=paths)).as_py():
                self._rewrite(path, paths)

    def close(self) -> None:
        """Saves what is done, and throws away what is not."""
        self.save()
        for number in list(self._large):
            self._drop(number)

    def _add_small(self, chunk: Chunk) -> None:
        if self._small is None:
            self._small = self._new_part()
        self._small.write(chunk.rows)
        self.save_if_due()

    def _add_large(self, chunk: Chunk) -> None:
        if chunk.index == 0:
            self._large[chunk.number] = self._new_part()
        self._large[chunk.number].write(chunk.rows)
        if chunk.is_last:
            self._large.pop(chunk.number).finish()

    def _drop(self, number: int) -> None:
        if number in self._large:
            self._large.pop(number).throw_away()

    def _new_part(self) -> "_Writer":
        name = f"{_PREFIX}{self._next:06d}{_SUFFIX}"
        self._next += 1
        return _Writer(self._folder / name, self._schema)

    def _rewrite(self, path: Path, without: pa.Array) -> None:
        writer = _Writer(path, self._schema)
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                kept = pc.invert(pc.is_in(batch.column("path"), value_set=without))
                writer.write(batch.filter(kept))
        if writer.rows:
            writer.finish()
        else:
            writer.throw_away()
            path.unlink()


class _Writer:
    """One part, under a hidden name until it is whole and on the disk."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._hidden = path.with_name(f".{path.name}{_UNFINISHED}")
        self._schema = schema
        self._file = self._hidden.open("wb")
        self._writer = pq.ParquetWriter(self._file, schema, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self.rows = 0
        self.began_s = time.monotonic()

    def write(self, rows: pa.RecordBatch | None) -> None:
        if rows is None:
            return
        self._waiting.append(rows)
        self._waiting_rows += len(rows)
        self.rows += len(rows)
        if self._waiting_rows >= PART_ROWS:
            self._write_group()

    def finish(self) -> None:
        self._write_group()
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._hidden.replace(self._path)
        _sync_folder(self._path.parent)

    def throw_away(self) -> None:
        self._writer.close()
        self._file.close()
        self._hidden.unlink()

    def _write_group(self) -> None:
        if self._waiting:
            table = pa.Table.from_batches(self._waiting).replace_schema_metadata(
                self._schema.metadata
            )
            self._writer.write_table(table.combine_chunks(), row_group_size=len(table))
        self._waiting, self._waiting_rows = [], 0


def _check_mark(part: Path, mark: Mapping[str, Any]) -> None:
    """Raises BatchError for what is no part of ours, or was made with other options."""
    try:
        metadata = pq.read_schema(part).metadata or {}
    except (OSError, pa.ArrowInvalid) as error:
        raise BatchError(f"{part} cannot be read ({error}): remove it.") from error
    if MARK not in metadata:
        raise BatchError(
            f"{part} is not from this command: choose another name than {part.parent}."
        )
    if changes := differences(json.loads(metadata[MARK]), mark):
        raise BatchError(
            f"{part.parent} was begun with other options or versions ({changes}). Go on with "
            "those, or give another --out."
        )


def _sync_folder(folder: Path) -> None:
    """So that the name outlives a power cut, too."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
