"""A face and a voice nobody has: drawn and synthesised, good enough for the real detectors."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

_OVERSAMPLING = 4
_SKIN, _SHADE, _HAIR = (228, 186, 158), (190, 140, 115), (50, 35, 25)


def draw_face(
    size: int = 256,
    *,
    centre: tuple[float, float] = (0.5, 0.5),
    scale: float = 1.0,
    turn: float = 0.0,
) -> NDArray[np.uint8]:
    """(size, size, 3) RGB; ``centre`` and ``scale`` place the face, ``turn`` moves its features
    to the right of the picture."""
    side = size * _OVERSAMPLING
    picture = np.full((side, side, 3), (120, 140, 160), np.uint8)
    radius = 0.3 * side * scale

    def oval(x: float, y: float, a: float, b: float, colour: tuple[int, int, int]) -> None:
        shift = turn * (1 - min(1.0, abs(x))) * 0.3
        middle = (
            int(centre[0] * side + (x + shift) * radius),
            int(centre[1] * side + y * radius),
        )
        axes = (int(a * radius), int(b * radius))
        cv2.ellipse(picture, middle, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)

    oval(0, -0.25, 0.95, 1.15, _HAIR)
    oval(0, 0.95, 0.42, 0.6, (195, 150, 125))
    oval(0, 0.1, 0.78, 1.05, (222, 178, 150))
    oval(0, 0.25, 0.7, 0.85, _SKIN)
    for side_sign in (-1, 1):
        oval(side_sign * 0.33, -0.12, 0.2, 0.1, _SHADE)
        oval(side_sign * 0.33, -0.1, 0.15, 0.075, (250, 250, 250))
        oval(side_sign * 0.33, -0.1, 0.07, 0.075, (70, 45, 30))
        oval(side_sign * 0.33, -0.1, 0.03, 0.035, (5, 5, 5))
        oval(side_sign * 0.33, -0.32, 0.2, 0.035, _HAIR)
        oval(side_sign * 0.08, 0.33, 0.04, 0.03, (150, 100, 85))
    oval(0, 0.1, 0.06, 0.25, (235, 196, 170))
    oval(0, 0.3, 0.13, 0.07, (212, 165, 138))
    oval(0, 0.62, 0.27, 0.075, (175, 85, 80))
    oval(0, 0.605, 0.25, 0.012, (110, 45, 45))
    soft = cv2.GaussianBlur(picture, (0, 0), 1.2 * _OVERSAMPLING)
    small = cv2.resize(soft, (size, size), interpolation=cv2.INTER_AREA).astype(np.float64)
    small *= np.linspace(1.08, 0.85, size)[None, :, None]
    small += np.random.default_rng(0).normal(0, 3, small.shape)
    return np.clip(small, 0, 255).astype(np.uint8)


def synthesise_voice(seconds: float, rate: int = 16_000) -> NDArray[np.float32]:
    """Vowels of a glottal pulse train through three formants, in syllables with pauses and a
    trace of noise; (N,) float32."""
    generator = np.random.default_rng(0)
    count = round(seconds * rate)
    t = np.arange(count) / rate
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * t) + 5 * np.sin(2 * np.pi * 3 * t)
    phase = np.cumsum(pitch) / rate
    pulses = (np.diff(np.floor(phase), prepend=0) > 0).astype(np.float64)
    source = lfilter([1.0], [1.0, -0.97], pulses) + 0.002 * generator.normal(size=count)
    vowels = [(730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480)]
    syllable = round(0.22 * rate)
    voice = np.zeros(count)
    for number, start in enumerate(range(0, count, syllable)):
        piece = source[start : start + syllable]
        for formant in vowels[number % len(vowels)]:
            radius = np.exp(-np.pi * 90 / rate)
            angle = 2 * np.pi * formant / rate
            piece = lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], piece)
        envelope = np.sin(np.pi * np.linspace(0, 1, piece.size)) ** 0.5
        if number % 5 != 4:
            voice[start : start + syllable] = piece * envelope / max(np.abs(piece).max(), 1e-9)
    return (0.4 * voice + 0.0005 * generator.normal(size=count)).astype(np.float32)
