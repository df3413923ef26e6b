"""Measured quality of a face: size, sharpness, pose, and whether it is painted in flat colours."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.media.detectors import Box
from ml.media.faces import crop_face
from ml.media.prepared import FaceQuality

_SHARPNESS_SIDE = 112
_FLATNESS_SIDE = 160
# How far the nose tip stands before the eyes, in half eye distances (average adult head).
_NOSE_DEPTH = 1.2


def face_quality(
    rgb: NDArray[np.uint8], box: Box, landmarks: NDArray[np.float32], *, posed: bool
) -> FaceQuality:
    """Size in pixels of the picture, variance of the Laplacian at 112 px, yaw in degrees
    (positive: the nose points to the right of the picture; None without landmarks), flatness."""
    grey = cv2.cvtColor(crop_face(rgb, box, 0.0, _SHARPNESS_SIDE), cv2.COLOR_RGB2GRAY)
    return FaceQuality(
        size_px=float(min(box[2] - box[0], box[3] - box[1])),
        blur=float(cv2.Laplacian(grey, cv2.CV_64F).var()),
        yaw=yaw_degrees(landmarks) if posed else None,
        flatness=flatness(_inside(rgb, box)),
    )


def flatness(face: NDArray[np.uint8]) -> float:
    """Share of the pixels of ``face`` (H, W, 3), shrunk to 160 px and never enlarged, that have
    the grey level of all their neighbours. Skin under a lens has grain and shading; areas filled
    with a colour have none."""
    scale = _FLATNESS_SIDE / max(face.shape[:2])
    if scale < 1:
        face = np.asarray(
            cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
        )
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    around = np.ones((3, 3), np.uint8)
    return float((cv2.dilate(grey, around) == cv2.erode(grey, around)).mean())


def _inside(rgb: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The part of the picture in ``box``, at least one pixel."""
    height, width = rgb.shape[:2]
    left, top = min(max(0, int(box[0])), width - 1), min(max(0, int(box[1])), height - 1)
    right, bottom = max(left + 1, round(box[2])), max(top + 1, round(box[3]))
    return np.ascontiguousarray(rgb[top:bottom, left:right])


def yaw_degrees(landmarks: NDArray[np.float32]) -> float | None:
    """Turn of the head from eyes and nose under a rigid head model; None when the eyes meet."""
    left, right, nose = (landmarks[i].astype(np.float64) for i in range(3))
    axis = right - left
    distance = float(np.hypot(*axis))
    if distance < 1e-3:
        return None
    along = float(np.dot(nose - (left + right) / 2, axis)) / distance
    return math.degrees(math.atan(along / (distance / 2) / _NOSE_DEPTH))
