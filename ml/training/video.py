"""Training of the BiLSTM on frame features of the distilled ResNeXt50.

The backbone is frozen, so the features of every clip, real and forged, are computed once. The
forgeries are made from the real clips alone: no generated video is ever trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from ml.evaluation import metrics
from ml.evaluation.held_out import LEFT_OUT
from ml.evaluation.scored import Scored, write_scores
from ml.media.faces import DEFAULT_MARGIN, crop_face
from ml.models.resnext_lstm import FEATURES, ResNeXtLSTM
from ml.models.xception import load_strict
from ml.training.caches import Arrays, origin, remembered
from ml.training.devices import device_of
from ml.training.distillation import Student, shrunk
from ml.training.image import freeze
from ml.training.image_crops import to_tensor
from ml.training.image_data import Box, read_manifest
from ml.training.precision import mixed_precision
from ml.training.video_data import Clip, load_clips
from ml.training.video_forgeries import (
    animated_still,
    consistent_self_blend,
    consistent_swap,
    shifted_mouth,
)
from ml.training.visual_augmentation import Picture, degrade

KINDS = ("self-blend", "mouth", "animated", "swap")
KIND_SHARES = (0.25, 0.2, 0.35, 0.2)
FORGED_SIDE = 360
LONGEST = 32
PARTS = ("train", "judge")
# What a row tells of its crops.
TOLD = ("labels", "sources", "kinds", "names")


@dataclass(frozen=True)
class VideoConfig:
    """The ``[video]`` table. ``backbone``: the distilled student, fed at ``size`` pixels;
    ``hold_out`` names sources that are not trained on. ``follow`` weighs the distance of the
    clip's logit to the mean of the student's own per-frame logits against the clip's label.
    ``sequences`` of ``frames`` crops of ``crop`` pixels are made for each source and class."""

    backbone: str
    landmarks: str
    size: int = 112
    crop: int = 192
    sequences: int = 60
    frames: int = 20
    batch: int = 32
    follow: float = 1.0
    hold_out: tuple[str, ...] = ()
    seed: int = 1


@dataclass(frozen=True)
class Sequences:
    """Frame features (N, 32, 2048) float32 padded with zeros, lengths (N,), labels (N,), and
    where each came from."""

    features: NDArray[np.float32]
    lengths: NDArray[np.int64]
    labels: NDArray[np.int64]
    sources: NDArray[np.str_]
    methods: NDArray[np.str_]
    names: NDArray[np.str_]


class VideoTask:
    """Batches of cached sequences; judged on held-out real clips against generated ones."""

    def __init__(self, config: VideoConfig, data: Path, cache: Path) -> None:
        self.config = config
        trained, judged = cached_sequences(config, data, cache)
        held = np.isin(trained.sources, config.hold_out)
        self.trained = select(trained, ~held)
        unseen = np.isin(judged.sources, config.hold_out) if config.hold_out else judged.labels == 0
        self.judged = select(judged, unseen | (judged.labels == 1))
        self.forged = select(trained, held) if config.hold_out else None
        student = load_student(config)
        self.model: nn.Module = with_backbone(student)
        with torch.no_grad():
            self.frame_weight = student.head.weight[1] - student.head.weight[0]
            self.frame_bias = student.head.bias[1] - student.head.bias[0]

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """Half real, half forged: features (B, 32, 2048), lengths, labels."""
        half = self.config.batch // 2
        rows = np.concatenate([balanced(self.trained, label, half, rng) for label in (0, 1)])
        features = torch.from_numpy(self.trained.features[rows])
        return (
            features,
            torch.from_numpy(self.trained.lengths[rows]),
            torch.from_numpy(self.trained.labels[rows]),
        )

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Distance to the student's mean frame logit + cross-entropy of the clip's label."""
        features, lengths, labels = batch
        assert isinstance(model, ResNeXtLSTM)
        logits = model.classify(functional.dropout(features, 0.1), lengths).float()
        frames = torch.arange(features.shape[1], device=features.device)[None] < lengths[:, None]
        weight, bias = (value.to(features.device) for value in (self.frame_weight, self.frame_bias))
        frame_logits = (features @ weight + bias) * frames
        wanted = (frame_logits.sum(1) / lengths).clamp(-5.0, 5.0)
        followed = functional.smooth_l1_loss(logits[:, 1] - logits[:, 0], wanted)
        known = functional.cross_entropy(logits, labels, label_smoothing=0.05)
        return self.config.follow * followed + known

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """AUC of unseen real clips against every generated clip, and against own forgeries."""
        assert isinstance(model, ResNeXtLSTM)
        figures = {"generated": auc(model, self.judged)}
        if self.forged is not None:
            figures["forged"] = auc(model, self.forged)
        return {**figures, "score": float(np.mean(list(figures.values())))}

    def report(self, model: nn.Module, out: Path) -> None:
        """Scores of the held-out clips, for leave-source-out figures and calibration."""
        assert isinstance(model, ResNeXtLSTM)
        if self.forged is None:
            return
        held = "+".join(self.config.hold_out)
        rows = []
        for part, sequences in (("clip", self.judged), ("forged", self.forged)):
            found = scores(model, sequences)
            for place, score in enumerate(found):
                name = str(sequences.names[place])
                rows.append(
                    Scored(
                        LEFT_OUT,
                        name if part == "clip" else f"{held} {part} {place} of {name}",
                        bool(sequences.labels[place]),
                        str(sequences.methods[place]),
                        str(sequences.sources[place]),
                        float(score),
                    )
                )
        write_scores(rows, out / "scores.csv")


def load_student(config: VideoConfig) -> Student:
    """The distilled student, ready to embed pictures."""
    student = Student()
    load_strict(student, load_file(config.backbone))
    student.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return student


def with_backbone(student: Student) -> ResNeXtLSTM:
    """The whole network that is shipped: an untrained BiLSTM over the student's frozen backbone."""
    model = ResNeXtLSTM()
    model.backbone = student.backbone
    freeze(model.backbone)
    return model


def auc(model: ResNeXtLSTM, sequences: Sequences) -> float:
    """Area under the ROC curve of ``sequences``."""
    return metrics.auc(scores(model, sequences), sequences.labels == 1)


def scores(model: ResNeXtLSTM, sequences: Sequences) -> NDArray[np.float64]:
    """Logit FAKE - REAL of each sequence."""
    with torch.inference_mode():
        out = model.classify(
            torch.from_numpy(sequences.features).to(device_of(model)),
            torch.from_numpy(sequences.lengths),
        )
    return (out[:, 1] - out[:, 0]).cpu().double().numpy()


def select(sequences: Sequences, rows: NDArray[np.bool_]) -> Sequences:
    """The chosen rows."""
    return Sequences(
        sequences.features[rows],
        sequences.lengths[rows],
        sequences.labels[rows],
        sequences.sources[rows],
        sequences.methods[rows],
        sequences.names[rows],
    )


def balanced(
    sequences: Sequences, label: int, count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Row numbers of one class, sources evenly."""
    names = sorted(set(sequences.sources))
    rows = [np.flatnonzero((sequences.labels == label) & (sequences.sources == n)) for n in names]
    return np.array([rng.choice(rows[rng.integers(len(rows))]) for _ in range(count)])


Row = tuple[NDArray[np.uint8], int, str, str, str]
Embedded = tuple[NDArray[np.float32], int, int, str, str, str]


def cached_sequences(config: VideoConfig, data: Path, cache: Path) -> tuple[Sequences, Sequences]:
    """(training, judging) sequences, computed once and kept in ``cache``. Raises ConfigError when
    what is kept there is of other clips, settings or of another backbone."""
    wanted = origin(crops_origin(config, data), config.size, Path(config.backbone))
    kept: Mapping[str, Any] = remembered(
        cache / "sequences.npz", wanted, lambda: sequence_arrays(config, data, cache)
    )
    trained, judged = (
        Sequences(**{field: kept[f"{part}_{field}"] for field in Sequences.__annotations__})
        for part in PARTS
    )
    return trained, judged


def sequence_arrays(config: VideoConfig, data: Path, cache: Path) -> Arrays:
    """The fields of both ``Sequences``, each name behind that of its part."""
    backbone = load_student(config)
    return {
        f"{part}_{field}": value
        for part, rows in zip(PARTS, crop_rows(config, data, cache), strict=True)
        for field, value in zip(
            Sequences.__annotations__, packed(embedded(rows, backbone, config)), strict=True
        )
    }


def crops_origin(config: VideoConfig, data: Path) -> str:
    """What the crops of the sequences are made of; no network is part of it."""
    settings = (config.crop, config.sequences, config.frames, config.seed)
    return origin(read_manifest(data / "videos"), settings, Path(config.landmarks))


def crop_rows(config: VideoConfig, data: Path, cache: Path) -> tuple[list[Row], list[Row]]:
    """Face crops (T, S, S, 3) of the training and judging sequences with label, source and kind,
    made once and kept in ``cache``: they do not depend on the network."""
    path = cache / "sequence_crops.npz"
    kept = remembered(path, crops_origin(config, data), lambda: crop_arrays(config, data, cache))
    trained, judged = (rows_of(part, kept) for part in PARTS)
    return trained, judged


def crop_arrays(config: VideoConfig, data: Path, cache: Path) -> Arrays:
    """The rows of both parts as arrays, each name behind that of its part."""
    clips = load_clips(
        data / "videos", cache / "boxes_videos.npz", Path(config.landmarks), lambda _: True
    )
    columns: dict[str, NDArray[np.generic]] = {}
    for part, rows in zip(
        PARTS, (training_rows(clips, config), judging_rows(clips, config)), strict=True
    ):
        crops, *rest = zip(*rows, strict=True)
        columns[f"{part}_crops"] = np.concatenate(crops)
        columns[f"{part}_lengths"] = np.array([len(c) for c in crops])
        columns |= {
            f"{part}_{name}": np.array(values) for name, values in zip(TOLD, rest, strict=True)
        }
    return columns


def rows_of(part: str, arrays: Arrays) -> list[Row]:
    """The rows of a part that ``crop_arrays`` made arrays of."""
    ends = np.cumsum(arrays[f"{part}_lengths"])[:-1]
    crops = np.split(arrays[f"{part}_crops"], ends)
    told = (arrays[f"{part}_{name}"].tolist() for name in TOLD)
    return list(zip(crops, *told, strict=True))


def training_rows(clips: Sequence[Clip], config: VideoConfig) -> list[Row]:
    """Real stretches and forgeries of real stretches, each clip in one presentation."""
    rng = np.random.default_rng(config.seed)
    real = [clip for clip in clips if not clip.fake]
    rows = []
    for source in tqdm(sorted({clip.source for clip in real}), desc="sequences"):
        own = [clip for clip in real if clip.source == source]
        for _ in range(config.sequences):
            for label in (0, 1):
                clip = own[int(rng.integers(len(own)))]
                kind = "real" if label == 0 else str(rng.choice(KINDS, p=KIND_SHARES))
                frames, meshes, boxes = prepared(clip, random_stretch(clip, config.frames, rng))
                frames = forge(kind, frames, meshes, own, rng)
                crops = clip_crops(frames, boxes, config.crop, rng)
                rows.append((np.stack(crops), label, source, kind, clip.path))
    return rows


def judging_rows(clips: Sequence[Clip], config: VideoConfig) -> list[Row]:
    """Every clip once, undisturbed, frames spread over all of it."""
    rows = []
    for clip in tqdm(clips, desc="judged clips"):
        places = np.linspace(0, len(clip.frames) - 1, min(LONGEST, len(clip.frames))).round()
        crops = [
            crop_face(clip.frames[int(i)], clip.boxes[int(i)], DEFAULT_MARGIN, config.crop)
            for i in places
        ]
        rows.append((np.stack(crops), int(clip.fake), clip.source, clip.method, clip.path))
    return rows


def embedded(rows: Sequence[Row], backbone: Student, config: VideoConfig) -> list[Embedded]:
    """Pooled backbone features (T, 2048) in place of the crops."""
    out = []
    for crops, label, source, kind, name in tqdm(rows, desc="features"):
        small = shrunk(crops, config.size)
        with torch.inference_mode(), mixed_precision():
            features = backbone.embed(to_tensor(list(small)))
        out.append((features.float().numpy(), len(small), label, source, kind, name))
    return out


def packed(
    rows: Sequence[Embedded],
) -> tuple[NDArray[np.generic], ...]:
    """Rows as the arrays of ``Sequences``."""
    features = np.zeros((len(rows), LONGEST, FEATURES), dtype=np.float32)
    for place, row in enumerate(rows):
        features[place, : row[1]] = row[0]
    columns = list(zip(*rows, strict=True))[1:]
    return (features, *(np.array(column) for column in columns))


def random_stretch(clip: Clip, frames: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices of up to ``frames`` frames in time order, at a random pace."""
    count = len(clip.frames)
    pace = int(rng.integers(1, max(2, count // 16 + 1)))
    length = min(frames, (count - 1) // pace + 1)
    start = int(rng.integers(0, count - (length - 1) * pace))
    return start + pace * np.arange(length)


def prepared(
    clip: Clip, stretch: NDArray[np.int64]
) -> tuple[list[Picture], NDArray[np.float32], list[Box]]:
    """Frames of the stretch, large ones reduced around nothing but size, with meshes and boxes."""
    shape = clip.frames[0].shape
    factor = min(1.0, FORGED_SIDE / (max(shape[:2])))
    frames = [
        clip.frames[i]
        if factor == 1.0
        else np.asarray(
            cv2.resize(clip.frames[i], None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA),
            dtype=np.uint8,
        )
        for i in stretch
    ]
    boxes = [tuple(factor * value for value in clip.boxes[i]) for i in stretch]
    return frames, clip.meshes[stretch] * np.float32(factor), boxes


def forge(
    kind: str,
    frames: list[Picture],
    meshes: NDArray[np.float32],
    donors: Sequence[Clip],
    rng: np.random.Generator,
) -> list[Picture]:
    """The frames forged in the way ``kind`` names; "real" leaves them as they are."""
    if kind == "real":
        return frames
    if kind == "self-blend":
        return consistent_self_blend(frames, meshes, rng)
    if kind == "mouth":
        return shifted_mouth(frames, meshes, rng)
    donor = donors[int(rng.integers(len(donors)))]
    stretch = random_stretch(donor, len(frames), rng)
    other, motion, _ = prepared(donor, stretch)
    if kind == "animated":
        driving = motion if rng.random() < 0.5 else meshes
        return animated_still(frames, meshes, np.resize(driving, meshes.shape), rng)
    if kind == "swap":
        return consistent_swap(frames, meshes, (other, motion), rng)
    raise ValueError(f"unknown forgery '{kind}'")


def clip_crops(
    frames: Sequence[Picture], boxes: Sequence[Box], size: int, rng: np.random.Generator
) -> list[Picture]:
    """Face crops with one random margin and one presentation for the whole clip."""
    margin = DEFAULT_MARGIN + rng.uniform(-0.1, 0.1)
    seed = int(rng.integers(2**31))
    noise = np.random.default_rng(seed + 1)
    return [
        degrade(crop_face(frame, box, margin, size), np.random.default_rng(seed), noise)
        for frame, box in zip(frames, boxes, strict=True)
    ]
