"""Reading exports, restricted to people who may export from the case."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from accounts.actors import Actor
from cases.models import Case
from cases.permissions import CaseAction
from detection.models import Analysis, AnalysisStatus
from detection.selectors import analyses_for
from reports.models import Export, ExportRequest


def exports_for(actor: Actor, case: Case | None = None) -> QuerySet[Export]:
    """The exports the actor may fetch, newest first."""
    rows: QuerySet[Export] = Export.objects.restrict(actor, CaseAction.EXPORT)
    return (rows.filter(case=case) if case else rows).select_related("case", "analysis__exhibit")


def export_for(actor: Actor, export_id: uuid.UUID | str) -> Export:
    """One export; Export.DoesNotExist for a foreign one just as for an unknown one."""
    return exports_for(actor).get(pk=export_id)


def requests_for(actor: Actor, case: Case | None = None) -> QuerySet[ExportRequest]:
    """The orders of exports the actor may fetch, newest first, with what came of them."""
    rows: QuerySet[ExportRequest] = ExportRequest.objects.restrict(actor, CaseAction.EXPORT)
    return (rows.filter(case=case) if case else rows).select_related(
        "case", "analysis__exhibit__case", "export"
    )


def request_for(actor: Actor, request_id: uuid.UUID | str) -> ExportRequest:
    """One order; ExportRequest.DoesNotExist for a foreign one just as for an unknown one."""
    return requests_for(actor).get(pk=request_id)


def reportable_analyses(actor: Actor, case: Case) -> QuerySet[Analysis]:
    """The complete analyses of the case, newest first."""
    return analyses_for(actor, case=case).filter(status=AnalysisStatus.COMPLETE)
