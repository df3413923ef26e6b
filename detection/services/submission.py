"""Asking for analyses: submit, repeat, cancel, look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actors import Actor
from accounts.quotas import Measure, hold_owner, require_quota
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from cases.models import Case, Exhibit
from cases.permissions import CaseAction, require
from detection import queue
from detection.errors import AnalysisRefused
from detection.models import Analysis, AnalysisStatus
from detection.services.model_registry import registered_weights, require_approved
from detection.services.steps import note
from ml.errors import ParameterError
from ml.parameters import Parameters
from ml.profiles import profile_branches, profile_names


def submit_analysis(
    *,
    actor: Actor,
    exhibit: Exhibit,
    profile: str = "standard",
    parameters: dict[str, Any] | None = None,
) -> Analysis:
    """Queue an analysis of ``exhibit``; on commit a job carrying only its id goes to the worker.

    Raises PermissionDenied (CaseAction.ANALYSE), QuotaExceeded and AnalysisRefused (case_closed,
    exhibit_not_stored, unknown_profile, bad_parameters).
    """
    return _submit(actor, exhibit, profile, parameters, rerun_of=None)


def submit_analyses(
    *, actor: Actor, exhibits: Sequence[Exhibit], profile: str, parameters: dict[str, Any]
) -> list[Analysis]:
    """Queue an analysis of each exhibit: all of them or, on an error, none.

    Raises as ``submit_analysis``.
    """
    for exhibit in exhibits:
        # Before the transaction, so that the record of a refusal is not rolled back with it.
        require(actor, exhibit.case, CaseAction.ANALYSE)
    with transaction.atomic():
        # In one order for everybody: two callers must not wait for each other's cases.
        cases = Case.objects.filter(pk__in={exhibit.case_id for exhibit in exhibits})
        list(cases.select_for_update().order_by("pk"))
        return [_submit(actor, exhibit, profile, parameters, rerun_of=None) for exhibit in exhibits]


def rerun_analysis(*, actor: Actor, analysis: Analysis) -> Analysis:
    """Queue the same profile and parameters on the same exhibit again (``rerun_of`` is set).

    Raises as ``submit_analysis``, and AnalysisRefused(not_finished).
    """
    require(actor, analysis.exhibit.case, CaseAction.ANALYSE)
    if not analysis.is_finished:
        raise AnalysisRefused(
            "not_finished", _("This analysis has not finished yet. Wait for it or cancel it first.")
        )
    return _submit(
        actor, analysis.exhibit, analysis.profile, analysis.parameters, rerun_of=analysis
    )


def cancel_analysis(*, actor: Actor, analysis: Analysis) -> Analysis:
    """Stop a queued or running analysis; a running one stops at its next heartbeat.

    Raises PermissionDenied (ANALYSE) and AnalysisRefused(finished).
    """
    require(actor, analysis.exhibit.case, CaseAction.ANALYSE)
    with audited():
        current: Analysis = Analysis.objects.select_for_update().get(pk=analysis.pk)
        if current.is_finished:
            raise AnalysisRefused(
                "finished",
                _("This analysis is %(status)s already and cannot be cancelled.")
                % {"status": current.get_status_display().lower()},
            )
        current.status = AnalysisStatus.CANCELLED
        current.finished_at = timezone.now()
        note(current, f"cancelled by {actor.label}")
        current.save(update_fields=["status", "finished_at", "log", "updated_at"])
        append(
            actor=actor,
            action=Action.ANALYSIS_CANCELLED,
            subject=current,
            case_id=current.exhibit.case_id,
            payload={"attempt": current.attempt},
        )
    return current


def record_view(*, actor: Actor, analysis: Analysis) -> None:
    """Record that the actor looked at the analysis. Raises PermissionDenied (VIEW_FINDINGS)."""
    require(actor, analysis.exhibit.case, CaseAction.VIEW_FINDINGS)
    with audited():
        append(
            actor=actor,
            action=Action.ANALYSIS_VIEWED,
            subject=analysis,
            case_id=analysis.exhibit.case_id,
        )


def _submit(
    actor: Actor,
    exhibit: Exhibit,
    profile: str,
    parameters: dict[str, Any] | None,
    rerun_of: Analysis | None,
) -> Analysis:
    require(actor, exhibit.case, CaseAction.ANALYSE)
    settings = _checked(profile, parameters)
    # The worker asks again with the weights that it has loaded.
    require_approved(registered_weights(profile_branches(profile)))
    with audited():
        case: Case = Case.objects.select_for_update().get(pk=exhibit.case_id)
        _require_usable(case, Exhibit.objects.get(pk=exhibit.pk))
        hold_owner(actor, Measure.ANALYSES)
        require_quota(actor, Measure.ANALYSES, 1)
        analysis = Analysis(
            exhibit=exhibit,
            profile=profile,
            parameters=settings,
            rerun_of=rerun_of,
            submitted_by_kind=actor.kind,
            submitted_by_id=actor.id,
            submitted_by_label=actor.label,
            request_id=actor.request_id,
        )
        note(analysis, f"submitted by {actor.label}")
        analysis.save()
        append(
            actor=actor,
            action=Action.ANALYSIS_SUBMITTED,
            subject=analysis,
            case_id=case.pk,
            payload={
                "exhibit": str(exhibit.pk),
                "sha256": exhibit.sha256,
                "profile": profile,
                "parameters": {key: str(value) for key, value in settings.items()},
                "rerun_of": str(rerun_of.pk) if rerun_of else None,
            },
        )
        transaction.on_commit(lambda: queue.enqueue(analysis))
    return analysis


def _checked(profile: str, parameters: dict[str, Any] | None) -> dict[str, Any]:
    known = profile_names()
    if profile not in known:
        raise AnalysisRefused(
            "unknown_profile",
            _("There is no profile '%(profile)s'. Known: %(known)s.")
            % {"profile": profile, "known": ", ".join(known)},
        )
    try:
        return Parameters.from_dict(parameters).to_dict()
    except ParameterError as error:
        raise AnalysisRefused("bad_parameters", error.message) from error


def _require_usable(case: Case, exhibit: Exhibit) -> None:
    if not case.is_open:
        raise AnalysisRefused(
            "case_closed",
            _("Case %(number)s is closed. Ask its manager to reopen it.") % {"number": case.number},
        )
    if exhibit.state != Exhibit.State.STORED:
        raise AnalysisRefused(
            "exhibit_not_stored",
            _("Exhibit %(label)s cannot be analysed: %(state)s.")
            % {"label": exhibit.label, "state": exhibit.get_state_display()},
        )
