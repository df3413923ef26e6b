"""Calibrators and their bounds on scores whose likelihood ratios are known."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.errors import CalibrationError
from ml.fusion.calibration import (
    Calibrator,
    CalibratorKind,
    elub_bounds,
    fit_calibrator,
    for_new_sources,
)

LN10 = math.log(10)


def gaussian_scores(count: int, separation: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of two unit Gaussians; the true ln LR is separation·s − separation²/2."""
    generator = np.random.default_rng(7)
    is_fake = np.arange(2 * count) % 2 == 1
    return generator.normal(size=2 * count) + separation * is_fake, is_fake


def _sources(shifts: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of sources that separate their classes by 4 and lie ``shifts`` apart."""
    rng = np.random.default_rng(0)
    is_fake = np.tile(np.repeat([False, True], 60), len(shifts))
    sources = np.repeat(np.arange(len(shifts)), 120)
    scores = rng.normal(0, 1, len(is_fake)) + 4.0 * is_fake + np.asarray(shifts)[sources]
    return scores, is_fake, sources


def test_the_slope_shrinks_when_sources_do_not_agree() -> None:
    slopes = {}
    for name, shifts in (("alike", (0.0,) * 5), ("apart", (0.0, 6.0, -6.0, 3.0, -9.0))):
        scores, is_fake, sources = _sources(shifts)
        plain = fit_calibrator(CalibratorKind.PLATT, scores, is_fake)
        made = fit_calibrator(CalibratorKind.NEW_SOURCES, scores, is_fake, groups=sources)
        slopes[name] = made.scale / plain.scale
        assert made.bootstrap_scale
    assert slopes["alike"] == pytest.approx(1.0, abs=0.1)
    assert 0 < slopes["apart"] < 0.7


def test_a_large_source_weighs_no_more_than_a_small_one() -> None:
    scores, is_fake, sources = _sources((0.0, 1.0, -1.0))
    once = for_new_sources(scores, is_fake, sources)
    often = np.repeat(np.arange(len(scores)), np.where(sources == 1, 5, 1))
    again = for_new_sources(scores[often], is_fake[often], sources[often])
    assert again[1] == pytest.approx(once[1], abs=0.15)
    scale, offset, _ = for_new_sources(scores, is_fake, sources)
    assert -offset / scale == pytest.approx(2.0, abs=0.3)


def test_a_calibrator_for_new_sources_must_know_the_sources() -> None:
    scores, is_fake, _ = _sources((0.0,))
    with pytest.raises(ValueError, match="source of each score"):
        fit_calibrator(CalibratorKind.NEW_SOURCES, scores, is_fake)


@pytest.mark.parametrize("kind", list(CalibratorKind))
def test_calibrators_find_the_known_likelihood_ratio(kind: CalibratorKind) -> None:
    scores, is_fake = gaussian_scores(5000)
    sources = np.arange(len(scores)) % 7
    calibrator = fit_calibrator(kind, scores, is_fake, groups=sources)
    points = np.array([0.0, 1.0, 2.0])
    truth = 2 * points - 2
    if kind is CalibratorKind.TEMPERATURE:
        # Temperature has no offset: centre the scores so that it is not needed.
        centred = fit_calibrator(kind, scores - 1.0, is_fake)
        assert centred.raw(points - 1.0) == pytest.approx(truth, abs=0.15)
    else:
        linear = (CalibratorKind.PLATT, CalibratorKind.NEW_SOURCES)
        tolerance = 0.15 if kind in linear else 0.45
        assert calibrator.raw(points) == pytest.approx(truth, abs=tolerance)


def test_unbalanced_classes_do_not_move_the_likelihood_ratio() -> None:
    scores, is_fake = gaussian_scores(20_000)
    kept = is_fake | (np.arange(is_fake.size) % 20 == 0)
    calibrator = fit_calibrator(CalibratorKind.PLATT, scores[kept], is_fake[kept])
    assert calibrator.scale == pytest.approx(2.0, abs=0.15)
    assert calibrator.offset == pytest.approx(-2.0, abs=0.2)


def test_separable_scores_are_refused() -> None:
    is_fake = np.arange(100) % 2 == 1
    with pytest.raises(CalibrationError) as caught:
        fit_calibrator(CalibratorKind.PLATT, np.where(is_fake, 2.0, 1.0), is_fake)
    assert caught.value.code == "separable"


def test_inverted_scores_are_refused() -> None:
    scores, is_fake = gaussian_scores(200)
    with pytest.raises(CalibrationError) as caught:
        fit_calibrator(CalibratorKind.PLATT, -scores, is_fake)
    assert caught.value.code == "inverted"


@pytest.mark.parametrize(
    ("kind", "count"), [(CalibratorKind.PLATT, 29), (CalibratorKind.ISOTONIC, 999)]
)
def test_too_few_scores_are_refused(kind: CalibratorKind, count: int) -> None:
    scores, is_fake = gaussian_scores(count, 1.0)
    with pytest.raises(CalibrationError) as caught:
        fit_calibrator(kind, scores, is_fake)
    assert caught.value.code == "too_few"
    fit_calibrator(kind, *gaussian_scores(count + 1, 1.0))


def test_scores_that_are_no_numbers_are_refused() -> None:
    scores, is_fake = gaussian_scores(50)
    scores[3] = np.nan
    with pytest.raises(CalibrationError) as caught:
        fit_calibrator(CalibratorKind.PLATT, scores, is_fake)
    assert caught.value.code == "not_finite"


@pytest.mark.parametrize("count", [30, 99, 400])
def test_bounds_never_exceed_what_the_counts_allow(count: int) -> None:
    """Even with perfect ratios, n + 1 recordings of a class cap the ratio at n + 1."""
    is_fake = np.arange(2 * count) % 2 == 1
    lower, upper = elub_bounds(np.where(is_fake, 20.0, -20.0), is_fake)
    assert upper / LN10 <= math.log10(count + 1) + 0.011
    assert lower / LN10 >= -math.log10(count + 1) - 0.011
    assert upper > 0 > lower


def test_a_bounded_score_says_so_and_keeps_its_interval_inside() -> None:
    scores, is_fake = gaussian_scores(60)
    calibrator = fit_calibrator(CalibratorKind.PLATT, scores, is_fake)
    far = calibrator.score(50.0)
    assert far.bound_reached
    assert far.llr == calibrator.upper
    near = calibrator.score(1.2)
    assert not near.bound_reached
    assert calibrator.lower <= near.interval[0] < near.llr < near.interval[1] <= calibrator.upper


def test_calibrator_files_round_trip(tmp_path: Path) -> None:
    calibrator = fit_calibrator(
        CalibratorKind.PLATT, *gaussian_scores(60), data_sha256="ab", description='with "quotes"'
    )
    calibrator.save(tmp_path / "c.toml")
    loaded = Calibrator.load(tmp_path / "c.toml")
    assert replace(loaded, sha256="") == calibrator
    assert len(loaded.sha256) == 64


def test_a_file_that_is_no_calibrator_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("kind = 'platt'\n")
    with pytest.raises(CalibrationError):
        Calibrator.load(path)
    with pytest.raises(CalibrationError):
        Calibrator.load(tmp_path / "none.toml")
