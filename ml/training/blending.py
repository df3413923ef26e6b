"""Training of the blocks that ``StatisticsXception`` reads, to see blending.

A batch is photographs and a forgery of each (``ml/training/pairs.py``); the network answers by
its blending head alone, which starts from the discriminant of the untrained blocks. Photographs
of other sources are judged: swaps by Poisson editing, a way of blending that is never trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from ml.evaluation.metrics import auc
from ml.models.statistics_xception import BLENDING, StatisticsXception, statistics
from ml.models.xception import load_strict, normalise_keys
from ml.training.devices import device_of
from ml.training.discriminant import BATCH, discriminant, embedded, set_head
from ml.training.image import FROZEN_STEM, draw, freeze
from ml.training.image_crops import to_tensor
from ml.training.image_data import by_group, load_photos
from ml.training.pairs import forged_pair, poisson_pairs
from ml.training.precision import mixed_precision
from ml.training.visual_augmentation import Picture

FIRST_PAIRS = 300
FIRST_RIDGE = 1.0


@dataclass(frozen=True)
class BlendingConfig:
    """The ``[blending]`` table. ``initial``: the ImageNet checkpoint; ``only``: the sources whose
    photographs are trained on, the dev photographs of the others are judged, ``judged`` of them.
    ``batch`` counts crops, half of them forged."""

    initial: str
    landmarks: str
    only: tuple[str, ...]
    levels: tuple[int, ...] = (9,)
    size: int = 224
    batch: int = 24
    smoothing: float = 0.02
    judged: int = 240


class BlendingTask:
    """Batches of pairs; judged on the sources that are not trained on."""

    def __init__(self, config: BlendingConfig, data: Path, cache: Path) -> None:
        self.config = config
        photos = [
            photo
            for photo in load_photos(
                data / "images", cache / "boxes_images.npz", Path(config.landmarks), lambda _: True
            )
            if not photo.fake and photo.mesh is not None
        ]
        self.photos = by_group(
            [p for p in photos if p.split == "train" and p.source in config.only]
        )
        new = [p for p in photos if p.split == "dev" and p.source not in config.only]
        self.judged = poisson_pairs(new, config.judged, config.size)
        self.model = start(config, self._pairs(FIRST_PAIRS, np.random.default_rng(0)))

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """(B, 3, S, S) float32 and (B,) float32 labels, 1 = forged."""
        half = self.config.batch // 2
        crops = self._pairs(half, rng)
        return to_tensor(crops), torch.tensor([0.0] * half + [1.0] * half)

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Binary cross-entropy of the blending head, with label smoothing."""
        pictures, labels = batch
        smoothed = labels * (1 - self.config.smoothing) + self.config.smoothing / 2
        return functional.binary_cross_entropy_with_logits(blended(model, pictures), smoothed)

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """AUC of Poisson swaps of the judged photographs."""
        real, fake = (logits(model, crops) for crops in self.judged)
        labels = np.arange(len(real) + len(fake)) >= len(real)
        return {"score": auc(np.concatenate([real, fake]), labels)}

    def _pairs(self, count: int, rng: np.random.Generator) -> list[Picture]:
        """``count`` photographs, then a forgery of each."""
        pairs = []
        for _ in range(count):
            photo = draw(self.photos, rng)
            pairs.append(forged_pair(photo, self.photos[photo.group], self.config.size, rng))
        return [real for real, _ in pairs] + [forged for _, forged in pairs]


def start(config: BlendingConfig, pairs: Sequence[Picture]) -> StatisticsXception:
    """The network of the ImageNet checkpoint, its stem frozen, its blending head fitted to
    ``pairs`` (photographs, then forgeries) and its synthesis head empty."""
    model = StatisticsXception(config.levels)
    own = {
        name: value
        for name, value in model.state_dict().items()
        if name.startswith(("fc.", "heads.", "contrast"))
    }
    load_strict(model, {**normalise_keys(load_file(config.initial)), **own})
    for name in FROZEN_STEM:
        freeze(model.get_submodule(name))
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    forged = np.arange(len(pairs)) >= len(pairs) // 2
    features = embedded(model.eval(), pairs).astype(np.float32)
    head = discriminant(features, forged, np.full(len(pairs), "pair"), FIRST_RIDGE)
    nn.init.zeros_(model.heads.weight)
    nn.init.zeros_(model.heads.bias)
    set_head(model, BLENDING, head)
    return model


def blended(model: nn.Module, pictures: Tensor) -> Tensor:
    """(B, 3, S, S) -> answers of the blending head (B,) float32."""
    assert isinstance(model, StatisticsXception)
    answers: Tensor = model.heads(statistics(model.maps(model.stem(pictures))))
    return answers[:, BLENDING].float()


def logits(model: nn.Module, crops: Sequence[Picture]) -> NDArray[np.float64]:
    """Answers of the blending head to crops (N,)."""
    device = device_of(model)
    with torch.inference_mode(), mixed_precision(device):
        found = [
            blended(model, to_tensor(crops[place : place + BATCH]).to(device))
            for place in range(0, len(crops), BATCH)
        ]
    return torch.cat(found).cpu().double().numpy()
