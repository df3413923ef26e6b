"""A pretrained speech encoder (Whisper) fine-tuned to tell spoofed speech, on sliding windows."""

from __future__ import annotations

from torch import nn

from ml.branches.speech_network import SpeechNetworkBranch
from ml.models.whisper_detector import WhisperConfig, WhisperDetector
from ml.weights.registry import WeightEntry


def build(entry: WeightEntry) -> nn.Module:
    """The network of a registry entry; its ``config`` holds the sizes of ``WhisperConfig``."""
    return WhisperDetector(WhisperConfig(**entry.config))


def create() -> SpeechNetworkBranch:
    """The branch, not yet loaded."""
    return SpeechNetworkBranch("whisper", "1", "Speech encoder (Whisper)", build)
