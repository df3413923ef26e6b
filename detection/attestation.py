"""Findings and their derived files as the ledger has them, compared with the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields

from django.db import connection

from audit.actions import Action
from audit.witnesses import ALTERED, GONE, Disagreement, compared, recorded
from cases import triggers
from detection.models import Artefact, Finding
from detection.triggers import GUARDS
from ml.result import AnalysisResult, json_text

DECIDED = ("verdict", "probability", "log10_lr")


def disagreements() -> Iterator[Disagreement]:
    """Missing triggers, and findings and derived files that are not as recorded."""
    yield from triggers.missing(connection, GUARDS)
    yield from _findings()


def _findings() -> Iterator[Disagreement]:
    completed = recorded(Action.ANALYSIS_COMPLETED)
    for finding in Finding.objects.order_by("pk").iterator(chunk_size=100):
        key = f"detection.analysis:{finding.analysis_id}"
        artefacts = list(Artefact.objects.filter(analysis_id=finding.analysis_id))
        row = {
            "result_sha256": finding.result_sha256,
            "casework_approved": finding.casework_approved,
            "artefacts": sorted({artefact.sha256 for artefact in artefacts}),
        }
        yield from compared("finding", key, row, completed.pop(key, None))
        yield from _unlike_result(finding, artefacts, key)
    for key in completed:
        yield Disagreement(GONE, f"finding ({key}) was recorded and has no row")


def _unlike_result(finding: Finding, artefacts: list[Artefact], key: str) -> Iterator[Disagreement]:
    """Where the columns that pages show are not what the hashed result says."""
    try:
        text = json_text(finding.result)
    except ValueError:
        text = ""
    if hashlib.sha256(text.encode()).hexdigest() != finding.result_sha256:
        yield Disagreement(ALTERED, f"finding ({key}): its result does not have its own hash")
        return
    result = AnalysisResult.from_dict(finding.result)
    for name in DECIDED:
        if getattr(finding, name) != getattr(result.decision, name):
            yield Disagreement(ALTERED, f"finding ({key}): its result has another {name}")
    facts = {artefact.name: artefact for artefact in result.artefacts}
    for row in artefacts:
        said = facts.get(row.name)
        if (
            said is None
            or any(getattr(row, f.name) != getattr(said, f.name) for f in fields(said))
            or not row.storage_key.endswith(row.sha256)
        ):
            yield Disagreement(
                ALTERED, f"finding ({key}): its result describes another file {row.name}"
            )
