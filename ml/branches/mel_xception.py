"""Xception on the mel spectrogram of 2-s windows of speech, every window half over the next."""

from __future__ import annotations

import torch
from torch import nn

from ml.branches.speech_network import HOP_S, SpeechNetworkBranch
from ml.explain.audio import SAMPLE_RATE
from ml.models.mel_xception import MelXception
from ml.weights.registry import WeightEntry

SAMPLES = round(2 * HOP_S * SAMPLE_RATE)


def build(entry: WeightEntry) -> nn.Module:
    """The network of a registry entry; its ``config`` may set ``side`` of the picture."""
    network = MelXception(**entry.config)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def create() -> SpeechNetworkBranch:
    """The branch, not yet loaded."""
    return SpeechNetworkBranch(
        "mel_xception", "1", "Mel spectrogram (Xception)", build, samples=SAMPLES
    )
