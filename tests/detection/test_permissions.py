"""Every role against every act of the examination room, in its own and in a foreign case."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts.actors import Actor, anonymous_actor, api_key_actor, user_actor
from accounts.models import ApiKey, User
from accounts.scopes import Scope
from accounts.services import create_api_key
from audit.models import AuditEvent
from cases import services as cases
from cases.models import Case
from detection import selectors, services
from detection.lineage import lineage
from detection.models import Analysis, Finding, Review, ReviewKind

ROLES = ("manager", "examiner", "reviewer", "viewer", "intake")
OTHERS = ("outsider", "administrator", "auditor", "anonymous")

READERS = {"manager", "examiner", "reviewer", "viewer", "auditor"}
ANALYSTS = {"manager", "examiner"}
REVIEWERS = {"manager", "examiner", "reviewer"}


@pytest.fixture
def people(case: Case, alice: User) -> dict[str, Actor]:
    """One actor for every role; Alice stays a manager beside them."""
    actors = {"anonymous": anonymous_actor()}
    for role in (*ROLES, "outsider"):
        person = User.objects.create_user(f"the-{role}")
        actors[role] = user_actor(person)
        if role != "outsider":
            cases.add_member(actor=user_actor(alice), case=case, user=person, role=role)
    for site_role in ("administrator", "auditor"):
        person = User.objects.create_user(f"the-{site_role}", site_role=site_role)
        actors[site_role] = user_actor(person)
    return actors


Act = Callable[[Actor, Finding], object]

WRITES: dict[str, tuple[set[str], Act]] = {
    "submit": (
        ANALYSTS,
        lambda actor, finding: services.submit_analysis(
            actor=actor, exhibit=finding.analysis.exhibit
        ),
    ),
    "rerun": (
        ANALYSTS,
        lambda actor, finding: services.rerun_analysis(actor=actor, analysis=finding.analysis),
    ),
    "cancel": (
        ANALYSTS,
        lambda actor, finding: services.cancel_analysis(actor=actor, analysis=_queued(finding)),
    ),
    "view": (
        READERS,
        lambda actor, finding: services.record_view(actor=actor, analysis=finding.analysis),
    ),
    "opinion": (
        REVIEWERS,
        lambda actor, finding: services.add_review(
            actor=actor, analysis=finding.analysis, kind=ReviewKind.OPINION, text="Seen."
        ),
    ),
    "ask for review": (
        REVIEWERS,
        lambda actor, finding: services.request_review(
            actor=actor,
            analysis=finding.analysis,
            reviewer=User.objects.get(username="alice"),
        ),
    ),
}


def _queued(finding: Finding) -> Analysis:
    examiner = user_actor(User.objects.get(username="alice"))
    return services.submit_analysis(actor=examiner, exhibit=finding.analysis.exhibit)


@pytest.mark.parametrize("role", [*ROLES, *OTHERS])
@pytest.mark.parametrize("act", WRITES)
def test_writes(people: dict[str, Actor], finding: Finding, act: str, role: str) -> None:
    may, perform = WRITES[act]
    if role in may:
        perform(people[role], finding)
        return
    refusals = AuditEvent.objects.filter(action="permission.denied").count()
    with pytest.raises(PermissionDenied):
        perform(people[role], finding)
    assert AuditEvent.objects.filter(action="permission.denied").count() == refusals + 1


@pytest.mark.parametrize("role", [*ROLES, *OTHERS])
def test_reads(people: dict[str, Actor], finding: Finding, examiner: Actor, role: str) -> None:
    services.add_review(
        actor=examiner, analysis=finding.analysis, kind=ReviewKind.OPINION, text="Seen."
    )
    actor, seen = people[role], int(role in READERS)
    analysis = finding.analysis
    assert selectors.analyses_for(actor).count() == seen
    assert selectors.findings_for(actor).count() == seen
    assert selectors.artefacts_for(actor, analysis).count() == seen
    assert selectors.reviews_for(actor, analysis).count() == seen
    assert len(lineage(actor, analysis).children) == seen


def test_a_key_needs_its_scope_and_never_reviews(case: Case, bob: User, finding: Finding) -> None:
    def key(*scopes: Scope) -> Actor:
        made, _ = create_api_key(
            actor=user_actor(bob),
            owner=bob,
            name="integration",
            scopes=list(scopes),
            expires_at=timezone.now() + timedelta(days=1),
        )
        return api_key_actor(ApiKey.objects.get(pk=made.pk))

    reader, runner = key(Scope.ANALYSIS_READ), key(Scope.ANALYSIS_RUN)
    assert selectors.findings_for(reader).count() == 1
    assert selectors.findings_for(runner).count() == 0
    services.submit_analysis(actor=runner, exhibit=finding.analysis.exhibit)
    with pytest.raises(PermissionDenied):
        services.submit_analysis(actor=reader, exhibit=finding.analysis.exhibit)
    every = key(*Scope)
    with pytest.raises(PermissionDenied):
        services.add_review(
            actor=every, analysis=finding.analysis, kind=ReviewKind.OPINION, text="Seen."
        )
    assert not Review.objects.exists()


def test_a_foreign_case_stays_closed(finding: Finding, charlie: User) -> None:
    """Charlie manages a case of his own; that opens nothing of Alice's."""
    owner: Any = user_actor(charlie)
    cases.create_case(actor=owner, title="Another matter")
    assert not selectors.analyses_for(owner).exists()
    with pytest.raises(PermissionDenied):
        services.submit_analysis(actor=owner, exhibit=finding.analysis.exhibit)
    with pytest.raises(PermissionDenied):
        services.record_view(actor=owner, analysis=finding.analysis)
