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
from ml.profiles.profile import STANDARD, load_profile
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
    """Every branch of ``scored`` and the fusion of the calibrated ones that the standard profile
    runs, each on its sets; ``hashes`` says with which weights the scores were made."""
    found = []
    for name, rows in scored.items():
        sets = tuple(
            _answered(name, own, rows, calibrator_of(name, registry, part))
            for part, own in by_part(rows).items()
            if judged(own)
        )
        if sets:
            found.append(Detector(name, hashes[name], sets))
    usual = load_profile(STANDARD).branches
    fused = {
        name: rows
        for name, rows in scored.items()
        if name in usual and calibrator_of(name, registry)
    }
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
    """Indented JSON; numbers with the eight digits on which machines agree."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_shortened(report), indent=1) + "\n", encoding="utf-8")


def _shortened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shortened(item) for item in value]
    return float(f"{value:.8g}") if isinstance(value, float) else value


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
    shipped = answered(part, rows, calibrator)
    if calibrator is None or not held_out.fitted_on(part):
        return shipped
    together = held_out.fitted_together(part, every)
    kinds = {name: calibrator.kind}
    unseen = held_out.unseen_llrs({name: rows}, {name: together}, kinds)
    if unseen is None:
        return replace(shipped, threshold=held_out.ON_THIS_SET)
    raw, bounded = unseen
    return Measured(part, shipped.rows, bounded, raw > 0, held_out.WITHOUT_SOURCE)


def _fused(
    scored: Mapping[str, Sequence[Scored]], registry: WeightRegistry
) -> tuple[Measured, ...]:
    """The fusion on every set that all its branches scored in common."""
    head = FusionHeads.load(registry.folder / FUSION_FILE).find(frozenset(scored))
    if head is None:
        return ()
    every = shared(scored)
    parts = {name: by_part(rows) for name, rows in every.items()}
    return tuple(
        _fused_set(part, {name: own[part] for name, own in parts.items()}, every, head, registry)
        for part, rows in parts[head.branches[0]].items()
        if judged(rows)
    )


def shared(scored: Mapping[str, Sequence[Scored]]) -> dict[str, list[Scored]]:
    """The recordings of a set that every branch scored, in one order."""
    keyed = [{(row.part, row.path, row.fake): row for row in rows} for rows in scored.values()]
    common = [key for key in keyed[0] if all(key in own for own in keyed[1:])]
    return {name: [own[key] for key in common] for name, own in zip(scored, keyed, strict=True)}


def _fused_set(
    part: str,
    scored: Mapping[str, list[Scored]],
    every: Mapping[str, Sequence[Scored]],
    head: FusionHead,
    registry: WeightRegistry,
) -> Measured:
    """The fusion on one set of ``every`` recording its branches scored, calibrated and weighed
    without the source where the set was fitted on."""
    calibrators = _calibrators(part, head, registry)
    if not held_out.fitted_on(part):
        return _shipped(part, scored, calibrators, head, BY_RATIO)
    together = {name: held_out.fitted_together(part, rows) for name, rows in every.items()}
    kinds = {name: found.kind for name, found in calibrators.items()}
    unseen = held_out.unseen_llrs(scored, together, kinds)
    if unseen is None:
        return _shipped(part, scored, calibrators, head, held_out.ON_THIS_SET)
    total, bounded = unseen
    rows = _with(next(iter(scored.values())), total)
    return Measured(part, rows, bounded, total > 0, held_out.WITHOUT_SOURCE)


def _calibrators(part: str, head: FusionHead, registry: WeightRegistry) -> dict[str, Calibrator]:
    found = {name: calibrator_of(name, registry, part) for name in head.branches}
    return {name: calibrator for name, calibrator in found.items() if calibrator is not None}


def _shipped(
    part: str,
    scored: Mapping[str, list[Scored]],
    calibrators: Mapping[str, Calibrator],
    head: FusionHead,
    rule: str,
) -> Measured:
    """The weighted sum of calibrated ln LRs, bounded; the sum itself is the score."""
    template = next(iter(scored.values()))
    total = np.full(len(template), head.bias)
    for name, weight in zip(head.branches, head.weights, strict=True):
        logits = np.array([row.logit for row in scored[name]])
        total += weight * calibrators[name].llrs(logits)
    bounded = np.clip(total, head.lower, head.upper)
    return Measured(part, _with(template, total), bounded, total > 0, rule)


def _with(rows: Sequence[Scored], scores: Floats) -> tuple[Scored, ...]:
    return tuple(replace(row, logit=float(s)) for row, s in zip(rows, scores, strict=True))
