"""Tries one file on the decoder, and sees what it may not do. Runs in a process of its own."""

import ctypes
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from jointtrack_server.errors import JointTrackError
from jointtrack_server.imaging.decode import DecodedPicture
from jointtrack_server.imaging.header import read_header
from tests.fuzz.inputs import Case

MIB = 1 << 20
_WEBP_CODES, _WEBP_CODE_BYTES = 1 << 16, 21_000
"""A lossless WebP may change its codes every 4x4 pixels, and libwebp makes tables of each."""

_M_PERTURB = -6
_FILLINGS = (0x5A, 0xA5)
_GLIBC_VERSIONS = (b"GLIBC_2.2.5", b"GLIBC_2.17")
"""The first of glibc on x86-64 and on 64-bit ARM."""

Decode = Callable[..., DecodedPicture]


@dataclass(frozen=True, slots=True)
class Outcome:
    """``answer`` is ``accepted`` or the reason of the refusal; ``fault`` is what may not be."""

    answer: str
    reached_decoder: bool
    grown_bytes: int
    cpu_s: float
    fault: str = ""


def max_grown_bytes(case: Case) -> int:
    """What the size that was checked allows for: 16-bit RGBA, the RGB made of it, and buffers."""
    pixels = _claimed_pixels(case)
    code_bytes = min(pixels // 16, _WEBP_CODES) * _WEBP_CODE_BYTES if case.format == "WebP" else 0
    return 4 * MIB + 8 * len(case.data) + 24 * pixels + code_bytes


def _claimed_pixels(case: Case) -> int:
    try:
        header = read_header(case.data)
    except JointTrackError:
        return 0
    pixels = header.width_px * header.height_px
    return pixels if pixels <= case.limits.max_pixels else 0


def max_cpu_s(case: Case) -> float:
    """Far above what the worst honest file takes; far below what would hold a server up."""
    return 3.0 + 0.3e-6 * case.limits.max_pixels


class Watch:
    """Counts calls of OpenCV's decoder, and measures the process while it decodes."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._native_calls = 0
        self._status = os.open("/proc/self/status", os.O_RDONLY)
        self._clear_refs = os.open("/proc/self/clear_refs", os.O_WRONLY)
        self._mallopt = _mallopt()
        native = cv2.imdecode

        def counted(*args: object) -> object:
            self._native_calls += 1
            return native(*args)  # type: ignore[call-overload]

        cv2.imdecode = counted  # type: ignore[assignment]

    def try_out(self, case: Case) -> Outcome:
        """Decodes twice what is accepted, in memory filled with different bytes before."""
        calls, before_bytes, started_s = self._native_calls, self.resident(), time.process_time()
        os.pwrite(self._clear_refs, b"5", 0)
        self._mallopt(_M_PERTURB, _FILLINGS[0])
        fault, picture = "", None
        try:
            picture = self._decoded(case)
        except JointTrackError as error:
            answer = str(error.reason)
        except Exception as error:  # which one is what we are here to learn
            answer, fault = "exception", f"{type(error).__name__}: {error}"
        else:
            answer = "accepted"
        cpu_s = time.process_time() - started_s
        grown = self._memory(b"VmHWM:") - before_bytes
        if picture is not None:
            fault = _wrong(picture) or self._differs(case, picture)
        if grown > max_grown_bytes(case):
            fault = fault or f"memory: it took {grown / MIB:.0f} MiB"
        if cpu_s > max_cpu_s(case):
            fault = fault or f"slow: it took {cpu_s:.1f} s"
        return Outcome(answer, self._native_calls > calls, grown, cpu_s, fault)

    def resident(self) -> int:
        """Bytes of memory that the process has."""
        return self._memory(b"VmRSS:")

    def _decoded(self, case: Case) -> DecodedPicture:
        return self._decode(case.data, case.limits, min_long_side_px=case.min_long_side_px)

    def _differs(self, case: Case, picture: DecodedPicture) -> str:
        """A decoder that leaves pixels unwritten shows what lay there: another's picture."""
        self._mallopt(_M_PERTURB, _FILLINGS[1])
        again = self._decoded(case).pixels
        if np.array_equal(again, picture.pixels):
            return ""
        return "unwritten pixels: the same file gave two pictures"

    def _memory(self, name: bytes) -> int:
        status = os.pread(self._status, 4096, 0)
        start = status.index(name) + len(name)
        return int(status[start : status.index(b"k", start)]) << 10


def _mallopt() -> Callable[[int, int], int]:
    """That of the heap that the decoders use, the checked one where it is preloaded."""
    find = ctypes.CDLL(None).dlvsym
    find.restype, find.argtypes = ctypes.c_void_p, (ctypes.c_void_p, *[ctypes.c_char_p] * 2)
    found = next(filter(None, (find(None, b"mallopt", version) for version in _GLIBC_VERSIONS)))
    return ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)(found)


def _wrong(picture: DecodedPicture) -> str:
    pixels, size, scale = picture.pixels, picture.size, picture.scale
    expected = (-(-size.height_px // scale), -(-size.width_px // scale), 3)
    if pixels.shape != expected or pixels.dtype != np.uint8:
        return f"wrong picture: {pixels.shape} of {pixels.dtype}, not {expected} of uint8"
    return ""
