"""Dense face landmarks of a folder of pictures or videos, made once before training.

MediaPipe's 468-point mesh (``mediapipe==0.10.14`` carries its model) is needed for self-blended
images and swaps only, never for analysis, and its dependencies clash with ours. This file
therefore imports nothing of the package and runs in an environment of its own:

    python3 -m venv var/mediapipe && var/mediapipe/bin/pip install mediapipe==0.10.14
    mkdir -p var/training
    for what in images videos; do
        var/mediapipe/bin/python ml/training/landmarks.py $what --data DATA \\
            --out var/training/landmarks_$what.npz
    done

DATA is the folder that the trainings are given; their recipes read the two files by these names.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import mediapipe  # type: ignore[import-not-found]
import numpy as np
from numpy.typing import NDArray
from video_sampling import (  # type: ignore[import-not-found]
    FRAMES_PER_CLIP,
    SAMPLED_FPS,
)

POINTS = 468


def picture_landmarks(mesh: object, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(468, 2) float32 pixel coordinates of the first face, NaN when none is found.

    A tight crop is looked at again with a grey border, which the mesh's detector needs.
    """
    for border in (0, max(rgb.shape[:2]) // 3):
        padded = cv2.copyMakeBorder(
            rgb, border, border, border, border, cv2.BORDER_CONSTANT, value=(127, 127, 127)
        )
        found = mesh.process(padded).multi_face_landmarks  # type: ignore[attr-defined]
        if found:
            height, width = padded.shape[:2]
            points = [(p.x * width - border, p.y * height - border) for p in found[0].landmark]
            return np.asarray(points[:POINTS], dtype=np.float32)
    return np.full((POINTS, 2), np.nan, dtype=np.float32)


def pictures(folder: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Every picture of the manifest with its path in it."""
    for row in read_manifest(folder):
        bgr = np.asarray(cv2.imread(str(folder / row["path"])), dtype=np.uint8)
        yield row["path"], np.ascontiguousarray(bgr[..., ::-1])


def clip_frames(folder: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """``SAMPLED_FPS`` frames a second of every clip's beginning as ``path#index``."""
    for row in read_manifest(folder):
        reader = cv2.VideoCapture(str(folder / row["path"]))
        step = max(1, round(float(row["fps"]) / SAMPLED_FPS))
        for index in range(step * FRAMES_PER_CLIP):
            if not reader.grab():
                break
            if index % step == 0:
                bgr = np.asarray(reader.retrieve()[1], dtype=np.uint8)
                yield f"{row['path']}#{index}", np.ascontiguousarray(bgr[..., ::-1])
        reader.release()


def read_manifest(folder: Path) -> list[dict[str, str]]:
    """The rows of ``manifest.csv``."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main(arguments: list[str]) -> None:
    """Write an npz with ``names`` (N,) and ``points`` (N, 468, 2) float32."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("media", choices=("images", "videos"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    mesh = mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=True, max_num_faces=1, min_detection_confidence=0.3
    )
    source = pictures if options.media == "images" else clip_frames
    found = [
        (name, picture_landmarks(mesh, rgb)) for name, rgb in source(options.data / options.media)
    ]
    np.savez_compressed(
        options.out, names=[name for name, _ in found], points=np.stack([p for _, p in found])
    )


if __name__ == "__main__":
    main(sys.argv[1:])
