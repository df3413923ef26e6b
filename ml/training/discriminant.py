"""Linear discriminants over the statistics that ``StatisticsXception`` reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ml.models.statistics_xception import StatisticsXception, statistics
from ml.training.image_crops import to_tensor
from ml.training.precision import mixed_precision
from ml.training.visual_augmentation import Picture

Features = NDArray[np.float32]
BATCH = 32


@dataclass(frozen=True)
class Head:
    """Weights (D,) and bias of a linear answer to raw statistics."""

    weight: Features
    bias: float


def embedded(model: StatisticsXception, pictures: Sequence[Picture]) -> NDArray[np.float16]:
    """Statistics (N, D) of crops."""
    found = []
    with torch.inference_mode(), mixed_precision():
        for start in range(0, len(pictures), BATCH):
            batch = to_tensor(pictures[start : start + BATCH])
            found.append(statistics(model.maps(model.stem(batch))).half().numpy())
    return np.concatenate(found)


def discriminant(
    features: Features, fake: NDArray[np.bool_], groups: NDArray[np.str_], ridge: float
) -> Head:
    """Linear discriminant of ``fake`` with groups weighing alike. The scatter is that inside
    every (group, class), each weighing alike too, plus ``ridge`` times its mean variance."""
    mean, spread = features.mean(0), features.std(0) + 1e-4
    scaled = (features - mean) / spread
    centres: dict[bool, list[Features]] = {False: [], True: []}
    inner: list[Features] = []
    for label in (False, True):
        for group in np.unique(groups[fake == label]):
            members = scaled[(groups == group) & (fake == label)]
            centres[label].append(members.mean(0))
            inner.append((members - members.mean(0)) / np.sqrt(len(members)))
    residues = np.concatenate(inner) / np.sqrt(len(inner))
    scatter = residues.T @ residues
    scatter[np.diag_indices_from(scatter)] += ridge * np.trace(scatter) / len(scatter)
    real, forged = (np.mean(centres[label], axis=0) for label in (False, True))
    direction = np.linalg.solve(scatter, forged - real)
    weight = direction / spread
    return Head(weight, float(-direction @ (forged + real) / 2 - weight @ mean))


def set_head(model: StatisticsXception, row: int, head: Head) -> None:
    """Set one of the network's heads, ``BLENDING`` or ``SYNTHESIS``."""
    with torch.no_grad():
        model.heads.weight[row].copy_(torch.from_numpy(head.weight))
        model.heads.bias[row].fill_(head.bias)
