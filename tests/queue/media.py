"""Small recordings, made on the spot."""

from __future__ import annotations

import io
import wave

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.signal import lfilter

RATE = 16_000
# First three formants of five vowels, and their bandwidths, in hertz.
VOWELS = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (530, 1840, 2480),
    (570, 840, 2410),
)
BANDWIDTHS = (80, 100, 150)


def picture(seed: int, size: int = 96) -> bytes:
    """PNG of coloured noise: nothing to recognise, everything to decode."""
    noise = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    return stream.getvalue()


def voice(seconds: float, seed: int = 0) -> bytes:
    """WAV of vowels from pulses and formant filters, enough of a voice for a speech detector."""
    random = np.random.default_rng(seed)
    parts: list[NDArray[np.float64]] = []
    while sum(part.size for part in parts) < seconds * RATE:
        parts.append(_vowel(random))
        parts.append(random.normal(0, 0.003, int(random.uniform(0.02, 0.12) * RATE)))
    samples = np.concatenate(parts)[: int(seconds * RATE)] * 16_000
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return stream.getvalue()


def _vowel(random: np.random.Generator) -> NDArray[np.float64]:
    size = int(random.uniform(0.12, 0.28) * RATE)
    pitch = random.uniform(95, 150) * np.linspace(1.05, 0.92, size)
    sound = np.diff(np.floor(np.cumsum(pitch / RATE)), prepend=0) + random.normal(0, 0.01, size)
    for formant, bandwidth in zip(VOWELS[random.integers(5)], BANDWIDTHS, strict=True):
        radius = np.exp(-np.pi * bandwidth / RATE)
        turn = 2 * radius * np.cos(2 * np.pi * formant / RATE)
        sound = lfilter([1 - radius], [1, -turn, radius**2], sound)
    shaped: NDArray[np.float64] = sound * np.hanning(size) / np.abs(sound).max()
    return shaped
