"""One count for several server processes: each has files of its own, and reads those of all.

The files are those of prometheus_client's multiprocess mode, named by the number of the process and
not by its pid: whoever takes the place of a process that died goes on with its files, so no counter
ever goes back.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import values
from prometheus_client.multiprocess import mark_process_dead

from jointtrack_server.errors import StartupError

_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_MEMORY = Path("/dev/shm")  # noqa: S108  # the folder in it is its owner's alone


@dataclass(frozen=True, slots=True)
class SharedCounts:
    """The folder of the files; members are numbered, the supervisor has a name."""

    folder: Path

    def join(self, member: int | str) -> None:
        """Makes this process count as ``member``. Comes before its first metric."""
        os.environ[_FOLDER_VARIABLE] = str(self.folder)
        values.ValueClass = values.MultiProcessValue(lambda: member)  # type: ignore[no-untyped-call]
        self._pid_file(member).write_text(str(os.getpid()))

    def leave(self, member: int | str) -> None:
        """Forgets the gauges of a process that has ended; its counters stay."""
        mark_process_dead(member, str(self.folder))  # type: ignore[no-untyped-call]
        self._pid_file(member).unlink(missing_ok=True)

    def pids(self) -> dict[str, int]:
        """Of the processes that run, by member."""
        found = {}
        for file in sorted(self.folder.glob("*.pid")):
            try:
                found[file.stem] = int(file.read_text())
            except (OSError, ValueError):  # being written, or just removed
                continue
        return found

    def remove(self) -> None:
        """The folder, as far as it is there."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _pid_file(self, member: int | str) -> Path:
        return self.folder / f"{member}.pid"


@contextmanager
def shared_counts() -> Iterator[SharedCounts]:
    """A new folder, in memory where the system has such a place, that goes in the end.

    Raises StartupError if there is no place for it.
    """
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    try:
        counts = SharedCounts(Path(tempfile.mkdtemp(prefix="jointtrack-", dir=place)))
    except OSError as error:
        raise StartupError(
            f"Several processes need a folder to count in: {error}. Make /dev/shm or the folder "
            "that TMPDIR names writable, or use --processes 1."
        ) from error
    try:
        yield counts
    finally:
        counts.remove()
