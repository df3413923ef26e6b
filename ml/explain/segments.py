"""Stretches of a recording in which a branch responded, joined from its scored items."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ml.result import BranchResult, BranchStatus, ScoredItem, Segment

# An item counts when its calibrated likelihood ratio is above this (weak support).
MIN_LR = 2.0
_GAP_S = 0.5
_MAX_SEGMENTS = 8


def branch_segments(branch: BranchResult) -> tuple[Segment, ...]:
    """Up to eight segments of a scored branch, strongest first; none without a calibrator."""
    if branch.status is not BranchStatus.SCORED or len(branch.items) < 2:
        return ()
    marked = [i for i in branch.items if i.llr is not None and i.llr > math.log(MIN_LR)]
    runs = _joined(sorted(marked, key=lambda item: item.start))
    segments = [_segment(branch, run) for run in runs]
    segments.sort(key=lambda segment: (-segment.peak_logit, segment.start))
    return tuple(segments[:_MAX_SEGMENTS])


def _joined(items: Sequence[ScoredItem]) -> list[list[ScoredItem]]:
    runs: list[list[ScoredItem]] = []
    for item in items:
        if runs and item.start <= max(other.end for other in runs[-1]) + _GAP_S:
            runs[-1].append(item)
        else:
            runs.append([item])
    return runs


def _segment(branch: BranchResult, run: list[ScoredItem]) -> Segment:
    peak = max(run, key=lambda item: item.logit)
    start, end = min(item.start for item in run), max(item.end for item in run)
    where = (
        f"at {start:.1f} s"
        if end - start < 0.05
        else f"from {start:.1f} s to {end:.1f} s, most at {(peak.start + peak.end) / 2:.1f} s"
    )
    return Segment(
        branch=branch.name,
        start=start,
        end=end,
        peak_logit=peak.logit,
        sentence=f"{branch.title}: the model responded {where}.",
    )
