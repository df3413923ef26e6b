"""Xception on face crops: every face of a still, the faces of the sampled frames of a video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ml.branches.base import BranchOutput
from ml.branches.face_pictures import face_artefacts, face_crop, normalise
from ml.explain.cam import linear_cam
from ml.media.prepared import DetectedFace, PreparedMedia
from ml.models.xception import Xception
from ml.result import BranchStatus, Curve, MediaKind, ScoredItem
from ml.weights.registry import WeightRegistry

SIZE = 192
MARGIN = 0.3
BATCH = 16
FACES_PER_TRACK = 32
TRACK_SHARE = 0.25
SHOWN = 6


class XceptionBranch:
    """Logit of each face; a track is the mean of its frames, the recording its highest track."""

    name = "xception"
    version = "1"
    title = "Face crops (Xception)"
    modality = MediaKind.IMAGE
    weights = "xception"

    def load(self, registry: WeightRegistry, device: torch.device) -> None:
        """Load the network. Raises WeightsError."""
        self.entry = registry.require(self.weights, size=SIZE, margin=MARGIN)
        self.device = device
        self.model = Xception(**self.entry.config)
        registry.load_into(self.weights, self.model)
        self.model = self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(self, media: PreparedMedia) -> BranchOutput:
        """Score and explain; not applicable without a face."""
        if reason := media.blocked(self.name):
            return BranchOutput.not_applicable(reason)
        faces = chosen_faces(media)
        if not faces:
            return BranchOutput.not_applicable("No face was found in the picture.")
        crops = [face_crop(media, face, self.entry) for face in faces]
        logits, cams = self.score(crops)
        tracks = track_logits(faces, logits)
        order = np.argsort(-np.abs(logits), kind="stable")[:SHOWN]
        shown = [(faces[i], crops[i], cams[i]) for i in sorted(order)]
        return BranchOutput(
            status=BranchStatus.SCORED,
            logit=max(tracks.values()),
            items=tuple(
                ScoredItem(face.t, face.t, float(logit), f"face {face.track + 1}")
                for face, logit in zip(faces, logits, strict=True)
            ),
            curves=face_curves(faces, logits) if len(media.frames) > 1 else (),
            details={
                "faces_scored": len(faces),
                "track_logits": {str(track): value for track, value in tracks.items()},
                "aggregation": "mean of the frames of a track, highest track",
            },
            artefacts=face_artefacts(media, shown, f"{self.name} {self.version}"),
            face_logits={
                (face.frame, face.track): float(logit)
                for face, logit in zip(faces, logits, strict=True)
            },
        )

    def score(
        self, crops: Sequence[NDArray[np.uint8]]
    ) -> tuple[NDArray[np.float64], list[NDArray[np.float32]]]:
        """Logit FAKE - REAL (N,) of the crops and their signed maps (h, w)."""
        logits: list[float] = []
        cams: list[NDArray[np.float32]] = []
        with torch.inference_mode():
            for start in range(0, len(crops), BATCH):
                batch = normalise(crops[start : start + BATCH], self.entry, self.device)
                features = self.model.features(batch)
                out = self.model.classify(features).float()
                logits += (out[:, 1] - out[:, 0]).tolist()
                cams += list(linear_cam(features, self.model.fc.weight).float().cpu().numpy())
        return np.asarray(logits), cams


def create() -> XceptionBranch:
    """The branch, not yet loaded."""
    return XceptionBranch()


def chosen_faces(media: PreparedMedia) -> tuple[DetectedFace, ...]:
    """Faces to score in time order: of each track seen long enough, evenly spaced frames."""
    tracks = media.faces_by_track
    longest = max((len(faces) for faces in tracks.values()), default=0)
    chosen: list[DetectedFace] = []
    for faces in tracks.values():
        if len(faces) >= TRACK_SHARE * longest:
            count = min(FACES_PER_TRACK, len(faces))
            places = np.linspace(0, len(faces) - 1, count).round().astype(int)
            chosen += [faces[place] for place in places]
    return tuple(sorted(chosen, key=lambda face: (face.t, face.track)))


def track_logits(faces: Sequence[DetectedFace], logits: NDArray[np.float64]) -> dict[int, float]:
    """Mean logit of each track."""
    return {
        track: float(np.mean([v for f, v in zip(faces, logits, strict=True) if f.track == track]))
        for track in dict.fromkeys(face.track for face in faces)
    }


def face_curves(faces: Sequence[DetectedFace], logits: NDArray[np.float64]) -> tuple[Curve, ...]:
    """Logit over time, one curve for each track."""
    curves = []
    for track in dict.fromkeys(face.track for face in faces):
        points = [(f.t, float(v)) for f, v in zip(faces, logits, strict=True) if f.track == track]
        times, values = zip(*points, strict=True)
        curves.append(Curve(f"face {track + 1}", times, values, "s", "logit"))
    return tuple(curves)
