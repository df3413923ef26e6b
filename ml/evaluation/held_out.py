"""Likelihood ratios of recordings whose calibration never saw their source.

The shipped calibrators and heads are fitted on leave-source-out scores and on clips. To measure on
the very same scores how good calibrated ratios are on a new source, calibrators and head are fitted
again without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ml.errors import CalibrationError
from ml.evaluation.metrics import Floats
from ml.evaluation.scored import Scored, once
from ml.fusion.calibration import (
    CalibratorKind,
    balanced_logistic,
    elub_bounds,
    for_new_sources,
)
from ml.fusion.heads import fit_heads

FOLDS = 5
LEFT_OUT, CLIPS = "leave-source-out", "clips"
PARTS = (LEFT_OUT, CLIPS)
# What ships is fitted on at least MIN_PER_CLASS recordings of a class. A fit for a measurement may
# be on fewer: it is noisier, not kinder, for it never saw what it is measured on.
LEAST_PER_CLASS = 20
WITHOUT_SOURCE = "ln LR > 0, calibrated without the source"
ON_THIS_SET = "ln LR > 0, calibrated on this very set"


def fitted_on(part: str) -> bool:
    """Whether the shipped calibrators may have been fitted on this set."""
    return part.startswith(PARTS)


def of_clips(part: str) -> bool:
    """Whether the set is one of videos, which have calibrators of their own."""
    return part.startswith(CLIPS)


def fitted_together(part: str, rows: Iterable[Scored]) -> list[Scored]:
    """Of ``rows`` those that the calibrator of the set was fitted on: all clips, or every kind of
    forgery of sources left out."""
    whole = next(name for name in PARTS if part.startswith(name))
    return [row for row in rows if row.part.startswith(whole)]


def unseen_llrs(
    asked: Mapping[str, Sequence[Scored]],
    fitted: Mapping[str, Sequence[Scored]],
    kinds: Mapping[str, CalibratorKind],
) -> tuple[Floats, Floats] | None:
    """Natural-log likelihood ratios (N,), without and within their bounds, of one branch or of
    the fusion of several: ``asked`` maps branch to scores of the same N recordings, ``fitted`` to
    those of all recordings that the shipped calibrators were fitted on, the N among them, and
    ``kinds`` to how it is calibrated. None where the other sources are too few to calibrate on."""
    known = {name: once(rows) for name, rows in fitted.items()}
    fold = folds(row.source for row in next(iter(known.values())))
    of_asked = np.array([fold[row.source] for row in next(iter(asked.values()))])
    raw, bounded = np.zeros(len(of_asked)), np.zeros(len(of_asked))
    for number in np.unique(of_asked):
        out = of_asked == number
        given = {
            name: [row for row in rows if fold[row.source] != number]
            for name, rows in known.items()
        }
        left_out = {name: np.array([r.logit for r in rows])[out] for name, rows in asked.items()}
        try:
            raw[out], bounded[out] = _llrs(given, left_out, kinds)
        except CalibrationError:
            return None
    return raw, bounded


def folds(sources: Iterable[str]) -> dict[str, int]:
    """The fold of each source, about equally many recordings (one item of ``sources`` each) in
    every fold."""
    sizes = sorted(Counter(sources).items(), key=lambda item: (-item[1], item[0]))
    filled = [0] * min(FOLDS, len(sizes))
    chosen = {}
    for name, size in sizes:
        chosen[name] = filled.index(min(filled))
        filled[chosen[name]] += size
    return chosen


def _llrs(
    given: Mapping[str, Sequence[Scored]],
    left_out: Mapping[str, Floats],
    kinds: Mapping[str, CalibratorKind],
) -> tuple[Floats, Floats]:
    """ln LRs of the logits ``left_out`` of each branch, everything fitted on what is ``given``.
    Raises CalibrationError where that is too little or scores the wrong way round."""
    rows = next(iter(given.values()))
    is_fake = np.array([row.fake for row in rows], bool)
    if min(is_fake.sum(), (~is_fake).sum()) < LEAST_PER_CLASS:
        raise CalibrationError("too_few", f"A measurement needs {LEAST_PER_CLASS} of each class.")
    sources = np.array([row.source for row in rows])
    raw, calibrated, fitted = {}, {}, {}
    for name, own in given.items():
        values = np.array([row.logit for row in own])
        if kinds[name] is CalibratorKind.NEW_SOURCES:
            slope, offset, _ = for_new_sources(values, is_fake, sources)
        else:
            weights, offset = balanced_logistic(values[:, None], is_fake)
            slope = float(weights[0])
        if slope <= 0:
            raise CalibrationError("inverted", f"'{name}' scores fakes no higher.")
        bounds = elub_bounds(slope * values + offset, is_fake)
        fitted[name] = np.clip(slope * values + offset, *bounds)
        raw[name] = slope * left_out[name] + offset
        calibrated[name] = np.clip(raw[name], *bounds)
    if len(calibrated) == 1:
        return next(iter(raw.values())), next(iter(calibrated.values()))
    head = fit_heads(
        fitted, is_fake, accept=lambda branches: branches == frozenset(calibrated)
    ).heads[0]
    parts = [w * calibrated[name] for name, w in zip(head.branches, head.weights, strict=True)]
    total = head.bias + np.sum(parts, axis=0)
    return total, np.clip(total, head.lower, head.upper)
