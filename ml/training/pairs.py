"""Pairs for learning to see blending: a photograph and a forgery of it in one presentation.

Whatever the two share (person, camera, crop, compression) says nothing about the label, so what
is left to learn is the forgery.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml.training.image_crops import random_crop
from ml.training.image_data import Photo
from ml.training.self_blending import (
    OVAL,
    align,
    alter,
    jitter,
    join,
    match_colour,
    nearest_face,
    region_mask,
)
from ml.training.visual_augmentation import Picture, degrade


def forged_pair(
    photo: Photo, donors: Sequence[Photo], size: int, rng: np.random.Generator
) -> tuple[Picture, Picture]:
    """Crops of a photograph and of a self-blend or swap of it, in one presentation."""
    assert photo.mesh is not None
    if rng.random() < 0.4:
        meshes = np.stack([p.mesh for p in donors if p.mesh is not None])
        donor = donors[nearest_face(photo.mesh, meshes, rng)]
        assert donor.mesh is not None
        height, width = photo.rgb.shape[:2]
        inner, outer = align(donor.rgb, donor.mesh, photo.mesh, (width, height)), photo.rgb
        if rng.random() < 0.8:
            face = region_mask((height, width), photo.mesh, OVAL)
            inner = match_colour(inner, outer, face)
    else:
        other = alter(photo.rgb, rng)
        inner, outer = (other, photo.rgb) if rng.random() < 0.5 else (photo.rgb, other)
        inner = jitter(inner, rng)
    forged = join(inner, outer, photo.mesh, rng)
    place, look = (int(seed) for seed in rng.integers(2**31, size=2))
    real, fake = (
        degrade(
            random_crop(rgb, photo.box, size, np.random.default_rng(place)),
            np.random.default_rng(look),
        )
        for rgb in (outer, forged)
    )
    return real, fake
