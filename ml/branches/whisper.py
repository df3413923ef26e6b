"""What a pretrained speech encoder (Whisper) and the phase tell of spoofed speech, on windows."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ml.branches.precision import body_in
from ml.branches.speech_network import SpeechNetworkBranch
from ml.models.whisper_detector import WhisperConfig, WhisperDetector
from ml.weights.registry import WeightEntry


def build(entry: WeightEntry) -> nn.Module:
    """The network of a registry entry; its ``config`` holds the sizes of ``WhisperConfig``."""
    return WhisperDetector(WhisperConfig(**entry.config))


class WhisperBranch(SpeechNetworkBranch):
    """The encoder may run in reduced precision; spectrogram and last layer stay in float32."""

    dtype = torch.float32

    def forward(self, waves: Tensor) -> Tensor:
        """The network's output for windows (B, samples)."""
        with body_in(self.dtype, self.device):
            return super().forward(waves)


def create() -> WhisperBranch:
    """The branch, not yet loaded."""
    return WhisperBranch("whisper", "1", "Speech encoder (Whisper)", build)
