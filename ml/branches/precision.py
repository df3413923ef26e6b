"""Reduced precision, offered only where its effect on the logit was measured and is small.

With ``bfloat16`` the body of a network runs in half the bits; what turns features into a logit
stays in float32, and so do the first layers where they would move it. AASIST is not offered: its
graph layers pick their nodes by rank, and a tie that falls the other way moves the logit by 0.4.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

import torch

from ml.errors import ParameterError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# A logit in bfloat16 differs by less than this from the one in float32 (docs/limits.md).
TOLERANCE = 0.1


@runtime_checkable
class ReducedPrecision(Protocol):
    """A branch that may run its body in ``dtype``."""

    dtype: torch.dtype


def named_dtype(name: str) -> torch.dtype:
    """ "float32" or "bfloat16"; ``ParameterError(dtype)`` for another name."""
    if name not in DTYPES:
        raise ParameterError("dtype", f"dtype must be one of {', '.join(DTYPES)}.")
    return DTYPES[name]


def dtype_name(dtype: torch.dtype) -> str:
    """Inverse of ``named_dtype``."""
    return next(name for name, known in DTYPES.items() if known is dtype)


def body_in(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[object]:
    """Products and convolutions inside run in ``dtype``; with float32 nothing changes."""
    return torch.autocast(device.type, dtype, enabled=dtype is not torch.float32)
