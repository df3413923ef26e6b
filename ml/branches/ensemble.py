"""EfficientNet-B3, DenseNet121 and a 3-D CNN with attention: pictures by two, motion by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from ml.branches.base import BranchOutput
from ml.branches.face_pictures import face_crop, normalise
from ml.branches.face_scores import chosen_faces, no_face, scored_output, spread, track_logits
from ml.media.prepared import DetectedFace, PreparedMedia
from ml.models.face_ensemble import MEMBERS, FaceEnsemble
from ml.result import MediaKind
from ml.weights.registry import WeightRegistry

SIZE = 224
MARGIN = 0.3
BATCH = 8
STEPS = 16
SHOWN = 4


class EnsembleBranch:
    """A face counts the mean of the two picture networks, a track the mean of its frames, the
    recording its highest track; with 16 frames of the main face the 3-D CNN counts a third."""

    name = "ensemble"
    version = "1"
    title = "Face ensemble (EfficientNet-B3, DenseNet121, 3-D CNN)"
    modality = MediaKind.IMAGE
    weights = "ensemble"

    def load(self, registry: WeightRegistry, device: torch.device) -> None:
        """Load the three networks. Raises WeightsError."""
        self.entry = registry.require(self.weights, size=SIZE, margin=MARGIN)
        self.device = device
        self.model = FaceEnsemble()
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
        members, maps = self.score(crops)
        logits = members.mean(axis=0)
        by_member = {
            name: max(track_logits(faces, own).values())
            for name, own in zip(MEMBERS, members, strict=False)
        }
        details = {"members": by_member, "aggregation": "mean of the members that could look"}
        producer = f"{self.name} {self.version}"
        output = scored_output(media, faces, logits, (crops, maps), producer, SHOWN, details)
        return self._with_motion(output, media)

    def score(
        self, crops: Sequence[NDArray[np.uint8]]
    ) -> tuple[NDArray[np.float64], list[NDArray[np.float32]]]:
        """Logits (2, N) of the two picture networks and the mean of their maps (h, w)."""
        logits: list[NDArray[np.float64]] = []
        maps: list[NDArray[np.float32]] = []
        with torch.inference_mode():
            for start in range(0, len(crops), BATCH):
                batch = normalise(crops[start : start + BATCH], self.entry, self.device)
                both = torch.stack(self.model.picture_maps(batch)).float().cpu()
                logits.append(both.double().mean(dim=(2, 3)).numpy())
                maps += list(both.mean(dim=0).numpy())
        return np.concatenate(logits, axis=1), maps

    def motion_logit(self, media: PreparedMedia, faces: Sequence[DetectedFace]) -> float:
        """The 3-D CNN's logit of 16 frames of one face."""
        crops = [face_crop(media, face, self.entry) for face in faces]
        with torch.inference_mode():
            frames = normalise(crops, self.entry, self.device)
            return float(self.model.motion_logit(frames[None]))

    def _with_motion(self, output: BranchOutput, media: PreparedMedia) -> BranchOutput:
        """``output`` with the 3-D CNN as its third member, where there are frames enough."""
        track = next(iter(media.faces_by_track.values()))
        if len(track) < STEPS or output.logit is None:
            return output
        motion = self.motion_logit(media, spread(track, STEPS))
        members = {**output.details["members"], MEMBERS[2]: motion}
        return replace(
            output,
            logit=(2 * output.logit + motion) / 3,
            details={**output.details, "members": members},
        )


def create() -> EnsembleBranch:
    """The branch, not yet loaded."""
    return EnsembleBranch()
