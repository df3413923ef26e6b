"""Every write of the examination room about an analysis. One verb, one transaction, one entry."""

from __future__ import annotations

from typing import Any

from accounts.actors import Actor
from cases.models import Exhibit
from detection.models import Analysis, Finding, Stage
from ml.result import AnalysisOutcome


def submit_analysis(
    *,
    actor: Actor,
    exhibit: Exhibit,
    profile: str = "standard",
    parameters: dict[str, Any] | None = None,
) -> Analysis:
    """Queue an analysis of ``exhibit``; on commit a job carrying only its id goes to the worker.

    Raises PermissionDenied (CaseAction.ANALYSE) and AnalysisRefused (case_closed,
    exhibit_not_stored, unknown_profile, bad_parameters).
    """
    raise NotImplementedError


def rerun_analysis(*, actor: Actor, analysis: Analysis) -> Analysis:
    """Queue the same profile and parameters on the same exhibit again (``rerun_of`` is set).

    Raises as ``submit_analysis``, and AnalysisRefused(not_finished).
    """
    raise NotImplementedError


def cancel_analysis(*, actor: Actor, analysis: Analysis) -> Analysis:
    """Stop a queued or running analysis; a running one stops at its next heartbeat.

    Raises PermissionDenied (ANALYSE) and AnalysisRefused(finished).
    """
    raise NotImplementedError


def claim_analysis(analysis_id: str, worker: str) -> Analysis | None:
    """Take a queued analysis for ``worker``; None when it is not queued (any more)."""
    raise NotImplementedError


def record_progress(*, analysis: Analysis, stage: Stage, percent: int) -> None:
    """Write stage and percent (0..100) and a heartbeat; AnalysisSuperseded when no longer ours."""
    raise NotImplementedError


def store_result(*, analysis: Analysis, outcome: AnalysisOutcome) -> Finding:
    """Store finding and artefacts and complete the analysis in one transaction.

    Raises AnalysisSuperseded when another attempt or a cancellation came first.
    """
    raise NotImplementedError


def fail_analysis(*, analysis: Analysis, code: str, message: str) -> None:
    """End the analysis as failed; ``message`` says why and what to do, in plain words."""
    raise NotImplementedError


def record_view(*, actor: Actor, analysis: Analysis) -> None:
    """Ledger entry: ``actor`` looked at the analysis (call from the page and the API detail)."""
    raise NotImplementedError
