"""Which files are done, at 16 bytes a file, whatever the length of their names."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from jointtrack_server.batch.listing import LISTED

Hashes = NDArray[np.uint64]
Bits = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Done:
    """Sorted hashes of the paths, and of paths with size and time.

    A file is taken for another one only where both its hashes, of 64 bits each, meet by chance.
    """

    paths: Hashes
    stamps: Hashes

    @classmethod
    def of_parts(cls, parts: Iterable[Path]) -> "Done":
        """Read from the rows themselves."""
        found = [_hashes(batch) for part in parts for batch in _files_in(part)]
        paths = np.concatenate([np.zeros(0, np.uint64), *(paths for paths, _ in found)])
        stamps = np.concatenate([np.zeros(0, np.uint64), *(stamps for _, stamps in found)])
        return cls(np.unique(paths), np.unique(stamps))

    def __len__(self) -> int:
        return len(self.paths)

    def sort_out(self, files: pa.RecordBatch) -> tuple[Bits, Bits]:
        """Of files as ``LISTED``: those not done as they are now, and which of these were done
        before they changed."""
        paths, stamps = _hashes(files)
        known = _among(paths, self.paths)
        same = known & _among(stamps, self.stamps)
        return ~same, known & ~same


def _files_in(part: Path) -> Iterator[pa.RecordBatch]:
    """Each file in a part once, or a few times if it has many rows."""
    with pq.ParquetFile(part) as file:
        for batch in file.iter_batches(columns=LISTED.names):
            rows = pa.Table.from_batches([batch])
            yield from rows.group_by(LISTED.names).aggregate([]).to_batches()


def _hashes(files: pa.RecordBatch) -> tuple[Hashes, Hashes]:
    columns = (files.column("path"), files.column("file_bytes"), files.column("file_modified"))
    paths, sizes, times = (
        column.cast(pa.int64()).to_pylist()
        if pa.types.is_timestamp(column.type)
        else column.to_pylist()
        for column in columns
    )
    stamps = (
        f"{path}\0{size}\0{time}" for path, size, time in zip(paths, sizes, times, strict=True)
    )
    return _hashed(paths, len(files)), _hashed(stamps, len(files))


def _hashed(texts: Iterable[str], count: int) -> Hashes:
    digests = (blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), np.uint64, count)


def _among(values: Hashes, of: Hashes) -> Bits:
    if not len(of):
        return np.zeros(len(values), np.bool_)
    places = np.minimum(np.searchsorted(of, values), len(of) - 1)
    found: Bits = of[places] == values
    return found
