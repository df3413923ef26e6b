"""Opinions, sign-off and dissent: people's words on an analysis, beside the machine's finding."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.actors import Actor, user_actor
from accounts.models import User
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from cases.permissions import CaseAction, allowed, require
from cases.stamps import text_sha256
from detection.errors import ReviewRefused
from detection.models import (
    Analysis,
    AnalysisStatus,
    NotificationKind,
    Review,
    ReviewKind,
    ReviewRequest,
)
from detection.services.notifications import notify, notify_submitter

ACTIONS = {
    ReviewKind.OPINION: Action.REVIEW_OPINION_RECORDED,
    ReviewKind.SIGN_OFF: Action.REVIEW_SIGNED_OFF,
    ReviewKind.DISSENT: Action.REVIEW_DISSENT_RECORDED,
}


def request_review(
    *, actor: Actor, analysis: Analysis, reviewer: User, blind: bool = False
) -> ReviewRequest:
    """Ask ``reviewer`` for an opinion; a blind one sees no outcome before giving it.

    Raises PermissionDenied (REVIEW) and ReviewRefused: not_complete, not_a_reviewer (may not
    review in this case), asked (an unanswered request exists), not_blind (has opined already).
    """
    case = analysis.exhibit.case
    require(actor, case, CaseAction.REVIEW)
    asking = _person(actor)
    if not allowed(user_actor(reviewer), case, CaseAction.REVIEW):
        raise ReviewRefused(
            "not_a_reviewer",
            _("%(reviewer)s may not review in case %(number)s; add them first.")
            % {"reviewer": reviewer, "number": case.number},
        )
    with audited():
        _require_complete(_lock(analysis))
        if open_requests(analysis, reviewer).exists():
            raise ReviewRefused(
                "asked",
                _("%(reviewer)s has been asked already and has not answered.")
                % {"reviewer": reviewer},
            )
        if blind and analysis.reviews.filter(reviewer=reviewer).exists():
            raise ReviewRefused(
                "not_blind",
                _("%(reviewer)s has reviewed this analysis and can no longer be blind.")
                % {"reviewer": reviewer},
            )
        request: ReviewRequest = ReviewRequest.objects.create(
            analysis=analysis, reviewer=reviewer, requested_by=asking, blind=blind
        )
        append(
            actor=actor,
            action=Action.REVIEW_REQUESTED,
            subject=request,
            case_id=case.pk,
            payload={"analysis": str(analysis.pk), "reviewer": str(reviewer.pk), "blind": blind},
        )
        notify(
            recipients=[reviewer],
            kind=NotificationKind.REVIEW_ASKED,
            text=f"{actor.label} asks you to review the analysis of {analysis.exhibit.label}.",
            analysis=analysis,
        )
    return request


def add_review(
    *,
    actor: Actor,
    analysis: Analysis,
    kind: ReviewKind,
    text: str,
    agrees: bool | None = None,
) -> Review:
    """Record the actor's opinion, sign-off or dissent. Nothing is ever overwritten.

    A sign-off answers an opinion and comes from somebody who wrote none; a dissent comes from
    somebody other than the only author of opinions. An opinion answers the actor's open request.
    Raises PermissionDenied (REVIEW) and ReviewRefused: not_complete, empty, no_opinion,
    same_person, blind (an opinion is owed before anything else).
    """
    case = analysis.exhibit.case
    require(actor, case, CaseAction.REVIEW)
    person = _person(actor)
    kind, text = ReviewKind(kind), text.strip()
    if not text:
        raise ReviewRefused("empty", _("Write what you found and why before you sign."))
    with audited():
        _require_complete(_lock(analysis))
        request = open_requests(analysis, person).first()
        if kind != ReviewKind.OPINION:
            _require_second_person(analysis, person, kind, request)
        review: Review = Review.objects.create(
            analysis=analysis,
            reviewer=person,
            kind=kind,
            text=text,
            agrees=agrees,
            blind=request is not None and request.blind,
            request=request,
        )
        append(
            actor=actor,
            action=ACTIONS[kind],
            subject=review,
            case_id=case.pk,
            payload={
                "analysis": str(analysis.pk),
                "result_sha256": analysis.finding.result_sha256,
                "agrees": agrees,
                "text_sha256": text_sha256(text),
                "request": str(request.pk) if request else None,
            },
        )
        given = kind.replace("_", "-").capitalize()
        notify_submitter(
            analysis=analysis,
            kind=NotificationKind.REVIEWED,
            text=f"{given} on the analysis of {analysis.exhibit.label}.",
        )
    return review


def open_requests(analysis: Analysis, reviewer: User) -> QuerySet[ReviewRequest]:
    """Requests to ``reviewer`` that no review has answered, oldest first."""
    rows: QuerySet[ReviewRequest] = ReviewRequest.objects.filter(
        analysis=analysis, reviewer=reviewer, answers__isnull=True
    ).order_by("created_at")
    return rows


def _person(actor: Actor) -> User:
    if actor.user is None:
        raise PermissionDenied(_("Only a person can review."))
    return actor.user


def _lock(analysis: Analysis) -> Analysis:
    locked: Analysis = Analysis.objects.select_for_update().get(pk=analysis.pk)
    return locked


def _require_complete(analysis: Analysis) -> None:
    if analysis.status != AnalysisStatus.COMPLETE:
        raise ReviewRefused(
            "not_complete", _("There is no finding to review: the analysis is not complete.")
        )


def _require_second_person(
    analysis: Analysis, person: User, kind: ReviewKind, request: ReviewRequest | None
) -> None:
    if request is not None and request.blind:
        raise ReviewRefused("blind", _("You are asked for a blind opinion; give it first."))
    authors = set(
        analysis.reviews.filter(kind=ReviewKind.OPINION).values_list("reviewer_id", flat=True)
    )
    if not authors:
        raise ReviewRefused("no_opinion", _("There is no examiner's opinion to answer yet."))
    if authors == {person.pk} or (kind == ReviewKind.SIGN_OFF and person.pk in authors):
        raise ReviewRefused(
            "same_person", _("You wrote the opinion; a different person must answer it.")
        )
