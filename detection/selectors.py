"""Every read of the examination room, already restricted to what the actor may see.

Outcomes (finding, artefacts, reviews) are hidden from a person who is asked to review blind, so
pages and the API never reach for ``analysis.finding``: they ask ``finding_for``, ``reviews_for``.
"""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple

from django.db.models import OuterRef, QuerySet, Subquery

from accounts.actors import Actor
from accounts.models import User
from cases.models import Case, Exhibit
from cases.permissions import CaseAction, roles_with
from cases.selectors import exhibits_of
from cases.storage import artefact_store
from detection import artefact_files
from detection.models import (
    Analysis,
    Artefact,
    Finding,
    ModelVersion,
    Notification,
    Review,
    ReviewRequest,
)
from ml.result import AnalysisResult


def analyses_for(
    actor: Actor, *, case: Case | None = None, exhibit: Exhibit | None = None
) -> QuerySet[Analysis]:
    """Analyses the actor may see, newest first, with their exhibit and case.

    ``seen_verdict`` and ``seen_log10_lr`` are for sorting and filtering: None where a blind review
    hides the finding, so that no order of rows gives it away.
    """
    rows: QuerySet[Analysis] = Analysis.objects.restrict(actor, CaseAction.VIEW_FINDINGS)
    if case is not None:
        rows = rows.filter(exhibit__case=case)
    if exhibit is not None:
        rows = rows.filter(exhibit=exhibit)
    seen = Finding.objects.restrict(actor, CaseAction.VIEW_FINDINGS).filter(analysis=OuterRef("pk"))
    return rows.select_related("exhibit__case").annotate(
        seen_verdict=Subquery(seen.values("verdict")[:1]),
        seen_log10_lr=Subquery(seen.values("log10_lr")[:1]),
    )


def batch_of(actor: Actor, case: Case) -> QuerySet[Any]:
    """The exhibits of the case, each with ``run_id`` and ``run_status`` of its newest analysis.

    ``seen_verdict`` and ``seen_log10_lr`` as in ``analyses_for``; None without an analysis.
    """
    newest = Analysis.objects.restrict(actor, CaseAction.VIEW_FINDINGS).filter(
        exhibit=OuterRef("pk")
    )
    newest = newest.order_by("-created_at")
    seen = Finding.objects.restrict(actor, CaseAction.VIEW_FINDINGS)
    seen = seen.filter(analysis=OuterRef("run_id"))
    rows: QuerySet[Any] = (
        exhibits_of(actor, case)
        .annotate(
            run_id=Subquery(newest.values("pk")[:1]),
            run_status=Subquery(newest.values("status")[:1]),
        )
        .annotate(
            seen_verdict=Subquery(seen.values("verdict")[:1]),
            seen_log10_lr=Subquery(seen.values("log10_lr")[:1]),
        )
    )
    return rows


class Seen(NamedTuple):
    """What a table shows of a finding."""

    verdict: str
    log10_lr: float | None


def seen_of(run: Analysis) -> Seen | None:
    """What ``analyses_for`` read of the finding beside the run; None where none may be seen."""
    verdict = getattr(run, "seen_verdict", None)
    return Seen(verdict, getattr(run, "seen_log10_lr", None)) if verdict else None


def analysis_for(actor: Actor, analysis_id: uuid.UUID | str) -> Analysis:
    """One analysis; Analysis.DoesNotExist for a foreign one just as for an unknown one."""
    return analyses_for(actor).get(pk=analysis_id)


def findings_for(actor: Actor) -> QuerySet[Finding]:
    """Findings the actor may see, with analysis, exhibit and case."""
    rows: QuerySet[Finding] = Finding.objects.restrict(actor, CaseAction.VIEW_FINDINGS)
    return rows.select_related("analysis__exhibit__case")


def finding_for(actor: Actor, analysis: Analysis) -> Finding | None:
    """The machine's finding; None when there is none yet or a blind review hides it."""
    return findings_for(actor).filter(analysis=analysis).first()


def result_of(finding: Finding) -> AnalysisResult:
    """The full result as the dataclasses of ``ml.result``."""
    return AnalysisResult.from_dict(finding.result)


def artefacts_for(actor: Actor, analysis: Analysis) -> QuerySet[Artefact]:
    """The derived files of an analysis, by time, track and name."""
    rows: QuerySet[Artefact] = Artefact.objects.restrict(actor, CaseAction.VIEW_FINDINGS)
    return rows.filter(analysis=analysis)


def artefacts_kept(actor: Actor, analysis: Analysis) -> list[Artefact]:
    """``artefacts_for`` without those that were destroyed together with the recording."""
    artefacts = list(artefacts_for(actor, analysis))
    if analysis.exhibit.state != Exhibit.State.DESTROYED:
        return artefacts
    return [a for a in artefacts if artefact_store().exists(a.storage_key)]


def artefact_for(actor: Actor, artefact_id: uuid.UUID | str) -> Artefact:
    """One derived file; Artefact.DoesNotExist when foreign, unknown or hidden."""
    artefact: Artefact = Artefact.objects.restrict(actor, CaseAction.VIEW_FINDINGS).get(
        pk=artefact_id
    )
    return artefact


def artefact_bytes(artefact: Artefact) -> bytes:
    """The content, re-hashed on reading; cases.errors.StoreError when missing or changed."""
    return artefact_files.read(artefact.storage_key, artefact.sha256)


def all_reviews_for(actor: Actor) -> QuerySet[Review]:
    """Reviews of every case, less those of analyses that the actor is asked to review blind."""
    rows: QuerySet[Review] = Review.objects.restrict(actor, CaseAction.VIEW_FINDINGS)
    return rows.select_related("reviewer", "analysis__exhibit__case")


def reviews_for(actor: Actor, analysis: Analysis) -> QuerySet[Review]:
    """Opinions, sign-offs and dissents, oldest first; none while a blind review is open."""
    return all_reviews_for(actor).filter(analysis=analysis)


def possible_reviewers(actor: Actor, analysis: Analysis) -> QuerySet[User]:
    """Members of the case, other than the actor, who may be asked for a review."""
    members = User.objects.filter(
        case_memberships__case=analysis.exhibit.case,
        case_memberships__role__in=roles_with(CaseAction.REVIEW),
        is_active=True,
    )
    return members.exclude(pk=actor.user.pk) if actor.user else members


def review_requests_for(actor: Actor) -> QuerySet[ReviewRequest]:
    """Who is asked for a review, newest first; ``answer``: the id of their review, if given."""
    rows: QuerySet[ReviewRequest] = ReviewRequest.objects.restrict(actor, CaseAction.VIEW_FINDINGS)
    answers = Review.objects.filter(request=OuterRef("pk")).order_by("created_at").values("pk")
    return rows.select_related("reviewer", "requested_by", "analysis__exhibit").annotate(
        answer=Subquery(answers[:1])
    )


def is_blinded(actor: Actor, analysis: Analysis) -> bool:
    """True while the actor owes a blind opinion on this analysis."""
    owed = ReviewRequest.objects.filter(
        analysis=analysis, reviewer=actor.user, blind=True, answers__isnull=True
    )
    return actor.user is not None and owed.exists()


def review_queue(actor: Actor) -> QuerySet[ReviewRequest]:
    """Review requests addressed to the actor and not yet answered, oldest first."""
    rows: QuerySet[ReviewRequest] = ReviewRequest.objects.restrict(actor, CaseAction.REVIEW)
    return (
        rows.filter(reviewer=actor.user, answers__isnull=True)
        .select_related("analysis__exhibit__case", "requested_by")
        .order_by("created_at")
    )


def notifications_for(user: User) -> QuerySet[Notification]:
    """The person's lines, newest first."""
    return Notification.objects.filter(recipient=user).select_related(
        "analysis__exhibit__case", "case"
    )


def models_used(finding: Finding) -> QuerySet[ModelVersion]:
    """The registered weight sets that gave a score in ``finding``, with their decisions."""
    weights = {branch.get("weights_sha256") for branch in finding.result["branches"]} - {"", None}
    rows: QuerySet[ModelVersion] = ModelVersion.objects.filter(sha256__in=weights)
    return rows.prefetch_related("decisions__decided_by")
