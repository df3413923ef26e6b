"""Prepared media without any decoding: noise for pixels, boxes where a face would be."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.media.prepared import DetectedFace, FaceQuality, Frame, PreparedMedia
from ml.result import ImageFacts, InputFacts, MediaFacts, MediaKind


def made_face(frame: int, t: float, track: int = 0, x: float = 40) -> DetectedFace:
    """A face of 80 x 100 pixels at ``x``."""
    return DetectedFace(
        frame=frame, t=t, track=track, box=(x, 30, x + 80, 130),
        landmarks=np.zeros((5, 2), np.float32), confidence=0.99,
        quality=FaceQuality(80.0, 50.0, 0.0),
    )  # fmt: skip


def made_media(frames: int, faces: tuple[DetectedFace, ...]) -> PreparedMedia:
    """A still for one frame, else a video of five frames a second, 200 x 160 pixels."""
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (160, 200, 3), dtype=np.uint8) for _ in range(frames)]
    kind = MediaKind.IMAGE if frames == 1 else MediaKind.VIDEO
    facts = MediaFacts("PNG", image=ImageFacts("PNG", 200, 160, "RGB"))
    given = InputFacts("made.png", 1, "ab" * 32, "cd" * 64, kind)
    if frames == 1:
        return PreparedMedia(Path("made.png"), given, facts, image=pictures[0], faces=faces)
    taken = tuple(Frame(k, k / 5, picture) for k, picture in enumerate(pictures))
    return PreparedMedia(Path("made.mp4"), given, facts, frames=taken, faces=faces)
