"""Where speech is, and how clean the sound is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import welch

from ml.media.prepared import SAMPLE_RATE
from ml.threads import torch_threads

_FRAME = 400
_FULL_SCALE = 0.999
_BANDWIDTH_DROP_DB = 50.0


@dataclass(frozen=True)
class SoundMeasures:
    """``speech``: (start, end) seconds by voice activity. ``snr_db``: speech level over the
    quietest tenth of the recording. ``clipping``: share of samples at full scale.
    ``bandwidth_hz``: highest frequency within 50 dB of the spectrum's peak. ``level_db``: RMS
    over full scale. None where the sound has no energy."""

    speech: tuple[tuple[float, float], ...]
    speech_s: float
    snr_db: float | None
    clipping: float
    bandwidth_hz: float | None
    level_db: float | None


@cache
def _voice_activity() -> Any:
    """silero-vad's TorchScript model; importing the package sets torch to one thread."""
    with torch_threads(1):
        import silero_vad

        return silero_vad.load_silero_vad(), silero_vad.get_speech_timestamps


def measure_sound(waveform: NDArray[np.float32]) -> SoundMeasures:
    """Measures of a mono 16 kHz waveform (N,) float32 in [-1, 1]."""
    speech = find_speech(waveform)
    return SoundMeasures(
        speech=speech,
        speech_s=float(sum(end - start for start, end in speech)),
        snr_db=_snr(waveform, speech),
        clipping=float(np.mean(np.abs(waveform) >= _FULL_SCALE)) if waveform.size else 0.0,
        bandwidth_hz=_bandwidth(waveform),
        level_db=_level(waveform),
    )


def find_speech(waveform: NDArray[np.float32]) -> tuple[tuple[float, float], ...]:
    """Stretches of speech in seconds (Silero VAD, threshold 0.5)."""
    if waveform.size < SAMPLE_RATE // 10:
        return ()
    model, timestamps = _voice_activity()
    with torch_threads(1), torch.inference_mode():
        model.reset_states()
        found = timestamps(torch.from_numpy(np.array(waveform)), model, sampling_rate=SAMPLE_RATE)
    return tuple((span["start"] / SAMPLE_RATE, span["end"] / SAMPLE_RATE) for span in found)


def _levels(waveform: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean square of consecutive 25-ms frames."""
    count = waveform.size // _FRAME
    frames = waveform[: count * _FRAME].reshape(count, _FRAME).astype(np.float64)
    return np.asarray((frames**2).mean(axis=1), np.float64)


def _snr(waveform: NDArray[np.float32], speech: tuple[tuple[float, float], ...]) -> float | None:
    levels = _levels(waveform)
    if not speech or levels.size < 10:
        return None
    times = (np.arange(levels.size) + 0.5) * _FRAME / SAMPLE_RATE
    spoken = np.zeros(levels.size, bool)
    for start, end in speech:
        spoken |= (times >= start) & (times < end)
    if not spoken.any():
        return None
    noise = max(float(np.quantile(levels, 0.1)), 1e-10)
    signal = max(float(levels[spoken].mean()) - noise, 1e-10)
    return float(10 * np.log10(signal / noise))


def _bandwidth(waveform: NDArray[np.float32]) -> float | None:
    if waveform.size < 1024 or not np.any(waveform):
        return None
    frequencies, power = welch(waveform, SAMPLE_RATE, nperseg=1024)
    decibels = 10 * np.log10(np.maximum(power, 1e-20))
    return float(frequencies[np.nonzero(decibels >= decibels.max() - _BANDWIDTH_DROP_DB)[0][-1]])


def _level(waveform: NDArray[np.float32]) -> float | None:
    power = float(np.mean(waveform.astype(np.float64) ** 2)) if waveform.size else 0.0
    return float(10 * np.log10(power)) if power > 0 else None
