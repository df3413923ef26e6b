"""Forgeries made from real faces: self-blended images (Shiohara 2022) and landmark swaps.

Masks come from the 468-point face mesh. A self-blend cuts one face out of an altered copy of
the same photograph; a swap brings another person's face by landmarks and matches its colour.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.training.visual_augmentation import jpeg, shift_colour

Picture = NDArray[np.uint8]
Points = NDArray[np.float32]
Mask = NDArray[np.float32]

OVAL = (
    10,
    338,
    297,
    332,
    284,
    251,
    389,
    356,
    454,
    323,
    361,
    288,
    397,
    365,
    379,
    378,
    400,
    377,
    152,
    148,
    176,
    149,
    150,
    136,
    172,
    58,
    132,
    93,
    234,
    127,
    162,
    21,
    54,
    103,
    67,
    109,
)
BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
EYES = (33, 160, 158, 133, 153, 144, 263, 387, 385, 362, 380, 373)
NOSE = (1, 2, 98, 327, 168, 129, 358)
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
REGIONS = (
    OVAL,
    OVAL[8:29] + BROWS,
    BROWS + EYES + NOSE + LIPS,
    NOSE + LIPS,
    (*LIPS, 152, 148, 377, 199),
    BROWS + EYES,
)
REGION_SHARES = (0.3, 0.25, 0.2, 0.1, 0.1, 0.05)


def region_mask(shape: tuple[int, int], points: Points, region: tuple[int, ...]) -> Mask:
    """Filled convex hull of the ``region`` landmarks as (H, W) float32 in {0, 1}."""
    mask = np.zeros(shape, dtype=np.float32)
    hull = cv2.convexHull(points[list(region)].astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1.0)
    return mask


def elastic(mask: Mask, strength: float, rng: np.random.Generator) -> Mask:
    """``mask`` bent by a smooth random field of at most about ``strength`` of its side."""
    height, width = mask.shape
    field = rng.uniform(-1, 1, (2, 4, 4)).astype(np.float32) * strength * max(height, width)
    dx, dy = (cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC) for part in field)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(cv2.remap(mask, x + dx, y + dy, cv2.INTER_LINEAR), dtype=np.float32)


def soften(mask: Mask, rng: np.random.Generator) -> Mask:
    """Soft edge of random width, scaled by a random blending ratio; (H, W) float32 in [0, 1]."""
    side = max(mask.shape)
    for _ in range(2):
        width = side * rng.uniform(0.005, 0.04)
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), width), dtype=np.float32)
        mask = np.clip((mask - 0.25) / 0.75 if rng.random() < 0.5 else mask, 0, 1)
    peak = float(mask.max()) or 1.0
    return mask / peak * float(rng.choice((0.5, 0.75, 1.0, 1.0, 1.0)))


def random_mask(shape: tuple[int, int], points: Points, rng: np.random.Generator) -> Mask:
    """A random facial region, bent and softened."""
    region = random_region(rng)
    return soften(elastic(region_mask(shape, points, region), rng.uniform(0, 0.04), rng), rng)


def random_region(rng: np.random.Generator) -> tuple[int, ...]:
    """Landmark indices of a facial region, large ones more often."""
    return REGIONS[int(rng.choice(len(REGIONS), p=REGION_SHARES))]


def blend(inner: Picture, outer: Picture, mask: Mask) -> Picture:
    """``inner`` where the mask is 1, ``outer`` where it is 0."""
    alpha = mask[..., None]
    mixed = inner.astype(np.float32) * alpha + outer.astype(np.float32) * (1 - alpha)
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def multiband(inner: Picture, outer: Picture, mask: Mask, levels: int) -> Picture:
    """``inner`` where the mask is 1, joined band by band (Burt 1983): coarse structure over a wide
    seam, detail over a narrow one, so that hardly a seam is left."""
    height, width = mask.shape
    step = 2**levels

    def padded(plane: NDArray[Any]) -> NDArray[Any]:
        right, below = -width % step, -height % step
        plane = plane.astype(np.float32)
        return np.asarray(cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REFLECT))

    first, second, alpha = padded(inner), padded(outer), padded(mask)[..., None]
    bands = []
    for _ in range(levels):
        small_first, small_second = cv2.pyrDown(first), cv2.pyrDown(second)
        detail = (first - cv2.pyrUp(small_first)) * alpha
        bands.append(detail + (second - cv2.pyrUp(small_second)) * (1 - alpha))
        first, second, alpha = small_first, small_second, cv2.pyrDown(alpha)[..., None]
    joined = first * alpha + second * (1 - alpha)
    for band in reversed(bands):
        joined = cv2.pyrUp(joined) + band
    rounded = np.clip(joined[:height, :width] + 0.5, 0, 255)
    return np.asarray(rounded, dtype=np.uint8)


def oval_mask(shape: tuple[int, int], points: Points, rng: np.random.Generator) -> Mask:
    """A filled ellipse about the face, (H, W) float32 in {0, 1}."""
    hull = points[list(OVAL)]
    size = np.ptp(hull, axis=0)
    x, y = hull.mean(0) + rng.normal(0, 0.03, 2) * size
    wide, high = np.maximum(4, size * rng.uniform(0.3, 0.5, 2))
    mask = np.zeros(shape, dtype=np.float32)
    angle = float(rng.uniform(-10, 10))
    cv2.ellipse(mask, (int(x), int(y)), (int(wide), int(high)), angle, 0, 360, 1.0, -1)
    return mask


def hard_mask(shape: tuple[int, int], points: Points, rng: np.random.Generator) -> Mask:
    """An ellipse or a bent facial region with a narrow edge or none."""
    if rng.random() < 0.35:
        mask = oval_mask(shape, points, rng)
    else:
        region = region_mask(shape, points, random_region(rng))
        mask = elastic(region, rng.uniform(0, 0.04), rng)
    if rng.random() < 0.5:
        width = max(shape) * rng.uniform(0.003, 0.02)
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), width), dtype=np.float32)
    return mask


def join(inner: Picture, outer: Picture, points: Points, rng: np.random.Generator) -> Picture:
    """``inner``'s face in ``outer``, in one of several ways, never by Poisson editing."""
    shape = outer.shape[:2]
    if rng.random() < 0.5:
        return multiband(inner, outer, hard_mask(shape, points, rng), int(rng.integers(2, 6)))
    if rng.random() < 0.7:
        mask = random_mask(shape, points, rng)
    else:
        mask = soften(oval_mask(shape, points, rng), rng)
    return blend(inner, outer, mask)


def alter(rgb: Picture, rng: np.random.Generator) -> Picture:
    """A slightly different rendering: colour, then one of softer, sharper or recompressed."""
    out = shift_colour(rgb, rng, strength=1.0)
    kind = rng.integers(4)
    if kind == 0:
        factor = rng.uniform(0.3, 0.8)
        small = cv2.resize(out, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        back = cv2.resize(small, out.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        out = np.asarray(back, dtype=np.uint8)
    elif kind == 1:
        soft = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.6, 1.5))
        out = np.asarray(cv2.addWeighted(out, 1.8, soft, -0.8, 0), dtype=np.uint8)
    elif kind == 2:
        out = jpeg(out, int(rng.integers(40, 90)))
    return out


def jitter(rgb: Picture, rng: np.random.Generator) -> Picture:
    """A copy moved by up to 3 % and scaled by up to 5 %, its edges repeated."""
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D(
        (width / 2, height / 2), rng.uniform(-2, 2), rng.uniform(0.95, 1.05)
    )
    matrix[:, 2] += rng.uniform(-0.03, 0.03, 2) * np.array([width, height])
    moved = cv2.warpAffine(
        rgb, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, dtype=np.uint8)


def self_blend(rgb: Picture, points: Points, rng: np.random.Generator) -> tuple[Picture, Mask]:
    """A self-blended image and the mask of what was pasted."""
    mask = random_mask(rgb.shape[:2], points, rng)
    if rng.random() < 0.5:
        inner, outer = alter(rgb, rng), rgb
    else:
        inner, outer = rgb, alter(rgb, rng)
    return blend(jitter(inner, rng), outer, mask), mask


def match_colour(source: Picture, target: Picture, mask: Mask) -> Picture:
    """``source`` with the mean and deviation of ``target`` inside the mask, channel by channel
    in CIELAB (Reinhard 2001)."""
    inside = mask > 0.3
    if inside.sum() < 16:
        return source
    a = cv2.cvtColor(source, cv2.COLOR_RGB2LAB).astype(np.float32)
    b = cv2.cvtColor(target, cv2.COLOR_RGB2LAB).astype(np.float32)
    gain = np.clip(b[inside].std(0) / (a[inside].std(0) + 1e-3), 0.5, 2.0)
    lab = (a - a[inside].mean(0)) * gain + b[inside].mean(0)
    matched = cv2.cvtColor(np.clip(lab, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)
    return np.asarray(matched, dtype=np.uint8)


def align(source: Picture, source_points: Points, points: Points, size: tuple[int, int]) -> Picture:
    """``source`` moved by the similarity that best brings its landmarks to ``points``;
    ``size`` is (width, height) of the answer."""
    chosen = list(OVAL + EYES + NOSE + LIPS)
    matrix, _ = cv2.estimateAffinePartial2D(source_points[chosen], points[chosen])
    moved = cv2.warpAffine(
        source, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(moved, dtype=np.uint8)


def swap(
    source: Picture,
    source_points: Points,
    target: Picture,
    points: Points,
    rng: np.random.Generator,
) -> tuple[Picture, Mask]:
    """The source's face on the target's head, colour-matched and alpha-blended, and the mask."""
    mask = random_mask(target.shape[:2], points, rng)
    inner = align(source, source_points, points, (target.shape[1], target.shape[0]))
    if rng.random() < 0.8:
        inner = match_colour(inner, target, mask)
    return blend(inner, target, mask), mask


def poisson_swap(
    source: Picture, source_points: Points, target: Picture, points: Points
) -> tuple[Picture, Mask] | None:
    """A swap by Poisson editing (Pérez 2003). Kept out of training: the unseen blending method of
    the evaluation. None when the face is too near the border to be cloned."""
    mask = region_mask(target.shape[:2], points, REGIONS[1])
    mask[:3], mask[-3:], mask[:, :3], mask[:, -3:] = 0, 0, 0, 0
    x, y, width, height = cv2.boundingRect((mask > 0).astype(np.uint8))
    if min(width, height) < 24:
        return None
    inner = align(source, source_points, points, (target.shape[1], target.shape[0]))
    centre = (x + width // 2, y + height // 2)
    try:
        cloned = cv2.seamlessClone(
            inner, target, (mask * 255).astype(np.uint8), centre, cv2.NORMAL_CLONE
        )
    except cv2.error:
        return None
    return np.asarray(cloned, dtype=np.uint8), mask


def nearest_face(points: Points, others: Points, rng: np.random.Generator, among: int = 20) -> int:
    """Index of one of the ``among`` faces of ``others`` (N, 468, 2) most alike in shape."""
    shapes = normalised(others)
    distance = np.square(shapes - normalised(points[None])).sum((1, 2))
    order = np.argsort(distance)[1 : among + 1]
    return int(rng.choice(order))


def normalised(points: NDArray[Any]) -> NDArray[Any]:
    """(N, 468, 2) meshes centred and scaled to unit size."""
    centred = points - points.mean(1, keepdims=True)
    scale: NDArray[Any] = np.sqrt(np.square(centred).sum((1, 2), keepdims=True))
    return np.asarray(centred / scale)
