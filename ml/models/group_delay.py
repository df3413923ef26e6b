"""How steady the group delay of speech is: what a vocoder seldom gets right.

The group delay is the negative derivative of the short-time phase over frequency. Its mean
resultant length over the frames that hold speech (Mardia and Jupp, "Directional Statistics", 2000)
is 1 where a frequency is delayed alike in every frame and 0 where it is delayed at random. Phase
derivatives as signs of synthesis: Saratxaga et al., "Synthetic speech detection using phase
information", Speech Communication 81, 2016.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

HOPS = 8
QUIET = 1e-3
# Of the loudest magnitude (-90 dB): the rounding to 16 bits lies below it and must not be heard.
FLOOR = 10**-4.5


def steadiness_values(windows: Sequence[int]) -> int:
    """How many values ``group_delay_steadiness`` gives for these windows."""
    return sum(size // 2 for size in windows)


def group_delay_steadiness(waveform: Tensor, windows: Sequence[int]) -> Tensor:
    """float32 (B, samples) to float32 (B, ``steadiness_values(windows)``), each 0 to 1.

    ``windows`` are lengths in samples, even and no longer than the waveform. The level of the
    recording does not matter; frames more than 30 dB below the loudest are left out, and a
    frequency fades to 0 where it is more than 90 dB below the loudest.
    """
    with torch.autocast(waveform.device.type, enabled=False):
        return torch.cat([_steadiness(waveform, size) for size in windows], 1)


def _steadiness(waveform: Tensor, size: int) -> Tensor:
    window = torch.hann_window(size, device=waveform.device)
    spectrum = torch.stft(
        waveform, size, size // HOPS, window=window, center=False, return_complex=True
    )
    magnitude = spectrum.abs()
    energy = magnitude.square().sum(1, keepdim=True)
    heard = energy > QUIET * energy.amax(2, keepdim=True)
    floor = (FLOOR * magnitude.amax((1, 2), keepdim=True)).clamp_min(1e-12)
    phase = spectrum / (magnitude + floor)
    delay = phase[:, 1:] * phase[:, :-1].conj()
    return (delay * heard).sum(2).abs() / heard.sum(2).clamp_min(1)
