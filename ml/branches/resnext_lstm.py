"""ResNeXt50 + bidirectional LSTM on the frames of the main face of a video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.branches.base import BranchOutput
from ml.branches.face_pictures import face_artefacts, face_crop, normalise
from ml.branches.face_scores import NO_MOTION, spread
from ml.branches.precision import body_in
from ml.explain.cam import recurrent_cam
from ml.media.prepared import DetectedFace, PreparedMedia
from ml.models.resnext_lstm import ResNeXtLSTM
from ml.result import BranchStatus, Curve, MediaKind, ScoredItem
from ml.weights.registry import WeightRegistry

MARGIN = 0.3
SIZE = 112
FEWEST, MOST = 16, 32
BATCH = 16
SHOWN = 6


class ResNeXtLSTMBranch:
    """One logit for the face track seen longest, from 16 to 32 frames spread over the video."""

    name = "resnext_lstm"
    version = "1"
    title = "Face motion (ResNeXt50 + BiLSTM)"
    modality = MediaKind.VIDEO
    weights = "resnext_lstm"
    dtype = torch.float32

    def load(self, registry: WeightRegistry, device: torch.device) -> None:
        """Load the network. Raises WeightsError."""
        self.entry = registry.require(self.weights, size=SIZE, margin=MARGIN)
        self.device = device
        self.model = ResNeXtLSTM(**self.entry.config)
        registry.load_into(self.weights, self.model)
        self.model = self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

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
        crops = [face_crop(media, face, self.entry) for face in faces]
        logit, cams, shares = recurrent_cam(
            self.model, self._maps(crops)[None], torch.tensor([len(crops)])
        )
        weights = shares.cpu().numpy().astype(np.float64)
        order = np.argsort(-np.abs(weights), kind="stable")[:SHOWN]
        maps = cams.cpu().numpy()
        return BranchOutput(
            status=BranchStatus.SCORED,
            logit=float(logit),
            items=tuple(
                ScoredItem(face.t, face.t, float(share))
                for face, share in zip(faces, weights, strict=True)
            ),
            curves=(share_curve(faces, weights),),
            details={
                "frames": [face.frame for face in faces],
                "track": faces[0].track,
                "item_meaning": "gradient times feature: the frame's share in the clip's logit",
                "temporal_consistency": temporal_consistency(weights),
            },
            artefacts=face_artefacts(
                media,
                [(faces[i], crops[i], maps[i]) for i in sorted(order)],
                f"{self.name} {self.version}",
            ),
        )

    def _maps(self, crops: Sequence[NDArray[np.uint8]]) -> Tensor:
        with torch.inference_mode(), body_in(self.dtype, self.device):
            parts = [
                self.model.feature_maps(
                    normalise(crops[start : start + BATCH], self.entry, self.device)
                )
                for start in range(0, len(crops), BATCH)
            ]
        return torch.cat(parts).float()


def create() -> ResNeXtLSTMBranch:
    """The branch, not yet loaded."""
    return ResNeXtLSTMBranch()


def share_curve(faces: Sequence[DetectedFace], shares: NDArray[np.float64]) -> Curve:
    """Each frame's share in the logit over time."""
    times = tuple(face.t for face in faces)
    return Curve("frame share", times, tuple(map(float, shares)), "s", "share of the logit")


def temporal_consistency(shares: NDArray[np.float64]) -> float:
    """1 when all frames speak for the same side, 0 when both sides weigh the same."""
    total = float(np.abs(shares).sum())
    return abs(float(shares.sum())) / total if total else 1.0
