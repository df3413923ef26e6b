"""The decoded recording as every branch sees it: pixels, faces, waveform, speech, gates."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.result import InputFacts, MediaFacts, QualityGate

SAMPLE_RATE = 16_000
CLIP_SIZE = 160
CLIP_MARGIN = 0.3


@dataclass(frozen=True)
class Frame:
    """One sampled picture: ``index`` in presentation order, ``t`` its PTS in seconds from the
    first frame, ``rgb`` (H, W, 3) uint8, upright."""

    index: int
    t: float
    rgb: NDArray[np.uint8]


@dataclass(frozen=True)
class FaceQuality:
    """``size_px``: shorter side of the box. ``blur``: variance of the Laplacian of the face at
    112 px (low is blurred). ``yaw``: signed degrees estimated from five landmarks, or None.
    ``flatness``: share of pixels without any grain or shading (high is drawn)."""

    size_px: float
    blur: float
    yaw: float | None
    flatness: float = 0.0


@dataclass(frozen=True)
class DetectedFace:
    """One face in one sampled frame.

    ``frame`` equals the ``Frame.index`` it lies in (0 for a still), ``box`` is (x1, y1, x2, y2)
    in pixels of that frame, ``landmarks`` (5, 2) float32: left eye, right eye, nose, left and
    right mouth corner as seen in the picture. ``interpolated`` faces lie between detections.
    """

    frame: int
    t: float
    track: int
    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float32]
    confidence: float
    quality: FaceQuality
    interpolated: bool = False


@dataclass(frozen=True)
class FaceClip:
    """An unbroken run of one face at the video's own frame rate, for lip motion.

    ``t`` (T,) float64 seconds; ``rgb`` (T, 160, 160, 3) uint8, cut by ``crop_face`` with margin
    0.3 from smoothed boxes; ``landmarks`` (T, 5, 2) float32 in pixels of the crop.
    """

    track: int
    t: NDArray[np.float64]
    rgb: NDArray[np.uint8]
    landmarks: NDArray[np.float32]


@dataclass(frozen=True)
class PreparedMedia:
    """Everything decoded from one file. Absent streams are None or empty.

    ``image`` (H, W, 3) uint8 RGB, upright, for stills. ``frames`` are the sampled frames of a
    video in time order. ``waveform`` is float32 mono at 16 kHz in [-1, 1], its sample 0 at
    ``audio_start`` seconds on the clock of ``Frame.t``. ``speech`` are (start, end) seconds
    inside the waveform. ``transforms`` says in words what was done to the data on the way in.
    ``credentials`` describe the C2PA manifest (``ml.media.credentials``).
    """

    path: Path
    input: InputFacts
    facts: MediaFacts
    image: NDArray[np.uint8] | None = None
    frames: tuple[Frame, ...] = ()
    faces: tuple[DetectedFace, ...] = ()
    clips: tuple[FaceClip, ...] = ()
    waveform: NDArray[np.float32] | None = None
    audio_start: float = 0.0
    speech: tuple[tuple[float, float], ...] = ()
    gates: tuple[QualityGate, ...] = ()
    transforms: tuple[str, ...] = ()
    credentials: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def frame_by_index(self) -> dict[int, Frame]:
        """Sampled frames by ``Frame.index``; a still is frame 0."""
        if self.image is not None:
            return {0: Frame(0, 0.0, self.image)}
        return {frame.index: frame for frame in self.frames}

    @cached_property
    def faces_by_track(self) -> dict[int, tuple[DetectedFace, ...]]:
        """Faces of each track in time order; the track seen most, then largest, comes first."""
        tracks: dict[int, list[DetectedFace]] = {}
        for face in self.faces:
            tracks.setdefault(face.track, []).append(face)
        for faces in tracks.values():
            faces.sort(key=lambda face: face.t)
        order = sorted(
            tracks,
            key=lambda track: (
                -len(tracks[track]),
                -max(face.quality.size_px for face in tracks[track]),
                track,
            ),
        )
        return {track: tuple(tracks[track]) for track in order}

    def pixels(self, face: DetectedFace) -> NDArray[np.uint8]:
        """The whole picture ``face`` lies in, (H, W, 3) uint8. KeyError when it was not kept."""
        return self.frame_by_index[face.frame].rgb

    def blocked(self, branch: str) -> str:
        """The reasons of failed gates that make ``branch`` not applicable, "" when none."""
        return " ".join(
            gate.message for gate in self.gates if not gate.passed and branch in gate.blocks
        )
