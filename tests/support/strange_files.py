"""`jointtrack batch` with strange://, whose files do what they say when they are read."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from jointtrack.__main__ import main


class StrangeFiles(LocalFileSystem):  # type: ignore[misc]
    protocol = "strange"

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        match Path(path).read_bytes():
            case b"waits":
                Path(path).with_suffix(".reached").touch()
                time.sleep(3600)
            case b"kills":
                os.kill(os.getpid(), signal.SIGKILL)
        return super()._open(path, mode, **options)


def command() -> None:
    fsspec.register_implementation(StrangeFiles.protocol, StrangeFiles)
    sys.argv[0] = "jointtrack"
    main()
