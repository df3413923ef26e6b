"""The gallery of a finding: each face as one detector saw it, beside that detector's heat maps."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from detection.models import Artefact
from ml.result import AnalysisResult


@dataclass(frozen=True)
class FaceCard:
    """A face as one detector saw it, with that detector's heat maps and score."""

    detector: str
    thumbnail: Artefact
    heatmaps: tuple[Artefact, ...]
    logit: float | None


def faces_of(result: AnalysisResult, artefacts: Sequence[Artefact]) -> tuple[FaceCard, ...]:
    """Faces by detector, those that counted first; each detector's most suspicious first."""
    heatmaps: dict[tuple[str, int, float], list[Artefact]] = defaultdict(list)
    for artefact in artefacts:
        if artefact.kind == "heatmap":
            heatmaps[_place(artefact)].append(artefact)
    logits, titles = _face_logits(result), {b.name: b.title for b in result.branches}
    counted = [share.branch for share in result.decision.contributions]
    order = {name: place for place, name in enumerate(dict.fromkeys([*counted, *titles]))}
    faces = [artefact for artefact in artefacts if artefact.kind == "thumbnail"]
    faces.sort(
        key=lambda face: (
            order.get(_branch_of(face), len(order)),
            -logits.get(_place(face), -math.inf),
        )
    )
    return tuple(
        FaceCard(
            titles.get(_branch_of(face), face.producer),
            face,
            tuple(heatmaps.get(_place(face), ())),
            logits.get(_place(face)),
        )
        for face in faces
    )


def _face_logits(result: AnalysisResult) -> dict[tuple[str, int, float], float]:
    """The score of each face by the detector, the track and the time."""
    return {
        (branch.name, track, round(t, 3)): logit
        for branch in result.branches
        for curve in branch.curves
        if curve.y_unit == "logit"
        for track in {face.track for face in result.faces if curve.name == f"face {face.track + 1}"}
        for t, logit in zip(curve.x, curve.y, strict=True)
    }


def _branch_of(artefact: Artefact) -> str:
    """A producer is a branch and its version."""
    return artefact.producer.split(" ", 1)[0]


def _place(artefact: Artefact) -> tuple[str, int, float]:
    return _branch_of(artefact), artefact.track or 0, round(artefact.t or 0.0, 3)
