"""Likelihood ratios of recordings whose calibration never saw their source.

The shipped calibrators and heads are fitted on leave-source-out scores. To measure on the very
same scores how good calibrated ratios are on a new source, calibrators and head are fitted again
without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ml.errors import CalibrationError
from ml.evaluation.metrics import Floats
from ml.evaluation.scored import Scored, once
from ml.fusion.calibration import (
    MIN_PER_CLASS,
    CalibratorKind,
    balanced_logistic,
    elub_bounds,
    for_new_sources,
)
from ml.fusion.heads import fit_heads

FOLDS = 5
CLIPS = "clips"
PARTS = ("leave-source-out", CLIPS)
RULE = "ln LR > 0, calibrated without the source"


def fitted_on(part: str) -> bool:
    """Whether the shipped calibrators may have been fitted on this set."""
    return part.startswith(PARTS)


def of_clips(part: str) -> bool:
    """Whether the set is one of videos, which have calibrators of their own."""
    return part.startswith(CLIPS)


def fitted_together(part: str, rows: Sequence[Scored]) -> list[Scored]:
    """Of ``rows`` those that the calibrator of the set was fitted on: all clips, or the set."""
    return [row for row in rows if row.part == part or (of_clips(part) and of_clips(row.part))]


def unseen_llrs(
    scored: Mapping[str, Sequence[Scored]], kinds: Mapping[str, CalibratorKind]
) -> tuple[Floats, Floats] | None:
    """Natural-log likelihood ratios (N,), without and within their bounds, of one branch or of
    the fusion of several: ``scored`` maps branch to scores of the same N recordings, ``kinds`` to
    how it is calibrated. None where the other sources are too few to calibrate on."""
    rows = next(iter(scored.values()))
    fold = folds(np.array([row.source for row in rows]))
    raw, bounded = np.zeros(len(rows)), np.zeros(len(rows))
    for number in range(fold.max() + 1):
        out = fold == number
        given = {name: once(_chosen(own, ~out)) for name, own in scored.items()}
        fakes = sum(row.fake for row in next(iter(given.values())))
        if min(fakes, len(next(iter(given.values()))) - fakes) < MIN_PER_CLASS:
            return None
        left_out = {
            name: np.array([row.logit for row in _chosen(own, out)]) for name, own in scored.items()
        }
        try:
            raw[out], bounded[out] = _llrs(given, left_out, kinds)
        except CalibrationError:
            return None
    return raw, bounded


def _chosen(rows: Sequence[Scored], which: NDArray[np.bool_]) -> list[Scored]:
    return [row for row, wanted in zip(rows, which, strict=True) if wanted]


def folds(sources: NDArray[np.str_]) -> NDArray[np.int64]:
    """A fold for each recording, about equally large, all recordings of a source in one."""
    names, members = np.unique(sources, return_inverse=True)
    sizes = np.bincount(members)
    filled = np.zeros(min(FOLDS, len(names)), int)
    chosen = np.zeros(len(names), int)
    for place in np.argsort(-sizes, kind="stable"):
        chosen[place] = int(np.argmin(filled))
        filled[chosen[place]] += sizes[place]
    return np.asarray(chosen[members], np.int64)


def _llrs(
    given: Mapping[str, Sequence[Scored]],
    left_out: Mapping[str, Floats],
    kinds: Mapping[str, CalibratorKind],
) -> tuple[Floats, Floats]:
    """ln LRs of the logits ``left_out`` of each branch, everything fitted on what is ``given``."""
    rows = next(iter(given.values()))
    is_fake = np.array([row.fake for row in rows], bool)
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
