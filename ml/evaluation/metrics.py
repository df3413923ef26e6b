"""Measures of detection and of evidence.

``scores`` rise for FAKE; ``llrs`` are natural-log likelihood ratios for FAKE; ``is_fake`` is
bool. All arrays are (N,). Every function raises ValueError when a class is missing or a score is
not a number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]


@dataclass(frozen=True)
class ErrorCurve:
    """Error rates at every threshold: a recording is called fake when score >= threshold.
    ``thresholds`` rise from -inf to +inf."""

    thresholds: Floats
    false_alarms: Floats
    misses: Floats


def error_curve(scores: Floats, is_fake: Labels) -> ErrorCurve:
    """False-alarm rate (real called fake) and miss rate (fake called real)."""
    scores, is_fake = _checked(scores, is_fake)
    real, fake = np.sort(scores[~is_fake]), np.sort(scores[is_fake])
    thresholds = np.concatenate([[-np.inf], np.unique(scores), [np.inf]])
    below_real = np.searchsorted(real, thresholds, side="left") / real.size
    below_fake = np.searchsorted(fake, thresholds, side="left") / fake.size
    return ErrorCurve(thresholds, 1.0 - below_real, below_fake)


def auc(scores: Floats, is_fake: Labels) -> float:
    """Probability that a fake scores above a real one, ties count half (Mann-Whitney)."""
    scores, is_fake = _checked(scores, is_fake)
    n_fake, n_real = int(is_fake.sum()), int((~is_fake).sum())
    ranks = rankdata(scores)
    return float((ranks[is_fake].sum() - n_fake * (n_fake + 1) / 2) / (n_fake * n_real))


def eer(scores: Floats, is_fake: Labels) -> float:
    """Equal error rate, linearly interpolated where the two error curves cross."""
    curve = error_curve(scores, is_fake)
    gap = curve.misses - curve.false_alarms
    place = int(np.argmax(gap >= 0))
    if gap[place] == 0 or place == 0:
        return float(curve.misses[place])
    share = -gap[place - 1] / (gap[place] - gap[place - 1])
    before, after = curve.misses[place - 1], curve.misses[place]
    return float(before + share * (after - before))


def min_dcf(
    scores: Floats, is_fake: Labels, *, prior_fake: float = 0.05, miss: float = 1, alarm: float = 10
) -> float:
    """Least normalised detection cost over all thresholds (ASVspoof 5: prior 0.05, costs 1
    for missing a fake, 10 for a false alarm)."""
    curve = error_curve(scores, is_fake)
    costs = miss * prior_fake * curve.misses + alarm * (1 - prior_fake) * curve.false_alarms
    return float(costs.min() / min(miss * prior_fake, alarm * (1 - prior_fake)))


def act_dcf(
    llrs: Floats, is_fake: Labels, *, prior_fake: float = 0.05, miss: float = 1, alarm: float = 10
) -> float:
    """Normalised detection cost at the Bayes threshold: what miscalibration costs on top."""
    llrs, is_fake = _checked(llrs, is_fake)
    threshold = np.log(alarm * (1 - prior_fake) / (miss * prior_fake))
    misses = float(np.mean(llrs[is_fake] < threshold))
    alarms = float(np.mean(llrs[~is_fake] >= threshold))
    cost = miss * prior_fake * misses + alarm * (1 - prior_fake) * alarms
    return cost / min(miss * prior_fake, alarm * (1 - prior_fake))


def cllr(llrs: Floats, is_fake: Labels) -> float:
    """Log-likelihood-ratio cost in bits (Brümmer 2006): 0 is perfect, 1 is no information."""
    llrs, is_fake = _checked(llrs, is_fake)
    fake = np.mean(np.logaddexp(0.0, -llrs[is_fake]))
    real = np.mean(np.logaddexp(0.0, llrs[~is_fake]))
    return float((fake + real) / 2 / np.log(2))


def cllr_min(scores: Floats, is_fake: Labels) -> float:
    """Cllr after the best monotone recalibration (pool adjacent violators): discrimination
    alone. ``cllr - cllr_min`` is the loss by calibration."""
    scores, is_fake = _checked(scores, is_fake)
    order = np.lexsort((~is_fake, scores))
    shares = np.where(is_fake, 0.5 / is_fake.sum(), 0.5 / (~is_fake).sum())[order]
    labels = is_fake[order].astype(np.float64)
    chances = _pool(labels, shares, scores[order])
    with np.errstate(divide="ignore"):
        fake = -np.log2(chances[labels == 1])
        real = -np.log2(1 - chances[labels == 0])
    return float((fake.mean() + real.mean()) / 2)


def brier(probabilities: Floats, is_fake: Labels) -> float:
    """Mean squared difference between probability of FAKE and outcome."""
    probabilities, is_fake = _checked(probabilities, is_fake)
    return float(np.mean((probabilities - is_fake) ** 2))


def ece(probabilities: Floats, is_fake: Labels, bins: int = 15) -> float:
    """Expected calibration error over bins of equal mass; equal probabilities share a bin."""
    probabilities, is_fake = _checked(probabilities, is_fake)
    edges = np.quantile(probabilities, np.arange(1, bins) / bins)
    place = np.searchsorted(edges, probabilities, side="right")
    gaps = np.bincount(place, probabilities - is_fake, minlength=bins)
    return float(np.abs(gaps).sum() / probabilities.size)


@dataclass(frozen=True)
class RiskCoverage:
    """``risks[i]`` is the error rate among the ``coverages[i]`` share of recordings with the
    most certain answers; ``area`` is the mean risk over coverage (AURC)."""

    coverages: Floats
    risks: Floats
    area: float

    def coverage_at(self, risk: float) -> float:
        """Largest share that can be answered with at most ``risk`` errors."""
        allowed = self.coverages[self.risks <= risk]
        return float(allowed.max()) if allowed.size else 0.0

    def risk_at(self, coverage: float) -> float:
        """Error rate when the most certain ``coverage`` share is answered; of recordings that
        are equally certain a share is answered, drawn at random."""
        shares = np.concatenate([[0.0], self.coverages])
        errors = np.concatenate([[0.0], self.coverages * self.risks])
        return float(np.interp(coverage, shares, errors) / coverage)


def risk_coverage(llrs: Floats, is_fake: Labels) -> RiskCoverage:
    """Answer FAKE for llr > 0, else REAL, most certain (largest |llr|) first; equally certain
    recordings enter together."""
    llrs, is_fake = _checked(llrs, is_fake)
    certainty = np.abs(llrs)
    order = np.argsort(-certainty, kind="stable")
    wrong = np.cumsum((llrs > 0)[order] != is_fake[order])
    counts = np.arange(1, order.size + 1)
    last = np.append(np.diff(certainty[order]) != 0, True)
    coverages, risks = counts[last] / order.size, wrong[last] / counts[last]
    widths = np.diff(np.concatenate([[0.0], coverages]))
    return RiskCoverage(coverages, risks, float(widths @ risks))


def _pool(labels: Floats, shares: Floats, scores: Floats) -> Floats:
    """Pool adjacent violators on sorted scores; equal scores share one value."""
    from sklearn.isotonic import isotonic_regression

    _, first, inverse = np.unique(scores, return_index=True, return_inverse=True)
    mass = np.add.reduceat(shares, first)
    fake = np.add.reduceat(shares * labels, first)
    values = np.asarray(isotonic_regression(fake / mass, sample_weight=mass), np.float64)
    return np.clip(values, 0.0, 1.0)[inverse]


def _checked(scores: Floats, is_fake: Labels) -> tuple[Floats, Labels]:
    scores, is_fake = np.asarray(scores, np.float64), np.asarray(is_fake, bool)
    if scores.shape != is_fake.shape or scores.ndim != 1:
        raise ValueError(f"scores {scores.shape} and labels {is_fake.shape} do not fit")
    if not np.isfinite(scores).all():
        raise ValueError("some scores are not numbers")
    if is_fake.all() or not is_fake.any():
        raise ValueError("both classes are needed")
    return scores, is_fake
