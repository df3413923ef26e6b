"""A spoofing countermeasure on the first layers of a pretrained speech-recognition encoder.

Encoder: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (Whisper),
2022. As a front end for spoofing detection: Kawa et al., "Improved DeepFake Detection Using
Whisper Features", Interspeech 2023. Here the means and deviations over time of every layer are
read by one linear layer. The encoder hears magnitudes alone, so the same layer may read the
steadiness of the group delay beside them, and it may hold a reading for each of several kinds of
forgery.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional

from ml.models.group_delay import group_delay_steadiness, steadiness_values

SAMPLE_RATE = 16_000
MELS = 80
FFT = 400
HOP = 160
MAX_POSITIONS = 1500


@dataclass(frozen=True)
class WhisperConfig:
    """Sizes of the encoder (tiny: 384 wide, 6 heads, 4 layers); the first ``layers`` are used.
    ``changes``: the deviation of the change from frame to frame is read, too.
    ``group_delay``: lengths in samples of the windows that it is read in; none: it is not read.
    ``readings``: how many kinds of forgery have a reading of their own; the logit is that of any
    of them, the logarithm of the sum of their ratios."""

    layers: int = 2
    width: int = 384
    heads: int = 6
    dropout: float = 0.3
    changes: bool = False
    group_delay: tuple[int, ...] = ()
    readings: int = 1


class EncoderLayer(nn.Module):
    """Pre-norm transformer layer: self-attention and a feed-forward of four times the width."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward_in = nn.Linear(width, 4 * width)
        self.feed_forward_out = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) to the same shape."""
        batch, time, width = x.shape
        heads = self.query_key_value(self.attention_norm(x))
        query, key, value = heads.view(batch, time, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.attention_out(mixed.transpose(1, 2).reshape(batch, time, width))
        hidden = functional.gelu(self.feed_forward_in(self.feed_forward_norm(x)))
        widened: Tensor = self.feed_forward_out(hidden)
        return x + widened


class WhisperDetector(nn.Module):
    """Raw waveform to one logit, positive for FAKE. Up to 30 s at 16 kHz; trained on 4.04 s."""

    window: Tensor
    mel: Tensor

    def __init__(self, config: WhisperConfig | None = None) -> None:
        super().__init__()
        config = config or WhisperConfig()
        width = config.width
        bank = torchaudio.functional.melscale_fbanks(
            FFT // 2 + 1, 0.0, SAMPLE_RATE / 2, MELS, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
        )
        self.register_buffer("mel", bank.T.contiguous(), persistent=False)
        self.register_buffer("window", torch.hann_window(FFT), persistent=False)
        self.conv1 = nn.Conv1d(MELS, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(MAX_POSITIONS, width), requires_grad=False)
        self.layers = nn.ModuleList(EncoderLayer(width, config.heads) for _ in range(config.layers))
        self.changes = config.changes
        self.group_delay = tuple(config.group_delay)
        statistics = (3 if config.changes else 2) * width * (config.layers + 1)
        statistics += steadiness_values(self.group_delay)
        self.statistics_norm = nn.BatchNorm1d(statistics)
        self.drop = nn.Dropout(config.dropout)
        self.out_layer = nn.Linear(statistics, config.readings)

    def forward(self, waveform: Tensor) -> Tensor:
        """float32 (B, samples) at 16 kHz to logits (B,), positive for FAKE."""
        statistics = self.statistics(waveform)
        with torch.autocast(waveform.device.type, enabled=False):
            pooled = self.statistics_norm(statistics)
            logit: Tensor = self.out_layer(self.drop(pooled)).logsumexp(1)
        return logit

    def statistics(self, waveform: Tensor) -> Tensor:
        """Mean, deviation and, with ``changes``, deviation of the change over time of every
        layer, behind them what ``group_delay`` asks for: (B, samples) to (B, 2 or 3 * width
        * states + ``steadiness_values(group_delay)``)."""
        parts = []
        for state in self.states(self.log_mel(waveform)):
            parts += [state.mean(1), state.std(1)]
            if self.changes:
                parts.append(state.diff(dim=1).std(1))
        if self.group_delay:
            parts.append(group_delay_steadiness(waveform, self.group_delay))
        return torch.cat(parts, 1)

    def log_mel(self, waveform: Tensor) -> Tensor:
        """(B, samples) to (B, 80, samples // 160), scaled as the encoder was trained; the level
        of the recording does not matter."""
        with torch.autocast(waveform.device.type, enabled=False):
            spectrum = torch.stft(waveform, FFT, HOP, window=self.window, return_complex=True)
            mel = self.mel @ spectrum[..., :-1].abs().square()
            peak = mel.amax((1, 2), keepdim=True).clamp_min(1e-10)
            return ((mel / peak).clamp_min(1e-8).log10() + 4.0 + 1.5) / 4.0

    def states(self, log_mel: Tensor) -> list[Tensor]:
        """The embedding and the output of each layer, float32 (B, T, width) each."""
        x = functional.gelu(self.conv2(functional.gelu(self.conv1(log_mel)))).transpose(1, 2)
        x = x + self.positions[: x.size(1)]
        states = [x.float()]
        for layer in self.layers:
            x = layer(x)
            states.append(x.float())
        return states
