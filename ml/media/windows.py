"""Fixed-length windows of a waveform, the same in training, evaluation and analysis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def level(wave: NDArray[np.float32], rms: float) -> NDArray[np.float32]:
    """``wave`` scaled to the root mean square ``rms`` (silence stays silent)."""
    now = float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))
    return wave if now < 1e-7 else (wave * (rms / now)).astype(np.float32)


def repeat_to(waveform: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """The first ``samples`` of ``waveform`` (n,), repeated end to end when it is shorter.

    Raises ValueError for an empty waveform.
    """
    if waveform.size == 0:
        raise ValueError("an empty waveform cannot fill a window")
    if waveform.size >= samples:
        return waveform[:samples]
    return np.resize(waveform, samples)


def window_starts(total: int, samples: int, hop: int) -> list[int]:
    """Sample offsets of windows of ``samples`` every ``hop`` that cover 0 .. ``total``; the last
    one ends with the waveform, a waveform shorter than a window has the one start 0."""
    if total <= samples:
        return [0]
    starts = list(range(0, total - samples + 1, hop))
    if starts[-1] + samples < total:
        starts.append(total - samples)
    return starts
