"""Ways to combine branch log-likelihood ratios. Each is a weight per branch and a bias, so that
the contributions always add to the total."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ml.errors import ParameterError
from ml.fusion.heads import FusionHeads
from ml.result import MediaKind

VIDEO_TRUST = 0.85
_NO_VOTE = 1e-6


@dataclass(frozen=True)
class Evidence:
    """One scored branch: calibrated ``llr`` within ``bounds`` (natural log), ``share`` for the
    weighted average; ``calibrator_sha256`` is the file that made the llr."""

    branch: str
    modality: MediaKind
    llr: float
    bounds: tuple[float, float]
    share: float = 1.0
    calibrator_sha256: str = ""


@dataclass(frozen=True)
class Combination:
    """``llr = bias + sum(weight_i * llr_i)``; ``note`` says what the strategy had to do."""

    weights: tuple[float, ...]
    bias: float
    lower: float
    upper: float
    note: str = ""
    sha256: str = ""


def combine(
    strategy: str, evidence: Sequence[Evidence], heads: FusionHeads, tau: float
) -> Combination:
    """Weights of ``evidence`` (at least one) under ``strategy``; ``tau`` sharpens "adaptive".

    Raises ``ParameterError`` for an unknown strategy.
    """
    if strategy == "logistic":
        return _logistic(evidence, heads)
    simple: dict[str, Callable[[], list[float]]] = {
        "weighted_average": lambda: [item.share for item in evidence],
        "equal": lambda: [1.0] * len(evidence),
        "video_trust": lambda: _video_trust(evidence),
        "adaptive": lambda: _adaptive(evidence, tau),
        "majority": lambda: _majority(evidence),
    }
    if strategy not in simple:
        raise ParameterError("fusion_strategy", f"There is no fusion strategy '{strategy}'.")
    weights = simple[strategy]()
    if strategy != "majority":
        total = sum(weights)
        if total <= 0:
            raise ParameterError("weights", "The weights of the branches present add to nothing.")
        weights = [weight / total for weight in weights]
    return _within(evidence, weights)


def _within(evidence: Sequence[Evidence], weights: list[float], note: str = "") -> Combination:
    """An average cannot exceed the widest bound of its parts."""
    return Combination(
        weights=tuple(weights),
        bias=0.0,
        lower=min(item.bounds[0] for item in evidence),
        upper=max(item.bounds[1] for item in evidence),
        note=note,
    )


def _logistic(evidence: Sequence[Evidence], heads: FusionHeads) -> Combination:
    if len(evidence) == 1:
        return _within(evidence, [1.0])
    head = heads.find(frozenset(item.branch for item in evidence))
    fitted_behind = dict(zip(head.branches, head.calibrators, strict=False)) if head else {}
    if head is None or any(
        fitted_behind.get(item.branch, item.calibrator_sha256) != item.calibrator_sha256
        for item in evidence
    ):
        equal = [1.0 / len(evidence)] * len(evidence)
        note = "No fusion head is fitted for this set of branches; their mean is used."
        return _within(evidence, equal, note)
    by_branch = dict(zip(head.branches, head.weights, strict=True))
    return Combination(
        weights=tuple(by_branch[item.branch] for item in evidence),
        bias=head.bias,
        lower=head.lower,
        upper=head.upper,
        sha256=heads.sha256,
    )


def _video_trust(evidence: Sequence[Evidence]) -> list[float]:
    """85 % to what is seen, 15 % to what is heard, shared equally inside each; a modality that
    is missing leaves its share to the other."""
    heard = sum(item.modality is MediaKind.AUDIO for item in evidence)
    seen = len(evidence) - heard
    return [
        (1 - VIDEO_TRUST) / heard if item.modality is MediaKind.AUDIO else VIDEO_TRUST / seen
        for item in evidence
    ]


def _adaptive(evidence: Sequence[Evidence], tau: float) -> list[float]:
    """alpha_i = exp(tau r_i) / sum exp(tau r_j) with r the larger class probability."""
    certainty = [1 / (1 + math.exp(-abs(item.llr))) for item in evidence]
    return [math.exp(tau * value) for value in certainty]


def _majority(evidence: Sequence[Evidence]) -> list[float]:
    """Each branch casts one vote of the mean strength for its side; ties cancel, and a branch
    that leans to neither side does not vote."""
    strength = sum(abs(item.llr) for item in evidence) / len(evidence)
    return [
        strength / abs(item.llr) / len(evidence) if abs(item.llr) > _NO_VOTE else 0.0
        for item in evidence
    ]
