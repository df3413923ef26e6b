"""Every measure against an answer worked out by hand or by another road."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ml.evaluation.metrics import (
    act_dcf,
    auc,
    brier,
    cllr,
    cllr_min,
    ece,
    eer,
    error_curve,
    min_dcf,
    risk_coverage,
)

LABELS = np.array([False, False, False, False, True, True, True, True])
SCORES = np.array([0.0, 1.0, 2.0, 5.0, 3.0, 4.0, 6.0, 7.0])


def noisy(count: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(11)
    is_fake = generator.random(count) < 0.3
    return np.round(generator.normal(size=count) + 1.5 * is_fake, 2), is_fake


def test_auc_counts_ordered_pairs_and_halves_ties() -> None:
    assert auc(SCORES, LABELS) == pytest.approx(14 / 16)
    assert auc(np.zeros(8), LABELS) == 0.5
    scores, is_fake = noisy()
    assert auc(scores, is_fake) == pytest.approx(roc_auc_score(is_fake, scores))


def test_error_curve_ends_where_it_must() -> None:
    curve = error_curve(SCORES, LABELS)
    assert (curve.false_alarms[0], curve.misses[0]) == (1.0, 0.0)
    assert (curve.false_alarms[-1], curve.misses[-1]) == (0.0, 1.0)
    at_three = list(curve.thresholds).index(3.0)
    assert (curve.false_alarms[at_three], curve.misses[at_three]) == (0.25, 0.0)


def test_eer_where_the_curves_meet() -> None:
    assert eer(SCORES, LABELS) == pytest.approx(0.25)
    assert eer(np.where(LABELS, 1.0, 0.0), LABELS) == 0.0
    assert eer(np.where(LABELS, 0.0, 1.0), LABELS) == 1.0


def test_eer_is_interpolated_between_steps() -> None:
    """Three real and two fake: misses jump 0 to 1/2 while false alarms fall 1/3 to 1/3."""
    scores = np.array([0.0, 1.0, 3.0, 2.0, 4.0])
    labels = np.array([False, False, False, True, True])
    assert eer(scores, labels) == pytest.approx(1 / 3)


def test_min_dcf_by_hand() -> None:
    # At threshold 6: no false alarm, half missed: 0.05*0.5/0.05. At 3: alarm .25 costs 47.5.
    assert min_dcf(SCORES, LABELS, prior_fake=0.05, miss=1, alarm=10) == pytest.approx(0.5)
    assert min_dcf(SCORES, LABELS, prior_fake=0.5, miss=1, alarm=1) == pytest.approx(0.25)


def test_act_dcf_uses_the_bayes_threshold() -> None:
    llrs = np.array([-3.0, -3.0, -3.0, 3.0, 3.0, 3.0, 3.0, -3.0])
    assert act_dcf(llrs, LABELS, prior_fake=0.5, miss=1, alarm=1) == pytest.approx(0.5)
    assert act_dcf(llrs, LABELS, prior_fake=0.05, miss=1, alarm=10) == pytest.approx(1.0)


def test_cllr_of_known_ratios() -> None:
    assert cllr(np.zeros(8), LABELS) == pytest.approx(1.0)
    llrs = np.where(LABELS, math.log(3), -math.log(3))
    assert cllr(llrs, LABELS) == pytest.approx(math.log2(4 / 3))
    assert cllr(-llrs, LABELS) == pytest.approx(2.0)


def test_cllr_min_by_hand() -> None:
    """Real 0, 2, fake 1, 3: the middle pair is pooled to one half each, the ends are certain."""
    scores = np.array([0.0, 2.0, 1.0, 3.0])
    assert cllr_min(scores, np.array([False, False, True, True])) == pytest.approx(0.5)


def test_brier_and_ece_by_hand() -> None:
    chances = np.array([0.1, 0.4, 0.6, 0.9])
    outcome = np.array([False, True, False, True])
    assert brier(chances, outcome) == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4)
    # Lower half: 0.5 stated, 1 happened; upper half: 1.5 stated, 1 happened.
    assert ece(chances, outcome, bins=2) == pytest.approx((0.5 + 0.5) / 4)


def test_cllr_min_is_reached_by_the_true_ratio_and_ignores_the_scale() -> None:
    generator = np.random.default_rng(5)
    is_fake = np.arange(20_000) % 2 == 1
    scores = generator.normal(size=20_000) + 2.0 * is_fake
    true = 2 * scores - 2
    assert cllr_min(scores, is_fake) == pytest.approx(cllr(true, is_fake), abs=0.006)
    assert cllr_min(scores, is_fake) <= cllr(true, is_fake)
    assert cllr_min(np.exp(scores), is_fake) == pytest.approx(cllr_min(scores, is_fake))
    assert cllr_min(np.where(LABELS, 1.0, 0.0), LABELS) == 0.0
    assert cllr_min(np.zeros(8), LABELS) == pytest.approx(1.0)


def test_brier() -> None:
    assert brier(np.full(8, 0.5), LABELS) == pytest.approx(0.25)
    assert brier(LABELS.astype(float), LABELS) == 0.0


def test_ece_of_a_constant_and_of_calibrated_chances() -> None:
    assert ece(np.full(8, 0.9), LABELS) == pytest.approx(0.4)
    generator = np.random.default_rng(1)
    chances = generator.random(50_000)
    assert ece(chances, generator.random(50_000) < chances) < 0.015


def test_risk_coverage_by_hand() -> None:
    """Certain answers right, the two least certain wrong."""
    llrs = np.array([-4.0, -3.0, -2.5, 1.0, -0.5, 2.0, 3.5, 5.0])
    curve = risk_coverage(llrs, LABELS)
    assert curve.risks[-1] == pytest.approx(2 / 8)
    assert curve.coverage_at(0.0) == pytest.approx(6 / 8)
    assert curve.area == pytest.approx((6 * 0 + 1 / 7 + 2 / 8) / 8)
    assert curve.risk_at(1.0) == pytest.approx(2 / 8)
    assert curve.risk_at(0.75) == 0.0
    # 6.4 recordings: the seventh, which is wrong, is answered to four tenths.
    assert curve.risk_at(0.8) == pytest.approx(0.4 / 6.4)


def test_equally_certain_recordings_are_answered_at_random() -> None:
    curve = risk_coverage(np.array([2.0, 2.0, 2.0, -2.0]), np.array([True, True, False, False]))
    assert curve.risk_at(0.5) == curve.risk_at(1.0) == pytest.approx(1 / 4)


@pytest.mark.parametrize("measure", [auc, eer, cllr, cllr_min, brier, ece, min_dcf, risk_coverage])
def test_senseless_input_is_refused(measure: object) -> None:
    with pytest.raises(ValueError, match="both classes"):
        measure(np.zeros(3), np.ones(3, bool))  # type: ignore[operator]
    with pytest.raises(ValueError, match="not numbers"):
        measure(np.array([np.nan, 1.0]), np.array([True, False]))  # type: ignore[operator]
