"""A small 3-D CNN with channel and spatial attention (CBAM, Woo 2018, with a time axis)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class ChannelAttention(nn.Module):
    """Weighs channels by a shared perceptron on their mean and their maximum."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.perceptron = nn.Sequential(
            nn.Linear(channels, channels // reduction),
            nn.ReLU(),
            nn.Linear(channels // reduction, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) to the same shape."""
        mean, peak = x.mean(dim=(2, 3, 4)), x.amax(dim=(2, 3, 4))
        weight = torch.sigmoid(self.perceptron(mean) + self.perceptron(peak))
        return x * weight[:, :, None, None, None]


class SpatialAttention(nn.Module):
    """Weighs places and moments by a convolution over the channels' mean and maximum."""

    def __init__(self, reach: int = 5) -> None:
        super().__init__()
        self.conv = nn.Conv3d(2, 1, reach, padding=reach // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) to the same shape."""
        seen = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        weighted: Tensor = x * torch.sigmoid(self.conv(seen))
        return weighted


class AttentionCnn3d(nn.Module):
    """Face frames (B, 3, T, H, W) with ImageNet normalisation -> logit (B,), > 0 is FAKE."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((3, *widths)):
            layers += [
                nn.Conv3d(before, after, 3, stride=(1, 2, 2), padding=1, bias=False),
                nn.BatchNorm3d(after),
                nn.ReLU(),
                ChannelAttention(after),
                SpatialAttention(),
                nn.MaxPool3d(2),
            ]
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(widths[-1], 1)

    def forward(self, frames: Tensor) -> Tensor:
        """(B, 3, T, H, W), T at least 8 -> (B,)."""
        logits: Tensor = self.fc(self.layers(frames).mean(dim=(2, 3, 4)))
        return logits.squeeze(1)
