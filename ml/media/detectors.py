"""Face detectors behind one Protocol: MTCNN (default), Haar cascade, MTCNN with Haar as reserve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from facenet_pytorch import MTCNN
from numpy.typing import NDArray

from ml.errors import ParameterError
from ml.threads import torch_threads

Box = tuple[float, float, float, float]
_BATCH = 16
# Five landmarks of an upright frontal face as fractions of its box (MTCNN's average face).
_TEMPLATE = np.array(
    [[0.31, 0.39], [0.69, 0.39], [0.50, 0.60], [0.35, 0.76], [0.65, 0.76]], np.float32
)


@dataclass(frozen=True)
class RawFace:
    """A detection in pixels of the picture it was made on. ``posed`` is False when the
    landmarks are only the average face laid into the box (Haar finds none)."""

    box: Box
    landmarks: NDArray[np.float32]
    confidence: float
    posed: bool


class FaceDetector(Protocol):
    """Finds faces; ``name`` goes into the record."""

    name: str

    def detect(self, pictures: Sequence[NDArray[np.uint8]]) -> list[list[RawFace]]:
        """Faces of each (H, W, 3) RGB picture, largest first."""
        ...


def detector_scale(width: int, height: int, long_side: int = 640) -> float:
    """Factor from picture to detector input: small pictures are doubled so that small faces
    reach MTCNN's range, large ones are reduced to ``long_side`` (after Seferbekov, DFDC)."""
    longest = max(width, height)
    if longest < 300:
        return 2.0
    return min(1.0, long_side / longest)


class MtcnnDetector:
    """Multi-task cascaded CNN (Zhang 2016), facenet-pytorch's networks and weights."""

    name = "mtcnn (facenet-pytorch 2.5.3)"

    def __init__(self, device: torch.device, min_confidence: float = 0.9) -> None:
        self._network = MTCNN(
            keep_all=True, min_face_size=32, thresholds=[0.6, 0.7, 0.8], device=device
        )
        self._min_confidence = min_confidence

    def detect(self, pictures: Sequence[NDArray[np.uint8]]) -> list[list[RawFace]]:
        """Pictures of the same size are detected together."""
        found: list[list[RawFace]] = [[] for _ in pictures]
        by_size: dict[tuple[int, int], list[int]] = {}
        for place, picture in enumerate(pictures):
            by_size.setdefault(picture.shape[:2], []).append(place)
        for (height, width), places in by_size.items():
            scale = detector_scale(width, height)
            for start in range(0, len(places), _BATCH):
                batch = places[start : start + _BATCH]
                for place, faces in zip(
                    batch, self._detect([pictures[i] for i in batch], scale), strict=True
                ):
                    found[place] = faces
        return found

    def _detect(self, pictures: list[NDArray[np.uint8]], scale: float) -> list[list[RawFace]]:
        height, width = pictures[0].shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if min(size) < 32:
            return [[] for _ in pictures]
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        batch = np.stack([cv2.resize(picture, size, interpolation=method) for picture in pictures])
        with torch_threads(1):
            boxes, chances, points = self._network.detect(batch, landmarks=True)
        ratio = np.array([width / size[0], height / size[1]], np.float32)
        return [self._faces(boxes[i], chances[i], points[i], ratio) for i in range(len(pictures))]

    def _faces(
        self,
        boxes: NDArray[np.float32] | None,
        chances: NDArray[np.float32],
        points: NDArray[np.float32],
        ratio: NDArray[np.float32],
    ) -> list[RawFace]:
        if boxes is None:
            return []
        faces = []
        for box, chance, landmarks in zip(boxes, chances, points, strict=True):
            if chance < self._min_confidence or box[2] <= box[0] or box[3] <= box[1]:
                continue
            x1, y1, x2, y2 = (np.asarray(box, np.float32) * np.tile(ratio, 2)).tolist()
            faces.append(
                RawFace(
                    (x1, y1, x2, y2),
                    np.asarray(landmarks, np.float32) * ratio,
                    float(chance),
                    posed=True,
                )
            )
        return faces


class HaarDetector:
    """Viola-Jones frontal cascade of OpenCV: no network, no landmarks, frontal faces only."""

    name = "haar (OpenCV frontalface_alt2)"

    def __init__(self, min_size: int = 48) -> None:
        path = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_alt2.xml"
        self._cascade = cv2.CascadeClassifier(str(path))
        self._min_size = min_size

    def detect(self, pictures: Sequence[NDArray[np.uint8]]) -> list[list[RawFace]]:
        """``confidence`` is 1 - exp(-n/10) with n neighbouring hits: an order, not a chance."""
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: NDArray[np.uint8]) -> list[RawFace]:
        height, width = picture.shape[:2]
        scale = min(1.0, 640 / max(width, height))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        grey = cv2.cvtColor(
            cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY
        )
        boxes, neighbours = self._cascade.detectMultiScale2(
            grey, scaleFactor=1.1, minNeighbors=5, minSize=(self._min_size, self._min_size)
        )
        faces = []
        for (x, y, w, h), hits in zip(boxes, neighbours, strict=True):
            corner, extent = np.array([x, y]) / scale, np.array([w, h]) / scale
            box = (*corner.tolist(), *(corner + extent).tolist())
            landmarks = (corner + _TEMPLATE * extent).astype(np.float32)
            faces.append(RawFace(box, landmarks, float(1 - np.exp(-hits / 10)), posed=False))
        return sorted(faces, key=lambda face: face.box[0] - face.box[2])


class ReserveDetector:
    """The first detector, and the second where the first finds nothing."""

    def __init__(self, first: FaceDetector, second: FaceDetector) -> None:
        self._first, self._second = first, second
        self.name = f"{first.name}, else {second.name}"

    def detect(self, pictures: Sequence[NDArray[np.uint8]]) -> list[list[RawFace]]:
        """Each picture is given to the second detector only when it must be."""
        found = self._first.detect(pictures)
        return [
            faces or self._second.detect([picture])[0]
            for faces, picture in zip(found, pictures, strict=True)
        ]


class LargeFaces:
    """A detector's faces whose shorter side has at least ``min_size`` pixels of the picture."""

    def __init__(self, detector: FaceDetector, min_size: int) -> None:
        self._detector, self._min_size = detector, min_size
        self.name = f"{detector.name}, from {min_size} pixels"

    def detect(self, pictures: Sequence[NDArray[np.uint8]]) -> list[list[RawFace]]:
        """Largest first, the small ones left out."""
        return [
            [face for face in faces if _shorter_side(face.box) >= self._min_size]
            for faces in self._detector.detect(pictures)
        ]


def _shorter_side(box: Box) -> float:
    return min(box[2] - box[0], box[3] - box[1])


def face_detector(name: str, device: torch.device, min_size: int = 0) -> FaceDetector:
    """ "mtcnn", "haar" or "mtcnn_haar", with ``min_size`` only faces of so many pixels and more;
    ``ParameterError`` for another name."""
    detector = _named(name, device)
    return LargeFaces(detector, min_size) if min_size else detector


def _named(name: str, device: torch.device) -> FaceDetector:
    if name == "mtcnn":
        return MtcnnDetector(device)
    if name == "haar":
        return HaarDetector()
    if name == "mtcnn_haar":
        return ReserveDetector(MtcnnDetector(device), HaarDetector())
    raise ParameterError("face_detector", "face_detector must be mtcnn, haar or mtcnn_haar.")
