"""Tiny-LaDeDa (Cavia 2024): 1,297 parameters that look at tiny patches of local gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 8
STRIDE = 2


class GradientFilter(nn.Module):
    """Fixed filter before the network: what neighbouring pixels do not explain of each other.

    ``npr`` subtracts from the picture its nearest-neighbour down- and upsampled copy (neighbouring
    pixel relations, Tan 2024); ``diagonal`` is the 3x3 filter x[0,0] - x[2,2] of each channel.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        if kind not in ("npr", "diagonal"):
            raise ValueError(f"unknown gradient filter '{kind}': use 'npr' or 'diagonal'")
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H', W'); H' = H (npr) or H - 2 (diagonal)."""
        if self.kind == "diagonal":
            return x[:, :, :-2, :-2] - x[:, :, 2:, 2:]
        coarse = functional.interpolate(x, scale_factor=0.5, mode="nearest")
        return x - functional.interpolate(coarse, size=x.shape[-2:], mode="nearest")


class Bottleneck(nn.Module):
    """1x1 and unpadded, strided 3x3 convolution; no residual, as in the published student."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(WIDTH, WIDTH, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH)
        self.conv2 = nn.Conv2d(WIDTH, WIDTH, 3, stride=STRIDE, bias=False)
        self.bn2 = nn.BatchNorm2d(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 8, H, W) -> (B, 8, (H-3)//2+1, (W-3)//2+1)."""
        out: Tensor = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))).relu()
        return out


class TinyLaDeDa(nn.Module):
    """RGB normalised with ImageNet mean and deviation, (B, 3, H, W) -> logit (B,), > 0 is FAKE.

    Global average and linear commute, so ``patch_map`` is an exact account of the logit: its
    mean is the logit.
    """

    def __init__(self, gradient: str = "diagonal") -> None:
        super().__init__()
        self.gradient = GradientFilter(gradient)
        self.conv1 = nn.Conv2d(3, WIDTH, 1, bias=False)
        self.conv2 = nn.Conv2d(WIDTH, WIDTH, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH, momentum=0.001)
        self.relu = nn.ReLU()
        self.bottleneck = Bottleneck()
        self.fc = nn.Linear(WIDTH, 1)

    def patch_map(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> one logit per patch (B, h, w); ``STRIDE`` pixels from patch to patch."""
        features = self.relu(self.bn1(self.conv2(self.conv1(self.gradient(x)))))
        patches: Tensor = self.fc(self.bottleneck(features).permute(0, 2, 3, 1))
        return patches.squeeze(-1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B,)."""
        return self.patch_map(x).mean(dim=(1, 2))
