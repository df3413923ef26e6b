"""Face crops for training: cut at random, and as the network takes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.media.faces import crop_face
from ml.training.image_data import Box

TIGHT = 0.3


def to_tensor(crops: Sequence[NDArray[np.uint8]]) -> Tensor:
    """RGB uint8 crops (S, S, 3) -> (B, 3, S, S) float32 in [-1, 1], channels last."""
    stacked = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
    return (stacked.float() / 127.5 - 1.0).contiguous(memory_format=torch.channels_last)


def random_crop(
    rgb: NDArray[np.uint8], box: Box, size: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The face under a random margin around the policy's, (size, size, 3).

    Tight photographs would be recognised by their repeated edges, and some sources are tight:
    the margin shrinks to what the picture holds, and any picture may be cut tight at random.
    """
    x1, y1, x2, y2 = box
    side = max(x2 - x1, y2 - y1)
    shift = rng.uniform(-0.05, 0.05, 2) * side
    x, y = (x1 + x2) / 2 + shift[0], (y1 + y2) / 2 + shift[1]
    height, width = rgb.shape[:2]
    if rng.random() < TIGHT:
        left, top, right, bottom = np.maximum(0.35, rng.uniform(0.4, 0.8, 4)) * side
        cut_x, cut_y = max(0, int(x - left)), max(0, int(y - top))
        rgb = rgb[cut_y : int(y + bottom), cut_x : int(x + right)]
        x, y = x - cut_x, y - cut_y
        margin = rng.uniform(0.0, 0.4)
    else:
        room = 2 * min(x, y, width - x, height - y) / side - 1 + 0.1
        margin = float(np.clip(rng.uniform(0.1, 0.45), -0.15, max(-0.15, room)))
    half = side / 2
    return crop_face(rgb, (x - half, y - half, x + half, y + half), margin, size)
