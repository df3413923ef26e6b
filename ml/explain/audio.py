"""Occlusion of a window of speech in time and in frequency: how far the logit falls without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import signal

SAMPLE_RATE = 16_000
TIME_PARTS = 8
BAND_EDGES_HZ = (0, 400, 800, 1_300, 2_000, 3_000, 4_300, 6_000, 8_000)
_FADE = 160
_FLOOR_DB = -40.0

Wave = NDArray[np.float32]
Scorer = Callable[[Sequence[Wave]], NDArray[np.float64]]


@dataclass(frozen=True)
class Occlusion:
    """``centres``: seconds from the start of the window, or Hz. ``drops``: logit of the window
    minus its logit without that part; positive where the part spoke for FAKE."""

    centres: tuple[float, ...]
    drops: tuple[float, ...]


def occlude_time(window: Wave, score: Scorer, parts: int = TIME_PARTS) -> Occlusion:
    """Each of ``parts`` equal stretches of ``window`` (n,) replaced by noise 40 dB below it."""
    edges = np.linspace(0, window.size, parts + 1).astype(int)
    spans = list(pairwise(edges))
    variants = [_silenced(window, int(start), int(end)) for start, end in spans]
    centres = [float(start + end) / 2 / SAMPLE_RATE for start, end in spans]
    return _compared(window, variants, centres, score)


def occlude_frequency(window: Wave, score: Scorer) -> Occlusion:
    """Each band between two of ``BAND_EDGES_HZ`` filtered out of ``window``."""
    bands = list(pairwise(BAND_EDGES_HZ))
    variants = [_without_band(window, low, high) for low, high in bands]
    return _compared(window, variants, [(low + high) / 2 for low, high in bands], score)


def _compared(
    window: Wave, variants: Sequence[Wave], centres: Sequence[float], score: Scorer
) -> Occlusion:
    logits = score([window, *variants])
    drops = logits[0] - logits[1:]
    return Occlusion(tuple(centres), tuple(float(drop) for drop in drops))


def _silenced(window: Wave, start: int, end: int) -> Wave:
    quiet = float(np.sqrt(np.mean(np.square(window)))) * 10 ** (_FLOOR_DB / 20)
    noise = np.random.default_rng(0).standard_normal(end - start) * quiet
    fade = min(_FADE, (end - start) // 2)
    keep = np.zeros(end - start)
    if fade:
        ramp = np.linspace(1, 0, fade, endpoint=False)
        keep[:fade], keep[-fade:] = ramp, ramp[::-1]
    out = window.copy()
    out[start:end] = window[start:end] * keep + noise * (1 - keep)
    return out


def _without_band(window: Wave, low: float, high: float) -> Wave:
    nyquist = SAMPLE_RATE / 2
    cutoff = [edge for edge in (low, high) if 0 < edge < nyquist]
    taps = signal.firwin(257, cutoff, fs=SAMPLE_RATE, pass_zero=low > 0)
    return np.asarray(signal.fftconvolve(window, taps, mode="same"), dtype=np.float32)
