"""How reliable the detectors are: their cards and the error rates measured by our evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from detection.models import ModelVersion
from ml.result import AnalysisResult, BranchStatus, MediaKind


@dataclass(frozen=True)
class Reliability:
    """One weight set: what it is valid for, and its error rates where they were measured.

    ``sets``: the figures of ``python -m ml evaluate`` as its file holds them.
    """

    title: str
    name: str
    sha256: str
    architecture: str
    validated_domain: str
    not_validated_for: str
    training_data: str
    licence: str
    approved: bool
    command: str
    interval: str
    sets: list[dict[str, Any]]


def reliability_of(models: Iterable[ModelVersion], result: AnalysisResult) -> list[Reliability]:
    """The cards of the weights that gave a score, in the order of the branches; of several
    registrations of one file the first of ``models``."""
    registered: dict[str, ModelVersion] = {}
    for model in models:
        registered.setdefault(model.sha256, model)
    scored = {
        branch.weights_sha256: branch.title
        for branch in result.branches
        if branch.status is BranchStatus.SCORED
    }
    return [
        _card(registered[sha256], title, result.input.kind)
        for sha256, title in scored.items()
        if sha256 in registered
    ]


def _card(model: ModelVersion, title: str, kind: MediaKind) -> Reliability:
    entry = model.entry
    of_videos = entry.get("video_measured") if kind is MediaKind.VIDEO else ""
    report = _report(str(of_videos or entry.get("measured") or ""))
    figures = report.get("weights", {}).get(model.name, {})
    # Figures of another file of the same name say nothing about this one.
    measured = figures if figures.get("sha256") == model.sha256 else {}
    decisions = list(model.decisions.all())
    return Reliability(
        title=title,
        name=model.name,
        sha256=model.sha256,
        architecture=model.architecture,
        validated_domain=_words(entry.get("validated_domain")),
        not_validated_for=_words(entry.get("not_validated_for")),
        training_data=_words(entry.get("training_data")),
        licence=model.licence,
        approved=bool(decisions) and decisions[-1].kind == "approved",
        command=str(report.get("command", "")),
        interval=str(report.get("interval", "")),
        sets=list(measured.get("sets", ())),
    )


def _words(value: object) -> str:
    return "; ".join(str(part) for part in value) if isinstance(value, list) else str(value or "")


def _report(reference: str) -> dict[str, Any]:
    """The evaluation file named by the registry; empty when there is none."""
    path = (Path(settings.BASE_DIR) / reference).resolve()
    if not path.is_relative_to(settings.BASE_DIR) or not path.is_file():
        return {}
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> dict[str, Any]:
    loaded = json.loads(path.read_text(encoding="utf-8"))
    return loaded if isinstance(loaded, dict) else {}
