"""Faces through time: detect on some frames, join detections to tracks, interpolate between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ml.media.detectors import Box, RawFace

MIN_OVERLAP = 0.3
MAX_GAP_S = 2.0
MAX_FACES = 8


@dataclass(frozen=True)
class TrackPoint:
    """Where a track is at ``t`` seconds; ``detected`` is False for interpolated points."""

    t: float
    box: Box
    landmarks: NDArray[np.float32]
    confidence: float
    posed: bool
    detected: bool


@dataclass
class Track:
    """One face's detections in time order."""

    number: int
    points: list[TrackPoint] = field(default_factory=list)

    def at(self, t: float, max_gap: float) -> TrackPoint | None:
        """The detection at ``t``, or the linear interpolation between the two around it when
        they lie at most ``max_gap`` seconds apart; None outside the track."""
        times = [point.t for point in self.points]
        place = int(np.searchsorted(times, t))
        for near in (place - 1, place):
            if 0 <= near < len(times) and abs(times[near] - t) < 1e-6:
                return self.points[near]
        if not 0 < place < len(times) or times[place] - times[place - 1] > max_gap:
            return None
        before, after = self.points[place - 1], self.points[place]
        share = (t - before.t) / (after.t - before.t)
        box = (1 - share) * np.asarray(before.box) + share * np.asarray(after.box)
        x1, y1, x2, y2 = box.tolist()
        return TrackPoint(
            t=t,
            box=(x1, y1, x2, y2),
            landmarks=((1 - share) * before.landmarks + share * after.landmarks).astype(np.float32),
            confidence=min(before.confidence, after.confidence),
            posed=before.posed and after.posed,
            detected=False,
        )


def overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return common / (sum(areas) - common)


def build_tracks(detections: Sequence[tuple[float, list[RawFace]]]) -> list[Track]:
    """Join (t, faces), given in time order, greedily by the largest overlap.

    A track that was not seen for ``MAX_GAP_S`` seconds is closed; at most ``MAX_FACES`` faces
    of each picture, the largest, are followed.
    """
    tracks: list[Track] = []
    for t, faces in detections:
        faces = sorted(faces, key=_area, reverse=True)[:MAX_FACES]
        open_tracks = [track for track in tracks if t - track.points[-1].t <= MAX_GAP_S]
        pairs = sorted(
            (
                (overlap(track.points[-1].box, face.box), -track.number, place)
                for track in open_tracks
                for place, face in enumerate(faces)
            ),
            reverse=True,
        )
        taken_tracks: set[int] = set()
        taken_faces: set[int] = set()
        by_number = {track.number: track for track in open_tracks}
        for common, negative, place in pairs:
            if common < MIN_OVERLAP or -negative in taken_tracks or place in taken_faces:
                continue
            taken_tracks.add(-negative)
            taken_faces.add(place)
            by_number[-negative].points.append(_point(t, faces[place]))
        for place, face in enumerate(faces):
            if place not in taken_faces:
                tracks.append(Track(len(tracks), [_point(t, face)]))
    return tracks


def _area(face: RawFace) -> float:
    return (face.box[2] - face.box[0]) * (face.box[3] - face.box[1])


def _point(t: float, face: RawFace) -> TrackPoint:
    return TrackPoint(t, face.box, face.landmarks, face.confidence, face.posed, detected=True)
