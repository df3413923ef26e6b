"""A small two-stream network for lip synchrony, after SyncNet (Chung & Zisserman 2016).

It compares half a second of mouth movement with half a second of speech. Windows and shifts are
compared at frame resolution, which a clip-level network cannot do.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

FRAME_RATE = 25
MOUTH = 32
REACH = 15
MELS = 40
EMBEDDING = 64


class SyncNet(nn.Module):
    """Embeds mouth sequences and log-mel sequences at 25 frames a second, one vector per frame.

    Video: grey mouth crops (B, T, 32, 32) in [0, 1]. Audio: (B, 4T, 40) log-mel frames at 100 a
    second, normalised per clip. Each output vector sees about half a second around its frame.
    """

    def __init__(self, embedding: int = EMBEDDING) -> None:
        super().__init__()
        self.picture = nn.Sequential(
            nn.Conv2d(2, 16, 3, stride=2, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 48, 3, stride=2, padding=1),
            nn.BatchNorm2d(48),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(48 * 16, 96),
            nn.ReLU(),
        )
        self.motion = _temporal(96, embedding)
        self.sound = nn.Sequential(
            nn.Conv1d(MELS, 64, 5, stride=2, padding=2),
            nn.BatchNorm1d(64),
            nn.ReLU(),
            nn.Conv1d(64, 96, 5, stride=2, padding=2),
            nn.BatchNorm1d(96),
            nn.ReLU(),
        )
        self.speech = _temporal(96, embedding)

    def embed_video(self, mouths: Tensor) -> Tensor:
        """(B, T, 32, 32) -> unit vectors (B, T, E)."""
        batch, steps = mouths.shape[:2]
        centred = mouths - mouths.mean(dim=1, keepdim=True)
        change = torch.diff(mouths, dim=1, prepend=mouths[:, :1])
        frames = torch.stack([centred, change], dim=2).flatten(0, 1)
        features = self.picture(frames).view(batch, steps, -1).transpose(1, 2)
        return functional.normalize(self.motion(features).transpose(1, 2), dim=-1)

    def embed_audio(self, mels: Tensor) -> Tensor:
        """(B, 4T, 40) -> unit vectors (B, T, E)."""
        features = self.sound(mels.transpose(1, 2))
        return functional.normalize(self.speech(features).transpose(1, 2), dim=-1)


def _temporal(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, 96, 5, padding=2),
        nn.BatchNorm1d(96),
        nn.ReLU(),
        nn.Conv1d(96, 96, 5, padding=2),
        nn.BatchNorm1d(96),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Conv1d(96, outputs, 5, padding=2),
    )


def distance_by_shift(video: Tensor, audio: Tensor) -> Tensor:
    """Distances of each video frame to the audio ``shift`` frames later.

    Unit vectors (T, E) and (T + 30, E), the audio beginning 15 frames earlier, to (T, 31)
    float32: column k is the shift k - 15.
    """
    table = torch.cdist(video.float(), audio.float())
    shifts = torch.arange(2 * REACH + 1, device=table.device)
    return table.gather(1, torch.arange(len(video), device=table.device)[:, None] + shifts)
