"""The finding: fuse what was scored, bound it, and say FAKE, REAL or INCONCLUSIVE with a reason."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ml.fusion.heads import FusionHeads
from ml.fusion.strategies import Evidence, combine
from ml.fusion.verbal import verbal_table
from ml.result import (
    BranchResult,
    BranchStatus,
    Contribution,
    Decision,
    MediaKind,
    Verdict,
)

_LN10 = math.log(10)
_BETWEEN_SENTENCES = re.compile(r"(?<=\.) (?=[A-Z])")


@dataclass(frozen=True)
class DecisionRule:
    """How to decide. ``inconclusive_lr``: ratios between 1/x and x decide nothing.
    ``abstain_below``: least posterior probability of the favoured side. ``shares``: weights of
    the weighted average by branch. ``tau``: sharpness of "adaptive"."""

    strategy: str
    threshold: float
    prior: float
    audio_temperature: float
    inconclusive_lr: float
    abstain_below: float
    tau: float
    shares: dict[str, float]


def decide(branches: Sequence[BranchResult], rule: DecisionRule, heads: FusionHeads) -> Decision:
    """Only branches that were scored and calibrated take part."""
    evidence = [_evidence(branch, rule) for branch in branches if branch.llr is not None]
    if not evidence:
        return _no_finding(branches, rule)
    combination = combine(rule.strategy, evidence, heads, rule.tau)
    contributions = tuple(
        Contribution(item.branch, item.llr, weight, item.llr * weight)
        for item, weight in zip(evidence, combination.weights, strict=True)
    )
    total = combination.total(evidence)
    bounded = min(max(total, combination.lower), combination.upper)
    probability = posterior(bounded, rule.prior)
    verdict, reason = verdict_of(bounded, rule)
    table = verbal_table()
    return Decision(
        verdict=verdict,
        llr=total,
        log10_lr=bounded / _LN10,
        log10_lr_interval=_interval(branches, evidence, rule, heads, bounded),
        log10_lr_bounds=(combination.lower / _LN10, combination.upper / _LN10),
        bound_reached=bounded != total,
        probability=probability,
        prior=rule.prior,
        threshold=rule.threshold,
        strategy=rule.strategy,
        bias=combination.bias,
        contributions=contributions,
        propositions=table.propositions,
        verbal=table.phrase(bounded / _LN10),
        verbal_table=table.version,
        reason=" ".join(part for part in (reason, combination.note) if part),
        recommendation=_recommendation(verdict, bounded != total),
        fusion_sha256=combination.sha256,
    )


def _evidence(branch: BranchResult, rule: DecisionRule) -> Evidence:
    llr, bounds = branch.llr or 0.0, branch.llr_bounds or (0.0, 0.0)
    if branch.modality is MediaKind.AUDIO:
        llr /= rule.audio_temperature
    share = rule.shares.get(branch.name, 1.0)
    return Evidence(branch.name, branch.modality, llr, bounds, share, branch.calibrator_sha256)


def posterior(llr: float, prior: float) -> float:
    """Probability of FAKE, in (0, 1), from a natural-log ratio and the prior probability."""
    return _sigmoid(llr + math.log(prior / (1 - prior)))


def verdict_of(llr: float, rule: DecisionRule) -> tuple[Verdict, str]:
    """What a bounded natural-log ratio means under ``rule``, and why in words."""
    if abs(llr) <= math.log(rule.inconclusive_lr):
        return Verdict.INCONCLUSIVE, (
            f"The likelihood ratio lies between 1/{rule.inconclusive_lr:g} and "
            f"{rule.inconclusive_lr:g}: the findings support neither side."
        )
    probability = posterior(llr, rule.prior)
    certainty = max(probability, 1 - probability)
    if certainty < rule.abstain_below:
        return Verdict.INCONCLUSIVE, (
            f"The favoured side has a probability of {certainty:.2f}, less than the "
            f"{rule.abstain_below:g} this profile asks for: a person should look."
        )
    fake = probability >= rule.threshold
    if fake != (llr > 0):
        return Verdict.INCONCLUSIVE, (
            f"The findings point one way, but under the stated prior ({rule.prior:g}) and "
            f"threshold ({rule.threshold:g}) the probability {probability:.3f} points the other."
        )
    side = "manipulated" if fake else "not manipulated"
    return (Verdict.FAKE if fake else Verdict.REAL), (
        f"The findings support that the recording is {side}."
    )


def _no_finding(branches: Sequence[BranchResult], rule: DecisionRule) -> Decision:
    scored = [branch.title for branch in branches if branch.status is BranchStatus.SCORED]
    if scored:
        reason = f"{', '.join(scored)}: scored, but no calibration turns the score into evidence."
    else:
        reason = f"No detector could be applied. {_reasons(branches)}"
    table = verbal_table()
    return Decision(
        verdict=Verdict.INCONCLUSIVE,
        llr=None,
        log10_lr=None,
        log10_lr_interval=None,
        log10_lr_bounds=None,
        bound_reached=False,
        probability=None,
        prior=rule.prior,
        threshold=rule.threshold,
        strategy=rule.strategy,
        bias=0.0,
        contributions=(),
        propositions=table.propositions,
        verbal=table.neutral,
        verbal_table=table.version,
        reason=reason.strip(),
        recommendation=_recommendation(Verdict.INCONCLUSIVE, False),
    )


def _reasons(branches: Sequence[BranchResult]) -> str:
    """Why detectors gave no score: each sentence once. Whom it concerns, each branch says."""
    told = (
        sentence
        for branch in branches
        if branch.status is not BranchStatus.REPORTED
        for sentence in _BETWEEN_SENTENCES.split(branch.reason)
    )
    return " ".join(dict.fromkeys(told))


def _interval(
    branches: Sequence[BranchResult],
    evidence: Sequence[Evidence],
    rule: DecisionRule,
    heads: FusionHeads,
    bounded: float,
) -> tuple[float, float]:
    """What the fusion would say with every branch at the low, and at the high end of its own
    interval: at least as wide as the joint interval where more support never lowers the sum."""
    intervals = {branch.name: branch.llr_interval for branch in branches}
    reached = [bounded]
    for end in (0, 1):
        moved = [_moved(item, intervals[item.branch], end, rule) for item in evidence]
        combination = combine(rule.strategy, moved, heads, rule.tau)
        reached.append(min(max(combination.total(moved), combination.lower), combination.upper))
    return min(reached) / _LN10, max(reached) / _LN10


def _moved(
    item: Evidence, interval: tuple[float, float] | None, end: int, rule: DecisionRule
) -> Evidence:
    if interval is None:
        return item
    divide = rule.audio_temperature if item.modality is MediaKind.AUDIO else 1.0
    return replace(item, llr=interval[end] / divide)


def _recommendation(verdict: Verdict, bound_reached: bool) -> str:
    """What a person should do next, in words; never a statement of certainty."""
    if verdict is Verdict.INCONCLUSIVE:
        return "Have an examiner look at the recording; do not act on this result."
    words = (
        "Have an examiner confirm the marked places before acting on this result."
        if verdict is Verdict.FAKE
        else "No support for manipulation was found; this does not prove the recording genuine."
    )
    if bound_reached:
        words += " The ratio was cut at the bound that the calibration data justify."
    return words


def _sigmoid(value: float) -> float:
    if value >= 0:
        return 1 / (1 + math.exp(-value))
    return math.exp(value) / (1 + math.exp(value))
