"""From scores to a report: every detector on every set, and the fusion of those that are
calibrated. ``docs/evaluation/WHAT.json`` holds it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ml.evaluation import held_out
from ml.evaluation.metrics import Floats
from ml.evaluation.rates import RESAMPLES
from ml.evaluation.scored import BY_RATIO, Measured, Scored, answered, table
from ml.fusion.calibration import Calibrator
from ml.fusion.heads import FusionHead, FusionHeads
from ml.pool import FUSION_FILE
from ml.result import MediaKind
from ml.weights.registry import WeightRegistry

INTERVAL = f"95 %: {RESAMPLES} bootstrap resamples of recordings, Wilson for shares"


@dataclass(frozen=True)
class Detector:
    """One detector's answers: ``sha256`` of the weights they came from ("" for a fusion)."""

    name: str
    sha256: str
    sets: tuple[Measured, ...]


def detectors(
    scored: Mapping[str, Sequence[Scored]], registry: WeightRegistry, hashes: Mapping[str, str]
) -> list[Detector]:
    """Every branch of ``scored`` and the fusion of the calibrated ones, each on its sets;
    ``hashes`` says with which weights the scores were made."""
    found = []
    for name, rows in scored.items():
        sets = tuple(
            _answered(name, own, rows, calibrator_of(name, registry, part))
            for part, own in by_part(rows).items()
            if judged(own)
        )
        if sets:
            found.append(Detector(name, hashes[name], sets))
    fused = {name: rows for name, rows in scored.items() if calibrator_of(name, registry)}
    if len(fused) > 1 and (sets := _fused(fused, registry)):
        found.append(Detector("+".join(sorted(fused)), "", sets))
    return found


def write_report(what: str, found: Sequence[Detector], out: Path, name: str = "") -> dict[str, Any]:
    """Write ``out/WHAT.json`` (or ``out/NAME.json``) and return it."""
    weights: dict[str, Any] = {}
    for detector in found:
        entry: dict[str, Any] = {"sha256": detector.sha256} if detector.sha256 else {}
        weights[detector.name] = entry | {"sets": [table(item) for item in detector.sets]}
    data = "" if name else " --data DATA"
    report = {
        "command": f"python -m ml evaluate {what}{data}",
        "interval": INTERVAL,
        "weights": weights,
    }
    save(report, out / f"{name or what}.json")
    return report


def save(report: Mapping[str, Any], path: Path) -> None:
    """Indented JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def read_report(path: Path) -> dict[str, Any]:
    """A report; no file is an empty one."""
    if not path.exists():
        return {"weights": {}}
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return report


def calibrator_of(name: str, registry: WeightRegistry, part: str = "") -> Calibrator | None:
    """The fitted calibrator of a weight for the recordings of a set, None before there is one."""
    kind = MediaKind.VIDEO if held_out.of_clips(part) else MediaKind.IMAGE
    file = registry.entry(name).calibration_for(kind)
    return Calibrator.load(registry.folder / file) if file else None


def by_part(rows: Sequence[Scored]) -> dict[str, list[Scored]]:
    """Rows by set, in the order of their first appearance."""
    parts: dict[str, list[Scored]] = {}
    for row in rows:
        parts.setdefault(row.part, []).append(row)
    return parts


def judged(rows: Sequence[Scored]) -> bool:
    """Whether both classes are there: error rates of one class alone are not published."""
    return len({row.fake for row in rows}) == 2


def _answered(
    name: str, rows: Sequence[Scored], every: Sequence[Scored], calibrator: Calibrator | None
) -> Measured:
    """One branch on one set of ``every`` recording it scored, calibrated without the source where
    the set was fitted on."""
    part = rows[0].part
    if calibrator is not None and held_out.fitted_on(part):
        together = held_out.fitted_together(part, every)
        unseen = held_out.unseen_llrs({name: together}, {name: calibrator.kind})
        if unseen is not None:
            own = np.array([row.part == part for row in together])
            raw, bounded = (llrs[own] for llrs in unseen)
            return Measured(part, tuple(rows), bounded, raw > 0, held_out.RULE)
    return answered(part, rows, calibrator)


def _fused(
    scored: Mapping[str, Sequence[Scored]], registry: WeightRegistry
) -> tuple[Measured, ...]:
    """The fusion on every set that all its branches scored in common."""
    head = FusionHeads.load(registry.folder / FUSION_FILE).find(frozenset(scored))
    if head is None:
        return ()
    parts = {name: by_part(rows) for name, rows in scored.items()}
    found = []
    for part in parts[head.branches[0]]:
        if all(part in own for own in parts.values()):
            common = shared({name: own[part] for name, own in parts.items()})
            if judged(next(iter(common.values()))):
                found.append(_fused_set(part, common, head, registry))
    return tuple(found)


def shared(scored: Mapping[str, Sequence[Scored]]) -> dict[str, list[Scored]]:
    """The recordings every branch scored, in one order."""
    keyed = [{(row.path, row.fake): row for row in rows} for rows in scored.values()]
    common = [key for key in keyed[0] if all(key in own for own in keyed[1:])]
    return {name: [own[key] for key in common] for name, own in zip(scored, keyed, strict=True)}


def _fused_set(
    part: str, scored: Mapping[str, list[Scored]], head: FusionHead, registry: WeightRegistry
) -> Measured:
    """The weighted sum of calibrated ln LRs, bounded; the sum itself is the score."""
    template = next(iter(scored.values()))
    calibrators = {name: calibrator_of(name, registry, part) for name in head.branches}
    kinds = {name: found.kind for name, found in calibrators.items() if found is not None}
    if held_out.fitted_on(part) and (unseen := held_out.unseen_llrs(scored, kinds)) is not None:
        total, bounded = unseen
        return Measured(part, _with(template, total), bounded, total > 0, held_out.RULE)
    total = np.full(len(template), head.bias)
    for name, weight in zip(head.branches, head.weights, strict=True):
        calibrator = calibrators[name]
        assert calibrator is not None
        total += weight * calibrator.llrs(np.array([row.logit for row in scored[name]]))
    bounded = np.clip(total, head.lower, head.upper)
    return Measured(part, _with(template, total), bounded, total > 0, BY_RATIO)


def _with(rows: Sequence[Scored], scores: Floats) -> tuple[Scored, ...]:
    return tuple(replace(row, logit=float(s)) for row, s in zip(rows, scores, strict=True))
