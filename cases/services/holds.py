"""Legal holds: one row per matter; while any is open, nothing under it is destroyed."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actors import Actor
from audit.actions import Action
from audit.services import append
from audit.transactions import audited
from cases.errors import CustodyConflict, InvalidInput
from cases.models import Case, Exhibit, LegalHold
from cases.permissions import CaseAction, require, require_person
from cases.stamps import text_sha256
from cases.validation import required_text


def place_hold(
    *, actor: Actor, case: Case, matter: str, reason: str, exhibit: Exhibit | None = None
) -> LegalHold:
    """Forbid destruction in the case, or of one exhibit, for a matter.

    A closed case can be held too. Raises PermissionDenied, InvalidInput.
    """
    require(actor, case, CaseAction.MANAGE)
    matter = required_text(matter, "matter", limit=200)
    reason = required_text(reason, "reason")
    if exhibit is not None and exhibit.case_id != case.pk:
        raise InvalidInput("exhibit", _("The exhibit named belongs to another case."))
    with audited():
        # Destruction locks the same row: a hold is either seen by it or placed after it.
        Case.objects.select_for_update().get(pk=case.pk)
        hold: LegalHold = LegalHold.objects.create(
            case=case, exhibit=exhibit, matter=matter, reason=reason, placed_by_label=actor.label
        )
        append(
            actor=actor,
            action=Action.HOLD_PLACED,
            subject=hold,
            case_id=case.pk,
            payload={
                "exhibit": exhibit.number if exhibit else None,
                "matter_sha256": text_sha256(matter),
                "reason_sha256": text_sha256(reason),
            },
        )
    return hold


def release_hold(*, actor: Actor, hold: LegalHold, reason: str) -> LegalHold:
    """Release one hold; its row stays. An act of a person: it lets evidence be destroyed.

    Raises PermissionDenied, CustodyConflict, InvalidInput.
    """
    require_person(actor, hold.case, CaseAction.MANAGE)
    reason = required_text(reason, "reason")
    with audited():
        hold = LegalHold.objects.select_for_update().get(pk=hold.pk)
        if hold.released_at is not None:
            raise CustodyConflict("released", _("This hold was released already."))
        hold.released_at = timezone.now()
        hold.released_by_label = actor.label
        hold.release_reason = reason
        hold.save(update_fields=["released_at", "released_by_label", "release_reason"])
        append(
            actor=actor,
            action=Action.HOLD_RELEASED,
            subject=hold,
            case_id=hold.case_id,
            payload={"reason_sha256": text_sha256(reason)},
        )
    return hold


def open_holds(exhibit: Exhibit) -> QuerySet[LegalHold]:
    """Every hold that forbids the destruction of the exhibit now."""
    covering = Q(exhibit__isnull=True) | Q(exhibit=exhibit)
    holds: QuerySet[LegalHold] = LegalHold.objects.filter(
        covering, case_id=exhibit.case_id, released_at__isnull=True
    )
    return holds
