"""Pairs for learning to see blending: a photograph and a forgery of it in one presentation.

Whatever the two share (person, camera, crop, compression) says nothing about the label, so what
is left to learn is the forgery. Pairs for judging are blended in a way that is never trained on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml.media.faces import DEFAULT_MARGIN, crop_face
from ml.training.image_crops import random_crop
from ml.training.image_data import Photo, by_group
from ml.training.self_blending import (
    OVAL,
    align,
    alter,
    jitter,
    join,
    match_colour,
    nearest_face,
    poisson_swap,
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


def poisson_pairs(
    photos: Sequence[Photo], count: int, size: int
) -> tuple[list[Picture], list[Picture]]:
    """Crops of about ``count`` photographs, sources evenly, and of Poisson swaps of them."""
    rng = np.random.default_rng(0)
    real, fake = [], []
    groups = by_group(photos).values()
    for group in groups:
        meshes = np.stack([photo.mesh for photo in group if photo.mesh is not None])
        for place in rng.permutation(len(group))[: count // len(groups)]:
            photo = group[place]
            donor = group[nearest_face(meshes[place], meshes, rng, among=8)]
            assert photo.mesh is not None
            assert donor.mesh is not None
            made = poisson_swap(donor.rgb, donor.mesh, photo.rgb, photo.mesh)
            if made is not None:
                real.append(crop_face(photo.rgb, photo.box, DEFAULT_MARGIN, size))
                fake.append(crop_face(made[0], photo.box, DEFAULT_MARGIN, size))
    return real, fake
