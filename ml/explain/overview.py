"""Pictures of the recording itself: the frame with its face boxes, and the waveform."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.artefacts import JPEG, PNG, image_artefact
from ml.media.prepared import SAMPLE_RATE, DetectedFace, PreparedMedia
from ml.result import DerivedArtefact

PRODUCER = "overview 1"
_LONG_SIDE = 1280
_WAVE_SIZE = (160, 1200)
_BOX = (255, 196, 0)


def overview_artefacts(media: PreparedMedia) -> tuple[DerivedArtefact, ...]:
    """The frame with most faces (stills: the picture) and the waveform of the sound."""
    artefacts = []
    frames = media.frame_by_index
    if frames:
        by_frame: dict[int, list[DetectedFace]] = {index: [] for index in frames}
        for face in media.faces:
            by_frame[face.frame].append(face)
        index = max(by_frame, key=lambda key: (len(by_frame[key]), -key))
        artefacts.append(
            image_artefact(
                _boxed(frames[index].rgb, by_frame[index]),
                name=f"frame-{index}.jpg",
                kind="frame",
                mime_type=JPEG,
                parent_sha256=media.input.sha256,
                producer=PRODUCER,
                t=frames[index].t,
                caption=f"Frame at {frames[index].t:.2f} s with {len(by_frame[index])} face(s)",
            )
        )
    if media.waveform is not None:
        artefacts.append(
            image_artefact(
                _wave(media.waveform),
                name="waveform.png",
                kind="waveform",
                mime_type=PNG,
                parent_sha256=media.input.sha256,
                producer=PRODUCER,
                t=media.audio_start,
                caption=f"Waveform, {media.waveform.size / SAMPLE_RATE:.1f} s",
            )
        )
    return tuple(artefacts)


def _boxed(rgb: NDArray[np.uint8], faces: list[DetectedFace]) -> NDArray[np.uint8]:
    scale = min(1.0, _LONG_SIDE / max(rgb.shape[:2]))
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    picture = np.array(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    for face in faces:
        x1, y1, x2, y2 = (round(value * scale) for value in face.box)
        cv2.rectangle(picture, (x1, y1), (x2, y2), _BOX, 2)
    return picture


def _wave(waveform: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Minimum and maximum per column as a filled band on white."""
    height, width = _WAVE_SIZE
    picture = np.full((height, width, 3), 255, np.uint8)
    edges = np.linspace(0, waveform.size, width + 1).astype(int)
    for column in range(width):
        piece = waveform[edges[column] : max(edges[column] + 1, edges[column + 1])]
        if piece.size == 0:
            continue
        top = round((1 - float(piece.max())) / 2 * (height - 1))
        bottom = round((1 - float(piece.min())) / 2 * (height - 1))
        picture[top : bottom + 1, column] = (32, 107, 196)
    return picture
