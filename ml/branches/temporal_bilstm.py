"""BiLSTM over Xception's embeddings of the main face of a video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.branches.base import BranchOutput
from ml.branches.face_pictures import face_crop, normalise
from ml.branches.face_scores import NO_MOTION, spread
from ml.branches.xception import BATCH, MARGIN, SIZE, XceptionBranch
from ml.media.prepared import PreparedMedia
from ml.models.temporal_bilstm import TemporalBiLSTM
from ml.result import BranchStatus, Curve, MediaKind, ScoredItem
from ml.weights.registry import WeightRegistry

FEWEST, MOST = 16, 32


class TemporalBiLSTMBranch:
    """One logit for the face track seen longest, from 16 to 32 frames spread over the video.

    The embeddings come from the weights of ``xception``; the hash of those it was trained on
    stands in the registry, and others are refused.
    """

    name = "temporal_bilstm"
    version = "1"
    title = "Face sequence (BiLSTM over Xception)"
    modality = MediaKind.VIDEO
    weights = "temporal_bilstm"

    def load(self, registry: WeightRegistry, device: torch.device) -> None:
        """Load both networks. Raises WeightsError."""
        self.entry = registry.require(
            self.weights,
            size=SIZE,
            margin=MARGIN,
            embedding_sha256=registry.entry(XceptionBranch.weights).sha256,
        )
        self.device = device
        self.model = TemporalBiLSTM(**self.entry.config)
        registry.load_into(self.weights, self.model)
        self.model = self.model.to(device)
        self._frames = XceptionBranch()
        self._frames.load(registry, device)

    def run(self, media: PreparedMedia) -> BranchOutput:
        """Score and explain; not applicable with fewer than 16 frames of one face."""
        if reason := media.blocked(self.name):
            return BranchOutput.not_applicable(reason)
        if not media.frames:
            return BranchOutput.not_applicable(NO_MOTION)
        track = next(iter(media.faces_by_track.values()), ())
        if len(track) < FEWEST:
            return BranchOutput.not_applicable(
                f"The face seen longest appears in {len(track)} of the sampled frames; "
                f"{FEWEST} are needed."
            )
        faces = spread(track, MOST)
        embeddings = self.embed([face_crop(media, face, self.entry) for face in faces])
        with torch.inference_mode():
            shares = self.model.shares(embeddings[None], torch.tensor([len(faces)]))[0]
        values = [float(share) for share in shares.cpu().double()]
        return BranchOutput(
            status=BranchStatus.SCORED,
            logit=sum(values) + self.model.fc.bias.item(),
            items=tuple(
                ScoredItem(face.t, face.t, value) for face, value in zip(faces, values, strict=True)
            ),
            curves=(
                Curve(
                    "frame share",
                    tuple(face.t for face in faces),
                    tuple(values),
                    "s",
                    "share of the logit",
                ),
            ),
            details={
                "frames": [face.frame for face in faces],
                "track": faces[0].track,
                "item_meaning": "what the frame's state adds to the clip's logit",
            },
        )

    def embed(self, crops: Sequence[NDArray[np.uint8]]) -> Tensor:
        """What Xception reads in the crops (T, inputs)."""
        network = self._frames.model
        with torch.inference_mode():
            parts = [
                network.embedding(
                    normalise(crops[start : start + BATCH], self._frames.entry, self.device)
                )
                for start in range(0, len(crops), BATCH)
            ]
        return torch.cat(parts)


def create() -> TemporalBiLSTMBranch:
    """The branch, not yet loaded."""
    return TemporalBiLSTMBranch()
