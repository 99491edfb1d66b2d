"""Files that take their name only once they are whole."""

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


class OutputError(Exception):
    """An output file cannot be written where it was asked for."""


SUFFIXES = {"output": ".mp4", "plot": ".png"}
"""Of the outputs whose file name decides how other programs open them."""


def check_outputs(outputs: Mapping[str, Path], source: str) -> None:
    """Raises OutputError if there is no output at all, or for a path of another type, that is a
    folder or the source, whose folder is missing, or that comes twice.
    """
    if not outputs:
        raise OutputError("nothing to write: add -o, --csv, --json, --plot, --trc or --mot.")
    paths = [path.resolve() for path in outputs.values()]
    for name, path in outputs.items():
        suffix = SUFFIXES.get(name)
        if suffix is not None and path.suffix.lower() != suffix:
            raise OutputError(f"{path} will be a {suffix[1:].upper()} file: name it so.")
    for path in paths:
        if not path.parent.is_dir():
            raise OutputError(f"there is no folder {path.parent}: make it, or choose another.")
        if path == Path(source).resolve():
            raise OutputError(f"{path} is the source: choose another name.")
        if path.is_dir():
            raise OutputError(f"{path} is a folder: name a file.")
        if paths.count(path) > 1:
            raise OutputError(f"{path} is asked for twice: give each output its own name.")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``; on leaving, it takes ``path``'s place.

    After an error ``path`` is as it was and the temporary file is gone.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
