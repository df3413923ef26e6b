"""Fit the synthesis head of ``StatisticsXception``: ``python -m ml train statistics``.

The trunk and its blending head stay as ``ml/training/blending.py`` left them, so every crop is
passed once; what the blending head answers and what the synthesis head reads is kept, and a fold
is then a matter of seconds. The head is a ridge discriminant of whole-face forgeries against
photographs, each once as it is and once degraded: the difference of the class means, seen through
the scatter inside each source. What separates one source from another never enters. Pairs of a
photograph and its forgery are only judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tqdm import tqdm

from ml.evaluation.held_out import LEFT_OUT
from ml.evaluation.metrics import auc
from ml.evaluation.scored import Scored, write_scores
from ml.media.faces import DEFAULT_MARGIN, crop_face
from ml.models.statistics_xception import BLENDING, SYNTHESIS, StatisticsXception, statistics
from ml.models.xception import load_strict
from ml.training.caches import Arrays, origin, remembered
from ml.training.discriminant import BATCH, Features, Head, discriminant, set_head
from ml.training.engine import LAST, save_tensors
from ml.training.image_crops import random_crop, to_tensor
from ml.training.image_data import Photo, load_photos, read_manifest
from ml.training.pairs import forged_pair
from ml.training.precision import mixed_precision
from ml.training.visual_augmentation import Picture, degrade

STORE = "statistics.npz"
COLUMNS = ("path", "fake", "source", "method", "split", "part")
COMPOSITES = "photoshop-composite"


@dataclass(frozen=True)
class StatisticsConfig:
    """The ``[statistics]`` table. ``backbone``: what ``train blending`` wrote; ``pairs``
    photographs are forged. ``hold_out`` names sources left out of training and scored instead.
    Before it meets the blending head by ``contrast`` (``StatisticsXception``), the synthesis head
    is scaled by ``scale``."""

    backbone: str
    landmarks: str
    levels: tuple[int, ...] = (9,)
    size: int = 304
    pairs: int = 1200
    ridge: float = 0.5
    scale: float = 0.4
    contrast: float = 0.4
    hold_out: tuple[str, ...] = ()
    seed: int = 3


@dataclass(frozen=True)
class Store:
    """What the synthesis head reads of crops (N, D), the blending head's answers (N,), and what
    each shows: ``part`` is "clean" for the picture as an analysis sees it, "degraded", or "pair"
    for a photograph and its forgery, in turns."""

    features: Features
    blended: NDArray[np.float32]
    path: NDArray[np.str_]
    fake: NDArray[np.bool_]
    source: NDArray[np.str_]
    method: NDArray[np.str_]
    split: NDArray[np.str_]
    part: NDArray[np.str_]


Row = tuple[str, bool, str, str, str, str]


def train(config: StatisticsConfig, data: Path, out: Path) -> dict[str, float]:
    """Write ``out/last.safetensors`` and, with sources held out, ``out/scores.csv``; the AUC of
    every held-out kind of forgery against its source's photographs."""
    out.mkdir(parents=True, exist_ok=True)
    store = cached_store(config, data, out.parent)
    model = load_trunk(config)
    set_head(model, SYNTHESIS, fit(config, store))
    save_tensors(model, out / LAST)
    if not config.hold_out:
        return {}
    scored = score(model, store, held_rows(config, store))
    write_scores(scored, out / "scores.csv")
    return areas(scored)


def load_trunk(config: StatisticsConfig) -> StatisticsXception:
    """The network with the backbone's weights and its blending head."""
    model = StatisticsXception(config.levels)
    load_strict(model, load_file(config.backbone))
    model.contrast.fill_(config.contrast)
    model.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def cached_store(config: StatisticsConfig, data: Path, cache: Path) -> Store:
    """What is seen in every crop, computed once and kept in ``cache``. Raises ConfigError when
    what is kept there is of other pictures, settings or of another backbone."""
    settings = (tuple(config.levels), config.size, config.pairs, config.seed)
    files = Path(config.backbone), Path(config.landmarks)
    wanted = origin(read_manifest(data / "images"), settings, *files)
    kept: Mapping[str, Any] = remembered(
        cache / STORE, wanted, lambda: store_arrays(config, data, cache)
    )
    columns = (kept[name] for name in ("blended", *COLUMNS))
    return Store(kept["features"].astype(np.float32), *columns)


def store_arrays(config: StatisticsConfig, data: Path, cache: Path) -> Arrays:
    """Pass every crop through the trunk; what is seen in it, by the names of ``Store``."""
    boxes = cache / "boxes_images.npz"
    photos = load_photos(data / "images", boxes, Path(config.landmarks), lambda _: True)
    model = load_trunk(config)
    rows: list[Row] = []
    kept: list[tuple[NDArray[np.float16], NDArray[np.float32]]] = []
    waiting: list[Picture] = []
    for crop, row in tqdm(crops(config, photos), desc="statistics"):
        rows.append(row)
        waiting.append(crop)
        if len(waiting) == BATCH:
            kept.append(seen_in(model, waiting))
            waiting = []
    if waiting:
        kept.append(seen_in(model, waiting))
    features, blended = (np.concatenate(part) for part in zip(*kept, strict=True))
    columns = dict(zip(COLUMNS, map(np.array, zip(*rows, strict=True)), strict=True))
    return {"features": features, "blended": blended, **columns}


def seen_in(
    model: StatisticsXception, pictures: Sequence[Picture]
) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """What the synthesis head reads of crops (N, D) and what the blending head answers (N,)."""
    with torch.inference_mode():
        with mixed_precision():
            middle, whole = (model.maps(model.stem(v)) for v in model.views(to_tensor(pictures)))
        return statistics(whole).half().numpy(), model.answers(middle, whole)[:, BLENDING].numpy()


def crops(config: StatisticsConfig, photos: Sequence[Photo]) -> Iterator[tuple[Picture, Row]]:
    """Every crop of the store."""
    yield from pair_crops(config, photos)
    for photo in photos:
        crop = crop_face(photo.rgb, photo.box, DEFAULT_MARGIN, config.size)
        yield crop, row_of(photo, "clean")
    for place, photo in enumerate(photos):
        if photo.split == "train":
            rng = np.random.default_rng((5, place))
            crop = degrade(random_crop(photo.rgb, photo.box, config.size, rng), rng)
            yield crop, row_of(photo, "degraded")


def row_of(photo: Photo, part: str) -> Row:
    """What a crop of ``photo`` shows."""
    return photo.path, photo.fake, photo.source, photo.method, photo.split, part


def pair_crops(config: StatisticsConfig, photos: Sequence[Photo]) -> Iterator[tuple[Picture, Row]]:
    """Photographs and forgeries of them in turns, sources evenly."""
    rng = np.random.default_rng(config.seed)
    by_source: dict[str, list[Photo]] = {}
    for photo in photos:
        if photo.split == "train" and not photo.fake and photo.mesh is not None:
            by_source.setdefault(photo.source, []).append(photo)
    sources = sorted(by_source)
    for turn in range(config.pairs):
        members = by_source[sources[turn % len(sources)]]
        photo = members[rng.integers(len(members))]
        real, fake = forged_pair(photo, members, config.size, rng)
        path, _, source, method, split, part = row_of(photo, "pair")
        yield real, (path, False, source, method, split, part)
        yield fake, (path, True, source, "blend", split, part)


def fit(config: StatisticsConfig, store: Store) -> Head:
    """The synthesis head from the training split without the held-out sources."""
    usable = (store.split == "train") & ~np.isin(store.source, config.hold_out)
    whole = usable & (store.part != "pair") & (store.method != COMPOSITES)
    presented = np.char.add(np.char.add(store.source, " "), store.part)
    head = discriminant(store.features[whole], store.fake[whole], presented[whole], config.ridge)
    return Head(head.weight * config.scale, head.bias * config.scale)


def held_rows(config: StatisticsConfig, store: Store) -> NDArray[np.int64]:
    """The held-out sources' pictures as an analysis sees them, and their pairs."""
    held = np.isin(store.source, config.hold_out)
    return np.flatnonzero(held & (store.part != "degraded"))


def score(model: StatisticsXception, store: Store, rows: NDArray[np.int64]) -> list[Scored]:
    """The chosen crops through the heads."""
    with torch.inference_mode():
        synthesised = model.heads(torch.from_numpy(store.features[rows]))[:, SYNTHESIS]
        blended = torch.from_numpy(store.blended[rows])
        logits = model.joined(torch.stack([blended, synthesised], -1)).double().numpy()
    return [
        Scored(
            LEFT_OUT,
            str(store.path[row]) if store.part[row] == "clean" else f"{store.path[row]} pair {row}",
            bool(store.fake[row]),
            str(store.method[row]),
            str(store.source[row]),
            float(logit),
        )
        for row, logit in zip(rows.tolist(), logits, strict=True)
    ]


def areas(scored: Sequence[Scored]) -> dict[str, float]:
    """AUC of each kind of forgery against the photographs shown in the same way."""
    figures = {}
    for method in sorted({row.method for row in scored if row.fake}):
        paired = method == "blend"
        chosen = [
            row
            for row in scored
            if (" pair " in row.path) == paired and (not row.fake or row.method == method)
        ]
        logits = np.array([row.logit for row in chosen])
        figures[method] = auc(logits, np.array([row.fake for row in chosen]))
    return figures
