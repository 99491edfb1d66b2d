"""One run at a time in a folder; the lock ends with the process, however that ends."""

import sys
from pathlib import Path

from jointtrack_server.batch.errors import BatchError

LOCK_FILE = ".lock"


class FolderLock:
    """Makes the folder if need be. Windows has no such lock, and gets none.

    Raises BatchError if another process holds it, or if it cannot be a folder.
    """

    def __init__(self, folder: Path) -> None:
        if folder.exists() and not folder.is_dir():
            raise BatchError(f"{folder} is a file: the table is a folder, so choose another name.")
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / LOCK_FILE).open("w")
        if sys.platform == "win32":
            return
        import fcntl  # noqa: PLC0415

        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise BatchError(
                f"another run is writing {folder}: wait for it, or choose another name."
            ) from error

    def close(self) -> None:
        self._file.close()
