"""Keeping freed memory in the process, for networks that ask for large blocks again and again.

By default glibc hands every block over 32 MiB back to the kernel and gets it anew, page by page:
half of the processor time of AASIST went there.
"""

from __future__ import annotations

import ctypes

# Numbers of malloc.h (glibc).
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
GROW_BY = 256 * 1024**2
NEVER = 2**31 - 1  # the largest int


def keep_freed_memory() -> bool:
    """Tell this process's allocator to keep what is freed; False where it cannot (not glibc)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: NEVER, M_TOP_PAD: GROW_BY}
    return all(mallopt(option, value) for option, value in settings.items())
