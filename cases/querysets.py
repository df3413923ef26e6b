"""Querysets whose rows belong to a case and that know who may reach them."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q

from accounts.actors import Actor
from audit.models import AuditedQuerySet
from cases.permissions import CaseAction, access_filter


class RestrictMixin:
    """Adds ``restrict``. The model's ``case_path`` leads from a row to its case."""

    model: Any

    def restrict(self, actor: Actor, action: CaseAction) -> Self:
        """The rows of this queryset on which ``actor`` may do ``action``."""
        rows: Self = self.filter(  # type: ignore[attr-defined]
            access_filter(actor, action, self.model.case_path)
        )
        return rows


class CaseRows(RestrictMixin, models.QuerySet[Any]):
    """Rows of a case whose entry in the ledger is made about another row."""


class AuditedCaseRows(RestrictMixin, AuditedQuerySet):
    """Rows of a case that may not change without an entry of their own."""


def with_hash(text: str) -> Q:
    """Exhibits with this SHA-256, or with this MD5 or SHA-1 of an old hash set."""
    value = text.strip().lower()
    return Q(sha256=value) | Q(md5=value) | Q(sha1=value)
