"""How glibc's malloc deals with what models and pictures need for a moment."""

import ctypes
import sys

from jointtrack_server.cpus import available_cpus

_M_ARENA_MAX = -8


def share_arenas() -> None:
    """One arena for two CPUs instead of eight for each: 12 MB less with Lightning, as fast.

    Counts for threads that have not begun.
    """
    if sys.platform == "linux":
        set_option = getattr(ctypes.CDLL(None), "mallopt", None)
        if set_option is not None:
            set_option(_M_ARENA_MAX, max(1, available_cpus() // 2))


def give_back_memory() -> None:
    """glibc keeps freed memory, 40 to 100 MB after a compilation; asked, it returns it."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
