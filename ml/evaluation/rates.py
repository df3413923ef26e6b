"""Thresholds and 95 % intervals of error rates."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ml.evaluation.metrics import Floats, Labels, error_curve

RESAMPLES = 1000


def equal_error_threshold(scores: Floats, is_fake: Labels) -> float:
    """The threshold at which misses and false alarms are nearest."""
    curve = error_curve(scores, is_fake)
    place = int(np.argmin(np.abs(curve.misses - curve.false_alarms)[1:-1])) + 1
    return float(curve.thresholds[place])


def interval(
    measure: Callable[[Floats, Labels], float], scores: Floats, is_fake: Labels
) -> tuple[float, float]:
    """95 % bootstrap interval, clips resampled within each class."""
    rng = np.random.default_rng(0)
    classes = [np.flatnonzero(is_fake == label) for label in (False, True)]
    values = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([rng.choice(members, members.size) for members in classes])
        values.append(measure(scores[drawn], is_fake[drawn]))
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def wilson(errors: int, n: int) -> tuple[float, float]:
    """95 % Wilson score interval of a share."""
    z = 1.959964
    centre = (errors + z * z / 2) / (n + z * z)
    half = z * math.sqrt(errors * (n - errors) / n + z * z / 4) / (n + z * z)
    return max(0.0, centre - half), min(1.0, centre + half)
