"""Measured quality of a face: size, sharpness, pose."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.media.detectors import Box
from ml.media.faces import crop_face
from ml.media.prepared import FaceQuality

_SHARPNESS_SIDE = 112
# How far the nose tip stands before the eyes, in half eye distances (average adult head).
_NOSE_DEPTH = 1.2


def face_quality(
    rgb: NDArray[np.uint8], box: Box, landmarks: NDArray[np.float32], *, posed: bool
) -> FaceQuality:
    """Size in pixels of the picture, variance of the Laplacian at 112 px, yaw in degrees
    (positive: the nose points to the right of the picture; None without landmarks)."""
    grey = cv2.cvtColor(crop_face(rgb, box, 0.0, _SHARPNESS_SIDE), cv2.COLOR_RGB2GRAY)
    return FaceQuality(
        size_px=float(min(box[2] - box[0], box[3] - box[1])),
        blur=float(cv2.Laplacian(grey, cv2.CV_64F).var()),
        yaw=yaw_degrees(landmarks) if posed else None,
    )


def yaw_degrees(landmarks: NDArray[np.float32]) -> float | None:
    """Turn of the head from eyes and nose under a rigid head model; None when the eyes meet."""
    left, right, nose = (landmarks[i].astype(np.float64) for i in range(3))
    axis = right - left
    distance = float(np.hypot(*axis))
    if distance < 1e-3:
        return None
    along = float(np.dot(nose - (left + right) / 2, axis)) / distance
    return math.degrees(math.atan(along / (distance / 2) / _NOSE_DEPTH))
