"""Forgeries made from photographs: they change the face, leave the rest, and repeat by seed."""

import cv2
import numpy as np
import pytest

from ml.training import self_blending as made
from ml.training.video_forgeries import (
    animated_still,
    consistent_self_blend,
    consistent_swap,
    shifted_mouth,
)
from ml.training.visual_augmentation import degrade, h264

SIDE = 160


def _mesh(x: float = 80, y: float = 80, size: float = 45) -> np.ndarray:
    """A face-shaped set of 468 points: the oval and features on ellipses around (x, y)."""
    angles = np.linspace(0, 2 * np.pi, 468, endpoint=False)
    points = np.stack([x + 0.3 * size * np.cos(angles), y + 0.3 * size * np.sin(angles)], axis=1)
    around = np.linspace(-np.pi / 2, 1.5 * np.pi, len(made.OVAL), endpoint=False)
    points[list(made.OVAL)] = np.stack(
        [x + 0.8 * size * np.cos(around), y + size * np.sin(around)], axis=1
    )
    turn = np.linspace(0, 2 * np.pi, len(made.LIPS), endpoint=False)
    points[list(made.LIPS)] = np.stack(
        [x + 0.3 * size * np.cos(turn), y + 0.5 * size + 0.15 * size * np.sin(turn)], axis=1
    )
    return points.astype(np.float32)


def _photo(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    return cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def test_a_self_blend_repeats_by_seed_and_spares_what_the_mask_spares() -> None:
    photo, mesh = _photo(1), _mesh()
    first, mask = made.self_blend(photo, mesh, np.random.default_rng(5))
    again, _ = made.self_blend(photo, mesh, np.random.default_rng(5))
    assert np.array_equal(first, again)
    assert mask.shape == (SIDE, SIDE)
    assert 0 < mask.max() <= 1
    assert not np.array_equal(first, photo)
    assert mask[:8, :8].max() < 0.02


def test_a_swap_brings_the_donor_inside_the_mask_only() -> None:
    target, donor = _photo(1), _photo(2)
    forged, mask = made.swap(donor, _mesh(), target, _mesh(), np.random.default_rng(0))
    outside = mask < 1 / 512
    assert outside.any()
    assert np.abs(forged[outside].astype(int) - target[outside]).max() <= 1
    assert np.abs(forged[mask > 0.4].astype(int) - target[mask > 0.4]).mean() > 5


def test_poisson_keeps_the_surroundings_and_gives_up_on_tiny_faces() -> None:
    result = made.poisson_swap(_photo(2), _mesh(), _photo(1), _mesh())
    assert result is not None
    assert np.array_equal(result[0][:10], _photo(1)[:10])
    assert made.poisson_swap(_photo(2), _mesh(size=8), _photo(1), _mesh(size=8)) is None


def test_colour_matching_moves_the_mean_to_the_targets() -> None:
    mask = np.ones((SIDE, SIDE), dtype=np.float32)
    dark = (_photo(1) // 3).astype(np.uint8)
    bright = np.clip(_photo(2) // 2 + 110, 0, 255).astype(np.uint8)
    matched = made.match_colour(dark, bright, mask)
    assert abs(float(matched.mean()) - float(bright.mean())) < 12


def test_the_nearest_face_is_never_the_face_itself() -> None:
    rng = np.random.default_rng(0)
    meshes = np.stack([_mesh(size=45) + rng.normal(0, k, (468, 2)) for k in range(6)])
    picks = {made.nearest_face(meshes[0], meshes, rng, among=3) for _ in range(20)}
    assert picks == {1, 2, 3}


@pytest.mark.parametrize("kind", ["self-blend", "mouth", "animated", "swap"])
def test_clip_forgeries_keep_length_and_size_and_repeat_by_seed(kind: str) -> None:
    frames = [_photo(k) for k in range(6)]
    meshes = np.stack([_mesh(80 + k, 80) for k in range(6)])
    other = [_photo(50 + k) for k in range(6)], np.stack([_mesh(78, 80 + k) for k in range(6)])

    def forge() -> list[np.ndarray]:
        rng = np.random.default_rng(3)
        if kind == "self-blend":
            return consistent_self_blend(frames, meshes, rng)
        if kind == "mouth":
            return shifted_mouth(frames, meshes, rng)
        if kind == "animated":
            return animated_still(frames, meshes, other[1], rng)
        return consistent_swap(frames, meshes, other, rng)

    first, again = forge(), forge()
    assert [f.shape for f in first] == [f.shape for f in frames]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first, frames, strict=True))


def test_an_animated_still_follows_the_driving_motion() -> None:
    frame = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    cv2.circle(frame, (80, 80), 12, (255, 255, 255), -1)
    mesh = _mesh()
    driving = np.stack([_mesh(), _mesh(88, 80)])
    rng = np.random.default_rng(1)
    moved = animated_still([frame] * 2, np.stack([mesh, mesh]), driving, rng)[1]
    columns = moved[..., 0].astype(float).sum(0)
    centre = float((columns * np.arange(SIDE)).sum() / columns.sum())
    assert 84 < centre < 92


def test_degradation_gives_both_classes_the_same_presentation() -> None:
    one, other = _photo(1), _photo(2)
    for seed in range(5):
        first = degrade(one, np.random.default_rng(seed))
        second = degrade(one, np.random.default_rng(seed))
        assert np.array_equal(first, second)
        assert first.shape == one.shape
        assert degrade(other, np.random.default_rng(seed)).dtype == np.uint8


def test_video_coding_loses_more_the_coarser_it_is_and_keeps_the_picture() -> None:
    photo = _photo(1)[:97, :, :]
    fine, coarse = h264(photo, 18), h264(photo, 35)
    assert fine.shape == coarse.shape == photo.shape
    lost = [float(np.abs(made.astype(int) - photo).mean()) for made in (fine, coarse)]
    assert 0 < lost[0] < lost[1] < 30
    assert np.array_equal(h264(photo, 35), coarse)
