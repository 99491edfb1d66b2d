"""The files that are to be done now."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from jointtrack_server.batch.chunks import FileToDo
from jointtrack_server.batch.done import Done
from jointtrack_server.batch.listing import is_video, listed
from jointtrack_server.batch.source import Source


@dataclass(slots=True)
class ToDo:
    """Pictures, then videos; ``changed`` are the paths of those done before in another state,
    ``misnamed`` those that cannot be done for their names."""

    pictures: list[pa.RecordBatch] = field(default_factory=list)
    videos: list[pa.RecordBatch] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)
    done_before: int = 0

    def __len__(self) -> int:
        return sum(map(len, self.batches))

    @property
    def batches(self) -> list[pa.RecordBatch]:
        return self.pictures + self.videos

    def files(self) -> Iterator[FileToDo]:
        """Numbered from 0."""
        number = 0
        for batch in self.batches:
            yield from numbered(batch, number)
            number += len(batch)


def numbered(batch: pa.RecordBatch, first: int) -> Iterator[FileToDo]:
    for index, columns in enumerate(batch.to_pylist()):
        yield FileToDo(first + index, columns)


def find_todo(source: Source, done: Done, *, recursive: bool) -> ToDo:
    """Lists the source and leaves out what is done. Raises BatchError."""
    todo = ToDo()
    for batch in listed(source, todo.misnamed, recursive=recursive):
        wanted, changed = done.sort_out(batch)
        todo.changed += batch.column("path").filter(pa.array(changed)).to_pylist()
        todo.done_before += len(batch) - int(wanted.sum())
        left = batch.filter(pa.array(wanted))
        videos = pa.array(map(is_video, left.column("path").to_pylist()), pa.bool_())
        _keep(todo.videos, left.filter(videos))
        _keep(todo.pictures, left.filter(pa.compute.invert(videos)))
    return todo


def _keep(batches: list[pa.RecordBatch], batch: pa.RecordBatch) -> None:
    if len(batch):
        batches.append(batch)
