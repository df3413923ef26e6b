"""Sentences made from the numbers of a result only."""

from __future__ import annotations

from collections.abc import Sequence

from ml.result import (
    BranchResult,
    BranchStatus,
    Decision,
    QualityGate,
    Segment,
)

SHOWN = 0.005  # what rounds to 0.00 favours no side


def sentences(
    branches: Sequence[BranchResult],
    decision: Decision,
    segments: Sequence[Segment],
    gates: Sequence[QualityGate],
) -> tuple[str, ...]:
    """The finding, what each branch added, where it responded, and what was not looked at."""
    lines = [*_finding(decision), *_contributions(branches, decision)]
    lines += [segment.sentence for segment in segments]
    if decision.contributions:
        lines += [
            f"{branch.title} was scored but not counted: no calibration turns its score into "
            "evidence."
            for branch in branches
            if branch.status is BranchStatus.SCORED and branch.llr is None
        ]
    lines += [
        f"{branch.title}: {branch.reason}"
        if branch.status is BranchStatus.REPORTED
        else f"{branch.title} was not used: {branch.reason}"
        for branch in branches
        if branch.status is not BranchStatus.SCORED and branch.reason
    ]
    lines += [f"Outside the validated range: {gate.message}" for gate in gates if not gate.passed]
    return tuple(lines)


def _finding(decision: Decision) -> list[str]:
    if decision.log10_lr is None or decision.log10_lr_bounds is None:
        return [decision.reason]
    low, high = decision.log10_lr_bounds
    text = f"log10 likelihood ratio {decision.log10_lr:+.2f} (can reach {low:+.2f} to {high:+.2f})."
    if decision.bound_reached:
        text += " The evidence added up to more and was cut at that bound."
    return [decision.reason, decision.verbal, text]


def _contributions(branches: Sequence[BranchResult], decision: Decision) -> list[str]:
    titles = {branch.name: branch.title for branch in branches}
    total = sum(abs(item.value) for item in decision.contributions)
    if not total:
        return []
    ranked = sorted(decision.contributions, key=lambda item: -abs(item.value))
    lines = [
        f"{titles[ranked[0].branch]} contributed most: {abs(ranked[0].value) / total:.0%} of the "
        "weight of the evidence."
    ]
    lines += [_added(titles[item.branch], item.value) for item in ranked]
    if abs(decision.bias) >= SHOWN:
        lines.append(_added("The fusion itself", decision.bias))
    return lines


def _added(title: str, value: float) -> str:
    if abs(value) < SHOWN:
        return f"{title} adds nothing to the log-odds."
    side = "manipulated" if value > 0 else "not manipulated"
    return f"{title} adds {value:+.2f} to the log-odds ({side} side)."
