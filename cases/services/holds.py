"""Legal holds: one row per matter; while any is open, nothing under it is destroyed."""

from __future__ import annotations

from accounts.actors import Actor
from cases.models import Case, Exhibit, LegalHold


def place_hold(
    *, actor: Actor, case: Case, matter: str, reason: str, exhibit: Exhibit | None = None
) -> LegalHold:
    """Forbid destruction in the case, or of one exhibit, for a matter.

    Raises PermissionDenied, InvalidInput.
    """
    raise NotImplementedError


def release_hold(*, actor: Actor, hold: LegalHold, reason: str) -> LegalHold:
    """Release one hold; its row stays. Raises PermissionDenied, CustodyConflict, InvalidInput."""
    raise NotImplementedError
