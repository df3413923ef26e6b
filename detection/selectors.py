"""Every read of the examination room, already restricted to what the actor may see.

``Analysis``, ``Finding``, ``Artefact`` and ``Review`` have ``objects.restrict(actor, action)``;
outcomes are hidden from a person who is asked to review blind. Pages and the API never reach for
``analysis.finding`` directly: they ask ``finding_for`` and ``reviews_for``.
"""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.actors import Actor
from accounts.models import User
from cases.models import Case, Exhibit
from detection.models import (
    Analysis,
    Artefact,
    Finding,
    Notification,
    Review,
    ReviewRequest,
)
from ml.result import AnalysisResult


def analyses_for(
    actor: Actor, *, case: Case | None = None, exhibit: Exhibit | None = None
) -> QuerySet[Analysis]:
    """Analyses the actor may see, newest first, with their exhibit and case."""
    raise NotImplementedError


def analysis_for(actor: Actor, analysis_id: str) -> Analysis:
    """One analysis; Analysis.DoesNotExist for a foreign one just as for an unknown one."""
    raise NotImplementedError


def finding_for(actor: Actor, analysis: Analysis) -> Finding | None:
    """The machine's finding; None when there is none yet or a blind review hides it."""
    raise NotImplementedError


def result_of(finding: Finding) -> AnalysisResult:
    """The full result as the dataclasses of ``ml.result``."""
    return AnalysisResult.from_dict(finding.result)


def artefacts_for(actor: Actor, analysis: Analysis) -> QuerySet[Artefact]:
    """The derived files of an analysis, by time, track and name."""
    raise NotImplementedError


def artefact_for(actor: Actor, artefact_id: str) -> Artefact:
    """One derived file; Artefact.DoesNotExist when foreign, unknown or hidden."""
    raise NotImplementedError


def artefact_bytes(artefact: Artefact) -> bytes:
    """The content, re-hashed on reading; cases.errors.StoreError when missing or changed."""
    raise NotImplementedError


def reviews_for(actor: Actor, analysis: Analysis) -> QuerySet[Review]:
    """Opinions, sign-offs and dissents, oldest first; none while a blind review is open."""
    raise NotImplementedError


def is_blinded(actor: Actor, analysis: Analysis) -> bool:
    """True while the actor owes a blind opinion on this analysis."""
    raise NotImplementedError


def review_queue(actor: Actor) -> QuerySet[ReviewRequest]:
    """Review requests addressed to the actor and not yet answered, oldest first."""
    raise NotImplementedError


def notifications_for(user: User) -> QuerySet[Notification]:
    """The person's lines, newest first."""
    raise NotImplementedError
