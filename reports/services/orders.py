"""Orders for exports: taking them, giving them to one worker at a time, ending them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actors import Actor, system_actor
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from cases import selectors as case_selectors
from cases.models import Case, Exhibit
from cases.permissions import CaseAction, require
from detection import selectors as detection_selectors
from detection.models import Analysis
from reports import queue
from reports.errors import ReportRefused
from reports.models import Export, ExportKind, ExportRequest, RequestStatus
from reports.redaction import Redaction

RECONCILER = system_actor("reconciler")
LOST = (
    "The worker that made this export stopped answering {times} times, so it is not tried again. "
    "Check the light worker's log, memory and disk, then ask for the export again."
)


def request_report(
    *, actor: Actor, analysis: Analysis, kind: str = ExportKind.REPORT_PDF
) -> ExportRequest:
    """Order a report on one finding, as PDF or HTML; a job makes it after the commit.

    Raises PermissionDenied (EXPORT), ReportRefused without a finding that the actor may see.
    """
    require(actor, analysis.exhibit.case, CaseAction.EXPORT)
    if detection_selectors.finding_for(actor, analysis) is None:
        raise ReportRefused("no_finding", _("This analysis has no finding to report on."))
    return _order(
        actor,
        analysis.exhibit.case,
        kind=ExportKind(kind),
        analysis=analysis,
        purpose="report",
    )


def request_bundle(
    *,
    actor: Actor,
    case: Case,
    exhibits: Sequence[Exhibit] | None = None,
    redactions: Iterable[str] = (),
    purpose: str = "disclosure",
) -> ExportRequest:
    """Order a bundle of the whole case or of chosen exhibits, with their finished analyses.

    Raises PermissionDenied (EXPORT), ReportRefused for an empty selection or an unknown redaction.
    """
    require(actor, case, CaseAction.EXPORT)
    left_out = _redactions(redactions)
    chosen = list(case_selectors.exhibits_of(actor, case) if exhibits is None else exhibits)
    if not chosen or any(exhibit.case_id != case.pk for exhibit in chosen):
        raise ReportRefused("no_exhibits", _("Choose at least one exhibit of this case."))
    return _order(
        actor,
        case,
        kind=ExportKind.REDACTED_BUNDLE if left_out else ExportKind.BUNDLE,
        exhibits=None if exhibits is None else [str(exhibit.pk) for exhibit in exhibits],
        redactions=sorted(left_out),
        purpose=purpose,
    )


def record_download(*, actor: Actor, export: Export) -> None:
    """Record that the file leaves. Raises PermissionDenied (EXPORT)."""
    require(actor, export.case, CaseAction.EXPORT)
    report = export.kind in (ExportKind.REPORT_PDF, ExportKind.REPORT_HTML)
    with audited():
        append(
            actor=actor,
            action=Action.REPORT_DOWNLOADED if report else Action.EXPORT_DOWNLOADED,
            subject=export,
            case_id=export.case_id,
            payload={"sha256": export.sha256},
        )


def claim(request_id: str) -> ExportRequest | None:
    """Take a queued order for this worker; None when it is not queued (any more)."""
    with transaction.atomic():
        # The row lock decides: of two workers with the same id, the second finds it running.
        rows = ExportRequest.objects.select_for_update(of=("self",)).select_related("case")
        request: ExportRequest | None = rows.filter(
            pk=request_id, status=RequestStatus.QUEUED
        ).first()
        if request is None:
            return None
        request.status, request.percent = RequestStatus.RUNNING, 0
        request.attempt += 1
        request.started_at = request.heartbeat_at = timezone.now()
        request.save()
    return request


def record_progress(*, request: ExportRequest, percent: int) -> None:
    """Write how far the work is, 0 to 100."""
    _mine(request).update(percent=percent, heartbeat_at=timezone.now())


def record_heartbeat(*, request: ExportRequest) -> None:
    """Say that the worker lives."""
    _mine(request).update(heartbeat_at=timezone.now())


def fail(*, request: ExportRequest, actor: Actor, code: str, message: str) -> None:
    """End the order as failed; ``message`` says why and what to do. Nothing happens when another
    attempt has taken over."""
    with audited():
        current = _mine(request).select_for_update().first()
        if current is not None:
            _fail(current, actor, code, message)


def recover_lost(*, request: ExportRequest, stale_before: datetime) -> RequestStatus | None:
    """Queue an order again whose worker died, or fail it after ``max_attempts`` of them.

    Returns the new status, None when the worker lives or another process got here first.
    """
    with audited():
        rows = _mine(request).filter(heartbeat_at__lt=stale_before)
        current: ExportRequest | None = rows.select_for_update().first()
        if current is None:
            return None
        if current.attempt >= settings.DFD.max_attempts:
            _fail(current, RECONCILER, "worker_lost", LOST.format(times=current.attempt))
            return RequestStatus.FAILED
        current.status, current.percent = RequestStatus.QUEUED, 0
        current.save(update_fields=["status", "percent"])
        transaction.on_commit(lambda: queue.enqueue(current))
    return RequestStatus.QUEUED


def _order(actor: Actor, case: Case, **fields: Any) -> ExportRequest:
    request = ExportRequest(
        case=case,
        requested_by_kind=actor.kind,
        requested_by_id=actor.id,
        requested_by_label=actor.label,
        request_id=actor.request_id,
        **fields,
    )
    with audited():
        request.full_clean()
        request.save(force_insert=True)
        append(
            actor=actor,
            action=Action.EXPORT_REQUESTED,
            subject=request,
            case_id=case.pk,
            payload={
                "kind": str(request.kind),
                "analysis": str(request.analysis_id) if request.analysis_id else None,
                "exhibits": request.exhibits,
                "redactions": request.redactions,
            },
        )
        transaction.on_commit(lambda: queue.enqueue(request))
    return request


def _fail(request: ExportRequest, actor: Actor, code: str, message: str) -> None:
    request.status, request.finished_at = RequestStatus.FAILED, timezone.now()
    request.error_code, request.error_message = code, message
    request.save(update_fields=["status", "finished_at", "error_code", "error_message"])
    append(
        actor=actor,
        action=Action.EXPORT_FAILED,
        subject=request,
        case_id=request.case_id,
        payload={"code": code, "attempt": request.attempt},
    )


def _mine(request: ExportRequest) -> Any:
    """The row of ``request`` while this attempt owns it."""
    return ExportRequest.objects.filter(
        pk=request.pk, status=RequestStatus.RUNNING, attempt=request.attempt
    )


def _redactions(names: Iterable[str]) -> frozenset[Redaction]:
    try:
        return frozenset(Redaction(name) for name in names)
    except ValueError as error:
        known = ", ".join(redaction.value for redaction in Redaction)
        raise ReportRefused(
            "redaction", _("%(error)s. Known: %(known)s.") % {"error": error, "known": known}
        ) from error
