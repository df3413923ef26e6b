"""Custody events of exhibits that are in the store."""

from __future__ import annotations

from accounts.actors import Actor
from accounts.models import User
from cases.models import CustodyEvent, Exhibit, Transfer


def record_view(*, actor: Actor, exhibit: Exhibit, purpose: str = "") -> CustodyEvent:
    """Record that the actor looked at the exhibit. Raises PermissionDenied."""
    raise NotImplementedError


def record_analysis(
    *, actor: Actor, exhibit: Exhibit, purpose: str, sha256_before: str, sha256_after: str
) -> CustodyEvent:
    """Record that an analysis read the exhibit, with the hashes it measured."""
    raise NotImplementedError


def record_export(*, actor: Actor, exhibit: Exhibit, purpose: str) -> CustodyEvent:
    """Record that the exhibit left in an export. Raises PermissionDenied."""
    raise NotImplementedError


def record_return(
    *, actor: Actor, exhibit: Exhibit, returned_to: str, purpose: str, authority: str = ""
) -> CustodyEvent:
    """Record that the source item was given back. Raises PermissionDenied, InvalidInput."""
    raise NotImplementedError


def offer_transfer(*, actor: Actor, exhibit: Exhibit, receiver: User, purpose: str) -> Transfer:
    """Offer custody to another member; nothing moves until the receiver accepts.

    Raises PermissionDenied, CustodyConflict, InvalidInput.
    """
    raise NotImplementedError


def accept_transfer(*, actor: Actor, transfer: Transfer) -> Transfer:
    """Accept custody offered to the actor. Raises PermissionDenied, CustodyConflict."""
    raise NotImplementedError


def decline_transfer(*, actor: Actor, transfer: Transfer, reason: str) -> Transfer:
    """Decline custody offered to the actor. Raises PermissionDenied, CustodyConflict."""
    raise NotImplementedError
