"""Videos forged from the real clips of a folder: another performer's face in every frame.

Five landmarks align the other face and its ellipse is cloned by Poisson editing (Pérez 2003), a
blending that is never trained on. Each clip is written again beside its forgery, frame by frame
and equally compressed, so that neither rate nor codec tells the two apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from ml.evaluation.image import clone_face
from ml.evaluation.scored import Scored
from ml.media.detectors import FaceDetector, RawFace, face_detector
from ml.training.video_data import sampled_frames
from ml.training.video_sampling import SAMPLED_FPS

METHOD = "poisson-swap"
FRAMES = 24
LEAST_FRAMES = 8
_CODING = {"preset": "medium", "crf": "23", "threads": "1"}
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Performance:
    """Frames (H, W, 3) of one clip and the surest face of each."""

    row: dict[str, str]
    frames: tuple[Picture, ...]
    faces: tuple[RawFace, ...]


def forged_clips(
    rows: Sequence[dict[str, str]], folder: Path, out: Path, part: str
) -> Iterator[tuple[Scored, Path]]:
    """Recordings of the set ``part`` written into ``out``: for each of the real clips ``rows`` its
    frames as they are and with the face of the next clip of its source that is not known to show
    the same person. A clip in which too few faces are found, or can be exchanged, gives nothing."""
    detector = face_detector("mtcnn", torch.device("cpu"))
    found = [performance(row, folder, detector) for row in tqdm(rows, desc="faces of clips")]
    clips = [clip for clip in found if clip is not None]
    for place, clip in enumerate(clips):
        others = (*clips[place + 1 :], *clips[:place])
        donor = next((other for other in others if _can_give(other, clip)), None)
        pairs = exchanged(clip, donor) if donor else []
        if len(pairs) < LEAST_FRAMES:
            continue
        stem = Path(clip.row["path"]).stem
        for fake in (False, True):
            path = out / f"{stem}_{'forged' if fake else 'real'}.mp4"
            write([pair[fake] for pair in pairs], path)
            method = METHOD if fake else clip.row["method"]
            yield (
                Scored(part, clip.row["path"], fake, method, clip.row["source_repo"], 0.0),
                path,
            )


def performance(row: dict[str, str], folder: Path, detector: FaceDetector) -> Performance | None:
    """The first frames of a clip that show a face; None for too few."""
    sampled = [
        rgb for _, rgb in islice(sampled_frames(folder / row["path"], float(row["fps"])), FRAMES)
    ]
    shown = [
        (rgb, max(faces, key=lambda face: face.confidence))
        for rgb, faces in zip(sampled, detector.detect(sampled), strict=True)
        if faces
    ]
    if len(shown) < LEAST_FRAMES:
        return None
    frames, faces = zip(*shown, strict=True)
    return Performance(row, frames, faces)


def exchanged(clip: Performance, donor: Performance) -> list[tuple[Picture, Picture]]:
    """Each frame of ``clip`` beside the same frame with a face of ``donor``; frames in which it
    cannot be cloned are left out."""
    pairs = []
    for place, (frame, face) in enumerate(zip(clip.frames, clip.faces, strict=True)):
        other = place % len(donor.frames)
        forged = clone_face(donor.frames[other], donor.faces[other], frame, face)
        if forged is not None:
            pairs.append((frame, forged))
    return pairs


def write(frames: Sequence[Picture], path: Path) -> None:
    """H.264 at the sampled rate; the same frames give the same bytes."""
    height, width = (side - side % 2 for side in frames[0].shape[:2])
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=SAMPLED_FPS, options=_CODING)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for rgb in frames:
            whole = np.ascontiguousarray(rgb[:height, :width])
            output.mux(stream.encode(av.VideoFrame.from_ndarray(whole, format="rgb24")))
        output.mux(stream.encode())


def _can_give(donor: Performance, clip: Performance) -> bool:
    """Faces stay inside a source, so that one left out of a calibration is left out whole."""
    same_source = donor.row["source_repo"] == clip.row["source_repo"]
    return same_source and _person(donor) != _person(clip)


def _person(clip: Performance) -> str:
    return clip.row["identity"] or clip.row["path"]
