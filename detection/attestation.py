"""Findings, their derived files and reviews as the ledger has them, compared with the rows."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator

from django.db import connection

from audit.actions import Action
from audit.witnesses import ALTERED, GONE, Disagreement, compared, recorded
from cases import triggers
from cases.stamps import text_sha256
from detection.models import Artefact, Finding, Review
from detection.triggers import GUARDS
from ml.result import AnalysisResult

REVIEWS = (
    Action.REVIEW_OPINION_RECORDED,
    Action.REVIEW_SIGNED_OFF,
    Action.REVIEW_DISSENT_RECORDED,
)


def disagreements() -> Iterator[Disagreement]:
    """Missing triggers, and findings, derived files and reviews that are not as recorded."""
    yield from triggers.missing(connection, GUARDS)
    yield from _findings()
    yield from _reviews()


def _findings() -> Iterator[Disagreement]:
    completed = recorded(Action.ANALYSIS_COMPLETED)
    artefacts = defaultdict(set)
    for analysis, sha256 in Artefact.objects.values_list("analysis_id", "sha256").iterator():
        artefacts[analysis].add(sha256)
    for finding in Finding.objects.order_by("pk").iterator(chunk_size=100):
        key = f"detection.analysis:{finding.analysis_id}"
        row = {
            "result_sha256": finding.result_sha256,
            "casework_approved": finding.casework_approved,
            "artefacts": sorted(artefacts[finding.analysis_id]),
        }
        yield from compared("finding", key, row, completed.pop(key, None))
        if _sha256_of(finding) != finding.result_sha256:
            yield Disagreement(ALTERED, f"finding ({key}): its result does not have its own hash")
    for key in completed:
        yield Disagreement(GONE, f"finding ({key}) was recorded and has no row")


def _reviews() -> Iterator[Disagreement]:
    entries = recorded(*REVIEWS)
    for review in Review.objects.all():
        key = f"detection.review:{review.pk}"
        row = {"text_sha256": text_sha256(review.text), "agrees": review.agrees}
        yield from compared("review", key, row, entries.pop(key, None))
    for key in entries:
        yield Disagreement(GONE, f"review ({key}) was recorded and has no row")


def _sha256_of(finding: Finding) -> str:
    try:
        text = AnalysisResult.from_dict(finding.result).to_json()
    except (KeyError, TypeError, ValueError):
        return ""
    return hashlib.sha256(text.encode()).hexdigest()
