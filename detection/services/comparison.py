"""Comparing two runs is an act of its own: it is recorded with its outcome."""

from __future__ import annotations

from django.utils.translation import gettext as _

from accounts.actors import Actor
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from detection.comparison import TOLERANCE, Comparison, compare_results
from detection.errors import AnalysisRefused
from detection.models import Analysis, Finding
from detection.selectors import finding_for, result_of


def compare_runs(
    *, actor: Actor, first: Analysis, second: Analysis, tolerance: float = TOLERANCE
) -> Comparison:
    """Compare the findings of two analyses and record the outcome.

    Raises AnalysisRefused(no_finding) when either has no finding that the actor may see.
    """
    comparison = compare_results(
        result_of(_finding(actor, first)), result_of(_finding(actor, second)), tolerance
    )
    with audited():
        append(
            actor=actor,
            action=Action.ANALYSIS_COMPARED,
            subject=second,
            case_id=second.exhibit.case_id,
            payload={
                "with": str(first.pk),
                "outcome": str(comparison.sameness),
                "tolerance": str(tolerance),
                "largest_delta": f"{comparison.largest_delta:.9f}",
            },
        )
    return comparison


def _finding(actor: Actor, analysis: Analysis) -> Finding:
    finding = finding_for(actor, analysis)
    if finding is None:
        raise AnalysisRefused(
            "no_finding",
            _("The analysis of %(label)s has no finding to compare.")
            % {"label": analysis.exhibit.label},
        )
    return finding
