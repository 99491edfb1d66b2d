"""Cuts JPEGs out of bytes that hold one after the other (MJPEG, multipart or not). Pure.

The markers are those of ISO/IEC 10918-1, table B.1.
"""

import re
from collections.abc import Iterable, Iterator

MAX_JPEG_BYTES = 64 * 1024 * 1024
"""What is longer fits into no message."""

_START = b"\xff\xd8"
_END = 0xD9
_START_OF_SCAN = 0xDA
_START_OF_IMAGE = 0xD8
_FILL = 0xFF
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD8)}  # TEM and the restart markers
# Inside a scan 0xFF is data before 0x00 and a restart before 0xD0..0xD7; all else ends the scan.
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


class BrokenJpegError(Exception):
    """Not a whole JPEG; ``offset`` is where to go on looking for the next one."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


def split_jpegs(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    """Each JPEG, whole and unchanged; None where one is broken. Bytes between them are skipped."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        yield from _cut(buffer)
    if buffer.startswith(_START):
        yield None


def _cut(buffer: bytearray) -> Iterator[bytes | None]:
    """Takes what is whole off the buffer's front; what is left starts with a JPEG's beginning."""
    while True:
        start = buffer.find(_START)
        del buffer[: len(buffer) - 1 if start < 0 else start]
        if start < 0:
            return
        try:
            end = _end_of_jpeg(buffer)
        except BrokenJpegError as error:
            del buffer[: error.offset]
            yield None
            continue
        if end is None:
            return
        jpeg = bytes(buffer[:end])
        del buffer[:end]
        yield jpeg


def _end_of_jpeg(buffer: bytearray) -> int | None:
    """Where the JPEG at the buffer's front ends; None if that has not come yet."""
    position = len(_START)
    while position + 1 < len(buffer):
        if buffer[position] != _FILL:
            raise BrokenJpegError(len(_START))
        marker = buffer[position + 1]
        if marker == _END:
            return position + 2
        if marker == _START_OF_IMAGE:
            raise BrokenJpegError(position)
        if marker == _FILL:
            position += 1
        elif marker in _WITHOUT_LENGTH:
            position += 2
        else:
            position += 2 + int.from_bytes(buffer[position + 2 : position + 4])
            if marker == _START_OF_SCAN:
                after = _AFTER_SCAN.search(buffer, position)
                if after is None:
                    break
                position = after.start()
    if len(buffer) > MAX_JPEG_BYTES:
        raise BrokenJpegError(len(buffer))
    return None
