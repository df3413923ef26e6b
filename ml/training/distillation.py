"""Initialise ResNeXt50 from a trained Xception: match its pooled features and its logit on the
stored face crops (Hinton 2015; Romero 2015), since no ImageNet ResNeXt50 is at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from ml.evaluation.metrics import auc
from ml.models.resnext_lstm import FEATURES, ResNeXtLSTM
from ml.models.xception import Xception, load_strict
from ml.training.caches import Arrays, origin, remembered
from ml.training.devices import device_of
from ml.training.exit_flow import ExitFlow, judged_rows, store_parts
from ml.training.image_crops import to_tensor
from ml.training.precision import mixed_precision

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class DistillationConfig:
    """The ``[distillation]`` table: the teacher's file, the student's input size, the weights of
    the three losses. ``initial`` continues an earlier student."""

    teacher: str
    initial: str = ""
    size: int = 112
    batch: int = 32
    feature: float = 1.0
    soft: float = 1.0
    hard: float = 0.5
    temperature: float = 2.0


class Student(nn.Module):
    """The ResNeXt backbone with a per-frame classifier that only training needs."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResNeXtLSTM(hidden=1, layers=1).backbone
        self.head = nn.Linear(FEATURES, 2)

    def embed(self, pictures: Tensor) -> Tensor:
        """Pictures in [-1, 1] (B, 3, S, S) -> pooled features (B, 2048)."""
        features: Tensor = self.backbone(imagenet_range(pictures))
        return features

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures in [-1, 1] (B, 3, S, S) -> pooled features (B, 2048), logits (B, 2)."""
        features = self.embed(pictures)
        return features, self.head(features)


def imagenet_range(pictures: Tensor) -> Tensor:
    """[-1, 1] -> ImageNet mean and deviation."""
    mean = pictures.new_tensor(IMAGENET_MEAN).view(3, 1, 1)
    deviation = pictures.new_tensor(IMAGENET_STD).view(3, 1, 1)
    return ((pictures + 1) / 2 - mean) / deviation


class DistillationTask:
    """Stored crops, half of each class, with the teacher's stored answers."""

    def __init__(self, config: DistillationConfig, store: Path) -> None:
        self.config = config
        self.model: nn.Module = Student().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if config.initial:
            load_strict(self.model, load_file(config.initial))
        parts = store_parts(store)
        self.crops = np.concatenate(
            [shrunk(load_file(str(part))["crops"].numpy(), config.size) for part in parts]
        )
        self.features, self.logits = teacher_answers(config, parts, store)
        with np.load(store / "plans.npz") as plans:
            fake, clean, kinds = plans["fake"], plans["clean"], plans["kinds"]
            self.judged = judged_rows(kinds, plans["sources"], fake, clean, ())
        self.rows = {label: np.flatnonzero(~clean & (fake == label)) for label in (False, True)}
        self.spread = float(self.features.std(0).mean()) + 1e-3

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """Pictures (B, 3, S, S), the teacher's features and logits, labels."""
        half = self.config.batch // 2
        rows = np.concatenate([rng.choice(self.rows[label], half) for label in (False, True)])
        crops = [crop[:, ::-1] if rng.random() < 0.5 else crop for crop in self.crops[rows]]
        gain, offset = rng.uniform(0.8, 1.2), rng.uniform(-0.15, 0.15)
        pictures = (to_tensor(crops) * gain + offset).clamp(-1, 1)
        labels = torch.tensor([0] * half + [1] * half)
        return pictures, self.features[rows], self.logits[rows], labels

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Feature distance + softened logits + labels."""
        pictures, wanted, target, labels = batch
        features, logits = model(pictures)
        heat = self.config.temperature
        feature = functional.smooth_l1_loss(features.float() / self.spread, wanted / self.spread)
        soft = functional.kl_div(
            functional.log_softmax(logits.float() / heat, 1),
            functional.softmax(target / heat, 1),
            reduction="batchmean",
        )
        hard = functional.cross_entropy(logits.float(), labels, label_smoothing=0.05)
        return (
            self.config.feature * feature
            + self.config.soft * heat**2 * soft
            + self.config.hard * hard
        )

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """AUC of the per-frame classifier on the judged rows of the store."""
        device = device_of(model)
        figures = {}
        for name, (real, fake) in self.judged.items():
            rows = np.concatenate([real[:60], fake[:60]])
            with mixed_precision(device):
                out = model(to_tensor(self.crops[rows]).to(device))[1].float().cpu()
            is_fake = np.arange(len(rows)) >= len(real[:60])
            figures[name] = auc((out[:, 1] - out[:, 0]).double().numpy(), is_fake)
        figures["score"] = float(np.mean(list(figures.values())))
        return figures


def shrunk(crops: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """(N, S, S, 3) -> (N, size, size, 3)."""
    return np.stack([cv2.resize(c, (size, size), interpolation=cv2.INTER_AREA) for c in crops])


def teacher_answers(
    config: DistillationConfig, parts: list[Path], store: Path
) -> tuple[Tensor, Tensor]:
    """The teacher's pooled features (N, 2048) and logits (N, 2), remembered in ``store``. Raises
    ConfigError when what is kept there is another teacher's or of another store."""
    teacher = Path(config.teacher)
    wanted = origin(teacher, store / "plans.npz", [part.name for part in parts])
    answers = remembered(store / "teacher.npz", wanted, lambda: _answered(teacher, parts))
    return torch.from_numpy(answers["features"]), torch.from_numpy(answers["logits"])


def _answered(file: Path, parts: list[Path]) -> Arrays:
    teacher = Xception()
    load_strict(teacher, load_file(str(file)))
    flow = ExitFlow(teacher, 0.0).eval()
    found = []
    for part in parts:
        maps = load_file(str(part))["maps"]
        with torch.inference_mode(), mixed_precision():
            for start in range(0, len(maps), 64):
                batch = maps[start : start + 64].contiguous(memory_format=torch.channels_last)
                found.append(flow.pooled(batch).float())
    features = torch.cat(found)
    with torch.inference_mode():
        logits = teacher.fc(features)
    return {"features": features.numpy(), "logits": logits.numpy()}
