"""A small convolutional network on constant-Q cepstral coefficients.

Features: Todisco, Delgado and Evans, "Constant Q cepstral coefficients", 2017: a constant-Q
transform (Brown and Puckette 1992), log power, resampling of its geometric frequency axis to a
uniform one, discrete cosine transform.
"""

from __future__ import annotations

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray
from torch import Tensor, nn

SAMPLE_RATE = 16_000
BINS = 96
BINS_PER_OCTAVE = 12
LOWEST_HZ = 27.5
FFT = 16_384
HOP = 256
CEPSTRA = 30
WIDTHS = (32, 64, 128, 256)
_UNIFORM_POINTS = 512
_DELTA_WINDOW = 9
_FLOOR = 1e-7


class CqccCnn(nn.Module):
    """Waveform (B, N) float32 mono 16 kHz -> logit (B,), > 0 is FAKE. 389,057 parameters."""

    kernel: Tensor
    cosines: Tensor

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.from_numpy(constant_q_kernel()), persistent=False)
        self.register_buffer("cosines", torch.from_numpy(cepstral_matrix()), persistent=False)
        layers: list[nn.Module] = []
        before = 1
        for width in WIDTHS:
            layers += [
                nn.Conv2d(before, width, 3, padding=1),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            before = width
        self.layers = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(before, 1)

    def cepstra(self, waveform: Tensor) -> Tensor:
        """(B, N) -> 30 coefficients, their first and second differences (B, 1, 90, N / 256 + 1),
        each row with zero mean and unit deviation over time."""
        with torch.autocast(waveform.device.type, enabled=False):
            frames = torch.stft(
                waveform,
                FFT,
                HOP,
                window=torch.ones(FFT, device=waveform.device),
                return_complex=True,
            )
            transformed = torch.einsum("bft,kf->bkt", frames, self.kernel)
            power = transformed.real.square() + transformed.imag.square()
            logs = (power + _FLOOR * power.amax(dim=(1, 2), keepdim=True) + 1e-12).log()
            static = torch.einsum("ck,bkt->bct", self.cosines, logs)
            first = torchaudio.functional.compute_deltas(static, _DELTA_WINDOW)
            second = torchaudio.functional.compute_deltas(first, _DELTA_WINDOW)
            rows = torch.cat([static, first, second], dim=1)
            spread = rows.std(dim=2, keepdim=True) + 1e-5
            return ((rows - rows.mean(dim=2, keepdim=True)) / spread)[:, None]

    def classify(self, cepstra: Tensor) -> Tensor:
        """(B, 1, 90, T) -> (B,)."""
        pooled = self.layers(cepstra).mean(dim=(2, 3))
        logits: Tensor = self.fc(self.dropout(pooled))
        return logits.squeeze(1)

    def forward(self, waveform: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        return self.classify(self.cepstra(waveform))


def bin_frequencies() -> NDArray[np.float64]:
    """Centre frequencies in Hz of the constant-Q bins, (96,)."""
    return np.asarray(LOWEST_HZ * 2.0 ** (np.arange(BINS) / BINS_PER_OCTAVE))


def constant_q_kernel() -> NDArray[np.complex64]:
    """(96, 8193): what a frame's spectrum is multiplied with to give the constant-Q bins.

    Each bin is a Hann-windowed tone of as many periods as the others, in the middle of the frame.
    """
    quality = 1.0 / (2.0 ** (1.0 / BINS_PER_OCTAVE) - 1.0)
    kernel = np.zeros((BINS, FFT // 2 + 1), np.complex64)
    for place, frequency in enumerate(bin_frequencies()):
        length = round(quality * SAMPLE_RATE / frequency)
        t = np.arange(length) - (length - 1) / 2
        tone = np.hanning(length) / length * np.exp(2j * np.pi * frequency * t / SAMPLE_RATE)
        frame = np.zeros(FFT, np.complex128)
        start = (FFT - length) // 2
        frame[start : start + length] = tone
        kernel[place] = np.conj(np.fft.fft(frame))[: FFT // 2 + 1] / FFT
    return kernel


def cepstral_matrix() -> NDArray[np.float32]:
    """(30, 96): linear interpolation to 512 uniform frequencies, then an orthonormal DCT-II."""
    frequencies = bin_frequencies()
    uniform = np.linspace(frequencies[0], frequencies[-1], _UNIFORM_POINTS)
    resample = np.stack([np.interp(uniform, frequencies, row) for row in np.eye(BINS)], axis=1)
    n = np.arange(_UNIFORM_POINTS)
    cosines = np.cos(np.pi * np.arange(CEPSTRA)[:, None] * (n + 0.5) / _UNIFORM_POINTS)
    cosines *= np.sqrt(2.0 / _UNIFORM_POINTS)
    cosines[0] /= np.sqrt(2.0)
    return np.asarray(cosines @ resample, np.float32)
