"""Where the server's time comes from: whether the kernel's clock is held to a time source.

Synchronisation (NTP, chrony, PTP, a GPS receiver) is the system's business; the kernel keeps its
state, which any process may read with ``adjtimex`` (Linux).
"""

from __future__ import annotations

import ctypes
import sys

UNSYNCHRONISED = 0x0040  # STA_UNSYNC of <sys/timex.h>


class _Timex(ctypes.Structure):
    """The head of ``struct timex``; the rest is room that the kernel may write to."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    )


def clock_state() -> str:
    """In words: ``synchronised, off by at most N ms``, ``not synchronised`` or ``unknown``."""
    if sys.platform != "linux":
        return "unknown"
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return "unknown"
    state = _Timex(modes=0)
    if adjtimex(ctypes.byref(state)) < 0:
        return "unknown"
    if state.status & UNSYNCHRONISED:
        return "not synchronised"
    return f"synchronised, off by at most {-(-state.maxerror // 1000)} ms"
