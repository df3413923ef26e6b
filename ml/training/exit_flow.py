"""Training of Xception's exit flow on stored middle-flow maps.

One forward pass through the frozen entry and middle flow costs most of a training step. Each
crop is therefore passed once, its last middle-flow map is kept, and block 12 and the last two
separable convolutions are trained on the maps for many epochs: on two processor cores about six
times as many steps, and leave-source-out folds that share one store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from ml.evaluation.held_out import LEFT_OUT
from ml.evaluation.metrics import auc
from ml.evaluation.scored import Scored, write_scores
from ml.media.faces import DEFAULT_MARGIN, crop_face
from ml.models.xception import Xception, load_strict
from ml.training.caches import ORIGIN, origin, require_origin
from ml.training.devices import device_of
from ml.training.engine import ConfigError
from ml.training.image_crops import random_crop, to_tensor
from ml.training.image_data import Photo, by_group, load_photos, read_manifest
from ml.training.precision import mixed_precision
from ml.training.self_blending import nearest_face, poisson_swap, self_blend, swap
from ml.training.visual_augmentation import degrade

PART = 512


@dataclass(frozen=True)
class StoreConfig:
    """The ``[store]`` table: how many crops of each kind are passed. ``backbone`` is an Xception
    safetensors file of this project."""

    backbone: str
    landmarks: str
    size: int = 192
    real: int = 3000
    whole: int = 2000
    self_blend: int = 1400
    swap: int = 900
    judged_swaps: int = 160
    seed: int = 7


@dataclass(frozen=True)
class ExitConfig:
    """The ``[exit]`` table. ``hold_out``: sources left out of training and judged instead.
    ``shares``: how often a kind of forgery is drawn against the others (1 unless told)."""

    backbone: str
    batch: int = 48
    shares: Mapping[str, float] = field(default_factory=dict)
    hold_out: tuple[str, ...] = ()
    smoothing: float = 0.05
    dropout: float = 0.3


@dataclass(frozen=True)
class Plan:
    """One crop to be passed: ``kind`` is "real", a method of the folder, "self-blend", "swap" or
    "poisson-swap"; ``clean`` crops are undisturbed and only judged."""

    photo: int
    kind: str
    source: str
    fake: bool
    clean: bool


def plan_store(photos: Sequence[Photo], config: StoreConfig) -> list[Plan]:
    """Which crops are passed: training photographs under random presentations, sources evenly,
    then every dev photograph and Poisson swaps of dev photographs, clean."""
    rng = np.random.default_rng(config.seed)
    index = {id(photo): place for place, photo in enumerate(photos)}
    train = [p for p in photos if p.split == "train"]
    dev = [p for p in photos if p.split == "dev"]

    def spread(members: Sequence[Photo], total: int, kind: str) -> list[Plan]:
        groups = list(by_group(members).values())
        plans = []
        for group in groups:
            order = rng.permutation(len(group))
            for turn in range(total // len(groups)):
                photo = group[order[turn % len(group)]]
                name = kind or photo.method
                plans.append(
                    Plan(index[id(photo)], name, photo.source, kind != "real", clean=False)
                )
        return plans

    real = [p for p in train if not p.fake]
    meshed = [p for p in real if p.mesh is not None]
    plans = spread(real, config.real, "real")
    plans += spread([p for p in train if p.fake], config.whole, "")
    plans += spread(meshed, config.self_blend, "self-blend") + spread(meshed, config.swap, "swap")
    for photo in dev:
        kind = photo.method if photo.fake else "real"
        plans.append(Plan(index[id(photo)], kind, photo.source, photo.fake, clean=True))
    bases = [p for p in dev if not p.fake and p.mesh is not None]
    for place in rng.permutation(len(bases))[: config.judged_swaps]:
        photo = bases[place]
        plans.append(Plan(index[id(photo)], "poisson-swap", photo.source, fake=True, clean=True))
    return [plans[place] for place in rng.permutation(len(plans))]


class Maker:
    """Turns plans into crops."""

    def __init__(self, photos: Sequence[Photo], size: int) -> None:
        self.photos, self.size = photos, size
        self.donors = {
            split: by_group(
                [p for p in photos if not p.fake and p.mesh is not None and p.split == split]
            )
            for split in ("train", "dev")
        }

    def crop(self, plan: Plan, rng: np.random.Generator) -> NDArray[np.uint8]:
        """(S, S, 3) uint8."""
        photo = self.photos[plan.photo]
        rgb = self._forged(plan.kind, photo, rng)
        if plan.clean:
            return crop_face(rgb, photo.box, DEFAULT_MARGIN, self.size)
        return degrade(random_crop(rgb, photo.box, self.size, rng), rng)

    def _forged(self, kind: str, photo: Photo, rng: np.random.Generator) -> NDArray[np.uint8]:
        if kind not in ("self-blend", "swap", "poisson-swap"):
            return photo.rgb
        assert photo.mesh is not None
        if kind == "self-blend":
            return self_blend(photo.rgb, photo.mesh, rng)[0]
        group = self.donors[photo.split][photo.group]
        meshes = np.stack([p.mesh for p in group if p.mesh is not None])
        donor = group[nearest_face(photo.mesh, meshes, rng, among=10)]
        assert donor.mesh is not None
        if kind == "swap":
            return swap(donor.rgb, donor.mesh, photo.rgb, photo.mesh, rng)[0]
        made = poisson_swap(donor.rgb, donor.mesh, photo.rgb, photo.mesh)
        return (
            swap(donor.rgb, donor.mesh, photo.rgb, photo.mesh, rng)[0] if made is None else made[0]
        )


def build_store(config: StoreConfig, data: Path, out: Path) -> None:
    """Pass every planned crop; parts already written are kept, so a stop loses one part. Raises
    ConfigError when they are of other pictures, settings or of another backbone."""
    out.mkdir(parents=True, exist_ok=True)
    wanted = store_origin(config, data)
    for path in out.glob("part*.safetensors"):
        require_origin(path, part_origin(path), wanted)
    photos = load_photos(
        data / "images", out.parent / "boxes_images.npz", Path(config.landmarks), lambda _: True
    )
    plans = plan_store(photos, config)
    maker = Maker(photos, config.size)
    model = Xception()
    load_strict(model, load_file(config.backbone))
    model.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for part in tqdm(range(0, len(plans), PART), desc="store"):
        path = out / f"part{part:06d}.safetensors"
        if path.exists():
            continue
        maps, crops = [], []
        for place in range(part, min(part + PART, len(plans))):
            crops.append(maker.crop(plans[place], np.random.default_rng((config.seed, place))))
        with torch.inference_mode(), mixed_precision():
            for start in range(0, len(crops), 32):
                maps.append(middle_flow(model, to_tensor(crops[start : start + 32])).bfloat16())
        save_file(
            {"maps": torch.cat(maps).contiguous(), "crops": torch.from_numpy(np.stack(crops))},
            str(path),
            metadata={ORIGIN: wanted},
        )
    np.savez(
        out / "plans.npz",
        allow_pickle=False,
        **{ORIGIN: np.array(wanted)},
        kinds=[p.kind for p in plans],
        sources=[p.source for p in plans],
        fake=[p.fake for p in plans],
        clean=[p.clean for p in plans],
    )


def store_origin(config: StoreConfig, data: Path) -> str:
    """What a store is made of: pictures, settings and the content of the files they name."""
    files = Path(config.backbone), Path(config.landmarks)
    return origin(
        read_manifest(data / "images"), replace(config, backbone="", landmarks=""), *files
    )


def part_origin(path: Path) -> str:
    """What a part of a store was made of, "" when it does not say."""
    with safe_open(str(path), "pt") as file:
        return str((file.metadata() or {}).get(ORIGIN, ""))


def middle_flow(model: Xception, pictures: Tensor) -> Tensor:
    """(B, 3, S, S) -> block 11's output (B, 728, S/16, S/16)."""
    x = model.stem(pictures)
    for number in range(4, 12):
        x = model.get_submodule(f"block{number}")(x)
    return x


class ExitFlow(nn.Module):
    """The part of Xception that is trained here; shares the modules of ``whole``."""

    def __init__(self, whole: Xception, dropout: float) -> None:
        super().__init__()
        self.block12 = whole.block12
        self.conv3, self.bn3 = whole.conv3, whole.bn3
        self.conv4, self.bn4 = whole.conv4, whole.bn4
        self.fc = whole.fc
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)

    def pooled(self, maps: Tensor) -> Tensor:
        """(B, 728, h, w), bfloat16 as stored or float32 -> pooled features (B, 2048)."""
        x = self.relu(self.bn3(self.conv3(self.block12(maps.float()))))
        out: Tensor = self.relu(self.bn4(self.conv4(x))).mean(dim=(2, 3))
        return out

    def forward(self, maps: Tensor) -> Tensor:
        """(B, 728, h, w) -> logits (B, 2)."""
        out: Tensor = self.fc(self.dropout(self.pooled(maps)))
        return out


Groups = tuple[NDArray[np.float64], list[list[NDArray[np.int64]]]]


def store_parts(store: Path) -> list[Path]:
    """The files of stored crops and maps, in order. Raises ConfigError when there are none."""
    parts = sorted(store.glob("part*.safetensors"))
    if not parts:
        raise ConfigError(
            f"nothing is stored in {store}: run 'python -m ml train exit' first, with a "
            "configuration that has a table [store] and an --out in the same folder"
        )
    return parts


class ExitTask:
    """Half real, half fake maps; kinds of forgery are drawn evenly, sources within a kind too."""

    def __init__(self, config: ExitConfig, store: Path) -> None:
        self.config = config
        whole = Xception()
        load_strict(whole, load_file(config.backbone))
        self.model: nn.Module = ExitFlow(whole, config.dropout)
        parts = [load_file(str(path))["maps"] for path in store_parts(store)]
        self.maps = torch.cat(parts)
        with np.load(store / "plans.npz") as plans:
            self.kinds, self.sources = plans["kinds"], plans["sources"]
            self.fake, self.clean = plans["fake"], plans["clean"]
        usable = ~self.clean & ~np.isin(self.sources, config.hold_out)
        self.groups = {
            label: self._groups(usable & (self.fake == label)) for label in (False, True)
        }
        self.judged = judged_rows(self.kinds, self.sources, self.fake, self.clean, config.hold_out)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """Maps (B, 728, h, w) bfloat16, mirrored at random, and labels (B,)."""
        half = self.config.batch // 2
        rows = [self._row(label, rng) for label in (False, True) for _ in range(half)]
        maps = self.maps[rows]
        mirrored = torch.from_numpy(rng.random(len(rows)) < 0.5)
        maps[mirrored] = maps[mirrored].flip(-1)
        return maps.contiguous(memory_format=torch.channels_last), torch.tensor(
            [0] * half + [1] * half
        )

    def _groups(self, usable: NDArray[np.bool_]) -> Groups:
        """Shares of the kinds, and the row numbers of each kind by source."""
        kinds = sorted(set(self.kinds[usable]))
        shares = np.array([float(self.config.shares.get(str(kind), 1.0)) for kind in kinds])
        rows = [
            [
                np.flatnonzero(usable & (self.kinds == kind) & (self.sources == source))
                for source in sorted(set(self.sources[usable & (self.kinds == kind)]))
            ]
            for kind in kinds
        ]
        return shares / shares.sum(), rows

    def _row(self, label: bool, rng: np.random.Generator) -> int:
        shares, rows = self.groups[label]
        sources = rows[int(rng.choice(len(rows), p=shares))]
        return int(rng.choice(sources[int(rng.integers(len(sources)))]))

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Cross-entropy with label smoothing."""
        maps, labels = batch
        return functional.cross_entropy(
            model(maps).float(), labels, label_smoothing=self.config.smoothing
        )

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """AUC of each judged set; ``score`` is their mean."""
        rows = np.unique(np.concatenate([np.concatenate(pair) for pair in self.judged.values()]))
        scored = dict(zip(rows.tolist(), self._scores(model, rows), strict=True))
        figures = {}
        for name, (real, fake) in self.judged.items():
            values = np.array([scored[row] for row in (*real.tolist(), *fake.tolist())])
            figures[name] = auc(values, np.arange(len(values)) >= len(real))
        figures["score"] = float(np.mean(list(figures.values())))
        return figures

    def report(self, model: nn.Module, out: Path) -> None:
        """Scores of the held-out sources, for leave-source-out figures and calibration."""
        if not self.config.hold_out:
            return
        rows = np.unique(np.concatenate([np.concatenate(pair) for pair in self.judged.values()]))
        with torch.inference_mode():
            scores = self._scores(model, rows)
        scored = [
            Scored(
                LEFT_OUT,
                f"{'+'.join(self.config.hold_out)} row {row}",
                bool(self.fake[row]),
                str(self.kinds[row]) if self.fake[row] else str(self.sources[row]),
                str(self.sources[row]),
                float(score),
            )
            for row, score in zip(rows.tolist(), scores, strict=True)
        ]
        write_scores(scored, out / "scores.csv")

    def _scores(self, model: nn.Module, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        device = device_of(model)
        out = []
        with mixed_precision(device):
            for start in range(0, len(rows), 64):
                maps = self.maps[torch.from_numpy(rows[start : start + 64])].to(device)
                logits = model(maps.contiguous(memory_format=torch.channels_last)).float()
                out.append((logits[:, 1] - logits[:, 0]).cpu().double().numpy())
        return np.concatenate(out)


def judged_rows(
    kinds: NDArray[np.str_],
    sources: NDArray[np.str_],
    fake: NDArray[np.bool_],
    clean: NDArray[np.bool_],
    hold_out: Sequence[str],
) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(real, fake) rows by method: clean rows, and for held-out sources their disturbed rows too.

    A source's fakes meet its own photographs; one without photographs meets the unseen web
    photographs of the dev split.
    """
    held = np.isin(sources, hold_out)
    unseen = clean | held
    sets = {}
    for kind in sorted(set(kinds[fake & unseen])):
        chosen = unseen & (kinds == kind) & (held if hold_out else True)
        own = set(sources[chosen])
        real = unseen & ~fake & np.isin(sources, list(own))
        if not real.any():
            real = clean & ~fake & (sources == "muxspace/facial_expressions")
        if chosen.sum() >= 10:
            sets[kind] = (np.flatnonzero(real), np.flatnonzero(chosen))
    return sets
