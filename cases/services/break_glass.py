"""Emergency access of administrators to a case, with reason, time limit and alert."""

from __future__ import annotations

from accounts.actors import Actor
from cases.models import BreakGlass, Case


def open_break_glass(*, actor: Actor, case: Case, reason: str, hours: int = 1) -> BreakGlass:
    """Give an administrator access for 1 to 24 hours; managers and auditors are alerted.

    Raises PermissionDenied, InvalidInput.
    """
    raise NotImplementedError


def end_break_glass(*, actor: Actor, access: BreakGlass) -> BreakGlass:
    """End emergency access before its time. Raises PermissionDenied."""
    raise NotImplementedError
