"""Where the files are: a folder, a pattern, a list or one file, here or behind a URI."""

import os
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from jointtrack_server.batch.errors import BatchError

LIST_SUFFIX = ".txt"
_WILDCARD = re.compile(r"[*?]")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class Source:
    """``folder`` is what the files' paths are relative to.

    ``pattern``, ``names_file`` and ``only`` say which of its files, if not all; at most one is set.
    """

    name: str
    filesystem: fs.FileSystem
    folder: str
    pattern: str | None = None
    names_file: str | None = None
    only: str | None = None

    def open(self, path: str) -> pa.NativeFile:
        """Raises OSError."""
        return self.filesystem.open_input_file(self.full(path))

    def full(self, path: str) -> str:
        """The path as the file system has it."""
        return posixpath.join(self.folder, path)

    @property
    def is_local(self) -> bool:
        return isinstance(self.filesystem, fs.LocalFileSystem)


def open_source(text: str) -> Source:
    """A folder, a pattern with ``*``, ``**`` or ``?``, a ``.txt`` of names, or one file; or a URI
    of one of them. Raises BatchError.
    """
    fixed, pattern = _split(text)
    filesystem, path = _filesystem(fixed)
    if not is_text(path + pattern):
        raise BatchError(f"{readable(text)} is not UTF-8: rename it.")
    name = path if isinstance(filesystem, fs.LocalFileSystem) else fixed.rstrip("/")
    try:
        info = filesystem.get_file_info(path)
    except OSError as error:
        raise BatchError(f"{text} cannot be listed: {error}.") from error
    if pattern and info.type == fs.FileType.Directory:
        return Source(f"{name}/{pattern}", filesystem, path, pattern=pattern)
    if info.type == fs.FileType.Directory:
        return Source(name, filesystem, path)
    if pattern or info.type != fs.FileType.File:
        raise BatchError(f"there is no {fixed}: name a folder, a pattern, a list or a file.")
    folder, own_name = posixpath.split(path)
    if own_name.lower().endswith(LIST_SUFFIX):
        return Source(name, filesystem, folder, names_file=path)
    return Source(name, filesystem, folder, only=own_name)


def matcher(pattern: str) -> re.Pattern[str]:
    """``**/`` stands for any folders, ``*`` for any part of a name, ``?`` for one character."""
    parts = re.split(r"(\*\*/|\*|\?)", pattern)
    meanings = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meanings.get(part) or re.escape(part) for part in parts))


def is_text(name: str) -> bool:
    """Whether it is UTF-8, as names must be in the table and for Arrow's file systems."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def readable(name: str) -> str:
    """With ``\\x`` and a number for each byte that is no text."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _split(text: str) -> tuple[str, str]:
    """The folder before the first wildcard, and the pattern in it; a file or folder of that very
    name goes before a pattern."""
    wildcard = _WILDCARD.search(text)
    if wildcard is None or (not _SCHEME.match(text) and Path(text).exists()):
        return text, ""
    fixed, slash, _ = text[: wildcard.start()].rpartition("/")
    return fixed + slash or ".", text[len(fixed + slash) :]


def _filesystem(text: str) -> tuple[fs.FileSystem, str]:
    """Arrow's own file system, else fsspec's. Raises BatchError."""
    if not _SCHEME.match(text):
        return fs.LocalFileSystem(), Path(os.path.abspath(text)).as_posix()
    try:
        filesystem, path = fs.FileSystem.from_uri(text)
    except pa.ArrowInvalid:
        return _fsspec(text)
    except OSError as error:
        raise BatchError(f"{text} cannot be opened: {error}.") from error
    return filesystem, path.rstrip("/") or "/"


def _fsspec(text: str) -> tuple[fs.FileSystem, str]:
    scheme = text.partition("://")[0]
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - only for what Arrow does not read
    except ImportError as error:
        raise BatchError(
            f"{scheme}:// needs fsspec and its package for {scheme}: pip install fsspec, and see "
            "its documentation for the other one."
        ) from error
    try:
        filesystem, path = url_to_fs(text)
    except (ImportError, ValueError) as error:
        raise BatchError(f"{scheme}:// cannot be read here: {error}.") from error
    return fs.PyFileSystem(fs.FSSpecHandler(filesystem)), path.rstrip("/") or "/"
