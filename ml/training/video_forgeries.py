"""Clips forged from real clips, consistent over time: self-blends, swapped mouths and animated
stills. Each takes and gives frames of one size; meshes are (T, 468, 2)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.training.self_blending import (
    LIPS,
    align,
    blend,
    elastic,
    match_colour,
    random_region,
    region_mask,
    self_blend,
    soften,
)
from ml.training.visual_augmentation import Picture

Meshes = NDArray[np.float32]
GRID = 24
CHIN = (152, 148, 377, 176, 400, 149, 378, 150, 379)


def consistent_self_blend(
    frames: Sequence[Picture], meshes: Meshes, rng: np.random.Generator
) -> list[Picture]:
    """One mask, one rendering difference and one offset for the whole clip."""
    seed = int(rng.integers(2**31))
    return [
        self_blend(frame, mesh, np.random.default_rng(seed))[0]
        for frame, mesh in zip(frames, meshes, strict=True)
    ]


def shifted_mouth(
    frames: Sequence[Picture], meshes: Meshes, rng: np.random.Generator
) -> list[Picture]:
    """The mouth of other moments of the same clip: what lip-sync forgeries leave to see."""
    order = np.roll(np.arange(len(frames)), int(rng.integers(2, max(3, len(frames) - 2))))
    if rng.random() < 0.3:
        order = order[::-1]
    seed = int(rng.integers(2**31))
    out = []
    for frame, mesh, other in zip(frames, meshes, order.tolist(), strict=True):
        still = np.random.default_rng(seed)
        mask = soften(elastic(region_mask(frame.shape[:2], mesh, LIPS + CHIN), 0.02, still), still)
        mouth = align(frames[other], meshes[other], mesh, (frame.shape[1], frame.shape[0]))
        out.append(blend(match_colour(mouth, frame, mask), frame, mask))
    return out


def animated_still(
    frames: Sequence[Picture], meshes: Meshes, driving: Meshes, rng: np.random.Generator
) -> list[Picture]:
    """One frame, warped to follow the motion of ``driving``; part of the time its rendering is
    softened as a generator's decoder does."""
    start = int(rng.integers(len(frames)))
    still, mesh = frames[start], meshes[start]
    soft = rng.uniform(0.4, 0.9) if rng.random() < 0.6 else 1.0
    if soft < 1.0:
        small = cv2.resize(still, None, fx=soft, fy=soft, interpolation=cv2.INTER_AREA)
        back = cv2.resize(small, still.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        still = np.asarray(back, dtype=np.uint8)
    gain = np.ptp(mesh, axis=0).mean() / np.ptp(driving[0], axis=0).mean()
    return [warp(still, mesh, (moved - driving[0]) * gain) for moved in driving[: len(frames)]]


def warp(picture: Picture, mesh: NDArray[np.float32], motion: NDArray[np.float32]) -> Picture:
    """``picture`` with each landmark moved by ``motion`` (468, 2); the borders stay."""
    height, width = picture.shape[:2]
    xs, ys = np.linspace(0, width - 1, GRID), np.linspace(0, height - 1, GRID)
    nodes = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    reach = 0.09 * float(np.ptp(mesh, axis=0).mean())
    distance = np.square(nodes[:, None] - (mesh + motion)[None]).sum(-1)
    weight = np.exp(-distance / (2 * reach**2))
    field = weight @ motion / (weight.sum(1, keepdims=True) + 0.5)
    dx, dy = (
        cv2.resize(part.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        for part in field.T.reshape(2, GRID, GRID)
    )
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(picture, x - dx, y - dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.uint8)


def consistent_swap(
    frames: Sequence[Picture],
    meshes: Meshes,
    donor: tuple[Sequence[Picture], Meshes],
    rng: np.random.Generator,
) -> list[Picture]:
    """Another person's face, frame by frame, with one mask shape and colour matching."""
    seed = int(rng.integers(2**31))
    region = random_region(rng)
    out = []
    for index, (frame, mesh) in enumerate(zip(frames, meshes, strict=True)):
        other = index % len(donor[0])
        still = np.random.default_rng(seed)
        mask = soften(elastic(region_mask(frame.shape[:2], mesh, region), 0.02, still), still)
        inner = align(donor[0][other], donor[1][other], mesh, (frame.shape[1], frame.shape[0]))
        out.append(blend(match_colour(inner, frame, mask), frame, mask))
    return out
