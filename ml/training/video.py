"""Training of networks over time on what a frozen network reads in single frames.

The frozen network is the distilled ResNeXt50 or Xception, so what it reads in every clip, real and
forged, is computed once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from ml.evaluation import metrics
from ml.evaluation.held_out import LEFT_OUT
from ml.evaluation.scored import Scored, write_scores
from ml.training.caches import Arrays, origin, remembered
from ml.training.devices import device_of
from ml.training.frame_readers import FrameReader, reader_of
from ml.training.image_data import read_manifest
from ml.training.sequences import (
    Embedded,
    Row,
    SequenceConfig,
    Sequences,
    balanced,
    judging_rows,
    packed,
    select,
    training_rows,
)
from ml.training.video_data import load_clips

PARTS = ("train", "judge")
# What a row tells of its crops.
TOLD = ("labels", "sources", "kinds", "names")


@dataclass(frozen=True, kw_only=True)
class VideoConfig(SequenceConfig):
    """The ``[video]`` table. ``architecture``: "resnext_lstm" over the distilled student, which is
    fed at ``size`` pixels, or "temporal_bilstm" of ``hidden`` states over Xception; ``backbone``
    is the file of the one or the other. ``hold_out`` names sources that are not trained on.
    ``follow`` weighs the distance of the clip's logit to the mean of the backbone's own
    per-frame logits against the clip's label."""

    backbone: str
    architecture: str = "resnext_lstm"
    size: int = 112
    hidden: int = 128
    batch: int = 32
    follow: float = 1.0
    hold_out: tuple[str, ...] = ()


class VideoTask:
    """Batches of cached sequences; judged on held-out real clips against generated ones."""

    def __init__(self, config: VideoConfig, data: Path, cache: Path) -> None:
        self.config = config
        self.reader = reader_of(config.architecture, config.backbone, config.size, config.hidden)
        trained, judged = cached_sequences(config, self.reader, data, cache)
        held = np.isin(trained.sources, config.hold_out)
        self.trained = select(trained, ~held)
        unseen = np.isin(judged.sources, config.hold_out) if config.hold_out else judged.labels == 0
        self.judged = select(judged, unseen | (judged.labels == 1))
        self.forged = select(trained, held) if config.hold_out else None
        self.model = self.reader.network(self.trained)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """Half real, half forged: features (B, 32, F), lengths, labels."""
        half = self.config.batch // 2
        rows = np.concatenate([balanced(self.trained, label, half, rng) for label in (0, 1)])
        features = torch.from_numpy(self.trained.features[rows])
        return (
            features,
            torch.from_numpy(self.trained.lengths[rows]),
            torch.from_numpy(self.trained.labels[rows]),
        )

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Distance to the reader's mean frame logit + cross-entropy of the clip's label."""
        features, lengths, labels = batch
        logits = self.reader.clip_logits(model, features, lengths)
        frames = torch.arange(features.shape[1], device=features.device)[None] < lengths[:, None]
        frame_logits = self.reader.frame_logits(features) * frames
        wanted = (frame_logits.sum(1) / lengths).clamp(-5.0, 5.0)
        followed = functional.smooth_l1_loss(logits, wanted)
        soft = labels.float() * 0.95 + 0.025
        known = functional.binary_cross_entropy_with_logits(logits, soft)
        return self.config.follow * followed + known

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """AUC of unseen real clips against every generated clip, and against own forgeries."""
        figures = {"generated": self._auc(model, self.judged)}
        if self.forged is not None:
            figures["forged"] = self._auc(model, self.forged)
        return {**figures, "score": float(np.mean(list(figures.values())))}

    def report(self, model: nn.Module, out: Path) -> None:
        """Scores of the held-out clips, for leave-source-out figures."""
        if self.forged is None:
            return
        told = zip(
            self.judged.names, self.judged.labels, self.judged.methods, self.judged.sources,
            self._scores(model, self.judged), strict=True,
        )  # fmt: skip
        rows = [
            Scored(LEFT_OUT, str(name), bool(label), str(method), str(source), float(score))
            for name, label, method, source, score in told
        ]
        write_scores(rows, out / "scores.csv")

    def _auc(self, model: nn.Module, sequences: Sequences) -> float:
        return metrics.auc(self._scores(model, sequences), sequences.labels == 1)

    def _scores(self, model: nn.Module, sequences: Sequences) -> NDArray[np.float64]:
        """Logit FAKE - REAL of each sequence."""
        features = torch.from_numpy(sequences.features).to(device_of(model))
        with torch.inference_mode():
            logits = self.reader.clip_logits(model, features, torch.from_numpy(sequences.lengths))
        return logits.cpu().double().numpy()


def cached_sequences(
    config: VideoConfig, reader: FrameReader, data: Path, cache: Path
) -> tuple[Sequences, Sequences]:
    """(training, judging) sequences, computed once and kept in ``cache``. Raises ConfigError when
    what is kept there is of other clips, settings or of another backbone."""
    read_by = (config.architecture, config.size, Path(config.backbone))
    wanted = origin(crops_origin(config, data), *read_by)
    kept: Mapping[str, Any] = remembered(
        cache / "sequences.npz", wanted, lambda: sequence_arrays(config, reader, data, cache)
    )
    trained, judged = (
        Sequences(**{field: kept[f"{part}_{field}"] for field in Sequences.__annotations__})
        for part in PARTS
    )
    return trained, judged


def sequence_arrays(config: VideoConfig, reader: FrameReader, data: Path, cache: Path) -> Arrays:
    """The fields of both ``Sequences``, each name behind that of its part."""
    return {
        f"{part}_{field}": value
        for part, rows in zip(PARTS, crop_rows(config, data, cache), strict=True)
        for field, value in zip(
            Sequences.__annotations__, packed(embedded(rows, reader)), strict=True
        )
    }


def crops_origin(config: VideoConfig, data: Path) -> str:
    """What the crops of the sequences are made of; no network is part of it."""
    settings = (config.crop, config.side, config.sequences, config.frames, config.seed)
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


def embedded(rows: Sequence[Row], reader: FrameReader) -> list[Embedded]:
    """What the reader sees (T, F) in place of the crops."""
    return [
        (reader.embed(crops), len(crops), label, source, kind, name)
        for crops, label, source, kind, name in tqdm(rows, desc="features")
    ]
