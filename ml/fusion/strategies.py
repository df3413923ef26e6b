"""Ways to combine branch log-likelihood ratios. Each is a weight per branch and a bias, so that
the contributions always add to the total. A weight of 0 is evidence that does not count here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ml.errors import ParameterError
from ml.fusion.heads import FusionHead, FusionHeads, JointBounds
from ml.result import MediaKind

VIDEO_TRUST = 0.85
_NO_VOTE = 1e-6
# What is said of sound and picture, by whether each counts.
_SENSES = {
    (True, True): "Sound and picture both favour manipulation and count together.",
    (True, False): "Sound and picture can be forged apart: the sound, the more suspect, counts.",
    (False, True): "Sound and picture can be forged apart: the picture, the more suspect, counts.",
}


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

    def total(self, evidence: Sequence[Evidence]) -> float:
        """The sum before it is bounded."""
        shares = (w * item.llr for w, item in zip(self.weights, evidence, strict=True))
        return self.bias + math.fsum(shares)


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
    """Each sense by its own head; of sound and picture what ``best_supported`` says."""
    heard = [item for item in evidence if item.modality is MediaKind.AUDIO]
    seen = [item for item in evidence if item.modality is not MediaKind.AUDIO]
    if not heard or not seen:
        return _of_one_sense(evidence, heads)
    sound, picture = _of_one_sense(heard, heads), _of_one_sense(seen, heads)
    by_sound, by_picture = sound.total(heard), picture.total(seen)
    counts_sound = by_sound >= by_picture or by_sound > 0
    counts_picture = by_picture > by_sound or by_picture > 0
    weights = dict.fromkeys((item.branch for item in evidence), 0.0)
    notes, bias = [_SENSES[counts_sound, counts_picture]], 0.0
    for counts, sense, own in ((counts_sound, sound, heard), (counts_picture, picture, seen)):
        if counts:
            weights |= dict(zip((item.branch for item in own), sense.weights, strict=True))
            bias += sense.bias
            notes.append(sense.note)
    lower, upper = min(sound.lower, picture.lower), max(sound.upper, picture.upper)
    joint = heads.find_joint(frozenset(weights))
    if joint and _fits(joint, evidence):
        lower, upper = joint.lower, joint.upper
    else:
        notes.append("No bounds are fitted for sound and picture together; the wider ones hold.")
    return Combination(
        weights=tuple(weights[item.branch] for item in evidence),
        bias=bias,
        lower=lower,
        upper=upper,
        note=" ".join(note for note in notes if note),
        sha256=heads.sha256,
    )


def _of_one_sense(evidence: Sequence[Evidence], heads: FusionHeads) -> Combination:
    """The head of exactly these branches; their mean where there is none."""
    if len(evidence) == 1:
        return _within(evidence, [1.0])
    head = heads.find(frozenset(item.branch for item in evidence))
    if head is None or not _fits(head, evidence):
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


def _fits(fitted: FusionHead | JointBounds, evidence: Sequence[Evidence]) -> bool:
    """Whether it was fitted behind the calibrators of ``evidence``."""
    behind = dict(zip(fitted.branches, fitted.calibrators, strict=False))
    return all(
        behind.get(item.branch, item.calibrator_sha256) == item.calibrator_sha256
        for item in evidence
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
