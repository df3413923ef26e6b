"""AASIST on sliding windows of the raw waveform."""

from __future__ import annotations

import torch
from torch import nn

from ml.branches.speech_network import SpeechNetworkBranch
from ml.models.aasist import AASIST, AASIST_BASE, AASIST_LIGHT
from ml.weights.registry import WeightEntry

_SIZES = {"base": AASIST_BASE, "light": AASIST_LIGHT}


def build(entry: WeightEntry) -> nn.Module:
    """The network of a registry entry; its ``config.size`` is "base" or "light"."""
    network = AASIST(_SIZES[entry.config["size"]])
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def create() -> SpeechNetworkBranch:
    """The branch, not yet loaded."""
    return SpeechNetworkBranch("aasist", "1", "Speech waveform (AASIST)", build)
