"""People's words on an analysis: separate, signed, by different persons, blind where asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from audit.models import AuditEvent
from detection import selectors, services
from detection.errors import ReviewRefused
from detection.models import Notification, Review, ReviewKind

OPINION, SIGN_OFF, DISSENT = ReviewKind.OPINION, ReviewKind.SIGN_OFF, ReviewKind.DISSENT


@pytest.fixture
def analysis(finding: Any) -> Any:
    return finding.analysis


def opine(actor: Any, analysis: Any, kind: ReviewKind = OPINION, **more: Any) -> Review:
    return services.add_review(actor=actor, analysis=analysis, kind=kind, text="Seen.", **more)


def test_an_opinion_stands_beside_the_finding(analysis: Any, examiner: Any) -> None:
    services.add_review(
        actor=examiner, analysis=analysis, kind=OPINION, text="The hair line is odd.", agrees=False
    )
    second = opine(examiner, analysis)
    assert list(selectors.reviews_for(examiner, analysis))[-1] == second
    assert Review.objects.count() == 2
    finding = selectors.finding_for(examiner, analysis)
    assert finding is not None
    assert finding.verdict == "FAKE"
    entry = AuditEvent.objects.filter(action="review.opinion_recorded").first()
    assert entry is not None
    assert entry.payload["result_sha256"] == finding.result_sha256
    assert entry.payload["agrees"] is False


def test_sign_off_needs_another_person(analysis: Any, examiner: Any, reviewer: Any) -> None:
    with pytest.raises(ReviewRefused) as refused:
        opine(reviewer, analysis, SIGN_OFF)
    assert refused.value.code == "no_opinion"
    opine(examiner, analysis)
    with pytest.raises(ReviewRefused) as refused:
        opine(examiner, analysis, SIGN_OFF)
    assert refused.value.code == "same_person"
    assert opine(reviewer, analysis, SIGN_OFF).kind == SIGN_OFF


def test_dissent_is_kept_beside_the_sign_off(
    analysis: Any, examiner: Any, reviewer: Any, actor: Any, alice: Any
) -> None:
    opine(examiner, analysis)
    opine(reviewer, analysis, DISSENT)
    opine(actor(alice), analysis, SIGN_OFF)
    kinds = [review.kind for review in selectors.reviews_for(examiner, analysis)]
    assert kinds == [OPINION, DISSENT, SIGN_OFF]


def test_outsiders_do_not_review(analysis: Any, actor: Any, charlie: Any) -> None:
    with pytest.raises(PermissionDenied):
        opine(actor(charlie), analysis)


def test_an_empty_opinion_is_refused(analysis: Any, examiner: Any) -> None:
    with pytest.raises(ReviewRefused) as refused:
        services.add_review(actor=examiner, analysis=analysis, kind=OPINION, text="  ")
    assert refused.value.code == "empty"


def test_an_unfinished_analysis_is_not_reviewed(queued: Any, examiner: Any) -> None:
    with pytest.raises(ReviewRefused) as refused:
        opine(examiner, queued)
    assert refused.value.code == "not_complete"


def test_a_blind_reviewer_sees_no_outcome_before_opining(
    analysis: Any, examiner: Any, reviewer: Any, carol: Any
) -> None:
    opine(examiner, analysis)
    services.request_review(actor=examiner, analysis=analysis, reviewer=carol, blind=True)
    assert Notification.objects.get(recipient=carol).kind == "review_asked"
    assert selectors.is_blinded(reviewer, analysis)
    assert selectors.finding_for(reviewer, analysis) is None
    assert not selectors.artefacts_for(reviewer, analysis).exists()
    assert not selectors.reviews_for(reviewer, analysis).exists()
    assert not selectors.findings_for(reviewer).exists()
    assert not selectors.analyses_for(reviewer).filter(seen_verdict="FAKE").exists()
    assert selectors.analyses_for(examiner).filter(seen_verdict="FAKE").exists()
    assert selectors.finding_for(examiner, analysis) is not None
    with pytest.raises(ReviewRefused) as refused:
        opine(reviewer, analysis, SIGN_OFF)
    assert refused.value.code == "blind"

    assert [request.analysis for request in selectors.review_queue(reviewer)] == [analysis]
    review = opine(reviewer, analysis)
    assert review.blind
    assert not selectors.is_blinded(reviewer, analysis)
    assert selectors.finding_for(reviewer, analysis) is not None
    assert selectors.reviews_for(reviewer, analysis).count() == 2
    assert not selectors.review_queue(reviewer).exists()


def test_a_request_goes_once_to_somebody_who_may_review(
    analysis: Any, examiner: Any, reviewer: Any, carol: Any, charlie: Any
) -> None:
    with pytest.raises(ReviewRefused) as refused:
        services.request_review(actor=examiner, analysis=analysis, reviewer=charlie)
    assert refused.value.code == "not_a_reviewer"
    services.request_review(actor=examiner, analysis=analysis, reviewer=carol)
    with pytest.raises(ReviewRefused) as refused:
        services.request_review(actor=examiner, analysis=analysis, reviewer=carol)
    assert refused.value.code == "asked"
    opine(reviewer, analysis)
    with pytest.raises(ReviewRefused) as refused:
        services.request_review(actor=examiner, analysis=analysis, reviewer=carol, blind=True)
    assert refused.value.code == "not_blind"
