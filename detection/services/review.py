"""Opinions, sign-off and dissent: people's words on an analysis, beside the machine's finding."""

from __future__ import annotations

from accounts.actors import Actor
from accounts.models import User
from detection.models import Analysis, Review, ReviewKind, ReviewRequest


def request_review(
    *, actor: Actor, analysis: Analysis, reviewer: User, blind: bool = False
) -> ReviewRequest:
    """Ask ``reviewer`` for an opinion; a blind one sees no outcome before giving it.

    Raises PermissionDenied (REVIEW, for both people) and ReviewRefused (not_complete, asked).
    """
    raise NotImplementedError


def add_review(
    *,
    actor: Actor,
    analysis: Analysis,
    kind: ReviewKind,
    text: str,
    agrees: bool | None = None,
) -> Review:
    """Record the actor's opinion, sign-off or dissent. Nothing is ever overwritten.

    A sign-off or dissent answers an opinion and must come from another person than every opinion's
    author. Raises PermissionDenied (REVIEW) and ReviewRefused (not_complete, empty, no_opinion,
    same_person).
    """
    raise NotImplementedError
