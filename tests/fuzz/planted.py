"""Decoders with one fault each, shown for every BMP file: what the watch must see."""

import ctypes
import os
import signal
from collections.abc import Callable

import numpy as np

from jointtrack_server.domain.types import ImageSize
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.imaging.decode import DecodedPicture, ImageLimits

_PyMem_RawMalloc = ctypes.pythonapi.PyMem_RawMalloc
_PyMem_RawMalloc.restype, _PyMem_RawMalloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
_PyMem_RawFree = ctypes.pythonapi.PyMem_RawFree
_PyMem_RawFree.argtypes = (ctypes.c_void_p,)


def _faulty(fault: Callable[[], DecodedPicture]) -> Callable[..., DecodedPicture]:
    def decode(
        data: bytes, limits: ImageLimits, *, min_long_side_px: int | None = None
    ) -> DecodedPicture:
        if data.startswith(b"BM"):
            return fault()
        raise JointTrackError(Reason.INVALID_IMAGE, "The image is no bitmap.")

    return decode


def _picture() -> DecodedPicture:
    return DecodedPicture(np.zeros((200, 300, 3), np.uint8), ImageSize(300, 200))


def _crash() -> DecodedPicture:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError


def _write_past_the_end() -> DecodedPicture:
    block = _PyMem_RawMalloc(100)
    ctypes.memset(block, 0, 101)
    _PyMem_RawFree(block)
    return _picture()


def _hang() -> DecodedPicture:
    while True:
        pass


def _other_exception() -> DecodedPicture:
    raise ValueError("a bare one")


def _wrong_size() -> DecodedPicture:
    return DecodedPicture(np.zeros((200, 300, 3), np.uint8), ImageSize(300, 201))


def _unwritten() -> DecodedPicture:
    return DecodedPicture(np.empty((200, 300, 3), np.uint8), ImageSize(300, 200))


def _much_memory() -> DecodedPicture:
    np.ones(128 << 20, np.uint8)
    return _picture()


crash = _faulty(_crash)
write_past_the_end = _faulty(_write_past_the_end)
hang = _faulty(_hang)
other_exception = _faulty(_other_exception)
wrong_size = _faulty(_wrong_size)
unwritten = _faulty(_unwritten)
much_memory = _faulty(_much_memory)
