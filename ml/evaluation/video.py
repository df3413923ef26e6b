"""Error rates of the branches on videos: ``python -m ml evaluate video --data FOLDER``.

``clips``: every clip through the shipped branches. No video was used to train the picture
branches, so all identities and methods are new to them; ``resnext_lstm`` has been trained on
forgeries of the real clips, so its figure of interest is ``leave-source-out``: real clips of
sources left out of training against all generated clips, none of which was ever trained on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ml.branches.base import Branch
from ml.branches.registry import create_branch
from ml.evaluation.scored import Scored, figures, read_scores, write_scores
from ml.fusion.calibration import Calibrator
from ml.media.plan import DecodePlan
from ml.media.prepare import Preparer
from ml.media.prepared import PreparedMedia
from ml.training.image_data import read_manifest
from ml.weights.registry import WeightRegistry

BRANCHES = ("xception", "resnext_lstm", "tiny_ladeda")
FOLDS = "video_folds.csv"


def evaluate(data: Path | None, out: Path, registry: WeightRegistry) -> dict[str, Any]:
    """Measure every video branch that has weights; writes ``video.json`` and the scores. Without
    ``data`` the figures are made of the scores already in ``out``.
    Raises WeightsError, MediaError, FileNotFoundError."""
    out.mkdir(parents=True, exist_ok=True)
    if data is not None:
        for name, rows in score(data / "videos", registry).items():
            write_scores(rows, out / f"video_scores_{name}.csv")
    report: dict[str, Any] = {
        "command": "python -m ml evaluate video --data DATA",
        "interval": "95 %: bootstrap resamples of clips, Wilson for shares",
        "weights": {},
    }
    for name in BRANCHES:
        if name not in registry.names():
            continue
        rows = read_scores(out / f"video_scores_{name}.csv")
        folds = read_scores(out / FOLDS) if name == "resnext_lstm" else []
        file = registry.entry(name).calibration
        calibrator = Calibrator.load(registry.folder / file) if file else None
        sets = [figures(part[0].part, part, calibrator) for part in (rows, folds) if part]
        if sets:
            report["weights"][name] = {"sha256": registry.entry(name).sha256, "sets": sets}
    (out / "video.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def score(folder: Path, registry: WeightRegistry) -> dict[str, list[Scored]]:
    """Every clip through every branch that has weights."""
    branches = loaded(registry)
    scored: dict[str, list[Scored]] = {name: [] for name in branches}
    for row, media in clips(folder):
        for name, branch in branches.items():
            output = branch.run(media)
            if output.logit is not None:
                scored[name].append(
                    Scored(
                        "clips",
                        row["path"],
                        row["label"] == "fake",
                        row["method"],
                        row["source_repo"],
                        output.logit,
                    )
                )
    return scored


def loaded(registry: WeightRegistry) -> dict[str, Branch]:
    """The branches that have weights, on the CPU."""
    branches = {name: create_branch(name) for name in BRANCHES if name in registry.names()}
    for branch in branches.values():
        branch.load(registry, torch.device("cpu"))
    return branches


def clips(folder: Path) -> Iterator[tuple[dict[str, str], PreparedMedia]]:
    """Every clip of the manifest, prepared as an analysis prepares it."""
    preparer = Preparer(torch.device("cpu"))
    plan = DecodePlan(dense_s=0.0)
    for row in tqdm(read_manifest(folder), desc="clips"):
        yield row, preparer.prepare(folder / row["path"], plan)
