"""The worker's writes: claim, progress, result, failure. Each checks that the attempt still owns
its analysis, so that a worker that was given up for dead can never store a second result."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor, system_actor, worker_actor
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from cases.services import record_analysis
from detection import artefact_files, queue
from detection.errors import AnalysisSuperseded
from detection.models import Analysis, AnalysisStatus, Artefact, Finding, NotificationKind, Stage
from detection.services.model_registry import all_approved
from detection.services.notifications import notify_submitter
from detection.services.steps import note
from ml.result import AnalysisOutcome, AnalysisResult

RECONCILER = system_actor("reconciler")


def claim_analysis(analysis_id: str, worker: str) -> Analysis | None:
    """Take a queued analysis for ``worker``; None when it is not queued (any more)."""
    with audited():
        # The row lock decides: of two workers with the same id, the second finds it running.
        queued = Analysis.objects.select_for_update(of=("self",)).select_related("exhibit__case")
        analysis: Analysis | None = queued.filter(
            pk=analysis_id, status=AnalysisStatus.QUEUED
        ).first()
        if analysis is None:
            return None
        now = timezone.now()
        analysis.status = AnalysisStatus.RUNNING
        analysis.attempt += 1
        analysis.worker = worker
        analysis.started_at = analysis.heartbeat_at = now
        note(analysis, f"attempt {analysis.attempt} started by {worker}")
        analysis.save()
        _entry(
            analysis,
            Action.ANALYSIS_STARTED,
            {"attempt": analysis.attempt, "worker": worker},
        )
    return analysis


def record_environment(
    *, analysis: Analysis, evidence_sha256: str, environment: dict[str, Any]
) -> None:
    """Write what is about to compute on what: the measured hash, code, packages, hardware."""
    with audited():
        current = _owned(analysis)
        current.evidence_sha256 = evidence_sha256
        current.environment = environment
        note(current, f"evidence re-hashed: SHA-256 {evidence_sha256}")
        current.save(update_fields=["evidence_sha256", "environment", "log", "updated_at"])
        _entry(
            current,
            Action.EVIDENCE_VERIFIED,
            {"exhibit": str(current.exhibit_id), "sha256": evidence_sha256},
        )


def record_progress(*, analysis: Analysis, stage: Stage, percent: int) -> None:
    """Write stage and percent (0..100) and a heartbeat; AnalysisSuperseded when no longer ours."""
    now = timezone.now()
    fields = {"stage": stage, "percent": percent, "heartbeat_at": now, "updated_at": now}
    _require(_mine(analysis).update(**fields), analysis)


def record_heartbeat(*, analysis: Analysis) -> None:
    """Say that the worker lives; AnalysisSuperseded when the analysis is no longer ours."""
    _require(_mine(analysis).update(heartbeat_at=timezone.now()), analysis)


def store_result(*, analysis: Analysis, outcome: AnalysisOutcome) -> Finding:
    """Store finding and artefacts and complete the analysis in one transaction.

    Raises AnalysisSuperseded when another attempt or a cancellation came first, ValueError when
    the outcome lists other artefacts than it carries.
    """
    result = outcome.result
    # Content-addressed, so files of a transaction that fails are found again by the next attempt.
    keys = artefact_files.store(outcome)
    text = result.to_json()
    with audited():
        current = _owned(analysis)
        finding = Finding.objects.create(
            analysis=current,
            verdict=result.decision.verdict,
            probability=result.decision.probability,
            log10_lr=result.decision.log10_lr,
            casework_approved=all_approved(weights_of(result)),
            result=json.loads(text),
            result_sha256=hashlib.sha256(text.encode()).hexdigest(),
        )
        Artefact.objects.bulk_create(_artefacts(current, result, keys))
        note(current, "complete")
        _finish(current, AnalysisStatus.COMPLETE, stage=Stage.COMPLETE, percent=100)
        _entry(current, Action.ANALYSIS_COMPLETED, _completion(current, finding, result))
        record_analysis(
            actor=_worker(current),
            exhibit=current.exhibit,
            purpose=f"analysis {current.pk}",
            sha256_before=current.evidence_sha256,
            sha256_after=result.input.sha256,
        )
        notify_submitter(
            analysis=current,
            kind=NotificationKind.FINISHED,
            text=f"Analysis of {current.exhibit.label} finished.",
        )
    return finding


def fail_analysis(*, analysis: Analysis, code: str, message: str) -> None:
    """End the analysis as failed; ``message`` says why and what to do, in plain words."""
    with audited():
        current = _owned(analysis)
        current.error_code = code
        current.error_message = message
        note(current, f"failed ({code}): {message}")
        _finish(current, AnalysisStatus.FAILED)
        _entry(
            current,
            Action.ANALYSIS_FAILED,
            {"attempt": current.attempt, "code": code, "evidence_sha256": current.evidence_sha256},
        )
        if current.evidence_sha256:
            record_analysis(
                actor=_worker(current),
                exhibit=current.exhibit,
                purpose=f"analysis {current.pk}, failed",
                sha256_before=current.evidence_sha256,
                sha256_after="",
            )
        notify_submitter(
            analysis=current,
            kind=NotificationKind.FAILED,
            text=f"Analysis of {current.exhibit.label} failed: {message}",
        )


def hand_back(*, analysis: Analysis, reason: str) -> None:
    """Queue a running analysis again because its worker is stopping; it keeps its chances."""
    with audited():
        _requeue(_owned(analysis), reason, actor=_worker(analysis))


def recover_lost(*, analysis: Analysis, stale_before: datetime) -> AnalysisStatus | None:
    """Queue an analysis again whose worker died, or fail it after ``max_attempts`` of them.

    Returns the new status, None when the worker turned out to live or another got here first.
    """
    with audited():
        current = _lock(analysis)
        if current is None or current.heartbeat_at is None or current.heartbeat_at >= stale_before:
            return None
        current.lost_workers += 1
        if current.lost_workers < settings.DFD.max_attempts:
            _requeue(current, f"worker {current.worker} stopped answering", actor=RECONCILER)
            return AnalysisStatus.QUEUED
        current.error_code = "worker_lost"
        current.error_message = (
            f"The worker died {current.lost_workers} times while analysing this file, so it is not "
            "tried again. Check the worker's log and memory, or analyse a shorter excerpt."
        )
        note(current, current.error_message)
        _finish(current, AnalysisStatus.FAILED)
        append(
            actor=RECONCILER,
            action=Action.ANALYSIS_FAILED,
            subject=current,
            case_id=current.exhibit.case_id,
            payload={"attempt": current.attempt, "code": current.error_code},
        )
        return AnalysisStatus.FAILED


def weights_of(result: AnalysisResult) -> set[str]:
    """SHA-256 of every weight file that gave a score in ``result``."""
    return {branch.weights_sha256 for branch in result.branches if branch.weights_sha256}


def _mine(analysis: Analysis) -> Any:
    """The row of ``analysis`` while this attempt owns it."""
    return Analysis.objects.filter(
        pk=analysis.pk, status=AnalysisStatus.RUNNING, attempt=analysis.attempt
    )


def _lock(analysis: Analysis) -> Analysis | None:
    locked: Analysis | None = (
        _mine(analysis).select_for_update(of=("self",)).select_related("exhibit__case").first()
    )
    return locked


def _owned(analysis: Analysis) -> Analysis:
    """The locked row; AnalysisSuperseded when this attempt no longer owns it."""
    current = _lock(analysis)
    if current is None:
        raise _superseded(analysis)
    return current


def _require(rows: int, analysis: Analysis) -> None:
    if not rows:
        raise _superseded(analysis)


def _superseded(analysis: Analysis) -> AnalysisSuperseded:
    return AnalysisSuperseded(
        f"Attempt {analysis.attempt} no longer owns analysis {analysis.pk}: "
        "it was cancelled or taken over."
    )


def _finish(analysis: Analysis, status: AnalysisStatus, **fields: Any) -> None:
    for name, value in {"status": status, "finished_at": timezone.now(), **fields}.items():
        setattr(analysis, name, value)
    analysis.save()


def _requeue(analysis: Analysis, reason: str, *, actor: Actor) -> None:
    analysis.status = AnalysisStatus.QUEUED
    analysis.stage = Stage.QUEUED
    analysis.percent = 0
    note(analysis, f"queued again: {reason}")
    analysis.save()
    append(
        actor=actor,
        action=Action.ANALYSIS_REQUEUED,
        subject=analysis,
        case_id=analysis.exhibit.case_id,
        payload={"attempt": analysis.attempt, "lost_workers": analysis.lost_workers},
    )
    transaction.on_commit(lambda: queue.enqueue(analysis))


def _worker(analysis: Analysis) -> Actor:
    return replace(worker_actor(analysis.worker), request_id=analysis.request_id)


def _entry(analysis: Analysis, action: Action, payload: dict[str, Any]) -> None:
    append(
        actor=_worker(analysis),
        action=action,
        subject=analysis,
        case_id=analysis.exhibit.case_id,
        payload=payload,
    )


def _completion(analysis: Analysis, finding: Finding, result: AnalysisResult) -> dict[str, Any]:
    """What the ledger keeps: hashes. The verdict is behind one of them, because administrators and
    blind reviewers read the ledger."""
    return {
        "attempt": analysis.attempt,
        "result_sha256": finding.result_sha256,
        "evidence_sha256": analysis.evidence_sha256,
        "weights": sorted(weights_of(result)),
        "artefacts": sorted({artefact.sha256 for artefact in result.artefacts}),
        "casework_approved": finding.casework_approved,
    }


def _artefacts(analysis: Analysis, result: AnalysisResult, keys: dict[str, str]) -> list[Artefact]:
    return [
        Artefact(
            analysis=analysis,
            name=facts.name,
            kind=facts.kind,
            mime_type=facts.mime_type,
            sha256=facts.sha256,
            size=facts.size,
            storage_key=keys[facts.sha256],
            parent_sha256=facts.parent_sha256,
            producer=facts.producer,
            t=facts.t,
            track=facts.track,
            width=facts.width,
            height=facts.height,
            caption=facts.caption,
        )
        for facts in result.artefacts
    ]
