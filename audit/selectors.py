"""Reading the ledger. The caller has checked that the actor may see the case."""

from __future__ import annotations

import uuid

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet

from accounts.actors import Actor
from accounts.scopes import Scope
from audit.models import AuditEvent


def events_for(actor: Actor, case_id: uuid.UUID | None = None) -> QuerySet[AuditEvent]:
    """The entries of one case, or of the whole site for auditors and administrators.

    Raises PermissionDenied for anybody else, and for a key without the scope ``audit:read``.
    """
    if not actor.has_scope(Scope.AUDIT_READ):
        raise PermissionDenied("This API key may not read the ledger.")
    if case_id is not None:
        return AuditEvent.objects.filter(case_id=case_id).order_by("seq")
    user = actor.user
    if actor.kind == "system" or (user and (user.is_auditor or user.is_administrator)):
        return AuditEvent.objects.order_by("id")
    raise PermissionDenied("Only auditors and administrators read the ledger of the whole site.")
