"""Sequences of face crops to learn from: stretches of real clips and forgeries of them.

No generated video is ever trained on: the forgeries are made from the real clips alone. Generated
clips are judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ml.media.faces import DEFAULT_MARGIN, crop_face
from ml.training.image_data import Box
from ml.training.video_data import Clip
from ml.training.video_forgeries import (
    animated_still,
    consistent_self_blend,
    consistent_swap,
    shifted_mouth,
)
from ml.training.visual_augmentation import Picture, degrade

KINDS = ("self-blend", "mouth", "animated", "swap")
KIND_SHARES = (0.25, 0.2, 0.35, 0.2)
LONGEST = 32


@dataclass(frozen=True, kw_only=True)
class SequenceConfig:
    """Which sequences are made: for each source and class ``sequences`` of ``frames`` crops of
    ``crop`` pixels, of frames whose longer side is brought to ``side`` pixels at most."""

    landmarks: str
    crop: int = 192
    side: int = 360
    sequences: int = 60
    frames: int = 20
    seed: int = 1


Row = tuple[NDArray[np.uint8], int, str, str, str]
Embedded = tuple[NDArray[np.float32], int, int, str, str, str]


@dataclass(frozen=True)
class Sequences:
    """Frame features (N, 32, F) float32 padded with zeros, lengths (N,), labels (N,), and
    where each came from."""

    features: NDArray[np.float32]
    lengths: NDArray[np.int64]
    labels: NDArray[np.int64]
    sources: NDArray[np.str_]
    methods: NDArray[np.str_]
    names: NDArray[np.str_]


def frames_of(sequences: Sequences) -> NDArray[np.float32]:
    """The features (N, F) of all frames, without the padding."""
    rows = zip(sequences.features, sequences.lengths, strict=True)
    return np.concatenate([features[:length] for features, length in rows])


def select(sequences: Sequences, rows: NDArray[np.bool_]) -> Sequences:
    """The chosen rows."""
    return Sequences(
        sequences.features[rows],
        sequences.lengths[rows],
        sequences.labels[rows],
        sequences.sources[rows],
        sequences.methods[rows],
        sequences.names[rows],
    )


def balanced(
    sequences: Sequences, label: int, count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Row numbers of one class, sources evenly."""
    names = sorted(set(sequences.sources))
    rows = [np.flatnonzero((sequences.labels == label) & (sequences.sources == n)) for n in names]
    return np.array([rng.choice(rows[rng.integers(len(rows))]) for _ in range(count)])


def training_rows(clips: Sequence[Clip], config: SequenceConfig) -> list[Row]:
    """Real stretches and forgeries of real stretches, each clip in one presentation."""
    rng = np.random.default_rng(config.seed)
    real = [clip for clip in clips if not clip.fake]
    rows = []
    for source in tqdm(sorted({clip.source for clip in real}), desc="sequences"):
        own = [clip for clip in real if clip.source == source]
        for _ in range(config.sequences):
            for label in (0, 1):
                clip = own[int(rng.integers(len(own)))]
                kind = "real" if label == 0 else str(rng.choice(KINDS, p=KIND_SHARES))
                frames, meshes, boxes = prepared(
                    clip, random_stretch(clip, config.frames, rng), config.side
                )
                frames = forge(kind, frames, meshes, own, config.side, rng)
                crops = clip_crops(frames, boxes, config.crop, rng)
                rows.append((np.stack(crops), label, source, kind, clip.path))
    return rows


def judging_rows(clips: Sequence[Clip], config: SequenceConfig) -> list[Row]:
    """Every clip once, undisturbed, frames spread over all of it."""
    rows = []
    for clip in tqdm(clips, desc="judged clips"):
        places = np.linspace(0, len(clip.frames) - 1, min(LONGEST, len(clip.frames))).round()
        crops = [
            crop_face(clip.frames[int(i)], clip.boxes[int(i)], DEFAULT_MARGIN, config.crop)
            for i in places
        ]
        rows.append((np.stack(crops), int(clip.fake), clip.source, clip.method, clip.path))
    return rows


def packed(
    rows: Sequence[Embedded],
) -> tuple[NDArray[np.generic], ...]:
    """Rows as the arrays of ``Sequences``."""
    features = np.zeros((len(rows), LONGEST, rows[0][0].shape[1]), dtype=np.float32)
    for place, row in enumerate(rows):
        features[place, : row[1]] = row[0]
    columns = list(zip(*rows, strict=True))[1:]
    return (features, *(np.array(column) for column in columns))


def random_stretch(clip: Clip, frames: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices of up to ``frames`` frames in time order, at a random pace."""
    count = len(clip.frames)
    pace = int(rng.integers(1, max(2, count // 16 + 1)))
    length = min(frames, (count - 1) // pace + 1)
    start = int(rng.integers(0, count - (length - 1) * pace))
    return start + pace * np.arange(length)


def prepared(
    clip: Clip, stretch: NDArray[np.int64], side: int
) -> tuple[list[Picture], NDArray[np.float32], list[Box]]:
    """Frames of the stretch, brought to ``side`` pixels at most, with meshes and boxes."""
    shape = clip.frames[0].shape
    factor = min(1.0, side / max(shape[:2]))
    frames = [
        clip.frames[i]
        if factor == 1.0
        else np.asarray(
            cv2.resize(clip.frames[i], None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA),
            dtype=np.uint8,
        )
        for i in stretch
    ]
    boxes = [tuple(factor * value for value in clip.boxes[i]) for i in stretch]
    return frames, clip.meshes[stretch] * np.float32(factor), boxes


def forge(
    kind: str,
    frames: list[Picture],
    meshes: NDArray[np.float32],
    donors: Sequence[Clip],
    side: int,
    rng: np.random.Generator,
) -> list[Picture]:
    """The frames forged in the way ``kind`` names; "real" leaves them as they are."""
    if kind == "real":
        return frames
    if kind == "self-blend":
        return consistent_self_blend(frames, meshes, rng)
    if kind == "mouth":
        return shifted_mouth(frames, meshes, rng)
    donor = donors[int(rng.integers(len(donors)))]
    stretch = random_stretch(donor, len(frames), rng)
    other, motion, _ = prepared(donor, stretch, side)
    if kind == "animated":
        driving = motion if rng.random() < 0.5 else meshes
        return animated_still(frames, meshes, np.resize(driving, meshes.shape), rng)
    if kind == "swap":
        return consistent_swap(frames, meshes, (other, motion), rng)
    raise ValueError(f"unknown forgery '{kind}'")


def clip_crops(
    frames: Sequence[Picture], boxes: Sequence[Box], size: int, rng: np.random.Generator
) -> list[Picture]:
    """Face crops with one random margin and one presentation for the whole clip."""
    margin = DEFAULT_MARGIN + rng.uniform(-0.1, 0.1)
    seed = int(rng.integers(2**31))
    noise = np.random.default_rng(seed + 1)
    return [
        degrade(crop_face(frame, box, margin, size), np.random.default_rng(seed), noise)
        for frame, box in zip(frames, boxes, strict=True)
    ]
