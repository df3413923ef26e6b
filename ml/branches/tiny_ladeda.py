"""Tiny-LaDeDa: a patch gate that costs next to nothing and accounts for every patch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ml.branches.base import BranchOutput
from ml.branches.face_pictures import face_crop, normalise
from ml.branches.face_scores import chosen_faces, no_face, scored_output
from ml.media.prepared import PreparedMedia
from ml.models.tiny_ladeda import TinyLaDeDa
from ml.result import MediaKind
from ml.weights.registry import WeightRegistry

SIZE = 192
MARGIN = 0.3
SHOWN = 4
BATCH = 32
EARLY_EXIT_LOGIT = -4.0


class TinyLaDeDaBranch:
    """Logit of each face crop; the patch map's mean is the logit, so the map is exact."""

    name = "tiny_ladeda"
    version = "1"
    title = "Patch gate (Tiny-LaDeDa)"
    modality = MediaKind.IMAGE
    weights = "tiny_ladeda"

    def load(self, registry: WeightRegistry, device: torch.device) -> None:
        """Load the network. Raises WeightsError."""
        self.entry = registry.require(self.weights, size=SIZE, margin=MARGIN)
        self.device = device
        self.model = TinyLaDeDa(**self.entry.config)
        registry.load_into(self.weights, self.model)
        self.model = self.model.to(device)

    def run(self, media: PreparedMedia) -> BranchOutput:
        """Score and explain; not applicable without a face."""
        if reason := media.blocked(self.name):
            return BranchOutput.not_applicable(reason)
        faces = chosen_faces(media)
        if not faces:
            return no_face(media)
        crops = [face_crop(media, face, self.entry) for face in faces]
        logits, maps = self.score(crops)
        details = {
            "patches": int(maps.size),
            "tiny_prob_mean": float(_probability(logits).mean()),
            "tiny_prob_max": float(_probability(logits).max()),
            "tiny_prob_p90": float(np.percentile(_probability(logits), 90)),
            "early_exit": bool((maps.max(axis=(1, 2)) < EARLY_EXIT_LOGIT).all()),
        }
        producer = f"{self.name} {self.version}"
        return scored_output(media, faces, logits, (crops, list(maps)), producer, SHOWN, details)

    def score(
        self, crops: Sequence[NDArray[np.uint8]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Logits (N,) of the crops and their patch maps (N, h, w)."""
        with torch.inference_mode():
            maps = np.concatenate(
                [
                    self.model.patch_map(normalise(crops[k : k + BATCH], self.entry, self.device))
                    .cpu()
                    .numpy()
                    for k in range(0, len(crops), BATCH)
                ]
            )
        return maps.mean(axis=(1, 2), dtype=np.float64), maps


def create() -> TinyLaDeDaBranch:
    """The branch, not yet loaded."""
    return TinyLaDeDaBranch()


def _probability(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 / (1.0 + np.exp(-logits))
