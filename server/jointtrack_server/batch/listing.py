"""Which files there are. Names lie in Arrow's columns: a million take a tenth of a gigabyte."""

import os
import posixpath
from collections.abc import Iterator
from itertools import islice

import pyarrow as pa
from pyarrow import fs

from jointtrack.video import PICTURE_SUFFIXES
from jointtrack_server.batch.errors import BatchError
from jointtrack_server.batch.source import Source, is_text, matcher, readable

VIDEO_SUFFIXES = {
    *(".3gp", ".avi", ".m4v", ".mkv", ".mov", ".mp4"),
    *(".mpeg", ".mpg", ".mts", ".webm", ".wmv"),
}
BATCH_FILES = 10_000

LISTED = pa.schema(
    [
        ("path", pa.string()),
        ("file_bytes", pa.int64()),
        ("file_modified", pa.timestamp("us", tz="UTC")),
    ]
)
"""A file, and by what it is known to have changed; null where the store does not say."""


def is_video(path: str) -> bool:
    return posixpath.splitext(path)[1].lower() in VIDEO_SUFFIXES


def listed(source: Source, misnamed: list[str], *, recursive: bool) -> Iterator[pa.RecordBatch]:
    """All pictures and videos, each once, as ``LISTED``. Folders that are links are not entered,
    and what is hidden is left out. Files and folders whose names are not UTF-8 go to ``misnamed``.

    Raises BatchError where a folder or the list cannot be read.
    """
    infos = _infos(source, recursive=recursive)
    try:
        while some := list(islice(infos, BATCH_FILES)):
            misnamed += [readable(path) for path, info in some if info is None]
            yield _batch([(path, info) for path, info in some if info is not None])
    except OSError as error:
        raise BatchError(f"{source.name} cannot be listed: {error}.") from error


_Found = tuple[str, fs.FileInfo | None]
"""A path relative to the source's folder, and what the store says of it; None where the path is not
UTF-8, so that Arrow cannot take it. Such bytes are surrogates, as in Python's own paths, and such a
folder ends with a slash."""


def _infos(source: Source, *, recursive: bool) -> Iterator[_Found]:
    if source.names_file is not None:
        return _named(source, _lines(source, source.names_file))
    if source.only is not None:
        return _named(source, iter([source.only]))
    if source.pattern is None:
        return _within(source, recursive=recursive)
    matches = matcher(source.pattern).fullmatch
    deep = "/" in source.pattern
    found = _within(source, recursive=deep)
    return (one for one in found if one[0].endswith("/") or matches(one[0]))


def _within(source: Source, *, recursive: bool) -> Iterator[_Found]:
    """Folder by folder, so that no more than one folder's names are held at a time."""
    folders = [source.folder]
    start = len(source.folder.rstrip("/")) + 1
    while folders:
        for info in source.filesystem.get_file_info(fs.FileSelector(folders.pop())):
            path = _path(info)
            name = posixpath.basename(path)
            if name.startswith("."):
                continue
            if info.type == fs.FileType.Directory:
                if not recursive or _is_link(source, path):
                    continue
                if is_text(name):
                    folders.append(path)
                else:
                    yield f"{path[start:]}/", None
            elif info.type == fs.FileType.File and _is_wanted(name):
                yield path[start:], info if is_text(name) else None


def _path(info: fs.FileInfo) -> str:
    try:
        path: str = info.path
    except UnicodeDecodeError as error:
        return error.object.decode(errors="surrogateescape")
    return path


def _is_wanted(name: str) -> bool:
    suffix = posixpath.splitext(name)[1].lower()
    return suffix in PICTURE_SUFFIXES or suffix in VIDEO_SUFFIXES


def _is_link(source: Source, path: str) -> bool:
    return source.is_local and os.path.islink(path)


def _lines(source: Source, names_file: str) -> Iterator[str]:
    """The names in a list, each once; empty lines are left out."""
    seen: set[str] = set()
    with source.filesystem.open_input_stream(names_file) as file:
        for line in _text_lines(file):
            name = line.strip()
            if name and name not in seen:
                seen.add(name)
                yield name


def _text_lines(file: pa.NativeFile) -> Iterator[str]:
    rest = b""
    while block := file.read(1 << 20):
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            yield line.decode(errors="surrogateescape")
    yield rest.decode(errors="surrogateescape")


def _named(source: Source, names: Iterator[str]) -> Iterator[_Found]:
    while some := list(islice(names, BATCH_FILES)):
        good = [name for name in some if is_text(name)]
        infos = source.filesystem.get_file_info([source.full(name) for name in good])
        yield from zip(good, infos, strict=True)
        yield from ((name, None) for name in some if not is_text(name))


def _batch(found: list[tuple[str, fs.FileInfo]]) -> pa.RecordBatch:
    columns = [
        [path for path, _ in found],
        [info.size for _, info in found],
        [None if info.mtime_ns is None else info.mtime_ns // 1000 for _, info in found],
    ]
    return pa.RecordBatch.from_arrays(
        [pa.array(values, field.type) for values, field in zip(columns, LISTED, strict=True)],
        schema=LISTED,
    )
