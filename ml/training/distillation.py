"""Initialise ResNeXt50 from a trained Xception: match its pooled features and its logit on face
crops (Hinton 2015; Romero 2015), since no ImageNet ResNeXt50 is at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from ml.models.resnext_lstm import ResNeXtLSTM
from ml.models.xception import Xception, load_strict
from ml.training.image import ImageConfig, ImageTask

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class DistillationConfig:
    """The ``[distillation]`` table: weights of the three losses. ``teacher`` is an Xception
    safetensors file of this project."""

    teacher: str
    feature: float = 1.0
    soft: float = 1.0
    hard: float = 0.5
    temperature: float = 2.0


class Student(nn.Module):
    """The ResNeXt backbone with a per-frame classifier that only training needs."""

    def __init__(self) -> None:
        super().__init__()
        self.net = ResNeXtLSTM()
        self.net.lstm, self.net.classifier = nn.Identity(), nn.Identity()  # type: ignore[assignment]
        self.head = nn.Linear(2048, 2)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures in [-1, 1] (B, 3, S, S) -> pooled features (B, 2048), logits (B, 2)."""
        features = self.net.feature_maps(imagenet_range(pictures)).mean(dim=(2, 3))
        return features, self.head(features)


def imagenet_range(pictures: Tensor) -> Tensor:
    """[-1, 1] -> ImageNet mean and deviation."""
    mean = pictures.new_tensor(IMAGENET_MEAN).view(3, 1, 1)
    deviation = pictures.new_tensor(IMAGENET_STD).view(3, 1, 1)
    return ((pictures + 1) / 2 - mean) / deviation


class DistillationTask:
    """Image batches of ``ImageTask``; the teacher answers in eval mode on the same crops."""

    def __init__(self, config: DistillationConfig, image: ImageConfig, data: Path, cache: Path) -> None:
        self.config = config
        self.images = ImageTask(image, data, cache)
        self.teacher = Xception()
        load_strict(self.teacher, load_file(config.teacher))
        self.teacher.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.model: nn.Module = Student().to(memory_format=torch.channels_last)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """As ``ImageTask.batch``."""
        return self.images.batch(rng)

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Feature distance + softened logits + labels."""
        pictures, labels = batch
        with torch.no_grad():
            maps = self.teacher.features(pictures)
            wanted = maps.mean(dim=(2, 3)).float()
            target = self.teacher.fc(wanted)
        features, logits = model(pictures)
        heat = self.config.temperature
        spread = wanted.std(0).mean() + 1e-3
        feature = functional.smooth_l1_loss(features.float() / spread, wanted / spread)
        soft = functional.kl_div(
            functional.log_softmax(logits.float() / heat, 1),
            functional.softmax(target.float() / heat, 1),
            reduction="batchmean",
        ) * heat**2
        hard = functional.cross_entropy(logits.float(), labels, label_smoothing=0.02)
        return self.config.feature * feature + self.config.soft * soft + self.config.hard * hard

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """AUC of the per-frame classifier on the judged sets of ``ImageTask``."""

        class Logits(nn.Module):
            def forward(self, pictures: Tensor) -> Tensor:
                out: Tensor = model(pictures)[1]
                return out

        return self.images.evaluate(Logits())
