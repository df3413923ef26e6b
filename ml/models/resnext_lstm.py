"""ResNeXt50-32x4d (Xie 2017) per frame and a bidirectional LSTM over the frames of one face."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models import resnext50_32x4d

from ml.models.sequence import masked_states

FEATURES = 2048


class ResNeXtLSTM(nn.Module):
    """Face frames with ImageNet normalisation (B, T, 3, S, S) -> logits (B, 2), class 1 FAKE.

    ``lengths`` (B,) counts the real frames of each padded sequence; padding never enters the
    recurrence or the pooling, which joins the masked mean and maximum over time.
    """

    def __init__(self, hidden: int = 256, layers: int = 2, dropout: float = 0.3) -> None:
        super().__init__()
        self.backbone = resnext50_32x4d(weights=None)
        self.backbone.fc = nn.Identity()
        self.lstm = nn.LSTM(
            FEATURES,
            hidden,
            layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if layers > 1 else 0.0,
        )
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(4 * hidden, 128),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(128, 2),
        )

    def feature_maps(self, frames: Tensor) -> Tensor:
        """(N, 3, S, S) -> layer4 maps (N, 2048, S/32, S/32), after ReLU."""
        net = self.backbone
        x = net.maxpool(net.relu(net.bn1(net.conv1(frames))))
        out: Tensor = net.layer4(net.layer3(net.layer2(net.layer1(x))))
        return out

    def classify(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Frame features (B, T, 2048) with (B,) int64 lengths -> logits (B, 2)."""
        states, real = masked_states(self.lstm, features, lengths)
        mean = (states * real).sum(1) / real.sum(1)
        peak = states.masked_fill(~real, float("-inf")).amax(1)
        out: Tensor = self.classifier(torch.cat([mean, peak], dim=1))
        return out

    def forward(self, frames: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, 3, S, S) -> (B, 2)."""
        batch, steps = frames.shape[:2]
        features = self.feature_maps(frames.flatten(0, 1)).mean(dim=(2, 3))
        if lengths is None:
            lengths = torch.full((batch,), steps)
        return self.classify(features.view(batch, steps, FEATURES), lengths)
