"""The finding on whole clips: what the calibrated branches of the standard profile say of one,
fused as an analysis fuses it. A clip without speech is judged by its picture alone. The bounds are
those that ship."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ml.branches.registry import create_branch
from ml.evaluation.held_out import CLIPS
from ml.evaluation.metrics import Floats
from ml.evaluation.reports import Detector, calibrator_of
from ml.evaluation.scored import BY_RATIO, Measured, Scored
from ml.fusion.calibration import Calibrator
from ml.fusion.heads import FusionHeads
from ml.fusion.strategies import Evidence, combine
from ml.parameters import Parameters
from ml.pool import FUSION_FILE
from ml.profiles.profile import STANDARD, load_profile
from ml.weights.registry import WeightRegistry

NAME = "finding"


def of_clips(
    looking: Sequence[Detector], heard: Mapping[str, Sequence[Scored]], registry: WeightRegistry
) -> Detector | None:
    """``looking``: the detectors of pictures as they answered the clips; ``heard``: branch to
    scores of their sound. None before any of them is calibrated."""
    rows: dict[str, Scored] = {}
    evidence: dict[str, list[Evidence]] = {}
    profile = load_profile(STANDARD)
    for name, row, llr, calibrator in (*_seen(looking, registry), *_heard(heard, registry)):
        if name not in profile.branches:
            continue
        rows.setdefault(row.path, row)
        bounds, sha256 = (calibrator.lower, calibrator.upper), calibrator.sha256
        modality = create_branch(name).modality
        said = Evidence(name, modality, llr, bounds, calibrator_sha256=sha256)
        evidence.setdefault(row.path, []).append(said)
    if not rows:
        return None
    heads = FusionHeads.load(registry.folder / FUSION_FILE)
    rule = profile.rule(Parameters())
    totals, bounded = [], []
    for said_of_one in evidence.values():
        combination = combine(rule.strategy, said_of_one, heads, rule.tau)
        totals.append(combination.total(said_of_one))
        bounded.append(min(max(totals[-1], combination.lower), combination.upper))
    own = tuple(replace(rows[path], logit=total) for path, total in zip(rows, totals, strict=True))
    called = np.array(totals) > 0
    return Detector(NAME, "", (Measured(CLIPS, own, np.array(bounded), called, _rule_of(looking)),))


def _rule_of(looking: Sequence[Detector]) -> str:
    """How the ratios of the pictures were made; no sound of a clip was calibrated on."""
    return "; ".join(sorted({clips.threshold for _, clips, _ in _calibrated(looking)})) or BY_RATIO


Said = tuple[str, Scored, float, Calibrator]


def _calibrated(looking: Sequence[Detector]) -> list[tuple[str, Measured, Floats]]:
    """The clips as each calibrated detector answered them."""
    return [
        (detector.name, measured, measured.llrs)
        for detector in looking
        for measured in detector.sets
        if measured.name == CLIPS and measured.llrs is not None
    ]


def _seen(looking: Sequence[Detector], registry: WeightRegistry) -> list[Said]:
    """The ratios that the report of each detector holds."""
    return [
        (name, row, float(llr), calibrator)
        for name, measured, llrs in _calibrated(looking)
        if (calibrator := calibrator_of(name, registry, CLIPS)) is not None
        for row, llr in zip(measured.rows, llrs, strict=True)
    ]


def _heard(heard: Mapping[str, Sequence[Scored]], registry: WeightRegistry) -> list[Said]:
    """No sound of a clip was calibrated on."""
    return [
        (name, row, float(calibrator.llrs(np.array([row.logit]))[0]), calibrator)
        for name, rows in heard.items()
        if (calibrator := calibrator_of(name, registry, CLIPS)) is not None
        for row in rows
        if row.part == CLIPS
    ]
