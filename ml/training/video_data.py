"""The clips of a video folder with a manifest: sampled frames, face boxes and meshes in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.training.image_data import Box, files_origin, find_boxes, read_manifest, read_meshes
from ml.training.video_sampling import FRAMES_PER_CLIP, SAMPLED_FPS

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Clip:
    """Frames of one clip in which a face and its mesh were found, about 8 a second.

    ``frames`` are (H, W, 3) uint8, ``boxes`` the analysis' own detector's, ``meshes``
    (T, 468, 2) float32.
    """

    path: str
    frames: tuple[Picture, ...]
    boxes: tuple[Box, ...]
    meshes: NDArray[np.float32]
    fake: bool
    method: str
    identity: str
    source: str


def sampled_frames(path: Path, fps: float) -> Iterator[tuple[int, Picture]]:
    """(index, RGB frame) at ``SAMPLED_FPS`` from the beginning of a clip."""
    reader = cv2.VideoCapture(str(path))
    step = max(1, round(fps / SAMPLED_FPS))
    for index in range(step * FRAMES_PER_CLIP):
        if not reader.grab():
            break
        if index % step == 0:
            yield index, np.ascontiguousarray(reader.retrieve()[1][..., ::-1])
    reader.release()


def load_clips(
    folder: Path, cache: Path, meshes: Path, chosen: Callable[[dict[str, str]], bool]
) -> list[Clip]:
    """The chosen clips; frames without a face or a mesh are left out, clips under 16 frames too.
    Raises ConfigError when ``cache`` or ``meshes`` is of other clips."""
    rows = read_manifest(folder)

    def pictures() -> Iterator[tuple[str, Picture]]:
        for row in rows:
            for index, rgb in sampled_frames(folder / row["path"], float(row["fps"])):
                yield f"{row['path']}#{index}", rgb

    boxes = find_boxes(pictures(), cache, files_origin(folder, rows))
    asked = list(filter(chosen, rows))
    paths = {row["path"] for row in asked}
    points = read_meshes(meshes, (name for name in boxes if name.rpartition("#")[0] in paths))
    clips = []
    for row in asked:
        kept = [
            (rgb, boxes[name], points[name])
            for index, rgb in sampled_frames(folder / row["path"], float(row["fps"]))
            if (name := f"{row['path']}#{index}") in boxes and name in points
        ]
        if len(kept) < 16:
            continue
        frames, found, mesh = zip(*kept, strict=True)
        clips.append(
            Clip(
                path=row["path"],
                frames=frames,
                boxes=found,
                meshes=np.stack(mesh),
                fake=row["label"] == "fake",
                method=row["method"],
                identity=row["identity"] or row["path"],
                source=row["source_repo"],
            )
        )
    return clips
