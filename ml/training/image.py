"""Training of Xception on face crops: photographs against whole-face synthesis, composites,
self-blended images and swaps, balanced by source."""

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
from ml.media.faces import DEFAULT_MARGIN, crop_face
from ml.models.xception import Xception, load_imagenet, load_strict
from ml.training.devices import device_of
from ml.training.image_crops import random_crop, to_tensor
from ml.training.image_data import Photo, by_group, load_photos
from ml.training.pairs import poisson_pairs
from ml.training.precision import mixed_precision
from ml.training.self_blending import nearest_face, self_blend, swap
from ml.training.visual_augmentation import Picture, degrade

FROZEN_STEM = ("conv1", "bn1", "conv2", "bn2", "block1", "block2")


@dataclass(frozen=True)
class ImageConfig:
    """The ``[image]`` table. ``initial`` is a file with this network's keys or the ImageNet
    checkpoint; ``hold_out`` names sources that are not trained on. The shares say how the fake
    half of each batch is made; whole-face synthesis and composites come from the folder."""

    initial: str
    landmarks: str
    size: int = 224
    batch: int = 24
    self_blend: float = 0.35
    swap: float = 0.2
    hold_out: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    freeze_stem: bool = True
    smoothing: float = 0.02
    judged: int = 60


def logit(
    model: nn.Module, crops: Sequence[NDArray[np.uint8]], batch: int = 32
) -> NDArray[np.float64]:
    """Fake-minus-real logit of each crop."""
    device = device_of(model)
    scores = []
    with torch.inference_mode(), mixed_precision(device):
        for start in range(0, len(crops), batch):
            out = model(to_tensor(crops[start : start + batch]).to(device)).float()
            scores.append((out[:, 1] - out[:, 0]).cpu().double().numpy())
    return np.concatenate(scores)


class ImageTask:
    """Batches of half real, half fake crops; judged on held-out sources and dev photographs."""

    def __init__(self, config: ImageConfig, data: Path, cache: Path) -> None:
        self.config = config
        self.model = build(config)
        photos = load_photos(
            data / "images", cache / "boxes_images.npz", Path(config.landmarks), lambda _: True
        )
        trained = [p for p in photos if self._trained(p)]
        self.real = by_group([p for p in trained if not p.fake])
        self.fake = by_group([p for p in trained if p.fake])
        self.meshed = by_group([p for p in trained if not p.fake and p.mesh is not None])
        self.meshes = {
            group: np.stack([p.mesh for p in members if p.mesh is not None])
            for group, members in self.meshed.items()
        }
        self.judged = judged_sets(photos, config)

    def _trained(self, photo: Photo) -> bool:
        config = self.config
        named = not config.only or photo.source in config.only
        return photo.split == "train" and named and photo.source not in config.hold_out

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """(B, 3, S, S) float32 and (B,) int64 labels, 1 = fake."""
        half = self.config.batch // 2
        crops = [self._crop(self._real(rng), rng) for _ in range(half)]
        crops += [self._crop(self._forgery(rng), rng) for _ in range(half)]
        return to_tensor(crops), torch.tensor([0] * half + [1] * half)

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Cross-entropy with label smoothing."""
        pictures, labels = batch
        return functional.cross_entropy(
            model(pictures).float(), labels, label_smoothing=self.config.smoothing
        )

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """AUC of each judged set; ``score`` is their mean."""
        figures = {}
        for name, (real, fake) in self.judged.items():
            scores = logit(model, real + fake)
            figures[name] = auc(scores, np.arange(len(scores)) >= len(real))
        figures["score"] = float(np.mean(list(figures.values())))
        return figures

    def _real(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Photo]:
        photo = draw(self.real, rng)
        return photo.rgb, photo

    def _forgery(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Photo]:
        kind = rng.random()
        if not self.fake:
            kind *= self.config.self_blend + self.config.swap
        if kind < self.config.self_blend:
            photo = draw(self.meshed, rng)
            assert photo.mesh is not None
            return self_blend(photo.rgb, photo.mesh, rng)[0], photo
        if kind < self.config.self_blend + self.config.swap:
            photo = draw(self.meshed, rng)
            return self._swap(photo, rng), photo
        photo = draw(self.fake, rng)
        return photo.rgb, photo

    def _swap(self, photo: Photo, rng: np.random.Generator) -> NDArray[np.uint8]:
        donors = (
            photo.group if rng.random() < 0.7 else list(self.meshed)[rng.integers(len(self.meshed))]
        )
        assert photo.mesh is not None
        donor = self.meshed[donors][nearest_face(photo.mesh, self.meshes[donors], rng)]
        assert donor.mesh is not None
        return swap(donor.rgb, donor.mesh, photo.rgb, photo.mesh, rng)[0]

    def _crop(
        self, made: tuple[NDArray[np.uint8], Photo], rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        rgb, photo = made
        return degrade(random_crop(rgb, photo.box, self.config.size, rng), rng)


def build(config: ImageConfig) -> Xception:
    """The network, initialised from ImageNet or from an earlier run, its stem frozen if asked."""
    model = Xception()
    state = load_file(config.initial)
    if "fc.weight" in state:
        load_strict(model, state)
    else:
        load_imagenet(model, state)
    if config.freeze_stem:
        for name in FROZEN_STEM:
            freeze(model.get_submodule(name))
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def freeze(module: nn.Module) -> None:
    """No gradients, and batch statistics that stay as they are."""
    module.requires_grad_(False)
    module.eval()
    module.train = lambda *_: module  # type: ignore[method-assign]


def draw(groups: Mapping[tuple[str, str], list[Photo]], rng: np.random.Generator) -> Photo:
    """A photograph of a group drawn evenly, so that a large source weighs no more than a small."""
    members = list(groups.values())[int(rng.integers(len(groups)))]
    return members[int(rng.integers(len(members)))]


Crops = list[NDArray[np.uint8]]


def judged_sets(photos: Sequence[Photo], config: ImageConfig) -> dict[str, tuple[Crops, Crops]]:
    """Real and fake crops of unseen photographs: each held-out source (or the dev split) against
    unseen real photographs, and Poisson swaps, whose blending is never trained on."""
    rng = np.random.default_rng(0)

    def unseen(photo: Photo) -> bool:
        return photo.source in config.hold_out or photo.split == "dev"

    def some(members: list[Photo]) -> list[Photo]:
        order = rng.permutation(len(members))[: config.judged]
        return [members[i] for i in order]

    def cut(photo: Photo) -> Picture:
        return crop_face(photo.rgb, photo.box, DEFAULT_MARGIN, config.size)

    real = by_group([p for p in photos if not p.fake and unseen(p)])
    sets: dict[str, tuple[Crops, Crops]] = {}
    for (source, method), members in by_group([p for p in photos if p.fake and unseen(p)]).items():
        if config.hold_out and source not in config.hold_out:
            continue
        own = [g for g in real if g[0] == source] or [g for g in real if "muxspace" in g[0]]
        reals = [p for group in own for p in some(real[group])]
        sets[method] = ([cut(p) for p in reals], [cut(p) for p in some(members)])
    bases = [p for group in real.values() for p in group if p.mesh is not None]
    sets["poisson-swap"] = poisson_pairs(bases, config.judged, config.size)
    return sets
