"""The crop policy: how a face box becomes the square picture a network sees."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

DEFAULT_MARGIN = 0.3


def crop_face(
    rgb: NDArray[np.uint8],
    box: tuple[float, float, float, float],
    margin: float = DEFAULT_MARGIN,
    size: int = 299,
) -> NDArray[np.uint8]:
    """Cut the square around ``box`` and resize it to (size, size, 3) uint8.

    The square has side ``(1 + margin) * max(width, height)`` and the box's centre; what lies
    outside the picture repeats the picture's edge. Shrinking averages areas, enlarging is
    bicubic. Margin and size come from the weight's registry entry, for training and analysis
    alike. FaceForensics++ (Rössler 2019) uses margin 0.3.
    Raises ValueError for a box without area or wholly outside the picture.
    """
    height, width = rgb.shape[:2]
    x1, y1, x2, y2 = box
    if x2 <= x1 or y2 <= y1 or x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
        raise ValueError(f"the face box {box} does not overlap the {width}x{height} picture")
    left, top, side = crop_square(box, margin)
    inside = rgb[max(top, 0) : min(top + side, height), max(left, 0) : min(left + side, width)]
    square = cv2.copyMakeBorder(
        inside,
        max(-top, 0),
        max(top + side - height, 0),
        max(-left, 0),
        max(left + side - width, 0),
        cv2.BORDER_REPLICATE,
    )
    method = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(square, (size, size), interpolation=method), dtype=np.uint8)


def crop_square(
    box: tuple[float, float, float, float], margin: float = DEFAULT_MARGIN
) -> tuple[int, int, int]:
    """Left, top and side in whole pixels of the square that ``crop_face`` cuts."""
    x1, y1, x2, y2 = box
    side = max(1, round((1.0 + margin) * max(x2 - x1, y2 - y1)))
    return round((x1 + x2) / 2 - side / 2), round((y1 + y2) / 2 - side / 2), side
