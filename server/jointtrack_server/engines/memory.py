"""Returns to the system what loading a model needed for a moment."""

import ctypes
import sys


def give_back_memory() -> None:
    """glibc keeps freed memory, 40 to 100 MB after a compilation; asked, it returns it."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
