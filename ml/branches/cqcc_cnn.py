"""A small CNN on constant-Q cepstra of sliding windows of speech."""

from __future__ import annotations

from torch import nn

from ml.branches.speech_network import SpeechNetworkBranch
from ml.models.cqcc_cnn import CqccCnn
from ml.weights.registry import WeightEntry


def build(entry: WeightEntry) -> nn.Module:
    """The network of a registry entry."""
    return CqccCnn(**entry.config)


def create() -> SpeechNetworkBranch:
    """The branch, not yet loaded."""
    return SpeechNetworkBranch("cqcc_cnn", "1", "Constant-Q cepstra (CNN)", build)
