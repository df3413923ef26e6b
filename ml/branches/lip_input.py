"""A face clip and its sound as the synchrony network sees them, on one clock of 25 frames/s."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import librosa
import numpy as np
from numpy.typing import NDArray

from ml.media.prepared import SAMPLE_RATE, FaceClip
from ml.models.sync_net import FRAME_RATE, MELS, MOUTH

HOP = 160
MELS_PER_FRAME = SAMPLE_RATE // HOP // FRAME_RATE
MOUTH_SHARE = 0.42
_MIN_FRAMES = 30


@dataclass(frozen=True)
class LipInput:
    """``mouths`` (T, 32, 32) float32 grey in [0, 1]; ``mels`` (4T, 40) float32 with zero mean and
    unit deviation; ``t`` (T,) seconds of each frame."""

    mouths: NDArray[np.float32]
    mels: NDArray[np.float32]
    t: NDArray[np.float64]


def lip_input(clip: FaceClip, waveform: NDArray[np.float32], audio_start: float) -> LipInput | None:
    """Mouth and speech on the common clock; None when they overlap by less than 1.2 s."""
    first = max(float(clip.t[0]), audio_start)
    last = min(float(clip.t[-1]), audio_start + len(waveform) / SAMPLE_RATE)
    count = int((last - first) * FRAME_RATE)
    if count < _MIN_FRAMES:
        return None
    times = first + np.arange(count) / FRAME_RATE
    return LipInput(mouths(clip, times), log_mels(waveform, times[0] - audio_start, count), times)


def mouths(clip: FaceClip, times: NDArray[np.float64]) -> NDArray[np.float32]:
    """(T, 32, 32) grey mouth pictures of the frames nearest to ``times``."""
    nearest = np.abs(clip.t[None, :] - times[:, None]).argmin(axis=1)
    side = clip.rgb.shape[1]
    size = round(MOUTH_SHARE * side)
    out = np.empty((len(times), MOUTH, MOUTH), dtype=np.float32)
    for row, index in enumerate(nearest):
        x, y = clip.landmarks[index, 3:5].mean(axis=0)
        left = int(np.clip(round(float(x) - size / 2), 0, side - size))
        top = int(np.clip(round(float(y) - size / 2), 0, side - size))
        grey = cv2.cvtColor(
            clip.rgb[index, top : top + size, left : left + size], cv2.COLOR_RGB2GRAY
        )
        out[row] = cv2.resize(grey, (MOUTH, MOUTH), interpolation=cv2.INTER_AREA) / 255.0
    return out


def log_mels(waveform: NDArray[np.float32], start_s: float, frames: int) -> NDArray[np.float32]:
    """(4 * frames, 40) log-mel rows, 100 a second, from ``start_s`` seconds into the waveform."""
    rows = frames * MELS_PER_FRAME
    begin = round(start_s * SAMPLE_RATE)
    part = waveform[begin : begin + rows * HOP]
    part = np.pad(part, (0, rows * HOP - len(part)))
    power = librosa.feature.melspectrogram(
        y=part, sr=SAMPLE_RATE, n_fft=400, hop_length=HOP, n_mels=MELS, fmin=60, fmax=7600
    )
    logs = np.log(power[:, :rows].T + 1e-6)
    return np.asarray((logs - logs.mean()) / (logs.std() + 1e-6), dtype=np.float32)
