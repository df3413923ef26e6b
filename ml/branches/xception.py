"""Xception on face crops: every face of a still, the faces of the sampled frames of a video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.branches.base import BranchOutput
from ml.branches.face_pictures import face_crop, normalise
from ml.branches.face_scores import chosen_faces, no_face, scored_output, track_logits
from ml.branches.precision import body_in
from ml.explain.cam import linear_cam
from ml.media.prepared import PreparedMedia
from ml.models.statistics_xception import StatisticsXception
from ml.models.xception import Xception
from ml.result import MediaKind
from ml.weights.registry import WeightRegistry

SIZE = 304
MARGIN = 0.3
BATCH = 16
SHOWN = 6


class XceptionBranch:
    """Logit of each face; a track is the mean of its frames, the recording its highest track."""

    name = "xception"
    version = "2"
    title = "Face crops (Xception)"
    modality = MediaKind.IMAGE
    weights = "xception"
    dtype = torch.float32

    def load(self, registry: WeightRegistry, device: torch.device) -> None:
        """Load the network. Raises WeightsError."""
        self.entry = registry.require(self.weights, size=SIZE, margin=MARGIN)
        self.device = device
        network = StatisticsXception if "levels" in self.entry.config else Xception
        self.model = network(**self.entry.config)
        registry.load_into(self.weights, self.model)
        self.model = self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(self, media: PreparedMedia) -> BranchOutput:
        """Score and explain; not applicable without a face."""
        if reason := media.blocked(self.name):
            return BranchOutput.not_applicable(reason)
        faces = chosen_faces(media)
        if not faces:
            return no_face(media)
        crops = [face_crop(media, face, self.entry) for face in faces]
        logits, cams = self.score(crops)
        tracks = track_logits(faces, logits)
        details = {
            "faces_scored": len(faces),
            "track_logits": {str(track): value for track, value in tracks.items()},
            "aggregation": "mean of the frames of a track, highest track",
        }
        producer = f"{self.name} {self.version}"
        return scored_output(media, faces, logits, (crops, cams), producer, SHOWN, details)

    def score(
        self, crops: Sequence[NDArray[np.uint8]]
    ) -> tuple[NDArray[np.float64], list[NDArray[np.float32]]]:
        """Logit FAKE - REAL (N,) of the crops and their signed maps (h, w)."""
        logits: list[float] = []
        cams: list[NDArray[np.float32]] = []
        with torch.inference_mode():
            for start in range(0, len(crops), BATCH):
                batch = normalise(crops[start : start + BATCH], self.entry, self.device)
                found, maps = self._answer(batch)
                logits += found.tolist()
                cams += list(maps.cpu().numpy())
        return np.asarray(logits), cams

    def _answer(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Crops (B, 3, S, S) -> logits FAKE - REAL (B,) and signed maps (B, h, w)."""
        if isinstance(self.model, StatisticsXception):
            stems = [self.model.stem(view) for view in self.model.views(crops)]
            with body_in(self.dtype, self.device):
                middle, whole = (self.model.maps(stem) for stem in stems)
            return self.model.explain(middle, whole)
        stem = self.model.stem(crops)
        with body_in(self.dtype, self.device):
            features = self.model.body(stem)
        out = self.model.classify(features.float())
        return out[:, 1] - out[:, 0], linear_cam(features.float(), self.model.fc.weight)


def create() -> XceptionBranch:
    """The branch, not yet loaded."""
    return XceptionBranch()
