"""Small real recordings, made on the spot."""

from __future__ import annotations

import io
import wave

import numpy as np
from PIL import Image

RATE = 16_000


def picture(seed: int, size: int = 96) -> bytes:
    """PNG of coloured noise: nothing to recognise, everything to decode."""
    noise = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    return stream.getvalue()


def voice(seconds: float, seed: int = 0) -> bytes:
    """WAV of a buzz with the pitch, the formants and the pauses of a voice."""
    t = np.arange(int(seconds * RATE)) / RATE
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * 3 * t), 0, 1)
    noise = np.random.default_rng(seed).normal(0, 0.01, t.size)
    samples = np.clip((0.3 * buzz * syllables + noise) * 20_000, -32_000, 32_000)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return stream.getvalue()
