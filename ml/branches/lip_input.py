"""A face clip and its sound as the synchrony network sees them, on one clock of 25 frames/s."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import librosa
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from ml.media.prepared import SAMPLE_RATE, FaceClip
from ml.models.sync_net import FRAME_RATE, MELS, MOUTH, REACH

HOP = 160
MELS_PER_FRAME = SAMPLE_RATE // HOP // FRAME_RATE
MOUTH_SHARE = 0.42
_SAMPLES_PER_FRAME = MELS_PER_FRAME * HOP
_MIN_FRAMES = 30
_SMOOTHING_S = 0.2


@dataclass(frozen=True)
class LipInput:
    """``mouths`` (T, 32, 32) float32 grey in [0, 1]; ``mels`` (4 * (T + 30), 40) float32, from 15
    frames before the first mouth to 15 after the last, so that every shift can be looked up;
    ``t`` (T,) seconds of each frame."""

    mouths: NDArray[np.float32]
    mels: NDArray[np.float32]
    t: NDArray[np.float64]


def lip_input(clip: FaceClip, waveform: NDArray[np.float32], audio_start: float) -> LipInput | None:
    """Mouth and speech on the common clock; None when they overlap by less than 1.2 s."""
    first = max(float(clip.t[0]), audio_start)
    last = min(float(clip.t[-1]), audio_start + len(waveform) / SAMPLE_RATE)
    count = int((last - first) * FRAME_RATE + 1e-6) + 1
    if count < _MIN_FRAMES:
        return None
    times = first + np.arange(count) / FRAME_RATE
    mels = log_mels(waveform, times[0] - audio_start - REACH / FRAME_RATE, count + 2 * REACH)
    return LipInput(mouths(clip, times), mels, times)


def mouths(
    clip: FaceClip, times: NDArray[np.float64], share: float = MOUTH_SHARE, size: int = MOUTH
) -> NDArray[np.float32]:
    """(T, size, size) grey pictures, ``share`` of the face crop wide, around the mouth of the
    frames nearest to ``times``. Corners are smoothed over time: detections jitter, heads do not."""
    fps = (len(clip.t) - 1) / max(float(clip.t[-1] - clip.t[0]), 1e-6)
    centres = clip.landmarks[:, 3:5].mean(axis=1).astype(np.float64)
    centres = uniform_filter1d(centres, max(1, round(_SMOOTHING_S * fps)), axis=0, mode="nearest")
    nearest = np.abs(clip.t[None, :] - times[:, None]).argmin(axis=1)
    step = share * clip.rgb.shape[1] / size
    out = np.empty((len(times), size, size), dtype=np.float32)
    for row, index in enumerate(nearest):
        grey = cv2.cvtColor(clip.rgb[index], cv2.COLOR_RGB2GRAY)
        if step > 1:
            grey = cv2.GaussianBlur(grey, (0, 0), 0.4 * step)
        x, y = centres[index] - step * (size - 1) / 2
        place = np.array([[step, 0, x], [0, step, y]])
        out[row] = cv2.warpAffine(
            grey, place, (size, size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
    return out / np.float32(255)


def log_mels(waveform: NDArray[np.float32], start_s: float, frames: int) -> NDArray[np.float32]:
    """(4 * frames, 40) log-mel rows, 100 a second, from ``start_s`` seconds into the waveform
    (which may lie before it); zero mean and unit deviation over what lies inside. Outside is as
    quiet as the quietest inside."""
    rows = frames * MELS_PER_FRAME
    begin = round(start_s * SAMPLE_RATE)
    end = begin + rows * HOP
    inside = waveform[max(begin, 0) : max(end, 0)]
    if inside.size < HOP:
        return np.zeros((rows, MELS), dtype=np.float32)
    power = librosa.feature.melspectrogram(
        y=inside, sr=SAMPLE_RATE, n_fft=400, hop_length=HOP, n_mels=MELS, fmin=60, fmax=7600
    )
    # A floor 60 dB under the loudest band: digital silence is no louder an event than a pause.
    logs = np.log(np.maximum(power[:, : len(inside) // HOP].T, 1e-6 * power.max() + 1e-10))
    logs = (logs - logs.mean()) / (logs.std() + 1e-6)
    before = max(0, round(-begin / HOP))
    after = max(0, rows - before - len(logs))
    padded = np.pad(logs, ((before, after), (0, 0)), constant_values=float(logs.min()))
    return np.asarray(padded[:rows], dtype=np.float32)
