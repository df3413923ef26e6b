"""How badly an autoencoder that has seen only real faces redraws this one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ml.branches.base import BranchOutput
from ml.branches.face_pictures import face_crop, normalise
from ml.branches.face_scores import chosen_faces, no_face, scored_output
from ml.media.prepared import PreparedMedia
from ml.models.face_autoencoder import SIZE, FaceAutoencoder
from ml.result import MediaKind
from ml.weights.registry import WeightRegistry

MARGIN = 0.3
BATCH = 32
SHOWN = 4


class AutoencoderBranch:
    """The logit of a face is its reconstruction error in deviations from that of real faces."""

    name = "autoencoder"
    version = "1"
    title = "Reconstruction error (autoencoder)"
    modality = MediaKind.IMAGE
    weights = "autoencoder"

    def load(self, registry: WeightRegistry, device: torch.device) -> None:
        """Load the network. Raises WeightsError."""
        self.entry = registry.require(self.weights, size=SIZE, margin=MARGIN)
        self.device = device
        self.model = FaceAutoencoder(**self.entry.config)
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
            "errors": [float(error) for error in self._errors(logits)],
            "error_of_real_faces": self.entry.preprocessing["error_mean"],
            "deviation_of_real_faces": self.entry.preprocessing["error_deviation"],
        }
        producer = f"{self.name} {self.version}"
        return scored_output(media, faces, logits, (crops, maps), producer, SHOWN, details)

    def score(
        self, crops: Sequence[NDArray[np.uint8]]
    ) -> tuple[NDArray[np.float64], list[NDArray[np.float32]]]:
        """Logits (N,) of the crops and their maps (S, S), whose mean is the logit."""
        maps: list[NDArray[np.float32]] = []
        mean = self.entry.preprocessing["error_mean"]
        deviation = self.entry.preprocessing["error_deviation"]
        with torch.inference_mode():
            for start in range(0, len(crops), BATCH):
                batch = normalise(crops[start : start + BATCH], self.entry, self.device)
                errors = self.model.error_map(batch).float()
                maps += list(((errors - mean) / deviation).cpu().numpy())
        return np.array([float(item.mean(dtype=np.float64)) for item in maps]), maps

    def _errors(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        preprocessing = self.entry.preprocessing
        errors = logits * preprocessing["error_deviation"] + preprocessing["error_mean"]
        return np.asarray(errors)


def create() -> AutoencoderBranch:
    """The branch, not yet loaded."""
    return AutoencoderBranch()
