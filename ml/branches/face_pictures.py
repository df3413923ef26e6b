"""What the visual branches share: crops as tensors, and a face's thumbnail and heat map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.artefacts import JPEG, PNG, image_artefact
from ml.explain.cam import CAPTION, heat_layer
from ml.media.faces import crop_face
from ml.media.prepared import DetectedFace, PreparedMedia
from ml.result import DerivedArtefact
from ml.weights.registry import WeightEntry


def face_crop(media: PreparedMedia, face: DetectedFace, entry: WeightEntry) -> NDArray[np.uint8]:
    """The face as the weight's preprocessing asks: (S, S, 3) uint8."""
    return crop_face(
        media.pixels(face),
        face.box,
        entry.preprocessing["margin"],
        entry.preprocessing["size"],
    )


def normalise(
    crops: Sequence[NDArray[np.uint8]], entry: WeightEntry, device: torch.device
) -> Tensor:
    """uint8 crops (S, S, 3) -> (B, 3, S, S) float32 with the weight's mean and deviation."""
    stacked = torch.from_numpy(np.stack(crops)).to(device).permute(0, 3, 1, 2).float() / 255.0
    mean = torch.tensor(entry.preprocessing["mean"], device=device).view(3, 1, 1)
    deviation = torch.tensor(entry.preprocessing["std"], device=device).view(3, 1, 1)
    return ((stacked - mean) / deviation).contiguous(memory_format=torch.channels_last)


def face_artefacts(
    media: PreparedMedia,
    shown: Sequence[tuple[DetectedFace, NDArray[np.uint8], NDArray[np.float32]]],
    producer: str,
) -> tuple[DerivedArtefact, ...]:
    """Thumbnail and heat map of each (face, crop, signed map), on one colour scale.

    A thumbnail's parent is the recording, a heat map's the thumbnail.
    """
    scale = max((float(np.abs(cam).max()) for _, _, cam in shown), default=0.0) or 1.0
    artefacts: list[DerivedArtefact] = []
    branch = producer.split()[0]
    for face, crop, cam in shown:
        place = f"track{face.track}-frame{face.frame}"
        thumbnail = image_artefact(
            crop,
            name=f"{branch}-{place}-face.jpg",
            kind="thumbnail",
            mime_type=JPEG,
            parent_sha256=media.input.sha256,
            producer=producer,
            t=face.t,
            track=face.track,
            caption=f"Face {face.track + 1} at {face.t:.2f} s",
        )
        heatmap = image_artefact(
            heat_layer(cam, crop.shape[0], scale),
            name=f"{branch}-{place}-heatmap.png",
            kind="heatmap",
            mime_type=PNG,
            parent_sha256=thumbnail.facts.sha256,
            producer=producer,
            t=face.t,
            track=face.track,
            caption=CAPTION,
        )
        artefacts += [thumbnail, heatmap]
    return tuple(artefacts)
