"""Destruction of an exhibit's bytes: two people, no hold, and a certificate that remains."""

from __future__ import annotations

from accounts.actors import Actor
from cases.models import DestructionCertificate, DestructionRequest, Exhibit


def request_destruction(
    *, actor: Actor, exhibit: Exhibit, reason: str, authority: str
) -> DestructionRequest:
    """Ask for destruction. Raises PermissionDenied, CustodyConflict, InvalidInput."""
    raise NotImplementedError


def approve_destruction(*, actor: Actor, request: DestructionRequest) -> DestructionCertificate:
    """Carry out a request of somebody else. Raises PermissionDenied, CustodyConflict."""
    raise NotImplementedError


def decline_destruction(
    *, actor: Actor, request: DestructionRequest, reason: str
) -> DestructionRequest:
    """Turn a request down. Raises PermissionDenied, CustodyConflict, InvalidInput."""
    raise NotImplementedError
