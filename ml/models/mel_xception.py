"""Xception on mel spectrograms of two seconds of speech.

Backbone: Chollet 2017, as for faces; the spectrogram is scaled to the picture size the network
was made for and given to its three channels alike.
"""

from __future__ import annotations

import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional

from ml.models.xception import FEATURES, Xception

SAMPLE_RATE = 16_000
MELS = 128
FFT = 2048
HOP = 512
LOWEST_HZ, HIGHEST_HZ = 20.0, 8000.0
SIDE = 299
_FLOOR = 1e-6


class MelXception(nn.Module):
    """Waveform (B, N) float32 mono 16 kHz -> logits (B, 2): fake, real.

    ``side`` is the picture's edge in pixels; the head is 2048 -> 512 -> 256 -> 2.
    """

    mel_bank: Tensor
    window: Tensor

    def __init__(self, dropout: float = 0.5, side: int = SIDE) -> None:
        super().__init__()
        self.side = side
        bank = torchaudio.functional.melscale_fbanks(
            FFT // 2 + 1, LOWEST_HZ, HIGHEST_HZ, MELS, SAMPLE_RATE, norm="slaney"
        )
        self.register_buffer("mel_bank", bank, persistent=False)
        self.register_buffer("window", torch.hann_window(FFT), persistent=False)
        self.backbone = Xception(num_classes=2)
        self.backbone.fc = nn.Identity()  # type: ignore[assignment]
        self.head = nn.Sequential(
            nn.Linear(FEATURES, 512),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(512, 256),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(256, 2),
        )

    def pictures(self, waveform: Tensor) -> Tensor:
        """(B, N) -> log-mel pictures (B, 3, side, side), zero mean and unit deviation each."""
        spectrum = torch.stft(waveform, FFT, HOP, window=self.window, return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()
        logs = (power.transpose(1, 2) @ self.mel_bank).clamp(min=_FLOOR).log().transpose(1, 2)
        mean = logs.mean(dim=(1, 2), keepdim=True)
        deviation = logs.std(dim=(1, 2), keepdim=True)
        normal = ((logs - mean) / (deviation + _FLOOR))[:, None]
        size = (self.side, self.side)
        scaled = functional.interpolate(normal, size, mode="bilinear", align_corners=False)
        return scaled.expand(-1, 3, -1, -1)

    def forward(self, waveform: Tensor) -> Tensor:
        """(B, N) -> (B, 2)."""
        pictures = self.pictures(waveform).contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.head(self.backbone(pictures))
        return logits
