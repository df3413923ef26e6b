"""Training of Tiny-LaDeDa on the stored face crops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from ml.evaluation.metrics import auc
from ml.models.tiny_ladeda import TinyLaDeDa
from ml.training.devices import device_of
from ml.training.distillation import IMAGENET_MEAN, IMAGENET_STD
from ml.training.exit_flow import judged_rows, store_parts


@dataclass(frozen=True)
class GateConfig:
    """The ``[gate]`` table; ``hold_out``: sources left out of training and judged instead."""

    gradient: str = "npr"
    batch: int = 32
    hold_out: tuple[str, ...] = ()


class GateTask:
    """Half real, half fake crops of the store, each kind of forgery as often as the others."""

    def __init__(self, config: GateConfig, store: Path) -> None:
        self.config = config
        self.model: nn.Module = TinyLaDeDa(config.gradient)
        parts = store_parts(store)
        self.crops = torch.cat([load_file(str(part))["crops"] for part in parts])
        with np.load(store / "plans.npz") as plans:
            fake, clean = plans["fake"], plans["clean"]
            kinds, sources = plans["kinds"], plans["sources"]
        usable = ~clean & ~np.isin(sources, config.hold_out)
        self.rows = {
            label: [
                np.flatnonzero(usable & (fake == label) & (kinds == kind))
                for kind in sorted(set(kinds[usable & (fake == label)]))
            ]
            for label in (False, True)
        }
        self.judged = judged_rows(kinds, sources, fake, clean, config.hold_out)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """Normalised crops (B, 3, S, S) and labels (B,) float32."""
        half = self.config.batch // 2
        rows = [
            int(rng.choice(self.rows[label][int(rng.integers(len(self.rows[label])))]))
            for label in (False, True)
            for _ in range(half)
        ]
        return gate_input(self.crops[rows]), torch.tensor([0.0] * half + [1.0] * half)

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Binary cross-entropy of the crop's logit."""
        pictures, labels = batch
        return functional.binary_cross_entropy_with_logits(model(pictures).float(), labels)

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """AUC of each judged set; ``score`` is their mean."""
        device = device_of(model)
        figures = {}
        for name, (real, fake) in self.judged.items():
            rows = np.concatenate([real[:150], fake[:150]])
            batches = (gate_input(self.crops[rows[k : k + 64]]) for k in range(0, len(rows), 64))
            scores = torch.cat([model(batch.to(device)).cpu() for batch in batches])
            figures[name] = auc(scores.double().numpy(), np.arange(len(rows)) >= len(real[:150]))
        figures["score"] = float(np.mean(list(figures.values())))
        return figures


def gate_input(crops: Tensor) -> Tensor:
    """uint8 (B, S, S, 3) -> (B, 3, S, S) float32 with ImageNet mean and deviation."""
    mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
    deviation = torch.tensor(IMAGENET_STD).view(3, 1, 1)
    return (crops.permute(0, 3, 1, 2).float() / 255.0 - mean) / deviation
