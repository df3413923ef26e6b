"""The face photographs of an image folder with a manifest, decoded once and kept in memory."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from facenet_pytorch import MTCNN
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from ml.training.caches import Arrays, origin, remembered
from ml.training.engine import ConfigError

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Photo:
    """One face photograph: ``rgb`` (H, W, 3) uint8, ``box`` (x1, y1, x2, y2) as the analysis'
    own detector finds it, ``mesh`` (468, 2) float32 or None."""

    path: str
    rgb: NDArray[np.uint8]
    box: Box
    mesh: NDArray[np.float32] | None
    fake: bool
    method: str
    source: str
    split: str

    @property
    def group(self) -> tuple[str, str]:
        """Source and method: what is balanced, and what a fold leaves out."""
        return self.source, self.method


def read_manifest(folder: Path) -> list[dict[str, str]]:
    """The rows of ``folder/manifest.csv``. Raises FileNotFoundError naming the file."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """A picture file as (H, W, 3) uint8 RGB. Raises OSError when it cannot be decoded."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise OSError(f"{path} is not a readable picture")
    return np.ascontiguousarray(bgr[..., ::-1])


def read_meshes(path: Path | None, wanted: Iterable[str]) -> dict[str, NDArray[np.float32]]:
    """Dense landmarks by picture, from the file ``ml/training/landmarks.py`` wrote; none of one in
    which no mesh was found. Raises ConfigError when a ``wanted`` picture was never looked at."""
    if path is None:
        return {}
    with np.load(path) as file:
        names, points = file["names"], file["points"]
    unknown = sorted(set(wanted) - set(names.tolist()))
    if unknown:
        raise ConfigError(
            f"{path} is of other pictures: {len(unknown)} were never looked at, such as "
            f"{unknown[0]}. Make it again with ml/training/landmarks.py"
        )
    return {
        str(name): mesh for name, mesh in zip(names, points, strict=True) if np.isfinite(mesh).all()
    }


def files_origin(folder: Path, rows: Iterable[Mapping[str, str]]) -> str:
    """The origin of what is made of the files of these manifest rows: their names and sizes."""
    return origin([(row["path"], (folder / row["path"]).stat().st_size) for row in rows])


def find_boxes(
    pictures: Iterable[tuple[str, NDArray[np.uint8]]], cache: Path, made_of: str
) -> dict[str, Box]:
    """MTCNN's box of the surest face in each picture, remembered in ``cache`` (npz) as being made
    of files with the origin ``made_of``. Raises ConfigError when the cache is of others."""
    kept = remembered(cache, made_of, lambda: _detected(pictures))
    return {str(name): as_box(box) for name, box in zip(kept["names"], kept["boxes"], strict=True)}


def _detected(pictures: Iterable[tuple[str, NDArray[np.uint8]]]) -> Arrays:
    detector = MTCNN(keep_all=True, post_process=False, min_face_size=40)
    names, boxes = [], []
    for name, rgb in tqdm(pictures, desc="faces"):
        found, sure = detector.detect(Image.fromarray(rgb))
        if found is not None:
            names.append(name)
            boxes.append(as_box(found[int(np.argmax(sure))]))
    return {"names": np.array(names, str), "boxes": np.array(boxes, np.float64).reshape(-1, 4)}


def as_box(values: NDArray[np.generic]) -> Box:
    """Four numbers as plain floats."""
    x1, y1, x2, y2 = (float(value) for value in values)
    return x1, y1, x2, y2


def load_photos(
    folder: Path, cache: Path, meshes: Path | None, chosen: Callable[[dict[str, str]], bool]
) -> list[Photo]:
    """The photographs whose manifest row is ``chosen`` and in which a face is found. Raises
    ConfigError when ``cache`` or ``meshes`` is of other photographs."""
    rows = read_manifest(folder)
    pictures = ((row["path"], read_rgb(folder / row["path"])) for row in rows)
    boxes = find_boxes(pictures, cache, files_origin(folder, rows))
    kept = [row for row in rows if row["path"] in boxes and chosen(row)]
    points = read_meshes(meshes, (row["path"] for row in kept))
    return [
        Photo(
            path=row["path"],
            rgb=read_rgb(folder / row["path"]),
            box=boxes[row["path"]],
            mesh=points.get(row["path"]),
            fake=row["label"] == "fake",
            method=row["method"],
            source=row["source_repo"],
            split=row["split"],
        )
        for row in kept
    ]


def by_group(photos: Sequence[Photo]) -> dict[tuple[str, str], list[Photo]]:
    """Photographs by source and method."""
    groups: dict[tuple[str, str], list[Photo]] = {}
    for photo in photos:
        groups.setdefault(photo.group, []).append(photo)
    return groups
