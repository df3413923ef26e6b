"""The extract: a case as JSON, complete and frozen. Reports and bundles are drawn from it alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.actors import Actor
from accounts.models import User
from audit.canonical import timestamp
from cases import selectors as cases
from cases.models import LOOKUP_ONLY, Case, CustodyEvent, Exhibit, Note
from cases.storage import artefact_store
from detection import selectors as detection
from detection.models import Analysis, Artefact, ModelVersion, Review
from detection.views.reliability import reliability_of
from ml.result import AnalysisResult, json_text
from reports.redaction import Redaction, removals, without_people

FORMAT = "dfd.extract.v1"


@dataclass(frozen=True)
class Extract:
    """``record`` is the extract as JSON types; ``results`` are the exact result texts by run."""

    record: dict[str, Any]
    results: dict[str, str]
    exhibits: tuple[Exhibit, ...]
    artefacts: tuple[Artefact, ...]


def build(
    actor: Actor,
    case: Case,
    *,
    export_id: str,
    analyses: Sequence[Analysis],
    exhibits: Sequence[Exhibit],
    selection: str,
    purpose: str,
    redactions: frozenset[Redaction] = frozenset(),
) -> Extract:
    """Everything of ``exhibits`` and ``analyses`` that ``actor`` may see, as one record."""
    runs = [_run(actor, analysis, redactions) for analysis in analyses]
    artefacts = [a for analysis in analyses for a in detection.artefacts_for(actor, analysis)]
    record: dict[str, Any] = {
        "format": FORMAT,
        "export": export_id,
        "selection": selection,
        "purpose": purpose,
        "by": actor.label,
        "qualifications": _qualifications(actor.user, redactions),
        "redactions": sorted(redactions),
        "removals": removals(redactions),
        "case": _case(actor, case),
        "exhibits": [_exhibit(exhibit, redactions) for exhibit in exhibits],
        "custody": [
            _custody(event) for exhibit in exhibits for event in cases.custody_of(actor, exhibit)
        ],
        "notes": [] if Redaction.NOTES in redactions else _notes(actor, case),
        "analyses": [run for run, _ in runs],
        "models": _models(runs),
    }
    if Redaction.PEOPLE in redactions:
        record = without_people(record)
    return Extract(
        record=record,
        results={run["id"]: text for run, text in runs if text},
        exhibits=tuple(exhibits),
        artefacts=tuple(artefacts),
    )


def original_file(exhibit: Exhibit) -> str:
    """Where a bundle keeps the original of ``exhibit``; the name is ours, never the sender's."""
    return f"data/originals/{exhibit.number:04d}-{exhibit.sha256[:16]}.{_suffix(exhibit.mime_type)}"


def derived_file(artefact: Artefact) -> str:
    """Where a bundle keeps a derived file."""
    return f"data/derived/{artefact.sha256}.{_suffix(artefact.mime_type)}"


def result_file(run_id: str) -> str:
    """Where a bundle keeps the machine's result of a run, byte for byte as it was hashed."""
    return f"data/runs/{run_id}.json"


def _suffix(mime_type: str) -> str:
    return "".join(c for c in mime_type.partition("/")[2].lower() if c.isalnum())[:12] or "bin"


def _case(actor: Actor, case: Case) -> dict[str, Any]:
    return {
        "id": str(case.pk),
        "number": case.number,
        "title": case.title,
        "description": case.description,
        "status": case.status,
        "created_at": timestamp(case.created_at),
        "by": case.created_by_label,
        "members": [
            {"user": member.user.get_username(), "role": member.role}
            for member in cases.members_of(actor, case)
        ],
    }


def _exhibit(exhibit: Exhibit, redactions: frozenset[Redaction]) -> dict[str, Any]:
    present = exhibit.state == Exhibit.State.STORED and Redaction.ORIGINALS not in redactions
    return {
        "id": str(exhibit.pk),
        "label": exhibit.label,
        "name": exhibit.name,
        "kind": exhibit.kind,
        "mime_type": exhibit.mime_type,
        "size": exhibit.size,
        "sha256": exhibit.sha256,
        "sha512": exhibit.sha512,
        "lookup_hashes": {"md5": exhibit.md5, "sha1": exhibit.sha1, "use": LOOKUP_ONLY},
        "declared_sha256": exhibit.declared_sha256,
        "state": exhibit.state,
        "file": original_file(exhibit) if present else "",
        "received_at": timestamp(exhibit.received_at),
        "by": exhibit.received_by_label,
        "source": exhibit.source,
        "collector": exhibit.collector,
        "authority": exhibit.authority,
        "acquisition_method": exhibit.acquisition_method,
        "acquired_at": timestamp(exhibit.acquired_at) if exhibit.acquired_at else "",
        "acquired_utc_offset": exhibit.acquired_utc_offset,
    }


def _custody(event: CustodyEvent) -> dict[str, Any]:
    return {
        "exhibit": event.exhibit.label,
        "kind": event.kind,
        "occurred_at": timestamp(event.occurred_at),
        "actor": event.actor_label,
        "purpose": event.purpose,
        "authority": event.authority,
        "result": event.result,
        "sha256_before": event.sha256_before,
        "sha256_after": event.sha256_after,
    }


def _notes(actor: Actor, case: Case) -> list[dict[str, Any]]:
    notes: Iterable[Note] = cases.notes_of(actor, case)
    return [
        {
            "text": note.text,
            "author": note.author_label,
            "created_at": timestamp(note.created_at),
            "exhibit": note.exhibit.label if note.exhibit else "",
        }
        for note in notes
    ]


def _run(
    actor: Actor, analysis: Analysis, redactions: frozenset[Redaction]
) -> tuple[dict[str, Any], str]:
    finding = detection.finding_for(actor, analysis)
    text = json_text(finding.result) if finding else ""
    shown = Redaction.METADATA not in redactions
    run = {
        "id": str(analysis.pk),
        "exhibit": analysis.exhibit.label,
        "profile": analysis.profile,
        "parameters": analysis.parameters,
        "status": analysis.status,
        "attempt": analysis.attempt,
        "by": analysis.submitted_by_label,
        "created_at": timestamp(analysis.created_at),
        "started_at": timestamp(analysis.started_at) if analysis.started_at else "",
        "finished_at": timestamp(analysis.finished_at) if analysis.finished_at else "",
        "worker": analysis.worker,
        "environment": analysis.environment,
        "log": analysis.log,
        "evidence_sha256": analysis.evidence_sha256,
        "error_code": analysis.error_code,
        "error_message": analysis.error_message,
        "rerun_of": str(analysis.rerun_of_id) if analysis.rerun_of_id else "",
        "result_file": result_file(str(analysis.pk)) if finding and shown else "",
        "result_sha256": finding.result_sha256 if finding else "",
        "casework_approved": bool(finding and finding.casework_approved),
        "reviews": [
            _review(review, redactions) for review in detection.reviews_for(actor, analysis)
        ],
        "artefacts": [
            _artefact(artefact, analysis.exhibit, redactions)
            for artefact in detection.artefacts_for(actor, analysis)
        ],
    }
    return run, text


def _qualifications(person: User | None, redactions: frozenset[Redaction]) -> str:
    if person is None or Redaction.PEOPLE in redactions:
        return ""
    return person.qualifications


def _review(review: Review, redactions: frozenset[Redaction]) -> dict[str, Any]:
    return {
        "kind": review.kind,
        "reviewer": review.reviewer.get_username(),
        "qualifications": _qualifications(review.reviewer, redactions),
        "text": "" if Redaction.NOTES in redactions else review.text,
        "agrees": review.agrees,
        "blind": review.blind,
        "created_at": timestamp(review.created_at),
    }


def _artefact(
    artefact: Artefact, exhibit: Exhibit, redactions: frozenset[Redaction]
) -> dict[str, Any]:
    # Destroyed with the recording, unless the laboratory's policy keeps them.
    destroyed = exhibit.state == Exhibit.State.DESTROYED
    gone = destroyed and not artefact_store().exists(artefact.storage_key)
    return {
        "id": str(artefact.pk),
        "name": artefact.name,
        "kind": artefact.kind,
        "mime_type": artefact.mime_type,
        "sha256": artefact.sha256,
        "size": artefact.size,
        "parent_sha256": artefact.parent_sha256,
        "producer": artefact.producer,
        "t": artefact.t,
        "track": artefact.track,
        "width": artefact.width,
        "height": artefact.height,
        "caption": artefact.caption,
        "file": "" if gone or Redaction.PICTURES in redactions else derived_file(artefact),
    }


def _models(runs: Iterable[tuple[dict[str, Any], str]]) -> list[dict[str, Any]]:
    """The registered card of every weight set that gave a score, with its error rates."""
    found: dict[str, dict[str, Any]] = {}
    for _, text in runs:
        if text:
            result = AnalysisResult.from_json(text)
            used = {branch.weights_sha256 for branch in result.branches}
            cards = ModelVersion.objects.filter(sha256__in=used).prefetch_related("decisions")
            for card in reliability_of(cards, result):
                found[card.sha256] = dataclasses.asdict(card)
    return list(found.values())
