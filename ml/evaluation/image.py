"""Error rates of the picture branches: ``python -m ml evaluate image --data FOLDER``.

Three sets. ``dev``: photographs and forgeries of the trained sources, other people. ``blending``:
faces of dev photographs swapped by Poisson editing, a blending never trained on.
``leave-source-out``: scores of networks trained without the source, one threshold for all folds;
their weights do not ship, so their scores are kept beside the figures and ``--folds`` renews
them from the training's output.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ml.branches.tiny_ladeda import TinyLaDeDaBranch
from ml.branches.xception import XceptionBranch
from ml.evaluation.scored import Scored, figures, read_scores, write_scores
from ml.fusion.calibration import Calibrator
from ml.media.detectors import RawFace, face_detector
from ml.media.faces import crop_face
from ml.training.image_data import read_manifest, read_rgb
from ml.weights.registry import WeightRegistry

BRANCHES: dict[str, type[XceptionBranch] | type[TinyLaDeDaBranch]] = {
    "xception": XceptionBranch,
    "tiny_ladeda": TinyLaDeDaBranch,
}
FOLDS = "image_folds.csv"
SWAPS = 160
Picture = NDArray[np.uint8]


def evaluate(data: Path, out: Path, registry: WeightRegistry) -> dict[str, Any]:
    """Measure every picture branch that has weights; writes ``image.json`` and
    ``image_scores.csv``. Raises WeightsError, FileNotFoundError."""
    pictures = dev_pictures(data / "images")
    report: dict[str, Any] = {
        "command": "python -m ml evaluate image --data DATA",
        "interval": "95 %: bootstrap resamples of pictures, Wilson for shares",
        "weights": {},
    }
    folds = read_scores(out / FOLDS)
    for name, kind in BRANCHES.items():
        if name not in registry.names():
            continue
        branch = kind()
        branch.load(registry, torch.device("cpu"))
        scored = score(branch, pictures)
        write_scores(scored, out / f"image_scores_{name}.csv")
        if name == "xception":
            scored += folds
        calibrator = _calibrator(name, registry)
        report["weights"][name] = {
            "sha256": registry.entry(name).sha256,
            "sets": [
                figures(part, [row for row in scored if row.part == part], calibrator)
                for part in dict.fromkeys(row.part for row in scored)
            ],
        }
    out.mkdir(parents=True, exist_ok=True)
    (out / "image.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def dev_pictures(folder: Path) -> list[tuple[Scored, Picture, RawFace]]:
    """Dev pictures with their surest face, then Poisson swaps between neighbouring photographs."""
    detector = face_detector("mtcnn", torch.device("cpu"))
    found = []
    for row in read_manifest(folder):
        if row["split"] != "dev":
            continue
        rgb = read_rgb(folder / row["path"])
        faces = detector.detect([rgb])[0]
        if faces:
            surest = max(faces, key=lambda face: face.confidence)
            fake = row["label"] == "fake"
            scored = Scored("dev", row["path"], fake, row["method"], row["source_repo"], 0.0)
            found.append((scored, rgb, surest))
    return found + poisson_swaps([item for item in found if not item[0].fake])


def poisson_swaps(
    photos: list[tuple[Scored, Picture, RawFace]],
) -> list[tuple[Scored, Picture, RawFace]]:
    """The set ``blending``: photographs and as many swaps, each with the next photograph of its
    source; five landmarks align the donor, an ellipse is cloned."""
    made = []
    order = np.random.default_rng(0).permutation(len(photos))
    for place in order:
        target, rgb, face = photos[place]
        donors = [p for p in photos if p[0].source == target.source and p[0].path != target.path]
        _, donor_rgb, donor = donors[int(place) % len(donors)]
        swapped = clone_face(donor_rgb, donor, rgb, face)
        if swapped is None:
            continue
        made.append((_as(target, "blending", fake=False), rgb, face))
        made.append((_as(target, "blending", fake=True), swapped, face))
        if len(made) >= 2 * SWAPS:
            break
    return made


def clone_face(source: Picture, donor: RawFace, target: Picture, face: RawFace) -> Picture | None:
    """Poisson cloning (Pérez 2003) of the donor's face ellipse; None at the picture's border."""
    matrix, _ = cv2.estimateAffinePartial2D(donor.landmarks, face.landmarks)
    height, width = target.shape[:2]
    moved = cv2.warpAffine(source, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    x1, y1, x2, y2 = face.box
    mask = np.zeros((height, width), np.uint8)
    centre = (round((x1 + x2) / 2), round((y1 + y2) / 2))
    axes = (round(0.36 * (x2 - x1)), round(0.4 * (y2 - y1)))
    cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1)
    mask[:3], mask[-3:], mask[:, :3], mask[:, -3:] = 0, 0, 0, 0
    x, y, w, h = cv2.boundingRect(mask)
    if min(w, h) < 24:
        return None
    try:
        cloned = cv2.seamlessClone(moved, target, mask, (x + w // 2, y + h // 2), cv2.NORMAL_CLONE)
    except cv2.error:
        return None
    return np.asarray(cloned, dtype=np.uint8)


def score(
    branch: XceptionBranch | TinyLaDeDaBranch, pictures: list[tuple[Scored, Picture, RawFace]]
) -> list[Scored]:
    """Every picture's face through the branch."""
    size, margin = branch.entry.preprocessing["size"], branch.entry.preprocessing["margin"]
    crops = [crop_face(rgb, face.box, margin, size) for _, rgb, face in pictures]
    logits, _ = branch.score(crops)
    return [
        Scored(row.part, row.path, row.fake, row.method, row.source, float(logit))
        for (row, _, _), logit in zip(pictures, logits, strict=True)
    ]


def _as(row: Scored, part: str, *, fake: bool) -> Scored:
    method = "poisson-swap" if fake else row.method
    return Scored(part, row.path, fake, method, row.source, 0.0)


def _calibrator(name: str, registry: WeightRegistry) -> Calibrator | None:
    file = registry.entry(name).calibration
    return Calibrator.load(registry.folder / file) if file else None
