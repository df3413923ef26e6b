"""Scores of the branches on pictures: ``python -m ml evaluate image --data FOLDER``.

``dev``: photographs and forgeries of the trained sources, other people. ``blending``: faces of dev
photographs swapped by Poisson editing, a blending never trained on; ``blending, new source``: of
photographs whose source was never trained on either. ``leave-source-out``, where the trainings
left such scores (``--folds``): networks trained without the source, one threshold for all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ml.branches.base import Branch
from ml.branches.registry import NAMES, create_branch
from ml.evaluation.scored import Scored
from ml.evaluation.store import ScoreStore, recipe
from ml.media.detectors import RawFace, face_detector
from ml.media.faces import crop_face
from ml.result import MediaKind
from ml.training.image_data import read_manifest, read_rgb
from ml.weights.registry import WeightEntry, WeightRegistry

SWAPS = 160
Picture = NDArray[np.uint8]
Shown = tuple[Scored, Picture, RawFace]


@runtime_checkable
class ScoresCrops(Protocol):
    """A branch that scores face crops (S, S, 3) by themselves: logits (N,) and their maps."""

    entry: WeightEntry

    def score(self, crops: Sequence[Picture]) -> tuple[NDArray[np.float64], Any]: ...


def branches(registry: WeightRegistry) -> list[str]:
    """The branches that look at single faces and have weights."""
    return [
        name
        for name in registry.names()
        if name in NAMES
        and create_branch(name).modality is MediaKind.IMAGE
        and hasattr(create_branch(name), "score")
    ]


def score(
    data: Path, registry: WeightRegistry, store: ScoreStore, limit: int
) -> dict[str, list[Scored]]:
    """Every branch on every picture; ``limit`` pictures of each class for a trial (0: all).
    Raises WeightsError, FileNotFoundError."""
    pictures = dev_pictures(data / "images", store, limit)
    digests = [_digest(rgb, face) for _, rgb, face in pictures]
    scored = {}
    for name in branches(registry):
        branch = create_branch(name)
        branch.load(registry, torch.device("cpu"))
        logits = _logits(branch, pictures, digests, registry, store)
        scored[name] = [
            replace(row, logit=logit) for (row, _, _), logit in zip(pictures, logits, strict=True)
        ]
    return scored


def _logits(
    branch: Branch,
    pictures: Sequence[Shown],
    digests: Sequence[str],
    registry: WeightRegistry,
    store: ScoreStore,
) -> list[float]:
    """Every picture's face through the branch."""
    assert isinstance(branch, ScoresCrops)
    scorer: ScoresCrops = branch
    size, margin = scorer.entry.preprocessing["size"], scorer.entry.preprocessing["margin"]

    def compute(places: Sequence[int]) -> list[float]:
        shown = [pictures[k] for k in places]
        crops = [crop_face(rgb, face.box, margin, size) for _, rgb, face in shown]
        return [float(logit) for logit in scorer.score(crops)[0]]

    return store.values(recipe(branch, registry, "surest face"), digests, compute, branch.name)


def dev_pictures(folder: Path, store: ScoreStore, limit: int) -> list[Shown]:
    """The dev pictures in which a face is found, and Poisson swaps of the real ones."""
    manifest = read_manifest(folder)
    trained = {row["source_repo"] for row in manifest if row["split"] == "train"}
    rows = [row for row in manifest if row["split"] == "dev"]
    if limit:
        rows = [r for label in ("real", "fake") for r in _labelled(rows, label)[:limit]]
    pictures = [read_rgb(folder / row["path"]) for row in rows]
    faces = surest_faces(pictures, store)
    found = [
        (_row(row), rgb, face)
        for row, rgb, face in zip(rows, pictures, faces, strict=True)
        if face is not None
    ]
    photos = [item for item in found if not item[0].fake]
    known = [item for item in photos if item[0].source in trained]
    new = [item for item in photos if item[0].source not in trained]
    return found + poisson_swaps(known, "blending") + poisson_swaps(new, "blending, new source")


def surest_faces(pictures: Sequence[Picture], store: ScoreStore) -> list[RawFace | None]:
    """The surest face of each picture, found by the analysis' own detector."""
    detector = face_detector("mtcnn", torch.device("cpu"))

    def detect(places: Sequence[int]) -> list[list[Any] | None]:
        return [_kept(detector.detect([pictures[k]])[0]) for k in places]

    digests = [hashlib.sha256(rgb.tobytes()).hexdigest() for rgb in pictures]
    values = store.values(f"surest face, {detector.name}", digests, detect, "faces")
    return [None if value is None else _face(*value) for value in values]


def _kept(faces: Sequence[RawFace]) -> list[Any] | None:
    if not faces:
        return None
    face = max(faces, key=lambda found: found.confidence)
    return [list(map(float, face.box)), face.landmarks.tolist(), face.confidence, face.posed]


def _face(box: list[float], landmarks: list[Any], confidence: float, posed: bool) -> RawFace:
    x1, y1, x2, y2 = box
    return RawFace((x1, y1, x2, y2), np.array(landmarks, np.float32), confidence, posed)


def _labelled(rows: list[dict[str, str]], label: str) -> list[dict[str, str]]:
    return [row for row in rows if row["label"] == label]


def _row(row: dict[str, str]) -> Scored:
    fake = row["label"] == "fake"
    return Scored("dev", row["path"], fake, row["method"], row["source_repo"], 0.0)


def _digest(rgb: Picture, face: RawFace) -> str:
    box = np.array(face.box, np.float64)
    return hashlib.sha256(rgb.tobytes() + box.tobytes()).hexdigest()


def poisson_swaps(photos: list[Shown], part: str) -> list[Shown]:
    """The set ``part``: photographs and as many swaps, each with the next photograph of its
    source; five landmarks align the donor, an ellipse is cloned."""
    made = []
    order = np.random.default_rng(0).permutation(len(photos))
    for place in order:
        target, rgb, face = photos[place]
        donors = [p for p in photos if p[0].source == target.source and p[0].path != target.path]
        if not donors:
            continue
        _, donor_rgb, donor = donors[int(place) % len(donors)]
        swapped = clone_face(donor_rgb, donor, rgb, face)
        if swapped is None:
            continue
        made.append((_as(target, part, fake=False), rgb, face))
        made.append((_as(target, part, fake=True), swapped, face))
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


def _as(row: Scored, part: str, *, fake: bool) -> Scored:
    method = "poisson-swap" if fake else row.method
    return Scored(part, row.path, fake, method, row.source, 0.0)
