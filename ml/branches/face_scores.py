"""What the branches that score single faces share: which faces, how they add up, what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.branches.base import BranchOutput
from ml.branches.face_pictures import face_artefacts
from ml.media.prepared import DetectedFace, PreparedMedia
from ml.result import BranchStatus, Curve, ScoredItem

NO_FACE = "No face was found in the picture."
NO_PICTURE = "The recording has no picture."
NO_MOTION = "The recording has no moving picture."
FACES_PER_TRACK = 32
TRACK_SHARE = 0.25


def chosen_faces(media: PreparedMedia) -> tuple[DetectedFace, ...]:
    """Faces to score in time order: of each track seen long enough, evenly spaced frames."""
    tracks = media.faces_by_track
    longest = max((len(faces) for faces in tracks.values()), default=0)
    chosen: list[DetectedFace] = []
    for faces in tracks.values():
        if len(faces) >= TRACK_SHARE * longest:
            chosen += spread(faces, FACES_PER_TRACK)
    return tuple(sorted(chosen, key=lambda face: (face.t, face.track)))


def no_face(media: PreparedMedia) -> BranchOutput:
    """Not applicable, with the reason: a recording without a picture, or without a face in it."""
    return BranchOutput.not_applicable(NO_FACE if media.frame_by_index else NO_PICTURE)


def spread(faces: Sequence[DetectedFace], most: int) -> list[DetectedFace]:
    """At most ``most`` of ``faces``, evenly spaced."""
    places = np.linspace(0, len(faces) - 1, min(most, len(faces))).round().astype(int)
    return [faces[place] for place in places]


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


def scored_output(
    media: PreparedMedia,
    faces: Sequence[DetectedFace],
    logits: NDArray[np.float64],
    pictures: tuple[Sequence[NDArray[np.uint8]], Sequence[NDArray[np.float32]]],
    producer: str,
    shown: int,
    details: dict[str, Any],
) -> BranchOutput:
    """The finding of ``logits`` (N,) on N ``faces``: a track is the mean of its frames, the
    recording its highest track. ``pictures`` are the crops and their signed maps; those of the
    ``shown`` strongest faces become artefacts."""
    crops, maps = pictures
    strongest = sorted(np.argsort(-np.abs(logits), kind="stable")[:shown])
    return BranchOutput(
        status=BranchStatus.SCORED,
        logit=max(track_logits(faces, logits).values()),
        items=tuple(
            ScoredItem(face.t, face.t, float(logit), f"face {face.track + 1}")
            for face, logit in zip(faces, logits, strict=True)
        ),
        curves=face_curves(faces, logits) if len(media.frames) > 1 else (),
        details=details,
        artefacts=face_artefacts(
            media, [(faces[i], crops[i], maps[i]) for i in strongest], producer
        ),
        face_logits={
            (face.frame, face.track): float(logit)
            for face, logit in zip(faces, logits, strict=True)
        },
    )
