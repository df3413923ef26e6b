"""The shipped branches on a public set in its own layout:
``python -m ml evaluate dataset --dataset NAME=FOLDER``.

Every recording is prepared as an analysis prepares it. A branch that listens is judged by whether
the sound is forged, one that looks by whether the picture is, where the set tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ml.branches.base import Branch
from ml.branches.registry import create_branch
from ml.errors import MediaError
from ml.evaluation import audio, plots, video
from ml.evaluation.reports import detectors, write_report
from ml.evaluation.scored import Scored, write_scores
from ml.evaluation.store import ScoreStore, file_digest, recipe
from ml.media.prepare import Preparer
from ml.result import MediaKind
from ml.training.datasets.catalogue import load
from ml.training.datasets.prepare import some
from ml.training.datasets.records import DatasetCode, DatasetError, Record
from ml.training.datasets.splits import with_splits
from ml.weights.registry import WeightRegistry


def evaluate(
    name: str,
    root: Path,
    out: Path,
    registry: WeightRegistry,
    store: ScoreStore,
    *,
    split: str,
    limit: int,
) -> dict[str, Any]:
    """Write scores, report and pictures of one set into ``out``; ``limit`` recordings of each
    source and method (0: all). Raises DatasetError, WeightsError."""
    records = [r for r in with_splits(load(name, root)) if not split or r.split == split]
    if not records:
        raise DatasetError(DatasetCode.NO_MEDIA, f"'{name}' has no recordings in split '{split}'.")
    every = score(some(records, limit), registry, store, split or "all splits", root)
    scored = {branch: rows for branch, rows in every.items() if rows}
    out.mkdir(parents=True, exist_ok=True)
    for branch, rows in scored.items():
        write_scores(rows, out / f"{name}_scores_{branch}.csv")
    hashes = {branch: registry.entry(branch).sha256 for branch in scored}
    found = detectors(scored, registry, hashes)
    plots.draw(name, found, out / "figures")
    return write_report(f"dataset --dataset {name}=FOLDER", found, out, name)


def score(
    records: list[Record], registry: WeightRegistry, store: ScoreStore, part: str, root: Path
) -> dict[str, list[Scored]]:
    """Every record through the branches that can look at it or listen to it."""
    names = dict.fromkeys(audio.branches(registry) + video.branches(registry))
    branches = {name: create_branch(name) for name in names}
    for branch in branches.values():
        branch.load(registry, torch.device("cpu"))
    recipes = {name: recipe(branch, registry, video.HOW) for name, branch in branches.items()}
    known = {name: store.known(key) for name, key in recipes.items()}
    preparer = Preparer(torch.device("cpu"))
    scored: dict[str, list[Scored]] = {name: [] for name in names}
    for record in tqdm(records, desc=part):
        digest = file_digest(record.path)
        fitting = {name: b for name, b in branches.items() if label(record, b) is not None}
        missing = {name: b for name, b in fitting.items() if digest not in known[name]}
        for name, logit in _logits(record, missing, preparer).items():
            store.keep(recipes[name], [(digest, logit)])
            known[name][digest] = logit
        for name, branch in fitting.items():
            if known[name].get(digest) is not None:
                fake = bool(label(record, branch))
                scored[name].append(_row(record, part, root, fake, known[name][digest]))
    return scored


def label(record: Record, branch: Branch) -> bool | None:
    """Whether what the branch perceives is forged; None where it perceives nothing of it."""
    if branch.modality is MediaKind.AUDIO:
        told = record.fake_sound
        return record.fake if told is None and record.kind is MediaKind.AUDIO else told
    if record.kind is MediaKind.AUDIO:
        return None
    return record.fake if record.fake_picture is None else record.fake_picture


def _logits(
    record: Record, branches: Mapping[str, Branch], preparer: Preparer
) -> dict[str, float | None]:
    try:
        return video.logits_of(record.path, dict(branches), preparer)
    except MediaError as error:
        tqdm.write(f"{record.path}: {error.message}")
        return {}


def _row(record: Record, part: str, root: Path, fake: bool, logit: float) -> Scored:
    method = record.method if fake and record.method else record.source
    return Scored(part, str(record.path.relative_to(root)), fake, method, record.source, logit)
