"""Querysets of analyses and of their outcomes, which a blind review hides."""

from __future__ import annotations

from typing import Self

from django.db.models import Exists, OuterRef

from accounts.actors import Actor
from cases.permissions import CaseAction
from cases.querysets import AuditedCaseRows, CaseRows, RestrictMixin


class AnalysisRows(AuditedCaseRows):
    """Analyses; ``restrict`` with CaseAction.VIEW_FINDINGS for reading."""

    def open(self) -> Self:
        """Analyses that still have to finish."""
        rows: Self = self.filter(finished_at__isnull=True)
        return rows


class BlindMixin(RestrictMixin):
    """Adds to ``restrict`` that a blind reviewer sees nothing before giving an opinion."""

    def restrict(self, actor: Actor, action: CaseAction) -> Self:
        """Rows on which ``actor`` may do ``action``, less what a blind review hides."""
        rows: Self = super().restrict(actor, action)
        visible: Self = rows.exclude(hidden_by_blind_review(actor))  # type: ignore[attr-defined]
        return visible


class OutcomeRows(BlindMixin, CaseRows):
    """Outcomes of an analysis; the analysis' own entry in the ledger accounts for them."""


class AuditedOutcomeRows(BlindMixin, AuditedCaseRows):
    """Outcomes of an analysis that need an entry of their own."""


def hidden_by_blind_review(actor: Actor) -> Exists:
    """True for rows whose analysis ``actor`` is asked to examine blind and has not opined on."""
    # Imported here: the models are built on these querysets.
    from detection.models import ReviewRequest

    return Exists(
        ReviewRequest.objects.filter(
            blind=True,
            analysis=OuterRef("analysis_id"),
            reviewer=actor.user,
            answers__isnull=True,
        )
    )
